//! What this driver has looked at and been told since it started.
//!
//! Polls are no events: the book is not kept in the state. A driver that starts anew begins with an empty book and so
//! looks at everything at once, which is what a person who runs the command again expects.

use jiff::{SignedDuration, Timestamp};
use regatta_flow::decide::Subject;
use regatta_flow::facts::{Answer, Trouble, TroubleKind, after};
use regatta_flow::table::row;
use regatta_kit::{Build, ErrorClass, Task, TaskMap};
use regatta_services::error::ServiceError;
use regatta_tasks::outcome::Outcome;
use serde_json::Value;
use std::collections::BTreeMap;

/// Waits before the retries of a transient failure (specification, error handling): 1, 2 and 4 minutes.
pub(crate) const RETRY_AFTER: [SignedDuration; 3] =
    [SignedDuration::from_mins(1), SignedDuration::from_mins(2), SignedDuration::from_mins(4)];

/// How soon a missing credential or an unanswered question is looked at again.
const PERSON_POLL: SignedDuration = SignedDuration::from_mins(10);

#[derive(Debug, Default)]
pub(crate) struct LookBook {
    looks: BTreeMap<Subject, Look>,
    answers: TaskMap<Option<Answer>>,
    /// Failures in a row, by who looked.
    failures: BTreeMap<String, usize>,
    /// What result files said, by the subject they were read for.
    said: BTreeMap<&'static str, Said>,
}

/// What one version of a result file says.
#[derive(Debug)]
struct Said {
    build: Build,
    sha: String,
    value: Value,
    digest: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    pub(crate) looked_at: Option<Timestamp>,
    pub(crate) trouble: Option<Trouble>,
}

impl LookBook {
    pub(crate) fn look(&self, subject: Subject) -> Look {
        self.looks.get(&subject).cloned().unwrap_or_default()
    }

    /// What this version of a build's result file said, where it was read before: its value and digest.
    pub(crate) fn said_before(&self, name: &str, build: Build, sha: &str) -> Option<(Value, String)> {
        let said = self.said.get(name).filter(|said| said.build == build && said.sha == sha)?;
        Some((said.value.clone(), said.digest.clone()))
    }

    /// Keeps what this version says.
    pub(crate) fn said(
        &mut self,
        name: &'static str,
        build: Build,
        sha: String,
        (value, digest): (Value, String),
    ) {
        self.said.insert(name, Said { build, sha, value, digest });
    }

    pub(crate) fn looked(&mut self, subject: Subject, now: Timestamp) {
        self.failures.remove(&format!("{subject:?}"));
        self.looks.insert(subject, Look { looked_at: Some(now), trouble: None });
    }

    pub(crate) fn look_failed(
        &mut self,
        subject: Subject,
        error: &ServiceError,
        every: SignedDuration,
        since: Timestamp,
        now: Timestamp,
    ) {
        let trouble = self.trouble(&format!("{subject:?}"), error, every, since, now);
        let looked_at = self.look(subject).looked_at;
        self.looks.insert(subject, Look { looked_at, trouble: Some(trouble) });
    }

    /// Forgets when things were looked at, so that all of them are looked at afresh; what fails keeps its time.
    pub(crate) fn forget_looks(&mut self) {
        self.looks.retain(|_, look| look.trouble.is_some());
        for task in Task::ALL {
            if !matches!(self.answers[task], Some(Answer::Trouble(_))) {
                self.answers[task] = None;
            }
        }
    }

    pub(crate) fn answer(&self, task: Task) -> Option<Answer> {
        self.answers[task].clone()
    }

    /// Keeps what a task said: `begun` is when the task came under way, `waits_since` when the wait it names began.
    /// Final outcomes leave nothing to keep.
    pub(crate) fn answered(
        &mut self,
        task: Task,
        outcome: &Outcome,
        begun: Timestamp,
        waits_since: Timestamp,
        now: Timestamp,
    ) {
        if !matches!(outcome, Outcome::Transient(_) | Outcome::NeedsCredentials(_)) {
            self.failures.remove(task.name());
        }
        let poll = row(task).poll.from;
        self.answers[task] = match outcome {
            Outcome::Passed(_) | Outcome::Failed(..) | Outcome::AlreadyDone(_) => None,
            Outcome::Running(handle, check_after) => Some(Answer::Running {
                what: handle.url.clone().unwrap_or_else(|| format!("{} {}", handle.kind, handle.id)),
                since: begun,
                look_again: after(now, *check_after),
            }),
            Outcome::Blocked(precondition, check_after) => Some(Answer::Blocked {
                name: precondition.name.to_owned(),
                why: precondition.why.clone(),
                since: waits_since,
                look_again: after(now, *check_after),
            }),
            Outcome::Scheduled { what, look_again } => {
                Some(Answer::Scheduled { what: what.clone(), since: begun, look_again: *look_again })
            }
            Outcome::NeedsPerson(question) => Some(Answer::Asks {
                name: question.name.to_owned(),
                text: question.text.clone(),
                options: question.options.clone(),
                evidence: question.evidence.clone(),
                look_again: after(now, PERSON_POLL),
            }),
            Outcome::NeedsCredentials(error) | Outcome::Transient(error) => {
                Some(Answer::Trouble(self.trouble(task.name(), error, poll, waits_since, now)))
            }
        };
    }

    fn trouble(
        &mut self,
        who: &str,
        error: &ServiceError,
        every: SignedDuration,
        since: Timestamp,
        now: Timestamp,
    ) -> Trouble {
        let failures = self.failures.entry(who.to_owned()).or_default();
        *failures += 1;
        let (kind, wait) = if error.class() == ErrorClass::NeedsCredentials {
            (TroubleKind::Credentials, PERSON_POLL)
        } else {
            match RETRY_AFTER.get(*failures - 1) {
                Some(wait) => {
                    let asked = error.retry_after().and_then(|d| SignedDuration::try_from(d).ok());
                    (TroubleKind::Retrying, asked.map_or(*wait, |asked| asked.max(*wait)))
                }
                None => (TroubleKind::Unavailable, every),
            }
        };
        Trouble {
            kind,
            service: error.service.to_owned(),
            why: format!("{error} [{}]", error.code()),
            since,
            look_again: after(now, wait),
        }
    }
}
