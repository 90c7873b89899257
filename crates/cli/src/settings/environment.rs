//! Settings from `SLUICE_*` environment variables.

use std::collections::BTreeMap;

use super::key::{KEYS, Key};
use super::nearest::nearest;

/// Variables of global flags and of the client commands, and of the repository's scripts.
const OTHER_VARIABLES: &[&str] = &[
    "SLUICE_CONFIG",
    "SLUICE_ENDPOINT",
    "SLUICE_LOG_FORMAT",
    "SLUICE_LOG_LEVEL",
    "SLUICE_OUTPUT",
    "SLUICE_SKIP_SETUP",
];

/// Picks the settings out of the environment. Problems are whole sentences for the user.
pub(super) fn read(
    variables: &BTreeMap<String, String>,
) -> (BTreeMap<&'static str, String>, Vec<String>) {
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    for (variable, text) in variables {
        if !variable.starts_with("SLUICE_") || text.is_empty() {
            continue;
        }
        if let Some(key) = KEYS.iter().find(|key| key.variable() == *variable) {
            found.insert(key.name, text.clone());
        } else if !OTHER_VARIABLES.contains(&variable.as_str()) {
            problems.extend(misspelt(variable));
        }
    }
    (found, problems)
}

/// Tells of a variable that was surely meant for Sluice. One that resembles nothing is none of its business: the environment
/// belongs to others too, Kubernetes for example sets `SLUICE_PORT` and more for a service named `sluice`.
fn misspelt(variable: &str) -> Option<String> {
    let names: Vec<String> = KEYS.iter().map(Key::variable).collect();
    let known = names.iter().map(String::as_str).chain(OTHER_VARIABLES.iter().copied());
    nearest(variable, known)
        .map(|name| format!("environment: unknown variable `{variable}`, did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn settings_are_found_and_others_left_alone() {
        let (found, problems) = read(&variables(&[
            ("SLUICE_HTTP_BODY_BYTES_MAX", "4MiB"),
            ("SLUICE_REGION", ""),
            ("SLUICE_ENDPOINT", "http://127.0.0.1:1"),
            ("SLUICE_PORT_9324_TCP", "tcp://10.0.0.1:9324"),
            ("SLUICE_SERVICE_HOST", "10.0.0.1"),
            ("PATH", "/bin"),
        ]));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(found, BTreeMap::from([("http.body_bytes_max", "4MiB".to_owned())]));
    }

    #[test]
    fn a_misspelt_variable_is_a_problem_with_a_suggestion() {
        let (_, problems) = read(&variables(&[("SLUICE_LISEN", "127.0.0.1:1")]));
        assert_eq!(
            problems,
            ["environment: unknown variable `SLUICE_LISEN`, did you mean `SLUICE_LISTEN`?"]
        );
    }
}
