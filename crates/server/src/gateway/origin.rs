//! Where a request came from.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::USER_AGENT;
use http::request::Parts;

use crate::config::{Forwarded, ListenerConfig};
use crate::http::{Arrival, Transport};
use crate::services::Origin;

/// Longer ones are cut: a waiting request keeps it.
const USER_AGENT_BYTES_MAX: usize = 256;

/// Tells where a request came from. A trusted proxy knows better than the connection.
pub(super) fn of(listener: &ListenerConfig, parts: &Parts, arrival: Arrival) -> Origin {
    let (is_secure, agreed) = match forwarded(listener, &parts.headers, "x-forwarded-proto") {
        // What the client agreed on with the proxy is not told.
        Some(scheme) => (scheme.eq_ignore_ascii_case("https"), None),
        None => (arrival.transport == Transport::Tls, arrival.agreed),
    };
    let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.map(|text| text.get(..USER_AGENT_BYTES_MAX).unwrap_or(text).into());
    Origin {
        address: address(listener, &parts.headers, arrival),
        is_secure,
        agreed,
        user_agent,
        endpoint: listener.endpoint.clone(),
    }
}

/// The client's address, if it has one.
pub(super) fn address(
    listener: &ListenerConfig,
    headers: &HeaderMap,
    arrival: Arrival,
) -> Option<IpAddr> {
    match forwarded(listener, headers, "x-forwarded-for") {
        // What cannot be read is nobody's address, not that of the proxy, which policies may trust.
        Some(told) => parsed(told).map(|address| address.to_canonical()),
        None => arrival.peer.address(),
    }
}

/// An address, with a port behind it if the proxy writes one.
fn parsed(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    text.parse().or_else(|_| with_port()).ok()
}

fn forwarded<'a>(listener: &ListenerConfig, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    match listener.forwarded {
        Forwarded::Trusted => nearest(headers, name),
        Forwarded::Ignored => None,
    }
}

/// The last of a list over all lines: what the trusted proxy has added itself. The others the client may have made up.
fn nearest<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::http::Peer;

    fn origin_of(peer: Peer, forwarded: Forwarded, headers: &[(&str, &str)]) -> Origin {
        let mut request = http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("valid request").into_parts();
        let arrival =
            Arrival { peer, listener: 0, transport: Transport::Plain, agreed: None, refusal: None };
        let listener = ListenerConfig { forwarded, ..Config::small("/nonexistent").listener };
        of(&listener, &parts, arrival)
    }

    fn origin(forwarded: Forwarded, headers: &[(&str, &str)]) -> Origin {
        let peer = Peer::Network("[::ffff:10.0.0.9]:4711".parse().expect("address"));
        origin_of(peer, forwarded, headers)
    }

    fn address(origin: &Origin) -> String {
        origin.address.map(|address| address.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_client_cannot_say_where_it_is_but_a_trusted_proxy_can() {
        let headers = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2, 192.0.2.7"),
            ("x-forwarded-proto", "https"),
            ("user-agent", "test"),
        ];
        let direct = origin(Forwarded::Ignored, &headers);
        assert_eq!((address(&direct).as_str(), direct.is_secure), ("10.0.0.9", false));
        let behind = origin(Forwarded::Trusted, &headers);
        assert_eq!((address(&behind).as_str(), behind.is_secure), ("192.0.2.7", true));
        assert_eq!(behind.user_agent.as_deref(), Some("test"));
        for (told, is) in [
            ("unknown", ""),
            ("192.0.2.7:4711", "192.0.2.7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
        ] {
            let behind = origin(Forwarded::Trusted, &[("x-forwarded-for", told)]);
            assert_eq!(address(&behind), is, "{told}");
        }
        assert_eq!(address(&origin(Forwarded::Trusted, &[])), "10.0.0.9");
    }

    #[test]
    fn a_process_of_this_machine_has_no_address_unless_it_is_a_trusted_proxy() {
        let headers = [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https")];
        let direct = origin_of(Peer::Local, Forwarded::Ignored, &headers);
        assert_eq!((direct.address, direct.is_secure), (None, false));
        let behind = origin_of(Peer::Local, Forwarded::Trusted, &headers);
        assert_eq!((address(&behind).as_str(), behind.is_secure), ("192.0.2.7", true));
    }

    #[test]
    fn a_long_user_agent_is_cut() {
        let long = "x".repeat(10_000);
        let kept = origin(Forwarded::Ignored, &[("user-agent", &long)]).user_agent;
        assert_eq!(kept.map(|text| text.len()), Some(USER_AGENT_BYTES_MAX));
    }
}
