//! What is known of earlier runs: how often each test passed, how long each backend was disrupted.
//!
//! A folder of earlier runs, laid out as for [`super::gather`], or a file that sums them up: `.json`, `.jsonl`, `.csv` or
//! `.tsv`, each also compressed as `.gz`. A row is a test:
//!
//! ```json
//! {"suite": "openshift-tests", "name": "[sig-network] pods talk", "passes": 246, "runs": 250}
//! ```
//!
//! | field | also called | |
//! | --- | --- | --- |
//! | `name` | `test_name`, `test` | needed |
//! | `suite` | `testsuite`, `suite_name`, `test_suite_name`, `testsuite_name` | path of suites, joined by <code>&#124;&#124;&#124;</code>; without one it counts for the test in every suite |
//! | `passes` | `pass_count` | runs with a pass |
//! | `flakes` | `flake_count` | runs that failed and passed; they count as passes |
//! | `failures` | `fails`, `fail_count` | runs with nothing but failures |
//! | `runs` | `total`, `total_count`, `attempts`, `attempt_count` | runs with a pass or failure; where there are failures the sum of the three counts instead, since totals may have skips in them |
//! | `percent` | `percentage`, `working_percentage`, `pass_percentage` | 0 to 100, also as `98%`, cut to a whole number; only where there are no counts |
//!
//! Names match in any case, with or without underscores; further fields are ignored. A `.json` file is a list of rows, or
//! an object with the list `tests` (or an object of rows by name) and, where known, `disruption`; a row a line is read as
//! in `.jsonl`. A `.csv` file names the fields in its first line, parted by commas, semicolons or tabs.
//! Disruption is either all that was seen or what became of it:
//!
//! ```json
//! {"backend": "kube-api-new-connections", "seconds": [0, 0, 1, 4, 0, 0, 2, 0, 0, 1, 0, 0]}
//! {"backend": "oauth-api-new-connections", "mean": 0.9, "standard_deviation": 1.2, "p70": 1, "p85": 2, "p95": 4}
//! ```
//!
//! Nothing is half-read: one wrong row, and the file is refused with the row's line.

use super::disruption::Spread;
use super::gather::{self, GatherError, LookedFor, Options, Scope};
use super::{Gathered, History, Past, Tally, TestId};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

mod csv;
mod json;
mod rows;

use rows::{Collected, Wrong};

/// Runs with data from which on the disruption of a backend is summed up: a 95th percentile of fewer says nothing.
pub const DISRUPTION_RUNS_MIN: usize = 10;

/// Bytes of a history file, unpacked; 3,000 tests take half of one.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A folder without runs.
    #[error(transparent)]
    Gather(#[from] GatherError),
    /// The file cannot be read.
    #[error("{}: the history cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing is there.
    #[error("{}: there is no such file or folder{there}", path.display())]
    Missing {
        /// What was looked for.
        path: PathBuf,
        /// What is there instead.
        there: String,
    },
    /// A kind of file that is not known.
    #[error(
        "{}: is no history by its name: a folder of earlier runs is expected, or a file that ends in .json, .jsonl, \
         .csv or .tsv, also followed by .gz",
        path.display()
    )]
    UnknownKind {
        /// The file.
        path: PathBuf,
    },
    /// Something in it is wrong.
    #[error("{}{}: {why}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1; that on which the row ends.
        line: Option<u64>,
        /// What, and what is expected.
        why: String,
    },
}

/// Reads a history, whatever jobs it is of.
///
/// # Errors
/// See [`HistoryError`].
pub fn load(path: &Path) -> Result<History, HistoryError> {
    load_of(path, None)
}

/// Reads a history; of a folder of runs only those of a job, as far as their files tell.
///
/// # Errors
/// See [`HistoryError`].
pub fn load_of(path: &Path, job: Option<&str>) -> Result<History, HistoryError> {
    if path.is_dir() {
        let options =
            Options { job: job.map(str::to_owned), scope: Scope::ManyPayloads, ..Options::default() };
        let gathered = gather::gather(path, &options)?;
        let mut history = from_gathered(&gathered);
        history.source = format!("{} earlier runs in {}", history.runs.unwrap_or(0), path.display());
        return Ok(history);
    }
    if !path.exists() {
        let there = gather::around(path, LookedFor::FileOrFolder);
        return Err(HistoryError::Missing { path: path.to_owned(), there });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let (plain, packing) = match name.strip_suffix(".gz") {
        Some(plain) => (plain, Packing::Gzip),
        None => (name.as_str(), Packing::None),
    };
    let read: fn(&str) -> Result<Collected, Wrong> = match plain.rsplit_once('.') {
        Some((_, "json")) => json::whole,
        Some((_, "jsonl" | "ndjson")) => json::lines,
        Some((_, "csv" | "tsv")) => csv::read,
        _ => return Err(HistoryError::UnknownKind { path: path.to_owned() }),
    };
    let text = text_of(path, packing)
        .map_err(|source| HistoryError::Unreadable { path: path.to_owned(), source })?;
    let wrong = |Wrong { line, why }| HistoryError::Wrong { path: path.to_owned(), line, why };
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        let why = "is empty, where a row a test is expected".to_owned();
        return Err(wrong(Wrong { line: None, why }));
    }
    let collected = read(text).map_err(wrong)?;
    let mut history = collected.into_history().map_err(wrong)?;
    history.source = path.display().to_string();
    Ok(history)
}

