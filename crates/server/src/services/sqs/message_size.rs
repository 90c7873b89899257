//! What counts towards the size of a message (contract §4.7). System attributes do not.

use super::message_attributes::{self, AttributeTexts};

/// Counts the bytes of a body and its message attributes.
pub(super) fn bytes(body: &str, attributes: &AttributeTexts) -> usize {
    let attributes_bytes: usize =
        attributes.iter().map(|(name, text)| message_attributes::size_bytes(name, text)).sum();
    body.len() + attributes_bytes
}

#[cfg(test)]
mod tests {
    use sluice_wire::Blob;

    use super::*;
    use crate::services::sqs::message_attributes::AttributeText;

    #[test]
    fn names_types_with_labels_and_decoded_values_count() {
        let attributes = AttributeTexts::from([
            (
                "name".to_owned(),
                AttributeText {
                    string_value: Some("ä".to_owned()),
                    data_type: Some("String.x".to_owned()),
                    ..AttributeText::default()
                },
            ),
            (
                "b".to_owned(),
                AttributeText {
                    binary_value: Some(Blob(vec![0; 3].into())),
                    data_type: Some("Binary".to_owned()),
                    ..AttributeText::default()
                },
            ),
        ]);
        assert_eq!(bytes("ä", &attributes), 2 + (4 + 8 + 2) + (1 + 6 + 3));
    }
}
