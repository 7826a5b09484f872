//! Uniting two states that grew apart.
//!
//! Histories unite by the ids of their entries. Everything else merges three-way, field by field: what one side
//! changed is taken, what both changed alike is taken once. A final status is never overwritten by a running one;
//! where both sides changed the same thing differently, the later one stands and a note says so.

use jiff::Timestamp;
use regatta_kit::ids::EventId;
use regatta_kit::{Release, Status, Task};
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
    let mut state = StateBox::fold_anew(document, &[&o.root, &t.root]);
    // A field may be one side's and the word of the history about it the other's: what stands is an edit of that word.
    if let Some(event) = state.import_of(state.pending().clone()) {
        state.apply(vec![event]);
    }
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
    side.pending()
        .iter()
        .filter(|(path, value)| !known(path, value))
        .map(|(p, v)| (p.clone(), v.clone()))
        .collect()
}

/// The raw value at a path of a difference.
fn raw_at<'a>(root: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut parts = path.splitn(3, '/');
    let (area, name, field) = (parts.next()?, parts.next()?, parts.next());
    let entry = match area {
        "metadata" => return root.get(area)?.get(name),
        "tasks" => root
            .get(area)?
            .as_array()?
            .iter()
            .find(|e| e.get("name").and_then(Value::as_str) == Some(name))?,
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
    let been = stations(state.document());
    progress.retain(|path, _| {
        let task = path.strip_prefix("tasks/").and_then(|rest| rest.split('/').next());
        let passed =
            task.and_then(|name| station(&stale_root, name)).is_some_and(|station| been.contains(&station));
        let metadata = path.starts_with("metadata/");
        edits.contains_key(path) && !passed && !(metadata && blind)
    });
    state.believing(progress, &stale_root)
}

/// Where a task stood: status, and the second at which it came to its end.
type Station = (Task, Status, Option<i64>);

/// Every station that a history went through: content that shows one of them is old, not edited.
fn stations(document: &Document) -> HashSet<Station> {
    let mut folded = Folded::default();
    let mut been = HashSet::new();
    for event in document.history() {
        folded.step(event);
        been.extend(
            folded
                .tasks
                .iter()
                .map(|(task, state)| (task, state.status, state.completed_at.map(Timestamp::as_second))),
        );
    }
    been
}

/// Where a document says that a task stands.
fn station(root: &Map<String, Value>, name: &str) -> Option<Station> {
    let entry = root.get("tasks")?.as_array()?.iter().find(|entry| text(entry, "name") == name)?;
    let ended = parse_time(&text(entry, "completed_at")).map(Timestamp::as_second);
    Some((name.parse().ok()?, text(entry, "status").parse().ok()?, ended))
}

