//! Binary members: base64 text in every protocol of this crate.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A binary value, decoded.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Blob(pub Bytes);

/// Without the bytes: some are secrets.
impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Base64Visitor)
    }
}

struct Base64Visitor;

impl Visitor<'_> for Base64Visitor {
    type Value = Blob;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Blob")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Blob, E> {
        let decoded = STANDARD.decode(text);
        decoded.map(|bytes| Blob(bytes.into())).map_err(|_| E::custom("a Blob is not valid base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_base64_text_with_padding() {
        let blob = Blob(Bytes::from_static(&[0, 255, 1, 2]));
        let json = serde_json::to_string(&blob).expect("serializes");
        assert_eq!(json, r#""AP8BAg==""#);
        assert_eq!(serde_json::from_str::<Blob>(&json).expect("parses"), blob);
        assert!(serde_json::from_str::<Blob>(r#""AP8""#).is_err());
    }

    #[test]
    fn what_a_blob_holds_is_not_shown() {
        let shown = format!("{:?}", Some(Blob(Bytes::from_static(b"secret"))));
        assert_eq!(shown, "Some(Blob(6 bytes))");
    }
}
