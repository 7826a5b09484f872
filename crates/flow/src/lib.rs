//! The rules of a release.
//!
//! [`decide`](decide::decide) takes [`Facts`] and returns a [`Decision`]: the moves that
//! are legal now, what everything else waits for, and what only a person can settle. It is total: it performs no input
//! or output, reads no clock, and cannot fail. Somebody else makes the moves.
//!
//! Deliberately absent: async, network, clock reads, storage formats, and the shapes of test results (those arrive as a
//! [`Standing`](facts::Standing)).

pub mod decide;
pub mod facts;
pub mod gate;
pub mod graph;
pub mod overall;
pub mod policy;
pub mod question;
pub mod table;
pub mod transition;
pub mod wait;

pub use decide::{Decision, Move, decide};
pub use facts::Facts;
pub use policy::Policy;
