//! `sluice access-keys`.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{NamedArgs, act, pages, show_list, show_members};
use crate::client::query::IAM;
use crate::client::{Connection, ConnectionArgs};
use crate::exit::Failure;
use crate::output;

/// `sluice access-keys`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sluice access-keys create ann
  sluice access-keys list ann
  sluice access-keys disable ann AKIAIOSFODNN7EXAMPLE
  sluice access-keys delete ann AKIAIOSFODNN7EXAMPLE --yes")]
pub(crate) enum AccessKeysCommand {
    /// Lists the access keys of a user: id, status, when they were created.
    List(NamedArgs),
    /// Creates an access key of a user, and prints id and secret; nothing shows the secret again.
    Create(NamedArgs),
    /// Refuses an access key from now on.
    Disable(KeyArgs),
    /// Takes a disabled access key again.
    Enable(KeyArgs),
    /// Deletes an access key.
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Name of the user.
    user: String,
    /// Id of the access key, AKIA….
    id: String,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// Does not ask.
    #[arg(long, short)]
    yes: bool,
}

/// Runs one of the commands.
pub(crate) async fn run(command: AccessKeysCommand) -> Result<(), Failure> {
    match command {
        AccessKeysCommand::List(args) => list(&args).await,
        AccessKeysCommand::Create(args) => create(&args).await,
        AccessKeysCommand::Disable(args) => set_status(&args, "Inactive").await,
        AccessKeysCommand::Enable(args) => set_status(&args, "Active").await,
        AccessKeysCommand::Delete(args) => delete(&args).await,
    }
}

async fn list(args: &NamedArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let (user, member) = ([("UserName", args.name.as_str())], "AccessKeyMetadata");
    let keys = pages(&connection, "ListAccessKeys", &user, member).await?;
    show_list(&args.connection, member, keys, &["AccessKeyId", "Status", "CreateDate"])
}

async fn create(args: &NamedArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let user = [("UserName", args.name.as_str())];
    let mut answer = connection.query(IAM, "CreateAccessKey", &user).await?;
    let key: Value = answer["AccessKey"].take();
    show_members(&args.connection, &key, &["AccessKeyId", "SecretAccessKey"])
}

async fn set_status(args: &KeyArgs, status: &str) -> Result<(), Failure> {
    let key =
        [("UserName", args.user.as_str()), ("AccessKeyId", args.id.as_str()), ("Status", status)];
    act(&args.connection, "UpdateAccessKey", &key).await
}

async fn delete(args: &DeleteArgs) -> Result<(), Failure> {
    let KeyArgs { user, id, connection } = &args.key;
    if !args.yes {
        output::confirm(&format!("delete the access key {id} of {user}"))?;
    }
    let key = [("UserName", user.as_str()), ("AccessKeyId", id.as_str())];
    act(connection, "DeleteAccessKey", &key).await
}
