//! `regatta config show`: the settings in force, and where each came from.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::Globals;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::settings::Shown;
use crate::wiring;

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) what: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the settings in force; credentials are never shown
    Show {
        /// Say where each value came from
        #[arg(long)]
        origin: bool,
    },
}

#[derive(Serialize)]
struct ConfigView<'a> {
    settings: &'a [Shown],
}

pub(crate) fn run(globals: &Globals, args: &ConfigArgs) -> Result<u8, Failure> {
    let ConfigCommand::Show { origin } = args.what;
    let settings = wiring::settings(globals)?;
    output::show(globals.output, "config", &ConfigView { settings: &settings.shown }, || {
        let origin = origin || globals.output == Format::Wide;
        let rows: Vec<Vec<String>> = settings
            .shown
            .iter()
            .map(|s| {
                let mut row = vec![s.key.clone(), s.value.clone()];
                if origin {
                    row.push(s.origin.clone());
                }
                row
            })
            .collect();
        let head: &[&str] = if origin { &["SETTING", "VALUE", "ORIGIN"] } else { &["SETTING", "VALUE"] };
        output::columns(head, &rows)
    })?;
    Ok(0)
}
