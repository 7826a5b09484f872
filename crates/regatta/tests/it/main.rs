//! The program as users run it: the real binary, its exit codes and what it prints.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod bad_input;
mod demo;
mod looking;
mod program;
mod recorded;
mod sandbox;
mod statebox;
