//! Temporary credentials. Their session token holds everything that has to be known of them, sealed with the key of the data
//! directory: nothing is stored for a session, and it survives a restart.
//!
//! A token is base64 of the session as JSON, sealed like every secret.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::access_key::{new_id, new_secret};
use super::principal::{self, Tags};
use super::secret::Secret;
use crate::encryption::{KEY_BYTES, SealingKey};

/// What a token is for and how it is written, so that it is never taken for something else.
const PURPOSE: &[u8] = b"sluice session token 1";
/// No token that is issued is longer (neighbours §6.2).
pub const TOKEN_BYTES_MAX: usize = 4_096;

/// Temporary credentials, with what they stand for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// `ASIA…`
    pub access_key_id: String,
    /// Signs requests.
    pub secret: Secret,
    /// 12-digit account id.
    pub account: String,
    /// Whose they are.
    pub subject: Subject,
    /// When they were issued, epoch milliseconds.
    pub issued_at_ms: u64,
    /// Until when they are accepted, epoch milliseconds.
    pub expires_at_ms: u64,
}

/// Whose temporary credentials are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The account's own (`GetSessionToken`).
    Root,
    /// A user's (`GetSessionToken`).
    User {
        /// As it was created.
        name: String,
        /// `AIDA…`; another user of the same name is somebody else.
        unique_id: String,
    },
    /// A role's (`AssumeRole`).
    Role(RoleSession),
    /// A federated user's (`GetFederationToken`).
    FederatedUser(FederatedUser),
}

/// What was passed when a session began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// `Policy`: bounds what the session is allowed.
    pub policy: Option<String>,
    /// `PolicyArns`: managed policies that do the same.
    pub policy_arns: Vec<String>,
    /// Tags of the session by key.
    pub tags: Tags,
}

/// The session of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSession {
    /// Name of the role, as it was created.
    pub name: String,
    /// Path of the role, which never changes.
    pub path: String,
    /// `AROA…`; another role of the same name is another one.
    pub unique_id: String,
    /// `RoleSessionName`
    pub session_name: String,
    /// `Policy`, `PolicyArns` and `Tags`.
    #[serde(flatten)]
    pub passed: Passed,
    /// `TransitiveTagKeys`: tags that a session assumed from this one has, too.
    pub transitive_tag_keys: Vec<String>,
    /// `SourceIdentity`
    pub source_identity: Option<String>,
}

impl RoleSession {
    /// Amazon resource name: `arn:aws:sts::<account>:assumed-role/<role>/<session>`.
    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:sts::{account}:assumed-role/{}/{}", self.name, self.session_name)
    }

    /// The ARN of the role: `arn:aws:iam::<account>:role/<path>/<role>`.
    pub fn role_arn(&self, account: &str) -> String {
        principal::arn(account, "role", &self.path, &self.name)
    }

    /// `AROA…:<session>`
    pub fn id(&self) -> String {
        format!("{}:{}", self.unique_id, self.session_name)
    }
}

/// Somebody whom only a user, or an account's root, knows: allowed what that one is, as far as the session's policies say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FederatedUser {
    /// `Name`
    pub name: String,
    /// The user that asked for the credentials; none is the account's root.
    pub issuer: Option<Issuer>,
    /// `Policy`, `PolicyArns` and `Tags`.
    #[serde(flatten)]
    pub passed: Passed,
}

