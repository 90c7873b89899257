//! Where a key is.

use serde::{Deserialize, Serialize};

/// The account and region that a key or an alias is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// 12-digit account id.
    pub account: String,
    /// For example `us-east-1`.
    pub region: String,
}

impl Place {
    /// Names a place.
    pub fn new(account: &str, region: &str) -> Self {
        Self { account: account.to_owned(), region: region.to_owned() }
    }

    /// Amazon resource name of something here: `key/<id>` or `alias/<name>`.
    pub fn arn(&self, resource: &str) -> String {
        format!("arn:aws:kms:{}:{}:{resource}", self.region, self.account)
    }
}
