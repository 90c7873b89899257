//! Several listeners, as somebody meets them who runs the binary.

#![expect(clippy::expect_used, reason = "a test that cannot start the binary should stop there")]

mod process_under_test;

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use tempfile::TempDir;

use process_under_test::{run, signal, stderr, with_process, with_server_flags};

const PATIENCE: Duration = Duration::from_secs(20);

/// A directory with a configuration file in it.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new(config: impl FnOnce(&Path) -> String) -> Self {
        let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
        let text = config(directory.path());
        std::fs::write(directory.path().join("sluice.toml"), text).expect("the directory is there");
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn config(&self) -> String {
        self.path("sluice.toml").display().to_string()
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        std::fs::write(self.path(name), text).expect("the directory is there");
        std::fs::set_permissions(self.path(name), Permissions::from_mode(mode)).expect("ours");
    }
}

/// A section with a socket in the directory.
fn socket(directory: &Path) -> String {
    format!("[listeners.local]\nsocket = \"{}/local.sock\"\n", directory.display())
}

/// A port that was free just now.
fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    free.local_addr().expect("it is bound").port()
}

/// Makes a call, and returns all that comes back.
fn call(mut stream: impl Read + Write, operation: &str, body: &str) -> String {
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: inside\r\nConnection: close\r\nX-Amz-Target: AmazonSQS.{operation}\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers and closes");
    answer
}

fn check(files: &Files) -> Output {
    run(&["config", "check", "--config", &files.config()])
}

