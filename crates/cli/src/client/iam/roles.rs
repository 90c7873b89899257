//! `sluice roles`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{CreateArgs, DeleteArgs, ListArgs, cell, create, delete, document, list, show};
use crate::client::query::{IAM, STS};
use crate::client::{Connection, ConnectionArgs};
use crate::exit::Failure;

/// `sluice roles`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sluice roles create deploy --trust trust.json
  sluice roles list
  eval \"$(sluice roles assume deploy)\"       this shell goes on as the role, for an hour
  sluice roles delete deploy --yes")]
pub(crate) enum RolesCommand {
    /// Lists roles: name, ARN, when they were created.
    List(ListArgs),
    /// Creates a role and prints its ARN.
    Create(CreateRoleArgs),
    /// Deletes a role that has no policies any more.
    Delete(DeleteArgs),
    /// Gets temporary credentials of a role, as lines for a shell.
    Assume(AssumeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateRoleArgs {
    #[command(flatten)]
    role: CreateArgs,
    /// File with the policy that says who may assume the role, JSON; - is stdin.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct AssumeArgs {
    /// Name or ARN of the role.
    role: String,
    /// Name of the session, for audit logs and policies.
    #[arg(long, default_value = "sluice", value_name = "NAME")]
    session_name: String,
    /// How long the credentials last, in seconds.
    #[arg(long, default_value_t = 3_600, value_name = "SECONDS")]
    duration: u32,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs one of the commands.
pub(crate) async fn run(command: RolesCommand) -> Result<(), Failure> {
    match command {
        RolesCommand::List(args) => {
            list(&args, ("ListRoles", "Roles"), &["RoleName", "Arn", "CreateDate"]).await
        }
        RolesCommand::Create(args) => {
            let trust = document(&args.trust)?;
            let others = [("AssumeRolePolicyDocument", trust.as_str())];
            create(&args.role, ("CreateRole", "RoleName", "Role"), &others).await
        }
        RolesCommand::Delete(args) => delete(&args, "DeleteRole", "RoleName", "role").await,
        RolesCommand::Assume(args) => assume(&args).await,
    }
}

async fn assume(args: &AssumeArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let arn = if args.role.starts_with("arn:") {
        args.role.clone()
    } else {
        let answer = connection.query(IAM, "GetRole", &[("RoleName", &args.role)]).await?;
        cell(&answer["Role"], "Arn")
    };
    let duration = args.duration.to_string();
    let parameters = [
        ("RoleArn", arn.as_str()),
        ("RoleSessionName", args.session_name.as_str()),
        ("DurationSeconds", duration.as_str()),
    ];
    let answer = connection.query(STS, "AssumeRole", &parameters).await?;
    show(&args.connection, &answer, |answer| exports(&answer["Credentials"]))
}

/// What a shell has to be told to go on with these credentials. They contain nothing that a shell would change.
fn exports(credentials: &Value) -> String {
    let line = |variable: &str, member: &str| {
        format!("export {variable}='{}'\n", cell(credentials, member))
    };
    [
        line("AWS_ACCESS_KEY_ID", "AccessKeyId"),
        line("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
        line("AWS_SESSION_TOKEN", "SessionToken"),
    ]
    .concat()
}
