//! `regatta demo`: a release driven to its end in a world of its own.

use clap::Args;
use regatta_engine::people::{Mode, Override};
use regatta_engine::report::{Asking, DriveReport, Observer, Unwatched};
use regatta_engine::{App, DriveOptions, DriveState, Watch};
use regatta_kit::{Release, Status, Task};
use regatta_sandbox::World;
use regatta_sandbox::clock::{Pace, ScenarioClock};
use regatta_sandbox::serve::{PortPlan, Served};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Globals;
use crate::cli::drive::told;
use crate::cli::person::{ask, said};
use crate::cli::sandbox::{Speed, WorldArgs, start};
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::settings::Settings;
use crate::terminal::{Board, Lines, can_draw, say};
use crate::wiring;

/// On a terminal five or six days pass in about a minute: this many scenario seconds a real second while something
/// happens, and faster through the days of waiting between.
const TERMINAL_PACE: Pace = Pace::Eased { factor: 800.0, calm: Duration::from_millis(1500) };

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The release (default 4.20.1, or the recorded one)
    pub(crate) release: Option<Release>,
    #[command(flatten)]
    pub(crate) world: WorldArgs,
    /// max, or virtual seconds a real second (default: about a minute on a terminal, max otherwise)
    #[arg(long)]
    pub(crate) speed: Option<Speed>,
}

#[derive(Serialize)]
struct DemoView {
    #[serde(flatten)]
    report: DriveReport,
    seed: u64,
    virtual_seconds: i64,
    wall_seconds: f64,
    faults_injected: u64,
    effects: BTreeMap<String, u64>,
    notifications: u64,
}

#[allow(clippy::disallowed_methods, reason = "wall_seconds is the one figure of a demo that is real time")]
pub(crate) async fn run(globals: &Globals, args: &DemoArgs) -> Result<u8, Failure> {
    let began = std::time::Instant::now();
    let scenario = args.world.scenario(args.release)?;
    let (release, started_at) = (scenario.release, scenario.start);
    let for_people = matches!(globals.output, Format::Table | Format::Wide) && !globals.quiet;
    let on_terminal = for_people && can_draw();
    let pace = match args.speed {
        Some(Speed::Factor(factor)) => Pace::Stepped(factor),
        None if on_terminal => TERMINAL_PACE,
        Some(Speed::Max) | None => Pace::Max,
    };
    let clock = ScenarioClock::new(World::new(scenario), pace);
    let folder = tempfile::Builder::new()
        .prefix("regatta-demo-")
        .tempdir()
        .map_err(|source| Failure::File { place: "the folder for temporary files".to_owned(), source })?;
    let store = globals.store.clone().unwrap_or_else(|| "memory:".to_owned());
    let served = start(&clock, PortPlan::Free, folder.path(), store.clone()).await?;

    // Only what the sandbox says counts: a demo never touches the user's settings or credentials.
    let no_file = folder.path().join("regatta.toml");
    std::fs::write(&no_file, "")
        .map_err(|source| Failure::File { place: no_file.display().to_string(), source })?;
    let lookup = |name: &str| served.env.get(name).cloned().or_else(|| identity(name));
    let settings = Settings::read(&lookup, Some(&no_file), Some(store))?;
    let app = wiring::build(settings, Arc::new(clock.attach())).await?;

    let board = Board::new(release, args.world.seed, globals.color.on_stderr());
    let lines = Lines::new(globals, Watch::UntilDone);
    let observer: &dyn Observer = match (for_people, on_terminal) {
        (false, _) => &Unwatched,
        (true, true) => &board,
        (true, false) => &lines,
    };
    let asks = (on_terminal && std::io::stdin().is_terminal()).then_some(&board);
    let report = drive(&app, release, observer, asks).await?;

    let world = clock.world();
    let effects = world.effects().counts();
    let notifications = effects.iter().filter(|(key, _)| key.starts_with("slack:")).map(|(_, n)| n).sum();
    let view = DemoView {
        seed: args.world.seed,
        virtual_seconds: world.now().duration_since(started_at).as_secs(),
        wall_seconds: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        faults_injected: world.faults().injected().values().sum::<u64>() + world.faults().clock_jumps(),
        effects,
        notifications,
        report,
    };
    if on_terminal {
        // Between the picture and the summary.
        say("");
    }
    let text = output::text(globals.output, "demo", &view, || summary(&view))?;
    output::print(&named(&text, &served))?;
    Ok(view.report.state.exit_code())
}

