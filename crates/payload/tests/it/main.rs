//! Stories of the payload configurations: each edge case that real files have, as a file of our own.
#![allow(clippy::unwrap_used, reason = "tests")]

mod edge_cases;
mod operations;
mod properties;
mod recorded;
