//! One connection from its first byte to its last.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::metrics::ConnectionMetrics;

use super::activity::{Activity, Close};
use super::connections::Connections;
use super::limits::{
    HEAD_BYTES_MAX, HEAD_FREE_BYTES, HEADER_BYTES, HTTP2_CONNECTION_WINDOW_BYTES,
    HTTP2_HEADER_LIST_BYTES_MAX, HTTP2_PING_INTERVAL, HTTP2_PING_TIMEOUT, HTTP2_RESETS_PENDING_MAX,
    HTTP2_SEND_BUFFER_BYTES, HTTP2_STREAM_WINDOW_BYTES, HTTP2_STREAMS_MAX, Limits,
    RESPONSE_FREE_BYTES,
};
use super::listener::Stops;
use super::memory::Share;
use super::socket::{Peer, Stream};
use super::stream::{Version, WatchedStream};
use super::tls::{Agreed, Tls};

/// Answers requests. Implemented by the gateway, and by stubs in tests.
pub(crate) trait Respond: Send + Sync + 'static {
    /// Answers one request, or refuses it because a bound is reached. Dropped when the client goes away before the
    /// answer is there. In a box, so that one that waits takes no space for the request when that is read.
    fn respond(
        &self,
        request: Box<Request<Incoming>>,
        arrival: Arrival,
    ) -> impl Future<Output = Response<Bytes>> + Send;

    /// Counts something that was refused without being answered.
    fn note_refused(&self, bound: Bound);

    /// Says that there is an answer that a bound keeps from being given.
    fn refused_response(&self, bound: Bound) -> Response<Bytes>;
}

/// How a request came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// The other end of the connection.
    pub(crate) peer: Peer,
    /// The number of the listener among those of the server.
    pub(crate) listener: usize,
    /// What the connection runs over.
    pub(crate) transport: Transport,
    /// What TLS was agreed on, if that is what it runs over.
    pub(crate) agreed: Option<Agreed>,
    /// The bound for which the request is to be refused.
    pub(crate) refusal: Option<Bound>,
}

/// Whether others on the network can read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// They can.
    Plain,
    /// They cannot.
    Tls,
}

/// Bounds of this module that refuse what is beyond them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Connections open at once, all of them with a request.
    Connections,
    /// Connections beyond that which are told so; this one was closed without a word.
    ConnectionsRefused,
    /// Requests at once.
    Requests,
    /// Memory for request heads.
    HeadMemory,
    /// Memory for request bodies.
    BodyMemory,
    /// Memory for responses.
    ResponseMemory,
    /// Looks at the metrics at once.
    Scrapes,
    /// Requests of an access key in a second.
    KeyRate,
    /// Requests from an address in a second.
    AddressRate,
}

impl Bound {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 9] = [
        Self::Connections,
        Self::ConnectionsRefused,
        Self::Requests,
        Self::HeadMemory,
        Self::BodyMemory,
        Self::ResponseMemory,
        Self::Scrapes,
        Self::KeyRate,
        Self::AddressRate,
    ];

    /// Its name in the metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsRefused => "connections_refused",
            Self::Requests => "requests",
            Self::HeadMemory => "head_memory",
            Self::BodyMemory => "body_memory",
            Self::ResponseMemory => "response_memory",
            Self::Scrapes => "scrapes",
            Self::KeyRate => "key_rate",
            Self::AddressRate => "address_rate",
        }
    }
}

/// Response extension: the request body was not read to its end, so the connection must close.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnreadBody;

/// Runs hyper's HTTP/2 streams as tracked tasks that end with the server.
#[derive(Debug, Clone)]
pub(super) struct StreamTasks {
    tracker: TaskTracker,
    abort: CancellationToken,
}

impl<F> Executor<F> for StreamTasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let (abort, stream) = (self.abort.clone(), Box::pin(stream));
        self.tracker.spawn(async move {
            let _ended_or_aborted = abort.run_until_cancelled(stream).await;
        });
    }
}

/// Settings of hyper for every connection.
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<StreamTasks>,
}

impl Protocols {
    /// The time limits of HTTP/1 are not hyper's: its head timeout would also end connections that are merely idle.
    pub(super) fn new(tracker: &TaskTracker, stops: &Stops) -> Self {
        let tasks = StreamTasks { tracker: tracker.clone(), abort: stops.abort.clone() };
        let mut http1 = http1::Builder::new();
        // The number of headers is left at hyper's default of 100: setting it costs an allocation
        // for each request.
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(HEAD_BYTES_MAX)
            .keep_alive(true);
        let mut http2 = http2::Builder::new(tasks);
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(HTTP2_STREAMS_MAX)
            .max_pending_accept_reset_streams(HTTP2_RESETS_PENDING_MAX)
            .max_header_list_size(HTTP2_HEADER_LIST_BYTES_MAX)
            .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES)
            .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
            .keep_alive_interval(HTTP2_PING_INTERVAL)
            .keep_alive_timeout(HTTP2_PING_TIMEOUT);
        Self { http1, http2 }
    }
}

