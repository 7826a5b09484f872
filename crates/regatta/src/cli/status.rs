//! `regatta status`: how one release stands, or all of them.

use clap::Args;
use indexmap::IndexMap;
use regatta_engine::app::{HeldBy, Standing};
use regatta_engine::report::{Asking, IssueView, Waiting};
use regatta_kit::{Overall, Release, Status, Task, TaskMap};
use regatta_statebox::document::Metadata;
use regatta_statebox::fold::{MovedBy, OverrideState};
use serde::Serialize;

use crate::cli::Globals;
use crate::cli::drive::question_lines;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::terminal;
use crate::wiring;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The release, such as 4.20.1
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) release: Option<Release>,
    /// All releases of the store
    #[arg(long)]
    pub(crate) all: bool,
    /// Show again whenever it changes, until interrupted
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Serialize)]
struct StatusView {
    release: Release,
    overall_status: Overall,
    tasks: TaskMap<Status>,
    metadata: Metadata,
    task_details: IndexMap<Task, Detail>,
    issues: Vec<IssueView>,
    overrides: Vec<OverrideState>,
    waiting: Vec<Waiting>,
    needs_human: Vec<Asking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<HeldBy>,
    source: String,
}

#[derive(Serialize)]
struct Detail {
    status: Status,
    attempt: u32,
    started_at: Option<String>,
    completed_at: Option<String>,
    by: &'static str,
    result: Option<String>,
}

#[derive(Serialize)]
struct AllView {
    releases: Vec<RowView>,
}

#[derive(Serialize)]
struct RowView {
    release: Release,
    overall_status: Overall,
    tasks: TaskMap<Status>,
    needs_human: usize,
}

pub(crate) async fn run(globals: &Globals, args: &StatusArgs) -> Result<u8, Failure> {
    let source = wiring::settings(globals)?.store;
    let app = wiring::app(globals).await?;
    let mut shown = String::new();
    loop {
        let text = match args.release {
            Some(release) => one(globals, view(app.standing(release).await?, &source))?,
            None => all(globals, &app).await?,
        };
        if text != shown {
            output::print(&text)?;
            shown = text;
        }
        if !args.watch {
            app.clock.leave(None).await;
            return Ok(0);
        }
        let next =
            app.clock.now().checked_add(jiff::SignedDuration::from_secs(2)).unwrap_or(jiff::Timestamp::MAX);
        wiring::on_clock(&app.clock, async {
            app.clock.sleep_until(next).await;
            Ok::<(), Failure>(())
        })
        .await?;
    }
}

fn view(standing: Standing, source: &str) -> StatusView {
    let Standing { release, overall, tasks, folded, waiting, needs_human, issues, held_by } = standing;
    let task_details = folded
        .tasks
        .iter()
        .map(|(task, state)| {
            let detail = Detail {
                status: state.status,
                attempt: state.attempt,
                started_at: state.started_at.map(|at| at.to_string()),
                completed_at: state.completed_at.map(|at| at.to_string()),
                by: match state.moved_by {
                    MovedBy::Nobody => "nobody",
                    MovedBy::Regatta => "evidence",
                    MovedBy::Override => "override",
                    MovedBy::Foreign => "another program",
                },
                result: state.result.clone(),
            };
            (task, detail)
        })
        .collect();
    StatusView {
        release,
        overall_status: overall,
        tasks,
        metadata: folded.metadata,
        task_details,
        issues,
        overrides: folded.overrides,
        waiting,
        needs_human,
        held_by,
        source: source.to_owned(),
    }
}

fn one(globals: &Globals, view: StatusView) -> Result<String, Failure> {
    output::text(globals.output, "status", &view, || {
        let mut text = format!("{}: overall {}\n", view.release, view.overall_status);
        if let Some(HeldBy { holder, until }) = &view.held_by {
            text.push_str(&format!("Held by {holder} until {}\n", terminal::minute(*until)));
        }
        let rows: Vec<Vec<String>> = view
            .task_details
            .iter()
            .map(|(task, d)| vec![task.to_string(), d.status.to_string(), why(&view, *task, d)])
            .collect();
        text.push_str(&output::columns(&["TASK", "STATUS", "WHY"], &rows));
        if globals.output == Format::Wide {
            text.push_str(&results(&view));
        }
        text.push_str(&question_lines(&view.needs_human));
        for issue in view.issues.iter().filter(|i| !i.resolved) {
            text.push_str(&format!(
                "Open {}: {}\n",
                if issue.blocker { "blocker" } else { "issue" },
                issue.issue
            ));
        }
        text
    })
}

/// Longest result shown in the table, in characters; `-o wide` has the whole.
const SHORT_RESULT_CHARS: usize = 100;

/// Why a task stands where it does, on one line: its wait, else its override, else the end of its result.
fn why(view: &StatusView, task: Task, detail: &Detail) -> String {
    if let Some(wait) = view.waiting.iter().find(|w| w.task == task) {
        return wait.why.replace('\n', " ");
    }
    if detail.by == "override"
        && let Some(over) = view.overrides.iter().rev().find(|o| o.task == task)
    {
        let reason = over.reason.as_deref().unwrap_or("no reason");
        return format!("by override of {} ({}): {reason}", over.who, over.role);
    }
    let last = detail.result.as_deref().unwrap_or_default().lines().next_back().unwrap_or_default();
    match last.char_indices().nth(SHORT_RESULT_CHARS) {
        Some((end, _)) => format!("{}…", &last[..end]),
        None => last.to_owned(),
    }
}

/// Every task's whole result, indented below its name.
fn results(view: &StatusView) -> String {
    let mut text = String::new();
    for (task, detail) in &view.task_details {
        let Some(result) = detail.result.as_deref().filter(|r| !r.trim().is_empty()) else { continue };
        text.push_str(&format!("\n{task} (attempt {}, by {}):\n", detail.attempt, detail.by));
        for line in result.lines() {
            text.push_str(&format!("  {}\n", line.trim_end()));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

async fn all(globals: &Globals, app: &regatta_engine::App) -> Result<String, Failure> {
    let mut releases = Vec::new();
    for release in app.releases().await? {
        let standing = app.standing(release).await?;
        releases.push(RowView {
            release,
            overall_status: standing.overall,
            tasks: standing.tasks,
            needs_human: standing.needs_human.len(),
        });
    }
    let view = AllView { releases };
    output::text(globals.output, "releases", &view, || {
        if view.releases.is_empty() {
            return "No releases in this store yet; `regatta drive RELEASE` takes one up.\n".to_owned();
        }
        let rows: Vec<Vec<String>> = view
            .releases
            .iter()
            .map(|r| {
                let count = |status| r.tasks.iter().filter(|(_, s)| **s == status).count();
                let running: Vec<&str> = r
                    .tasks
                    .iter()
                    .filter(|(_, s)| **s == Status::InProgress)
                    .map(|(t, _)| t.name())
                    .collect();
                vec![
                    r.release.to_string(),
                    r.overall_status.to_string(),
                    format!("{}/10", count(Status::Pass)),
                    count(Status::Fail).to_string(),
                    r.needs_human.to_string(),
                    running.join(", "),
                ]
            })
            .collect();
        output::columns(&["RELEASE", "OVERALL", "PASSED", "FAILED", "QUESTIONS", "IN PROGRESS"], &rows)
    })
}
