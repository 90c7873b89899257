//! The API operations that carry load.

use http::HeaderValue;

/// An operation on messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `SendMessage` or `SendMessageBatch`.
    Send,
    /// `ReceiveMessage`.
    Receive,
    /// `DeleteMessage` or `DeleteMessageBatch`.
    Delete,
}

/// Whether the operation is called for one message or as its batch form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Single,
    Batch,
}

impl Form {
    pub(crate) fn of(batch: usize) -> Self {
        if batch == 1 { Self::Single } else { Self::Batch }
    }
}

impl Operation {
    /// Value of `X-Amz-Target`.
    pub(crate) fn target(self, form: Form) -> HeaderValue {
        HeaderValue::from_static(match (self, form) {
            (Self::Send, Form::Single) => "AmazonSQS.SendMessage",
            (Self::Send, Form::Batch) => "AmazonSQS.SendMessageBatch",
            (Self::Receive, Form::Single | Form::Batch) => "AmazonSQS.ReceiveMessage",
            (Self::Delete, Form::Single) => "AmazonSQS.DeleteMessage",
            (Self::Delete, Form::Batch) => "AmazonSQS.DeleteMessageBatch",
        })
    }

    /// Heading in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Delete => "delete",
        }
    }
}
