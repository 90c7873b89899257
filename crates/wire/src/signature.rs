//! Verifies AWS Signature Version 4, in the header form and in the query string (presigned).
//!
//! What is signed is put together from the request as it arrived: the path as sent, encoded once more without `.`, `..` and empty
//! segments; every parameter of the query string, decoded and encoded again, sorted; the headers that the signature names;
//! the hash of the body before `Content-Encoding` is undone. Source: "Create a signed AWS API request" in the IAM User Guide.

use std::borrow::Cow;

use hmac::Mac;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use sha2::{Digest, Sha256};

use crate::credentials::{Credential, field, from_scope, split_authorization};
use crate::error::{AwsError, framework};
use crate::hex;
use crate::query::form;
use crate::sigv4::{ALGORITHM, SigningKey, encoded, timestamp, unix_secs_of};

/// How far the clocks of client and server may be apart.
const SKEW_MINUTES: u64 = 15;
const SKEW_SECS: u64 = SKEW_MINUTES * 60;
/// A presigned request is valid for a week at most.
const EXPIRES_SECS_MAX: u64 = 604_800;
/// Headers with this prefix change what a request means, so that none may be added to a signed one.
const AMZ: &str = "x-amz-";
/// The parameter that the signature itself cannot cover.
const SIGNATURE: &str = "X-Amz-Signature";

/// The signature of a request, not verified yet.
#[derive(Debug)]
pub struct Signature<'a> {
    /// Who signed, on which day, for which region and service.
    pub credential: Credential<'a>,
    /// Session token of temporary credentials.
    pub session_token: Option<Cow<'a, str>>,
    signed_headers: Cow<'a, str>,
    signature: Cow<'a, str>,
    timestamp: Cow<'a, str>,
    /// Seconds that a presigned request is valid for.
    expires_secs: Option<u64>,
}

impl<'a> Signature<'a> {
    /// Reads the signature from the header `Authorization`, else from the query string.
    ///
    /// `None` when the request carries neither.
    ///
    /// # Errors
    /// `IncompleteSignature` when one of them is there but malformed.
    pub fn from_parts(parts: &'a Parts) -> Result<Option<Self>, AwsError> {
        if let Some(header) = parts.headers.get(AUTHORIZATION) {
            let text =
                header.to_str().map_err(|_| incomplete("the Authorization header is not text"))?;
            return Self::from_header(parts, text).map(Some);
        }
        let query = parts.uri.query().unwrap_or_default();
        if !query.contains("X-Amz-") {
            return Ok(None);
        }
        Self::from_query(query)
    }

    fn from_header(parts: &'a Parts, authorization: &'a str) -> Result<Self, AwsError> {
        let (algorithm, fields) = split_authorization(authorization);
        require_sigv4(algorithm)?;
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let found = [
            ("Credential", field(fields, "Credential")),
            ("Signature", field(fields, "Signature")),
            ("SignedHeaders", field(fields, "SignedHeaders")),
        ];
        let missing = found.iter().filter(|(_, value)| value.is_none());
        let mut wanted: Vec<_> = missing
            .map(|(name, _)| format!("Authorization header requires '{name}' parameter."))
            .collect();
        let date = header("x-amz-date");
        if date.is_none() {
            wanted.push("Authorization header requires existence of a 'X-Amz-Date' header.".into());
        }
        let ([(_, Some(scope)), (_, Some(signature)), (_, Some(signed_headers))], Some(date)) =
            (found, date)
        else {
            return Err(incomplete(wanted.join(" ")));
        };
        Ok(Self {
            credential: from_scope(algorithm, scope, || None)?,
            session_token: header("x-amz-security-token").map(Cow::Borrowed),
            signed_headers: signed_headers.into(),
            signature: signature.into(),
            timestamp: date.into(),
            expires_secs: None,
        })
    }

