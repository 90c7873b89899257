//! Selectors as clients send them, and what is wrong with them.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::errors::invalid_event_selectors as invalid;
use crate::audit::EventCategory;
use crate::trails::{
    AdvancedEventSelector, DataResource, EventSelector, Field, FieldSelector, ReadWriteType,
    Selectors,
};

const SELECTORS_MAX: usize = 5;
/// Of all selectors of a trail.
const DATA_RESOURCES_MAX: usize = 250;
/// In all conditions of all advanced selectors of a trail.
const VALUES_MAX: usize = 500;
const VALUE_CHARS_MAX: usize = 2_048;
const NAME_CHARS_MAX: usize = 1_000;
/// Services whose management events can be left out.
const EXCLUDABLE: [&str; 2] = ["kms.amazonaws.com", "rdsdata.amazonaws.com"];
/// Whose data events event selectors know. The others need advanced ones.
const DATA_RESOURCE_TYPES: [&str; 3] =
    ["AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::S3::Object"];

/// An event selector.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GivenSelector {
    #[serde(default)]
    read_write_type: Option<String>,
    #[serde(default)]
    include_management_events: Option<bool>,
    #[serde(default)]
    data_resources: Option<Vec<GivenResource>>,
    #[serde(default)]
    exclude_management_event_sources: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenResource {
    #[serde(default, rename = "Type")]
    kind: Option<String>,
    #[serde(default)]
    values: Option<Vec<String>>,
}

/// An advanced event selector.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GivenAdvanced {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    field_selectors: Option<Vec<GivenField>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenField {
    #[serde(default)]
    field: Option<String>,
    #[serde(default)]
    equals: Option<Vec<String>>,
    #[serde(default)]
    starts_with: Option<Vec<String>>,
    #[serde(default)]
    ends_with: Option<Vec<String>>,
    #[serde(default)]
    not_equals: Option<Vec<String>>,
    #[serde(default)]
    not_starts_with: Option<Vec<String>>,
    #[serde(default)]
    not_ends_with: Option<Vec<String>>,
}

/// Reads the selectors of a trail: of one kind or the other.
pub(super) fn parsed(
    classic: Option<Vec<GivenSelector>>,
    advanced: Option<Vec<GivenAdvanced>>,
) -> Result<Selectors, AwsError> {
    let (classic, advanced) = (classic.unwrap_or_default(), advanced.unwrap_or_default());
    match (classic.is_empty(), advanced.is_empty()) {
        (true, true) => Err(invalid("A trail must have at least one event selector.")),
        (false, false) => {
            Err(invalid("A trail can have event selectors or advanced event selectors, not both."))
        }
        (false, true) => parsed_classic(classic).map(Selectors::Classic),
        (true, false) => parsed_advanced(advanced).map(Selectors::Advanced),
    }
}

fn parsed_classic(given: Vec<GivenSelector>) -> Result<Vec<EventSelector>, AwsError> {
    if given.len() > SELECTORS_MAX {
        return Err(invalid(format!("A trail can have {SELECTORS_MAX} event selectors at most.")));
    }
    let selectors = given.into_iter().map(GivenSelector::parsed).collect::<Result<Vec<_>, _>>()?;
    let resources = selectors.iter().flat_map(|selector| &selector.data_resources);
    if resources.map(|resource| resource.values.len()).sum::<usize>() > DATA_RESOURCES_MAX {
        let text = format!("A trail can have {DATA_RESOURCES_MAX} data resources at most.");
        return Err(invalid(text));
    }
    Ok(selectors)
}

impl GivenSelector {
    fn parsed(self) -> Result<EventSelector, AwsError> {
        let read_write_type = match self.read_write_type.as_deref() {
            None | Some("All") => ReadWriteType::All,
            Some("ReadOnly") => ReadWriteType::ReadOnly,
            Some("WriteOnly") => ReadWriteType::WriteOnly,
            Some(_) => {
                return Err(invalid("ReadWriteType must be one of ReadOnly, WriteOnly and All."));
            }
        };
        let excluded = self.exclude_management_event_sources.unwrap_or_default();
        if !excluded.iter().all(|source| EXCLUDABLE.contains(&source.as_str())) {
            let text =
                format!("The only sources that can be excluded are {}.", EXCLUDABLE.join(" and "));
            return Err(invalid(text));
        }
        let resources = self.data_resources.unwrap_or_default();
        let resources = resources.into_iter().map(GivenResource::parsed);
        Ok(EventSelector {
            read_write_type,
            include_management_events: self.include_management_events.unwrap_or(true),
            data_resources: resources.collect::<Result<_, _>>()?,
            exclude_management_event_sources: excluded,
        })
    }
}

