//! (to come)

use super::super::Globals;
use crate::failure::Failure;
use std::path::Path;

#[derive(Debug, clap::Args)]
pub(crate) struct AggregateArgs {}

#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {}

pub(crate) fn aggregate(_globals: &Globals, _root: Option<&Path>, _args: &AggregateArgs) -> Result<u8, Failure> {
    Err(Failure::Internal("to come".to_owned()))
}
pub(crate) fn deaggregate(_globals: &Globals, _root: Option<&Path>, _args: &ChangeArgs) -> Result<u8, Failure> {
    Err(Failure::Internal("to come".to_owned()))
}
pub(crate) fn promote(_globals: &Globals, _root: Option<&Path>, _args: &ChangeArgs) -> Result<u8, Failure> {
    Err(Failure::Internal("to come".to_owned()))
}
pub(crate) fn demote(_globals: &Globals, _root: Option<&Path>, _args: &ChangeArgs) -> Result<u8, Failure> {
    Err(Failure::Internal("to come".to_owned()))
}
pub(crate) fn add(_globals: &Globals, _root: Option<&Path>, _args: &AddArgs) -> Result<u8, Failure> {
    Err(Failure::Internal("to come".to_owned()))
}
