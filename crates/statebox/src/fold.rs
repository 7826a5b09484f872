//! What a history comes to: the state after the last event, computed and never stored as truth.
//!
//! The fold is a function of the set of events. It takes them in one order, (time, id), so that two histories united
//! in any order come to the same. A move that came late, behind a newer state, changes nothing: a final status is
//! never overwritten by a stale running one.

use indexmap::IndexMap;
use jiff::Timestamp;
use regatta_kit::ids::{EventId, Writer};
use regatta_kit::{Status, Task, TaskMap};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::Metadata;
use crate::event::{Body, EffectKey, Event, Evidence, Handle, IssueChange, Mark, Message, QuestionRecord};
use crate::foreign;

/// Who brought a task to where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MovedBy {
    /// Nobody: it was never moved.
    #[default]
    Nobody,
    /// An entry of Regatta's own.
    Regatta,
    /// A person's override.
    Override,
    /// An edit of the document by somebody else.
    Foreign,
}

/// A task as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskState {
    /// The status.
    pub status: Status,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When this attempt began.
    pub started_at: Option<Timestamp>,
    /// When this attempt ended.
    pub completed_at: Option<Timestamp>,
    /// The text that people read; masked.
    pub result: Option<String>,
    /// What the status rests on.
    pub evidence: Option<Evidence>,
    /// When the task came to this status.
    pub moved_at: Option<Timestamp>,
    /// Who brought it there.
    pub moved_by: MovedBy,
    /// Digest of an imported text that stands in the document only.
    pub(crate) result_digest: Option<String>,
}

impl Default for TaskState {
    fn default() -> Self {
        Self {
            status: Status::NotStarted,
            attempt: 1,
            started_at: None,
            completed_at: None,
            result: None,
            evidence: None,
            moved_at: None,
            moved_by: MovedBy::Nobody,
            result_digest: None,
        }
    }
}

/// An issue as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueState {
    /// What is wrong; masked.
    pub text: String,
    /// When it was reported.
    pub reported_at: Option<Timestamp>,
    /// Whether it is resolved.
    pub resolved: bool,
    /// How it was resolved; masked.
    pub resolution: Option<String>,
    /// Whether it stops something.
    pub blocker: bool,
    /// The tasks it names, as written; empty for a general one.
    pub related_tasks: Vec<String>,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// Names the issue through later edits: digest of text and time of report.
    pub(crate) id: String,
}

impl IssueState {
    /// The related tasks that are tasks of the flow.
    pub fn tasks(&self) -> impl Iterator<Item = Task> {
        self.related_tasks.iter().filter_map(|name| name.parse().ok())
    }

    /// Whether it stops something now.
    #[must_use]
    pub const fn open_blocker(&self) -> bool {
        self.blocker && !self.resolved
    }

    pub(crate) fn identity(text: &str, reported_at: Option<Timestamp>) -> String {
        // FNV-1a over text and second: no secret depends on it, and it is made for every issue at every change.
        let time = reported_at.map_or(0, Timestamp::as_second).to_le_bytes();
        let hash = text.trim().bytes().chain(time).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        format!("{hash:016x}")
    }
}

/// An effect announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The remote's high-water mark before the first trigger.
    pub mark: Mark,
    /// When it was first announced.
    pub at: Timestamp,
    /// When it was last announced: every trigger is, so no request for it was sent long after.
    #[serde(skip)]
    pub last: Timestamp,
    /// The task that was brought under way by the entry written with it, where it was a task's first effect.
    #[serde(skip)]
    pub begins: Option<Task>,
}

/// A person's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideState {
    /// The task decided.
    pub task: Task,
    /// `Pass` or `Fail`.
    pub verdict: Status,
    /// Who.
    pub who: String,
    /// In which role.
    pub role: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the ground can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Digest of the evidence set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<String>,
    /// The task's attempt it was given for; a later attempt is not covered.
    pub attempt: u32,
}

/// A fact as last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The value, in the words of the crate that reads it back.
    pub value: Value,
    /// Names the evidence.
    pub digest: String,
    /// When this value was first seen.
    pub at: Timestamp,
    /// Who saw it.
    pub by: String,
}

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenQuestion {
    /// The question.
    pub question: QuestionRecord,
    /// When it was first asked.
    pub asked_at: Timestamp,
}

