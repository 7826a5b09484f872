//! What the drive itself tells people: failures, questions, the end. Each has a key and is told once.

use regatta_flow::question::Question;
use regatta_kit::{Release, Task};
use regatta_statebox::event::{Audience, Message};

/// A task failed; for the promoted build's analysis that is the refused gate.
pub(crate) fn failed(release: Release, task: Task, attempt: u32, why: &str) -> Message {
    let text = match task {
        Task::AnalyzePromotedBuild => format!(
            "Gate check failed for {release}: {why}. Pipeline stopped - manual intervention required. \
             Record critical bugs with `regatta issue add {release} KEY --blocker --reason …`."
        ),
        Task::AnalyzeCandidateBuild => format!(
            "The candidate build of {release} has blocking issues: {why}. \
             Record critical bugs with `regatta issue add {release} KEY --reason …`."
        ),
        _ => format!(
            "{task} of {release} failed: {why}. Pipeline stopped - manual intervention required. \
             After mending: `regatta retry {release} {task}`."
        ),
    };
    Message { key: format!("failed:{release}:{task}:{attempt}"), to: Audience::Owner, text }
}

/// A person has to decide.
pub(crate) fn question(release: Release, question: &Question) -> Message {
    let options: String = question.options.iter().map(|o| format!("\n• {o}")).collect();
    Message {
        key: format!("question:{release}:{}", question.key),
        to: Audience::Owner,
        text: format!("{release} needs a decision: {}{options}", question.text),
    }
}

/// The release is done.
pub(crate) fn completed(release: Release) -> Message {
    Message {
        key: format!("completed:{release}"),
        to: Audience::OwnerAndChannel,
        text: format!("Release {release} completed successfully!"),
    }
}
