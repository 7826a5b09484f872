//! Time, injected.
//!
//! Every wait outside of a request goes through [`Clock`]. In production it is the system's; over a sandbox it is the
//! scenario's, which jumps from event to event. tokio's paused clock is no substitute: it fires time-outs over real
//! sockets.

use std::future::Future;
use std::pin::Pin;

pub use jiff::Timestamp;

/// A boxed future, so that traits such as [`Clock`] can be used behind a pointer.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the world still has in store, as far as the clock can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// The real world: nobody knows.
    Unknown,
    /// A sandbox in which nothing more happens by itself.
    Nothing,
    /// A sandbox whose next event by itself is at this instant.
    At(Timestamp),
}

/// A source of time that can also be waited on. All instants are UTC.
pub trait Clock: Send + Sync {
    /// The present instant, truncated to whole seconds by scenario clocks.
    fn now(&self) -> Timestamp;

    /// Returns once the clock has reached `at`; immediately when it already has.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()>;

    /// What the world has in store after now. Only a sandbox knows.
    fn ahead(&self) -> BoxFuture<'_, Ahead> {
        Box::pin(std::future::ready(Ahead::Unknown))
    }

    /// Completes, with the reason, when the clock can no longer be used: sleeps would never end. A clock of this process is
    /// never lost.
    fn lost(&self) -> BoxFuture<'_, String> {
        Box::pin(std::future::pending())
    }

    /// Says that this driver stops using the clock, and when its user wants to look again.
    ///
    /// A scenario clock moves there when nobody else is attached, so that a command run again finds time has passed.
    fn leave(&self, look_again: Option<Timestamp>) -> BoxFuture<'_, ()> {
        let _ = look_again;
        Box::pin(std::future::ready(()))
    }
}
