//! How much a record holds of texts that callers choose, besides parameters and answer: nobody has to be known to choose them.

/// Longest ARN.
pub(super) const ARN_CHARS_MAX: usize = 2_048;
/// Longest text of an error; CloudTrail cuts it there, too.
pub(super) const ERROR_CHARS_MAX: usize = 1_024;
/// Longest name of a host.
pub(super) const HOST_CHARS_MAX: usize = 255;
/// Longest name of an operation, or id of an access key.
pub(super) const NAME_CHARS_MAX: usize = 128;
/// Longest name of a region.
pub(super) const REGION_CHARS_MAX: usize = 64;
/// Longest user agent; of a request it is cut before.
pub(super) const USER_AGENT_CHARS_MAX: usize = 256;

/// A record that is larger loses whatever may have made it so, bytes. None should be: parameters and answer have bounds of
/// their own, and everything else has one here.
pub(super) const RECORD_BYTES_MAX: usize = 1 << 20;

/// The beginning of a text, or all of it.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}
