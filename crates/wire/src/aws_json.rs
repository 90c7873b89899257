//! The AWS JSON protocol, versions 1.0 and 1.1.

use bytes::Bytes;
use http::Response;
use http::header::HeaderName;
use serde::Serialize;
use serde_json::json;

use crate::error::{AwsError, framework};
use crate::json_text::to_json;
use crate::response::{response, set_header};
use crate::service::ServiceModel;
use crate::value::Value;

const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// Parses a request body: one JSON object. No body at all is an empty object.
pub(crate) fn parse(body: &[u8]) -> Result<Value<'_>, AwsError> {
    if body.is_empty() {
        return Ok(Value::Map(Vec::new()));
    }
    let malformed = |message| AwsError::new(&framework::SERIALIZATION, message);
    let value = Value::from_request_json(body)
        .map_err(|error| malformed("the request body is not valid JSON").with_cause(error))?;
    match value {
        Value::Map(_) => Ok(value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => {
            Err(malformed("the request body is not a JSON object"))
        }
    }
}

/// Renders an output; one with nothing to say is `{}`.
pub(crate) fn render<T: Serialize>(
    service: &ServiceModel,
    output: &T,
    request_id: &str,
) -> serde_json::Result<Response<Bytes>> {
    let body = to_json(output)?;
    Ok(response(200, service.json_version.content_type(), request_id, body))
}

/// Renders the answer of an operation without output: no body, but the content type of one.
pub(crate) fn render_empty(service: &ServiceModel, request_id: &str) -> Response<Bytes> {
    response(200, service.json_version.content_type(), request_id, Bytes::new())
}

/// Renders an error. Services that also speak Query add its code, which some SDKs cannot do without, and have its status;
/// others say 400 to whoever may not (neighbours §1.4).
pub(crate) fn render_error(
    service: &ServiceModel,
    error: &AwsError,
    request_id: &str,
) -> Response<Bytes> {
    let shape = error.shape();
    let body = json!({"__type": service.error_type(shape), "message": error.message()}).to_string();
    let content_type = service.json_version.content_type();
    let status = match (shape.status, &service.query) {
        (403, None) => 400,
        (status, _) => status,
    };
    let mut response = response(status, content_type, request_id, body);
    if service.query.is_some() {
        let code = format!("{};{}", shape.query_code, shape.fault.as_str());
        set_header(&mut response, QUERY_ERROR, &code);
    }
    response
}
