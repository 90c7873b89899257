//! Keys for data: how many bytes, and random ones.

use sluice_wire::AwsError;
use zeroize::Zeroizing;

use super::limits::RANDOM_BYTES_MAX;
use super::{errors, named_key};
use crate::random;

const SPECS: [&str; 2] = ["AES_256", "AES_128"];

/// Reads how many bytes are asked for.
pub(super) fn size(
    key: &Option<String>,
    number_of_bytes: Option<i64>,
    spec: Option<&str>,
) -> Result<usize, AwsError> {
    let constraints = named_key::constraints(key)
        .number("numberOfBytes", number_of_bytes, 1, RANDOM_BYTES_MAX)
        .one_of("keySpec", spec, &SPECS);
    errors::check(constraints)?;
    match (number_of_bytes.map(usize::try_from), spec) {
        (Some(Ok(count)), None) => Ok(count),
        (None, Some("AES_128")) => Ok(16),
        (None, Some(_)) => Ok(32),
        (Some(_), _) | (None, None) => {
            Err(errors::validation("Please specify either number of bytes or key spec."))
        }
    }
}

/// Makes so many random bytes.
pub(super) fn random(count: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    random::fill(&mut bytes);
    bytes
}
