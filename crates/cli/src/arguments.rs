//! The command line: commands, flags and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::audit::AuditCommand;
use crate::bench::BenchCommand;
use crate::client::ConnectionArgs;
use crate::client::iam::access_keys::AccessKeysCommand;
use crate::client::iam::groups::GroupsCommand;
use crate::client::iam::policies::PoliciesCommand;
use crate::client::iam::roles::RolesCommand;
use crate::client::iam::users::UsersCommand;
use crate::client::messages::MessagesCommand;
use crate::client::queues::QueuesCommand;
use crate::exit::EXIT_CODES_HELP;
use crate::reference::Page;
use crate::settings::SettingFlags;
use crate::store::StoreCommand;

const EXAMPLES: &str = "\
Examples:
  sluice dev                              a server for tests, data removed at exit
  sluice serve --data ./sluice-data       a durable server
  sluice config check                     every setting, its value, and where it comes from
  sluice queues create orders --attribute VisibilityTimeout=60
  sluice messages send orders 'hello'
  sluice messages receive orders --wait 20 --delete
  sluice users create ann
  sluice whoami                           whose the credentials are
  sluice bench run --scenario cycle       throughput and latency of whole life cycles";

/// A durable message queue server that speaks the Amazon SQS API, and the commands around it.
///
/// Settings of the server come from flags, over `SLUICE_*` environment variables, over the configuration file, over defaults.
/// Logs and messages to people go to stderr, data to stdout.
#[derive(Debug, Parser)]
#[command(
    name = "sluice",
    version,
    max_term_width = 100,
    after_help = format!("{EXAMPLES}\n\n{EXIT_CODES_HELP}"),
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) logging: LoggingArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How to log; on every command.
#[derive(Debug, Args)]
pub(crate) struct LoggingArgs {
    /// Form of log lines on stderr.
    #[arg(
        long,
        global = true,
        env = "SLUICE_LOG_FORMAT",
        hide_env_values = true,
        default_value = "text",
        help_heading = "Logging"
    )]
    pub(crate) log_format: LogFormat,
    /// Least severe level to log: error, warn, info, debug or trace; `sluice_store=debug,warn` sets it by module.
    #[arg(
        long,
        global = true,
        env = "SLUICE_LOG_LEVEL",
        hide_env_values = true,
        default_value = "info",
        value_name = "LEVEL",
        help_heading = "Logging"
    )]
    pub(crate) log_level: String,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line of text per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the server for production: durable, in a data directory.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServerArgs),
    /// Runs the server for development and tests: any credentials, temporary data unless --data is given.
    #[command(after_help = DEV_EXAMPLES)]
    Dev(ServerArgs),
    /// Explains the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Lists, creates, describes, purges and deletes queues.
    #[command(subcommand)]
    Queues(QueuesCommand),
    /// Sends, receives, peeks at and deletes messages.
    #[command(subcommand)]
    Messages(MessagesCommand),
    /// Lists, creates and deletes users.
    #[command(subcommand)]
    Users(UsersCommand),
    /// Lists, creates, disables and deletes access keys of users.
    #[command(subcommand)]
    AccessKeys(AccessKeysCommand),
    /// Lists, creates and deletes groups, and changes who is in them.
    #[command(subcommand)]
    Groups(GroupsCommand),
    /// Lists, creates, deletes and assumes roles.
    #[command(subcommand)]
    Roles(RolesCommand),
    /// Lists, creates, shows, attaches and simulates managed policies.
    #[command(subcommand)]
    Policies(PoliciesCommand),
    /// Shows whose the credentials are: account, ARN and id.
    Whoami(ConnectionArgs),
    /// Puts load on an SQS endpoint, this server or another, and measures it.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Checks, measures, backs up and restores data directories.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Verifies audit logs.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Prints a page of the reference documentation.
    #[command(hide = true)]
    Reference {
        /// The page.
        page: Page,
    },
}

const SERVE_EXAMPLES: &str = "\
Examples:
  sluice serve --data /var/lib/sluice
  sluice serve --config /etc/sluice.toml --log-format json
  sluice serve --listen 127.0.0.1:0 --port-file /run/sluice.port
  sluice serve --tls-certificate-file /etc/sluice/tls.crt --tls-key-file /etc/sluice/tls.key

SIGTERM and SIGINT drain: no new requests, requests in flight are answered, the store is
closed. A second signal quits at once; acknowledged messages are safe either way.
SIGHUP reads the TLS files anew, if there are any.";

const DEV_EXAMPLES: &str = "\
Examples:
  sluice dev
  sluice dev --listen 127.0.0.1:0 --port-file port    a free port, written to a file once the server is ready
  sluice dev --data ./queues                          keeps the data
  sluice dev --queues queues.yaml --clock virtual     queues from a file, time that a test sets forward
  sluice dev --tls-self-signed ./tls                  https; clients trust ./tls/ca.pem

What helps tests is described in docs/development.md.";

/// Flags of `serve` and `dev`.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    #[command(flatten)]
    pub(crate) config: ConfigFileArgs,
    /// File that gets `host:port` once the server is ready, written atomically.
    #[arg(long, value_name = "FILE")]
    pub(crate) port_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// Where the configuration file is.
#[derive(Debug, Args)]
pub(crate) struct ConfigFileArgs {
    /// Configuration file, TOML; its keys are listed in docs/configuration.md.
    #[arg(long, value_name = "FILE", env = "SLUICE_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
}

/// `sluice config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows every setting: key, effective value, where it comes from; exits with 2 when something is wrong.
    Check(CheckArgs),
}

/// Flags of `sluice config check`: those of the server, and which server.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigFileArgs,
    /// Checks for `sluice dev` instead of `sluice serve`.
    #[arg(long)]
    pub(crate) dev: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// Form of the data on stdout.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct OutputArgs {
    /// Form of the data on stdout.
    #[arg(long, env = "SLUICE_OUTPUT", hide_env_values = true, default_value = "text")]
    pub(crate) output: OutputFormat,
}

/// Form of the data on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}
