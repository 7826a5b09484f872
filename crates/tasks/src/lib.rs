//! The ten tasks, one file each, behind one [`runner::Runner`].
//!
//! A task looks, acts through [`effects::Effects`] and answers with an [`outcome::Outcome`]. It neither schedules nor
//! retries nor waits: that is the engine's.

mod by_value;
pub mod change_advisory_status;
pub mod check_cve_tracker_bug;
pub mod context;
pub mod create_test_report;
pub mod effects;
pub mod email;
pub mod image_consistency_check;
pub mod image_signed_check;
mod jenkins_run;
pub mod native;
pub mod outcome;
pub mod push_to_cdn_staging;
mod release_parts;
pub mod report;
pub mod runner;
#[cfg(test)]
mod scripted_world;
pub mod settings;
mod sheet_write;
pub mod stage_testing;
mod subtasks;
pub mod take_ownership;
#[cfg(test)]
mod testing;
