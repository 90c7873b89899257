//! Checks the rows of identities, offline.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Display;

use sluice_store::{Reader, Space};

use super::account::Account;
use super::group::Group;
use super::managed_policy::ManagedPolicy;
use super::principal::Principal;
use super::role::Role;
use super::snapshot::Snapshot;
use super::user::User;
use super::{EntityKey, rows, settings};
use crate::encryption::is_sealed;
use crate::rare_changes::rows::{check_bodies, read_each};

/// Reads every row, and tells what is wrong with them.
pub(crate) fn check(reader: &dyn Reader, damage: &mut dyn FnMut(&dyn Display)) {
    let mut snapshot = Snapshot::with_policies_of_aws();
    // Without the master key, nothing more can be said of what is sealed.
    let has_sealed = Cell::new(false);
    let read = |snapshot: &mut Snapshot, key: &[u8], value: &[u8]| {
        let is_sealed = is_sealed(value);
        has_sealed.set(has_sealed.get() || is_sealed);
        if is_sealed { Ok(()) } else { rows::read(snapshot, key, value) }
    };
    if let Err(error) = read_each(reader, &mut snapshot, read, &mut |bad| damage(&bad)) {
        damage(&error);
    }
    check_references(&snapshot, damage);
    match reader.get(Space::Rows, settings::KEY) {
        Err(error) => damage(&error),
        Ok(Some(_)) => {}
        Ok(None) if snapshot.is_empty() && !has_sealed.get() => {}
        Ok(None) => damage(&"there are identities, but the row of settings is missing"),
    }
    check_bodies(reader, "identities", damage);
}

/// Groups and policies that are named exist, and an alias is of one account.
fn check_references(snapshot: &Snapshot, damage: &mut dyn FnMut(&dyn Display)) {
    let mut aliases = BTreeSet::new();
    for alias in snapshot.all::<Account>().filter_map(|account| account.alias.as_deref()) {
        if !aliases.insert(alias) {
            damage(&format_args!("the alias {alias} belongs to two accounts"));
        }
    }
    for user in snapshot.all::<User>() {
        for group in &user.groups {
            if snapshot.get::<Group>(&EntityKey::new(&user.account, group)).is_none() {
                damage(&format_args!("{} is in a group that is missing: {group}", user.arn()));
            }
        }
        check_policies(&**user, user.boundary.as_ref(), snapshot, damage);
    }
    for group in snapshot.all::<Group>() {
        check_policies(&**group, None, snapshot, damage);
    }
    for role in snapshot.all::<Role>() {
        check_policies(&**role, role.boundary.as_ref(), snapshot, damage);
    }
    for policy in snapshot.all::<ManagedPolicy>() {
        if policy.version(policy.default_version).is_none() {
            damage(&format_args!("the default version of {} is missing", policy.arn()));
        }
    }
}

fn check_policies<P: Principal>(
    principal: &P,
    boundary: Option<&String>,
    snapshot: &Snapshot,
    damage: &mut dyn FnMut(&dyn Display),
) {
    for arn in principal.grants().attached.iter().chain(boundary) {
        if ManagedPolicy::by_arn(snapshot, arn).is_none() {
            damage(&format_args!("{} has a policy that is missing: {arn}", principal.arn()));
        }
    }
}

#[cfg(test)]
mod tests {
    use sluice_store::{Batch, MemoryStore, Store};

    use super::*;
    use crate::identities::SHARD;

    const ACCOUNT: &str = "123456789012";

    fn damages(fill: impl FnOnce(&mut Batch)) -> Vec<String> {
        let mut batch = Batch::new();
        fill(&mut batch);
        let mut shard = MemoryStore::new().open_shard(SHARD).expect("free");
        settings::open(&mut *shard).expect("the store is good");
        shard.commit(batch).wait().expect("the store is good");
        let mut damages = Vec::new();
        check(&*shard.reader(), &mut |what| damages.push(what.to_string()));
        damages
    }

    #[test]
    fn what_an_identity_names_has_to_exist() {
        let mut user = User::new(ACCOUNT, "/", "bob", 7);
        user.groups.insert("team".to_owned());
        user.grants.attached.insert("arn:aws:iam::aws:policy/AmazonSQSFullAccess".to_owned());
        user.boundary = Some("arn:aws:iam::123456789012:policy/queues".to_owned());
        let group = Group::new(ACCOUNT, "/", "Team", 7);
        let mut policy = ManagedPolicy::new(ACCOUNT, "/", "queues", "{}".to_owned(), 7);
        let all = |batch: &mut Batch, policy: &ManagedPolicy| {
            rows::put(batch, &user);
            rows::put(batch, &group);
            rows::put(batch, policy);
        };
        assert_eq!(damages(|batch| all(batch, &policy)), [""; 0]);
        let missing = damages(|batch| rows::put(batch, &user));
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(missing[0].contains("group that is missing: team"), "{missing:?}");
        assert!(missing[1].contains("policy that is missing: arn:aws:iam::123"), "{missing:?}");
        policy.default_version = 2;
        let without_default = damages(|batch| all(batch, &policy));
        assert!(without_default[0].contains("default version of arn:aws:iam::1"), "{missing:?}");
    }

    #[test]
    fn an_alias_is_of_one_account() {
        let account = |id: &str, alias: &str| {
            let alias = Some(alias.to_owned());
            Account { alias, ..Account::stored(&Snapshot::default(), id) }
        };
        let both = |one: &str, other: &str| {
            damages(|batch| {
                rows::put(batch, &account("1", one));
                rows::put(batch, &account("2", other));
            })
        };
        assert_eq!(both("acme", "acne"), [""; 0]);
        assert_eq!(both("acme", "acme"), ["the alias acme belongs to two accounts"]);
    }
}
