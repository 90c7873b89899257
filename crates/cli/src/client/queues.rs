//! `sluice queues`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::attribute::{Pair, parse_pair, string_map};
use super::redrive::{self, RedriveCommand};
use super::{Connection, ConnectionArgs};
use crate::arguments::OutputFormat;
use crate::exit::Failure;
use crate::output;

/// Pages of at most 1,000 queues; AWS allows a million queues, so this ends any loop of a broken server.
const PAGES_MAX: usize = 10_000;

/// `sluice queues`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sluice queues create orders --attribute VisibilityTimeout=60 --tag team=billing
  sluice queues list --prefix ord
  sluice queues describe orders --output json
  sluice queues purge orders --yes
  sluice queues redrive start orders-dead --rate 50

QUEUE is a name or a queue URL.")]
pub(crate) enum QueuesCommand {
    /// Lists queue URLs, one per line.
    List(ListArgs),
    /// Creates a queue and prints its URL.
    Create(CreateArgs),
    /// Deletes a queue with all its messages.
    Delete(ConfirmedArgs),
    /// Shows the attributes and tags of a queue.
    Describe(QueueArgs),
    /// Deletes all messages of a queue.
    Purge(ConfirmedArgs),
    /// Moves the messages of a dead-letter queue back to where they came from, or to another queue.
    #[command(subcommand)]
    Redrive(RedriveCommand),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only queues whose name begins so.
    #[arg(long)]
    prefix: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Name of the queue.
    name: String,
    /// Attribute of the queue, such as VisibilityTimeout=60; may be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = parse_pair)]
    attributes: Vec<Pair>,
    /// Tag of the queue; may be repeated.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_pair)]
    tags: Vec<Pair>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct QueueArgs {
    /// Name or URL of the queue.
    queue: String,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmedArgs {
    /// Name or URL of the queue.
    queue: String,
    /// Does not ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs one of the commands.
pub(crate) async fn run(command: QueuesCommand) -> Result<(), Failure> {
    match command {
        QueuesCommand::List(args) => list(&args).await,
        QueuesCommand::Create(args) => create(&args).await,
        QueuesCommand::Describe(args) => describe(&args).await,
        QueuesCommand::Delete(args) => {
            confirmed(&args, "DeleteQueue", "delete the queue and all its messages").await
        }
        QueuesCommand::Purge(args) => {
            confirmed(&args, "PurgeQueue", "delete all messages of the queue").await
        }
        QueuesCommand::Redrive(command) => redrive::run(command).await,
    }
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let mut urls: Vec<Value> = Vec::new();
    let mut input = json!({ "MaxResults": 1000 });
    if let Some(prefix) = &args.prefix {
        input["QueueNamePrefix"] = json!(prefix);
    }
    for _page in 0..PAGES_MAX {
        let answer = connection.call("ListQueues", &input).await?;
        urls.extend(answer["QueueUrls"].as_array().cloned().unwrap_or_default());
        match answer.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    match args.connection.output.output {
        OutputFormat::Json => output::print_json(&json!({ "QueueUrls": urls })),
        OutputFormat::Text => {
            let lines = urls.iter().filter_map(Value::as_str).map(|url| format!("{url}\n"));
            output::print(&lines.collect::<String>())
        }
    }
}

async fn create(args: &CreateArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let input = json!({
        "QueueName": args.name,
        "Attributes": string_map(&args.attributes),
        "tags": string_map(&args.tags),
    });
    let answer = connection.call("CreateQueue", &input).await?;
    match args.connection.output.output {
        OutputFormat::Json => output::print_json(&answer),
        OutputFormat::Text => {
            output::print(&format!("{}\n", answer["QueueUrl"].as_str().unwrap_or_default()))
        }
    }
}

async fn describe(args: &QueueArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let url = connection.queue_url(&args.queue).await?;
    let wanted = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
    let attributes = connection.call("GetQueueAttributes", &wanted).await?;
    let tags = connection.call("ListQueueTags", &json!({ "QueueUrl": url })).await?;
    let empty = json!({});
    let attributes = attributes.get("Attributes").unwrap_or(&empty);
    let tags = tags.get("Tags").unwrap_or(&empty);
    match args.connection.output.output {
        OutputFormat::Json => {
            output::print_json(&json!({ "QueueUrl": url, "Attributes": attributes, "Tags": tags }))
        }
        OutputFormat::Text => {
            let mut rows = vec![vec!["QueueUrl".to_owned(), url]];
            rows.extend(entries(attributes).map(|(name, value)| vec![name, value]));
            rows.extend(entries(tags).map(|(key, value)| vec![format!("Tag {key}"), value]));
            output::print(&output::table(&rows))
        }
    }
}

async fn confirmed(args: &ConfirmedArgs, operation: &str, act: &str) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let url = connection.queue_url(&args.queue).await?;
    if !args.yes {
        output::confirm(&format!("{act} {url}"))?;
    }
    let answer = connection.call(operation, &json!({ "QueueUrl": url })).await?;
    match args.connection.output.output {
        OutputFormat::Json => output::print_json(&answer),
        OutputFormat::Text => Ok(()),
    }
}

/// Entries of a map of strings, sorted by name.
fn entries(map: &Value) -> impl Iterator<Item = (String, String)> {
    let mut entries: Vec<(String, String)> = map
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    entries.sort();
    entries.into_iter()
}
