//! Which events a trail takes (neighbours §4.1): event selectors, or advanced ones.

use serde::{Deserialize, Serialize};

use super::advanced::AdvancedEventSelector;
use super::event::Event;
use crate::audit::EventCategory;

/// What a trail selects: an event that any of its selectors selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selectors {
    /// Management events, and data events of what was there first.
    Classic(Vec<EventSelector>),
    /// By the fields of records.
    Advanced(Vec<AdvancedEventSelector>),
}

/// An event selector. Serialized as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventSelector {
    /// Whether the event has to read or to write.
    pub read_write_type: ReadWriteType,
    /// Whether management events are selected.
    pub include_management_events: bool,
    /// Of what data events are selected.
    pub data_resources: Vec<DataResource>,
    /// Of which services management events are not selected.
    pub exclude_management_event_sources: Vec<String>,
}

/// Events that read, that write, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadWriteType {
    /// Only those that change nothing.
    ReadOnly,
    /// Only those that change something.
    WriteOnly,
    /// Both.
    All,
}

/// Resources whose data events are selected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataResource {
    /// `AWS::S3::Object`
    #[serde(rename = "Type")]
    pub kind: String,
    /// What their ARNs begin with.
    pub values: Vec<String>,
}

impl Default for Selectors {
    /// Every management event.
    fn default() -> Self {
        Self::Classic(vec![EventSelector {
            read_write_type: ReadWriteType::All,
            include_management_events: true,
            data_resources: Vec::new(),
            exclude_management_event_sources: Vec::new(),
        }])
    }
}

impl Selectors {
    /// Whether an event is selected.
    pub(crate) fn select(&self, event: &Event<'_>) -> bool {
        match self {
            Self::Classic(selectors) => selectors.iter().any(|selector| selector.selects(event)),
            Self::Advanced(selectors) => selectors.iter().any(|selector| selector.selects(event)),
        }
    }

    /// Whether any data event can be selected.
    pub(crate) fn select_data(&self) -> bool {
        match self {
            Self::Classic(selectors) => selectors.iter().any(|it| !it.data_resources.is_empty()),
            Self::Advanced(selectors) => selectors.iter().any(AdvancedEventSelector::selects_data),
        }
    }
}

impl EventSelector {
    fn selects(&self, event: &Event<'_>) -> bool {
        let is_wanted = match self.read_write_type {
            ReadWriteType::All => true,
            ReadWriteType::ReadOnly => event.is_read_only,
            ReadWriteType::WriteOnly => !event.is_read_only,
        };
        let is_selected = if event.category == EventCategory::Management.name() {
            let is_excluded = |source: &String| source == event.source;
            self.include_management_events
                && !self.exclude_management_event_sources.iter().any(is_excluded)
        } else {
            self.data_resources.iter().any(|resource| resource.has_any(event))
        };
        is_wanted && is_selected
    }
}

impl DataResource {
    fn has_any(&self, event: &Event<'_>) -> bool {
        let begins = |arn: &str| self.values.iter().any(|value| arn.starts_with(value));
        event.resources.iter().any(|(kind, arn)| *kind == Some(&self.kind) && begins(arn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(category: &'static str, is_read_only: bool, source: &'static str) -> Event<'static> {
        Event {
            category,
            is_read_only,
            name: "PutObject",
            source,
            region: "us-east-1",
            recipient: "123456789012",
            caller: None,
            caller_arn: None,
            resources: vec![(Some("AWS::S3::Object"), "arn:aws:s3:::bucket/images/1")],
        }
    }

    fn selected(selector: EventSelector, event: &Event<'_>) -> bool {
        Selectors::Classic(vec![selector]).select(event)
    }

    fn default_selector() -> EventSelector {
        let Selectors::Classic(mut selectors) = Selectors::default() else {
            unreachable!("classic")
        };
        selectors.remove(0)
    }

    #[test]
    fn management_events_are_selected_unless_they_are_excluded() {
        let (read, write) = (
            event("Management", true, "kms.amazonaws.com"),
            event("Management", false, "sqs.amazonaws.com"),
        );
        for (kind, reads, writes) in [
            (ReadWriteType::All, true, true),
            (ReadWriteType::ReadOnly, true, false),
            (ReadWriteType::WriteOnly, false, true),
        ] {
            let selector = EventSelector { read_write_type: kind, ..default_selector() };
            assert_eq!(selected(selector.clone(), &read), reads, "{kind:?}");
            assert_eq!(selected(selector, &write), writes, "{kind:?}");
        }
        let exclude_management_event_sources = vec!["kms.amazonaws.com".to_owned()];
        let selector = EventSelector { exclude_management_event_sources, ..default_selector() };
        assert!(!selected(selector.clone(), &read) && selected(selector, &write));
        let selector = EventSelector { include_management_events: false, ..default_selector() };
        assert!(!selected(selector, &write));
        assert!(!selected(default_selector(), &event("Data", false, "s3.amazonaws.com")));
    }

    #[test]
    fn data_events_are_selected_by_the_beginning_of_an_arn() {
        let with = |kind: &str, value: &str| EventSelector {
            data_resources: vec![DataResource { kind: kind.into(), values: vec![value.into()] }],
            ..default_selector()
        };
        let put = event("Data", false, "s3.amazonaws.com");
        for (kind, value, is_selected) in [
            ("AWS::S3::Object", "arn:aws:s3", true),
            ("AWS::S3::Object", "arn:aws:s3:::bucket/images/", true),
            ("AWS::S3::Object", "arn:aws:s3:::bucket/other/", false),
            ("AWS::Lambda::Function", "arn:aws:s3", false),
        ] {
            assert_eq!(selected(with(kind, value), &put), is_selected, "{kind} {value}");
        }
        assert!(Selectors::Classic(vec![with("AWS::S3::Object", "arn:aws:s3")]).select_data());
        assert!(!Selectors::default().select_data());
    }
}
