//! The document: what stands in the file, field for field and in its order.
//!
//! Production's fields are kept as the raw tree they were read as, so that whatever nobody here knows survives in its
//! place. Regatta's own part, the key `regatta`, is read into typed entries and written last, and only when there is
//! something to write.

use indexmap::IndexMap;
use jiff::Timestamp;
use regatta_kit::ids::digest;
use regatta_kit::{Code, OutsideText, Release};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::event::Event;
use crate::{check, json, yaml_read, yaml_write};

/// The format of the key `regatta` that this program writes, and the highest it reads.
pub const FORMAT: u64 = 1;

/// Production's metadata of a release. Field names and order are production's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The ART ticket, such as `ART-15998`.
    #[serde(default)]
    pub jira_ticket: Option<String>,
    /// Advisory ids by kind (`rpm`, `rhcos`, …), in file order.
    #[serde(default)]
    pub advisory_ids: IndexMap<String, u64>,
    /// The release date as ART writes it: `2026-Apr-22`.
    #[serde(default)]
    pub release_date: Option<String>,
    /// Candidate nightlies by rpm architecture.
    #[serde(default)]
    pub candidate_builds: IndexMap<String, String>,
    /// URL of the shipment merge request; `None` in the Errata flow.
    #[serde(default)]
    pub shipment_mr: Option<String>,
}

impl Metadata {
    /// Names of the fields, in production's order.
    pub const FIELDS: [&'static str; 5] =
        ["jira_ticket", "advisory_ids", "release_date", "candidate_builds", "shipment_mr"];

    /// Reads what can be read; a field of another type counts as absent (it stays in the document).
    #[must_use]
    pub fn read(value: Option<&Value>) -> Self {
        let mut metadata = Self::default();
        if let Some(Value::Object(map)) = value {
            for (field, value) in map {
                metadata.set(field, value);
            }
        }
        metadata
    }

    /// Sets one field from its raw value. Unknown fields are left to the document.
    pub(crate) fn set(&mut self, field: &str, value: &Value) {
        let text = || value.as_str().map(str::to_owned);
        match field {
            "jira_ticket" => self.jira_ticket = text(),
            "release_date" => self.release_date = text(),
            "shipment_mr" => self.shipment_mr = text(),
            "advisory_ids" => {
                let entries = value.as_object().into_iter().flatten();
                self.advisory_ids = entries.filter_map(|(k, v)| Some((k.clone(), v.as_u64()?))).collect();
            }
            "candidate_builds" => {
                let entries = value.as_object().into_iter().flatten();
                self.candidate_builds =
                    entries.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect();
            }
            _ => {}
        }
    }

    /// One field as it is written.
    pub(crate) fn get(&self, field: &str) -> Value {
        let text = |text: &Option<String>| text.as_ref().map_or(Value::Null, |t| Value::String(t.clone()));
        match field {
            "jira_ticket" => text(&self.jira_ticket),
            "release_date" => text(&self.release_date),
            "shipment_mr" => text(&self.shipment_mr),
            "advisory_ids" => {
                Value::Object(self.advisory_ids.iter().map(|(k, v)| (k.clone(), (*v).into())).collect())
            }
            "candidate_builds" => Value::Object(
                self.candidate_builds.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect(),
            ),
            _ => Value::Null,
        }
    }
}

/// In which form a document is written. Both carry the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Layout {
    /// `_releases/state_box/{release}.json`
    #[default]
    Json,
    /// Production's: `_releases/{y}/statebox/{release}.yaml`
    Yaml,
}

impl Layout {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Json, Self::Yaml];

    /// The folder of a release's document inside the repository, without a trailing slash.
    #[must_use]
    pub fn folder(self, release: Release) -> String {
        match self {
            Self::Json => "_releases/state_box".to_owned(),
            Self::Yaml => format!("_releases/{}/statebox", release.stream),
        }
    }

    /// The path of a release's document inside the repository.
    #[must_use]
    pub fn path(self, release: Release) -> String {
        format!("{}/{release}.{}", self.folder(release), self.extension())
    }

    /// The path of the `number`th part of a release's older history (from 1), beside the document.
    #[must_use]
    pub fn archive_path(self, release: Release, number: u32) -> String {
        format!("{}/{release}.history-{number}.json", self.folder(release))
    }

    /// `json` or `yaml`.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }

    /// The layout of a text of unknown origin: JSON begins with a brace, and no StateBox in YAML does.
    #[must_use]
    pub fn guess(text: &str) -> Self {
        if text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('{') {
            Self::Json
        } else {
            Self::Yaml
        }
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "yaml" | "yml" => Ok(Self::Yaml),
            _ => Err(format!("layout {text:?} is not known; write json or yaml")),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// A key of a mapping.
    Key(String),
    /// A place in a list, from 0.
    Index(usize),
}

