//! `regatta drive`: every legal move now; with `--watch`, until done.

use clap::Args;
use regatta_engine::report::{Asking, DriveReport, Moved, Observer, Snapshot, Waiting};
use regatta_engine::{DriveOptions, Watch};
use regatta_kit::{Arch, Release};
use serde::Serialize;

use crate::cli::Globals;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::terminal;
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

/// An e-mail address in the form the specification's tools accept: `local@domain.tld`.
pub(crate) fn email(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
    let good = text.split_once('@').is_some_and(|(local, domain)| {
        let last = domain.rsplit('.').next().unwrap_or_default();
        !local.is_empty()
            && local.chars().all(plain)
            && domain.contains('.')
            && domain
                .split('.')
                .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
            && last.len() >= 2
            && last.chars().all(|c| c.is_ascii_alphabetic())
    });
    if good { Ok(text.to_owned()) } else { Err("is no e-mail address; write local@domain.tld".to_owned()) }
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
    let lines = terminal::Lines::new(globals);
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
    output::show(globals.output, "drive", &report, || told(&report))?;
    Ok(report.state.exit_code())
}

/// How a drive ended, for people.
pub(crate) fn told(report: &DriveReport) -> String {
    use regatta_engine::DriveState;
    let mut text = format!("\n{}: overall {}\n", report.release, report.overall_status);
    for (task, status) in report.tasks.iter() {
        text.push_str(&format!("  {status:11}  {task}\n"));
    }
    text.push_str(&waiting_lines(&report.waiting));
    text.push_str(&question_lines(&report.needs_human));
    for issue in report.issues.iter().filter(|i| !i.resolved) {
        let kind = if issue.blocker { "blocker" } else { "issue" };
        text.push_str(&format!("Open {kind}: {}\n", issue.issue));
    }
    text.push_str(match report.state {
        DriveState::Done => "Done: every task passed.\n",
        DriveState::Stopped => {
            "Red: a person has to mend what failed; `regatta timeline` tells what happened.\n"
        }
        DriveState::NeedsCredentials => "Renew the credential named above; running this again resumes.\n",
        DriveState::NeedsHuman => "A person has to decide; nothing else is lost meanwhile.\n",
        DriveState::Unavailable => "A service does not answer; running this again resumes.\n",
        DriveState::Conflict => "Somebody else wrote the state; run this again.\n",
        DriveState::Waiting => "Waiting on the outside; running this again goes on, and --watch stays.\n",
    });
    text
}

fn waiting_lines(waiting: &[Waiting]) -> String {
    let rest = |w: &&Waiting| w.waits_for != "tasks" && w.waits_for != "person";
    waiting
        .iter()
        .filter(rest)
        .map(|w| {
            let next =
                w.check_after.map_or_else(String::new, |at| format!(" (next look {})", terminal::minute(at)));
            format!("Waiting: {}: {}{next}\n", w.task, w.why)
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

impl Observer for terminal::Lines {
    fn moved(&self, moved: &Moved) {
        self.line(moved.at, &format!("{}: {}", moved.task, moved.outcome));
    }

    fn waits(&self, snapshot: &Snapshot) {
        self.waits_once(snapshot);
    }

    fn told(&self, line: &str) {
        self.quiet_line(line);
    }
}

#[cfg(test)]
mod tests {
    use super::email;

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
