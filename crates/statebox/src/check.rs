//! Judging a document: is it whole, is it ours to read, what about it is odd, which of its moves are illegal.
//!
//! A fault refuses the file, a warning is only told. What production's files really contain is at most a warning.

use jiff::Timestamp;
use regatta_kit::{Code, Release, Status, Task};
use serde_json::{Map, Value};
use std::collections::HashSet;

use crate::document::{
    Document, DocumentError, FORMAT, Finding, Layout, Metadata, Path, line_of, parse_time,
};
use crate::event::{Body, Event};
use crate::fold::stage;
use crate::statebox::StateBox;

/// Production's top-level fields, in order.
const FIELDS: [&str; 7] =
    ["schema_version", "release", "created_at", "updated_at", "metadata", "tasks", "issues"];
/// A task's fields, in order.
const TASK_FIELDS: [&str; 5] = ["name", "status", "started_at", "completed_at", "result"];
/// An issue's fields, in order; `resolved_at` follows once it is resolved.
const ISSUE_FIELDS: [&str; 6] =
    ["issue", "reported_at", "resolved", "resolution", "blocker", "related_tasks"];
/// Task names that production accepts beside the ten of the flow.
pub const OTHER_TASKS: [&str; 4] =
    ["update-bug-list", "check-greenwave-cvp-tests", "drop-bugs", "check-rhcos-security-alerts"];

/// Something for which a file is refused.
pub(crate) struct Fault {
    pub(crate) field: Path,
    pub(crate) why: String,
    pub(crate) code: Code,
}

/// What the shape of a tree gives reason to say.
#[derive(Default)]
pub(crate) struct Structure {
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<(Path, String)>,
}

impl Structure {
    fn fault(&mut self, field: Path, why: impl Into<String>) {
        self.faults.push(Fault { field, why: why.into(), code: Code::BadInput });
    }

    fn newer(&mut self, field: Path, why: impl Into<String>) {
        self.faults.push(Fault { field, why: why.into(), code: Code::NewerFormat });
    }

    fn warn(&mut self, field: Path, why: impl Into<String>) {
        self.warnings.push((field, why.into()));
    }

    fn time(&mut self, field: Path, value: &Value) {
        match value {
            Value::Null => {}
            Value::String(text) => match parse_time(text) {
                None => self
                    .warn(field, format!("{} is not a time; it is kept and counts as unknown", shown(value))),
                Some(_) if !plain_time(text) => {
                    self.warn(field, format!("{text:?} is a time in another form than YYYY-MM-DDTHH:MM:SSZ"))
                }
                Some(_) => {}
            },
            other => {
                self.warn(field, format!("{} is not a time; it is kept and counts as unknown", shown(other)))
            }
        }
    }
}

fn plain_time(text: &str) -> bool {
    text.len() == 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z')
}

