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

/// Body of the answer to a request that names no action at all.
pub(crate) const NO_ACTION_XML: &str = "<UnknownOperationException/>";
