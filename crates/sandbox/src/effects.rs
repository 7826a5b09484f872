//! What was really done to the world, counted where it was done.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Counts by effect key: `trigger:stage-testing`, `push:12345`, `approve:shipment-mr`, `advisory-state:ID:REL_PREP`,
/// `slack:KEY`, `note:KEY`, …
#[derive(Debug, Default)]
pub struct Effects(Mutex<BTreeMap<String, u64>>);

impl Effects {
    /// Counts one effect.
    pub fn record(&self, key: impl Into<String>) {
        *self.lock().entry(key.into()).or_default() += 1;
    }

    /// All counts, sorted by key.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