/// A value in a message: short, on one line.
fn shown(value: &Value) -> String {
    regatta_kit::OutsideText::line(&value.to_string(), 40).as_str().to_owned()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// Judges the shape of a tree.
pub(crate) fn structure(tree: &Value) -> Structure {
    let mut found = Structure::default();
    let Value::Object(root) = tree else {
        found.fault(Path::default(), format!("is {}, not a StateBox", kind(tree)));
        return found;
    };
    // A newer format first: what else looks wrong may be right there.
    formats(root, &mut found);
    if !found.faults.is_empty() {
        return found;
    }
    if let Some(field) = FIELDS.iter().find(|field| !root.contains_key(**field)) {
        let known = FIELDS.iter().filter(|field| root.contains_key(**field)).count();
        let why = if known < 3 {
            format!("the field {field:?} is missing: this is not a StateBox")
        } else {
            format!("the field {field:?} is missing: the file is half-written or cut short")
        };
        // Where a file was cut is behind the last field it has.
        let place = root.keys().next_back().map_or_else(Path::default, |last| Path::key(last));
        found.fault(if known < 3 { Path::default() } else { place }, why);
        return found;
    }
    header(root, &mut found);
    metadata(&root["metadata"], &mut found);
    tasks(&root["tasks"], &mut found);
    issues(&root["issues"], !root.contains_key("regatta"), &mut found);
    regatta(root.get("regatta"), &mut found);
    for key in root.keys() {
        if key != "regatta" && !FIELDS.contains(&key.as_str()) {
            found.warn(Path::key(key), "is a field nobody here knows; it is kept");
        }
    }
    found
}

fn formats(root: &Map<String, Value>, found: &mut Structure) {
    let place = Path::key("schema_version");
    match root.get("schema_version") {
        Some(Value::String(version)) => match version.split('.').next().map(str::parse::<u64>) {
            Some(Ok(major)) if major > 1 => {
                found.newer(
                    place,
                    format!("version {version:?} is newer than 1, the highest this program knows"),
                );
            }
            Some(Ok(_)) if version == "1.0" => {}
            Some(Ok(_)) => found.warn(place, format!("{version:?} is not the usual 1.0")),
            _ => found
                .fault(place, format!("{} is not a version such as 1.0", shown(&version.as_str().into()))),
        },
        Some(Value::Number(number)) => {
            if number.as_f64().is_some_and(|n| n >= 2.0) {
                found.newer(
                    place,
                    format!("version {number} is newer than 1, the highest this program knows"),
                );
            } else {
                found.warn(place, "is a number; production writes it in quotes");
            }
        }
        Some(other) => found.fault(place, format!("is {}, not a version such as 1.0", kind(other))),
        None => {}
    }
    let format = root.get("regatta").and_then(|part| part.get("format")).and_then(Value::as_u64);
    if let Some(format) = format.filter(|format| *format > FORMAT) {
        let why = format!("{format} is newer than {FORMAT}, the highest this program knows");
        found.newer(Path::key("regatta").then("format"), why);
    }
}

fn header(root: &Map<String, Value>, found: &mut Structure) {
    let place = Path::key("release");
    match &root["release"] {
        Value::String(text) => {
            if let Err(error) = text.parse::<Release>() {
                found.fault(place, error.to_string());
            }
        }
        other => found.fault(place, format!("is {}, not a release such as 4.20.1", kind(other))),
    }
    for field in ["created_at", "updated_at"] {
        match &root[field] {
            value @ Value::String(_) => found.time(Path::key(field), value),
            other => found.warn(Path::key(field), format!("is {}, not a time", kind(other))),
        }
    }
}

fn metadata(value: &Value, found: &mut Structure) {
    let place = Path::key("metadata");
    let Value::Object(map) = value else {
        return found.fault(place, format!("is {}, not a mapping", kind(value)));
    };
    for (field, value) in map {
        let place = place.then(field);
        match field.as_str() {
            "advisory_ids" => match value {
                Value::Object(ids) => {
                    for (name, id) in ids {
                        if id.as_u64().is_none() {
                            found.warn(place.then(name), format!("{} is not an advisory number", shown(id)));
                        }
                    }
                }
                Value::Null => found.warn(place, "is null"),
                other => found.fault(place, format!("is {}, not a mapping", kind(other))),
            },
            "candidate_builds" => match value {
                Value::Object(builds) => {
                    if builds.is_empty() {
                        found.warn(place.clone(), "names no candidate");
                    }
                    for (arch, build) in builds {
                        let text = build.as_str().unwrap_or_default();
                        if text.parse::<regatta_kit::Build>().is_err() {
                            found.warn(place.then(arch), format!("{} is not a build", shown(build)));
                        }
                    }
                }
                Value::Null => found.warn(place, "is null"),
                other => found.fault(place, format!("is {}, not a mapping", kind(other))),
            },
            known if Metadata::FIELDS.contains(&known) => {
                if !value.is_string() && !value.is_null() {
                    found.fault(place, format!("is {}, not text", kind(value)));
                }
            }
            _ => found.warn(place, "is a field nobody here knows; it is kept"),
        }
    }
}

fn tasks(value: &Value, found: &mut Structure) {
    let place = Path::key("tasks");
    let Value::Array(list) = value else {
        return found
            .fault(place, format!("is {}, not a list: the file is half-written or foreign", kind(value)));
    };
    let mut names = HashSet::new();
    for (i, entry) in list.iter().enumerate() {
        let place = place.at(i);
        let Value::Object(task) = entry else {
            found.fault(place, format!("is {}, not a task", kind(entry)));
            continue;
        };
        match task.get("name") {
            Some(Value::String(name)) => {
                if !names.insert(name) {
                    found.fault(place.then("name"), format!("{name:?} stands in the list twice"));
                } else if name.parse::<Task>().is_err() {
                    let known = if OTHER_TASKS.contains(&name.as_str()) {
                        "not a task of this flow"
                    } else {
                        "an unknown task"
                    };
                    found.warn(
                        place.then("name"),
                        format!("{} is {known}; it is kept", shown(&name.as_str().into())),
                    );
                }
            }
            Some(other) => found.fault(place.then("name"), format!("is {}, not a task's name", kind(other))),
            None => found.fault(place.clone(), "has no name: the file is half-written or foreign"),
        }
        match task.get("status") {
            Some(Value::String(word)) => {
                if let Err(error) = word.parse::<Status>() {
                    found.fault(place.then("status"), error.to_string());
                }
            }
            Some(other) => found.fault(place.then("status"), format!("is {}, not a status", kind(other))),
            None => found.fault(place.clone(), "has no status: the file is half-written or foreign"),
        }
        match task.get("result") {
            None | Some(Value::String(_)) => {}
            Some(Value::Null) => found.warn(place.then("result"), "is null: no text was recorded"),
            Some(other) => found.fault(place.then("result"), format!("is {}, not text", kind(other))),
        }
        for field in ["started_at", "completed_at"] {
            if let Some(value) = task.get(field) {
                found.time(place.then(field), value);
            }
        }
        let time = |field: &str| task.get(field).and_then(Value::as_str).and_then(parse_time);
        if let (Some(began), Some(ended)) = (time("started_at"), time("completed_at"))
            && ended < began
        {
            found
                .warn(place.then("completed_at"), "is before started_at: the two come from different clocks");
        }
        unknown_or_missing(task, &TASK_FIELDS, &[], &place, found);
    }
}

fn issues(value: &Value, ends_file: bool, found: &mut Structure) {
    let place = Path::key("issues");
    let Value::Array(list) = value else {
        return found
            .fault(place, format!("is {}, not a list: the file is half-written or foreign", kind(value)));
    };
    for (i, entry) in list.iter().enumerate() {
        let place = place.at(i);
        let Value::Object(issue) = entry else {
            found.fault(place, format!("is {}, not an issue", kind(entry)));
            continue;
        };
        match issue.get("issue") {
            Some(Value::String(text)) if !text.trim().is_empty() => {}
            Some(_) => found.fault(place.then("issue"), "is not text that says what is wrong"),
            None => found.fault(place.clone(), "has no text: the file is half-written or foreign"),
        }
        for field in ["resolved", "blocker"] {
            if let Some(other) = issue.get(field).filter(|v| !v.is_boolean()) {
                found.fault(place.then(field), format!("is {}, not true or false", kind(other)));
            }
        }
        for field in ["reported_at", "resolved_at"] {
            if let Some(value) = issue.get(field) {
                found.time(place.then(field), value);
            }
        }
        if let Some(other) = issue.get("resolution").filter(|v| !v.is_string() && !v.is_null()) {
            found.fault(place.then("resolution"), format!("is {}, not text", kind(other)));
        }
        related_tasks(issue, &place, found);
        // In YAML a file cut inside its last issue is still well formed: there everything has to be present.
        let last = ends_file && i + 1 == list.len();
        let resolved = issue.get("resolved") == Some(&Value::Bool(true));
        let cut = ISSUE_FIELDS.iter().find(|f| !issue.contains_key(**f)).copied();
        let cut = cut.or((resolved && !issue.contains_key("resolved_at")).then_some("resolved_at"));
        if let Some(field) = cut.filter(|_| last) {
            found.fault(
                place,
                format!("the field {field:?} is missing: the file is half-written or cut short"),
            );
        } else {
            unknown_or_missing(issue, &ISSUE_FIELDS, &["resolved_at"], &place, found);
        }
    }
}

/// Gives an issue that comes to stand last in a file, by a merge, what its writer left out: without it the file would be
/// taken for one that was cut.
pub(crate) fn make_whole(issue: &mut Map<String, Value>) {
    let missing = [
        ("reported_at", Value::Null),
        ("resolved", Value::Bool(false)),
        ("resolution", Value::Null),
        ("blocker", Value::Bool(false)),
        ("related_tasks", Value::Array(Vec::new())),
    ];
    for (field, value) in missing {
        issue.entry(field).or_insert(value);
    }
    if issue["resolved"] == Value::Bool(true) {
        issue.entry("resolved_at").or_insert(Value::Null);
    }
}

fn related_tasks(issue: &Map<String, Value>, place: &Path, found: &mut Structure) {
    let place = place.then("related_tasks");
    match issue.get("related_tasks") {
        Some(Value::Array(names)) => {
            for (i, name) in names.iter().enumerate() {
                match name {
                    Value::String(text) if text.parse::<Task>().is_ok() => {}
                    Value::String(_) => {
                        found.warn(
                            place.at(i),
                            format!("{} is not a task of this flow; it is kept", shown(name)),
                        );
                    }
                    other => found.fault(place.at(i), format!("is {}, not a task's name", kind(other))),
                }
            }
        }
        Some(other) => {
            found.fault(place, format!("is {}, not a list: the file is half-written or foreign", kind(other)))
        }
        None => {}
    }
}

fn unknown_or_missing(
    map: &Map<String, Value>,
    fields: &[&str],
    more: &[&str],
    place: &Path,
    found: &mut Structure,
) {
    for field in fields {
        if !map.contains_key(*field) {
            found.warn(place.clone(), format!("the field {field:?} is missing"));
        }
    }
    for key in map.keys() {
        if !fields.contains(&key.as_str()) && !more.contains(&key.as_str()) {
            found.warn(place.then(key), "is a field nobody here knows; it is kept");
        }
    }
}

fn regatta(part: Option<&Value>, found: &mut Structure) {
    let Some(part) = part else { return };
    let place = Path::key("regatta");
    let Value::Object(map) = part else {
        return found
            .fault(place, format!("is {}, not a mapping: the file is half-written or foreign", kind(part)));
    };
    if map.get("format").and_then(Value::as_u64).is_none_or(|format| format == 0) {
        return found
            .fault(place.then("format"), "is not a format number: the file is half-written or foreign");
    }
    let entries = match map.get("history") {
        Some(Value::Array(list)) => list.len(),
        None => 0,
        Some(other) => return found.fault(place.then("history"), format!("is {}, not a list", kind(other))),
    };
    match map.get("entries").and_then(Value::as_u64) {
        Some(counted) if usize::try_from(counted) == Ok(entries) => {}
        Some(counted) => found.fault(
            place.then("entries"),
            format!("counts {counted} entries, the history has {entries}: half-written, or merged by hand (`regatta statebox merge` unites two)"),
        ),
        None => found.fault(place, "does not end with the number of its entries: the file is half-written or cut short"),
    }
}

/// Which moves of a history are legal: the caller's transition table.
///
/// Status before and after, attempt before and after, and the entry that makes the move.
pub type Legal<'a> = dyn Fn(Status, Status, u32, u32, &Body) -> bool + 'a;

/// What was found in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// For these the file is refused.
    pub faults: Vec<Finding>,
    /// These are odd, and kept.
    pub warnings: Vec<Finding>,
    /// Whether a fault is that the file is of a newer program.
    pub newer_format: bool,
}

