//! `sluice bench floor engine`: the load generator's tasks, and the broker of this server in the same process.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use sluice_bench::{Engine, EngineFloorOptions, EngineMessage, EngineQueue, Report, engine_floor};
use sluice_server::in_process::{InProcess, InProcessQueue, PlainMessage};

use crate::arguments::OutputArgs;
use crate::exit::{Failure, chain};
use crate::serve::Signals;
use crate::settings::{FromFiles, Mode, Settings};
use crate::{open_files, output};

/// Flags of `sluice bench floor engine`.
#[derive(Debug, Args)]
pub(crate) struct EngineFloorArgs {
    /// Data directory to make, on the disk to measure; removed afterwards unless --keep is given.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    options: EngineFloorOptions,
    #[command(flatten)]
    output: OutputArgs,
}

/// Measures, and prints what came out.
pub(crate) async fn run(args: EngineFloorArgs) -> Result<(), Failure> {
    args.options.check().map_err(|error| Failure::Usage(error.to_string()))?;
    check_is_new(&args.data)?;
    open_files::raise_limit();
    let signals = Signals::listen()?;
    let settings = Settings::defaults(Mode::Serve);
    let config = settings.server_config(Mode::Serve, &args.data, FromFiles::default());
    let engine = InProcess::open(&config)
        .await
        .map_err(|error| Failure::Server(format!("cannot start: {}", chain(&error))))?;
    let measured = measure(Sluice(engine), &args.options, signals).await;
    let finished = measured.and_then(|report| super::finish(args.output, &report));
    // What was measured is told by now, whatever becomes of the directory.
    if !args.options.load.keep
        && let Err(error) = std::fs::remove_dir_all(&args.data)
    {
        output::tell(&format!("cannot remove {}: {error}", args.data.display()));
    }
    finished
}

/// Refuses a directory that holds anything: it is removed afterwards.
fn check_is_new(data: &Path) -> Result<(), Failure> {
    let is_new = match std::fs::read_dir(data) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => {
            let data = data.display();
            return Err(Failure::Usage(format!("`--data`: cannot read {data}: {error}")));
        }
    };
    if is_new {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "`--data` wants a new or empty directory, because it is removed afterwards; there is something in {}",
        data.display()
    )))
}

async fn measure(
    engine: Sluice,
    options: &EngineFloorOptions,
    mut signals: Signals,
) -> Result<Report, Failure> {
    let measured = tokio::select! {
        measured = engine_floor(&engine, options, &output::tell) => measured.map_err(super::failure),
        () = signals.next() => Err(Failure::Refused("ended by a signal before it was measured".to_owned())),
    };
    if engine.0.close().await {
        return measured;
    }
    Err(Failure::Server("the store did not close in order".to_owned()))
}

/// The server's broker as the load generator wants it.
struct Sluice(InProcess);

/// One of its queues.
#[derive(Clone)]
struct SluiceQueue(InProcessQueue);

impl Engine for Sluice {
    type Queue = SluiceQueue;

    async fn create_queue(&self, name: &str) -> Result<SluiceQueue, String> {
        self.0.create_queue(name).await.map(SluiceQueue).map_err(|error| error.to_string())
    }

    async fn delete_queue(&self, name: &str) -> Result<(), String> {
        self.0.delete_queue(name).await.map_err(|error| error.to_string())
    }
}

impl EngineQueue for SluiceQueue {
    type Message = PlainMessage;

    fn message(
        body: String,
        group_id: Option<String>,
        deduplication_id: Option<String>,
    ) -> PlainMessage {
        PlainMessage { body, group_id, deduplication_id }
    }

    async fn send(&self, messages: Vec<PlainMessage>) -> Result<(), String> {
        self.0.send(messages.into_iter()).await.map_err(|error| error.to_string())
    }

    async fn receive(
        &self,
        count_max: usize,
        wait_secs: u32,
    ) -> Result<Vec<EngineMessage>, String> {
        let count_max = u32::try_from(count_max).unwrap_or(u32::MAX);
        let received = self.0.receive(count_max, wait_secs).await;
        let message = |(receipt_handle, body)| EngineMessage { receipt_handle, body };
        Ok(received.map_err(|error| error.to_string())?.into_iter().map(message).collect())
    }

    async fn delete(&self, messages: &[EngineMessage]) -> Result<usize, String> {
        let handles = messages.iter().map(|message| message.receipt_handle.as_str());
        self.0.delete(handles).await.map_err(|error| error.to_string())
    }
}
