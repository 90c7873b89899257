//! The record that says that others are missing.

use serde_json::json;
use sluice_wire::iso_8601;
use uuid::Uuid;

use super::record::Record;
use super::writer::Home;

/// What is missing before this place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Gap {
    /// Records of calls that were answered, or cut off by their client.
    pub(super) lost: u64,
    /// Calls that were refused because they could not have been recorded.
    pub(super) refused: u64,
    /// Bytes at the end of the file before, that a crash left unfinished; nobody knows how many records they were.
    pub(super) bytes_cut: u64,
}

impl Gap {
    /// Whether anything is missing.
    pub(super) fn is_some(self) -> bool {
        self != Self::default()
    }

    /// The record.
    pub(super) fn to_json(self, home: &Home, now_ms: u64) -> Vec<u8> {
        let Self { lost, refused, bytes_cut } = self;
        let record = json!({
            "eventVersion": Record::VERSION,
            "userIdentity": { "type": "AWSService", "invokedBy": "audit.sluice" },
            "eventTime": iso_8601(now_ms / 1_000),
            "eventSource": "audit.sluice",
            "eventName": "RecordsLost",
            "awsRegion": home.region,
            "sourceIPAddress": "audit.sluice",
            "userAgent": "audit.sluice",
            "requestParameters": null,
            "responseElements": null,
            "eventID": Uuid::new_v4().to_string(),
            "readOnly": false,
            "eventType": "AwsServiceEvent",
            "managementEvent": true,
            "recipientAccountId": home.account,
            "serviceEventDetails": { "lost": lost, "refused": refused, "bytesCut": bytes_cut },
            "eventCategory": "Management",
        });
        record.to_string().into_bytes()
    }
}
