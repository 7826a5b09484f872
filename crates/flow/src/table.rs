//! The flow as a table: one row a task. Commands, graph and documents are generated from it.
//!
//! Names, start conditions, durations and poll intervals are the specification's. Where it gives a range, the lower bound
//! is used and the range is shown.

use jiff::SignedDuration;
use regatta_kit::Task;

/// How a task does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Done within one run.
    Step,
    /// Begins something elsewhere and follows it.
    AsyncJob,
    /// Judges a build's test results; its evidence is read again at every look.
    Analysis,
}

/// What must hold before a task may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// That task passed.
    Passed(Task),
    /// The release controller shows the release as Accepted.
    Promoted,
    /// Every other task passed.
    AllOthersPassed,
}

/// A span given as a range, from the lower to the upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The bound that is used.
    pub from: SignedDuration,
    /// The bound that is shown beside it.
    pub to: SignedDuration,
}

const fn minutes(from: i64, to: i64) -> Range {
    Range { from: SignedDuration::from_mins(from), to: SignedDuration::from_mins(to) }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (from, to) = (self.from.as_mins(), self.to.as_mins());
        match (from, to) {
            (0, _) => write!(f, "{} seconds", self.to.as_secs()),
            (1, 1) => f.write_str("1 minute"),
            (a, b) if a == b => write!(f, "{a} minutes"),
            (a, b) if a % 60 == 0 && b % 60 == 0 => write!(f, "{}-{} hours", a / 60, b / 60),
            (a, b) => write!(f, "{a}-{b} minutes"),
        }
    }
}

/// One task's row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The task.
    pub task: Task,
    /// The name in marker lines and tables, in the specification's wording.
    pub display: &'static str,
    /// How it works.
    pub kind: Kind,
    /// What must hold before it starts; all of them.
    pub needs: &'static [Condition],
    /// How long it is expected to take once begun.
    pub expected: Range,
    /// How often it is looked at while it runs or waits.
    pub poll: Range,
}

use Condition::{AllOthersPassed, Passed, Promoted};

const TEN_SECONDS: Range = Range { from: SignedDuration::from_secs(10), to: SignedDuration::from_secs(10) };

/// The ten rows, in table order.
pub const TABLE: [Row; 10] = [
    Row {
        task: Task::CreateTestReport,
        display: "Create test report",
        kind: Kind::Step,
        needs: &[],
        expected: minutes(5, 5),
        poll: minutes(5, 10),
    },
    Row {
        task: Task::TakeOwnership,
        display: "Take ownership",
        kind: Kind::Step,
        needs: &[Passed(Task::CreateTestReport)],
        expected: TEN_SECONDS,
        poll: minutes(5, 10),
    },
    Row {
        task: Task::CheckCveTrackerBug,
        display: "Check CVE tracker bugs",
        kind: Kind::Step,
        needs: &[Passed(Task::TakeOwnership)],
        expected: minutes(1, 1),
        poll: minutes(5, 10),
    },
    Row {
        task: Task::PushToCdnStaging,
        display: "Push to CDN staging",
        kind: Kind::AsyncJob,
        needs: &[Passed(Task::CheckCveTrackerBug)],
        expected: minutes(30, 60),
        poll: minutes(5, 10),
    },
    Row {
        task: Task::AnalyzeCandidateBuild,
        display: "Analyze candidate build",
        kind: Kind::Analysis,
        needs: &[],
        expected: minutes(2, 5),
        poll: minutes(5, 10),
    },
    Row {
        task: Task::AnalyzePromotedBuild,
        display: "Analyze promoted build",
        kind: Kind::Analysis,
        needs: &[Passed(Task::CheckCveTrackerBug), Promoted],
        expected: minutes(20, 360),
        poll: minutes(5, 10),
    },
    Row {
        task: Task::ImageConsistencyCheck,
        display: "Image consistency check",
        kind: Kind::AsyncJob,
        needs: &[Passed(Task::AnalyzePromotedBuild)],
        expected: minutes(90, 120),
        poll: minutes(5, 10),
    },
    Row {
        task: Task::StageTesting,
        display: "Stage testing",
        kind: Kind::AsyncJob,
        needs: &[Passed(Task::AnalyzePromotedBuild)],
        expected: minutes(120, 240),
        poll: minutes(10, 15),
    },
    Row {
        task: Task::ImageSignedCheck,
        display: "Image signature check",
        kind: Kind::Step,
        needs: &[
            Passed(Task::PushToCdnStaging),
            Passed(Task::ImageConsistencyCheck),
            Passed(Task::StageTesting),
        ],
        expected: minutes(2, 2),
        poll: minutes(5, 10),
    },
    Row {
        task: Task::ChangeAdvisoryStatus,
        display: "Change advisory status",
        kind: Kind::Step,
        needs: &[AllOthersPassed],
        expected: minutes(5, 5),
        poll: minutes(30, 30),
    },
];

/// A task's row.
#[must_use]
pub const fn row(task: Task) -> &'static Row {
    &TABLE[task as usize]
}

/// How often the release controller is asked whether the build is promoted.
pub const PROMOTION_POLL: Range = minutes(30, 30);
/// How often a result file is read.
pub const RESULT_FILE_POLL: Range = minutes(5, 10);
/// How often the metadata page is looked at once the merge request is approved.
pub const METADATA_POLL: Range = minutes(30, 30);

/// Waits longer than these become questions; the wait itself goes on.
pub mod limits {
    use jiff::SignedDuration;

    /// Promotion, after the release was opened: the specification's typical 6-24 hours.
    pub const PROMOTION: SignedDuration = SignedDuration::from_hours(24);
    /// The promoted build's result file, after promotion was seen.
    pub const RESULT_FILE: SignedDuration = SignedDuration::from_mins(120);
    /// Aggregation, after the file was seen.
    pub const AGGREGATION: SignedDuration = SignedDuration::from_hours(6);
    /// A job or precondition, after it was begun or first missed.
    pub const RUNNING: SignedDuration = SignedDuration::from_hours(24);
    /// A service that does not answer, after its first failure.
    pub const UNAVAILABLE: SignedDuration = SignedDuration::from_hours(24);
    /// The release's metadata page, after the end of the release date.
    pub const FINAL_APPROVAL: SignedDuration = SignedDuration::from_hours(48);
    /// A candidate's result file, after the nightly's own build time: then it is not applicable.
    pub const CANDIDATE_FILE: SignedDuration = SignedDuration::from_hours(5 * 24);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_tasks_index() {
        for task in Task::ALL {
            assert_eq!(row(task).task, task);
        }
    }

    #[test]
    fn no_task_needs_itself_or_a_later_one_in_a_circle() {
        fn reaches(from: Task, to: Task, depth: u32) -> bool {
            assert!(depth < 20, "the table has a circle at {from}");
            row(from).needs.iter().any(|need| match need {
                Passed(on) => *on == to || reaches(*on, to, depth + 1),
                Promoted | AllOthersPassed => false,
            })
        }
        for task in Task::ALL {
            assert!(!reaches(task, task, 0), "{task}");
        }
    }

    #[test]
    fn ranges_are_shown_as_people_say_them() {
        let shown: Vec<String> = TABLE.iter().map(|r| r.expected.to_string()).collect();
        assert_eq!(
            shown.join(", "),
            "5 minutes, 10 seconds, 1 minute, 30-60 minutes, 2-5 minutes, 20-360 minutes, 90-120 minutes, 2-4 hours, \
             2 minutes, 5 minutes"
        );
    }
}
