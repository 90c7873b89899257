//! The endpoint as given on the command line.

use http::uri::{Authority, Uri};

/// Where to send requests: `http://host:port`. There is no TLS yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    authority: Authority,
}

impl Endpoint {
    /// Parses an endpoint; the error is a whole sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`--endpoint` wants a URL such as http://127.0.0.1:9324, found `{text}`");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(format!("`--endpoint`: https is not supported yet, found `{text}`"));
            }
            _ => return Err(wrong()),
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self { authority: uri.authority().cloned().ok_or_else(wrong)? })
    }

    /// Value of the `Host` header.
    pub(super) fn host(&self) -> &str {
        self.authority.as_str()
    }

    /// The URL that every request of AWS JSON goes to.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_is_an_endpoint() {
        for text in ["http://127.0.0.1:9324", "http://127.0.0.1:9324/", "http://[::1]:1"] {
            assert!(Endpoint::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn other_things_are_refused_with_what_was_found() {
        for text in ["", "127.0.0.1:9324", "https://h", "http://h/queue", "ftp://h", "http://"] {
            let error = Endpoint::parse(text).expect_err(text);
            assert!(error.contains(&format!("found `{text}`")), "{error}");
        }
    }
}
