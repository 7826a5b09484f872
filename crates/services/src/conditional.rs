//! What was read last, with the tag of the version it was read from. Asked with that tag, a server sends it again only
//! where it changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// More is not kept.
const LIMIT: usize = 64;

/// Values by key, some of the last read; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Conditional<K, V>(Arc<Mutex<BTreeMap<K, Tagged<V>>>>);

/// A value and its version's `ETag`.
#[derive(Debug, Clone)]
pub(crate) struct Tagged<V> {
    pub(crate) etag: String,
    pub(crate) value: V,
}

impl<K: Ord, V: Clone> Conditional<K, V> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(BTreeMap::new())))
    }

    pub(crate) fn get(&self, key: &K) -> Option<Tagged<V>> {
        self.lock().get(key).cloned()
    }

    pub(crate) fn keep(&self, key: K, etag: impl Into<String>, value: V) {
        let mut kept = self.lock();
        if kept.len() >= LIMIT && !kept.contains_key(&key) {
            kept.pop_first();
        }
        kept.insert(key, Tagged { etag: etag.into(), value });
    }

    pub(crate) fn forget(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, Tagged<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
