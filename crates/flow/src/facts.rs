//! What is known of a release at one instant: everything `decide` may look at.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use regatta_kit::{Build, Release, Status, Task, TaskMap};

use crate::policy::Policy;

/// All facts of a release. Plain data: cloneable, comparable, hashable, so that a model checker can walk it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The release.
    pub release: Release,
    /// The present instant.
    pub now: Timestamp,
    /// When the release was taken up.
    pub opened_at: Timestamp,
    /// What the team leaves to Regatta.
    pub policy: Policy,
    /// The announced date, where the metadata has one.
    pub release_date: Option<Date>,
    /// The ten tasks.
    pub tasks: TaskMap<TaskFact>,
    /// What the release controller says of the release.
    pub promotion: Looked<Promotion>,
    /// The candidate nightly and its test results.
    pub candidate: BuildFact,
    /// The promoted build and its test results.
    pub promoted: BuildFact,
    /// The issue list.
    pub issues: Vec<IssueFact>,
    /// What persons decided in place of evidence.
    pub overrides: Vec<OverrideFact>,
    /// Whether a lead said that final approval may be given, where the policy asks for it.
    pub final_go: FinalGo,
}

/// A fact that may not be known. Absence is a value of its own and never counts as good or bad.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Seen<T> {
    /// Not known.
    Unknown {
        /// Why not, in words.
        why: String,
        /// Since when.
        since: Timestamp,
    },
    /// Known.
    Known {
        /// The fact.
        value: T,
        /// When this value was first seen.
        at: Timestamp,
        /// Names the evidence: equal digests mean nothing changed.
        digest: String,
    },
}

/// A fact on the outside, with when it was last looked at by this driver.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Looked<T> {
    /// What is known.
    pub seen: Seen<T>,
    /// The last look of this driver; `None` if it has not looked yet. Not kept in the state: polls are no events.
    pub looked_at: Option<Timestamp>,
    /// What went wrong at the last look.
    pub trouble: Option<Trouble>,
}

impl<T> Looked<T> {
    /// Never looked at.
    #[must_use]
    pub fn not_yet(since: Timestamp) -> Self {
        Self {
            seen: Seen::Unknown { why: "not looked at yet".to_owned(), since },
            looked_at: None,
            trouble: None,
        }
    }

    /// The value, where it is known.
    pub const fn value(&self) -> Option<&T> {
        match &self.seen {
            Seen::Known { value, .. } => Some(value),
            Seen::Unknown { .. } => None,
        }
    }

    /// The evidence's name, where it is known.
    pub fn digest(&self) -> Option<&str> {
        match &self.seen {
            Seen::Known { digest, .. } => Some(digest),
            Seen::Unknown { .. } => None,
        }
    }

    /// Since when this is so.
    pub const fn since(&self) -> Timestamp {
        match self.seen {
            Seen::Known { at, .. } => at,
            Seen::Unknown { since, .. } => since,
        }
    }
}

/// A remote that failed at the last try.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Trouble {
    /// What it asks for.
    pub kind: TroubleKind,
    /// The service's name.
    pub service: String,
    /// What went wrong, in one sentence with its code.
    pub why: String,
    /// Since when it fails.
    pub since: Timestamp,
    /// When it will be tried again.
    pub look_again: Timestamp,
}

/// What a failing remote asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TroubleKind {
    /// Time; retries are not used up yet.
    Retrying,
    /// Time; all retries were used, the step is put off to its next look.
    Unavailable,
    /// A renewed credential.
    Credentials,
}

/// The release controller's word for a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// No such tag yet.
    Absent,
    /// Verification has not begun.
    Pending,
    /// Being verified.
    Ready,
    /// Promoted and accepted: the only word that opens anything.
    Accepted,
    /// Verification failed.
    Rejected,
    /// The tag itself failed.
    Failed,
    /// A word this program does not know.
    Other,
}

impl Phase {
    /// The word shown to people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Absent => "no such tag yet",
            Self::Pending => "Pending",
            Self::Ready => "Ready",
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
            Self::Failed => "Failed",
            Self::Other => "unknown",
        }
    }
}

/// The phase, and which blocking jobs of the payload fail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Promotion {
    /// The phase.
    pub phase: Phase,
    /// Names of failing blocking jobs, sorted.
    pub failing_jobs: Vec<String>,
}

/// A build whose test results are judged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BuildFact {
    /// Its name; `None` when the release data names no candidate.
    pub build: Option<Build>,
    /// What its result file says.
    pub file: Looked<Standing>,
}