impl GivenResource {
    fn parsed(self) -> Result<DataResource, AwsError> {
        let kind = self.kind.unwrap_or_default();
        if !DATA_RESOURCE_TYPES.contains(&kind.as_str()) {
            let text = format!(
                "The type of a data resource must be one of {}; others need advanced event selectors.",
                DATA_RESOURCE_TYPES.join(", ")
            );
            return Err(invalid(text));
        }
        let values = self.values.unwrap_or_default();
        if !values.iter().all(|value| value.starts_with("arn:")) {
            return Err(invalid("The values of a data resource must be ARNs or begin like ones."));
        }
        Ok(DataResource { kind, values })
    }
}

fn parsed_advanced(given: Vec<GivenAdvanced>) -> Result<Vec<AdvancedEventSelector>, AwsError> {
    let selectors = given.into_iter().map(GivenAdvanced::parsed).collect::<Result<Vec<_>, _>>()?;
    let fields = selectors.iter().flat_map(|selector| &selector.field_selectors);
    if fields.flat_map(FieldSelector::values).count() > VALUES_MAX {
        let text = format!("Advanced event selectors can have {VALUES_MAX} values at most.");
        return Err(invalid(text));
    }
    Ok(selectors)
}

impl GivenAdvanced {
    fn parsed(self) -> Result<AdvancedEventSelector, AwsError> {
        if self.name.as_ref().is_some_and(|name| name.chars().count() > NAME_CHARS_MAX) {
            let text =
                format!("The name of a selector can have {NAME_CHARS_MAX} characters at most.");
            return Err(invalid(text));
        }
        let fields = self.field_selectors.unwrap_or_default();
        let fields = fields.into_iter().map(GivenField::parsed).collect::<Result<Vec<_>, _>>()?;
        let selector = AdvancedEventSelector { name: self.name, field_selectors: fields };
        check_fields(&selector.field_selectors)?;
        Ok(selector)
    }
}

/// Whether the fields of a selector fit together.
fn check_fields(fields: &[FieldSelector]) -> Result<(), AwsError> {
    let of = |field: Field| fields.iter().find(|selector| selector.field == field);
    for (index, selector) in fields.iter().enumerate() {
        if fields[..index].iter().any(|other| other.field == selector.field) {
            let name = selector.field.name();
            return Err(invalid(format!("The field {name} can be in a selector only once.")));
        }
    }
    let category = of(Field::EventCategory).and_then(|category| category.equals.first());
    let category = category.ok_or_else(|| invalid("A selector must have an eventCategory."))?;
    let has_resources = fields.iter().any(|selector| selector.field.is_of_resources());
    if category == EventCategory::Data.name() {
        match of(Field::ResourceType) {
            Some(_) => Ok(()),
            None => Err(invalid("A selector of data events must have a resources.type.")),
        }
    } else if has_resources {
        Err(invalid("A selector of management events cannot have fields of resources."))
    } else {
        Ok(())
    }
}

impl GivenField {
    fn parsed(self) -> Result<FieldSelector, AwsError> {
        let name = self.field.unwrap_or_default();
        let unknown = || invalid(format!("{name} is not a field that events are selected by."));
        let selector = FieldSelector {
            field: Field::parse(&name).ok_or_else(unknown)?,
            equals: self.equals.unwrap_or_default(),
            starts_with: self.starts_with.unwrap_or_default(),
            ends_with: self.ends_with.unwrap_or_default(),
            not_equals: self.not_equals.unwrap_or_default(),
            not_starts_with: self.not_starts_with.unwrap_or_default(),
            not_ends_with: self.not_ends_with.unwrap_or_default(),
        };
        let is_value = |value: &String| (1..=VALUE_CHARS_MAX).contains(&value.chars().count());
        if selector.values().next().is_none() || !selector.values().all(is_value) {
            return Err(invalid(format!("The field {name} must have values.")));
        }
        check_values(&selector)?;
        Ok(selector)
    }
}

