//! `LookupEvents`: management events of the last 90 days, newest first, out of the audit log.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluice_wire::{AwsError, iso_8601, unix_secs_of_iso_8601};

use super::errors;
use crate::audit::{Attribute, LookUpError, Search, user_name};
use crate::services::{Context, Operation, Resource};

/// How far one can look back, s.
const PAST_SECS_MAX: u64 = 90 * 86_400;
const RESULTS_MAX: usize = 50;
/// The last second of the year 9999: later ones have more digits.
const LATEST_SECS: f64 = 253_402_300_799.0;

/// The operation.
pub(super) struct LookupEvents;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    lookup_attributes: Option<Vec<LookupAttribute>>,
    #[serde(default)]
    start_time: Option<f64>,
    #[serde(default)]
    end_time: Option<f64>,
    #[serde(default)]
    event_category: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LookupAttribute {
    #[serde(default)]
    attribute_key: String,
    #[serde(default)]
    attribute_value: String,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    events: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    event_id: String,
    event_name: String,
    read_only: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    /// Epoch seconds.
    event_time: u64,
    event_source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    resources: Vec<EventResource>,
    /// The record.
    cloud_trail_event: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventResource {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<String>,
    resource_name: String,
}

impl Operation for LookupEvents {
    const NAME: &'static str = "LookupEvents";
    const IAM_ACTION: &'static str = "cloudtrail:LookupEvents";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let log = context.audit.as_ref().ok_or_else(errors::no_audit_log)?;
        let is_insight = input.event_category.is_some();
        let search = search(context, input)?;
        if is_insight {
            return Ok(Output { events: Vec::new(), next_token: None });
        }
        let found = log.look_up(search).await.map_err(|error| match error {
            LookUpError::Busy => errors::rate_exceeded(),
            LookUpError::Unreadable(cause) => errors::unreadable(&cause),
        })?;
        let events = found.records.into_iter().map(|(text, record)| event(text, &record));
        let next_token = found.next.map(|position| position.to_string());
        Ok(Output { events: events.collect(), next_token })
    }
}

fn search(context: &Context, input: Input) -> Result<Search, AwsError> {
    if input.event_category.is_some_and(|category| category != "insight") {
        return Err(errors::invalid_event_category());
    }
    let count_max = match input.max_results.map(usize::try_from) {
        None => RESULTS_MAX,
        Some(Ok(count)) if (1..=RESULTS_MAX).contains(&count) => count,
        Some(_) => return Err(errors::invalid_max_results()),
    };
    let now_secs = context.now_ms / 1_000;
    let earliest = now_secs.saturating_sub(PAST_SECS_MAX);
    let (start, end) = (secs(input.start_time)?, secs(input.end_time)?);
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        return Err(errors::invalid_time_range());
    }
    let before = input.next_token.map(|token| token.parse()).transpose();
    Ok(Search {
        account: context.identity.account.to_string(),
        attribute: attribute(input.lookup_attributes.unwrap_or_default())?,
        since: iso_8601(start.unwrap_or(earliest).max(earliest)),
        until: iso_8601(end.unwrap_or(now_secs)),
        count_max,
        before: before.map_err(|()| errors::invalid_next_token())?,
    })
}

/// Whole seconds: records know no parts of them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked, and parts of a second are dropped on purpose"
)]
fn secs(time: Option<f64>) -> Result<Option<u64>, AwsError> {
    match time {
        None => Ok(None),
        Some(time) if (0.0..=LATEST_SECS).contains(&time) => Ok(Some(time as u64)),
        Some(_) => Err(errors::invalid_time_range()),
    }
}

fn attribute(given: Vec<LookupAttribute>) -> Result<Option<(Attribute, String)>, AwsError> {
    let mut given = given.into_iter();
    let Some(first) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        let text = "Only one lookup attribute can be given.";
        return Err(errors::invalid_lookup_attributes(text));
    }
    let attribute = match first.attribute_key.as_str() {
        "AccessKeyId" => Attribute::AccessKeyId,
        "EventId" => Attribute::EventId,
        "EventName" => Attribute::EventName,
        "EventSource" => Attribute::EventSource,
        "ReadOnly" => Attribute::ReadOnly,
        "ResourceName" => Attribute::ResourceName,
        "ResourceType" => Attribute::ResourceType,
        "Username" => Attribute::Username,
        _ => {
            let text = "The key of a lookup attribute must be one of AccessKeyId, EventId, EventName, EventSource, ReadOnly, \
                        ResourceName, ResourceType and Username.";
            return Err(errors::invalid_lookup_attributes(text));
        }
    };
    if first.attribute_value.is_empty() {
        return Err(errors::invalid_lookup_attributes("A lookup attribute must have a value."));
    }
    Ok(Some((attribute, first.attribute_value)))
}

fn event(text: String, record: &Value) -> Event {
    let member = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resources = record["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let resource = |resource: &Value| EventResource {
        resource_type: resource["type"].as_str().map(str::to_owned),
        resource_name: member(&resource["ARN"]),
    };
    let time = record["eventTime"].as_str().and_then(unix_secs_of_iso_8601);
    Event {
        event_id: member(&record["eventID"]),
        event_name: member(&record["eventName"]),
        read_only: (record["readOnly"] == true).to_string(),
        access_key_id: record["userIdentity"]["accessKeyId"].as_str().map(str::to_owned),
        event_time: time.unwrap_or_default(),
        event_source: member(&record["eventSource"]),
        username: user_name(record).map(str::to_owned),
        resources: resources.iter().map(resource).collect(),
        cloud_trail_event: text,
    }
}
