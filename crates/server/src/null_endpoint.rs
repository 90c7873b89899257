//! An endpoint that does nothing: what the HTTP layer costs without anything behind it.
//!
//! It reads each request as the gateway does, and answers what a successful answer would look like. `sluice bench` measures it to
//! know what share of the machine's limit the real server reaches.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio_util::task::TaskTracker;

use crate::config::{HttpLimits, ListenAddress, ListenerConfig};
use crate::gateway;
use crate::http::{
    Arrival, BodyBudget, Bound, Limits, Listener, Respond, Stops, UnreadBody, read_body,
    serve_connections,
};
use crate::metrics::ConnectionMetrics;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// The size of a real one.
const FIXED_REQUEST_ID: HeaderValue =
    HeaderValue::from_static("00000000-0000-0000-0000-000000000000");
const SENT: &str = r#"{"MD5OfMessageBody":"00000000000000000000000000000000","MessageId":"00000000-0000-0000-0000-000000000000"}"#;
/// What a batch may have.
const ENTRIES_MAX: usize = 10;

/// Answers without looking further than to the name of the operation.
struct NullResponder {
    limits: Limits,
    bodies: BodyBudget,
    queue: Bytes,
    /// By the number of entries.
    batches: Vec<Bytes>,
}

impl Respond for NullResponder {
    async fn respond(&self, request: Box<Request<Incoming>>, arrival: Arrival) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        if let Some(bound) = arrival.refusal {
            return self.refused_response(bound);
        }
        let body = match read_body(body, &self.bodies, &self.limits).await {
            Ok(body) => body,
            Err(error) => return unread(gateway::status_of(&gateway::unread_body(&error))),
        };
        let target = parts.headers.get(TARGET).map_or(&b""[..], HeaderValue::as_bytes);
        let answer = match target {
            b"AmazonSQS.SendMessage" => Bytes::from_static(SENT.as_bytes()),
            b"AmazonSQS.SendMessageBatch" => self.batches[entries(&body.bytes)].clone(),
            b"AmazonSQS.CreateQueue" | b"AmazonSQS.GetQueueUrl" => self.queue.clone(),
            _other => Bytes::from_static(b"{}"),
        };
        let mut response = Response::new(answer);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
        headers.insert(REQUEST_ID, FIXED_REQUEST_ID);
        response
    }

    fn note_refused(&self, _bound: Bound) {}

    fn refused_response(&self, _bound: Bound) -> Response<Bytes> {
        unread(StatusCode::SERVICE_UNAVAILABLE)
    }
}

/// The answer to a request whose body was not read.
fn unread(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response.extensions_mut().insert(UnreadBody);
    response
}

/// Entries of a batch by their ids, without decoding it.
fn entries(body: &[u8]) -> usize {
    let id = b"{\"Id\":";
    let starts = body.iter().enumerate().filter(|(_, byte)| **byte == b'{');
    starts.filter(|(at, _)| body[*at..].starts_with(id)).count().min(ENTRIES_MAX)
}

fn batch_answer(entries: usize) -> Bytes {
    let entry = |id: usize| format!("{{\"Id\":\"{id}\",{}", &SENT[1..]);
    let entries: Vec<String> = (0..entries).map(entry).collect();
    Bytes::from(format!("{{\"Successful\":[{}]}}", entries.join(",")))
}

/// A null endpoint that accepts connections.
#[must_use = "it is stopped by draining it"]
pub struct NullEndpoint {
    address: ListenAddress,
    stops: Stops,
    tasks: TaskTracker,
}

impl NullEndpoint {
    /// Listens on `listen`; port 0 picks a free one.
    ///
    /// # Errors
    /// What the operating system says about the address.
    pub async fn start(listen: SocketAddr, limits: &HttpLimits) -> io::Result<Self> {
        let listener = Listener::bind(ListenerConfig::new(listen), None).await?;
        let address = listener.address().clone();
        let limits = Limits::new(limits);
        let responder = NullResponder {
            bodies: BodyBudget::new(&limits),
            limits: limits.clone(),
            queue: format!("{{\"QueueUrl\":\"http://{address}/000000000000/null\"}}").into(),
            batches: (0..=ENTRIES_MAX).map(batch_answer).collect(),
        };
        let (stops, tasks) = (Stops::default(), TaskTracker::new());
        let metrics = ConnectionMetrics::default();
        let (listeners, serving) = (vec![listener], stops.clone());
        tasks.spawn(serve_connections(
            listeners,
            responder,
            limits,
            serving,
            tasks.clone(),
            metrics,
        ));
        Ok(Self { address, stops, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// Answers what is in flight, then closes all connections.
    pub async fn drain(self) {
        self.stops.drain.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_answered_entry_by_entry() {
        let request = br#"{"QueueUrl":"u","Entries":[{"Id":"0","MessageBody":"{x"},{"Id":"1"}]}"#;
        assert_eq!(entries(request), 2);
        let answer: serde_json::Value =
            serde_json::from_slice(&batch_answer(2)).expect("this is JSON");
        assert_eq!(answer["Successful"].as_array().map(Vec::len), Some(2));
    }
}
