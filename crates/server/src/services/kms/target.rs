//! What requests to KMS act on, as policies name it.

use std::borrow::Cow;
use std::sync::Arc;

use sluice_policy::Values;

use crate::keys::{Ciphertext, Key, KeyReference, Place, Snapshot};
use crate::services::Context;
use crate::services::target::{Guarded, Reach, Resource, Target, tag_of};

/// What callers of other accounts can be allowed (KMS, "Allowing users in other accounts to use a KMS key").
const FOR_OTHER_ACCOUNTS: [&str; 10] = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GetKeyRotationStatus",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:CreateGrant",
    "kms:ListGrants",
];

/// Everything in the caller's account and region: what lists need permission for.
pub(crate) fn account(context: &Context) -> Target {
    own(&place(context), "*")
}

/// A key or an alias.
pub(crate) fn of(resource: &Resource, context: &Context, action: &str) -> Target {
    let caller = place(context);
    let snapshot = context.keys.snapshot();
    let reference = match resource {
        Resource::KeyAlias(name) => {
            return own(&caller, name.as_deref().unwrap_or("alias/*"));
        }
        Resource::Key { key: Some(key), .. } => KeyReference::parse(key, &caller).ok(),
        Resource::KeyOfCiphertext { ciphertext: Some(bytes), .. } => {
            let id = Ciphertext::parse(&bytes.0).map(|ciphertext| ciphertext.key_id());
            id.map(|id| {
                let key = snapshot.key(&id, context.now_ms);
                let place = key.map_or(&caller, |key| &key.place).clone();
                KeyReference::Key { place, id }
            })
        }
        _ => None,
    };
    // What names no key is wrong: the operation says so, to who may call it.
    let Some(reference) = reference else { return own(&caller, "key/*") };
    let reach =
        if reference.place().account == caller.account || FOR_OTHER_ACCOUNTS.contains(&action) {
            Reach::Key
        } else {
            Reach::Account
        };
    let account = reference.place().account.clone();
    match snapshot.find(&reference, context.now_ms) {
        Ok(key) => {
            let (arn, key) = (key.arn(), Arc::clone(key));
            let guarded = Some(Arc::new(GuardedKey { key, snapshot }) as Arc<dyn Guarded>);
            Target { arn, account, guarded, reach, absent: None }
        }
        Err(_) => Target { arn: reference.arn(), account, guarded: None, reach, absent: None },
    }
}

/// A key that has a policy only in the request: to see what that would allow.
pub(super) fn with_policy(key: &Key) -> Target {
    let (key, snapshot) = (Arc::new(key.clone()), Arc::default());
    Target {
        arn: key.arn(),
        account: key.place.account.clone(),
        guarded: Some(Arc::new(GuardedKey { key, snapshot })),
        reach: Reach::Key,
        absent: None,
    }
}

/// The account and region of the caller.
pub(super) fn place(context: &Context) -> Place {
    Place::new(&context.identity.account, &context.region)
}

fn own(place: &Place, resource: &str) -> Target {
    let account = place.account.clone();
    let reach = Reach::Account;
    Target { arn: place.arn(resource), account, guarded: None, reach, absent: None }
}

/// A key, and what else there is.
struct GuardedKey {
    key: Arc<Key>,
    snapshot: Arc<Snapshot>,
}

impl Guarded for GuardedKey {
    fn policy(&self) -> Option<&str> {
        Some(&self.key.policy)
    }

    fn value(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:keyspec" | "kms:customermasterkeyspec" => Some("SYMMETRIC_DEFAULT".into()),
            "kms:keyusage" | "kms:customermasterkeyusage" => Some("ENCRYPT_DECRYPT".into()),
            "kms:keyorigin" => Some("AWS_KMS".into()),
            "kms:multiregion" => Some("false".into()),
            "kms:resourcealiases" => {
                let aliases = self.snapshot.aliases_of_key(&self.key);
                let names: Vec<_> =
                    aliases.map(|alias| Cow::Borrowed(alias.name.as_str())).collect();
                (!names.is_empty()).then_some(Values::Many(names))
            }
            _ => None,
        }
    }

    fn tag(&self, key: &str) -> Option<&str> {
        tag_of(&self.key.tags, key)
    }
}
