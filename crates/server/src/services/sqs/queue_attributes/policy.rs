//! The `Policy` attribute: well-formedness and limits (contract §3.5). What it allows is decided in `gateway/authorisation.rs`.

use serde_json::{Map, Value};
use sluice_policy::{Kind, Policy};
use sluice_wire::AwsError;

use super::super::errors;
use super::super::limits::{
    POLICY_BYTES_MAX, POLICY_CONDITIONS_MAX, POLICY_PRINCIPALS_MAX, POLICY_STATEMENTS_MAX,
};

/// Checks a policy and returns it as sent. An empty text removes the policy.
///
/// # Errors
/// `InvalidAttributeValue` when it is no policy, `OverLimit` when it has too much of something.
pub(super) fn parse(text: &str) -> Result<Option<String>, AwsError> {
    if text.is_empty() {
        return Ok(None);
    }
    let malformed = || errors::invalid_attribute_value("Policy");
    if text.len() > POLICY_BYTES_MAX {
        return Err(malformed());
    }
    Policy::parse(text, Kind::Resource).map_err(|error| malformed().with_cause(error))?;
    let policy: Map<String, Value> = serde_json::from_str(text).map_err(|_| malformed())?;
    let statements = statements(&policy);
    let principals = statements.iter().map(|statement| count_principals(statement)).sum();
    let conditions = statements.iter().map(|statement| count_conditions(statement)).sum();
    for (count, of, count_max) in [
        (statements.len(), "statements", POLICY_STATEMENTS_MAX),
        (principals, "principals", POLICY_PRINCIPALS_MAX),
        (conditions, "conditions", POLICY_CONDITIONS_MAX),
    ] {
        if count > count_max {
            return Err(errors::policy_over_limit(count, of, count_max));
        }
    }
    Ok(Some(text.to_owned()))
}

/// A policy has one statement, or a list of them.
fn statements(policy: &Map<String, Value>) -> Vec<&Map<String, Value>> {
    match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().filter_map(Value::as_object).collect(),
        Some(Value::Object(statement)) => vec![statement],
        None | Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            Vec::new()
        }
    }
}

fn count_principals(statement: &Map<String, Value>) -> usize {
    let count_texts = |value: &Value| value.as_array().map_or(1, Vec::len);
    match statement.get("Principal").or_else(|| statement.get("NotPrincipal")) {
        Some(Value::Object(by_kind)) => by_kind.values().map(count_texts).sum(),
        Some(value) => count_texts(value),
        None => 0,
    }
}

/// Counts condition keys: each operator holds an object of them.
fn count_conditions(statement: &Map<String, Value>) -> usize {
    let operators = statement.get("Condition").and_then(Value::as_object);
    let count_keys = |keys: &Value| keys.as_object().map_or(1, Map::len);
    operators.map_or(0, |operators| operators.values().map(count_keys).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATEMENT: &str = r#"{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}"#;

    fn policy(statements: usize) -> String {
        format!(r#"{{"Statement":[{}]}}"#, vec![STATEMENT; statements].join(","))
    }

    #[test]
    fn a_policy_is_kept_as_sent() {
        for text in [policy(1), policy(20), format!(r#"{{ "Statement" : {STATEMENT} }}"#)] {
            assert_eq!(parse(&text).expect("valid"), Some(text));
        }
        assert_eq!(parse("").expect("valid"), None);
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        let too_long = format!(r#"{{"Id":"{}","Statement":[{STATEMENT}]}}"#, "x".repeat(8192));
        for text in [
            "nonsense",
            "[]",
            "{}",
            r#"{"Statement":"x"}"#,
            r#"{"Statement":["x"]}"#,
            r#"{"Statement":[{"Effect":"Maybe","Principal":"*","Action":"*"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Action":"*"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Principal":"*"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Odd":{}}}]}"#,
            &too_long,
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.message(), "Invalid value for the parameter Policy.");
        }
    }

    #[test]
    fn a_policy_has_at_most_twenty_statements() {
        let error = parse(&policy(22)).expect_err("refused");
        assert_eq!(error.shape().query_code, "OverLimit");
        assert_eq!(
            error.message(),
            "22 statements were found in the submitted policy, max allowed is 20"
        );
    }

    #[test]
    fn principals_and_conditions_are_counted_over_all_statements() {
        let accounts = vec![r#""111122223333""#; 51].join(",");
        let many_principals = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":[{accounts}]}},"Action":"*","Resource":"*"}}]}}"#
        );
        let error = parse(&many_principals).expect_err("refused");
        assert!(error.message().starts_with("51 principals"), "{}", error.message());
        let keys: Vec<String> = (0..11).map(|n| format!(r#""aws:k{n}":"v""#)).collect();
        let many_conditions = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{{"StringEquals":{{{}}}}}}}]}}"#,
            keys.join(",")
        );
        let error = parse(&many_conditions).expect_err("refused");
        assert!(error.message().starts_with("11 conditions"), "{}", error.message());
    }
}
