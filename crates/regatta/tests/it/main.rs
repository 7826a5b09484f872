//! The program as users run it: the real binary, its exit codes and what it prints.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod bad_input;
mod demo;
mod faults;
mod kill;
mod looking;
mod past_faults;
mod payload_change;
mod payload_check;
mod payload_generator;
mod payload_judge;
mod payload_judge_sample;
mod payload_list;
mod program;
mod recorded;
mod sandbox;
mod statebox;
mod two_drivers;
mod world;
