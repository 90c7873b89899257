//! AWS CloudTrail, as far as the audit log has it (neighbours §4): one file per operation, one line each in [`SERVICE`].

mod add_tags;
mod create_trail;
mod delete_trail;
mod describe_trails;
mod get_event_selectors;
mod get_trail;
mod get_trail_status;
mod list_tags;
mod list_trails;
mod lookup_events;
mod put_event_selectors;
mod remove_tags;
mod start_logging;
mod stop_logging;
mod update_trail;

mod errors;
mod given_selectors;
mod model;
mod names;
mod settings;
mod tag_list;
mod tagged;
pub(super) mod target;
mod trails;

use super::{OperationEntry, Service};

pub use model::MODEL;

/// CloudTrail.
pub static SERVICE: Service = Service {
    model: &MODEL,
    operations: &[
        OperationEntry::of::<add_tags::AddTags>(),
        OperationEntry::of::<create_trail::CreateTrail>(),
        OperationEntry::of::<delete_trail::DeleteTrail>(),
        OperationEntry::of::<describe_trails::DescribeTrails>(),
        OperationEntry::of::<get_event_selectors::GetEventSelectors>(),
        OperationEntry::of::<get_trail::GetTrail>(),
        OperationEntry::of::<get_trail_status::GetTrailStatus>(),
        OperationEntry::of::<list_tags::ListTags>(),
        OperationEntry::of::<list_trails::ListTrails>(),
        OperationEntry::of::<lookup_events::LookupEvents>(),
        OperationEntry::of::<put_event_selectors::PutEventSelectors>(),
        OperationEntry::of::<remove_tags::RemoveTags>(),
        OperationEntry::of::<start_logging::StartLogging>(),
        OperationEntry::of::<stop_logging::StopLogging>(),
        OperationEntry::of::<update_trail::UpdateTrail>(),
    ],
};