/// A driver's claim on the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The process that drives.
    pub holder: String,
    /// Until when.
    pub until: Timestamp,
}

impl Lease {
    /// What becomes of a claim when another entry about the lease comes, dated `at`.
    ///
    /// A claim made while another holder's stands is void, whatever the order of the writes; so is giving back what is
    /// another's. An instant not after the entry's own gives the lease back.
    #[must_use]
    pub fn after(standing: Option<Self>, at: Timestamp, holder: &str, until: Timestamp) -> Option<Self> {
        match standing {
            Some(lease) if lease.holder != holder && lease.until > at => Some(lease),
            _ => (until > at).then(|| Self { holder: holder.to_owned(), until }),
        }
    }
}

/// A move that came too late to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleMove {
    /// The entry.
    pub id: EventId,
    /// The task.
    pub task: Task,
    /// Where the task stood already.
    pub stood: Status,
    /// Where the entry would have moved it.
    pub to: Status,
}

/// The state a history comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folded {
    /// When the release was taken up; `None` when only others wrote so far.
    pub opened_at: Option<Timestamp>,
    /// Production's metadata, as last filled.
    pub metadata: Metadata,
    /// The ten tasks.
    pub tasks: TaskMap<TaskState>,
    /// The issues, in order of report.
    pub issues: Vec<IssueState>,
    /// Effects announced, by key. An intent without a handle was interrupted.
    pub intents: IndexMap<EffectKey, Intent>,
    /// Effects made, by key.
    pub handles: IndexMap<EffectKey, Handle>,
    /// Persons' decisions, oldest first.
    pub overrides: Vec<OverrideState>,
    /// Facts as last seen, by subject.
    pub observed: IndexMap<String, Observed>,
    /// Questions that wait.
    pub open_questions: Vec<OpenQuestion>,
    /// Messages that wait to be told, in order.
    pub outbox: Vec<Message>,
    /// Messages told, by key; without a handle they were given up.
    pub told: IndexMap<String, Option<Handle>>,
    /// The last valid claim; it may have run out.
    pub lease: Option<Lease>,
    /// Moves that came too late to count.
    pub stale: Vec<StaleMove>,
    /// Who just brought a task under way and has written nothing since but claims: the intent that follows begins it.
    begun: Option<(Writer, Task)>,
}

