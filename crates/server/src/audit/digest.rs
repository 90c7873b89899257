//! What a finished file has to be; with the names of CloudTrail's digest files where there are such.

use serde::{Deserialize, Serialize};

use super::chain::Followed;

/// The only one there is.
pub(super) const ALGORITHM: &str = "SHA-256";

/// A digest file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Digest {
    /// Of the file.
    pub(super) number: u64,
    /// Name of the compressed file.
    pub(super) log_file: String,
    pub(super) hash_algorithm: String,
    /// Hash of the compressed file.
    pub(super) hash_value: String,
    /// Lines in the file.
    pub(super) records: u64,
    pub(super) oldest_event_time: Option<String>,
    pub(super) newest_event_time: Option<String>,
    /// What its first line carries.
    pub(super) first_previous_record_hash: Option<String>,
    /// Hash of its last line.
    pub(super) last_record_hash: Option<String>,
    /// Hash of the digest file before this one; null in the first.
    pub(super) previous_digest_hash_value: Option<String>,
}

impl Digest {
    /// Compares with what the file says.
    pub(super) fn check(&self, found: &Followed) -> Result<(), String> {
        let said = (self.records, &self.first_previous_record_hash, &self.last_record_hash);
        if said != (found.records, &found.first_previous_hash, &found.last_hash) {
            return Err(format!(
                "its digest says {} records up to the hash {}, but there are {} up to {}",
                self.records,
                self.last_record_hash.as_deref().unwrap_or("(none)"),
                found.records,
                found.last_hash.as_deref().unwrap_or("(none)"),
            ));
        }
        Ok(())
    }
}
