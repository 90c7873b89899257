//! Requests from this machine, by whoever may use the data directory: a socket in it.
//!
//! | request, one line of JSON | does |
//! |---|---|
//! | `{"take_backup_files": "/path"}` | puts the files of the store into a new directory, to be finished by `sluice store backup` |
//!
//! The answer is one line of JSON: `{}` or `{"error": "…"}`. Only the user that the server runs as, and root, are answered.
//! `docs/decisions/0007-backups.md` says why this is no part of the HTTP API.

use std::fs::Permissions;
use std::io::{self, BufRead, BufReader as SyncBufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as SyncUnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sluice_store::LiveBackup;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

const SOCKET_FILE: &str = "control.sock";
const REQUEST_BYTES_MAX: u64 = 16 << 10;
/// Time for a caller to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(100);
/// The user who may do everything.
const ROOT: u32 = 0;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    take_backup_files: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The socket of a server.
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
    /// The user that the server runs as.
    user: u32,
}

impl Control {
    /// Listens in a data directory that this process has locked; without, the server runs all the same.
    pub(crate) fn listen(data: &Path) -> Option<Self> {
        let path = data.join(SOCKET_FILE);
        match Self::bind(path.clone()) {
            Ok(control) => Some(control),
            Err(cause) => {
                let path = path.display();
                warn!(%path, %cause, "cannot listen on the control socket: `sluice store backup` will need this server stopped");
                None
            }
        }
    }

    fn bind(path: PathBuf) -> io::Result<Self> {
        // One that a killed server left behind.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let user = std::fs::metadata(&path)?.uid();
        Ok(Self { listener, path, user })
    }

    /// Serves one request after the other until it is stopped; one that is being served then is not answered.
    pub(crate) async fn serve(self, live: LiveBackup, stop: CancellationToken) {
        let serving = async {
            loop {
                let stream = self.accept().await;
                let may_ask =
                    stream.peer_cred().is_ok_and(|peer| [self.user, ROOT].contains(&peer.uid()));
                if may_ask {
                    // Who does not wait for the answer needs none.
                    drop(answer(stream, &live).await);
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = serving => {}
        }
        drop(std::fs::remove_file(&self.path));
    }

    /// The next caller. Errors pass: most likely there are no file descriptors left.
    async fn accept(&self) -> UnixStream {
        let mut has_warned = false;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(cause) if !has_warned => {
                    warn!(%cause, "cannot accept on the control socket, trying again");
                    has_warned = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
        }
    }
}

async fn answer(mut stream: UnixStream, live: &LiveBackup) -> io::Result<()> {
    let mut line = String::new();
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader.take(REQUEST_BYTES_MAX));
    tokio::time::timeout(REQUEST_TIMEOUT, reader.read_line(&mut line)).await??;
    let error = match serde_json::from_str(&line) {
        Ok(Request { take_backup_files }) => {
            take_files(take_backup_files, live.clone()).await.err()
        }
        Err(error) => Some(format!("the server does not know this request: {error}")),
    };
    let mut answer = serde_json::to_vec(&Answer { error })?;
    answer.push(b'\n');
    writer.write_all(&answer).await
}

async fn take_files(target: PathBuf, live: LiveBackup) -> Result<(), String> {
    let path = target.display().to_string();
    info!(path, "a backup is being taken");
    let taken = tokio::task::spawn_blocking(move || live.take_files(&target)).await;
    let outcome = match taken {
        Ok(taken) => taken.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(cause) = &outcome {
        warn!(path, cause, "the backup failed");
    }
    outcome
}

/// Asks the server that uses a data directory to put the files of its store into a new directory.
pub(crate) fn ask_for_files(data: &Path, target: &Path) -> Result<(), String> {
    let socket = data.join(SOCKET_FILE);
    let path = socket.display();
    let unanswered = |error: io::Error| {
        format!(
            "a process uses {} and does not answer on {path}: {error}; stop it and try again",
            data.display()
        )
    };
    let mut stream = SyncUnixStream::connect(&socket).map_err(unanswered)?;
    let request = serde_json::to_string(&Request { take_backup_files: target.to_owned() });
    let request = request.map_err(|error| format!("{}: {error}", target.display()))?;
    writeln!(stream, "{request}").map_err(unanswered)?;
    let mut line = String::new();
    SyncBufReader::new(&stream).read_line(&mut line).map_err(unanswered)?;
    match serde_json::from_str(&line) {
        Ok(Answer { error: None }) => Ok(()),
        Ok(Answer { error: Some(error) }) => Err(error),
        Err(_) => Err(format!(
            "the server did not answer on {path}: it runs as another user, or stopped meanwhile; see its log"
        )),
    }
}

#[cfg(test)]
mod tests {
    use sluice_store::{RocksOptions, RocksStore};

    use super::*;

    #[tokio::test]
    async fn a_caller_that_is_being_served_does_not_hold_up_the_stop() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = RocksStore::open(RocksOptions::new(dir.path())).expect("a new store");
        let control = Control::listen(dir.path()).expect("a socket");
        let stop = CancellationToken::new();
        let caller = UnixStream::connect(dir.path().join(SOCKET_FILE)).await.expect("it listens");
        let serving = control.serve(store.live_backup(), stop.clone());
        let stopping = async {
            // It is accepted by the first of these, and then its request is waited for.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        };
        let both = async { tokio::join!(serving, stopping) };
        let ended = tokio::time::timeout(REQUEST_TIMEOUT / 2, both).await;
        assert!(ended.is_ok(), "it waited for the request");
        assert!(!dir.path().join(SOCKET_FILE).exists());
        drop(caller);
    }
}
