//! The release's aggregate: one document a release, whose history is the truth.
//!
//! [`event`] says what can happen, [`fold`] what it comes to, [`document`] how it stands in a file (with JSON and
//! YAML as its two layouts), [`statebox`] keeps the three together, [`merge`] unites two of them, [`check`] judges a
//! file, and [`store`] keeps them safe against other writers. No rule of the flow lives here: which moves are legal
//! is asked of the caller.

pub mod check;
pub mod document;
pub mod event;
#[cfg(any(test, feature = "fixtures"))]
#[doc(hidden)]
pub mod fixtures;
pub mod fold;
mod foreign;
mod json;
pub mod mask;
pub mod merge;
pub mod statebox;
pub mod store;
mod yaml_read;
pub mod yaml_write;

pub use document::{Document, DocumentError, Layout};
pub use event::{Body, Event};
pub use fold::Folded;
pub use statebox::StateBox;
pub use store::memory::MemoryStore;
pub use store::{Store, StoreError, Versioned};
