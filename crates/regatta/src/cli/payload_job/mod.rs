//! `regatta payload-job`: the jobs that judge payloads. A file a command.

use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::Globals;
use crate::failure::Failure;

mod change;
mod check;
mod judge;
mod list;
mod place;

/// What `payload-job` takes.
#[derive(Debug, Args)]
pub(crate) struct PayloadJobArgs {
    /// The checkout with core-services/release-controller/_releases (default: the one around the current folder)
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    #[command(subcommand)]
    command: PayloadJobCommand,
}

#[derive(Debug, Subcommand)]
enum PayloadJobCommand {
    /// List the jobs that are not aggregated, in groups, numbered through
    List(list::ListArgs),
    /// Run a job several times on each payload and judge the runs by statistics
    Aggregate(change::ChangeArgs),
    /// Run an aggregated job once again
    Deaggregate(change::ChangeArgs),
    /// Make informing jobs blocking
    Promote(change::ChangeArgs),
    /// Make blocking jobs informing
    Demote(change::ChangeArgs),
    /// Add a Prow job, informing at first
    Add(change::AddArgs),
    /// Check configurations by the release controller's rules and by convention
    Check(check::CheckArgs),
    /// Judge the runs of an aggregated job by statistics
    Judge(judge::JudgeArgs),
}

pub(crate) fn run(globals: &Globals, args: &PayloadJobArgs) -> Result<u8, Failure> {
    let root = args.root.as_deref();
    match &args.command {
        PayloadJobCommand::List(args) => list::run(globals, root, args),
        PayloadJobCommand::Aggregate(args) => change::aggregate(globals, root, args),
        PayloadJobCommand::Deaggregate(args) => change::deaggregate(globals, root, args),
        PayloadJobCommand::Promote(args) => change::promote(globals, root, args),
        PayloadJobCommand::Demote(args) => change::demote(globals, root, args),
        PayloadJobCommand::Add(args) => change::add(globals, root, args),
        PayloadJobCommand::Check(args) => check::run(globals, root, args),
        PayloadJobCommand::Judge(args) => judge::run(globals, args),
    }
}
