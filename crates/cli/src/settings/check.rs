//! What single keys cannot see.

use std::net::SocketAddr;

use sluice_server::config::ListenAddress;
use sluice_server::services::Switch;

use super::layers::{Row, Source};
use super::listener::{FURTHER_MAX, ListenerSettings};
use super::values::{ClockKind, Mode, Settings};

/// Tells every problem, one line each.
pub(super) fn problems(mode: Mode, settings: &Settings, rows: &[Row]) -> Vec<String> {
    let mut checks = Checks { mode, settings, rows, problems: Vec::new() };
    checks.not_in_serve();
    checks.delay_beyond_retention();
    checks.self_signed();
    let own = &settings.listener;
    checks.half_a_tls("", own, settings.tls_files().is_some());
    checks.reach("", "listen", own, settings.listen, settings.tls_files().is_some());
    for (name, listener) in &settings.further_listeners {
        checks.further_listener(name, listener);
    }
    checks.master_key_kms();
    if settings.further_listeners.len() > FURTHER_MAX {
        let found = settings.further_listeners.len();
        let wants = format!("`listeners` wants at most {FURTHER_MAX} sections, found {found}");
        checks.problems.push(wants);
    }
    checks.problems
}

struct Checks<'a> {
    mode: Mode,
    settings: &'a Settings,
    rows: &'a [Row],
    problems: Vec<String>,
}

