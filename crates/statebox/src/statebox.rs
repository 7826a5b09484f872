//! The aggregate: a document together with what its history comes to.
//!
//! Events are applied here and nowhere else: history grows, the fold takes a step, and the fields that production
//! reads are written again where the step touched them. What no event touched stays as it stood, byte for byte.

use jiff::{SignedDuration, Timestamp};
use regatta_kit::ids::{EventId, Writer, digest};
use regatta_kit::{Release, Status, Task};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::check;
use crate::document::{Document, DocumentError, Entry, FORMAT, Finding, Layout, Metadata, seconds};
use crate::event::{Body, Event};
use crate::fold::{Folded, MovedBy};
use crate::foreign::{self, Trust};
use crate::mask;

/// A release's whole state.
#[derive(Debug, Clone, PartialEq)]
pub struct StateBox {
    // Shared until one of the copies changes: a driver takes a copy at every look, and mostly nothing has changed.
    document: Arc<Document>,
    folded: Arc<Folded>,
    /// What the document says otherwise than its history: not yet an entry.
    pending: Map<String, Value>,
}

impl StateBox {
    /// An empty state, as production begins one.
    #[must_use]
    pub fn new(release: Release, created_at: Timestamp) -> Self {
        Self {
            document: Arc::new(Document::new(release, created_at)),
            folded: Arc::default(),
            pending: Map::new(),
        }
    }

    /// Takes a document up. Where it says otherwise than its history (all of it, in a document of production's own)
    /// the document is believed: [`Self::folded`] shows it at once, and the next change records it.
    #[must_use]
    pub fn open(document: Document) -> Self {
        let mut folded = Folded::of(document.history());
        foreign::fill_texts(&mut folded, &document.root);
        let pending = foreign::difference(&document.root, &folded, Trust::Everything);
        let mut state = Self { document: Arc::new(document), folded: Arc::new(folded), pending };
        state.believe_pending();
        if state.document.is_partial() {
            // Without the older history nobody can tell an edit from what it says.
            state.pending.clear();
        }
        state
    }

    /// Reads a text; warnings come beside it.
    ///
    /// # Errors
    /// When the text is no whole document of a known format.
    pub fn parse(text: &str, layout: Layout) -> Result<(Self, Vec<Finding>), DocumentError> {
        let (document, warnings) = Document::parse(text, layout)?;
        Ok((Self::open(document), warnings))
    }

    fn believe_pending(&mut self) {
        if !self.pending.is_empty() {
            let at = self.edited_at();
            foreign::take_over(Arc::make_mut(&mut self.folded), at, &Value::Object(self.pending.clone()));
            foreign::fill_texts(Arc::make_mut(&mut self.folded), &self.document.root);
        }
    }

    /// Folds a united history and writes all it knows into the fields; texts that only the given fields hold are
    /// found there.
    pub(crate) fn fold_anew(document: Document, texts: &[&Map<String, Value>]) -> Self {
        if document.is_partial() {
            return Self::open(document);
        }
        let mut folded = Folded::of(document.history());
        foreign::fill_texts(&mut folded, &document.root);
        for root in texts {
            foreign::fill_texts(&mut folded, root);
        }
        let updated_at = document.root.get("updated_at").cloned();
        let mut state = Self { document: Arc::new(document), folded: Arc::new(folded), pending: Map::new() };
        state.project_all();
        // A union changes nothing by itself: the later of the two times stands.
        if let Some(Value::String(stated)) = updated_at
            && crate::document::parse_time(&stated) > state.last_at()
        {
            state.document_mut().root.insert("updated_at".to_owned(), stated.into());
        }
        state.pending = foreign::difference(&state.document.root, &state.folded, Trust::Everything);
        state.believe_pending();
        state
    }

    /// Believes edits that stand in another content than this document's, and writes them into its fields.
    pub(crate) fn believing(mut self, edits: Map<String, Value>, source: &Map<String, Value>) -> Self {
        if !edits.is_empty() {
            self.pending.extend(edits);
            let at = self.edited_at();
            foreign::take_over(Arc::make_mut(&mut self.folded), at, &Value::Object(self.pending.clone()));
            foreign::fill_texts(Arc::make_mut(&mut self.folded), source);
            self.project_all();
        }
        self
    }

