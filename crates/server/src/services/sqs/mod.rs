//! Amazon SQS: one file per operation, one line each in [`SERVICE`].
//!
//! Behaviour is copied from the SQS contract (`reference/sqs-contract.md`, cited by section). What AWS
//! does not establish is decided here and listed in `docs/compatibility.md`.

mod add_permission;
mod cancel_message_move_task;
mod change_message_visibility;
mod change_message_visibility_batch;
mod create_queue;
mod delete_message;
mod delete_message_batch;
mod delete_queue;
mod get_queue_attributes;
mod get_queue_url;
mod list_dead_letter_source_queues;
mod list_message_move_tasks;
mod list_queue_tags;
mod list_queues;
mod peek_messages;
mod purge_queue;
mod receive_message;
mod remove_permission;
mod send_message;
mod send_message_batch;
mod set_queue_attributes;
mod start_message_move_task;
mod tag_queue;
mod untag_queue;

mod create_on_use;
pub mod declared_queues;
mod existing_queue;
mod queue_attributes;
mod queue_name;
mod queue_page;
pub(crate) mod queue_url;
mod tags;
mod task_handle;

mod batch;
mod characters;
mod checksum;
mod message_attributes;
mod message_size;
mod new_message;
mod number;
mod receipt;
mod received_message;
mod secure_access;
mod sse_kms;

mod arn;
pub mod errors;
mod limits;
mod model;
pub(crate) mod target;

#[cfg(test)]
mod fixture;

use super::{OperationEntry, Service};

pub use limits::Limits;
pub use model::MODEL;

/// Amazon SQS.
pub static SERVICE: Service = Service {
    model: &MODEL,
    operations: &[
        OperationEntry::of::<add_permission::AddPermission>(),
        OperationEntry::of::<cancel_message_move_task::CancelMessageMoveTask>(),
        OperationEntry::of::<change_message_visibility::ChangeMessageVisibility>(),
        OperationEntry::of::<change_message_visibility_batch::ChangeMessageVisibilityBatch>(),
        OperationEntry::of::<create_queue::CreateQueue>(),
        OperationEntry::of::<delete_message::DeleteMessage>(),
        OperationEntry::of::<delete_message_batch::DeleteMessageBatch>(),
        OperationEntry::of::<delete_queue::DeleteQueue>(),
        OperationEntry::of::<get_queue_attributes::GetQueueAttributes>(),
        OperationEntry::of::<get_queue_url::GetQueueUrl>(),
        OperationEntry::of::<list_dead_letter_source_queues::ListDeadLetterSourceQueues>(),
        OperationEntry::of::<list_message_move_tasks::ListMessageMoveTasks>(),
        OperationEntry::of::<list_queue_tags::ListQueueTags>(),
        OperationEntry::of::<list_queues::ListQueues>(),
        OperationEntry::of::<peek_messages::PeekMessages>(),
        OperationEntry::of::<purge_queue::PurgeQueue>(),
        OperationEntry::of::<receive_message::ReceiveMessage>(),
        OperationEntry::of::<remove_permission::RemovePermission>(),
        OperationEntry::of::<send_message::SendMessage>(),
        OperationEntry::of::<send_message_batch::SendMessageBatch>(),
        OperationEntry::of::<set_queue_attributes::SetQueueAttributes>(),
        OperationEntry::of::<start_message_move_task::StartMessageMoveTask>(),
        OperationEntry::of::<tag_queue::TagQueue>(),
        OperationEntry::of::<untag_queue::UntagQueue>(),
    ],
};
