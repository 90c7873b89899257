//! Policies of sessions, which bound what a role or user is allowed.

use serde::Deserialize;
use sluice_policy::{Kind, Policy};
use sluice_wire::AwsError;

use super::errors;
use crate::identities::{ManagedPolicy, Passed, Snapshot, Tags};
use crate::services::constraints::refused;
use crate::services::member_list::MemberList;

/// Characters of the policy, the ARNs and the tags of a session together.
const PACKED_CHARS_MAX: usize = 2_048;
const ARNS_MAX: usize = 10;

/// The ARN of a managed policy on the wire.
#[derive(Debug, Deserialize)]
pub(super) struct PolicyArn {
    #[serde(default)]
    arn: String,
}

/// What bounds a session, with its tags.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SessionPolicy {
    /// `Policy`, `PolicyArns` and `Tags`.
    pub(super) passed: Passed,
    /// `PackedPolicySize`, per cent; absent where there is nothing to pack.
    pub(super) packed_percent: Option<usize>,
}

impl SessionPolicy {
    /// Reads `Policy` and `PolicyArns`, and sees that they fit with the tags of the session.
    pub(super) fn parse(
        document: Option<String>,
        arns: MemberList<PolicyArn>,
        tags: Tags,
        (snapshot, account): (&Snapshot, &str),
    ) -> Result<Self, AwsError> {
        if let Some(document) = &document
            && let Err(error) = Policy::parse(document, Kind::Identity)
        {
            return Err(errors::malformed_policy_document(&error));
        }
        let arns: Vec<String> = arns.0.into_iter().map(|it| it.arn).collect();
        if arns.len() > ARNS_MAX {
            return Err(refused(format!("A session has at most {ARNS_MAX} managed policies.")));
        }
        for arn in &arns {
            let policy = ManagedPolicy::by_arn(snapshot, arn);
            if policy.is_none_or(|policy| policy.account != account && !policy.is_of_aws()) {
                return Err(refused(format!("{arn} is invalid")));
            }
        }
        let of_tags = tags.iter().flat_map(|(key, value)| [key, value]);
        let chars: usize =
            document.iter().chain(&arns).chain(of_tags).map(|text| text.chars().count()).sum();
        let percent = (chars * 100).div_ceil(PACKED_CHARS_MAX);
        if percent > 100 {
            return Err(errors::packed_policy_too_large(percent));
        }
        let packed_percent = (chars > 0).then_some(percent);
        Ok(Self { passed: Passed { policy: document, policy_arns: arns, tags }, packed_percent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(document: &str, arns: &[&str]) -> Result<SessionPolicy, &'static str> {
        let arns = arns.iter().map(|arn| PolicyArn { arn: (*arn).to_owned() }).collect();
        let at = (&Snapshot::with_policies_of_aws(), "123456789012");
        SessionPolicy::parse(Some(document.to_owned()), MemberList(arns), Tags::new(), at)
            .map_err(|error| error.shape().query_code)
    }

    #[test]
    fn a_session_policy_is_json_that_fits() {
        let arn = "arn:aws:iam::aws:policy/AmazonSQSFullAccess";
        let short = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        assert_eq!(parsed(short, &[arn]).map(|it| it.packed_percent), Ok(Some(6)));
        assert_eq!(parsed("{", &[]), Err("MalformedPolicyDocument"));
        assert_eq!(parsed(short, &["arn:aws:iam::aws:policy/None"]), Err("ValidationError"));
        assert_eq!(parsed(short, &[arn; 11]), Err("ValidationError"));
        let long = format!("{} {short}", " ".repeat(2_048));
        assert_eq!(parsed(&long, &[]), Err("PackedPolicyTooLarge"));
    }
}
