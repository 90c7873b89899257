//! TLS on the connections of a listener: the handshake, and new files while it runs.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{CipherSuite, ProtocolVersion, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::tls::{HTTP2, Seen, TlsError, TlsFiles};

use super::limits::TLS_SEND_BUFFER_BYTES;
use super::stream::{Version, WatchedStream};

/// What a listener shows to clients. Connections keep what they began with.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    loaded: RwLock<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    /// How the files looked when they were read last, with success or without.
    seen: Seen,
}

/// What was agreed with a client, by the names that CloudTrail has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// `TLSv1.3`
    pub(crate) version: &'static str,
    /// `TLS_AES_128_GCM_SHA256`
    pub(crate) cipher_suite: &'static str,
}

/// The suites that there are.
const CIPHER_SUITES: [(CipherSuite, &str); 9] = [
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
];

impl Agreed {
    /// Reads it off a connection after its handshake.
    pub(super) fn of(stream: &TlsStream<WatchedStream>) -> Option<Self> {
        let connection = stream.get_ref().1;
        let version = match connection.protocol_version()? {
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            ProtocolVersion::TLSv1_2 => "TLSv1.2",
            _ => return None,
        };
        let suite = connection.negotiated_cipher_suite()?.suite();
        let (_, cipher_suite) = CIPHER_SUITES.iter().find(|(listed, _)| *listed == suite)?;
        Some(Self { version, cipher_suite })
    }
}

impl Tls {
    /// Reads the files.
    pub(crate) fn load(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        // Before they are read: what changes meanwhile is a change.
        let seen = files.seen();
        let config = Arc::new(files.load()?);
        Ok(Arc::new(Self { files: files.clone(), loaded: RwLock::new(Loaded { config, seen }) }))
    }

    /// Reads the files anew, for connections from now on. With files that are wrong everything stays as it is.
    pub(crate) fn reload(&self) {
        let seen = self.files.seen();
        let read = self.files.load();
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.seen = seen;
        match read {
            Ok(config) => {
                loaded.config = Arc::new(config);
                info!(certificate = %self.files.certificate_file.display(), "TLS files were read anew");
            }
            Err(error) => warn!("new TLS files are not used, the old ones stay: {error}"),
        }
    }

    /// Looks again and again whether the files have changed, and reads them when they have, until `end`.
    ///
    /// Certificate and key are replaced one after the other: what has changed is read when it looks the same twice.
    pub(crate) async fn watch(self: Arc<Self>, interval: Duration, end: CancellationToken) {
        let mut changed = None;
        while end.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
            let (tls, before) = (Arc::clone(&self), changed.take());
            let looked = tokio::task::spawn_blocking(move || tls.look(before));
            changed = looked.await.ok().flatten();
        }
    }

    /// Gives how the files look, if they have changed and are not read yet.
    fn look(&self, before: Option<Seen>) -> Option<Seen> {
        let now = self.files.seen();
        if now == self.loaded.read().unwrap_or_else(PoisonError::into_inner).seen {
            return None;
        }
        if before.as_ref() == Some(&now) {
            self.reload();
            return None;
        }
        Some(now)
    }

    /// Agrees with a client on keys and on the version of HTTP; one that names none speaks HTTP/1.
    pub(super) async fn accept(
        &self,
        stream: WatchedStream,
    ) -> io::Result<(TlsStream<WatchedStream>, Version)> {
        let config = {
            let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&loaded.config)
        };
        let accepting = TlsAcceptor::from(config).accept_with(stream, |connection| {
            connection.set_buffer_limit(Some(TLS_SEND_BUFFER_BYTES));
        });
        let stream = accepting.await?;
        let version = match stream.get_ref().1.alpn_protocol() {
            Some(HTTP2) => Version::Http2,
            Some(_) | None => Version::Http1,
        };
        Ok((stream, version))
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::task::TaskTracker;

    use super::*;

    const SHORT: Duration = Duration::from_millis(10);
    const PATIENCE: Duration = Duration::from_secs(20);

    fn write(files: &TlsFiles) {
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it is made");
        let key = made.signing_key.serialize_pem();
        std::fs::write(&files.certificate_file, made.cert.pem()).expect("the directory is there");
        std::fs::write(&files.key_file, key).expect("the directory is there");
    }

    fn used(tls: &Tls) -> Arc<ServerConfig> {
        Arc::clone(&tls.loaded.read().expect("nobody panics").config)
    }

    #[tokio::test]
    async fn changed_files_are_read_without_being_told_and_wrong_ones_are_not_used() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = |name| directory.path().join(name);
        let (certificate_file, key_file) = (path("certificate"), path("key"));
        let section = "tls".to_owned();
        let files = TlsFiles { section, certificate_file, key_file, client_ca_file: None };
        write(&files);
        let tls = Tls::load(&files).expect("the files are fine");
        let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(Arc::clone(&tls).watch(SHORT, end.clone()));
        let until = async |is_so: &dyn Fn() -> bool| {
            let waiting = async {
                while !is_so() {
                    tokio::time::sleep(SHORT).await;
                }
            };
            tokio::time::timeout(PATIENCE, waiting).await.expect("it is noticed");
        };
        let first = used(&tls);
        write(&files);
        until(&|| !Arc::ptr_eq(&used(&tls), &first)).await;
        until(&|| tls.loaded.read().expect("nobody panics").seen == files.seen()).await;
        let second = used(&tls);
        std::fs::write(&files.key_file, "").expect("the directory is there");
        until(&|| tls.loaded.read().expect("nobody panics").seen == files.seen()).await;
        assert!(Arc::ptr_eq(&used(&tls), &second));
        end.cancel();
        tasks.close();
        tasks.wait().await;
    }
}
