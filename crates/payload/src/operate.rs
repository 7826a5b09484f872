//! What the operations on entries share: the plan they make, what they refuse, and the proof that a plan does only what was
//! asked.

use crate::edit::{At, Edits, Fresh};
use crate::model::{Config, Entry};
use crate::text::{Node, Place};
use serde::Serialize;
use serde_json::{Map, Value};

/// How often a blocking job is tried again by default (specification, step 5).
pub const RETRIES: u32 = 2;

/// A change of a configuration, worked out and proved, not yet written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The whole new text.
    pub text: String,
    /// The entries changed, in the order they were asked for.
    pub changed: Vec<Change>,
    /// Entries that are already as asked, each with a word on it.
    pub unchanged: Vec<String>,
}

/// One entry changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The key before; empty for an entry that is new.
    pub from: String,
    /// The key after.
    pub to: String,
    /// What else was done to it, in words.
    pub also: Vec<String>,
}

/// Why an operation was not even planned. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file has no such entry.
    #[error("there is no entry {key:?} in `verify`{}", instead(near, *count))]
    NoSuchEntry {
        /// What was asked for.
        key: String,
        /// Keys that resemble it.
        near: Vec<String>,
        /// How many there are.
        count: usize,
    },
    /// The key that the entry would get is there already.
    #[error(
        "{to:?} exists already ({place}), so {from:?} cannot become it; rename or remove one of the two first"
    )]
    KeyExists {
        /// The entry that was to change.
        from: String,
        /// The key that is taken.
        to: String,
        /// Where it is taken.
        place: Place,
    },
    /// A key stands twice, so nobody can say which of the two is meant.
    #[error("{path:?} stands twice in one object ({first} and {again}); remove one of them first")]
    DuplicateKey {
        /// From the root, joined by dots.
        path: String,
        /// Where it stands first.
        first: Place,
        /// Where it stands again.
        again: Place,
    },
    /// An entry, or `verify` itself, is no object.
    #[error("{what} is {kind} ({place}) where an object is needed")]
    NotAnObject {
        /// Which.
        what: String,
        /// What it is.
        kind: &'static str,
        /// Where.
        place: Place,
    },
    /// The file has no `verify` at all.
    #[error("the file has no `verify` object, so there is no job to choose")]
    NoVerify,
    /// The values given contradict each other or the rules of the format.
    #[error("{0}")]
    Contradiction(String),
    /// The planned text does not say what was meant: a fault of Regatta's own, caught before anything was written.
    #[error("the edit of {key:?} would not do what was meant ({why}); nothing was changed")]
    Unproved {
        /// The entry.
        key: String,
        /// What differs.
        why: String,
    },
}

fn instead(near: &[String], count: usize) -> String {
    match (near, count) {
        ([], 0) => ", which is empty".to_owned(),
        ([], count) => {
            format!("; none of its {count} keys resembles it (`regatta payload-job list` shows them)")
        }
        ([one], _) => format!("; did you mean {one}?"),
        (several, _) => format!("; did you mean one of {}?", several.join(", ")),
    }
}

/// What an operation does to one entry: through the text, and through the plain value that proves it.
pub(crate) trait Operation {
    /// Edits the text and tells what it did, or that nothing has to be done.
    fn edit(
        &self,
        config: &Config,
        entry: &Entry,
        node: &Node,
        edits: &mut Edits<'_>,
    ) -> Result<Done, Refusal>;
    /// Does the same to a plain value.
    fn mirror(&self, key: &str, entry: &mut Map<String, Value>);
}

/// How an operation left an entry.
pub(crate) enum Done {
    /// As it was, with a word on it.
    Unchanged(String),
    /// Changed.
    Changed(Change),
}

