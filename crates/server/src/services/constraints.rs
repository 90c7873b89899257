//! What a parameter must satisfy, and the one error that lists all that do not, as IAM and STS word it.

use std::fmt::Display;

use sluice_policy::PolicyError;
use sluice_wire::{AwsError, ErrorOrigin, ErrorShape, Fault};

/// `ValidationError`, of IAM and STS.
static VALIDATION_ERROR: ErrorShape = ErrorShape {
    name: "ValidationError",
    query_code: "ValidationError",
    status: 400,
    fault: Fault::Sender,
    origin: ErrorOrigin::Framework,
};

/// A refusal with a text of its own.
pub(super) fn refused(text: impl Into<String>) -> AwsError {
    AwsError::new(&VALIDATION_ERROR, text.into())
}

/// Collects what parameters do not satisfy.
#[derive(Debug, Default)]
pub(super) struct Constraints(Vec<String>);

impl Constraints {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A parameter that must be there, with a length in characters.
    pub(super) fn required(
        mut self,
        parameter: &str,
        value: Option<&str>,
        min: usize,
        max: usize,
    ) -> Self {
        match value {
            Some(_) => self.text(parameter, value, min, max),
            None => {
                self.violated("null", parameter, "Member must not be null");
                self
            }
        }
    }

    /// A parameter with a length in characters, if it is there.
    pub(super) fn text(
        mut self,
        parameter: &str,
        value: Option<&str>,
        min: usize,
        max: usize,
    ) -> Self {
        let Some(value) = value else { return self };
        let length = value.chars().count();
        if length < min {
            let text = format!("Member must have length greater than or equal to {min}");
            self.violated(Quoted(value), parameter, &text);
        }
        if length > max {
            let text = format!("Member must have length less than or equal to {max}");
            self.violated(Quoted(value), parameter, &text);
        }
        self
    }

    /// A parameter that consists of certain characters, if it is there.
    pub(super) fn pattern(
        self,
        parameter: &str,
        value: Option<&str>,
        pattern: &str,
        is_allowed: impl Fn(char) -> bool,
    ) -> Self {
        self.form(parameter, value, pattern, |value| value.chars().all(is_allowed))
    }

    /// A parameter of a certain form, if it is there.
    pub(super) fn form(
        mut self,
        parameter: &str,
        value: Option<&str>,
        pattern: &str,
        has_form: impl FnOnce(&str) -> bool,
    ) -> Self {
        if let Some(value) = value.filter(|value| !has_form(value)) {
            let text = format!("Member must satisfy regular expression pattern: {pattern}");
            self.violated(Quoted(value), parameter, &text);
        }
        self
    }

    /// A number within limits, if it is there.
    pub(super) fn number(
        mut self,
        parameter: &str,
        value: Option<i64>,
        min: i64,
        max: i64,
    ) -> Self {
        let Some(value) = value else { return self };
        if value < min {
            let text = format!("Member must have value greater than or equal to {min}");
            self.violated(Quoted(value), parameter, &text);
        }
        if value > max {
            let text = format!("Member must have value less than or equal to {max}");
            self.violated(Quoted(value), parameter, &text);
        }
        self
    }

    /// A parameter with one of some values, if it is there.
    pub(super) fn one_of(mut self, parameter: &str, value: Option<&str>, values: &[&str]) -> Self {
        if let Some(value) = value.filter(|value| !values.contains(value)) {
            let text = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            self.violated(Quoted(value), parameter, &text);
        }
        self
    }

    /// Refuses the request if anything was not satisfied.
    pub(super) fn check(self) -> Result<(), AwsError> {
        match self.problem() {
            None => Ok(()),
            Some(text) => Err(refused(text)),
        }
    }

    /// Says what was not satisfied, if anything was not.
    pub(super) fn problem(self) -> Option<String> {
        let count = self.0.len();
        let errors = if count == 1 { "error" } else { "errors" };
        (count > 0).then(|| format!("{count} validation {errors} detected: {}", self.0.join("; ")))
    }

    /// Binary data with a length in bytes, if it is there. Its value is not repeated.
    pub(super) fn bytes(
        self,
        parameter: &str,
        value: Option<&[u8]>,
        min: usize,
        max: usize,
    ) -> Self {
        self.length(parameter, value.map(<[u8]>::len), min, max)
    }

    /// A parameter of any kind with a length, if it is there. Its value is not repeated.
    pub(super) fn length(
        mut self,
        parameter: &str,
        length: Option<usize>,
        min: usize,
        max: usize,
    ) -> Self {
        let mut violated = |text: String| {
            let problem = format!(
                "Value at '{parameter}' failed to satisfy constraint: Member must have {text}"
            );
            self.0.push(problem);
        };
        match length {
            Some(length) if length < min => {
                violated(format!("length greater than or equal to {min}"));
            }
            Some(length) if length > max => violated(format!("length less than or equal to {max}")),
            Some(_) | None => {}
        }
        self
    }

    /// A parameter of any kind that must be there.
    pub(super) fn given<T>(mut self, parameter: &str, value: Option<&T>) -> Self {
        if value.is_none() {
            self.violated("null", parameter, "Member must not be null");
        }
        self
    }

    fn violated(&mut self, value: impl Display, parameter: &str, constraint: &str) {
        self.0.push(format!(
            "Value {value} at '{parameter}' failed to satisfy constraint: {constraint}"
        ));
    }
}

struct Quoted<T>(T);

impl<T: Display> Display for Quoted<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{}'", self.0)
    }
}

/// A letter, digit or underscore: `\w`.
pub(super) fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// What is wrong with a policy document, as IAM and STS say it.
pub(super) fn policy_problem(error: &PolicyError) -> String {
    match error {
        PolicyError::Json(_) => "This policy contains invalid Json".to_owned(),
        PolicyError::Grammar { .. } => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_lists_everything_in_the_words_of_aws() {
        let checked = Constraints::new()
            .text("roleSessionName", Some("ab"), 2, 64)
            .pattern("roleSessionName", Some("a:b"), "[\\w+=,.@-]*", is_word)
            .check();
        let error = checked.expect_err("refused");
        assert_eq!(
            error.message(),
            "1 validation error detected: Value 'a:b' at 'roleSessionName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
        );
        let checked = Constraints::new()
            .required("userName", None, 1, 64)
            .number("maxItems", Some(0), 1, 1000)
            .one_of("status", Some("On"), &["Active", "Inactive"])
            .required("policyName", Some(""), 1, 128)
            .check();
        assert_eq!(
            checked.expect_err("refused").message(),
            "4 validation errors detected: Value null at 'userName' failed to satisfy constraint: \
             Member must not be null; Value '0' at 'maxItems' failed to satisfy constraint: Member \
             must have value greater than or equal to 1; Value 'On' at 'status' failed to satisfy \
             constraint: Member must satisfy enum value set: [Active, Inactive]; Value '' at \
             'policyName' failed to satisfy constraint: Member must have length greater than or \
             equal to 1"
        );
    }

    #[test]
    fn what_is_within_the_limits_or_absent_is_taken() {
        let checked = Constraints::new()
            .required("a", Some("é"), 1, 1)
            .text("b", None, 1, 1)
            .number("c", Some(1000), 1, 1000)
            .number("d", None, 1, 2)
            .one_of("e", None, &[])
            .check();
        assert!(checked.is_ok());
    }
}