/// Characters of a key that are shown.
const KEY_LENGTH: usize = 80;

/// Where in a document: shown as `tasks[3].status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The path of a top-level key.
    #[must_use]
    pub fn key(name: &str) -> Self {
        Self::default().then(name)
    }

    /// One key deeper.
    #[must_use]
    pub fn then(&self, name: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(name.to_owned()));
        Self(steps)
    }

    /// One list entry deeper.
    #[must_use]
    pub fn at(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }

    /// The path one step up; `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, up) = self.0.split_last()?;
        Some(Self(up.to_vec()))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the document");
        }
        for (i, step) in self.0.iter().enumerate() {
            match step {
                // A key is outside text: it moves no cursor, and is told in one line.
                Step::Key(key) if i == 0 => OutsideText::line(key, KEY_LENGTH).fmt(f)?,
                Step::Key(key) => write!(f, ".{}", OutsideText::line(key, KEY_LENGTH))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Characters of a reason that are shown.
const WHY_LENGTH: usize = 600;

/// Something odd or wrong at a place of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1, where it could be found.
    pub line: Option<usize>,
    /// The field.
    pub field: Path,
    /// What is odd or wrong, and where it helps what to do.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}, ")?;
        }
        write!(f, "{}: {}", self.field, OutsideText::line(&self.why, WHY_LENGTH))
    }
}

/// Why a text is no StateBox that can be worked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{finding}")]
pub struct DocumentError {
    /// `BadInput`, or `NewerFormat` for a document of a later Regatta.
    pub code: Code,
    /// Place and reason.
    pub finding: Finding,
}

impl DocumentError {
    pub(crate) fn bad(line: Option<usize>, field: Path, why: impl Into<String>) -> Self {
        Self { code: Code::BadInput, finding: Finding { line, field, why: why.into() } }
    }
}

/// One entry of a history as it stands in a file.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    /// The entry as it was read, so that what [`Event`] does not know of it is written again.
    raw: Option<Value>,
    /// Whether it stands in one of the history files beside the document.
    pub(crate) archived: bool,
}

impl Entry {
    pub(crate) fn new(event: Event) -> Self {
        Self { event, raw: None, archived: false }
    }

    /// Reads an entry; the error is serde's sentence.
    pub(crate) fn read(raw: Value, archived: bool) -> Result<Self, String> {
        let event = Event::deserialize(&raw).map_err(|e| e.to_string())?;
        Ok(Self { event, raw: Some(raw), archived })
    }

    /// The same entry, standing in a history file.
    pub(crate) fn archived_copy(&self) -> Self {
        Self { archived: true, ..self.clone() }
    }

    pub(crate) fn to_value(&self) -> Value {
        // Events are made of strings, numbers and maps with string keys: serializing them cannot fail.
        self.raw.clone().unwrap_or_else(|| serde_json::to_value(&self.event).expect("an event is plain data"))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.event == other.event && self.archived == other.archived && self.to_value() == other.to_value()
    }
}

/// A parsed document: production's fields as they stand, and Regatta's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Everything but the key `regatta`, in file order.
    pub(crate) root: Map<String, Value>,
    /// The history, sorted by (time, id), without doubles.
    pub(crate) history: Vec<Arc<Entry>>,
    /// How many history files stand beside the document.
    pub(crate) archives: u32,
    /// Unknown keys inside `regatta`.
    pub(crate) unknown: Map<String, Value>,
    /// What the file says the history comes to (intents, handles, …): used only while older history is not at hand.
    pub(crate) stated: Map<String, Value>,
    /// The release, parsed from the field of that name.
    pub(crate) release: Release,
}

/// What stands beside the history so that people and tools need not fold it.
pub(crate) const STATED: [&str; 5] = ["intents", "handles", "overrides", "outbox", "lease"];

