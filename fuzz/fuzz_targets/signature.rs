//! Any head and body as a signed request: it is parsed and does not verify, or is refused; and what is signed verifies, with
//! this body only. `cargo +nightly fuzz run signature`.
#![no_main]

use http::request::Parts;
use libfuzzer_sys::fuzz_target;
use sluice_wire::{Credential, Signature, SigningIdentity, SigningKey, SigningRequest, sign};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30 12:36:00
const NOW_SECS: u64 = 1_440_938_160;
const DATE: &str = "20150830T123600Z";

fuzz_target!(|input: &str| {
    let (head, body) = input.split_once("\n\n").unwrap_or((input, ""));
    let (first, rest) = head.split_once('\n').unwrap_or((head, ""));
    // As it is, and with most of a signature around it, so that canonicalisation is reached.
    never_verifies(parts(first, rest.lines().filter_map(|line| line.split_once(':'))), body);
    let mut fields = rest.split('\n');
    let [names, signature] = [fields.next(), fields.next()].map(Option::unwrap_or_default);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/sqs/aws4_request, \
         SignedHeaders={names}, Signature={signature}"
    );
    let fixed = [("host", "h"), ("x-amz-date", DATE), ("authorization", &*authorization)];
    let more = fields.filter_map(|line| line.split_once(':'));
    never_verifies(parts(first, fixed.into_iter().chain(more)), body);
    signed_verifies(body);
});

fn parts<'a>(uri: &str, headers: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Parts> {
    let mut builder = http::Request::builder().method("POST").uri(uri);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder.body(()).ok().map(|request| request.into_parts().0)
}

fn verify(parts: &Parts, body: &str) -> Option<bool> {
    let signature = Signature::from_parts(parts).ok()??;
    let Credential { date, region, service, .. } = &signature.credential;
    let key = SigningKey::derive(SECRET, date, region, service);
    Some(signature.verify(parts, body.as_bytes(), &key, NOW_SECS).is_ok())
}

fn never_verifies(parts: Option<Parts>, body: &str) {
    let verifies = parts.and_then(|parts| verify(&parts, body));
    assert_ne!(verifies, Some(true), "nobody signed it");
}

fn signed_verifies(body: &str) {
    let identity = SigningIdentity {
        access_key_id: "AKIDEXAMPLE",
        secret_access_key: SECRET,
        session_token: None,
        region: "us-east-1",
        service: "sqs",
    };
    let headers = [("host", "h")];
    let request = SigningRequest { method: "POST", path: "/", headers: &headers, body: body.as_bytes() };
    let added = sign(&request, &identity, NOW_SECS);
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    let parts = parts("/", headers.into_iter().chain(added)).expect("a request");
    assert_eq!(verify(&parts, body), Some(true));
    assert_eq!(verify(&parts, &format!("{body} ")), Some(false));
}