impl Folded {
    /// Folds a set of events, in whatever order they come.
    #[must_use]
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut events: Vec<&Event> = events.into_iter().collect();
        events.sort_by(|a, b| a.order().cmp(&b.order()));
        events.dedup_by(|a, b| a.id == b.id);
        let mut folded = Self::default();
        for event in events {
            folded.step(event);
        }
        folded
    }

    /// Takes one more event, which must not precede any taken before.
    pub(crate) fn step(&mut self, event: &Event) {
        let at = event.at;
        match &event.body {
            Body::Opened { metadata } => {
                self.opened_at.get_or_insert(at);
                self.metadata = metadata.clone();
            }
            Body::Refreshed { metadata } => self.metadata = metadata.clone(),
            Body::Observed { subject, value, digest } => self.observe(event, subject, value, digest),
            Body::TaskMoved { .. } => self.move_task(event),
            Body::Intended { key, mark } => self.intend(event, key, mark),
            Body::Leased { holder, until } => {
                self.lease = Lease::after(self.lease.take(), at, holder, *until);
            }
            Body::Triggered { key, handle } => {
                self.handles.insert(key.clone(), handle.clone());
            }
            Body::Asked { question } => {
                if !self.open_questions.iter().any(|open| open.question.key == question.key) {
                    self.open_questions.push(OpenQuestion { question: question.clone(), asked_at: at });
                }
            }
            Body::Closed { question, .. } => {
                self.open_questions.retain(|open| open.question.key != *question)
            }
            Body::Overridden { task, verdict, role, evidence, covers } if stage(*verdict) == 2 => {
                let state = &mut self.tasks[*task];
                finish(state, *verdict, at);
                state.moved_by = MovedBy::Override;
                // Whoever reads the document alone sees that a person decided, and why.
                let reason = event.reason.as_deref().unwrap_or("no reason given");
                let ground = evidence.as_ref().map_or_else(String::new, |url| format!(", see {url}"));
                state.result =
                    Some(format!("{verdict} by override of {} ({role}): {reason}{ground}", event.actor));
                state.result_digest = None;
                self.overrides.push(OverrideState {
                    task: *task,
                    verdict: *verdict,
                    who: event.actor.clone(),
                    role: role.clone(),
                    at,
                    reason: event.reason.clone(),
                    evidence: evidence.clone(),
                    covers: covers.clone(),
                    attempt: state.attempt,
                });
            }
            // An override to anything but Pass or Fail decides nothing; the check reports it.
            Body::Overridden { .. } => {}
            Body::Issue(change) => self.change_issue(at, change),
            Body::Queued { message } => {
                let known =
                    self.told.contains_key(&message.key) || self.outbox.iter().any(|m| m.key == message.key);
                if !known {
                    self.outbox.push(message.clone());
                }
            }
            Body::Told { key, handle } => {
                self.outbox.retain(|message| message.key != *key);
                let told = self.told.entry(key.clone()).or_default();
                if told.is_none() {
                    told.clone_from(handle);
                }
            }
            Body::Imported { difference } => foreign::take_over(self, at, difference),
        }
        let goes_on = matches!(event.body, Body::TaskMoved { .. } | Body::Leased { .. });
        if !goes_on && self.begun.as_ref().is_some_and(|(by, _)| *by == event.id.0) {
            self.begun = None;
        }
    }

    fn observe(&mut self, event: &Event, subject: &str, value: &Value, digest: &str) {
        let same =
            self.observed.get(subject).is_some_and(|seen| seen.digest == digest && seen.value == *value);
        if !same {
            let seen = Observed {
                value: value.clone(),
                digest: digest.to_owned(),
                at: event.at,
                by: event.actor.clone(),
            };
            self.observed.insert(subject.to_owned(), seen);
        }
    }

    /// Of two drivers that announced the same effect the first mark stands: what either made is above it.
    fn intend(&mut self, event: &Event, key: &EffectKey, mark: &Mark) {
        let begins = self.begun.as_ref().filter(|(by, _)| *by == event.id.0).map(|(_, task)| *task);
        let fresh = Intent { mark: mark.clone(), at: event.at, last: event.at, begins };
        self.intents.entry(key.clone()).or_insert(fresh).last = event.at;
    }

    fn move_task(&mut self, event: &Event) {
        let Body::TaskMoved { task, to, attempt, evidence, result, .. } = &event.body else { return };
        let (at, state) = (event.at, &mut self.tasks[*task]);
        let attempt = (*attempt).max(1);
        let newer = attempt > state.attempt;
        let same = attempt == state.attempt && *to == state.status;
        let forward = attempt == state.attempt && stage(*to) > stage(state.status);
        if !(newer || same || forward) {
            let stale = StaleMove { id: event.id.clone(), task: *task, stood: state.status, to: *to };
            self.stale.push(stale);
            return;
        }
        if newer {
            state.attempt = attempt;
            state.started_at = None;
            state.completed_at = None;
            state.evidence = None;
        }
        if !same {
            match to {
                Status::NotStarted => {
                    state.status = *to;
                    state.moved_at = Some(at);
                }
                Status::InProgress => {
                    state.status = *to;
                    state.moved_at = Some(at);
                    state.started_at = Some(at);
                    state.completed_at = None;
                    self.begun = Some((event.id.0.clone(), *task));
                }
                Status::Pass | Status::Fail => finish(state, *to, at),
            }
            state.moved_by = MovedBy::Regatta;
        }
        if evidence.is_some() {
            state.evidence.clone_from(evidence);
        }
        if result.is_some() {
            state.result.clone_from(result);
            state.result_digest = None;
        }
    }

    fn change_issue(&mut self, at: Timestamp, change: &IssueChange) {
        match change {
            IssueChange::Added { text, blocker, tasks } => {
                let normal = |text: &str| text.trim().to_lowercase();
                let names = tasks.iter().map(ToString::to_string);
                let open = self.issues.iter_mut().find(|i| !i.resolved && normal(&i.text) == normal(text));
                if let Some(issue) = open {
                    // Reported again while open: the entry stands, what the new report adds is taken over.
                    issue.blocker |= blocker;
                    let fresh: Vec<String> =
                        names.filter(|name| !issue.related_tasks.contains(name)).collect();
                    if !issue.related_tasks.is_empty() {
                        issue.related_tasks.extend(fresh);
                    }
                    return;
                }
                self.issues.push(IssueState {
                    id: IssueState::identity(text, Some(at)),
                    text: text.clone(),
                    reported_at: Some(at),
                    resolved: false,
                    resolution: None,
                    blocker: *blocker,
                    related_tasks: names.collect(),
                    resolved_at: None,
                });
            }
            IssueChange::Resolved { text, resolution } => {
                if let Some(issue) =
                    self.issues.iter_mut().find(|i| !i.resolved && i.text.trim() == text.trim())
                {
                    issue.resolved = true;
                    issue.resolution = Some(resolution.clone());
                    issue.resolved_at = Some(at);
                }
            }
        }
    }
}