/// Whether a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
}

fn text_of(path: &Path, packing: Packing) -> io::Result<String> {
    let file = File::open(path)?;
    let mut input: Box<dyn Read> = match packing {
        Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Packing::None => Box::new(file),
    };
    let mut text = String::new();
    input.by_ref().take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// What gathered runs say as a history: of the tests that passed or failed in any of them.
#[must_use]
pub fn from_gathered(gathered: &Gathered) -> History {
    let tests = gathered
        .tests
        .iter()
        .map(|tally| (tally.id.clone(), Past::Counts { passes: tally.passes(), runs: tally.attempts() }))
        .filter(|(_, past)| !matches!(past, Past::Counts { runs: 0, .. }))
        .collect();
    let mut history = History {
        tests,
        runs: Some(finished(gathered)),
        jobs: gathered.runs.iter().filter_map(|run| run.job.clone()).collect(),
        run_folders: gathered.runs.iter().filter_map(|run| run.folder.canonicalize().ok()).collect(),
        keys: gathered.runs.iter().filter_map(super::run_key).collect(),
        notes: gathered.notes.clone(),
        ..History::default()
    };
    let unfinished = gathered.unfinished();
    if unfinished > 0 {
        history.notes.push(format!("{unfinished} of the earlier runs came to no end and do not count"));
    }
    for (backend, runs) in &gathered.disruption {
        let seconds: Vec<f64> = runs.iter().map(|(_, seconds)| as_float(*seconds)).collect();
        history.add_disruption(backend.clone(), seconds);
    }
    history
}

fn finished(gathered: &Gathered) -> u32 {
    let count = gathered.runs.iter().filter(|run| run.is_finished()).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
const fn as_float(seconds: u64) -> f64 {
    seconds as f64
}

impl History {
    fn add_disruption(&mut self, backend: String, seconds: Vec<f64>) {
        if seconds.len() < DISRUPTION_RUNS_MIN {
            self.notes.push(format!(
                "the disruption of {backend} is known of {} runs only, {DISRUPTION_RUNS_MIN} are needed to compare with",
                seconds.len()
            ));
            return;
        }
        self.disruption.insert(backend, spread(seconds));
    }
}

/// Sums up seconds: the mean, the standard deviation of a sample (divided by n - 1), and percentiles that lie between
/// the two nearest values in proportion (`PERCENTILE_CONT` of databases): with n values in order from 0, the p-th
/// percentile stands at place p / 100 × (n - 1).
#[must_use]
pub fn spread(mut seconds: Vec<f64>) -> Spread {
    if seconds.is_empty() {
        return Spread::default();
    }
    seconds.sort_unstable_by(f64::total_cmp);
    let count = as_float(seconds.len() as u64);
    let mean = seconds.iter().sum::<f64>() / count;
    let squares: f64 = seconds.iter().map(|value| (value - mean).powi(2)).sum();
    let standard_deviation = if seconds.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
    let percentile = |percent: usize| {
        let hundredths = percent * (seconds.len() - 1);
        let (at, part) = (hundredths / 100, as_float((hundredths % 100) as u64) / 100.0);
        let next = seconds[(at + 1).min(seconds.len() - 1)];
        seconds[at] + (next - seconds[at]) * part
    };
    Spread { mean, standard_deviation, p70: percentile(70), p85: percentile(85), p95: percentile(95) }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Head { history_runs: u32 },
    Test { suite: &'a str, name: &'a str, passes: u32, runs: u32 },
    Backend { backend: &'a str, seconds: Vec<u64> },
}

/// Boils runs down to a history file (`.jsonl`), which [`load`] reads back to what the runs' folder gives.
#[must_use]
pub fn to_json_lines(gathered: &Gathered) -> String {
    // A name of blanks alone is no name to a reader.
    let is_told = |tally: &&Tally| tally.attempts() > 0 && !tally.id.name.trim().is_empty();
    let tests = gathered.tests.iter().filter(is_told).map(|tally| Line::Test {
        suite: &tally.id.suite,
        name: &tally.id.name,
        passes: tally.passes(),
        runs: tally.attempts(),
    });
    let backends = gathered.disruption.iter().map(|(backend, runs)| Line::Backend {
        backend,
        seconds: runs.iter().map(|(_, seconds)| *seconds).collect(),
    });
    let mut text = String::new();
    for line in std::iter::once(Line::Head { history_runs: finished(gathered) }).chain(tests).chain(backends)
    {
        text.push_str(&serde_json::to_string(&line).expect("texts and numbers are always JSON"));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
