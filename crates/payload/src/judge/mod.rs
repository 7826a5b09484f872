//! The statistical verdict of an aggregated run: several runs of one job on one payload, judged test by test against what
//! earlier runs did.
//!
//! [`gather`] reads the runs' folders, [`history`] what is known of earlier runs, [`verdict`] judges, [`outputs`] and
//! [`report`] show. The rules are those of the aggregator in use (reference: payload jobs, b.5 to b.11), with its table
//! replaced by the exact test it was computed from.

use serde::Serialize;
use std::collections::{HashMap, HashSet};

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
    /// What the first run in which it failed says of that: its beginning, of [`gather::MESSAGE_CHARACTERS_MAX`].
    pub message: Option<String>,
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

    /// Where to look at it, if that may stand behind a link: text from outside must not become a script.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        self.url.as_deref().filter(|url| url.starts_with("https://") || url.starts_with("http://"))
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
    /// The jobs of those runs, as far as their files tell.
    pub jobs: std::collections::BTreeSet<String>,
    /// The folders of those runs, without links; empty where it comes from a file.
    pub run_folders: Vec<std::path::PathBuf>,
    /// Those runs by what tells one run of Prow from another.
    keys: HashSet<RunKey>,
    /// Tests of the judged runs that it has under another suite: see [`History::fit_to`].
    elsewhere: HashMap<TestId, Past>,
    /// Where it comes from, as people are told.
    pub source: String,
    /// What could not be used and why.
    pub notes: Vec<String>,
}

/// What tells one run of Prow from another: its job, its id and when it started.
type RunKey = (String, String, Option<jiff::Timestamp>);

fn run_key(run: &Run) -> Option<RunKey> {
    let folder = run.id.rsplit('/').next().unwrap_or(&run.id);
    Some((run.job.clone()?, folder.to_owned(), run.started))
}

impl History {
    /// What is known of a test: of it in its suite, else under its name alone, for a history that knows no suites, else
    /// what [`Self::fit_to`] found.
    #[must_use]
    pub fn of(&self, id: &TestId) -> Option<Past> {
        let anywhere = || self.tests.get(&TestId { suite: String::new(), name: id.name.clone() });
        self.tests.get(id).or_else(anywhere).or_else(|| self.elsewhere.get(id)).copied()
    }

    /// Finds the tests of the judged runs that the history has under another suite, as when a suite was renamed: a name
    /// that stands in one suite only, here and there. A note counts them. Names and suites that differ in blanks around
    /// them are the same.
    pub fn fit_to(&mut self, gathered: &Gathered) {
        let trimmed = |id: &TestId| TestId { suite: id.suite.trim().into(), name: id.name.trim().into() };
        let mut suites_here: HashMap<&str, u32> = HashMap::new();
        for tally in &gathered.tests {
            *suites_here.entry(tally.id.name.trim()).or_default() += 1;
        }
        let mut there: HashMap<&str, Option<Past>> = HashMap::new();
        for (id, past) in &self.tests {
            // A second one makes it unclear which is meant.
            there.entry(id.name.trim()).and_modify(|one| *one = None).or_insert(Some(*past));
        }
        let (mut found, mut moved) = (HashMap::new(), 0_usize);
        for id in gathered.tests.iter().map(|tally| &tally.id).filter(|id| self.of(id).is_none()) {
            let name = id.name.trim();
            if let Some(past) = self.of(&trimmed(id)) {
                found.insert(id.clone(), past);
            } else if let (Some(1), Some(Some(past))) = (suites_here.get(name), there.get(name)) {
                found.insert(id.clone(), *past);
                moved += 1;
            }
        }
        if moved > 0 {
            self.notes.push(format!(
                "tests that the history has under another suite, and that were taken by their name, which stands in one \
                 suite only: {moved}"
            ));
        }
        self.elsewhere = found;
    }

    /// The ids of judged runs that are among the runs of the history: the same folder, or the same run of Prow by its
    /// job, id and start. A test measured against itself says little.
    #[must_use]
    pub fn shared_with(&self, gathered: &Gathered) -> Vec<String> {
        let folders: HashSet<&std::path::Path> = self.run_folders.iter().map(|folder| &**folder).collect();
        let is_shared = |run: &&Run| {
            let folder = run.folder.canonicalize().ok();
            folder.is_some_and(|folder| folders.contains(&*folder))
                || run_key(run).is_some_and(|key| self.keys.contains(&key))
        };
        gathered.runs.iter().filter(is_shared).map(|run| run.id.clone()).collect()
    }
}
