//! One trait behind which a task may run natively or through somebody else's server.

use regatta_kit::{BoxFuture, Task};

use crate::context::Context;
use crate::effects::Early;
use crate::outcome::Outcome;

/// Runs a task, or looks after one that is running: the same call for both.
pub trait Runner: Send + Sync {
    /// Begins the task, or goes on with what an earlier run of it began (its handles are in the ledger).
    ///
    /// # Errors
    /// Only [`Early::Engine`] reaches the caller as an error; outcomes are folded into the result.
    fn run<'a>(&'a self, task: Task, context: &'a Context<'a>) -> BoxFuture<'a, Result<Outcome, Early>>;
}
