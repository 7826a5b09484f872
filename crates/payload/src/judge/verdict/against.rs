//! How far the history fits the runs that are judged against it. A history that matches nothing opens the gate: every
//! test then counts as new, which lets much pass.

use std::collections::BTreeSet;

use super::{Coverage, HistoryState, Rules, TestVerdict};
use crate::judge::{Gathered, History};

/// Suites, or jobs, that are named before the others are only counted.
const NAMED: usize = 4;
/// Characters of a name.
const NAME_MAX: usize = 100;

/// How many of the judged tests the history knows; none where none was given.
pub(super) fn coverage(tests: &[TestVerdict], history: &History, rules: &Rules) -> Option<Coverage> {
    let given = !history.source.is_empty() || !history.tests.is_empty();
    if !given || rules.history == HistoryState::Unavailable {
        return None;
    }
    let judged = || tests.iter().filter_map(|test| test.history);
    Some(Coverage {
        tests: super::count(judged().count()),
        known: super::count(judged().filter(|basis| basis.is_known()).count()),
    })
}

/// What to say of a history that knows none of the tests.
pub(super) fn knows_nothing(coverage: Coverage, gathered: &Gathered, history: &History) -> String {
    let suites_of_runs =
        gathered.tests.iter().filter(|test| test.attempts() > 0).map(|test| test.id.suite.as_str());
    let theirs = history.tests.keys().map(|id| id.suite.as_str());
    let why = if history.tests.is_empty() {
        "it holds no test".to_owned()
    } else {
        format!("its suites are {}, those of the runs are {}", shortlist(theirs), shortlist(suites_of_runs))
    };
    let of = match coverage.tests {
        1 => "the history does not know the one test that was judged".to_owned(),
        _ => format!("the history knows none of {}", super::grouped_tests(coverage.tests)),
    };
    format!("{of}: {why}; every test counts as new, which lets much pass")
}

/// What to say where the history is that of another job.
pub(super) fn another_job(gathered: &Gathered, history: &History) -> Option<String> {
    let judged: BTreeSet<&str> = gathered.runs.iter().filter_map(|run| run.job.as_deref()).collect();
    let earlier: BTreeSet<&str> = history.jobs.iter().map(String::as_str).collect();
    if judged.is_empty() || earlier.is_subset(&judged) {
        return None;
    }
    Some(format!(
        "the runs of the history are of another job: they are of {}, those judged of {}",
        shortlist(earlier.into_iter()),
        shortlist(judged.into_iter())
    ))
}

/// The first few names, and how many more there are.
fn shortlist<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: BTreeSet<&str> = names.collect();
    let mut list: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| match *name {
            "" => "without a name".to_owned(),
            name => regatta_kit::OutsideText::line(name, NAME_MAX).to_string(),
        })
        .collect();
    if names.len() > NAMED {
        list.push(format!("{} more", names.len() - NAMED));
    }
    match list.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
