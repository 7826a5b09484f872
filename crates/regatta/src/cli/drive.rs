//! `regatta drive`: every legal move now; with `--watch`, until done.

use clap::Args;
use regatta_engine::report::{Asking, DriveReport, Failed, Observer, Waiting};
use regatta_engine::{DriveOptions, DriveState, Watch};
use regatta_kit::{Arch, Release};
use regatta_tasks::email::Email;
use serde::Serialize;
use std::str::FromStr as _;

use crate::cli::Globals;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::terminal::{self, Together};
use crate::wiring;

#[derive(Debug, Args)]
pub(crate) struct DriveArgs {
    /// The release, such as 4.20.1
    pub(crate) release: Release,
    /// The owner to take it for (default: the recorded one, then the configured one)
    #[arg(long, value_parser = email)]
    pub(crate) email: Option<String>,
    /// The architecture whose builds are judged
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
    /// Stay until done, or until nothing runs and nothing can start without a person
    #[arg(long)]
    pub(crate) watch: bool,
    /// Print what would be done; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// An owner's address, as clap reads it.
fn email(text: &str) -> Result<String, String> {
    Email::from_str(text).map(|email| email.as_str().to_owned()).map_err(|e| e.to_string())
}

#[derive(Serialize)]
struct Plan {
    release: Release,
    moves: Vec<String>,
    waiting: Vec<Waiting>,
}

pub(crate) async fn run(globals: &Globals, args: &DriveArgs) -> Result<u8, Failure> {
    let mut app = wiring::app(globals).await?;
    if let Some(arch) = args.arch {
        app.settings.tasks.arch = arch;
    }
    if args.dry_run {
        let (moves, waiting) = app.plan(args.release).await?;
        let plan = Plan { release: args.release, moves, waiting };
        output::show(globals.output, "plan", &plan, || {
            let mut text = format!("{} would:\n", plan.release);
            plan.moves.iter().for_each(|m| text.push_str(&format!("  {m}\n")));
            if plan.moves.is_empty() {
                text.push_str("  do nothing now\n");
            }
            text.push_str(&waiting_lines(&plan.waiting));
            text
        })?;
        app.clock.leave(None).await;
        return Ok(0);
    }
    let watch = if args.watch { Watch::UntilDone } else { Watch::Once };
    let lines = terminal::Lines::new(globals, watch);
    let quiet = globals.quiet || !matches!(globals.output, Format::Table | Format::Wide);
    let observer: &dyn Observer = if quiet { &regatta_engine::report::Unwatched } else { &lines };
    let options = DriveOptions { email: args.email.clone(), watch };
    let report = match wiring::on_clock(&app.clock, app.drive(args.release, options, observer)).await {
        Ok(report) => report,
        Err(failure @ Failure::Unavailable(_)) => return Err(failure),
        Err(failure) => {
            app.clock.leave(None).await;
            return Err(failure);
        }
    };
    app.clock.leave(report.look_again).await;
    if !quiet && (args.watch || !report.moved.is_empty()) {
        // Between the progress and the summary; what is piped on does not begin with an empty line.
        terminal::say("");
    }
    output::show(globals.output, "drive", &report, || {
        if globals.quiet { attention(&report) } else { told(&report) }
    })?;
    Ok(report.state.exit_code())
}

/// How a drive ended, for people.
pub(crate) fn told(report: &DriveReport) -> String {
    let mut text = format!("{}: overall {}\n", report.release, report.overall_status);
    for (task, status) in report.tasks.iter() {
        text.push_str(&format!("  {status:11}  {task}\n"));
    }
    text.push_str(&attention(report));
    text.push_str(match report.state {
        DriveState::Done => "Done: every task passed.\n",
        DriveState::Stopped => {
            "Red: a person has to mend what failed; `regatta timeline` tells what happened.\n"
        }
        DriveState::NeedsCredentials => "Renew the credential named above; running this again resumes.\n",
        DriveState::NeedsHuman => "A person has to decide; nothing else is lost meanwhile.\n",
        DriveState::Unavailable => "A service does not answer; running this again resumes.\n",
        DriveState::Conflict => "Somebody else is at this release; run this again later.\n",
        DriveState::Waiting => "Waiting on the outside; running this again goes on, and --watch stays.\n",
    });
    text
}

/// What somebody has to know or do: who holds the release, failures with the way out, waits, questions, open issues,
/// messages that nobody got. Nothing when all is well.
pub(crate) fn attention(report: &DriveReport) -> String {
    let mut text = report.why.as_ref().map_or_else(String::new, |why| format!("Not driven on: {why}\n"));
    text.push_str(&failed_lines(report.release, &report.failed));
    text.push_str(&waiting_lines(&report.waiting));
    text.push_str(&question_lines(&report.needs_human));
    for issue in report.issues.iter().filter(|i| !i.resolved) {
        let kind = if issue.blocker { "blocker" } else { "issue" };
        text.push_str(&format!("Open {kind}: {}\n", issue.issue));
    }
    for message in &report.untold {
        text.push_str(&format!("Not told: {message}\n"));
    }
    text
}

/// Longest failure told in full, in lines.
const FAILURE_LINES: usize = 20;

/// Each failed task with what it came to, and once the way out.
fn failed_lines(release: Release, failed: &[Failed]) -> String {
    let mut text = String::new();
    for Failed { task, why } in failed {
        let why = why.trim();
        text.push_str(&match why.lines().count() {
            0 => format!("Failed: {task}\n"),
            1 => format!("Failed: {task}: {why}\n"),
            lines => {
                let shown: String = why
                    .lines()
                    .take(FAILURE_LINES)
                    .map(|l| format!("    {l}").trim_end().to_owned() + "\n")
                    .collect();
                let rest = match lines.saturating_sub(FAILURE_LINES) {
                    0 => String::new(),
                    more => format!("    … {more} more lines: regatta status {release} -o wide\n"),
                };
                format!("Failed: {task}:\n{shown}{rest}")
            }
        });
    }
    let on = match failed {
        [] => return text,
        [one] => format!("{release} {}", one.task),
        _ => format!("{release} TASK"),
    };
    text.push_str(&format!(
        "Mend it, then: regatta retry {on}; or regatta override {on} --verdict pass --reason …\n"
    ));
    text
}

/// What is waited for, tasks that wait for the same on one line.
fn waiting_lines(waiting: &[Waiting]) -> String {
    let rest = waiting.iter().filter(|w| w.waits_for != "tasks" && w.waits_for != "person");
    terminal::folded(rest)
        .iter()
        .map(|Together { tasks, why, next_look }| {
            let next =
                next_look.map_or_else(String::new, |at| format!(" (next look {})", terminal::minute(at)));
            format!("Waiting: {}: {why}{next}\n", terminal::listed(tasks))
        })
        .collect()
}

pub(crate) fn question_lines(asking: &[Asking]) -> String {
    asking
        .iter()
        .map(|q| {
            let options: String = q.options.iter().map(|o| format!("    {o}\n")).collect();
            format!("Question: {}\n{options}", q.question)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{email, failed_lines, waiting_lines};
    use regatta_engine::report::{Failed, Waiting};
    use regatta_kit::Task;

    #[test]
    fn tasks_that_wait_for_the_same_share_a_line() {
        let wait = |task, why: &str, check_after: Option<&str>| Waiting {
            task,
            waits_for: "stopped".to_owned(),
            why: why.to_owned(),
            since: "2026-04-16T15:00:00Z".parse().unwrap(),
            check_after: check_after.map(|at| at.parse().unwrap()),
        };
        let waiting = [
            wait(Task::StageTesting, "stopped", Some("2026-04-16T16:10:00Z")),
            wait(Task::ImageSignedCheck, "no signature yet", None),
            wait(Task::ImageConsistencyCheck, "stopped", Some("2026-04-16T16:00:00Z")),
            wait(Task::ChangeAdvisoryStatus, "stopped", None),
        ];
        insta::assert_snapshot!(waiting_lines(&waiting), @"
        Waiting: stage-testing, image-consistency-check and change-advisory-status: stopped (next look Thu 16 Apr 16:00Z)
        Waiting: image-signed-check: no signature yet
        ");
    }

    #[test]
    fn failures_are_told_with_the_way_out() {
        let release = "4.20.1".parse().unwrap();
        let failed = |task, why: &str| Failed { task, why: why.to_owned() };
        let one = [failed(Task::TakeOwnership, "the ticket is closed\n")];
        insta::assert_snapshot!(failed_lines(release, &one), @"
        Failed: take-ownership: the ticket is closed
        Mend it, then: regatta retry 4.20.1 take-ownership; or regatta override 4.20.1 take-ownership --verdict pass --reason …
        ");
        let long = (1..=22).map(|n| format!("line {n}\n")).collect::<String>();
        let several = [failed(Task::StageTesting, &long), failed(Task::ImageSignedCheck, "")];
        insta::assert_snapshot!(failed_lines(release, &several), @"
        Failed: stage-testing:
            line 1
            line 2
            line 3
            line 4
            line 5
            line 6
            line 7
            line 8
            line 9
            line 10
            line 11
            line 12
            line 13
            line 14
            line 15
            line 16
            line 17
            line 18
            line 19
            line 20
            … 2 more lines: regatta status 4.20.1 -o wide
        Failed: image-signed-check
        Mend it, then: regatta retry 4.20.1 TASK; or regatta override 4.20.1 TASK --verdict pass --reason …
        ");
        assert_eq!(failed_lines(release, &[]), "");
    }

    #[test]
    fn addresses_are_checked() {
        for good in ["me@example.com", "a.b+c@x-y.redhat.com"] {
            assert!(email(good).is_ok(), "{good}");
        }
        for bad in
            ["", "me", "me@", "@x.com", "me@x", "me@x.c", "me@x.c0m", "m e@x.com", "me@x..com", "me@x.com\n"]
        {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}
