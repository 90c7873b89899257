//! What the three batch operations share: checks of the whole request, and results per entry (contract §2.9).

use std::collections::HashSet;

use serde::Serialize;
use sluice_wire::{AwsError, Fault};

use super::errors;
use super::limits::{BATCH_BYTES_MAX, BATCH_ENTRY_ID_CHARS_MAX, Limits};

/// One entry of a batch request.
pub(super) trait BatchEntry {
    /// Name of the entry's shape, which error texts print.
    const NAME: &'static str;

    /// The id, unique within the request.
    fn id(&self) -> Option<&str>;

    /// Bytes that count towards the size of the request.
    fn size_bytes(&self) -> usize {
        0
    }
}

/// An entry whose id is checked.
#[derive(Debug)]
pub(super) struct Checked<E> {
    /// Number within the request, from 1.
    pub(super) number: usize,
    /// Its id.
    pub(super) id: String,
    /// The entry.
    pub(super) entry: E,
}

/// The entries of a request by id, each with what its answer needs, or with why it fails.
pub(super) struct Pending<K> {
    entries: Vec<(String, Result<K, AwsError>)>,
}

/// An entry that failed, as `BatchResultErrorEntry`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FailedEntry {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

/// Answer of a batch operation; a list without entries is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchOutput<S> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    successful: Vec<S>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<FailedEntry>,
}

impl<E: BatchEntry> Checked<E> {
    /// Refuses this entry for the lack of one of its members.
    pub(super) fn missing(&self, member: &str) -> AwsError {
        missing::<E>(self.number, member)
    }
}

/// Checks a request as a whole, in the order that AWS was seen to use.
///
/// # Errors
/// The errors of contract §2.9 that refuse every entry.
pub(super) fn check<E: BatchEntry>(
    entries: Option<Vec<E>>,
    limits: &Limits,
) -> Result<Vec<Checked<E>>, AwsError> {
    let entries = entries.unwrap_or_default();
    if entries.is_empty() {
        return Err(errors::empty_batch_request(E::NAME));
    }
    if let Some(index) = entries.iter().position(|entry| entry.id().is_none()) {
        return Err(missing::<E>(index + 1, "Id"));
    }
    let size_bytes: usize = entries.iter().map(E::size_bytes).sum();
    let entries = entries
        .into_iter()
        .enumerate()
        .map(|(index, entry)| check_id(index + 1, entry))
        .collect::<Result<Vec<_>, _>>()?;
    if size_bytes > BATCH_BYTES_MAX {
        return Err(errors::batch_request_too_long(size_bytes, BATCH_BYTES_MAX));
    }
    let mut seen = HashSet::with_capacity(entries.len());
    if let Some(repeated) = entries.iter().find(|entry| !seen.insert(entry.id.as_str())) {
        return Err(errors::batch_entry_ids_not_distinct(&repeated.id));
    }
    let count_max = limits.batch_entries_max as usize;
    if entries.len() > count_max {
        return Err(errors::too_many_entries(entries.len(), count_max));
    }
    Ok(entries)
}

/// Reads the entries one by one. What the broker has to do for the good ones comes in request order, apart from what
/// their answers need.
pub(super) fn read<E, T, K>(
    entries: Vec<Checked<E>>,
    read_one: impl Fn(Checked<E>) -> Result<(T, K), AwsError>,
) -> (Vec<T>, Pending<K>) {
    let mut tasks = Vec::with_capacity(entries.len());
    let read = |entry: Checked<E>| {
        let id = entry.id.clone();
        let kept = read_one(entry).map(|(task, kept)| {
            tasks.push(task);
            kept
        });
        (id, kept)
    };
    let entries = entries.into_iter().map(read).collect();
    (tasks, Pending { entries })
}

impl<K> Pending<K> {
    /// Answers every entry: the good ones with what the broker did for them, in its order.
    pub(super) fn answer<R, S>(
        self,
        outcomes: Vec<R>,
        report: impl Fn(String, K, R) -> Result<S, AwsError>,
    ) -> BatchOutput<S> {
        let mut outcomes = outcomes.into_iter();
        answer(self.entries.into_iter().map(|(id, kept)| {
            let success = kept.and_then(|kept| {
                let outcome = outcomes.next().expect("the broker answers every task");
                report(id.clone(), kept, outcome)
            });
            (id, success)
        }))
    }
}

/// Sorts the outcomes of the entries, in request order, into the two lists of the answer.
fn answer<S>(outcomes: impl IntoIterator<Item = (String, Result<S, AwsError>)>) -> BatchOutput<S> {
    let mut output = BatchOutput { successful: Vec::new(), failed: Vec::new() };
    for (id, outcome) in outcomes {
        match outcome {
            Ok(success) => output.successful.push(success),
            Err(error) => output.failed.push(FailedEntry {
                id,
                sender_fault: error.shape().fault == Fault::Sender,
                code: error.shape().query_code,
                message: error.message().to_owned(),
            }),
        }
    }
    output
}

fn check_id<E: BatchEntry>(number: usize, entry: E) -> Result<Checked<E>, AwsError> {
    let id = entry.id().unwrap_or_default().to_owned();
    let has_valid_characters =
        id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if id.is_empty() || id.len() > BATCH_ENTRY_ID_CHARS_MAX || !has_valid_characters {
        return Err(errors::invalid_batch_entry_id());
    }
    Ok(Checked { number, id, entry })
}

