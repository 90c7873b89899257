//! Whether a caller may do what it asks for.

use sluice_wire::AwsError;

use crate::services::{Context, Resource};

/// Decides whether the caller in `context` may perform `iam_action` on `resource`. Every operation passes here, after its
/// input is decoded and before it runs.
///
/// Everything is allowed: there are no users and policies yet, and the listener of a server that needs them is bound to
/// loopback ([`crate::config::Access::LoopbackOnly`]). The policy engine decides here and nowhere else.
///
/// # Errors
/// `AccessDenied`, once there are policies.
pub fn authorise(
    _context: &Context,
    _iam_action: &'static str,
    _resource: &Resource,
) -> Result<(), AwsError> {
    Ok(())
}
