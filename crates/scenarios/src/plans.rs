//! What is to go wrong in one process, what came of it, and what was done meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::acting::Acting;
use crate::life::Life;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan<At, Blow> {
    /// With what.
    pub at: At,
    /// How.
    pub blow: Blow,
}

/// A process's hand on something outside: its plans there, and the log of what it did.
pub(crate) struct Hand<At, Blow, Done> {
    /// The process's life.
    pub(crate) life: Arc<Life>,
    /// What the process is at.
    pub(crate) acting: Arc<Acting>,
    plans: Vec<Plan<At, Blow>>,
    struck: AtomicUsize,
    log: Mutex<Vec<Done>>,
}

impl<At: Copy, Blow: Copy, Done: Clone> Hand<At, Blow, Done> {
    pub(crate) fn new(plans: Vec<Plan<At, Blow>>) -> Self {
        Self {
            life: Arc::default(),
            acting: Arc::default(),
            plans,
            struck: AtomicUsize::new(0),
            log: Mutex::default(),
        }
    }

    /// What happens by plan at a place that `here` knows; counts that it came true.
    pub(crate) fn strikes(&self, here: impl Fn(At) -> bool) -> Option<Blow> {
        let blow = self.plans.iter().find(|plan| here(plan.at)).map(|plan| plan.blow);
        self.struck.fetch_add(usize::from(blow.is_some()), Ordering::SeqCst);
        blow
    }

    /// How many of the plans came true.
    pub(crate) fn struck(&self) -> usize {
        self.struck.load(Ordering::SeqCst)
    }

    /// Writes down what is done, and gives its place, from 1.
    pub(crate) fn note(&self, done: Done) -> usize {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(done);
        log.len()
    }

    /// What was done so far, in order.
    pub(crate) fn log(&self) -> Vec<Done> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How much was done so far.
    pub(crate) fn done(&self) -> usize {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
