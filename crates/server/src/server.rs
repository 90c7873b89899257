//! The life of a server: start, serve, drain, stop.

use std::sync::Arc;
use std::time::Duration;

use governor::clock::DefaultClock;
use sluice_store::{LiveBackup, RocksOptions, RocksStore, Store};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::audit::AuditLog;
use crate::broker::{Broker, BrokerConfig};
use crate::clock::{Clock, SteadyClock};
use crate::config::{Access, Config, ListenAddress};
use crate::control::Control;
use crate::encryption::{self, Encryption, MasterKeys};
use crate::gateway::{Authenticator, Authoriser, Gateway, Rates, SCRAPES_MAX};
use crate::http::{BodyBudget, Limits, Listener, Stops, Tls, serve_connections};
use crate::identities::{self, AccessKey, Identities, RootKeyError};
use crate::keys::{self, Keys};
use crate::listeners;
use crate::metrics::Metrics;
use crate::services::SERVICES;
use crate::services::sqs::declared_queues;
use crate::start_error::StartError;

/// Time that tasks get to end once their connections were cut.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a server that stopped for lack of space looks whether there is some; a disk tells nobody.
const SPACE_INTERVAL: Duration = Duration::from_secs(1);

/// How often the clock is read at least; a clock tells nobody that it was set.
const CLOCK_INTERVAL: Duration = Duration::from_secs(5);

/// How often TLS files are looked at; not every file system tells that they were replaced.
const TLS_FILES_INTERVAL: Duration = Duration::from_secs(5);

/// How often KMS keys are looked at whose time has come; it comes days after it was set.
const LAST_USES_INTERVAL: Duration = Duration::from_secs(15 * 60);
const KEYS_INTERVAL: Duration = Duration::from_secs(60);

/// How often waiting long polls are ended during a drain.
const LONG_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Starts servers.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Opens store, broker and listeners. When this returns, connections are accepted.
    ///
    /// # Errors
    /// [`StartError`], with nothing left running.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let listeners = listeners::bind(&config).await?;
        let (store, live_backup) = open_store(&config).await?;
        start_over(config, listeners, store, Some(live_backup)).await
    }

    /// Starts over a store that is open already, in place of the one in [`Config::data_dir`].
    ///
    /// # Errors
    /// [`StartError`], with nothing left running.
    pub async fn start_over(store: Arc<dyn Store>, config: Config) -> Result<Running, StartError> {
        let listeners = listeners::bind(&config).await?;
        start_over(config, listeners, store, None).await
    }
}

async fn start_over(
    config: Config,
    listeners: Vec<Listener>,
    store: Arc<dyn Store>,
    live_backup: Option<LiveBackup>,
) -> Result<Running, StartError> {
    let clock: Arc<dyn Clock> = match config.virtual_clock.clone() {
        Some(clock) => clock,
        None => Arc::new(SteadyClock::start()),
    };
    let started = match start_services(&config, &store, &clock).await {
        Ok(started) => started,
        Err(error) => {
            let path = config.data_dir.clone();
            let error = match store.is_lost_to_full_disk() {
                true => StartError::Full { path, detail: error.to_string() },
                false => error,
            };
            close_store(store).await;
            return Err(error);
        }
    };
    let control = live_backup.and_then(|backup| Some((Control::listen(&config.data_dir)?, backup)));
    Ok(serve(config, listeners, store, started, clock, control))
}

/// What works on the store.
struct Started {
    audit: Option<AuditLog>,
    broker: Broker,
    identities: Identities,
    keys: Keys,
    /// The root's access key, if it was made just now.
    root_key: Option<AccessKey>,
}

/// Starts what works on the store; nothing uses it any more when that fails.
async fn start_services(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
) -> Result<Started, StartError> {
    let encryption = open_encryption(config, store, clock).await?;
    let broker = start_broker(config, store, clock, encryption.clone()).await?;
    let opened = open_identities(config, store, clock, &broker, encryption.clone()).await;
    let (identities, root_key) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            broker.shutdown().await;
            return Err(error);
        }
    };
    let keys = match open_keys(config, store, clock, &broker, encryption).await {
        Ok(keys) => keys,
        Err(error) => {
            identities.shutdown().await;
            broker.shutdown().await;
            return Err(error);
        }
    };
    match open_audit(config, clock, &identities).await {
        Ok(audit) => Ok(Started { audit, broker, identities, keys, root_key }),
        Err(error) => {
            keys.shutdown().await;
            identities.shutdown().await;
            broker.shutdown().await;
            Err(error)
        }
    }
}

