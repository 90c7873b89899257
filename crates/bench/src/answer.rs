//! Reads as much of an answer as it takes to know that it is one: what worked, what did not, and the messages.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What became of the messages of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) successes: usize,
    /// Codes of the entries that failed.
    pub(crate) failures: Vec<String>,
}

/// A message that was received.
#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(rename = "ReceiptHandle", borrow)]
    pub(crate) receipt_handle: Cow<'a, str>,
    #[serde(rename = "Body", borrow, default)]
    pub(crate) body: Cow<'a, str>,
}

/// Why an answer cannot be used.
pub(crate) const NOT_AN_ANSWER: &str = "answer without the members it must have";

#[derive(Deserialize)]
struct SendAnswer {
    #[serde(rename = "MessageId")]
    _message_id: IgnoredAny,
    #[serde(rename = "MD5OfMessageBody")]
    _body_md5: IgnoredAny,
}

#[derive(Deserialize)]
struct BatchAnswer<'a> {
    #[serde(rename = "Successful", default)]
    successful: Vec<IgnoredAny>,
    #[serde(rename = "Failed", borrow, default)]
    failed: Vec<FailedEntry<'a>>,
}

#[derive(Deserialize)]
struct FailedEntry<'a> {
    #[serde(rename = "Code", borrow)]
    code: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ReceiveAnswer<'a> {
    #[serde(rename = "Messages", borrow, default)]
    messages: Option<Vec<Message<'a>>>,
}

#[derive(Deserialize)]
struct ErrorAnswer<'a> {
    #[serde(rename = "__type", borrow)]
    shape: Cow<'a, str>,
}

/// The answer to `SendMessage`.
pub(crate) fn sent(body: &[u8]) -> Result<Done, &'static str> {
    serde_json::from_slice::<SendAnswer>(body).map_err(|_| NOT_AN_ANSWER)?;
    Ok(Done { successes: 1, failures: Vec::new() })
}

/// The answer to `DeleteMessage`: no members.
pub(crate) fn deleted(body: &[u8]) -> Result<Done, &'static str> {
    if !body.is_empty() && serde_json::from_slice::<serde_json::Map<_, _>>(body).is_err() {
        return Err(NOT_AN_ANSWER);
    }
    Ok(Done { successes: 1, failures: Vec::new() })
}

/// The answer to a batch operation with this many entries: each must be accounted for.
pub(crate) fn batch(body: &[u8], entries: usize) -> Result<Done, &'static str> {
    let answer: BatchAnswer<'_> = serde_json::from_slice(body).map_err(|_| NOT_AN_ANSWER)?;
    if answer.successful.len() + answer.failed.len() != entries {
        return Err("batch answer that does not account for every entry");
    }
    let failures = answer.failed.into_iter().map(|entry| entry.code.into_owned()).collect();
    Ok(Done { successes: answer.successful.len(), failures })
}

/// The answer to `ReceiveMessage`.
pub(crate) fn received(body: &[u8]) -> Result<Vec<Message<'_>>, &'static str> {
    let answer: ReceiveAnswer<'_> = serde_json::from_slice(body).map_err(|_| NOT_AN_ANSWER)?;
    let messages = answer.messages.unwrap_or_default();
    if messages.iter().any(|message| message.receipt_handle.is_empty()) {
        return Err("message without a receipt handle");
    }
    Ok(messages)
}

/// How an answer that is no success is counted: status and code.
pub(crate) fn refusal(status: u16, body: &[u8]) -> String {
    match serde_json::from_slice::<ErrorAnswer<'_>>(body) {
        Ok(answer) => {
            let shape = answer.shape.rsplit('#').next().unwrap_or_default();
            format!("{status} {shape}")
        }
        Err(_) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_is_one_only_with_its_members() {
        let good = br#"{"MessageId":"a","MD5OfMessageBody":"b","SequenceNumber":"1"}"#;
        assert_eq!(sent(good), Ok(Done { successes: 1, failures: Vec::new() }));
        for bad in [&b"{}"[..], b"", b"<html>", br#"{"MessageId":"a"}"#] {
            assert_eq!(sent(bad), Err(NOT_AN_ANSWER));
        }
    }

    #[test]
    fn every_entry_of_a_batch_counts_as_what_it_is() {
        let body = br#"{"Successful":[{"Id":"0"}],"Failed":[{"Id":"1","Code":"InternalError"}]}"#;
        let failures = vec!["InternalError".to_owned()];
        assert_eq!(batch(body, 2), Ok(Done { successes: 1, failures }));
        assert!(batch(body, 3).is_err());
        assert!(batch(b"{}", 1).is_err());
    }

    #[test]
    fn messages_are_found_with_their_handles() {
        let body = br#"{"Messages":[{"MessageId":"m","ReceiptHandle":"a\/b","Body":"x"}]}"#;
        let messages = received(body).expect("this is an answer");
        assert_eq!((&*messages[0].receipt_handle, &*messages[0].body), ("a/b", "x"));
        for empty in [&b"{}"[..], br#"{"Messages":[]}"#, br#"{"Messages":null}"#] {
            assert_eq!(received(empty).map(|messages| messages.len()), Ok(0));
        }
        assert!(received(br#"{"Messages":[{"ReceiptHandle":"","Body":"x"}]}"#).is_err());
        assert!(received(br#"{"Messages":[{"Body":"x"}]}"#).is_err());
    }

    #[test]
    fn a_delete_answers_nothing_or_an_empty_object() {
        assert!(deleted(b"").is_ok() && deleted(b"{}").is_ok());
        assert!(deleted(b"<html>").is_err());
    }

    #[test]
    fn refusals_are_told_apart_by_status_and_code() {
        let body = br#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}"#;
        assert_eq!(refusal(400, body), "400 RequestThrottled");
        assert_eq!(refusal(502, b"<html>"), "502");
    }
}