/// What a result file says, without its shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Standing {
    /// There is none.
    Absent,
    /// There was one without a verdict, and it is gone.
    Gone,
    /// Tests run, nothing is aggregated.
    Running,
    /// Being aggregated.
    Aggregating,
    /// Aggregated and accepted, everything required ran.
    Accepted,
    /// Aggregated and accepted, but jobs that are required never ran.
    Incomplete {
        /// The jobs, sorted.
        missing: Vec<String>,
    },
    /// Promoted by hand: accepted by a waiver that is recorded in the file.
    PromotedByHand,
    /// Aggregated and not accepted.
    Rejected {
        /// The jobs that failed, sorted.
        failed: Vec<String>,
        /// What the analysis makes of it, where there is one.
        opinion: Option<Opinion>,
    },
    /// The file cannot be understood.
    Unreadable {
        /// Where and why.
        why: String,
    },
}

/// A recommendation on a rejected build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Opinion {
    /// What is recommended.
    pub recommendation: Recommendation,
    /// How sure it is.
    pub confidence: Confidence,
}

/// What an analysis recommends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recommendation {
    /// The failures may be waived.
    Accept,
    /// Blocking issues were found.
    Reject,
    /// Not decidable from the evidence.
    NeedsInvestigation,
}

/// How sure an analysis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Enough to stand by itself under the default policy.
    High,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TaskFact {
    /// Its status.
    pub status: Status,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it came to this status.
    pub since: Timestamp,
    /// What a Pass or Fail rests on.
    pub ground: Option<Ground>,
    /// What the task said at its last run in this driver; `None` if it has not run here yet.
    pub answer: Option<Answer>,
}

impl TaskFact {
    /// Nothing done yet.
    #[must_use]
    pub const fn fresh(since: Timestamp) -> Self {
        Self { status: Status::NotStarted, attempt: 1, since, ground: None, answer: None }
    }
}

/// What a finished task's status rests on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ground {
    /// Evidence, named by its digest (empty where nothing could change).
    Evidence(String),
    /// A person's decision; the digest of the evidence that was set aside, where there was one.
    Person(Option<String>),
}

/// What a task said when it could not finish.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Something it began still runs.
    Running {
        /// What, and where to see it.
        what: String,
        /// Since when.
        since: Timestamp,
        /// When to look again.
        look_again: Timestamp,
    },
    /// A named precondition does not hold.
    Blocked {
        /// Short stable name.
        name: String,
        /// What is missing and whose move it is.
        why: String,
        /// Since when.
        since: Timestamp,
        /// When to look again.
        look_again: Timestamp,
    },
    /// What remains happens later.
    Scheduled {
        /// What it waits for.
        what: String,
        /// Since when.
        since: Timestamp,
        /// When to look again.
        look_again: Timestamp,
    },
    /// A person has to supply something.
    Asks {
        /// Short stable name.
        name: String,
        /// The question.
        text: String,
        /// What may be answered.
        options: Vec<String>,
        /// Where to look first.
        evidence: Vec<String>,
        /// When to look again.
        look_again: Timestamp,
    },
    /// A remote failed.
    Trouble(Trouble),
}

impl Answer {
    /// When the task is to be looked at again.
    #[must_use]
    pub const fn look_again(&self) -> Timestamp {
        match self {
            Self::Running { look_again, .. }
            | Self::Blocked { look_again, .. }
            | Self::Scheduled { look_again, .. }
            | Self::Asks { look_again, .. } => *look_again,
            Self::Trouble(trouble) => trouble.look_again,
        }
    }
}

/// One issue of the issue list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IssueFact {
    /// Its text.
    pub text: String,
    /// Whether it stops something.
    pub blocker: Blocker,
    /// Whether it was resolved.
    pub resolved: Resolved,
}

/// What an issue stops.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Blocker {
    /// Nothing.
    No,
    /// Final approval.
    General,
    /// The start of these tasks.
    Tasks(Vec<Task>),
}

/// Whether an issue is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resolved {
    /// Resolved.
    Yes,
    /// Open.
    No,
}

/// A person's decision on a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OverrideFact {
    /// The task.
    pub task: Task,
    /// Pass or Fail.
    pub verdict: Status,
    /// Who.
    pub who: String,
    /// Digest of the evidence set aside, where there was one.
    pub covers: Option<String>,
}

/// Whether a lead allowed final approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FinalGo {
    /// Nobody said so yet.
    #[default]
    NotGiven,
    /// A lead said so.
    Given,
}

/// Adds without ever failing: instants beyond the calendar's end stay at its end.
#[must_use]
pub fn after(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}
