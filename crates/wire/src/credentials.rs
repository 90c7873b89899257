//! Who a request claims to come from: the SigV4 credential scope, parsed but not verified.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::error::{AwsError, framework};
use crate::query::form;

/// The credential scope of a signed request. Nothing in it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential<'a> {
    /// Access key id of the caller.
    pub access_key_id: Cow<'a, str>,
    /// Day of the signature, as `YYYYMMDD`.
    pub date: Cow<'a, str>,
    /// Region, as in `us-east-1`. SigV4a signs for a set of regions; then this is the text of `X-Amz-Region-Set`.
    pub region: Cow<'a, str>,
    /// Signing name of the service, as in `sqs`.
    pub service: Cow<'a, str>,
}

const SIGV4: &str = "AWS4-HMAC-SHA256";
const SIGV4A: &str = "AWS4-ECDSA-P256-SHA256";

impl<'a> Credential<'a> {
    /// Reads the credential scope from the header `Authorization`, else from the query parameter `X-Amz-Credential`.
    ///
    /// `None` when the request carries neither.
    ///
    /// # Errors
    /// `IncompleteSignature` when one of them is there but malformed.
    pub fn from_parts(parts: &'a Parts) -> Result<Option<Self>, AwsError> {
        if let Some(header) = parts.headers.get(AUTHORIZATION) {
            let region_set = || parts.headers.get("x-amz-region-set")?.to_str().ok();
            let text =
                header.to_str().map_err(|_| incomplete("the Authorization header is not text"))?;
            return from_authorization(text, region_set).map(Some);
        }
        let query = parts.uri.query().unwrap_or_default();
        let Some(scope) = query_parameter(query, "X-Amz-Credential") else {
            return Ok(None);
        };
        let region_set = query_parameter(query, "X-Amz-Region-Set");
        let algorithm = query_parameter(query, "X-Amz-Algorithm").unwrap_or_else(|| SIGV4.into());
        let credential = from_scope(&algorithm, &scope, || region_set.as_deref())?;
        Ok(Some(credential.into_owned()))
    }

    pub(crate) fn into_owned<'b>(self) -> Credential<'b> {
        Credential {
            access_key_id: Cow::Owned(self.access_key_id.into_owned()),
            date: Cow::Owned(self.date.into_owned()),
            region: Cow::Owned(self.region.into_owned()),
            service: Cow::Owned(self.service.into_owned()),
        }
    }
}

fn query_parameter(query: &str, name: &str) -> Option<String> {
    form::pairs(query.as_bytes())
        .filter_map(Result::ok)
        .find(|(key, _)| key == name)
        .map(|(_, v)| v)
}

fn from_authorization<'a>(
    header: &'a str,
    region_set: impl FnOnce() -> Option<&'a str>,
) -> Result<Credential<'a>, AwsError> {
    let (algorithm, fields) = split_authorization(header);
    let scope = field(fields, "Credential")
        .ok_or_else(|| incomplete("Authorization header requires 'Credential' parameter."))?;
    from_scope(algorithm, scope, region_set)
}

/// Splits the header `Authorization` into the algorithm and what [`field`] reads.
pub(crate) fn split_authorization(header: &str) -> (&str, &str) {
    header.trim().split_once(' ').unwrap_or((header, ""))
}

/// Finds a field of the header `Authorization`.
pub(crate) fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    let value =
        fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    value.map(str::trim)
}

/// Splits from the right, because only the access key id may contain a slash.
pub(crate) fn from_scope<'a>(
    algorithm: &str,
    scope: &'a str,
    region_set: impl FnOnce() -> Option<&'a str>,
) -> Result<Credential<'a>, AwsError> {
    let elements = match algorithm {
        SIGV4 => scope_elements(scope, |rest| rest.rsplit_once('/')),
        // The region is not part of the scope.
        SIGV4A => scope_elements(scope, |rest| Some((rest, region_set().unwrap_or_default()))),
        _ => return Err(incomplete("the signature algorithm is not supported")),
    };
    if let Some(["aws4_request", service, region, date, access_key_id]) = elements
        && ![service, region, date, access_key_id].contains(&"")
    {
        return Ok(Credential {
            access_key_id: access_key_id.into(),
            date: date.into(),
            region: region.into(),
            service: service.into(),
        });
    }
    Err(incomplete(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
    ))
}

/// The five elements from right to left; `region` takes the third from what is left of the service.
fn scope_elements<'a>(
    scope: &'a str,
    region: impl FnOnce(&'a str) -> Option<(&'a str, &'a str)>,
) -> Option<[&'a str; 5]> {
    let (rest, term) = scope.rsplit_once('/')?;
    let (rest, service) = rest.rsplit_once('/')?;
    let (rest, region) = region(rest)?;
    let (access_key_id, date) = rest.rsplit_once('/')?;
    Some([term, service, region, date, access_key_id])
}

fn incomplete(message: &'static str) -> AwsError {
    AwsError::new(&framework::INCOMPLETE_SIGNATURE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(
        uri: &str,
        headers: &[(&str, &str)],
    ) -> Result<Option<Credential<'static>>, &'static str> {
        let mut builder = http::Request::builder().uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let (parts, ()) = builder.body(()).expect("valid request").into_parts();
        let parsed = Credential::from_parts(&parts).map_err(|error| error.shape().query_code);
        parsed.map(|credential| credential.map(Credential::into_owned))
    }

    fn credential<'a>(access_key_id: &'a str, region: &'a str) -> Credential<'a> {
        Credential {
            access_key_id: access_key_id.into(),
            date: "20260102".into(),
            region: region.into(),
            service: "sqs".into(),
        }
    }

    #[test]
    fn the_header_is_parsed() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20260102/eu-west-1/sqs/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=00";
        let parsed = parse("/", &[("authorization", header)]);
        assert_eq!(parsed, Ok(Some(credential("AKID", "eu-west-1"))));
    }

    #[test]
    fn the_query_string_is_parsed() {
        let uri = "/?X-Amz-Credential=a%2Fb%2F20260102%2Fus-east-1%2Fsqs%2Faws4_request";
        assert_eq!(parse(uri, &[]), Ok(Some(credential("a/b", "us-east-1"))));
    }

    #[test]
    fn sigv4a_takes_the_region_from_its_own_header() {
        let header = "AWS4-ECDSA-P256-SHA256 Credential=AKID/20260102/sqs/aws4_request";
        let headers = [("authorization", header), ("x-amz-region-set", "*")];
        assert_eq!(parse("/", &headers), Ok(Some(credential("AKID", "*"))));
    }

    #[test]
    fn absent_is_not_malformed() {
        assert_eq!(parse("/?Action=ListQueues", &[]), Ok(None));
        for header in [
            "",
            "Bearer x",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=AKID",
            "AWS4-HMAC-SHA256 Credential=/20260102/r/sqs/aws4_request",
            "AWS4-HMAC-SHA256 Credential=AKID/20260102//sqs/aws4_request",
            "AWS4-HMAC-SHA256 Credential=AKID/20260102/r/sqs/aws3_request",
        ] {
            assert_eq!(parse("/", &[("authorization", header)]), Err("IncompleteSignature"));
        }
    }
}
