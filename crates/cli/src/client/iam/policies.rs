//! `sluice policies`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{CreateArgs, act, cell, create, document, pages, show, show_list};
use crate::client::query::IAM;
use crate::client::{Connection, ConnectionArgs};
use crate::exit::Failure;
use crate::output;

/// `sluice policies`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sluice policies create orders --document orders.json
  sluice policies show orders
  sluice policies attach orders --user ann
  sluice policies simulate --user ann sqs:SendMessage --resource arn:aws:sqs:us-east-1:000000000000:orders

POLICY is a name or an ARN.")]
pub(crate) enum PoliciesCommand {
    /// Lists managed policies: name, ARN, and to how many it is attached.
    List(ListArgs),
    /// Creates a managed policy and prints its ARN.
    Create(CreatePolicyArgs),
    /// Shows the document of a managed policy, in its default version.
    Show(PolicyArgs),
    /// Deletes a managed policy that is attached to nobody.
    Delete(DeleteArgs),
    /// Attaches a managed policy to a user, a group or a role.
    Attach(AttachArgs),
    /// Detaches a managed policy.
    Detach(AttachArgs),
    /// Says what the policies of a user, a group or a role would decide, without doing anything.
    Simulate(SimulateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Which ones: those of the account, those of AWS, or all.
    #[arg(long, default_value = "local")]
    scope: Scope,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Whose policies are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// Those of the account.
    Local,
    /// Those of AWS.
    Aws,
    /// Both.
    All,
}

#[derive(Debug, Args)]
pub(crate) struct CreatePolicyArgs {
    #[command(flatten)]
    policy: CreateArgs,
    /// File with the policy, JSON; - is stdin.
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// Name or ARN of the policy.
    policy: String,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    policy: PolicyArgs,
    /// Does not ask.
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    principal: PrincipalArgs,
}

/// Who.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PrincipalArgs {
    /// Name of the user.
    #[arg(long)]
    user: Option<String>,
    /// Name of the group.
    #[arg(long)]
    group: Option<String>,
    /// Name of the role.
    #[arg(long)]
    role: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    principal: PrincipalArgs,
    /// Actions, such as sqs:SendMessage.
    #[arg(required = true)]
    actions: Vec<String>,
    /// ARN of what is acted on; may be repeated. Without any, everything.
    #[arg(long = "resource", value_name = "ARN")]
    resources: Vec<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs one of the commands.
pub(crate) async fn run(command: PoliciesCommand) -> Result<(), Failure> {
    match command {
        PoliciesCommand::List(args) => list(&args).await,
        PoliciesCommand::Create(args) => {
            let document = document(&args.document)?;
            let others = [("PolicyDocument", document.as_str())];
            create(&args.policy, ("CreatePolicy", "PolicyName", "Policy"), &others).await
        }
        PoliciesCommand::Show(args) => show_document(&args).await,
        PoliciesCommand::Delete(args) => delete(&args).await,
        PoliciesCommand::Attach(args) => change(&args, "Attach").await,
        PoliciesCommand::Detach(args) => change(&args, "Detach").await,
        PoliciesCommand::Simulate(args) => simulate(&args).await,
    }
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let scope = match args.scope {
        Scope::Local => "Local",
        Scope::Aws => "AWS",
        Scope::All => "All",
    };
    let policies = pages(&connection, "ListPolicies", &[("Scope", scope)], "Policies").await?;
    let columns = ["PolicyName", "Arn", "AttachmentCount"];
    show_list(&args.connection, "Policies", policies, &columns)
}

/// The ARN of a policy: as given, or looked up by name.
async fn policy_arn(connection: &Connection, policy: &str) -> Result<String, Failure> {
    if policy.starts_with("arn:") {
        return Ok(policy.to_owned());
    }
    let policies = pages(connection, "ListPolicies", &[("Scope", "All")], "Policies").await?;
    let found = policies.iter().find(|it| it["PolicyName"] == policy);
    let found = found.map(|it| cell(it, "Arn"));
    found.ok_or_else(|| Failure::Refused(format!("there is no policy with the name {policy}")))
}

async fn show_document(args: &PolicyArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let arn = policy_arn(&connection, &args.policy).await?;
    let policy = connection.query(IAM, "GetPolicy", &[("PolicyArn", &arn)]).await?;
    let version = cell(&policy["Policy"], "DefaultVersionId");
    let parameters = [("PolicyArn", arn.as_str()), ("VersionId", version.as_str())];
    let answer = connection.query(IAM, "GetPolicyVersion", &parameters).await?;
    let text = decoded(&cell(&answer["PolicyVersion"], "Document"));
    let document = serde_json::from_str(&text).unwrap_or(Value::from(text));
    let answer = json!({ "Policy": policy["Policy"], "Document": document });
    show(&args.connection, &answer, |answer| format!("{:#}\n", answer["Document"]))
}

async fn delete(args: &DeleteArgs) -> Result<(), Failure> {
    let PolicyArgs { policy, connection } = &args.policy;
    let arn = policy_arn(&Connection::new(connection)?, policy).await?;
    if !args.yes {
        output::confirm(&format!("delete the policy {arn}"))?;
    }
    act(connection, "DeletePolicy", &[("PolicyArn", &arn)]).await
}

impl PrincipalArgs {
    /// Kind and name.
    fn named(&self) -> (&'static str, &str) {
        match (&self.user, &self.group, &self.role) {
            (Some(user), _, _) => ("User", user),
            (None, Some(group), _) => ("Group", group),
            (None, None, role) => ("Role", role.as_deref().unwrap_or_default()),
        }
    }
}

/// Attaches or detaches a policy.
async fn change(args: &AttachArgs, verb: &str) -> Result<(), Failure> {
    let PolicyArgs { policy, connection } = &args.policy;
    let arn = policy_arn(&Connection::new(connection)?, policy).await?;
    let (kind, name) = args.principal.named();
    let parameter = format!("{kind}Name");
    let parameters = [(parameter.as_str(), name), ("PolicyArn", arn.as_str())];
    act(connection, &format!("{verb}{kind}Policy"), &parameters).await
}

async fn simulate(args: &SimulateArgs) -> Result<(), Failure> {
    let connection = Connection::new(&args.connection)?;
    let (kind, name) = args.principal.named();
    let parameter = format!("{kind}Name");
    let answer =
        connection.query(IAM, &format!("Get{kind}"), &[(parameter.as_str(), name)]).await?;
    let arn = cell(&answer[kind], "Arn");
    let numbered = |name: &str, values: &[String]| {
        let named = (1..).map(|number| format!("{name}.member.{number}"));
        named.zip(values.to_vec()).collect::<Vec<_>>()
    };
    let mut listed = numbered("ActionNames", &args.actions);
    listed.extend(numbered("ResourceArns", &args.resources));
    let mut parameters = vec![("PolicySourceArn", arn.as_str())];
    parameters.extend(listed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let member = "EvaluationResults";
    let results = pages(&connection, "SimulatePrincipalPolicy", &parameters, member).await?;
    let columns = ["EvalActionName", "EvalResourceName", "EvalDecision"];
    show_list(&args.connection, member, results, &columns)
}

/// Undoes the encoding of documents in answers.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_decoded() {
        assert_eq!(decoded("%7B%22a%22%3A%20%C3%A9%7D"), "{\"a\": é}");
        assert_eq!(decoded("50%"), "50%");
    }
}