    fn from_query(query: &str) -> Result<Option<Self>, AwsError> {
        let pairs: Vec<(String, String)> =
            form::pairs(query.as_bytes()).filter_map(Result::ok).collect();
        let parameter = |name: &str| {
            pairs.iter().find(|(key, _)| key == name).map(|(_, value)| Cow::Owned(value.clone()))
        };
        let names =
            ["X-Amz-Algorithm", "X-Amz-Credential", SIGNATURE, "X-Amz-SignedHeaders", "X-Amz-Date"];
        let found = names.map(|name| (name, parameter(name)));
        if found.iter().all(|(_, value): &(&str, Option<Cow<'_, str>>)| value.is_none()) {
            return Ok(None);
        }
        let expires = parameter("X-Amz-Expires");
        let mut missing = found.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name);
        let missing = missing.next().or(expires.is_none().then_some("X-Amz-Expires"));
        if let Some(name) = missing {
            return Err(incomplete(format!(
                "AWS query-string parameters must include '{name}'. Re-examine the query-string parameters."
            )));
        }
        let [algorithm, scope, signature, signed_headers, timestamp] =
            found.map(|(_, value)| value.unwrap_or_default());
        require_sigv4(&algorithm)?;
        let expires_secs = expires.and_then(|text| text.parse().ok());
        let expires_secs = expires_secs.filter(|secs| (1..=EXPIRES_SECS_MAX).contains(secs));
        let expires_secs = expires_secs.ok_or_else(|| {
            incomplete(format!("X-Amz-Expires must be between 1 and {EXPIRES_SECS_MAX} seconds."))
        })?;
        Ok(Some(Self {
            credential: from_scope(&algorithm, &scope, || None)?.into_owned(),
            session_token: parameter("X-Amz-Security-Token"),
            signed_headers,
            signature,
            timestamp,
            expires_secs: Some(expires_secs),
        }))
    }

    /// Checks that the holder of a key signed this request, and that it is neither too old nor from the future.
    ///
    /// `body` is the body as received, `now_secs` the present time in seconds since 1970.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch` (`InvalidSignatureException`) if it did not; `IncompleteSignature` if the signature does not cover
    /// what it has to.
    pub fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        key: &SigningKey,
        now_secs: u64,
    ) -> Result<(), AwsError> {
        self.check_time(now_secs)?;
        self.check_coverage(parts)?;
        let expected =
            hex::bytes(&self.signature).ok_or_else(|| invalid(SIGNATURE_DOES_NOT_MATCH))?;
        let digest = hex::text(&self.canonical_request(parts, body));
        let Credential { date, region, service, .. } = &self.credential;
        let mut mac = key.mac();
        for part in [ALGORITHM, "\n", &self.timestamp, "\n"] {
            mac.update(part.as_bytes());
        }
        for part in [date, "/", region, "/", service, "/aws4_request\n", &digest] {
            mac.update(part.as_bytes());
        }
        // Takes the same time wherever they differ.
        mac.verify_slice(&expected).map_err(|_| invalid(SIGNATURE_DOES_NOT_MATCH))
    }

    fn check_time(&self, now_secs: u64) -> Result<(), AwsError> {
        let signed = &self.timestamp;
        let Some(signed_secs) = unix_secs_of(signed) else {
            return Err(incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{signed}'. See http://en.wikipedia.org/wiki/ISO_8601"
            )));
        };
        let date = &self.credential.date;
        if !signed.starts_with(&**date) {
            return Err(invalid(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{date}' != '{}', from '{signed}'.",
                &signed[..8]
            )));
        }
        let now = timestamp(now_secs);
        if signed_secs > now_secs + SKEW_SECS {
            let latest = timestamp(now_secs + SKEW_SECS);
            return Err(invalid(format!(
                "Signature not yet current: {signed} is still later than {latest} ({now} + {SKEW_MINUTES} min.)"
            )));
        }
        let valid_secs = self.expires_secs.unwrap_or(SKEW_SECS);
        if signed_secs + valid_secs < now_secs {
            let earliest = timestamp(now_secs - valid_secs);
            return Err(invalid(match self.expires_secs {
                None => format!(
                    "Signature expired: {signed} is now earlier than {earliest} ({now} - {SKEW_MINUTES} min.)"
                ),
                Some(secs) => format!(
                    "Signature expired: {signed} is now earlier than {earliest} ({now} - {secs} sec.)"
                ),
            }));
        }
        Ok(())
    }

    /// The host, and whatever a service could read as an instruction, must be signed.
    fn check_coverage(&self, parts: &Parts) -> Result<(), AwsError> {
        let names = || self.signed_headers.split(';');
        // As signers write them: each is hashed once, however long it is.
        if !names().is_sorted_by(|name, next| name < next) {
            return Err(invalid(SIGNATURE_DOES_NOT_MATCH));
        }
        let covers = |wanted: &str| names().any(|name| name == wanted);
        let mut amz = parts.headers.keys().filter(|name| name.as_str().starts_with(AMZ));
        let uncovered = amz.find(|name| !covers(name.as_str())).map(http::HeaderName::as_str);
        match uncovered.or((!covers("host")).then_some("host")) {
            None => Ok(()),
            Some(name) => {
                Err(invalid(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")))
            }
        }
    }

    /// Hashes what was signed.
    fn canonical_request(&self, parts: &Parts, body: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(parts.method.as_str());
        hash.update("\n");
        hash.update(&*encoded(&normal_path(parts.uri.path()), b"/"));
        hash.update("\n");
        hash.update(canonical_query(parts.uri.query().unwrap_or_default()));
        hash.update("\n");
        for name in self.signed_headers.split(';') {
            add_header(&mut hash, parts, name);
        }
        hash.update("\n");
        hash.update(&*self.signed_headers);
        hash.update("\n");
        hash.update(hex::text(&Sha256::digest(body)));
        hash.finalize().into()
    }
}

const SIGNATURE_DOES_NOT_MATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
     and signing method. Consult the service documentation for details.";

/// A header with the values of all its lines, white space squeezed.
fn add_header(hash: &mut Sha256, parts: &Parts, name: &str) {
    hash.update(name);
    let mut separator = ":";
    let mut add = |value: &[u8]| {
        hash.update(separator);
        let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            hash.update(if index > 0 { " " } else { "" });
            hash.update(word);
        }
        separator = ",";
    };
    let mut values = parts.headers.get_all(name).iter().peekable();
    match (values.peek(), parts.uri.authority()) {
        // HTTP/2 has it in its own place.
        (None, Some(authority)) if name == HOST => add(authority.as_str().as_bytes()),
        (None, _) => add(b""),
        (Some(_), _) => values.for_each(|value| add(value.as_bytes())),
    }
    hash.update("\n");
}

