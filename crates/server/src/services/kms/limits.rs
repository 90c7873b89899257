//! The limits that KMS sets.

/// Keys in an account and region.
pub(super) const KEYS_MAX: usize = 100_000;
/// Aliases of one key.
pub(super) const ALIASES_OF_KEY_MAX: usize = 50;
/// Tags of one key.
pub(super) const TAGS_MAX: usize = 50;
/// Characters of a description.
pub(super) const DESCRIPTION_CHARS_MAX: usize = 8_192;
/// Characters of a key policy.
pub(super) const POLICY_CHARS_MAX: usize = 131_072;
/// Characters of whatever names a key.
pub(super) const KEY_ID_CHARS_MAX: usize = 2_048;
/// Characters of the name of an alias.
pub(super) const ALIAS_CHARS_MAX: usize = 256;
/// Bytes that `Encrypt` takes.
pub(super) const PLAINTEXT_BYTES_MAX: usize = 4_096;
/// Bytes that `Decrypt` takes.
pub(super) const CIPHERTEXT_BYTES_MAX: usize = 6_144;
/// Bytes of the encryption context of a request.
pub(super) const CONTEXT_BYTES_MAX: usize = 8_192;
/// Bytes of the encryption context that a grant is constrained to.
pub(super) const CONSTRAINT_BYTES_MAX: usize = 384;
/// Names in the encryption context that a grant is constrained to.
pub(super) const CONSTRAINT_PAIRS_MAX: usize = 8;
/// Bytes of random data, and of a data key.
pub(super) const RANDOM_BYTES_MAX: i64 = 1_024;
/// Days between the request that a key be deleted and its end.
pub(super) const PENDING_DAYS: std::ops::RangeInclusive<i64> = 7..=30;
/// Days between one material of a key and the next.
pub(super) const ROTATION_DAYS: std::ops::RangeInclusive<i64> = 90..=2_560;
/// How often somebody can ask for new material of one key.
pub(super) const ROTATIONS_ON_DEMAND_MAX: usize = 10;
/// Grants of one key.
pub(super) const GRANTS_MAX: usize = 1_000;
/// Characters of whatever names somebody in a grant.
pub(super) const PRINCIPAL_CHARS_MAX: usize = 256;
/// Items of a page, where the request does not say.
pub(super) const PAGE_DEFAULT: usize = 100;
/// Items of a page.
pub(super) const PAGE_MAX: i64 = 1_000;
