//! States as files of a repository, over a small port that a contents API fills.
//!
//! Every write names the hash of the content it replaces. On a conflict the newest content is read, the events are
//! applied to it anew, and the write is tried again. Beside a writer that puts old content back under a fresh hash,
//! the last content that Regatta wrote is read too and the histories united.

use bytes::Bytes;
use regatta_kit::ids::chance;
use regatta_kit::{BoxFuture, Clock, Code, Release, Stream};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{MAX_TRIES, Store, StoreError, Versioned, same_world};
use crate::document::{Document, Layout};
use crate::event::{Body, Event, IssueChange};
use crate::merge::unite;
use crate::statebox::StateBox;

/// The branch used unless another is set; production's.
pub const BRANCH: &str = "z-stream";
/// Bytes past which older history moves into a file of its own; the API gives no content over 1 MB.
pub const OVERFLOW: usize = 700_000;
/// Where the world's stamp stands.
const WORLD_PATH: &str = "_releases/.regatta-world.json";
/// The last line of every commit message of Regatta's.
pub const TRAILER: &str = "Written-by: Regatta";

/// A file as the API gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentsFile {
    /// The content.
    pub bytes: Bytes,
    /// Its blob hash.
    pub sha: String,
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentsEntry {
    /// Its name, without the folder.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// A commit that touched a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentsCommit {
    /// Its hash, usable as a reference to read the file as it was.
    pub sha: String,
    /// Its whole message.
    pub message: String,
}

/// What the API says when it does not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentsError {
    /// The hash named is not that of the content (409, or 422 for a file made meanwhile).
    #[error("the content moved")]
    Conflict,
    /// The credential is missing, wrong, or may not write here.
    #[error("credential refused: {hint}")]
    NotAuthorised {
        /// Which one, and how to get one.
        hint: String,
    },
    /// No whole answer, a limit, or a fault of the service.
    #[error("{why}")]
    Unavailable {
        /// What happened.
        why: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The service understood and said no: no such repository or branch, content too large.
    #[error("{why}")]
    Refused {
        /// Its reason.
        why: String,
    },
}

/// The port: what a contents API can do. `reference` is a branch or a commit.
pub trait Contents: Send + Sync {
    /// A file; `None` when there is none.
    fn get<'a>(
        &'a self,
        path: &'a str,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<ContentsFile>, ContentsError>>;

    /// Writes a file where its content still has the hash `sha`, or where there is none for `None`. Gives the new hash.
    fn put<'a>(
        &'a self,
        path: &'a str,
        branch: &'a str,
        bytes: Bytes,
        sha: Option<&'a str>,
        message: &'a str,
    ) -> BoxFuture<'a, Result<String, ContentsError>>;

    /// The entries of a folder; none when there is no such folder.
    fn list<'a>(
        &'a self,
        folder: &'a str,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ContentsEntry>, ContentsError>>;

    /// The last commits that touched a file, newest first; a page is enough.
    fn last_commits<'a>(
        &'a self,
        path: &'a str,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ContentsCommit>, ContentsError>>;
}

/// Keeps states as files of a repository.
pub struct ContentsStore {
    contents: Arc<dyn Contents>,
    clock: Arc<dyn Clock>,
    branch: String,
    layout: Layout,
    known: Mutex<Known>,
}

/// What need not be asked twice.
#[derive(Default)]
struct Known {
    layouts: HashMap<Release, Layout>,
    /// Contents that were written or united here, by their hash, and what they say: no older content can hide behind
    /// them, and they need not be read again.
    good: HashMap<Release, (String, StateBox)>,
    /// History files, by path: they never change.
    archives: HashMap<String, Arc<str>>,
}

/// What was found of a release.
struct Found {
    state: StateBox,
    sha: String,
    layout: Layout,
}

impl ContentsStore {
    /// A store on the branch `z-stream`, making new releases in JSON. Waits between tries go through the clock.
    #[must_use]
    pub fn new(contents: Arc<dyn Contents>, clock: Arc<dyn Clock>) -> Self {
        Self {
            contents,
            clock,
            branch: BRANCH.to_owned(),
            layout: Layout::default(),
            known: Mutex::default(),
        }
    }

