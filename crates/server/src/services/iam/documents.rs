//! Policy documents in requests and answers.

use std::fmt::Write;

use sluice_policy::{Kind, Policy};
use sluice_wire::AwsError;

use super::errors;
use super::limits::DOCUMENT_CHARS_MAX;
use crate::services::constraints::{Constraints, policy_problem};

/// Takes a policy document. What is no policy of this kind is refused here.
pub(super) fn parse(
    parameter: &str,
    document: Option<String>,
    kind: Kind,
) -> Result<String, AwsError> {
    Constraints::new().required(parameter, document.as_deref(), 1, DOCUMENT_CHARS_MAX).check()?;
    let document = document.unwrap_or_default();
    match Policy::parse(&document, kind) {
        Ok(_) => Ok(document),
        Err(error) => Err(errors::malformed_policy_document(policy_problem(&error))),
    }
}

/// What counts of a document's size: all but whitespace.
pub(super) fn chars(document: &str) -> usize {
    document.chars().filter(|char| !char.is_whitespace()).count()
}

/// A document as answers have it: percent-encoded by RFC 3986.
pub(super) fn encoded(document: &str) -> String {
    let mut encoded = String::with_capacity(document.len() * 2);
    for byte in document.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a text takes everything");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_a_policy_of_its_kind() {
        let given = |text: &str, kind| parse("policyDocument", Some(text.to_owned()), kind);
        let allows = r#"{"Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;
        assert!(given(allows, Kind::Identity).is_ok());
        let trusts =
            r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"}}"#;
        assert!(given(trusts, Kind::Trust).is_ok());
        for (bad, kind, message) in [
            ("{", Kind::Identity, "This policy contains invalid Json"),
            ("{} x", Kind::Identity, "This policy contains invalid Json"),
            (allows, Kind::Trust, "Statement"),
            (trusts, Kind::Identity, "Principal"),
            (r#"{"Statement":[],"Else":1}"#, Kind::Identity, "Else"),
        ] {
            let error = given(bad, kind).expect_err("refused");
            assert_eq!(error.shape().query_code, "MalformedPolicyDocument");
            assert!(error.message().contains(message), "{bad}: {}", error.message());
        }
        assert!(parse("policyDocument", None, Kind::Identity).is_err());
    }

    #[test]
    fn whitespace_does_not_count_and_answers_are_percent_encoded() {
        assert_eq!(chars("{ \"a\":\n\t1 }"), 7);
        assert_eq!(encoded("{\"a-Z_.~\": \"é\"}"), "%7B%22a-Z_.~%22%3A%20%22%C3%A9%22%7D");
    }
}
