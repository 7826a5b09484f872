//! One module a remote system, all over one [`transport::Transport`].
//!
//! Typed requests, typed errors, limits on every call. No decisions: a service says what is, the flow says what to do.

pub mod elliott;
pub mod errata;
pub mod error;
pub mod gitlab;
pub mod google_token;
pub mod http;
pub mod jira;
pub mod remote;
pub mod settings;
pub mod sheets;
pub mod slack;
pub mod transport;
pub mod yaml;

/// The clients of all remote systems, made from one set of settings.
pub struct Services {}
