//! The ticket of a commit: redeemed when the commit is on stable storage, or lost.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::StoreError;

/// What makes a commit durable when somebody waits for it; asking twice is no harm.
pub(crate) trait Durability: Send + Sync {
    /// Blocks until the commit is on stable storage, or says why it never will be.
    fn wait(&self) -> Result<(), StoreError>;
}

/// Stands for one commit whose durability is not yet known.
///
/// Dropping a ticket does not undo the commit, but nobody may make it durable before the next one that is waited for.
#[derive(Debug)]
#[must_use = "without its ticket nobody learns whether the commit is durable"]
pub struct CommitTicket {
    state: State,
}

enum State {
    Known(StoreError),
    Pending(oneshot::Receiver<Result<(), StoreError>>),
    OnDemand(Arc<dyn Durability>),
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(_) => "Known",
            Self::Pending(_) => "Pending",
            Self::OnDemand(_) => "OnDemand",
        })
    }
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

    /// Creates a ticket of a commit that becomes durable when it is waited for.
    pub(crate) fn on_demand(durability: Arc<dyn Durability>) -> Self {
        Self { state: State::OnDemand(durability) }
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
            State::OnDemand(durability) => tokio::task::spawn_blocking(move || durability.wait())
                .await
                .unwrap_or_else(|_| Err(abandoned())),
        }
    }

    /// Waits like [`CommitTicket::durable`], blocking the thread.
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
            State::OnDemand(durability) => durability.wait(),
        }
    }
}

fn abandoned() -> StoreError {
    StoreError::lost("the store was closed before the commit was durable")
}
