//! The endpoint as given on the command line.

use http::uri::{Authority, Uri};

/// Whether there is TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// Where to send requests: `http://host:port`, or `https://host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) scheme: Scheme,
    authority: Authority,
}

impl Endpoint {
    /// Parses an endpoint; the error is a whole sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
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

    /// The URL that every request of AWS JSON goes to.
    pub(super) fn url(&self) -> String {
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
    fn other_things_are_refused_with_what_was_found() {
        for text in
            ["", "127.0.0.1:9324", "https://h/queue", "http://h/queue", "ftp://h", "http://"]
        {
            let error = Endpoint::parse(text).expect_err(text);
            assert!(error.contains(&format!("found `{text}`")), "{error}");
        }
    }
}
