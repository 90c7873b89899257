//! The endpoint as given on the command line.

use std::net::IpAddr;

use http::uri::{Authority, Uri};

/// Whether there is TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// Where to send requests: `http://host:port`, or `https://host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(super) scheme: Scheme,
    authority: Authority,
}

impl Endpoint {
    /// Parses an endpoint; the error is a whole sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`--endpoint` wants a URL such as http://127.0.0.1:9324, found `{text}`");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(wrong()),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self { scheme, authority: uri.authority().cloned().ok_or_else(wrong)? })
    }

    /// Value of the `Host` header.
    pub(super) fn host(&self) -> &str {
        self.authority.as_str()
    }

    /// Whether nobody else reads what goes there: there is TLS, or it stays on this machine.
    pub(crate) fn is_private(&self) -> bool {
        let host = self.authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        self.scheme == Scheme::Https || is_here
    }

    /// The URL that every request of AWS JSON goes to.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        format!("{scheme}://{}/", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_is_an_endpoint() {
        for text in
            ["http://127.0.0.1:9324", "http://[::1]:1", "https://sqs.us-east-1.amazonaws.com"]
        {
            for text in [text.to_owned(), format!("{text}/")] {
                let endpoint = Endpoint::parse(&text).expect(&text);
                assert_eq!(endpoint.url().trim_end_matches('/'), text.trim_end_matches('/'));
            }
        }
    }

    #[test]
    fn what_leaves_this_machine_without_tls_is_not_private() {
        for (text, is_private) in [
            ("https://kms.eu-central-1.amazonaws.com", true),
            ("http://127.0.0.1:9324", true),
            ("http://[::1]:9324", true),
            ("http://localhost", true),
            ("http://10.0.0.5:9324", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(Endpoint::parse(text).expect(text).is_private(), is_private, "{text}");
        }
    }

    #[test]
    fn other_things_are_refused_with_what_was_found() {
        for text in
            ["", "127.0.0.1:9324", "https://h/queue", "http://h/queue", "ftp://h", "http://"]
        {
            let error = Endpoint::parse(text).expect_err(text);
            assert!(error.contains(&format!("found `{text}`")), "{error}");
        }
    }
}
