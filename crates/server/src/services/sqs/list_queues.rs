//! `ListQueues` (contract §2.3): the URLs of the caller's queues in a region, by name.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::errors;
use super::limits::LIST_QUEUES_MAX;
use super::queue_url;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListQueues;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_name_prefix: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
    #[serde(default)]
    next_token: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// How many queues an answer holds, and whether it says where the next one starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paging {
    /// As many as fit, without a token.
    Off,
    /// Pages of this size.
    Pages(u32),
}

impl Operation for ListQueues {
    const NAME: &'static str = "ListQueues";
    const IAM_ACTION: &'static str = "sqs:ListQueues";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let paging = paging(input.max_results)?;
        let after = input.next_token.as_deref().map(parse_token).transpose()?;
        let page_size = match paging {
            Paging::Off => LIST_QUEUES_MAX as usize,
            Paging::Pages(size) => size as usize,
        };
        let mut queues = context.broker.list(
            &context.identity.account,
            &context.region,
            input.queue_name_prefix.as_deref().unwrap_or_default(),
            after.as_deref(),
            page_size + 1,
        );
        let has_more = queues.len() > page_size;
        queues.truncate(page_size);
        let next_token = match (paging, queues.last()) {
            (Paging::Pages(_), Some(last)) if has_more => Some(token(&last.key.name)),
            (Paging::Off | Paging::Pages(_), _) => None,
        };
        let queue_urls = queues.iter().map(|queue| queue_url::build(context, &queue.key)).collect();
        Ok(Output { queue_urls, next_token })
    }
}

/// Reads `MaxResults`; 0 counts as absent.
fn paging(max_results: Option<i64>) -> Result<Paging, AwsError> {
    match max_results.map(u32::try_from) {
        None | Some(Ok(0)) => Ok(Paging::Off),
        Some(Ok(size @ 1..=LIST_QUEUES_MAX)) => Ok(Paging::Pages(size)),
        Some(Ok(_) | Err(_)) => Err(errors::invalid_parameter(
            "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer \
             between 1 and 1000.",
        )),
    }
}

/// Makes the token of the page that starts after a queue.
fn token(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(name)
}

fn parse_token(token: &str) -> Result<String, AwsError> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| errors::invalid_parameter("Invalid or expired next token."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_one_to_a_thousand_queues() {
        assert_eq!(paging(None).ok(), Some(Paging::Off));
        assert_eq!(paging(Some(0)).ok(), Some(Paging::Off));
        assert_eq!(paging(Some(1000)).ok(), Some(Paging::Pages(1000)));
        for bad in [-1, 1001, i64::MAX] {
            let error = paging(Some(bad)).expect_err("refused");
            assert_eq!(
                error.message(),
                "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer \
                 between 1 and 1000."
            );
        }
    }

    #[test]
    fn a_token_reads_back_and_others_are_refused() {
        assert_eq!(parse_token(&token("orders.fifo")).ok().as_deref(), Some("orders.fifo"));
        let error = parse_token("not a token!").expect_err("refused");
        assert_eq!(error.message(), "Invalid or expired next token.");
    }
}
