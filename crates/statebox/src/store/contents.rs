//! The store over a contents API.
