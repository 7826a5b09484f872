//! `regatta issue`: what stands in the way, and what was done about it.

use clap::{Args, Subcommand};
use regatta_engine::people::Blocks;
use regatta_engine::report::IssueView;
use regatta_kit::{Release, Task};
use serde::Serialize;

use crate::cli::Globals;
use crate::cli::person::{mode, said, tell};
use crate::failure::Failure;
use crate::output;
use crate::wiring;

#[derive(Debug, Args)]
pub(crate) struct IssueArgs {
    #[command(subcommand)]
    pub(crate) what: IssueCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IssueCommand {
    /// Add an issue: a text, or a ticket's key
    Add {
        /// The release
        release: Release,
        /// What is wrong, or a key such as OCPBUGS-123
        text: String,
        /// It stops the tasks named, or final approval when none is named
        #[arg(long)]
        blocker: bool,
        /// A task it is about; may be given several times
        #[arg(long = "task")]
        tasks: Vec<Task>,
        /// Why it is recorded
        #[arg(long, value_parser = said)]
        reason: String,
        /// Check it and tell; record nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Resolve the open issue with this text, or the only one that contains it
    Resolve {
        /// The release
        release: Release,
        /// The issue's text, or enough of it
        text: String,
        /// How it was resolved
        #[arg(long, value_parser = said)]
        reason: String,
        /// Check it and tell; record nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the issues
    List {
        /// The release
        release: Release,
    },
}

#[derive(Serialize)]
struct IssuesView {
    release: Release,
    issues: Vec<IssueView>,
}

pub(crate) async fn run(globals: &Globals, args: &IssueArgs) -> Result<u8, Failure> {
    let app = wiring::app(globals).await?;
    match &args.what {
        IssueCommand::Add { release, text, blocker, tasks, reason, dry_run } => {
            let blocks = if *blocker { Blocks::Yes } else { Blocks::No };
            let done =
                app.add_issue(*release, text, blocks, tasks.clone(), Some(reason), mode(*dry_run)).await;
            app.clock.leave(None).await;
            tell(globals, &done?, *dry_run)
        }
        IssueCommand::Resolve { release, text, reason, dry_run } => {
            let done = app.resolve_issue(*release, text, reason, mode(*dry_run)).await;
            app.clock.leave(None).await;
            tell(globals, &done?, *dry_run)
        }
        IssueCommand::List { release } => {
            let issues = app.issues(*release).await?;
            app.clock.leave(None).await;
            let view = IssuesView { release: *release, issues };
            output::show(globals.output, "issues", &view, || {
                if view.issues.is_empty() {
                    return format!("No issues of {release}.\n");
                }
                let rows: Vec<Vec<String>> = view
                    .issues
                    .iter()
                    .map(|i| {
                        vec![
                            if i.resolved { "resolved" } else { "open" }.to_owned(),
                            if i.blocker { "blocker" } else { "issue" }.to_owned(),
                            i.reported_at.clone(),
                            i.related_tasks.join(", "),
                            i.issue.replace('\n', " "),
                        ]
                    })
                    .collect();
                output::columns(&["STATE", "KIND", "REPORTED", "TASKS", "ISSUE"], &rows)
            })?;
            Ok(0)
        }
    }
}
