//! Messages whose bodies only who may use a key of KMS can read.

use std::fmt::Display;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::encrypted_body;
use super::error::BrokerError;
use super::handle::Broker;
use super::message::{Message, Received};
use super::queue::Queue;
use crate::encryption::{CurrentKey, KEY_BYTES, UnreadableBody, Use};

impl Broker {
    /// The data key with which a key of KMS lets bodies be sent to a queue, or a new one, which `seal` seals; none where nothing is
    /// encrypted.
    ///
    /// # Errors
    /// What `seal` says.
    pub(crate) fn data_key<E>(
        &self,
        queue: &Queue,
        kms_key_arn: &str,
        bodies: usize,
        seal: impl FnOnce(&[u8; KEY_BYTES]) -> Result<Vec<u8>, E>,
    ) -> Result<Option<Arc<CurrentKey>>, E> {
        let Some(encryption) = &self.shared.encryption else { return Ok(None) };
        let queue_arn = queue.key.arn();
        let wanted = encrypted_body::wanted(queue, &queue_arn, bodies);
        let wanted = Use { kms_key: Some(kms_key_arn), ..wanted };
        encryption.data_key_sealed_by(&wanted, seal).map(Some)
    }

    /// Decrypts bodies that are locked. `open` gets the ARN of the queue for which a data key was made, and the data key, sealed;
    /// it returns none for one that was damaged. A message that cannot be read, for that or because `open` refuses, is left out,
    /// unless there is no other. What comes after one that `open` refuses in a group of a FIFO queue is left out with it.
    ///
    /// # Errors
    /// What `open` refused first, else [`BrokerError::Unreadable`].
    pub(crate) fn unlock<E: From<BrokerError> + Display>(
        &self,
        queue: &Queue,
        received: Vec<Received>,
        open: impl Fn(&str, &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, E>,
    ) -> Result<Vec<Received>, E> {
        let count = received.len();
        let mut unlocked = Vec::with_capacity(count);
        let mut refused: Vec<(Message, E)> = Vec::new();
        for mut received in received {
            let group = &received.message.group_id;
            let is_next = |(message, _): &(Message, E)| message.group_id == *group;
            if received.sequence_number.is_some() && refused.iter().any(is_next) {
                continue;
            }
            match self.unlock_one(queue, &mut received, &open) {
                Ok(Ok(())) => unlocked.push(received),
                Err(refusal) => refused.push((received.message, refusal)),
                Ok(Err(UnreadableBody)) => {
                    let (queue, message) = (queue.key.arn(), received.message.id);
                    tracing::error!(
                        queue,
                        %message,
                        cause = %UnreadableBody,
                        "a message cannot be read and is left out"
                    );
                }
            }
        }
        let mut refused = refused.into_iter();
        if unlocked.is_empty() && count > 0 {
            let unreadable = || BrokerError::Unreadable(UnreadableBody.to_string()).into();
            return Err(refused.next().map_or_else(unreadable, |(_, refusal)| refusal));
        }
        for (message, cause) in refused {
            let queue = queue.key.arn();
            let message = message.id;
            tracing::warn!(queue, %message, %cause, "a message is left out, its key cannot be used");
        }
        Ok(unlocked)
    }

    fn unlock_one<E>(
        &self,
        queue: &Queue,
        received: &mut Received,
        open: impl Fn(&str, &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, E>,
    ) -> Result<Result<(), UnreadableBody>, E> {
        let Some(envelope) = received.locked.take() else { return Ok(Ok(())) };
        let Some(encryption) = &self.shared.encryption else { return Ok(Err(UnreadableBody)) };
        let arn = queue.key.arn();
        let body = encryption.unlock(&arn, received.message.id, *envelope, open)?;
        Ok(body.map(|body| encrypted_body::put_back(&mut received.message, body)))
    }
}
