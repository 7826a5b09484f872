//! One module a remote system, all over one [`transport::Transport`].
//!
//! Typed requests, typed errors, limits on every call. No decisions: a service says what is, the flow says what to do.

pub mod error;
pub mod transport;

/// The clients of all remote systems, made from one set of settings.
pub struct Services {}
