//! What happened to a release: the only thing that is ever appended.
//!
//! Tasks, issues, overrides, the Sheet and every message are folds or projections of these events.

use jiff::Timestamp;
use regatta_kit::ids::EventId;
use regatta_kit::{Status, Task};
use serde::{Deserialize, Serialize};

use crate::document::Metadata;

/// One entry of the history. Never changed once written; a correction is a new entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Writer and number: unique, so that two histories merge by union.
    pub id: EventId,
    /// When it happened, by the writer's clock, UTC.
    pub at: Timestamp,
    /// Who: `user@host`, `REGATTA_ACTOR`, or `regatta` for the driver itself.
    pub actor: String,
    /// Why, for what a person decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

impl Event {
    /// The order of every history: by time, then id. A union of histories folds the same in whatever order it came.
    pub(crate) fn order(&self) -> (Timestamp, &EventId) {
        (self.at, &self.id)
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// The release was taken up.
    Opened {
        /// Production's metadata, from the release data.
        metadata: Metadata,
    },
    /// The release data changed; the metadata was filled anew.
    Refreshed {
        /// The metadata as it now is.
        metadata: Metadata,
    },
    /// A fact changed. Looks that find the same as before are no events.
    Observed {
        /// Which fact: `promotion`, `candidate`, `promoted`, `trouble:TASK`, `owner`, …
        subject: String,
        /// The fact's new value, in the words of the crate that reads it back.
        value: serde_json::Value,
        /// Names the evidence: equal digests mean nothing changed.
        digest: String,
    },
    /// A task went from one status to another.
    TaskMoved {
        /// The task.
        task: Task,
        /// Status before.
        from: Status,
        /// Status after.
        to: Status,
        /// 1 for the first attempt; a retry or reset begins the next.
        attempt: u32,
        /// What the move rests on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
        /// The text that people read in the StateBox's `result`; `None` leaves the old one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<String>,
    },
    /// An effect is about to be made. Written before it is made.
    Intended {
        /// Which effect.
        key: EffectKey,
        /// How high the remote had counted just before.
        mark: Mark,
    },
    /// A driver claims the release until an instant. Written with an intent; a claim made while another holder's
    /// stands is void, so that of two drivers exactly one holds it whatever the order of their writes.
    Leased {
        /// The process that drives: unique, and telling to people.
        holder: String,
        /// Until when; an instant not after the event's own gives the lease back.
        until: Timestamp,
    },
    /// The effect was made; this is how to find it again.
    Triggered {
        /// Which effect.
        key: EffectKey,
        /// Where it is.
        handle: Handle,
    },
    /// A person was asked.
    Asked {
        /// The question.
        question: QuestionRecord,
    },
    /// A question is open no more, because what it asked about changed or was answered.
    Closed {
        /// The question's key.
        question: String,
        /// How it was answered, in words.
        how: String,
    },
    /// A person decided in place of the evidence.
    Overridden {
        /// The task decided.
        task: Task,
        /// `Pass` or `Fail`.
        verdict: Status,
        /// The person's role: `operator`, `lead`.
        role: String,
        /// Where the decision's ground can be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<String>,
        /// Digest of the evidence the person saw and set aside, where there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        covers: Option<String>,
    },
    /// An issue was added or resolved.
    Issue(IssueChange),
    /// A message waits to be told.
    Queued {
        /// The message.
        message: Message,
    },
    /// A message was told, or given up for the reason stated.
    Told {
        /// The message's key.
        key: String,
        /// Where it can be found; `None` when it was given up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handle: Option<Handle>,
    },
    /// Somebody else edited the document. What differed is taken over and marked as foreign.
    Imported {
        /// `{path: new value}` of what differed; texts that already stand are not repeated.
        difference: serde_json::Value,
    },
}

/// What a task's status rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// One line for people.
    pub summary: String,
    /// Names the evidence; empty where there is nothing that could change.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Where it can be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

/// Names an effect on the outside for ever, such as `trigger:stage-testing` or `push:12345`.
///
/// A second attempt at the same effect carries its attempt: `trigger:stage-testing#2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectKey(pub String);

impl EffectKey {
    /// The key of one attempt; the first attempt's is the plain name.
    #[must_use]
    pub fn attempt(name: &str, attempt: u32) -> Self {
        Self(if attempt <= 1 { name.to_owned() } else { format!("{name}#{attempt}") })
    }
}

impl std::fmt::Display for EffectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A remote's high-water mark before a trigger: a build number, queue id, note id, or a state's value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(pub String);

/// How to find an effect again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Handle {
    /// What it is: `jenkins-build`, `jenkins-queue`, `prow-job`, `note`, `slack-message`, `state`, …
    pub kind: String,
    /// Its identity at the remote.
    pub id: String,
    /// Where a person can look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A question as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionRecord {
    /// Unique for task, kind and evidence.
    pub key: String,
    /// The task it is about.
    pub task: Task,
    /// The question in one sentence.
    pub text: String,
    /// What may be answered.
    pub options: Vec<String>,
    /// Where to look before answering.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// A change to the issue list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum IssueChange {
    /// A new issue.
    Added {
        /// What is wrong; at most 1,000 characters.
        text: String,
        /// Whether it stops something.
        blocker: bool,
        /// The tasks it names; empty for a general one.
        tasks: Vec<Task>,
    },
    /// An issue was resolved.
    Resolved {
        /// The issue's text, exactly.
        text: String,
        /// How.
        resolution: String,
    },
}

/// A message for people, on its way through the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Unique: a key is told once.
    pub key: String,
    /// To whom.
    pub to: Audience,
    /// The text, plain.
    pub text: String,
}

/// To whom a message goes (reference: Slack, channels and mentions by event).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The release's owner, by direct mention in the release channel.
    Owner,
    /// The QE release channel, mentioning the y-stream's group.
    ReleaseChannel,
    /// Owner and channel in one message.
    OwnerAndChannel,
    /// The ART channel.
    Art,
}