async fn open_keys(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    broker: &Broker,
    encryption: Option<Encryption>,
) -> Result<Keys, StartError> {
    let failed = |detail: String| StartError::Keys { path: config.data_dir.clone(), detail };
    let shard = store.open_shard(keys::SHARD).map_err(|error| failed(error.to_string()))?;
    let (clock, health) = (Arc::clone(clock), broker.health());
    let opened = Keys::open(shard, encryption, config.keys_without_master_key, clock, health);
    opened.await.map_err(|error| failed(error.to_string()))
}

async fn open_audit(
    config: &Config,
    clock: &Arc<dyn Clock>,
    identities: &Identities,
) -> Result<Option<AuditLog>, StartError> {
    let Some(audit) = &config.audit else { return Ok(None) };
    let opened = AuditLog::open(audit, config, Arc::clone(clock), identities.clone()).await;
    opened.map(Some).map_err(|source| StartError::Audit { path: audit.directory.clone(), source })
}

async fn open_identities(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    broker: &Broker,
    encryption: Option<Encryption>,
) -> Result<(Identities, Option<AccessKey>), StartError> {
    let failed = |detail: String| StartError::Identities { path: config.data_dir.clone(), detail };
    let shard = store.open_shard(identities::SHARD).map_err(|error| failed(error.to_string()))?;
    let opened = Identities::open(shard, encryption, Arc::clone(clock), broker.health()).await;
    let identities = opened.map_err(|error| failed(error.to_string()))?;
    match root_key(config, &identities).await {
        Ok(root_key) => Ok((identities, root_key)),
        Err(error) => {
            identities.shutdown().await;
            Err(failed(error.to_string()))
        }
    }
}

/// Sees to it that the administrators of the accounts have access keys, and returns the one that was made just now.
async fn root_key(
    config: &Config,
    identities: &Identities,
) -> Result<Option<AccessKey>, RootKeyError> {
    let mut has_key = false;
    for given in &config.root_credentials {
        let account = given.account.as_ref().unwrap_or(&config.account);
        let (id, secret) = (given.access_key_id.clone(), given.secret.clone());
        identities.set_root_key(account, id, secret).await?;
        has_key |= *account == config.account;
    }
    match config.access {
        Access::Verified if !has_key => Ok(identities.ensure_root_key(&config.account).await?),
        Access::Verified | Access::Anyone | Access::LoopbackOnly => Ok(None),
    }
}

pub(crate) async fn open_store(
    config: &Config,
) -> Result<(Arc<dyn Store>, LiveBackup), StartError> {
    let options = RocksOptions {
        block_cache_bytes: config.store.block_cache_bytes,
        write_buffer_bytes: config.store.write_buffer_bytes,
        reserve_bytes: config.store.reserve_bytes,
        ..RocksOptions::new(&config.data_dir)
    };
    let opened = tokio::task::spawn_blocking(move || RocksStore::open(options)).await?;
    match opened {
        Ok(store) => {
            let live_backup = store.live_backup();
            Ok((Arc::new(store), live_backup))
        }
        Err(source) => Err(StartError::Store { path: config.data_dir.clone(), source }),
    }
}

/// Starts the broker with the declared queues; nothing uses the store any more when it fails.
pub(crate) async fn start_broker(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    encryption: Option<Encryption>,
) -> Result<Broker, StartError> {
    let broker_config = BrokerConfig {
        encryption,
        shards: config.shards,
        in_flight_max: config.in_flight_max,
        visibility_timeout_secs_max: config.extensions.sqs_limits.visibility_timeout_secs_max,
    };
    let started = Broker::start(Arc::clone(store), broker_config, Arc::clone(clock)).await;
    let broker = started.map_err(|error| StartError::Broker {
        path: config.data_dir.clone(),
        detail: error.to_string(),
    })?;
    if let Err(error) = declared_queues::create(&broker, config).await {
        broker.shutdown().await;
        return Err(error.into());
    }
    Ok(broker)
}