/// Some fields can only be equal to something, and to few things.
fn check_values(selector: &FieldSelector) -> Result<(), AwsError> {
    let is_one = selector.equals.len() == 1 && selector.values().count() == 1;
    let is_among = |allowed: &[&str]| selector.equals.iter().all(|it| allowed.contains(&&**it));
    let (is_good, allowed) = match selector.field {
        Field::EventCategory => {
            let names = [EventCategory::Management.name(), EventCategory::Data.name()];
            (is_one && is_among(&names), "Management or Data")
        }
        Field::ReadOnly => (is_one && is_among(&["true", "false"]), "true or false"),
        Field::ResourceType => {
            let is_type = |value: &String| {
                value.starts_with("AWS::")
                    && value.split("::").filter(|it| !it.is_empty()).count() == 3
            };
            (is_one && selector.equals.iter().all(is_type), "one type, such as AWS::SQS::Queue")
        }
        Field::EventName | Field::EventSource | Field::ResourceArn | Field::CallerArn => {
            return Ok(());
        }
    };
    let name = selector.field.name();
    if is_good { Ok(()) } else { Err(invalid(format!("The field {name} must equal {allowed}."))) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn classic(given: Value) -> Result<Selectors, AwsError> {
        parsed(Some(from_value(given).expect("selectors")), None)
    }

    fn advanced(fields: Value) -> Result<Selectors, AwsError> {
        let given = json!([{ "FieldSelectors": fields }]);
        parsed(None, Some(from_value(given).expect("selectors")))
    }

    #[test]
    fn what_is_not_given_of_an_event_selector_is_that_of_a_new_trail() {
        assert_eq!(classic(json!([{}])).ok(), Some(Selectors::default()));
    }

    #[test]
    fn event_selectors_that_select_what_cannot_be_selected_are_refused() {
        let resource = json!({ "Type": "AWS::S3::Object", "Values": ["arn:aws:s3"] });
        let of = |kind: &str, value: &str| json!([{ "DataResources": [{ "Type": kind, "Values": [value] }] }]);
        let many = |count| json!([{ "DataResources": vec![resource.clone(); count] }]);
        for (given, is_good) in [
            (json!([{}, {}, {}, {}, {}]), true),
            (json!([{}, {}, {}, {}, {}, {}]), false),
            (json!([{ "ReadWriteType": "read-only" }]), false),
            (json!([{ "ExcludeManagementEventSources": ["kms.amazonaws.com"] }]), true),
            (json!([{ "ExcludeManagementEventSources": ["sqs.amazonaws.com"] }]), false),
            (of("AWS::Lambda::Function", "arn:aws:lambda"), true),
            (of("AWS::SQS::Queue", "arn:aws:sqs"), false),
            (of("AWS::S3::Object", "bucket"), false),
            (many(250), true),
            (many(251), false),
        ] {
            let text = given.to_string();
            assert_eq!(classic(given).is_ok(), is_good, "{text}");
        }
    }

    #[test]
    fn advanced_selectors_have_to_make_sense() {
        let data = json!({ "Field": "eventCategory", "Equals": ["Data"] });
        let management = json!({ "Field": "eventCategory", "Equals": ["Management"] });
        let queue = json!({ "Field": "resources.type", "Equals": ["AWS::SQS::Queue"] });
        let names = |count| json!({ "Field": "eventName", "Equals": vec!["SendMessage"; count] });
        for (fields, is_good) in [
            (json!([data, queue]), true),
            (json!([queue, data, { "Field": "resources.ARN", "NotEndsWith": [":q"] }]), true),
            (
                json!([management, { "Field": "eventSource", "NotEquals": ["kms.amazonaws.com"] }]),
                true,
            ),
            (json!([management, { "Field": "readOnly", "Equals": ["true"] }]), true),
            (json!([]), false),
            (json!([queue]), false),
            (json!([data]), false),
            (json!([management, queue]), false),
            (json!([data, data, queue]), false),
            (json!([data, queue, { "Field": "colour", "Equals": ["red"] }]), false),
            (json!([data, queue, { "Field": "eventName" }]), false),
            (json!([data, queue, { "Field": "eventName", "Equals": [""] }]), false),
            (json!([data, queue, { "Field": "readOnly", "Equals": ["yes"] }]), false),
            (json!([data, queue, { "Field": "readOnly", "NotEquals": ["true"] }]), false),
            (
                json!([data, { "Field": "resources.type", "Equals": ["AWS::SQS::Queue", "AWS::SNS::Topic"] }]),
                false,
            ),
            (json!([data, { "Field": "resources.type", "StartsWith": ["AWS::SQS"] }]), false),
            (json!([{ "Field": "eventCategory", "Equals": ["Insight"] }]), false),
            (json!([data, queue, names(498)]), true),
            (json!([data, queue, names(499)]), false),
        ] {
            let text = fields.to_string();
            assert_eq!(advanced(fields).is_ok(), is_good, "{text}");
        }
    }

    #[test]
    fn a_trail_has_selectors_of_one_kind() {
        let given = from_value(json!([{}])).expect("a selector");
        let fields =
            json!([{ "FieldSelectors": [{ "Field": "eventCategory", "Equals": ["Management"] }] }]);
        let fields = from_value(fields).expect("a selector");
        assert!(parsed(Some(given), Some(fields)).is_err());
        assert!(parsed(None, None).is_err() && parsed(Some(Vec::new()), Some(Vec::new())).is_err());
    }
}
