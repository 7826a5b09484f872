//! Aggregating an entry, so that its job runs several times on each payload and is judged statistically; and the way back.

use serde_json::{Map, Value, json};

use crate::edit::{At, Edits, Fresh};
use crate::model::{Config, Entry, PREFIX};
use crate::operate::{
    Change, Done, Operation, Plan, RETRIES, Refusal, drop_field, fill_retries, mirror_retries, plan,
};
use crate::text::Node;

/// How many runs an aggregated job gets (specification: always 10).
pub const COUNT: u32 = 10;

/// Plans to aggregate entries: the prefix, `aggregatedProwJob` as the last field, `maxRetries` where a blocking one lacks it.
/// Given retries fill a missing value of an informing entry as well. Keys may be given with or without the prefix; what is
/// aggregated already is left alone.
///
/// # Errors
/// What would break the file.
pub fn aggregate(config: &Config, keys: &[String], retries: Option<u32>) -> Result<Plan, Refusal> {
    let keys: Vec<String> = keys.iter().map(|key| present(config, key)).collect();
    plan(config, &keys, &Aggregate { retries })
}

/// Plans to make aggregated entries single again: without the prefix and `aggregatedProwJob`, blocking ones with `maxRetries`.
///
/// # Errors
/// What would break the file.
pub fn deaggregate(config: &Config, keys: &[String], retries: Option<u32>) -> Result<Plan, Refusal> {
    let keys: Vec<String> = keys
        .iter()
        .map(|key| {
            let prefixed = format!("{PREFIX}{key}");
            let named = config.entry(key).is_none() && config.entry(&prefixed).is_some();
            if named { prefixed } else { key.clone() }
        })
        .collect();
    plan(config, &keys, &Deaggregate { retries })
}

/// The key as it stands in the file: an entry asked for by its old name may have become the aggregated one already.
fn present(config: &Config, key: &str) -> String {
    let prefixed = format!("{PREFIX}{key}");
    if config.entry(key).is_none() && config.entry(&prefixed).is_some() { prefixed } else { key.to_owned() }
}

struct Aggregate {
    retries: Option<u32>,
}

impl Operation for Aggregate {
    fn edit(
        &self,
        config: &Config,
        entry: &Entry,
        node: &Node,
        edits: &mut Edits<'_>,
    ) -> Result<Done, Refusal> {
        let key = &entry.key;
        if let Some(aggregated) = &entry.aggregated {
            let runs = aggregated.count.unwrap_or(0);
            return Ok(Done::Unchanged(format!("{key} is aggregated already, {runs} runs a payload")));
        }
        if entry.asynchronous && self.retries.is_some_and(|retries| retries > 0) {
            return Err(Refusal::Contradiction(format!(
                "{key:?} is async, and the release controller refuses retries on an async job; leave --max-retries out"
            )));
        }
        let to = if key.starts_with(PREFIX) { key.clone() } else { format!("{PREFIX}{key}") };
        if to != *key {
            edits.prefix_key(entry.key_span, PREFIX);
        }
        let mut also = vec![format!("aggregatedProwJob with {COUNT} runs added")];
        if let Some(retries) = self.retries_for(entry.is_blocking()) {
            also.extend(fill_retries(config, node, &["aggregatedProwJob"], retries, edits));
        }
        // One that is null says nothing, and goes.
        edits.remove(node, &["aggregatedProwJob"]);
        edits.insert(
            node,
            At::Last,
            "aggregatedProwJob",
            &Fresh::Spread(vec![("analysisJobCount", Fresh::Plain(COUNT.to_string()))]),
        );
        Ok(Done::Changed(Change { from: key.clone(), to, also }))
    }

    fn mirror(&self, _key: &str, entry: &mut Map<String, Value>) {
        if let Some(retries) = self.retries_for(is_blocking(entry)) {
            mirror_retries(entry, retries);
        }
        drop_field(entry, "aggregatedProwJob");
        entry.insert("aggregatedProwJob".to_owned(), json!({ "analysisJobCount": COUNT }));
    }
}

impl Aggregate {
    fn retries_for(&self, blocking: impl Into<Gate>) -> Option<u32> {
        match blocking.into() {
            Gate::Blocking => Some(self.retries.unwrap_or(RETRIES)),
            Gate::Informing => self.retries,
        }
    }
}

/// Whether a failure rejects the payload.
enum Gate {
    Blocking,
    Informing,
}

impl From<bool> for Gate {
    fn from(blocking: bool) -> Self {
        if blocking { Self::Blocking } else { Self::Informing }
    }
}

pub(crate) fn is_blocking(entry: &Map<String, Value>) -> bool {
    let optional = crate::operate::spelled(entry, "optional").and_then(|name| entry[&name].as_bool());
    !optional.unwrap_or(false)
}

struct Deaggregate {
    retries: Option<u32>,
}

impl Operation for Deaggregate {
    fn edit(
        &self,
        config: &Config,
        entry: &Entry,
        node: &Node,
        edits: &mut Edits<'_>,
    ) -> Result<Done, Refusal> {
        let key = &entry.key;
        if entry.aggregated.is_none() {
            return Ok(Done::Unchanged(format!("{key} is not aggregated")));
        }
        let to = key.strip_prefix(PREFIX).filter(|rest| !rest.is_empty()).unwrap_or(key).to_owned();
        if to != *key {
            edits.rename(entry.key_span, &to);
        }
        let mut also = vec!["aggregatedProwJob removed".to_owned()];
        if node.fields().len() == 1 {
            return Err(Refusal::Contradiction(format!(
                "{key:?} has no Prow job, so nothing would be left of it"
            )));
        }
        const GONE: &[&str] = &["aggregatedProwJob"];
        edits.remove(node, GONE);
        if entry.is_blocking() || self.retries.is_some() {
            also.extend(fill_retries(config, node, GONE, self.retries.unwrap_or(RETRIES), edits));
        }
        Ok(Done::Changed(Change { from: key.clone(), to, also }))
    }

    fn mirror(&self, _key: &str, entry: &mut Map<String, Value>) {
        drop_field(entry, "aggregatedProwJob");
        if is_blocking(entry) || self.retries.is_some() {
            mirror_retries(entry, self.retries.unwrap_or(RETRIES));
        }
    }
}
