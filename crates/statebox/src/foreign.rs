//! What somebody else wrote: found by comparing the document with the fold, recorded as one *Imported* entry.
//!
//! The entry holds the difference as `{path: new value}`. Long texts are not copied into it: they stand in the
//! document, and the entry names them by digest. What is missing from a document is no edit: a writer that puts old
//! content back removes things by accident, and whatever the history knows is written again at the next change.

use jiff::Timestamp;
use regatta_kit::{Status, Task};
use serde_json::{Map, Value, json};

use std::collections::HashMap;

use crate::document::{Metadata, parse_time, seconds, text_digest};
use crate::fold::{Folded, IssueState, MovedBy, stage};

/// Texts up to this many bytes are repeated in the entry; longer ones are named by digest.
const SHORT: usize = 80;

/// Which edits to believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The document is newer than the history: everything in it counts.
    Everything,
    /// The document may rest on old content: a status only counts where it is further along than the history's.
    Progress,
}

/// What a document says otherwise than the fold, as the `difference` of an Imported entry.
pub(crate) fn difference(root: &Map<String, Value>, folded: &Folded, trust: Trust) -> Map<String, Value> {
    let mut found = Map::new();
    metadata_difference(root, folded, &mut found);
    task_difference(root, folded, trust, &mut found);
    issue_difference(root, folded, trust, &mut found);
    found
}

fn metadata_difference(root: &Map<String, Value>, folded: &Folded, found: &mut Map<String, Value>) {
    let Some(Value::Object(map)) = root.get("metadata") else { return };
    let stands = Metadata::read(root.get("metadata"));
    for field in Metadata::FIELDS {
        if let Some(raw) = map.get(field) {
            let (here, known) = (stands.get(field), folded.metadata.get(field));
            // Key order carries no meaning: the file's stays as it is, and no edit is seen in it.
            if here != known {
                found.insert(format!("metadata/{field}"), raw.clone());
            }
        }
    }
}

fn task_difference(root: &Map<String, Value>, folded: &Folded, trust: Trust, found: &mut Map<String, Value>) {
    for entry in list(root, "tasks") {
        let text = |field: &str| entry.get(field).and_then(Value::as_str);
        let Some(task) = text("name").and_then(|name| name.parse::<Task>().ok()) else { continue };
        let Some(status) = text("status").and_then(|word| word.parse::<Status>().ok()) else { continue };
        let state = &folded.tasks[task];
        if trust == Trust::Progress
            && stage(status) <= stage(state.status)
            && state.moved_by != MovedBy::Nobody
        {
            continue;
        }
        let mut note = |field: &str, value: Value| {
            found.insert(format!("tasks/{task}/{field}"), value);
        };
        if status != state.status {
            note("status", status.word().into());
        }
        for (field, known) in [("started_at", state.started_at), ("completed_at", state.completed_at)] {
            if let Some(raw) = entry.get(field)
                && raw.as_str().and_then(parse_time).map(seconds) != known.map(seconds)
            {
                note(field, raw.clone());
            }
        }
        if let Some(raw) = entry.get("result") {
            let here = raw.as_str().map(text_digest);
            let known = state.result.as_deref().map(text_digest).or_else(|| state.result_digest.clone());
            if here != known {
                note("result", by_reference(raw));
            }
        }
    }
}

fn issue_difference(
    root: &Map<String, Value>,
    folded: &Folded,
    trust: Trust,
    found: &mut Map<String, Value>,
) {
    let by_id: HashMap<&str, &IssueState> =
        folded.issues.iter().map(|issue| (issue.id.as_str(), issue)).collect();
    for entry in list(root, "issues") {
        let stands = read_issue(entry);
        if stands.text.is_empty() {
            continue;
        }
        let path = format!("issues/{}", stands.id);
        let Some(known) = by_id.get(stands.id.as_str()) else {
            found.insert(
                path,
                json!({
                    "issue": by_reference(&entry["issue"]),
                    "reported_at": entry.get("reported_at"),
                    "resolved": stands.resolved,
                    "resolution": entry.get("resolution").map(by_reference),
                    "blocker": stands.blocker,
                    "related_tasks": stands.related_tasks,
                    "resolved_at": entry.get("resolved_at"),
                }),
            );
            continue;
        };
        if trust == Trust::Progress && known.resolved && !stands.resolved {
            continue;
        }
        let mut note = |field: &str, value: Value| {
            found.insert(format!("{path}/{field}"), value);
        };
        if stands.resolved != known.resolved {
            note("resolved", stands.resolved.into());
        }
        if trust == Trust::Everything && stands.blocker != known.blocker {
            note("blocker", stands.blocker.into());
        }
        if trust == Trust::Everything && stands.related_tasks != known.related_tasks {
            note("related_tasks", json!(stands.related_tasks));
        }
        let digest = |text: &Option<String>| {
            text.as_deref().map(|t| reference_digest(t).unwrap_or_else(|| text_digest(t)))
        };
        if digest(&stands.resolution) != digest(&known.resolution) {
            note("resolution", entry.get("resolution").map_or(Value::Null, by_reference));
        }
        if stands.resolved_at.map(seconds) != known.resolved_at.map(seconds) {
            note("resolved_at", entry.get("resolved_at").cloned().unwrap_or_default());
        }
    }
}

