//! Bytes as lower-case hexadecimal digits.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes two digits for each byte into `digits`, which has room for so many.
pub(crate) fn write(digits: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// The digits of bytes.
pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut digits = vec![0; bytes.len() * 2];
    write(&mut digits, bytes);
    String::from_utf8(digits).expect("digits are ASCII")
}

/// The bytes of so many lower-case digits.
pub(crate) fn bytes<const COUNT: usize>(text: &str) -> Option<[u8; COUNT]> {
    let value = |digit: u8| DIGITS.iter().position(|known| *known == digit);
    let mut bytes = [0; COUNT];
    let digits = text.as_bytes();
    if digits.len() != COUNT * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(value(pair[0])? << 4 | value(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_the_bytes_that_they_are_of() {
        assert_eq!(bytes(&text([0, 15, 240, 255])), Some([0, 15, 240, 255]));
        assert_eq!((bytes::<1>("0"), bytes::<1>("0g"), bytes::<1>("0A")), (None, None, None));
    }
}