fn missing<E: BatchEntry>(number: usize, member: &str) -> AwsError {
    errors::missing_parameter(&format!("{}.{number}.{member}", E::NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Entry {
        id: Option<String>,
        size_bytes: usize,
    }

    impl BatchEntry for Entry {
        const NAME: &'static str = "SendMessageBatchRequestEntry";

        fn id(&self) -> Option<&str> {
            self.id.as_deref()
        }

        fn size_bytes(&self) -> usize {
            self.size_bytes
        }
    }

    fn entries<'a>(ids: impl IntoIterator<Item = &'a str>, size_bytes: usize) -> Vec<Entry> {
        ids.into_iter().map(|id| Entry { id: Some(id.to_owned()), size_bytes }).collect()
    }

    fn refusal(entries: Vec<Entry>) -> String {
        let error = check(Some(entries), &Limits::SQS).expect_err("refused");
        format!("{}: {}", error.shape().name, error.message())
    }

    #[test]
    fn a_request_needs_entries() {
        let text = "EmptyBatchRequest: There should be at least one SendMessageBatchRequestEntry \
                    in the request.";
        assert_eq!(refusal(Vec::new()), text);
        assert!(check::<Entry>(None, &Limits::SQS).is_err());
    }

    #[test]
    fn ids_are_letters_digits_hyphens_and_underscores() {
        let longest = "x".repeat(80);
        assert!(check(Some(entries(["a-Z_9", longest.as_str()], 0)), &Limits::SQS).is_ok());
        let too_long = "x".repeat(81);
        for bad in ["", "a b", "a.b", "ä", too_long.as_str()] {
            assert_eq!(
                refusal(entries([bad], 0)),
                "InvalidBatchEntryId: A batch entry id can only contain alphanumeric characters, \
                 hyphens and underscores. It can be at most 80 letters long."
            );
        }
        assert_eq!(
            refusal(vec![
                Entry { id: Some("a b".to_owned()), size_bytes: 0 },
                Entry { id: None, size_bytes: 0 },
            ]),
            "MissingRequiredParameterException: The request must contain the parameter \
             SendMessageBatchRequestEntry.2.Id."
        );
    }

    #[test]
    fn the_whole_request_has_a_size() {
        assert!(check(Some(entries(["a", "b"], 524_288)), &Limits::SQS).is_ok());
        assert_eq!(
            refusal(entries(["a"], 1_048_577)),
            "BatchRequestTooLong: Batch requests cannot be longer than 1048576 bytes. You have \
             sent 1048577 bytes."
        );
    }

    #[test]
    fn ids_are_distinct() {
        assert_eq!(
            refusal(entries(["a", "b", "b", "a"], 0)),
            "BatchEntryIdsNotDistinct: Id b repeated."
        );
    }

    #[test]
    fn at_most_ten_entries() {
        let ids: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let some = |count| entries(ids[..count].iter().map(String::as_str), 0);
        assert!(check(Some(some(10)), &Limits::SQS).is_ok());
        let raised = Limits { batch_entries_max: 20, ..Limits::SQS };
        assert!(check(Some(some(20)), &raised).is_ok());
        assert_eq!(
            refusal(some(20)),
            "TooManyEntriesInBatchRequest: Maximum number of entries per request are 10. You have \
             sent 20."
        );
    }

    #[test]
    fn several_mistakes_are_reported_in_this_order() {
        let twenty = || vec!["a"; 20];
        let mut bad_id = twenty();
        bad_id[19] = "";
        assert!(refusal(entries(bad_id, 1_048_577)).starts_with("InvalidBatchEntryId"));
        assert!(refusal(entries(twenty(), 1_048_577)).starts_with("BatchRequestTooLong"));
        assert!(refusal(entries(twenty(), 0)).starts_with("BatchEntryIdsNotDistinct"));
    }

    #[test]
    fn good_entries_get_the_outcomes_in_request_order() {
        let checked = check(Some(entries(["a", "b", "c"], 0)), &Limits::SQS).expect("valid");
        let (tasks, pending) = read(checked, |entry| match entry.id.as_str() {
            "b" => Err(entry.missing("Member")),
            id => Ok((id.to_owned(), entry.number)),
        });
        assert_eq!(tasks, ["a", "c"]);
        let output = pending.answer(vec![10, 30], |id, number, outcome| Ok((id, number, outcome)));
        assert_eq!(output.successful, [("a".to_owned(), 1, 10), ("c".to_owned(), 3, 30)]);
        assert_eq!(output.failed[0].id, "b");
    }

    #[test]
    fn empty_lists_are_left_out_of_the_answer() {
        let outcome = ("a".to_owned(), Err::<(), _>(errors::invalid_message_contents()));
        let json = serde_json::to_value(answer([outcome])).expect("serializes");
        assert_eq!(json.get("Successful"), None);
        assert_eq!(json["Failed"][0]["Code"], "InvalidMessageContents");
        assert_eq!(json["Failed"][0]["SenderFault"], true);
    }
}
