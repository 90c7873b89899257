//! Time limits that are constants in a server, shortened here, against a stub that answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_util::task::TaskTracker;

use crate::metrics::ConnectionMetrics;

use super::limits::{CONNECTIONS_REFUSED_MAX, RESPONSE_MEMORY_BYTES_MAX, test_limits};
use super::{Arrival, Bound, Limits, Listener, Respond, Stops, Tls, serve_connections};
use crate::config::{ListenAddress, ListenerConfig};
use crate::tls::TlsFiles;

const SHORT: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);
/// More than the buffers of the kernel take.
const LARGE_BYTES: usize = 64 * 1024 * 1024;

/// Answers `/large` with a lot, `/small` with a little, everything else with nothing.
struct Stub;

impl Respond for Stub {
    async fn respond(&self, request: Box<Request<Incoming>>, arrival: Arrival) -> Response<Bytes> {
        if let Some(bound) = arrival.refusal {
            return self.refused_response(bound);
        }
        if request.uri().path() == "/wait" {
            std::future::pending::<()>().await;
        }
        Response::new(match request.uri().path() {
            "/large" => Bytes::from(vec![0; LARGE_BYTES]),
            "/small" => Bytes::from_static(b"small"),
            _other => Bytes::new(),
        })
    }

    fn note_refused(&self, _bound: Bound) {}

    fn refused_response(&self, _bound: Bound) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        response
    }
}