#[test]
fn a_server_listens_wherever_its_file_says() {
    let (open, closed) = (free_port(), free_port());
    let files = Files::new(|directory| {
        format!(
            "[listeners.open]\naddress = \"127.0.0.1:{open}\"\nallow_networks = [\"127.0.0.0/8\"]\n\
             [listeners.closed]\naddress = \"127.0.0.1:{closed}\"\nallow_networks = [\"192.0.2.0/24\"]\n{}mode = \"0600\"\n",
            socket(directory)
        )
    });
    let path = files.path("local.sock");
    with_server_flags(&["--config", &files.config()], |endpoint| {
        let mode = path.metadata().expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let local = UnixStream::connect(&path).expect("it listens");
        let created = call(local, "CreateQueue", r#"{"QueueName":"orders"}"#);
        assert!(created.contains("http://inside/000000000000/orders"), "{created}");
        let open = TcpStream::connect(("127.0.0.1", open)).expect("it listens");
        assert!(call(open, "ListQueues", "{}").contains("/orders"));
        let listed = run(&["queues", "list", "--endpoint", endpoint]);
        assert!(String::from_utf8_lossy(&listed.stdout).contains("/orders"), "{listed:?}");

        let mut closed = TcpStream::connect(("127.0.0.1", closed)).expect("it listens");
        closed.set_read_timeout(Some(PATIENCE)).expect("a valid timeout");
        let mut byte = [0];
        assert!(closed.read(&mut byte).map_or(true, |length| length == 0), "it is closed");
    });
    assert!(!path.exists(), "it goes with the server");
}

#[test]
fn a_socket_in_use_is_left_alone_and_one_of_a_killed_server_replaced() {
    let files = Files::new(socket);
    let path = files.path("local.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("nobody has it"));
    let (config, flag) = (files.config(), "--config");
    with_server_flags(&[flag, &config], |_endpoint| {
        let second = run(&["dev", "--listen", "127.0.0.1:0", flag, &config]);
        assert_eq!(second.status.code(), Some(4), "{}", stderr(&second));
        let text = stderr(&second);
        let setting = format!("listeners.local.socket = {} is taken", path.display());
        assert!(text.contains(&setting), "{text}");
        let local = UnixStream::connect(&path).expect("the first still listens");
        assert!(call(local, "ListQueues", "{}").starts_with("HTTP/1.1 200"));
    });
}

#[test]
fn tls_of_a_further_listener_is_read_anew_on_sighup() {
    let port = free_port();
    let files = Files::new(|directory| {
        let directory = directory.display();
        format!(
            "[listeners.lan]\naddress = \"127.0.0.1:{port}\"\n\
             tls = {{ certificate_file = \"{directory}/cert\", key_file = \"{directory}/key\" }}\n"
        )
    });
    let write = |name: &str| {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        files.write("cert", &made.cert.pem(), 0o644);
        files.write("key", &made.signing_key.serialize_pem(), 0o600);
        files.write(&format!("{name}.pem"), &made.cert.pem(), 0o644);
    };
    write("localhost");
    let ca_file = files.path("localhost.pem").display().to_string();
    with_process(&["--config", &files.config()], |plain, child| {
        let lan = format!("https://localhost:{port}");
        let list =
            |ca_file: &str| run(&["queues", "list", "--endpoint", &lan, "--ca-file", ca_file]);
        assert_eq!(run(&["queues", "list", "--endpoint", plain]).status.code(), Some(0));
        assert_eq!(list(&ca_file).status.code(), Some(0), "{}", stderr(&list(&ca_file)));
        let old = files.path("old.pem");
        std::fs::copy(files.path("localhost.pem"), &old).expect("it is there");
        write("localhost");
        signal(child, "-HUP");
        let is_shown = (0..1_000).any(|_| list(&ca_file).status.code() == Some(0));
        assert!(is_shown, "{}", stderr(&list(&ca_file)));
        assert_eq!(list(&old.display().to_string()).status.code(), Some(3));
    });
}

#[test]
fn what_is_wrong_with_a_listener_keeps_the_server_from_starting() {
    let address = "[listeners.lan]\naddress = \"127.0.0.1:0\"\nvpce = \"vpce-01234567\"\n";
    for (text, told) in [
        (
            "[listeners.lan]\naddress = \"0.0.0.0:0\"\n".to_owned(),
            ":2: `serve` without TLS listens on loopback",
        ),
        (
            "[listeners.lan]\nadress = \"127.0.0.1:0\"\n".to_owned(),
            "did you mean `listeners.lan.address`?",
        ),
        (
            format!("{address}policy_file = \"/nonexistent\"\n"),
            "`listeners.lan.policy_file` = /nonexistent: cannot be read",
        ),
        (
            format!("{address}policy_file = \"/dev/null\"\n"),
            "`listeners.lan.policy_file` = /dev/null: wants a policy",
        ),
        (
            format!(
                "{address}[listeners.lan.tls]\ncertificate_file = \"/dev/null\"\nkey_file = \"/dev/null\"\n"
            ),
            "`listeners.lan.tls.certificate_file` = /dev/null: wants",
        ),
    ] {
        let files = Files::new(|_| text.clone());
        for output in [check(&files), run(&["serve", "--config", &files.config()])] {
            assert_eq!(output.status.code(), Some(2), "{text}{}", stderr(&output));
            assert!(stderr(&output).contains(told), "{text}{}", stderr(&output));
        }
    }
}

#[test]
fn a_private_key_that_others_can_read_keeps_serve_from_starting() {
    let files = Files::new(|directory| {
        let directory = directory.display();
        format!("[tls]\ncertificate_file = \"{directory}/cert\"\nkey_file = \"{directory}/key\"\n")
    });
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    files.write("cert", &made.cert.pem(), 0o644);
    files.write("key", &made.signing_key.serialize_pem(), 0o644);
    for output in [check(&files), run(&["serve", "--config", &files.config()])] {
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        let text = stderr(&output);
        assert!(text.contains("`tls.key_file` = ") && text.contains("mode 644"), "{text}");
    }
    files.write("key", &made.signing_key.serialize_pem(), 0o600);
    assert_eq!(check(&files).status.code(), Some(0));
}

#[test]
fn a_data_directory_that_others_get_into_is_warned_of() {
    let files = Files::new(|directory| format!("data = \"{}/data\"\n", directory.display()));
    let data = files.path("data");
    std::fs::create_dir(&data).expect("the directory is there");
    for (mode, is_warned) in [(0o755, true), (0o700, false)] {
        std::fs::set_permissions(&data, Permissions::from_mode(mode)).expect("ours");
        let output = check(&files);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output).contains("(mode 755)"), is_warned, "{}", stderr(&output));
    }
}

#[test]
fn config_check_shows_listeners_with_their_sources() {
    let files = Files::new(socket);
    let output = check(&files);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let row = |name: &str| {
        let row = text.lines().find(|line| line.starts_with(name));
        row.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    };
    let source = format!("{}:2", files.config());
    let path = files.path("local.sock").display().to_string();
    let expected = ["listeners.local.socket".to_owned(), path, source].to_vec();
    assert_eq!(row("listeners.local.socket"), Some(expected));
    let expected = ["listeners.local.mode", "0660", "default"].map(str::to_owned).to_vec();
    assert_eq!(row("listeners.local.mode"), Some(expected));
}
