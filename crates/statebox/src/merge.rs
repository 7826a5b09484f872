//! Uniting two states that grew apart.
//!
//! Histories unite by the ids of their entries. Everything else merges three-way, field by field: what one side
//! changed is taken, what both changed alike is taken once. A final status is never overwritten by a running one;
//! where both sides changed the same thing differently, the later one stands and a note says so.

use regatta_kit::ids::EventId;
use regatta_kit::{Release, Status};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::sync::Arc;

use crate::document::{Document, Entry, parse_time};
use crate::fold::{Folded, stage};
use crate::foreign::{self, Trust};
use crate::statebox::StateBox;

/// Two states united.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The result.
    pub state: StateBox,
    /// What both had changed differently, and which stands.
    pub notes: Vec<String>,
}

/// Documents of different releases have nothing to merge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the documents are of different releases: {base}, {ours} and {theirs}")]
pub struct DifferentReleases {
    /// The base's.
    pub base: Release,
    /// Ours.
    pub ours: Release,
    /// Theirs.
    pub theirs: Release,
}

/// Merges what two sides made of a common base.
///
/// # Errors
/// When the three are not of one release.
pub fn merge(base: &StateBox, ours: &StateBox, theirs: &StateBox) -> Result<Merged, DifferentReleases> {
    if base.release() != ours.release() || base.release() != theirs.release() {
        let (base, ours, theirs) = (base.release(), ours.release(), theirs.release());
        return Err(DifferentReleases { base, ours, theirs });
    }
    let [b, o, t] = [base, ours, theirs].map(StateBox::document);
    let mut sides = Sides { notes: Vec::new(), later: later_side(&o.root, &t.root) };
    let root = sides.root(&b.root, &o.root, &t.root);
    let mut document = Document {
        root,
        history: union(&[b, o, t]),
        archives: b.archives.max(o.archives).max(t.archives),
        unknown: sides.map("regatta", &b.unknown, &o.unknown, &t.unknown),
        stated: sides.map("regatta", &b.stated, &o.stated, &t.stated),
        release: b.release,
    };
    if document.history.is_empty() {
        return Ok(Merged { state: StateBox::open(document), notes: sides.notes });
    }
    // What a side edited by hand, or by another tool, becomes an entry; what it only left as the base had it does not.
    for (side, other) in [(ours, theirs), (theirs, ours)] {
        let difference = edits_since(base, side, other);
        if let Some(event) = side.import_of(difference) {
            document.history.push(Arc::new(Entry::new(event)));
        }
    }
    document.sort_history();
    let state = StateBox::fold_anew(document, &[&o.root, &t.root]);
    Ok(Merged { state, notes: sides.notes })
}

/// The union of histories.
fn union(documents: &[&Document]) -> Vec<Arc<Entry>> {
    documents.iter().flat_map(|document| document.history.iter().cloned()).collect()
}

/// The edits of a side that its history does not know and that the base did not have.
fn edits_since(base: &StateBox, side: &StateBox, other: &StateBox) -> Map<String, Value> {
    let known = |path: &str, value: &Value| {
        let as_in_base = raw_at(&base.document().root, path) == raw_at(&side.document().root, path);
        let pending_in_both = other.pending().get(path) == Some(value);
        as_in_base && !pending_in_both
    };
    side.pending().iter().filter(|(path, value)| !known(path, value)).map(|(p, v)| (p.clone(), v.clone())).collect()
}

/// The raw value at a path of a difference.
fn raw_at<'a>(root: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut parts = path.splitn(3, '/');
    let (area, name, field) = (parts.next()?, parts.next()?, parts.next());
    let entry = match area {
        "metadata" => return root.get(area)?.get(name),
        "tasks" => root.get(area)?.as_array()?.iter().find(|e| e.get("name").and_then(Value::as_str) == Some(name))?,
        _ => root.get(area)?.as_array()?.iter().find(|e| foreign::issue_id(e) == name)?,
    };
    match field {
        Some(field) => entry.get(field),
        None => Some(entry),
    }
}

