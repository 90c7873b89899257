//! Checks that need to know this repository, and its generated documentation. `./test` runs all of them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a tool for the terminal")]

mod deny;
mod docs;
mod fuzz;
mod instructions;
mod license;
mod metadata;
mod tidy;
mod tree;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  tidy           sizes, names, crate edges, and that lists, tests and documents agree
  deny           licences, sources and banned crates by deny.toml, without network
  docs           writes docs/reference and docs/configuration.md
  docs --check   fails when they are not as they would be written
  fuzz [SECONDS] runs each fuzz target, 10 seconds unless told otherwise
  instructions   counts the instructions of requests under valgrind; fails when they have become more
  instructions --bless  commits what they are now";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["tidy"] => tidy::run(),
        ["deny"] => deny::run(),
        ["docs"] => docs::run(docs::Action::Write),
        ["docs", "--check"] => docs::run(docs::Action::Check),
        ["instructions"] => instructions::run(instructions::Action::Check),
        ["instructions", "--bless"] => instructions::run(instructions::Action::Bless),
        ["fuzz"] => fuzz::run(10),
        ["fuzz", seconds] => match seconds.parse() {
            Ok(seconds) => fuzz::run(seconds),
            Err(_) => Err(format!("SECONDS is a whole number, not {seconds}")),
        },
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in &problems {
                println!("{problem}");
            }
            println!("{} problems", problems.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
