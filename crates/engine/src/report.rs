//! What a drive tells: the contract's shapes, shared by every face.

use jiff::Timestamp;
use regatta_flow::decide::Decision;
use regatta_flow::wait::{On, ServiceState};
use regatta_kit::{Overall, Release, Status, Task, TaskMap};
use serde::{Deserialize, Serialize};

/// How a drive ended, in the order of the exit codes: the first that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriveState {
    /// The release is Red.
    Stopped,
    /// A credential is missing or expired.
    NeedsCredentials,
    /// A person has to decide.
    NeedsHuman,
    /// A remote does not answer after all retries.
    Unavailable,
    /// Somebody else wrote the state at the same time.
    Conflict,
    /// Something outside has to happen.
    Waiting,
    /// Every task passed and no blocker is open.
    Done,
}

impl DriveState {
    /// The exit code of the contract.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Stopped => 1,
            Self::Waiting => 3,
            Self::NeedsCredentials => 4,
            Self::NeedsHuman => 5,
            Self::Conflict => 6,
            Self::Unavailable => 7,
        }
    }

    /// What a decision amounts to.
    #[must_use]
    pub fn of(decision: &Decision) -> Self {
        let waits_on = |what: fn(&On) -> bool| decision.waits.iter().any(|w| what(&w.on));
        if decision.overall == Overall::Red {
            Self::Stopped
        } else if decision.finished {
            Self::Done
        } else if waits_on(|on| matches!(on, On::Credentials { .. })) {
            Self::NeedsCredentials
        } else if !decision.needs_human.is_empty() {
            Self::NeedsHuman
        } else if waits_on(|on| matches!(on, On::Service { state: ServiceState::Unavailable, .. })) {
            Self::Unavailable
        } else {
            Self::Waiting
        }
    }
}

/// `drive -o json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DriveReport {
    /// The release.
    pub release: Release,
    /// Computed.
    pub overall_status: Overall,
    /// How the drive ended.
    pub state: DriveState,
    /// Why it ended before it could go on, where that is not among the waits: who holds the release, what the store said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The ten tasks.
    pub tasks: TaskMap<Status>,
    /// What was done, in order.
    pub moved: Vec<Moved>,
    /// What is waited for.
    pub waiting: Vec<Waiting>,
    /// What only a person can settle.
    pub needs_human: Vec<Asking>,
    /// What stands failed, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
    /// Messages and projections that could not be delivered yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<String>,
    /// The issue list.
    pub issues: Vec<IssueView>,
    /// When the drive would look again.
    #[serde(skip)]
    pub look_again: Option<Timestamp>,
}

/// One move that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The task.
    pub task: Task,
    /// `start`, `check`, `conclude`, `begin`, `reset`.
    pub action: String,
    /// How it ended, in one line.
    pub outcome: String,
    /// When, by the clock in use.
    pub at: Timestamp,
}

/// One wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The task.
    pub task: Task,
    /// The short word.
    #[serde(rename = "for")]
    pub waits_for: String,
    /// The sentence.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is looked at again; null when something else has to happen first.
    pub check_after: Option<Timestamp>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asking {
    /// The task.
    pub task: Task,
    /// The sentence.
    pub question: String,
    /// What may be answered.
    pub options: Vec<String>,
    /// Where to look first.
    pub evidence: Vec<String>,
}

/// A task that stands failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The task.
    pub task: Task,
    /// What its result says.
    pub why: String,
}

impl Failed {
    /// The failed tasks of a state, in table order.
    #[must_use]
    pub fn of(folded: &regatta_statebox::fold::Folded) -> Vec<Self> {
        let failed = folded.tasks.iter().filter(|(_, state)| state.status == Status::Fail);
        failed.map(|(task, state)| Self { task, why: state.result.clone().unwrap_or_default() }).collect()
    }
}

/// One issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssueView {
    /// Its text.
    pub issue: String,
    /// Whether it stops something.
    pub blocker: bool,
    /// Whether it was resolved.
    pub resolved: bool,
    /// The tasks it names.
    pub related_tasks: Vec<String>,
    /// When it was reported.
    pub reported_at: String,
    /// How it was resolved.
    pub resolution: Option<String>,
}

impl From<&regatta_statebox::fold::IssueState> for IssueView {
    fn from(issue: &regatta_statebox::fold::IssueState) -> Self {
        Self {
            issue: issue.text.clone(),
            blocker: issue.blocker,
            resolved: issue.resolved,
            related_tasks: issue.related_tasks.clone(),
            reported_at: issue.reported_at.map(|at| at.to_string()).unwrap_or_default(),
            resolution: issue.resolution.clone(),
        }
    }
}

/// What the release looks like at one moment, for those who watch.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The release.
    pub release: Release,
    /// The clock's now.
    pub now: Timestamp,
    /// The ten tasks.
    pub tasks: TaskMap<Status>,
    /// Computed.
    pub overall: Overall,
    /// What is waited for.
    pub waiting: Vec<Waiting>,
    /// What only a person can settle.
    pub needs_human: Vec<Asking>,
    /// When the drive looks again.
    pub next_look: Option<Timestamp>,
}

/// Somebody who watches a drive. All methods return quickly.
pub trait Observer: Send + Sync {
    /// A move was made.
    fn moved(&self, moved: &Moved) {
        let _ = moved;
    }

    /// Nothing can be done just now; this is how things stand, put together for those who ask.
    fn waits(&self, snapshot: &dyn Fn() -> Snapshot) {
        let _ = snapshot;
    }

    /// Something keeps the whole drive from going on: another driver, or the store.
    fn hindered(&self, at: Timestamp, why: &str) {
        let _ = (at, why);
    }

    /// This drive goes on where another stopped without giving the release back.
    fn takes_over(&self, at: Timestamp, from: &str) {
        let _ = (at, from);
    }

    /// A message left, or could not.
    fn told(&self, line: &str) {
        let _ = line;
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Observer for Unwatched {}

pub(crate) fn waiting(decision: &Decision) -> Vec<Waiting> {
    decision
        .waits
        .iter()
        .map(|w| Waiting {
            task: w.task,
            waits_for: w.on.word(),
            why: w.on.to_string(),
            since: w.since,
            check_after: w.check_after,
        })
        .collect()
}

pub(crate) fn asking(decision: &Decision, evidence: impl Fn(Task) -> Vec<String>) -> Vec<Asking> {
    decision
        .needs_human
        .iter()
        .map(|q| Asking {
            task: q.task,
            question: q.text.clone(),
            options: q.options.clone(),
            evidence: q.evidence.iter().cloned().chain(evidence(q.task)).collect(),
        })
        .collect()
}
