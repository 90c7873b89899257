//! Policies that were parsed before.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sluice_policy::{Kind, Policy};

/// Policies that are kept parsed; then all are forgotten, and parsed again when they are asked for.
const PARSED_MAX: usize = 10_000;

/// Parsed policies of one kind, by their text.
pub(super) struct Parsed {
    kind: Kind,
    policies: RwLock<HashMap<Box<str>, Option<Arc<Policy>>>>,
}

impl Parsed {
    /// Nothing yet.
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, policies: RwLock::default() }
    }

    /// Returns the policy with a text, or nothing if it is none: it was stored by a version that took it for one.
    pub(super) fn get(&self, text: &str) -> Option<Arc<Policy>> {
        let parsed = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = parsed.get(text) {
            return policy.clone();
        }
        drop(parsed);
        let policy = Policy::parse(text, self.kind).ok().map(Arc::new);
        let mut parsed = self.policies.write().unwrap_or_else(PoisonError::into_inner);
        if parsed.len() >= PARSED_MAX {
            parsed.clear();
        }
        parsed.insert(text.into(), policy.clone());
        policy
    }
}
