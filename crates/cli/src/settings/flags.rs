//! Settings from the command line: one flag per row of the table.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use super::key::{FileType, KEYS, Key};

const HEADING: &str = "Settings";

/// Settings given as flags, by key name, not yet parsed.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingFlags {
    pub(crate) given: BTreeMap<&'static str, String>,
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        KEYS.iter().fold(command, |command, key| command.arg(argument(key)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for key in KEYS {
            if let Some(text) = matches.get_one::<String>(key.name) {
                self.given.insert(key.name, text.clone());
            }
        }
        Ok(())
    }
}

fn argument(key: &'static Key) -> Arg {
    let placeholder = match key.name {
        "data" | "tls.self_signed" => "DIR",
        "queues" | "tls.certificate_file" | "tls.key_file" | "tls.client_ca_file" => "FILE",
        "clock" => "CLOCK",
        "listen" => "ADDRESS",
        "public_url" => "URL",
        "region" => "REGION",
        "account" => "ID",
        _ => match key.file_type {
            FileType::Bytes => "BYTES",
            FileType::Boolean => "BOOL",
            FileType::Integer if key.name.ends_with("_secs") => "SECONDS",
            FileType::Integer => "N",
            FileType::List => "LIST",
            FileType::Text => "TEXT",
        },
    };
    let argument = Arg::new(key.name)
        .long(key.flag())
        .value_name(placeholder)
        .help(key.help)
        .help_heading(HEADING);
    match key.file_type {
        // `--allow-peek` alone says yes; `--allow-peek=false` overrides a file that says yes.
        FileType::Boolean => {
            argument.num_args(0..=1).require_equals(true).default_missing_value("true")
        }
        FileType::Text | FileType::Integer | FileType::Bytes | FileType::List => argument,
    }
}
