//! The keys that signatures are verified with, derived once for each day, region and service.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use sluice_wire::{Credential, SigningKey};

use crate::identities::Secret;

/// So many are remembered; then all are forgotten, and derived again when they are asked for.
const KEYS_MAX: usize = 10_000;

/// Keys by access key id, date, region and service. Whether the access key is still accepted is asked elsewhere, each time.
#[derive(Default)]
pub(super) struct SigningKeys {
    derived: RwLock<HashMap<String, (Secret, SigningKey)>>,
}

impl SigningKeys {
    /// Finds the key of a credential that was verified before.
    pub(super) fn get(&self, credential: &Credential<'_>, secret: &Secret) -> Option<SigningKey> {
        let derived = self.derived.read().unwrap_or_else(PoisonError::into_inner);
        let (of, key) = derived.get(&name(credential))?;
        (of == secret).then(|| key.clone())
    }

    /// Remembers the key of a credential that was verified: who does not have the secret cannot fill the memory.
    pub(super) fn put(&self, credential: &Credential<'_>, secret: &Secret, key: SigningKey) {
        let mut derived = self.derived.write().unwrap_or_else(PoisonError::into_inner);
        if derived.len() >= KEYS_MAX {
            derived.clear();
        }
        derived.insert(name(credential), (secret.clone(), key));
    }
}

fn name(credential: &Credential<'_>) -> String {
    let Credential { access_key_id, date, region, service } = credential;
    format!("{access_key_id}/{date}/{region}/{service}")
}
