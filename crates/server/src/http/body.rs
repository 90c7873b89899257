//! Reads a request body within its bounds: size, time, progress, memory of all bodies together.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use thiserror::Error;

use super::limits::{BODY_PROGRESS_BYTES, Limits};
use super::memory::{Memory, Share};

/// Memory is accounted in units of this size.
const BUDGET_UNIT_BYTES: usize = 1024;

/// The beginning of a body: space is reserved for it before its first bytes are there, whatever `Content-Length` promises,
/// and it has memory of its own, so that a few large bodies that never end do not keep the many small ones out.
const BEGINNING_BYTES: usize = 64 * 1024;

/// Memory for the request bodies of the whole server: half for their beginnings, half for the rest of the large ones.
#[derive(Debug, Clone)]
pub(crate) struct BodyBudget {
    beginnings: Memory,
    rests: Memory,
}

impl BodyBudget {
    /// A budget of as many bytes as the limits say.
    pub(crate) fn new(limits: &Limits) -> Self {
        let half = limits.body_memory_bytes_max / 2;
        Self { beginnings: Memory::new(half), rests: Memory::new(half) }
    }

    fn none(&self) -> BodyShare {
        BodyShare { beginning: self.beginnings.none(), rest: self.rests.none() }
    }
}

/// The share of one body.
#[derive(Debug)]
pub(crate) struct BodyShare {
    beginning: Share,
    rest: Share,
}

impl BodyShare {
    /// Takes what is missing for a body of `len` bytes. Refuses at once instead of waiting: whoever waits here keeps the
    /// memory it already has.
    fn cover(&mut self, len: usize) -> Result<(), BodyError> {
        let bytes = len.div_ceil(BUDGET_UNIT_BYTES) * BUDGET_UNIT_BYTES;
        let beginning = bytes.min(BEGINNING_BYTES);
        if self.beginning.grow_to(beginning) && self.rest.grow_to(bytes - beginning) {
            Ok(())
        } else {
            Err(BodyError::NoMemory)
        }
    }
}

/// A body in memory; its share of the budget returns when this is dropped.
#[derive(Debug)]
pub(crate) struct ReadBody {
    /// The bytes as they arrived.
    pub(crate) bytes: Bytes,
    share: BodyShare,
}

impl ReadBody {
    /// Puts what the body decodes to in its place, and accounts for it.
    ///
    /// # Errors
    /// [`BodyError::NoMemory`] when that is more than there is for bodies.
    pub(crate) fn decoded(mut self, bytes: Bytes) -> Result<Self, BodyError> {
        self.share.cover(bytes.len())?;
        Ok(Self { bytes, ..self })
    }

    /// For who needs the bytes for a shorter time than what is made of them.
    pub(crate) fn into_parts(self) -> (Bytes, BodyShare) {
        (self.bytes, self.share)
    }
}

/// Why a body was not read to its end.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is larger than allowed.
    #[error("request body is larger than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// It did not arrive in time, or too slowly.
    #[error("request body did not arrive in time")]
    TimedOut,
    /// The client went away, or its framing is broken.
    #[error("request body is incomplete")]
    Incomplete,
    /// The bodies of other requests take all the memory there is for them.
    #[error("too many request bodies at once")]
    NoMemory,
}

/// Reads `body` to its end. Cancel-safe: dropping it gives the memory back.
pub(crate) async fn read_body<B>(
    mut body: B,
    budget: &BodyBudget,
    limits: &Limits,
) -> Result<ReadBody, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let promised = body.size_hint().lower();
    if promised > limits.body_bytes_max as u64 {
        return Err(BodyError::TooLarge { bytes_max: limits.body_bytes_max });
    }
    if body.is_end_stream() {
        return Ok(Collected::new(0, budget.none()).finish());
    }
    let mut collected = Collected::new(promised, budget.none());
    let reading = async {
        while let Progress::More = within_window(&mut body, &mut collected, limits).await? {}
        Ok(())
    };
    match tokio::time::timeout(limits.body_timeout, reading).await {
        Ok(Ok(())) => Ok(collected.finish()),
        Ok(Err(error)) => Err(error),
        Err(_elapsed) => Err(BodyError::TimedOut),
    }
}

enum Progress {
    More,
    Ended,
}

/// Reads until the window's share has arrived or the body ends; both must happen in time.
async fn within_window<B>(
    body: &mut B,
    collected: &mut Collected,
    limits: &Limits,
) -> Result<Progress, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let wanted = collected.len() + BODY_PROGRESS_BYTES;
    let reading = async {
        while collected.len() < wanted {
            let Some(frame) = body.frame().await else {
                return Ok(Progress::Ended);
            };
            let frame = frame.map_err(|_broken| BodyError::Incomplete)?;
            if let Ok(data) = frame.into_data() {
                collected.append(data, limits)?;
            }
        }
        Ok(Progress::More)
    };
    let window: Duration = limits.body_progress_window;
    tokio::time::timeout(window, reading).await.unwrap_or(Err(BodyError::TimedOut))
}

/// The bytes so far. A body that comes in one piece, as most do, is not copied.
struct Collected {
    promised: u64,
    first: Bytes,
    rest: BytesMut,
    share: BodyShare,
}

