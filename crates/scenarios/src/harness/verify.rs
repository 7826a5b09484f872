//! What holds at the end of every run, however it was disturbed.

use regatta_flow::transition::{Cause, check};
use regatta_kit::{Status, Task, TaskMap};
use regatta_statebox::event::{Body, Event};
use regatta_statebox::fold::Folded;
use std::collections::{BTreeMap, BTreeSet};

use super::course::Run;

/// The actor of what a driver does by itself.
const DRIVER: &str = "regatta";

/// All tasks passed, every effect of the undisturbed run was made as often as there, no other was, all was told, and the
/// history is sound.
pub(crate) fn verify(run: &Run, undisturbed: &Run) -> Result<(), String> {
    let open: Vec<Task> = run
        .report
        .tasks
        .iter()
        .filter(|(_, status)| **status != Status::Pass)
        .map(|(task, _)| task)
        .collect();
    if !open.is_empty() {
        return Err(format!("not passed at the end: {open:?}"));
    }
    let wrong = differences(&run.effects, &undisturbed.effects);
    if !wrong.is_empty() {
        return Err(format!("effects differ: {}", wrong.join(", ")));
    }
    if !run.report.untold.is_empty() {
        return Err(format!("untold: {:?}", run.report.untold));
    }
    sound(&run.history, run.struck)
}

/// Effects made more or less often than in the undisturbed run.
pub(crate) fn differences(made: &BTreeMap<String, u64>, wanted: &BTreeMap<String, u64>) -> Vec<String> {
    let keys: BTreeSet<&String> = made.keys().chain(wanted.keys()).collect();
    let count = |map: &BTreeMap<String, u64>, key: &String| map.get(key).copied().unwrap_or(0);
    keys.into_iter()
        .filter(|key| count(made, key) != count(wanted, key))
        .map(|key| format!("{key} {} times, not {}", count(made, key), count(wanted, key)))
        .collect()
}

/// Every move is legal, no entry came too late to count, and every effect key has one intent and one handle.
///
/// An intent is announced again, with the mark it has, by whoever triggers again after looking in vain: never once there is
/// a handle, and no oftener than something went wrong. A handle may be followed by one of a better kind, but never by another
/// of its kind.
pub(crate) fn sound(history: &[Event], mishaps: usize) -> Result<(), String> {
    let mut stands: TaskMap<(Status, u32)> = TaskMap::from_fn(|_| (Status::NotStarted, 1));
    let mut intents: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut handles: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for event in history {
        match &event.body {
            Body::TaskMoved { task, from, to, attempt, .. } => {
                let back = *to == Status::NotStarted;
                let cause = match (event.actor == DRIVER, back) {
                    (true, false) => Cause::Drive,
                    (true, true) => Cause::EvidenceChanged,
                    // A person's retry is of a failure and so would be legal as a reset too.
                    (false, _) => Cause::Reset,
                };
                check(*from, *to, cause).map_err(|e| format!("{}: {task}: {e}", event.id))?;
                let expected = (*from, if back { attempt - 1 } else { *attempt });
                if stands[*task] != expected {
                    return Err(format!(
                        "{}: {task} moves from {expected:?} and stands at {:?}",
                        event.id, stands[*task]
                    ));
                }
                stands[*task] = (*to, *attempt);
            }
            Body::Overridden { task, verdict, .. } => {
                check(stands[*task].0, *verdict, Cause::Override)
                    .map_err(|e| format!("{}: {e}", event.id))?;
                stands[*task].0 = *verdict;
            }
            Body::Intended { key, mark } => {
                let (times, first) = intents.entry(&key.0).or_insert((0, &mark.0));
                *times += 1;
                if *times > 1 + mishaps || *first != mark.0 || handles.contains_key(key.0.as_str()) {
                    return Err(format!(
                        "{}: {key} is announced {times} times, now with the mark {:?} after {first:?}; its handles are {:?}",
                        event.id,
                        mark.0,
                        handles.get(key.0.as_str())
                    ));
                }
            }
            Body::Triggered { key, handle } => {
                if !intents.contains_key(key.0.as_str()) {
                    return Err(format!("{key} has a handle before its intent"));
                }
                handles.entry(&key.0).or_default().entry(&handle.kind).or_default().insert(&handle.id);
            }
            _ => {}
        }
    }
    for key in intents.keys() {
        let Some(kinds) = handles.get(key) else {
            return Err(format!("{key} was intended and has no handle"));
        };
        if kinds.values().any(|ids| ids.len() != 1) {
            return Err(format!("{key} has the handles {kinds:?}"));
        }
    }
    let folded = Folded::of(history);
    if !folded.stale.is_empty() {
        return Err(format!("moves that came too late: {:?}", folded.stale));
    }
    match TaskMap::from_fn(|task| folded.tasks[task].status) == TaskMap::from_fn(|task| stands[task].0) {
        true => Ok(()),
        false => Err("the fold stands elsewhere than its moves".to_owned()),
    }
}
