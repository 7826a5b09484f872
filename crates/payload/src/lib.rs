//! Payload jobs: the release controller's configurations, and the aggregated runs they lead to.
//!
//! A release configuration says which jobs test every payload of a stream before it is accepted. An *aggregated* entry runs
//! one job several times on one payload, and the runs are judged together by statistics. This crate reads such files without
//! losing a byte ([`text`], [`model`]), changes only what a change owns ([`edit`], [`operate`]), tells what the
//! controller would refuse ([`check`]), derives the generated private files ([`private`]), says what a number of runs
//! buys ([`power`]), and judges finished runs ([`judge`]).
//!
//! Absent here: the network, clocks, and the writing of files. What is read from disk is what a caller points at: the
//! folders of runs ([`judge::gather`]).

pub mod add;
pub mod aggregate;
pub mod caution;
pub mod check;
pub mod edit;
pub mod gating;
pub mod judge;
pub mod list;
pub mod model;
pub mod operate;
pub mod path;
pub mod power;
pub mod private;
pub mod text;

pub use model::{AGGREGATOR, Aggregated, Config, Entry, PREFIX};
pub use text::{Malformed, Place, Span, Text};
