//! Stories across all crates.

mod crashes;
mod people;
mod releases;
mod together;
mod writers;
