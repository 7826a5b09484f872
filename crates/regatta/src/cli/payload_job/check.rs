//! (to come)

use super::super::Globals;
use crate::failure::Failure;
use std::path::Path;

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {}

pub(crate) fn run(_globals: &Globals, _root: Option<&Path>, _args: &CheckArgs) -> Result<u8, Failure> {
    Err(Failure::Internal("to come".to_owned()))
}
