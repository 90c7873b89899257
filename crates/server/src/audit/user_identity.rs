//! `userIdentity`: who called, by kind.

use serde::Serialize;
use serde_json::{Value, json};
use sluice_wire::iso_8601;

use super::bounds::{NAME_CHARS_MAX, cut};
use crate::gateway::{Caller, Identity};
use crate::identities::{Holder, KeyHolder};

/// In place of the account of callers who did not sign.
const ANONYMOUS: &str = "ANONYMOUS_PRINCIPAL";

/// Who called.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserIdentity {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_context: Option<Value>,
}

impl UserIdentity {
    /// Nobody knows who: what was sent did not prove it.
    pub(super) fn unknown(claimed_access_key_id: Option<&str>) -> Self {
        let access_key_id = claimed_access_key_id.map(claimed);
        Self { kind: "Unknown", access_key_id, ..Self::default() }
    }

    /// The caller of a call whose signature is good, or needs not be.
    pub(super) fn of(identity: &Identity) -> Self {
        let user_name = identity.user_name().map(String::from);
        let (kind, access_key_id, session_context) = match &identity.caller {
            Caller::Anonymous => return Self::anonymous(),
            Caller::Claimed(id) => {
                (Self::user_or_root(user_name.as_ref()), id.as_deref().map(claimed), None)
            }
            Caller::Known(key) => {
                let kind = match &key.holder {
                    Holder::Root | Holder::User { .. } => Self::user_or_root(user_name.as_ref()),
                    Holder::Role(_) => "AssumedRole",
                    Holder::FederatedUser(_) => "FederatedUser",
                };
                (kind, Some(key.access_key_id.clone()), session_context(key))
            }
        };
        Self {
            kind,
            principal_id: Some(identity.sender_id()),
            arn: Some(identity.principal_arn()),
            account_id: Some(identity.account.to_string()),
            access_key_id,
            user_name,
            session_context,
        }
    }

    /// The account of who called.
    pub(super) fn account_id(&self) -> Option<&str> {
        self.account_id.as_deref()
    }

    /// Who called.
    pub(super) fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    /// Whether nobody signed.
    pub(super) fn is_anonymous(&self) -> bool {
        self.account_id() == Some(ANONYMOUS)
    }

    fn user_or_root(user_name: Option<&String>) -> &'static str {
        if user_name.is_some() { "IAMUser" } else { "Root" }
    }

    fn anonymous() -> Self {
        Self {
            kind: "AWSAccount",
            principal_id: Some(String::new()),
            account_id: Some(ANONYMOUS.to_owned()),
            ..Self::default()
        }
    }
}

/// An access key id that nobody verified.
fn claimed(id: &str) -> String {
    cut(id, NAME_CHARS_MAX)
}

/// What is known of temporary credentials: since when, and of a role's and a federated user's, whose they are.
fn session_context(key: &KeyHolder) -> Option<Value> {
    let creation_date = iso_8601(key.issued_at_ms? / 1_000);
    let attributes = json!({ "creationDate": creation_date, "mfaAuthenticated": "false" });
    let mut context = json!({ "attributes": attributes });
    let account = &*key.account;
    match &key.holder {
        Holder::Root | Holder::User { .. } => {}
        Holder::Role(session) => {
            let named = Some((&*session.name, &*session.unique_id));
            context["sessionIssuer"] = issuer("Role", account, &session.role_arn(account), named);
            if let Some(source_identity) = &session.source_identity {
                context["sourceIdentity"] = source_identity.as_str().into();
            }
        }
        Holder::FederatedUser(user) => {
            let kind = if user.issuer.is_some() { "IAMUser" } else { "Root" };
            let named = user.issuer.as_ref().map(|issuer| (&*issuer.name, &*issuer.unique_id));
            context["sessionIssuer"] = issuer(kind, account, &user.issuer_arn(account), named);
        }
    }
    Some(context)
}

/// Whose a session is: a role's or user's with its name and unique id, else the root's.
fn issuer(kind: &str, account: &str, arn: &str, named: Option<(&str, &str)>) -> Value {
    let principal_id = named.map_or(account, |(_, unique_id)| unique_id);
    let mut issuer = json!({
        "type": kind,
        "principalId": principal_id,
        "arn": arn,
        "accountId": account,
    });
    if let Some((name, _)) = named {
        issuer["userName"] = name.into();
    }
    issuer
}
