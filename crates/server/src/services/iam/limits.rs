//! The limits of IAM: the quotas of an account as AWS sets them by default, and the lengths of texts.

/// Users of an account.
pub(super) const USERS_MAX: usize = 5_000;
/// Groups of an account.
pub(super) const GROUPS_MAX: usize = 300;
/// Roles of an account.
pub(super) const ROLES_MAX: usize = 1_000;
/// Managed policies of an account.
pub(super) const POLICIES_MAX: usize = 1_500;
/// Access keys of a user, or of an account's root.
pub(super) const ACCESS_KEYS_MAX: usize = 2;
/// Groups of a user.
pub(super) const GROUPS_PER_USER_MAX: usize = 10;
/// Managed policies attached to a user, group or role.
pub(super) const ATTACHED_MAX: usize = 10;
/// Versions of a managed policy.
pub(super) const VERSIONS_MAX: usize = 5;
/// Characters of a managed policy, without whitespace.
pub(super) const MANAGED_CHARS_MAX: usize = 6_144;
/// Characters of a role's trust policy, without whitespace.
pub(super) const TRUST_CHARS_MAX: usize = 2_048;
/// Characters of any policy document in a request.
pub(super) const DOCUMENT_CHARS_MAX: usize = 131_072;
/// Tags of a user, role or policy.
pub(super) const TAGS_MAX: usize = 50;
/// Characters of the name of a user or role.
pub(super) const NAME_CHARS_MAX: usize = 64;
/// Characters of the name of a group or policy.
pub(super) const LONG_NAME_CHARS_MAX: usize = 128;
/// Characters of the alias of an account.
pub(super) const ALIAS_CHARS: std::ops::RangeInclusive<usize> = 3..=63;
/// Characters of a path.
pub(super) const PATH_CHARS_MAX: usize = 512;
/// Characters of an ARN.
pub(super) const ARN_CHARS: std::ops::RangeInclusive<usize> = 20..=2_048;
/// Characters of a description.
pub(super) const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// How long the sessions of a role may last at most, s.
pub(super) const SESSION_SECS: std::ops::RangeInclusive<i64> = 3_600..=43_200;
/// Bytes of policy documents on a page that describes everything in an account, unless one entry has more.
pub(super) const PAGE_DOCUMENT_BYTES_MAX: usize = 1 << 20;
/// Entries on a page, unless the request says how many.
pub(super) const PAGE_DEFAULT: usize = 100;
/// Entries on a page.
pub(super) const PAGE_MAX: i64 = 1_000;
