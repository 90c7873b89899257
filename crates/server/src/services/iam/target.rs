//! What requests to IAM and STS act on, as policies name it.

use std::sync::Arc;

use sluice_policy::Values;

use crate::identities::{
    Entity, EntityKey, Group, Holder, ManagedPolicy, Principal, Role, Snapshot, User, parsed_arn,
};
use crate::services::Context;
use crate::services::target::{Guarded, Reach, Target, tag_of};

/// The condition key of a boundary, in lower case.
const PERMISSIONS_BOUNDARY: &str = "iam:permissionsboundary";

/// Everything in the caller's account: what lists need permission for.
pub(crate) fn account(context: &Context) -> Target {
    own(context, format!("arn:aws:iam::{}:*", context.identity.account), None)
}

/// A user, group or role of the caller's account, by kind and name; without a name, the caller.
pub(crate) fn existing(context: &Context, kind: &str, name: Option<&str>) -> Target {
    let Some(name) = name else { return own(context, context.identity.principal_arn(), None) };
    let (snapshot, key) = (context.identities.snapshot(), key(context, name));
    let found = match kind {
        User::KIND => found::<User>(&snapshot, &key),
        Group::KIND => found::<Group>(&snapshot, &key),
        _ => found::<Role>(&snapshot, &key),
    };
    match found {
        Some((arn, guarded)) => own(context, arn, Some(guarded)),
        None => new(context, kind, None, Some(name)),
    }
}

/// The user whose an access key of the caller's account is, by the id of the key; of a root's, and of none, the account.
pub(crate) fn access_key(context: &Context, id: Option<&str>) -> Target {
    let key = id.and_then(|id| context.identities.access_key(id));
    let key = key.filter(|key| key.account == context.identity.account);
    match key.as_ref().map(|key| &key.holder) {
        Some(Holder::User { name, .. }) => existing(context, User::KIND, Some(&**name)),
        Some(Holder::Root | Holder::Role(_) | Holder::FederatedUser(_)) | None => account(context),
    }
}

/// What is to be created.
pub(crate) fn new(context: &Context, kind: &str, path: Option<&str>, name: Option<&str>) -> Target {
    let (account, name) = (&context.identity.account, name.unwrap_or("*"));
    own(context, format!("arn:aws:iam::{account}:{kind}{}{name}", path.unwrap_or("/")), None)
}

/// A managed policy of the caller's account or of AWS, by its ARN. One of another account is nobody's business here.
pub(crate) fn policy(context: &Context, arn: Option<&str>) -> Target {
    let Some(arn) = arn else { return account(context) };
    let policy = ManagedPolicy::by_arn(&context.identities.snapshot(), arn).cloned();
    let is_of_aws = policy.as_ref().is_some_and(|policy| policy.is_of_aws());
    let guarded = policy.map(|policy| policy as Arc<dyn Guarded>);
    let target = own(context, arn.to_owned(), guarded);
    match parsed_arn(arn, ManagedPolicy::KIND) {
        Some((account, _, _)) if !is_of_aws => Target { account: account.to_owned(), ..target },
        Some(_) | None => target,
    }
}

/// A role of any account that is to be assumed, by its ARN.
pub(crate) fn role(context: &Context, arn: Option<&str>) -> Target {
    let Some(arn) = arn else { return account(context) };
    let Some((account, path, name)) = parsed_arn(arn, Role::KIND) else {
        return own(context, arn.to_owned(), None);
    };
    let snapshot = context.identities.snapshot();
    let role = snapshot.get::<Role>(&EntityKey::new(account, name));
    let role = role.filter(|role| role.path == path && role.name == name);
    Target {
        arn: arn.to_owned(),
        account: account.to_owned(),
        guarded: role.map(|role| Arc::new(Trusting(Arc::clone(role))) as Arc<dyn Guarded>),
        reach: Reach::Trusted,
        absent: None,
    }
}

/// A federated user whom the caller wants credentials for.
pub(crate) fn federated_user(context: &Context, name: Option<&str>) -> Target {
    let (account, name) = (&context.identity.account, name.unwrap_or("*"));
    own(context, format!("arn:aws:sts::{account}:federated-user/{name}"), None)
}

fn own(context: &Context, arn: String, guarded: Option<Arc<dyn Guarded>>) -> Target {
    let account = context.identity.account.to_string();
    Target { arn, account, guarded, reach: Reach::Account, absent: None }
}

fn key(context: &Context, name: &str) -> EntityKey {
    EntityKey::new(&context.identity.account, name)
}

fn found<P: Principal + Guarded + 'static>(
    snapshot: &Snapshot,
    key: &EntityKey,
) -> Option<(String, Arc<dyn Guarded>)> {
    let entity = snapshot.get::<P>(key)?;
    Some((entity.arn(), Arc::clone(entity) as Arc<dyn Guarded>))
}

/// A role with whom it trusts.
struct Trusting(Arc<Role>);

impl Guarded for Trusting {
    fn policy(&self) -> Option<&str> {
        Some(&self.0.trust_policy)
    }

    fn tag(&self, key: &str) -> Option<&str> {
        self.0.tag(key)
    }
}

impl Guarded for User {
    fn value(&self, key: &str) -> Option<Values<'_>> {
        self.boundary.as_deref().filter(|_| key == PERMISSIONS_BOUNDARY).map(Values::from)
    }

    fn tag(&self, key: &str) -> Option<&str> {
        tag_of(&self.tags, key)
    }
}

impl Guarded for Role {
    fn value(&self, key: &str) -> Option<Values<'_>> {
        self.boundary.as_deref().filter(|_| key == PERMISSIONS_BOUNDARY).map(Values::from)
    }

    fn tag(&self, key: &str) -> Option<&str> {
        tag_of(&self.tags, key)
    }
}

impl Guarded for ManagedPolicy {
    fn tag(&self, key: &str) -> Option<&str> {
        tag_of(&self.tags, key)
    }
}

impl Guarded for Group {
    fn tag(&self, _key: &str) -> Option<&str> {
        None
    }
}
