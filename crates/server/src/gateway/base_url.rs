//! Scheme, host and port of the queue URLs that a caller is given.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;

use crate::config::{Config, Forwarded, ListenAddress, ListenerConfig};
use crate::http::Transport;

/// Longest host with port, bytes: a DNS name of 253 and `:65535`.
const AUTHORITY_BYTES_MAX: usize = 259;

/// Returns the base of queue URLs for one request, without trailing slash.
///
/// In this order: the configured public URL; what a trusted proxy forwarded; the host that the client asked for; the
/// address that the server listens on. Text from a client is used only if it is a plain host with an optional port, so it
/// cannot break out of the JSON, XML or URL that it is put into.
pub(super) fn base_url(
    config: &Config,
    listener: &ListenerConfig,
    parts: &Parts,
    transport: Transport,
) -> Arc<str> {
    if let Some(public_url) = &config.public_url {
        return public_url.trim_end_matches('/').into();
    }
    let forwarded = match listener.forwarded {
        Forwarded::Trusted => forwarded(&parts.headers),
        Forwarded::Ignored => (None, None),
    };
    let scheme = forwarded.0.unwrap_or(match transport {
        Transport::Plain => "http",
        Transport::Tls => "https",
    });
    match forwarded.1.or_else(|| requested_host(parts)) {
        Some(authority) => format!("{scheme}://{authority}").into(),
        None => match &listener.address {
            ListenAddress::Tcp(address) => format!("{scheme}://{}", reachable(*address)).into(),
            // Who reaches it says itself by which name.
            ListenAddress::Unix { .. } => format!("{scheme}://localhost").into(),
        },
    }
}

/// `X-Forwarded-Proto` and `X-Forwarded-Host`; of several proxies the one nearest to the client.
fn forwarded(headers: &HeaderMap) -> (Option<&'static str>, Option<&str>) {
    let first = |name: &str| {
        let list = headers.get(name)?.to_str().ok()?;
        list.split(',').next().map(str::trim)
    };
    let scheme = first("x-forwarded-proto").and_then(|scheme| {
        ["http", "https"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))
    });
    (scheme, first("x-forwarded-host").filter(|host| is_authority(host)))
}

/// `:authority` of HTTP/2 or an absolute URI, else `Host`.
fn requested_host(parts: &Parts) -> Option<&str> {
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let host = || parts.headers.get(HOST)?.to_str().ok();
    authority.or_else(host).filter(|text| is_authority(text))
}

/// Whether `text` is a DNS name or IP address with an optional port, and nothing else.
fn is_authority(text: &str) -> bool {
    if text.len() > AUTHORITY_BYTES_MAX {
        return false;
    }
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => {
            ("bracketed", port.strip_prefix(':').or(port.is_empty().then_some("0")))
        }
        Some(_) => return false,
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("0")),
        },
    };
    let is_host = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let is_port = port.is_some_and(|port| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
    });
    is_host && is_port
}

/// "Every address" is nothing that a client can connect to.
fn reachable(local_addr: SocketAddr) -> SocketAddr {
    let ip = match local_addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, local_addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration whose first listener is on all addresses.
    fn config() -> Config {
        let address: SocketAddr = "0.0.0.0:9324".parse().expect("address");
        Config { listener: ListenerConfig::new(address), ..Config::small("/nonexistent") }
    }

    fn trusting() -> Config {
        let mut config = config();
        config.listener.forwarded = Forwarded::Trusted;
        config
    }

    fn base(config: &Config, uri: &str, headers: &[(&str, &[u8])]) -> String {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("valid request").into_parts();
        base_over(Transport::Plain, config, &parts)
    }

    fn base_over(transport: Transport, config: &Config, parts: &Parts) -> String {
        base_url(config, &config.listener, parts, transport).to_string()
    }

    #[test]
    fn over_tls_it_begins_with_https_unless_a_proxy_knows_better() {
        let request = http::Request::builder().header("host", "inside:1");
        let request = request.header("x-forwarded-proto", "http").body(()).expect("valid request");
        let (parts, ()) = request.into_parts();
        assert_eq!(base_over(Transport::Tls, &config(), &parts), "https://inside:1");
        assert_eq!(base_over(Transport::Tls, &trusting(), &parts), "http://inside:1");
    }

    #[test]
    fn the_public_url_wins() {
        let config = Config { public_url: Some("https://queues.example/".into()), ..config() };
        assert_eq!(base(&config, "/", &[("host", b"other")]), "https://queues.example");
    }

    #[test]
    fn the_host_of_the_request_is_used_when_it_is_one() {
        let config = config();
        for host in
            ["localhost:9324", "sqs.us-east-1.example", "127.0.0.1", "[::1]:9324", "[::1]", "a_b"]
        {
            let url = base(&config, "/", &[("host", host.as_bytes())]);
            assert_eq!(url, format!("http://{host}"));
        }
        assert_eq!(base(&config, "http://by-uri:1/", &[("host", b"by-header")]), "http://by-uri:1");
    }

    #[test]
    fn a_hostile_or_absent_host_is_replaced_by_the_listen_address() {
        let config = config();
        let long = [b'a'; AUTHORITY_BYTES_MAX + 1];
        let hosts: [&[u8]; 15] = [
            b"",
            b":80",
            b"a<b>",
            b"a\"b",
            b"a b",
            b"a/b",
            b"user@host",
            b"a:b",
            b"a:99999",
            b"a:+1",
            b"[::1",
            b"[::1]x",
            b"[zz]",
            b"a\xff",
            &long,
        ];
        for host in hosts {
            let url = base(&config, "/", &[("host", host)]);
            assert_eq!(url, "http://127.0.0.1:9324", "{host:?}");
        }
        assert_eq!(base(&config, "/", &[]), "http://127.0.0.1:9324");
    }

    #[test]
    fn on_a_socket_in_the_file_system_it_is_localhost_unless_the_client_says_more() {
        let address = ListenAddress::Unix { path: "/run/sluice.sock".into(), mode: 0o600 };
        let config = Config { listener: ListenerConfig::new(address), ..config() };
        assert_eq!(base(&config, "/", &[]), "http://localhost");
        assert_eq!(base(&config, "/", &[("host", b"inside:1")]), "http://inside:1");
    }

    #[test]
    fn proxy_headers_are_believed_only_when_trusted() {
        let headers: [(&str, &[u8]); 3] = [
            ("host", b"inside:1"),
            ("x-forwarded-host", b"outside.example, second"),
            ("x-forwarded-proto", b"HTTPS"),
        ];
        assert_eq!(base(&config(), "/", &headers), "http://inside:1");
        assert_eq!(base(&trusting(), "/", &headers), "https://outside.example");
        let hostile: [(&str, &[u8]); 3] =
            [("host", b"inside:1"), ("x-forwarded-host", b"<x>"), ("x-forwarded-proto", b"ftp")];
        assert_eq!(base(&trusting(), "/", &hostile), "http://inside:1");
    }
}
