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
use crate::rules::Base;

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
    /// Whether others have written since the drive last decided.
    base: Base,
    /// Why an interrupted beginning was not repeated in the last run of a task.
    withheld: Option<String>,
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
        let (base, withheld, told) = (Base::Still, None, Vec::new());
        Self { app, release, state: Mutex::new(State { versioned, next_event, base, withheld, told }) }
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

    /// The version of the state as this session has it.
    pub(crate) fn version(&self) -> String {
        self.lock().versioned.version.clone()
    }

    /// Whether it has this version. A state that is in memory alone has none.
    pub(crate) fn is_at(&self, version: &str) -> bool {
        !version.is_empty() && self.lock().versioned.version == version
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
            if !versioned.version.is_empty() && state.versioned.version == versioned.version {
                return Ok(());
            }
            let writer = Writer(self.app.identity.writer.clone());
            state.next_event = state.next_event.max(versioned.value.next_number(&writer));
            state.versioned = versioned;
        }
        Ok(())
    }

    /// Whether others have written since the drive last decided. Any append finds out, and once found it stays so until
    /// the next decision: an effect made on a decision that others' entries may have overtaken is made on stale facts.
    pub(crate) fn base(&self) -> Base {
        self.lock().base
    }

    /// The drive decides on the state as this session has it now.
    pub(crate) fn decides(&self) {
        let mut state = self.lock();
        (state.base, state.withheld) = (Base::Still, None);
    }

    /// Says why an interrupted beginning is not repeated now.
    pub(crate) fn withhold(&self, why: String) {
        self.lock().withheld = Some(why);
    }

    /// Why an interrupted beginning was not repeated, if that was so since this was last asked.
    pub(crate) fn take_withheld(&self) -> Option<String> {
        self.lock().withheld.take()
    }

    /// The instant that a claim is counted from: now, but not before the last entry, as entries are dated too.
    pub(crate) fn stamp(&self) -> Timestamp {
        let last = self.lock().versioned.value.history().last().map(|event| event.at);
        last.map_or(self.now(), |at| at.max(self.now()))
    }

    /// Appends entries, and with them the messages told meanwhile. Nothing to append is nothing written. What could not be
    /// written may be in the store all the same (a lost answer): ids are not used again, and messages are kept.
    pub(crate) async fn append(&self, drafts: Vec<Draft>) -> Result<(), StoreError> {
        let now = self.now();
        let (base, events, told) = {
            let mut state = self.lock();
            let mut drafts = drafts;
            let told = std::mem::take(&mut state.told);
            drafts.extend(told.iter().map(|message| Body::Queued { message: message.clone() }.into()));
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
            (state.versioned.clone(), events, told)
        };
        let appended = self.app.store.append(self.release, Some(&base), events).await;
        let mut state = self.lock();
        match appended {
            Ok(versioned) => {
                if versioned.base_moved {
                    state.base = Base::Moved;
                }
                state.versioned = versioned;
                Ok(())
            }
            Err(error) => {
                state.told.splice(..0, told);
                Err(error)
            }
        }
    }
}
