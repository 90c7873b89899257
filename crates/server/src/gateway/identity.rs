//! Who calls.

use std::borrow::Cow;
use std::sync::Arc;

use http::request::Parts;
use sha2::{Digest, Sha256};
use sluice_wire::{AwsError, Credential, ServiceModel, Signature, SigningKey, framework};

use super::signing_keys::SigningKeys;
use super::web_page;
use crate::config::{Access, Config};
use crate::identities::{
    Holder, Identities, KeyHolder, Secret, Unknown, is_account_id, root_arn, user_arn,
};

/// Region names longer than this are not believed.
const REGION_BYTES_MAX: usize = 64;

/// Where services are that have no regions.
const GLOBAL_REGION: &str = "us-east-1";

/// Letters of IAM's unique ids: base 32.
const UNIQUE_ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Letters after the prefix `AIDA`.
const UNIQUE_ID_LETTERS: usize = 17;

/// The caller of a request. What is made from it is made when it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// 12-digit account id.
    pub account: Arc<str>,
    /// Who in the account.
    pub caller: Caller,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody signed, where signatures are verified.
    Anonymous,
    /// Where they are not: somebody who sent this access key id, which nobody has, or the account itself who sent none.
    Claimed(Option<String>),
    /// Somebody with credentials of this server.
    Known(Arc<KeyHolder>),
}

impl Identity {
    /// Makes the `SenderId` of messages (contract §4.10), which STS calls `UserId`: the unique id of a user, with the name of
    /// the session that of a role, the account id for the account itself, and with its name for a federated user. One who is
    /// nobody here gets a stable `AIDA…` id made from the access key id.
    pub fn sender_id(&self) -> String {
        match &self.caller {
            Caller::Claimed(Some(id)) if !is_account_id(id) => unique_id(id),
            Caller::Anonymous | Caller::Claimed(_) => self.account.to_string(),
            Caller::Known(key) => match &key.holder {
                Holder::Root => self.account.to_string(),
                Holder::User { unique_id, .. } => unique_id.to_string(),
                Holder::Role(session) => session.id(),
                Holder::FederatedUser(user) => user.id(&self.account),
            },
        }
    }

    /// Makes the ARN of the user, the role's session, the federated user, or the account's root.
    pub fn principal_arn(&self) -> String {
        let account = &*self.account;
        let path = match self.credentials().map(|key| &key.holder) {
            Some(Holder::Role(session)) => return session.arn(account),
            Some(Holder::FederatedUser(user)) => return user.arn(account),
            Some(Holder::User { path, .. }) => path,
            Some(Holder::Root) | None => "/",
        };
        match self.user_name() {
            Some(name) => user_arn(account, path, &name),
            None => root_arn(account),
        }
    }

    /// The name of the user, if it is one.
    pub fn user_name(&self) -> Option<Cow<'_, str>> {
        match &self.caller {
            Caller::Claimed(Some(id)) if is_account_id(id) => None,
            Caller::Claimed(Some(id)) if is_user_name(id) => Some(id.into()),
            Caller::Claimed(Some(id)) => Some(unique_id(id).into()),
            Caller::Anonymous | Caller::Claimed(None) => None,
            Caller::Known(key) => match &key.holder {
                Holder::User { name, .. } => Some(Cow::Borrowed(&**name)),
                Holder::Root | Holder::Role(_) | Holder::FederatedUser(_) => None,
            },
        }
    }

    /// The access key id of whoever has one.
    pub(crate) fn access_key_id(&self) -> Option<&str> {
        match &self.caller {
            Caller::Anonymous => None,
            Caller::Claimed(id) => id.as_deref(),
            Caller::Known(key) => Some(&key.access_key_id),
        }
    }

    /// The credentials, if they are of this server.
    pub(crate) fn credentials(&self) -> Option<&KeyHolder> {
        match &self.caller {
            Caller::Anonymous | Caller::Claimed(_) => None,
            Caller::Known(key) => Some(key),
        }
    }
}

