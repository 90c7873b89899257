//! One connection from its first byte to its last.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::activity::{Activity, Overdue};
use super::limits::{
    HEAD_BYTES_MAX, HTTP2_CONNECTION_WINDOW_BYTES, HTTP2_HEADER_LIST_BYTES_MAX,
    HTTP2_PING_INTERVAL, HTTP2_PING_TIMEOUT, HTTP2_SEND_BUFFER_BYTES, HTTP2_STREAM_WINDOW_BYTES,
    HTTP2_STREAMS_MAX, Limits,
};
use super::listener::Stops;
use super::stream::WatchedStream;

/// Answers requests. Implemented by the gateway, and by stubs in tests.
pub(crate) trait Respond: Send + Sync + 'static {
    /// Answers one request. Dropped when the client goes away before the answer is there.
    fn respond(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Bytes>> + Send;
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
        let abort = self.abort.clone();
        self.tracker.spawn(async move {
            let _ended_or_aborted = abort.run_until_cancelled(stream).await;
        });
    }
}

/// Settings of hyper for every connection of a listener. The time limits of HTTP/1 are not
/// hyper's: its head timeout would also end connections that are merely idle.
pub(super) fn builder(tracker: &TaskTracker, stops: &Stops) -> Builder<StreamTasks> {
    let tasks = StreamTasks { tracker: tracker.clone(), abort: stops.abort.clone() };
    let mut builder = Builder::new(tasks);
    // The number of headers is left at hyper's default of 100: setting it costs an allocation
    // for each request.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(HTTP2_HEADER_LIST_BYTES_MAX)
        .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(HTTP2_PING_TIMEOUT);
    builder
}

/// Serves one connection until it ends, is overdue, or the server stops.
pub(super) async fn serve<R: Respond>(
    stream: TcpStream,
    peer: SocketAddr,
    builder: &Builder<StreamTasks>,
    responder: Arc<R>,
    limits: &Limits,
    stops: &Stops,
) {
    let activity = Arc::new(Activity::new());
    let io = TokioIo::new(WatchedStream::new(stream, Arc::clone(&activity)));
    let requests = Arc::new(Requests {
        responder,
        peer,
        activity: Arc::clone(&activity),
        drain: stops.drain.clone(),
    });
    let service = service_fn(move |request| answer(Arc::clone(&requests), request));
    let mut connection = std::pin::pin!(builder.serve_connection(io, service));

    tokio::select! {
        result = connection.as_mut() => {
            // Broken connections are the client's business.
            if let Err(error) = result {
                debug!(%peer, %error, "connection ended");
            }
            return;
        }
        overdue = overdue(&activity, limits) => {
            debug!(%peer, reason = ?overdue, "closing connection");
            if overdue != Overdue::Idle {
                return;
            }
            connection.as_mut().graceful_shutdown();
        }
        () = stops.drain.cancelled() => connection.as_mut().graceful_shutdown(),
        () = stops.abort.cancelled() => return,
    }
    closing(connection, &activity, limits, stops).await;
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

async fn overdue(activity: &Activity, limits: &Limits) -> Overdue {
    loop {
        tokio::time::sleep(limits.check_interval()).await;
        if let Some(overdue) = activity.overdue(limits) {
            return overdue;
        }
    }
}

/// What the requests of one connection share.
struct Requests<R> {
    responder: Arc<R>,
    peer: SocketAddr,
    activity: Arc<Activity>,
    drain: CancellationToken,
}

/// Counts a request as open as long as it lives, however it ends.
struct OpenRequest<'a>(&'a Activity);

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        self.0.end_request();
    }
}

async fn answer<R: Respond>(
    requests: Arc<Requests<R>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let version = request.version();
    requests.activity.begin_request(version);
    let _open = OpenRequest(&requests.activity);
    let mut response = requests.responder.respond(request, requests.peer).await;
    let is_body_unread = response.extensions_mut().remove::<UnreadBody>().is_some();
    if version != Version::HTTP_2 && (is_body_unread || requests.drain.is_cancelled()) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if version != Version::HTTP_2 && is_body_unread {
        requests.activity.note_body_unread();
    }
    Ok(response.map(Full::new))
}
