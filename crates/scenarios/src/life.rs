//! The life of one simulated process: what is dead neither sends, nor hears, nor writes.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// One process's life, shared by all through which it touches anything: transport and store.
#[derive(Debug, Default)]
pub struct Life {
    over: AtomicBool,
    ended: Notify,
}

impl Life {
    /// Ends it; whoever ends it stops here for ever.
    pub async fn end<T>(&self) -> T {
        self.over.store(true, Ordering::SeqCst);
        self.ended.notify_one();
        std::future::pending().await
    }

    /// Goes on only while it lasts. What runs beside the one that died stops at its next step.
    pub async fn goes_on(&self) {
        if self.over.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for its end. For one waiter: the one that holds the process.
    pub async fn over(&self) {
        self.ended.notified().await;
    }
}
