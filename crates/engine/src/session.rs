//! One driver's hold on one release: the state as it last saw it, and the only way to append to it.

use jiff::Timestamp;
use regatta_kit::Release;
use regatta_kit::ids::{EventId, Writer};
use regatta_statebox::StateBox;
use regatta_statebox::event::{Body, Event, Message};
use regatta_statebox::fold::Folded;
use regatta_statebox::store::{StoreError, Versioned};
use std::sync::{Mutex, PoisonError};

use crate::app::App;

/// The actor of what the drive does by itself.
pub(crate) const DRIVER: &str = "regatta";

pub(crate) struct Session<'a> {
    pub(crate) app: &'a App,
    pub(crate) release: Release,
    state: Mutex<State>,
}

struct State {
    versioned: Versioned<StateBox>,
    next_event: u64,
    /// Messages told by a task since the last append; they are written with the next one.
    told: Vec<Message>,
}

/// Something to append, before it has id and time.
pub(crate) struct Draft {
    actor: Option<String>,
    reason: Option<String>,
    body: Body,
}

impl From<Body> for Draft {
    fn from(body: Body) -> Self {
        Self { actor: None, reason: None, body }
    }
}

impl Draft {
    /// An entry that a person made.
    pub(crate) fn by(actor: &str, reason: Option<&str>, body: Body) -> Self {
        Self { actor: Some(actor.to_owned()), reason: reason.map(str::to_owned), body }
    }

    /// An entry of the drive with its reason.
    pub(crate) fn because(reason: &str, body: Body) -> Self {
        Self { actor: None, reason: Some(reason.to_owned()), body }
    }
}

impl<'a> Session<'a> {
    pub(crate) fn new(app: &'a App, release: Release, versioned: Versioned<StateBox>) -> Self {
        let next_event = versioned.value.next_number(&Writer(app.identity.writer.clone()));
        Self { app, release, state: Mutex::new(State { versioned, next_event, told: Vec::new() }) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// Looks at the folded state. The closure must be short: it holds the session.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Folded) -> T) -> T {
        look(self.lock().versioned.value.folded())
    }

    pub(crate) fn history(&self) -> Vec<Event> {
        self.lock().versioned.value.history().cloned().collect()
    }

    pub(crate) fn tell(&self, message: Message) {
        let mut state = self.lock();
        let folded = state.versioned.value.folded();
        let known = folded.told.contains_key(&message.key)
            || folded.outbox.iter().chain(&state.told).any(|m| m.key == message.key);
        if !known {
            state.told.push(message);
        }
    }

    /// Reads the state anew: others may have written.
    pub(crate) async fn reload(&self) -> Result<(), StoreError> {
        if let Some(versioned) = self.app.store.load(self.release).await? {
            let mut state = self.lock();
            let writer = Writer(self.app.identity.writer.clone());
            state.next_event = state.next_event.max(versioned.value.next_number(&writer));
            state.versioned = versioned;
        }
        Ok(())
    }

    /// Whether the last append found that others had written since the base.
    pub(crate) fn moved_under(&self) -> bool {
        self.lock().versioned.base_moved
    }

    /// Appends entries, and with them the messages told meanwhile. Nothing to append is nothing written.
    pub(crate) async fn append(&self, drafts: Vec<Draft>) -> Result<(), StoreError> {
        let now = self.now();
        let (base, events) = {
            let mut state = self.lock();
            let mut drafts = drafts;
            drafts.extend(state.told.drain(..).map(|message| Body::Queued { message }.into()));
            if drafts.is_empty() {
                return Ok(());
            }
            let mut number = state.next_event;
            let events: Vec<Event> = drafts
                .into_iter()
                .map(|draft| {
                    let id = EventId(Writer(self.app.identity.writer.clone()), number);
                    number += 1;
                    Event {
                        id,
                        at: now,
                        actor: draft.actor.unwrap_or_else(|| DRIVER.to_owned()),
                        reason: draft.reason,
                        body: draft.body,
                    }
                })
                .collect();
            state.next_event = number;
            (state.versioned.clone(), events)
        };
        let versioned = self.app.store.append(self.release, Some(&base), events).await?;
        self.lock().versioned = versioned;
        Ok(())
    }
}