/// A caller, and the region that the request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authenticated {
    /// Who calls.
    pub(crate) identity: Identity,
    /// From the credential scope, else the configured one.
    pub(crate) region: Arc<str>,
}

/// What tells who calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// The head of the request.
    pub(crate) parts: &'a Parts,
    /// Its body as received.
    pub(crate) body: &'a [u8],
    /// The service that is called.
    pub(crate) service: &'a ServiceModel,
    /// Epoch milliseconds, by the clock that sessions live by.
    pub(crate) now_ms: u64,
    /// Epoch milliseconds, by the clock that signatures are made by: that of the machines.
    pub(crate) system_now_ms: u64,
}

/// Finds out who calls.
pub(crate) struct Authenticator {
    access: Access,
    account: Arc<str>,
    region: Arc<str>,
    identities: Identities,
    keys: SigningKeys,
}

impl Authenticator {
    pub(crate) fn new(config: &Config, identities: Identities) -> Self {
        Self {
            access: config.access,
            account: config.account.as_str().into(),
            region: config.region.as_str().into(),
            identities,
            keys: SigningKeys::default(),
        }
    }

    /// Finds out who calls. With [`Access::Verified`] the signature is verified, with [`Access::Anyone`] anybody is whom they
    /// say they are, and with [`Access::LoopbackOnly`] too: there the listener keeps strangers out.
    ///
    /// # Errors
    /// `IncompleteSignature`, `InvalidClientTokenId` or `SignatureDoesNotMatch` (contract §1.6), unless anyone may call.
    pub(crate) fn authenticate(&self, claim: &Claim<'_>) -> Result<Authenticated, AwsError> {
        match self.access {
            Access::Verified => self.verified(claim),
            Access::Anyone | Access::LoopbackOnly => self.believed(claim.parts, claim.now_ms),
        }
    }

    fn verified(&self, claim: &Claim<'_>) -> Result<Authenticated, AwsError> {
        let Some(signature) = Signature::from_parts(claim.parts)? else {
            return Ok(self.without_user(Caller::Anonymous));
        };
        let credential = &signature.credential;
        let token = signature.session_token.as_deref();
        let key = self.identities.key_holder(&credential.access_key_id, token, claim.now_ms);
        let key = match key {
            Ok(key) if key.is_active => key,
            Ok(_) | Err(Unknown::Never) => {
                let message = "The security token included in the request is invalid.";
                return Err(AwsError::new(&framework::UNRECOGNIZED_CLIENT, message));
            }
            Err(Unknown::Expired) => {
                let message = "The security token included in the request is expired";
                return Err(AwsError::new(&framework::EXPIRED_TOKEN, message));
            }
        };
        self.check_scope(credential, claim.service)?;
        self.verify(claim, &signature, &key.secret)?;
        key.note_use(claim.now_ms, claim.service.name, &credential.region);
        let identity = Identity { account: Arc::clone(&key.account), caller: Caller::Known(key) };
        Ok(Authenticated { identity, region: Arc::clone(&self.region) })
    }

    /// A request has to be signed for this region and the service that it is for. Services without regions are in us-east-1,
    /// but clients with an endpoint of their own sign for the region that they are configured with.
    fn check_scope(
        &self,
        credential: &Credential<'_>,
        service: &ServiceModel,
    ) -> Result<(), AwsError> {
        let is_global = service.is_global && credential.region == GLOBAL_REGION;
        let message = if *credential.region != *self.region && !is_global {
            "Credential should be scoped to a valid region.".to_owned()
        } else if credential.service != service.name {
            format!("Credential should be scoped to correct service: '{}'.", service.name)
        } else {
            return Ok(());
        };
        Err(AwsError::new(&framework::INVALID_SIGNATURE, message))
    }

