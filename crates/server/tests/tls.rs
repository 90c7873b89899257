//! TLS as clients see it: versions, certificates, HTTP/2, and new files while the server runs.

mod http_support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sluice_server::config::{AuditConfig, Config, ListenAddress, ListenerConfig, WhenFull};
use sluice_server::services::Switch;
use sluice_server::tls::TlsFiles;
use tempfile::TempDir;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};
use tokio_util::task::TaskTracker;

use http_support::{JSON, TestServer};

const PATIENCE: Duration = Duration::from_secs(20);
const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// Issues certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
struct Issued {
    certificate: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("keys can be made");
        Self(CertifiedIssuer::self_signed(params, key).expect("the key is fine"))
    }

    fn issue(&self) -> Issued {
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a valid name");
        let key = KeyPair::generate().expect("keys can be made");
        let certificate = params.signed_by(&key, &self.0).expect("the key is fine");
        Issued { certificate: certificate.der().clone(), pem: certificate.pem(), key }
    }
}

/// The files of a server.
struct Files(TempDir);

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, issued: &Issued) {
        self.write_text("certificate", &issued.pem);
        self.write_text("key", &issued.key.serialize_pem());
    }

    fn write_text(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the directory is there");
    }
}

/// A server with a certificate from `authority`, which asks clients for one from `clients` if there is such an authority.
fn start(authority: &Authority, clients: Option<&Authority>) -> (TestServer, Files, Issued) {
    start_with(authority, clients, |_config| {})
}

fn start_with(
    authority: &Authority,
    clients: Option<&Authority>,
    change: impl FnOnce(&mut Config),
) -> (TestServer, Files, Issued) {
    let (files, issued) = (Files(tempfile::tempdir().expect("a directory")), authority.issue());
    files.write(&issued);
    if let Some(clients) = clients {
        files.write_text("clients", &clients.0.pem());
    }
    let tls = TlsFiles {
        section: "tls".to_owned(),
        certificate_file: files.path("certificate"),
        key_file: files.path("key"),
        client_ca_file: clients.map(|_| files.path("clients")),
    };
    let server = TestServer::start_with(|config| {
        config.listener.tls = Some(tls);
        change(config);
    });
    (server, files, issued)
}

fn client_config(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
    own: Option<Issued>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).expect("it is an authority");
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("these versions exist")
        .with_root_certificates(roots);
    let Some(own) = own else { return builder.with_no_client_auth() };
    let key = PrivateKeyDer::try_from(own.key.serialize_der()).expect("it was just made");
    builder.with_client_auth_cert(vec![own.certificate], key).expect("they belong together")
}

/// A connection that speaks HTTP/1.1.
struct Client(StreamOwned<ClientConnection, TcpStream>);

impl Client {
    fn connect(addr: SocketAddr, config: ClientConfig) -> Self {
        let name = ServerName::try_from("localhost").expect("a valid name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("a valid config");
        let stream = TcpStream::connect(addr).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a valid timeout");
        Self(StreamOwned::new(connection, stream))
    }

    /// Head and body of the answer to a JSON call.
    fn call(&mut self, operation: &str, body: &str) -> std::io::Result<String> {
        let length = body.len();
        write!(
            self.0,
            "POST / HTTP/1.1\r\n{JSON}{operation}\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte)?;
            answer.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&answer).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.and_then(|text| text.parse().ok()).unwrap_or(0)];
        self.0.read_exact(&mut body)?;
        Ok(head + &String::from_utf8_lossy(&body))
    }

    fn list(&mut self) -> std::io::Result<String> {
        self.call("ListQueues", "{}")
    }

    fn certificate(&self) -> &CertificateDer<'static> {
        let certificates = self.0.conn.peer_certificates().unwrap_or_default();
        certificates.first().expect("a server shows its certificate")
    }
}

