//! The ticket of a commit: redeemed when the commit is on stable storage, or lost.

use tokio::sync::oneshot;

use crate::StoreError;

/// Stands for one commit whose durability is not yet known.
///
/// Dropping a ticket does not undo the commit.
#[derive(Debug)]
#[must_use = "without its ticket nobody learns whether the commit is durable"]
pub struct CommitTicket {
    state: State,
}

#[derive(Debug)]
enum State {
    Known(StoreError),
    Pending(oneshot::Receiver<Result<(), StoreError>>),
}

/// The engine's half of a ticket; dropping it loses the commit.
#[derive(Debug)]
pub(crate) struct TicketSender(oneshot::Sender<Result<(), StoreError>>);

impl TicketSender {
    /// Tells the ticket's holder the outcome.
    pub(crate) fn complete(self, outcome: Result<(), StoreError>) {
        // The holder may have lost interest; the commit stands either way.
        drop(self.0.send(outcome));
    }
}

impl CommitTicket {
    /// Creates a ticket and the half that completes it.
    pub(crate) fn pending() -> (TicketSender, Self) {
        let (sender, receiver) = oneshot::channel();
        (TicketSender(sender), Self { state: State::Pending(receiver) })
    }

    /// Creates a ticket of a commit that failed at once.
    pub(crate) fn failed(error: StoreError) -> Self {
        Self { state: State::Known(error) }
    }

    /// Waits until the commit is on stable storage.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if that is not known to have happened.
    pub async fn durable(self) -> Result<(), StoreError> {
        match self.state {
            State::Known(error) => Err(error),
            State::Pending(receiver) => receiver.await.unwrap_or_else(|_| Err(abandoned())),
        }
    }

    /// Waits like [`CommitTicket::durable`], blocking the thread; for tests and start-up.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if the commit is not known to be durable.
    ///
    /// # Panics
    /// Within an async task of tokio, where blocking is a bug.
    pub fn wait(self) -> Result<(), StoreError> {
        match self.state {
            State::Known(error) => Err(error),
            State::Pending(receiver) => {
                receiver.blocking_recv().unwrap_or_else(|_| Err(abandoned()))
            }
        }
    }
}

fn abandoned() -> StoreError {
    StoreError::lost("the store was closed before the commit was durable")
}
