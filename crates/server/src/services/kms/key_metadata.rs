//! What answers say of a key.

use serde::Serialize;

use crate::keys::{Key, KeyManager, KeyState};

/// The only algorithm of symmetric keys.
pub(super) const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

/// `KeyMetadata`
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyMetadata {
    #[serde(rename = "AWSAccountId")]
    account: String,
    key_id: String,
    arn: String,
    creation_date: f64,
    enabled: bool,
    description: String,
    key_usage: &'static str,
    key_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<f64>,
    origin: &'static str,
    key_manager: &'static str,
    customer_master_key_spec: &'static str,
    key_spec: &'static str,
    encryption_algorithms: &'static [&'static str],
    multi_region: bool,
    current_key_material_id: String,
}

impl KeyMetadata {
    /// Describes a key.
    pub(super) fn of(key: &Key) -> Self {
        let deletion_date = match key.state {
            KeyState::Enabled | KeyState::Disabled => None,
            KeyState::PendingDeletion { delete_at_ms } => Some(seconds(delete_at_ms)),
        };
        Self {
            account: key.place.account.clone(),
            key_id: key.id.clone(),
            arn: key.arn(),
            creation_date: seconds(key.created_at_ms),
            enabled: key.state == KeyState::Enabled,
            description: key.description.clone(),
            key_usage: "ENCRYPT_DECRYPT",
            key_state: state(key.state),
            deletion_date,
            origin: "AWS_KMS",
            key_manager: match key.manager {
                KeyManager::Customer => "CUSTOMER",
                KeyManager::Aws => "AWS",
            },
            customer_master_key_spec: ALGORITHM,
            key_spec: ALGORITHM,
            encryption_algorithms: &[ALGORITHM],
            multi_region: false,
            current_key_material_id: key.material().id.clone(),
        }
    }
}

/// As answers have it.
pub(super) fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Enabled => "Enabled",
        KeyState::Disabled => "Disabled",
        KeyState::PendingDeletion { .. } => "PendingDeletion",
    }
}

/// A time as answers have it: epoch seconds with milliseconds.
pub(super) fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}
