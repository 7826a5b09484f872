//! The ten tasks of a release, the words for their state, and a map with exactly one entry a task.

use crate::{ParseError, serde_as_text};
use std::fmt;
use std::ops::{Index, IndexMut};
use std::str::FromStr;

/// A task of the flow, in the order of the specification's task list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Task {
    /// Create the report and the release's StateBox.
    CreateTestReport,
    /// Assign the release to a QE owner.
    TakeOwnership,
    /// Look for CVE trackers that the advisories miss.
    CheckCveTrackerBug,
    /// Push the advisories to CDN staging.
    PushToCdnStaging,
    /// Judge the candidate nightly's test results.
    AnalyzeCandidateBuild,
    /// Judge the promoted build's test results.
    AnalyzePromotedBuild,
    /// Compare payload and shipment images.
    ImageConsistencyCheck,
    /// Run the stage pipeline.
    StageTesting,
    /// Verify the release image's signature.
    ImageSignedCheck,
    /// Approve: merge request, advisories, sub-tasks.
    ChangeAdvisoryStatus,
}

impl Task {
    /// All tasks, in table order.
    pub const ALL: [Self; 10] = [
        Self::CreateTestReport,
        Self::TakeOwnership,
        Self::CheckCveTrackerBug,
        Self::PushToCdnStaging,
        Self::AnalyzeCandidateBuild,
        Self::AnalyzePromotedBuild,
        Self::ImageConsistencyCheck,
        Self::StageTesting,
        Self::ImageSignedCheck,
        Self::ChangeAdvisoryStatus,
    ];

    /// The name used in commands, files and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateTestReport => "create-test-report",
            Self::TakeOwnership => "take-ownership",
            Self::CheckCveTrackerBug => "check-cve-tracker-bug",
            Self::PushToCdnStaging => "push-to-cdn-staging",
            Self::AnalyzeCandidateBuild => "analyze-candidate-build",
            Self::AnalyzePromotedBuild => "analyze-promoted-build",
            Self::ImageConsistencyCheck => "image-consistency-check",
            Self::StageTesting => "stage-testing",
            Self::ImageSignedCheck => "image-signed-check",
            Self::ChangeAdvisoryStatus => "change-advisory-status",
        }
    }
}

impl FromStr for Task {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.into_iter().find(|t| t.name() == text).ok_or_else(|| {
            ParseError::new(
                "task",
                text,
                "is not a task of the flow",
                "write one of create-test-report, take-ownership, check-cve-tracker-bug, push-to-cdn-staging, \
                 analyze-candidate-build, analyze-promoted-build, image-consistency-check, stage-testing, \
                 image-signed-check, change-advisory-status",
            )
        })
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

serde_as_text!(Task);

/// The four words a task's status is written with, in StateBox, Sheet and JSON alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Status {
    /// Nothing was done yet.
    #[default]
    NotStarted,
    /// Begun, or waiting on something it began.
    InProgress,
    /// Done and good, by evidence or by override.
    Pass,
    /// Done and bad, by evidence or by a person.
    Fail,
}

impl Status {
    /// The word, as stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotStarted => "Not Started",
            Self::InProgress => "In Progress",
            Self::Pass => "Pass",
            Self::Fail => "Fail",
        }
    }
}

impl FromStr for Status {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        [Self::NotStarted, Self::InProgress, Self::Pass, Self::Fail]
            .into_iter()
            .find(|s| s.word() == text)
            .ok_or_else(|| {
                ParseError::new(
                    "status",
                    text,
                    "is not a status",
                    "write Not Started, In Progress, Pass or Fail",
                )
            })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

serde_as_text!(Status);

/// The release's overall status: computed from tasks and blockers, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overall {
    /// No task stands failed and no blocker is open.
    Green,
    /// A task stands failed, or a blocker is open.
    Red,
}

impl Overall {
    /// `Green` or `Red`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Green => "Green",
            Self::Red => "Red",
        }
    }
}

impl fmt::Display for Overall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Overall {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "Green" => Ok(Self::Green),
            "Red" => Ok(Self::Red),
            _ => Err(ParseError::new("overall status", text, "is not known", "write Green or Red")),
        }
    }
}

serde_as_text!(Overall);

/// One value a task: total, so no look-up can miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TaskMap<T>([T; 10]);

impl<T> TaskMap<T> {
    /// Builds the map by asking for each task's value.
    pub fn from_fn(mut value: impl FnMut(Task) -> T) -> Self {
        Self(Task::ALL.map(&mut value))
    }

    /// Tasks with their values, in table order.
    pub fn iter(&self) -> impl Iterator<Item = (Task, &T)> {
        Task::ALL.into_iter().zip(&self.0)
    }
}

impl<T> Index<Task> for TaskMap<T> {
    type Output = T;

    fn index(&self, task: Task) -> &T {
        &self.0[task as usize]
    }
}

impl<T> IndexMut<Task> for TaskMap<T> {
    fn index_mut(&mut self, task: Task) -> &mut T {
        &mut self.0[task as usize]
    }
}

impl<T: serde::Serialize> serde::Serialize for TaskMap<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indices_agree() {
        let map = TaskMap::from_fn(|t| t.name());
        for (i, task) in Task::ALL.into_iter().enumerate() {
            assert_eq!(task as usize, i);
            assert_eq!(map[task], task.name());
            assert_eq!(task.name().parse(), Ok(task));
        }
    }

    #[test]
    fn words_parse_back() {
        for status in [Status::NotStarted, Status::InProgress, Status::Pass, Status::Fail] {
            assert_eq!(status.word().parse(), Ok(status));
        }
        assert!("pass".parse::<Status>().is_err());
    }
}