/// Tasks that the fold does not know (other names) come over from the other content.
fn adopt_unknown_entries(root: &mut Map<String, Value>, other: &Map<String, Value>) {
    let name = |entry: &Value| entry.get("name").and_then(Value::as_str).map(str::to_owned);
    let (Some(Value::Array(tasks)), Some(Value::Array(others))) = (root.get_mut("tasks"), other.get("tasks"))
    else {
        return;
    };
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
    let time =
        |root: &Map<String, Value>| root.get("updated_at").and_then(Value::as_str).and_then(parse_time);
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
    fn root(
        &mut self,
        base: &Map<String, Value>,
        ours: &Map<String, Value>,
        theirs: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut merged = Map::new();
        for key in keys(base, ours, theirs) {
            let (b, o, t) = (base.get(&key), ours.get(&key), theirs.get(&key));
            let value = match key.as_str() {
                "tasks" => Some(self.list(
                    b,
                    o,
                    t,
                    &|e| text(e, "name"),
                    &|e| text(e, "started_at") + &text(e, "name"),
                    Self::task,
                )),
                "issues" => Some(self.list(
                    b,
                    o,
                    t,
                    &foreign::issue_id,
                    &|e| text(e, "reported_at") + &text(e, "issue"),
                    Self::issue,
                )),
                "updated_at" => latest(o, t).cloned(),
                _ => self.value(&key, b, o, t),
            };
            if let Some(value) = value {
                merged.insert(key, value);
            }
        }
        merged
    }

    fn map(
        &mut self,
        path: &str,
        base: &Map<String, Value>,
        ours: &Map<String, Value>,
        theirs: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut merged = Map::new();
        for key in keys(base, ours, theirs) {
            let value =
                self.value(&format!("{path}.{key}"), base.get(&key), ours.get(&key), theirs.get(&key));
            if let Some(value) = value {
                merged.insert(key, value);
            }
        }
        merged
    }

    /// Three-way for any value; `None` when it is gone from both, or from one while the other left it alone.
    fn value(
        &mut self,
        path: &str,
        base: Option<&Value>,
        ours: Option<&Value>,
        theirs: Option<&Value>,
    ) -> Option<Value> {
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
        let mut fresh: Vec<&Value> =
            ours.iter().chain(&theirs).filter(|e| find(&base, &identity(e)).is_none()).collect();
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
        if resolved(ours) && resolved(theirs) && ours != theirs && base != Some(ours) && base != Some(theirs)
        {
            // The later stands; of two at one instant the choice must not depend on which is called ours.
            let rank = |entry: &Value| (parse_time(&text(entry, "resolved_at")), entry.to_string());
            return if rank(ours) >= rank(theirs) { ours.clone() } else { theirs.clone() };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Layout;
    use crate::event::{Body, Event};
    use crate::fixtures::{self, Variant};
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use regatta_kit::ids::Writer;

    fn release() -> Release {
        "4.20.1".parse().unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_000_000).unwrap() + SignedDuration::from_secs(second)
    }

    fn moved(writer: &str, number: u64, second: i64, task: Task, to: Status, attempt: u32) -> Event {
        let body = Body::TaskMoved {
            task,
            from: Status::NotStarted,
            to,
            attempt,
            evidence: None,
            result: Some(format!("{writer} says {to}")),
        };
        Event {
            id: EventId(Writer(writer.into()), number),
            at: at(second),
            actor: writer.into(),
            reason: None,
            body,
        }
    }

    fn production(change: impl Fn(String) -> String) -> StateBox {
        let text = fixtures::text(release(), 3, &[Variant::Unfinished, Variant::Issues], Layout::Yaml);
        StateBox::parse(&change(text), Layout::Yaml).unwrap().0
    }

    fn edit(state: &StateBox, change: impl Fn(&mut Value)) -> StateBox {
        let mut tree = state.to_value();
        change(&mut tree);
        StateBox::parse(&tree.to_string(), Layout::Json).unwrap().0
    }

    #[test]
    fn edits_of_two_sides_come_together_field_by_field() {
        let base = production(|t| t);
        let ours = edit(&base, |tree| {
            tree["metadata"]["jira_ticket"] = "ART-7".into();
            tree["tasks"][8]["status"] = "Pass".into();
            tree["tasks"][8]["completed_at"] = "2026-03-01T12:00:00Z".into();
            tree["notes"] = "ours".into();
        });
        let theirs = edit(&base, |tree| {
            tree["metadata"]["release_date"] = "2026-Mar-03".into();
            tree["tasks"][8]["result"] = "still running".into();
            tree["issues"][2]["resolved"] = true.into();
            tree["issues"][2]["resolution"] = "done".into();
        });
        let merged = merge(&base, &ours, &theirs).unwrap();
        assert_eq!(merged.notes, Vec::<String>::new());
        let tree = merged.state.to_value();
        assert_eq!(
            (&tree["metadata"]["jira_ticket"], &tree["metadata"]["release_date"]),
            (&"ART-7".into(), &"2026-Mar-03".into())
        );
        assert_eq!(tree["tasks"][8]["status"], "Pass");
        assert_eq!(tree["issues"][2]["resolved"], true);
        assert_eq!(tree["notes"], "ours");
        assert!(tree.get("regatta").is_none());
    }

    #[test]
    fn a_final_status_is_not_overwritten_by_a_running_one() {
        let base = production(|t| t);
        let rerun = edit(&base, |tree| tree["tasks"][7]["status"] = "In Progress".into());
        let passed = edit(&base, |tree| tree["tasks"][7]["status"] = "Pass".into());
        for (ours, theirs) in [(&rerun, &passed), (&passed, &rerun)] {
            let merged = merge(&base, ours, theirs).unwrap();
            assert_eq!(merged.state.to_value()["tasks"][7]["status"], "Pass");
        }
    }

    #[test]
    fn where_both_changed_the_same_the_later_stands_and_a_note_says_so() {
        let base = production(|t| t);
        let side = |ticket: &str, updated: &str| {
            edit(&base, |tree| {
                tree["metadata"]["jira_ticket"] = ticket.into();
                tree["updated_at"] = updated.into();
            })
        };
        let (ours, theirs) = (side("ART-1", "2026-04-02T00:00:00Z"), side("ART-2", "2026-04-01T00:00:00Z"));
        let merged = merge(&base, &ours, &theirs).unwrap();
        assert_eq!(merged.state.to_value()["metadata"]["jira_ticket"], "ART-1");
        assert_eq!(
            merged.notes,
            ["metadata.jira_ticket: both sides changed it; \"ART-1\" stands (ours, the later)"]
        );
        let swapped = merge(&base, &theirs, &ours).unwrap();
        assert_eq!(swapped.state.to_value()["metadata"]["jira_ticket"], "ART-1");
    }

    #[test]
    fn a_driven_side_and_a_side_edited_by_production_come_together() {
        let base = production(|t| t);
        let mut ours = base.clone();
        ours.apply(vec![moved("w", 1, 10, Task::ImageSignedCheck, Status::InProgress, 2)]);
        let theirs = edit(&base, |tree| {
            tree["tasks"][8]["status"] = "Pass".into();
            tree["updated_at"] = "2026-03-02T00:00:00Z".into();
        });
        let merged = merge(&base, &ours, &theirs).unwrap();
        let tasks = &merged.state.folded().tasks;
        assert_eq!(tasks[Task::ImageSignedCheck].status, Status::InProgress, "theirs left it alone");
        assert_eq!(tasks[Task::ChangeAdvisoryStatus].status, Status::Pass);
        let (again, _) = StateBox::parse(&merged.state.render(Layout::Yaml), Layout::Yaml).unwrap();
        assert_eq!(again.folded(), merged.state.folded());
    }

    #[test]
    fn old_content_put_back_by_another_writer_undoes_nothing() {
        let base = production(|t| t);
        let mut written = base.clone();
        written.apply(vec![
            moved("w", 1, 10, Task::ImageSignedCheck, Status::InProgress, 2),
            moved("w", 2, 20, Task::ImageSignedCheck, Status::Pass, 2),
        ]);
        // Another tool saves what it had read before, with one change of its own.
        let stale = edit(&base, |tree| {
            tree["tasks"][8]["status"] = "Pass".into();
            tree["tasks"][8]["result"] = "theirs".into();
            tree["kept"] = 1.into();
        });
        let state = unite(stale.document().clone(), written.document());
        assert_eq!(state.folded().tasks[Task::ImageSignedCheck].status, Status::Pass);
        assert_eq!(state.folded().tasks[Task::ChangeAdvisoryStatus].status, Status::Pass);
        assert_eq!(state.to_value()["kept"], 1);
        assert_eq!(state.to_value()["tasks"][7]["result"], "w says Pass");
        assert_eq!(state.to_value()["tasks"][8]["result"], "theirs");
        assert!(state.has_foreign_edits());
        let mut next = state;
        next.apply(vec![moved("w", 3, 30, Task::StageTesting, Status::InProgress, 2)]);
        let (again, _) = StateBox::parse(&next.render(Layout::Json), Layout::Json).unwrap();
        assert!(!again.has_foreign_edits());
        assert_eq!(again.folded(), next.folded());
    }

    #[test]
    fn documents_of_different_releases_do_not_merge() {
        let base = production(|t| t);
        let other = StateBox::new("4.20.2".parse().unwrap(), at(0));
        assert!(merge(&base, &base, &other).is_err());
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let one = (0usize..3, 0i64..50, 0usize..10, 0usize..4, 1u32..3);
        prop::collection::vec(one, 0..25).prop_map(|list| {
            let words = [Status::NotStarted, Status::InProgress, Status::Pass, Status::Fail];
            let mut numbers = [0u64; 3];
            list.into_iter()
                .map(|(writer, second, task, to, attempt)| {
                    numbers[writer] += 1;
                    moved(
                        ["a", "b", "c"][writer],
                        numbers[writer],
                        second,
                        Task::ALL[task],
                        words[to],
                        attempt,
                    )
                })
                .collect()
        })
    }

    /// A state whose history is a given set of entries, as a union leaves it.
    fn state_of(base: &StateBox, events: &[&Event]) -> StateBox {
        let mut document = base.document().clone();
        document.history = events.iter().map(|e| Arc::new(Entry::new((*e).clone()))).collect();
        document.sort_history();
        StateBox::fold_anew(document, &[])
    }

    proptest! {
        #[test]
        fn uniting_histories_is_commutative_idempotent_and_associative(all in events(), cut in prop::collection::vec(0u8..8, 25)) {
            let base = StateBox::new(release(), at(0));
            // Each event goes to one or more of three sides.
            let side = |bit: u8| -> StateBox {
                let mine: Vec<&Event> = all.iter().zip(&cut).filter(|(_, c)| **c & (1 << bit) != 0).map(|(e, _)| e).collect();
                state_of(&base, &mine)
            };
            let (x, y, z) = (side(0), side(1), side(2));
            let join = |a: &StateBox, b: &StateBox| merge(&base, a, b).unwrap().state;
            let xy = join(&x, &y);
            let yx = join(&y, &x);
            prop_assert_eq!(xy.folded(), yx.folded());
            prop_assert_eq!(xy.to_value(), yx.to_value());
            for again in [join(&xy, &xy), join(&xy, &x)] {
                prop_assert_eq!(again.folded(), xy.folded());
            }
            let (left, right) = (join(&xy, &z), join(&x, &join(&y, &z)));
            prop_assert_eq!(left.folded(), right.folded());
            prop_assert!(left.history().eq(right.history()));
            prop_assert!(!left.has_foreign_edits());
        }

        #[test]
        fn a_fold_does_not_depend_on_the_order_of_arrival(all in events(), seed in any::<u64>()) {
            let mut shuffled: Vec<&Event> = all.iter().collect();
            shuffled.sort_by_key(|e| regatta_kit::ids::chance(seed, "shuffle", &e.id.to_string(), 0));
            prop_assert_eq!(Folded::of(&all), Folded::of(shuffled));
        }
    }
}
