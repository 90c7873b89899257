//! `sluice queues redrive`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Connection, ConnectionArgs};
use crate::arguments::OutputFormat;
use crate::exit::Failure;
use crate::output;

/// Tasks that one answer has at most.
const TASKS_MAX: u32 = 10;

/// `sluice queues redrive`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sluice queues redrive start orders-dead                  each message to the queue it came from
  sluice queues redrive start orders-dead --to orders --rate 50
  sluice queues redrive show orders-dead
  sluice queues redrive cancel orders-dead")]
pub(crate) enum RedriveCommand {
    /// Starts to move the messages of a dead-letter queue, and prints the handle of the task.
    Start(StartArgs),
    /// Shows the last move tasks of a dead-letter queue, newest first.
    Show(RedriveArgs),
    /// Stops the running move task of a dead-letter queue; what it has moved stays moved.
    Cancel(RedriveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Name or URL of the dead-letter queue.
    queue: String,
    /// Name or URL of the queue to move the messages to; without it, each goes back to the queue it came from.
    #[arg(long, value_name = "QUEUE")]
    to: Option<String>,
    /// Messages per second at most, 1 to 500; without it, as fast as it goes.
    #[arg(long, value_name = "MESSAGES")]
    rate: Option<u32>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    /// Name or URL of the dead-letter queue.
    queue: String,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs one of the commands.
pub(crate) async fn run(command: RedriveCommand) -> Result<(), Failure> {
    match command {
        RedriveCommand::Start(args) => start(&args).await,
        RedriveCommand::Show(args) => show(&args).await,
        RedriveCommand::Cancel(args) => cancel(&args).await,
    }
}

async fn start(args: &StartArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let mut input = json!({ "SourceArn": queue_arn(&connection, &args.queue).await? });
    if let Some(to) = &args.to {
        input["DestinationArn"] = json!(queue_arn(&connection, to).await?);
    }
    if let Some(rate) = args.rate {
        input["MaxNumberOfMessagesPerSecond"] = json!(rate);
    }
    let answer = connection.call("StartMessageMoveTask", &input).await?;
    match args.connection.output.output {
        OutputFormat::Json => output::print_json(&answer),
        OutputFormat::Text => output::print(&format!("{}\n", cell(&answer, "TaskHandle"))),
    }
}

async fn show(args: &RedriveArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let tasks = tasks(&connection, &args.queue).await?;
    match args.connection.output.output {
        OutputFormat::Json => output::print_json(&json!({ "Results": tasks })),
        OutputFormat::Text => output::print(&output::table(&rows(&tasks))),
    }
}

async fn cancel(args: &RedriveArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let tasks = tasks(&connection, &args.queue).await?;
    let handle = tasks.iter().find_map(|task| task.get("TaskHandle"));
    let handle = handle
        .ok_or_else(|| Failure::Refused(format!("no move task is running on {}", args.queue)))?;
    let answer = connection.call("CancelMessageMoveTask", &json!({ "TaskHandle": handle })).await?;
    match args.connection.output.output {
        OutputFormat::Json => output::print_json(&answer),
        OutputFormat::Text => {
            let moved = cell(&answer, "ApproximateNumberOfMessagesMoved");
            output::print(&format!("about {moved} messages were moved\n"))
        }
    }
}

/// The last move tasks of a queue, newest first.
async fn tasks(connection: &Connection, queue: &str) -> Result<Vec<Value>, Failure> {
    let input =
        json!({ "SourceArn": queue_arn(connection, queue).await?, "MaxResults": TASKS_MAX });
    let answer = connection.call("ListMessageMoveTasks", &input).await?;
    Ok(answer["Results"].as_array().cloned().unwrap_or_default())
}

async fn queue_arn(connection: &Connection, queue: &str) -> Result<String, Failure> {
    let url = connection.queue_url(queue).await?;
    let wanted = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
    let answer = connection.call("GetQueueAttributes", &wanted).await?;
    answer["Attributes"]["QueueArn"].as_str().map(str::to_owned).ok_or_else(|| {
        Failure::Refused("the answer to GetQueueAttributes has no QueueArn".to_owned())
    })
}

/// A line for each task under a line of headings, or nothing.
fn rows(tasks: &[Value]) -> Vec<Vec<String>> {
    if tasks.is_empty() {
        return Vec::new();
    }
    let headings = ["Status", "Moved", "ToMove", "StartedTimestamp", "FailureReason"];
    let members = [
        "Status",
        "ApproximateNumberOfMessagesMoved",
        "ApproximateNumberOfMessagesToMove",
        "StartedTimestamp",
        "FailureReason",
    ];
    let mut rows = vec![headings.map(str::to_owned).to_vec()];
    rows.extend(tasks.iter().map(|task| members.map(|member| cell(task, member)).to_vec()));
    rows
}

fn cell(object: &Value, member: &str) -> String {
    match object.get(member) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_lines_under_headings() {
        let task = json!({
            "Status": "FAILED",
            "ApproximateNumberOfMessagesMoved": 2,
            "ApproximateNumberOfMessagesToMove": 10,
            "StartedTimestamp": 1_700_000_000_000_u64,
            "FailureReason": "AWS.SimpleQueueService.NonExistentQueue",
        });
        let text = output::table(&rows(&[task]));
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0][..3], ["Status", "Moved", "ToMove"]);
        let row = ["FAILED", "2", "10", "1700000000000", "AWS.SimpleQueueService.NonExistentQueue"];
        assert_eq!(lines[1], row);
        assert_eq!(rows(&[]), [[""; 0]; 0]);
    }
}
