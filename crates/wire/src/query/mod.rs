//! The Query protocol: form parameters in, XML (or the legacy JSON rendering) out.

pub(crate) mod form;
mod legacy_json;
mod parameters;
mod tree;
mod xml;

pub(crate) use legacy_json::{error_json, no_output_json, output_json};
pub(crate) use parameters::Parameters;
pub(crate) use tree::structured;
pub(crate) use xml::{error_xml, no_output_xml, output_xml};

pub(crate) const XML_CONTENT_TYPE: &str = "text/xml";
pub(crate) const LEGACY_JSON_CONTENT_TYPE: &str = "application/json";

/// Parameters that route and sign a request in the ways before Signature Version 4; those of that begin with `X-Amz-`.
const ABOUT_THE_REQUEST: [&str; 8] = [
    "AWSAccessKeyId",
    "Action",
    "Expires",
    "Signature",
    "SignatureMethod",
    "SignatureVersion",
    "Timestamp",
    "Version",
];

/// Tells whether a parameter is about the request, and not for its operation.
pub(crate) fn is_about_the_request(parameter: &str) -> bool {
    let prefix = parameter.get(.."X-Amz-".len());
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case("X-Amz-"))
        || ABOUT_THE_REQUEST.contains(&parameter)
}

/// Body of the answer to a request that names no action at all.
pub(crate) const NO_ACTION_XML: &str = "<UnknownOperationException/>";
