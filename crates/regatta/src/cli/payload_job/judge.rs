//! `regatta payload-job judge`: the verdict over the runs of an aggregated job, as sentences, JSON, a page, or the files that
//! the aggregator in use leaves.
//!
//! What is to be written is made sure of before anything is judged, and a file is either old or new, never half.

use regatta_kit::OutsideText;
use regatta_payload::judge::discovery::Discoveries;
use regatta_payload::judge::outputs::{self, Labels};
use regatta_payload::judge::report::{self, Page};
use regatta_payload::judge::verdict::{
    self, HistoryState, Reason, Rules, SuiteRule, TestVerdict, Verdict, WhyFailed,
};
use regatta_payload::judge::{Gathered, History, Run, RunState, disruption, gather, history};
use regatta_payload::power::{Buys, Gate};
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::super::Globals;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::terminal::say;

/// Failed tests in the short table.
const SHOWN: usize = 30;
/// Notes on stderr without `-v`.
const NOTES: usize = 12;
/// Characters of a message about bad input.
const ERROR_MAX: usize = 1_000;
/// Characters of a name or a sentence in a table.
const LINE_MAX: usize = 400;

#[derive(Debug, clap::Args)]
pub(crate) struct JudgeArgs {
    /// The folder with the runs of the job on one payload, a folder each, as Prow leaves them or with JUnit files only
    #[arg(value_name = "DIR")]
    runs: PathBuf,
    /// What earlier runs say: a file of passes by test, or a folder of earlier runs. Without it every test counts as new
    #[arg(long, value_name = "FILE|DIR")]
    history: Option<PathBuf>,
    /// The history cannot be had: be strict and assume of every test that it passes 99% of its runs
    #[arg(long, conflicts_with = "history")]
    history_unavailable: bool,
    /// Write these runs as a history (.jsonl), for later runs to be judged against
    #[arg(long, value_name = "FILE.jsonl")]
    write_history: Option<PathBuf>,
    /// Write the verdict as a page to be read
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Write the files that the aggregator in use leaves; needs --job and --payload where the runs do not tell theirs
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// The Prow job; only its runs are judged
    #[arg(long)]
    job: Option<String>,
    /// The payload's tag, such as 4.21.0-0.nightly-2026-01-31-093412
    #[arg(long, value_name = "TAG")]
    payload: Option<String>,
    /// A test with fewer runs that passed or failed it is failed
    #[arg(long, value_name = "N", default_value_t = Rules::default().minimum_attempts)]
    minimum_attempts: u32,
    /// More runs than this without an end fail the whole
    #[arg(long, value_name = "N", default_value_t = Rules::default().tolerated_unfinished)]
    max_unfinished: u32,
    /// How many runs there should be: more are told, since runs of another entry with the same job cannot be told apart
    #[arg(long, value_name = "N")]
    expected_runs: Option<usize>,
    /// What is assumed of a test without history, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = Rules::default().new_test_percent,
          value_parser = clap::value_parser!(u8).range(0..=100))]
    new_test_percent: u8,
    /// The clusters' form: one of a single node is disrupted by every upgrade, so disruption is not judged there
    #[arg(long, value_enum)]
    topology: Option<Topology>,
    /// Whether some suite of end-to-end tests must have run
    #[arg(long, value_enum, default_value_t = Suites::Auto)]
    suites: Suites,
    /// Tell every test, not only the failed ones
    #[arg(long)]
    every_test: bool,
}

/// The form of the clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Topology {
    /// One node.
    Single,
    /// Several control plane nodes; runs without data of disruption then fail.
    Ha,
}

/// Of which runs a suite of end-to-end tests is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Suites {
    /// Of runs that name their Prow job.
    Auto,
    /// Of all.
    Required,
    /// Of none.
    Any,
}

impl From<Suites> for SuiteRule {
    fn from(suites: Suites) -> Self {
        match suites {
            Suites::Auto => Self::WhereProw,
            Suites::Required => Self::Always,
            Suites::Any => Self::Never,
        }
    }
}

