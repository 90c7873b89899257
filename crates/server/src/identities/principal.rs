//! What users, groups and roles have in common: a name with a path, and policies.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::entity::Entity;

/// The policies of a user, a group or a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Inline policies by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached managed policies.
    pub attached: BTreeSet<String>,
}

/// Tags by key. Keys are distinguished by case here; IAM refuses two that differ by nothing else.
pub type Tags = BTreeMap<String, String>;

/// A user, a group or a role.
pub trait Principal: Entity + Clone {
    /// Characters without whitespace that all inline policies may have together.
    const INLINE_CHARS_MAX: usize;

    /// 12-digit account id.
    fn account(&self) -> &str;

    /// As it was created.
    fn name(&self) -> &str;

    /// Begins and ends with a slash.
    fn path(&self) -> &str;

    /// What it is allowed.
    fn grants(&self) -> &Grants;

    /// What it is allowed, to be changed.
    fn grants_mut(&mut self) -> &mut Grants;

    /// Amazon resource name: `arn:aws:iam::<account>:user/<path>/<name>`.
    fn arn(&self) -> String {
        arn(self.account(), Self::KIND, self.path(), self.name())
    }
}

/// The ARN of something in IAM.
pub(super) fn arn(account: &str, kind: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{kind}{path}{name}")
}

/// The ARN of a user.
pub fn user_arn(account: &str, path: &str, name: &str) -> String {
    arn(account, "user", path, name)
}

/// The ARN of an account's root.
pub fn root_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

/// Finds account, path and name in the ARN of something in IAM.
pub fn parsed_arn<'a>(arn: &'a str, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "iam", "", account, resource] = parts[..] else { return None };
    let path_and_name = resource.strip_prefix(kind).filter(|rest| rest.starts_with('/'))?;
    let (path, name) = path_and_name.split_at(path_and_name.rfind('/')? + 1);
    (!name.is_empty()).then_some((account, path, name))
}

/// Implements [`Principal`] for a struct with the usual fields.
macro_rules! principal {
    ($kind:ty, $inline_chars_max:literal) => {
        impl $crate::identities::Principal for $kind {
            const INLINE_CHARS_MAX: usize = $inline_chars_max;

            fn account(&self) -> &str {
                &self.account
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn path(&self) -> &str {
                &self.path
            }

            fn grants(&self) -> &$crate::identities::Grants {
                &self.grants
            }

            fn grants_mut(&mut self) -> &mut $crate::identities::Grants {
                &mut self.grants
            }
        }
    };
}

pub(super) use principal;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_taken_apart_as_it_was_put_together() {
        for (path, name) in [("/", "bob"), ("/a/b/", "bob")] {
            let arn = arn("123456789012", "user", path, name);
            assert_eq!(parsed_arn(&arn, "user"), Some(("123456789012", path, name)), "{arn}");
            assert_eq!(parsed_arn(&arn, "role"), None);
        }
        for other in ["", "arn:aws:iam::1:user", "arn:aws:iam::1:user/", "arn:aws:sqs:r:1:user/x"] {
            assert_eq!(parsed_arn(other, "user"), None, "{other}");
        }
    }
}