impl Checks<'_> {
    fn source(&self, name: &str) -> Option<&Source> {
        self.rows.iter().find(|row| row.name == name).map(|row| &row.source)
    }

    fn is_given(&self, name: &str) -> bool {
        self.source(name).is_some_and(|source| *source != Source::Default)
    }

    /// Notes a problem that a key has.
    fn refuse(&mut self, name: &str, text: &str) {
        let problem = self.source(name).map(|source| format!("{source}: {text}"));
        self.problems.extend(problem);
    }

    /// What helps tests would surprise in production.
    fn not_in_serve(&mut self) {
        if self.mode == Mode::Dev {
            return;
        }
        if self.settings.create_queues_on_use == Switch::On {
            let text = "`create_queues_on_use` is for `sluice dev`; declare the queues with `queues` instead";
            self.refuse("create_queues_on_use", text);
        }
        if self.settings.clock == ClockKind::Virtual {
            self.refuse("clock", "`clock` = virtual is for `sluice dev`; use system");
        }
        if self.settings.tls_self_signed.is_some() {
            let text = "`tls.self_signed` is for `sluice dev`; use `tls.certificate_file` and `tls.key_file`";
            self.refuse("tls.self_signed", text);
        }
    }

    /// No queue could keep a message as long as its delay.
    fn delay_beyond_retention(&mut self) {
        let (delay, retention) = (self.settings.delay_secs_max, self.settings.retention_secs_max);
        if delay > retention {
            let text = format!(
                "`delay_secs_max` wants at most `retention_secs_max`, which is {retention}, found `{delay}`; retention removes \
                 delayed messages too"
            );
            self.refuse("delay_secs_max", &text);
        }
    }

    fn self_signed(&mut self) {
        let own = &self.settings.listener;
        let is_given = own.tls_certificate_file.is_some() || own.tls_key_file.is_some();
        if self.settings.tls_self_signed.is_some() && is_given {
            let text = "`tls.self_signed` makes a certificate of its own, so leave out `tls.certificate_file` and `tls.key_file`";
            self.refuse("tls.self_signed", text);
        }
    }

    /// Certificate and key belong together, and whoever wants certificates of clients wants TLS. `at` stands before the keys.
    fn half_a_tls(&mut self, at: &str, listener: &ListenerSettings, has_tls: bool) {
        let (certificate, key) = ("tls.certificate_file", "tls.key_file");
        let (name, wants) = match (&listener.tls_certificate_file, &listener.tls_key_file) {
            (Some(_), None) if !has_tls => (certificate, key),
            (None, Some(_)) if !has_tls => (key, certificate),
            (None, None) if !has_tls && listener.tls_client_ca_file.is_some() => {
                let text = format!(
                    "`{at}tls.client_ca_file` wants `{at}{certificate}` and `{at}{key}` too"
                );
                return self.refuse(&format!("{at}tls.client_ca_file"), &text);
            }
            _ => return,
        };
        let text = format!(
            "`{at}{name}` wants `{at}{wants}` too: the certificate and its private key belong together"
        );
        self.refuse(&format!("{at}{name}"), &text);
    }

    /// `serve` must not be reachable from other machines while anyone may call it or read along.
    fn reach(
        &mut self,
        at: &str,
        name: &str,
        listener: &ListenerSettings,
        address: SocketAddr,
        has_tls: bool,
    ) {
        if self.mode == Mode::Dev || address.ip().is_loopback() {
            return;
        }
        if self.settings.auth == Switch::Off {
            let text = format!(
                "`serve` with auth = false listens on loopback addresses only, found `{address}`; use 127.0.0.1 or [::1], \
                 auth = true, or `sluice dev` for a server that trusts its whole network"
            );
            self.refuse(name, &text);
        } else if !has_tls && listener.plain_http == Switch::Off {
            let text = format!(
                "`serve` without TLS listens on loopback addresses only, found `{address}`; set `{at}tls.certificate_file` and \
                 `{at}tls.key_file`, or `{at}allow_plain_http` = true where something else protects the network"
            );
            self.refuse(name, &text);
        }
    }

    /// A KMS decrypts a file, and what else is said of a KMS belongs to it.
    fn master_key_kms(&mut self) {
        let kms = &self.settings.master_key_kms;
        let endpoint = "master_key_kms.endpoint";
        if kms.endpoint.is_some() && self.settings.master_key_file.is_none() {
            let text = format!("`{endpoint}` wants `master_key_file` too: what it decrypts");
            self.refuse(endpoint, &text);
        }
        for (name, is_given) in [
            ("master_key_kms.region", kms.region.is_some()),
            ("master_key_kms.ca_file", kms.ca_file.is_some()),
        ] {
            if is_given && kms.endpoint.is_none() {
                self.refuse(name, &format!("`{name}` wants `{endpoint}` too"));
            }
        }
    }

    fn further_listener(&mut self, name: &str, listener: &ListenerSettings) {
        let at = format!("listeners.{name}.");
        let key = |name: &str| format!("{at}{name}");
        let has_tls = listener.tls_certificate_file.is_some() && listener.tls_key_file.is_some();
        self.half_a_tls(&at, listener, has_tls);
        if self.is_given(&key("address")) && self.is_given(&key("socket")) {
            let text = format!("`{at}socket` and `{at}address` exclude each other: leave one out");
            self.refuse(&key("socket"), &text);
        }
        match &listener.address {
            Some(ListenAddress::Tcp(address)) => {
                self.reach(&at, &key("address"), listener, *address, has_tls);
                if self.is_given(&key("mode")) {
                    self.refuse(&key("mode"), &format!("`{at}mode` wants `{at}socket`"));
                }
            }
            Some(ListenAddress::Unix { .. }) => {
                if !listener.networks.is_empty() {
                    let text = format!(
                        "`{at}allow_networks` wants `{at}address`; who may connect to a socket is said by `{at}mode`"
                    );
                    self.refuse(&key("allow_networks"), &text);
                }
            }
            None => self.problems.push(format!(
                "`listeners.{name}` wants `address`, such as \"10.0.0.5:9325\", or `socket`, the path of a Unix socket"
            )),
        }
        self.endpoint(&at, listener);
    }

    /// What belongs to a VPC endpoint.
    fn endpoint(&mut self, at: &str, listener: &ListenerSettings) {
        for (name, is_given) in
            [("vpc", listener.vpc.is_some()), ("policy_file", listener.policy_file.is_some())]
        {
            if is_given && listener.vpce.is_none() {
                let text = format!("`{at}{name}` wants `{at}vpce` too: the id of the VPC endpoint");
                self.refuse(&format!("{at}{name}"), &text);
            }
        }
        if listener.policy_file.is_some() && self.settings.auth == Switch::Off {
            let text = format!("`{at}policy_file` wants auth = true: without it no policy decides");
            self.refuse(&format!("{at}policy_file"), &text);
        }
    }
}
