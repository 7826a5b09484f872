//! `regatta explain`: a task's row of the flow table, or an error code's page.

use clap::Args;
use regatta_flow::graph;
use regatta_flow::table::{Kind, row};
use regatta_kit::{Code, Task};
use serde::Serialize;

use crate::cli::Globals;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A task such as stage-testing, or a code such as RG105
    pub(crate) what: String,
}

#[derive(Serialize)]
struct TaskPage {
    task: Task,
    display: &'static str,
    kind: &'static str,
    starts_after: Vec<&'static str>,
    expected: String,
    looked_at_every: String,
}

#[derive(Serialize)]
struct CodePage {
    code: &'static str,
    title: &'static str,
    cause: &'static str,
    mend: &'static str,
}

pub(crate) fn run(globals: &Globals, args: &ExplainArgs) -> Result<u8, Failure> {
    if let Ok(task) = args.what.parse::<Task>() {
        let page = task_page(task);
        output::show(globals.output, "task", &page, || {
            format!(
                "{} ({})\n\n  what it is       {}\n  starts after     {}\n  takes            {}\n  looked at every  {}\n",
                page.task,
                page.display,
                page.kind,
                page.starts_after.join(", "),
                page.expected,
                page.looked_at_every
            )
        })?;
        return Ok(0);
    }
    if let Ok(code) = args.what.parse::<Code>() {
        let page = CodePage { code: code.id(), title: code.title(), cause: code.cause(), mend: code.mend() };
        output::show(globals.output, "code", &page, || {
            format!("{}: {}\n\nCause: {}\n\nMend: {}\n", page.code, page.title, page.cause, page.mend)
        })?;
        return Ok(0);
    }
    let near = nearest(&args.what);
    let tasks: Vec<&str> = Task::ALL.iter().map(|t| t.name()).collect();
    Err(Failure::Input(format!(
        "{:?} is neither a task nor a code{near}\n  tasks: {}\n  codes: {} to {}",
        args.what,
        tasks.join(", "),
        Code::ALL[0],
        Code::ALL[Code::ALL.len() - 1]
    )))
}

fn task_page(task: Task) -> TaskPage {
    let row = row(task);
    let starts_after = graph::edges().into_iter().filter(|e| e.to == task).map(|e| e.from.name()).collect();
    TaskPage {
        task,
        display: row.display,
        kind: match row.kind {
            Kind::Step => "a step, done within one run",
            Kind::AsyncJob => "a job begun elsewhere and followed",
            Kind::Analysis => "a judgement of a build's test results, read again at every look",
        },
        starts_after,
        expected: row.expected.to_string(),
        looked_at_every: row.poll.to_string(),
    }
}

/// `; did you mean …?` where a task's name shares a word with what was written.
fn nearest(what: &str) -> String {
    let words: Vec<&str> = what.split(['-', '_', ' ']).filter(|w| w.len() > 2).collect();
    let near = Task::ALL.into_iter().find(|t| words.iter().any(|w| t.name().contains(w)));
    near.map_or_else(String::new, |t| format!("; did you mean {t}?"))
}
