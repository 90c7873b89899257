//! The only place that takes randomness for secrets and ids.

use rand::Rng;

/// Returns so many random bytes, fit for secrets.
pub(crate) fn bytes<const COUNT: usize>() -> [u8; COUNT] {
    let mut bytes = [0; COUNT];
    fill(&mut bytes);
    bytes
}

/// Makes every byte a random one, fit for secrets.
#[expect(clippy::disallowed_methods, reason = "this is the module that may take randomness")]
pub(crate) fn fill(bytes: &mut [u8]) {
    rand::rng().fill_bytes(bytes);
}
