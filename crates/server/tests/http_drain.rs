//! Stopping: long polls answered, nothing accepted any more, nothing lost, nothing left running.

mod http_support;

use std::net::TcpStream;
use std::time::Duration;

use http_support::{Client, TestServer};
use sluice_server::Drained;

const LONG_POLL: &str = r#""WaitTimeSeconds":20,"QueueUrl":"#;
/// Long polls that wait at the same time; two file descriptors each, in this one process.
const WAITING_CLIENTS: usize = 400;

#[test]
fn a_drain_answers_open_long_polls_at_once_and_closes() {
    let server = TestServer::start();
    let url = server.create_queue("q");
    let mut clients: Vec<Client> = (0..WAITING_CLIENTS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send_call("ReceiveMessage", &format!("{{{LONG_POLL}\"{url}\"}}"));
    }
    assert!(!clients[0].is_answered_within(Duration::from_millis(500)), "the queue is empty");
    let mut other = server.connect();
    assert_eq!(other.request("GET", "/health").status, 200);

    let addr = server.addr;
    let (runtime, drain, _dir) = server.start_drain();
    for client in &mut clients {
        let answer = client.answer();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("connection"), "close");
        client.expect_close();
    }
    other.expect_close();
    let drained = runtime.block_on(drain).expect("the drain ends");
    assert_eq!(drained, Drained::Complete);
    assert!(TcpStream::connect(addr).is_err(), "the port is closed");
}

#[test]
fn a_request_that_never_ends_is_cut_off_after_the_drain_timeout() {
    let server = TestServer::start_with(|config| {
        config.http.drain_timeout = Duration::from_millis(300);
        config.http.body_timeout = Duration::from_secs(60);
    });
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx");
    // Served after the request before it was seen, since both are on one runtime.
    assert_eq!(server.connect().request("GET", "/health").status, 200);
    assert_eq!(server.drain(), Drained::RequestsCut);
    client.expect_close();
}

#[test]
fn a_stopped_server_can_be_started_again_on_its_data() {
    let server = TestServer::start();
    server.create_queue("kept");
    let (runtime, drain, dir) = server.start_drain();
    assert_eq!(runtime.block_on(drain).expect("the drain ends"), Drained::Complete);
    drop(runtime);
    let server = TestServer::start_in(dir, |_config| {});
    server.create_queue("kept");
    assert_eq!(server.drain(), Drained::Complete);
}