/// A user that asked for credentials of somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// As it was created.
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AIDA…`; another user of the same name is somebody else.
    pub unique_id: String,
}

impl FederatedUser {
    /// Amazon resource name: `arn:aws:sts::<account>:federated-user/<name>`.
    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:sts::{account}:federated-user/{}", self.name)
    }

    /// `<account>:<name>`
    pub fn id(&self, account: &str) -> String {
        format!("{account}:{}", self.name)
    }

    /// The ARN of the user, or the root, that asked for the credentials.
    pub fn issuer_arn(&self, account: &str) -> String {
        match &self.issuer {
            Some(Issuer { name, path, .. }) => principal::user_arn(account, path, name),
            None => principal::root_arn(account),
        }
    }
}

/// Seals and opens session tokens.
pub(super) struct SessionKey(SealingKey);

impl Session {
    /// Makes credentials for a subject of an account.
    pub fn new(account: &str, subject: Subject, issued_at_ms: u64, secs: u32) -> Self {
        Self {
            access_key_id: new_id("ASIA", account),
            secret: new_secret(),
            account: account.to_owned(),
            subject,
            issued_at_ms,
            expires_at_ms: issued_at_ms + u64::from(secs) * 1_000,
        }
    }
}

impl SessionKey {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(SealingKey::new(key))
    }

    pub(super) fn seal(&self, session: &Session) -> String {
        let bytes =
            serde_json::to_vec(session).expect("a session has text keys and finite numbers");
        BASE64_STANDARD.encode(self.0.seal(PURPOSE, &Zeroizing::new(bytes)))
    }

    /// Returns the session of a token that this data directory issued, expired or not.
    pub(super) fn open(&self, token: &str) -> Option<Session> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let session = self.0.open(PURPOSE, &BASE64_STANDARD.decode(token).ok()?)?;
        serde_json::from_slice(&session).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let subject = Subject::Role(RoleSession {
            name: "deploy".to_owned(),
            path: "/".to_owned(),
            unique_id: "AROAEXAMPLE".to_owned(),
            session_name: "night".to_owned(),
            passed: Passed {
                policy: Some("{}".to_owned()),
                policy_arns: Vec::new(),
                tags: Tags::from([("team".to_owned(), "a".to_owned())]),
            },
            transitive_tag_keys: vec!["team".to_owned()],
            source_identity: None,
        });
        Session::new("123456789012", subject, 1_000, 900)
    }

    #[test]
    fn a_token_holds_the_session_and_hides_it() {
        let (key, session) = (SessionKey::new(&[7; KEY_BYTES]), session());
        assert_eq!(session.expires_at_ms, 901_000);
        assert!(session.access_key_id.starts_with("ASIA"), "{}", session.access_key_id);
        let token = key.seal(&session);
        assert_eq!(key.open(&token), Some(session.clone()));
        let bytes = BASE64_STANDARD.decode(&token).expect("base64");
        assert!(!bytes.windows(6).any(|part| part == b"deploy"));
        assert_ne!(key.seal(&session), token, "never the same twice");
        let issuer = Issuer { name: "bob".into(), path: "/".into(), unique_id: "AIDA1".into() };
        for issuer in [None, Some(issuer)] {
            let passed = Passed { policy: Some("{}".to_owned()), ..Passed::default() };
            let user = FederatedUser { name: "ann".to_owned(), issuer, passed };
            let session = Session::new("123456789012", Subject::FederatedUser(user), 1, 900);
            assert_eq!(key.open(&key.seal(&session)), Some(session));
        }
    }

    #[test]
    fn a_token_that_was_issued_before_there_were_federated_users_is_read() {
        let role = r#"{"Role":{"name":"deploy","path":"/","unique_id":"AROAEXAMPLE","session_name":"night",
            "policy":"{}","policy_arns":[],"tags":{"team":"a"},"transitive_tag_keys":["team"],"source_identity":null}}"#;
        let user = r#"{"User":{"name":"bob","unique_id":"AIDA1"}}"#;
        let Subject::Role(session) = session().subject else { unreachable!("a role's") };
        let bob = Subject::User { name: "bob".to_owned(), unique_id: "AIDA1".to_owned() };
        for (text, subject) in
            [("\"Root\"", Subject::Root), (user, bob), (role, Subject::Role(session))]
        {
            assert_eq!(serde_json::from_str::<Subject>(text).ok(), Some(subject), "{text}");
        }
    }

    #[test]
    fn a_token_that_was_changed_or_made_elsewhere_is_none() {
        let (key, session) = (SessionKey::new(&[7; KEY_BYTES]), session());
        let token = key.seal(&session);
        assert_eq!(SessionKey::new(&[8; KEY_BYTES]).open(&token), None);
        let bytes = BASE64_STANDARD.decode(&token).expect("base64");
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert_eq!(key.open(&BASE64_STANDARD.encode(changed)), None, "byte {index}");
        }
        for other in ["", "AAAA", "?", &"A".repeat(TOKEN_BYTES_MAX + 4), &token[..token.len() - 4]]
        {
            assert_eq!(key.open(other), None, "{other}");
        }
    }
}
