//! A KMS key.

use serde::{Deserialize, Serialize};

use super::error::KeyError;
use super::grant::Grant;
use super::material::{Material, MaterialOrigin};
use super::place::Place;
use crate::identities::Tags;

const DAY_MS: u64 = 86_400_000;

/// A KMS key: symmetric, for encryption and decryption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Where it is.
    pub place: Place,
    /// A UUID.
    pub id: String,
    /// Who made it and says who may use it.
    pub manager: KeyManager,
    /// Epoch milliseconds.
    pub created_at_ms: u64,
    /// For people.
    pub description: String,
    /// Whether it can be used.
    pub state: KeyState,
    /// Its key policy, which has to allow everything that is done with it.
    pub policy: String,
    /// Its tags.
    pub tags: Tags,
    /// When it gets new material, if it does so by itself.
    pub rotation: Option<Rotation>,
    /// Who may do what with it besides, by id.
    pub grants: Vec<Grant>,
    /// What it had and has, the one in use last: what was encrypted with an older one is still decrypted.
    pub materials: Vec<Material>,
}

/// Who made a key and says who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyManager {
    /// A user.
    Customer,
    /// The server, for one of its services.
    Aws,
}

/// Whether a key can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// It can.
    Enabled,
    /// It cannot, until it is enabled again.
    Disabled,
    /// It cannot, and is deleted soon.
    PendingDeletion {
        /// From when on it is no more, epoch milliseconds.
        delete_at_ms: u64,
    },
}

/// When a key gets new material by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Days between one and the next.
    pub period_days: u32,
    /// Epoch milliseconds.
    pub next_at_ms: u64,
}

impl Rotation {
    /// Begins to count now.
    pub fn every(period_days: u32, now_ms: u64) -> Self {
        Self { period_days, next_at_ms: now_ms + u64::from(period_days) * DAY_MS }
    }
}

/// What is to be known of a key before it is made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Where it is to be.
    pub place: Place,
    /// Who manages it.
    pub manager: KeyManager,
    /// For people.
    pub description: String,
    /// Its key policy.
    pub policy: String,
    /// Its tags.
    pub tags: Tags,
    /// Days between one material and the next, if it rotates.
    pub rotation_days: Option<u32>,
}

impl Key {
    /// Amazon resource name.
    pub fn arn(&self) -> String {
        self.place.arn(&format!("key/{}", self.id))
    }

    /// The policy of a key for which none is given: its account says by the policies of identities who may use it.
    pub fn default_policy(account: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Id":"key-default-1","Statement":[{{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":"kms:*","Resource":"*"}}]}}"#
        )
    }

    /// The material that is in use.
    pub fn material(&self) -> &Material {
        self.materials.last().expect("a key is made with material, and never loses it")
    }

    /// Whether the time has come at which it is no more, though its row may still be there.
    pub fn is_gone(&self, now_ms: u64) -> bool {
        matches!(self.state, KeyState::PendingDeletion { delete_at_ms } if delete_at_ms <= now_ms)
    }

    /// Lets nobody use a key that is disabled or about to be deleted.
    ///
    /// # Errors
    /// [`KeyError::Disabled`], [`KeyError::InvalidState`]
    pub fn check_usable(&self) -> Result<(), KeyError> {
        match self.state {
            KeyState::Enabled => Ok(()),
            KeyState::Disabled => Err(KeyError::Disabled(self.arn())),
            KeyState::PendingDeletion { .. } => self.check_kept(),
        }
    }

    /// Lets nobody change a key that is about to be deleted.
    ///
    /// # Errors
    /// [`KeyError::InvalidState`]
    pub fn check_kept(&self) -> Result<(), KeyError> {
        match self.state {
            KeyState::Enabled | KeyState::Disabled => Ok(()),
            KeyState::PendingDeletion { .. } => {
                Err(KeyError::InvalidState(format!("{} is pending deletion.", self.arn())))
            }
        }
    }

    /// From when on it is no more, if it is to be deleted, so many days from now.
    pub fn delete_in(&mut self, days: u32, now_ms: u64) -> u64 {
        let delete_at_ms = now_ms + u64::from(days) * DAY_MS;
        self.state = KeyState::PendingDeletion { delete_at_ms };
        delete_at_ms
    }

    /// How often somebody asked for new material.
    pub fn rotations_on_demand(&self) -> usize {
        let is_on_demand = |material: &&Material| material.origin == MaterialOrigin::OnDemand;
        self.materials.iter().filter(is_on_demand).count()
    }
}
