//! What seals the material of all keys: derived from the server key, or where there is no master key and `dev` does without,
//! stored beside what it seals.
//!
//! | row | key | value |
//! |---|---|---|
//! | root | `m` | a random root, base64, JSON; only where there is no master key |

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sluice_store::{Batch, Shard, Space};
use zeroize::Zeroizing;

use super::rows::{BadRow, OpenError};
use crate::encryption::{Encryption, KEY_BYTES, SealingKey};
use crate::identities::Secret;
use crate::random;
use crate::rare_changes::rows;
use crate::services::Switch;

pub(super) const KEY: &[u8] = b"m";

/// Opens the root. Without one there are no keys. Waits for the disk.
pub(super) fn open(
    shard: &mut dyn Shard,
    encryption: Option<&Encryption>,
    without_master_key: Switch,
) -> Result<Option<SealingKey>, OpenError> {
    let stored = shard.reader().get(Space::Rows, KEY)?;
    match (stored, encryption, without_master_key) {
        (Some(_), Some(encryption), _) => {
            forget_unused(shard)?;
            Ok(Some(encryption.root_of_keys()))
        }
        (None, Some(encryption), _) => Ok(Some(encryption.root_of_keys())),
        (Some(bytes), None, Switch::On) => decode(&bytes).map(Some).map_err(OpenError::Row),
        (None, None, Switch::On) => create(shard).map(Some),
        (_, None, Switch::Off) => Ok(None),
    }
}

/// Removes a root that seals nothing.
fn forget_unused(shard: &mut dyn Shard) -> Result<(), OpenError> {
    let mut is_used = false;
    rows::each(&*shard.reader(), &mut |key, _| is_used |= key != KEY)?;
    if is_used {
        return Err(OpenError::MadeWithoutMasterKey);
    }
    let mut batch = Batch::new();
    batch.delete(Space::Rows, KEY.to_vec());
    shard.commit(batch).wait()?;
    Ok(())
}

fn create(shard: &mut dyn Shard) -> Result<SealingKey, OpenError> {
    let root: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(random::bytes());
    let mut batch = Batch::new();
    let text = Secret::new(BASE64_STANDARD.encode(*root));
    batch.put(Space::Rows, KEY.to_vec(), rows::encode(&text));
    shard.commit(batch).wait()?;
    Ok(SealingKey::new(&root))
}

pub(super) fn decode(value: &[u8]) -> Result<SealingKey, BadRow> {
    let text: Secret = rows::decode(value).ok_or(BadRow::Value("root"))?;
    let bytes = BASE64_STANDARD.decode(text.expose()).map(Zeroizing::new).ok();
    let root = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok());
    root.map(|root| SealingKey::new(&root)).ok_or(BadRow::Value("root"))
}
