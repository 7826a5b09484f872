//! `regatta override`, `retry`, `reset`: a person decides, and it is recorded.

use clap::Args;
use regatta_engine::people::{Done, Mode, Override};
use regatta_kit::Status;
use std::io::{IsTerminal as _, Write as _};

use crate::cli::{Globals, TaskArg};
use crate::failure::Failure;
use crate::output::{self, Changed, Format};
use crate::terminal::say;
use crate::wiring;

#[derive(Debug, Args)]
pub(crate) struct OverrideArgs {
    #[command(flatten)]
    pub(crate) on: TaskArg,
    /// What the task is put to
    #[arg(long, value_enum)]
    pub(crate) verdict: Verdict,
    /// Why; recorded
    #[arg(long, value_parser = said)]
    pub(crate) reason: String,
    /// Where the ground can be read
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub(crate) evidence: Option<String>,
    /// Check it and tell; record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What a task is put to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Verdict {
    /// Good enough to go on.
    Pass,
    /// Bad.
    Fail,
}

#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub(crate) on: TaskArg,
    /// Why; recorded
    #[arg(long, value_parser = said)]
    pub(crate) reason: Option<String>,
    /// Check it and tell; record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    pub(crate) on: TaskArg,
    /// Why; recorded
    #[arg(long, value_parser = said)]
    pub(crate) reason: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Check it and tell; record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A reason has to say something.
pub(crate) fn said(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("is empty; say why".to_owned()) } else { Ok(text.to_owned()) }
}

fn web_address(text: &str) -> Result<String, String> {
    let good =
        ["https://", "http://"].iter().any(|s| text.strip_prefix(s).is_some_and(|rest| !rest.is_empty()));
    if good && !text.contains(char::is_whitespace) {
        Ok(text.to_owned())
    } else {
        Err("is no web address; write https://…".to_owned())
    }
}

pub(crate) const fn mode(dry_run: bool) -> Mode {
    if dry_run { Mode::DryRun } else { Mode::Real }
}

pub(crate) async fn run_override(globals: &Globals, args: &OverrideArgs) -> Result<u8, Failure> {
    let app = wiring::app(globals).await?;
    let what = Override {
        task: args.on.task,
        verdict: match args.verdict {
            Verdict::Pass => Status::Pass,
            Verdict::Fail => Status::Fail,
        },
        reason: args.reason.clone(),
        evidence: args.evidence.clone(),
    };
    let done = app.override_task(args.on.release, what, mode(args.dry_run)).await;
    app.clock.leave(None).await;
    tell(globals, &done?, args.dry_run)
}

pub(crate) async fn run_retry(globals: &Globals, args: &RetryArgs) -> Result<u8, Failure> {
    let app = wiring::app(globals).await?;
    let done = app.retry(args.on.release, args.on.task, args.reason.as_deref(), mode(args.dry_run)).await;
    app.clock.leave(None).await;
    tell(globals, &done?, args.dry_run)
}

pub(crate) async fn run_reset(globals: &Globals, args: &ResetArgs) -> Result<u8, Failure> {
    let reason = confirmed(args)?;
    let app = wiring::app(globals).await?;
    let done = app.reset(args.on.release, args.on.task, &reason, mode(args.dry_run)).await;
    app.clock.leave(None).await;
    tell(globals, &done?, args.dry_run)
}

/// `--yes --reason`, or a person at a terminal who says both.
fn confirmed(args: &ResetArgs) -> Result<String, Failure> {
    if let Some(reason) = &args.reason
        && (args.yes || args.dry_run)
    {
        return Ok(reason.clone());
    }
    if args.dry_run {
        return Ok("dry run".to_owned());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Input("a reset needs --yes and --reason when nobody can be asked".to_owned()));
    }
    let reason = match &args.reason {
        Some(reason) => reason.clone(),
        None => {
            ask(&format!("Why is {} of {} put back? ", args.on.task, args.on.release))?.unwrap_or_default()
        }
    };
    let reason = said(&reason).map_err(|e| Failure::Input(format!("the reason {e}")))?;
    let agreed = |answer: Option<String>| answer.is_some_and(|a| a.eq_ignore_ascii_case("y"));
    if !args.yes && !agreed(ask("Put it back to Not Started? [y/N] ")?) {
        return Err(Failure::Input("nothing was changed".to_owned()));
    }
    Ok(reason)
}

/// Asks on the terminal; `None` at the end of input.
pub(crate) fn ask(question: &str) -> Result<Option<String>, Failure> {
    let failed = |source| Failure::File { place: "standard input".to_owned(), source };
    let mut err = std::io::stderr();
    let _ = err.write_all(question.as_bytes()).and_then(|()| err.flush());
    let mut answer = String::new();
    match std::io::stdin().read_line(&mut answer).map_err(failed)? {
        0 => {
            // The question's line has no end yet.
            say("");
            Ok(None)
        }
        _ => Ok(Some(answer.trim().to_owned())),
    }
}

/// What was done, for people on stdout in one line.
pub(crate) fn tell(globals: &Globals, done: &Done, dry_run: bool) -> Result<u8, Failure> {
    let (changed, what) = match done {
        Done::Changed(what) => (true, what),
        Done::Unchanged(what) => (false, what),
    };
    let view = Changed { changed: changed && !dry_run, dry_run, what };
    match globals.output {
        Format::Table | Format::Wide if globals.quiet => {}
        _ => output::show(globals.output, "change", &view, || match (changed, dry_run) {
            (false, _) => format!("unchanged: {what}\n"),
            (true, true) => format!("would be: {what}\n"),
            (true, false) => format!("{what}\n"),
        })?,
    }
    Ok(0)
}
