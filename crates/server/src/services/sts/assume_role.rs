//! `AssumeRole`: temporary credentials of a role.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::credentials::Credentials;
use super::errors;
use super::session_policy::{PolicyArn, SessionPolicy};
use super::session_tags;
use crate::identities::{EntityKey, Holder, Role, RoleSession, Session, Subject, parsed_arn};
use crate::services::constraints::{Constraints, is_word, refused};
use crate::services::member_list::MemberList;
use crate::services::tag::{self, TagList};
use crate::services::{Context, InputKeys, Operation, Resource};

/// How long a session lasts, s.
const SECS_MIN: i64 = 900;
const SECS_MAX: i64 = 43_200;
const SECS_DEFAULT: u32 = 3_600;
/// When a role's session assumes another role.
const CHAINED_SECS_MAX: u32 = 3_600;
const NAME_PATTERN: &str = "[\\w+=,.@-]*";

/// The operation.
pub(super) struct AssumeRole;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_arn: Option<String>,
    #[serde(default)]
    role_session_name: Option<String>,
    #[serde(default)]
    duration_seconds: Option<i64>,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    policy_arns: MemberList<PolicyArn>,
    #[serde(default)]
    tags: TagList,
    #[serde(default)]
    transitive_tag_keys: MemberList<String>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    source_identity: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

impl Operation for AssumeRole {
    const NAME: &'static str = "AssumeRole";
    const IAM_ACTION: &'static str = "sts:AssumeRole";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::Role(input.role_arn.clone())
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        let has_tags = !input.tags.0.is_empty();
        let tagging = has_tags.then_some("sts:TagSession");
        let naming = input.source_identity.as_ref().map(|_| "sts:SetSourceIdentity");
        let needed = tagging.into_iter().chain(naming);
        needed.map(|action| (action, Resource::Role(input.role_arn.clone()))).collect()
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default()
            .with_given("sts:ExternalId", input.external_id.as_ref())
            .with_given("sts:RoleSessionName", input.role_session_name.as_ref())
            .with_given("sts:SourceIdentity", input.source_identity.as_ref())
            .with("sts:TransitiveTagKeys", input.transitive_tag_keys.0.iter().cloned())
            .with_tags(&tag::given(&input.tags))
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        check(&input)?;
        let calling = calling_session(context)?;
        let role_arn = input.role_arn.unwrap_or_default();
        let Some((account, path, name)) = parsed_arn(&role_arn, "role") else {
            return Err(refused(format!("{role_arn} is invalid")));
        };
        let snapshot = context.identities.snapshot();
        let role = snapshot.get::<Role>(&EntityKey::new(account, name));
        let role = role.filter(|role| role.path == path && role.name == name);
        let role = role
            .ok_or_else(|| errors::may_not_assume(&context.identity.principal_arn(), &role_arn))?;
        let secs = secs(input.duration_seconds, role, calling)?;
        let (mut tags, mut transitive_tag_keys) = (
            session_tags::parse(input.tags, &input.transitive_tag_keys)?,
            input.transitive_tag_keys.0,
        );
        if let Some(calling) = calling {
            session_tags::inherit(&mut tags, &mut transitive_tag_keys, calling)?;
        }
        let at = (&*snapshot, account);
        let policy = SessionPolicy::parse(input.policy, input.policy_arns, tags, at)?;
        // Who it was at the beginning stays, whatever roles are assumed one after the other.
        let of_calling = calling.and_then(|calling| calling.source_identity.clone());
        let source_identity = of_calling.or(input.source_identity);
        let session = RoleSession {
            name: role.name.clone(),
            path: role.path.clone(),
            unique_id: role.unique_id.clone(),
            session_name: input.role_session_name.unwrap_or_default(),
            passed: policy.passed,
            transitive_tag_keys,
            source_identity: source_identity.clone(),
        };
        let assumed_role_user =
            AssumedRoleUser { assumed_role_id: session.id(), arn: session.arn(account) };
        let session = Session::new(account, Subject::Role(session), context.now_ms, secs);
        Ok(Output {
            credentials: Credentials::of(context, &session)?,
            assumed_role_user,
            packed_policy_size: policy.packed_percent,
            source_identity,
        })
    }
}

/// The session of a role that calls, if one does. An account's root assumes no roles: they could not be taken from it.
fn calling_session(context: &Context) -> Result<Option<&RoleSession>, AwsError> {
    match context.identity.credentials().map(|key| &key.holder) {
        Some(Holder::Root) => {
            Err(errors::access_denied("Roles may not be assumed by root accounts."))
        }
        Some(Holder::Role(session)) => Ok(Some(session)),
        Some(Holder::User { .. } | Holder::FederatedUser(_)) | None => Ok(None),
    }
}

/// How long the session lasts.
fn secs(given: Option<i64>, role: &Role, calling: Option<&RoleSession>) -> Result<u32, AwsError> {
    let secs = given.and_then(|secs| u32::try_from(secs).ok()).unwrap_or(SECS_DEFAULT);
    if calling.is_some() && secs > CHAINED_SECS_MAX {
        return Err(refused(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    if secs > role.session_secs_max {
        return Err(refused(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(secs)
}

fn check(input: &Input) -> Result<(), AwsError> {
    let is_name = |char: char| is_word(char) || "+=,.@-".contains(char);
    let is_external_id = |char: char| is_name(char) || ":/".contains(char);
    let session_name = input.role_session_name.as_deref();
    let (external_id, source) = (input.external_id.as_deref(), input.source_identity.as_deref());
    Constraints::new()
        .required("roleArn", input.role_arn.as_deref(), 20, 2_048)
        .required("roleSessionName", session_name, 2, 64)
        .pattern("roleSessionName", session_name, NAME_PATTERN, is_name)
        .number("durationSeconds", input.duration_seconds, SECS_MIN, SECS_MAX)
        .text("policy", input.policy.as_deref(), 1, usize::MAX)
        .text("externalId", external_id, 2, 1_224)
        .pattern("externalId", external_id, "[\\w+=,.@:\\/-]*", is_external_id)
        .text("sourceIdentity", source, 2, 64)
        .pattern("sourceIdentity", source, NAME_PATTERN, is_name)
        .check()
}
