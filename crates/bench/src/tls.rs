//! TLS to an endpoint: whom to trust, and what to say when somebody else answers.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore};

/// The only version of HTTP that these clients speak.
const HTTP1: &[u8] = b"http/1.1";

/// Whom to trust. All connections share it, and with it the sessions that they resume.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
}

/// Why nobody can be trusted.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read, or is not what it should be.
    #[error("`--ca-file`: cannot read certificates in PEM form from {path}: {reason}", path = path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There are no certificates to start from.
    #[error(
        "this machine has no certificates of authorities to trust: install them (the package is often called ca-certificates), or name a file with `--ca-file`"
    )]
    NoAuthorities,
    /// A defect of the TLS library's set-up.
    #[error("TLS cannot be used: {0}")]
    Library(#[from] Error),
}

impl Tls {
    /// Trusts the authorities of this machine and those in `ca_file`.
    ///
    /// # Errors
    /// [`TlsError`], when there are none or the file is wrong.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        // What the machine has beside good certificates does not matter; if it has none, that is said below.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca_file {
            add_file(&mut roots, path)?;
        }
        if roots.is_empty() {
            return Err(TlsError::NoAuthorities);
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![HTTP1.to_vec()];
        Ok(Self { config: Arc::new(config) })
    }

    /// The same for another client. It agrees on HTTP/1.1.
    pub fn client_config(&self) -> ClientConfig {
        (*self.config).clone()
    }

    /// Agrees on TLS with `host` over a connection.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(name, stream).await.map_err(|error| match Self::explained(&error, host) {
            Some(text) => io::Error::other(text),
            None => error,
        })
    }

    /// Says what is wrong between this client and `host`, and what to do about it, if TLS is why a connection failed.
    pub fn explained(error: &(dyn StdError + 'static), host: &str) -> Option<String> {
        found_in(error).map(|error| text_of(error, host))
    }
}

fn found_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    // What an `io::Error` wraps is not its source.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => found_in(wrapped),
        None => found_in(error.source()?),
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let wrong = |reason: String| TlsError::CaFile { path: path.to_owned(), reason };
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    let mut count = 0;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        count += 1;
    }
    if count == 0 {
        return Err(wrong("there is none in it".to_owned()));
    }
    Ok(())
}

fn text_of(error: &Error, host: &str) -> String {
    match error {
        // The others mean that an authority of this name is trusted, but that it is another one.
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => format!(
            "the certificate of {host} is from an authority that is not trusted here; if you trust it, name the file with \
             the authority's certificate: `--ca-file FILE`"
        ),
        Error::InvalidCertificate(reason) => {
            format!("the certificate of {host} is not valid: {reason}")
        }
        Error::InvalidMessage(_) => format!("{host} does not speak TLS on this port ({error})"),
        other => format!("no TLS with {host}: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
        let (missing, empty) = (directory.path().join("missing"), directory.path().join("empty"));
        std::fs::write(&empty, "no certificate").expect("the directory is there");
        for (path, named) in [(&missing, "missing"), (&empty, "none in it")] {
            let error = Tls::new(Some(path)).expect_err("there is no certificate").to_string();
            assert!(error.contains("--ca-file") && error.contains(named), "{error}");
        }
    }
}
