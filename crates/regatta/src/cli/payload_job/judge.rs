//! (to come)

use super::super::Globals;
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct JudgeArgs {}

pub(crate) fn run(_globals: &Globals, _args: &JudgeArgs) -> Result<u8, Failure> {
    Err(Failure::Internal("to come".to_owned()))
}
