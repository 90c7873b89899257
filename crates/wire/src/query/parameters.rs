//! The parameters of one Query request, before they have structure.

use super::form;
use crate::error::{AwsError, framework};

/// Far above what any operation takes, so that operations can still report their own limits.
const PARAMETERS_MAX: usize = 10_000;

/// Decoded names and values: the query string first, then the form body. The last of equal names counts.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn parse(query_string: &[u8], form_body: &[u8]) -> Result<Self, AwsError> {
        let mut parameters = Vec::new();
        for pair in form::pairs(query_string).chain(form::pairs(form_body)) {
            let malformed = |error| AwsError::new(&framework::SERIALIZATION, format!("{error}"));
            parameters.push(pair.map_err(malformed)?);
            if parameters.len() > PARAMETERS_MAX {
                let message = format!("the request has more than {PARAMETERS_MAX} parameters");
                return Err(AwsError::new(&framework::SERIALIZATION, message));
            }
        }
        Ok(Self(parameters))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Adds a parameter, unless the request carries it.
    pub(crate) fn set_default(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_string_and_body_are_merged_and_the_body_wins() {
        let mut parameters = Parameters::parse(b"a=1&b=2", b"b=3").expect("parses");
        parameters.set_default("a", "9");
        parameters.set_default("c", "9");
        let values = ["a", "b", "c", "d"].map(|name| parameters.get(name));
        assert_eq!(values, [Some("1"), Some("3"), Some("9"), None]);
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        assert!(Parameters::parse(b"", "a&".repeat(PARAMETERS_MAX).as_bytes()).is_ok());
        assert!(Parameters::parse(b"a", "a&".repeat(PARAMETERS_MAX).as_bytes()).is_err());
    }
}
