//! A connection that notes its progress and, where needed, lingers before it closes. TLS is above it: what is noted are
//! the bytes on the wire, so that nobody gains time by records that are never complete.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::activity::Activity;
use super::limits::{LINGER_BYTES_MAX, LINGER_TIMEOUT};
use super::socket::Stream;

/// See the module. hyper, or TLS for it, reads and writes through it.
#[derive(Debug)]
pub(super) struct WatchedStream {
    inner: Stream,
    activity: Arc<Activity>,
    first: First,
    linger: Linger,
}

/// The bytes that were read to tell the version of HTTP, and that hyper has not got yet.
#[derive(Debug, Default)]
struct First {
    bytes: [u8; HTTP2_PREFACE.len()],
    len: usize,
}

/// What an HTTP/2 client with prior knowledge begins with.
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

#[derive(Debug)]
enum Linger {
    NotBegun,
    Discarding { until: Pin<Box<Sleep>>, bytes_left: usize },
    Over,
}

impl WatchedStream {
    /// Watches `inner` on behalf of `activity`.
    pub(super) fn new(inner: Stream, activity: Arc<Activity>) -> Self {
        Self { inner, activity, first: First::default(), linger: Linger::NotBegun }
    }

    /// On whose behalf it watches.
    pub(super) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Reads until it is clear what the client speaks.
    pub(super) async fn version(&mut self) -> io::Result<Version> {
        let mut first = First::default();
        while first.bytes[..first.len] == HTTP2_PREFACE[..first.len] {
            if first.len == first.bytes.len() {
                self.first = first;
                self.activity.note_http2();
                return Ok(Version::Http2);
            }
            let bytes = self.read(&mut first.bytes[first.len..]).await?;
            if bytes == 0 {
                break;
            }
            first.len += bytes;
        }
        self.first = first;
        Ok(Version::Http1)
    }

    /// Gives what was read before.
    fn give_first(&mut self, buffer: &mut ReadBuf<'_>) {
        let bytes = self.first.len.min(buffer.remaining());
        buffer.put_slice(&self.first.bytes[..bytes]);
        self.first.bytes.copy_within(bytes.., 0);
        self.first.len -= bytes;
    }

    fn poll_rest(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let bytes = buffer.filled().len() - before;
        if bytes > 0 {
            self.activity.note_read(bytes);
        }
        result
    }

    /// Throws away what the client still sends, until it ends, or time or size are used up.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.linger, Linger::NotBegun) && self.activity.is_body_unread() {
            self.linger = Linger::Discarding {
                until: Box::pin(tokio::time::sleep(LINGER_TIMEOUT)),
                bytes_left: LINGER_BYTES_MAX,
            };
        }
        let Linger::Discarding { until, bytes_left } = &mut self.linger else {
            return Poll::Ready(());
        };
        let mut space = [0; 16 * 1024];
        while until.as_mut().poll(cx).is_pending() && *bytes_left > 0 {
            let mut buffer = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    *bytes_left = bytes_left.saturating_sub(buffer.filled().len());
                }
                Ok(()) | Err(_) => break,
            }
        }
        self.linger = Linger::Over;
        Poll::Ready(())
    }

    fn note_write(&self, result: &Poll<io::Result<usize>>) {
        match result {
            Poll::Ready(Ok(bytes)) => self.activity.note_written(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.note_write_blocked(),
        }
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.len == 0 {
            return self.poll_rest(cx, buffer);
        }
        self.give_first(buffer);
        // In one piece with what follows, which is there as a rule: hyper makes its buffer larger for a request that is
        // read in pieces. After an error the next read finds the end.
        if self.first.len == 0 && buffer.remaining() > 0 {
            let _pending_or_read = self.poll_rest(cx, buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.note_write(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.note_write(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper flushes when it has written all it holds, so the client owes nothing then.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        if matches!(result, Poll::Ready(Ok(()))) {
            self.activity.note_flushed();
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.linger, Linger::NotBegun) {
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }
}
