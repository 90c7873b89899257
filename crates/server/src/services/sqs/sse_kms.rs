//! Queues whose bodies are encrypted under a key of KMS, which the caller needs permission to use (contract §9).
//!
//! The caller and the state of the key are looked at for each request; only the data key is reused.

use sluice_wire::AwsError;
use uuid::Uuid;

use super::errors;
use crate::broker::{BrokerError, Outgoing, Queue, ReceiveOptions, Received, SentMessage};
use crate::keys::{EncryptionContext, KeyError, OnBehalf, Place};
use crate::services::Context;

/// As in `sqs.us-east-1.amazonaws.com`.
const SERVICE: &str = "sqs";

/// Sends messages, as [`crate::broker::Broker::send`] does.
///
/// # Errors
/// `KmsNotFound` and the like, or a fault of the broker.
pub(super) async fn send(
    context: &Context,
    queue: &Queue,
    messages: Vec<Outgoing>,
) -> Result<Vec<SentMessage>, AwsError> {
    let Some(key) = &queue.attributes.kms_master_key_id else {
        return Ok(context.broker.send(queue, messages).await?);
    };
    let keys = keys(context, queue);
    let bound_to = bound_to(&queue.key.arn());
    let key = keys.find(key).await.map_err(refused)?;
    for action in ["kms:GenerateDataKey", "kms:Decrypt"] {
        keys.authorise(action, &key, &bound_to).map_err(refused)?;
    }
    key.check_usable().map_err(refused)?;
    let seal = |data_key: &[u8; _]| context.keys.encrypt(&key, &bound_to, data_key);
    let data_key = context.broker.data_key(queue, &key.arn(), messages.len(), seal);
    let data_key = data_key.map_err(refused)?;
    Ok(context.broker.send_encrypted(queue, messages, data_key.as_deref()).await?)
}

/// Receives messages, as [`crate::broker::Broker::receive`] does. Where the key of the queue cannot be used, none is touched.
///
/// Messages that were sent under another key, which cannot be used, stay hidden like those that are returned with them. They are
/// visible again at once if there is none to return.
///
/// # Errors
/// `KmsNotFound` and the like, or a fault of the broker.
pub(super) async fn receive(
    context: &Context,
    queue: &Queue,
    options: ReceiveOptions,
) -> Result<Vec<Received>, AwsError> {
    check_readable(context, queue).await?;
    let received = context.broker.receive(queue, options).await?;
    if received.iter().all(|received| received.locked.is_none()) {
        return Ok(received);
    }
    let receipts: Vec<String> =
        received.iter().map(|received| received.receipt_handle.clone()).collect();
    let unlocked = unlock(context, queue, received);
    if unlocked.is_err() {
        Box::pin(give_back(context, queue, &receipts)).await;
    }
    unlocked
}

/// Looks at messages, as [`crate::broker::Broker::peek`] does.
///
/// # Errors
/// `KmsNotFound` and the like, or a fault of the broker.
pub(super) async fn peek(
    context: &Context,
    queue: &Queue,
    count_max: u32,
) -> Result<Vec<Received>, AwsError> {
    check_readable(context, queue).await?;
    let peeked = context.broker.peek(queue, count_max).await?;
    unlock(context, queue, peeked)
}

/// Lets nobody touch messages who may not use the key of the queue, or while nobody can.
async fn check_readable(context: &Context, queue: &Queue) -> Result<(), AwsError> {
    match &queue.attributes.kms_master_key_id {
        // In a box of its own: a long poll of a queue without a key should not have to make room for it.
        Some(key) => Box::pin(check_decrypting(context, queue, key)).await,
        None => Ok(()),
    }
}

async fn check_decrypting(context: &Context, queue: &Queue, key: &str) -> Result<(), AwsError> {
    let keys = keys(context, queue);
    let key = keys.find(key).await.map_err(refused)?;
    keys.authorise("kms:Decrypt", &key, &bound_to(&queue.key.arn())).map_err(refused)?;
    key.check_usable().map_err(refused)
}

/// Decrypts bodies, each with the key that it was encrypted under: it may have been sent to another queue, or before this one got
/// its present key. One whose key cannot be used is left out, unless there is no other.
fn unlock(
    context: &Context,
    queue: &Queue,
    received: Vec<Received>,
) -> Result<Vec<Received>, AwsError> {
    let keys = keys(context, queue);
    context.broker.unlock(queue, received, |queue_arn, sealed| {
        match keys.decrypt(sealed, &bound_to(queue_arn)) {
            Ok(data_key) => Ok(Some(data_key)),
            Err(KeyError::InvalidCiphertext | KeyError::UnreadableMaterial) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    })
}

/// Lets messages be received again none of which their receiver could read.
async fn give_back(context: &Context, queue: &Queue, receipts: &[String]) {
    let parsed = receipts.iter().filter_map(|text| context.broker.parse_receipt(queue, text).ok());
    let visible = parsed.map(|receipt| (receipt, 0)).collect();
    // If this fails they are visible again after their visibility timeout; the receiver hears what came first.
    drop(context.broker.change_visibility(queue, visible).await);
}

fn keys<'a>(context: &'a Context, queue: &Queue) -> OnBehalf<'a> {
    let place = Place::new(&queue.key.account, &queue.key.region);
    OnBehalf::new(context, SERVICE, place)
}

/// What a data key is bound to.
fn bound_to(queue_arn: &str) -> EncryptionContext {
    EncryptionContext::of("aws:sqs:arn", queue_arn)
}

/// What KMS says, as SQS passes it on.
fn refused(error: KeyError) -> AwsError {
    let (shape, code) = match &error {
        KeyError::NotFound(_) | KeyError::InvalidArn(_) => {
            (&errors::KMS_NOT_FOUND, "NotFoundException")
        }
        KeyError::Disabled(_) => (&errors::KMS_DISABLED, "DisabledException"),
        KeyError::InvalidState(_) => (&errors::KMS_INVALID_STATE, "KMSInvalidStateException"),
        KeyError::AccessDenied(_) => (&errors::KMS_ACCESS_DENIED, "AccessDeniedException"),
        KeyError::NoMasterKey => (&errors::KMS_OPT_IN_REQUIRED, "OptInRequired"),
        KeyError::Stopped(_) => return BrokerError::Stopped.into(),
        KeyError::InvalidCiphertext | KeyError::IncorrectKey | KeyError::UnreadableMaterial => {
            return BrokerError::Unreadable(error.to_string()).into();
        }
    };
    let request_id = Uuid::new_v4();
    let message = format!(
        "{error} (Service: AWSKMS; Status Code: {}; Error Code: {code}; Request ID: {request_id}; Proxy: null)",
        shape.status
    );
    AwsError::new(shape, message)
}
