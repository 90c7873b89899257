//! Keys that the server makes for its services when somebody first asks for them, one in each account and region.

use std::sync::Arc;

use super::alias::Alias;
use super::error::KeyError;
use super::handle::Keys;
use super::key::{Key, KeyManager, NewKey};
use super::place::Place;
use super::reference::KeyReference;
use super::snapshot::Draft;
use crate::identities::Tags;

/// What the names of their aliases begin with.
const PREFIX: &str = "alias/aws/";
/// Days between one material and the next.
const ROTATION_DAYS: u32 = 365;

/// A service that has such a key.
struct ServiceKey {
    /// As in `alias/aws/<name>` and `<name>.<region>.amazonaws.com`.
    name: &'static str,
    description: &'static str,
    /// How the key policy calls it.
    title: &'static str,
}

const SERVICE_KEYS: [ServiceKey; 1] = [ServiceKey {
    name: "sqs",
    description: "Default key that protects my SQS messages when no other key is defined",
    title: "Simple Queue Service (SQS)",
}];

/// Whether nobody else can have this alias.
pub fn is_alias_of_aws(name: &str) -> bool {
    name.starts_with(PREFIX)
}

fn of_alias(name: &str) -> Option<&'static ServiceKey> {
    let name = name.strip_prefix(PREFIX)?;
    SERVICE_KEYS.iter().find(|key| key.name == name)
}

impl Keys {
    /// Finds the key that a caller in an account and region names. That of a service is made if there is none.
    ///
    /// # Errors
    /// [`KeyError`]
    pub async fn find(
        &self,
        reference: &KeyReference,
        caller: &Place,
        now_ms: u64,
    ) -> Result<Arc<Key>, KeyError> {
        let found = self.snapshot().find(reference, now_ms).cloned();
        let service = reference.alias().and_then(of_alias);
        match (found, service) {
            (Err(KeyError::NotFound(_)), Some(service)) if reference.place() == caller => {
                self.make_for(service, caller.clone()).await
            }
            (found, _) => found,
        }
    }

    async fn make_for(
        &self,
        service: &'static ServiceKey,
        place: Place,
    ) -> Result<Arc<Key>, KeyError> {
        let keys = self.clone();
        let name = format!("{PREFIX}{}", service.name);
        let decide = move |draft: &mut Draft, now_ms| {
            let reference = KeyReference::Alias { place: place.clone(), name: name.clone() };
            // Somebody else may have been faster.
            if let Ok(key) = draft.snapshot().find(&reference, now_ms) {
                return Ok(Arc::clone(key));
            }
            let new = NewKey {
                policy: service.policy(&place),
                place: place.clone(),
                manager: KeyManager::Aws,
                description: service.description.to_owned(),
                tags: Tags::new(),
                rotation_days: Some(ROTATION_DAYS),
            };
            let key = keys.make(new, now_ms)?;
            draft.put_alias(Alias::new(place, &name, &key.id, now_ms));
            draft.put_key(key.clone());
            Ok::<_, KeyError>(Arc::new(key))
        };
        self.change(decide).await
    }
}

impl ServiceKey {
    /// Whoever in the account may use the service may use the key by way of it, and nobody otherwise.
    fn policy(&self, place: &Place) -> String {
        let Self { name, title, .. } = self;
        let Place { account, region } = place;
        let uses = r#""kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:CreateGrant","kms:DescribeKey""#;
        let looks = r#""kms:Describe*","kms:Get*","kms:List*","kms:RevokeGrant""#;
        format!(
            r#"{{"Version":"2012-10-17","Id":"auto-{name}-1","Statement":[{{"Sid":"Allow access through {title} for all principals in the account that are authorized to use {title}","Effect":"Allow","Principal":{{"AWS":"*"}},"Action":[{uses}],"Resource":"*","Condition":{{"StringEquals":{{"kms:CallerAccount":"{account}","kms:ViaService":"{name}.{region}.amazonaws.com"}}}}}},{{"Sid":"Allow direct access to key metadata to the account","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":[{looks}],"Resource":"*"}}]}}"#
        )
    }
}