/// Who runs the demo, for its records; nothing else of the user's environment is looked at.
fn identity(name: &str) -> Option<String> {
    match name {
        "REGATTA_ACTOR" => Some("demo".to_owned()),
        _ => None,
    }
}

/// Drives to the end; with a board to ask below, asks what only a person can settle, and goes on.
async fn drive(
    app: &App,
    release: Release,
    observer: &dyn Observer,
    asks: Option<&Board>,
) -> Result<DriveReport, Failure> {
    let mut moved = Vec::new();
    loop {
        let options = DriveOptions { email: None, watch: Watch::UntilDone };
        let mut report = app.drive(release, options, observer).await?;
        moved.append(&mut report.moved);
        let question = report.needs_human.iter().find(|q| q.can_be(Status::Pass));
        if let (DriveState::NeedsHuman, Some(board), Some(question)) = (report.state, asks, question) {
            board.let_go();
            if let Some((verdict, reason)) = answer(question)? {
                let what = Override { task: question.task, verdict, reason, evidence: None };
                app.override_task(release, what, Mode::Real).await?;
                say("");
                continue;
            }
        }
        report.moved = moved;
        return Ok(report);
    }
}

/// Which answers a question allows here: those that its options name, for a judgement of a build.
trait Answerable {
    fn can_be(&self, verdict: Status) -> bool;
}

impl Answerable for Asking {
    fn can_be(&self, verdict: Status) -> bool {
        let flag = format!("--verdict {}", verdict.word().to_lowercase());
        matches!(self.task, Task::AnalyzeCandidateBuild | Task::AnalyzePromotedBuild)
            && self.options.iter().any(|option| option.contains(&flag))
    }
}

/// Asks a question on the terminal: verdict and reason, or `None` to stop. The end of input stops.
fn answer(question: &Asking) -> Result<Option<(Status, String)>, Failure> {
    say(&format!("\n{}", question.question));
    question.evidence.iter().for_each(|link| say(&format!("  see {link}")));
    let may_fail = question.can_be(Status::Fail);
    let prompt = if may_fail { "  [p]ass, [f]ail, or [s]top here? " } else { "  [p]ass, or [s]top here? " };
    let verdict = loop {
        let Some(answer) = ask(prompt)? else { return Ok(None) };
        match answer.to_lowercase().as_str() {
            "p" | "pass" => break Status::Pass,
            "f" | "fail" if may_fail => break Status::Fail,
            "s" | "stop" | "" => return Ok(None),
            _ => {}
        }
    };
    loop {
        let Some(answer) = ask("  Why? It is recorded. ")? else { return Ok(None) };
        if let Ok(reason) = said(&answer) {
            return Ok(Some((verdict, reason)));
        }
    }
}

/// The ended sandbox's addresses mean nothing and differ from run to run; its services' names do not.
fn named(text: &str, served: &Served) -> String {
    let mut text = text.to_owned();
    for (name, url) in &served.urls {
        let base = url.trim_end_matches('/');
        text = text.replace(base, &format!("http://{}.sandbox", name.replace('_', "-")));
    }
    text
}

fn summary(view: &DemoView) -> String {
    let days = view.virtual_seconds / 86_400;
    let hours = view.virtual_seconds % 86_400 / 3600;
    let made: u64 = view.effects.values().sum();
    let twice: Vec<&str> =
        view.effects.iter().filter(|(_, n)| **n > 1).map(|(key, _)| key.as_str()).collect();
    let once = if twice.is_empty() {
        "each once".to_owned()
    } else {
        format!("more than once: {}", twice.join(", "))
    };
    let faults = match view.faults_injected {
        0 => String::new(),
        1 => " One fault was met on the way.".to_owned(),
        number => format!(" {number} faults were met on the way."),
    };
    format!(
        "{}\n{days} days and {hours} hours of scenario time in {:.1} s; {made} effects at the imitated services, {once}; {} messages told.{faults}\n",
        told(&view.report),
        view.wall_seconds,
        view.notifications
    )
}
