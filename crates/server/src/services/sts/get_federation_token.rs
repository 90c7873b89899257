//! `GetFederationToken`: temporary credentials of somebody whom the caller knows, bounded by session policies.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::credentials::Credentials;
use super::permanent_credentials::{self, SECS_MAX, SECS_MIN};
use super::session_policy::{PolicyArn, SessionPolicy};
use super::session_tags;
use crate::identities::{FederatedUser, Session, Subject};
use crate::services::constraints::{Constraints, is_word};
use crate::services::member_list::MemberList;
use crate::services::tag::{self, TagList};
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct GetFederationToken;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    policy_arns: MemberList<PolicyArn>,
    #[serde(default)]
    tags: TagList,
    #[serde(default)]
    duration_seconds: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    credentials: Credentials,
    federated_user: Federated,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Federated {
    federated_user_id: String,
    arn: String,
}

impl Operation for GetFederationToken {
    const NAME: &'static str = "GetFederationToken";
    const IAM_ACTION: &'static str = "sts:GetFederationToken";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::FederatedUser(input.name.clone())
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        let has_tags = !input.tags.0.is_empty();
        let tagging = has_tags.then(|| ("sts:TagSession", Self::resource(input)));
        tagging.into_iter().collect()
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with_tags(&tag::given(&input.tags))
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        check(&input)?;
        let issuer = permanent_credentials::issuer(context, Self::NAME)?;
        let secs = permanent_credentials::secs(input.duration_seconds, issuer.as_ref());
        let (account, snapshot) = (&*context.identity.account, context.identities.snapshot());
        let tags = session_tags::parse(input.tags, &MemberList::default())?;
        let at = (&*snapshot, account);
        let policy = SessionPolicy::parse(input.policy, input.policy_arns, tags, at)?;
        let name = input.name.unwrap_or_default();
        let user = FederatedUser { name, issuer, passed: policy.passed };
        let federated_user =
            Federated { federated_user_id: user.id(account), arn: user.arn(account) };
        let session = Session::new(account, Subject::FederatedUser(user), context.now_ms, secs);
        Ok(Output {
            credentials: Credentials::of(context, &session)?,
            federated_user,
            packed_policy_size: policy.packed_percent,
        })
    }
}

fn check(input: &Input) -> Result<(), AwsError> {
    let name = input.name.as_deref();
    let is_name = |char: char| is_word(char) || "+=,.@-".contains(char);
    Constraints::new()
        .required("name", name, 2, 32)
        .pattern("name", name, "[\\w+=,.@-]*", is_name)
        .text("policy", input.policy.as_deref(), 1, usize::MAX)
        .number("durationSeconds", input.duration_seconds, SECS_MIN, SECS_MAX)
        .check()
}
