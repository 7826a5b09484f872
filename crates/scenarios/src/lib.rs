//! The scenario language: stories of releases over the sandbox, in process and on its clock.
//!
//! A [`Story`] owns a world, a store and, one after the other, the drivers that work there. Its verbs are what a
//! person would say: drive, override, crash, look at the effects. Nothing sleeps and nothing is retried.

pub mod acting;
pub mod elliott;
pub mod harness;
pub mod life;
pub mod parsers;
pub mod plans;
pub mod simulator;
pub mod store;
pub mod story;
pub mod transport;

pub use story::{Ended, Mishaps, Process, Story};
pub use transport::InProcess;