    fn verify(
        &self,
        claim: &Claim<'_>,
        signature: &Signature<'_>,
        secret: &Secret,
    ) -> Result<(), AwsError> {
        let verify =
            |key: &_| signature.verify(claim.parts, claim.body, key, claim.system_now_ms / 1_000);
        let credential = &signature.credential;
        if let Some(key) = self.keys.get(credential, secret) {
            return verify(&key);
        }
        let Credential { date, region, service, .. } = credential;
        let key = SigningKey::derive(secret.expose(), date, region, service);
        verify(&key)?;
        self.keys.put(credential, secret, key);
        Ok(())
    }

    fn believed(&self, parts: &Parts, now_ms: u64) -> Result<Authenticated, AwsError> {
        if web_page::asks(&parts.headers) {
            return Err(AwsError::new(&framework::ACCESS_DENIED, web_page::REFUSAL));
        }
        let credential = match (Credential::from_parts(parts), self.access) {
            (Ok(credential), _) => credential,
            // A bearer token that a proxy left in the request, or a test with `Authorization: x`.
            (Err(_malformed), Access::Anyone) => None,
            (Err(malformed), _) => return Err(malformed),
        };
        let Some(credential) = credential else {
            return Ok(self.without_user(Caller::Claimed(None)));
        };
        let region = match (is_region(&credential.region), self.access) {
            (true, _) => (*credential.region).into(),
            // SigV4a signs for a set of regions, for example `*`.
            (false, Access::Anyone) => Arc::clone(&self.region),
            (false, _) => {
                let message = "Credential should be scoped to a valid region.";
                return Err(AwsError::new(&framework::INCOMPLETE_SIGNATURE, message));
            }
        };
        let (id, token) = (&credential.access_key_id, session_token(parts));
        let identity = match self.identities.key_holder(id, token, now_ms) {
            Ok(key) => Identity { account: Arc::clone(&key.account), caller: Caller::Known(key) },
            Err(_nobody) => claimed(&self.account, id),
        };
        Ok(Authenticated { identity, region })
    }

    fn without_user(&self, caller: Caller) -> Authenticated {
        let identity = Identity { account: Arc::clone(&self.account), caller };
        Authenticated { identity, region: Arc::clone(&self.region) }
    }
}

/// The session token of a request, in its header: presigned URLs with one are not told apart where nothing is verified.
fn session_token(parts: &Parts) -> Option<&str> {
    parts.headers.get("x-amz-security-token")?.to_str().ok()
}

