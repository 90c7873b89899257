//! Requests that a page in a browser makes: where nobody has to sign, any page could otherwise have its visitor's browser
//! send messages and delete queues. Reading the answers is not allowed to pages of other origins, but asking is.
//!
//! A browser names the origin of what a page posts, and says of every request to this machine or over TLS where it came from;
//! other programs do neither. Requests that the user typed or follows from a bookmark are `none`.

use http::HeaderMap;
use http::header::ORIGIN;

/// Whether a page asks.
pub(super) fn asks(headers: &HeaderMap) -> bool {
    let is_of_page = headers.get("sec-fetch-site").is_some_and(|site| site != "none");
    is_of_page || headers.contains_key(ORIGIN)
}

/// What it is told.
pub(super) const REFUSAL: &str = "requests of web pages, which carry an Origin or a Sec-Fetch-Site header, are refused where signatures are not verified";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_from_programs() {
        for (headers, is_page) in [
            (&[("user-agent", "Boto3"), ("sec-fetch-mode", "cors")][..], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("origin", "null")], true),
        ] {
            let headers = headers.iter().map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, http::HeaderValue::from_static(value))
            });
            assert_eq!(asks(&headers.collect()), is_page);
        }
    }
}
