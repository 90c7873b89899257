//! Sockets of the network and of the file system: listening ones, and connections.

use std::fmt;
use std::fs::{Metadata, Permissions};
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixSocket, UnixStream};
use tracing::{debug, warn};

use crate::config::ListenAddress;

use super::limits::ACCEPT_BACKLOG;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Somebody on the network; behind a proxy that is the proxy.
    Network(SocketAddr),
    /// A process of this machine, which has no address.
    Local,
}

impl Peer {
    /// Its address, if it has one; one of IPv4 as such.
    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Network(address) => Some(address.ip().to_canonical()),
            Self::Local => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(out),
            Self::Local => out.write_str("local"),
        }
    }
}

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix { listener: UnixListener, _file: SocketFile },
}

impl Socket {
    /// Listens; port 0 picks a free one.
    pub(super) async fn bind(address: &ListenAddress) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp(address) => bind_tcp(*address).map(Self::Tcp),
            ListenAddress::Unix { path, mode } => bind_unix(path, *mode).await,
        }
    }

    /// Where it listens.
    pub(super) fn address(&self, asked: &ListenAddress) -> io::Result<ListenAddress> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(ListenAddress::Tcp),
            Self::Unix { .. } => Ok(asked.clone()),
        }
    }

    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(cx))?;
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%peer, %error, "cannot set TCP_NODELAY");
                }
                Poll::Ready(Ok((Stream::Tcp(stream), Peer::Network(peer))))
            }
            Self::Unix { listener, .. } => {
                let (stream, _unnamed) = ready!(listener.poll_accept(cx))?;
                Poll::Ready(Ok((Stream::Unix(stream), Peer::Local)))
            }
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart must not wait for the connections of its predecessor to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_BACKLOG)
}

/// Nobody can connect before the file has its mode: until then it does not listen.
async fn bind_unix(path: &Path, mode: u32) -> io::Result<Socket> {
    remove_stale(path).await?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let file = SocketFile { path: path.to_owned(), identity: identity(&path.metadata()?) };
    std::fs::set_permissions(path, Permissions::from_mode(mode))?;
    let listener = socket.listen(ACCEPT_BACKLOG)?;
    Ok(Socket::Unix { listener, _file: file })
}

/// Removes the file of a socket that nobody listens on: who made it was killed.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::other("there is a file that is no socket"));
    }
    let in_use = || Err(io::ErrorKind::AddrInUse.into());
    match UnixStream::connect(path).await {
        Ok(_) => in_use(),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
            // Too many wait to be accepted.
            io::ErrorKind::WouldBlock => in_use(),
            _ => Err(error),
        },
    }
}

/// The file of a socket, removed with this unless another has taken its place.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.path.metadata().is_ok_and(|found| identity(&found) == self.identity) {
            return;
        }
        if let Err(cause) = std::fs::remove_file(&self.path) {
            warn!(path = %self.path.display(), %cause, "cannot remove the socket");
        }
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODE: u32 = 0o640;

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("it is there").permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn a_socket_in_the_file_system_has_its_mode_and_goes_with_its_server() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("sluice.sock");
        let socket = bind_unix(&path, MODE).await.expect("nobody has it");
        assert_eq!(mode(&path), MODE);
        let in_use = bind_unix(&path, MODE).await.expect_err("it is in use");
        assert_eq!(in_use.kind(), io::ErrorKind::AddrInUse);
        assert!(UnixStream::connect(&path).await.is_ok(), "and stays so");
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_killed_server_left_is_replaced_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("sluice.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("nobody has it"));
        assert!(path.exists(), "it was left behind");
        let first = bind_unix(&path, MODE).await.expect("nobody listens there");
        std::fs::remove_file(&path).expect("it is there");
        let second = bind_unix(&path, MODE).await.expect("nobody has it");
        drop(first);
        assert!(path.exists(), "it is that of the second");
        drop(second);
        std::fs::write(&path, "precious").expect("the directory is there");
        assert!(bind_unix(&path, MODE).await.is_err());
        assert!(path.exists());
    }
}
