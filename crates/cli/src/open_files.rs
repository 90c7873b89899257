//! The limit on open files. Thousands of long polls need a socket each, and the usual soft limit is 1,024.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that are not connections: those of the store, which keeps up to 512 to read them and as many to delete them
/// slowly, and a reserve.
const OTHER_FILES_MAX: u64 = 1_280;

/// Connections that are left when the limit is too low for anything.
const CONNECTIONS_MIN: u64 = 16;

/// Raises the soft limit to the hard one. Not being allowed to is no reason not to start.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, open_files = ?limit.current, "cannot raise the limit on open files");
    }
}

/// As many of `connections_max` as the limit on open files leaves room for. The store must never be without one.
pub(crate) fn connections(connections_max: usize) -> usize {
    let Some(open_files) = getrlimit(Resource::Nofile).current else { return connections_max };
    let possible = usize::try_from(possible_connections(open_files)).unwrap_or(usize::MAX);
    if possible < connections_max {
        tracing::warn!(
            open_files,
            connections_max,
            "the limit on open files leaves room for {possible} connections; raise it (ulimit -n, LimitNOFILE) or lower http.connections_max"
        );
    }
    possible.min(connections_max)
}

fn possible_connections(open_files: u64) -> u64 {
    // With a low limit the store is given half.
    open_files.saturating_sub(OTHER_FILES_MAX.min(open_files / 2)).max(CONNECTIONS_MIN)
}

#[cfg(test)]
mod tests {
    use super::possible_connections;

    #[test]
    fn the_store_keeps_its_files() {
        assert_eq!(possible_connections(65_536), 65_536 - 1_280);
        assert_eq!(possible_connections(1_024), 512);
        assert_eq!(possible_connections(20), 16);
    }
}