impl Document {
    /// A new document as production begins one.
    #[must_use]
    pub fn new(release: Release, created_at: Timestamp) -> Self {
        let mut root = Map::new();
        let now = seconds(created_at);
        root.insert("schema_version".to_owned(), "1.0".into());
        root.insert("release".to_owned(), release.to_string().into());
        root.insert("created_at".to_owned(), now.clone().into());
        root.insert("updated_at".to_owned(), now.into());
        let empty = Metadata::default();
        let metadata = Metadata::FIELDS.iter().map(|f| ((*f).to_owned(), empty.get(f))).collect();
        root.insert("metadata".to_owned(), Value::Object(metadata));
        root.insert("tasks".to_owned(), Value::Array(Vec::new()));
        root.insert("issues".to_owned(), Value::Array(Vec::new()));
        Self { root, history: Vec::new(), archives: 0, unknown: Map::new(), stated: Map::new(), release }
    }

    /// Reads a text. What is odd but harmless comes back beside the document.
    ///
    /// # Errors
    /// When the text is not a whole StateBox of a known format; the error names line and field.
    pub fn parse(text: &str, layout: Layout) -> Result<(Self, Vec<Finding>), DocumentError> {
        let (document, odd) = Self::parse_unplaced(text, layout)?;
        let place = |(field, why)| Finding { line: line_of(text, layout, &field), field, why };
        let mut warnings: Vec<Finding> = odd.into_iter().map(place).collect();
        warnings.sort_by_key(|w| w.line);
        Ok((document, warnings))
    }