/// An access key id that looks like an account is the account.
fn claimed(default_account: &Arc<str>, access_key_id: &str) -> Identity {
    let is_account = is_account_id(access_key_id);
    let account = if is_account { access_key_id.into() } else { Arc::clone(default_account) };
    Identity { account, caller: Caller::Claimed(Some(access_key_id.to_owned())) }
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
    use sluice_store::{MemoryStore, Store};
    use sluice_wire::{SigningIdentity, SigningRequest, sign};

    use super::*;
    use crate::broker::Health;
    use crate::clock::SystemClock;
    use crate::identities::{self, AccessKey, Session, Subject};

    const NOW_SECS: u64 = 1_800_000_000;
    const BODY: &[u8] = b"{}";

    async fn identities() -> Identities {
        let shard = MemoryStore::new().open_shard(identities::SHARD).expect("free");
        let opened = Identities::open(shard, None, Arc::new(SystemClock), Health::default());
        opened.await.expect("empty")
    }

    async fn authenticator(access: Access) -> Authenticator {
        let config = Config { access, ..Config::small("/nonexistent") };
        Authenticator::new(&config, identities().await)
    }

    fn authenticated_with(
        authenticator: &Authenticator,
        headers: &[(&str, &str)],
    ) -> Result<Authenticated, String> {
        asked(authenticator, headers, &crate::services::sqs::MODEL, NOW_SECS)
    }

    fn asked(
        authenticator: &Authenticator,
        headers: &[(&str, &str)],
        service: &'static ServiceModel,
        now_secs: u64,
    ) -> Result<Authenticated, String> {
        let mut request = http::Request::builder().method("POST").uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("valid request").into_parts();
        let now_ms = now_secs * 1_000;
        let claim = Claim { parts: &parts, body: BODY, service, now_ms, system_now_ms: now_ms };
        authenticator.authenticate(&claim).map_err(|error| error.shape().query_code.to_owned())
    }

    async fn authenticated(access: Access, header: Option<&str>) -> Result<Authenticated, String> {
        let headers = header.map(|value| ("authorization", value));
        authenticated_with(&authenticator(access).await, headers.as_slice())
    }

    fn claimed_by(access_key_id: &str, region: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={access_key_id}/20260102/{region}/sqs/aws4_request, \
             SignedHeaders=host, Signature=00"
        )
    }

    #[tokio::test]
    async fn twelve_digits_are_the_account_and_its_root() {
        let header = claimed_by("123456789012", "eu-west-1");
        let caller = authenticated(Access::Anyone, Some(&header)).await.expect("accepted");
        assert_eq!(&*caller.identity.account, "123456789012");
        assert_eq!(caller.identity.sender_id(), "123456789012");
        assert_eq!(caller.identity.principal_arn(), "arn:aws:iam::123456789012:root");
        assert_eq!(&*caller.region, "eu-west-1");
    }

    #[tokio::test]
    async fn another_access_key_is_a_user_of_the_configured_account() {
        let header = claimed_by("AKIDEXAMPLE", "us-east-1");
        let caller = authenticated(Access::Anyone, Some(&header)).await.expect("accepted");
        let identity = caller.identity;
        assert_eq!(&*identity.account, "000000000000");
        assert_eq!(identity.principal_arn(), "arn:aws:iam::000000000000:user/AKIDEXAMPLE");
        assert_eq!(identity.sender_id().len(), 21);
        assert!(identity.sender_id().starts_with("AIDA"));
        assert_eq!(identity.sender_id(), unique_id("AKIDEXAMPLE"));
        assert_ne!(identity.sender_id(), unique_id("AKIDEXAMPLF"));
    }

    #[tokio::test]
    async fn hostile_access_keys_do_not_reach_the_arn() {
        let header = claimed_by("a:b/<c>", "us-east-1");
        let caller = authenticated(Access::Anyone, Some(&header)).await.expect("accepted");
        let identity = caller.identity;
        assert_eq!(
            identity.principal_arn(),
            format!("arn:aws:iam::000000000000:user/{}", identity.sender_id())
        );
    }

    #[tokio::test]
    async fn no_credentials_are_the_root_of_the_configured_account_where_none_are_needed() {
        for access in [Access::Anyone, Access::LoopbackOnly] {
            let caller = authenticated(access, None).await.expect("accepted");
            assert_eq!(caller.identity.caller, Caller::Claimed(None));
            assert_eq!(caller.identity.sender_id(), "000000000000");
            assert_eq!(&*caller.region, "us-east-1");
        }
        let nobody = authenticated(Access::Verified, None).await.expect("policies decide");
        assert_eq!(nobody.identity.caller, Caller::Anonymous);
    }

    #[tokio::test]
    async fn malformed_credentials_matter_only_where_not_anyone_may_call() {
        let hostile_region = claimed_by("AKID", "<region>");
        for header in ["Bearer token", "AWS4-HMAC-SHA256 Credential=x", &hostile_region] {
            let caller = authenticated(Access::Anyone, Some(header)).await.expect("accepted");
            assert_eq!(&*caller.region, "us-east-1");
            let refused = authenticated(Access::LoopbackOnly, Some(header)).await;
            assert_eq!(refused, Err("IncompleteSignature".to_owned()));
            assert!(authenticated(Access::Verified, Some(header)).await.is_err());
        }
    }

    /// Signs a request with a key, for a region and service.
    fn signed(key: &AccessKey, region: &str, service: &str) -> Vec<(&'static str, String)> {
        let identity = SigningIdentity {
            access_key_id: &key.id,
            secret_access_key: key.secret.expose(),
            session_token: None,
            region,
            service,
        };
        let headers = [("host", "localhost")];
        let request = SigningRequest { method: "POST", path: "/", headers: &headers, body: BODY };
        let mut headers = vec![("host", "localhost".to_owned())];
        headers.extend(sign(&request, &identity, NOW_SECS));
        headers
    }

    #[tokio::test]
    async fn who_signs_with_a_key_of_this_server_gets_in() {
        let identities = identities().await;
        let key = identities.ensure_root_key("000000000000").await.expect("good").expect("new");
        let config = Config { access: Access::Verified, ..Config::small("/nonexistent") };
        let authenticator = Authenticator::new(&config, identities);
        let ask = |key: &AccessKey, region, service| {
            let headers = signed(key, region, service);
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            authenticated_with(&authenticator, &headers)
        };
        // Twice: the second time the signing key is known.
        for _ in 0..2 {
            let caller = ask(&key, "us-east-1", "sqs").expect("it is the right key");
            assert_eq!(caller.identity.principal_arn(), "arn:aws:iam::000000000000:root");
            assert_eq!(caller.identity.sender_id(), "000000000000");
        }
        let mismatch = Err("SignatureDoesNotMatch".to_owned());
        assert_eq!(ask(&key, "eu-west-1", "sqs"), mismatch);
        assert_eq!(ask(&key, "us-east-1", "sns"), mismatch);
        let other = AccessKey::new("000000000000", 0, |_| false);
        assert_eq!(ask(&other, "us-east-1", "sqs"), Err("InvalidClientTokenId".to_owned()));
        let guessed = AccessKey { secret: other.secret, ..key };
        assert_eq!(ask(&guessed, "us-east-1", "sqs"), mismatch);
    }

    #[tokio::test]
    async fn services_without_regions_are_in_us_east_1() {
        let identities = identities().await;
        let key = identities.ensure_root_key("000000000000").await.expect("good").expect("new");
        let region = "eu-west-1".to_owned();
        let config = Config { access: Access::Verified, region, ..Config::small("/nonexistent") };
        let authenticator = Authenticator::new(&config, identities);
        let ask = |region, service: &'static ServiceModel| {
            let headers = signed(&key, region, service.name);
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            asked(&authenticator, &headers, service, NOW_SECS).is_ok()
        };
        let (sqs, iam) = (&crate::services::sqs::MODEL, &crate::services::iam::MODEL);
        assert!(ask("us-east-1", iam) && ask("eu-west-1", iam) && !ask("us-west-1", iam));
        assert!(ask("eu-west-1", sqs) && !ask("us-east-1", sqs));
    }

    #[tokio::test]
    async fn temporary_credentials_end() {
        let identities = identities().await;
        let session = Session::new("000000000000", Subject::Root, NOW_SECS * 1_000, 900);
        let token = identities.session_token(&session);
        let config = Config { access: Access::Verified, ..Config::small("/nonexistent") };
        let authenticator = Authenticator::new(&config, identities);
        let ask = |now_secs| {
            let identity = SigningIdentity {
                access_key_id: &session.access_key_id,
                secret_access_key: session.secret.expose(),
                session_token: Some(token.expose()),
                region: "us-east-1",
                service: "sqs",
            };
            let headers = [("host", "localhost")];
            let request =
                SigningRequest { method: "POST", path: "/", headers: &headers, body: BODY };
            let added = sign(&request, &identity, now_secs);
            let mut headers = vec![("host", "localhost")];
            headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
            let asked = asked(&authenticator, &headers, &crate::services::sqs::MODEL, now_secs);
            asked.map(|caller| caller.identity.principal_arn())
        };
        assert_eq!(ask(NOW_SECS + 899), Ok("arn:aws:iam::000000000000:root".to_owned()));
        assert_eq!(ask(NOW_SECS + 900), Err("ExpiredToken".to_owned()));
    }
}
