//! The condition keys and variables that policies name.

use std::collections::BTreeMap;

use serde::Serialize;
use sluice_policy::Kind;
use sluice_wire::AwsError;

use super::simulation;

/// Names of keys, each once, sorted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContextKeys {
    context_key_names: Vec<String>,
}

impl ContextKeys {
    /// Those of policies. Names that differ only by case are one, in one of the spellings.
    pub(super) fn of(texts: &[String]) -> Result<Self, AwsError> {
        let mut names = BTreeMap::new();
        for text in texts {
            let policy = simulation::parsed(text, Kind::Identity)?;
            for name in policy.context_key_names() {
                names.entry(name.to_lowercase()).or_insert_with(|| name.to_owned());
            }
        }
        Ok(Self { context_key_names: names.into_values().collect() })
    }
}