    /// Reads a text, for those whom nothing odd concerns.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn read(text: &str, layout: Layout) -> Result<Self, DocumentError> {
        Ok(Self::parse_unplaced(text, layout)?.0)
    }

    fn parse_unplaced(text: &str, layout: Layout) -> Result<(Self, Vec<(Path, String)>), DocumentError> {
        let tree = match layout {
            Layout::Json => json::read(text)?,
            Layout::Yaml => yaml_read::read(text)?,
        };
        let locate = |path: &Path| line_of(text, layout, path);
        let findings = check::structure(&tree);
        if let Some(fault) = findings.faults.into_iter().next() {
            let line = locate(&fault.field);
            return Err(DocumentError {
                code: fault.code,
                finding: Finding { line, field: fault.field, why: fault.why },
            });
        }
        let document =
            Self::from_tree(tree).map_err(|(field, why)| DocumentError::bad(locate(&field), field, why))?;
        if layout == Layout::Yaml && !text.ends_with('\n') {
            let last = text.lines().count().max(1);
            return Err(DocumentError::bad(
                Some(last),
                Path::key(document.root.keys().next_back().map_or("document", String::as_str)),
                "the file does not end with a line break, so it may be cut short; if it is whole, end its last line",
            ));
        }
        Ok((document, findings.warnings))
    }

    fn from_tree(tree: Value) -> Result<Self, (Path, String)> {
        let Value::Object(mut root) = tree else {
            return Err((Path::default(), "is not a mapping".to_owned()));
        };
        let regatta = root.shift_remove("regatta");
        let release = root.get("release").and_then(Value::as_str).unwrap_or_default();
        let release =
            release.parse().map_err(|e: regatta_kit::ParseError| (Path::key("release"), e.to_string()))?;
        let mut document =
            Self { root, history: Vec::new(), archives: 0, unknown: Map::new(), stated: Map::new(), release };
        let Some(Value::Object(mut part)) = regatta else { return Ok(document) };
        let place = Path::key("regatta");
        document.archives =
            part.shift_remove("archives").and_then(|n| u32::try_from(n.as_u64()?).ok()).unwrap_or_default();
        if let Some(Value::Array(entries)) = part.shift_remove("history") {
            let list = place.then("history");
            for (i, raw) in entries.into_iter().enumerate() {
                document.history.push(Arc::new(Entry::read(raw, false).map_err(|why| (list.at(i), why))?));
            }
        }
        // The rest is folded out of the history again; only keys nobody here knows are kept.
        for known in STATED {
            if let Some(value) = part.shift_remove(known) {
                document.stated.insert(known.to_owned(), value);
            }
        }
        part.shift_remove("format");
        part.shift_remove("entries");
        document.unknown = part;
        document.sort_history();
        Ok(document)
    }

    /// Brings the history into its one order and drops doubles.
    pub(crate) fn sort_history(&mut self) {
        // Of two entries with one id and different content (which no writer makes) the lesser text stands, so that
        // the result does not depend on the order of arrival. An archived copy stands before one that is not.
        self.history.sort_by(|a, b| {
            a.event.id.cmp(&b.event.id).then_with(|| {
                a.to_value().to_string().cmp(&b.to_value().to_string()).then(b.archived.cmp(&a.archived))
            })
        });
        self.history.dedup_by(|b, a| a.event.id == b.event.id);
        self.history.sort_by(|a, b| a.event.order().cmp(&b.event.order()));
    }

    /// The release.
    #[must_use]
    pub const fn release(&self) -> Release {
        self.release
    }

    /// The history in its order, oldest first.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &Event> + ExactSizeIterator {
        self.history.iter().map(|entry| &entry.event)
    }

    /// Whether older history stands in files beside this one that are not read in.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.archives > 0 && !self.history.iter().any(|entry| entry.archived)
    }

    /// Reads in a history file: the content of [`Layout::archive_path`].
    ///
    /// # Errors
    /// When it is no history file of this release.
    pub(crate) fn attach(&mut self, archive: &str) -> Result<(), DocumentError> {
        let mut tree = json::read(archive)?;
        let place = Path::key("history");
        let of = tree.get("release").and_then(Value::as_str);
        if of != Some(self.release.to_string().as_str()) {
            let why =
                format!("is not the history of {}: it names {}", self.release, of.unwrap_or("no release"));
            return Err(DocumentError::bad(
                line_of(archive, Layout::Json, &Path::key("release")),
                Path::key("release"),
                why,
            ));
        }
        let Some(Value::Array(entries)) = tree.get_mut("history").map(Value::take) else {
            return Err(DocumentError::bad(Some(1), place, "is missing: this is no history file"));
        };
        for (i, raw) in entries.into_iter().enumerate() {
            let at = place.at(i);
            let entry = Entry::read(raw, true)
                .map_err(|why| DocumentError::bad(line_of(archive, Layout::Json, &at), at.clone(), why))?;
            self.history.push(Arc::new(entry));
        }
        self.sort_history();
        Ok(())
    }

    /// The text of a history file with these entries.
    pub(crate) fn archive_text(release: Release, entries: &[Arc<Entry>]) -> String {
        let entries: Vec<Value> = entries.iter().map(|entry| entry.to_value()).collect();
        json::write(&serde_json::json!({
            "schema": "regatta.history/v1",
            "release": release.to_string(),
            "history": entries,
        }))
    }

    /// How many history files stand beside the document.
    #[must_use]
    pub const fn archives(&self) -> u32 {
        self.archives
    }

    /// Production's fields as they stand, and whatever else stands beside them.
    #[must_use]
    pub const fn fields(&self) -> &Map<String, Value> {
        &self.root
    }

    /// Writes the whole tree in a layout.
    #[must_use]
    pub(crate) fn write(tree: &Value, layout: Layout) -> String {
        match layout {
            Layout::Json => json::write(tree),
            Layout::Yaml => yaml_write::write(tree),
        }
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.root.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn list(&self, field: &str) -> &[Value] {
        self.root.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A top-level list, made where it is missing.
    pub(crate) fn list_mut(&mut self, field: &str) -> &mut Vec<Value> {
        let slot = self.root.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if !slot.is_array() {
            *slot = Value::Array(Vec::new());
        }
        slot.as_array_mut().expect("just made a list")
    }
}

/// The line of a field, or of the nearest thing around it that stands in the text.
pub(crate) fn line_of(text: &str, layout: Layout, path: &Path) -> Option<usize> {
    let find = |path: &Path| match layout {
        Layout::Json => json::line_of(text, path),
        Layout::Yaml => yaml_read::line_of(text, path),
    };
    let mut at = Some(path.clone());
    while let Some(path) = at {
        if let Some(line) = find(&path) {
            return Some(line);
        }
        at = path.parent();
    }
    None
}

/// A time as production writes it: UTC, whole seconds, `Z`.
#[must_use]
pub fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads a time of any form seen in production: `Z`, offset, fractions; without a zone it is taken as UTC. A year that
/// four digits cannot write is none.
#[must_use]
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let at: Timestamp = text.parse().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })?;
    let year = at.to_zoned(jiff::tz::TimeZone::UTC).year();
    (0..=9999).contains(&year).then_some(at)
}

/// Names a text, so that one that already stands need not be repeated.
pub(crate) fn text_digest(text: &str) -> String {
    digest(text.as_bytes(), 16)
}
