//! TLS as files say it: the server's certificate and key, and the authorities of its clients. Says what is wrong with them.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    Error, RootCertStore, ServerConfig, SupportedProtocolVersion, server::VerifierBuilderError,
};

/// Name of HTTP/2 in the handshake.
pub(crate) const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";
const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

const CERTIFICATE_FILE: &str = "certificate_file";
const KEY_FILE: &str = "key_file";
const CLIENT_CA_FILE: &str = "client_ca_file";

/// Longer files are none of these; a bundle of all public authorities has a quarter of a megabyte.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Where certificate and key are, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The section of the settings that names them: `tls` is that of the listener that every server has.
    pub section: String,
    /// The server's certificate, and behind it those that lead to an authority that clients trust.
    pub certificate_file: PathBuf,
    /// The private key of the certificate.
    pub key_file: PathBuf,
    /// Authorities. A client has to show a certificate from one of them; without this file it shows none.
    pub client_ca_file: Option<PathBuf>,
}

/// Why there can be no TLS with these files. The texts name the setting.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read, or is not what it should be.
    #[error("`{key}` = {path}: wants {wants}, found {found}", path = path.display())]
    File {
        /// The setting.
        key: String,
        /// Its value.
        path: PathBuf,
        /// What should be there.
        wants: &'static str,
        /// What is there.
        found: String,
    },
    /// Certificate and key are fine, but not of each other.
    #[error(
        "`{section}.key_file` = {key_file}: wants the private key of the first certificate in {certificate_file}, found another one",
        key_file = key_file.display(),
        certificate_file = certificate_file.display()
    )]
    Mismatch {
        /// [`TlsFiles::section`].
        section: String,
        /// [`TlsFiles::key_file`].
        key_file: PathBuf,
        /// [`TlsFiles::certificate_file`].
        certificate_file: PathBuf,
    },
    /// A defect of the TLS library's set-up.
    #[error("TLS cannot be used: {0}")]
    Library(#[from] Error),
}

/// The files as they were at a moment: by this a change is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen(Vec<Option<[i64; 7]>>);

/// A file that was read, and how to complain about it.
struct Pem<'a> {
    section: &'a str,
    key: &'static str,
    path: &'a Path,
    wants: &'static str,
    bytes: Vec<u8>,
}

impl TlsFiles {
    /// Reads the files as a server does that starts.
    ///
    /// # Errors
    /// [`TlsError`], if it would not start.
    pub fn check(&self) -> Result<(), TlsError> {
        self.load().map(|_config| ())
    }

    /// Reads the files. Sessions of one configuration cannot be resumed under another, so that a client has to show its
    /// certificate to each.
    pub(crate) fn load(&self) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certified = self.certified_key(&provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(VERSIONS)?;
        let builder = match &self.client_ca_file {
            None => builder.with_no_client_auth(),
            Some(path) => builder.with_client_cert_verifier(self.client_verifier(path, provider)?),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Ok(config)
    }

    fn certified_key(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let wants = "the certificate of this server in PEM form, those of its issuers behind it";
        let chain = self.pem(CERTIFICATE_FILE, &self.certificate_file, wants)?;
        let certificates = chain.certificates()?;
        let key = self.pem(KEY_FILE, &self.key_file, "a private key in PEM form, not encrypted")?;
        let private_key =
            PrivateKeyDer::from_pem_slice(&key.bytes).map_err(|_| key.no_section())?;
        CertifiedKey::from_der(certificates, private_key, provider).map_err(|error| match error {
            Error::InconsistentKeys(_) => TlsError::Mismatch {
                section: self.section.clone(),
                key_file: self.key_file.clone(),
                certificate_file: self.certificate_file.clone(),
            },
            Error::InvalidCertificate(reason) => {
                chain.wrong(format!("one that cannot be read: {reason}"))
            }
            other => key.wrong(format!("one that cannot be used: {other}")),
        })
    }

    fn client_verifier(
        &self,
        path: &Path,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let wants = "certificates of the authorities of clients in PEM form";
        let pem = self.pem(CLIENT_CA_FILE, path, wants)?;
        let mut roots = RootCertStore::empty();
        for certificate in pem.certificates()? {
            roots
                .add(certificate)
                .map_err(|error| pem.wrong(format!("one that cannot be used: {error}")))?;
        }
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(
            |error: VerifierBuilderError| pem.wrong(format!("some that cannot be used: {error}")),
        )
    }

    fn pem<'a>(
        &'a self,
        key: &'static str,
        path: &'a Path,
        wants: &'static str,
    ) -> Result<Pem<'a>, TlsError> {
        let mut pem = Pem { section: &self.section, key, path, wants, bytes: Vec::new() };
        match read(path) {
            Ok(bytes) => {
                pem.bytes = bytes;
                Ok(pem)
            }
            Err(error) => Err(pem.wrong(format!("no file that can be read: {error}"))),
        }
    }

    /// How the files look now.
    pub(crate) fn seen(&self) -> Seen {
        let files =
            [Some(&self.certificate_file), Some(&self.key_file), self.client_ca_file.as_ref()];
        Seen(files.into_iter().flatten().map(|path| state(path)).collect())
    }
}

