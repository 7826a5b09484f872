//! Where states are kept: one trait, three stores.
//!
//! Every store appends by compare-and-swap. When the base has moved, the store unites the histories and tries again;
//! no store ever lets one writer's change replace another's.

pub mod contents;
pub mod memory;
pub mod sqlite;
#[cfg(test)]
mod tests;

use regatta_kit::{BoxFuture, Code, ErrorClass, Release};
use std::time::Duration;

use crate::event::Event;
use crate::statebox::StateBox;

/// How often a store tries again when the state moves under it, before it says [`StoreError::Conflict`].
pub const MAX_TRIES: u32 = 16;

/// A value with the store's name for its version.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The version: a number or a content hash, equal only for equal content.
    pub version: String,
    /// After an append: whether the store held something newer than the base, which is now united in `value`.
    pub base_moved: bool,
}

/// Why a store could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Others wrote more often than the tries allow.
    #[error("{release}: the state moved {tries} times while it was being written")]
    Conflict {
        /// The release.
        release: Release,
        /// Tries made.
        tries: u32,
    },
    /// What is stored is not a whole state.
    #[error("{place}: {why}")]
    Corrupt {
        /// File, row or URL, with line and field where there are such.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// What is stored was written by a newer program.
    #[error("{place}: {why}")]
    NewerFormat {
        /// File, row or URL.
        place: String,
        /// Which format it is.
        why: String,
    },
    /// The store belongs to another world.
    #[error("the store belongs to the world {stamped:?}, and this is {wanted:?}")]
    WrongWorld {
        /// The world it is stamped with.
        stamped: String,
        /// The world asked for.
        wanted: String,
    },
    /// The remote behind the store does not answer, or answers with a fault; worth trying again.
    #[error("the store is unavailable: {why}")]
    Unavailable {
        /// What happened.
        why: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The remote behind the store refused the credential.
    #[error("the store refuses the credential: {hint}")]
    NotAuthorised {
        /// Which one, and how to get one.
        hint: String,
    },
    /// A file could not be read or written.
    #[error("{place}: {why}")]
    Io {
        /// The file.
        place: String,
        /// What happened.
        why: String,
    },
}

impl StoreError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Conflict { .. } => Code::Conflict,
            Self::Corrupt { .. } | Self::Io { .. } => Code::BadInput,
            Self::NewerFormat { .. } => Code::NewerFormat,
            Self::WrongWorld { .. } => Code::WrongWorld,
            Self::Unavailable { .. } => Code::Unreachable,
            Self::NotAuthorised { .. } => Code::NotAuthorised,
        }
    }

    /// What it asks for.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Conflict { .. } | Self::Unavailable { .. } => ErrorClass::Transient,
            Self::NotAuthorised { .. } => ErrorClass::NeedsCredentials,
            Self::Corrupt { .. } | Self::NewerFormat { .. } | Self::WrongWorld { .. } | Self::Io { .. } => {
                ErrorClass::NeedsPerson
            }
        }
    }
}

/// Keeps the states of releases.
pub trait Store: Send + Sync {
    /// The newest state of a release; `None` when there is none.
    fn load<'a>(&'a self, release: Release)
    -> BoxFuture<'a, Result<Option<Versioned<StateBox>>, StoreError>>;

    /// Every release that has a state, in the order of releases.
    fn releases<'a>(&'a self) -> BoxFuture<'a, Result<Vec<Release>, StoreError>>;

    /// Appends events to a release, which it begins when there is none.
    ///
    /// `base` is what the caller saw. When the store holds something newer, the histories are united and
    /// [`Versioned::base_moved`] says so. Events already in the history are left out; when nothing is left, nothing
    /// is written.
    fn append<'a>(
        &'a self,
        release: Release,
        base: Option<&'a Versioned<StateBox>>,
        events: Vec<Event>,
    ) -> BoxFuture<'a, Result<Versioned<StateBox>, StoreError>>;

    /// The world the store belongs to: `real` or `sandbox:ID`; `None` before it was stamped.
    fn world<'a>(&'a self) -> BoxFuture<'a, Result<Option<String>, StoreError>>;

    /// Stamps the store, once. Stamping it again with the same world changes nothing; with another it is refused.
    fn stamp<'a>(&'a self, world: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Compares a stamp with the world wanted.
pub(crate) fn same_world(stamped: &str, wanted: &str) -> Result<(), StoreError> {
    if stamped == wanted {
        Ok(())
    } else {
        Err(StoreError::WrongWorld { stamped: stamped.to_owned(), wanted: wanted.to_owned() })
    }
}
