//! `sluice groups`.

use clap::{Args, Subcommand};

use super::{CreateArgs, DeleteArgs, ListArgs, act, create, delete, list};
use crate::client::ConnectionArgs;
use crate::exit::Failure;

/// `sluice groups`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sluice groups create workers
  sluice groups add workers ann
  sluice policies attach AmazonSQSReadOnlyAccess --group workers")]
pub(crate) enum GroupsCommand {
    /// Lists groups: name, ARN, when they were created.
    List(ListArgs),
    /// Creates a group and prints its ARN.
    Create(CreateArgs),
    /// Deletes a group that has no users and policies any more.
    Delete(DeleteArgs),
    /// Adds a user to a group.
    Add(MemberArgs),
    /// Removes a user from a group.
    Remove(MemberArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MemberArgs {
    /// Name of the group.
    group: String,
    /// Name of the user.
    user: String,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs one of the commands.
pub(crate) async fn run(command: GroupsCommand) -> Result<(), Failure> {
    match command {
        GroupsCommand::List(args) => {
            list(&args, ("ListGroups", "Groups"), &["GroupName", "Arn", "CreateDate"]).await
        }
        GroupsCommand::Create(args) => {
            create(&args, ("CreateGroup", "GroupName", "Group"), &[]).await
        }
        GroupsCommand::Delete(args) => delete(&args, "DeleteGroup", "GroupName", "group").await,
        GroupsCommand::Add(args) => change(&args, "AddUserToGroup").await,
        GroupsCommand::Remove(args) => change(&args, "RemoveUserFromGroup").await,
    }
}

async fn change(args: &MemberArgs, operation: &str) -> Result<(), Failure> {
    let parameters = [("GroupName", args.group.as_str()), ("UserName", args.user.as_str())];
    act(&args.connection, operation, &parameters).await
}