    /// When the edits not yet recorded were made, as far as the document tells.
    fn edited_at(&self) -> Timestamp {
        let stated =
            crate::document::parse_time(self.document.text("updated_at")).unwrap_or(Timestamp::UNIX_EPOCH);
        self.last_at().map_or(stated, |last| stated.max(last))
    }

    fn last_at(&self) -> Option<Timestamp> {
        self.document.history.last().map(|entry| entry.event.at)
    }

    /// The release.
    #[must_use]
    pub fn release(&self) -> Release {
        self.document.release
    }

    /// The state after everything.
    #[must_use]
    pub fn folded(&self) -> &Folded {
        &self.folded
    }

    /// The document as it stands.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The history in its order, oldest first.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &Event> + ExactSizeIterator {
        self.document.history()
    }

    /// The number of a writer's next event.
    #[must_use]
    pub fn next_number(&self, writer: &Writer) -> u64 {
        self.history().filter(|e| e.id.0 == *writer).map(|e| e.id.1).max().unwrap_or(0) + 1
    }

    /// Whether somebody else's edits stand in the document that the history does not know yet.
    #[must_use]
    pub fn has_foreign_edits(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The one entry that records what somebody else wrote; `None` when there is nothing to record.
    ///
    /// [`Self::apply`] makes such an entry by itself when the caller does not.
    #[must_use]
    pub fn reconcile_foreign(&self, id: EventId, at: Timestamp) -> Option<Event> {
        (!self.pending.is_empty()).then(|| imported(id, self.not_before_last(at), self.pending.clone()))
    }

    fn not_before_last(&self, at: Timestamp) -> Timestamp {
        self.last_at().map_or(at, |last| last.max(at))
    }

    /// An entry of foreign edits, dated when they were made. Its id is made of the content: two that find the same
    /// edits record one entry.
    pub(crate) fn import_of(&self, difference: Map<String, Value>) -> Option<Event> {
        if difference.is_empty() {
            return None;
        }
        let text = Value::Object(difference.clone()).to_string();
        let after = self.document.history.last().map_or_else(String::new, |entry| entry.event.id.to_string());
        let name = digest(format!("{after}\n{text}").as_bytes(), 16);
        let id = EventId(Writer(format!("import-{name}")), 1);
        Some(imported(id, self.edited_at(), difference))
    }

    /// Appends events and writes the fields they touch. Events already in the history are left out; free text is
    /// masked; an event dated before what its writer had seen is dated just after it. Gives the number appended.
    pub fn apply(&mut self, events: Vec<Event>) -> usize {
        let fresh: Vec<Event> = events.into_iter().filter(|e| !self.contains(&e.id)).collect();
        let Some(first) = fresh.first() else { return 0 };
        let import = match first.body {
            // The caller's own record of the very same edits.
            Body::Imported { .. } => None,
            _ => self.import_of(self.pending.clone()).map(|entry| {
                let at = self.not_before_last(entry.at.min(first.at));
                Event { at, ..entry }
            }),
        };
        let before = self.document.history.len();
        let mut touched = Touched::default();
        for mut event in import.into_iter().chain(fresh) {
            if self.contains(&event.id) {
                continue;
            }
            self.date(&mut event);
            mask::event(&mut event);
            touched.note(&event.body);
            Arc::make_mut(&mut self.folded).step(&event);
            if matches!(event.body, Body::Imported { .. }) {
                foreign::fill_texts(Arc::make_mut(&mut self.folded), &self.document.root);
            }
            self.document_mut().history.push(Arc::new(Entry::new(event)));
        }
        self.pending.clear();
        self.project(&touched);
        self.document.history.len() - before
    }

    fn contains(&self, id: &EventId) -> bool {
        // From the newest: a repeat is nearly always of the last few.
        self.document.history.iter().rev().any(|entry| entry.event.id == *id)
    }

    /// Nothing is dated before what its writer had seen, or the fold would take effect before cause.
    fn date(&self, event: &mut Event) {
        if let Some(last) = self.document.history.last()
            && event.order() <= last.event.order()
        {
            let sorts_after = event.id > last.event.id;
            let step = SignedDuration::from_nanos(i64::from(!sorts_after));
            event.at = last.event.at.saturating_add(step).unwrap_or(last.event.at);
        }
    }

    /// Writes what the fold knows into production's fields, where something was touched or is missing.
    fn project(&mut self, touched: &Touched) {
        if touched.metadata {
            self.project_metadata();
        }
        for task in Task::ALL {
            let known = self.folded.tasks[task].moved_by != MovedBy::Nobody;
            if touched.tasks.contains(&task) || (known && self.task_place(task).is_none()) {
                self.project_task(task);
            }
        }
        if touched.issues || self.document.list("issues").len() < self.folded.issues.len() {
            self.project_issues();
        }
        if let Some(at) = self.last_at() {
            self.document_mut().root.insert("updated_at".to_owned(), seconds(at).into());
        }
    }

    /// Writes everything the fold knows, as after a union of histories.
    pub(crate) fn project_all(&mut self) {
        let moved = |task: &Task| self.folded.tasks[*task].moved_by != MovedBy::Nobody;
        let tasks = Task::ALL.into_iter().filter(moved).collect();
        let metadata = self.folded.opened_at.is_some() || self.folded.metadata != Metadata::default();
        self.project(&Touched { metadata, tasks, issues: true });
    }

    fn project_metadata(&mut self) {
        let slot = Arc::make_mut(&mut self.document)
            .root
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        if !slot.is_object() {
            *slot = Value::Object(Map::new());
        }
        let stands = Metadata::read(Some(slot));
        let map = slot.as_object_mut().expect("just made a mapping");
        for field in Metadata::FIELDS {
            let value = self.folded.metadata.get(field);
            if !map.contains_key(field) || stands.get(field) != value {
                map.insert(field.to_owned(), value);
            }
        }
    }

    fn task_place(&self, task: Task) -> Option<usize> {
        let named = |entry: &Value| entry.get("name").and_then(Value::as_str) == Some(task.name());
        self.document.list("tasks").iter().position(named)
    }

    fn project_task(&mut self, task: Task) {
        let state = &self.folded.tasks[task];
        let time = |at: Option<Timestamp>| at.map_or(Value::Null, |at| seconds(at).into());
        let fields = [
            ("status", Value::from(state.status.word())),
            ("started_at", time(state.started_at)),
            ("completed_at", time(state.completed_at)),
        ];
        let result = state.result.clone();
        let untouched = state.status == Status::NotStarted && state.moved_by == MovedBy::Nobody;
        let place = self.task_place(task);
        let tasks = Arc::make_mut(&mut self.document).list_mut("tasks");
        let entry = match place {
            Some(place) => &mut tasks[place],
            None if untouched => return,
            None => {
                tasks.push(json!({ "name": task.name(), "status": "", "started_at": null, "completed_at": null, "result": null }));
                tasks.last_mut().expect("just pushed")
            }
        };
        let Value::Object(entry) = entry else { return };
        for (field, value) in fields {
            // A time that says the same in another form (fractions, an offset) stays as it stands.
            let same_time = |old: &Value| old.as_str().and_then(crate::document::parse_time).map(seconds);
            let stands = entry.get(field);
            let same = stands == Some(&value)
                || (field != "status"
                    && value.is_string()
                    && stands.and_then(same_time).as_deref() == value.as_str());
            if !same {
                entry.insert(field.to_owned(), value);
            }
        }
        if let Some(text) = result
            && entry.get("result").and_then(Value::as_str) != Some(&text)
        {
            entry.insert("result".to_owned(), text.into());
        }
    }

    fn project_issues(&mut self) {
        let list = Arc::make_mut(&mut self.document).list_mut("issues");
        let standing: HashMap<String, usize> =
            list.iter().enumerate().rev().map(|(place, entry)| (foreign::issue_id(entry), place)).collect();
        for issue in &self.folded.issues {
            let place = standing.get(&issue.id).copied().unwrap_or_else(|| {
                list.push(json!({
                    "issue": issue.text,
                    "reported_at": issue.reported_at.map(seconds),
                    "resolved": false,
                    "resolution": null,
                    "blocker": issue.blocker,
                    "related_tasks": issue.related_tasks,
                }));
                list.len() - 1
            });
            let Some(Value::Object(entry)) = list.get_mut(place) else { continue };
            let mut set = |field: &str, value: Value| {
                if entry.get(field) != Some(&value) {
                    entry.insert(field.to_owned(), value);
                }
            };
            set("resolved", issue.resolved.into());
            set("blocker", issue.blocker.into());
            set("related_tasks", json!(issue.related_tasks));
            if issue.resolved {
                if let Some(text) = issue.resolution.as_ref().filter(|text| !text.starts_with('\u{0}')) {
                    set("resolution", text.clone().into());
                }
                let stands =
                    entry.get("resolved_at").and_then(Value::as_str).and_then(crate::document::parse_time);
                if let Some(at) = issue.resolved_at
                    && stands.map(seconds) != Some(seconds(at))
                {
                    entry.insert("resolved_at".to_owned(), seconds(at).into());
                }
            }
        }
    }

    /// The whole tree as it is written: production's fields, then `regatta` unless it would be empty.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut root = self.document.root.clone();
        let part = self.regatta_part();
        if !part.is_empty() {
            root.insert("regatta".to_owned(), Value::Object(part));
        } else if let Some(Value::Array(issues)) = root.get_mut("issues")
            && let Some(Value::Object(last)) = issues.last_mut()
        {
            check::make_whole(last);
        }
        Value::Object(root)
    }

    /// The text of the document in a layout.
    #[must_use]
    pub fn render(&self, layout: Layout) -> String {
        Document::write(&self.to_value(), layout)
    }

    fn regatta_part(&self) -> Map<String, Value> {
        let document = &self.document;
        let mut part = Map::new();
        if document.history.is_empty() && document.unknown.is_empty() && document.archives == 0 {
            return part;
        }
        let recent: Vec<Value> =
            document.history.iter().filter(|e| !e.archived).map(|e| e.to_value()).collect();
        part.insert("format".to_owned(), FORMAT.into());
        if document.archives > 0 {
            part.insert("archives".to_owned(), document.archives.into());
        }
        let entries = recent.len();
        part.insert("history".to_owned(), Value::Array(recent));
        let folded = &self.folded;
        let mut note = |key: &str, value: Result<Value, serde_json::Error>| {
            let value = value.expect("plain data");
            let empty = match &value {
                Value::Object(map) => map.is_empty(),
                Value::Array(list) => list.is_empty(),
                other => other.is_null(),
            };
            if !empty {
                part.insert(key.to_owned(), value);
            }
        };
        if document.is_partial() {
            // Only part of the history is at hand: what the file says it comes to stands.
            for (key, value) in &document.stated {
                note(key, Ok(value.clone()));
            }
        } else {
            note("intents", serde_json::to_value(&folded.intents));
            note("handles", serde_json::to_value(&folded.handles));
            note("overrides", serde_json::to_value(&folded.overrides));
            note("outbox", serde_json::to_value(&folded.outbox));
            note("lease", serde_json::to_value(&folded.lease));
        }
        for (key, value) in &document.unknown {
            part.insert(key.clone(), value.clone());
        }
        // Last, and counted: in YAML a file that was cut short is often still well formed.
        part.insert("entries".to_owned(), entries.into());
        part
    }

    /// Whether every entry of another document's history is in this one.
    pub(crate) fn knows(&self, other: &Document) -> bool {
        let ids: HashSet<&EventId> = self.document.history.iter().map(|entry| &entry.event.id).collect();
        other.history.iter().all(|entry| ids.contains(&entry.event.id))
    }

    /// The oldest entries that stand in the document itself, about `bytes` of them and at most `limit`; `None` when
    /// there is nothing to move.
    pub(crate) fn older_history(&self, bytes: usize, limit: usize) -> Option<Vec<Arc<Entry>>> {
        let mut taken = 0;
        let mut older = Vec::new();
        for entry in self.document.history.iter().filter(|entry| !entry.archived) {
            // Indented, an entry is larger than its plain text by about a half.
            let size = entry.to_value().to_string().len() * 3 / 2;
            if !older.is_empty() && (taken >= bytes || taken + size > limit) {
                break;
            }
            taken += size;
            older.push(Arc::new(entry.archived_copy()));
        }
        (!older.is_empty()).then_some(older)
    }

    pub(crate) fn pending(&self) -> &Map<String, Value> {
        &self.pending
    }

    pub(crate) fn document_mut(&mut self) -> &mut Document {
        Arc::make_mut(&mut self.document)
    }
}

