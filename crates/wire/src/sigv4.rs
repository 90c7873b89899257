//! Signs requests with AWS Signature Version 4, in the header form. For clients; servers verify in [`crate::signature`].

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::hex;

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

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

/// Signs requests of one identity. What depends on the day or the second only is derived once.
#[derive(Clone)]
pub struct Signer {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    region: String,
    service: String,
    dated: Option<Dated>,
}

/// What holds for a second, and the key that holds for its day.
#[derive(Clone)]
struct Dated {
    unix_secs: u64,
    timestamp: String,
    scope: String,
    key: SigningKey,
}

/// The key of an identity for one day, region and service.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Derives the key; `date` is `YYYYMMDD`.
    pub fn derive(secret_access_key: &str, date: &str, region: &str, service: &str) -> Self {
        let secret = Zeroizing::new(format!("AWS4{secret_access_key}"));
        let parts = [date, region, service, "aws4_request"];
        Self(parts.iter().fold(keyed(secret.as_bytes()), |mut mac, part| {
            mac.update(part.as_bytes());
            keyed(&mac.finalize().into_bytes())
        }))
    }

    /// Starts a signature.
    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        self.0.clone()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

impl Signer {
    /// Prepares to sign as `identity`.
    pub fn new(identity: &SigningIdentity<'_>) -> Self {
        Self {
            access_key_id: identity.access_key_id.to_owned(),
            secret_access_key: identity.secret_access_key.to_owned(),
            session_token: identity.session_token.map(str::to_owned),
            region: identity.region.to_owned(),
            service: identity.service.to_owned(),
            dated: None,
        }
    }

