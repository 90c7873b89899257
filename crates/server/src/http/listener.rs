//! Accepts connections, no more than the cap at once, until the server drains.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::metrics::ConnectionMetrics;

use super::connection::{self, Bound, Protocols, Respond, Serving};
use super::connections::Connections;
use super::limits::{
    ACCEPT_BACKLOG, ACCEPT_RETRY_PAUSE, CONNECTIONS_REFUSED_MAX, EVICTION_TIMEOUT, Limits,
};
use super::tls::Tls;

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
    tls: Option<Arc<Tls>>,
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
        Ok(Self { tcp, local_addr, tls: None })
    }

    /// With TLS on every connection, if there is any.
    pub(crate) fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
    }

    /// Where it listens.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The TLS that it has.
    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    /// Accepts and serves until `stops.drain`. At the cap an idle connection makes room for the next one; while none is
    /// idle the next one is refused. Every connection is a task of `tracker`.
    pub(crate) async fn serve<R: Respond>(
        self,
        responder: R,
        limits: Limits,
        stops: Stops,
        tracker: TaskTracker,
        metrics: ConnectionMetrics,
    ) {
        let protocols = Protocols::new(&tracker, &stops);
        let places = Places::new(&limits);
        let drain = stops.drain.clone();
        let connections = Connections::new();
        let Self { tcp, tls, .. } = self;
        let serving = Arc::new(Serving {
            responder,
            protocols,
            limits,
            stops,
            connections,
            tls,
            metrics: metrics.clone(),
        });
        let accepting = async {
            loop {
                let (stream, peer) = accept(&tcp, &serving.connections).await;
                let (place, refusal) = match places.take(&serving.connections).await {
                    Place::Served(place) => (place, None),
                    Place::Refused(place) => (place, Some(Bound::Connections)),
                    Place::None => {
                        serving.responder.note_refused(Bound::ConnectionsRefused);
                        continue;
                    }
                };
                let (serving, open) = (Arc::clone(&serving), metrics.open_connection());
                tracker.spawn(async move {
                    connection::serve(stream, peer, serving, refusal).await;
                    drop((open, place));
                });
            }
        };
        tokio::select! {
            () = accepting => {}
            () = serving.connections.watch(&serving.limits) => {}
            () = drain.cancelled() => {}
        }
    }
}

/// Places for connections: those that are served, and a few for telling others that there is none.
struct Places {
    served: Arc<Semaphore>,
    refused: Arc<Semaphore>,
}

/// What there is for a connection.
enum Place {
    Served(OwnedSemaphorePermit),
    Refused(OwnedSemaphorePermit),
    None,
}

impl Places {
    fn new(limits: &Limits) -> Self {
        let served = limits.connections_max.min(Semaphore::MAX_PERMITS);
        Self {
            served: Arc::new(Semaphore::new(served)),
            refused: Arc::new(Semaphore::new(CONNECTIONS_REFUSED_MAX)),
        }
    }

    async fn take(&self, connections: &Connections) -> Place {
        if let Ok(place) = Arc::clone(&self.served).try_acquire_owned() {
            return Place::Served(place);
        }
        if connections.make_room() > 0 {
            let next = Arc::clone(&self.served).acquire_owned();
            if let Ok(Ok(place)) = tokio::time::timeout(EVICTION_TIMEOUT, next).await {
                return Place::Served(place);
            }
        }
        let refused = Arc::clone(&self.refused).try_acquire_owned();
        refused.map_or(Place::None, Place::Refused)
    }
}

/// The next connection. Errors concern the one that failed, or pass when others close.
async fn accept(tcp: &TcpListener, connections: &Connections) -> (TcpStream, SocketAddr) {
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
                // Most likely there are no file descriptors left.
                connections.make_room();
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
