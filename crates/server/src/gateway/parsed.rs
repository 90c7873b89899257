//! Policies that were parsed before.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sluice_policy::{Kind, Policy};

/// Policies that are kept parsed; then all are forgotten, and parsed again when they are asked for.
const PARSED_MAX: usize = 10_000;
/// Bytes of their texts.
const PARSED_BYTES_MAX: usize = 32 << 20;

/// Parsed policies of one kind, by their text.
pub(super) struct Parsed {
    kind: Kind,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    policies: HashMap<Box<str>, Option<Arc<Policy>>>,
    /// Of all texts.
    bytes: usize,
}

impl Parsed {
    /// Nothing yet.
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, kept: RwLock::default() }
    }

    /// Returns the policy with a text, or nothing if it is none: it was stored by a version that took it for one.
    pub(super) fn get(&self, text: &str) -> Option<Arc<Policy>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = kept.policies.get(text) {
            return policy.clone();
        }
        drop(kept);
        let policy = Policy::parse(text, self.kind).ok().map(Arc::new);
        self.kept.write().unwrap_or_else(PoisonError::into_inner).keep(text, policy.clone());
        policy
    }
}

impl Kept {
    fn keep(&mut self, text: &str, policy: Option<Arc<Policy>>) {
        if self.policies.len() >= PARSED_MAX || self.bytes + text.len() > PARSED_BYTES_MAX {
            *self = Self::default();
        }
        // Somebody else may have been faster.
        if self.policies.insert(text.into(), policy).is_none() {
            self.bytes += text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_up_to_a_number_and_to_so_many_bytes() {
        let parsed = Parsed::of(Kind::Resource);
        let kept = || {
            let kept = parsed.kept.read().expect("nobody panicked");
            (kept.policies.len(), kept.bytes)
        };
        let long = |number: u32| format!("{number:02}{}", " ".repeat((1 << 20) - 2));
        for number in [0, 0, 1] {
            assert!(parsed.get(&long(number)).is_none(), "it is no policy");
        }
        assert_eq!(kept(), (2, 2 << 20));
        (2..32).for_each(|number| drop(parsed.get(&long(number))));
        assert_eq!(kept(), (32, PARSED_BYTES_MAX));
        drop(parsed.get(&long(32)));
        assert_eq!(kept(), (1, 1 << 20), "all others are forgotten");
        let short = Parsed::of(Kind::Resource);
        (0..=PARSED_MAX).for_each(|number| drop(short.get(&number.to_string())));
        assert_eq!(short.kept.read().expect("nobody panicked").policies.len(), 1);
    }
}