    /// Returns the headers to add to a request: `x-amz-date`, `x-amz-security-token` for temporary credentials,
    /// `authorization`.
    ///
    /// `unix_secs` is the time of the signature; servers accept it for some minutes.
    pub fn sign(
        &mut self,
        request: &SigningRequest<'_>,
        unix_secs: u64,
    ) -> Vec<(&'static str, String)> {
        let dated = match self.dated.take() {
            Some(dated) if dated.unix_secs == unix_secs => dated,
            earlier => self.dated(unix_secs, earlier),
        };
        let mut added = Vec::with_capacity(3);
        added.push(("x-amz-date", dated.timestamp.clone()));
        added.extend(self.session_token.clone().map(|token| ("x-amz-security-token", token)));

        let mut headers: Vec<(Cow<'_, str>, &str)> =
            request.headers.iter().map(|(name, value)| (lower_case(name), *value)).collect();
        headers.extend(added.iter().map(|(name, value)| (Cow::Borrowed(*name), value.as_str())));
        headers.sort();

        let digest = hex::text(&canonical_request_digest(request, &headers));
        let mut mac = dated.key.mac();
        for part in [ALGORITHM, "\n", &dated.timestamp, "\n", &dated.scope, "\n", &digest] {
            mac.update(part.as_bytes());
        }
        let signature = hex::text(&mac.finalize().into_bytes());
        let (id, scope) = (&self.access_key_id, &dated.scope);
        let mut authorization = format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders=");
        signed_headers(&headers, |text| authorization.push_str(text));
        authorization.push_str(", Signature=");
        authorization.push_str(&signature);
        added.push(("authorization", authorization));
        self.dated = Some(dated);
        added
    }

    /// The parts for another second; the key stays while the day does.
    fn dated(&self, unix_secs: u64, earlier: Option<Dated>) -> Dated {
        let timestamp = timestamp(unix_secs);
        let date = &timestamp[..8];
        let (region, service) = (&self.region, &self.service);
        let scope = format!("{date}/{region}/{service}/aws4_request");
        let key = match earlier {
            Some(earlier) if earlier.timestamp.starts_with(date) => earlier.key,
            _ => SigningKey::derive(&self.secret_access_key, date, region, service),
        };
        Dated { unix_secs, scope, key, timestamp }
    }
}

/// Signs one request; see [`Signer::sign`].
pub fn sign(
    request: &SigningRequest<'_>,
    identity: &SigningIdentity<'_>,
    unix_secs: u64,
) -> Vec<(&'static str, String)> {
    Signer::new(identity).sign(request, unix_secs)
}

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Hashes what is signed, headers sorted by name.
fn canonical_request_digest(
    request: &SigningRequest<'_>,
    headers: &[(Cow<'_, str>, &str)],
) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |text: &str| hash.update(text.as_bytes());
    // All services except S3 want the path as sent, encoded again.
    for part in [request.method, "\n", &encoded(request.path, b"/"), "\n\n"] {
        add(part);
    }
    for (name, value) in headers {
        add(name);
        let mut separator = ":";
        for word in value.split_ascii_whitespace() {
            add(separator);
            add(word);
            separator = " ";
        }
        add(if separator == ":" { ":\n" } else { "\n" });
    }
    add("\n");
    signed_headers(headers, &mut add);
    add("\n");
    add(&hex::text(&Sha256::digest(request.body)));
    hash.finalize().into()
}

/// Passes on the names, with semicolons between.
fn signed_headers(headers: &[(Cow<'_, str>, &str)], mut add: impl FnMut(&str)) {
    for (index, (name, _)) in headers.iter().enumerate() {
        if index > 0 {
            add(";");
        }
        add(name);
    }
}

/// Percent-encodes all but unreserved characters and those in `kept`.
pub(crate) fn encoded<'a>(text: &'a str, kept: &[u8]) -> Cow<'a, str> {
    let is_plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || kept.contains(byte);
    if text.bytes().all(|byte| is_plain(&byte)) {
        return text.into();
    }
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if is_plain(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded.into()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Formats a time as `YYYYMMDD'T'HHMMSS'Z'`.
pub(crate) fn timestamp(unix_secs: u64) -> String {
    let [year, month, day, hour, minute, second] = civil_time(unix_secs);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Formats a time as ISO 8601 in UTC with whole seconds: `YYYY-MM-DD'T'HH:MM:SS'Z'`.
pub fn iso_8601(unix_secs: u64) -> String {
    let [year, month, day, hour, minute, second] = civil_time(unix_secs);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads what [`iso_8601`] writes.
pub fn unix_secs_of_iso_8601(time: &str) -> Option<u64> {
    let secs = unix_secs_of(&time.replace(['-', ':'], ""))?;
    (iso_8601(secs) == time).then_some(secs)
}

/// Year, month, day, hour, minute and second in UTC.
fn civil_time(unix_secs: u64) -> [u64; 6] {
    let (year, month, day) = civil_date(unix_secs / 86_400);
    [year, month, day, unix_secs / 3_600 % 24, unix_secs / 60 % 60, unix_secs % 60]
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

/// Reads what [`timestamp`] writes.
pub(crate) fn unix_secs_of(timestamp: &str) -> Option<u64> {
    let digits = timestamp.strip_suffix('Z')?;
    let (date, time) =
        digits.split_once('T').filter(|(date, time)| date.len() == 8 && time.len() == 6)?;
    if !date.bytes().chain(time.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (date, time): (u64, u64) = (date.parse().ok()?, time.parse().ok()?);
    let days = unix_days(date / 10_000, date / 100 % 100, date % 100);
    let secs = days? * 86_400 + time / 10_000 * 3_600 + time / 100 % 100 * 60 + time % 100;
    // Dates and times that do not exist come back as others.
    Some(secs).filter(|secs| self::timestamp(*secs) == timestamp)
}

/// The inverse of [`civil_date`], for years from 1970 on.
fn unix_days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month_from_march = (month + 9) % 12;
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = ((153 * month_from_march + 2) / 5 + day).checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
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

    #[test]
    fn times_read_back_as_written() {
        for unix_secs in (0..5_000_000_000).step_by(12_345_678) {
            assert_eq!(unix_secs_of(&timestamp(unix_secs)), Some(unix_secs));
            assert_eq!(unix_secs_of_iso_8601(&iso_8601(unix_secs)), Some(unix_secs));
        }
        for wrong in [
            "",
            "20260230T000000Z",
            "20261301T000000Z",
            "20260102T240000Z",
            "20260102T006000Z",
            "20260102T000000",
            "2026-01-02T00:00:00Z",
            "19691231T235959Z",
            "+0260102T000000Z",
            "20260102T00000éZ",
        ] {
            assert_eq!(unix_secs_of(wrong), None, "{wrong}");
        }
        for wrong in [
            "",
            "2026-02-30T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T00:00:00",
            "2026-01-02T00:00:00+01:00",
            "2026-1-2T00:00:00Z",
            "20260102T000000Z",
        ] {
            assert_eq!(unix_secs_of_iso_8601(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_signer_that_signed_before_signs_the_same() {
        let mut signer = Signer::new(&IDENTITY);
        let request =
            SigningRequest { method: "POST", path: "/", headers: &[("host", "h")], body: b"{}" };
        for unix_secs in [TIME, TIME, TIME + 1, TIME + 86_400, TIME] {
            assert_eq!(signer.sign(&request, unix_secs), sign(&request, &IDENTITY, unix_secs));
        }
    }
}
