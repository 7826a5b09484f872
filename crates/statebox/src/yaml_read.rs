//! Reading YAML.
use crate::document::{DocumentError, Path};
use serde_json::Value;
pub(crate) fn read(_text: &str) -> Result<Value, DocumentError> { Err(DocumentError::bad(None, Path::default(), "no YAML yet")) }
pub(crate) fn line_of(_text: &str, _path: &Path) -> Option<usize> { None }