#[test]
fn both_versions_are_spoken_and_queue_urls_begin_with_https() {
    let authority = Authority::new("ours");
    let (server, _files, _) = start(&authority, None);
    for (version, agreed) in
        [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)]
    {
        let mut client = Client::connect(server.addr, client_config(&authority, &[version], None));
        let answer = client.call("CreateQueue", r#"{"QueueName":"orders"}"#).expect("an answer");
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert!(answer.contains(r#""QueueUrl":"https://localhost/"#), "{answer}");
        assert_eq!(client.0.conn.protocol_version(), Some(agreed));
    }
}

#[test]
fn the_audit_log_says_what_was_agreed_on() {
    let (authority, files) =
        (Authority::new("ours"), Files(tempfile::tempdir().expect("a directory")));
    files.write(&authority.issue());
    let server = TestServer::start_with(|config| {
        let (certificate_file, key_file) = (files.path("certificate"), files.path("key"));
        config.listener.tls = Some(TlsFiles {
            section: String::new(),
            certificate_file,
            key_file,
            client_ca_file: None,
        });
        config.audit = Some(AuditConfig {
            directory: files.path("audit"),
            data_events: Switch::Off,
            when_full: WhenFull::Wait,
            file_bytes_max: 1 << 30,
            file_age_max: Duration::from_secs(3_600),
        });
    });
    for version in [&TLS12, &TLS13] {
        let mut client = Client::connect(server.addr, client_config(&authority, &[version], None));
        client.call("CreateQueue", r#"{"QueueName":"orders"}"#).expect("an answer");
    }
    let text = std::fs::read_to_string(files.path("audit/audit-0000000001.jsonl"));
    let text = text.expect("management events are on disk when they are answered");
    let details = text.lines().map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).expect("a record");
        let details = &record["tlsDetails"];
        assert_eq!(details["clientProvidedHostHeader"], "localhost");
        let text = |name: &str| details[name].as_str().unwrap_or_default().to_owned();
        (text("tlsVersion"), text("cipherSuite"))
    });
    let details: Vec<(String, String)> = details.collect();
    for ((version, suite), (expected, beginning)) in
        details.iter().zip([("TLSv1.2", "ECDHE-ECDSA-AES"), ("TLSv1.3", "TLS_AES_")])
    {
        assert!(version == expected && suite.starts_with(beginning), "{details:?}");
    }
    assert_eq!(details.len(), 2);
}

#[test]
fn tls_1_1_is_refused() {
    let (server, _files, _) = start(&Authority::new("ours"), None);
    // Two cipher suites, no compression; groups and signature algorithms of that time.
    let extensions =
        [&b"\x00\x0a\x00\x04\x00\x02\x00\x17"[..], b"\x00\x0d\x00\x06\x00\x04\x04\x03\x04\x01"];
    let extensions = extensions.concat();
    let mut hello = b"\x03\x02".to_vec();
    hello.extend([7; 32]);
    hello.extend(b"\x00\x00\x04\xc0\x13\xc0\x09\x01\x00");
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let mut record = vec![22, 3, 1];
    record.extend((hello.len() as u16 + 4).to_be_bytes());
    record.extend([1, 0]);
    record.extend((hello.len() as u16).to_be_bytes());
    record.extend(hello);
    let mut stream = TcpStream::connect(server.addr).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a valid timeout");
    stream.write_all(&record).expect("the server reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an orderly end");
    // A fatal alert: protocol_version.
    assert!(matches!(answer[..], [21, 3, _, 0, 2, 2, 70]), "{answer:?}");
}

