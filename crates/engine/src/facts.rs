//! From state and book to the facts that `decide` looks at.

use jiff::civil::Date;
use regatta_flow::Policy;
use regatta_flow::decide::Subject;
use regatta_flow::facts::{
    Blocker, BuildFact, Facts, FinalGo, Ground, IssueFact, Looked, OverrideFact, Resolved, Seen, Standing,
    TaskFact,
};
use regatta_kit::{Arch, Build, Release, TaskMap, Timestamp};
use regatta_statebox::fold::{Folded, IssueState, MovedBy, TaskState};

use crate::evidence::{promotion_from_json, standing_from_json, subject};
use crate::lookbook::LookBook;

pub(crate) fn assemble(
    release: Release,
    folded: &Folded,
    book: &LookBook,
    policy: Policy,
    arch: Arch,
    now: Timestamp,
) -> Facts {
    let opened_at = folded.opened_at.unwrap_or(now);
    let candidate = candidate(folded, arch);
    Facts {
        release,
        now,
        opened_at,
        policy,
        release_date: folded.metadata.release_date.as_deref().and_then(parse_release_date),
        tasks: TaskMap::from_fn(|task| task_fact(folded, task, book, opened_at)),
        promotion: promotion(folded, book, opened_at),
        candidate: build_fact(folded, book, subject::CANDIDATE, Subject::Candidate, candidate, opened_at),
        promoted: build_fact(
            folded,
            book,
            subject::PROMOTED,
            Subject::Promoted,
            Some(Build::Release(release)),
            opened_at,
        ),
        issues: folded.issues.iter().map(issue_fact).collect(),
        overrides: folded
            .overrides
            .iter()
            .map(|o| OverrideFact {
                task: o.task,
                verdict: o.verdict,
                who: o.who.clone(),
                covers: o.covers.clone(),
            })
            .collect(),
        final_go: match folded.observed.get(subject::FINAL_GO) {
            // Given for what stood then: a task put back since asks for another.
            Some(go) if go.digest == attempts(folded) => FinalGo::Given,
            _ => FinalGo::NotGiven,
        },
    }
}

/// Brings facts of the same state up to the present: the time, and what this driver has looked at and been told.
pub(crate) fn refresh(facts: &mut Facts, book: &LookBook, now: Timestamp) {
    facts.now = now;
    for task in regatta_kit::Task::ALL {
        facts.tasks[task].answer = book.answer(task);
    }
    fn looked<T>(fact: &mut Looked<T>, book: &LookBook, subject: Subject) {
        let look = book.look(subject);
        (fact.looked_at, fact.trouble) = (look.looked_at, look.trouble);
    }
    looked(&mut facts.promotion, book, Subject::Promotion);
    looked(&mut facts.candidate.file, book, Subject::Candidate);
    looked(&mut facts.promoted.file, book, Subject::Promoted);
}

/// Names the attempts of all tasks: changes when any of them is put back.
pub(crate) fn attempts(folded: &Folded) -> String {
    let numbers: Vec<String> = folded.tasks.iter().map(|(_, t)| t.attempt.to_string()).collect();
    numbers.join(".")
}

/// The candidate nightly of the architecture that is judged; a name that is none counts as absent.
pub(crate) fn candidate(folded: &Folded, arch: Arch) -> Option<Build> {
    folded.metadata.candidate_builds.get(arch.rpm())?.parse().ok()
}

/// ART writes release dates as `2026-Apr-22` or `2026-Feb-3`.
pub(crate) fn parse_release_date(text: &str) -> Option<Date> {
    Date::strptime("%Y-%b-%d", text).ok()
}

fn task_fact(folded: &Folded, task: regatta_kit::Task, book: &LookBook, opened_at: Timestamp) -> TaskFact {
    let state = &folded.tasks[task];
    TaskFact {
        status: state.status,
        attempt: state.attempt,
        since: state.moved_at.unwrap_or(opened_at),
        ground: ground(folded, task, state),
        answer: book.answer(task),
    }
}

/// What a status rests on. The latest override of this attempt counts even where it only confirmed a Pass, because it
/// says which evidence was set aside.
fn ground(folded: &Folded, task: regatta_kit::Task, state: &TaskState) -> Option<Ground> {
    let latest = folded.overrides.iter().rev().find(|o| o.task == task && o.attempt == state.attempt);
    match (latest, state.moved_by) {
        (Some(over), _) if over.verdict == state.status => Some(Ground::Person(over.covers.clone())),
        (_, MovedBy::Regatta) => {
            Some(Ground::Evidence(state.evidence.as_ref().map_or_else(String::new, |e| e.digest.clone())))
        }
        (_, MovedBy::Foreign | MovedBy::Override) => Some(Ground::Person(None)),
        (_, MovedBy::Nobody) => None,
    }
}

fn promotion(
    folded: &Folded,
    book: &LookBook,
    opened_at: Timestamp,
) -> Looked<regatta_flow::facts::Promotion> {
    let look = book.look(Subject::Promotion);
    let seen = folded.observed.get(subject::PROMOTION).and_then(|observed| {
        let value = promotion_from_json(&observed.value)?;
        Some(Seen::Known { value, at: observed.at, digest: observed.digest.clone() })
    });
    Looked {
        seen: seen.unwrap_or_else(|| unknown(opened_at)),
        looked_at: look.looked_at,
        trouble: look.trouble,
    }
}

fn build_fact(
    folded: &Folded,
    book: &LookBook,
    name: &str,
    look_at: Subject,
    build: Option<Build>,
    opened_at: Timestamp,
) -> BuildFact {
    let look = book.look(look_at);
    let seen = build.and_then(|build| {
        let observed = folded.observed.get(name)?;
        let value: Standing = standing_from_json(&observed.value, build)?;
        Some(Seen::Known { value, at: observed.at, digest: observed.digest.clone() })
    });
    let seen = seen.unwrap_or_else(|| unknown(opened_at));
    BuildFact { build, file: Looked { seen, looked_at: look.looked_at, trouble: look.trouble } }
}

fn unknown<T>(since: Timestamp) -> Seen<T> {
    Seen::Unknown { why: "not looked at yet".to_owned(), since }
}

fn issue_fact(issue: &IssueState) -> IssueFact {
    let tasks: Vec<_> = issue.tasks().collect();
    let blocker = match (issue.blocker, tasks.is_empty()) {
        (false, _) => Blocker::No,
        // One that names only tasks outside of the flow still has to be resolved before the end.
        (true, true) => Blocker::General,
        (true, false) => Blocker::Tasks(tasks),
    };
    IssueFact {
        text: issue.text.clone(),
        blocker,
        resolved: if issue.resolved { Resolved::Yes } else { Resolved::No },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_dates_come_padded_and_unpadded() {
        assert_eq!(parse_release_date("2026-Apr-22").map(|d| d.to_string()).as_deref(), Some("2026-04-22"));
        assert_eq!(parse_release_date("2026-Feb-3").map(|d| d.to_string()).as_deref(), Some("2026-02-03"));
        assert_eq!(parse_release_date("soon"), None);
    }
}
