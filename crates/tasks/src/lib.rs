//! The ten tasks, one file each, behind one [`runner::Runner`].
//!
//! A task looks, acts through [`effects::Effects`] and answers with an [`outcome::Outcome`]. It neither schedules nor
//! retries nor waits: that is the engine's.

pub mod context;
pub mod effects;
pub mod outcome;
pub mod runner;
pub mod settings;
