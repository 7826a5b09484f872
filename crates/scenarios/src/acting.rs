//! Who acts just now: so that every call and every persist is known to be of a task, or of what goes on around tasks.

use regatta_flow::table::{Kind, row};
use regatta_kit::{BoxFuture, Task};
use regatta_statebox::event::{Body, EffectKey, Event};
use regatta_tasks::context::Context;
use regatta_tasks::effects::Early;
use regatta_tasks::outcome::Outcome;
use regatta_tasks::runner::Runner;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Whose doing something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The release is taken up, or its metadata is read again.
    TakingUp,
    /// A look at the facts.
    Looking,
    /// A task, be it running or being recorded.
    Task(Task),
    /// Messages, questions, the Sheet.
    Outbox,
    /// The lease alone.
    Lease,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakingUp => f.pad("(taking up)"),
            Self::Looking => f.pad("(looking)"),
            Self::Task(task) => f.pad(task.name()),
            Self::Outbox => f.pad("(outbox)"),
            Self::Lease => f.pad("(lease)"),
        }
    }
}

/// Whether a task is done by a runner, and so touches the outside; the analyses are judged by facts alone.
#[must_use]
pub fn acts_outside(task: Task) -> bool {
    row(task).kind != Kind::Analysis
}

/// The task that runs in one process, if one does.
#[derive(Debug, Default)]
pub struct Acting(Mutex<Option<Task>>);

impl Acting {
    fn set(&self, task: Option<Task>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = task;
    }

    fn now(&self) -> Option<Task> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose call to this host it is.
    #[must_use]
    pub fn caller(&self, host: &str) -> Part {
        match (self.now(), host.split('.').next().unwrap_or_default()) {
            (Some(task), _) => Part::Task(task),
            (None, "slack" | "sheets" | "google-token") => Part::Outbox,
            (None, "raw") => Part::TakingUp,
            (None, _) => Part::Looking,
        }
    }

    /// Whose entries these are: the running task's, or else the first that their kinds tell.
    #[must_use]
    pub fn writer(&self, events: &[Event]) -> Part {
        let told = || events.iter().filter_map(|event| part_of(&event.body)).min_by_key(|part| rank(*part));
        self.now().map(Part::Task).or_else(told).unwrap_or(Part::Looking)
    }
}

/// A task's move tells most, a lease least.
const fn rank(part: Part) -> u8 {
    match part {
        Part::Task(_) => 0,
        Part::TakingUp => 1,
        Part::Outbox => 2,
        Part::Looking => 3,
        Part::Lease => 4,
    }
}

fn part_of(body: &Body) -> Option<Part> {
    let of_key = |key: &EffectKey| key.0.starts_with("slack:").then_some(Part::Outbox);
    match body {
        Body::TaskMoved { task, .. } | Body::Overridden { task, .. } => Some(Part::Task(*task)),
        Body::Opened { .. } | Body::Refreshed { .. } | Body::Imported { .. } => Some(Part::TakingUp),
        Body::Observed { subject, .. } => {
            let waits = subject.strip_prefix("wait:").and_then(|who| who.parse().ok()).map(Part::Task);
            waits.or(match subject.as_str() {
                "sheet" | "critical-issues" => Some(Part::Outbox),
                _ => Some(Part::Looking),
            })
        }
        Body::Intended { key, .. } | Body::Triggered { key, .. } => of_key(key),
        Body::Leased { .. } => Some(Part::Lease),
        Body::Asked { .. } | Body::Closed { .. } | Body::Queued { .. } | Body::Told { .. } => {
            Some(Part::Outbox)
        }
        Body::Issue(_) => None,
    }
}

/// Says which task runs, and lets another runner run it.
pub struct Announcing {
    inner: Arc<dyn Runner>,
    acting: Arc<Acting>,
}

impl Announcing {
    /// Over another runner.
    #[must_use]
    pub fn new(inner: Arc<dyn Runner>, acting: Arc<Acting>) -> Self {
        Self { inner, acting }
    }
}

impl Runner for Announcing {
    fn run<'a>(&'a self, task: Task, context: &'a Context<'a>) -> BoxFuture<'a, Result<Outcome, Early>> {
        Box::pin(async move {
            self.acting.set(Some(task));
            let result = self.inner.run(task, context).await;
            self.acting.set(None);
            result
        })
    }
}
