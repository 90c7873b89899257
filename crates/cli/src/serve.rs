//! `sluice serve` and `sluice dev`: start, wait for a signal, drain.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sluice_server::config::{Config, EndpointPolicy, RootCredentials};
use sluice_server::encryption::{MasterKey, MasterKeys, OpenError};
use sluice_server::services::sqs::declared_queues::{DeclarationError, DeclaredQueue};
use sluice_server::{Drained, Running, Server, StartError};
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::arguments::{ConfigFileArgs, LogFormat, ServerArgs};
use crate::exit::{CUT_SHORT, Failure, chain};
use crate::settings::{FromFiles, Layers, Mode, Resolved, SettingFlags, Settings};
use crate::start_up::{self, Lifetime, Ready};
use crate::{
    master_key, open_files, port_file, private, queue_file, root_credentials, self_signed,
};

/// A start that found the disk full is tried again after this, and then after twice as long each time, up to the longest.
const SPACE_PAUSE_MIN: Duration = Duration::from_secs(1);
const SPACE_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Runs a server until a signal ends it.
pub(crate) async fn run(
    mode: Mode,
    args: ServerArgs,
    log_format: LogFormat,
) -> Result<(), Failure> {
    let resolved = resolve(mode, &args.config, args.settings)?;
    let mut files = read_files(mode, &resolved)?;
    files.master_keys = open_master_keys(&resolved.settings).await?;
    let directory = DataDirectory::choose(resolved.settings.data.clone())?;
    open_files::raise_limit();
    if let Some(directory) = &resolved.settings.tls_self_signed {
        self_signed::make(directory)?;
    }
    // Listened to before the server starts, so that a signal during start-up is not lost.
    let mut signals = Signals::listen()?;
    let at_rest = files.master_keys.current.as_ref().map(MasterKey::fingerprint);
    let mut config = resolved.settings.server_config(mode, directory.path(), files);
    config.http.connections_max = open_files::connections(config.http.connections_max);
    let mut hangups = Hangups::listen(&config)?;
    let mut running = tokio::select! {
        started = Server::start(config.clone()) => {
            started.map_err(|error| not_started(&error))?
        }
        () = signals.next() => return Ok(()),
    };
    config.listen_at(running.addresses());
    if let Some(path) = &args.port_file {
        port_file::write(path, &config.listener.address).map_err(|error| {
            Failure::Server(format!("cannot write the port file {}: {error}", path.display()))
        })?;
    }
    let ready = Ready {
        mode,
        config: &config,
        data: directory.path(),
        lifetime: directory.lifetime(),
        settings: &resolved.settings,
        root_key: running.take_root_key(),
        at_rest,
    };
    start_up::announce(&ready, log_format);
    loop {
        tokio::select! {
            () = running.space_returned() => {}
            () = hangups.next() => {
                running.reload_tls().await;
                continue;
            }
            () = signals.next() => break,
        }
        tracing::warn!("there is space on the disk again: starting anew");
        // It has failed, and said so.
        let _: Drained = running.drain().await;
        running = tokio::select! {
            started = start_anew(&config) => started?,
            () = signals.next() => return Ok(()),
        };
    }
    tracing::info!("draining; a second signal quits at once");
    tokio::select! {
        drained = running.drain() => match drained {
            Drained::Complete | Drained::RequestsCut => Ok(()),
            Drained::StoreFailed => Err(Failure::Server("the store did not close in order".to_owned())),
        },
        () = signals.next() => {
            tracing::warn!("second signal, quitting without an orderly shutdown");
            std::process::exit(CUT_SHORT);
        }
    }
}

