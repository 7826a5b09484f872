//! The rules of a release, told as stories, tabulated, thrown dice at, and walked by a model checker.
//!
//! One binary, so that all four share the builder in [`case`] and are linked once.

mod case;
mod drawn;
mod gates;
mod instants;
mod model;
mod properties;
mod stories;