/// Unites what a file holds now with what Regatta last wrote into it, when somebody else wrote in between.
///
/// When the newer content knows all that was written before, it is believed. Else it rests on old content: its history
/// is united with the other, and its fields count only where they are edits of what it knew, and further along.
pub(crate) fn unite(newest: Document, written: &Document) -> StateBox {
    let known: HashSet<&EventId> = newest.history.iter().map(|entry| &entry.event.id).collect();
    if written.history.iter().all(|entry| known.contains(&entry.event.id)) {
        return StateBox::open(newest);
    }
    let own = Folded::of(newest.history());
    let edits = foreign::difference(&newest.root, &own, Trust::Everything);
    let blind = newest.history.is_empty();
    let mut document = newest;
    let stale_root = std::mem::take(&mut document.root);
    document.history.extend(written.history.iter().cloned());
    document.archives = document.archives.max(written.archives);
    document.sort_history();
    // Unknown fields of both survive; the tables are the fold's.
    let mut root = written.root.clone();
    for (key, value) in &stale_root {
        if !root.contains_key(key) {
            root.insert(key.clone(), value.clone());
        }
    }
    for (key, value) in &written.unknown {
        document.unknown.entry(key).or_insert_with(|| value.clone());
    }
    adopt_unknown_entries(&mut root, &stale_root);
    document.root = root;
    let state = StateBox::fold_anew(document, &[&stale_root, &written.root]);
    let mut progress = foreign::difference(&stale_root, state.folded(), Trust::Progress);
    progress.retain(|path, _| if path.starts_with("metadata/") { !blind && edits.contains_key(path) } else { edits.contains_key(path) });
    state.believing(progress, &stale_root)
}

/// Tasks that the fold does not know (other names) come over from the other content.
fn adopt_unknown_entries(root: &mut Map<String, Value>, other: &Map<String, Value>) {
    let name = |entry: &Value| entry.get("name").and_then(Value::as_str).map(str::to_owned);
    let (Some(Value::Array(tasks)), Some(Value::Array(others))) = (root.get_mut("tasks"), other.get("tasks")) else { return };
    for entry in others {
        let foreign = name(entry).is_some_and(|n| n.parse::<regatta_kit::Task>().is_err());
        if foreign && !tasks.iter().any(|t| name(t) == name(entry)) {
            tasks.push(entry.clone());
        }
    }
}

/// Which side was changed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

fn later_side(ours: &Map<String, Value>, theirs: &Map<String, Value>) -> Side {
    let time = |root: &Map<String, Value>| root.get("updated_at").and_then(Value::as_str).and_then(parse_time);
    match time(ours).cmp(&time(theirs)) {
        std::cmp::Ordering::Greater => Side::Ours,
        std::cmp::Ordering::Less => Side::Theirs,
        // The choice must not depend on which is called ours.
        std::cmp::Ordering::Equal => {
            let text = |root: &Map<String, Value>| Value::Object(root.clone()).to_string();
            if text(ours) >= text(theirs) { Side::Ours } else { Side::Theirs }
        }
    }
}

struct Sides {
    notes: Vec<String>,
    later: Side,
}

impl Sides {
    fn root(&mut self, base: &Map<String, Value>, ours: &Map<String, Value>, theirs: &Map<String, Value>) -> Map<String, Value> {
        let mut merged = Map::new();
        for key in keys(base, ours, theirs) {
            let (b, o, t) = (base.get(&key), ours.get(&key), theirs.get(&key));
            let value = match key.as_str() {
                "tasks" => Some(self.list(b, o, t, &|e| text(e, "name"), &|e| text(e, "started_at") + &text(e, "name"), Self::task)),
                "issues" => Some(self.list(b, o, t, &foreign::issue_id, &|e| text(e, "reported_at") + &text(e, "issue"), Self::issue)),
                "updated_at" => latest(o, t).cloned(),
                _ => self.value(&key, b, o, t),
            };
            if let Some(value) = value {
                merged.insert(key, value);
            }
        }
        merged
    }

    fn map(&mut self, path: &str, base: &Map<String, Value>, ours: &Map<String, Value>, theirs: &Map<String, Value>) -> Map<String, Value> {
        let mut merged = Map::new();
        for key in keys(base, ours, theirs) {
            let value = self.value(&format!("{path}.{key}"), base.get(&key), ours.get(&key), theirs.get(&key));
            if let Some(value) = value {
                merged.insert(key, value);
            }
        }
        merged
    }

    /// Three-way for any value; `None` when it is gone from both, or from one while the other left it alone.
    fn value(&mut self, path: &str, base: Option<&Value>, ours: Option<&Value>, theirs: Option<&Value>) -> Option<Value> {
        if ours == theirs || theirs == base {
            return ours.cloned();
        }
        if ours == base {
            return theirs.cloned();
        }
        if let (Some(Value::Object(o)), Some(Value::Object(t))) = (ours, theirs) {
            let empty = Map::new();
            let b = base.and_then(Value::as_object).unwrap_or(&empty);
            return Some(Value::Object(self.map(path, b, o, t)));
        }
        let (Some(o), Some(t)) = (ours, theirs) else {
            // Changed here, gone there: a change is never lost to a removal.
            return ours.or(theirs).cloned();
        };
        let kept = if self.later == Side::Ours { o } else { t };
        self.note(path, o, t, kept);
        Some(kept.clone())
    }

    fn note(&mut self, path: &str, ours: &Value, theirs: &Value, kept: &Value) {
        let side = if kept == ours { "ours" } else { "theirs" };
        self.notes.push(format!("{path}: both sides changed it; {} stands ({side}, the later)", short(kept)));
        let _ = theirs;
    }

