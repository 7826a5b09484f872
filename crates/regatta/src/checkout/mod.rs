//! A checkout of the configuration repository: its files, and the generator that belongs to them.
//!
//! A file there is replaced whole or not at all ([`mod@file`]), since the release controller reads the folder and people keep it
//! under version control; what follows from a file is made by the repository's own generator ([`mod@generator`]).

pub(crate) mod file;
pub(crate) mod generator;
