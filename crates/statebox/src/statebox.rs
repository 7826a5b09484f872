//! The aggregate: a document together with what its history comes to.
//!
//! Events are applied here and nowhere else: history grows, the fold takes a step, and the fields that production
//! reads are written again where the step touched them. What no event touched stays as it stood, byte for byte.

use jiff::{SignedDuration, Timestamp};
use regatta_kit::ids::{EventId, Writer, digest};
use regatta_kit::{Release, Status, Task};
use serde_json::{Map, Value, json};
use std::sync::Arc;

use crate::document::{Document, DocumentError, Entry, FORMAT, Finding, Layout, Metadata, seconds};
use crate::event::{Body, Event};
use crate::fold::{Folded, MovedBy};
use crate::foreign::{self, Trust};
use crate::mask;

/// A release's whole state.
#[derive(Debug, Clone, PartialEq)]
pub struct StateBox {
    document: Document,
    folded: Folded,
    /// What the document says otherwise than its history: not yet an entry.
    pending: Map<String, Value>,
}

impl StateBox {
    /// An empty state, as production begins one.
    #[must_use]
    pub fn new(release: Release, created_at: Timestamp) -> Self {
        Self { document: Document::new(release, created_at), folded: Folded::default(), pending: Map::new() }
    }

    /// Takes a document up. Where it says otherwise than its history (all of it, in a document of production's own)
    /// the document is believed: [`Self::folded`] shows it at once, and the next change records it.
    #[must_use]
    pub fn open(document: Document) -> Self {
        let mut folded = Folded::of(document.history());
        foreign::fill_texts(&mut folded, &document.root);
        let pending = foreign::difference(&document.root, &folded, Trust::Everything);
        let mut state = Self { document, folded, pending };
        state.believe_pending();
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
            foreign::take_over(&mut self.folded, at, &Value::Object(self.pending.clone()));
            foreign::fill_texts(&mut self.folded, &self.document.root);
        }
    }

    /// Folds a united history and writes all it knows into the fields; texts that only the given fields hold are
    /// found there.
    pub(crate) fn fold_anew(document: Document, texts: &[&Map<String, Value>]) -> Self {
        let mut folded = Folded::of(document.history());
        foreign::fill_texts(&mut folded, &document.root);
        for root in texts {
            foreign::fill_texts(&mut folded, root);
        }
        let updated_at = document.root.get("updated_at").cloned();
        let mut state = Self { document, folded, pending: Map::new() };
        state.project_all();
        // A union changes nothing by itself: the later of the two times stands.
        if let Some(Value::String(stated)) = updated_at
            && crate::document::parse_time(&stated) > state.last_at()
        {
            state.document.root.insert("updated_at".to_owned(), stated.into());
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
            foreign::take_over(&mut self.folded, at, &Value::Object(self.pending.clone()));
            foreign::fill_texts(&mut self.folded, source);
            self.project_all();
        }
        self
    }

    /// When the edits not yet recorded were made, as far as the document tells.
    fn edited_at(&self) -> Timestamp {
        let stated = crate::document::parse_time(self.document.text("updated_at")).unwrap_or(Timestamp::UNIX_EPOCH);
        self.last_at().map_or(stated, |last| stated.max(last))
    }

    fn last_at(&self) -> Option<Timestamp> {
        self.document.history.last().map(|entry| entry.event.at)
    }

    /// The release.
    #[must_use]
    pub const fn release(&self) -> Release {
        self.document.release
    }

    /// The state after everything.
    #[must_use]
    pub const fn folded(&self) -> &Folded {
        &self.folded
    }

    /// The document as it stands.
    #[must_use]
    pub const fn document(&self) -> &Document {
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
            self.folded.step(&event);
            if matches!(event.body, Body::Imported { .. }) {
                foreign::fill_texts(&mut self.folded, &self.document.root);
            }
            self.document.history.push(Arc::new(Entry::new(event)));
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
        let standing: Vec<String> = self.document.list("issues").iter().map(foreign::issue_id).collect();
        if touched.issues || self.folded.issues.iter().any(|issue| !standing.contains(&issue.id)) {
            self.project_issues(&standing);
        }
        if let Some(at) = self.last_at() {
            self.document.root.insert("updated_at".to_owned(), seconds(at).into());
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
        let slot = self.document.root.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
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
        let tasks = self.document.list_mut("tasks");
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
                || (field != "status" && value.is_string() && stands.and_then(same_time).as_deref() == value.as_str());
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

    fn project_issues(&mut self, standing: &[String]) {
        let issues = self.folded.issues.clone();
        let list = self.document.list_mut("issues");
        for issue in issues {
            let place = standing.iter().position(|id| *id == issue.id);
            let place = place.unwrap_or_else(|| {
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
                if let Some(text) = issue.resolution.filter(|text| !text.starts_with('\u{0}')) {
                    set("resolution", text.into());
                }
                let stands = entry.get("resolved_at").and_then(Value::as_str).and_then(crate::document::parse_time);
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
        let recent: Vec<Value> = document.history.iter().filter(|e| !e.archived).map(|e| e.to_value()).collect();
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
        note("intents", serde_json::to_value(&folded.intents));
        note("handles", serde_json::to_value(&folded.handles));
        note("overrides", serde_json::to_value(&folded.overrides));
        note("outbox", serde_json::to_value(&folded.outbox));
        note("lease", serde_json::to_value(&folded.lease));
        for (key, value) in &document.unknown {
            part.insert(key.clone(), value.clone());
        }
        // Last, and counted: in YAML a file that was cut short is often still well formed.
        part.insert("entries".to_owned(), entries.into());
        part
    }

    pub(crate) fn pending(&self) -> &Map<String, Value> {
        &self.pending
    }

    pub(crate) fn document_mut(&mut self) -> &mut Document {
        &mut self.document
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
            Body::TaskMoved { task, .. } | Body::Overridden { task, .. } => {
                if !self.tasks.contains(task) {
                    self.tasks.push(*task);
                }
            }
            Body::Issue(_) => self.issues = true,
            // An import records what stands in the document already.
            _ => {}
        }
    }
}
