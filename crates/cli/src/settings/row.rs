//! What rows of the table of settings have in common.

use std::path::Path;

use sluice_server::config::Network;
use sluice_server::services::Switch;

/// A row whose value is a number within bounds.
macro_rules! number {
    ($name:literal, $file_type:ident, $field:ident, $min:literal..=$max:literal, $parse:expr, $render:expr, $wants:literal,
     $help:literal) => {
        Key {
            name: $name,
            file_type: FileType::$file_type,
            wants: $wants,
            help: $help,
            set: |settings, text| {
                let value = ($parse)(text).filter(|value| ($min..=$max).contains(value))?;
                settings.$field = value.try_into().ok()?;
                Some(())
            },
            get: |settings| ($render)(settings.$field),
        }
    };
}

/// A row whose value is the path of a file that there need not be.
macro_rules! file_key {
    ($name:literal, $($field:ident).+, $help:literal) => {
        Key {
            name: $name,
            file_type: FileType::Text,
            wants: "a file",
            help: $help,
            set: |settings, text| {
                settings.$($field).+ = Some(PathBuf::from((!text.is_empty()).then_some(text)?));
                Some(())
            },
            get: |settings| path_or_none(settings.$($field).+.as_deref()),
        }
    };
}

/// A row whose value is a switch.
macro_rules! switch_key {
    ($name:literal, $($field:ident).+, $help:literal) => {
        Key {
            name: $name,
            file_type: FileType::Boolean,
            wants: "true or false",
            help: $help,
            set: |settings, text| {
                settings.$($field).+ = switch(text)?;
                Some(())
            },
            get: |settings| is_on(settings.$($field).+),
        }
    };
}

/// A row whose value are networks.
macro_rules! networks_key {
    ($name:literal, $($field:ident).+, $help:literal) => {
        Key {
            name: $name,
            file_type: FileType::List,
            wants: "networks such as 10.0.0.0/8 or 192.0.2.7, with commas between them; in the file a list of texts",
            help: $help,
            set: |settings, text| {
                settings.$($field).+ = split(text)?;
                Some(())
            },
            get: |settings| listed(&settings.$($field).+),
        }
    };
}

/// Networks with commas between them, at least one.
pub(super) fn split(text: &str) -> Option<Vec<Network>> {
    text.split(',').map(|network| network.trim().parse().ok()).collect()
}

pub(super) fn listed(networks: &[Network]) -> String {
    if networks.is_empty() {
        return "(all)".to_owned();
    }
    networks.iter().map(Network::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn path_or_none(path: Option<&Path>) -> String {
    path.map_or_else(|| "(none)".to_owned(), |path| path.display().to_string())
}

pub(super) fn integer(text: &str) -> Option<u64> {
    text.parse().ok()
}

pub(super) fn plain(value: impl ToString) -> String {
    value.to_string()
}

pub(super) fn switch(text: &str) -> Option<Switch> {
    Some(if text.parse().ok()? { Switch::On } else { Switch::Off })
}

pub(super) fn is_on(switch: Switch) -> String {
    (switch == Switch::On).to_string()
}

pub(super) use {file_key, networks_key, number, switch_key};
