//! The MD5 checksums that clients verify (contract §4.9).

use md5::{Digest, Md5};

use crate::broker::{AttributeValue, MessageAttribute};

/// Digests a message body.
pub(super) fn of_body(body: &str) -> [u8; 16] {
    Md5::digest(body.as_bytes()).into()
}

/// Digests message attributes, sorted by name. `None` when there are none.
pub(super) fn of_attributes<'a>(
    attributes: impl IntoIterator<Item = &'a MessageAttribute>,
) -> Option<[u8; 16]> {
    let mut attributes: Vec<&MessageAttribute> = attributes.into_iter().collect();
    if attributes.is_empty() {
        return None;
    }
    attributes.sort_by(|left, right| left.name.cmp(&right.name));
    let mut digest = Md5::new();
    for attribute in attributes {
        update_with_length(&mut digest, attribute.name.as_bytes());
        update_with_length(&mut digest, attribute.data_type.as_bytes());
        // The transport type: 1 for text, 2 for binary.
        match &attribute.value {
            AttributeValue::Text(text) => {
                digest.update([1]);
                update_with_length(&mut digest, text.as_bytes());
            }
            AttributeValue::Binary(bytes) => {
                digest.update([2]);
                update_with_length(&mut digest, bytes);
            }
        }
    }
    Some(digest.finalize().into())
}

fn update_with_length(digest: &mut Md5, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a message part is at most 1 MiB");
    digest.update(length.to_be_bytes());
    digest.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn text(name: &str, data_type: &str, value: &str) -> MessageAttribute {
        MessageAttribute {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            value: AttributeValue::Text(value.to_owned()),
        }
    }

    fn binary(name: &str, value: &[u8]) -> MessageAttribute {
        MessageAttribute {
            name: name.to_owned(),
            data_type: "Binary".to_owned(),
            value: AttributeValue::Binary(value.to_vec()),
        }
    }

    #[test]
    fn bodies_match_the_recorded_checksums() {
        assert_eq!(hex::text(of_body("message")), "78e731027d8fd50ed642340b7c9a63b3");
        assert_eq!(hex::text(of_body("hello")), "5d41402abc4b2a76b9719d911017c592");
    }

    #[test]
    fn attributes_match_the_recorded_checksums() {
        let general = || text("General", "String", "Kenobi");
        let hello = || text("Hello", "String", "There");
        let help = || text("Help.Me", "String", "Me");
        let trace = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01";
        let xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let vectors: Vec<(Vec<MessageAttribute>, &str)> = vec![
            (vec![text("k", "String", "x")], "a45daa70926828a2f0a1db3418e6feb4"),
            (vec![help(), hello(), general()], "4c360f3fdafd970e05fae2f149d997f5"),
            (vec![general(), hello()], "fca026605781cb4126a1e9044df24232"),
            (vec![hello()], "a311262e065454b75da111d535b8dacd"),
            (vec![hello(), help()], "83fee93c1bcd8b9a5a923ffacdc636c7"),
            (vec![text("Foo", "String", "Bar")], "ae7155c6026991b6d54b11589678bf9c"),
            (vec![text("MyAttribute", "String", "foobar")], "adb59cd4678ea5a855436b949cd07ab6"),
            (
                vec![text("timestamp", "Number", "1493147359900")],
                "235c5c510d26fb653d073faed50ae77c",
            ),
            (vec![binary("attr1", trace)], "8cbe4db156db8a94db8b801b7addb984"),
            (
                vec![
                    text("color", "String", "blue"),
                    text("count", "Number", "3"),
                    binary("blob", &[1, 2, 3]),
                ],
                "d838729972a4b70e2d2acd9d59ac847c",
            ),
            (vec![text("color", "String", "blue")], "da1b33cc3cbfe8b1630921e78e6b9880"),
            (vec![text("AWSTraceHeader", "String", xray)], "5ae4d5d7636402d80f4eb6d213245a88"),
        ];
        for (attributes, expected) in vectors {
            assert_eq!(of_attributes(&attributes).map(hex::text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn no_attributes_have_no_checksum() {
        assert_eq!(of_attributes([]), None);
    }
}