/// Ends a task's attempt; one that never began is taken to have begun then.
fn finish(state: &mut TaskState, verdict: Status, at: Timestamp) {
    state.status = verdict;
    state.moved_at = Some(at);
    state.started_at.get_or_insert(at);
    state.completed_at = Some(at);
}

/// How far along a status is within one attempt.
pub(crate) const fn stage(status: Status) -> u8 {
    match status {
        Status::NotStarted => 0,
        Status::InProgress => 1,
        Status::Pass | Status::Fail => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(writer: &str, number: u64, second: i64, body: Body) -> Event {
        let id = EventId(Writer(writer.to_owned()), number);
        let at = Timestamp::from_second(second).unwrap();
        Event { id, at, actor: writer.to_owned(), reason: None, body }
    }

    fn intended(key: &str, mark: &str) -> Body {
        Body::Intended { key: EffectKey(key.to_owned()), mark: Mark(mark.to_owned()) }
    }

    fn leased(holder: &str, until: i64) -> Body {
        Body::Leased { holder: holder.to_owned(), until: Timestamp::from_second(until).unwrap() }
    }

    fn begun(task: Task) -> Body {
        let (from, to) = (Status::NotStarted, Status::InProgress);
        Body::TaskMoved { task, from, to, attempt: 1, evidence: None, result: None }
    }

    #[test]
    fn of_two_that_announce_at_once_one_holds_and_the_first_mark_stands() {
        let entries = [
            event("a", 1, 10, leased("a", 3600)),
            event("a", 2, 10, intended("push:1", "41")),
            event("b", 1, 11, leased("b", 3600)),
            event("b", 2, 11, intended("push:1", "42")),
            // Giving back what is another's changes nothing either.
            event("b", 3, 12, leased("b", 12)),
        ];
        let folded = Folded::of(&entries);
        assert_eq!(folded.lease.unwrap().holder, "a");
        let intent = &folded.intents[&EffectKey("push:1".to_owned())];
        assert_eq!((intent.mark.0.as_str(), intent.at.as_second(), intent.last.as_second()), ("41", 10, 11));
    }

    #[test]
    fn an_intent_written_with_a_beginning_begins_that_task_and_no_later_one_does() {
        let task = Task::PushToCdnStaging;
        let entries = [
            event("a", 1, 10, begun(task)),
            event("a", 2, 10, leased("dead", 10)),
            event("a", 3, 10, leased("a", 3600)),
            event("b", 1, 10, leased("b", 3600)),
            event("a", 4, 10, intended("push:1", "41")),
            event("a", 5, 11, intended("push:2", "41")),
        ];
        let folded = Folded::of(&entries);
        let begins = |key: &str| folded.intents[&EffectKey(key.to_owned())].begins;
        assert_eq!((begins("push:1"), begins("push:2")), (Some(task), None));
    }
}
