//! Keeps a bug in one operation from taking its connection down.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// Runs `future` to its end, or to its panic, whose message is the error.
///
/// What the future owned is dropped and never looked at again. What it shares with others is behind channels, whose other
/// end sees the drop; that makes the unwind safe.
pub(super) async fn caught<T>(
    mut future: Pin<&mut (impl Future<Output = T> + ?Sized)>,
) -> Result<T, String> {
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(message(&*panic))),
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("panic without message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_with_its_message() {
        let number = 7;
        let buggy = async {
            tokio::task::yield_now().await;
            assert_eq!(number, 8, "the number is wrong");
        };
        let error = caught(pin!(buggy)).await.expect_err("it panics");
        assert!(error.contains("the number is wrong"), "{error}");
        assert_eq!(caught(pin!(async { 5 })).await, Ok(5));
    }
}
