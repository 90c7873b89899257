//! `ListTags`: the tags of trails.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::errors;
use super::tag_list::{self, TagList};
use super::tagged;
use crate::services::{Context, Operation, Resource};

/// Trails that can be asked for at once.
const RESOURCES_MAX: usize = 20;

/// The operation.
pub(super) struct ListTags;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    resource_id_list: Option<Vec<String>>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    resource_tag_list: Vec<ResourceTag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceTag {
    resource_id: String,
    tags_list: TagList,
}

impl Operation for ListTags {
    const NAME: &'static str = "ListTags";
    const IAM_ACTION: &'static str = "cloudtrail:ListTags";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::Trail(input.resource_id_list.iter().flatten().next().cloned())
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        let others = input.resource_id_list.iter().flatten().skip(1).take(RESOURCES_MAX);
        others.map(|arn| (Self::IAM_ACTION, Resource::Trail(Some(arn.clone())))).collect()
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let arns = input.resource_id_list.unwrap_or_default();
        if arns.len() > RESOURCES_MAX {
            let text = "The tags of 20 trails at most can be asked for at once.";
            return Err(errors::invalid_combination(text));
        }
        let tags = |arn: String| {
            let trail = tagged::found(context, &arn)?;
            Ok(ResourceTag { resource_id: arn, tags_list: tag_list::list(&trail.tags) })
        };
        let listed = arns.into_iter().map(tags).collect::<Result<_, AwsError>>()?;
        Ok(Output { resource_tag_list: listed })
    }
}
