//! Receipt handles as requests carry them (contract §2.11, §4.3).

use sluice_wire::AwsError;

use super::errors;
use crate::broker::{Broker, Queue, Receipt, ReceiptError};

/// Reads a receipt handle that belongs to the queue.
///
/// # Errors
/// `ReceiptHandleIsInvalid`; the text depends on what is wrong.
pub(super) fn parse(broker: &Broker, queue: &Queue, text: &str) -> Result<Receipt, AwsError> {
    broker.parse_receipt(queue, text).map_err(|error| match error {
        ReceiptError::Malformed => errors::receipt_handle_malformed(text),
        ReceiptError::OtherQueue => errors::receipt_handle_of_other_queue(text),
    })
}

/// Takes a receipt handle that is there; an empty one is not.
pub(super) fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
