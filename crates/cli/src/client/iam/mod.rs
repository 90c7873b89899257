//! The commands for who exists and what they may: `sluice users`, `access-keys`, `groups`, `roles`, `policies`, `whoami`.

pub(crate) mod access_keys;
pub(crate) mod groups;
pub(crate) mod policies;
pub(crate) mod roles;
pub(crate) mod users;
pub(crate) mod whoami;

use std::io::{self, Read};
use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::query::IAM;
use super::{Connection, ConnectionArgs};
use crate::arguments::OutputFormat;
use crate::exit::Failure;
use crate::output;

/// Pages of at most 1,000 items; more than an account can have, so this ends any loop of a broken server.
const PAGES_MAX: usize = 100;
const PAGE_ITEMS: &str = "1000";

/// Something by its name.
#[derive(Debug, Args)]
pub(crate) struct NamedArgs {
    /// Name.
    name: String,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What is created under a name.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Name.
    name: String,
    /// Path in front of the name, such as /team/.
    #[arg(long)]
    path: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What is deleted, by its name.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Name.
    name: String,
    /// Does not ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Which ones are listed.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only those whose path begins so.
    #[arg(long, value_name = "PATH")]
    prefix: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Lists what an operation lists, as a table with these columns.
async fn list(
    args: &ListArgs,
    (operation, member): (&str, &str),
    columns: &[&str],
) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let prefix = args.prefix.as_deref().map(|prefix| ("PathPrefix", prefix));
    let parameters: Vec<(&str, &str)> = prefix.into_iter().collect();
    let items = pages(&connection, operation, &parameters, member).await?;
    show_list(&args.connection, member, items, columns)
}

/// Creates something, and shows its ARN.
async fn create(
    args: &CreateArgs,
    (operation, parameter, member): (&str, &str, &str),
    others: &[(&str, &str)],
) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let mut parameters = vec![(parameter, args.name.as_str())];
    parameters.extend(args.path.as_deref().map(|path| ("Path", path)));
    parameters.extend(others);
    let answer = connection.query(IAM, operation, &parameters).await?;
    show(&args.connection, &answer, |answer| format!("{}\n", cell(&answer[member], "Arn")))
}

/// Deletes something by its name.
async fn delete(
    args: &DeleteArgs,
    operation: &str,
    parameter: &str,
    kind: &str,
) -> Result<(), Failure> {
    if !args.yes {
        output::confirm(&format!("delete the {kind} {}", args.name))?;
    }
    act(&args.connection, operation, &[(parameter, &args.name)]).await
}

/// Calls an operation that answers nothing.
async fn act(
    args: &ConnectionArgs,
    operation: &str,
    parameters: &[(&str, &str)],
) -> Result<(), Failure> {
    let answer = Connection::new(args)?.query(IAM, operation, parameters).await?;
    show(args, &answer, |_| String::new())
}

/// Every item of every page of a list.
async fn pages(
    connection: &Connection,
    operation: &str,
    parameters: &[(&str, &str)],
    member: &str,
) -> Result<Vec<Value>, Failure> {
    let (mut items, mut marker) = (Vec::new(), None::<String>);
    for _page in 0..PAGES_MAX {
        let mut parameters = parameters.to_vec();
        parameters.push(("MaxItems", PAGE_ITEMS));
        parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
        let answer = connection.query(IAM, operation, &parameters).await?;
        items.extend(answer[member].as_array().cloned().unwrap_or_default());
        marker = answer["Marker"].as_str().map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    Ok(items)
}

/// Shows an answer: as it is to programs, as a text to people.
fn show(
    args: &ConnectionArgs,
    answer: &Value,
    text: impl FnOnce(&Value) -> String,
) -> Result<(), Failure> {
    match args.output.output {
        OutputFormat::Json => output::print_json(answer),
        OutputFormat::Text => output::print(&text(answer)),
    }
}

/// Shows items, to people one in a line.
fn show_list(
    args: &ConnectionArgs,
    member: &str,
    items: Vec<Value>,
    columns: &[&str],
) -> Result<(), Failure> {
    let row = |item: &Value| columns.iter().map(|name| cell(item, name)).collect::<Vec<_>>();
    show(args, &json!({ member: items }), |answer| {
        let rows: Vec<Vec<String>> =
            answer[member].as_array().into_iter().flatten().map(row).collect();
        output::table(&rows)
    })
}

/// Shows members of an object, to people one in a line.
fn show_members(args: &ConnectionArgs, answer: &Value, names: &[&str]) -> Result<(), Failure> {
    show(args, answer, |answer| {
        let rows: Vec<Vec<String>> =
            names.iter().map(|name| vec![(*name).to_owned(), cell(answer, name)]).collect();
        output::table(&rows)
    })
}

fn cell(item: &Value, name: &str) -> String {
    item[name].as_str().unwrap_or_default().to_owned()
}

/// A policy document: a file, or `-` for stdin.
fn document(file: &Path) -> Result<String, Failure> {
    let read = if file.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))
}
