//! Lays flags over environment over file over defaults, and remembers where each value came from.

use std::collections::BTreeMap;
use std::fmt;

use super::file::Found;
use super::key::{KEYS, Key};
use super::listener::{LISTENER_KEYS, ListenerSettings};
use super::values::{Mode, Settings};
use super::{check, environment, file};

/// Everything that settings can come from. Reading it is the caller's work; deciding happens here.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) mode: Mode,
    /// Flags by key name.
    pub(crate) flags: BTreeMap<&'static str, String>,
    /// The whole environment.
    pub(crate) variables: BTreeMap<String, String>,
    /// Name and content of the configuration file.
    pub(crate) file: Option<(String, String)>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Flag(String),
    Environment(String),
    File { name: String, line: usize },
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(out, "flag --{flag}"),
            Self::Environment(variable) => write!(out, "environment {variable}"),
            Self::File { name, line } => write!(out, "{name}:{line}"),
            Self::Default => write!(out, "default"),
        }
    }
}

/// A setting as it was decided.
#[derive(Debug)]
pub(crate) struct Row {
    /// Dotted, as in the file.
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) source: Source,
}

/// The outcome: typed settings, and a row for each.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) settings: Settings,
    pub(crate) rows: Vec<Row>,
}

impl Layers {
    /// Decides every setting, or tells every problem, one line each.
    pub(crate) fn resolve(self) -> Result<Resolved, String> {
        let (variables, mut problems) = environment::read(&self.variables);
        let (file_name, found) = match &self.file {
            Some((name, source)) => {
                let (found, file_problems) = file::read(name, source);
                problems.extend(file_problems);
                (name.as_str(), found)
            }
            None => ("", Found::default()),
        };
        let in_file = |name: &str| {
            let entry = found.entries.get(name)?;
            let source = Source::File { name: file_name.to_owned(), line: entry.line };
            Some((&entry.text, source))
        };
        let mut settings = Settings::defaults(self.mode);
        let mut rows = Vec::with_capacity(KEYS.len());
        for key in KEYS {
            let given = if let Some(text) = self.flags.get(key.name) {
                Some((text, Source::Flag(key.flag())))
            } else if let Some(text) = variables.get(key.name) {
                Some((text, Source::Environment(key.variable())))
            } else {
                in_file(key.name)
            };
            rows.push(row(key, key.name.to_owned(), &mut settings, given, &mut problems));
        }
        for name in &found.listeners {
            let mut listener = ListenerSettings::default();
            for key in LISTENER_KEYS {
                let full = format!("listeners.{name}.{}", key.name);
                let given = in_file(&full);
                rows.push(row(key, full, &mut listener, given, &mut problems));
            }
            settings.further_listeners.insert(name.clone(), listener);
        }
        problems.extend(check::problems(self.mode, &settings, &rows));
        if problems.is_empty() { Ok(Resolved { settings, rows }) } else { Err(problems.join("\n")) }
    }
}

/// Sets what is given, and tells what is there then.
fn row<S>(
    key: &Key<S>,
    name: String,
    settings: &mut S,
    given: Option<(&String, Source)>,
    problems: &mut Vec<String>,
) -> Row {
    let source = match given {
        Some((text, source)) => {
            if (key.set)(settings, text).is_none() {
                problems.push(format!("{source}: `{name}` wants {}, found `{text}`", key.wants));
            }
            source
        }
        None => Source::Default,
    };
    Row { name, value: (key.get)(settings), source }
}

#[cfg(test)]
mod tests {
    use sluice_server::config::ListenAddress;

    use super::*;

    fn layers(mode: Mode) -> Layers {
        Layers { mode, flags: BTreeMap::new(), variables: BTreeMap::new(), file: None }
    }

    fn source_of(resolved: &Resolved, name: &str) -> String {
        let row = resolved.rows.iter().find(|row| row.name == name);
        row.expect("the table has this key").source.to_string()
    }

    #[test]
    fn flag_beats_environment_beats_file_beats_default() {
        let mut layers = layers(Mode::Serve);
        layers.file = Some((
            "s.toml".to_owned(),
            "region = \"file-1\"\naccount = \"111111111111\"\nshards = 2\n".to_owned(),
        ));
        layers.variables.insert("SLUICE_REGION".to_owned(), "environment-1".to_owned());
        layers.variables.insert("SLUICE_ACCOUNT".to_owned(), "222222222222".to_owned());
        layers.flags.insert("region", "flag-1".to_owned());
        let resolved = layers.resolve().expect("everything is well-formed");
        assert_eq!(resolved.settings.region, "flag-1");
        assert_eq!(resolved.settings.account, "222222222222");
        assert_eq!(resolved.settings.shards, 2);
        assert_eq!(source_of(&resolved, "region"), "flag --region");
        assert_eq!(source_of(&resolved, "account"), "environment SLUICE_ACCOUNT");
        assert_eq!(source_of(&resolved, "shards"), "s.toml:3");
        assert_eq!(source_of(&resolved, "listen"), "default");
    }

