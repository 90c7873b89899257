//! What a queue is: its name, its attributes and tags, and where its partitions live.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names a queue. The same name in two regions or accounts is two queues (design §6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueueKey {
    /// 12-digit account id of the owner.
    pub account: String,
    /// AWS region name, for example `us-east-1`.
    pub region: String,
    /// Queue name, including `.fifo` where it applies.
    pub name: String,
}

impl QueueKey {
    /// Amazon resource name: `arn:aws:sqs:<region>:<account>:<name>`.
    pub fn arn(&self) -> String {
        format!("arn:aws:sqs:{}:{}:{}", self.region, self.account, self.name)
    }

    /// Reads `arn:<partition>:sqs:<region>:<account>:<name>`; `None` when it names no queue.
    pub fn from_arn(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "sqs", region, account, name] = parts[..] else {
            return None;
        };
        if [partition, region, account, name].iter().any(|part| part.is_empty()) {
            return None;
        }
        let [account, region, name] = [account, region, name].map(str::to_owned);
        Some(Self { account, region, name })
    }
}

/// Standard or FIFO; fixed when the queue is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueueKind {
    /// At-least-once, best-effort order.
    Standard,
    /// Ordered by message group, deduplicated.
    Fifo,
}

/// Every settable attribute of contract §3.1, parsed and validated. Optional ones are absent until set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueAttributes {
    /// `VisibilityTimeout`, 0 to 43,200 s.
    pub visibility_timeout_secs: u32,
    /// `DelaySeconds`, 0 to 900 s.
    pub delay_secs: u32,
    /// `MaximumMessageSize`, 1,024 to 1,048,576 bytes.
    pub message_bytes_max: u32,
    /// `MessageRetentionPeriod`, 60 to 1,209,600 s.
    pub retention_secs: u32,
    /// `ReceiveMessageWaitTimeSeconds`, 0 to 20 s.
    pub receive_wait_secs: u32,
    /// `Policy`: JSON text as it is returned.
    pub policy: Option<String>,
    /// `RedrivePolicy`
    pub redrive_policy: Option<Redrive>,
    /// `RedriveAllowPolicy` in canonical form.
    pub redrive_allow_policy: Option<String>,
    /// `KmsMasterKeyId`: id, ARN or alias, not validated until used.
    pub kms_master_key_id: Option<String>,
    /// `KmsDataKeyReusePeriodSeconds`, 60 to 86,400 s; reported only together with a key.
    pub kms_data_key_reuse_secs: Option<u32>,
    /// `SqsManagedSseEnabled`.
    pub is_sqs_managed_sse_enabled: bool,
    /// `ContentBasedDeduplication`, FIFO only.
    pub is_content_based_deduplication: bool,
    /// `DeduplicationScope`, FIFO only: `queue` or `messageGroup`.
    pub deduplication_scope: DeduplicationScope,
    /// `FifoThroughputLimit`, FIFO only: `perQueue` or `perMessageGroupId`.
    pub fifo_throughput_limit: FifoThroughputLimit,
}

/// The defaults of contract §3.1.
impl Default for QueueAttributes {
    fn default() -> Self {
        Self {
            visibility_timeout_secs: 30,
            delay_secs: 0,
            message_bytes_max: 1_048_576,
            retention_secs: 345_600,
            receive_wait_secs: 0,
            policy: None,
            redrive_policy: None,
            redrive_allow_policy: None,
            kms_master_key_id: None,
            kms_data_key_reuse_secs: None,
            is_sqs_managed_sse_enabled: true,
            is_content_based_deduplication: false,
            deduplication_scope: DeduplicationScope::Queue,
            fifo_throughput_limit: FifoThroughputLimit::PerQueue,
        }
    }
}

/// After how many receives a message moves, and where to (contract §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    /// `deadLetterTargetArn`; the queue may have been deleted since.
    pub target: QueueKey,
    /// `maxReceiveCount`, 1 to 1,000.
    pub receives_max: u32,
}

/// `DeduplicationScope` of a FIFO queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeduplicationScope {
    /// `queue`
    Queue,
    /// `messageGroup`
    MessageGroup,
}

/// `FifoThroughputLimit` of a FIFO queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FifoThroughputLimit {
    /// `perQueue`
    PerQueue,
    /// `perMessageGroupId`
    PerMessageGroupId,
}

/// Where one partition of a queue lives. Partition ids are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionPlace {
    /// Identifies the partition across the whole server.
    pub partition: u64,
    /// The shard that owns it.
    pub shard: u16,
}

/// A queue as the catalog keeps it; shared and immutable, replaced as a whole on change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Account, region and name.
    pub key: QueueKey,
    /// Standard or FIFO.
    pub kind: QueueKind,
    /// Attributes as last set.
    pub attributes: QueueAttributes,
    /// Cost allocation tags.
    pub tags: BTreeMap<String, String>,
    /// Creation time, epoch milliseconds.
    pub created_at_ms: u64,
    /// Last change of an attribute, epoch milliseconds.
    pub modified_at_ms: u64,
    /// Time of the last `PurgeQueue`, epoch milliseconds.
    pub purged_at_ms: Option<u64>,
    /// `DeduplicationScope` as it was when the queue was created: what counts, whatever is set later (contract §3.1).
    pub deduplicates_by: DeduplicationScope,
    /// Partitions, at least one. Assigned by the catalog; empty in a queue that is about to be created.
    pub partitions: Vec<PartitionPlace>,
    /// Not stored.
    #[serde(skip)]
    pub derived: Derived,
}

impl Queue {
    /// Whether its dead letters go to `target`.
    pub fn is_source_of(&self, target: &QueueKey) -> bool {
        self.attributes.redrive_policy.as_ref().is_some_and(|redrive| redrive.target == *target)
    }
}

/// What the catalog knows of a queue beyond what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Derived {
    /// Rises with every change of the queue or of its dead-letter queue, so that a shard can tell newer settings from
    /// older ones.
    pub(super) version: u64,
    /// First partition of its dead-letter queue, if that exists.
    pub(super) dead_letters: Option<u64>,
}
