//! `AddPermission` (contract §8.1): adds a statement to the queue's policy that allows actions to accounts.

use serde::Deserialize;
use serde_json::{Value, json};
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::limits::{PERMISSION_ACTIONS_MAX, PERMISSION_LABEL_CHARS_MAX, POLICY_STATEMENTS_MAX};
use super::queue_attributes::{PolicyDocument, Statement};
use crate::broker::{Entry, QueueChange, QueueKey};
use crate::identities::is_account_id;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// Actions that other accounts can be allowed.
const GRANTABLE: &[&str] = &[
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

/// Actions that only the queue's owner can call (contract §2).
pub(super) const OWNER_ONLY: &[&str] = &[
    "AddPermission",
    "CancelMessageMoveTask",
    "CreateQueue",
    "DeleteQueue",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "RemovePermission",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

/// The operation.
pub(super) struct AddPermission;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default, rename = "AWSAccountIds")]
    account_ids: Option<Vec<String>>,
    #[serde(default)]
    actions: Option<Vec<String>>,
}

/// A permission whose parts are well-formed.
#[derive(Debug)]
struct Permission {
    label: String,
    account_ids: Vec<String>,
    actions: Vec<String>,
}

impl Operation for AddPermission {
    const NAME: &'static str = "AddPermission";
    const IAM_ACTION: &'static str = "sqs:AddPermission";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        let permission = Permission::parse(
            input.label.unwrap_or_default(),
            input.account_ids.unwrap_or_default(),
            input.actions.unwrap_or_default(),
        )?;
        let decide = move |entry: Entry<'_>, now_ms| decide(&permission, entry, now_ms);
        context.broker.change_queue(&queue.key, decide).await?;
        Ok(NoOutput {})
    }
}

impl Permission {
    fn parse(
        label: String,
        account_ids: Vec<String>,
        actions: Vec<String>,
    ) -> Result<Self, AwsError> {
        if label.is_empty() {
            return Err(errors::missing_parameter("Label"));
        }
        if actions.is_empty() {
            return Err(errors::missing_parameter("Actions"));
        }
        check_label(&label)?;
        if account_ids.is_empty() || !account_ids.iter().all(|id| is_account_id(id)) {
            let shown = format!("[{}]", account_ids.join(", "));
            return Err(errors::invalid_value(shown, "PrincipalId", "Unable to verify."));
        }
        if actions.len() > PERMISSION_ACTIONS_MAX {
            let count = actions.len();
            return Err(errors::permission_over_limit(count, "Actions", PERMISSION_ACTIONS_MAX));
        }
        for action in &actions {
            check_action(action)?;
        }
        Ok(Self { label, account_ids, actions })
    }

