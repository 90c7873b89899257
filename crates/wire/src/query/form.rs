//! `application/x-www-form-urlencoded`: name and value pairs of a query string or a form body.

/// A piece of a form that is not percent-encoded UTF-8.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    /// `%` without two hexadecimal digits after it.
    #[error("a parameter is not valid percent-encoding")]
    PercentEncoding,
    /// The decoded bytes are not UTF-8.
    #[error("a parameter is not valid UTF-8")]
    Utf8,
}

/// Iterates over the decoded pairs in order. A piece without `=` is a name with an empty value; empty pieces are skipped.
pub(crate) fn pairs(form: &[u8]) -> impl Iterator<Item = Result<(String, String), FormError>> {
    form.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()).map(|piece| {
        let equals = piece.iter().position(|byte| *byte == b'=');
        let (name, value) = match equals {
            Some(at) => (&piece[..at], &piece[at + 1..]),
            None => (piece, &[][..]),
        };
        Ok((decoded(name)?, decoded(value)?))
    })
}

fn decoded(encoded: &[u8]) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    loop {
        let plain = rest.iter().position(|byte| matches!(byte, b'%' | b'+'));
        let (as_it_is, encoded) = rest.split_at(plain.unwrap_or(rest.len()));
        bytes.extend_from_slice(as_it_is);
        match encoded {
            [] => return String::from_utf8(bytes).map_err(|_| FormError::Utf8),
            [b'%', high, low, after @ ..] => {
                bytes.push(hex_digit(*high)? << 4 | hex_digit(*low)?);
                rest = after;
            }
            [b'%', ..] => return Err(FormError::PercentEncoding),
            // A plus, as nothing else ends what stands as it is.
            [_, after @ ..] => {
                bytes.push(b' ');
                rest = after;
            }
        }
    }
}

fn hex_digit(digit: u8) -> Result<u8, FormError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(FormError::PercentEncoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(form: &str) -> Result<Vec<(String, String)>, FormError> {
        pairs(form.as_bytes()).collect()
    }

    #[test]
    fn pairs_are_decoded_in_order() {
        let expected =
            [("a", "1 2"), ("b%", "é="), ("c", ""), ("a", "")].map(|(n, v)| (n.into(), v.into()));
        assert_eq!(all("a=1+2&b%25=%C3%a9=&&c&a="), Ok(expected.to_vec()));
    }

    #[test]
    fn broken_encodings_are_errors() {
        for broken in ["a=%", "a=%4", "%zz=1", "a=%+1"] {
            assert_eq!(all(broken), Err(FormError::PercentEncoding), "{broken}");
        }
        assert_eq!(all("a=%ff"), Err(FormError::Utf8));
    }
}
