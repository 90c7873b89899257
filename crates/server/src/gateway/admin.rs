//! The admin API of a server for tests: everything back to the beginning, and the time. Off in `serve`.
//!
//! | request | body | does |
//! |---|---|---|
//! | `GET /_sluice/queues` | | lists every queue with its numbers of messages |
//! | `POST /_sluice/reset` | `{}` | deletes every queue, creates the declared ones |
//! | `GET /_sluice/clock` | | shows time and pace |
//! | `POST /_sluice/clock` | `advance_ms` or `now_ms`, `pace` | sets the clock, and does what is due by then |
//!
//! No queue can have these paths: an account id has twelve digits. Every caller is believed, so a page in a browser must not
//! be one: it can send requests to this machine, also without being able to read the answers. A browser asks first before it
//! sends JSON to another origin, and is not answered; and it names the origin of every POST, which programs do not do.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::{error, info};

use super::request::Gateway;
use super::status::{self, JSON};
use super::web_page;
use crate::clock::{Clock, Pace, SetTime};
use crate::http::{UnreadBody, read_body};
use crate::services::Switch;
use crate::services::sqs::declared_queues;

const PREFIX: &str = "/_sluice/";

/// What a path offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Queues,
    Reset,
    Clock,
}

/// Why a request is not served.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    text: String,
    /// Methods that would be, where the method is wrong.
    allow: Option<&'static str>,
}

/// Body of a reset: nothing, so that something can be added later.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResetRequest {}

/// Body of a change of the clock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockRequest {
    /// How far to set it forward.
    advance_ms: Option<u64>,
    /// What to set it to, epoch milliseconds.
    now_ms: Option<u64>,
    pace: Option<PaceName>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum PaceName {
    Frozen,
    Running,
}