/// What scripts get.
#[derive(Serialize)]
struct View<'a> {
    passed: bool,
    attempts: u32,
    unfinished: u32,
    runs: Vec<RunView<'a>>,
    failed_tests: Vec<&'a TestVerdict>,
    tests: usize,
    reasons: Vec<String>,
    job: Option<&'a str>,
    payload: Option<&'a str>,
    history: HistoryView<'a>,
    discoveries: &'a Discoveries,
    power: Buys,
    notes: Vec<String>,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    every_test: Option<&'a [TestVerdict]>,
}

#[derive(Serialize)]
struct HistoryView<'a> {
    /// None without one.
    source: Option<&'a str>,
    tests: usize,
    runs: Option<u32>,
    /// Of the judged tests, how many it knows; none without one.
    knows: Option<u32>,
}

/// One run, for scripts.
#[derive(Serialize)]
struct RunView<'a> {
    id: &'a str,
    state: &'static str,
    /// Why it is not finished.
    why: Option<&'a str>,
    result: Option<&'a str>,
    url: Option<&'a str>,
}

impl<'a> From<&'a Run> for RunView<'a> {
    fn from(run: &'a Run) -> Self {
        let (state, why) = match &run.state {
            RunState::Finished => ("finished", None),
            RunState::Unfinished(why) => ("unfinished", Some(why.as_str())),
        };
        Self { id: &run.id, state, why, result: run.result.as_deref(), url: run.link() }
    }
}

/// Which tests the table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Failed,
    Every,
}

pub(crate) fn run(globals: &Globals, args: &JudgeArgs) -> Result<u8, Failure> {
    let page = args.report.as_deref().map(|place| Target::open("--report", place)).transpose()?;
    let boiled = args.write_history.as_deref().map(history_target).transpose()?;
    if let (Some(page), Some(boiled)) = (&page, &boiled)
        && page.place == boiled.place
    {
        return Err(Failure::Input(format!(
            "--report and --write-history both name {}: say two files",
            page.place.display()
        )));
    }
    if let Some(folder) = &args.artifacts {
        // Names that are given are looked at before anything is read; one that the runs tell, when they have told it.
        labels(Some(args.job.as_deref().unwrap_or("job")), Some(args.payload.as_deref().unwrap_or("tag")))?;
        may_be_made(folder)?;
    }
    let (gathered, history) = read(args)?;
    let job = args.job.as_deref().or_else(|| the_one(&gathered, |run| run.job.as_deref()));
    let payload = args.payload.as_deref().or_else(|| the_one(&gathered, |run| run.payload.as_deref()));
    let labels = args.artifacts.as_ref().map(|_| labels(job, payload)).transpose()?;

    let rules = Rules {
        minimum_attempts: args.minimum_attempts,
        new_test_percent: args.new_test_percent,
        tolerated_unfinished: args.max_unfinished,
        disruption: match args.topology {
            Some(Topology::Single) => disruption::Mode::Never,
            Some(Topology::Ha) => disruption::Mode::Always,
            None => disruption::Mode::default(),
        },
        history: if args.history_unavailable { HistoryState::Unavailable } else { HistoryState::Answered },
        suites: args.suites.into(),
    };
    let verdict = verdict::judge(&gathered, &history, &rules);

    if let (Some(folder), Some(labels)) = (&args.artifacts, &labels) {
        for file in outputs::files(&gathered, &verdict, labels) {
            let place = folder.join(file.path);
            if let Some(parent) = place.parent() {
                std::fs::create_dir_all(parent)
                    .map_err(|source| Failure::File { place: parent.display().to_string(), source })?;
            }
            Target::open("--artifacts", &place)?.put(&file.contents)?;
        }
    }
    if let Some(boiled) = boiled {
        boiled.put(&history::to_json_lines(&gathered))?;
    }
    if let Some(page) = page {
        let (gathered, verdict, history, rules) = (&gathered, &verdict, &history, &rules);
        page.put(&report::html(&Page { gathered, verdict, history, rules, job, payload }))?;
    }

    let unfinished = unfinished(&gathered);
    let skipped: Vec<String> = gathered.notes.iter().chain(&history.notes).cloned().collect();
    let notes = [unfinished.as_slice(), &skipped, &verdict.notes].concat();
    let view = View {
        passed: verdict.passed,
        attempts: verdict.attempts,
        unfinished: verdict.unfinished,
        runs: gathered.runs.iter().map(RunView::from).collect(),
        failed_tests: verdict.failed_tests().collect(),
        tests: verdict.tests.len(),
        reasons: verdict.reasons.iter().map(ToString::to_string).collect(),
        job,
        payload,
        history: HistoryView {
            source: Some(history.source.as_str()).filter(|source| !source.is_empty()),
            tests: history.tests.len(),
            runs: history.runs,
            knows: verdict.coverage.map(|coverage| coverage.known),
        },
        discoveries: &verdict.discovery,
        power: Gate::with_minimum(rules.minimum_attempts).buys(verdict.attempts),
        notes,
        warnings: &verdict.warnings,
        every_test: args.every_test.then_some(verdict.tests.as_slice()),
    };
    let which = if args.every_test { Told::Every } else { Told::Failed };
    output::show(globals.output, "judgement", &view, || table(&verdict, &unfinished, globals.output, which))?;

    // The table has the unfinished runs already. Under -q only what was unusable is told, and what fails the whole.
    let in_table = matches!(globals.output, Format::Table | Format::Wide);
    let decisive = !globals.quiet || fails_for_runs(&verdict);
    let mut told = if in_table || !decisive { Vec::new() } else { unfinished.clone() };
    told.extend(skipped);
    if !globals.quiet {
        told.extend(verdict.notes.iter().cloned());
    }
    tell(globals, args, &verdict.warnings, &told);
    Ok(u8::from(!verdict.passed))
}

