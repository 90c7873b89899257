//! What can be set of a role.

use sluice_policy::Kind;
use sluice_wire::AwsError;

use super::limits::{DESCRIPTION_CHARS_MAX, SESSION_SECS, TRUST_CHARS_MAX};
use super::{documents, errors};
use crate::identities::Role;
use crate::services::constraints::Constraints;

/// `Description` and `MaxSessionDuration`, as far as they are given.
#[derive(Debug)]
pub(super) struct RoleSettings {
    description: Option<String>,
    session_secs_max: Option<u32>,
}

impl RoleSettings {
    pub(super) fn parse(
        description: Option<String>,
        max_session_duration: Option<i64>,
    ) -> Result<Self, AwsError> {
        let (min, max) = (*SESSION_SECS.start(), *SESSION_SECS.end());
        Constraints::new()
            .text("description", description.as_deref(), 0, DESCRIPTION_CHARS_MAX)
            .number("maxSessionDuration", max_session_duration, min, max)
            .check()?;
        let session_secs_max = max_session_duration.and_then(|secs| u32::try_from(secs).ok());
        Ok(Self { description, session_secs_max })
    }

    pub(super) fn apply(self, role: &mut Role) {
        role.description = self.description.or(role.description.take());
        role.session_secs_max = self.session_secs_max.unwrap_or(role.session_secs_max);
    }
}

/// A trust policy in a parameter.
pub(super) fn trust_policy(parameter: &str, document: Option<String>) -> Result<String, AwsError> {
    let document = documents::parse(parameter, document, Kind::Trust)?;
    match documents::chars(&document) > TRUST_CHARS_MAX {
        true => Err(errors::quota("ACLSizePerRole", TRUST_CHARS_MAX)),
        false => Ok(document),
    }
}
