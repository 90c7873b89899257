//! Which service, protocol and operation a request means.
//!
//! Order: credential scope, `X-Amz-Target`, then `Action` and `Version`. What is left goes to the first service, in Query.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderMap, Method, Response};

use crate::call::{Call, Payload, Protocol, render_error, unknown_operation};
use crate::credentials::Credential;
use crate::error::{AwsError, ErrorShape, framework};
use crate::query::{self, Parameters};
use crate::response::response;
use crate::service::ServiceModel;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const OPERATION_BYTES_MAX: usize = 128;

/// A request that cannot become a [`Call`]; it answers like any error, in the protocol of the request.
#[derive(Debug)]
pub struct Rejection {
    service: &'static ServiceModel,
    protocol: Protocol,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// An ordinary error.
    Error(AwsError),
    /// Neither target nor action: AWS answers 404 with its own XML, whatever the client accepts.
    NoAction,
}

impl Rejection {
    /// Refuses a request whose body was not read, for instance because it is too large.
    pub fn unread(parts: &Parts, services: &[&'static ServiceModel], error: AwsError) -> Self {
        let protocol = protocol(&parts.headers);
        let service = match target(&parts.headers) {
            Some(target) => service_of_target(parts, services, &target),
            None => scoped(parts, services).unwrap_or_else(|| default_service(services)),
        };
        Self { service, protocol, reason: Reason::Error(error) }
    }

    /// Returns the service that answers.
    pub fn service(&self) -> &'static ServiceModel {
        self.service
    }

    /// Returns the protocol of the answer.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Returns the kind of error, for metrics. Its status is not the rendered one where the request names no action.
    pub fn shape(&self) -> &'static ErrorShape {
        match &self.reason {
            Reason::Error(error) => error.shape(),
            Reason::NoAction => &framework::UNKNOWN_OPERATION,
        }
    }

    /// Returns the error, unless the request named no action.
    pub fn error(&self) -> Option<&AwsError> {
        match &self.reason {
            Reason::Error(error) => Some(error),
            Reason::NoAction => None,
        }
    }

    /// Renders the answer.
    pub fn render(&self, request_id: &str) -> Response<Bytes> {
        match &self.reason {
            Reason::Error(error) => render_error(self.service, self.protocol, error, request_id),
            Reason::NoAction => {
                response(404, query::XML_CONTENT_TYPE, request_id, query::NO_ACTION_XML)
            }
        }
    }
}

/// Finds out what a request wants. The body must be complete and not content-encoded.
///
/// # Errors
/// A [`Rejection`] where no operation is named, or the parameters of the Query protocol cannot be read.
///
/// # Panics
/// When `services` is empty.
pub fn route(
    parts: &Parts,
    body: &Bytes,
    services: &[&'static ServiceModel],
) -> Result<Call, Rejection> {
    match protocol(&parts.headers) {
        Protocol::AwsJson => route_json(parts, body, services),
        protocol @ (Protocol::Query | Protocol::QueryJson) => {
            route_query(parts, body, services, protocol)
        }
    }
}

fn protocol(headers: &HeaderMap) -> Protocol {
    const JSON: &str = "application/x-amz-json";
    let has_json_body = || {
        let prefix =
            media_type(headers, CONTENT_TYPE).and_then(|essence| essence.get(..JSON.len()));
        prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(JSON))
    };
    if headers.contains_key(TARGET) || has_json_body() {
        return Protocol::AwsJson;
    }
    let accepts_json = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|accept| accept.to_str().ok())
        .flat_map(|accept| accept.split(','))
        .any(|range| essence(range).eq_ignore_ascii_case("application/json"));
    if accepts_json { Protocol::QueryJson } else { Protocol::Query }
}

fn media_type(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(essence)
}

/// Returns a media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn target(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    headers.get(TARGET).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

