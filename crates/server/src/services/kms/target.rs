//! What requests to KMS act on, as policies name it.

use std::borrow::Cow;
use std::sync::Arc;

use sluice_policy::Values;

use crate::keys::{Ciphertext, EncryptionContext, Grantee, Key, KeyReference, Place, Snapshot};
use crate::services::Context;
use crate::services::target::{Guarded, Reach, Resource, Target, tag_of};

/// What callers of other accounts can be allowed (KMS, "Allowing users in other accounts to use a KMS key").
const FOR_OTHER_ACCOUNTS: [&str; 12] = [
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
    "kms:RetireGrant",
    "kms:RevokeGrant",
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
        Resource::Key { key: Some(key), .. } | Resource::KeyGrant { key: Some(key), .. } => {
            KeyReference::parse(key, &caller).ok()
        }
        Resource::KeyOfCiphertext { ciphertext: Some(bytes), .. } => Ciphertext::parse(&bytes.0)
            .map(|ciphertext| {
                let key = snapshot.key_of(&ciphertext, &caller, context.now_ms);
                let place = key.map_or(&caller, |key| &key.place).clone();
                KeyReference::Key { place, id: ciphertext.key_id() }
            }),
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
            let is_granted = is_granted(&key, resource, context, action);
            let (encryption_context, alias) =
                (encryption_context(resource), reference.alias().map(str::to_owned));
            let guarded = GuardedKey { key, snapshot, encryption_context, alias, is_granted };
            Target { arn, account, guarded: Some(Arc::new(guarded)), reach, absent: None }
        }
        Err(_) => Target { arn: reference.arn(), account, guarded: None, reach, absent: None },
    }
}

/// A key that has its policy only in a request: to see what that would allow.
pub(super) fn as_it_would_be(key: &Key) -> Target {
    let (arn, account) = (key.arn(), key.place.account.clone());
    let guarded = GuardedKey {
        key: Arc::new(key.clone()),
        snapshot: Arc::default(),
        encryption_context: EncryptionContext::default(),
        alias: None,
        is_granted: false,
    };
    Target { arn, account, guarded: Some(Arc::new(guarded)), reach: Reach::Key, absent: None }
}

/// What a request binds to a ciphertext.
fn encryption_context(resource: &Resource) -> EncryptionContext {
    match resource {
        Resource::Key { encryption_context, .. }
        | Resource::KeyOfCiphertext { encryption_context, .. } => encryption_context.clone(),
        _ => EncryptionContext::default(),
    }
}

/// Whether a grant of the key lets the caller.
fn is_granted(key: &Key, resource: &Resource, context: &Context, action: &str) -> bool {
    let Some((_, operation)) = action.split_once(':') else { return false };
    let Some(caller) = Grantee::of(&context.identity) else { return false };
    match resource {
        Resource::KeyGrant { grant: Some(id), .. } => {
            let grant = key.grants.iter().find(|grant| grant.id == *id);
            grant.is_some_and(|grant| grant.lets_retire(&caller))
        }
        _ => {
            let encryption_context = encryption_context(resource);
            let mut grants = key.grants.iter().filter(|grant| grant.is_for(&context.identity));
            grants.any(|grant| grant.lets(&caller, operation, &encryption_context))
        }
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

/// A key in a request.
struct GuardedKey {
    key: Arc<Key>,
    snapshot: Arc<Snapshot>,
    encryption_context: EncryptionContext,
    /// That the request names the key by.
    alias: Option<String>,
    is_granted: bool,
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
            "kms:requestalias" => self.alias.as_deref().map(Values::from),
            "kms:encryptioncontextkeys" => {
                let names = self.encryption_context.0.keys();
                let names: Vec<_> = names.map(|name| Cow::Borrowed(name.as_str())).collect();
                (!names.is_empty()).then_some(Values::Many(names))
            }
            _ => {
                let name = key.strip_prefix("kms:encryptioncontext:")?;
                tag_of(&self.encryption_context.0, name).map(Values::from)
            }
        }
    }

    fn is_granted(&self) -> bool {
        self.is_granted
    }

    fn tag(&self, key: &str) -> Option<&str> {
        tag_of(&self.key.tags, key)
    }
}
