//! How many look records up at once: each reads files, perhaps whole ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Look-ups of an account at once; CloudTrail allows two a second.
const OF_ACCOUNT_MAX: usize = 2;
/// Look-ups of all accounts at once.
const ALL_MAX: usize = 16;

/// Those who look.
#[derive(Debug, Default)]
pub(super) struct Looking {
    /// How many of each account; those of whom nobody looks are not there.
    counts: Mutex<BTreeMap<String, usize>>,
}

/// One who looks, until this is dropped.
#[derive(Debug)]
pub(super) struct Look {
    looking: Arc<Looking>,
    account: String,
}

impl Looking {
    /// Lets one of an account look, unless enough do.
    pub(super) fn begin(self: &Arc<Self>, account: &str) -> Option<Look> {
        let mut counts = self.counts();
        let of_account = counts.get(account).copied().unwrap_or_default();
        if of_account >= OF_ACCOUNT_MAX || counts.values().sum::<usize>() >= ALL_MAX {
            return None;
        }
        counts.insert(account.to_owned(), of_account + 1);
        Some(Look { looking: Arc::clone(self), account: account.to_owned() })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let mut counts = self.looking.counts();
        match counts.get_mut(&self.account) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(counts.remove(&self.account)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_looks_too_often_keeps_no_other_from_looking() {
        let looking = Arc::new(Looking::default());
        let mut first: Vec<Look> = (0..2).filter_map(|_| looking.begin("a")).collect();
        assert_eq!(first.len(), 2);
        assert!(looking.begin("a").is_none(), "two look already");
        assert!(looking.begin("b").is_some(), "that is another account");
        first.pop();
        assert!(looking.begin("a").is_some());
        first.clear();
        assert!(looking.counts().is_empty());
    }

    #[test]
    fn all_accounts_together_are_bounded() {
        let looking = Arc::new(Looking::default());
        let begin = |number: usize| looking.begin(&number.to_string());
        let all: Vec<Look> = (0..ALL_MAX).filter_map(begin).collect();
        assert_eq!(all.len(), ALL_MAX);
        assert!(begin(ALL_MAX).is_none());
        drop(all);
        assert!(begin(ALL_MAX).is_some());
    }
}