/// A line for each run that came to no end.
fn unfinished(gathered: &Gathered) -> Vec<String> {
    let line = |run: &Run| match &run.state {
        RunState::Finished => None,
        RunState::Unfinished(why) => Some(format!("run {} did not finish: {why}", run.id)),
    };
    gathered.runs.iter().filter_map(line).collect()
}

/// Whether the whole fails for want of finished runs.
fn fails_for_runs(verdict: &Verdict) -> bool {
    let for_runs =
        |why: &WhyFailed| matches!(why, WhyFailed::TooManyUnfinished { .. } | WhyFailed::NothingFinished);
    verdict.reasons.iter().any(for_runs)
}

/// The runs, and what is known of earlier ones.
fn read(args: &JudgeArgs) -> Result<(Gathered, History), Failure> {
    let options = gather::Options {
        job: args.job.clone(),
        payload: args.payload.clone(),
        expected_runs: args.expected_runs,
        ..gather::Options::default()
    };
    if let Some(history) = &args.history {
        are_apart(&args.runs, history)?;
    }
    let gathered = gather::gather(&args.runs, &options).map_err(|error| input(&error))?;
    let history = match &args.history {
        None => History::default(),
        Some(place) => {
            let mut history = history::load_of(place, args.job.as_deref()).map_err(|error| input(&error))?;
            history.fit_to(&gathered);
            let shared = history.shared_with(&gathered);
            if !shared.is_empty() {
                history.notes.push(format!(
                    "{} of the judged runs are among the earlier ones too, and so compared with themselves: {}",
                    shared.len(),
                    shared.join(", ")
                ));
            }
            history
        }
    };
    Ok((gathered, history))
}

/// Refuses a folder of earlier runs that holds the judged runs or lies among them: they would be compared with
/// themselves.
fn are_apart(runs: &Path, history: &Path) -> Result<(), Failure> {
    // What is not there is told by whoever reads it.
    let (Ok(judged), Ok(earlier)) = (runs.canonicalize(), history.canonicalize()) else { return Ok(()) };
    if !earlier.is_dir() {
        return Ok(());
    }
    let how = if judged == earlier {
        "is the folder of the judged runs itself"
    } else if earlier.starts_with(&judged) {
        "lies within the folder of the judged runs"
    } else if judged.starts_with(&earlier) {
        "holds the judged runs"
    } else {
        return Ok(());
    };
    let place = line(&history.display().to_string());
    Err(Failure::Input(format!(
        "--history {place} {how}, so runs would be compared with themselves: keep earlier runs in a folder of their own"
    )))
}