/// Takes a recorded difference over into the fold. What it does not understand changes nothing.
pub(crate) fn take_over(folded: &mut Folded, at: Timestamp, difference: &Value) {
    let Value::Object(difference) = difference else { return };
    for (path, value) in difference {
        let mut parts = path.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("metadata"), Some(field), None) => folded.metadata.set(field, value),
            (Some("tasks"), Some(name), Some(field)) => take_task(folded, at, name, field, value),
            (Some("issues"), Some(id), field) => take_issue(folded, id, field, value),
            _ => {}
        }
    }
}

fn take_task(folded: &mut Folded, at: Timestamp, name: &str, field: &str, value: &Value) {
    let Ok(task) = name.parse::<Task>() else { return };
    let state = &mut folded.tasks[task];
    let time = || value.as_str().and_then(parse_time);
    match field {
        "status" => {
            if let Some(Ok(status)) = value.as_str().map(str::parse) {
                state.status = status;
                state.moved_at = Some(at);
                state.moved_by = MovedBy::Foreign;
                state.evidence = None;
            }
        }
        "started_at" => state.started_at = time(),
        "completed_at" => state.completed_at = time(),
        "result" => {
            state.result_digest = value.get("digest").and_then(Value::as_str).map(str::to_owned);
            state.result = value.as_str().map(str::to_owned);
        }
        _ => {}
    }
}

fn take_issue(folded: &mut Folded, id: &str, field: Option<&str>, value: &Value) {
    let place = folded.issues.iter().position(|issue| issue.id == id);
    match (place, field) {
        (None, None) => {
            let mut issue = read_issue(value);
            issue.id = id.to_owned();
            folded.issues.push(issue);
        }
        (Some(place), None) => {
            let mut issue = read_issue(value);
            issue.id = id.to_owned();
            folded.issues[place] = issue;
        }
        (Some(place), Some(field)) => {
            let issue = &mut folded.issues[place];
            match field {
                "resolved" => issue.resolved = value.as_bool().unwrap_or(issue.resolved),
                "blocker" => issue.blocker = value.as_bool().unwrap_or(issue.blocker),
                "related_tasks" => issue.related_tasks = names(value),
                "resolution" => issue.resolution = text_or_reference(value),
                "resolved_at" => issue.resolved_at = value.as_str().and_then(parse_time),
                _ => {}
            }
        }
        (None, Some(_)) => {}
    }
}

/// Puts the texts that an import named by digest back into the fold, from the document in which they stand.
pub(crate) fn fill_texts(folded: &mut Folded, root: &Map<String, Value>) {
    for entry in list(root, "tasks") {
        let Some(task) = entry.get("name").and_then(Value::as_str).and_then(|n| n.parse::<Task>().ok())
        else {
            continue;
        };
        let state = &mut folded.tasks[task];
        if let (Some(digest), Some(text)) =
            (&state.result_digest, entry.get("result").and_then(Value::as_str))
            && *digest == text_digest(text)
        {
            state.result = Some(text.to_owned());
        }
    }
    let mut waiting: HashMap<String, &mut IssueState> = folded
        .issues
        .iter_mut()
        .filter(|issue| {
            [Some(&issue.text), issue.resolution.as_ref()]
                .into_iter()
                .flatten()
                .any(|t| t.starts_with('\u{0}'))
        })
        .map(|issue| (issue.id.clone(), issue))
        .collect();
    if waiting.is_empty() {
        return;
    }
    for entry in list(root, "issues") {
        let stands = read_issue(entry);
        if let Some(issue) = waiting.get_mut(&stands.id) {
            if reference_digest(&issue.text).is_some() {
                issue.text = stands.text;
            }
            let named = issue.resolution.as_deref().and_then(reference_digest);
            if named.is_some() && named == stands.resolution.as_deref().map(text_digest) {
                issue.resolution = stands.resolution;
            }
        }
    }
}

/// Reads an issue as it stands in a document, or in a difference.
fn read_issue(entry: &Value) -> IssueState {
    let flag = |field: &str| entry.get(field).and_then(Value::as_bool).unwrap_or_default();
    let time = |field: &str| entry.get(field).and_then(Value::as_str).and_then(parse_time);
    let text = entry.get("issue").and_then(text_or_reference).unwrap_or_default();
    let reported_at = time("reported_at");
    IssueState {
        id: IssueState::identity(&text, reported_at),
        text,
        reported_at,
        resolved: flag("resolved"),
        resolution: entry.get("resolution").and_then(text_or_reference),
        blocker: flag("blocker"),
        related_tasks: entry.get("related_tasks").map(names).unwrap_or_default(),
        resolved_at: time("resolved_at"),
    }
}

/// The identity of an issue that stands in a document.
pub(crate) fn issue_id(entry: &Value) -> String {
    read_issue(entry).id
}

fn names(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn list<'a>(root: &'a Map<String, Value>, field: &str) -> &'a [Value] {
    root.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn by_reference(value: &Value) -> Value {
    match value.as_str() {
        Some(text) if text.len() > SHORT => {
            json!({ "digest": text_digest(text), "characters": text.chars().count() })
        }
        _ => value.clone(),
    }
}

/// A text, or a stand-in for one named by digest until [`fill_texts`] finds it.
fn text_or_reference(value: &Value) -> Option<String> {
    let reference = || Some(format!("\u{0}{}", value.get("digest")?.as_str()?));
    value.as_str().map(str::to_owned).or_else(reference)
}

fn reference_digest(text: &str) -> Option<String> {
    text.strip_prefix('\u{0}').map(str::to_owned)
}