impl Collected {
    fn new(promised: u64, share: BodyShare) -> Self {
        Self { promised, first: Bytes::new(), rest: BytesMut::new(), share }
    }

    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn append(&mut self, data: Bytes, limits: &Limits) -> Result<(), BodyError> {
        let len = self.len() + data.len();
        if len > limits.body_bytes_max {
            return Err(BodyError::TooLarge { bytes_max: limits.body_bytes_max });
        }
        self.share.cover(len)?;
        if self.len() == 0 && data.len() as u64 == self.promised {
            self.first = data;
            return Ok(());
        }
        if self.rest.is_empty() {
            let promised = usize::try_from(self.promised).unwrap_or(BEGINNING_BYTES);
            self.rest.reserve(promised.min(BEGINNING_BYTES).max(data.len()));
        }
        self.rest.extend_from_slice(&data);
        Ok(())
    }

    fn finish(self) -> ReadBody {
        let bytes = if self.first.is_empty() { self.rest.freeze() } else { self.first };
        ReadBody { bytes, share: self.share }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body_util::Full;
    use hyper::body::Frame;

    use super::super::limits::test_limits;
    use super::*;

    /// Chunks of unknown total length; `None` never comes.
    struct Chunks {
        chunks: Vec<&'static [u8]>,
        end: End,
    }

    enum End {
        Ends,
        Stalls,
    }

    impl Body for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.chunks.is_empty() {
                return match self.end {
                    End::Ends => Poll::Ready(None),
                    End::Stalls => Poll::Pending,
                };
            }
            let chunk = self.chunks.remove(0);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(chunk)))))
        }
    }

    async fn read<B>(body: B, limits: &Limits) -> Result<Bytes, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        read_body(body, &BodyBudget::new(limits), limits).await.map(|body| body.bytes)
    }

    #[tokio::test]
    async fn chunks_are_put_together() {
        let body = Chunks { chunks: vec![b"ab", b"", b"cd", b"e"], end: End::Ends };
        assert_eq!(read(body, &test_limits()).await, Ok(Bytes::from_static(b"abcde")));
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_fine_and_one_byte_more_is_not() {
        let limits = Limits { body_bytes_max: 4, ..test_limits() };
        let too_large = Err(BodyError::TooLarge { bytes_max: 4 });
        assert_eq!(read(Full::from("abcd"), &limits).await, Ok(Bytes::from("abcd")));
        assert_eq!(read(Full::from("abcde"), &limits).await, too_large);
        let chunks = Chunks { chunks: vec![b"ab", b"cd"], end: End::Ends };
        assert_eq!(read(chunks, &limits).await, Ok(Bytes::from("abcd")));
        let chunks = Chunks { chunks: vec![b"ab", b"cde"], end: End::Stalls };
        assert_eq!(read(chunks, &limits).await, too_large);
    }

    #[tokio::test]
    async fn a_body_that_stalls_is_given_up() {
        let limits = Limits { body_progress_window: Duration::from_millis(10), ..test_limits() };
        let body = Chunks { chunks: vec![b"ab"], end: End::Stalls };
        assert_eq!(read(body, &limits).await, Err(BodyError::TimedOut));
    }

    #[tokio::test]
    async fn memory_of_all_bodies_is_bounded_and_comes_back() {
        let limits = Limits { body_memory_bytes_max: 4 * BUDGET_UNIT_BYTES, ..test_limits() };
        let budget = BodyBudget::new(&limits);
        let one = read_body(Full::from("one"), &budget, &limits).await;
        let two = read_body(Full::from("two"), &budget, &limits).await;
        assert!(one.is_ok() && two.is_ok());
        let three = read_body(Full::from("three"), &budget, &limits).await;
        assert_eq!(three.map(|body| body.bytes), Err(BodyError::NoMemory));
        drop(one);
        assert!(read_body(Full::from("four"), &budget, &limits).await.is_ok());
    }

    #[tokio::test]
    async fn large_bodies_leave_the_small_ones_their_memory() {
        let limits = Limits {
            body_bytes_max: 100 * BUDGET_UNIT_BYTES,
            body_memory_bytes_max: 200 * BUDGET_UNIT_BYTES,
            ..test_limits()
        };
        let budget = BodyBudget::new(&limits);
        let largest = || Full::from(vec![b'x'; limits.body_bytes_max]);
        let mut large = Vec::new();
        while let Ok(body) = read_body(largest(), &budget, &limits).await {
            large.push(body);
        }
        assert!(!large.is_empty(), "one of the largest always has room");
        let small = read_body(Full::from("small"), &budget, &limits).await;
        assert!(small.is_ok(), "what large bodies may take is not all");
        drop(large);
        assert!(read_body(largest(), &budget, &limits).await.is_ok(), "what was taken comes back");
    }

    #[tokio::test]
    async fn what_a_body_decodes_to_is_accounted_for() {
        let limits = Limits { body_memory_bytes_max: 4 * BUDGET_UNIT_BYTES, ..test_limits() };
        let budget = BodyBudget::new(&limits);
        let body = read_body(Full::from("zip"), &budget, &limits).await.expect("room");
        let decoded = body.decoded(Bytes::from(vec![b'x'; 3 * BUDGET_UNIT_BYTES]));
        assert_eq!(decoded.map(|body| body.bytes), Err(BodyError::NoMemory));
    }
}
