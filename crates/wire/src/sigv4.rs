//! Signs requests with AWS Signature Version 4, in the header form. For clients; servers verify elsewhere.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The parts of a request that a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct SigningRequest<'a> {
    /// HTTP method, upper case.
    pub method: &'a str,
    /// URI path as sent, without a query string; it must contain no `.`, `..` or empty segments.
    pub path: &'a str,
    /// Headers to sign; `host` must be among them. The ones that [`sign`] returns are signed too.
    pub headers: &'a [(&'a str, &'a str)],
    /// Body as sent.
    pub body: &'a [u8],
}

/// Who signs, and for which service.
#[derive(Clone, Copy)]
pub struct SigningIdentity<'a> {
    /// Access key id.
    pub access_key_id: &'a str,
    /// Secret access key.
    pub secret_access_key: &'a str,
    /// Session token of temporary credentials.
    pub session_token: Option<&'a str>,
    /// Region, as in `us-east-1`.
    pub region: &'a str,
    /// Signing name of the service, as in `sqs`.
    pub service: &'a str,
}

/// Returns the headers to add to a request: `x-amz-date`, `x-amz-security-token` for temporary credentials, `authorization`.
///
/// `unix_secs` is the time of the signature; servers accept it for some minutes.
pub fn sign(
    request: &SigningRequest<'_>,
    identity: &SigningIdentity<'_>,
    unix_secs: u64,
) -> Vec<(&'static str, String)> {
    let timestamp = timestamp(unix_secs);
    let date = &timestamp[..8];
    let scope = format!("{date}/{}/{}/aws4_request", identity.region, identity.service);
    let mut added = vec![("x-amz-date", timestamp.clone())];
    added.extend(identity.session_token.map(|token| ("x-amz-security-token", token.to_owned())));

    let mut headers: Vec<(String, &str)> =
        request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), *value)).collect();
    headers.extend(added.iter().map(|(name, value)| ((*name).to_owned(), value.as_str())));
    headers.sort();

    let canonical_request = canonical_request(request, &headers);
    let digest = hex(&Sha256::digest(canonical_request.as_bytes()));
    let string_to_sign = format!("{ALGORITHM}\n{timestamp}\n{scope}\n{digest}");
    let signature = hex(&hmac(&signing_key(identity, date), &string_to_sign));
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
        identity.access_key_id,
        signed_headers(&headers),
    );
    added.push(("authorization", authorization));
    added
}

/// Joins what is signed, headers sorted by name.
fn canonical_request(request: &SigningRequest<'_>, headers: &[(String, &str)]) -> String {
    let mut canonical = format!("{}\n{}\n\n", request.method, encoded_path(request.path));
    for (name, value) in headers {
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        canonical.push_str(&format!("{name}:{}\n", words.join(" ")));
    }
    let payload_hash = hex(&Sha256::digest(request.body));
    canonical.push_str(&format!("\n{}\n{payload_hash}", signed_headers(headers)));
    canonical
}

fn signed_headers(headers: &[(String, &str)]) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.join(";")
}

/// Encodes the path once more; all services except S3 want the path as sent, encoded again.
fn encoded_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn signing_key(identity: &SigningIdentity<'_>, date: &str) -> Vec<u8> {
    let secret = format!("AWS4{}", identity.secret_access_key);
    let parts = [date, identity.region, identity.service, "aws4_request"];
    parts.iter().fold(secret.into_bytes(), |key, part| hmac(&key, part))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
    }
    text
}

/// Formats a time as `YYYYMMDD'T'HHMMSS'Z'`.
fn timestamp(unix_secs: u64) -> String {
    let (year, month, day) = civil_date(unix_secs / 86_400);
    let (hour, minute, second) = (unix_secs / 3_600 % 24, unix_secs / 60 % 60, unix_secs % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Converts days since 1970-01-01 to a date of the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year, in eras of 400 years (146,097 days).
fn civil_date(unix_days: u64) -> (u64, u64, u64) {
    let days = unix_days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key, time and scope of the published AWS Signature Version 4 test suite.
    const IDENTITY: SigningIdentity<'_> = SigningIdentity {
        access_key_id: "AKIDEXAMPLE",
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        session_token: None,
        region: "us-east-1",
        service: "service",
    };
    const TIME: u64 = 1_440_938_160;

    fn signature(method: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let request = SigningRequest { method, path: "/", headers, body };
        let added = sign(&request, &IDENTITY, TIME);
        let (_, authorization) = added.last().expect("has an authorization header");
        authorization.rsplit_once('=').expect("has a signature").1.to_owned()
    }

    #[test]
    fn the_published_vectors_match() {
        let host = ("Host", "example.amazonaws.com");
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let get_vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        let post_vanilla = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
        let post_form = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
        assert_eq!(signature("GET", &[host], b""), get_vanilla);
        assert_eq!(signature("POST", &[host], b""), post_vanilla);
        assert_eq!(signature("POST", &[form, host], b"Param1=value1"), post_form);
    }

    #[test]
    fn the_headers_name_scope_and_time() {
        let identity = SigningIdentity { session_token: Some("token"), ..IDENTITY };
        let request =
            SigningRequest { method: "GET", path: "/", headers: &[("host", "h")], body: b"" };
        let added = sign(&request, &identity, TIME);
        assert_eq!(added[0], ("x-amz-date", "20150830T123600Z".to_owned()));
        assert_eq!(added[1], ("x-amz-security-token", "token".to_owned()));
        let prefix = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                      SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=";
        assert!(added[2].1.starts_with(prefix), "{}", added[2].1);
    }

    #[test]
    fn dates_cross_leap_days_and_years() {
        assert_eq!(timestamp(0), "19700101T000000Z");
        assert_eq!(timestamp(951_782_399), "20000228T235959Z");
        assert_eq!(timestamp(951_782_400), "20000229T000000Z");
        assert_eq!(timestamp(1_767_225_599), "20251231T235959Z");
        assert_eq!(timestamp(4_107_542_400), "21000301T000000Z");
    }
}
