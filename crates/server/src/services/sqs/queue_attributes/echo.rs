//! Attributes as `GetQueueAttributes` reports them (contract §2.4).

use std::collections::BTreeMap;

use sluice_wire::AwsError;

use super::super::errors;
use super::table::{Echo, Row, TABLE, row};
use crate::broker::{Counters, Queue};

const ALL: &str = "All";

/// Says whether a name is the name of a queue attribute, or `All`.
pub(in super::super) fn is_queue_attribute(name: &str) -> bool {
    name == ALL || row(name).is_some()
}

/// The attributes that a request asks for.
pub(in super::super) struct Wanted {
    rows: Vec<&'static Row>,
}

impl Wanted {
    /// Looks the names up.
    ///
    /// # Errors
    /// `InvalidAttributeName` for an unknown name, also next to `All`.
    pub(in super::super) fn parse(names: &[String]) -> Result<Self, AwsError> {
        if let Some(unknown) = names.iter().find(|name| !is_queue_attribute(name)) {
            return Err(errors::unknown_attribute(unknown));
        }
        let is_wanted = |row: &&Row| names.iter().any(|name| name == ALL || name == row.name);
        Ok(Self { rows: TABLE.iter().filter(is_wanted).collect() })
    }

    /// Says whether the counters are needed.
    pub(in super::super) fn has_counters(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.echo, Echo::Counter(_)))
    }

    /// Reports the attributes that the queue has. Counters are left out when not given.
    pub(in super::super) fn report(
        &self,
        queue: &Queue,
        counters: Option<&Counters>,
    ) -> BTreeMap<&'static str, String> {
        let value = |row: &Row| match row.echo {
            Echo::Setting(echo) => echo(queue),
            Echo::Counter(count) => counters.map(|counters| count(counters).to_string()),
        };
        self.rows
            .iter()
            .filter(|row| row.scope.includes(queue.kind))
            .filter_map(|row| Some((row.name, value(row)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::broker::QueueKind;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn report(queue: &Queue, wanted: &[&str]) -> BTreeMap<&'static str, String> {
        let counters = Counters { visible: 3, in_flight: 2, delayed: 1, ..Counters::default() };
        let wanted = Wanted::parse(&names(wanted)).expect("known names");
        wanted.report(queue, Some(&counters))
    }

    #[test]
    fn a_fresh_standard_queue_reports_twelve_attributes() {
        let report = report(&fixture::queue("q", QueueKind::Standard), &["All"]);
        let names: Vec<&str> = report.keys().copied().collect();
        assert_eq!(
            names,
            [
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesDelayed",
                "ApproximateNumberOfMessagesNotVisible",
                "CreatedTimestamp",
                "DelaySeconds",
                "LastModifiedTimestamp",
                "MaximumMessageSize",
                "MessageRetentionPeriod",
                "QueueArn",
                "ReceiveMessageWaitTimeSeconds",
                "SqsManagedSseEnabled",
                "VisibilityTimeout",
            ]
        );
        assert_eq!(report["ApproximateNumberOfMessages"], "3");
        assert_eq!(report["ApproximateNumberOfMessagesNotVisible"], "2");
        assert_eq!(report["ApproximateNumberOfMessagesDelayed"], "1");
    }

    #[test]
    fn a_fresh_fifo_queue_reports_sixteen_attributes() {
        let report = report(&fixture::queue("q.fifo", QueueKind::Fifo), &["All"]);
        assert_eq!(report.len(), 16);
        assert_eq!(report["FifoQueue"], "true");
        assert_eq!(report["ContentBasedDeduplication"], "false");
        assert_eq!(report["DeduplicationScope"], "queue");
        assert_eq!(report["FifoThroughputLimit"], "perQueue");
    }

    #[test]
    fn known_attributes_that_are_not_set_are_absent() {
        let queue = fixture::queue("q", QueueKind::Standard);
        let wanted = ["Policy", "FifoQueue", "KmsDataKeyReusePeriodSeconds"];
        assert!(report(&queue, &wanted).is_empty());
    }

    #[test]
    fn a_key_comes_with_a_reuse_period() {
        let mut queue = fixture::queue("q", QueueKind::Standard);
        queue.attributes.kms_master_key_id = Some("k".to_owned());
        assert_eq!(report(&queue, &["All"])["KmsDataKeyReusePeriodSeconds"], "300");
    }

    #[test]
    fn unknown_names_are_refused_even_next_to_all() {
        let error = Wanted::parse(&names(&["All", "Nonsense"])).map(|_| ()).expect_err("refused");
        assert_eq!(error.message(), "Unknown Attribute Nonsense.");
    }

    #[test]
    fn counters_are_fetched_only_when_asked_for() {
        let has_counters =
            |wanted: &[&str]| Wanted::parse(&names(wanted)).map(|w| w.has_counters());
        assert_eq!(has_counters(&["QueueArn"]).ok(), Some(false));
        assert_eq!(has_counters(&["All"]).ok(), Some(true));
    }
}
