//! `sluice messages`.

use std::io::Read;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::attribute::{MessageAttribute, message_attributes, parse_message_attribute};
use super::{Connection, ConnectionArgs};
use crate::arguments::OutputFormat;
use crate::exit::Failure;
use crate::output;

/// Entries of one batch request.
const BATCH_MAX: usize = 10;
/// Above what any server accepts; the server names its own limit.
const BODY_BYTES_MAX: u64 = 8 << 20;

/// `sluice messages`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sluice messages send orders 'hello' --attribute kind=String:greeting --delay 5
  sluice messages send orders - < order.json
  sluice messages receive orders --max 10 --wait 20 --delete
  sluice messages peek orders
  sluice messages delete orders \"$RECEIPT_HANDLE\"

QUEUE is a name or a queue URL.")]
pub(crate) enum MessagesCommand {
    /// Sends a message and prints its id.
    Send(SendArgs),
    /// Receives messages; they stay hidden for the visibility timeout, or are deleted with --delete.
    Receive(ReceiveArgs),
    /// Shows messages without receiving them; the server must allow it (`sluice dev`, or --allow-peek).
    Peek(PeekArgs),
    /// Deletes received messages.
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Name or URL of the queue.
    queue: String,
    /// Text of the message; `-` reads it from stdin.
    #[arg(default_value = "-")]
    body: String,
    /// Message attribute; Type is String, Number or Binary (value in base64), with a label such as Number.int if wanted.
    #[arg(long = "attribute", value_name = "NAME=TYPE:VALUE", value_parser = parse_message_attribute)]
    attributes: Vec<MessageAttribute>,
    /// Seconds before the message becomes visible, up to 900.
    #[arg(long, value_name = "SECONDS")]
    delay: Option<u32>,
    /// Message group id.
    #[arg(long, value_name = "ID")]
    group: Option<String>,
    /// Deduplication id, FIFO queues only.
    #[arg(long, value_name = "ID")]
    deduplication: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiveArgs {
    /// Name or URL of the queue.
    queue: String,
    /// Messages at most, up to 10.
    #[arg(long, value_name = "N", default_value_t = 1)]
    max: u32,
    /// Seconds to wait for a message, up to 20.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u32,
    /// Seconds that the messages stay hidden; the queue's own timeout otherwise.
    #[arg(long, value_name = "SECONDS")]
    visibility: Option<u32>,
    /// Deletes the messages once they are printed.
    #[arg(long)]
    delete: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PeekArgs {
    /// Name or URL of the queue.
    queue: String,
    /// Messages at most, up to 10.
    #[arg(long, value_name = "N", default_value_t = 10)]
    max: u32,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Name or URL of the queue.
    queue: String,
    /// Receipt handles of received messages.
    #[arg(required = true, value_name = "HANDLE")]
    handles: Vec<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs one of the commands.
pub(crate) async fn run(command: MessagesCommand) -> Result<(), Failure> {
    match command {
        MessagesCommand::Send(args) => send(&args).await,
        MessagesCommand::Receive(args) => receive(&args).await,
        MessagesCommand::Peek(args) => peek(&args).await,
        MessagesCommand::Delete(args) => delete(&args).await,
    }
}

async fn send(args: &SendArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let body = if args.body == "-" { stdin_text()? } else { args.body.clone() };
    let mut input = json!({
        "QueueUrl": connection.queue_url(&args.queue).await?,
        "MessageBody": body,
        "MessageAttributes": message_attributes(&args.attributes),
        "DelaySeconds": args.delay,
        "MessageGroupId": args.group,
        "MessageDeduplicationId": args.deduplication,
    });
    drop_absent(&mut input);
    let answer = connection.call("SendMessage", &input).await?;
    match args.connection.output.output {
        OutputFormat::Json => output::print_json(&answer),
        OutputFormat::Text => {
            output::print(&format!("{}\n", answer["MessageId"].as_str().unwrap_or_default()))
        }
    }
}

async fn receive(args: &ReceiveArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let url = connection.queue_url(&args.queue).await?;
    let mut input = json!({
        "QueueUrl": url,
        "MaxNumberOfMessages": args.max,
        "WaitTimeSeconds": args.wait,
        "VisibilityTimeout": args.visibility,
        "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    });
    drop_absent(&mut input);
    let answer = connection.call_waiting("ReceiveMessage", &input, args.wait.into()).await?;
    print_messages(&answer, args.connection.output.output)?;
    if !args.delete {
        return Ok(());
    }
    let messages = answer["Messages"].as_array().into_iter().flatten();
    let handles: Vec<String> = messages
        .filter_map(|message| message["ReceiptHandle"].as_str().map(str::to_owned))
        .collect();
    delete_all(&connection, &url, &handles).await
}

async fn peek(args: &PeekArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let url = connection.queue_url(&args.queue).await?;
    let input = json!({ "QueueUrl": url, "MaxNumberOfMessages": args.max });
    let answer =
        connection.call("PeekMessages", &input).await.map_err(|failure| match failure {
            Failure::Refused(reason) if reason.starts_with("UnknownOperation") => {
                Failure::Refused(format!(
                    "{reason}\nthe server does not offer peeking; start it with `--allow-peek`"
                ))
            }
            other => other,
        })?;
    print_messages(&answer, args.connection.output.output)
}

async fn delete(args: &DeleteArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let url = connection.queue_url(&args.queue).await?;
    delete_all(&connection, &url, &args.handles).await
}

/// Deletes by receipt handle, in batches; fails after the last batch when any handle was refused.
async fn delete_all(connection: &Connection, url: &str, handles: &[String]) -> Result<(), Failure> {
    let mut refused = Vec::new();
    for batch in handles.chunks(BATCH_MAX) {
        let entries: Vec<Value> = batch
            .iter()
            .enumerate()
            .map(|(id, handle)| json!({ "Id": id.to_string(), "ReceiptHandle": handle }))
            .collect();
        let input = json!({ "QueueUrl": url, "Entries": entries });
        let answer = connection.call("DeleteMessageBatch", &input).await?;
        for entry in answer["Failed"].as_array().into_iter().flatten() {
            let text = |member: &str| entry[member].as_str().unwrap_or_default().to_owned();
            let handle = text("Id").parse::<usize>().ok().and_then(|id| batch.get(id));
            let handle = handle.map_or("", String::as_str);
            refused.push(format!("{}: {} ({handle})", text("Code"), text("Message")));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(Failure::Refused(refused.join("\n"))) }
}

fn print_messages(answer: &Value, format: OutputFormat) -> Result<(), Failure> {
    match format {
        OutputFormat::Json => output::print_json(answer),
        OutputFormat::Text => {
            let messages: Vec<String> =
                answer["Messages"].as_array().into_iter().flatten().map(message_text).collect();
            output::print(&messages.join("\n"))
        }
    }
}

/// A message for a person: everything about it, one per line, then its body.
fn message_text(message: &Value) -> String {
    let mut rows = Vec::new();
    for member in ["MessageId", "ReceiptHandle"] {
        if let Some(text) = message[member].as_str() {
            rows.push(vec![member.to_owned(), text.to_owned()]);
        }
    }
    for (name, value) in message["Attributes"].as_object().into_iter().flatten() {
        rows.push(vec![name.clone(), value.as_str().unwrap_or_default().to_owned()]);
    }
    for (name, value) in message["MessageAttributes"].as_object().into_iter().flatten() {
        let text = value["StringValue"].as_str().or_else(|| value["BinaryValue"].as_str());
        let data_type = value["DataType"].as_str().unwrap_or_default();
        rows.push(vec![format!("[{name}]"), format!("{data_type}:{}", text.unwrap_or_default())]);
    }
    let body = message["Body"].as_str().unwrap_or_default();
    format!("{}\n{body}\n", output::table(&rows))
}

/// Removes members that were not given.
fn drop_absent(input: &mut Value) {
    if let Some(members) = input.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
}

fn stdin_text() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(BODY_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::Refused(format!("cannot read the message from stdin: {error}")))?;
    if text.len() as u64 > BODY_BYTES_MAX {
        return Err(Failure::Refused(format!("stdin holds more than {BODY_BYTES_MAX} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_everything_and_then_its_body() {
        let message = json!({
            "MessageId": "m",
            "ReceiptHandle": "r",
            "Attributes": { "SenderId": "s" },
            "MessageAttributes": { "kind": { "DataType": "String", "StringValue": "v" } },
            "Body": "two\nlines",
        });
        assert_eq!(
            message_text(&message),
            "MessageId      m\nReceiptHandle  r\nSenderId       s\n[kind]         String:v\n\ntwo\nlines\n"
        );
    }
}
