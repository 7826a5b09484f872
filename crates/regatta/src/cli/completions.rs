//! `regatta completions`: a shell's completion script.

use clap::{Args, CommandFactory as _};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

pub(crate) fn run(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "regatta", &mut script);
    let script = String::from_utf8(script).map_err(|e| Failure::Internal(e.to_string()))?;
    output::print(&script)?;
    Ok(0)
}