/// The file for the history, which is read back by its ending.
fn history_target(place: &Path) -> Result<Target, Failure> {
    let ending = place.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let is_standard_output = place.as_os_str() == "-" || place.starts_with("/dev");
    if !is_standard_output && !["jsonl", "ndjson"].iter().any(|known| ending.eq_ignore_ascii_case(known)) {
        return Err(Failure::Input(format!(
            "--write-history {}: the name must end in .jsonl, so that --history can read it back",
            line(&place.display().to_string())
        )));
    }
    Target::open("--write-history", place)
}

/// What was wrong with the input; file names and their contents are from outside.
fn input(error: &dyn std::error::Error) -> Failure {
    Failure::Input(OutsideText::line(&error.to_string(), ERROR_MAX).to_string())
}

/// What the runs tell, where they tell one and the same.
fn the_one<'a>(gathered: &'a Gathered, told: impl Fn(&'a Run) -> Option<&'a str>) -> Option<&'a str> {
    let mut all = gathered.runs.iter().filter_map(told);
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

fn labels(job: Option<&str>, payload: Option<&str>) -> Result<Labels, Failure> {
    let missing = |what: &str, option: &str| {
        Failure::Input(format!(
            "--artifacts names a folder after the {what}, and it is not known which that is: say {option}"
        ))
    };
    let job = job.ok_or_else(|| missing("job", "--job NAME"))?;
    let payload = payload.ok_or_else(|| missing("payload", "--payload TAG"))?;
    Labels::new(job, payload).map_err(|error| Failure::Input(error.to_string()))
}

/// A file to be written: made sure of first, filled later.
struct Target {
    place: PathBuf,
    temporary: tempfile::NamedTempFile,
}

