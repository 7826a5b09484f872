//! Judging a document.
use crate::document::Path;
use regatta_kit::Code;
use serde_json::Value;
pub(crate) struct Fault { pub(crate) field: Path, pub(crate) why: String, pub(crate) code: Code }
pub(crate) struct Structure { pub(crate) faults: Vec<Fault>, pub(crate) warnings: Vec<(Path, String)> }
pub(crate) fn structure(_tree: &Value) -> Structure { Structure { faults: vec![], warnings: vec![] } }
