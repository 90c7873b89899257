//! Managed policies of AWS: the few that matter to what this server does. They are not stored, and nobody can change them.

use super::managed_policy::{ManagedPolicy, PolicyVersion};
use super::principal::Tags;

/// The account in the ARNs of AWS's own policies.
pub const AWS: &str = "aws";

/// Name, unique id, description, document, as AWS has them.
const POLICIES: &[(&str, &str, &str, &str)] = &[
    (
        "AdministratorAccess",
        "ANPAIWMBCKSKIEE64ZLYK",
        "Provides full access to AWS services and resources.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        "AmazonSQSFullAccess",
        "ANPAI65L554VRJ33ECQS6",
        "Provides full access to Amazon SQS via the AWS Management Console.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:*"],"Resource":"*"}]}"#,
    ),
    (
        "AmazonSQSReadOnlyAccess",
        "ANPAIUGSSQY362XGCM6KW",
        "Provides read only access to Amazon SQS via the AWS Management Console.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:GetQueueAttributes","sqs:GetQueueUrl","sqs:ListDeadLetterSourceQueues","sqs:ListQueues","sqs:ListMessageMoveTasks","sqs:ListQueueTags"],"Resource":"*"}]}"#,
    ),
    (
        "IAMFullAccess",
        "ANPAI7XKCFMBPM3QQRRVQ",
        "Provides full access to IAM via the AWS Management Console.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*"],"Resource":"*"}]}"#,
    ),
    (
        "IAMReadOnlyAccess",
        "ANPAJKSO7NDY4T57MWDSQ",
        "Provides read only access to IAM via the AWS Management Console.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*","iam:Simulate*"],"Resource":"*"}]}"#,
    ),
];

/// Makes the policies.
pub(super) fn policies() -> impl Iterator<Item = ManagedPolicy> {
    POLICIES.iter().map(|(name, unique_id, description, document)| ManagedPolicy {
        account: AWS.to_owned(),
        name: (*name).to_owned(),
        path: "/".to_owned(),
        unique_id: (*unique_id).to_owned(),
        created_at_ms: 0,
        updated_at_ms: 0,
        description: Some((*description).to_owned()),
        tags: Tags::new(),
        versions: vec![PolicyVersion {
            number: 1,
            document: (*document).to_owned(),
            created_at_ms: 0,
        }],
        default_version: 1,
        next_version: 2,
    })
}