    fn list(
        &mut self,
        base: Option<&Value>,
        ours: Option<&Value>,
        theirs: Option<&Value>,
        identity: &dyn Fn(&Value) -> String,
        order: &dyn Fn(&Value) -> String,
        merge: fn(&mut Self, Option<&Value>, &Value, &Value) -> Value,
    ) -> Value {
        let entries = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
        let (base, ours, theirs) = (entries(base), entries(ours), entries(theirs));
        let find = |list: &[Value], id: &str| list.iter().find(|e| identity(e) == id).cloned();
        let mut merged: Vec<Value> = Vec::new();
        let mut done: Vec<String> = Vec::new();
        let mut fresh: Vec<&Value> = ours.iter().chain(&theirs).filter(|e| find(&base, &identity(e)).is_none()).collect();
        fresh.sort_by_key(|e| order(e));
        for entry in base.iter().chain(fresh) {
            let id = identity(entry);
            if done.contains(&id) {
                continue;
            }
            let was = find(&base, &id);
            merged.push(match (find(&ours, &id), find(&theirs, &id)) {
                (Some(o), Some(t)) => merge(self, was.as_ref(), &o, &t),
                // A removal is not an edit: old content put back removes things by accident.
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => entry.clone(),
            });
            done.push(id);
        }
        Value::Array(merged)
    }

    fn task(&mut self, base: Option<&Value>, ours: &Value, theirs: &Value) -> Value {
        let changed = |side: &Value| base != Some(side);
        if ours == theirs || !changed(theirs) {
            return ours.clone();
        }
        if !changed(ours) {
            return theirs.clone();
        }
        let status = |entry: &Value| text(entry, "status").parse::<Status>().unwrap_or_default();
        let (o, t) = (status(ours), status(theirs));
        let was = base.map(status);
        let path = format!("tasks.{}", text(ours, "name"));
        if o == t || Some(o) == was || Some(t) == was {
            if o != t {
                // Only one side moved it: its times and text belong to the move.
                return if Some(o) == was { with_unknown(theirs, ours) } else { with_unknown(ours, theirs) };
            }
            return self.value(&path, base, Some(ours), Some(theirs)).unwrap_or_default();
        }
        if stage(o) != stage(t) {
            return if stage(o) > stage(t) { with_unknown(ours, theirs) } else { with_unknown(theirs, ours) };
        }
        // Two different ends: the later one stands.
        let ended = |entry: &Value| parse_time(&text(entry, "completed_at"));
        let ours_stands = match ended(ours).cmp(&ended(theirs)) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => self.later == Side::Ours,
        };
        let kept = if ours_stands { ours } else { theirs };
        self.note(&format!("{path}.status"), &ours["status"], &theirs["status"], &kept["status"]);
        with_unknown(kept, if ours_stands { theirs } else { ours })
    }

    fn issue(&mut self, base: Option<&Value>, ours: &Value, theirs: &Value) -> Value {
        let resolved = |entry: &Value| entry.get("resolved") == Some(&Value::Bool(true));
        if resolved(ours) && resolved(theirs) && ours != theirs && base != Some(ours) && base != Some(theirs) {
            let time = |entry: &Value| parse_time(&text(entry, "resolved_at"));
            return if time(ours) > time(theirs) || (time(ours) == time(theirs) && ours.to_string() >= theirs.to_string()) {
                ours.clone()
            } else {
                theirs.clone()
            };
        }
        let path = format!("issues.{}", foreign::issue_id(ours));
        self.value(&path, base, Some(ours), Some(theirs)).unwrap_or_default()
    }
}

/// An entry, with the fields that only the other has.
fn with_unknown(entry: &Value, other: &Value) -> Value {
    let mut merged = entry.clone();
    if let (Value::Object(map), Value::Object(other)) = (&mut merged, other) {
        for (key, value) in other {
            if !map.contains_key(key) {
                map.insert(key.clone(), value.clone());
            }
        }
    }
    merged
}

/// Keys of all three: in the base's order, then what ours and theirs have more.
fn keys(base: &Map<String, Value>, ours: &Map<String, Value>, theirs: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for key in base.keys().chain(ours.keys()).chain(theirs.keys()) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

fn text(entry: &Value, field: &str) -> String {
    entry.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn latest<'a>(ours: Option<&'a Value>, theirs: Option<&'a Value>) -> Option<&'a Value> {
    let time = |value: Option<&Value>| value.and_then(Value::as_str).and_then(parse_time);
    if time(ours) >= time(theirs) { ours.or(theirs) } else { theirs.or(ours) }
}

fn short(value: &Value) -> String {
    regatta_kit::OutsideText::line(&value.to_string(), 60).as_str().to_owned()
}
