//! `sluice config check`: every setting, its value, and where it comes from.

use serde_json::json;
use sluice_server::tls::TlsFiles;

use crate::arguments::{CheckArgs, OutputFormat};
use crate::exit::Failure;
use crate::serve::{read_files, resolve};
use crate::settings::{Mode, Resolved, Settings};
use crate::{master_key, output};

/// Prints the effective configuration, or fails with every problem found.
pub(crate) fn run(args: CheckArgs) -> Result<(), Failure> {
    let mode = if args.dev { Mode::Dev } else { Mode::Serve };
    let resolved = resolve(mode, &args.config, args.settings)?;
    read_files(mode, &resolved)?;
    master_key::read(&resolved.settings).map_err(Failure::Usage)?;
    check_tls(&resolved.settings)?;
    match args.output.output {
        OutputFormat::Text => output::print(&text(&resolved)),
        OutputFormat::Json => {
            let rows = resolved.rows.iter().map(|row| {
                json!({ "key": row.name, "value": row.value, "source": row.source.to_string() })
            });
            output::print_json(&rows.collect())
        }
    }
}

/// Reads the TLS files; those that `dev` makes for itself need not be there yet.
fn check_tls(settings: &Settings) -> Result<(), Failure> {
    let check = |files: TlsFiles| files.check().map_err(|error| Failure::Usage(error.to_string()));
    settings.given_tls_files().into_iter().try_for_each(check)
}

fn text(resolved: &Resolved) -> String {
    let header = ["KEY", "VALUE", "SOURCE"].map(str::to_owned).to_vec();
    let rows = resolved.rows.iter();
    let rows = rows.map(|row| vec![row.name.clone(), row.value.clone(), row.source.to_string()]);
    output::table(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
}
