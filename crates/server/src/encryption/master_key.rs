//! The master key: what everything that is encrypted hangs on, and the only part of it that is not in the data directory.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::sealing::{KEY_BYTES, SealingKey};
use crate::hex;

const FINGERPRINT_BYTES: usize = 8;

/// A text is not a master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("wants 32 random bytes in base64, as `openssl rand -base64 32` prints them")]
pub struct WrongMasterKey;

/// The master key. Copies share it; with the last one it is overwritten.
#[derive(Clone)]
pub struct MasterKey(Arc<Zeroizing<[u8; KEY_BYTES]>>);

/// The master keys that a server is started with.
#[derive(Debug, Clone, Default)]
pub struct MasterKeys {
    /// The one that the data directory has or gets.
    pub current: Option<MasterKey>,
    /// The one that it replaces, if the data directory still has it.
    pub previous: Option<MasterKey>,
}

impl MasterKey {
    /// Reads the key: 32 bytes in base64, with white space around them.
    ///
    /// # Errors
    /// [`WrongMasterKey`]
    pub fn parse(text: &str) -> Result<Self, WrongMasterKey> {
        let bytes =
            Zeroizing::new(BASE64_STANDARD.decode(text.trim()).map_err(|_| WrongMasterKey)?);
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| WrongMasterKey)?;
        // So that nobody takes a file of zeros for a key.
        let is_constant = key.iter().all(|byte| *byte == key[0]);
        if is_constant { Err(WrongMasterKey) } else { Ok(Self(Arc::new(Zeroizing::new(key)))) }
    }

    /// Tells the key from others, and nothing of it.
    pub fn fingerprint(&self) -> String {
        hex::text(self.sealing_key().derived::<FINGERPRINT_BYTES>(b"sluice fingerprint 1"))
    }

    pub(super) fn sealing_key(&self) -> SealingKey {
        SealingKey::new(&self.0)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey(hidden, fingerprint {})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=\n";

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        let key = MasterKey::parse(TEXT).expect("32 bytes");
        assert_eq!(key.fingerprint().len(), 16);
        assert_eq!(MasterKey::parse(TEXT).expect("the same").fingerprint(), key.fingerprint());
        let short = BASE64_STANDARD.encode([7, 8]);
        let zeros = BASE64_STANDARD.encode([0; KEY_BYTES]);
        for wrong in ["", "secret", &short, &zeros, &TEXT.replace('3', "!")] {
            assert_eq!(MasterKey::parse(wrong).err(), Some(WrongMasterKey), "{wrong}");
        }
    }

    #[test]
    fn a_key_does_not_show() {
        let shown = format!("{:?}", MasterKey::parse(TEXT).expect("32 bytes"));
        assert!(shown.contains("fingerprint") && !shown.contains("222") && !shown.contains("3q2"));
    }
}