/// What the connections of all listeners share.
pub(super) struct Serving<R> {
    pub(super) responder: R,
    pub(super) protocols: Protocols,
    pub(super) limits: Limits,
    pub(super) stops: Stops,
    pub(super) connections: Arc<Connections>,
    pub(super) metrics: ConnectionMetrics,
}

/// A connection on which HTTP can begin.
enum Opened {
    Plain(WatchedStream, Version),
    /// In a box, so that one without TLS takes no space for it.
    Tls(Box<TlsStream<WatchedStream>>, Version),
}

/// Serves one connection until it ends, is closed, or the server stops. All its requests are refused if there is a
/// reason to.
pub(super) async fn serve<R: Respond>(
    stream: Stream,
    arrival: Arrival,
    tls: Option<Arc<Tls>>,
    serving: Arc<Serving<R>>,
) {
    let Arrival { peer, refusal, .. } = arrival;
    let (activity, _listed) = serving.connections.open(refusal.is_some());
    let stream = WatchedStream::new(stream, Arc::clone(&activity));
    let opened = tokio::select! {
        opened = open(stream, tls, &serving.metrics) => opened,
        reason = activity.closed() => {
            debug!(%peer, ?reason, "closing connection");
            serving.note_closed(reason);
            return;
        }
        () = serving.stops.drain.cancelled() => return,
        () = serving.stops.abort.cancelled() => return,
    };
    let agreed = match &opened {
        Ok(Opened::Tls(stream, _)) => Agreed::of(stream),
        Ok(Opened::Plain(..)) | Err(_) => None,
    };
    let arrival = Arrival { agreed, ..arrival };
    let requests = Arc::new(Requests { serving, activity, arrival });
    match opened {
        Ok(Opened::Plain(stream, version)) => speak(stream, version, &requests).await,
        // In a box, so that a connection without TLS takes no space for it.
        Ok(Opened::Tls(stream, version)) => Box::pin(speak(*stream, version, &requests)).await,
        Err(error) => debug!(%peer, %error, "connection ended"),
    }
}

/// Finds out what the client speaks, after the TLS handshake if there has to be one.
async fn open(
    mut stream: WatchedStream,
    tls: Option<Arc<Tls>>,
    metrics: &ConnectionMetrics,
) -> io::Result<Opened> {
    let Some(tls) = tls else {
        let version = stream.version().await?;
        return Ok(Opened::Plain(stream, version));
    };
    stream.activity().begin_handshake();
    let (stream, version) = Box::pin(tls.accept(stream)).await.inspect_err(|_error| {
        metrics.handshakes_failed.inc();
    })?;
    let activity = stream.get_ref().0.activity();
    activity.end_handshake();
    if version == Version::Http2 {
        activity.note_http2();
    }
    Ok(Opened::Tls(Box::new(stream), version))
}

/// Serves HTTP. Either version is in a box of its own: a connection that has not said anything takes no space for them.
async fn speak<R: Respond>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    version: Version,
    requests: &Arc<Requests<R>>,
) {
    let service = {
        let requests = Arc::clone(requests);
        service_fn(move |request| answer(Arc::clone(&requests), Box::new(request)))
    };
    let io = TokioIo::new(stream);
    let protocols = &requests.serving.protocols;
    match version {
        Version::Http1 => {
            let connection = protocols.http1.serve_connection(io, service);
            until_closed(Box::pin(connection), |it| it.graceful_shutdown(), requests).await;
        }
        Version::Http2 => {
            let connection = protocols.http2.serve_connection(io, service);
            until_closed(Box::pin(connection), |it| it.graceful_shutdown(), requests).await;
        }
    }
}

/// Runs a connection of hyper's, of either version. `announce_end` makes it take no more requests and say so.
async fn until_closed<C, R>(
    mut connection: Pin<Box<C>>,
    announce_end: impl FnOnce(Pin<&mut C>),
    requests: &Requests<R>,
) where
    C: Future<Output = hyper::Result<()>>,
    R: Respond,
{
    let Requests { serving, activity, arrival: Arrival { peer, .. } } = requests;
    tokio::select! {
        result = connection.as_mut() => {
            // Broken connections are the client's business.
            if let Err(error) = result {
                debug!(%peer, %error, "connection ended");
            }
            return;
        }
        reason = activity.closed() => {
            debug!(%peer, ?reason, "closing connection");
            serving.note_closed(reason);
            if reason != Close::Idle {
                return;
            }
        }
        () = serving.stops.drain.cancelled() => {}
        () = serving.stops.abort.cancelled() => return,
    }
    announce_end(connection.as_mut());
    closing(connection, activity, &serving.limits, &serving.stops).await;
}

