//! TLS as a user meets it: client commands against a proxy with a certificate that this test made, and `sluice dev` with its own.

#![expect(clippy::expect_used, reason = "a test that cannot start the binary should stop there")]

mod process_under_test;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::Value;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use process_under_test::{run, signal, sluice, stderr, with_process, with_server};

/// A certificate for `name`, and the configuration of whoever shows it.
fn certificate(name: &str) -> (String, ServerConfig) {
    let mut params = CertificateParams::new([name.to_owned()]).expect("the name is valid");
    // This machine may trust somebody else by the name.
    let common_name = format!("{name}, for sluice's tests");
    params.distinguished_name.push(DnType::CommonName, common_name);
    let key = KeyPair::generate().expect("keys can be made");
    let cert = params.self_signed(&key).expect("the key is fine");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it was just made");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key)
        });
    (cert.pem(), config.expect("certificate and key belong together"))
}

/// Runs `test` with the address of a proxy that speaks TLS and passes everything on to `server`.
fn with_proxy(server: SocketAddr, config: ServerConfig, test: impl FnOnce(SocketAddr)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("the test may start a thread");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let proxy = async move {
        let mut connections = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let mut client = acceptor.accept(client).await.ok()?;
                let mut server = TcpStream::connect(server).await.ok()?;
                copy_bidirectional(&mut client, &mut server).await.ok()
            });
        }
    };
    let proxy = runtime.spawn(proxy);
    test(address);
    proxy.abort();
}

/// A short run of life cycles.
fn bench(endpoint: &str, flags: &[&str]) -> Output {
    let start = ["bench", "run", "--endpoint", endpoint, "--output", "json"];
    let load = ["--scenario", "cycle", "--batch", "10", "--connections", "4"];
    let short = ["--warm-up", "100ms", "--duration", "500ms"];
    run(&[&start[..], &load, &short, flags].concat())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}

#[test]
fn a_run_over_tls_needs_a_certificate_that_is_trusted() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let (ca_file, other_file) = (directory.path().join("ca"), directory.path().join("other"));
    with_server(|endpoint| {
        let server = endpoint.trim_start_matches("http://").parse().expect("it is an address");
        let (pem, config) = certificate("localhost");
        std::fs::write(&ca_file, pem).expect("the directory is there");
        with_proxy(server, config, |proxy| {
            let endpoint = format!("https://localhost:{}", proxy.port());
            let output = bench(&endpoint, &["--ca-file", text(&ca_file)]);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            let report: Value = serde_json::from_slice(&output.stdout).expect("this is JSON");
            let totals = &report["summary"]["totals"];
            assert!(totals["sent"].as_u64() > Some(0), "{report:#}");
            assert_eq!((&totals["deleted"], &totals["failed"]), (&totals["sent"], &0.into()));
            assert_eq!(report["endpoint"], endpoint);

            // The second has the right name, and another key.
            for name in ["elsewhere", "localhost"] {
                std::fs::write(&other_file, certificate(name).0).expect("the directory is there");
                let output = bench(&endpoint, &["--ca-file", text(&other_file)]);
                assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
                assert!(stderr(&output).contains("`--ca-file FILE`"), "{}", stderr(&output));
            }

            let other_name = format!("https://127.0.0.1:{}", proxy.port());
            let output = bench(&other_name, &["--ca-file", text(&ca_file)]);
            assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
            assert!(stderr(&output).contains("certificate of 127.0.0.1"), "{}", stderr(&output));
        });
        let output = bench(&endpoint.replace("http:", "https:"), &["--ca-file", text(&ca_file)]);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        assert!(stderr(&output).contains("does not speak TLS"), "{}", stderr(&output));
    });
}

#[test]
fn client_commands_over_tls_need_a_certificate_that_is_trusted() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let ca_file = directory.path().join("ca");
    with_server(|endpoint| {
        let server = endpoint.trim_start_matches("http://").parse().expect("it is an address");
        let (pem, config) = certificate("localhost");
        std::fs::write(&ca_file, pem).expect("the directory is there");
        with_proxy(server, config, |proxy| {
            let endpoint = format!("https://localhost:{}", proxy.port());
            let create = ["queues", "create", "orders", "--endpoint", &endpoint];
            let output = run(&create);
            assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
            assert!(stderr(&output).contains("`--ca-file FILE`"), "{}", stderr(&output));
            let trusting = sluice(&create).env("AWS_CA_BUNDLE", &ca_file).output();
            let output = trusting.expect("the binary was built for this test");
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        });
    });
}

#[test]
fn a_file_without_certificates_is_wrong_usage() {
    let output = bench("https://localhost:1", &["--ca-file", "/dev/null"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("/dev/null"), "{}", stderr(&output));
}

#[test]
fn dev_makes_a_certificate_and_shows_another_after_sighup() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let (made, other_file) = (directory.path().join("made"), directory.path().join("other"));
    let path = |name: &str| made.join(name);
    with_process(&["--tls-self-signed", text(&made)], |endpoint, child| {
        let endpoint = endpoint.replace("http:", "https:");
        let list = |ca_file: &Path| {
            run(&["queues", "list", "--endpoint", &endpoint, "--ca-file", text(ca_file)])
        };
        let output = run(&["queues", "create", "orders", "--endpoint", &endpoint]);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let ca_file = path("ca.pem");
        let create = ["queues", "create", "orders", "--endpoint", &endpoint, "--ca-file"];
        let output = run(&[&create[..], &[text(&ca_file)]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(output.stdout.starts_with(endpoint.as_bytes()), "{output:?}");

        let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]);
        let other = other.expect("a certificate can be made");
        for (file, pem) in [
            (&other_file, other.cert.pem()),
            (&path("certificate.pem"), other.cert.pem()),
            (&path("key.pem"), other.signing_key.serialize_pem()),
        ] {
            std::fs::write(file, pem).expect("the directory is there");
        }
        signal(child, "-HUP");
        let is_shown = (0..1_000).any(|_| list(&other_file).status.code() == Some(0));
        assert!(is_shown, "{}", stderr(&list(&other_file)));
        assert_eq!(list(&ca_file).status.code(), Some(3));
    });
}

#[test]
fn a_wrong_certificate_keeps_the_server_from_starting() {
    for command in [&["serve"][..], &["config", "check"]] {
        let tls = ["--tls-certificate-file", "/dev/null", "--tls-key-file", "/dev/null"];
        let output = run(&[command, &tls].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        let text = stderr(&output);
        assert!(text.contains("`tls.certificate_file` = /dev/null: wants"), "{text}");
    }
}
