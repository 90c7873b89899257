//! A grant: somebody may do something with a key, besides what its policy says.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::encryption_context::EncryptionContext;
use crate::gateway::Identity;
use crate::identities::Holder;
use crate::{hex, random};

const ID_BYTES: usize = 32;

/// What a grant can be for. `CreateGrant` is not among it: nobody passes on what was granted.
pub const GRANT_OPERATIONS: [&str; 8] = [
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
];

/// Somebody may do something with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// 64 hexadecimal digits.
    pub id: String,
    /// For people, and so that one that is asked for twice is made once.
    pub name: Option<String>,
    /// ARN of who may.
    pub grantee: String,
    /// Unique id of the user or role that had this ARN: whoever has it later is somebody else.
    #[serde(default)]
    pub grantee_id: Option<String>,
    /// ARN of who may end it.
    pub retiring: Option<String>,
    /// What the grantee may do.
    pub operations: BTreeSet<String>,
    /// What must be bound to a ciphertext, if anything.
    pub constraint: Option<GrantConstraint>,
    /// 12-digit id of the account that made it.
    pub issuer: String,
    /// Epoch milliseconds.
    pub created_at_ms: u64,
}

/// What must be bound to a ciphertext.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrantConstraint {
    /// This, and perhaps more.
    Contains(EncryptionContext),
    /// This and nothing else.
    Equals(EncryptionContext),
}

/// A caller, as grants name it.
pub(crate) struct Grantee {
    arn: String,
    /// Of a session, that of its role.
    role_arn: Option<String>,
}

impl Grantee {
    /// Names the caller, if it has shown who it is.
    pub(crate) fn of(identity: &Identity) -> Option<Self> {
        let role_arn = match &identity.credentials()?.holder {
            Holder::Role(session) => Some(session.role_arn(&identity.account)),
            // A federated user has nothing of the user who asked for it but what its session policies allow.
            Holder::Root | Holder::User { .. } | Holder::FederatedUser(_) => None,
        };
        Some(Self { arn: identity.principal_arn(), role_arn })
    }

    fn is(&self, arn: &str) -> bool {
        self.arn == arn || self.role_arn.as_deref() == Some(arn)
    }
}

impl Grant {
    /// A new id.
    pub(crate) fn new_id() -> String {
        hex::text(random::bytes::<ID_BYTES>())
    }

    /// What names it together with its key. Nothing waits for a grant here, so that a token says nothing else.
    pub(crate) fn token(&self, key_arn: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{key_arn} {}", self.id))
    }

    /// Reads a token: ARN of the key and id of the grant.
    pub(crate) fn of_token(token: &str) -> Option<(String, String)> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (key_arn, id) = text.split_once(' ')?;
        Some((key_arn.to_owned(), id.to_owned()))
    }

    /// Whether a caller who has the ARN of the grantee is still the same.
    pub(crate) fn is_for(&self, caller: &Identity) -> bool {
        let Some(meant) = &self.grantee_id else { return true };
        caller.credentials().is_some_and(|key| match &key.holder {
            Holder::Root | Holder::FederatedUser(_) => false,
            Holder::User { unique_id, .. } => **unique_id == **meant,
            Holder::Role(session) => session.unique_id == *meant,
        })
    }

    /// Whether it lets a caller do something.
    pub(crate) fn lets(
        &self,
        caller: &Grantee,
        operation: &str,
        encryption_context: &EncryptionContext,
    ) -> bool {
        // Looking at a key and ending a grant bind nothing.
        let binds_nothing = matches!(operation, "DescribeKey" | "RetireGrant");
        let is_within = match &self.constraint {
            _ if binds_nothing => true,
            None => true,
            Some(GrantConstraint::Contains(least)) => encryption_context.contains(least),
            Some(GrantConstraint::Equals(only)) => encryption_context == only,
        };
        caller.is(&self.grantee) && self.operations.contains(operation) && is_within
    }

    /// Whether it lets a caller end it.
    pub(crate) fn lets_retire(&self, caller: &Grantee) -> bool {
        let is_retiring = self.retiring.as_deref().is_some_and(|arn| caller.is(arn));
        is_retiring || self.lets(caller, "RetireGrant", &EncryptionContext::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str = "arn:aws:iam::111122223333:user/bob";

    fn grant(constraint: Option<GrantConstraint>) -> Grant {
        let operations = ["Decrypt", "DescribeKey"].map(str::to_owned).into();
        Grant {
            id: Grant::new_id(),
            name: None,
            grantee: BOB.to_owned(),
            grantee_id: None,
            retiring: Some("arn:aws:iam::111122223333:role/ops".to_owned()),
            operations,
            constraint,
            issuer: "111122223333".to_owned(),
            created_at_ms: 1,
        }
    }

    fn caller(arn: &str) -> Grantee {
        Grantee { arn: arn.to_owned(), role_arn: None }
    }

    #[test]
    fn a_grant_is_for_somebody_something_and_an_encryption_context() {
        let none = EncryptionContext::default();
        let given = EncryptionContext::of("queue", "q");
        let mut more = given.clone();
        more.0.insert("a".to_owned(), "b".to_owned());
        let free = grant(None);
        assert!(free.lets(&caller(BOB), "Decrypt", &none));
        assert!(!free.lets(&caller(BOB), "Encrypt", &none));
        assert!(!free.lets(&caller("arn:aws:iam::111122223333:user/eve"), "Decrypt", &none));
        let least = grant(Some(GrantConstraint::Contains(given.clone())));
        let only = grant(Some(GrantConstraint::Equals(given.clone())));
        let may = |grant: &Grant, context| grant.lets(&caller(BOB), "Decrypt", context);
        assert_eq!((may(&least, &none), may(&only, &none)), (false, false));
        assert_eq!((may(&least, &given), may(&only, &given)), (true, true));
        assert_eq!((may(&least, &more), may(&only, &more)), (true, false));
        assert!(only.lets(&caller(BOB), "DescribeKey", &none));
    }

    #[test]
    fn who_retires_a_grant_is_named_in_it() {
        let grant = grant(None);
        assert!(!grant.lets_retire(&caller(BOB)));
        let session = Grantee {
            arn: "arn:aws:sts::111122223333:assumed-role/ops/night".to_owned(),
            role_arn: grant.retiring.clone(),
        };
        assert!(grant.lets_retire(&session));
        let token = grant.token("arn:aws:kms:r:1:key/x");
        let named = Some(("arn:aws:kms:r:1:key/x".to_owned(), grant.id));
        assert_eq!((Grant::of_token(&token), Grant::of_token("?")), (named, None));
    }
}