pub(crate) async fn open_encryption(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Encryption>, StartError> {
    let failed = |source| StartError::Encryption { path: config.data_dir.clone(), source };
    let shard = store.open_shard(encryption::SHARD).map_err(|error| failed(error.into()))?;
    let master_keys = MasterKeys {
        current: config.master_key.clone(),
        previous: config.previous_master_key.clone(),
    };
    let opened = Encryption::open(shard, master_keys, Arc::clone(clock));
    opened.await.map_err(failed)
}

/// Starts the accepting task; everything it needs exists.
fn serve(
    config: Config,
    listeners: Vec<Listener>,
    store: Arc<dyn Store>,
    started: Started,
    clock: Arc<dyn Clock>,
    control: Option<(Control, LiveBackup)>,
) -> Running {
    let tls: Vec<_> = listeners.iter().filter_map(Listener::tls).collect();
    let Started { audit, broker, identities, keys, root_key } = started;
    let limits = Limits::new(&config.http);
    let drain_timeout = config.http.drain_timeout;
    let stops = Stops::default();
    let tasks = TaskTracker::new();
    let metrics = Metrics::new(audit.as_ref().map(AuditLog::metrics));
    let gateway = Gateway {
        broker: broker.clone(),
        authenticator: Authenticator::new(&config, identities.clone()),
        audit: audit.clone(),
        authoriser: Arc::new(Authoriser::new(config.access, identities.clone())),
        identities: identities.clone(),
        keys: keys.clone(),
        rates: Rates::new(&config.request_rates, &DefaultClock::default()),
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        metrics: Arc::clone(&metrics),
        bodies: BodyBudget::new(&limits),
        limits: limits.clone(),
        scrapes: Semaphore::new(SCRAPES_MAX),
        listeners: listeners.iter().map(|listener| listener.config().clone()).collect(),
        drain: stops.drain.clone(),
        default_region: config.region.as_str().into(),
        models: SERVICES.iter().map(|service| service.model).collect(),
        config,
    };
    let connections = metrics.connections.clone();
    tasks.spawn(keys.clone().keep_up(Arc::clone(&clock), KEYS_INTERVAL, stops.drain.clone()));
    tasks.spawn(identities.clone().keep_last_uses(LAST_USES_INTERVAL, stops.drain.clone()));
    tasks.spawn(keep_reading(clock, CLOCK_INTERVAL, stops.drain.clone()));
    for tls in &tls {
        tasks.spawn(Arc::clone(tls).watch(TLS_FILES_INTERVAL, stops.drain.clone()));
    }
    if let Some((control, live_backup)) = control {
        tasks.spawn(control.serve(live_backup, stops.drain.clone()));
    }
    let addresses: Vec<_> = listeners.iter().map(|listener| listener.address().clone()).collect();
    for address in &addresses {
        info!(%address, "listening");
    }
    let serving =
        serve_connections(listeners, gateway, limits, stops.clone(), tasks.clone(), connections);
    tasks.spawn(serving);
    Running {
        addresses,
        audit,
        broker,
        identities,
        keys,
        root_key,
        store,
        stops,
        tasks,
        drain_timeout,
        tls,
    }
}

/// Reads the clock when nobody asks for the time, too: how long it has been wrong is judged by its readings.
async fn keep_reading(clock: Arc<dyn Clock>, interval: Duration, end: CancellationToken) {
    while end.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
        let _now_ms = clock.now_ms();
    }
}

/// A server that accepts connections. End it with [`Running::drain`]: dropping it does not.
#[must_use = "a server is stopped by draining it"]
pub struct Running {
    addresses: Vec<ListenAddress>,
    audit: Option<AuditLog>,
    broker: Broker,
    identities: Identities,
    keys: Keys,
    root_key: Option<AccessKey>,
    store: Arc<dyn Store>,
    stops: Stops,
    tasks: TaskTracker,
    drain_timeout: Duration,
    tls: Vec<Arc<Tls>>,
}

