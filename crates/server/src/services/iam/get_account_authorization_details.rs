//! `GetAccountAuthorizationDetails`: everything in the account that policies are about, with the policies.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::account_details::{Entry, GroupDetail, PolicyDetail, RoleDetail, UserDetail};
use super::descriptions::ENTITY_TYPES;
use super::limits::PAGE_DOCUMENT_BYTES_MAX;
use super::page::{Cut, Page};
use crate::services::constraints::Constraints;
use crate::services::member_list::MemberList;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetAccountAuthorizationDetails;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    filter: MemberList<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// Answer.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    user_detail_list: Vec<UserDetail>,
    group_detail_list: Vec<GroupDetail>,
    role_detail_list: Vec<RoleDetail>,
    policies: Vec<PolicyDetail>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for GetAccountAuthorizationDetails {
    const NAME: &'static str = "GetAccountAuthorizationDetails";
    const IAM_ACTION: &'static str = "iam:GetAccountAuthorizationDetails";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let filter = input.filter.0;
        let check = |constraints: Constraints, (index, given): (usize, &String)| {
            let parameter = format!("filter.{}.member", index + 1);
            constraints.one_of(&parameter, Some(given), &ENTITY_TYPES)
        };
        filter.iter().enumerate().fold(Constraints::new(), check).check()?;
        let (snapshot, account) = (context.identities.snapshot(), &*context.identity.account);
        let is_wanted = |entry: &Entry<'_>| {
            filter.is_empty() || filter.iter().any(|given| given == entry.entity_type())
        };
        let Cut { items, is_truncated, marker } = page.of_bytes(
            Entry::all(&snapshot, account).filter(is_wanted),
            Entry::sorted_by,
            (Entry::document_bytes, PAGE_DOCUMENT_BYTES_MAX),
        );
        let mut output = Output { is_truncated, marker, ..Output::default() };
        for entry in items {
            match entry {
                Entry::User(user) => output.user_detail_list.push(UserDetail::of(user)),
                Entry::Group(group) => output.group_detail_list.push(GroupDetail::of(group)),
                Entry::Role(role) => output.role_detail_list.push(RoleDetail::of(role)),
                Entry::Policy(policy) => {
                    output.policies.push(PolicyDetail::of(policy, account, &snapshot));
                }
            }
        }
        Ok(output)
    }
}
