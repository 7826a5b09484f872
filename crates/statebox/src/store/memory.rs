//! States in memory: for tests, the simulator and `--store memory:`.

use regatta_kit::{BoxFuture, Release};
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Store, StoreError, Versioned, same_world};
use crate::event::Event;
use crate::statebox::StateBox;

/// Keeps states as long as it lives.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    world: Option<String>,
    states: BTreeMap<Release, (u64, StateBox)>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere cannot leave the map half changed: it is replaced entry by entry.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a state in as it is, as somebody else would; for tests and imports.
    pub fn put(&self, state: StateBox) {
        let mut inner = self.inner();
        let version = inner.states.get(&state.release()).map_or(1, |(version, _)| version + 1);
        inner.states.insert(state.release(), (version, state));
    }
}

impl Store for MemoryStore {
    fn load<'a>(
        &'a self,
        release: Release,
    ) -> BoxFuture<'a, Result<Option<Versioned<StateBox>>, StoreError>> {
        let found = self.inner().states.get(&release).map(|(version, state)| Versioned {
            value: state.clone(),
            version: version.to_string(),
            base_moved: false,
        });
        Box::pin(ready(Ok(found)))
    }

    fn releases<'a>(&'a self) -> BoxFuture<'a, Result<Vec<Release>, StoreError>> {
        let releases = self.inner().states.keys().copied().collect();
        Box::pin(ready(Ok(releases)))
    }

    fn append<'a>(
        &'a self,
        release: Release,
        base: Option<&'a Versioned<StateBox>>,
        events: Vec<Event>,
    ) -> BoxFuture<'a, Result<Versioned<StateBox>, StoreError>> {
        let mut inner = self.inner();
        let current = inner.states.get(&release);
        let stored = current.map(|(version, _)| *version);
        let base_moved = stored.map(|v| v.to_string()).as_ref() != base.map(|b| &b.version);
        let mut state = match (current, events.first()) {
            (Some((_, state)), _) => state.clone(),
            (None, first) => StateBox::new(release, first.map_or(jiff::Timestamp::UNIX_EPOCH, |e| e.at)),
        };
        let appended = state.apply(events);
        let version = stored.unwrap_or(0) + u64::from(appended > 0);
        if appended > 0 {
            inner.states.insert(release, (version, state.clone()));
        }
        Box::pin(ready(Ok(Versioned { value: state, version: version.to_string(), base_moved })))
    }

    fn world<'a>(&'a self) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        let world = self.inner().world.clone();
        Box::pin(ready(Ok(world)))
    }

    fn stamp<'a>(&'a self, world: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut inner = self.inner();
        let stamped = inner.world.get_or_insert_with(|| world.to_owned());
        let result = same_world(stamped, world);
        Box::pin(ready(result))
    }
}
