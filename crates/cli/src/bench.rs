//! `sluice bench`: measures an endpoint, and what the machine allows.

mod engine_floor;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use sluice_bench::{Report, RunError, RunOptions, SyncFloor, SyncFloorOptions};
use sluice_server::null_endpoint::NullEndpoint;

pub(crate) use engine_floor::{EngineFloorArgs, run as floor_engine};

use crate::arguments::{OutputArgs, OutputFormat};
use crate::client::ConnectionArgs;
use crate::exit::Failure;
use crate::serve::Signals;
use crate::settings::{FromFiles, Mode, Settings};
use crate::{open_files, output, port_file};

/// `sluice bench`.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Puts load on an SQS endpoint and measures throughput and latency.
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Measures what the machine allows: HTTP without a queue behind it, queues without HTTP, a disk without a server.
    #[command(subcommand)]
    Floor(FloorCommand),
}

const RUN_EXAMPLES: &str = "\
Examples:
  sluice bench run                                            sends of 1 KiB over 64 connections, 10 s
  sluice bench run --rate 5000                                the same at a fixed rate: latency without coordinated omission
  sluice bench run --scenario cycle --batch 10 --repetitions 5
  sluice bench run --scenario cycle --fifo --groups 10000
  sluice bench run --scenario receive --backlog 1000000 --batch 10
  sluice bench run --scenario flow --rate 100 --connections 1 --consumers 10000
  sluice bench run --endpoint https://sqs.us-east-1.amazonaws.com --scenario cycle

Against Amazon SQS itself requests cost money, at full speed thousands a second.

Exits with 1 if no request succeeded.";

/// Flags of `sluice bench run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    options: RunOptions,
    /// File that gets the report with plots.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// `sluice bench floor`.
#[derive(Debug, Subcommand)]
pub(crate) enum FloorCommand {
    /// Serves a null endpoint on Sluice's HTTP stack: reads requests, answers fixed replies.
    Http(HttpFloorArgs),
    /// Calls the queues of a new data directory in this process: what engine and store do without HTTP.
    #[command(after_help = ENGINE_EXAMPLES)]
    Engine(EngineFloorArgs),
    /// Appends and syncs in a loop.
    Sync(SyncFloorArgs),
}

const ENGINE_EXAMPLES: &str = "\
Examples:
  sluice bench floor engine --data ./floor --batch 10    compare with: sluice bench run --batch 10
  sluice bench floor engine --data ./floor --scenario cycle --repetitions 5

Every answer waits for the disk, as in `sluice serve` with its default settings. Engine and
load share this process. Exits with 1 if no call succeeded.";

/// Flags of `sluice bench floor http`.
#[derive(Debug, Args)]
pub(crate) struct HttpFloorArgs {
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9325")]
    listen: SocketAddr,
    /// File that gets `host:port` once the endpoint is ready, written atomically.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
}

/// Flags of `sluice bench floor sync`.
#[derive(Debug, Args)]
pub(crate) struct SyncFloorArgs {
    #[command(flatten)]
    options: SyncFloorOptions,
    #[command(flatten)]
    output: OutputArgs,
}

/// Measures, and prints what came out.
pub(crate) fn run(args: RunArgs) -> Result<(), Failure> {
    open_files::raise_limit();
    let target = args.connection.target_at(&args.connection.endpoint)?;
    let floor = args.options.floor.as_ref().map(|floor| args.connection.target_at(floor));
    let (floor, options) = (floor.transpose()?, &args.options);
    let report =
        sluice_bench::run(&target, floor.as_ref(), options, &output::tell).map_err(failure)?;
    if let Some(path) = &args.html {
        std::fs::write(path, report.html()).map_err(|error| {
            Failure::Refused(format!("cannot write the report {}: {error}", path.display()))
        })?;
    }
    finish(args.connection.output, &report)
}

/// Prints a report, and fails if nothing worked.
fn finish(output: OutputArgs, report: &Report) -> Result<(), Failure> {
    print(output, report, || {
        let mut text = output::table(&report.table());
        for line in report.lines() {
            text.push_str(&line);
            text.push('\n');
        }
        text
    })?;
    if report.has_worked() {
        return Ok(());
    }
    Err(Failure::Refused("no request succeeded".to_owned()))
}

fn failure(error: RunError) -> Failure {
    let text = error.to_string();
    match error {
        RunError::Wrong(_) | RunError::NoProcess(_) => Failure::Usage(text),
        RunError::Unreachable(_) => Failure::Unreachable(text),
        RunError::Refused(_) | RunError::Thread(_) => Failure::Refused(text),
    }
}

/// Serves a null endpoint until a signal ends it.
pub(crate) async fn floor_http(args: HttpFloorArgs) -> Result<(), Failure> {
    open_files::raise_limit();
    let mut signals = Signals::listen()?;
    let settings = Settings::defaults(Mode::Serve);
    let config = settings.server_config(Mode::Serve, Path::new(""), FromFiles::default());
    let endpoint = NullEndpoint::start(args.listen, &config.http)
        .await
        .map_err(|error| Failure::Server(format!("cannot listen on {}: {error}", args.listen)))?;
    if let Some(path) = &args.port_file {
        port_file::write(path, endpoint.address()).map_err(|error| {
            Failure::Server(format!("cannot write the port file {}: {error}", path.display()))
        })?;
    }
    output::tell(&format!("null endpoint ready on http://{}", endpoint.address()));
    signals.next().await;
    endpoint.drain().await;
    Ok(())
}

/// Runs the bare loop, and prints what came out.
pub(crate) fn floor_sync(args: SyncFloorArgs) -> Result<(), Failure> {
    let directory = args.options.directory.display();
    let floor = SyncFloor::measure(&args.options)
        .map_err(|error| Failure::Refused(format!("cannot append in {directory}: {error}")))?;
    print(args.output, &floor, || output::table(&floor.table()))
}

fn print<T: Serialize>(
    args: OutputArgs,
    result: &T,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match args.output {
        OutputFormat::Text => output::print(&text()),
        OutputFormat::Json => {
            let value = serde_json::to_value(result).map_err(|error| {
                Failure::Refused(format!("the result cannot be written as JSON: {error}"))
            })?;
            output::print_json(&value)
        }
    }
}
