//! The statistical verdict of an aggregated run: several runs of one job on one payload, judged test by test against what
//! earlier runs did.
//!
//! [`gather`] reads the runs' folders, [`history`] what is known of earlier runs, [`verdict`] judges, [`outputs`] and
//! [`report`] show. The rules are those of the aggregator in use (reference: payload jobs, b.5 to b.11), with its table
//! replaced by the exact test it was computed from.

use serde::Serialize;
use std::collections::HashMap;

pub mod discovery;
pub mod disruption;
pub mod fisher;
pub mod gather;
pub mod history;
pub mod outputs;
pub mod report;
pub mod verdict;

/// A test: the path of its suites joined by `|||`, and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct TestId {
    /// The suites from the outermost, joined by `|||`; may be empty.
    pub suite: String,
    /// The test case's name.
    pub name: String,
}

/// What the cases of one test did in one run. One run may hold several: a retry in the same run, for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Cases that passed.
    pub passes: u32,
    /// Cases with a failure or an error.
    pub failures: u32,
    /// Cases that were skipped.
    pub skips: u32,
}

impl Counts {
    /// Whether the run counts as an attempt: something passed or failed.
    #[must_use]
    pub const fn is_attempt(self) -> bool {
        self.passes + self.failures > 0
    }

    /// Whether the run counts as a pass: a pass beside a failure is a flake, and a flake passes.
    #[must_use]
    pub const fn is_pass(self) -> bool {
        self.passes > 0
    }

    /// Whether the run both passed and failed.
    #[must_use]
    pub const fn is_flake(self) -> bool {
        self.passes > 0 && self.failures > 0
    }
}

/// One test over all finished runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The test.
    pub id: TestId,
    /// Whether the test case says `lifecycle="informing"`: judged and reported, but its failure does not count.
    pub informing: bool,
    /// For each run that has a case of it, by its index in [`Gathered::runs`], in order.
    pub runs: Vec<(usize, Counts)>,
}

impl Tally {
    /// Distinct runs with a pass or a failure.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.count(|counts| counts.is_attempt())
    }

    /// Distinct runs with a pass.
    #[must_use]
    pub fn passes(&self) -> u32 {
        self.count(|counts| counts.is_pass())
    }

    /// How many runs are of a kind.
    pub fn count(&self, kind: impl Fn(Counts) -> bool) -> u32 {
        u32::try_from(self.runs.iter().filter(|(_, counts)| kind(*counts)).count()).unwrap_or(u32::MAX)
    }
}

/// Whether a run came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "why")]
pub enum RunState {
    /// It ended, whatever its result.
    Finished,
    /// It did not, or left nothing that tells so.
    Unfinished(String),
}

/// One run of the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// The run's id: the name of its folder.
    pub id: String,
    /// Its folder, as given and joined.
    pub folder: std::path::PathBuf,
    /// Whether it came to its end.
    pub state: RunState,
    /// The job it ran, where its files tell.
    pub job: Option<String>,
    /// The payload it ran on, where its files tell.
    pub payload: Option<String>,
    /// What `finished.json` says of it: `SUCCESS`, `FAILURE`, `ABORTED` ….
    pub result: Option<String>,
    /// Where to look at it, where its files tell.
    pub url: Option<String>,
    /// When it started, where its files tell.
    pub started: Option<jiff::Timestamp>,
    /// How long it took, in seconds, where its files tell.
    pub duration_seconds: Option<u64>,
}

impl Run {
    /// Whether it came to its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state == RunState::Finished
    }
}

/// Everything read from the folders of an aggregated run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gathered {
    /// The runs, sorted by id (numerically where ids are numbers).
    pub runs: Vec<Run>,
    /// The tests over the finished runs, sorted by suite and name.
    pub tests: Vec<Tally>,
    /// Seconds that each backend was disrupted in each run that has data of it: backend → (index of the run, seconds).
    pub disruption: std::collections::BTreeMap<String, Vec<(usize, u64)>>,
    /// What could not be used and why, each with its file: never silently dropped.
    pub notes: Vec<String>,
}

impl Gathered {
    /// How many runs came to no end.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.runs.iter().filter(|run| !run.is_finished()).count()
    }
}

/// What earlier runs say of one test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "known")]
pub enum Past {
    /// So many passes (flakes among them) of so many runs.
    Counts {
        /// Runs that passed or flaked.
        passes: u32,
        /// Runs in which it passed or failed.
        runs: u32,
    },
    /// Only a percentage is known; it is taken for that of [`fisher::CORPUS`] runs.
    Percentage {
        /// 0 to 100.
        percent: u8,
    },
}

/// What earlier runs say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// By test.
    pub tests: HashMap<TestId, Past>,
    /// By backend.
    pub disruption: HashMap<String, disruption::Spread>,
    /// How many earlier runs stand behind it, where it comes from their folders.
    pub runs: Option<u32>,
    /// Where it comes from, as people are told.
    pub source: String,
    /// What could not be used and why.
    pub notes: Vec<String>,
}

impl History {
    /// What is known of a test: of it in its suite, else under its name alone, for a history that knows no suites.
    #[must_use]
    pub fn of(&self, id: &TestId) -> Option<Past> {
        let anywhere = || self.tests.get(&TestId { suite: String::new(), name: id.name.clone() });
        self.tests.get(id).or_else(anywhere).copied()
    }
}
