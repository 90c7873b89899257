//! Which calls are recorded as what.

/// Whether an operation manages resources or uses them; what is called often is data. CloudTrail's division.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventCategory {
    /// Always recorded; answered when the record is on disk.
    Management,
    /// Recorded when selected, without waiting for the disk.
    Data,
}

impl EventCategory {
    /// As records have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Management => "Management",
            Self::Data => "Data",
        }
    }
}

/// How the names of operations begin that change nothing. CloudTrail takes receiving for reading, and the operations of STS
/// and what is done with keys, too.
const READING: [&str; 11] = [
    "Assume",
    "Decrypt",
    "Describe",
    "Encrypt",
    "Generate",
    "Get",
    "List",
    "Lookup",
    "Peek",
    "ReEncrypt",
    "Receive",
];
/// What reads and is recorded with its answer all the same: it gives out credentials.
const ISSUING: [&str; 3] = ["AssumeRole", "GetFederationToken", "GetSessionToken"];

/// Whether an operation changes nothing.
pub(super) fn is_read_only(operation: &str) -> bool {
    READING.iter().any(|beginning| operation.starts_with(beginning))
}

/// Whether the record of an operation has `responseElements`.
pub(super) fn shows_answer(operation: &str) -> bool {
    !is_read_only(operation) || ISSUING.contains(&operation)
}
