//! Whose access keys an operation is about: those of a user, or of the account's root.

use sluice_wire::AwsError;

use super::{errors, names, principals};
use crate::identities::{AccessKey, Account, Draft, Snapshot, User};
use crate::services::Context;
use crate::services::constraints::{Constraints, is_word};

/// Whose access keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyOwner {
    /// The account's own.
    Root,
    /// Those of a user, by name.
    User(String),
}

impl KeyOwner {
    /// The user that a request names, else the caller.
    pub(super) fn of(context: &Context, user_name: Option<String>) -> Result<Self, AwsError> {
        match user_name {
            Some(name) => Ok(Self::User(names::user(Some(name))?)),
            None => {
                let name = context.identity.user_name();
                Ok(name.map_or(Self::Root, |name| Self::User(name.into_owned())))
            }
        }
    }

    /// The keys as they are, the oldest first, with the name of the user.
    pub(super) fn keys(
        &self,
        context: &Context,
    ) -> Result<(Option<String>, Vec<AccessKey>), AwsError> {
        let account = &context.identity.account;
        match self {
            Self::User(name) => {
                let user = principals::found::<User>(context, name)?;
                Ok((Some(user.name.clone()), user.access_keys.clone()))
            }
            Self::Root => {
                let account = Account::stored(&context.identities.snapshot(), account);
                Ok((None, account.root_keys))
            }
        }
    }

    /// Changes the keys.
    pub(super) async fn change<T: Send + 'static>(
        self,
        context: &Context,
        change: impl FnOnce(&mut Vec<AccessKey>, &Snapshot, u64) -> Result<T, AwsError> + Send + 'static,
    ) -> Result<T, AwsError> {
        match self {
            Self::User(name) => {
                let change = move |user: &mut User, snapshot: &Snapshot, now_ms| {
                    change(&mut user.access_keys, snapshot, now_ms)
                };
                principals::update(context, name, change).await
            }
            Self::Root => {
                let id = context.identity.account.to_string();
                let decide = move |draft: &mut Draft, now_ms| {
                    let mut account = Account::stored(draft.snapshot(), &id);
                    let value = change(&mut account.root_keys, draft.snapshot(), now_ms)?;
                    draft.put(account);
                    Ok(value)
                };
                context.identities.change(decide).await
            }
        }
    }
}

/// Finds a key by its id.
pub(super) fn existing<'a>(
    keys: &'a mut [AccessKey],
    id: &str,
) -> Result<&'a mut AccessKey, AwsError> {
    keys.iter_mut().find(|key| key.id == id).ok_or_else(|| errors::no_such_access_key(id))
}

/// `AccessKeyId`
pub(super) fn key_id(id: Option<String>) -> Result<String, AwsError> {
    Constraints::new()
        .required("accessKeyId", id.as_deref(), 16, 128)
        .pattern("accessKeyId", id.as_deref(), "[\\w]+", is_word)
        .check()?;
    Ok(id.unwrap_or_default())
}
