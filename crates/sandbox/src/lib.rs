//! The outside world on loopback.
//!
//! One stateful model of each remote system, served over its real protocol. Its wire types are its own: it imports
//! nothing of Regatta but the vocabulary, so a shared misunderstanding cannot hide.

pub mod delays;
pub mod effects;
pub mod scenario;
pub mod services;
pub mod world;

pub use world::World;
