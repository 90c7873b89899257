//! Queue names (contract §2.1).

use sluice_wire::AwsError;

use super::errors;
use super::limits::QUEUE_NAME_CHARS_MAX;
use crate::broker::QueueKind;

/// How the name of every FIFO queue ends.
pub(super) const FIFO_SUFFIX: &str = ".fifo";

/// Checks the name of a queue about to be created.
///
/// # Errors
/// `InvalidParameterValue`; the text depends on the kind of queue that was asked for.
pub(super) fn check(name: &str, kind: QueueKind) -> Result<(), AwsError> {
    if name.is_empty() {
        return Err(errors::invalid_parameter("Queue name cannot be empty"));
    }
    let is_valid = name.len() <= QUEUE_NAME_CHARS_MAX
        && match kind {
            QueueKind::Standard => has_name_characters(name),
            QueueKind::Fifo => name.strip_suffix(FIFO_SUFFIX).is_some_and(has_name_characters),
        };
    if is_valid {
        return Ok(());
    }
    Err(errors::invalid_parameter(match kind {
        QueueKind::Standard => {
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        }
        QueueKind::Fifo => {
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or \
             underscores, must end with .fifo suffix and be 1 to 80 in length."
        }
    }))
}

/// Refuses a request without `QueueName`.
pub(super) fn given(name: Option<&str>) -> Result<&str, AwsError> {
    name.ok_or_else(|| {
        errors::invalid_parameter(
            "Value for parameter QueueName is invalid. Reason: Must specify a queue name.",
        )
    })
}

fn has_name_characters(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_standard_queues() {
        let longest = "x".repeat(80);
        for good in ["a", "Az-9_", longest.as_str()] {
            assert!(check(good, QueueKind::Standard).is_ok(), "{good:?}");
        }
        let too_long = "x".repeat(81);
        for bad in ["", "a b", "a.fifo", "ä", "a/b", too_long.as_str()] {
            assert!(check(bad, QueueKind::Standard).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_of_fifo_queues_count_their_suffix() {
        let longest = format!("{}.fifo", "x".repeat(75));
        assert!(check(&longest, QueueKind::Fifo).is_ok());
        let too_long = format!("{}.fifo", "x".repeat(76));
        for bad in [".fifo", "a", "a.fif", "a.b.fifo", "a.FIFO", too_long.as_str()] {
            assert!(check(bad, QueueKind::Fifo).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_absent_name_and_an_empty_name_read_differently() {
        let empty = check("", QueueKind::Standard).map_err(|e| e.message().to_owned());
        assert_eq!(empty, Err("Queue name cannot be empty".to_owned()));
        assert_eq!(
            given(None).map_err(|e| e.message().to_owned()),
            Err("Value for parameter QueueName is invalid. Reason: Must specify a queue name."
                .to_owned())
        );
    }
}
