//! One request from its head to its answer.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use governor::clock::DefaultClock;
use http::header::{HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use sluice_store::Store;
use sluice_wire::{AwsError, Call, Credential, Rejection, ServiceModel, decoded_body, route};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::audit::{AuditLog, Availability, Draft, EventCategory, Subject};
use crate::broker::Broker;
use crate::clock::{self, Clock, SystemClock};
use crate::config::{Config, ListenerConfig};
use crate::http::{
    Arrival, BodyBudget, BodyError, BodyShare, Bound, Limits, ReadBody, Respond, UnreadBody,
    read_body,
};
use crate::identities::Identities;
use crate::keys::Keys;
use crate::metrics::{Metrics, Outcome};
use crate::services::{Context, OperationEntry, SERVICES};

use super::admin;
use super::authorisation::Authoriser;
use super::base_url::base_url;
use super::failure;
use super::identity::{Authenticator, Claim};
use super::origin;
use super::panic::caught;
use super::rates::Rates;
use super::status::{self, Answers, Endpoint, Readiness};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Answers every request of one server.
pub(crate) struct Gateway {
    /// Settings.
    pub(crate) config: Config,
    /// Queues and messages.
    pub(crate) broker: Broker,
    /// Who exists.
    pub(crate) identities: Identities,
    /// KMS keys.
    pub(crate) keys: Keys,
    /// Who calls.
    pub(crate) authenticator: Authenticator,
    /// Who called what, if that is recorded.
    pub(crate) audit: Option<AuditLog>,
    /// Whether they may.
    pub(crate) authoriser: Arc<Authoriser>,
    /// How many requests each may make.
    pub(crate) rates: Rates<DefaultClock>,
    /// Asked for its health and its metrics only.
    pub(crate) store: Arc<dyn Store>,
    /// Time of day.
    pub(crate) clock: Arc<dyn Clock>,
    /// Counters.
    pub(crate) metrics: Arc<Metrics>,
    /// Bounds on request bodies.
    pub(crate) limits: Limits,
    /// Memory for request bodies.
    pub(crate) bodies: BodyBudget,
    /// Bounds how many look at the metrics at once.
    pub(crate) scrapes: Semaphore,
    /// Where the server listens, by the number of the listener, with the ports that were picked.
    pub(crate) listeners: Vec<ListenerConfig>,
    /// Cancelled when the server drains.
    pub(crate) drain: CancellationToken,
    /// [`Config::region`], shared.
    pub(crate) default_region: Arc<str>,
    /// The models of [`SERVICES`].
    pub(crate) models: Vec<&'static ServiceModel>,
}

/// A request that was read, as its operation needs it. In a box: a long poll keeps it once, not in each future around it.
struct Accepted {
    call: Call,
    context: Context,
    entry: &'static OperationEntry,
    /// If it is recorded.
    audited: Option<Box<Draft>>,
    /// Memory for what its operation makes of the body.
    _body: BodyShare,
}

/// An answer and what is counted of it.
struct Answered {
    response: Response<Bytes>,
    service: &'static str,
    operation: &'static str,
    code: &'static str,
}

impl Respond for Gateway {
    async fn respond(&self, request: Box<Request<Incoming>>, arrival: Arrival) -> Response<Bytes> {
        let request_id = Uuid::new_v4().to_string();
        let path = request.uri().path();
        // In boxes of their own: a long poll should not have to make room for them.
        let mut response = match Endpoint::at(path) {
            Some(endpoint) => Box::pin(status::answer(self, endpoint, request.method())).await,
            None if admin::is_admin(path) => Box::pin(admin::answer(self, request)).await,
            None => self.api(request, &request_id, arrival).await,
        };
        // The wire crate has set it already, other endpoints have not.
        if !response.headers().contains_key(REQUEST_ID)
            && let Ok(value) = HeaderValue::from_str(&request_id)
        {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }

    fn note_refused(&self, bound: Bound) {
        self.metrics.requests.refused(bound);
    }

    fn refused_response(&self, bound: Bound) -> Response<Bytes> {
        self.note_refused(bound);
        status::unavailable(&failure::too_many(bound))
    }
}

impl Gateway {
    /// Whether the server can do its work.
    pub(super) fn readiness(&self) -> Readiness {
        if self.drain.is_cancelled() {
            Readiness::Draining
        } else if !self.broker.is_healthy() || self.store.stats().is_lost {
            Readiness::Failed
        } else {
            let availability = self.audit.as_ref().map(AuditLog::availability);
            match (self.broker.stall(clock::instant()), availability) {
                (Some(stall), _) => Readiness::Stalled(stall),
                (None, Some(Availability::Refusing)) => Readiness::Unaudited(Answers::Refused),
                (None, Some(Availability::Losing)) => Readiness::Unaudited(Answers::Given),
                (None, Some(Availability::Good) | None) => Readiness::Ready,
            }
        }
    }

    async fn api(
        &self,
        request: Box<Request<Incoming>>,
        request_id: &str,
        arrival: Arrival,
    ) -> Response<Bytes> {
        let started = clock::instant();
        let answered = match Box::pin(self.accepted(request, request_id, arrival)).await {
            Ok(accepted) => self.serve(accepted, request_id).await,
            Err(answered) => answered,
        };
        let outcome = Outcome {
            service: answered.service,
            operation: answered.operation,
            status: answered.response.status().as_u16(),
            code: answered.code,
        };
        self.metrics.requests.answered(outcome, clock::instant().duration_since(started));
        answered.response
    }

    /// Reads a request. Its head is gone afterwards: a long poll needs none of it, but for what is in the context.
    async fn accepted(
        &self,
        request: Box<Request<Incoming>>,
        request_id: &str,
        arrival: Arrival,
    ) -> Result<Box<Accepted>, Answered> {
        let (parts, body) = request.into_parts();
        let reading = pin!(self.read(&parts, body, request_id, arrival));
        match caught(reading).await {
            Ok(read) => read,
            Err(panic) => Err(self.refuse_unread(&parts, bug(&panic), request_id)),
        }
    }

    async fn read(
        &self,
        parts: &Parts,
        body: Incoming,
        request_id: &str,
        arrival: Arrival,
    ) -> Result<Box<Accepted>, Answered> {
        if let Some(bound) = arrival.refusal {
            self.note_refused(bound);
            return Err(self.refuse_unread(parts, failure::too_many(bound), request_id));
        }
        let address = || origin::address(self.listener(arrival), &parts.headers, arrival);
        self.rates.count_address(address).map_err(|bound| {
            self.note_refused(bound);
            self.refuse_unread(parts, failure::too_many(bound), request_id)
        })?;
        let body = read_body(body, &self.bodies, &self.limits)
            .await
            .map_err(|error| self.refuse_unread(parts, self.unread_body(&error), request_id))?;
        let received = body.bytes.clone();
        let body =
            self.decode(parts, body).map_err(|error| self.refuse(parts, error, request_id))?;
        let (bytes, share) = body.into_parts();
        let call = route(parts, &bytes, &self.models)
            .map_err(|rejection| rejected(&rejection, request_id))?;
        let entry = operation(&call);
        let mut audited = self.draft(parts, arrival, &call, entry, request_id);
        match self.context(parts, &received, arrival, &call, entry) {
            Ok((context, entry)) => {
                if let Some(draft) = &mut audited {
                    draft.called_by(&context, &call);
                }
                Ok(Box::new(Accepted { call, context, entry, audited, _body: share }))
            }
            Err(error) => {
                finish(audited, Err(&error)).await;
                Err(failed(&call, entry, &error, request_id))
            }
        }
    }

    /// Where a request came in.
    fn listener(&self, arrival: Arrival) -> &ListenerConfig {
        &self.listeners[arrival.listener]
    }

    /// Begins the record of a call, if it is one that is recorded.
    fn draft(
        &self,
        parts: &Parts,
        arrival: Arrival,
        call: &Call,
        entry: Option<&OperationEntry>,
        request_id: &str,
    ) -> Option<Box<Draft>> {
        let log = self.audit.as_ref()?;
        let category = entry.map_or(EventCategory::Management, |entry| entry.event_category);
        if !log.selects(category) {
            return None;
        }
        let credential = Credential::from_parts(parts).ok().flatten();
        let subject = Subject {
            call,
            category,
            request_id,
            origin: origin::of(self.listener(arrival), parts, arrival),
            host: parts.headers.get(HOST).and_then(|host| host.to_str().ok()),
            access_key_id: credential.as_ref().map(|credential| &*credential.access_key_id),
            account: &self.config.account,
            region: &self.config.region,
            now_ms: self.clock.now_ms(),
        };
        Some(Draft::new(log, subject))
    }

    /// Undoes `Content-Encoding`.
    fn decode(&self, parts: &Parts, body: ReadBody) -> Result<ReadBody, AwsError> {
        let encoded = body.bytes.clone();
        let bytes = decoded_body(&parts.headers, encoded, self.limits.body_bytes_max)?;
        body.decoded(bytes).map_err(|error| self.unread_body(&error))
    }

    /// The answer to a body that was not read; counts a refusal.
    pub(super) fn unread_body(&self, error: &BodyError) -> AwsError {
        if *error == BodyError::NoMemory {
            self.note_refused(Bound::BodyMemory);
        }
        failure::unread_body(error)
    }

    /// What an operation needs besides its input, and the operation.
    fn context(
        &self,
        parts: &Parts,
        body: &[u8],
        arrival: Arrival,
        call: &Call,
        entry: Option<&'static OperationEntry>,
    ) -> Result<(Context, &'static OperationEntry), AwsError> {
        let (service, now_ms) = (call.service, self.clock.now_ms());
        let system_now_ms = SystemClock.now_ms();
        let claim = Claim { parts, body, service, now_ms, system_now_ms };
        let caller = self.authenticator.authenticate(&claim)?;
        if let Some(id) = caller.identity.access_key_id() {
            self.rates.count_key(id).map_err(|bound| {
                self.note_refused(bound);
                failure::throttled(service)
            })?;
        }
        let entry = entry.ok_or_else(|| call.unknown_operation())?;
        let trace_header = parts.headers.get(TRACE_ID).and_then(|value| value.to_str().ok());
        let context = Context {
            broker: self.broker.clone(),
            identity: caller.identity,
            identities: self.identities.clone(),
            keys: self.keys.clone(),
            region: caller.region,
            base_url: base_url(&self.config, self.listener(arrival), parts, arrival.transport),
            default_region: Arc::clone(&self.default_region),
            origin: origin::of(self.listener(arrival), parts, arrival),
            audit: self.audit.clone(),
            authoriser: Arc::clone(&self.authoriser),
            trace_header: trace_header.map(str::to_owned),
            extensions: self.config.extensions,
            now_ms,
        };
        Ok((context, entry))
    }

    async fn serve(&self, mut accepted: Box<Accepted>, request_id: &str) -> Answered {
        let Accepted { call, context, entry, audited, .. } = &mut *accepted;
        let _in_flight = self.metrics.requests.begin(call.service.name, entry.name);
        if let Some(mut draft) = audited.take_if(|draft| !draft.is_admitted()) {
            draft.discard();
            return failed(call, Some(entry), &failure::unaudited(), request_id);
        }
        let mut serving = (entry.serve)(context, call, request_id, audited.as_deref_mut());
        let result = caught(serving.as_mut()).await.unwrap_or_else(|panic| Err(bug(&panic)));
        drop(serving);
        finish(audited.take(), result.as_ref().map(drop)).await;
        match result {
            Ok(response) => {
                Answered { response, service: call.service.name, operation: entry.name, code: "" }
            }
            Err(error) => failed(call, Some(entry), &error, request_id),
        }
    }

    /// Answers a request whose body was not read to its end.
    fn refuse_unread(&self, parts: &Parts, error: AwsError, request_id: &str) -> Answered {
        let mut answered = self.refuse(parts, error, request_id);
        answered.response.extensions_mut().insert(UnreadBody);
        answered
    }

    /// Answers a request whose parameters were not looked at.
    fn refuse(&self, parts: &Parts, error: AwsError, request_id: &str) -> Answered {
        rejected(&Rejection::unread(parts, &self.models, error), request_id)
    }
}

/// Writes the record of a call that is about to be answered.
async fn finish(audited: Option<Box<Draft>>, result: Result<(), &AwsError>) {
    let Some(mut draft) = audited else { return };
    if let Err(error) = result {
        draft.fails(error);
    }
    // In a box of its own: without an audit log nobody should have to make room for it.
    Box::pin(draft.finish()).await;
}

/// The answer to a panic.
fn bug(panic: &str) -> AwsError {
    failure::internal(format_args!("panic: {panic}"))
}

fn failed(
    call: &Call,
    entry: Option<&OperationEntry>,
    error: &AwsError,
    request_id: &str,
) -> Answered {
    failure::log(error, &call.operation, request_id);
    Answered {
        response: call.render_error(error, request_id),
        service: call.service.name,
        operation: entry.map_or("", |entry| entry.name),
        code: error.shape().query_code,
    }
}

fn rejected(rejection: &Rejection, request_id: &str) -> Answered {
    if let Some(error) = rejection.error() {
        failure::log(error, "", request_id);
    }
    Answered {
        response: rejection.render(request_id),
        service: rejection.service().name,
        operation: "",
        code: rejection.shape().query_code,
    }
}

/// The operation that is called, if its service has it.
fn operation(call: &Call) -> Option<&'static OperationEntry> {
    let service = SERVICES.iter().find(|service| std::ptr::eq(service.model, call.service))?;
    service.operations.iter().find(|entry| entry.name == call.operation)
}
