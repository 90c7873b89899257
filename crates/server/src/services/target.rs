//! What a request acts on, as policies name it. Each service says it of its own resources.

use std::sync::Arc;

use sluice_policy::Values;
use sluice_wire::{AwsError, Blob};

use super::{Context, cloudtrail, iam, kms, sqs};
use crate::identities::Tags;
use crate::keys::EncryptionContext;

/// What an operation acts on, for authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// One queue, by the text of `QueueUrl`.
    QueueUrl(Option<String>),
    /// One queue, by its ARN.
    QueueArn(Option<String>),
    /// One queue, by its name.
    QueueName {
        /// The name.
        name: Option<String>,
        /// 12-digit account id of the owner, if it is not the caller's.
        owner: Option<String>,
    },
    /// The account: list operations.
    Account,
    /// A user, group, role or policy of the caller's account that exists, by kind and name; without a name, the caller.
    IamEntity(&'static str, Option<String>),
    /// The user whose an access key of the caller's account is, by the id of the key.
    AccessKey(Option<String>),
    /// One that is to be created, by kind, path and name.
    NewIamEntity(&'static str, Option<String>, Option<String>),
    /// A managed policy, by its ARN.
    ManagedPolicy(Option<String>),
    /// A role that is to be assumed, by its ARN.
    Role(Option<String>),
    /// A federated user whom the caller wants credentials for, by name.
    FederatedUser(Option<String>),
    /// A KMS key, by its id, ARN or an alias of it, and what the request binds to a ciphertext.
    Key {
        /// Its name.
        key: Option<String>,
        /// The encryption context.
        encryption_context: EncryptionContext,
    },
    /// The KMS key that made a ciphertext.
    KeyOfCiphertext {
        /// What it made.
        ciphertext: Option<Blob>,
        /// The encryption context.
        encryption_context: EncryptionContext,
    },
    /// A grant of a KMS key, by the id or ARN of the key and its own.
    KeyGrant {
        /// Id or ARN of the key.
        key: Option<String>,
        /// Id of the grant.
        grant: Option<String>,
    },
    /// An alias of a KMS key, by its name.
    KeyAlias(Option<String>),
    /// A trail, by its name or ARN.
    Trail(Option<String>),
    /// The caller itself, who needs no permission for it.
    Caller,
}

/// What an operation acts on, as policies name it.
pub(crate) struct Target {
    /// ARN, perhaps with a wildcard where no single one is meant.
    pub(crate) arn: String,
    /// 12-digit account id of the owner.
    pub(crate) account: String,
    /// The resource, if it is one that exists.
    pub(crate) guarded: Option<Arc<dyn Guarded>>,
    /// Who can be allowed to.
    pub(crate) reach: Reach,
    /// What one who may not is told of a resource that does not exist.
    pub(crate) absent: Option<fn() -> AwsError>,
}

/// A resource, as far as policies look at it.
pub(crate) trait Guarded: Send + Sync {
    /// Its own policy.
    fn policy(&self) -> Option<&str> {
        None
    }

    /// The value of another condition key, in lower case, that the resource tells.
    fn value(&self, _key: &str) -> Option<Values<'_>> {
        None
    }

    /// Whether something besides policies lets the caller.
    fn is_granted(&self) -> bool {
        false
    }

    /// The value of a tag; keys are not distinguished by case.
    fn tag(&self, key: &str) -> Option<&str>;
}

/// Who can be allowed an action at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Identities of the account that owns the resource.
    Account,
    /// Others as well, by the resource's policy.
    Everybody,
    /// Only whom the resource's policy trusts, in its own account too.
    Trusted,
    /// Whom the policy of a KMS key lets, or leaves to its account.
    Key,
}

/// Condition keys that the input of an operation tells.
#[derive(Debug, Default)]
pub struct InputKeys(Vec<(String, Vec<String>)>);

impl InputKeys {
    /// Adds a key; its name is not distinguished by case.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, values: impl IntoIterator<Item = String>) -> Self {
        self.0.push((key.to_lowercase(), values.into_iter().collect()));
        self
    }

    /// Adds a key that a request has if the parameter is given.
    #[must_use]
    pub(crate) fn with_given(self, key: &str, value: Option<&String>) -> Self {
        match value {
            Some(value) => self.with(key, [value.clone()]),
            None => self,
        }
    }

    /// Adds the tags that a request sets: `aws:RequestTag` and `aws:TagKeys`.
    #[must_use]
    pub(crate) fn with_tags(self, tags: &Tags) -> Self {
        if tags.is_empty() {
            return self;
        }
        let each = tags.iter().fold(self, |keys, (key, value)| {
            keys.with(&format!("aws:RequestTag/{key}"), [value.clone()])
        });
        each.with("aws:TagKeys", tags.keys().cloned())
    }

    /// The values of a key in lower case.
    pub(crate) fn get(&self, key: &str) -> Option<Values<'_>> {
        let (_, values) = self.0.iter().find(|(name, _)| name == key)?;
        Some(match &values[..] {
            [value] => Values::from(value.as_str()),
            values => Values::Many(values.iter().map(|value| value.as_str().into()).collect()),
        })
    }
}

/// Finds a tag; keys are not distinguished by case.
pub(crate) fn tag_of<'a>(
    tags: impl IntoIterator<Item = (&'a String, &'a String)>,
    key: &str,
) -> Option<&'a str> {
    let mut tags = tags.into_iter();
    tags.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
}

impl Resource {
    /// Finds out what policies a request is subject to; nothing if no permission is needed.
    pub(crate) fn target(&self, context: &Context, action: &str) -> Option<Target> {
        let (service, _) = action.split_once(':').unwrap_or((action, ""));
        Some(match self {
            Self::Caller => return None,
            Self::IamEntity(kind, name) => iam::target::existing(context, kind, name.as_deref()),
            Self::AccessKey(id) => iam::target::access_key(context, id.as_deref()),
            Self::NewIamEntity(kind, path, name) => {
                iam::target::new(context, kind, path.as_deref(), name.as_deref())
            }
            Self::ManagedPolicy(arn) => iam::target::policy(context, arn.as_deref()),
            Self::Trail(name) => cloudtrail::target::trail(context, name.as_deref()),
            Self::Role(arn) => iam::target::role(context, arn.as_deref()),
            Self::FederatedUser(name) => iam::target::federated_user(context, name.as_deref()),
            Self::Account if service == sqs::MODEL.name => sqs::target::of(self, context, action),
            Self::Account if service == cloudtrail::MODEL.name => {
                cloudtrail::target::account(context)
            }
            Self::Account if service == kms::MODEL.name => kms::target::account(context),
            Self::Account => iam::target::account(context),
            Self::Key { .. }
            | Self::KeyOfCiphertext { .. }
            | Self::KeyGrant { .. }
            | Self::KeyAlias(_) => kms::target::of(self, context, action),
            Self::QueueUrl(_) | Self::QueueArn(_) | Self::QueueName { .. } => {
                sqs::target::of(self, context, action)
            }
        })
    }
}
