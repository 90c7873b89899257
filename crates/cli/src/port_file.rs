//! The file that tells other programs where the server listens.

use std::io;
use std::path::{Path, PathBuf};

use sluice_server::config::ListenAddress;

/// Writes `host:port` and a newline so that a reader sees all of it or no file.
pub(crate) fn write(path: &Path, address: &ListenAddress) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(name);
    std::fs::write(&fresh, format!("{address}\n"))?;
    std::fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn the_file_holds_the_address_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
        let path = directory.path().join("port");
        std::fs::write(&path, "old").expect("the directory exists");
        let address = SocketAddr::from(([127, 0, 0, 1], 9324)).into();
        write(&path, &address).expect("the directory exists");
        let text = std::fs::read_to_string(&path).expect("it was just written");
        assert_eq!(text, "127.0.0.1:9324\n");
        let files = std::fs::read_dir(directory.path()).expect("the directory exists").count();
        assert_eq!(files, 1);
    }
}
