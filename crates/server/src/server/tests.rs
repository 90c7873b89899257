//! How servers start, and what they refuse.

use super::*;

/// A clock that ends the test when it is read.
#[derive(Debug)]
struct Read(CancellationToken);

impl Clock for Read {
    fn now_ms(&self) -> u64 {
        self.0.cancel();
        0
    }
}

#[tokio::test]
async fn the_clock_is_read_though_nobody_asks_for_the_time() {
    let end = CancellationToken::new();
    keep_reading(Arc::new(Read(end.clone())), Duration::from_millis(1), end.clone()).await;
    assert!(end.is_cancelled());
}

#[tokio::test]
async fn a_server_without_authentication_stays_on_loopback() {
    let config = Config {
        access: Access::LoopbackOnly,
        listen: SocketAddr::from(([0, 0, 0, 0], 9324)),
        ..Config::small("/nonexistent")
    };
    let refused = Server::start(config).await.err().map(|error| error.to_string());
    let text = refused.unwrap_or_default();
    assert!(text.contains("listen = 0.0.0.0:9324") && text.contains("127.0.0.1:9324"), "{text}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = taken.local_addr().expect("bound");
    let refused = Server::start(Config { listen, ..Config::small("/nonexistent") }).await.err();
    assert!(matches!(refused, Some(StartError::AddressInUse { .. })), "{refused:?}");
}
