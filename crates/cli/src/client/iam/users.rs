//! `sluice users`.

use clap::Subcommand;

use super::{CreateArgs, DeleteArgs, ListArgs, create, delete, list};
use crate::exit::Failure;

/// `sluice users`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sluice users create ann --path /team/
  sluice users list
  sluice access-keys create ann
  sluice policies attach AmazonSQSFullAccess --user ann
  sluice users delete ann --yes")]
pub(crate) enum UsersCommand {
    /// Lists users: name, ARN, when they were created.
    List(ListArgs),
    /// Creates a user, who may nothing yet, and prints its ARN.
    Create(CreateArgs),
    /// Deletes a user that has no access keys, groups and policies any more.
    Delete(DeleteArgs),
}

/// Runs one of the commands.
pub(crate) async fn run(command: UsersCommand) -> Result<(), Failure> {
    match command {
        UsersCommand::List(args) => {
            list(&args, ("ListUsers", "Users"), &["UserName", "Arn", "CreateDate"]).await
        }
        UsersCommand::Create(args) => create(&args, ("CreateUser", "UserName", "User"), &[]).await,
        UsersCommand::Delete(args) => delete(&args, "DeleteUser", "UserName", "user").await,
    }
}
