//! Settings of a running server, already validated. The command line fills them in.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::VirtualClock;
use crate::encryption::MasterKey;
use crate::identities::Secret;
use crate::services::sqs::Limits;
use crate::services::sqs::declared_queues::DeclaredQueue;
use crate::services::{Extensions, Switch};

mod listener;

pub use listener::{
    EndpointPolicy, ListenAddress, ListenerConfig, Network, NoNetwork, VpcEndpoint,
};

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `dev`: any credentials, also none.
    Anyone,
    /// `serve` without `auth`: any credentials, but the listener must be on loopback.
    LoopbackOnly,
    /// Whoever signs with an access key of this server.
    Verified,
}

/// The access key of an account's root, chosen by who runs the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCredentials {
    /// 12-digit id of its account, if it is not [`Config::account`].
    pub account: Option<String>,
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret: Secret,
}

/// How many requests may be made in a second; without a number, as many as come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestRates {
    /// With one access key.
    pub per_key: Option<NonZeroU32>,
    /// From one address, or 64 bits of an IPv6 address; counted before a signature is verified.
    pub per_address: Option<NonZeroU32>,
}

/// Settings of one server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory of the store; created when absent.
    pub data_dir: PathBuf,
    /// The listener that every server has.
    pub listener: ListenerConfig,
    /// Further ones.
    pub further_listeners: Vec<ListenerConfig>,
    /// Who may call.
    pub access: Access,
    /// Access keys of the roots of accounts. Without one for [`Config::account`], a key is made when there is none.
    pub root_credentials: Vec<RootCredentials>,
    /// How many requests may be made.
    pub request_rates: RequestRates,
    /// The key on which encryption at rest hangs; without it, nothing is encrypted.
    pub master_key: Option<MasterKey>,
    /// The one that [`Config::master_key`] replaces, if the data directory still has it.
    pub previous_master_key: Option<MasterKey>,
    /// Whether there are KMS keys without a master key as well, in `dev`: whoever has the data directory has the keys then.
    pub keys_without_master_key: Switch,
    /// Region of requests without credential scope, and of queues whose URL has no region.
    pub region: String,
    /// Account of callers whose access key is not a 12-digit account id.
    pub account: String,
    /// Fixes scheme, host and port of queue URLs; otherwise the request's `Host` is used.
    pub public_url: Option<String>,
    /// Behaviour beyond SQS.
    pub extensions: Extensions,
    /// The clock by which queues and messages live, if it is not that of the system; it goes on when a server is started
    /// anew with the same settings.
    pub virtual_clock: Option<Arc<VirtualClock>>,
    /// The admin API, which resets everything and sets the clock.
    pub admin: Switch,
    /// Where calls are recorded, if they are.
    pub audit: Option<AuditConfig>,
    /// Queues that are created at the start where they are missing.
    pub declared_queues: Vec<DeclaredQueue>,
    /// Number of shards of a new data directory.
    pub shards: u16,
    /// Messages in flight per queue.
    pub in_flight_max: u32,
    /// Bounds on HTTP.
    pub http: HttpLimits,
    /// Bounds on memory and disk of the store.
    pub store: StoreLimits,
}

/// Settings of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditConfig {
    /// Directory of its files; created when absent.
    pub directory: PathBuf,
    /// Whether data events are recorded, too.
    pub data_events: Switch,
    /// What becomes of calls that cannot be recorded.
    pub when_full: WhenFull,
    /// A file that is larger is finished.
    pub file_bytes_max: u64,
    /// A file that is older is finished.
    pub file_age_max: Duration,
}

/// What becomes of calls that cannot be recorded, because the disk is too slow for them or full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// They wait for a slow disk. When the disk is full or fails they are answered, and a later record says how many are
    /// missing.
    Wait,
    /// They are refused before they have any effect.
    Refuse,
}

/// Whether proxy headers are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// A trusted proxy sets them.
    Trusted,
    /// They are ignored.
    Ignored,
}

/// Bounds on connections and requests.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Largest request body, bytes, before and after decompression.
    pub body_bytes_max: usize,
    /// Time for a client to send its request head.
    pub head_timeout: Duration,
    /// Time for a client to send its request body.
    pub body_timeout: Duration,
    /// Connections open at once.
    pub connections_max: usize,
    /// Time that a drain waits for requests in flight.
    pub drain_timeout: Duration,
}

/// Bounds on the store.
#[derive(Debug, Clone)]
pub struct StoreLimits {
    /// Shared block cache, bytes.
    pub block_cache_bytes: usize,
    /// Memory tables, bytes.
    pub write_buffer_bytes: usize,
    /// Sends are refused when less than this is free on the disk, bytes.
    pub reserve_bytes: u64,
}

impl Config {
    /// All listeners, the one that every server has first.
    pub fn listeners(&self) -> impl Iterator<Item = &ListenerConfig> {
        std::iter::once(&self.listener).chain(&self.further_listeners)
    }

    /// Fixes where the listeners listen, in the order of [`Config::listeners`]: a server that is started anew listens where its
    /// predecessor did, at ports that were picked.
    pub fn listen_at(&mut self, addresses: &[ListenAddress]) {
        let listeners = std::iter::once(&mut self.listener).chain(&mut self.further_listeners);
        for (listener, address) in listeners.zip(addresses) {
            listener.address = address.clone();
        }
    }

    /// Settings of a small server for tests on a free port of this machine, which anyone may call.
    pub fn small(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            listener: ListenerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0))),
            further_listeners: Vec::new(),
            access: Access::Anyone,
            root_credentials: Vec::new(),
            request_rates: RequestRates::default(),
            master_key: None,
            previous_master_key: None,
            keys_without_master_key: Switch::On,
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            public_url: None,
            extensions: Extensions {
                peek: Switch::Off,
                create_queues_on_use: Switch::Off,
                sqs_limits: Limits::SQS,
            },
            virtual_clock: None,
            admin: Switch::On,
            audit: None,
            declared_queues: Vec::new(),
            shards: 2,
            in_flight_max: 120_000,
            http: HttpLimits {
                body_bytes_max: 2 * 1024 * 1024,
                head_timeout: Duration::from_secs(10),
                body_timeout: Duration::from_secs(10),
                connections_max: 4096,
                drain_timeout: Duration::from_secs(10),
            },
            store: StoreLimits {
                block_cache_bytes: 8 << 20,
                write_buffer_bytes: 8 << 20,
                reserve_bytes: 0,
            },
        }
    }
}