/// Whether this path belongs to the admin API, on or off.
pub(super) fn is_admin(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers a request of the admin API.
pub(super) async fn answer(gateway: &Gateway, request: Box<Request<Incoming>>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let body = match read_body(body, &gateway.bodies, &gateway.limits).await {
        Ok(body) => body,
        Err(unread) => {
            let error = gateway.unread_body(&unread);
            let mut response = rendered(Err(Refusal::new(status::of(&error), error.message())));
            response.extensions_mut().insert(UnreadBody);
            return response;
        }
    };
    rendered(served(gateway, &parts, &body.bytes).await)
}

async fn served(gateway: &Gateway, parts: &Parts, body: &[u8]) -> Result<Value, Refusal> {
    let endpoint = endpoint(gateway.config.admin, parts.uri.path())?;
    match (endpoint, parts.method.as_str()) {
        (Endpoint::Queues, "GET" | "HEAD") => Ok(queues(gateway).await),
        (Endpoint::Clock, "GET" | "HEAD") => Ok(clock(gateway)),
        (Endpoint::Reset, "POST") => {
            let ResetRequest {} = posted(parts, body)?;
            reset(gateway).await
        }
        (Endpoint::Clock, "POST") => set_clock(gateway, &posted(parts, body)?).await,
        (Endpoint::Queues, _) => Err(Refusal::method("GET, HEAD")),
        (Endpoint::Reset, _) => Err(Refusal::method("POST")),
        (Endpoint::Clock, _) => Err(Refusal::method("GET, HEAD, POST")),
    }
}

fn endpoint(admin: Switch, path: &str) -> Result<Endpoint, Refusal> {
    match (admin, path.strip_prefix(PREFIX)) {
        (Switch::On, Some("queues")) => Ok(Endpoint::Queues),
        (Switch::On, Some("reset")) => Ok(Endpoint::Reset),
        (Switch::On, Some("clock")) => Ok(Endpoint::Clock),
        (Switch::On, _) => {
            let text = "nothing is here; there are /_sluice/queues, /_sluice/reset, /_sluice/clock";
            Err(Refusal::new(StatusCode::NOT_FOUND, text))
        }
        (Switch::Off, _) => {
            let text = "the admin API is a part of `sluice dev` only";
            Err(Refusal::new(StatusCode::NOT_FOUND, text))
        }
    }
}

/// Reads what a program sent. A page in a browser is refused.
fn posted<T: DeserializeOwned>(parts: &Parts, body: &[u8]) -> Result<T, Refusal> {
    if web_page::asks(&parts.headers) {
        let text = web_page::REFUSAL;
        return Err(Refusal::new(StatusCode::FORBIDDEN, text));
    }
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case(JSON) {
        let text = format!("wants Content-Type: {JSON}");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
}

async fn queues(gateway: &Gateway) -> Value {
    let measured = gateway.broker.metrics().await;
    let shown = measured.queues.iter().map(|queue| {
        json!({
            "account": queue.key.account,
            "region": queue.key.region,
            "name": queue.key.name,
            "visible": queue.visible,
            "in_flight": queue.in_flight,
            "delayed": queue.delayed,
        })
    });
    json!({ "queues": shown.collect::<Vec<_>>(), "unmeasured": measured.unmeasured })
}

async fn reset(gateway: &Gateway) -> Result<Value, Refusal> {
    let deleted = gateway.broker.reset().await.map_err(|error| Refusal::fault(&error))?;
    let created = declared_queues::create(&gateway.broker, &gateway.config).await;
    let created = created.map_err(|error| Refusal::fault(&error))?;
    info!(deleted, created, "reset");
    Ok(json!({ "deleted": deleted, "created": created }))
}

fn clock(gateway: &Gateway) -> Value {
    let (kind, pace) = match gateway.config.virtual_clock.as_ref().map(|clock| clock.pace()) {
        None => ("system", PaceName::Running),
        Some(Pace::Running) => ("virtual", PaceName::Running),
        Some(Pace::Frozen) => ("virtual", PaceName::Frozen),
    };
    json!({ "clock": kind, "pace": pace, "now_ms": gateway.clock.now_ms() })
}

async fn set_clock(gateway: &Gateway, request: &ClockRequest) -> Result<Value, Refusal> {
    let Some(virtual_clock) = &gateway.config.virtual_clock else {
        let text =
            "the clock is that of the system; `sluice dev --clock virtual` has one that can be set";
        return Err(Refusal::new(StatusCode::CONFLICT, text));
    };
    let time = match (request.advance_ms, request.now_ms) {
        (None, None) => SetTime::Keep,
        (Some(by_ms), None) => SetTime::Forward(by_ms),
        (None, Some(to_ms)) => SetTime::To(to_ms),
        (Some(_), Some(_)) => {
            let text = "found advance_ms and now_ms, wants one of them";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
        }
    };
    let pace = request.pace.map(|pace| match pace {
        PaceName::Frozen => Pace::Frozen,
        PaceName::Running => Pace::Running,
    });
    if !virtual_clock.set(time, pace) {
        let text = format!(
            "the clock is at {} and is not set back, nor beyond the year 2200",
            virtual_clock.now_ms()
        );
        return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
    }
    gateway.broker.catch_up().await.map_err(|error| Refusal::fault(&error))?;
    Ok(clock(gateway))
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), allow: None }
    }

    fn method(allow: &'static str) -> Self {
        let text = format!("allowed here: {allow}");
        Self { status: StatusCode::METHOD_NOT_ALLOWED, text, allow: Some(allow) }
    }

    fn fault(cause: &dyn std::error::Error) -> Self {
        error!(%cause, "an admin request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed; its log says why")
    }
}

fn rendered(outcome: Result<Value, Refusal>) -> Response<Bytes> {
    let (status, value, allow) = match outcome {
        Ok(value) => (StatusCode::OK, value, None),
        Err(refusal) => (refusal.status, json!({ "error": refusal.text }), refusal.allow),
    };
    let mut response = status::response(status, JSON, format!("{value}\n"));
    if let Some(allow) = allow {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}