/// Judges a file's text: shape, history, and moves by the caller's table. Imported edits are exempt.
#[must_use]
pub fn validate(text: &str, layout: Layout, legal: &Legal<'_>) -> Report {
    let mut report = Report::default();
    match StateBox::parse(text, layout) {
        Err(DocumentError { code, finding }) => {
            report.newer_format = code == Code::NewerFormat;
            report.faults.push(finding);
        }
        Ok((state, warnings)) => {
            report.warnings = warnings;
            for (place, why) in moves(state.document(), legal) {
                report.faults.push(Finding { line: line_of(text, layout, &place), field: place, why });
            }
            let written = state.render(layout);
            if let Some(line) = first_difference(text, &written) {
                let why = "is not written as production writes it (by hand, or by another tool); the next change writes it anew";
                report.warnings.push(Finding {
                    line: Some(line),
                    field: Path::default(),
                    why: why.to_owned(),
                });
            }
        }
    }
    report
}

fn first_difference(text: &str, written: &str) -> Option<usize> {
    if text == written {
        return None;
    }
    let same = text.lines().zip(written.lines()).take_while(|(a, b)| a == b).count();
    Some((same + 1).min(text.lines().count().max(1)))
}

/// The smallest table that holds for every flow: forward within an attempt; back, or anew, only with a higher one.
#[must_use]
pub fn forward_only(from: Status, to: Status, before: u32, after: u32, body: &Body) -> bool {
    match body {
        Body::Overridden { .. } => stage(to) == 2,
        _ if after > before => stage(to) < 2,
        _ => after == before && stage(to) > stage(from),
    }
}

