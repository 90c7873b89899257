//! An account and the access keys of its root. Accounts without any need no row.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access_key::AccessKey;
use super::entity::{Entity, EntityKey};
use super::key_holder::{Holder, KeyHolder};
use super::snapshot::{Snapshot, Table};

/// Digits of an account's id.
const ID_DIGITS: usize = 12;

/// Whether a text is the id of an account.
pub fn is_account_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is stored of an account itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// 12 digits.
    pub id: String,
    /// Access keys of the root.
    pub root_keys: Vec<AccessKey>,
    /// A name that no other account has. Rows of earlier versions do not know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

impl Account {
    /// What is stored of an account, or what would be if something were.
    pub fn stored(snapshot: &Snapshot, id: &str) -> Self {
        let nothing = || Self { id: id.to_owned(), root_keys: Vec::new(), alias: None };
        let stored = snapshot.get::<Self>(&EntityKey::new(id, ""));
        stored.map_or_else(nothing, |account| Self::clone(account))
    }
}

impl Entity for Account {
    const TABLE: u8 = b'a';
    const KIND: &'static str = "account";

    fn key(&self) -> EntityKey {
        EntityKey::new(&self.id, "")
    }

    fn table(snapshot: &Snapshot) -> &Table<Self> {
        &snapshot.accounts
    }

    fn table_mut(snapshot: &mut Snapshot) -> &mut Table<Self> {
        &mut snapshot.accounts
    }

    fn key_holders(&self) -> Vec<KeyHolder> {
        let account: Arc<str> = self.id.as_str().into();
        self.root_keys.iter().map(|key| KeyHolder::new(key, &account, Holder::Root)).collect()
    }
}
