//! One page of queue URLs: `MaxResults` and `NextToken` of the operations that list queues (contract §2.3).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sluice_wire::AwsError;

use super::errors;
use super::limits::LIST_QUEUES_MAX;
use super::queue_url;
use crate::broker::Queue;
use crate::services::Context;

/// The page that a request asks for.
#[derive(Debug)]
pub(super) struct QueuePage {
    paging: Paging,
    after: Option<String>,
}

/// How many queues an answer holds, and whether it says where the next one starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paging {
    /// As many as fit, without a token.
    Off,
    /// Pages of this size.
    Pages(u32),
}

impl QueuePage {
    /// Reads `MaxResults` and `NextToken`.
    ///
    /// # Errors
    /// `InvalidParameterValue`.
    pub(super) fn parse(
        max_results: Option<i64>,
        next_token: Option<&str>,
    ) -> Result<Self, AwsError> {
        let paging = paging(max_results)?;
        let after = next_token.map(parse_token).transpose()?;
        Ok(Self { paging, after })
    }

    /// Names the last queue of the page before.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// How many queues to look up: one more than the page holds, which tells whether more follow.
    pub(super) fn fetch_max(&self) -> usize {
        self.size() + 1
    }

    /// Makes the URLs of the page, and the token of the next one, from the queues that were looked up.
    pub(super) fn answer(
        &self,
        context: &Context,
        mut queues: Vec<Arc<Queue>>,
    ) -> (Vec<String>, Option<String>) {
        let has_more = queues.len() > self.size();
        queues.truncate(self.size());
        let next_token = match (self.paging, queues.last()) {
            (Paging::Pages(_), Some(last)) if has_more => Some(token(&last.key.name)),
            (Paging::Off | Paging::Pages(_), _) => None,
        };
        (queues.iter().map(|queue| queue_url::build(context, &queue.key)).collect(), next_token)
    }

    fn size(&self) -> usize {
        match self.paging {
            Paging::Off => LIST_QUEUES_MAX as usize,
            Paging::Pages(size) => size as usize,
        }
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
