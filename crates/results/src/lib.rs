//! Test results of builds: the files that the team's job controller keeps, and how a build stands by them.
//!
//! Nothing here fetches anything: bytes go in, typed values come out. Absence is a value; missing, empty or unreadable
//! evidence never counts as accepted.

pub mod file;
pub mod standing;

pub use file::{Job, Outcome, ResultFile, ResultFileError, Run, RunState};
pub use standing::{FailedJob, Standing};
