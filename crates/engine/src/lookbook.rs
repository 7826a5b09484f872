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
    failing: BTreeMap<String, Failing>,
    /// What result files said, by the subject they were read for.
    said: BTreeMap<&'static str, Said>,
}

/// Failures in a row.
#[derive(Debug, Clone, Copy)]
struct Failing {
    times: usize,
    since: Timestamp,
}

/// The name under which the book counts failures to look at a fact; a task's is its own.
pub(crate) fn book_name(subject: Subject) -> String {
    format!("{subject:?}")
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
        self.failing.remove(&book_name(subject));
        self.looks.insert(subject, Look { looked_at: Some(now), trouble: None });
    }

    pub(crate) fn look_failed(
        &mut self,
        subject: Subject,
        error: &ServiceError,
        every: SignedDuration,
        recorded: Option<Timestamp>,
        now: Timestamp,
    ) {
        let trouble = self.trouble(&book_name(subject), error, every, recorded, now);
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

    /// Whether a failure lasts long enough to be written down, so that its limit outlasts the process: one that the short
    /// retries mend is no entry of the history.
    pub(crate) fn is_worth_a_record(&self, who: &str, error: &ServiceError) -> bool {
        let times = self.failing.get(who).map_or(0, |failing| failing.times);
        error.class() == ErrorClass::NeedsCredentials || times >= RETRY_AFTER.len()
    }

    /// Keeps what a task said: `begun` is when the task came under way, `recorded` since when the wait it names is on
    /// record. Final outcomes leave nothing to keep.
    pub(crate) fn answered(
        &mut self,
        task: Task,
        outcome: &Outcome,
        begun: Timestamp,
        recorded: Option<Timestamp>,
        now: Timestamp,
    ) {
        if !matches!(outcome, Outcome::Transient(_) | Outcome::NeedsCredentials(_)) {
            self.failing.remove(task.name());
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
                since: recorded.unwrap_or(now),
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
                Some(Answer::Trouble(self.trouble(task.name(), error, poll, recorded, now)))
            }
        };
    }

    fn trouble(
        &mut self,
        who: &str,
        error: &ServiceError,
        every: SignedDuration,
        recorded: Option<Timestamp>,
        now: Timestamp,
    ) -> Trouble {
        let failing = self.failing.entry(who.to_owned()).or_insert(Failing { times: 0, since: now });
        failing.times += 1;
        let Failing { times, since } = *failing;
        let (kind, wait) = if error.class() == ErrorClass::NeedsCredentials {
            (TroubleKind::Credentials, PERSON_POLL)
        } else {
            match RETRY_AFTER.get(times - 1) {
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
            since: recorded.map_or(since, |recorded| recorded.min(since)),
            look_again: after(now, wait),
        }
    }
}
