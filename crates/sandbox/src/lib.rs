//! The outside world on loopback.
//!
//! One stateful model of each remote system, served over its real protocol. Its wire types are its own: it imports
//! nothing of Regatta but the vocabulary, so a shared misunderstanding cannot hide.

// Whole response objects are written as one `json!` each.
#![recursion_limit = "512"]

pub mod clock;
mod connections;
pub mod delays;
pub mod effects;
pub mod faults;
#[doc(hidden)]
pub mod fixtures;
pub mod images;
pub mod imitation;
mod payload;
pub mod replay;
mod result_files;
pub mod scenario;
pub mod serve;
pub mod services;
pub mod world;
mod yaml;

pub use clock::{Attachment, Pace, ScenarioClock};
pub use scenario::Scenario;
pub use serve::{PortPlan, ServeOptions, Served, serve};
pub use world::World;
