//! The queues that a run uses: found or created, and deleted afterwards.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use crate::client::{CallError, Client};
use crate::options::RunOptions;
use crate::run::RunError;
use crate::target::Target;

/// Connections for creating and deleting many queues.
const CONTROL_CONNECTIONS: usize = 16;
/// A control call is given up after this.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(60);

/// A queue of the run.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) url: String,
    is_created: bool,
}

/// Finds the queue that is named, or creates as many as are wanted; their names contain `label`.
pub(crate) async fn prepare(
    target: &Target,
    options: &RunOptions,
    label: &str,
) -> Result<Vec<Queue>, RunError> {
    if let Some(name) = &options.queue {
        return Ok(vec![find_or_create(target, options, name).await?]);
    }
    let suffix = options.load.queue_suffix();
    let names = (0..options.queues).map(|index| format!("sluice-bench-{label}-{index}{suffix}"));
    let inputs = names.map(|name| create_input(&name, options)).collect();
    let outputs = call_each(target, "AmazonSQS.CreateQueue", inputs).await?;
    outputs.iter().map(created).collect()
}

/// An empty standard queue for the idle pollers.
pub(crate) async fn create_idle(target: &Target, label: &str) -> Result<Queue, RunError> {
    let input = json!({ "QueueName": format!("sluice-bench-{label}-idle") });
    created(&call(&mut Client::new(target), "AmazonSQS.CreateQueue", &input).await?)
}

/// Deletes the queues that this run created.
pub(crate) async fn delete(target: &Target, queues: &[Queue]) -> Result<(), RunError> {
    let is_created = queues.iter().filter(|queue| queue.is_created);
    let inputs = is_created.map(|queue| json!({ "QueueUrl": queue.url })).collect();
    call_each(target, "AmazonSQS.DeleteQueue", inputs).await.map(|_outputs| ())
}

async fn find_or_create(
    target: &Target,
    options: &RunOptions,
    name: &str,
) -> Result<Queue, RunError> {
    let mut client = Client::new(target);
    let input = json!({ "QueueName": name });
    if let Ok(output) = call(&mut client, "AmazonSQS.GetQueueUrl", &input).await
        && let Some(url) = output["QueueUrl"].as_str()
    {
        return Ok(Queue { url: url.to_owned(), is_created: false });
    }
    created(&call(&mut client, "AmazonSQS.CreateQueue", &create_input(name, options)).await?)
}

fn created(output: &Value) -> Result<Queue, RunError> {
    match output["QueueUrl"].as_str() {
        Some(url) => Ok(Queue { url: url.to_owned(), is_created: true }),
        None => Err(RunError::Refused("the answer to CreateQueue has no QueueUrl".to_owned())),
    }
}

fn create_input(name: &str, options: &RunOptions) -> Value {
    let mut attributes = Map::new();
    let mut add = |name: &str, value: String| attributes.insert(name.to_owned(), value.into());
    if options.load.fifo {
        add("FifoQueue", "true".to_owned());
        add("DeduplicationScope", "messageGroup".to_owned());
        add("FifoThroughputLimit", "perMessageGroupId".to_owned());
    }
    if let Some(secs) = options.visibility_timeout {
        add("VisibilityTimeout", secs.to_string());
    }
    for (name, value) in &options.queue_attributes {
        add(name, value.clone());
    }
    json!({ "QueueName": name, "Attributes": attributes })
}

/// Calls an operation for each input, some at a time; the outputs are in no order.
async fn call_each(
    target: &Target,
    operation: &'static str,
    inputs: Vec<Value>,
) -> Result<Vec<Value>, RunError> {
    let per_connection = inputs.len().div_ceil(CONTROL_CONNECTIONS).max(1);
    let mut calls: JoinSet<Result<Vec<Value>, RunError>> = JoinSet::new();
    for share in inputs.chunks(per_connection) {
        let (mut client, share) = (Client::new(target), share.to_vec());
        calls.spawn(async move {
            let mut outputs = Vec::new();
            for input in &share {
                outputs.push(call(&mut client, operation, input).await?);
            }
            Ok(outputs)
        });
    }
    let mut outputs = Vec::new();
    while let Some(share) = calls.join_next().await {
        outputs.extend(share.map_err(|error| RunError::Thread(error.to_string()))??);
    }
    Ok(outputs)
}

async fn call(
    client: &mut Client,
    operation: &'static str,
    input: &Value,
) -> Result<Value, RunError> {
    let body = Bytes::from(input.to_string());
    let calling = client.call(HeaderValue::from_static(operation), body);
    let name = operation.trim_start_matches("AmazonSQS.");
    let output = match tokio::time::timeout(CONTROL_TIMEOUT, calling).await {
        Ok(Ok(output)) => output,
        Ok(Err(error @ CallError::Refused(_))) => {
            return Err(RunError::Refused(format!("{name}: {error}")));
        }
        Ok(Err(error)) => return Err(RunError::Unreachable(format!("{name}: {error}"))),
        Err(_elapsed) => return Err(RunError::Unreachable(format!("{name}: no answer"))),
    };
    if output.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&output).map_err(|error| {
        RunError::Refused(format!("{name}: the answer is not JSON, is this SQS? {error}"))
    })
}
