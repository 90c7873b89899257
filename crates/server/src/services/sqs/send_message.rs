//! `SendMessage` (contract §2.8): puts one message into a queue.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::message_attributes::AttributeTexts;
use super::new_message::{self, FifoLack, NewMessage, Sender, TooLong};
use super::secure_access;
use super::sse_kms;
use crate::audit::EventCategory;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct SendMessage;

/// Request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    message_body: Option<String>,
    #[serde(default)]
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: Option<AttributeTexts>,
    #[serde(default)]
    message_system_attributes: Option<AttributeTexts>,
    #[serde(default)]
    message_group_id: Option<String>,
    #[serde(default)]
    message_deduplication_id: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    #[serde(rename = "MD5OfMessageBody")]
    body_md5: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    system_attributes_md5: Option<String>,
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

impl Operation for SendMessage {
    const NAME: &'static str = "SendMessage";
    const IAM_ACTION: &'static str = "sqs:SendMessage";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        secure_access::check(context, &queue)?;
        let new = new_message(input)?;
        let lack = new_message::fifo_lack(
            &queue,
            new.group_id.as_deref(),
            new.deduplication_id.as_deref(),
        );
        if let Some(lack) = lack {
            return Err(FifoLack::refuse_single(lack));
        }
        let limits = &context.extensions.sqs_limits;
        let sender = Sender::of(context);
        let (outgoing, checksums) =
            new_message::prepare(limits, &queue, &sender, new, TooLong::Single)?;
        let sent = sse_kms::send(context, &queue, vec![outgoing]).await?;
        let sent = sent.into_iter().next().expect("the broker answers every message");
        Ok(Output {
            body_md5: checksums.body,
            attributes_md5: checksums.attributes,
            system_attributes_md5: checksums.system_attributes,
            message_id: sent.id.to_string(),
            sequence_number: sent.sequence_number,
        })
    }
}

/// Takes the message out of the request; the body is required.
fn new_message(input: Input) -> Result<NewMessage, AwsError> {
    let body = input.message_body.filter(|body| !body.is_empty());
    Ok(NewMessage {
        body: body.ok_or_else(|| errors::missing_parameter("MessageBody"))?,
        delay_secs: input.delay_seconds,
        attributes: input.message_attributes.unwrap_or_default(),
        system_attributes: input.message_system_attributes.unwrap_or_default(),
        group_id: input.message_group_id,
        deduplication_id: input.message_deduplication_id,
    })
}
