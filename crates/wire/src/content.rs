//! Content encoding of request bodies.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::error::{AwsError, framework};

/// Undoes `Content-Encoding` of a request body: none, `identity` or `gzip`.
///
/// The result never exceeds `body_bytes_max`, whatever the compressed body claims. Signatures cover the body *before* this.
///
/// # Errors
/// `RequestEntityTooLarge` beyond the bound, `MalformedInput` for a broken stream or another encoding.
pub fn decoded_body(
    headers: &HeaderMap,
    body: Bytes,
    body_bytes_max: usize,
) -> Result<Bytes, AwsError> {
    let encoding = headers.get(CONTENT_ENCODING).map_or(&b"identity"[..], |value| value.as_bytes());
    let decoded = if encoding.eq_ignore_ascii_case(b"gzip") {
        gunzip(&body, body_bytes_max).map(Bytes::from).map_err(|error| {
            let message = "the request body is not valid gzip data";
            AwsError::new(&framework::SERIALIZATION, message).with_cause(error)
        })?
    } else if encoding.eq_ignore_ascii_case(b"identity") {
        body
    } else {
        let message = "the content encoding of the request is not supported";
        return Err(AwsError::new(&framework::SERIALIZATION, message));
    };
    if decoded.len() > body_bytes_max {
        let message = format!("the request body is larger than {body_bytes_max} bytes");
        return Err(AwsError::new(&framework::REQUEST_ENTITY_TOO_LARGE, message));
    }
    Ok(decoded)
}

/// Reads one byte more than the bound at most, so that the caller can tell "exactly full" from "too large".
fn gunzip(compressed: &[u8], bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(compressed).take(bound).read_to_end(&mut decoded)?;
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn gzip(plain: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).expect("writes to memory");
        encoder.finish().expect("writes to memory").into()
    }

    fn decode(encoding: &'static str, body: Bytes, max: usize) -> Result<Bytes, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        decoded_body(&headers, body, max).map_err(|error| error.shape().query_code)
    }

    #[test]
    fn gzip_is_undone_up_to_the_bound() {
        let plain = vec![7; 100_000];
        assert_eq!(decode("gzip", gzip(&plain), 100_000), Ok(plain.clone().into()));
        assert_eq!(decode("GZIP", gzip(&plain), 99_999), Err("RequestEntityTooLarge"));
    }

    #[test]
    fn a_plain_body_is_bounded_too() {
        let body = Bytes::from_static(b"12345");
        let decoded = decoded_body(&HeaderMap::new(), body.clone(), 5).expect("fits");
        assert_eq!(decoded, body);
        assert_eq!(decode("identity", body, 4), Err("RequestEntityTooLarge"));
    }

    #[test]
    fn broken_and_unknown_encodings_are_refused() {
        assert_eq!(decode("gzip", Bytes::from_static(b"not gzip"), 99), Err("MalformedInput"));
        assert_eq!(decode("br", Bytes::from_static(b"x"), 99), Err("MalformedInput"));
    }
}
