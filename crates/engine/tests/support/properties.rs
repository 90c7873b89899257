//! Runs properties, and shows that they would notice a broken engine.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Number of cases: `SLUICE_PROPERTY_CASES`, else that of the test.
pub(crate) fn cases(otherwise: u32) -> u32 {
    let asked = std::env::var("SLUICE_PROPERTY_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Panics with the smallest input found for which the promise is not kept.
pub(crate) fn is_kept<S: Strategy>(
    cases: u32,
    inputs: S,
    check: impl Fn(S::Value) -> Result<(), String>,
) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&inputs, |input| check(input).map_err(TestCaseError::fail))
        .unwrap();
}

/// Panics unless the promise is broken for one of the inputs, always the same ones.
pub(crate) fn is_caught<S: Strategy>(
    cases: u32,
    sabotage: impl std::fmt::Debug,
    inputs: S,
    check: impl Fn(S::Value) -> Result<(), String>,
) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let outcome = TestRunner::new_with_rng(config, rng).run(&inputs, |input| {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(input)));
        outcome.unwrap_or_else(|_| Err("panicked".to_owned())).map_err(TestCaseError::fail)
    });
    assert!(outcome.is_err(), "{sabotage:?} was not noticed");
}
