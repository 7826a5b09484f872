//! Observes, decides, acts and records.
//!
//! [`App`] is the one application service that every face calls: command line, and later MCP, REST and chat.
//! A `Session` is one driver's hold on one release. No rule of any single task lives here.

pub mod app;
pub mod contents;
pub mod error;
pub mod people;
pub mod report;
pub mod rights;

mod drive;
mod evidence;
mod facts;
mod lease;
mod ledger;
mod lookbook;
mod messages;
mod moves;
mod observe;
mod outbox;
mod patience;
mod plan;
mod rules;
mod session;
mod take_up;

#[cfg(test)]
mod model;

pub use app::{App, DriveOptions, Watch};
pub use error::EngineError;
pub use report::{DriveReport, DriveState, Observer};
