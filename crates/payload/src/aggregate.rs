//! Aggregating an entry, so that its job runs several times on each payload and is judged statistically; and the way back.

use serde_json::{Map, Value, json};

use crate::edit::{At, Edits, Fresh};
use crate::model::{Config, Entry, PREFIX};
use crate::operate::{
    Change, Done, Operation, Plan, RETRIES, Refusal, drop_field, fill_retries, mirror_retries, plan, spelled,
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
    let keys: Vec<String> = keys.iter().map(|key| present(config, key)).collect();
    plan(config, &keys, &Deaggregate { retries })
}

/// The key as it stands in the file: an entry may be asked for by the name it has on the other side of the operation.
fn present(config: &Config, key: &str) -> String {
    let there = |key: &String| config.entry(key).is_some();
    let other = match key.strip_prefix(PREFIX) {
        Some(rest) => rest.to_owned(),
        None => format!("{PREFIX}{key}"),
    };
    if !there(&key.to_owned()) && there(&other) { other } else { key.to_owned() }
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
        if entry.prow_job.is_none() {
            return Err(Refusal::Contradiction(format!(
                "{key:?} names no Prow job, so there is nothing to run several times"
            )));
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
        if let Some(retries) = self.retries_for(if entry.optional { Gate::Informing } else { Gate::Blocking })
        {
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
        if let Some(retries) = self.retries_for(gate(entry)) {
            mirror_retries(entry, retries);
        }
        drop_field(entry, "aggregatedProwJob");
        entry.insert("aggregatedProwJob".to_owned(), json!({ "analysisJobCount": COUNT }));
    }
}

impl Aggregate {
    fn retries_for(&self, gate: Gate) -> Option<u32> {
        match gate {
            Gate::Blocking => Some(self.retries.unwrap_or(RETRIES)),
            Gate::Informing => self.retries,
        }
    }
}

/// Whether a failure rejects the payload.
#[derive(PartialEq, Eq)]
enum Gate {
    Blocking,
    Informing,
}

/// Whether an entry of a plain value blocks.
fn gate(entry: &Map<String, Value>) -> Gate {
    let optional = spelled(entry, "optional").and_then(|name| entry[&name].as_bool());
    if optional.unwrap_or(false) { Gate::Informing } else { Gate::Blocking }
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
        if entry.prow_job.is_none() {
            return Err(Refusal::Contradiction(format!("{key:?} names no Prow job, so nothing would run")));
        }
        let to = key.strip_prefix(PREFIX).filter(|rest| !rest.is_empty()).unwrap_or(key).to_owned();
        if to != *key {
            edits.rename(entry.key_span, &to);
        }
        let mut also = vec!["aggregatedProwJob removed".to_owned()];
        const GONE: &[&str] = &["aggregatedProwJob"];
        edits.remove(node, GONE);
        if entry.is_blocking() || self.retries.is_some() {
            also.extend(fill_retries(config, node, GONE, self.retries.unwrap_or(RETRIES), edits));
        }
        Ok(Done::Changed(Change { from: key.clone(), to, also }))
    }

    fn mirror(&self, _key: &str, entry: &mut Map<String, Value>) {
        drop_field(entry, "aggregatedProwJob");
        if gate(entry) == Gate::Blocking || self.retries.is_some() {
            mirror_retries(entry, self.retries.unwrap_or(RETRIES));
        }
    }
}