fn default_service(services: &[&'static ServiceModel]) -> &'static ServiceModel {
    services.first().expect("a server declares at least one service")
}

/// Returns the service that the request is signed for. A malformed scope is for the authentication to refuse.
fn scoped(parts: &Parts, services: &[&'static ServiceModel]) -> Option<&'static ServiceModel> {
    let credential = Credential::from_parts(parts).ok().flatten()?;
    services.iter().copied().find(|service| service.name == credential.service)
}

fn service_of_target(
    parts: &Parts,
    services: &[&'static ServiceModel],
    target: &str,
) -> &'static ServiceModel {
    let prefix = target.rsplit_once('.').map_or("", |(prefix, _)| prefix);
    let by_prefix = || services.iter().copied().find(|service| service.has_target_prefix(prefix));
    scoped(parts, services).or_else(by_prefix).unwrap_or_else(|| default_service(services))
}

fn route_json(
    parts: &Parts,
    body: &Bytes,
    services: &[&'static ServiceModel],
) -> Result<Call, Rejection> {
    let protocol = Protocol::AwsJson;
    let target = target(&parts.headers).unwrap_or_default();
    let service = service_of_target(parts, services, &target);
    match target.rsplit_once('.') {
        Some((prefix, operation))
            if service.has_target_prefix(prefix) && is_operation_name(operation) =>
        {
            Ok(Call {
                service,
                protocol,
                operation: operation.to_owned(),
                path: parts.uri.path().to_owned(),
                payload: Payload::Json(body.clone()),
            })
        }
        Some(_) | None => {
            let reason = Reason::Error(unknown_operation(protocol, &target));
            Err(Rejection { service, protocol, reason })
        }
    }
}

fn route_query(
    parts: &Parts,
    body: &Bytes,
    services: &[&'static ServiceModel],
    protocol: Protocol,
) -> Result<Call, Rejection> {
    let scoped = scoped(parts, services);
    let query_string = parts.uri.query().unwrap_or_default().as_bytes();
    let parameters = Parameters::parse(query_string, form_body(parts, body)).map_err(|error| {
        let service = scoped.unwrap_or_else(|| default_service(services));
        Rejection { service, protocol, reason: Reason::Error(error) }
    })?;
    let service = scoped
        .or_else(|| service_of_version(&parameters, services))
        .unwrap_or_else(|| default_service(services));
    query_call(service, protocol, parts.uri.path(), parameters).map_err(|reason| Rejection {
        service,
        protocol,
        reason,
    })
}

/// Returns the body if it is a form. Clients that do not say what they send are taken to send one.
fn form_body<'a>(parts: &Parts, body: &'a Bytes) -> &'a [u8] {
    let media_type = media_type(&parts.headers, CONTENT_TYPE);
    let is_form = media_type
        .is_none_or(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    if is_form && parts.method != Method::GET { body } else { b"" }
}

fn service_of_version(
    parameters: &Parameters,
    services: &[&'static ServiceModel],
) -> Option<&'static ServiceModel> {
    let version = parameters.get("Version")?;
    let speaks = |service: &&ServiceModel| {
        service.query.as_ref().is_some_and(|query| query.version == version)
    };
    services.iter().copied().find(speaks)
}

fn query_call(
    service: &'static ServiceModel,
    protocol: Protocol,
    path: &str,
    mut parameters: Parameters,
) -> Result<Call, Reason> {
    let (Some(model), Some(action)) = (&service.query, parameters.get("Action")) else {
        return Err(Reason::NoAction);
    };
    let operation = action.to_owned();
    let is_root = path.is_empty() || path == "/";
    let is_misplaced = !is_root && model.root_only.contains(&action);
    if is_misplaced || !is_operation_name(action) {
        return Err(Reason::Error(unknown_operation(protocol, action)));
    }
    if let Some(member) = model.path_member.filter(|_| !is_root) {
        parameters.set_default(member, path);
    }
    let path = path.to_owned();
    Ok(Call { service, protocol, operation, path, payload: Payload::Parameters(parameters) })
}

/// Operations become element names in XML, so nothing else may get that far.
fn is_operation_name(name: &str) -> bool {
    name.len() <= OPERATION_BYTES_MAX
        && name.starts_with(|char: char| char.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework;
    use crate::service::{JsonVersion, QueryModel};

    const fn query(version: &'static str) -> Option<QueryModel> {
        let (namespace, spellings) = ("", &[]);
        Some(QueryModel { version, namespace, path_member: None, root_only: &[], spellings })
    }

    const fn service(
        name: &'static str,
        target_prefix: &'static str,
        query: Option<QueryModel>,
    ) -> ServiceModel {
        ServiceModel {
            name,
            is_global: false,
            target_prefix,
            json_version: JsonVersion::V1_1,
            error_namespace: "ns",
            throttling: &framework::THROTTLING,
            query,
        }
    }

    static SQS: ServiceModel = service("sqs", "AmazonSQS", query("2012-11-05"));
    static SNS: ServiceModel = service("sns", "AmazonSNS", query("2010-03-31"));
    static KMS: ServiceModel = service("kms", "TrentService", None);
    const SERVICES: [&ServiceModel; 3] = [&SQS, &SNS, &KMS];

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut builder = http::Request::builder().uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).expect("valid request").into_parts().0
    }

    /// Returns the service, and the operation or the status of the rejection.
    fn routed(uri: &str, headers: &[(&str, &str)]) -> (&'static str, String) {
        match route(&parts(uri, headers), &Bytes::new(), &SERVICES) {
            Ok(call) => (call.service.name, call.operation),
            Err(rejection) => {
                (rejection.service().name, rejection.render("id").status().as_str().to_owned())
            }
        }
    }

    const SIGNED_FOR_SNS: (&str, &str) =
        ("authorization", "AWS4-HMAC-SHA256 Credential=a/20260102/r/sns/aws4_request");

    #[test]
    fn the_credential_scope_goes_first() {
        let uri = "/?Action=Publish&Version=2012-11-05";
        assert_eq!(routed(uri, &[SIGNED_FOR_SNS]), ("sns", "Publish".into()));
        let headers = [SIGNED_FOR_SNS, ("x-amz-target", "AmazonSQS.SendMessage")];
        assert_eq!(routed("/", &headers), ("sns", "400".into()));
    }

    #[test]
    fn target_and_version_tell_services_apart() {
        let target = |target| routed("/", &[("x-amz-target", target)]);
        assert_eq!(target("TrentService.Encrypt"), ("kms", "Encrypt".into()));
        assert_eq!(target("Unknown.Encrypt"), ("sqs", "400".into()));
        let query = |query: &str| routed(&format!("/?{query}"), &[]);
        assert_eq!(query("Action=Publish&Version=2010-03-31"), ("sns", "Publish".into()));
        assert_eq!(query("Action=SendMessage&Version=1999"), ("sqs", "SendMessage".into()));
        assert_eq!(query("Version=2010-03-31"), ("sns", "404".into()));
    }

    #[test]
    fn an_unread_request_is_answered_in_its_protocol() {
        let error = || AwsError::new(&framework::REQUEST_ENTITY_TOO_LARGE, "too large");
        let unread = |headers| Rejection::unread(&parts("/", headers), &SERVICES, error());
        let json = unread(&[("x-amz-target", "TrentService.Encrypt")]);
        assert_eq!((json.protocol(), json.service().name), (Protocol::AwsJson, "kms"));
        let response = json.render("id");
        assert_eq!(response.status(), 413);
        assert!(!response.headers().contains_key("x-amzn-query-error"), "KMS speaks no Query");
        let query = unread(&[SIGNED_FOR_SNS]);
        assert_eq!((query.protocol(), query.service().name), (Protocol::Query, "sns"));
    }
}
