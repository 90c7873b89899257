//! Why a server did not start.

use std::io;
use std::path::PathBuf;

use sluice_store::StoreError;
use thiserror::Error;

use crate::encryption;
use crate::services::sqs::declared_queues::DeclarationError;
use crate::tls::TlsError;

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Strangers could reach a server that does not check who calls.
    #[error(
        "{setting} can be reached from other machines, but with auth = false nobody's credentials are verified; \
         set auth to true, or listen to a loopback address such as 127.0.0.1:{port}"
    )]
    NotLoopback {
        /// The setting with the address asked for.
        setting: String,
        /// The port asked for.
        port: u16,
    },
    /// Messages would pass the network in the clear.
    #[error(
        "{setting} can be reached from other machines, but there is no TLS, so that anybody on the way reads the messages; \
         set {section}tls.certificate_file and {section}tls.key_file, or {section}allow_plain_http to true where something else \
         protects the network, or listen to a loopback address such as 127.0.0.1:{port}"
    )]
    PlainHttp {
        /// The setting with the address asked for.
        setting: String,
        /// What stands before the other settings of the listener.
        section: String,
        /// The port asked for.
        port: u16,
    },
    /// Another process listens there.
    #[error(
        "{setting} is taken: another process listens there; stop it or choose another port (0 picks a free one) or socket"
    )]
    AddressInUse {
        /// The setting with the address asked for.
        setting: String,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {setting}: {source}")]
    Listen {
        /// The setting with the address asked for.
        setting: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The data directory cannot be used.
    #[error("cannot open the store in data directory {path}: {source}", path = path.display())]
    Store {
        /// [`Config::data_dir`].
        path: PathBuf,
        /// What is wrong with it.
        source: StoreError,
    },
    /// The broker found no space for what it has to write.
    #[error(
        "no space left on the disk of data directory {path}: {detail}; free space or enlarge the disk, then start again",
        path = path.display()
    )]
    Full {
        /// [`Config::data_dir`].
        path: PathBuf,
        /// What could not be done.
        detail: String,
    },
    /// What is stored cannot be served.
    #[error("cannot start the broker on data directory {path}: {detail}", path = path.display())]
    Broker {
        /// [`Config::data_dir`].
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The keys of encryption at rest cannot be used.
    #[error("cannot use the keys in data directory {path}: {source}", path = path.display())]
    Encryption {
        /// [`Config::data_dir`].
        path: PathBuf,
        /// What is wrong.
        source: encryption::OpenError,
    },
    /// The stored identities cannot be used.
    #[error("cannot read who may use data directory {path}: {detail}", path = path.display())]
    Identities {
        /// [`Config::data_dir`].
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The stored KMS keys cannot be used.
    #[error("cannot use the KMS keys in data directory {path}: {detail}", path = path.display())]
    Keys {
        /// [`Config::data_dir`].
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The audit log cannot be written.
    #[error("cannot write the audit log to audit.directory = {path}: {source}", path = path.display())]
    Audit {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A declared queue cannot be created.
    #[error(transparent)]
    DeclaredQueue(#[from] DeclarationError),
    /// A bug or a lack of threads while starting.
    #[error("a start-up task failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl StartError {
    /// Whether a later attempt may succeed when somebody has made room on the disk.
    pub fn is_full_disk(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Store { source: StoreError::Full { .. }, .. })
    }
}
