//! The commands, a file each.

use clap::{Args, Parser, Subcommand};
use regatta_kit::{Release, Task};
use std::path::PathBuf;

use crate::output::{Color, Format};

pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod drive;
pub(crate) mod elliott;
pub(crate) mod explain;
pub(crate) mod graph;
pub(crate) mod issue;
pub(crate) mod payload_job;
pub(crate) mod person;
pub(crate) mod sandbox;
pub(crate) mod statebox;
pub(crate) mod status;
pub(crate) mod timeline;

/// Drives OpenShift z-stream releases from announcement to final QE approval.
#[derive(Debug, Parser)]
#[command(
    name = "regatta",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
#[command(
    after_help = "Exit codes: 0 done or unchanged, 1 failed (Red, faults found, refused), 2 wrong usage or input, \
3 waiting on the outside, 4 credentials, 5 waiting for a person, 6 conflict, 7 a service is unavailable, 70 a fault of Regatta's own.\n\
Try it without any account: regatta demo"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Globals {
    /// Form of the output
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Where releases are kept: sqlite:FILE, memory: or github:OWNER/REPO@BRANCH
    #[arg(long, global = true, value_name = "STORE")]
    pub(crate) store: Option<String>,
    /// Settings file (default: ./regatta.toml, then the user's)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Whether to use colour
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) color: Color,
    /// Say only what somebody has to know or do
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more; twice for still more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Drive a release to its end in an imitated world, in about a minute
    Demo(demo::DemoArgs),
    /// Serve the imitated world until interrupted
    Sandbox(sandbox::SandboxArgs),
    /// Make every move that is legal now, then say what is waited for
    Drive(drive::DriveArgs),
    /// Show how releases stand
    Status(status::StatusArgs),
    /// Show what happened to a release, in order
    Timeline(ReleaseArg),
    /// Show the flow as a picture
    Graph(graph::GraphArgs),
    /// Explain a task or an error code
    Explain(explain::ExplainArgs),
    /// Decide a task in place of the evidence; recorded
    Override(person::OverrideArgs),
    /// Ask for another attempt at a task
    Retry(person::RetryArgs),
    /// Put a task back to its beginning
    Reset(person::ResetArgs),
    /// Add, resolve or list issues
    Issue(issue::IssueArgs),
    /// Check, convert or merge StateBox files
    Statebox(statebox::StateboxArgs),
    /// The jobs that judge payloads: list, aggregate, check, judge …
    PayloadJob(payload_job::PayloadJobArgs),
    /// Show the settings in force
    Config(config::ConfigArgs),
    /// Check settings, credentials and services, a line each
    Doctor(doctor::DoctorArgs),
    /// Print a shell's completions
    Completions(completions::CompletionsArgs),
    /// Answer as elliott does, from a sandbox
    #[command(hide = true)]
    ElliottStandIn(elliott::ElliottArgs),
}

/// A command that takes a release only.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArg {
    /// The release, such as 4.20.1
    pub(crate) release: Release,
}

/// A command on one task of a release.
#[derive(Debug, Args)]
pub(crate) struct TaskArg {
    /// The release, such as 4.20.1
    pub(crate) release: Release,
    /// The task, such as stage-testing
    pub(crate) task: Task,
}
