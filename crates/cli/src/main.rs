//! The `sluice` command: the server, and a client for queues, messages, users and policies.

mod arguments;
mod audit;
mod bench;
mod client;
mod config_check;
mod exit;
mod instruction_set;
mod logging;
mod master_key;
mod open_files;
mod output;
mod port_file;
mod private;
mod queue_file;
mod reference;
mod root_credentials;
mod secret_file;
mod self_signed;
mod serve;
mod settings;
mod start_up;
mod store;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Cli, Command, ConfigCommand};
use crate::bench::{BenchCommand, FloorCommand};
use crate::client::iam;
use crate::exit::Failure;
use crate::settings::Mode;

/// Also RocksDB's allocator: less processor time than that of the C library, and memory goes back to the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            failure.code()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    instruction_set::check()?;
    logging::start(&cli.logging)?;
    match cli.command {
        Command::Config(ConfigCommand::Check(args)) => config_check::run(args),
        Command::Reference { page } => output::print(&reference::render(page)),
        Command::Serve(args) => {
            let log_format = cli.logging.log_format;
            runtime(Threads::PerCore)?.block_on(serve::run(Mode::Serve, args, log_format))
        }
        Command::Dev(args) => {
            let log_format = cli.logging.log_format;
            runtime(Threads::PerCore)?.block_on(serve::run(Mode::Dev, args, log_format))
        }
        Command::Bench(BenchCommand::Run(args)) => bench::run(*args),
        Command::Bench(BenchCommand::Floor(FloorCommand::Http(args))) => {
            runtime(Threads::PerCore)?.block_on(bench::floor_http(args))
        }
        Command::Bench(BenchCommand::Floor(FloorCommand::Engine(args))) => {
            runtime(Threads::PerCore)?.block_on(bench::floor_engine(args))
        }
        Command::Bench(BenchCommand::Floor(FloorCommand::Sync(args))) => bench::floor_sync(args),
        Command::Store(command) => store::run(command),
        Command::Audit(command) => audit::run(command),
        Command::Queues(command) => runtime(Threads::One)?.block_on(client::queues::run(command)),
        Command::Messages(command) => {
            runtime(Threads::One)?.block_on(client::messages::run(command))
        }
        Command::Users(command) => runtime(Threads::One)?.block_on(iam::users::run(command)),
        Command::AccessKeys(command) => {
            runtime(Threads::One)?.block_on(iam::access_keys::run(command))
        }
        Command::Groups(command) => runtime(Threads::One)?.block_on(iam::groups::run(command)),
        Command::Roles(command) => runtime(Threads::One)?.block_on(iam::roles::run(command)),
        Command::Policies(command) => runtime(Threads::One)?.block_on(iam::policies::run(command)),
        Command::Whoami(args) => runtime(Threads::One)?.block_on(iam::whoami::run(&args)),
    }
}

enum Threads {
    PerCore,
    One,
}

fn runtime(threads: Threads) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = match threads {
        Threads::PerCore => tokio::runtime::Builder::new_multi_thread(),
        Threads::One => tokio::runtime::Builder::new_current_thread(),
    };
    builder
        .enable_all()
        .thread_name("sluice")
        .build()
        .map_err(|error| Failure::Server(format!("cannot start the async runtime: {error}")))
}
