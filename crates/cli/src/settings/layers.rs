//! Lays flags over environment over file over defaults, and remembers where each value came from.

use std::collections::BTreeMap;
use std::fmt;

use sluice_server::services::Switch;

use super::key::{KEYS, Key};
use super::values::{ClockKind, Mode, Settings};
use super::{environment, file};

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

/// The outcome: typed settings, and the source of each row of the table.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) settings: Settings,
    pub(crate) sources: Vec<(&'static Key, Source)>,
}

impl Layers {
    /// Decides every setting, or tells every problem, one line each.
    pub(crate) fn resolve(self) -> Result<Resolved, String> {
        let (variables, mut problems) = environment::read(&self.variables);
        let (file_name, entries) = match &self.file {
            Some((name, source)) => {
                let (entries, file_problems) = file::read(name, source);
                problems.extend(file_problems);
                (name.as_str(), entries)
            }
            None => ("", BTreeMap::new()),
        };
        let mut settings = Settings::defaults(self.mode);
        let mut sources = Vec::with_capacity(KEYS.len());
        for key in KEYS {
            let given = if let Some(text) = self.flags.get(key.name) {
                Some((text, Source::Flag(key.flag())))
            } else if let Some(text) = variables.get(key.name) {
                Some((text, Source::Environment(key.variable())))
            } else {
                entries.get(key.name).map(|entry| {
                    (&entry.text, Source::File { name: file_name.to_owned(), line: entry.line })
                })
            };
            let source = match given {
                Some((text, source)) => {
                    if (key.set)(&mut settings, text).is_none() {
                        problems.push(format!(
                            "{source}: `{}` wants {}, found `{text}`",
                            key.name, key.wants
                        ));
                    }
                    source
                }
                None => Source::Default,
            };
            sources.push((key, source));
        }
        problems.extend(not_in_serve(self.mode, &settings, &sources));
        problems.extend(delay_beyond_retention(&settings, &sources));
        problems.extend(half_a_tls(&settings, &sources));
        if problems.is_empty() {
            Ok(Resolved { settings, sources })
        } else {
            Err(problems.join("\n"))
        }
    }
}

// What single keys cannot see.

/// `serve` must not be reachable from other machines while anyone may call it or read along, and what helps
/// tests would surprise in production.
fn not_in_serve(
    mode: Mode,
    settings: &Settings,
    sources: &[(&'static Key, Source)],
) -> Vec<String> {
    if mode == Mode::Dev {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let mut refuse = |name: &str, text: String| {
        problems.extend(source_of(name, sources).map(|source| format!("{source}: {text}")));
    };
    let listen = settings.listen;
    let is_encrypted = settings.tls_files().is_some();
    if !listen.ip().is_loopback() && settings.auth == Switch::Off {
        let text = format!(
            "`serve` with auth = false listens on loopback addresses only, found `{listen}`; use 127.0.0.1 or [::1], \
             auth = true, or `sluice dev` for a server that trusts its whole network"
        );
        refuse("listen", text);
    } else if !listen.ip().is_loopback() && !is_encrypted && settings.plain_http == Switch::Off {
        let text = format!(
            "`serve` without TLS listens on loopback addresses only, found `{listen}`; set `tls.certificate_file` and \
             `tls.key_file`, or `allow_plain_http` = true where something else protects the network"
        );
        refuse("listen", text);
    }
    if settings.create_queues_on_use == Switch::On {
        let text =
            "`create_queues_on_use` is for `sluice dev`; declare the queues with `queues` instead";
        refuse("create_queues_on_use", text.to_owned());
    }
    if settings.clock == ClockKind::Virtual {
        refuse("clock", "`clock` = virtual is for `sluice dev`; use system".to_owned());
    }
    if settings.tls_self_signed.is_some() {
        let text =
            "`tls.self_signed` is for `sluice dev`; use `tls.certificate_file` and `tls.key_file`";
        refuse("tls.self_signed", text.to_owned());
    }
    problems
}

/// Certificate and key belong together, and whoever wants certificates of clients wants TLS.
fn half_a_tls(settings: &Settings, sources: &[(&'static Key, Source)]) -> Option<String> {
    let has_certificate = settings.tls_certificate_file.is_some();
    let has_key = settings.tls_key_file.is_some();
    let (name, text) = if settings.tls_self_signed.is_some() && (has_certificate || has_key) {
        (
            "tls.self_signed",
            "makes a certificate of its own, so leave out `tls.certificate_file` and `tls.key_file`",
        )
    } else if has_certificate && !has_key {
        ("tls.certificate_file", "wants `tls.key_file` too: the private key of the certificate")
    } else if has_key && !has_certificate {
        ("tls.key_file", "wants `tls.certificate_file` too: the certificate of the key")
    } else if settings.tls_client_ca_file.is_some() && settings.tls_files().is_none() {
        ("tls.client_ca_file", "wants `tls.certificate_file` and `tls.key_file` too")
    } else {
        return None;
    };
    Some(format!("{}: `{name}` {text}", source_of(name, sources)?))
}

/// No queue could keep a message as long as its delay.
fn delay_beyond_retention(
    settings: &Settings,
    sources: &[(&'static Key, Source)],
) -> Option<String> {
    if settings.delay_secs_max <= settings.retention_secs_max {
        return None;
    }
    let source = source_of("delay_secs_max", sources)?;
    Some(format!(
        "{source}: `delay_secs_max` wants at most `retention_secs_max`, which is {}, found `{}`; retention removes delayed \
         messages too",
        settings.retention_secs_max, settings.delay_secs_max
    ))
}

fn source_of<'a>(name: &str, sources: &'a [(&'static Key, Source)]) -> Option<&'a Source> {
    sources.iter().find(|(key, _)| key.name == name).map(|(_, source)| source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(mode: Mode) -> Layers {
        Layers { mode, flags: BTreeMap::new(), variables: BTreeMap::new(), file: None }
    }

    fn source_of(resolved: &Resolved, name: &str) -> String {
        super::source_of(name, &resolved.sources).expect("the table has this key").to_string()
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

    #[test]
    fn dev_has_a_temporary_directory_and_peek() {
        let resolved = layers(Mode::Dev).resolve().expect("defaults are well-formed");
        assert_eq!(resolved.settings.data, None);
        assert_eq!(resolved.settings.peek, sluice_server::services::Switch::On);
    }
}