struct Server {
    addr: SocketAddr,
    stops: Stops,
    tracker: TaskTracker,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        Self::start_with(limits, None).await
    }

    async fn start_with_tls(limits: Limits) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let made = rcgen::generate_simple_self_signed(["x".to_owned()]).expect("a certificate");
        let path = |name: &str, text: String| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("the directory is there");
            path
        };
        let files = TlsFiles {
            section: "tls".to_owned(),
            certificate_file: path("certificate", made.cert.pem()),
            key_file: path("key", made.signing_key.serialize_pem()),
            client_ca_file: None,
        };
        let tls = Tls::load(&files).expect("the files are fine");
        Self::start_with(limits, Some(tls)).await
    }

    async fn start_with(limits: Limits, tls: Option<Arc<Tls>>) -> Self {
        let config = ListenerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = Listener::bind(config, tls).await.expect("a free port");
        let ListenAddress::Tcp(addr) = *listener.address() else { unreachable!("asked for") };
        let (stops, tracker) = (Stops::default(), TaskTracker::new());
        let metrics = ConnectionMetrics::default();
        let serving = serve_connections(
            vec![listener],
            Stub,
            limits,
            stops.clone(),
            tracker.clone(),
            metrics,
        );
        tracker.spawn(serving);
        Self { addr, stops, tracker }
    }

    /// Waits until only the listener is left; every connection and stream has ended then.
    async fn until_no_connection(&self) {
        let waiting = async {
            while self.tracker.len() > 1 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("connections end");
    }

    async fn stop(self) {
        self.stops.drain.cancel();
        self.tracker.close();
        tokio::time::timeout(PATIENCE, self.tracker.wait()).await.expect("all tasks end");
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a valid timeout");
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_http_1_connection_is_closed() {
    let server = Server::start(Limits { idle_timeout: SHORT, ..test_limits() }).await;
    let mut client = connect(server.addr);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("the server reads");
    let mut text = String::new();
    client.read_to_string(&mut text).expect("an orderly end");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    server.until_no_connection().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_http_2_connection_is_closed() {
    let server = Server::start(Limits { idle_timeout: SHORT, ..test_limits() }).await;
    let stream = tokio::net::TcpStream::connect(server.addr).await.expect("the server accepts");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    let client = TaskTracker::new();
    let connection = client.spawn(connection);
    let request = Request::get("http://x/").body(Empty::<Bytes>::new()).expect("valid");
    let response = sender.send_request(request).await.expect("an answer");
    assert_eq!(response.status(), 200);
    tokio::time::timeout(PATIENCE, connection).await.expect("it ends").expect("no panic").ok();
    drop((response, sender));
    server.until_no_connection().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let server = Server::start(Limits { write_timeout: SHORT, ..test_limits() }).await;
    let mut client = connect(server.addr);
    client.write_all(b"GET /large HTTP/1.1\r\n\r\n").expect("the server reads");
    tokio::time::sleep(SHORT / 10).await;
    server.until_no_connection().await;
    let mut received = Vec::new();
    // Ends in an error or not, depending on how the kernel closes; it is not complete.
    let _end = client.read_to_end(&mut received);
    assert!(received.len() < LARGE_BYTES, "{}", received.len());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_on_gets_it_all() {
    let server = Server::start(Limits { write_timeout: SHORT, ..test_limits() }).await;
    let addr = server.addr;
    let reading = tokio::task::spawn_blocking(move || {
        let mut client = connect(addr);
        client.write_all(b"GET /large HTTP/1.0\r\n\r\n").expect("the server reads");
        let mut received = Vec::new();
        client.read_to_end(&mut received).expect("the whole answer");
        received.len()
    });
    assert!(reading.await.expect("no panic") > LARGE_BYTES);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_closes_idle_connections_of_both_versions() {
    let server = Server::start(test_limits()).await;
    let mut silent = connect(server.addr);
    let mut idle = connect(server.addr);
    idle.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("the server reads");
    let mut byte = [0];
    idle.read_exact(&mut byte).expect("an answer");
    server.stop().await;
    assert!(idle.read_to_end(&mut Vec::new()).is_ok());
    assert_eq!(silent.read(&mut byte).expect("an orderly end"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_do_not_read_use_up_their_memory_and_then_their_time() {
    let server = Server::start(test_limits()).await;
    let ask = |addr| {
        let mut client = connect(addr);
        client.write_all(b"GET /large HTTP/1.1\r\n\r\n").expect("the server reads");
        let mut head = [0; 12];
        client.read_exact(&mut head).expect("an answer");
        (client, head)
    };
    let first: Vec<_> =
        (0..RESPONSE_MEMORY_BYTES_MAX / LARGE_BYTES).map(|_| ask(server.addr)).collect();
    for (_, head) in &first {
        assert_eq!(head, b"HTTP/1.1 200");
    }
    let (_, head) = ask(server.addr);
    assert_eq!(&head, b"HTTP/1.1 503");
    let mut tries_left = PATIENCE.as_millis() / SHORT.as_millis();
    while &ask(server.addr).1 != b"HTTP/1.1 200" {
        tries_left = tries_left.checked_sub(1).expect("those who do not read are cut off");
        tokio::time::sleep(SHORT).await;
    }
    drop(first);
    server.stop().await;
}

/// Status line of what a new client is told.
fn next_is_told(addr: SocketAddr) -> [u8; 12] {
    let mut client = connect(addr);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("the server reads");
    let mut head = [0; 12];
    client.read_exact(&mut head).expect("an answer");
    head
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_still_reads_its_answer_makes_no_room() {
    let server = Server::start(Limits { connections_max: 1, ..test_limits() }).await;
    let mut client = connect(server.addr);
    client.write_all(b"GET /large HTTP/1.0\r\n\r\n").expect("the server reads");
    client.read_exact(&mut [0; 12]).expect("an answer");
    assert_eq!(&next_is_told(server.addr), b"HTTP/1.1 503");
    let mut received = Vec::new();
    client.read_to_end(&mut received).expect("the whole answer");
    assert!(received.len() > LARGE_BYTES, "{}", received.len());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_any_size_is_held_while_an_http_2_client_gives_no_window_for_it() {
    let server = Server::start(Limits { connections_max: 1, ..test_limits() }).await;
    let stream = tokio::net::TcpStream::connect(server.addr).await.expect("the server accepts");
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(0)
        .handshake(TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    let connection = TaskTracker::new().spawn(connection);
    let request = Request::get("http://x/small").body(Empty::<Bytes>::new()).expect("valid");
    let response = sender.send_request(request).await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(&next_is_told(server.addr), b"HTTP/1.1 503");
    drop((response, sender));
    tokio::time::timeout(PATIENCE, connection).await.expect("it ends").expect("no panic").ok();
    server.stop().await;
}

/// A ClientHello that says that it is longer than what comes of it.
const PART_OF_A_HANDSHAKE: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_does_not_come_ends_the_connection() {
    let limits = Limits { handshake_timeout: SHORT, ..test_limits() };
    let server = Server::start_with_tls(limits).await;
    for begin in [&b""[..], PART_OF_A_HANDSHAKE] {
        let mut client = connect(server.addr);
        client.write_all(begin).expect("the server reads");
        let mut received = Vec::new();
        let ended = client.read_to_end(&mut received);
        assert!(ended.is_ok_and(|bytes| bytes == 0), "{received:?}");
    }
    server.until_no_connection().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_handshake_makes_room() {
    let server = Server::start_with_tls(Limits { connections_max: 1, ..test_limits() }).await;
    let mut first = connect(server.addr);
    first.write_all(PART_OF_A_HANDSHAKE).expect("the server reads");
    first.set_read_timeout(Some(SHORT)).expect("a valid timeout");
    // Until the server has looked at the first, others find no room.
    let others = (0..CONNECTIONS_REFUSED_MAX).map(|_| {
        let mut other = connect(server.addr);
        other.write_all(PART_OF_A_HANDSHAKE).expect("the server reads");
        (other, first.read(&mut [0]))
    });
    let others: Vec<_> = others.take_while(|(_, read)| !matches!(read, Ok(0))).collect();
    assert!(others.len() < CONNECTIONS_REFUSED_MAX, "the first did not make room");
    drop((first, others));
    server.until_no_connection().await;
    server.stop().await;
}
