//! The settings as typed values, their defaults, and the server configuration made of them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sluice_server::clock::{Clock, SystemClock, VirtualClock};
use sluice_server::config::{
    Access, AuditConfig, Config, EndpointPolicy, HttpLimits, ListenerConfig, RequestRates,
    RootCredentials, StoreLimits, WhenFull,
};
use sluice_server::encryption::MasterKeys;
use sluice_server::services::sqs::Limits;
use sluice_server::services::sqs::declared_queues::DeclaredQueue;
use sluice_server::services::{Extensions, Switch};
use sluice_server::tls::TlsFiles;

use super::listener::ListenerSettings;
use crate::client::Endpoint;
use crate::self_signed;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Which of the two server commands runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `sluice serve`.
    Serve,
    /// `sluice dev`.
    Dev,
}

/// By which time queues and messages live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockKind {
    /// That of the operating system.
    System,
    /// A clock that stands still until the admin API sets it forward or lets it run.
    Virtual,
}

/// Every setting, parsed.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Data directory; `None` is a temporary one, `dev` only.
    pub(crate) data: Option<PathBuf>,
    pub(crate) listen: SocketAddr,
    /// Whether signatures are verified.
    pub(crate) auth: Switch,
    /// File with the access key of the account's root.
    pub(crate) root_credentials_file: Option<PathBuf>,
    /// File with the key on which encryption at rest hangs.
    pub(crate) master_key_file: Option<PathBuf>,
    /// File with the master key that the other one replaces.
    pub(crate) previous_master_key_file: Option<PathBuf>,
    pub(crate) master_key_kms: MasterKeyKms,
    /// Of the listener on [`Settings::listen`].
    pub(crate) listener: ListenerSettings,
    /// Further ones, by name.
    pub(crate) further_listeners: BTreeMap<String, ListenerSettings>,
    /// Directory of a certificate that `dev` makes for itself.
    pub(crate) tls_self_signed: Option<PathBuf>,
    pub(crate) public_url: Option<String>,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) peek: Switch,
    pub(crate) create_queues_on_use: Switch,
    pub(crate) clock: ClockKind,
    /// File that declares queues.
    pub(crate) queues: Option<PathBuf>,
    pub(crate) shards: u16,
    pub(crate) in_flight_max: u32,
    pub(crate) delay_secs_max: u32,
    pub(crate) visibility_timeout_secs_max: u32,
    pub(crate) retention_secs_max: u32,
    pub(crate) batch_entries_max: u32,
    pub(crate) receive_count_max: u32,
    pub(crate) body_bytes_max: u64,
    pub(crate) head_timeout_secs: u64,
    pub(crate) body_timeout_secs: u64,
    pub(crate) connections_max: u64,
    pub(crate) requests_per_second_per_key: u32,
    pub(crate) requests_per_second_per_address: u32,
    pub(crate) drain_timeout_secs: u64,
    /// Where calls are recorded, if they are.
    pub(crate) audit_directory: Option<PathBuf>,
    pub(crate) audit_data_events: Switch,
    pub(crate) audit_when_full: WhenFull,
    pub(crate) audit_file_bytes_max: u64,
    pub(crate) audit_file_secs_max: u64,
    pub(crate) block_cache_bytes: u64,
    pub(crate) write_buffer_bytes: u64,
    pub(crate) reserve_bytes: u64,
}

/// The KMS that decrypts the master key.
#[derive(Debug, Clone, Default)]
pub(crate) struct MasterKeyKms {
    /// Without one, the master key is in its file as it is.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) region: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
}

/// What the settings name files for.
#[derive(Debug, Default)]
pub(crate) struct FromFiles {
    pub(crate) root_credentials: Vec<RootCredentials>,
    pub(crate) master_keys: MasterKeys,
    /// By the name of the listener.
    pub(crate) endpoint_policies: BTreeMap<String, EndpointPolicy>,
    pub(crate) declared_queues: Vec<DeclaredQueue>,
}

fn tls_section(name: &str) -> String {
    format!("listeners.{name}.tls")
}

