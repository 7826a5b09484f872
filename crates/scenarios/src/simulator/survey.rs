//! The survey of a voyage that came home: what must be true however much went wrong.

use regatta_flow::transition::{Cause, check};
use regatta_kit::ids::EventId;
use regatta_kit::{BoxFuture, Release, Status, Task};
use regatta_statebox::StateBox;
use regatta_statebox::event::{Body, Event};
use regatta_statebox::fold::Folded;
use regatta_statebox::store::{Store, StoreError, Versioned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::story::{StoreOf, Story};

/// What the store said it had written: that must never be lost.
#[derive(Default)]
pub(super) struct Acknowledged {
    written: Mutex<BTreeSet<EventId>>,
    entries: AtomicU64,
}

impl Acknowledged {
    /// The same way to a store, with everything it acknowledges noted here.
    pub(super) fn around(self: &Arc<Self>, store: StoreOf) -> StoreOf {
        let ledger = Arc::clone(self);
        Arc::new(move |services, clock| {
            Arc::new(Noting { inner: store(services, clock), ledger: Arc::clone(&ledger) })
        })
    }

    /// Entries of the history when it was surveyed.
    pub(super) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    fn lost(&self, state: &StateBox) -> Vec<String> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let there: BTreeSet<&EventId> = state.history().map(|event| &event.id).collect();
        written.iter().filter(|id| !there.contains(id)).map(|id| format!("lost: entry {id}")).collect()
    }
}

/// What is stored, in calm weather: the survey is no part of the voyage.
async fn state(story: &Story) -> Result<StateBox, String> {
    story.clock().world().faults().calm();
    match story.reader().load(story.release).await {
        Ok(Some(versioned)) => Ok(versioned.value),
        Ok(None) => Err("no state is stored".to_owned()),
        Err(error) => Err(format!("the state cannot be read: {error}")),
    }
}

/// A store whose words are noted.
struct Noting {
    inner: Arc<dyn Store>,
    ledger: Arc<Acknowledged>,
}

impl Store for Noting {
    fn load<'a>(
        &'a self,
        release: Release,
    ) -> BoxFuture<'a, Result<Option<Versioned<StateBox>>, StoreError>> {
        self.inner.load(release)
    }

    fn releases<'a>(&'a self) -> BoxFuture<'a, Result<Vec<Release>, StoreError>> {
        self.inner.releases()
    }

    fn append<'a>(
        &'a self,
        release: Release,
        base: Option<&'a Versioned<StateBox>>,
        events: Vec<Event>,
    ) -> BoxFuture<'a, Result<Versioned<StateBox>, StoreError>> {
        Box::pin(async move {
            let ids: Vec<EventId> = events.iter().map(|event| event.id.clone()).collect();
            let written = self.inner.append(release, base, events).await?;
            self.ledger.written.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
            Ok(written)
        })
    }

    fn world<'a>(&'a self) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        self.inner.world()
    }

    fn stamp<'a>(&'a self, world: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.stamp(world)
    }
}

/// Everything that is not as it should be.
pub(super) async fn faults(story: &Story, ledger: &Acknowledged) -> Vec<String> {
    let state = match state(story).await {
        Ok(state) => state,
        Err(why) => return vec![why],
    };
    let history: Vec<Event> = state.history().cloned().collect();
    ledger.entries.store(history.len() as u64, Ordering::Relaxed);
    let effects = story.effects();
    let mut faults = ledger.lost(&state);
    faults.extend(story.repeated().into_iter().map(|key| format!("not once: {key}")));
    faults.extend(unfinished(state.folded()));
    faults.extend(missing(&effects, story));
    faults.extend(untold(state.folded(), &effects));
    faults.extend(open_ends(state.folded()));
    faults.extend(illegal(&history, state.folded()));
    faults
}

fn unfinished(folded: &Folded) -> Vec<String> {
    let mut faults: Vec<String> = Task::ALL
        .into_iter()
        .filter(|task| folded.tasks[*task].status != Status::Pass)
        .map(|task| format!("{task} is {}", folded.tasks[task].status))
        .collect();
    let red = folded.issues.iter().any(|issue| issue.blocker && !issue.resolved);
    if red {
        faults.push("overall is Red".to_owned());
    }
    faults
}

/// What every release asks of the world.
fn missing(effects: &BTreeMap<String, u64>, story: &Story) -> Vec<String> {
    let scenario = story.clock().world().scenario();
    let mut wanted = vec!["trigger:stage-testing", "trigger:image-consistency-check", "approve:shipment-mr"]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    for id in scenario.advisories.values() {
        wanted.push(format!("push:{id}"));
        wanted.push(format!("advisory-state:{id}:REL_PREP"));
    }
    wanted.retain(|key| effects.get(key) != Some(&1));
    wanted.into_iter().map(|key| format!("not made: {key}")).collect()
}

/// Every message that was told stands in its channel, and none waits.
fn untold(folded: &Folded, effects: &BTreeMap<String, u64>) -> Vec<String> {
    let waits = folded.outbox.iter().map(|message| format!("untold: {}", message.key));
    let silent = folded.told.iter().filter(|(key, _)| effects.get(&format!("slack:{key}")) != Some(&1));
    waits.chain(silent.map(|(key, _)| format!("told, and not in the channel: {key}"))).collect()
}

/// Every intent has its handle.
fn open_ends(folded: &Folded) -> Vec<String> {
    let open = folded.intents.keys().filter(|key| !folded.handles.contains_key(*key));
    open.map(|key| format!("an intent without a handle: {key}")).collect()
}

/// Every move of a task is one that the table allows, and time never goes backward. Of two drivers that write the same
/// move before one sees the other's, the later counts for nothing.
fn illegal(history: &[Event], folded: &Folded) -> Vec<String> {
    let mut faults = Vec::new();
    let mut stands: BTreeMap<Task, Status> = BTreeMap::new();
    let stale: BTreeSet<&EventId> = folded.stale.iter().map(|stale| &stale.id).collect();
    for event in history.iter().filter(|event| !stale.contains(&event.id)) {
        match &event.body {
            Body::TaskMoved { task, from, to, .. } => {
                let stood = stands.insert(*task, *to).unwrap_or(Status::NotStarted);
                // The same end once more says nothing new.
                if stood != *from && stood != *to {
                    faults.push(format!("{task} moves from {from}, and stood at {stood}"));
                }
                if let Err(illegal) = check(*from, *to, Cause::Drive)
                    && check(*from, *to, Cause::EvidenceChanged).is_err()
                {
                    faults.push(format!("{task}: {illegal}"));
                }
            }
            Body::Overridden { task, verdict, .. } => {
                stands.insert(*task, *verdict);
            }
            _ => {}
        }
    }
    faults.extend(
        history
            .windows(2)
            .filter(|pair| pair[1].at < pair[0].at)
            .map(|pair| format!("{} is out of order", pair[1].id)),
    );
    faults
}

/// The voyage as one reads it: the history among what the world saw.
pub(super) async fn log(story: &Story) -> Vec<String> {
    let mut lines: Vec<(jiff::Timestamp, String)> = story
        .clock()
        .world()
        .events()
        .into_iter()
        .map(|entry| (entry.at, format!("{}  world   {}: {}", entry.at, entry.service, entry.text)))
        .collect();
    if let Ok(state) = state(story).await {
        lines.extend(state.history().map(|event| {
            let body = format!("{:?}", event.body).chars().take(260).collect::<String>();
            (event.at, format!("{}  regatta {} {body}", event.at, event.id))
        }));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}
