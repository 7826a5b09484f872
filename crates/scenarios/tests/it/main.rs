//! Stories across all crates.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod crashes;
mod harnesses;
mod parsers;
mod past_faults;
mod people;
mod releases;
mod together;
mod writers;
