//! Every bound on connections and requests, by name.

use std::time::Duration;

use crate::config::HttpLimits;

/// Largest request line and headers, bytes. A Query request by GET carries its parameters, also a
/// message body, in the request line; beyond 64 KiB hyper answers 414.
pub(super) const HEAD_BYTES_MAX: usize = 80 * 1024;

/// Request heads up to this size are not counted; almost all are smaller.
pub(super) const HEAD_FREE_BYTES: usize = 8 * 1024;

/// What a header takes in memory besides its name and value, about.
pub(super) const HEADER_BYTES: usize = 64;

/// Larger request heads in memory at once, bytes, over all connections: those of requests that are not answered, and on
/// HTTP/1 those that are not complete. What is not complete on HTTP/2 is bounded by [`HTTP2_HEADER_LIST_BYTES_MAX`].
pub(super) const HEAD_MEMORY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Largest header list of an HTTP/2 request, bytes after decompression. SDKs need 1 to 2 KiB, and what a session token
/// takes. A connection may keep so much, uncounted, in a head that it does not complete.
pub(super) const HTTP2_HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;

/// Requests at once on one HTTP/2 connection; long polls count.
pub(super) const HTTP2_STREAMS_MAX: u32 = 256;

/// Requests at once over all connections; long polls count.
pub(super) const REQUESTS_MAX: usize = 32_768;

/// Request bytes that an HTTP/2 client may send ahead, per stream and per connection.
pub(super) const HTTP2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// See [`HTTP2_STREAM_WINDOW_BYTES`].
pub(super) const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Time for a TLS handshake. The time for the first request head begins after it.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes that TLS may hold, encrypted, for a client that does not read: a record. With what it may hold of records that are
/// not complete or not read, a connection takes about 64 KiB more than one without TLS, at most.
pub(super) const TLS_SEND_BUFFER_BYTES: usize = 16 * 1024;

/// Response bytes buffered per HTTP/2 stream.
pub(super) const HTTP2_SEND_BUFFER_BYTES: usize = 128 * 1024;

/// Resets of an HTTP/2 client's streams that may wait to be taken notice of; with more it is cut off.
pub(super) const HTTP2_RESETS_PENDING_MAX: usize = 64;

/// HTTP/1 responses up to this size are not counted.
pub(super) const RESPONSE_FREE_BYTES: usize = 16 * 1024;

/// Larger ones, and all of HTTP/2, in memory at once, bytes, over all connections, until the kernel has taken them.
pub(super) const RESPONSE_MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Such a response has to be read in this time, whatever else happens on its connection.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// While memory for responses is scarce, in this time.
pub(super) const SLOW_READER_TIME: Duration = Duration::from_secs(1);

/// Pause between two looks for those who take longer.
pub(super) const SCARCITY_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// An HTTP/2 client is asked this often whether it is still there.
pub(super) const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);

/// Time for the answer to that question.
pub(super) const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Connections that the kernel queues until they are accepted.
pub(super) const ACCEPT_BACKLOG: u32 = 1024;

/// Idle connections that are closed together when the connection cap is reached, an eighth of them at most.
pub(super) const CONNECTIONS_EVICTED_AT_ONCE: usize = 64;

/// Time for the first of them to be gone.
pub(super) const EVICTION_TIMEOUT: Duration = Duration::from_millis(500);

/// Connections beyond the cap that are told so at once; the next are closed without a word.
pub(super) const CONNECTIONS_REFUSED_MAX: usize = 256;

/// Pause after a failed accept, for example while no file descriptors are left.
pub(super) const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// A request body must bring [`BODY_PROGRESS_BYTES`] in each window of this length, or end.
const BODY_PROGRESS_WINDOW: Duration = Duration::from_secs(10);

/// See [`BODY_PROGRESS_WINDOW`].
pub(super) const BODY_PROGRESS_BYTES: usize = 1024;

/// Request bodies held in memory at once, bytes, over all connections.
const BODY_MEMORY_BYTES_MAX: usize = 512 * 1024 * 1024;

/// An open connection without requests is closed after this. Longer than the pools of the AWS SDKs
/// keep connections (60 to 90 s), so that the client closes first and no request is lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// A client that reads less than [`WRITE_PROGRESS_BYTES`] of a response in this time is cut off.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// See [`WRITE_TIMEOUT`].
pub(super) const WRITE_PROGRESS_BYTES: u64 = 16 * 1024;

/// Time between the announcement that a connection closes and its end.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(5);

/// After an answer to a body that was not read to its end, what still arrives is thrown away for
/// this long and up to this size. Otherwise the kernel resets the connection and the client may
/// never see the answer.
pub(super) const LINGER_TIMEOUT: Duration = Duration::from_secs(3);
/// See [`LINGER_TIMEOUT`].
pub(super) const LINGER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The bounds that a connection is judged by.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Largest request body, bytes.
    pub(crate) body_bytes_max: usize,
    /// Request bodies in memory at once, bytes.
    pub(crate) body_memory_bytes_max: usize,
    /// Time for a request body.
    pub(crate) body_timeout: Duration,
    /// Time in which a body must make progress.
    pub(crate) body_progress_window: Duration,
    /// Time for a TLS handshake.
    pub(crate) handshake_timeout: Duration,
    /// Time for a request head.
    pub(crate) head_timeout: Duration,
    /// Time that a connection may stay without requests.
    pub(crate) idle_timeout: Duration,
    /// Time in which a response must make progress.
    pub(crate) write_timeout: Duration,
    /// Time for a connection to end after it was asked to.
    pub(crate) closing_timeout: Duration,
    /// Connections open at once.
    pub(crate) connections_max: usize,
}

impl Limits {
    /// Takes what is configurable from `config` and the rest from this module.
    pub(crate) fn new(config: &HttpLimits) -> Self {
        Self {
            body_bytes_max: config.body_bytes_max,
            body_memory_bytes_max: BODY_MEMORY_BYTES_MAX.max(2 * config.body_bytes_max),
            body_timeout: config.body_timeout,
            body_progress_window: BODY_PROGRESS_WINDOW.min(config.body_timeout),
            handshake_timeout: HANDSHAKE_TIMEOUT,
            head_timeout: config.head_timeout,
            idle_timeout: IDLE_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            closing_timeout: CLOSING_TIMEOUT,
            connections_max: config.connections_max,
        }
    }

    /// How often a connection is judged. Limits are enforced this much late at most, and no
    /// request pays for a timer.
    pub(super) fn check_interval(&self) -> Duration {
        let shortest = self.head_timeout.min(self.idle_timeout).min(self.write_timeout);
        let shortest = shortest.min(self.handshake_timeout);
        (shortest / 2).max(Duration::from_millis(10))
    }
}

/// Bounds for tests, generous unless a test narrows them.
#[cfg(test)]
pub(super) fn test_limits() -> Limits {
    Limits {
        body_bytes_max: 1024 * 1024,
        body_memory_bytes_max: 16 * 1024 * 1024,
        body_timeout: Duration::from_secs(30),
        body_progress_window: Duration::from_secs(30),
        handshake_timeout: Duration::from_secs(30),
        head_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(30),
        write_timeout: Duration::from_secs(30),
        closing_timeout: Duration::from_secs(1),
        connections_max: 1000,
    }
}
