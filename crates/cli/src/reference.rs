//! Pages of the reference documentation, made from what the program itself uses. `cargo xtask docs` stores them.

use clap::{CommandFactory, ValueEnum};
use sluice_server::services::SERVICES;

use crate::arguments::Cli;
use crate::settings::key::{KEYS, Key};
use crate::settings::listener::{LISTENER_KEYS, ListenerSettings};
use crate::settings::{Mode, Settings};

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Page {
    /// Every command with its help.
    Cli,
    /// Every setting.
    Configuration,
    /// Every API operation.
    Operations,
}

const GENERATED: &str = "<!-- Written by `cargo xtask docs`; do not edit. -->\n";

/// Renders a page as Markdown.
pub(crate) fn render(page: Page) -> String {
    let mut text = String::from(GENERATED);
    match page {
        Page::Cli => {
            text.push_str("# The command line\n");
            let mut root = Cli::command().term_width(100);
            root.build();
            command(&mut text, root);
        }
        Page::Configuration => configuration(&mut text),
        Page::Operations => operations(&mut text),
    }
    text
}

fn command(text: &mut String, mut command_: clap::Command) {
    let name = command_.get_bin_name().unwrap_or("sluice").to_owned();
    let help = command_.render_help().to_string();
    let trimmed: Vec<&str> = help.lines().map(str::trim_end).collect();
    text.push_str(&format!("\n## `{name}`\n\n```text\n{}\n```\n", trimmed.join("\n").trim_end()));
    let is_shown = |sub: &&clap::Command| !sub.is_hide_set() && sub.get_name() != "help";
    let subcommands: Vec<_> = command_.get_subcommands().filter(is_shown).cloned().collect();
    for subcommand in subcommands {
        command(text, subcommand);
    }
}

fn configuration(text: &mut String) {
    text.push_str(
        "# Configuration\n\nFlags win over environment variables, those over the file given by `--config`, those over defaults. \
         Unknown keys are errors, and so are `SLUICE_*` variables that look like misspelt ones. `sluice config check` shows the effective values and where each comes from. \
         An empty environment variable counts as absent. A key with a dot stands in a section of the file: \
         `http.body_bytes_max` is `body_bytes_max` under `[http]`.\n\n\
         | key | flag | environment | default | wants | meaning |\n|---|---|---|---|---|---|\n",
    );
    let (serve, dev) = (Settings::defaults(Mode::Serve), Settings::defaults(Mode::Dev));
    for key in KEYS {
        let mut default = (key.get)(&serve);
        let in_dev = (key.get)(&dev);
        if in_dev != default {
            default = format!("{default}; dev: {in_dev}");
        }
        let (name, flag, variable) = (key.name, key.flag(), key.variable());
        let (wants, help) = (key.wants, key.help);
        text.push_str(&format!(
            "| `{name}` | `--{flag}` | `{variable}` | {default} | {wants} | {help} |\n"
        ));
    }
    further_listeners(text);
}

fn further_listeners(text: &mut String) {
    text.push_str(
        "\n## Further listeners\n\nBesides `listen`, which has the keys above, a server listens wherever a section of the file says: \
         `[listeners.NAME]`, or `[listeners.NAME.tls]` for keys that begin with `tls.`. NAME is chosen freely, of lower-case letters, \
         digits, hyphens and underscores. Each needs `address` or `socket`. These keys have no flags and no variables; \
         see [listeners.md](listeners.md).\n\n\
         | key | default | wants | meaning |\n|---|---|---|---|\n",
    );
    let defaults = ListenerSettings::default();
    for Key { name, wants, help, get, .. } in LISTENER_KEYS {
        text.push_str(&format!("| `{name}` | {} | {wants} | {help} |\n", get(&defaults)));
    }
}

fn operations(text: &mut String) {
    text.push_str(
        "# API operations\n\nEvery operation that this server answers, over each protocol of its service. Behaviour is that of AWS \
         unless [compatibility.md](../compatibility.md) says otherwise.\n\n\
         | operation | authorised as |\n|---|---|\n",
    );
    for service in SERVICES {
        for operation in service.operations {
            text.push_str(&format!("| {} | `{}` |\n", operation.name, operation.iam_action));
        }
    }
}
