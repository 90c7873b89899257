//! What rows of the table of settings have in common.

use std::path::Path;

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
    ($name:literal, $field:ident, $help:literal) => {
        Key {
            name: $name,
            file_type: FileType::Text,
            wants: "a file",
            help: $help,
            set: |settings, text| {
                settings.$field = Some(PathBuf::from((!text.is_empty()).then_some(text)?));
                Some(())
            },
            get: |settings| path_or_none(settings.$field.as_deref()),
        }
    };
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

pub(super) fn boolean(text: &str) -> Option<bool> {
    text.parse().ok()
}

pub(super) fn switch(text: &str) -> Option<Switch> {
    Some(if boolean(text)? { Switch::On } else { Switch::Off })
}

pub(super) fn is_on(switch: Switch) -> String {
    (switch == Switch::On).to_string()
}

pub(super) use {file_key, number};
