//! `/health`, `/ready` and `/metrics`. No queue can have these paths: those have two segments.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use tracing::error;

use sluice_wire::AwsError;

use crate::broker::Stall;
use crate::http::{Bound, Respond};
use crate::metrics::{self, Sources};

use super::request::Gateway;

/// Content type of JSON.
pub(super) const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// One of the paths that are not the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// 200 as long as the process answers.
    Health,
    /// 200 while the server can do its work: neither draining nor failed nor waiting for the disk.
    Ready,
    /// OpenMetrics text.
    Metrics,
}

impl Endpoint {
    /// The endpoint with this path.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/health" => Some(Self::Health),
            "/ready" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }
}

/// Whether the server can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It can.
    Ready,
    /// It was asked to stop.
    Draining,
    /// Its store or a shard failed.
    Failed,
    /// It waits for the disk, and goes on when the disk does.
    Stalled(Stall),
    /// Its audit log cannot be written.
    Unaudited(Answers),
}

/// What becomes of calls that cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// They are answered.
    Given,
    /// They are refused.
    Refused,
}

/// Answers a request for `endpoint`.
pub(super) async fn answer(
    gateway: &Gateway,
    endpoint: Endpoint,
    method: &Method,
) -> Response<Bytes> {
    if method != Method::GET && method != Method::HEAD {
        let mut refusal =
            response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD are allowed here\n");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    match endpoint {
        Endpoint::Health => response(StatusCode::OK, JSON, "{\"status\":\"ok\"}\n"),
        Endpoint::Ready => ready(gateway.readiness()),
        Endpoint::Metrics => scrape(gateway).await,
    }
}

fn ready(readiness: Readiness) -> Response<Bytes> {
    match readiness {
        Readiness::Ready => response(StatusCode::OK, JSON, "{\"status\":\"ready\"}\n"),
        Readiness::Draining => {
            response(StatusCode::SERVICE_UNAVAILABLE, JSON, "{\"status\":\"draining\"}\n")
        }
        Readiness::Failed => {
            response(StatusCode::SERVICE_UNAVAILABLE, JSON, "{\"status\":\"failed\"}\n")
        }
        Readiness::Unaudited(answers) => {
            let status = match answers {
                Answers::Given => StatusCode::OK,
                Answers::Refused => StatusCode::SERVICE_UNAVAILABLE,
            };
            response(status, JSON, "{\"status\":\"unaudited\"}\n")
        }
        Readiness::Stalled(stall) => {
            let status = format!("{{\"status\":\"stalled\",\"reason\":\"{stall}\"}}\n");
            response(StatusCode::SERVICE_UNAVAILABLE, JSON, status)
        }
    }
}

/// Looking at the metrics asks every shard, so it must not be done without end.
pub(crate) const SCRAPES_MAX: usize = 2;

/// The answer when the server is at one of its bounds.
pub(super) fn unavailable(error: &AwsError) -> Response<Bytes> {
    response(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{}\n", error.message()))
}

async fn scrape(gateway: &Gateway) -> Response<Bytes> {
    let Ok(_place) = gateway.scrapes.try_acquire() else {
        return gateway.refused_response(Bound::Scrapes);
    };
    let sources = Sources {
        measured: gateway.broker.metrics().await,
        refusals: gateway.broker.refusals(),
        store: gateway.store.stats(),
        now_ms: gateway.clock.now_ms(),
    };
    match gateway.metrics.render(sources) {
        Ok(text) => response(StatusCode::OK, metrics::CONTENT_TYPE, text),
        Err(cause) => {
            error!(%cause, "cannot render metrics");
            response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "cannot render metrics\n")
        }
    }
}

/// The status of an error.
pub(crate) fn of(error: &AwsError) -> StatusCode {
    StatusCode::from_u16(error.shape().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An answer that is not the API's.
pub(super) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_exact_paths_are_taken_from_the_api() {
        assert_eq!(Endpoint::at("/metrics"), Some(Endpoint::Metrics));
        for path in ["/", "/metrics/", "/000000000000/metrics", "/queue/health", "metrics"] {
            assert_eq!(Endpoint::at(path), None);
        }
    }

    #[test]
    fn only_a_server_that_can_work_is_ready() {
        assert_eq!(ready(Readiness::Ready).status(), 200);
        assert_eq!(ready(Readiness::Draining).status(), 503);
        assert_eq!(ready(Readiness::Failed).status(), 503);
        assert_eq!(ready(Readiness::Unaudited(Answers::Given)).status(), 200);
        assert_eq!(ready(Readiness::Unaudited(Answers::Refused)).status(), 503);
        let stall = Stall { who: "shard 1".to_owned(), lasted: Duration::from_secs(7) };
        let stalled = ready(Readiness::Stalled(stall));
        assert_eq!(stalled.status(), 503);
        let body: serde_json::Value = serde_json::from_slice(stalled.body()).expect("JSON");
        assert_eq!(body["status"], "stalled");
        assert!(body["reason"].to_string().contains("shard 1 has not got on for 7 s"), "{body}");
    }
}
