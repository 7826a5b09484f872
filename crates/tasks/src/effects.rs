//! The port through which a task touches the outside: intent, look, trigger, handle.

use regatta_kit::BoxFuture;
use regatta_services::error::ServiceError;
use regatta_statebox::event::{EffectKey, Handle, Mark, Message};
use regatta_statebox::store::StoreError;

use crate::outcome::Outcome;

/// One effect at a remote that must happen once.
pub trait Triggerable: Send + Sync {
    /// The remote's high-water mark now (last build number, note id, the state's value), persisted with the intent.
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>>;

    /// An effect of this kind above `mark` that fits the parameters, if the remote has one: what a crash or a lost
    /// answer left behind. Asked only when an intent without a handle is found.
    fn find<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>>;

    /// Makes the effect.
    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>>;
}

/// The engine's ledger, as tasks see it.
pub trait Effects: Send + Sync {
    /// The handle of an effect that was already made, if it was.
    fn made(&self, key: &EffectKey) -> Option<Handle>;

    /// The mark of an effect that was announced, whether or not it was made. What knows of no intents says `None`.
    fn intended(&self, key: &EffectKey) -> Option<Mark> {
        let _ = key;
        None
    }

    /// Makes the effect unless it was made before: persists intent and mark, triggers, persists the handle.
    fn once<'a>(
        &'a self,
        key: EffectKey,
        remote: &'a dyn Triggerable,
    ) -> BoxFuture<'a, Result<Handle, Stopped>>;

    /// Replaces a handle by a better one (a queue item that became a build).
    fn follow<'a>(&'a self, key: EffectKey, handle: Handle) -> BoxFuture<'a, Result<(), Stopped>>;

    /// Puts a message into the outbox; a key already there or already told is left alone.
    fn tell(&self, message: Message);
}

/// Why an effect could not be made.
#[derive(Debug)]
pub enum Stopped {
    /// The remote failed.
    Remote(ServiceError),
    /// Somebody else wrote the state meanwhile, or holds the release: nothing was made, and all is to be decided anew.
    Moved,
    /// The store failed.
    Engine(StoreError),
}

impl From<ServiceError> for Stopped {
    fn from(error: ServiceError) -> Self {
        Self::Remote(error)
    }
}

/// What a task returns early with: `?` turns remote errors and engine stops into it.
#[derive(Debug)]
pub enum Early {
    /// An outcome of the task.
    Outcome(Box<Outcome>),
    /// The state moved under the task: all is to be decided anew.
    Moved,
    /// The store failed.
    Engine(StoreError),
}

impl From<ServiceError> for Early {
    fn from(error: ServiceError) -> Self {
        Self::Outcome(Box::new(error.into()))
    }
}

impl From<Stopped> for Early {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Remote(error) => error.into(),
            Stopped::Moved => Self::Moved,
            Stopped::Engine(why) => Self::Engine(why),
        }
    }
}
