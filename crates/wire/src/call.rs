//! One request with its service, protocol and operation known: parameters out, answers in.

use bytes::Bytes;
use http::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::aws_json;
use crate::error::{AwsError, framework};
use crate::json_text::to_json;
use crate::query::{self, Parameters};
use crate::response::response;
use crate::service::{QueryModel, ServiceModel};
use crate::value::{DecodeError, Value};

/// A protocol that a client can speak. Another one is another variant and another module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// AWS JSON; the version is the service's.
    AwsJson,
    /// Form parameters, answered with XML.
    Query,
    /// Form parameters, answered with the legacy JSON rendering (`Accept: application/json`).
    QueryJson,
}

/// Parameters as the protocol carries them, not yet a tree.
#[derive(Debug)]
pub(crate) enum Payload {
    /// A JSON document.
    Json(Bytes),
    /// Names and values of a Query request.
    Parameters(Parameters),
}

/// A request on its way to an operation.
#[derive(Debug)]
pub struct Call {
    /// The service that is called.
    pub service: &'static ServiceModel,
    /// The protocol of request and answer.
    pub protocol: Protocol,
    /// Name of the operation: ASCII letters and digits, not known to exist.
    pub operation: String,
    pub(crate) path: String,
    pub(crate) payload: Payload,
}

impl Call {
    /// Returns the URL path of the request; `/` where a client did not use a queue URL or the like as its endpoint.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the parameters of the operation as they came, without its types. Parameters that route or sign the request are
    /// not among them.
    ///
    /// # Errors
    /// As [`Self::take_input`], which takes them away.
    pub fn parameters(&self) -> Result<Value<'_>, AwsError> {
        let mut value = self.parsed(&self.payload)?;
        if let (Payload::Parameters(_), Value::Map(entries)) = (&self.payload, &mut value) {
            entries.retain(|(name, _)| !query::is_about_the_request(name));
        }
        Ok(value)
    }

    fn parsed<'a>(&self, payload: &'a Payload) -> Result<Value<'a>, AwsError> {
        match payload {
            Payload::Json(body) => aws_json::parse(body),
            Payload::Parameters(parameters) => {
                query::structured(parameters, self.query_model(), &self.operation)
            }
        }
    }

    /// Parses the parameters into the input struct of the operation. They are gone afterwards, so that a request that
    /// waits does not hold them twice.
    ///
    /// Members are named canonically and must be optional or have defaults; see [`Value`] for how values are coerced.
    ///
    /// # Errors
    /// `MalformedInput` for what cannot be parsed or has the wrong type, in every protocol; `MissingParameter` for half of a
    /// map entry in Query.
    pub fn take_input<T: DeserializeOwned>(&mut self) -> Result<T, AwsError> {
        let payload = std::mem::replace(&mut self.payload, Payload::Json(Bytes::new()));
        let value = self.parsed(&payload)?;
        let wrong_type =
            |error: DecodeError| AwsError::new(&framework::SERIALIZATION, error.to_string());
        T::deserialize(value).map_err(wrong_type)
    }

    /// Renders the output of the operation. Absent members must be skipped by its `Serialize`.
    pub fn render<T: Serialize>(&self, output: &T, request_id: &str) -> Response<Bytes> {
        self.try_render(output, request_id).unwrap_or_else(|error| {
            let failure = AwsError::new(&framework::INTERNAL_FAILURE, INTERNAL_FAILURE_TEXT);
            self.render_error(&failure.with_cause(error), request_id)
        })
    }

    /// Fails only for an output that JSON cannot hold, such as a map whose keys are not text.
    fn try_render<T: Serialize>(
        &self,
        output: &T,
        request_id: &str,
    ) -> serde_json::Result<Response<Bytes>> {
        let (model, operation) = (self.query_model(), &self.operation);
        match self.protocol {
            Protocol::AwsJson => aws_json::render(self.service, output, request_id),
            Protocol::Query => {
                let text = to_json(output)?;
                let output = Value::from_output_json(&text)?;
                let body = query::output_xml(model, operation, &output, request_id);
                Ok(response(200, query::XML_CONTENT_TYPE, request_id, body))
            }
            Protocol::QueryJson => {
                let text = to_json(output)?;
                let output = Value::from_output_json(&text)?;
                let body = query::output_json(model, operation, output, request_id);
                Ok(response(200, query::LEGACY_JSON_CONTENT_TYPE, request_id, body))
            }
        }
    }

    /// Renders the answer of an operation that has no output at all.
    pub fn render_empty(&self, request_id: &str) -> Response<Bytes> {
        match self.protocol {
            Protocol::AwsJson => aws_json::render_empty(self.service, request_id),
            Protocol::Query => {
                let body = query::no_output_xml(self.query_model(), &self.operation, request_id);
                response(200, query::XML_CONTENT_TYPE, request_id, body)
            }
            Protocol::QueryJson => {
                let body = query::no_output_json(&self.operation, request_id);
                response(200, query::LEGACY_JSON_CONTENT_TYPE, request_id, body)
            }
        }
    }

    /// Renders an error.
    pub fn render_error(&self, error: &AwsError, request_id: &str) -> Response<Bytes> {
        render_error(self.service, self.protocol, error, request_id)
    }

    /// Returns the error for an operation that the service does not have.
    pub fn unknown_operation(&self) -> AwsError {
        unknown_operation(self.protocol, &self.operation)
    }

    fn query_model(&self) -> &'static QueryModel {
        self.service.query_or_empty()
    }
}

const INTERNAL_FAILURE_TEXT: &str =
    "The request processing has failed because of an unknown error, exception or failure.";

pub(crate) fn render_error(
    service: &'static ServiceModel,
    protocol: Protocol,
    error: &AwsError,
    request_id: &str,
) -> Response<Bytes> {
    let status = error.shape().status;
    match protocol {
        Protocol::AwsJson => aws_json::render_error(service, error, request_id),
        Protocol::Query => {
            let body = query::error_xml(service.query_or_empty(), error, request_id);
            response(status, query::XML_CONTENT_TYPE, request_id, body)
        }
        Protocol::QueryJson => {
            let body = query::error_json(error, request_id);
            response(status, query::LEGACY_JSON_CONTENT_TYPE, request_id, body)
        }
    }
}

pub(crate) fn unknown_operation(protocol: Protocol, operation: &str) -> AwsError {
    let message = match protocol {
        Protocol::AwsJson => "the service has no such operation".to_owned(),
        Protocol::Query | Protocol::QueryJson => {
            format!("The action {operation} is not valid for this endpoint.")
        }
    };
    AwsError::new(&framework::UNKNOWN_OPERATION, message)
}