#[test]
fn plain_http_gets_no_answer() {
    let (server, _files, _) = start(&Authority::new("ours"), None);
    let mut stream = TcpStream::connect(server.addr).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a valid timeout");
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("the server reads");
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[test]
fn http_2_is_agreed_on() {
    let authority = Authority::new("ours");
    let (server, _files, _) = start(&authority, None);
    let mut config = client_config(&authority, BOTH, None);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    server.runtime.block_on(async {
        let name = ServerName::try_from("localhost").expect("a valid name");
        let stream = tokio::net::TcpStream::connect(server.addr).await.expect("it accepts");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let stream = stream.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("HTTP/2");
        let _connection = TaskTracker::new().spawn(connection);
        let request = http::Request::post("https://localhost/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "AmazonSQS.CreateQueue")
            .body(Full::new(Bytes::from_static(br#"{"QueueName":"orders"}"#)))
            .expect("a valid request");
        let answer = sender.send_request(request).await.expect("an answer");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert!(body.starts_with(br#"{"QueueUrl":"https://localhost/"#), "{body:?}");
    });
}

#[test]
fn a_client_that_speaks_neither_version_of_http_is_refused() {
    let authority = Authority::new("ours");
    let (server, _files, _) = start(&authority, None);
    let mut config = client_config(&authority, BOTH, None);
    config.alpn_protocols = vec![b"spdy/1".to_vec()];
    assert!(Client::connect(server.addr, config).list().is_err());
}

#[test]
fn new_files_are_shown_to_new_connections_and_old_ones_go_on() {
    let authority = Authority::new("ours");
    let (server, files, old) = start(&authority, None);
    let connect = || Client::connect(server.addr, client_config(&authority, BOTH, None));
    let mut before = connect();
    before.list().expect("an answer");
    assert_eq!(before.certificate(), &old.certificate);
    let new = authority.issue();
    files.write(&new);
    server.reload_tls();
    let mut after = connect();
    after.list().expect("an answer");
    assert_eq!(after.certificate(), &new.certificate);
    before.list().expect("an answer on the old connection");
}

#[test]
fn new_files_that_are_wrong_change_nothing() {
    let authority = Authority::new("ours");
    let (server, files, old) = start(&authority, None);
    for (name, text) in
        [("key", authority.issue().key.serialize_pem()), ("certificate", String::new())]
    {
        files.write_text(name, &text);
        server.reload_tls();
        let mut client = Client::connect(server.addr, client_config(&authority, BOTH, None));
        client.list().expect("an answer");
        assert_eq!(client.certificate(), &old.certificate);
    }
}

#[test]
fn clients_show_a_certificate_where_one_is_wanted() {
    let (authority, clients) = (Authority::new("ours"), Authority::new("clients"));
    let (server, files, _) = start(&authority, Some(&clients));
    for version in BOTH {
        let list = |own| {
            let config = client_config(&authority, &[*version], own);
            Client::connect(server.addr, config).list()
        };
        assert!(list(None).is_err(), "{version:?}: no certificate");
        assert!(list(Some(authority.issue())).is_err(), "{version:?}: somebody else's");
        let answer = list(Some(clients.issue())).expect("an answer");
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
    }
    files.write_text("clients", &Authority::new("others").0.pem());
    server.reload_tls();
    let config = client_config(&authority, BOTH, Some(clients.issue()));
    assert!(Client::connect(server.addr, config).list().is_err(), "no longer trusted");
}

#[test]
fn each_listener_has_its_own_tls_or_none() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let files = Files(tempfile::tempdir().expect("a directory"));
    files.write(&first.issue());
    let on_loopback = || ListenerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    let tls = TlsFiles {
        section: "listeners.lan.tls".to_owned(),
        certificate_file: files.path("certificate"),
        key_file: files.path("key"),
        client_ca_file: None,
    };
    let (server, _files, _) = start_with(&second, None, |config| {
        let lan = ListenerConfig { tls: Some(tls), ..on_loopback() };
        config.further_listeners = vec![lan, on_loopback()];
    });
    let [ListenAddress::Tcp(own), ListenAddress::Tcp(lan), plain] = server.addresses() else {
        unreachable!("three listeners")
    };
    let list = |addr: SocketAddr, authority: &Authority| {
        Client::connect(addr, client_config(authority, BOTH, None)).list()
    };
    list(*own, &second).expect("an answer");
    list(*lan, &first).expect("an answer");
    assert!(list(*lan, &second).is_err(), "it has another certificate");
    assert_eq!(http_support::Client::connect_at(plain).call("ListQueues", "{}").status, 200);
    files.write(&second.issue());
    server.reload_tls();
    list(*lan, &second).expect("an answer with the new files");
}

#[test]
fn a_key_of_another_certificate_is_refused_at_the_start() {
    let (authority, files) = (Authority::new("ours"), Files(tempfile::tempdir().expect("one")));
    files.write(&authority.issue());
    files.write_text("key", &authority.issue().key.serialize_pem());
    let tls = TlsFiles {
        section: "tls".to_owned(),
        certificate_file: files.path("certificate"),
        key_file: files.path("key"),
        client_ca_file: None,
    };
    let mut config = Config::small("/nonexistent");
    config.listener.tls = Some(tls);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let refused = runtime.block_on(sluice_server::Server::start(config)).err();
    let text = refused.map(|error| error.to_string()).unwrap_or_default();
    assert!(text.contains("`tls.key_file` = ") && text.contains("found another one"), "{text}");
}