/// Lets the requests in flight end, then the connection.
async fn closing<C>(connection: C, activity: &Activity, limits: &Limits, stops: &Stops)
where
    C: Future,
{
    let too_late = async {
        loop {
            tokio::time::sleep(limits.closing_timeout).await;
            if activity.is_idle_for(limits.closing_timeout) || activity.overdue(limits).is_some() {
                return;
            }
        }
    };
    tokio::select! {
        _ended = connection => {}
        () = too_late => {}
        () = stops.abort.cancelled() => {}
    }
}

/// What the requests of one connection share.
struct Requests<R> {
    serving: Arc<Serving<R>>,
    activity: Arc<Activity>,
    /// Of each of them; if there is a refusal, all are refused.
    arrival: Arrival,
}

async fn answer<R: Respond>(
    requests: Arc<Requests<R>>,
    request: Box<Request<Incoming>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let Requests { serving, activity, arrival } = &*requests;
    let version = request.version();
    let has_large_head = activity.begin_request(version);
    let (_open, is_in_bound) = serving.connections.begin_request(activity);
    let head = if has_large_head { serving.head_share(&request) } else { Ok(None) };
    let refusal = match &head {
        _ if arrival.refusal.is_some() => arrival.refusal,
        _ if !is_in_bound => Some(Bound::Requests),
        Ok(_) => None,
        Err(bound) => Some(*bound),
    };
    let arrival = Arrival { refusal, ..*arrival };
    let response = serving.responder.respond(request, arrival).await;
    let mut response = serving.held(response, version, activity);
    let is_body_unread = response.extensions_mut().remove::<UnreadBody>().is_some();
    let is_last = refusal == Some(Bound::Connections);
    let is_closing = is_body_unread || is_last || serving.stops.drain.is_cancelled();
    if version != http::Version::HTTP_2 && is_closing {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if version != http::Version::HTTP_2 && is_body_unread {
        activity.note_body_unread();
    }
    if version == http::Version::HTTP_2 && is_last {
        activity.close(Close::Idle);
    }
    Ok(response.map(Full::new))
}

impl<R: Respond> Serving<R> {
    /// Counts a connection that is closed because of what its client did.
    fn note_closed(&self, reason: Close) {
        match reason {
            Close::HeadMemory => self.responder.note_refused(Bound::HeadMemory),
            Close::Handshake => {
                self.metrics.handshakes_failed.inc();
            }
            Close::Head | Close::Idle | Close::Write | Close::MakeRoom => {}
        }
    }

    /// Takes memory for a request head that is held until the request is answered.
    fn head_share<B>(&self, request: &Request<B>) -> Result<Option<Share>, Bound> {
        let headers = request.headers().iter();
        let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
        let bytes = path
            + headers
                .map(|(name, value)| name.as_str().len() + value.len() + HEADER_BYTES)
                .sum::<usize>();
        if bytes <= HEAD_FREE_BYTES {
            return Ok(None);
        }
        self.connections.heads.take(bytes).map(Some).ok_or(Bound::HeadMemory)
    }

    /// Takes memory for a response until the kernel has got it. One that is not large passes uncounted on HTTP/1, where
    /// there is one at a time; on HTTP/2 a client can leave hundreds where they are by giving no window. What cannot be
    /// held is refused instead: to the client it is as if the response had been lost.
    fn held(
        &self,
        response: Response<Bytes>,
        version: http::Version,
        activity: &Arc<Activity>,
    ) -> Response<Bytes> {
        let bytes = response.body().len();
        let free = if version == http::Version::HTTP_2 { 0 } else { RESPONSE_FREE_BYTES };
        if bytes <= free {
            return response;
        }
        let share = self.connections.responses.take(bytes);
        if share.is_none() || self.connections.responses.is_scarce() {
            self.connections.close_slow_readers();
        }
        match share {
            Some(share) => {
                response.map(|bytes| Bytes::from_owner(Held::new(bytes, share, activity)))
            }
            None => self.responder.refused_response(Bound::ResponseMemory),
        }
    }
}

/// A response in memory that is counted.
struct Held {
    bytes: Bytes,
    activity: Arc<Activity>,
    since_ms: u64,
    _share: Share,
}

impl Held {
    fn new(bytes: Bytes, share: Share, activity: &Arc<Activity>) -> Self {
        let since_ms = activity.note_response();
        Self { bytes, activity: Arc::clone(activity), since_ms, _share: share }
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.activity.note_response_gone(self.since_ms);
    }
}
