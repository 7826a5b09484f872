//! The plan of a dry run, in words.

use regatta_flow::decide::{Decision, Move, Subject};

/// What would be done first, a line a move.
pub(crate) fn lines(decision: &Decision) -> Vec<String> {
    let line = |step: &Move| match step {
        Move::Look(Subject::Promotion) => "look at the build's promotion".to_owned(),
        Move::Look(Subject::Candidate) => "read the candidate build's result file".to_owned(),
        Move::Look(Subject::Promoted) => "read the promoted build's result file".to_owned(),
        Move::Start(task) => format!("start {task}"),
        Move::Check(task) => format!("look after {task}"),
        Move::Begin(task) => format!("put {task} In Progress: a person has to judge it"),
        Move::Conclude { task, to, why, .. } => format!("put {task} to {to}: {why}"),
        Move::Reset { task, why } => format!("put {task} back to Not Started: {why}"),
    };
    decision.moves.iter().map(line).collect()
}
