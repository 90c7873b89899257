//! `sluice config check`: every setting, its value, and where it comes from.

use serde_json::json;

use crate::arguments::{CheckArgs, OutputFormat};
use crate::exit::Failure;
use crate::output;
use crate::serve::{read_files, resolve};
use crate::settings::{Mode, Resolved, Settings};

/// Prints the effective configuration, or fails with every problem found.
pub(crate) fn run(args: CheckArgs) -> Result<(), Failure> {
    let mode = if args.dev { Mode::Dev } else { Mode::Serve };
    let resolved = resolve(mode, &args.config, args.settings)?;
    read_files(&resolved)?;
    check_tls(&resolved.settings)?;
    match args.output.output {
        OutputFormat::Text => output::print(&text(&resolved)),
        OutputFormat::Json => {
            let rows = resolved.sources.iter().map(|(key, source)| {
                json!({
                    "key": key.name,
                    "value": (key.get)(&resolved.settings),
                    "source": source.to_string(),
                })
            });
            output::print_json(&rows.collect())
        }
    }
}

/// Reads the TLS files; those that `dev` makes for itself need not be there yet.
fn check_tls(settings: &Settings) -> Result<(), Failure> {
    match settings.tls_files() {
        Some(files) if settings.tls_self_signed.is_none() => {
            files.check().map_err(|error| Failure::Usage(error.to_string()))
        }
        Some(_) | None => Ok(()),
    }
}

fn text(resolved: &Resolved) -> String {
    let header = ["KEY", "VALUE", "SOURCE"].map(str::to_owned).to_vec();
    let rows = resolved.sources.iter().map(|(key, source)| {
        vec![key.name.to_owned(), (key.get)(&resolved.settings), source.to_string()]
    });
    output::table(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
}
