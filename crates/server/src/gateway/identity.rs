//! Who calls, as far as the request tells.

use std::sync::Arc;

use http::request::Parts;
use sha2::{Digest, Sha256};
use sluice_wire::{AwsError, Credential, framework};

use crate::config::{Access, Config};

/// Region names longer than this are not believed.
const REGION_BYTES_MAX: usize = 64;

/// Letters of IAM's unique ids: base 32.
const UNIQUE_ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Letters after the prefix `AIDA`.
const UNIQUE_ID_LETTERS: usize = 17;

/// The caller of a request. What is made from the access key id is made when it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// 12-digit account id.
    pub account: Arc<str>,
    /// Access key id as sent; absent when the request is not signed.
    pub access_key_id: Option<String>,
}

impl Identity {
    /// Makes the `SenderId` of messages (contract §4.10): a stable `AIDA…` id made from the access key id, or the
    /// account id for the account itself.
    pub fn sender_id(&self) -> String {
        self.user().map_or_else(|| self.account.to_string(), unique_id)
    }

    /// Makes the ARN of the user, or of the account's root.
    pub fn principal_arn(&self) -> String {
        let account = &self.account;
        match self.user() {
            None => format!("arn:aws:iam::{account}:root"),
            Some(user) if is_user_name(user) => format!("arn:aws:iam::{account}:user/{user}"),
            Some(user) => format!("arn:aws:iam::{account}:user/{}", unique_id(user)),
        }
    }

    /// The access key id of one who is not the account itself.
    fn user(&self) -> Option<&str> {
        self.access_key_id.as_deref().filter(|id| !is_account(id))
    }
}

/// A caller, and the region that the request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// Who calls.
    pub identity: Identity,
    /// From the credential scope, else the configured one.
    pub region: Arc<str>,
}

/// Finds out who calls. Signatures are not verified: with [`Access::Anyone`] that is the purpose, with
/// [`Access::LoopbackOnly`] the listener keeps strangers out.
///
/// # Errors
/// `IncompleteSignature` when the credential is malformed, unless anyone may call.
pub fn authenticate(config: &Config, parts: &Parts) -> Result<Authenticated, AwsError> {
    let credential = match (Credential::from_parts(parts), config.access) {
        (Ok(credential), _) => credential,
        // A bearer token that a proxy left in the request, or a test with `Authorization: x`.
        (Err(_malformed), Access::Anyone) => None,
        (Err(malformed), Access::LoopbackOnly) => return Err(malformed),
    };
    let Some(credential) = credential else {
        let identity = Identity { account: config.account.as_str().into(), access_key_id: None };
        return Ok(Authenticated { identity, region: config.region.as_str().into() });
    };
    let region = match (is_region(&credential.region), config.access) {
        (true, _) => (*credential.region).into(),
        // SigV4a signs for a set of regions, for example `*`.
        (false, Access::Anyone) => config.region.as_str().into(),
        (false, Access::LoopbackOnly) => {
            let message = "Credential should be scoped to a valid region.";
            return Err(AwsError::new(&framework::INCOMPLETE_SIGNATURE, message));
        }
    };
    Ok(Authenticated { identity: identity(&config.account, &credential.access_key_id), region })
}

/// An access key id that looks like an account is the account.
fn identity(default_account: &str, access_key_id: &str) -> Identity {
    let account = if is_account(access_key_id) { access_key_id } else { default_account };
    Identity { account: account.into(), access_key_id: Some(access_key_id.to_owned()) }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Names of IAM users, so that an ARN stays one whatever the client sends as access key id.
fn is_user_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte))
}

/// The region goes into ARNs, URLs and stored keys.
fn is_region(text: &str) -> bool {
    (1..=REGION_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The same access key id always makes the same id, also after a restart.
fn unique_id(access_key_id: &str) -> String {
    let digest = Sha256::digest(access_key_id.as_bytes());
    let letters = digest.iter().take(UNIQUE_ID_LETTERS).map(|byte| {
        let letter = UNIQUE_ID_ALPHABET[usize::from(byte % 32)];
        char::from(letter)
    });
    "AIDA".chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authenticated(
        access: Access,
        authorization: Option<&str>,
    ) -> Result<Authenticated, &'static str> {
        let mut request = http::Request::builder();
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let (parts, ()) = request.body(()).expect("valid request").into_parts();
        let config = Config { access, ..Config::small("/nonexistent") };
        authenticate(&config, &parts).map_err(|error| error.shape().query_code)
    }

    fn signed(access_key_id: &str, region: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={access_key_id}/20260102/{region}/sqs/aws4_request, \
             SignedHeaders=host, Signature=00"
        )
    }

    #[test]
    fn twelve_digits_are_the_account_and_its_root() {
        let caller = authenticated(Access::Anyone, Some(&signed("123456789012", "eu-west-1")));
        let caller = caller.expect("accepted");
        assert_eq!(&*caller.identity.account, "123456789012");
        assert_eq!(caller.identity.sender_id(), "123456789012");
        assert_eq!(caller.identity.principal_arn(), "arn:aws:iam::123456789012:root");
        assert_eq!(&*caller.region, "eu-west-1");
    }

    #[test]
    fn another_access_key_is_a_user_of_the_configured_account() {
        let caller = authenticated(Access::Anyone, Some(&signed("AKIDEXAMPLE", "us-east-1")));
        let identity = caller.expect("accepted").identity;
        assert_eq!(&*identity.account, "000000000000");
        assert_eq!(identity.principal_arn(), "arn:aws:iam::000000000000:user/AKIDEXAMPLE");
        assert_eq!(identity.sender_id().len(), 21);
        assert!(identity.sender_id().starts_with("AIDA"));
        assert_eq!(identity.sender_id(), unique_id("AKIDEXAMPLE"));
        assert_ne!(identity.sender_id(), unique_id("AKIDEXAMPLF"));
    }

    #[test]
    fn hostile_access_keys_do_not_reach_the_arn() {
        let caller = authenticated(Access::Anyone, Some(&signed("a:b/<c>", "us-east-1")));
        let identity = caller.expect("accepted").identity;
        assert_eq!(
            identity.principal_arn(),
            format!("arn:aws:iam::000000000000:user/{}", identity.sender_id())
        );
    }

    #[test]
    fn no_credentials_are_the_root_of_the_configured_account() {
        for access in [Access::Anyone, Access::LoopbackOnly] {
            let caller = authenticated(access, None).expect("accepted");
            assert_eq!(caller.identity.access_key_id, None);
            assert_eq!(caller.identity.sender_id(), "000000000000");
            assert_eq!(&*caller.region, "us-east-1");
        }
    }

    #[test]
    fn malformed_credentials_matter_only_where_not_anyone_may_call() {
        let hostile_region = signed("AKID", "<region>");
        for header in ["Bearer token", "AWS4-HMAC-SHA256 Credential=x", &hostile_region] {
            let caller = authenticated(Access::Anyone, Some(header)).expect("accepted");
            assert_eq!(&*caller.region, "us-east-1");
            let refused = authenticated(Access::LoopbackOnly, Some(header));
            assert_eq!(refused, Err("IncompleteSignature"));
        }
    }
}