impl Target {
    /// Makes sure that the file can be written.
    fn open(option: &str, place: &Path) -> Result<Self, Failure> {
        let cannot = |why: String| Failure::Input(format!("{} cannot be written: {why}", place.display()));
        if place.as_os_str() == "-" || ["/dev", "/proc"].iter().any(|system| place.starts_with(system)) {
            return Err(Failure::Input(format!(
                "{option} {}: a file of its own is needed, since standard output has the verdict (-o json for scripts)",
                line(&place.display().to_string())
            )));
        }
        // A link stays, and what it leads to is replaced.
        let real = place.canonicalize().unwrap_or_else(|_| place.to_owned());
        if let Ok(there) = real.metadata() {
            if !there.is_file() {
                return Err(cannot("it is no regular file".to_owned()));
            }
            if there.permissions().readonly() {
                return Err(cannot("it is read-only".to_owned()));
            }
        }
        let folder = match real.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(cannot(format!("there is no folder {}", folder.display())));
        }
        Ok(Self {
            temporary: temporary_in(folder).map_err(|error| cannot(plain(error).to_string()))?,
            place: real,
        })
    }

    /// Puts the contents there, whole or not at all.
    fn put(mut self, contents: &str) -> Result<(), Failure> {
        let failed =
            |source| Failure::File { place: self.place.display().to_string(), source: plain(source) };
        self.temporary.write_all(contents.as_bytes()).map_err(failed)?;
        self.temporary.persist(&self.place).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// The error without the name of a temporary file, which says nothing to anybody.
fn plain(error: std::io::Error) -> std::io::Error {
    match error.get_ref().and_then(std::error::Error::source) {
        Some(inner) => std::io::Error::new(error.kind(), inner.to_string()),
        None => error,
    }
}

fn temporary_in(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix(".regatta-")
        .suffix(".tmp")
        // As the system makes files: less what the user's mask takes away.
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

/// Whether files can be written to a folder that may not be there yet, without making it.
fn may_be_made(folder: &Path) -> Result<(), Failure> {
    let cannot = |why: &str| Failure::Input(format!("nothing can be written to {}: {why}", folder.display()));
    let absolute = std::path::absolute(folder).map_err(|error| cannot(&error.to_string()))?;
    let there = absolute.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
    if !there.is_dir() {
        return Err(cannot(&format!("{} is no folder", there.display())));
    }
    temporary_in(there).map(drop).map_err(|error| cannot(&plain(error).to_string()))
}

/// Text from outside on one line, without what would move a terminal's cursor.
fn line(text: &str) -> String {
    OutsideText::line(text, LINE_MAX).to_string()
}

/// For people: the sentence, why, the runs without an end, and the tests.
fn table(verdict: &Verdict, unfinished: &[String], format: Format, which: Told) -> String {
    let word = if verdict.passed { "Passed" } else { "Failed" };
    let mut text = format!("{word}: {}\n", report::sentence(verdict));
    for why in &verdict.reasons {
        if !matches!(why, WhyFailed::FailedTests { .. }) {
            text.push_str(&format!("  {why}\n"));
        }
    }
    let most = if which == Told::Every || format == Format::Wide { usize::MAX } else { SHOWN };
    for run in unfinished.iter().take(most) {
        text.push_str(&format!("  {}\n", line(run)));
    }
    if unfinished.len() > most {
        text.push_str(&format!("  and {} more; -o wide shows them all\n", unfinished.len() - most));
    }
    let tests: Vec<&TestVerdict> = match which {
        Told::Every => verdict.tests.iter().collect(),
        Told::Failed => report::failed_in_order(verdict),
    };
    if tests.is_empty() {
        return text;
    }
    let mut rows = Vec::new();
    for test in tests.iter().take(most) {
        rows.extend(test_rows(test));
    }
    text.push('\n');
    text.push_str(&output::columns(&["PASSES", "REQUIRED", "P", "Q", "TEST"], &rows));
    if tests.len() > most {
        text.push_str(&format!("and {} more; -o wide shows them all\n", tests.len() - most));
    }
    if verdict.discovery.tested > 0 {
        text.push_str(&format!("\n{}\n", report::chance(verdict)));
    }
    text
}

/// Two rows: the figures and the test; then why.
fn test_rows(test: &TestVerdict) -> [Vec<String>; 2] {
    let number = |p: Option<f64>| p.map(report::p_value).unwrap_or_default();
    let suite = test.id.suite.replace("|||", " › ");
    let name =
        if suite.is_empty() { line(&test.id.name) } else { line(&format!("{suite}: {}", test.id.name)) };
    let informing = if test.is_failed() && test.informing { " It only informs." } else { "" };
    let next = match (&test.next, &test.reason) {
        (Some(next), Reason::TooFewPasses(_) | Reason::NoPass { .. } | Reason::TooFewAttempts { .. }) => {
            format!(" {}.", capital(&next.to_string()))
        }
        _ => String::new(),
    };
    [
        vec![
            format!("{} of {}", test.passes, test.attempts),
            test.required.map(|required| required.to_string()).unwrap_or_default(),
            number(test.p_value),
            number(test.q_value),
            name,
        ],
        vec![
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            line(&format!("{}{informing}{next}", report::reason(test))),
        ],
    ]
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// What is doubtful, what could not be used, and what was written, on stderr.
fn tell(globals: &Globals, args: &JudgeArgs, warnings: &[String], notes: &[String]) {
    for warning in warnings {
        say(&format!("warning: {}", OutsideText::line(warning, ERROR_MAX)));
    }
    let most = if globals.verbose > 0 { notes.len() } else { NOTES };
    for note in notes.iter().take(most) {
        say(&format!("note: {}", line(note)));
    }
    if notes.len() > most {
        say(&format!("note: and {} more; -v tells them all", notes.len() - most));
    }
    if globals.quiet {
        return;
    }
    if args.history_unavailable {
        say("without its history every test is taken to pass 99% of its runs");
    } else if args.history.is_none() {
        say("without --history every test counts as new, which lets much pass");
    }
    if let Some(page) = &args.report {
        say(&format!("the report is {}", page.display()));
    }
    if let Some(file) = &args.write_history {
        say(&format!("the history is {}", file.display()));
    }
    if let Some(folder) = &args.artifacts {
        say(&format!("the aggregator's files are in {}", folder.display()));
    }
}