/// Plans an operation over several entries.
pub(crate) fn plan(config: &Config, keys: &[String], operation: &dyn Operation) -> Result<Plan, Refusal> {
    let verify = sound(config)?;
    let mut edits = Edits::new(config.text());
    let mut changed: Vec<Change> = Vec::new();
    let mut unchanged = Vec::new();
    let mut seen: Vec<&String> = Vec::new();
    for key in keys {
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let Some(entry) = config.entry(key) else {
            let keys = || config.entries().iter().map(|entry| entry.key.as_str());
            let near = near(key, keys()).into_iter().map(str::to_owned).collect();
            return Err(Refusal::NoSuchEntry { key: key.clone(), near, count: keys().count() });
        };
        let Some(node) = verify.fields().iter().find(|field| field.key == *key).map(|field| &field.node)
        else {
            return Err(Refusal::NoVerify);
        };
        if !matches!(node.value, crate::text::Value::Object(_)) {
            let place = config.text().place(node.span.start);
            return Err(Refusal::NotAnObject {
                what: format!("the entry {key:?}"),
                kind: node.kind(),
                place,
            });
        }
        match operation.edit(config, entry, node, &mut edits)? {
            Done::Unchanged(word) => unchanged.push(word),
            Done::Changed(change) => {
                let taken = change.from != change.to
                    && (config.entry(&change.to).is_some()
                        || changed.iter().any(|other| other.to == change.to));
                if taken {
                    let at = config.entry(&change.to).unwrap_or(entry).key_span.start;
                    let place = config.text().place(at);
                    return Err(Refusal::KeyExists { from: change.from, to: change.to, place });
                }
                changed.push(change);
            }
        }
    }
    let text = edits.finish();
    prove(config, &text, &changed, operation)?;
    Ok(Plan { text, changed, unchanged })
}

/// The `verify` object of a file in which every key stands once.
pub(crate) fn sound(config: &Config) -> Result<&Node, Refusal> {
    let text = config.text();
    if let Some(twice) = text.duplicates().into_iter().next() {
        let again = text.place(twice.again.start);
        return Err(Refusal::DuplicateKey { path: twice.path, first: twice.first, again });
    }
    let verify = config.verify().ok_or(Refusal::NoVerify)?;
    if !matches!(verify.value, crate::text::Value::Object(_)) {
        let place = text.place(verify.span.start);
        return Err(Refusal::NotAnObject { what: "`verify`".to_owned(), kind: verify.kind(), place });
    }
    Ok(verify)
}

/// Reads the new text with the plain reader and compares it with what the operation means, entry by entry, in order.
fn prove(config: &Config, text: &str, changed: &[Change], operation: &dyn Operation) -> Result<(), Refusal> {
    let key = changed.first().map(|change| change.from.clone()).unwrap_or_default();
    let unproved = |why: String| Refusal::Unproved { key: key.clone(), why };
    let mut expected: Value =
        serde_json::from_str(config.text().source()).map_err(|error| unproved(error.to_string()))?;
    // The key as the file spells it: the decoder does not mind its case.
    let verify_key =
        config.text().root().get("verify").map_or_else(|| "verify".to_owned(), |field| field.key.clone());
    let verify = expected.get_mut(&verify_key).and_then(Value::as_object_mut).ok_or(Refusal::NoVerify)?;
    *verify = std::mem::take(verify)
        .into_iter()
        .map(|(key, mut entry)| match changed.iter().find(|change| change.from == key) {
            Some(change) => {
                if let Some(fields) = entry.as_object_mut() {
                    operation.mirror(&key, fields);
                }
                (change.to.clone(), entry)
            }
            None => (key, entry),
        })
        .collect();
    compare(&expected, text).map_err(unproved)
}

/// Whether a text says exactly this, keys of `verify` in the same order.
pub(crate) fn compare(expected: &Value, text: &str) -> Result<(), String> {
    let found: Value =
        serde_json::from_str(text).map_err(|error| format!("the new text is no JSON: {error}"))?;
    if found != *expected {
        return Err("the new text says something else".to_owned());
    }
    let order = |value: &Value| -> Vec<String> {
        let verify =
            value.as_object().and_then(|top| top.iter().find(|(key, _)| key.eq_ignore_ascii_case("verify")));
        verify.and_then(|(_, v)| v.as_object()).map(|v| v.keys().cloned().collect()).unwrap_or_default()
    };
    if order(&found) != order(expected) {
        return Err("the entries would change their order".to_owned());
    }
    Ok(())
}

