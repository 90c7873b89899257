//! How the engine sees a message's group and deduplication: as numbers.
//!
//! Both are the first half of a SHA-256, so that different texts meet as rarely as two random UUIDs.

use hmac::Mac;
use sha2::{Digest, Sha256};
use sluice_engine::{Deduplication, GroupId, NewMessage};

use super::calls::millis;
use super::message::Outgoing;
use super::queue::{DeduplicationScope, Queue, QueueKind};
use crate::encryption::Encryption;

/// Describes a message to the engine.
pub(super) fn new_message(
    queue: &Queue,
    outgoing: &Outgoing,
    encryption: Option<&Encryption>,
) -> NewMessage {
    let delay_ms = millis(outgoing.delay_secs);
    let message = &outgoing.message;
    match queue.kind {
        // Groups of a standard queue are its tenants.
        QueueKind::Standard => {
            let tenant = message.group_id.as_deref();
            let group = tenant.map_or(GroupId::NONE, |tenant| GroupId(number(&[tenant])));
            NewMessage { group, delay_ms, deduplication: None }
        }
        QueueKind::Fifo => {
            let group = message.group_id.as_deref().unwrap_or_default();
            let scope = match queue.deduplicates_by {
                DeduplicationScope::Queue => "",
                DeduplicationScope::MessageGroup => group,
            };
            let deduplication = message.deduplication_id.as_deref().map(|id| Deduplication {
                key: deduplication_key(scope, id, encryption),
                message: message.id.as_u128(),
            });
            NewMessage { group: GroupId(number(&[group])), delay_ms, deduplication }
        }
    }
}

/// Names a receive by its `ReceiveRequestAttemptId`.
pub(super) fn attempt(id: &str) -> u128 {
    number(&[id])
}

/// A key that is stored. Where bodies are encrypted it is made with a key, because an id may be made from a body; it is so
/// for all ids and queues of the server, because a given id repeats one that was made from a body and is the same.
fn deduplication_key(scope: &str, id: &str, encryption: Option<&Encryption>) -> u128 {
    let Some(encryption) = encryption else { return number(&[scope, id]) };
    let mut digest = encryption.keyed_digest();
    for text in [scope, id] {
        Mac::update(&mut digest, text.as_bytes());
        Mac::update(&mut digest, &[0]);
    }
    first_half(&digest.finalize().into_bytes())
}

/// Texts of ids contain no zero byte; it separates them.
fn number(texts: &[&str]) -> u128 {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text.as_bytes());
        digest.update([0]);
    }
    first_half(&digest.finalize())
}

fn first_half(full: &[u8]) -> u128 {
    u128::from_be_bytes(std::array::from_fn(|index| full[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_also_where_they_meet() {
        assert_ne!(number(&["a", "bc"]), number(&["ab", "c"]));
        assert_ne!(number(&["", "a"]), number(&["a"]));
        assert_eq!(number(&["a", "b"]), number(&["a", "b"]));
    }
}
