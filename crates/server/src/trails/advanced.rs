//! Advanced event selectors: by the fields of records.

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::audit::EventCategory;

/// An advanced event selector: an event has to pass each of its fields. Serialized as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdvancedEventSelector {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What events have to be.
    pub field_selectors: Vec<FieldSelector>,
}

/// What one field of an event has to be: anything that is given and nothing that is excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FieldSelector {
    /// Which one.
    pub field: Field,
    /// Exactly one of these,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equals: Vec<String>,
    /// or something that begins
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts_with: Vec<String>,
    /// or ends with one of these,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends_with: Vec<String>,
    /// but none of these,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_equals: Vec<String>,
    /// and nothing that begins
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_starts_with: Vec<String>,
    /// or ends with one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_ends_with: Vec<String>,
}

/// A field of records that can be selected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Field {
    /// `Management` or `Data`
    EventCategory,
    /// Name of the operation.
    EventName,
    /// `sqs.amazonaws.com`
    EventSource,
    /// `true` or `false`
    ReadOnly,
    /// `AWS::SQS::Queue`
    #[serde(rename = "resources.type")]
    ResourceType,
    /// ARN of what was acted on.
    #[serde(rename = "resources.ARN")]
    ResourceArn,
    /// ARN of who called.
    #[serde(rename = "userIdentity.arn")]
    CallerArn,
}

impl Field {
    /// Each with its name.
    const NAMES: [(&'static str, Self); 7] = [
        ("eventCategory", Self::EventCategory),
        ("eventName", Self::EventName),
        ("eventSource", Self::EventSource),
        ("readOnly", Self::ReadOnly),
        ("resources.type", Self::ResourceType),
        ("resources.ARN", Self::ResourceArn),
        ("userIdentity.arn", Self::CallerArn),
    ];

    /// Finds a field by its name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(listed, _)| *listed == name).map(|(_, field)| *field)
    }

    /// As clients write it.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }

    /// Whether an event has one for each of its resources.
    pub(crate) fn is_of_resources(self) -> bool {
        matches!(self, Self::ResourceType | Self::ResourceArn)
    }
}

impl AdvancedEventSelector {
    /// Whether an event is selected: if it acted on several resources, because of one of them.
    pub(super) fn selects(&self, event: &Event<'_>) -> bool {
        let admits = |resource: Option<(Option<&str>, &str)>| {
            let value = |field| value(event, resource, field);
            self.field_selectors.iter().all(|selector| selector.admits(value(selector.field)))
        };
        match &event.resources[..] {
            [] => admits(None),
            resources => resources.iter().any(|resource| admits(Some(*resource))),
        }
    }

    /// Whether it selects data events.
    pub(super) fn selects_data(&self) -> bool {
        let is_category = |it: &&FieldSelector| it.field == Field::EventCategory;
        let category = self.field_selectors.iter().find(is_category);
        category.is_some_and(|it| it.admits(Some(EventCategory::Data.name())))
    }
}

/// The value of a field.
fn value<'a>(
    event: &Event<'a>,
    resource: Option<(Option<&'a str>, &'a str)>,
    field: Field,
) -> Option<&'a str> {
    match field {
        Field::EventCategory => Some(event.category),
        Field::EventName => Some(event.name),
        Field::EventSource => Some(event.source),
        Field::ReadOnly => Some(if event.is_read_only { "true" } else { "false" }),
        Field::ResourceType => resource.and_then(|(kind, _)| kind),
        Field::ResourceArn => resource.map(|(_, arn)| arn),
        Field::CallerArn => event.caller_arn,
    }
}

impl FieldSelector {
    /// Every value that it has.
    pub(crate) fn values(&self) -> impl Iterator<Item = &String> {
        let given = [&self.equals, &self.starts_with, &self.ends_with];
        let excluded = [&self.not_equals, &self.not_starts_with, &self.not_ends_with];
        given.into_iter().chain(excluded).flatten()
    }

    /// Whether a value passes. What is not there is nothing that is given, and nothing that is excluded.
    fn admits(&self, value: Option<&str>) -> bool {
        let has = |texts: &[String], is_it: fn(&str, &str) -> bool| {
            value.is_some_and(|value| texts.iter().any(|text| is_it(value, text)))
        };
        let is_equal = |value: &str, text: &str| value == text;
        let begins = |value: &str, text: &str| value.starts_with(text);
        let ends = |value: &str, text: &str| value.ends_with(text);
        let takes_any =
            self.equals.is_empty() && self.starts_with.is_empty() && self.ends_with.is_empty();
        let is_given = takes_any
            || has(&self.equals, is_equal)
            || has(&self.starts_with, begins)
            || has(&self.ends_with, ends);
        let is_excluded = has(&self.not_equals, is_equal)
            || has(&self.not_starts_with, begins)
            || has(&self.not_ends_with, ends);
        is_given && !is_excluded
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json, to_value};