/// The illegal moves of a document's history, with the place of the entry that makes each.
fn moves(document: &Document, legal: &Legal<'_>) -> Vec<(Path, String)> {
    let list = Path::key("regatta").then("history");
    let mut found = Vec::new();
    if document.is_partial() {
        // Where the tasks stood at the beginning of what is at hand is not known.
        return found;
    }
    let mut folded = crate::fold::Folded::default();
    let mut place = 0;
    for entry in &document.history {
        let event = &entry.event;
        let path = if entry.archived { list.clone() } else { list.at(place) };
        place += usize::from(!entry.archived);
        if let Some(why) = judge(event, &folded, legal) {
            found.push((path, why));
        }
        folded.step(event);
    }
    found
}

fn judge(event: &Event, folded: &crate::fold::Folded, legal: &Legal<'_>) -> Option<String> {
    let (task, to, attempt) = match &event.body {
        Body::TaskMoved { task, to, attempt, .. } => (*task, *to, Some(*attempt)),
        Body::Overridden { task, verdict, .. } => (*task, *verdict, None),
        _ => return None,
    };
    let state = &folded.tasks[task];
    let after = attempt.unwrap_or(state.attempt);
    // Told twice, or telling more about where the task stands: no move.
    let still = attempt == Some(state.attempt) && to == state.status;
    if still || legal(state.status, to, state.attempt, after, &event.body) {
        return None;
    }
    let from = state.status;
    let tries = if after == state.attempt {
        String::new()
    } else {
        format!(" (attempt {} to {after})", state.attempt)
    };
    Some(format!("{} moves {task} from {from} to {to}{tries}, which is no legal move", event.id))
}