    /// The same on another branch.
    #[must_use]
    pub fn on_branch(mut self, branch: impl Into<String>) -> Self {
        self.branch = branch.into();
        self
    }

    /// The same, making new releases in this layout. A release that exists keeps its own.
    #[must_use]
    pub fn in_layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    fn known<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        with(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn file(&self, path: &str, reference: &str) -> Result<Option<ContentsFile>, StoreError> {
        self.contents.get(path, reference).await.map_err(|error| store_error(path, error))
    }

    /// The file of a release, in the one layout it has.
    async fn find_file(&self, release: Release) -> Result<Option<(Layout, ContentsFile)>, StoreError> {
        if let Some(layout) = self.known(|known| known.layouts.get(&release).copied())
            && let Some(file) = self.file(&layout.path(release), &self.branch).await?
        {
            return Ok(Some((layout, file)));
        }
        let mut found = None;
        for layout in Layout::ALL {
            let Some(file) = self.file(&layout.path(release), &self.branch).await? else { continue };
            if found.is_some() {
                let [json, yaml] = Layout::ALL.map(|layout| layout.path(release));
                let why = format!("the release also stands in {yaml}; merge the two and remove one");
                return Err(StoreError::Corrupt { place: json, why });
            }
            found = Some((layout, file));
        }
        if let Some((layout, _)) = &found {
            self.known(|known| known.layouts.insert(release, *layout));
        }
        Ok(found)
    }

    async fn find(&self, release: Release) -> Result<Option<Found>, StoreError> {
        let Some((layout, file)) = self.find_file(release).await? else { return Ok(None) };
        let path = layout.path(release);
        let good = self.known(|known| known.good.get(&release).filter(|(sha, _)| *sha == file.sha).cloned());
        if let Some((sha, state)) = good {
            return Ok(Some(Found { state, sha, layout }));
        }
        let newest = self.document(release, layout, &path, &file).await?;
        let length = newest.history.len();
        let state = self.beside_others(release, layout, newest).await?;
        // A union is only in memory yet: until it is written the file stays in doubt.
        if state.document().history.len() == length {
            self.known(|known| known.good.insert(release, (file.sha.clone(), state.clone())));
        }
        Ok(Some(Found { state, sha: file.sha, layout }))
    }

    /// A document with its history files read in.
    async fn document(
        &self,
        release: Release,
        layout: Layout,
        path: &str,
        file: &ContentsFile,
    ) -> Result<Document, StoreError> {
        let corrupt = |why: String| StoreError::Corrupt { place: path.to_owned(), why };
        let text = std::str::from_utf8(&file.bytes).map_err(|e| {
            let line = file.bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
            corrupt(format!("line {line}: is not UTF-8 text"))
        })?;
        let mut document = Document::read(text, layout).map_err(|error| match error.code {
            Code::NewerFormat => StoreError::NewerFormat { place: path.to_owned(), why: error.to_string() },
            _ => corrupt(error.to_string()),
        })?;
        if document.release != release {
            return Err(corrupt(format!("release: is {}, not {release}", document.release)));
        }
        for number in 1..=document.archives {
            self.attach(&mut document, layout.archive_path(release, number)).await?;
        }
        Ok(document)
    }

    async fn attach(&self, document: &mut Document, path: String) -> Result<(), StoreError> {
        let corrupt = |why: String| StoreError::Corrupt { place: path.clone(), why };
        let text = match self.known(|known| known.archives.get(&path).cloned()) {
            Some(text) => text,
            None => {
                let file = self.file(&path, &self.branch).await?;
                let file = file
                    .ok_or_else(|| corrupt("is missing: it holds the release's older history".to_owned()))?;
                let text = String::from_utf8(file.bytes.to_vec())
                    .map_err(|_| corrupt("is not UTF-8 text".to_owned()))?;
                Arc::from(text)
            }
        };
        document.attach(&text).map_err(|error| corrupt(error.to_string()))?;
        self.known(|known| known.archives.insert(path.clone(), text));
        Ok(())
    }

    /// Unites the newest content with the last that Regatta wrote, unless that is the newest.
    async fn beside_others(
        &self,
        release: Release,
        layout: Layout,
        newest: Document,
    ) -> Result<StateBox, StoreError> {
        let path = layout.path(release);
        let commits =
            self.contents.last_commits(&path, &self.branch).await.map_err(|e| store_error(&path, e))?;
        let ours = |commit: &ContentsCommit| commit.message.lines().rev().any(|line| line.trim() == TRAILER);
        let Some(place) = commits.iter().position(ours).filter(|place| *place > 0) else {
            return Ok(StateBox::open(newest));
        };
        let Some(file) = self.file(&path, &commits[place].sha).await? else {
            return Ok(StateBox::open(newest));
        };
        let written = self.document(release, layout, &path, &file).await?;
        Ok(unite(newest, &written))
    }

    /// Moves older history into files of its own until the document is small enough; gives the document's text.
    async fn shrink(&self, state: &mut StateBox, layout: Layout) -> Result<String, StoreError> {
        loop {
            let text = state.render(layout);
            let release = state.release();
            if text.len() <= OVERFLOW {
                return Ok(text);
            }
            let Some(older) = state.older_history(text.len().saturating_sub(OVERFLOW / 2), OVERFLOW) else {
                return Ok(text);
            };
            let path = layout.archive_path(release, state.document().archives + 1);
            let content = Document::archive_text(release, &older);
            let message = format!("{release}: older history, {} entries\n\n{TRAILER}\n", older.len());
            match self.contents.put(&path, &self.branch, content.into(), None, &message).await {
                Ok(_) => {}
                // Written before, by a run that ended before it could refer to it: what it holds counts.
                Err(ContentsError::Conflict) => {}
                Err(error) => return Err(store_error(&path, error)),
            }
            let document = state.document_mut();
            document.archives += 1;
            self.attach(document, path).await?;
        }
    }

    /// Waits a moment that grows with every try and differs between writers.
    async fn pause(&self, tries: u32, writer: &str) {
        let longest = 500u64.saturating_mul(1 << tries.min(5)).min(10_000);
        let spread = chance(0, "store", writer, u64::from(tries)) % (longest / 2 + 1);
        let wait = Duration::from_millis(longest / 2 + spread);
        let until = self.clock.now().saturating_add(wait).unwrap_or(self.clock.now());
        self.clock.sleep_until(until).await;
    }

    async fn append_now(
        &self,
        release: Release,
        base: Option<&Versioned<StateBox>>,
        events: Vec<Event>,
    ) -> Result<Versioned<StateBox>, StoreError> {
        let writer = events.first().map_or("", |event| event.id.0.0.as_str()).to_owned();
        // Nothing was read yet: the caller's base may still be the newest, and the write finds out.
        let mut found = match base {
            Some(base) => {
                let layout = self.known(|known| known.layouts.get(&release).copied());
                layout.map(|layout| Found { state: base.value.clone(), sha: base.version.clone(), layout })
            }
            None => None,
        };
        if found.is_none() {
            found = self.find(release).await?;
        }
        for tries in 1..=MAX_TRIES {
            let (mut state, sha, layout) = match found {
                Some(Found { state, sha, layout }) => (state, Some(sha), layout),
                None => {
                    let begun = events.first().map_or(jiff::Timestamp::UNIX_EPOCH, |event| event.at);
                    (StateBox::new(release, begun), None, self.layout)
                }
            };
            if let Some(base) = base
                && !state.knows(base.value.document())
            {
                // The file lost what the caller had seen: somebody put old content back.
                state = unite(state.document().clone(), base.value.document());
            }
            let base_moved = sha.as_ref() != base.map(|b| &b.version);
            let before = state.document().history.len();
            if state.apply(events.clone()) == 0 {
                let version = sha.unwrap_or_default();
                return Ok(Versioned { value: state, version, base_moved });
            }
            let message = commit_message(release, state.history().skip(before));
            let text = self.shrink(&mut state, layout).await?;
            let path = layout.path(release);
            match self.contents.put(&path, &self.branch, text.into(), sha.as_deref(), &message).await {
                Ok(version) => {
                    self.known(|known| {
                        known.layouts.insert(release, layout);
                        known.good.insert(release, (version.clone(), state.clone()));
                    });
                    return Ok(Versioned { value: state, version, base_moved });
                }
                Err(ContentsError::Conflict) if tries < MAX_TRIES => {
                    self.pause(tries, &writer).await;
                    found = self.find(release).await?;
                }
                Err(ContentsError::Conflict) => break,
                Err(error) => return Err(store_error(&path, error)),
            }
        }
        Err(StoreError::Conflict { release, tries: MAX_TRIES })
    }

    async fn releases_now(&self) -> Result<Vec<Release>, StoreError> {
        let mut found = Vec::new();
        let list = async |folder: String| {
            self.contents.list(&folder, &self.branch).await.map_err(|error| store_error(&folder, error))
        };
        let state_box =
            Layout::Json.folder(Release { stream: Stream { major: 4, minor: 0 }, patch: 0, pre: None });
        collect(&list(state_box).await?, Layout::Json, &mut found);
        for entry in list("_releases".to_owned()).await? {
            if entry.kind == EntryKind::Folder && entry.name.parse::<Stream>().is_ok() {
                collect(&list(format!("_releases/{}/statebox", entry.name)).await?, Layout::Yaml, &mut found);
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    async fn world_file(&self) -> Result<Option<String>, StoreError> {
        let Some(file) = self.file(WORLD_PATH, &self.branch).await? else { return Ok(None) };
        let tree: Option<serde_json::Value> = serde_json::from_slice(&file.bytes).ok();
        let world = tree.as_ref().and_then(|tree| tree.get("world")?.as_str());
        world.map(|world| Some(world.to_owned())).ok_or_else(|| StoreError::Corrupt {
            place: WORLD_PATH.to_owned(),
            why: "names no world".to_owned(),
        })
    }

    async fn stamp_now(&self, world: &str) -> Result<(), StoreError> {
        if let Some(stamped) = self.world_file().await? {
            return same_world(&stamped, world);
        }
        let content = format!("{}\n", serde_json::json!({ "schema": "regatta.world/v1", "world": world }));
        let message = format!("These states belong to the world {world}\n\n{TRAILER}\n");
        match self.contents.put(WORLD_PATH, &self.branch, content.into(), None, &message).await {
            Ok(_) => Ok(()),
            Err(ContentsError::Conflict) => match self.world_file().await? {
                Some(stamped) => same_world(&stamped, world),
                // Refused, and nothing is there: whoever was quicker took it back, or the branch is being written to.
                None => Err(StoreError::Unavailable {
                    why: format!("{WORLD_PATH} could not be written beside other writers"),
                    retry_after: None,
                }),
            },
            Err(error) => Err(store_error(WORLD_PATH, error)),
        }
    }
}

impl std::fmt::Debug for ContentsStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentsStore")
            .field("branch", &self.branch)
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

fn collect(entries: &[ContentsEntry], layout: Layout, found: &mut Vec<Release>) {
    for entry in entries {
        let stem = entry.name.strip_suffix(layout.extension()).and_then(|stem| stem.strip_suffix('.'));
        // History files have more in their names than a release, and do not parse as one.
        if let Some(Ok(release)) = stem.map(str::parse) {
            found.push(release);
        }
    }
}

fn store_error(place: &str, error: ContentsError) -> StoreError {
    match error {
        ContentsError::NotAuthorised { hint } => StoreError::NotAuthorised { hint },
        ContentsError::Unavailable { why, retry_after } => StoreError::Unavailable { why, retry_after },
        ContentsError::Refused { why } => StoreError::Io { place: place.to_owned(), why },
        // Only writes can meet it, and they handle it; a read that does is told as it is.
        ContentsError::Conflict => {
            StoreError::Unavailable { why: format!("{place}: {error}"), retry_after: None }
        }
    }
}

/// A commit's message: what happened to which release, by whom; details below; Regatta's trailer last.
fn commit_message<'a>(release: Release, events: impl Iterator<Item = &'a Event>) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut subject: Option<(u8, usize)> = None;
    for event in events {
        let rank = telling(&event.body);
        // Of equals the last: where a task went through two statuses at once, the one it came to.
        if subject.is_none_or(|(best, _)| rank >= best) {
            subject = Some((rank, lines.len()));
        }
        lines.push(format!("{} ({})", happened(&event.body), event.actor));
    }
    let subject = subject.map_or("unchanged", |(_, place)| &lines[place]);
    let mut message = format!("{release}: {subject}\n");
    if lines.len() > 1 {
        message.push('\n');
        for line in lines.iter().take(50) {
            let _ = writeln!(message, "- {line}");
        }
        if lines.len() > 50 {
            let _ = writeln!(message, "- and {} more", lines.len() - 50);
        }
    }
    let _ = write!(message, "\n{TRAILER}\n");
    message
}

/// How much an entry tells those who read the log: persons' decisions most, bookkeeping least.
const fn telling(body: &Body) -> u8 {
    match body {
        Body::Overridden { .. } => 9,
        Body::TaskMoved { .. } | Body::Opened { .. } => 8,
        Body::Issue(_) => 7,
        Body::Asked { .. } => 6,
        Body::Triggered { .. } => 5,
        Body::Intended { .. } | Body::Imported { .. } | Body::Refreshed { .. } => 4,
        Body::Told { .. } | Body::Closed { .. } => 3,
        Body::Observed { .. } | Body::Queued { .. } => 2,
        Body::Leased { .. } => 1,
    }
}

/// One line on what happened.
fn happened(body: &Body) -> String {
    let short = |text: &str| regatta_kit::OutsideText::line(text, 50).as_str().to_owned();
    match body {
        Body::Opened { .. } => "taken up".to_owned(),
        Body::Refreshed { .. } => "metadata refreshed".to_owned(),
        Body::Observed { subject, .. } => format!("seen: {}", short(subject)),
        Body::TaskMoved { task, from, to, attempt, .. } => {
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            format!("{task} {from} → {to}{again}")
        }
        Body::Intended { key, .. } => format!("about to {}", short(&key.0)),
        Body::Leased { holder, .. } => format!("driven by {}", short(holder)),
        Body::Triggered { key, .. } => format!("did {}", short(&key.0)),
        Body::Asked { question } => format!("question on {}: {}", question.task, short(&question.text)),
        Body::Closed { question, .. } => format!("question closed: {}", short(question)),
        Body::Overridden { task, verdict, .. } => format!("override {task} → {verdict}"),
        Body::Issue(IssueChange::Added { text, .. }) => format!("issue: {}", short(text)),
        Body::Issue(IssueChange::Resolved { text, .. }) => format!("issue resolved: {}", short(text)),
        Body::Queued { message } => format!("to tell: {}", short(&message.key)),
        Body::Told { key, .. } => format!("told: {}", short(key)),
        Body::Imported { .. } => "edits by somebody else taken over".to_owned(),
    }
}

impl Store for ContentsStore {
    fn load<'a>(
        &'a self,
        release: Release,
    ) -> BoxFuture<'a, Result<Option<Versioned<StateBox>>, StoreError>> {
        Box::pin(async move {
            let found = self.find(release).await?;
            Ok(found.map(|found| Versioned { value: found.state, version: found.sha, base_moved: false }))
        })
    }

    fn releases<'a>(&'a self) -> BoxFuture<'a, Result<Vec<Release>, StoreError>> {
        Box::pin(self.releases_now())
    }

    fn append<'a>(
        &'a self,
        release: Release,
        base: Option<&'a Versioned<StateBox>>,
        events: Vec<Event>,
    ) -> BoxFuture<'a, Result<Versioned<StateBox>, StoreError>> {
        Box::pin(self.append_now(release, base, events))
    }

    fn world<'a>(&'a self) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(self.world_file())
    }

    fn stamp<'a>(&'a self, world: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.stamp_now(world))
    }
}
