//! The one row of settings: the key of session tokens, made with the data directory.

use serde::{Deserialize, Serialize};
use sluice_store::{Batch, Shard, Space};
use zeroize::Zeroize;

use super::rows::{BadRow, OpenError};
use super::session::SessionKey;
use crate::encryption::KEY_BYTES;
use crate::random;

const VERSION: u32 = 1;
pub(super) const KEY: &[u8] = b"m";

/// What the row holds.
#[derive(Serialize, Deserialize)]
pub(super) struct Settings {
    version: u32,
    session_key: [u8; KEY_BYTES],
}

impl Drop for Settings {
    fn drop(&mut self) {
        self.session_key.zeroize();
    }
}

/// Reads the settings, or makes them in a new data directory.
pub(super) fn open(shard: &mut dyn Shard) -> Result<SessionKey, OpenError> {
    let settings = match shard.reader().get(Space::Rows, KEY)? {
        Some(bytes) => decode(&bytes)?,
        None => {
            let settings = Settings { version: VERSION, session_key: random::bytes() };
            let value = serde_json::to_vec(&settings).expect("settings have finite numbers");
            let mut batch = Batch::new();
            batch.put(Space::Rows, KEY.to_vec(), value);
            shard.commit(batch).wait()?;
            settings
        }
    };
    Ok(SessionKey::new(&settings.session_key))
}

pub(super) fn decode(bytes: &[u8]) -> Result<Settings, BadRow> {
    let settings: Option<Settings> = serde_json::from_slice(bytes).ok();
    settings.filter(|settings| settings.version == VERSION).ok_or(BadRow::Value("settings"))
}
