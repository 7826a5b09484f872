//! The release's aggregate: one document a release, whose history is the truth.

pub mod document;
pub mod event;
