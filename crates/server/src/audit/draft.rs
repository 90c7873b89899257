//! A record that grows with its call, and is written when that is answered.

use serde::Serialize;
use serde_json::Value;
use sluice_wire::{AwsError, Call, iso_8601};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::bounds::{ERROR_CHARS_MAX, NAME_CHARS_MAX, REGION_CHARS_MAX, USER_AGENT_CHARS_MAX, cut};
use super::category::{self, EventCategory};
use super::hidden::shown;
use super::log::{AuditLog, Message, Queued};
use super::record::{Record, RecordedResource, TlsDetails};
use super::user_identity::UserIdentity;
use crate::gateway::Caller;
use crate::identities::is_account_id;
use crate::services::{Context, Origin, Target};

/// What is known of a call before anybody looks at its signature.
pub(crate) struct Subject<'a> {
    /// The call.
    pub(crate) call: &'a Call,
    /// Of its operation.
    pub(crate) category: EventCategory,
    /// Id of the request.
    pub(crate) request_id: &'a str,
    /// Where it came from.
    pub(crate) origin: Origin,
    /// The `Host` header.
    pub(crate) host: Option<&'a str>,
    /// The access key id that it claims to be signed with.
    pub(crate) access_key_id: Option<&'a str>,
    /// The configured account.
    pub(crate) account: &'a str,
    /// The configured region.
    pub(crate) region: &'a str,
    /// Now, epoch milliseconds.
    pub(crate) now_ms: u64,
}

/// A record that is not written yet. One that is dropped unfinished is written all the same: its call may have had its
/// effect before its client went away.
pub(crate) struct Draft {
    log: AuditLog,
    category: EventCategory,
    /// Gone when the record is on its way.
    record: Option<Box<Record>>,
}

impl Draft {
    /// Begins a record of a call by nobody knows whom.
    pub(crate) fn new(log: &AuditLog, subject: Subject<'_>) -> Box<Self> {
        let Subject { call, origin, .. } = subject;
        let mut record = Record {
            event_version: Record::VERSION,
            user_identity: UserIdentity::unknown(subject.access_key_id),
            event_time: iso_8601(subject.now_ms / 1_000),
            event_source: format!("{}.amazonaws.com", call.service.name),
            event_name: cut(&call.operation, NAME_CHARS_MAX),
            aws_region: subject.region.to_owned(),
            source_ip_address: origin.address,
            user_agent: origin.user_agent.map(|agent| cut(&agent, USER_AGENT_CHARS_MAX).into()),
            error_code: None,
            error_message: None,
            request_parameters: Value::Null,
            response_elements: Value::Null,
            additional_event_data: None,
            request_id: subject.request_id.to_owned(),
            event_id: Uuid::new_v4().to_string(),
            read_only: category::is_read_only(&call.operation),
            resources: Vec::new(),
            event_type: Record::API_CALL,
            management_event: false,
            recipient_account_id: subject.account.to_owned(),
            vpc_endpoint_id: origin.endpoint.as_ref().map(|endpoint| endpoint.id.clone()),
            vpc_endpoint_account_id: origin.endpoint.map(|endpoint| endpoint.account.clone()),
            event_category: "",
            tls_details: None,
        };
        record.categorise(subject.category);
        if origin.is_secure {
            record.tls_details = Some(TlsDetails::new(origin.agreed, subject.host));
        }
        let record = Some(Box::new(record));
        Box::new(Self { log: log.clone(), category: subject.category, record })
    }

    /// Whether the call may go on.
    pub(crate) fn is_admitted(&self) -> bool {
        self.log.admits()
    }

    /// Notes who calls, now that it is known, and what with: what others send is not worth the space.
    pub(crate) fn called_by(&mut self, context: &Context, call: &Call) {
        let Some(record) = &mut self.record else { return };
        let identity = &context.identity;
        record.user_identity = UserIdentity::of(identity);
        record.aws_region = cut(&context.region, REGION_CHARS_MAX);
        record.recipient_account_id = identity.account.to_string();
        if let Caller::Claimed(_) = identity.caller {
            record.add("credentials", "NotVerified");
        }
        let parameters = call.parameters().ok();
        let parameters = parameters.and_then(|parameters| serde_json::to_value(parameters).ok());
        record.request_parameters = parameters.map_or(Value::Null, shown);
    }

    /// Notes what the call acts on.
    pub(crate) fn acts_on(&mut self, target: &Target) {
        let Some(record) = &mut self.record else { return };
        record.resources.push(RecordedResource::new(&target.account, &target.arn));
        if is_account_id(&target.account) {
            record.recipient_account_id.clone_from(&target.account);
        }
    }

    /// Notes the output.
    pub(crate) fn answers(&mut self, output: &impl Serialize) {
        let Some(record) = &mut self.record else { return };
        if !category::shows_answer(&record.event_name) {
            return;
        }
        let output = serde_json::to_value(output).unwrap_or_default();
        let has_members = output.as_object().is_some_and(|members| !members.is_empty());
        record.response_elements = if has_members { shown(output) } else { Value::Null };
    }

    /// Notes an error. What strangers sent to get it is not worth the space either.
    pub(crate) fn fails(&mut self, error: &AwsError) {
        let Some(record) = &mut self.record else { return };
        record.error_code = Some(error.shape().query_code);
        record.error_message = Some(cut(error.message(), ERROR_CHARS_MAX));
        record.response_elements = Value::Null;
        if record.user_identity.is_anonymous() {
            record.request_parameters = Value::Null;
        }
    }

    /// Forgets the record: its call was refused before it began, and is counted as such.
    pub(crate) fn discard(&mut self) {
        self.record = None;
    }

    /// Whether it has to be written, now that it is known what the call acted on.
    fn is_wanted(&self) -> bool {
        self.record.as_ref().is_some_and(|record| self.log.wants(self.category, record))
    }

    /// Writes the record. That of a management event is durable when this returns, or counted as lost.
    pub(crate) async fn finish(mut self: Box<Self>) {
        if !self.is_wanted() {
            self.record = None;
            return;
        }
        let log = self.log.clone();
        let Some(room) = log.room().await else { return };
        let Some(mut record) = self.record.take() else { return };
        let (written, done) = match self.category {
            EventCategory::Management => {
                let (written, done) = oneshot::channel();
                (Some(written), Some(done))
            }
            EventCategory::Data => (None, None),
        };
        let (category, record) = (self.category, record.bounded_json());
        room.send(Message::Record(Queued { category, record, written }));
        if let Some(done) = done {
            // The writer counts what it cannot write.
            drop(done.await);
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_wanted() {
            return;
        }
        if let Some(mut record) = self.record.take() {
            record.add("answer", "NotSent");
            let (category, record) = (self.category, record.bounded_json());
            self.log.put(Queued { category, record, written: None });
        }
    }
}
