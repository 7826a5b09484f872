//! A store that fails its writer at a chosen moment, around any other store.

use regatta_kit::{BoxFuture, Release};
use regatta_statebox::StateBox;
use regatta_statebox::event::Event;
use regatta_statebox::store::{MAX_TRIES, Store, StoreError, Versioned};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::acting::{Acting, Part};
use crate::life::Life;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// With which persist.
    pub at: At,
    /// How.
    pub blow: Blow,
}

/// A persist: an append that has something to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The n-th of this process, from 1.
    Persist(usize),
    /// The first by which the history comes to this length or more.
    Length(usize),
}

/// What happens to it. Where it is chosen by length, it has happened before one knows: only dying after it and losing the
/// answer can be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// The driver dies, and nothing is written.
    DieBefore,
    /// It is written, and the driver dies.
    DieAfter,
    /// It is written, and the store says that it is unavailable.
    LoseAnswer,
    /// Nothing is written, because others were quicker too often.
    Conflict,
    /// Nothing is written, because the store does not answer.
    Unavailable,
}

/// A persist that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persist {
    /// Whose it is.
    pub part: Part,
    /// How long the history was afterwards.
    pub length: usize,
}

/// Any store, as one process has it.
pub struct Fragile {
    inner: Arc<dyn Store>,
    plans: Vec<Plan>,
    life: Arc<Life>,
    acting: Arc<Acting>,
    log: Mutex<Vec<Persist>>,
    persists: AtomicUsize,
    struck: AtomicUsize,
}

impl Fragile {
    /// Around another store.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, plans: Vec<Plan>) -> Self {
        Self {
            inner,
            plans,
            life: Arc::default(),
            acting: Arc::default(),
            log: Mutex::default(),
            persists: AtomicUsize::new(0),
            struck: AtomicUsize::new(0),
        }
    }

    /// Of a process that also lives and acts elsewhere.
    #[must_use]
    pub fn of(mut self, life: Arc<Life>, acting: Arc<Acting>) -> Self {
        self.life = life;
        self.acting = acting;
        self
    }

    /// Waits until the process died.
    pub async fn died(&self) {
        self.life.over().await;
    }

    /// How many persists were asked for so far.
    #[must_use]
    pub fn persists(&self) -> usize {
        self.persists.load(Ordering::SeqCst)
    }

    /// How many of the plans came true.
    #[must_use]
    pub fn struck(&self) -> usize {
        self.struck.load(Ordering::SeqCst)
    }

    /// Every persist that succeeded, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Persist> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn strikes(&self, at: impl Fn(At) -> bool) -> Option<Blow> {
        let blow = self.plans.iter().find(|plan| at(plan.at)).map(|plan| plan.blow);
        self.struck.fetch_add(usize::from(blow.is_some()), Ordering::SeqCst);
        blow
    }

    async fn persist(
        &self,
        release: Release,
        base: Option<&Versioned<StateBox>>,
        events: Vec<Event>,
    ) -> Result<Versioned<StateBox>, StoreError> {
        self.life.goes_on().await;
        if events.is_empty() {
            return self.inner.append(release, base, events).await;
        }
        let number = self.persists.fetch_add(1, Ordering::SeqCst) + 1;
        let part = self.acting.writer(&events);
        let blow = self.strikes(|at| at == At::Persist(number));
        match blow {
            Some(Blow::DieBefore) => return self.life.end().await,
            Some(Blow::Conflict) => return Err(StoreError::Conflict { release, tries: MAX_TRIES }),
            Some(Blow::Unavailable) => return Err(unavailable()),
            Some(Blow::DieAfter | Blow::LoseAnswer) | None => {}
        }
        let before = base.map_or(0, |base| base.value.history().len());
        let written = self.inner.append(release, base, events).await?;
        let length = written.value.history().len();
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(Persist { part, length });
        let reached = |at| matches!(at, At::Length(wanted) if before < wanted && wanted <= length);
        match blow.or_else(|| self.strikes(reached)) {
            Some(Blow::DieAfter) => self.life.end().await,
            Some(Blow::LoseAnswer) => Err(unavailable()),
            _ => Ok(written),
        }
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { why: "503 by a plan of the story".to_owned(), retry_after: None }
}

impl Store for Fragile {
    fn load<'a>(
        &'a self,
        release: Release,
    ) -> BoxFuture<'a, Result<Option<Versioned<StateBox>>, StoreError>> {
        Box::pin(async move {
            self.life.goes_on().await;
            self.inner.load(release).await
        })
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
        Box::pin(self.persist(release, base, events))
    }

    fn world<'a>(&'a self) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        self.inner.world()
    }

    fn stamp<'a>(&'a self, world: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.stamp(world)
    }
}