/// Starts a server in place of one whose disk was full, when there is space for that too.
async fn start_anew(config: &Config) -> Result<Running, Failure> {
    let mut pause = SPACE_PAUSE_MIN;
    loop {
        match Server::start(config.clone()).await {
            Ok(running) => return Ok(running),
            Err(error) if error.is_full_disk() => {
                tracing::warn!("cannot start, trying again in {pause:?}: {}", chain(&error));
            }
            Err(error) => return Err(not_started(&error)),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(SPACE_PAUSE_MAX);
    }
}

/// A wrong queue file or certificate is wrong usage, like a wrong configuration file.
fn not_started(error: &StartError) -> Failure {
    match error {
        StartError::Tls(error) => Failure::Usage(error.to_string()),
        StartError::Encryption {
            source: OpenError::NoMasterKey { .. } | OpenError::OtherMasterKey { .. },
            ..
        } => Failure::Usage(chain(error)),
        StartError::DeclaredQueue(DeclarationError::Wrong(text)) => Failure::Usage(text.clone()),
        other => Failure::Server(format!("cannot start: {}", chain(other))),
    }
}

/// Reads the master keys, and has a KMS decrypt them if one is named.
async fn open_master_keys(settings: &Settings) -> Result<MasterKeys, Failure> {
    let files = master_key::read(settings).map_err(Failure::Usage)?;
    files.open(&settings.master_key_kms, &settings.region).await
}

/// Reads the files that the settings name, master keys aside.
pub(crate) fn read_files(mode: Mode, resolved: &Resolved) -> Result<FromFiles, Failure> {
    let settings = &resolved.settings;
    if mode == Mode::Serve {
        private::check(settings).map_err(Failure::Usage)?;
    }
    Ok(FromFiles {
        declared_queues: declared_queues(resolved)?,
        root_credentials: root_credentials(resolved)?,
        endpoint_policies: endpoint_policies(resolved)?,
        master_keys: MasterKeys::default(),
    })
}

/// Reads the policies of listeners that are VPC endpoints.
fn endpoint_policies(resolved: &Resolved) -> Result<BTreeMap<String, EndpointPolicy>, Failure> {
    let mut policies = BTreeMap::new();
    for (name, listener) in &resolved.settings.further_listeners {
        let Some(path) = &listener.policy_file else { continue };
        let wrong = |problem: String| {
            let path = path.display();
            Failure::Usage(format!("`listeners.{name}.policy_file` = {path}: {problem}"))
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let policy = EndpointPolicy::parse(&text).map_err(|error| {
            wrong(format!("wants a policy with principals and resources, as queues have: {error}"))
        })?;
        policies.insert(name.clone(), policy);
    }
    Ok(policies)
}

/// Reads the queue file, if there is one, and tells what in it has no effect.
fn declared_queues(resolved: &Resolved) -> Result<Vec<DeclaredQueue>, Failure> {
    let Some(path) = &resolved.settings.queues else { return Ok(Vec::new()) };
    let found = queue_file::read(path).map_err(Failure::Usage)?;
    for note in found.notes {
        tracing::warn!("{note}");
    }
    Ok(found.queues)
}

/// Reads the administrator's access key, if a file has it.
fn root_credentials(resolved: &Resolved) -> Result<Vec<RootCredentials>, Failure> {
    let path = resolved.settings.root_credentials_file.as_deref();
    path.map_or(Ok(Vec::new()), |path| root_credentials::read(path).map_err(Failure::Usage))
}

/// Reads the environment and the file, and decides the settings.
pub(crate) fn resolve(
    mode: Mode,
    config: &ConfigFileArgs,
    flags: SettingFlags,
) -> Result<Resolved, Failure> {
    let file = match &config.config {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::Usage(format!(
                    "cannot read the configuration file {}: {error}",
                    path.display()
                ))
            })?;
            Some((path.display().to_string(), text))
        }
        None => None,
    };
    let is_text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let variables = std::env::vars_os().filter_map(is_text).collect();
    Layers { mode, flags: flags.given, variables, file }.resolve().map_err(Failure::Usage)
}

/// The data directory: a given one, or one that is removed when this value is dropped.
enum DataDirectory {
    Given(PathBuf),
    Temporary(TempDir),
}

impl DataDirectory {
    fn choose(given: Option<PathBuf>) -> Result<Self, Failure> {
        match given {
            Some(path) => Ok(Self::Given(path)),
            None => tempfile::Builder::new()
                .prefix("sluice-dev-")
                .tempdir()
                .map(Self::Temporary)
                .map_err(|error| {
                    Failure::Server(format!("cannot make a temporary data directory: {error}"))
                }),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }

    fn lifetime(&self) -> Lifetime {
        match self {
            Self::Given(_) => Lifetime::Kept,
            Self::Temporary(_) => Lifetime::RemovedAtExit,
        }
    }
}

/// SIGTERM and SIGINT, which mean the same.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |error| Failure::Server(format!("cannot listen for signals: {error}"));
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGHUP, on which TLS files are read anew. Without TLS it ends the process, as it does any other.
struct Hangups(Option<Signal>);

impl Hangups {
    fn listen(config: &Config) -> Result<Self, Failure> {
        if config.listeners().all(|listener| listener.tls.is_none()) {
            return Ok(Self(None));
        }
        let listened = signal(SignalKind::hangup());
        listened
            .map(|signal| Self(Some(signal)))
            .map_err(|error| Failure::Server(format!("cannot listen for signals: {error}")))
    }

    async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
}