/// Where the file's other entries have `maxRetries`, applied to this one: first, unless most have it after a field that this
/// entry has too. A field that goes at the same time gives its place to the one before it.
pub(crate) fn place_of_retries(config: &Config, node: &Node, gone: &[&str]) -> At {
    let Some(verify) = config.verify() else { return At::First };
    let mut first = 0_usize;
    let mut after: indexmap::IndexMap<&str, usize> = indexmap::IndexMap::new();
    for entry in verify.fields() {
        match entry.node.fields().iter().position(|field| field.key == "maxRetries") {
            Some(0) => first += 1,
            Some(index) => *after.entry(&entry.node.fields()[index - 1].key).or_default() += 1,
            None => {}
        }
    }
    let own = |name: &str| node.fields().iter().position(|field| field.key == name);
    after
        .iter()
        .filter_map(|(name, count)| Some((own(name)?, *count)))
        .max_by_key(|(index, count)| (*count, std::cmp::Reverse(*index)))
        .filter(|(_, count)| *count > first)
        .and_then(|(index, _)| {
            let stays =
                |index: &usize| !gone.iter().any(|name| node.fields()[*index].key.eq_ignore_ascii_case(name));
            (0..=index).rev().find(stays)
        })
        .map_or(At::First, At::After)
}

/// Writes `maxRetries` where it is missing or null; tells what it did.
pub(crate) fn fill_retries(
    config: &Config,
    node: &Node,
    gone: &[&str],
    retries: u32,
    edits: &mut Edits<'_>,
) -> Option<String> {
    match node.get("maxRetries") {
        Some(field) if field.node.value != crate::text::Value::Null => return None,
        Some(field) => edits.set(field, &retries.to_string()),
        None => {
            let at = place_of_retries(config, node, gone);
            edits.insert(node, at, "maxRetries", &Fresh::Plain(retries.to_string()));
        }
    }
    Some(format!("maxRetries {retries} added"))
}

/// The same in a plain value.
pub(crate) fn mirror_retries(entry: &mut Map<String, Value>, retries: u32) {
    match spelled(entry, "maxRetries") {
        Some(name) if !entry[&name].is_null() => {}
        Some(name) => {
            entry.insert(name, retries.into());
        }
        None => {
            entry.insert("maxRetries".to_owned(), retries.into());
        }
    }
}

/// A field's name as the entry spells it.
pub(crate) fn spelled(entry: &Map<String, Value>, name: &str) -> Option<String> {
    entry.keys().rfind(|key| key.eq_ignore_ascii_case(name)).cloned()
}

/// Removes every spelling of a field.
pub(crate) fn drop_field(entry: &mut Map<String, Value>, name: &str) {
    entry.retain(|key, _| !key.eq_ignore_ascii_case(name));
}

/// Up to five keys that a wrong one could have meant, the likeliest first: those spelt like it, then those it is part of. Case
/// does not count.
#[must_use]
pub fn near<'a>(word: &str, keys: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    const SHOWN: usize = 5;
    let word = word.to_lowercase();
    let mut found: Vec<(bool, f64, &str)> = keys
        .into_iter()
        .filter_map(|key| {
            let lower = key.to_lowercase();
            let likeness = strsim::normalized_damerau_levenshtein(&word, &lower);
            let spelt = likeness > 0.7;
            let within = word.len() > 1 && (lower.contains(&word) || word.contains(&lower));
            (spelt || within).then_some((!spelt, likeness, key))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(b.2)));
    found.truncate(SHOWN);
    found.into_iter().map(|(_, _, key)| key).collect()
}
