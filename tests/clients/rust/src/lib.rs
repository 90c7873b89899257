//! The AWS SDK for Rust against a running server: see `tests/life_cycle.rs`.
