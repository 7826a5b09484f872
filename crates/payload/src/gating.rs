//! Whether a job's failure rejects a payload: promoting an informing entry to a blocking one, and demoting it again.

use serde_json::{Map, Value};

use crate::edit::{At, Edits, Fresh};
use crate::model::{Config, Entry};
use crate::operate::{Change, Done, Operation, Plan, RETRIES, Refusal, drop_field, plan, spelled};
use crate::text::{Node, Value as Json};

/// Plans to make informing entries blocking: `optional` goes (and `async`, which is allowed only beside it), `maxRetries` is
/// set to 2 or to what is given, whatever it was.
///
/// # Errors
/// What would break the file.
pub fn promote(config: &Config, keys: &[String], retries: Option<u32>) -> Result<Plan, Refusal> {
    plan(config, keys, &Promote { retries: retries.unwrap_or(RETRIES) })
}

/// Plans to make blocking entries informing: `optional` as the first field, no `maxRetries`.
///
/// # Errors
/// What would break the file.
pub fn demote(config: &Config, keys: &[String]) -> Result<Plan, Refusal> {
    plan(config, keys, &Demote)
}

struct Promote {
    retries: u32,
}

impl Operation for Promote {
    fn edit(
        &self,
        config: &Config,
        entry: &Entry,
        node: &Node,
        edits: &mut Edits<'_>,
    ) -> Result<Done, Refusal> {
        let key = &entry.key;
        if entry.is_blocking() {
            return Ok(Done::Unchanged(format!("{key} is blocking already")));
        }
        if entry.prow_job.is_none() {
            return Err(Refusal::Contradiction(format!("{key:?} names no Prow job, so it cannot block")));
        }
        let mut also = vec!["optional removed".to_owned()];
        if node.get("async").is_some() {
            also.push("async removed, which needs optional".to_owned());
        }
        const GONE: &[&str] = &["optional", "async"];
        edits.remove(node, GONE);
        match node.get("maxRetries") {
            Some(field) if field.node.as_int() == Some(i64::from(self.retries)) => {}
            Some(field) => {
                also.push(format!(
                    "maxRetries {} instead of {}",
                    self.retries,
                    config.text().slice(field.node.span)
                ));
                edits.set(field, &self.retries.to_string());
            }
            None => {
                also.push(format!("maxRetries {} added", self.retries));
                let at = crate::operate::place_of_retries(config, node, GONE);
                edits.insert(node, at, "maxRetries", &Fresh::Plain(self.retries.to_string()));
            }
        }
        Ok(Done::Changed(Change { from: key.clone(), to: key.clone(), also }))
    }

    fn mirror(&self, _key: &str, entry: &mut Map<String, Value>) {
        drop_field(entry, "optional");
        drop_field(entry, "async");
        let name = spelled(entry, "maxRetries").unwrap_or_else(|| "maxRetries".to_owned());
        entry.insert(name, self.retries.into());
    }
}

struct Demote;

impl Operation for Demote {
    fn edit(
        &self,
        _config: &Config,
        entry: &Entry,
        node: &Node,
        edits: &mut Edits<'_>,
    ) -> Result<Done, Refusal> {
        let key = &entry.key;
        if entry.optional {
            return Ok(Done::Unchanged(format!("{key} is informing already")));
        }
        if entry.prow_job.is_none() {
            return Err(Refusal::Contradiction(format!(
                "{key:?} names no Prow job, so it informs of nothing"
            )));
        }
        let mut also = Vec::new();
        match node.get("optional") {
            Some(field) => {
                edits.set(field, "true");
                also.push("optional set".to_owned());
            }
            None => {
                edits.insert(node, At::First, "optional", &Fresh::Plain("true".to_owned()));
                also.push("optional added".to_owned());
            }
        }
        if let Some(field) = node.get("maxRetries") {
            let was = match &field.node.value {
                Json::Number(number) => number.as_str(),
                _ => "",
            };
            also.push(format!("maxRetries {was} removed"));
            edits.remove(node, &["maxRetries"]);
        }
        Ok(Done::Changed(Change { from: key.clone(), to: key.clone(), also }))
    }

    fn mirror(&self, _key: &str, entry: &mut Map<String, Value>) {
        drop_field(entry, "maxRetries");
        let name = spelled(entry, "optional").unwrap_or_else(|| "optional".to_owned());
        entry.insert(name, true.into());
    }
}
