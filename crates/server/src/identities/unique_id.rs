//! The unique ids of IAM entities: a prefix for the kind, and letters of base 32.

use crate::random;

/// Letters of unique ids and access key ids.
pub(super) const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Letters after the prefix.
const LETTERS: usize = 17;

/// Makes a unique id: 85 random bits, so that none is made twice.
pub(super) fn new(prefix: &str) -> String {
    let letters = random::bytes::<LETTERS>().map(letter);
    prefix.chars().chain(letters).collect()
}

/// The letter of the lowest five bits.
pub(super) fn letter(byte: u8) -> char {
    char::from(ALPHABET[usize::from(byte % 32)])
}
