//! `cargo xtask tidy`: what the style page asks for and neither the compiler nor clippy can see.
//!
//! Every check is a function from the repository's files to a list of problems, and has a test that shows it failing.

mod architecture;
mod attributes;
mod changelog;
mod compatibility;
mod contract;
mod contract_lines;
mod crate_edges;
mod file_names;
mod named_test;
mod operations;
mod runner;
mod sizes;

pub(crate) use runner::run;
