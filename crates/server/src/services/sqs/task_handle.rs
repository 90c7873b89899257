//! `TaskHandle` of a message move task (contract §7.2): base64 of a JSON object with the task's id and its source.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::errors;

/// What a task handle says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskHandle {
    pub(super) task_id: String,
    pub(super) source_arn: String,
}

impl TaskHandle {
    /// Reads a handle.
    ///
    /// # Errors
    /// `InvalidParameterValue`.
    pub(super) fn parse(text: &str) -> Result<Self, AwsError> {
        let json = STANDARD.decode(text).ok();
        let handle = json.and_then(|json| serde_json::from_slice(&json).ok());
        handle
            .ok_or_else(|| errors::invalid_parameter("Value for parameter TaskHandle is invalid."))
    }

    /// Writes the handle.
    pub(super) fn text(&self) -> String {
        let json = serde_json::to_vec(self).expect("two texts can be written as JSON");
        STANDARD.encode(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_base64_of_task_id_and_source_arn() {
        let handle = TaskHandle { task_id: "1-2".to_owned(), source_arn: "arn:x".to_owned() };
        let text = handle.text();
        let json = STANDARD.decode(&text).expect("base64");
        assert_eq!(json, br#"{"taskId":"1-2","sourceArn":"arn:x"}"#);
        assert_eq!(TaskHandle::parse(&text).ok(), Some(handle));
    }

    #[test]
    fn other_texts_are_no_handles() {
        for text in ["", "x", "%%%", "e30=", "eyJ0YXNrSWQiOiIxIn0="] {
            let refused = TaskHandle::parse(text).map_err(|error| error.message().to_owned());
            let message = "Value for parameter TaskHandle is invalid.".to_owned();
            assert_eq!(refused, Err(message), "{text}");
        }
    }
}