    #[test]
    fn a_wrong_value_says_where_what_and_what_is_wanted() {
        let mut layers = layers(Mode::Serve);
        layers.file = Some(("s.toml".to_owned(), "shards = 0\n".to_owned()));
        layers.flags.insert("listen", "here".to_owned());
        assert_eq!(
            layers.resolve().expect_err("both values are wrong"),
            "flag --listen: `listen` wants an address and a port such as 127.0.0.1:9324 or [::1]:0, found `here`\n\
             s.toml:1: `shards` wants a number from 1 to 256, found `0`"
        );
    }

    #[test]
    fn serve_stays_on_loopback_unless_it_verifies_and_is_encrypted_or_told_otherwise() {
        let is_allowed = |mode, flags: &[(&'static str, &str)]| {
            let mut layers = layers(mode);
            layers.flags = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
            layers.flags.insert("listen", "0.0.0.0:9324".to_owned());
            layers.resolve().is_ok()
        };
        let tls = [("tls.certificate_file", "c"), ("tls.key_file", "k")];
        let plain = ("allow_plain_http", "true");
        assert!(is_allowed(Mode::Dev, &[]));
        assert!(is_allowed(Mode::Serve, &tls));
        assert!(is_allowed(Mode::Serve, &[plain]));
        assert!(!is_allowed(Mode::Serve, &[]));
        let unverified = ("auth", "false");
        assert!(!is_allowed(Mode::Serve, &[unverified, plain]));
        assert!(!is_allowed(Mode::Serve, &[unverified, tls[0], tls[1]]));
    }

    #[test]
    fn a_delay_fits_into_a_retention() {
        let with = |flags: &[(&'static str, &str)]| {
            let mut layers = layers(Mode::Serve);
            layers.flags = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
            layers.resolve().map(|_| ())
        };
        assert_eq!(with(&[("delay_secs_max", "1209600")]), Ok(()));
        assert_eq!(
            with(&[("delay_secs_max", "1209601")]),
            Err("flag --delay-secs-max: `delay_secs_max` wants at most `retention_secs_max`, which is 1209600, found \
                 `1209601`; retention removes delayed messages too"
                .to_owned())
        );
        let longer = [("delay_secs_max", "1209601"), ("retention_secs_max", "1209601")];
        assert_eq!(with(&longer), Ok(()));
    }

    #[test]
    fn what_helps_tests_is_refused_in_serve() {
        for (name, text) in
            [("create_queues_on_use", "true"), ("clock", "virtual"), ("tls.self_signed", "d")]
        {
            for (mode, is_allowed) in [(Mode::Serve, false), (Mode::Dev, true)] {
                let mut layers = layers(mode);
                layers.flags.insert(name, text.to_owned());
                let outcome = layers.resolve();
                assert_eq!(outcome.is_ok(), is_allowed, "{mode:?}: {outcome:?}");
                assert!(outcome.err().is_none_or(|error| error.contains("`sluice dev`")));
            }
        }
    }

    #[test]
    fn tls_is_given_as_a_whole() {
        for (given, named) in [
            (&["tls.certificate_file"][..], Some("`tls.certificate_file` wants `tls.key_file`")),
            (&["tls.key_file"], Some("`tls.key_file` wants `tls.certificate_file`")),
            (&["tls.client_ca_file"], Some("`tls.client_ca_file` wants")),
            (&["tls.self_signed", "tls.key_file"], Some("leave out")),
            (&["tls.self_signed", "tls.client_ca_file"], None),
            (&["tls.certificate_file", "tls.key_file", "tls.client_ca_file"], None),
            (&[], None),
        ] {
            let mut layers = layers(Mode::Dev);
            layers.flags = given.iter().map(|name| (*name, "x".to_owned())).collect();
            let error = layers.resolve().err();
            assert_eq!(error.is_some(), named.is_some(), "{given:?}: {error:?}");
            let is_named = error.is_none_or(|error| error.contains(named.unwrap_or_default()));
            assert!(is_named, "{given:?}");
        }
    }

    fn with_file(mode: Mode, text: &str) -> Result<Resolved, String> {
        let file = Some(("s.toml".to_owned(), text.to_owned()));
        Layers { file, ..layers(mode) }.resolve()
    }

    #[test]
    fn further_listeners_have_a_section_each() {
        let resolved = with_file(
            Mode::Serve,
            "[listeners.lan]\naddress = \"10.0.0.5:9325\"\nallow_networks = [\"10.0.0.0/8\", \"192.0.2.7\"]\n\
             vpce = \"vpce-0123456789abcdef0\"\n[listeners.lan.tls]\ncertificate_file = \"c\"\nkey_file = \"k\"\n\
             [listeners.local]\nsocket = \"/run/sluice.sock\"\nmode = \"0600\"\n",
        )
        .expect("everything is well-formed");
        let rows = resolved.rows.iter().filter(|row| row.name.starts_with("listeners."));
        let given: Vec<_> = rows.filter(|row| row.source != Source::Default).collect();
        let given: Vec<_> = given.iter().map(|row| (&*row.name, &*row.value)).collect();
        let expected = [
            ("listeners.lan.address", "10.0.0.5:9325"),
            ("listeners.lan.allow_networks", "10.0.0.0/8, 192.0.2.7/32"),
            ("listeners.lan.tls.certificate_file", "c"),
            ("listeners.lan.tls.key_file", "k"),
            ("listeners.lan.vpce", "vpce-0123456789abcdef0"),
            ("listeners.local.socket", "/run/sluice.sock"),
            ("listeners.local.mode", "0600"),
        ];
        assert_eq!(given, expected);
        assert_eq!(source_of(&resolved, "listeners.lan.vpce"), "s.toml:4");
        let local = resolved.settings.further_listeners.get("local").expect("it is there");
        let path = "/run/sluice.sock".into();
        assert_eq!(local.address(), Some(ListenAddress::Unix { path, mode: 0o600 }));
    }

    #[test]
    fn what_is_wrong_with_a_listener_is_told_with_its_section() {
        let lan = "[listeners.lan]\naddress = \"10.0.0.5:9325\"\n";
        let local = "[listeners.lan]\naddress = \"127.0.0.1:9325\"\n";
        let socket = "[listeners.lan]\nsocket = \"/s\"\n";
        let vpce = "vpce = \"vpce-01234567\"\n";
        for (text, told) in [
            (lan.to_owned(), "s.toml:2: `serve` without TLS listens on loopback addresses only"),
            (lan.to_owned(), "`listeners.lan.allow_plain_http` = true"),
            (format!("allow_plain_http = true\n{lan}"), "`listeners.lan.allow_plain_http` = true"),
            (format!("auth = false\n{lan}allow_plain_http = true\n"), "auth = false listens on"),
            ("[listeners.lan]\n".to_owned(), "`listeners.lan` wants `address`"),
            (format!("{local}socket = \"/s\"\n"), "exclude each other"),
            (
                format!("{local}mode = \"0600\"\n"),
                "s.toml:3: `listeners.lan.mode` wants `listeners.lan.socket`",
            ),
            (
                format!("{local}tls.key_file = \"k\"\n"),
                "wants `listeners.lan.tls.certificate_file` too",
            ),
            (
                format!("{local}vpc = \"vpc-01234567\"\n"),
                "s.toml:3: `listeners.lan.vpc` wants `listeners.lan.vpce`",
            ),
            (
                format!("{local}policy_file = \"p\"\n"),
                "`listeners.lan.policy_file` wants `listeners.lan.vpce`",
            ),
            (format!("auth = false\n{local}{vpce}policy_file = \"p\"\n"), "wants auth = true"),
            (
                format!("{local}vpce = \"lan\"\n"),
                "s.toml:3: `listeners.lan.vpce` wants the id of a VPC endpoint: vpce- and 8 or 17 hexadecimal digits, found `lan`",
            ),
            (
                format!("{socket}allow_networks = [\"10.0.0.0/8\"]\n"),
                "`listeners.lan.allow_networks` wants `listeners.lan.address`",
            ),
            (
                format!("{local}allow_networks = []\n"),
                "s.toml:3: `listeners.lan.allow_networks` wants networks",
            ),
            (format!("{local}allow_networks = \"10.0.0.0/8\"\n"), "found string"),
            (
                format!("{local}adress = 1\n"),
                "s.toml:3: unknown key `listeners.lan.adress`, did you mean `listeners.lan.address`?",
            ),
            ("[listeners.LAN]\n".to_owned(), "s.toml:1: `listeners.LAN` wants a name"),
            ("listeners = 1\n".to_owned(), "unknown key `listeners`"),
        ] {
            let error = with_file(Mode::Serve, &text).expect_err(&text);
            assert!(error.contains(told), "{text}{error}");
        }
        for text in [
            format!("{lan}allow_plain_http = true\n"),
            format!("{lan}tls.key_file = \"k\"\ntls.certificate_file = \"c\"\n"),
            format!("auth = false\n{local}"),
            format!("auth = false\n{socket}{vpce}"),
        ] {
            assert!(with_file(Mode::Serve, &text).is_ok(), "{text}");
        }
    }

    #[test]
    fn dev_has_a_temporary_directory_and_peek() {
        let resolved = layers(Mode::Dev).resolve().expect("defaults are well-formed");
        assert_eq!(resolved.settings.data, None);
        assert_eq!(resolved.settings.peek, sluice_server::services::Switch::On);
    }
}
