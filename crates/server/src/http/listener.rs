//! Accepts connections, no more than the cap at once, until the server drains.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::metrics::ConnectionMetrics;

use super::connection::{self, Respond};
use super::limits::{ACCEPT_BACKLOG, ACCEPT_RETRY_PAUSE, Limits};

/// The two ways to stop a listener and its connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stops {
    /// Accept nothing more, answer what is in flight, then close.
    pub(crate) drain: CancellationToken,
    /// Close now.
    pub(crate) abort: CancellationToken,
}

/// A bound port that does not accept yet.
#[derive(Debug)]
pub(crate) struct Listener {
    tcp: TcpListener,
    local_addr: SocketAddr,
}

impl Listener {
    /// Binds `address`; port 0 picks a free one.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A restart must not wait for the connections of its predecessor to be forgotten.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let tcp = socket.listen(ACCEPT_BACKLOG)?;
        let local_addr = tcp.local_addr()?;
        Ok(Self { tcp, local_addr })
    }

    /// Where it listens.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Accepts and serves until `stops.drain`. At the cap the next connection waits in the
    /// kernel's queue. Every connection is a task of `tracker`.
    pub(crate) async fn serve<R: Respond>(
        self,
        responder: Arc<R>,
        limits: Limits,
        stops: Stops,
        tracker: TaskTracker,
        metrics: ConnectionMetrics,
    ) {
        let builder = Arc::new(connection::builder(&tracker, &stops));
        let limits = Arc::new(limits);
        let places = Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS)));
        loop {
            let next = async {
                // The semaphore is never closed, so this cannot fail.
                let place = Arc::clone(&places).acquire_owned().await.ok();
                (place, accept(&self.tcp).await)
            };
            let Some((place, (stream, peer))) = stops.drain.run_until_cancelled(next).await else {
                return;
            };
            let (builder, responder) = (Arc::clone(&builder), Arc::clone(&responder));
            let (limits, stops) = (Arc::clone(&limits), stops.clone());
            let open = metrics.open_connection();
            tracker.spawn(async move {
                connection::serve(stream, peer, &builder, responder, &limits, &stops).await;
                drop((open, place));
            });
        }
    }
}

/// The next connection. Errors concern the one that failed, or pass when others close.
async fn accept(tcp: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut has_warned = false;
    loop {
        match tcp.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%peer, %error, "cannot set TCP_NODELAY");
                }
                return (stream, peer);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if !has_warned {
                    warn!(%error, "cannot accept connections, trying again");
                    has_warned = true;
                }
                tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
