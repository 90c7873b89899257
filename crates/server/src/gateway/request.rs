//! One request from its head to its answer.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use sluice_store::Store;
use sluice_wire::{AwsError, Call, Rejection, ServiceModel, decoded_body, route};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::broker::Broker;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::http::{BodyBudget, BodyError, Bound, Limits, ReadBody, Respond, UnreadBody, read_body};
use crate::metrics::{Metrics, Outcome};
use crate::services::{Context, OperationEntry, SERVICES};

use super::admin;
use super::authenticate;
use super::base_url::base_url;
use super::failure;
use super::panic::caught;
use super::status::{self, Endpoint, Readiness};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Answers every request of one server.
pub(crate) struct Gateway {
    /// Settings.
    pub(crate) config: Config,
    /// Queues and messages.
    pub(crate) broker: Broker,
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
    /// Where the server listens.
    pub(crate) local_addr: SocketAddr,
    /// Cancelled when the server drains.
    pub(crate) drain: CancellationToken,
    /// [`Config::region`], shared.
    pub(crate) default_region: Arc<str>,
    /// The models of [`SERVICES`].
    pub(crate) models: Vec<&'static ServiceModel>,
}

/// An answer and what is counted of it.
struct Answered {
    response: Response<Bytes>,
    service: &'static str,
    operation: &'static str,
    code: &'static str,
}

impl Respond for Gateway {
    async fn respond(
        &self,
        request: Request<Incoming>,
        _peer: SocketAddr,
        refusal: Option<Bound>,
    ) -> Response<Bytes> {
        let request_id = Uuid::new_v4().to_string();
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let mut response = match Endpoint::at(path) {
            Some(endpoint) => status::answer(self, endpoint, &parts.method).await,
            // In a box of its own: a long poll should not have to make room for it.
            None if admin::is_admin(path) => Box::pin(admin::answer(self, &parts, body)).await,
            None => self.api(&parts, body, &request_id, refusal).await,
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
            let stall = self.broker.stall(clock::instant());
            stall.map_or(Readiness::Ready, Readiness::Stalled)
        }
    }

    async fn api(
        &self,
        parts: &Parts,
        body: Incoming,
        request_id: &str,
        refusal: Option<Bound>,
    ) -> Response<Bytes> {
        let started = clock::instant();
        let answer = pin!(self.answer(parts, body, request_id, refusal));
        let answered = match caught(answer).await {
            Ok(answered) => answered,
            Err(panic) => {
                let bug = failure::internal(format_args!("panic: {panic}"));
                self.refuse_unread(parts, bug, request_id)
            }
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

    async fn answer(
        &self,
        parts: &Parts,
        body: Incoming,
        request_id: &str,
        refusal: Option<Bound>,
    ) -> Answered {
        if let Some(bound) = refusal {
            self.note_refused(bound);
            return self.refuse_unread(parts, failure::too_many(bound), request_id);
        }
        let body = match read_body(body, &self.bodies, &self.limits).await {
            Ok(body) => body,
            Err(error) => return self.refuse_unread(parts, self.unread_body(&error), request_id),
        };
        let body = match self.decode(parts, body) {
            Ok(body) => body,
            Err(error) => return self.refuse(parts, error, request_id),
        };
        match route(parts, &body.bytes, &self.models) {
            Ok(call) => self.call(parts, &call, request_id).await,
            Err(rejection) => rejected(&rejection, request_id),
        }
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

    async fn call(&self, parts: &Parts, call: &Call, request_id: &str) -> Answered {
        let service = call.service.name;
        let entry = operation(call);
        let name = entry.map_or("", |entry| entry.name);
        let result = async {
            let caller = authenticate(&self.config, parts)?;
            let entry = entry.ok_or_else(|| call.unknown_operation())?;
            let _in_flight = self.metrics.requests.begin(service, entry.name);
            let context = self.context(parts, caller);
            (entry.serve)(&context, call, request_id).await
        };
        let (response, code) = match result.await {
            Ok(response) => (response, ""),
            Err(error) => {
                failure::log(&error, &call.operation, request_id);
                (call.render_error(&error, request_id), error.shape().query_code)
            }
        };
        Answered { response, service, operation: name, code }
    }

    fn context(&self, parts: &Parts, caller: super::Authenticated) -> Context {
        let trace_header = parts.headers.get(TRACE_ID).and_then(|value| value.to_str().ok());
        Context {
            broker: self.broker.clone(),
            identity: caller.identity,
            region: caller.region,
            base_url: base_url(&self.config, parts, self.local_addr),
            default_region: Arc::clone(&self.default_region),
            trace_header: trace_header.map(str::to_owned),
            extensions: self.config.extensions,
            now_ms: self.clock.now_ms(),
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