/// The path without empty segments, `.` and `..`.
fn normal_path(path: &str) -> Cow<'_, str> {
    let is_odd = |segment: &str| matches!(segment, "" | "." | "..");
    let inner = path.trim_start_matches('/').trim_end_matches('/');
    if path == "/" || (path.len() <= inner.len() + 2 && !inner.split('/').any(is_odd)) {
        return path.into();
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/")).into()
}

/// The parameters of a query string, sorted, without the signature.
fn canonical_query(query: &str) -> String {
    let pairs = form::pairs(query.as_bytes()).filter_map(Result::ok);
    let mut pairs: Vec<_> = pairs
        .filter(|(name, _)| name != SIGNATURE)
        .map(|(name, value)| [name, value].map(|text| encoded(&text, b"").into_owned()))
        .collect();
    pairs.sort();
    pairs.iter().map(|pair| pair.join("=")).collect::<Vec<_>>().join("&")
}

fn require_sigv4(algorithm: &str) -> Result<(), AwsError> {
    if algorithm == ALGORITHM {
        return Ok(());
    }
    Err(incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")))
}

fn incomplete(message: impl Into<Cow<'static, str>>) -> AwsError {
    AwsError::new(&framework::INCOMPLETE_SIGNATURE, message)
}

fn invalid(message: impl Into<Cow<'static, str>>) -> AwsError {
    AwsError::new(&framework::INVALID_SIGNATURE, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigv4::{SigningIdentity, SigningRequest, sign};

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    /// 2015-08-30 12:36:00, the time of the published AWS Signature Version 4 test suite.
    const TIME: u64 = 1_440_938_160;

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut builder = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).expect("valid request").into_parts().0
    }

    fn verified(parts: &Parts, body: &[u8], now_secs: u64) -> Result<(), String> {
        let signature = Signature::from_parts(parts).map_err(|error| error.to_string())?;
        let signature = signature.ok_or("is not signed")?;
        let Credential { date, region, service, .. } = &signature.credential;
        let key = SigningKey::derive(SECRET, date, region, service);
        signature.verify(parts, body, &key, now_secs).map_err(|error| error.to_string())
    }

    /// A request of the published suite with the signature that it has there.
    fn published(uri: &str, headers: &[(&str, &str)], body: &str, signature: &str) {
        let mut all = vec![("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
        all.extend(headers);
        let mut names: Vec<_> = all.iter().map(|(name, _)| name.to_lowercase()).collect();
        names.sort();
        names.dedup();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={}, Signature={signature}",
            names.join(";")
        );
        all.push(("authorization", &authorization));
        let method = if body.is_empty() { "GET" } else { "POST" };
        let parts = parts(method, uri, &all);
        assert_eq!(verified(&parts, body.as_bytes(), TIME), Ok(()), "{uri} {headers:?}");
        assert!(verified(&parts, b"another", TIME).is_err());
    }

    #[test]
    fn the_published_vectors_verify() {
        let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        for path in ["/", "/./", "//", "/example/..", "/foo/bar/../.."] {
            published(path, &[], "", vanilla);
        }
        published(
            "/?Param2=value2&Param1=value1",
            &[],
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        );
        published(
            "/?Param1=value1",
            &[],
            "",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        );
        published(
            "/",
            &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            "",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        );
        published(
            "/",
            &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
            "",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        );
        published(
            "/",
            &[("content-type", "application/x-www-form-urlencoded")],
            "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        );
    }

    #[test]
    fn each_header_is_signed_once_in_order() {
        let headers = |names: &str| {
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={names}, Signature={}",
                "0".repeat(64)
            );
            parts(
                "GET",
                "/",
                &[
                    ("host", "h"),
                    ("x-amz-date", "20150830T123600Z"),
                    ("authorization", &authorization),
                ],
            )
        };
        let coverage = |names: &str| {
            let parts = headers(names);
            let signature = Signature::from_parts(&parts).expect("well-formed").expect("signed");
            signature.check_coverage(&parts).is_ok()
        };
        assert!(coverage("host;x-amz-date"));
        for names in ["x-amz-date;host", "host;host;x-amz-date", "host;x-amz-date;x-amz-date"] {
            assert!(!coverage(names), "{names}");
        }
    }

    const BODY: &[u8] = br#"{"QueueUrl":"q","MessageBody":"hello"}"#;

    fn signed(path: &str) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.0"),
            ("host", "localhost:9324"),
            ("x-amz-target", "AmazonSQS.SendMessage"),
        ];
        let identity = SigningIdentity {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: SECRET,
            session_token: Some("a token"),
            region: "eu-west-1",
            service: "sqs",
        };
        let request = SigningRequest { method: "POST", path, headers: &headers, body: BODY };
        let added = sign(&request, &identity, TIME);
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn request(uri: &str, headers: &[(String, String)]) -> Parts {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        parts("POST", uri, &headers)
    }

    #[test]
    fn what_a_client_signs_verifies_for_some_minutes() {
        let parts = request("/a%2Fb/c", &signed("/a%2Fb/c"));
        for now in [TIME, TIME + 900, TIME - 900] {
            assert_eq!(verified(&parts, BODY, now), Ok(()));
        }
        let late = verified(&parts, BODY, TIME + 901).expect_err("too late");
        assert_eq!(
            late,
            "InvalidSignatureException: Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
             (20150830T125101Z - 15 min.)"
        );
        let early = verified(&parts, BODY, TIME - 901).expect_err("too early");
        assert_eq!(
            early,
            "InvalidSignatureException: Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z \
             (20150830T122059Z + 15 min.)"
        );
    }

    #[test]
    fn every_change_is_noticed() {
        let headers = signed("/");
        assert_eq!(verified(&request("/", &headers), BODY, TIME), Ok(()));
        for uri in ["/x", "/?a=b", "/?Action=PurgeQueue"] {
            assert!(verified(&request(uri, &headers), BODY, TIME).is_err(), "{uri}");
        }
        for at in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[at] ^= 1;
            assert!(verified(&request("/", &headers), &body, TIME).is_err(), "byte {at}");
        }
        for index in 0..headers.len() {
            for at in 0..headers[index].1.len() {
                let mut changed = headers.clone();
                let mut value = changed[index].1.clone().into_bytes();
                // Letters of the words before the values of `Authorization` make it another header, which is no mutation.
                value[at] ^= if value[at].is_ascii_alphabetic() { 0x20 } else { 1 };
                changed[index].1 = String::from_utf8(value).expect("stays ASCII");
                let outcome = verified(&request("/", &changed), BODY, TIME);
                // The access key id is not signed: it chooses the key, which here is always the same.
                let is_key_id = headers[index].0 == "authorization" && (28..=38).contains(&at);
                assert!(
                    outcome.is_err() || is_key_id,
                    "{}: {:?}",
                    changed[index].0,
                    changed[index].1
                );
            }
            let mut fewer = headers.clone();
            fewer.remove(index);
            assert!(verified(&request("/", &fewer), BODY, TIME).is_err(), "{:?}", headers[index]);
        }
        for added in ["x-amz-meta", "x-amz-target", "host", "content-type"] {
            let mut more = headers.clone();
            more.push((added.to_owned(), "other".to_owned()));
            assert!(verified(&request("/", &more), BODY, TIME).is_err(), "{added}");
        }
    }

    #[test]
    fn white_space_around_values_is_not_signed() {
        let mut headers = signed("/");
        headers[1].1 = format!("  {} ", headers[1].1);
        assert_eq!(verified(&request("/", &headers), BODY, TIME), Ok(()));
    }

    #[test]
    fn over_http_2_the_host_is_in_the_uri() {
        let mut headers = signed("/");
        headers.retain(|(name, _)| name != "host");
        assert_eq!(verified(&request("http://localhost:9324/", &headers), BODY, TIME), Ok(()));
        assert!(verified(&request("http://localhost:9325/", &headers), BODY, TIME).is_err());
    }

    #[test]
    fn what_is_missing_is_told() {
        let date = ("x-amz-date", "20150830T123600Z");
        let told = |headers: &[(&str, &str)]| {
            verified(&parts("POST", "/", headers), b"", TIME).expect_err("is refused")
        };
        assert_eq!(
            told(&[("authorization", "AWS4-HMAC-SHA256 Credential=a"), date]),
            "IncompleteSignatureException: Authorization header requires 'Signature' parameter. \
             Authorization header requires 'SignedHeaders' parameter."
        );
        assert_eq!(
            told(&[(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature=c"
            )]),
            "IncompleteSignatureException: Authorization header requires existence of a 'X-Amz-Date' header."
        );
        let sigv4a = "AWS4-ECDSA-P256-SHA256 Credential=AKID/20260102/sqs/aws4_request";
        assert_eq!(
            told(&[("authorization", sigv4a), date]),
            "IncompleteSignatureException: Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."
        );
        assert_eq!(told(&[date]), "is not signed");
    }

    /// Signs as `presign` of an SDK does.
    fn presigned(expires: &str) -> String {
        let query = format!(
            "/?Action=ListQueues&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fsqs%2Faws4_request\
             &X-Amz-Date=20150830T123600Z&X-Amz-Expires={expires}&X-Amz-Security-Token=a%20token&X-Amz-SignedHeaders=host"
        );
        let unsigned = format!("{query}&X-Amz-Signature=");
        let parts = parts("GET", &unsigned, &[("host", "localhost")]);
        let Ok(Some(signature)) = Signature::from_parts(&parts) else { return unsigned };
        let digest = hex::text(&signature.canonical_request(&parts, b""));
        let mut mac = SigningKey::derive(SECRET, "20150830", "us-east-1", "sqs").mac();
        let scope = "20150830/us-east-1/sqs/aws4_request";
        mac.update(format!("{ALGORITHM}\n20150830T123600Z\n{scope}\n{digest}").as_bytes());
        unsigned + &hex::text(&mac.finalize().into_bytes())
    }

    #[test]
    fn a_presigned_request_is_valid_as_long_as_it_says() {
        let uri = presigned("3600");
        let get = |uri: &str, now| verified(&parts("GET", uri, &[("host", "localhost")]), b"", now);
        for now in [TIME, TIME + 3600] {
            assert_eq!(get(&uri, now), Ok(()));
        }
        assert!(get(&uri, TIME + 3601).expect_err("expired").contains("- 3600 sec.)"));
        for (from, to) in [
            ("ListQueues", "ListQueue"),
            ("Expires=3600", "Expires=7200"),
            ("token", "tokeN"),
            ("Action", "X=1&Action"),
            ("SignedHeaders=host", "SignedHeaders=host%3Bx"),
        ] {
            assert!(get(&uri.replace(from, to), TIME).is_err(), "{from}");
        }
        assert!(get(&uri.replace("&X-Amz-Date=20150830T123600Z", ""), TIME).is_err());
        for expires in ["0", "604801", "x", ""] {
            let told = get(&presigned(expires), TIME).expect_err("is refused");
            assert!(told.contains("between 1 and 604800"), "{told}");
        }
        assert_eq!(get("/?Action=ListQueues", TIME), Err("is not signed".to_owned()));
    }
}