fn imported(id: EventId, at: Timestamp, difference: Map<String, Value>) -> Event {
    let body = Body::Imported { difference: Value::Object(difference) };
    Event { id, at, actor: "somebody else".to_owned(), reason: None, body }
}

/// Which of production's fields a batch of events touches.
#[derive(Debug, Default)]
struct Touched {
    metadata: bool,
    tasks: Vec<Task>,
    issues: bool,
}

impl Touched {
    fn note(&mut self, body: &Body) {
        match body {
            Body::Opened { .. } | Body::Refreshed { .. } => self.metadata = true,
            Body::TaskMoved { task, .. } | Body::Overridden { task, .. } if !self.tasks.contains(task) => {
                self.tasks.push(*task);
            }
            Body::Issue(_) => self.issues = true,
            // An import records what stands in the document already.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EffectKey, Evidence, Handle, IssueChange, Mark, Message, QuestionRecord};
    use crate::fixtures::{self, Variant};

    fn at(text: &str) -> Timestamp {
        format!("2026-03-01T{text}Z").parse().unwrap()
    }

    fn event(number: u64, time: &str, body: Body) -> Event {
        Event {
            id: EventId(Writer("w".into()), number),
            at: at(time),
            actor: "regatta".into(),
            reason: None,
            body,
        }
    }

    fn moved(task: Task, from: Status, to: Status, attempt: u32, result: Option<&str>) -> Body {
        Body::TaskMoved { task, from, to, attempt, evidence: None, result: result.map(str::to_owned) }
    }

    fn release() -> Release {
        "4.20.1".parse().unwrap()
    }

    #[test]
    fn a_release_grows_as_production_writes_it() {
        let mut state = StateBox::new(release(), at("10:00:00"));
        let metadata = Metadata { jira_ticket: Some("ART-1".into()), ..Metadata::default() };
        state.apply(vec![
            event(1, "10:00:00", Body::Opened { metadata }),
            event(2, "10:00:05", moved(Task::TakeOwnership, Status::NotStarted, Status::InProgress, 1, None)),
            event(
                3,
                "10:01:00",
                moved(
                    Task::TakeOwnership,
                    Status::InProgress,
                    Status::Pass,
                    1,
                    Some("owner jdoe@redhat.com\nset"),
                ),
            ),
            event(
                4,
                "10:02:00",
                Body::Issue(IssueChange::Added {
                    text: "Hold".into(),
                    blocker: true,
                    tasks: vec![Task::StageTesting],
                }),
            ),
            event(
                5,
                "10:03:00",
                Body::Issue(IssueChange::Resolved { text: "Hold".into(), resolution: "gone".into() }),
            ),
        ]);
        let yaml = state.render(Layout::Yaml);
        let public = yaml.split("regatta:").next().unwrap();
        assert_eq!(
            public,
            "schema_version: '1.0'
release: 4.20.1
created_at: '2026-03-01T10:00:00Z'
updated_at: '2026-03-01T10:03:00Z'
metadata:
  jira_ticket: ART-1
  advisory_ids: {}
  release_date: null
  candidate_builds: {}
  shipment_mr: null
tasks:
- name: take-ownership
  status: Pass
  started_at: '2026-03-01T10:00:05Z'
  completed_at: '2026-03-01T10:01:00Z'
  result: |-
    owner [EMAIL_REDACTED]
    set
issues:
- issue: Hold
  reported_at: '2026-03-01T10:02:00Z'
  resolved: true
  resolution: gone
  blocker: true
  related_tasks:
  - stage-testing
  resolved_at: '2026-03-01T10:03:00Z'
"
        );
        for layout in Layout::ALL {
            let (again, warnings) = StateBox::parse(&state.render(layout), layout).unwrap();
            assert_eq!(again.folded(), state.folded(), "{layout}");
            assert!(!again.has_foreign_edits());
            assert_eq!(again.render(layout), state.render(layout));
            assert!(warnings.iter().all(|w| w.why == "names no candidate"), "{warnings:?}");
        }
    }

    /// A reader takes a file for cut that ends in half an issue; a merge may bring one to the end that stood in the middle.
    #[test]
    fn half_an_issue_that_comes_to_stand_last_is_written_whole() {
        let text = fixtures::text(release(), 3, &[Variant::Issues], Layout::Yaml).replacen(
            "issues:\n",
            "issues:\n- issue: half\n  resolved: true\n",
            1,
        );
        let (mut state, _) = StateBox::parse(&text, Layout::Yaml).unwrap();
        assert_eq!(state.render(Layout::Yaml), text, "in the middle it stays as it is");

        state.document_mut().list_mut("issues").truncate(1);
        let written = state.render(Layout::Yaml);
        assert_eq!(
            written.split_once("issues:\n").unwrap().1,
            "- issue: half\n  resolved: true\n  reported_at: null\n  resolution: null\n  blocker: false\n  related_tasks: []\n  resolved_at: null\n"
        );
        for layout in Layout::ALL {
            let (again, _) = StateBox::parse(&state.render(layout), layout).unwrap();
            assert_eq!(again.to_value(), state.to_value(), "{layout}");
        }
    }

    #[test]
    fn a_production_document_is_believed_and_stays_as_it_is_but_for_what_is_touched() {
        let text = fixtures::text(
            release(),
            3,
            &[Variant::Unfinished, Variant::Issues, Variant::EarlyTimes, Variant::UnknownFields],
            Layout::Yaml,
        );
        let (mut state, _) = StateBox::parse(&text, Layout::Yaml).unwrap();
        assert_eq!(state.folded().tasks[Task::ImageSignedCheck].status, Status::Fail);
        assert_eq!(state.folded().tasks[Task::ImageSignedCheck].moved_by, MovedBy::Foreign);
        assert!(
            state.folded().tasks[Task::TakeOwnership].result.as_ref().unwrap().contains("status is changed")
        );
        assert_eq!(state.folded().issues.len(), 4);
        assert_eq!(state.render(Layout::Yaml), text);

        state.apply(vec![event(
            1,
            "12:00:00",
            moved(Task::ImageSignedCheck, Status::Fail, Status::NotStarted, 2, None),
        )]);
        let after = state.render(Layout::Yaml);
        let changed: Vec<_> =
            text.lines().zip(after.lines()).filter(|(a, b)| a != b).map(|(_, b)| b).collect();
        assert_eq!(
            changed,
            [
                "updated_at: '2026-03-01T12:00:00Z'",
                "  status: Not Started",
                "  started_at: null",
                "  completed_at: null"
            ]
        );
        let history: Vec<_> = state.history().collect();
        assert!(matches!(history[0].body, Body::Imported { .. }));
        assert!(
            !after.split("regatta:").nth(1).unwrap().contains("status is changed"),
            "no second copy of the texts"
        );
        let (again, _) = StateBox::parse(&after, Layout::Yaml).unwrap();
        assert_eq!(again.folded(), state.folded());
        assert!(!again.has_foreign_edits());
    }

    #[test]
    fn an_edit_by_somebody_else_becomes_one_entry() {
        let mut state = StateBox::new(release(), at("10:00:00"));
        state.apply(vec![event(
            1,
            "10:00:05",
            moved(Task::StageTesting, Status::NotStarted, Status::InProgress, 1, None),
        )]);
        let edited = state
            .render(Layout::Json)
            .replace("\"In Progress\",\n      \"started_at\"", "\"Pass\",\n      \"started_at\"");
        let edited =
            edited.replacen("\"completed_at\": null", "\"completed_at\": \"2026-03-01T11:00:00Z\"", 1);
        let (mut state, _) = StateBox::parse(&edited, Layout::Json).unwrap();
        assert!(state.has_foreign_edits());
        assert_eq!(state.folded().tasks[Task::StageTesting].status, Status::Pass);
        let entry = state.reconcile_foreign(EventId(Writer("w".into()), 2), at("11:30:00")).unwrap();
        assert_eq!(
            entry.body,
            Body::Imported {
                difference: json!({ "tasks/stage-testing/status": "Pass", "tasks/stage-testing/completed_at": "2026-03-01T11:00:00Z" })
            }
        );
        assert_eq!(state.apply(vec![entry.clone()]), 1);
        assert!(!state.has_foreign_edits());
        assert_eq!(state.apply(vec![entry]), 0, "a repeat changes nothing");
        let (again, _) = StateBox::parse(&state.render(Layout::Json), Layout::Json).unwrap();
        assert_eq!(again.folded().tasks[Task::StageTesting].status, Status::Pass);
        assert!(again.reconcile_foreign(EventId(Writer("w".into()), 3), at("12:00:00")).is_none());
    }

    #[test]
    fn a_stale_running_move_overwrites_no_final_status() {
        let mut state = StateBox::new(release(), at("10:00:00"));
        let task = Task::StageTesting;
        state.apply(vec![
            event(1, "10:00:05", moved(task, Status::NotStarted, Status::InProgress, 1, None)),
            event(2, "10:01:00", moved(task, Status::InProgress, Status::Pass, 1, None)),
            event(3, "10:02:00", moved(task, Status::NotStarted, Status::InProgress, 1, None)),
        ]);
        assert_eq!(state.folded().tasks[task].status, Status::Pass);
        assert_eq!(state.folded().stale.len(), 1);
        state.apply(vec![event(4, "10:03:00", moved(task, Status::Pass, Status::InProgress, 2, None))]);
        let now = &state.folded().tasks[task];
        assert_eq!((now.status, now.attempt, now.completed_at), (Status::InProgress, 2, None));
    }

    #[test]
    fn what_follows_is_never_dated_before_what_it_follows() {
        let mut state = StateBox::new(release(), at("10:00:00"));
        let task = Task::StageTesting;
        let other =
            |number, time, body| Event { id: EventId(Writer("a".into()), number), ..event(0, time, body) };
        state.apply(vec![event(1, "10:00:05", moved(task, Status::NotStarted, Status::InProgress, 1, None))]);
        // Another process, whose name sorts first and whose clock is behind, ends the task.
        state.apply(vec![other(1, "09:59:00", moved(task, Status::InProgress, Status::Pass, 1, None))]);
        assert_eq!(state.folded().tasks[task].status, Status::Pass);
        assert_eq!(Folded::of(state.history()).tasks[task].status, Status::Pass);
        assert_eq!(seconds(state.history().next_back().unwrap().at), "2026-03-01T10:00:05Z");
    }

    #[test]
    fn effects_messages_and_questions_are_folded() {
        let mut state = StateBox::new(release(), at("10:00:00"));
        let key = EffectKey::attempt("trigger:stage-testing", 1);
        let handle = Handle { kind: "jenkins-build".into(), id: "7".into(), url: None };
        let message =
            |key: &str| Message { key: key.into(), to: crate::event::Audience::Owner, text: "hello".into() };
        let question = QuestionRecord {
            key: "q".into(),
            task: Task::StageTesting,
            text: "go?".into(),
            options: vec![],
            evidence: vec![],
        };
        state.apply(vec![
            event(1, "10:00:01", Body::Intended { key: key.clone(), mark: Mark("6".into()) }),
            event(2, "10:00:02", Body::Queued { message: message("a") }),
            event(3, "10:00:03", Body::Queued { message: message("b") }),
            event(4, "10:00:04", Body::Queued { message: message("a") }),
            event(5, "10:00:05", Body::Asked { question: question.clone() }),
            event(6, "10:00:06", Body::Asked { question }),
            event(7, "10:00:07", Body::Triggered { key: key.clone(), handle: handle.clone() }),
            event(8, "10:00:08", Body::Told { key: "a".into(), handle: None }),
            event(9, "10:00:09", Body::Queued { message: message("a") }),
        ]);
        let folded = state.folded();
        assert_eq!(folded.handles[&key], handle);
        assert_eq!(folded.intents[&key].mark, Mark("6".into()));
        assert_eq!(folded.outbox.iter().map(|m| m.key.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!((folded.open_questions.len(), folded.open_questions[0].asked_at), (1, at("10:00:05")));
        state.apply(vec![event(
            10,
            "10:00:10",
            Body::Closed { question: "q".into(), how: "answered".into() },
        )]);
        assert!(state.folded().open_questions.is_empty());
        let written: Value = serde_json::from_str(&state.render(Layout::Json)).unwrap();
        let part = written["regatta"].as_object().unwrap();
        assert_eq!(
            part.keys().collect::<Vec<_>>(),
            ["format", "history", "intents", "handles", "outbox", "entries"]
        );
    }

    #[test]
    fn of_two_claims_the_earlier_holds_until_it_runs_out() {
        let lease = |holder: &str, until: &str| Body::Leased { holder: holder.into(), until: at(until) };
        let mut state = StateBox::new(release(), at("10:00:00"));
        state.apply(vec![
            event(1, "10:00:00", lease("a", "10:30:00")),
            event(2, "10:10:00", lease("b", "11:00:00")),
        ]);
        assert_eq!(state.folded().lease.as_ref().unwrap().holder, "a");
        state.apply(vec![event(3, "10:31:00", lease("b", "11:00:00"))]);
        assert_eq!(state.folded().lease.as_ref().unwrap().holder, "b");
        state.apply(vec![event(4, "10:32:00", lease("b", "10:32:00"))]);
        assert_eq!(state.folded().lease, None);
    }

    #[test]
    fn an_override_decides_whatever_stood_and_is_kept() {
        let mut state = StateBox::new(release(), at("10:00:00"));
        let evidence = Some(Evidence { summary: "red".into(), digest: "d".into(), links: vec![] });
        let fail = Body::TaskMoved {
            task: Task::AnalyzeCandidateBuild,
            from: Status::NotStarted,
            to: Status::Fail,
            attempt: 1,
            evidence,
            result: None,
        };
        let decide = Body::Overridden {
            task: Task::AnalyzeCandidateBuild,
            verdict: Status::Pass,
            role: "lead".into(),
            evidence: None,
            covers: Some("d".into()),
        };
        let decided = Event {
            actor: "ann@host".into(),
            reason: Some("infra; see b@redhat.com".into()),
            ..event(2, "10:05:00", decide)
        };
        state.apply(vec![event(1, "10:00:01", fail), decided]);
        let task = &state.folded().tasks[Task::AnalyzeCandidateBuild];
        assert_eq!((task.status, task.moved_by), (Status::Pass, MovedBy::Override));
        let record = &state.folded().overrides[0];
        assert_eq!(
            (record.who.as_str(), record.reason.as_deref()),
            ("ann@host", Some("infra; see [EMAIL_REDACTED]"))
        );
    }

    #[test]
    fn an_issue_reported_again_after_it_was_resolved_is_a_new_one() {
        let mut state = StateBox::new(release(), at("10:00:00"));
        let added = |blocker| Body::Issue(IssueChange::Added { text: "Hold".into(), blocker, tasks: vec![] });
        state.apply(vec![event(1, "10:00:00", added(false)), event(2, "10:01:00", added(true))]);
        assert_eq!(state.folded().issues.len(), 1);
        assert!(state.folded().issues[0].open_blocker(), "what the second report adds counts");
        state.apply(vec![
            event(
                3,
                "10:02:00",
                Body::Issue(IssueChange::Resolved { text: "Hold".into(), resolution: "ok".into() }),
            ),
            event(4, "10:03:00", added(true)),
        ]);
        assert_eq!(state.folded().issues.iter().map(|i| i.resolved).collect::<Vec<_>>(), [true, false]);
        assert_eq!(state.document().list("issues").len(), 2);
    }

    #[test]
    fn unknown_fields_inside_regatta_survive() {
        let mut state = StateBox::new(release(), at("10:00:00"));
        state.apply(vec![event(
            1,
            "10:00:00",
            moved(Task::StageTesting, Status::NotStarted, Status::InProgress, 1, None),
        )]);
        let text = state.render(Layout::Json);
        let text = text.replace(
            "\"kind\": \"task_moved\",",
            "\"kind\": \"task_moved\",\n        \"extra\": {\"a\": 1},",
        );
        let text = text.replace("\"entries\": 1", "\"later\": [1],\n    \"entries\": 1");
        let (mut state, _) = StateBox::parse(&text, Layout::Json).unwrap();
        state.apply(vec![event(
            2,
            "10:00:01",
            moved(Task::StageTesting, Status::InProgress, Status::Pass, 1, None),
        )]);
        let written: Value = serde_json::from_str(&state.render(Layout::Json)).unwrap();
        assert_eq!(written["regatta"]["history"][0]["extra"], json!({ "a": 1 }));
        assert_eq!(written["regatta"]["later"], json!([1]));
    }
}
