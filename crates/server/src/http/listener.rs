//! Accepts connections on all listeners of a server, no more than the cap at once, until it drains.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::config::{ListenAddress, ListenerConfig};
use crate::metrics::ConnectionMetrics;

use super::connection::{self, Arrival, Bound, Protocols, Respond, Serving, Transport};
use super::connections::Connections;
use super::limits::{ACCEPT_RETRY_PAUSE, CONNECTIONS_REFUSED_MAX, EVICTION_TIMEOUT, Limits};
use super::not_allowed::NotAllowed;
use super::socket::{Peer, Socket, Stream};
use super::tls::Tls;

/// The two ways to stop listeners and their connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stops {
    /// Accept nothing more, answer what is in flight, then close.
    pub(crate) drain: CancellationToken,
    /// Close now.
    pub(crate) abort: CancellationToken,
}

/// A socket that listens, from which nothing is accepted yet.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    config: ListenerConfig,
    tls: Option<Arc<Tls>>,
}

impl Listener {
    /// Listens as it is configured, with TLS on every connection if there is any.
    pub(crate) async fn bind(config: ListenerConfig, tls: Option<Arc<Tls>>) -> io::Result<Self> {
        let socket = Socket::bind(&config.address).await?;
        let address = socket.address(&config.address)?;
        Ok(Self { socket, config: ListenerConfig { address, ..config }, tls })
    }

    /// Where it listens, with the port that was picked if port 0 was asked for.
    pub(crate) fn address(&self) -> &ListenAddress {
        &self.config.address
    }

    /// Its settings, with that address.
    pub(crate) fn config(&self) -> &ListenerConfig {
        &self.config
    }

    /// The TLS that it has.
    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    fn transport(&self) -> Transport {
        if self.tls.is_some() { Transport::Tls } else { Transport::Plain }
    }
}

/// Accepts and serves until `stops.drain`. All listeners share the bounds. At the cap an idle connection makes room for the
/// next one; while none is idle the next one is refused. Every connection is a task of `tracker`.
pub(crate) async fn serve_connections<R: Respond>(
    listeners: Vec<Listener>,
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
    let mut incoming = Incoming { listeners, next: 0, not_allowed: NotAllowed::new(&metrics) };
    let serving = Serving { responder, protocols, limits, stops, connections, metrics };
    let serving = Arc::new(serving);
    let accepting = async {
        loop {
            let Accepted { stream, peer, listener } = incoming.next(&serving.connections).await;
            let (place, refusal) = match places.take(&serving.connections).await {
                Place::Served(place) => (place, None),
                Place::Refused(place) => (place, Some(Bound::Connections)),
                Place::None => {
                    serving.responder.note_refused(Bound::ConnectionsRefused);
                    continue;
                }
            };
            let accepting = &incoming.listeners[listener];
            let (tls, transport) = (accepting.tls(), accepting.transport());
            let arrival = Arrival { peer, listener, transport, agreed: None, refusal };
            let (serving, open) = (Arc::clone(&serving), serving.metrics.open_connection());
            tracker.spawn(async move {
                connection::serve(stream, arrival, tls, serving).await;
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

/// A connection that was accepted, and the number of its listener.
struct Accepted {
    stream: Stream,
    peer: Peer,
    listener: usize,
}

/// Accepts on several listeners in turn, so that none keeps the others waiting.
struct Incoming {
    listeners: Vec<Listener>,
    /// Which is asked first.
    next: usize,
    not_allowed: NotAllowed,
}

impl Incoming {
    /// The next connection of somebody who may connect. Errors concern the one that failed, or pass when others close.
    async fn next(&mut self, connections: &Connections) -> Accepted {
        let mut has_warned = false;
        loop {
            match poll_fn(|cx| self.poll(cx)).await {
                Ok(accepted) => {
                    let config = &self.listeners[accepted.listener].config;
                    if config.lets_in(accepted.peer.address()) {
                        return accepted;
                    }
                    self.not_allowed.note(config, accepted.peer);
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

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let count = self.listeners.len();
        for number in (self.next..count).chain(0..self.next) {
            if let Poll::Ready(accepted) = self.listeners[number].socket.poll_accept(cx) {
                self.next = (number + 1) % count;
                let accepted =
                    accepted.map(|(stream, peer)| Accepted { stream, peer, listener: number });
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
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

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
