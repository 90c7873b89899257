//! Where a request came from.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::USER_AGENT;
use http::request::Parts;

use crate::config::{Config, Forwarded};
use crate::http::{Arrival, Transport};
use crate::services::Origin;

/// Longer ones are cut: a waiting request keeps it.
const USER_AGENT_BYTES_MAX: usize = 256;

/// Tells where a request came from. A trusted proxy knows better than the connection.
pub(super) fn of(config: &Config, parts: &Parts, arrival: Arrival) -> Origin {
    let (is_secure, agreed) = match forwarded(config, &parts.headers, "x-forwarded-proto") {
        // What the client agreed on with the proxy is not told.
        Some(scheme) => (scheme.eq_ignore_ascii_case("https"), None),
        None => (arrival.transport == Transport::Tls, arrival.agreed),
    };
    let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.map(|text| text.get(..USER_AGENT_BYTES_MAX).unwrap_or(text).into());
    Origin { address: address(config, &parts.headers, arrival), is_secure, agreed, user_agent }
}

/// The client's address.
pub(super) fn address(config: &Config, headers: &HeaderMap, arrival: Arrival) -> IpAddr {
    let told = forwarded(config, headers, "x-forwarded-for").and_then(|text| text.parse().ok());
    told.unwrap_or(arrival.peer.ip()).to_canonical()
}

fn forwarded<'a>(config: &Config, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    match config.forwarded {
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

    fn origin(forwarded: Forwarded, headers: &[(&str, &str)]) -> Origin {
        let mut request = http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("valid request").into_parts();
        let peer = "[::ffff:10.0.0.9]:4711".parse().expect("address");
        let arrival = Arrival { peer, transport: Transport::Plain, agreed: None, refusal: None };
        of(&Config { forwarded, ..Config::small("/nonexistent") }, &parts, arrival)
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
        assert_eq!((direct.address.to_string().as_str(), direct.is_secure), ("10.0.0.9", false));
        let behind = origin(Forwarded::Trusted, &headers);
        assert_eq!((behind.address.to_string().as_str(), behind.is_secure), ("192.0.2.7", true));
        assert_eq!(behind.user_agent.as_deref(), Some("test"));
        let odd = origin(Forwarded::Trusted, &[("x-forwarded-for", "unknown")]);
        assert_eq!(odd.address.to_string(), "10.0.0.9");
    }

    #[test]
    fn a_long_user_agent_is_cut() {
        let long = "x".repeat(10_000);
        let kept = origin(Forwarded::Ignored, &[("user-agent", &long)]).user_agent;
        assert_eq!(kept.map(|text| text.len()), Some(USER_AGENT_BYTES_MAX));
    }
}