/// The times of a document that lie after `now`: told by `doctor`, since production's clocks were wrong for a time.
#[must_use]
pub fn times_ahead(document: &Document, now: Timestamp) -> Vec<Path> {
    let mut ahead = Vec::new();
    for (i, entry) in document.list("tasks").iter().enumerate() {
        for field in ["started_at", "completed_at"] {
            if entry.get(field).and_then(Value::as_str).and_then(parse_time).is_some_and(|at| at > now) {
                ahead.push(Path::key("tasks").at(i).then(field));
            }
        }
    }
    ahead
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, Variant};
    use regatta_kit::ids::{EventId, Writer};

    fn release() -> Release {
        "4.20.1".parse().unwrap()
    }

    fn plain() -> String {
        fixtures::text(release(), 1, &[Variant::Issues], Layout::Yaml)
    }

    fn faults(text: &str) -> Vec<String> {
        validate(text, Layout::guess(text), &forward_only).faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_variant_of_production_is_accepted_and_comes_back_byte_for_byte_through_both_layouts() {
        for (name, text) in fixtures::all(release(), Layout::Yaml) {
            let report = validate(&text, Layout::Yaml, &forward_only);
            assert_eq!(report.faults, [], "{name}");
            assert!(
                report.warnings.iter().all(|w| !w.why.contains("not written as")),
                "{name}: {:?}",
                report.warnings
            );
            let (state, _) = StateBox::parse(&text, Layout::Yaml).unwrap();
            let (json, _) = StateBox::parse(&state.render(Layout::Json), Layout::Json).unwrap();
            assert_eq!(json.render(Layout::Yaml), text, "{name}");
        }
    }

    #[test]
    fn what_is_odd_is_told_with_its_line_and_kept() {
        let odd = [
            Variant::EndsBeforeItBegins,
            Variant::OtherTasks,
            Variant::QeOwner,
            Variant::NoResult,
            Variant::NoCandidate,
        ];
        let text = fixtures::text(release(), 1, &odd, Layout::Yaml);
        let warnings: Vec<String> =
            validate(&text, Layout::Yaml, &forward_only).warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "line 6, metadata.qe_owner: is a field nobody here knows; it is kept",
                "line 12, metadata.candidate_builds: names no candidate",
                "line 36, tasks[2].completed_at: is before started_at: the two come from different clocks",
                "line 52, tasks[4].result: is null: no text was recorded",
                "line 89, tasks[9].name: \"update-bug-list\" is not a task of this flow; it is kept",
                "line 94, tasks[10].name: \"check-greenwave-cvp-tests\" is not a task of this flow; it is kept",
            ]
        );
    }

    #[test]
    fn a_file_cut_short_is_refused_where_it_ends() {
        let text = plain();
        let issues = text.find("\nissues:").unwrap() + 1;
        for cut in (0..issues).step_by(13) {
            assert!(!faults(&text[..cut]).is_empty(), "cut at {cut}: {}", &text[..cut]);
        }
        // Inside the list of issues only a cut behind a whole issue cannot be told from the whole.
        let whole: Vec<usize> =
            text.match_indices("\n- issue:").map(|(at, _)| at + 1).chain([text.len()]).collect();
        for cut in (issues..text.len()).step_by(3) {
            let body = text[..cut].lines().last().unwrap_or_default().trim_start();
            let in_names = body.starts_with("- ") && text[..cut].ends_with('\n');
            assert!(
                !faults(&text[..cut]).is_empty()
                    || whole.contains(&cut)
                    || in_names
                    || text[..cut].ends_with("[]\n"),
                "cut at {cut}"
            );
        }
        let found = faults(&text[..issues]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("tasks: the field \"issues\" is missing: the file is half-written"),
            "{found:?}"
        );
    }

    #[test]
    fn a_json_file_cut_anywhere_is_refused() {
        let text = fixtures::text(release(), 1, &[Variant::Issues], Layout::Json);
        for cut in (0..text.len() - 2).filter(|cut| text.is_char_boundary(*cut)).step_by(7) {
            assert!(!faults(&text[..cut]).is_empty(), "cut at {cut}");
        }
    }

    #[test]
    fn foreign_files_and_wrong_fields_are_refused_with_line_and_field() {
        let text = plain();
        let cases = [
            (
                "kind: Deployment\nspec: {}\n".to_owned(),
                "line 1, the document: the field \"schema_version\" is missing: this is not a StateBox",
            ),
            ("- 1\n- 2\n".to_owned(), "line 1, the document: is a list, not a StateBox"),
            ("just words\n".to_owned(), "line 1, the document: is text, not a StateBox"),
            (
                text.replace("status: Pass", "status: Passed"),
                "line 16, tasks[0].status: status \"Passed\": is not a status; write Not Started, In Progress, Pass or Fail",
            ),
            (
                text.replace("release: 4.20.1", "release: 4.20"),
                "line 2, release: is a number, not a release such as 4.20.1",
            ),
            (
                text.replace("resolved: true", "resolved: maybe"),
                "line 92, issues[0].resolved: is text, not true or false",
            ),
            (
                text.replace("name: take-ownership", "name: stage-testing"),
                "line 62, tasks[6].name: \"stage-testing\" stands in the list twice",
            ),
            (
                text.replace("schema_version: '1.0'", "schema_version: '2.0'"),
                "line 1, schema_version: version \"2.0\" is newer than 1, the highest this program knows",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(faults(&text), [expected]);
        }
        assert!(
            validate(
                "{\"schema_version\": \"1.0\", \"regatta\": {\"format\": 9}}",
                Layout::Json,
                &forward_only
            )
            .newer_format
        );
    }

    #[test]
    fn an_illegal_move_is_found_with_its_line_and_an_import_is_exempt() {
        let (mut state, _) = StateBox::parse(&plain(), Layout::Yaml).unwrap();
        let entry = |number, to, attempt| Event {
            id: EventId(Writer("w".into()), number),
            at: "2026-03-01T10:00:00Z".parse().unwrap(),
            actor: "x".into(),
            reason: None,
            body: Body::TaskMoved {
                task: Task::StageTesting,
                from: Status::Pass,
                to,
                attempt,
                evidence: None,
                result: None,
            },
        };
        state.apply(vec![entry(1, Status::NotStarted, 2), entry(2, Status::InProgress, 2)]);
        assert_eq!(faults(&state.render(Layout::Yaml)), Vec::<String>::new());
        state.apply(vec![entry(3, Status::Pass, 2), entry(4, Status::Fail, 2)]);
        let found = faults(&state.render(Layout::Json));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].ends_with(
                "regatta.history[4]: w/4 moves stage-testing from Pass to Fail, which is no legal move"
            ),
            "{found:?}"
        );
        assert!(found[0].starts_with("line "), "{found:?}");
    }

    #[test]
    fn a_history_cut_or_merged_by_hand_is_refused() {
        let mut state = StateBox::new(release(), "2026-03-01T10:00:00Z".parse().unwrap());
        let body = Body::Leased { holder: "a".into(), until: "2026-03-01T11:00:00Z".parse().unwrap() };
        let at = "2026-03-01T10:00:00Z".parse().unwrap();
        state.apply(vec![Event {
            id: EventId(Writer("w".into()), 1),
            at,
            actor: "x".into(),
            reason: None,
            body,
        }]);
        let text = state.render(Layout::Yaml);
        let regatta = text.find("regatta:").unwrap();
        for cut in regatta + 1..text.len() {
            assert!(!faults(&text[..cut]).is_empty(), "cut at {cut}: {}", &text[regatta..cut]);
        }
        assert!(faults(&text.replace("entries: 1", "entries: 2"))[0].contains("counts 2 entries"));
    }
}
