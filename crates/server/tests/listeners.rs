//! Several listeners of one server: who may connect where, sockets in the file system, bounds and drains over all of them.

mod http_support;

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use http_support::{Client, TestServer, json};
use sluice_server::Drained;
use sluice_server::config::{ListenAddress, ListenerConfig};

const SHORT: Duration = Duration::from_millis(300);

fn on_loopback(name: &str) -> ListenerConfig {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    ListenerConfig { name: Some(name.to_owned()), ..ListenerConfig::new(address) }
}

fn in_directory(directory: &Path) -> ListenerConfig {
    let address = ListenAddress::Unix { path: directory.join("sluice.sock"), mode: 0o600 };
    ListenerConfig { name: Some("local".to_owned()), ..ListenerConfig::new(address) }
}

fn start(listeners: Vec<ListenerConfig>) -> TestServer {
    TestServer::start_with(|config| config.further_listeners = listeners)
}

fn poll(client: &mut Client, queue: &str) {
    let body = format!("{{\"QueueUrl\":\"{queue}\",\"WaitTimeSeconds\":20}}");
    client.send_call("ReceiveMessage", &body);
    assert!(!client.is_answered_within(SHORT), "it waits");
}

#[test]
fn who_is_in_none_of_the_networks_is_closed_before_anything_is_read() {
    let networks = vec!["192.0.2.0/24".parse().expect("a network")];
    let own = vec!["127.0.0.0/8".parse().expect("a network")];
    let server = start(vec![
        ListenerConfig { networks, ..on_loopback("lan") },
        ListenerConfig { networks: own, ..on_loopback("own") },
    ]);
    let [_, lan, own] = server.addresses() else { unreachable!("three listeners") };
    for _ in 0..3 {
        Client::connect_at(lan).expect_close();
    }
    assert_eq!(Client::connect_at(own).request("GET", "/health").status, 200);
    let metrics = server.connect().request("GET", "/metrics").text();
    assert!(metrics.contains("sluice_connections_not_allowed_total 3\n"), "{metrics}");
    assert!(metrics.contains("sluice_connections_accepted_total 2\n"), "{metrics}");
}

#[test]
fn the_first_listener_has_networks_too() {
    let server = TestServer::start_with(|config| {
        config.listener.networks = vec!["192.0.2.7".parse().expect("a network")];
    });
    server.connect().expect_close();
}

#[test]
fn a_socket_in_the_file_system_serves_both_versions_and_goes_with_the_server() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = start(vec![in_directory(directory.path())]);
    let socket = server.addresses()[1].clone();
    let path = directory.path().join("sluice.sock");
    let mode = path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);

    let mut client = Client::connect_at(&socket);
    let url = client.create_queue("q");
    assert_eq!(url, "http://localhost/000000000000/q");
    let listed = server.connect().call("ListQueues", "{}");
    assert_eq!(json(&listed)["QueueUrls"][0], url, "it is the same server");
    let mut http2 = Client::connect_at(&socket);
    // The preface, and settings that are empty. Settings come back.
    http2.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00");
    assert!(http2.is_answered_within(Duration::from_secs(20)));
    assert_eq!(server.drain(), Drained::Complete);
    assert!(!path.exists());
}

#[test]
fn the_bound_on_connections_is_one_for_all_listeners() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let further = vec![on_loopback("lan"), in_directory(directory.path())];
    let server = TestServer::start_with(|config| {
        config.further_listeners = further;
        config.http.connections_max = 2;
    });
    let mut busy = [server.connect(), Client::connect_at(&server.addresses()[1])];
    let queue = busy[0].create_queue("busy");
    for client in &mut busy {
        poll(client, &queue);
    }
    for address in server.addresses() {
        let answer = Client::connect_at(address).call("ListQueues", "{}");
        assert_eq!(answer.status, 503, "{address}: {}", answer.text());
    }
    drop(busy);
}

#[test]
fn a_drain_answers_and_closes_on_all_listeners() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = start(vec![on_loopback("lan"), in_directory(directory.path())]);
    let addresses = server.addresses().to_vec();
    let queue = server.create_queue("q");
    let mut clients: Vec<Client> = addresses.iter().map(Client::connect_at).collect();
    for client in &mut clients {
        poll(client, &queue);
    }
    let (runtime, drain, _dir) = server.start_drain();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
        client.expect_close();
    }
    assert_eq!(runtime.block_on(drain).expect("the drain ends"), Drained::Complete);
    for address in &addresses {
        let is_closed = match address {
            ListenAddress::Tcp(address) => TcpStream::connect(address).is_err(),
            ListenAddress::Unix { path, .. } => UnixStream::connect(path).is_err(),
        };
        assert!(is_closed, "{address}");
    }
}