impl Running {
    /// Takes the access key of the account's root, if this start made it. Nothing can show it again.
    pub fn take_root_key(&mut self) -> Option<AccessKey> {
        self.root_key.take()
    }

    /// Where the server listens, in the order of [`Config::listeners`], with the ports that were picked if port 0 was asked for.
    pub fn addresses(&self) -> &[ListenAddress] {
        &self.addresses
    }

    /// Reads the TLS files anew, if there are any, for connections from now on. Files that are wrong are logged and not used.
    pub async fn reload_tls(&self) {
        for tls in self.tls.clone() {
            let _logged = tokio::task::spawn_blocking(move || tls.reload()).await;
        }
    }

    /// Waits until the store has failed for lack of space and there is space again. Then this server is of no more use,
    /// but one that is started anew recovers what is on the disk. After another fault this waits for ever: an operator
    /// has to look at the disk.
    pub async fn space_returned(&self) {
        self.broker.failed().await;
        loop {
            let store = Arc::clone(&self.store);
            let asked = tokio::task::spawn_blocking(move || store.can_be_reopened()).await;
            if matches!(asked, Ok(true)) {
                return;
            }
            tokio::time::sleep(SPACE_INTERVAL).await;
        }
    }

    /// Stops in this order: `/ready` turns to 503, nothing more is accepted, waiting long polls are answered empty,
    /// requests in flight are answered and connections closed, at the latest after the drain timeout; then shards and
    /// store are closed. What was acknowledged is durable before and after, however long it took.
    pub async fn drain(self) -> Drained {
        self.stops.drain.cancel();
        self.tasks.close();
        let mut drained = Drained::Complete;
        let in_time = tokio::select! {
            () = self.tasks.wait() => true,
            () = tokio::time::sleep(self.drain_timeout) => false,
            () = self.stops.abort.cancelled() => false,
            () = self.end_long_polls() => false,
        };
        if !in_time {
            warn!(tasks = self.tasks.len(), "requests were cut off by the end of the drain");
            drained = Drained::RequestsCut;
            self.stops.abort.cancel();
            if tokio::time::timeout(ABORT_TIMEOUT, self.tasks.wait()).await.is_err() {
                error!(tasks = self.tasks.len(), "tasks did not end");
            }
        }
        if let Some(audit) = &self.audit {
            audit.shutdown().await;
        }
        self.keys.shutdown().await;
        self.identities.shutdown().await;
        self.broker.shutdown().await;
        drop(self.broker);
        if !close_store(self.store).await {
            drained = Drained::StoreFailed;
        }
        info!(outcome = ?drained, "stopped");
        drained
    }
}

impl Running {
    /// Tells the broker again and again: a receive that was on its way to a shard when the drain
    /// began would otherwise wait for its full time. Never returns.
    async fn end_long_polls(&self) {
        loop {
            self.broker.drain();
            tokio::time::sleep(LONG_POLL_INTERVAL).await;
        }
    }
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered, the store is closed.
    Complete,
    /// Some connections were cut; the store is closed.
    RequestsCut,
    /// The store reported a fault when it was closed. Acknowledged messages were durable before.
    StoreFailed,
}

/// Closes the store off the async threads; a fault is logged here.
pub(crate) async fn close_store(store: Arc<dyn Store>) -> bool {
    match tokio::task::spawn_blocking(move || store.close()).await {
        Ok(Ok(())) => true,
        Ok(Err(cause)) => {
            error!(%cause, "cannot close the store");
            false
        }
        Err(cause) => {
            error!(%cause, "cannot close the store");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that ends the test when it is read.
    #[derive(Debug)]
    struct Read(CancellationToken);

    impl Clock for Read {
        fn now_ms(&self) -> u64 {
            self.0.cancel();
            0
        }
    }

    #[tokio::test]
    async fn the_clock_is_read_though_nobody_asks_for_the_time() {
        let end = CancellationToken::new();
        keep_reading(Arc::new(Read(end.clone())), Duration::from_millis(1), end.clone()).await;
        assert!(end.is_cancelled());
    }
}
