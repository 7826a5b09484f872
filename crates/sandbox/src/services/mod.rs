//! The imitated systems, one file each. Each offers `imitation(world)` and keeps its own state.

pub mod access;
mod catalogue;
pub mod clock;
pub mod control;
pub mod errata;
pub mod gangway;
pub(crate) mod git;
pub mod github;
pub mod gitlab;
pub mod google_token;
pub mod jenkins;
pub mod jira;
mod people;
pub mod prow;
pub mod pyxis;
pub mod raw;
pub mod registry;
pub mod release_controller;
pub mod sheets;
pub mod signature;
pub mod slack;
pub(crate) mod wire;
