//! A store that fails its writer at a chosen moment, around any other store.

use regatta_kit::{BoxFuture, Release};
use regatta_statebox::StateBox;
use regatta_statebox::event::Event;
use regatta_statebox::store::{MAX_TRIES, Store, StoreError, Versioned};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::acting::{Acting, Part};
use crate::life::Life;
use crate::plans::{self, Hand};

/// One persist that goes wrong.
pub type Plan = plans::Plan<At, Blow>;

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
    hand: Hand<At, Blow, Persist>,
    persists: AtomicUsize,
}

impl Fragile {
    /// Around another store.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, plans: Vec<Plan>) -> Self {
        Self { inner, hand: Hand::new(plans), persists: AtomicUsize::new(0) }
    }

    /// Of a process that also lives and acts elsewhere.
    #[must_use]
    pub fn of(mut self, life: Arc<Life>, acting: Arc<Acting>) -> Self {
        (self.hand.life, self.hand.acting) = (life, acting);
        self
    }

    /// Waits until the process died.
    pub async fn died(&self) {
        self.hand.life.over().await;
    }

    /// How many persists were asked for so far.
    #[must_use]
    pub fn persists(&self) -> usize {
        self.persists.load(Ordering::SeqCst)
    }

    /// How many of the plans came true.
    #[must_use]
    pub fn struck(&self) -> usize {
        self.hand.struck()
    }

    /// Every persist that succeeded, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Persist> {
        self.hand.log()
    }

    async fn persist(
        &self,
        release: Release,
        base: Option<&Versioned<StateBox>>,
        events: Vec<Event>,
    ) -> Result<Versioned<StateBox>, StoreError> {
        let hand = &self.hand;
        hand.life.goes_on().await;
        if events.is_empty() {
            return self.inner.append(release, base, events).await;
        }
        let number = self.persists.fetch_add(1, Ordering::SeqCst) + 1;
        let part = hand.acting.writer(&events);
        let blow = hand.strikes(|at| at == At::Persist(number));
        match blow {
            Some(Blow::DieBefore) => return hand.life.end().await,
            Some(Blow::Conflict) => return Err(StoreError::Conflict { release, tries: MAX_TRIES }),
            Some(Blow::Unavailable) => return Err(unavailable()),
            Some(Blow::DieAfter | Blow::LoseAnswer) | None => {}
        }
        let before = base.map_or(0, |base| base.value.history().len());
        let written = self.inner.append(release, base, events).await?;
        let length = written.value.history().len();
        hand.note(Persist { part, length });
        let reached = |at| matches!(at, At::Length(wanted) if before < wanted && wanted <= length);
        match blow.or_else(|| hand.strikes(reached)) {
            Some(Blow::DieAfter) => hand.life.end().await,
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
            self.hand.life.goes_on().await;
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