/// What changes when a file does, also when it or a directory above it is replaced by another; none if it is not there.
fn state(path: &Path) -> Option<[i64; 7]> {
    let found = std::fs::metadata(path).ok()?;
    Some([
        found.dev() as i64,
        found.ino() as i64,
        found.size() as i64,
        found.mtime(),
        found.mtime_nsec(),
        found.ctime(),
        found.ctime_nsec(),
    ])
}

impl Pem<'_> {
    /// All certificates, at least one.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        match certificates {
            Ok(certificates) if certificates.is_empty() => Err(self.no_section()),
            Ok(certificates) => Ok(certificates),
            Err(error) => Err(self.wrong(format!("one that is broken: {error}"))),
        }
    }

    /// There is none of what is wanted; what there is instead is named.
    fn no_section(&self) -> TlsError {
        let text = String::from_utf8_lossy(&self.bytes);
        let labels: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
            .collect();
        if labels.is_empty() {
            return self.wrong("nothing in PEM form".to_owned());
        }
        self.wrong(labels.join(", "))
    }

    fn wrong(&self, found: String) -> TlsError {
        let key = format!("{}.{}", self.section, self.key);
        TlsError::File { key, path: self.path.to_owned(), wants: self.wants, found }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    std::fs::read(path)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use tempfile::TempDir;

    use super::*;

    /// A directory with a certificate, its key, another key, and what is neither.
    fn directory() -> TempDir {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let made = || generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let (CertifiedKey { cert, signing_key }, other) = (made(), made().signing_key);
        let encrypted = signing_key.serialize_pem().replace("PRIVATE", "ENCRYPTED PRIVATE");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (name, content) in [
            ("cert", cert.pem()),
            ("key", signing_key.serialize_pem()),
            ("other", other.serialize_pem()),
            ("encrypted", encrypted),
            ("broken", broken.to_owned()),
            ("empty", String::new()),
        ] {
            std::fs::write(directory.path().join(name), content).expect("the directory is there");
        }
        directory
    }

    fn check(directory: &TempDir, names: (&str, &str, Option<&str>)) -> Result<(), String> {
        let path = |name: &str| directory.path().join(name);
        let (certificate_file, key_file) = (path(names.0), path(names.1));
        let client_ca_file = names.2.map(path);
        let section = "tls".to_owned();
        let files = TlsFiles { section, certificate_file, key_file, client_ca_file };
        files.check().map_err(|error| error.to_string())
    }

    #[test]
    fn good_files_are_fine() {
        let directory = directory();
        assert_eq!(check(&directory, ("cert", "key", None)), Ok(()));
        assert_eq!(check(&directory, ("cert", "key", Some("cert"))), Ok(()));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_setting() {
        let directory = directory();
        for (names, setting, found) in [
            (("missing", "key", None), CERTIFICATE_FILE, "No such file"),
            (("key", "key", None), CERTIFICATE_FILE, "found PRIVATE KEY"),
            (("empty", "key", None), CERTIFICATE_FILE, "found nothing in PEM form"),
            (("broken", "key", None), CERTIFICATE_FILE, "cannot be read"),
            (("cert", "missing", None), KEY_FILE, "No such file"),
            (("cert", "cert", None), KEY_FILE, "found CERTIFICATE"),
            (("cert", "encrypted", None), KEY_FILE, "found ENCRYPTED PRIVATE KEY"),
            (("cert", "other", None), KEY_FILE, "found another one"),
            (("cert", "key", Some("empty")), CLIENT_CA_FILE, "found nothing in PEM form"),
            (("cert", "key", Some("broken")), CLIENT_CA_FILE, "cannot be used"),
        ] {
            let error = check(&directory, names).expect_err(found);
            assert!(error.contains(&format!("`tls.{setting}` = ")), "{names:?}: {error}");
            assert!(error.contains(found) && error.contains("wants"), "{names:?}: {error}");
        }
    }

    #[test]
    fn a_file_that_is_replaced_looks_different() {
        let directory = directory();
        let path = |name| directory.path().join(name);
        let files = TlsFiles {
            section: "tls".to_owned(),
            certificate_file: path("cert"),
            key_file: path("key"),
            client_ca_file: Some(path("missing")),
        };
        let before = files.seen();
        assert_eq!(files.seen(), before);
        std::fs::rename(path("other"), path("key")).expect("both are there");
        let replaced = files.seen();
        assert_ne!(replaced, before);
        std::fs::write(path("missing"), "").expect("the directory is there");
        assert_ne!(files.seen(), replaced);
    }
}