impl Settings {
    /// What holds when nothing is said.
    pub(crate) fn defaults(mode: Mode) -> Self {
        let (data, auth, peek) = match mode {
            Mode::Serve => (Some(PathBuf::from("./sluice-data")), Switch::On, Switch::Off),
            Mode::Dev => (None, Switch::Off, Switch::On),
        };
        Self {
            data,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9324)),
            auth,
            root_credentials_file: None,
            master_key_file: None,
            previous_master_key_file: None,
            master_key_kms: MasterKeyKms::default(),
            listener: ListenerSettings::default(),
            further_listeners: BTreeMap::new(),
            tls_self_signed: None,
            public_url: None,
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            peek,
            create_queues_on_use: Switch::Off,
            clock: ClockKind::System,
            queues: None,
            shards: 4,
            in_flight_max: 120_000,
            delay_secs_max: Limits::SQS.delay_secs_max,
            visibility_timeout_secs_max: Limits::SQS.visibility_timeout_secs_max,
            retention_secs_max: Limits::SQS.retention_secs_max,
            batch_entries_max: Limits::SQS.batch_entries_max,
            receive_count_max: Limits::SQS.receive_count_max,
            body_bytes_max: 8 * MIB,
            head_timeout_secs: 10,
            body_timeout_secs: 30,
            connections_max: 16_384,
            requests_per_second_per_key: 0,
            requests_per_second_per_address: 0,
            // Below the 30 s that service managers commonly grant between SIGTERM and SIGKILL.
            drain_timeout_secs: 25,
            audit_directory: None,
            audit_data_events: Switch::Off,
            audit_when_full: WhenFull::Wait,
            audit_file_bytes_max: 64 * MIB,
            audit_file_secs_max: 3_600,
            block_cache_bytes: 64 * MIB,
            write_buffer_bytes: 64 * MIB,
            reserve_bytes: 128 * MIB,
        }
    }

    /// The files for TLS on [`Settings::listen`], if there is to be TLS.
    pub(crate) fn tls_files(&self) -> Option<TlsFiles> {
        let Some(directory) = &self.tls_self_signed else {
            return self.listener.tls_files("tls".to_owned());
        };
        let (certificate_file, key_file) = self_signed::files(directory);
        let client_ca_file = self.listener.tls_client_ca_file.clone();
        let section = "tls".to_owned();
        Some(TlsFiles { section, certificate_file, key_file, client_ca_file })
    }

    /// The files for TLS that were given, on all listeners.
    pub(crate) fn given_tls_files(&self) -> Vec<TlsFiles> {
        let own = if self.tls_self_signed.is_none() { self.tls_files() } else { None };
        let further = self.further_listeners.iter();
        let further = further.filter_map(|(name, listener)| listener.tls_files(tls_section(name)));
        own.into_iter().chain(further).collect()
    }

    /// The listener on [`Settings::listen`].
    fn listener(&self) -> ListenerConfig {
        self.listener.config(self.listen.into(), self.tls_files())
    }

    /// The further ones, with the policies of those that are VPC endpoints.
    fn further_listeners(
        &self,
        mut policies: BTreeMap<String, EndpointPolicy>,
    ) -> Vec<ListenerConfig> {
        let config = |(name, listener): (&String, &ListenerSettings)| {
            let tls = listener.tls_files(tls_section(name));
            Some(ListenerConfig {
                name: Some(name.clone()),
                endpoint: listener.endpoint(&self.account, policies.remove(name)),
                ..listener.config(listener.address()?, tls)
            })
        };
        self.further_listeners.iter().filter_map(config).collect()
    }

    /// The audit log, if there is to be one.
    fn audit(&self) -> Option<AuditConfig> {
        Some(AuditConfig {
            directory: self.audit_directory.clone()?,
            data_events: self.audit_data_events,
            when_full: self.audit_when_full,
            file_bytes_max: self.audit_file_bytes_max,
            file_age_max: Duration::from_secs(self.audit_file_secs_max),
        })
    }

    /// The limits of SQS as far as they are raised.
    pub(crate) fn sqs_limits(&self) -> Limits {
        Limits {
            delay_secs_max: self.delay_secs_max,
            visibility_timeout_secs_max: self.visibility_timeout_secs_max,
            retention_secs_max: self.retention_secs_max,
            batch_entries_max: self.batch_entries_max,
            receive_count_max: self.receive_count_max,
        }
    }

    /// The server configuration, with the data directory that was chosen and what is in the files.
    pub(crate) fn server_config(&self, mode: Mode, data_dir: &Path, files: FromFiles) -> Config {
        let FromFiles { root_credentials, master_keys, endpoint_policies, declared_queues } = files;
        let bytes = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        Config {
            data_dir: data_dir.to_owned(),
            listener: self.listener(),
            further_listeners: self.further_listeners(endpoint_policies),
            access: match (self.auth, mode) {
                (Switch::On, _) => Access::Verified,
                (Switch::Off, Mode::Serve) => Access::LoopbackOnly,
                (Switch::Off, Mode::Dev) => Access::Anyone,
            },
            root_credentials,
            request_rates: RequestRates {
                per_key: NonZeroU32::new(self.requests_per_second_per_key),
                per_address: NonZeroU32::new(self.requests_per_second_per_address),
            },
            master_key: master_keys.current,
            previous_master_key: master_keys.previous,
            keys_without_master_key: match mode {
                Mode::Serve => Switch::Off,
                Mode::Dev => Switch::On,
            },
            region: self.region.clone(),
            account: self.account.clone(),
            public_url: self.public_url.clone(),
            extensions: Extensions {
                peek: self.peek,
                create_queues_on_use: self.create_queues_on_use,
                sqs_limits: self.sqs_limits(),
            },
            virtual_clock: match self.clock {
                ClockKind::System => None,
                ClockKind::Virtual => Some(Arc::new(VirtualClock::frozen_at(SystemClock.now_ms()))),
            },
            admin: match mode {
                Mode::Serve => Switch::Off,
                Mode::Dev => Switch::On,
            },
            audit: self.audit(),
            declared_queues,
            shards: self.shards,
            in_flight_max: self.in_flight_max,
            http: HttpLimits {
                body_bytes_max: bytes(self.body_bytes_max),
                head_timeout: Duration::from_secs(self.head_timeout_secs),
                body_timeout: Duration::from_secs(self.body_timeout_secs),
                connections_max: bytes(self.connections_max),
                drain_timeout: Duration::from_secs(self.drain_timeout_secs),
            },
            store: StoreLimits {
                block_cache_bytes: bytes(self.block_cache_bytes),
                write_buffer_bytes: bytes(self.write_buffer_bytes),
                reserve_bytes: self.reserve_bytes,
            },
        }
    }
}
