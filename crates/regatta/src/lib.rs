//! The part of the command line that reads text from outside, reachable by tests of its own.

pub mod settings_file;
