//! The overall status, computed; and what *stopped* and *finished* mean.

use regatta_kit::{Overall, Status, Task};

use crate::facts::{Blocker, Facts, IssueFact, Resolved};

impl IssueFact {
    /// Whether it is a blocker that nobody resolved.
    #[must_use]
    pub fn is_open_blocker(&self) -> bool {
        self.resolved == Resolved::No && self.blocker != Blocker::No
    }
}

/// Red when a task stands failed or a blocker is open, else Green. An open question is not Red.
#[must_use]
pub fn overall(facts: &Facts) -> Overall {
    let failed = facts.tasks.iter().any(|(_, t)| t.status == Status::Fail);
    if failed || facts.issues.iter().any(IssueFact::is_open_blocker) { Overall::Red } else { Overall::Green }
}

/// The task that stopped the release: any failed one but the candidate's analysis, which is informational.
#[must_use]
pub fn stopped_by(facts: &Facts) -> Option<Task> {
    facts
        .tasks
        .iter()
        .find(|(task, fact)| fact.status == Status::Fail && *task != Task::AnalyzeCandidateBuild)
        .map(|(task, _)| task)
}

/// Whether every task passed, by evidence or by override, and no blocker is open.
#[must_use]
pub fn finished(facts: &Facts) -> bool {
    facts.tasks.iter().all(|(_, t)| t.status == Status::Pass)
        && !facts.issues.iter().any(IssueFact::is_open_blocker)
}
