//! Amazon resource names of queues.

use crate::broker::QueueKey;

/// Reads `arn:<partition>:sqs:<region>:<account>:<name>`; `None` when it names no queue.
pub(super) fn parse(text: &str) -> Option<QueueKey> {
    QueueKey::from_arn(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::sqs::fixture;

    #[test]
    fn the_name_of_a_queue_reads_back() {
        let key = fixture::key("q.fifo");
        assert_eq!(parse(&key.arn()), Some(key));
    }

    #[test]
    fn other_texts_name_no_queue() {
        for text in [
            "",
            "q",
            "arn:aws:sns:r:a:n",
            "arn:aws:sqs:r:a",
            "arn:aws:sqs:r:a:",
            "arn:aws:sqs:r:a:n:x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
