//! When access keys were last used. Noted in memory with each request, and stored with the keys now and then: a crash forgets what
//! was not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::access_key::AccessKey;
use super::account::Account;
use super::handle::{Identities, IdentitiesStopped};
use super::snapshot::{Draft, Snapshot};
use super::user::User;

/// How exactly it is noted, ms.
const STEP_MS: u64 = 60_000;
/// Users and accounts whose keys are stored with one change.
const AT_ONCE: usize = 100;

/// When an access key was last used, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    /// Epoch milliseconds; uses within a minute after it are not noted.
    pub at_ms: u64,
    /// The service that was called, as in `sqs`.
    pub service: String,
    /// The region that the request was signed for.
    pub region: String,
}

/// The last use of one access key; what is noted in one copy is in all.
#[derive(Debug, Clone)]
pub(super) struct Noted(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    /// Uses before are not noted, epoch milliseconds.
    next_ms: AtomicU64,
    last: Mutex<Option<LastUse>>,
}

impl Noted {
    /// Goes on from what is stored.
    pub(super) fn from(stored: Option<LastUse>) -> Self {
        let next_ms = stored.as_ref().map_or(0, |last| last.at_ms + STEP_MS);
        Self(Arc::new(Cell { next_ms: next_ms.into(), last: Mutex::new(stored) }))
    }

    /// Notes a use, once in a while.
    pub(super) fn note(&self, at_ms: u64, service: &str, region: &str) {
        if at_ms < self.0.next_ms.load(Ordering::Relaxed) {
            return;
        }
        self.0.next_ms.store(at_ms + STEP_MS, Ordering::Relaxed);
        let (service, region) = (service.to_owned(), region.to_owned());
        let last = Some(LastUse { at_ms, service, region });
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
    }

    pub(super) fn get(&self) -> Option<LastUse> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl PartialEq for Noted {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Noted {}

impl Identities {
    /// Stores when access keys were last used, whenever so much time has passed, until the end.
    pub(crate) async fn keep_last_uses(self, interval: Duration, end: CancellationToken) {
        while end.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
            self.store_last_uses().await;
        }
    }

    /// Stores when access keys were last used, as far as it is not stored. Where the store failed that is logged, and nothing can
    /// be done about it.
    pub(super) async fn store_last_uses(&self) {
        while has_news(&self.snapshot()) {
            let stored = self.change(|draft, _now_ms| {
                put_news(draft);
                Ok::<_, IdentitiesStopped>(())
            });
            if stored.await.is_err() {
                return;
            }
        }
    }
}

fn has_news(snapshot: &Snapshot) -> bool {
    let of_users = snapshot.all::<User>().any(|user| news(&user.access_keys, snapshot).is_some());
    let mut accounts = snapshot.all::<Account>();
    of_users || accounts.any(|account| news(&account.root_keys, snapshot).is_some())
}

fn put_news(draft: &mut Draft) {
    let snapshot = draft.snapshot().clone();
    let user = |user: &Arc<User>| {
        let access_keys = news(&user.access_keys, &snapshot)?;
        Some(User { access_keys, ..User::clone(user) })
    };
    let account = |account: &Arc<Account>| {
        let root_keys = news(&account.root_keys, &snapshot)?;
        Some(Account { root_keys, ..Account::clone(account) })
    };
    for user in snapshot.all::<User>().filter_map(user).take(AT_ONCE) {
        draft.put(user);
    }
    for account in snapshot.all::<Account>().filter_map(account).take(AT_ONCE) {
        draft.put(account);
    }
}

/// Access keys with their last uses, if one of these is not stored.
fn news(keys: &[AccessKey], snapshot: &Snapshot) -> Option<Vec<AccessKey>> {
    let with_last_use = |key: &AccessKey| {
        let last_use = snapshot.access_key(&key.id).and_then(|holder| holder.last_use());
        AccessKey { last_use, ..key.clone() }
    };
    let now: Vec<AccessKey> = keys.iter().map(with_last_use).collect();
    (now != keys).then_some(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_a_minute_in_every_copy() {
        let noted = Noted::from(None);
        let copy = noted.clone();
        let last = |noted: &Noted| noted.get().map(|last| (last.at_ms, last.service));
        assert_eq!(last(&copy), None);
        noted.note(100_000, "sqs", "us-east-1");
        noted.note(159_999, "iam", "us-east-1");
        assert_eq!(last(&copy), Some((100_000, "sqs".to_owned())));
        copy.note(160_000, "iam", "us-east-1");
        assert_eq!(last(&noted), Some((160_000, "iam".to_owned())));
        let later = Noted::from(noted.get());
        later.note(219_999, "sqs", "us-east-1");
        assert_eq!(last(&later), Some((160_000, "iam".to_owned())));
    }
}
