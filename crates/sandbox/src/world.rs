//! The world: scenario, time, what was done, and what will happen.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::delays::Quantiles;
use crate::effects::Effects;
use crate::scenario::Scenario;

/// A handle on the one world; cheap to clone, shared by all services.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    scenario: Scenario,
    effects: Effects,
    now: Mutex<Timestamp>,
    announced: Mutex<BTreeSet<(Timestamp, String)>>,
}

impl World {
    /// A world at the scenario's start.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        let start = scenario.start;
        Self(Arc::new(Inner {
            scenario,
            effects: Effects::default(),
            now: Mutex::new(start),
            announced: Mutex::default(),
        }))
    }

    /// Virtual now. Services are functions of it: a build's state follows from when it was queued, not from a timer.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        *self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The script.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.0.scenario
    }

    /// What was done.
    #[must_use]
    pub fn effects(&self) -> &Effects {
        &self.0.effects
    }

    /// How long something takes in this world.
    #[must_use]
    pub fn delay(&self, service: &str, entity: &str, ordinal: u64, quantiles: Quantiles) -> SignedDuration {
        quantiles.draw(self.0.scenario.seed, service, entity, ordinal)
    }

    /// Says that something will happen by itself at `at`, such as a build ending: the clock knows that it lies ahead.
    pub fn announce(&self, at: Timestamp, what: impl Into<String>) {
        self.0.announced.lock().unwrap_or_else(PoisonError::into_inner).insert((at, what.into()));
    }

    /// The next thing that happens by itself strictly after `after`.
    #[must_use]
    pub fn next_event(&self, after: Timestamp) -> Option<Timestamp> {
        let announced = self.0.announced.lock().unwrap_or_else(PoisonError::into_inner);
        announced.iter().map(|(at, _)| *at).find(|at| *at > after)
    }
}