    /// Writes the statement of the policy.
    fn statement(&self, queue: &QueueKey) -> Statement {
        let accounts = self.account_ids.iter().map(|id| format!("arn:aws:iam::{id}:root"));
        let actions = self.actions.iter().map(|action| format!("SQS:{action}"));
        [
            ("Sid", Value::from(self.label.as_str())),
            ("Effect", Value::from("Allow")),
            ("Principal", json!({ "AWS": one_or_many(accounts) })),
            ("Action", one_or_many(actions)),
            ("Resource", Value::from(queue.arn())),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

fn check_label(label: &str) -> Result<(), AwsError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if label.len() > PERMISSION_LABEL_CHARS_MAX || !label.bytes().all(is_allowed) {
        let reason =
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
        return Err(errors::invalid_value(label, "Label", reason));
    }
    Ok(())
}

fn check_action(action: &str) -> Result<(), AwsError> {
    if GRANTABLE.contains(&action) {
        return Ok(());
    }
    let reason = if OWNER_ONLY.contains(&action) {
        "Only the queue owner is allowed to invoke this action."
    } else {
        // The space at the end is AWS's.
        "Please refer to the appropriate WSDL for a list of valid actions. "
    };
    Err(errors::invalid_value(format!("SQS:{action}"), "ActionName", reason))
}

/// Writes one text as a string, several as an array.
fn one_or_many(texts: impl Iterator<Item = String>) -> Value {
    let mut texts: Vec<Value> = texts.map(Value::from).collect();
    if texts.len() == 1 { texts.remove(0) } else { Value::Array(texts) }
}

fn decide(
    permission: &Permission,
    entry: Entry<'_>,
    now_ms: u64,
) -> Result<(QueueChange, ()), AwsError> {
    let current = existing_queue::present(entry)?;
    let mut policy = PolicyDocument::parse(&current.key, current.attributes.policy.as_deref())?;
    let statement = permission.statement(&current.key);
    match policy.labelled(&permission.label) {
        Some(existing) if *existing == statement => return Ok((QueueChange::None, ())),
        Some(_) => {
            return Err(errors::invalid_value(&permission.label, "Label", "Already exists."));
        }
        None => policy.statements.push(statement),
    }
    let count = policy.statements.len();
    if count > POLICY_STATEMENTS_MAX {
        return Err(errors::permission_over_limit(count, "Statements", POLICY_STATEMENTS_MAX));
    }
    let mut queue = current.clone();
    queue.attributes.policy = policy.to_text()?;
    queue.modified_at_ms = now_ms;
    Ok((QueueChange::Put(queue), ()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, NOW_MS};
    use super::*;
    use crate::broker::{Queue, QueueKind};

    fn parse(label: &str, accounts: &[&str], actions: &[&str]) -> Result<Permission, AwsError> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Permission::parse(label.to_owned(), owned(accounts), owned(actions))
    }

    fn permission(label: &str, accounts: &[&str], actions: &[&str]) -> Permission {
        parse(label, accounts, actions).expect("well-formed")
    }

    fn add(permission: &Permission, queue: &Queue) -> Result<Option<Queue>, String> {
        match decide(permission, Entry::Present(queue), NOW_MS) {
            Ok((QueueChange::Put(after), ())) => Ok(Some(after)),
            Ok((QueueChange::None, ())) => Ok(None),
            Ok(_) => unreachable!("the queue is put or left"),
            Err(error) => Err(format!("{}: {}", error.shape().name, error.message())),
        }
    }

    fn added(permission: &Permission, queue: &Queue) -> Queue {
        add(permission, queue).expect("accepted").expect("changed")
    }

    fn refusal(label: &str, accounts: &[&str], actions: &[&str]) -> String {
        let error = parse(label, accounts, actions).expect_err("refused");
        format!("{}: {}", error.shape().query_code, error.message())
    }

    #[test]
    fn one_account_and_action_are_strings_and_several_are_arrays() {
        let queue = fixture::queue("q", QueueKind::Standard);
        let queue = added(&permission("one", &["111122223333"], &["ReceiveMessage"]), &queue);
        assert_eq!(queue.modified_at_ms, NOW_MS);
        let queue = added(
            &permission("two", &["111122223333", "444455556666"], &["*", "SendMessage"]),
            &queue,
        );
        let expected = concat!(
            r#"{"Version":"2008-10-17","Id":"arn:aws:sqs:us-east-1:000000000000:q/SQSDefaultPolicy","#,
            r#""Statement":[{"Sid":"one","Effect":"Allow","#,
            r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"},"#,
            r#""Action":"SQS:ReceiveMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:q"},"#,
            r#"{"Sid":"two","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","#,
            r#""arn:aws:iam::444455556666:root"]},"Action":["SQS:*","SQS:SendMessage"],"#,
            r#""Resource":"arn:aws:sqs:us-east-1:000000000000:q"}]}"#,
        );
        assert_eq!(queue.attributes.policy.as_deref(), Some(expected));
    }

    #[test]
    fn a_label_is_used_once_and_the_same_permission_can_be_repeated() {
        let first = permission("l", &["111122223333"], &["SendMessage"]);
        let queue = added(&first, &fixture::queue("q", QueueKind::Standard));
        assert_eq!(add(&first, &queue), Ok(None));
        let other = permission("l", &["444455556666"], &["SendMessage"]);
        let expected = "InvalidParameterValueException: Value l for parameter Label is invalid. \
                        Reason: Already exists.";
        assert_eq!(add(&other, &queue), Err(expected.to_owned()));
    }

    #[test]
    fn a_policy_takes_twenty_permissions() {
        let mut queue = fixture::queue("q", QueueKind::Standard);
        let nth = |n: usize| permission(&format!("l{n}"), &["111122223333"], &["SendMessage"]);
        for n in 0..20 {
            queue = added(&nth(n), &queue);
        }
        let expected = "OverLimit: 21 Statements were found, maximum allowed is 20.";
        assert_eq!(add(&nth(20), &queue), Err(expected.to_owned()));
    }

    #[test]
    fn actions_are_those_that_can_be_granted() {
        let with = |actions: &[&str]| refusal("l", &["111122223333"], actions);
        assert_eq!(with(&[]), "MissingParameter: The request must contain the parameter Actions.");
        assert_eq!(
            with(&["SendMessage"; 8]),
            "OverLimit: 8 Actions were found, maximum allowed is 7."
        );
        assert_eq!(
            with(&["CreateQueue"]),
            "InvalidParameterValue: Value SQS:CreateQueue for parameter ActionName is invalid. \
             Reason: Only the queue owner is allowed to invoke this action."
        );
        for unknown in ["SendMessageBatch", "Nonsense", ""] {
            assert_eq!(
                with(&[unknown]),
                format!(
                    "InvalidParameterValue: Value SQS:{unknown} for parameter ActionName is \
                     invalid. Reason: Please refer to the appropriate WSDL for a list of valid \
                     actions. "
                )
            );
        }
    }

    #[test]
    fn accounts_have_twelve_digits() {
        for (accounts, shown) in
            [(&[][..], "[]"), (&["x"], "[x]"), (&["111122223333", "1"], "[111122223333, 1]")]
        {
            assert_eq!(
                refusal("l", accounts, &["SendMessage"]),
                format!(
                    "InvalidParameterValue: Value {shown} for parameter PrincipalId is invalid. \
                     Reason: Unable to verify."
                )
            );
        }
    }

    #[test]
    fn labels_have_eighty_letters_digits_hyphens_and_underscores() {
        assert!(parse(&"x".repeat(80), &["111122223333"], &["*"]).is_ok());
        for bad in ["a b", "\u{e4}", &"x".repeat(81)] {
            let refused = refusal(bad, &["111122223333"], &["*"]);
            assert!(refused.starts_with("InvalidParameterValue: Value "), "{refused}");
        }
        let missing = refusal("", &["111122223333"], &["*"]);
        assert_eq!(missing, "MissingParameter: The request must contain the parameter Label.");
    }
}