    use super::*;

    fn send() -> Event<'static> {
        Event {
            category: "Data",
            is_read_only: false,
            name: "SendMessage",
            source: "sqs.amazonaws.com",
            region: "us-east-1",
            recipient: "123456789012",
            caller: None,
            caller_arn: Some("arn:aws:iam::123456789012:user/ann"),
            resources: vec![(Some("AWS::SQS::Queue"), "arn:aws:sqs:us-east-1:123456789012:orders")],
        }
    }

    fn selector(fields: &Value) -> AdvancedEventSelector {
        from_value(json!({ "FieldSelectors": fields })).expect("a selector")
    }

    #[test]
    fn each_operator_of_each_field_decides() {
        for (fields, is_selected) in [
            (json!([{ "Field": "eventCategory", "Equals": ["Data"] }]), true),
            (json!([{ "Field": "eventCategory", "Equals": ["Management"] }]), false),
            (json!([{ "Field": "resources.type", "Equals": ["AWS::SQS::Queue"] }]), true),
            (json!([{ "Field": "resources.type", "Equals": ["AWS::SNS::Topic"] }]), false),
            (json!([{ "Field": "resources.ARN", "EndsWith": [":orders"] }]), true),
            (json!([{ "Field": "resources.ARN", "EndsWith": [":others"] }]), false),
            (json!([{ "Field": "resources.ARN", "StartsWith": ["x", "arn:aws:sqs:"] }]), true),
            (json!([{ "Field": "resources.ARN", "NotEndsWith": [":orders"] }]), false),
            (json!([{ "Field": "readOnly", "Equals": ["false"] }]), true),
            (json!([{ "Field": "readOnly", "Equals": ["true"] }]), false),
            (json!([{ "Field": "eventName", "Equals": ["SendMessage", "Publish"] }]), true),
            (json!([{ "Field": "eventName", "NotStartsWith": ["Send"] }]), false),
            (json!([{ "Field": "eventName", "NotEquals": ["ReceiveMessage"] }]), true),
            (
                json!([{ "Field": "eventName", "StartsWith": ["Send"], "NotEndsWith": ["Batch"] }]),
                true,
            ),
            (
                json!([{ "Field": "eventName", "StartsWith": ["Send"], "NotEquals": ["SendMessage"] }]),
                false,
            ),
            (
                json!([{ "Field": "eventName", "Equals": ["Publish"], "EndsWith": ["Message"] }]),
                true,
            ),
            (json!([{ "Field": "eventSource", "Equals": ["sns.amazonaws.com"] }]), false),
            (json!([{ "Field": "userIdentity.arn", "EndsWith": ["user/ann"] }]), true),
            (
                json!([{ "Field": "userIdentity.arn", "NotEquals": ["arn:aws:iam::123456789012:user/ann"] }]),
                false,
            ),
            (
                json!([{ "Field": "eventName", "Equals": ["SendMessage"] }, { "Field": "readOnly", "Equals": ["true"] }]),
                false,
            ),
        ] {
            let selector = selector(&fields);
            assert_eq!(selector.selects(&send()), is_selected, "{fields}");
            assert_eq!(to_value(&selector).expect("JSON")["FieldSelectors"], fields);
        }
    }

    #[test]
    fn one_resource_has_to_pass_all_that_is_asked_of_resources() {
        let mut event = send();
        event.resources.push((Some("AWS::SNS::Topic"), "arn:aws:sns:us-east-1:123456789012:news"));
        let asked = |kind: &str, ending: &str| {
            selector(&json!([
                { "Field": "resources.type", "Equals": [kind] },
                { "Field": "resources.ARN", "EndsWith": [ending] },
            ]))
        };
        assert!(asked("AWS::SNS::Topic", ":news").selects(&event));
        assert!(!asked("AWS::SNS::Topic", ":orders").selects(&event));
    }

    #[test]
    fn what_an_event_does_not_have_is_not_given_and_not_excluded() {
        let event = Event { caller_arn: None, resources: Vec::new(), ..send() };
        let asked =
            |operator: &str| selector(&json!([{ "Field": "userIdentity.arn", operator: ["x"] }]));
        assert!(!asked("Equals").selects(&event) && asked("NotEquals").selects(&event));
        let typed =
            selector(&json!([{ "Field": "resources.type", "Equals": ["AWS::SQS::Queue"] }]));
        assert!(!typed.selects(&event));
    }

    #[test]
    fn fields_have_the_names_that_they_are_stored_with() {
        for (name, field) in Field::NAMES {
            assert_eq!(to_value(field).expect("JSON"), name);
            assert_eq!((Field::parse(name), field.name()), (Some(field), name));
        }
        assert_eq!(Field::parse("eventname"), None);
    }
}
