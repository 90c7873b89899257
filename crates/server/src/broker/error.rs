//! Why the broker could not do what it was asked.

/// A refusal or a fault of the broker. Services translate it into their errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// The queue was deleted.
    #[error("the queue does not exist any more")]
    QueueGone,
    /// A short poll met the cap of messages in flight.
    #[error("too many messages are in flight")]
    OverLimit,
    /// The receive with this id cannot be repeated: its messages are no longer as it left them.
    #[error("the receive cannot be repeated")]
    AttemptOver(String),
    /// More requests wait than may.
    #[error("too many requests are waiting")]
    Busy,
    /// The disk's reserve is reached; sends are refused.
    #[error("the disk is full")]
    DiskFull,
    /// The store failed and the shard stopped.
    #[error("the shard has stopped after a fault of its store")]
    Stopped,
    /// A stored message cannot be read.
    #[error("a stored message cannot be read: {0}")]
    Unreadable(String),
}
