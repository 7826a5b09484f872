//! What every store promises, told on all three; and the contents store beside other writers.

use super::contents::*;
use super::memory::MemoryStore;
use super::sqlite::SqliteStore;
use super::*;
use crate::document::Layout;
use crate::event::{Body, EffectKey, Evidence, Handle, IssueChange, Mark};
use crate::fixtures::{self, Variant};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use regatta_kit::ids::{EventId, Writer, chance, digest};
use regatta_kit::{Clock, Status, Task};
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex};

fn release() -> Release {
    "4.20.1".parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_000_000).unwrap() + SignedDuration::from_secs(second)
}

fn event(writer: &str, number: u64, body: Body) -> Event {
    let second = i64::try_from(number).unwrap();
    Event {
        id: EventId(Writer(writer.into()), number),
        at: at(second),
        actor: writer.into(),
        reason: None,
        body,
    }
}

fn moved(writer: &str, number: u64, task: Task, to: Status) -> Event {
    event(
        writer,
        number,
        Body::TaskMoved { task, from: Status::NotStarted, to, attempt: 1, evidence: None, result: None },
    )
}

fn issue(writer: &str, number: u64) -> Event {
    let text = format!("{writer} found number {number}");
    event(writer, number, Body::Issue(IssueChange::Added { text, blocker: false, tasks: vec![] }))
}

/// A clock that is wherever somebody waits for it to be.
#[derive(Default)]
struct Leaping(Mutex<Option<Timestamp>>);

impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().unwrap_or(at(0))
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        *self.0.lock().unwrap() = Some(until.max(self.now()));
        // Others get a turn, as they would while somebody really waits.
        Box::pin(tokio::task::yield_now())
    }
}

/// A repository in memory: every write a commit, hashes compared, conflicts on demand.
#[derive(Default)]
struct Repository {
    inner: Mutex<Commits>,
    /// Of so many writes one is answered with a conflict although nothing moved, by seeded chance.
    conflicts: Option<u64>,
}

#[derive(Default)]
struct Commits {
    files: BTreeMap<String, Bytes>,
    /// Newest last: hash, path, message, content then.
    log: Vec<(String, String, String, Bytes)>,
    gets: u64,
    puts: u64,
    refused: u64,
}

impl Repository {
    fn write(&self, path: &str, text: &str, message: &str) {
        let mut inner = self.inner.lock().unwrap();
        let sha = format!("commit{}", inner.log.len());
        inner.files.insert(path.into(), text.to_owned().into());
        inner.log.push((sha, path.into(), message.into(), text.to_owned().into()));
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.inner.lock().unwrap().files[path].to_vec()).unwrap()
    }

    fn subjects(&self) -> Vec<String> {
        self.inner
            .lock()
            .unwrap()
            .log
            .iter()
            .map(|(_, _, m, _)| m.lines().next().unwrap().to_owned())
            .collect()
    }
}

impl Contents for Repository {
    fn get<'a>(
        &'a self,
        path: &'a str,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<ContentsFile>, ContentsError>> {
        let mut inner = self.inner.lock().unwrap();
        inner.gets += 1;
        let bytes = if reference == BRANCH {
            inner.files.get(path).cloned()
        } else {
            inner
                .log
                .iter()
                .find(|(sha, p, _, _)| sha == reference && p == path)
                .map(|(_, _, _, bytes)| bytes.clone())
        };
        let file = bytes.map(|bytes| ContentsFile { sha: digest(&bytes, 40), bytes });
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(file)
        })
    }

    fn put<'a>(
        &'a self,
        path: &'a str,
        _branch: &'a str,
        bytes: Bytes,
        sha: Option<&'a str>,
        message: &'a str,
    ) -> BoxFuture<'a, Result<String, ContentsError>> {
        let mut inner = self.inner.lock().unwrap();
        inner.puts += 1;
        let stands = inner.files.get(path).map(|bytes| digest(bytes, 40));
        let unlucky =
            self.conflicts.is_some_and(|n| chance(7, "conflict", path, inner.puts).is_multiple_of(n));
        assert!(bytes.len() < 1_000_000, "the API would not give it back");
        let answer = if stands.as_deref() != sha || unlucky {
            inner.refused += 1;
            Err(ContentsError::Conflict)
        } else {
            let commit = format!("commit{}", inner.log.len());
            let sha = digest(&bytes, 40);
            inner.files.insert(path.into(), bytes.clone());
            inner.log.push((commit, path.into(), message.into(), bytes));
            Ok(sha)
        };
        Box::pin(async move {
            tokio::task::yield_now().await;
            answer
        })
    }

    fn list<'a>(
        &'a self,
        folder: &'a str,
        _reference: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ContentsEntry>, ContentsError>> {
        let inner = self.inner.lock().unwrap();
        let mut found: Vec<ContentsEntry> = Vec::new();
        for path in inner.files.keys() {
            let Some(rest) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            let (name, kind) =
                rest.split_once('/').map_or((rest, EntryKind::File), |(name, _)| (name, EntryKind::Folder));
            let entry = ContentsEntry { name: name.into(), kind };
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
        Box::pin(ready(Ok(found)))
    }

    fn last_commits<'a>(
        &'a self,
        path: &'a str,
        _branch: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ContentsCommit>, ContentsError>> {
        let inner = self.inner.lock().unwrap();
        let commits = inner.log.iter().rev().filter(|(_, p, _, _)| p == path).take(30);
        let commits =
            commits.map(|(sha, _, message, _)| ContentsCommit { sha: sha.clone(), message: message.clone() });
        let commits = commits.collect();
        Box::pin(ready(Ok(commits)))
    }
}

fn contents(repository: &Arc<Repository>) -> ContentsStore {
    ContentsStore::new(repository.clone(), Arc::new(Leaping::default()))
}

async fn keeps_its_promises(store: &dyn Store) {
    assert_eq!(store.load(release()).await.unwrap(), None);
    assert_eq!(store.releases().await.unwrap(), []);
    assert_eq!(store.world().await.unwrap(), None);
    store.stamp("sandbox:7").await.unwrap();
    store.stamp("sandbox:7").await.unwrap();
    let refused = store.stamp("real").await.unwrap_err();
    assert_eq!(refused.to_string(), "the store belongs to the world \"sandbox:7\", and this is \"real\"");
    assert_eq!(store.world().await.unwrap().as_deref(), Some("sandbox:7"));

    let first = store
        .append(release(), None, vec![moved("a", 1, Task::TakeOwnership, Status::InProgress)])
        .await
        .unwrap();
    assert!(!first.base_moved);
    let loaded = store.load(release()).await.unwrap().unwrap();
    assert_eq!((&loaded.value, &loaded.version), (&first.value, &first.version));

    // Two go on from the same base: both count, and the second is told that the base moved.
    let second = store.append(release(), Some(&first), vec![issue("a", 2)]).await.unwrap();
    assert!(!second.base_moved);
    assert_ne!(second.version, first.version);
    let other = store.append(release(), Some(&first), vec![issue("b", 1)]).await.unwrap();
    assert!(other.base_moved);
    assert_eq!(other.value.folded().issues.len(), 2);

    // Nothing new, nothing written.
    let same = store.append(release(), Some(&other), vec![issue("b", 1)]).await.unwrap();
    assert_eq!(same.version, other.version);
    assert_eq!(store.append(release(), Some(&other), vec![]).await.unwrap().version, other.version);

    let begun = store.append("4.19.9".parse().unwrap(), None, vec![issue("a", 1)]).await.unwrap();
    assert_eq!(begun.value.folded().issues.len(), 1);
    assert_eq!(store.releases().await.unwrap(), ["4.19.9".parse().unwrap(), release()]);
}

#[tokio::test]
async fn the_memory_store_keeps_its_promises() {
    keeps_its_promises(&MemoryStore::new()).await;
}

#[tokio::test]
async fn the_contents_store_keeps_its_promises_in_both_layouts() {
    for layout in Layout::ALL {
        let repository = Arc::new(Repository::default());
        keeps_its_promises(&contents(&repository).in_layout(layout)).await;
        assert!(repository.inner.lock().unwrap().files.contains_key(&layout.path(release())));
        let other = contents(&repository).load(release()).await.unwrap().unwrap();
        assert_eq!(other.value.folded().issues.len(), 2, "another process sees the same");
    }
}

#[tokio::test]
async fn the_sqlite_store_keeps_its_promises_also_after_it_was_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/er/regatta.db");
    keeps_its_promises(&SqliteStore::open(&file).unwrap()).await;
    let (one, two) = (SqliteStore::open(&file).unwrap(), SqliteStore::open(&file).unwrap());
    let state = one.load(release()).await.unwrap().unwrap();
    assert_eq!(state.value.folded().issues.len(), 2);
    two.append(release(), Some(&state), vec![issue("c", 1)]).await.unwrap();
    let state = one.append(release(), Some(&state), vec![issue("a", 3)]).await.unwrap();
    assert!(state.base_moved);
    assert_eq!(state.value.folded().issues.len(), 4);
    assert_eq!(two.load(release()).await.unwrap().unwrap().value, state.value);
    assert_eq!(two.world().await.unwrap().as_deref(), Some("sandbox:7"));
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "these are notes, and rather long ones, longer than a header of SQLite by far and then some",
    )
    .unwrap();
    let error = SqliteStore::open(&text).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().ends_with("notes.txt: is not a SQLite database; name another file"), "{error}");

    let foreign = folder.path().join("other.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(SqliteStore::open(&foreign).unwrap_err().to_string().contains("another program"));

    let newer = folder.path().join("newer.db");
    drop(SqliteStore::open(&newer).unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 9).unwrap();
    assert!(matches!(SqliteStore::open(&newer).unwrap_err(), StoreError::NewerFormat { .. }));
    assert!(matches!(SqliteStore::open(folder.path()).unwrap_err(), StoreError::Io { .. }));
}

#[tokio::test]
async fn of_a_thousand_interleaved_updates_by_two_writers_none_is_lost() {
    let repository = Arc::new(Repository { conflicts: Some(9), ..Repository::default() });
    let writer = |name: &'static str| {
        let store = contents(&repository);
        async move {
            let mut base = None;
            for number in 1..=500 {
                let seen = Body::Observed {
                    subject: format!("{name}{number}"),
                    value: number.into(),
                    digest: String::new(),
                };
                let update = if number % 5 == 0 { issue(name, number) } else { event(name, number, seen) };
                base = Some(store.append(release(), base.as_ref(), vec![update]).await.unwrap());
            }
        }
    };
    tokio::join!(writer("left"), writer("right"));
    let state = contents(&repository).load(release()).await.unwrap().unwrap().value;
    assert_eq!(state.history().len(), 1000);
    assert_eq!((state.folded().issues.len(), state.folded().observed.len()), (200, 800));
    for name in ["left", "right"] {
        let numbers: Vec<u64> = state.history().filter(|e| e.id.0.0 == name).map(|e| e.id.1).collect();
        assert_eq!(numbers, (1..=500).collect::<Vec<_>>(), "{name}'s in their order");
    }
    assert_eq!(state.document().list("issues").len(), 200);
    assert!(repository.inner.lock().unwrap().refused > 100, "the two did meet");
}

/// A refused stamp says nothing about whose the store is: taken for another world's, it would end a drive for good.
#[tokio::test]
async fn a_stamp_refused_beside_other_writers_is_tried_again_and_not_taken_for_another_worlds() {
    let repository = Arc::new(Repository { conflicts: Some(1), ..Repository::default() });
    let refused = contents(&repository).stamp("real").await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
}

#[tokio::test]
async fn conflicts_without_end_are_given_up_after_a_bounded_number_of_tries() {
    let repository = Arc::new(Repository { conflicts: Some(1), ..Repository::default() });
    let error = contents(&repository).append(release(), None, vec![issue("a", 1)]).await.unwrap_err();
    assert_eq!(error, StoreError::Conflict { release: release(), tries: MAX_TRIES });
    assert_eq!(repository.inner.lock().unwrap().puts, u64::from(MAX_TRIES));
}

#[tokio::test]
async fn a_release_keeps_the_layout_it_has_and_may_have_only_one() {
    let repository = Arc::new(Repository::default());
    let yaml = fixtures::text(release(), 1, &[Variant::Unfinished], Layout::Yaml);
    repository.write(&Layout::Yaml.path(release()), &yaml, "Update task: stage-testing");
    let store = contents(&repository);
    let state = store.load(release()).await.unwrap().unwrap();
    assert_eq!(state.value.render(Layout::Yaml), yaml);
    assert_eq!(store.releases().await.unwrap(), [release()]);
    store.append(release(), Some(&state), vec![issue("a", 1)]).await.unwrap();
    assert!(repository.text("_releases/4.20/statebox/4.20.1.yaml").contains("regatta:"));
    assert_eq!(repository.inner.lock().unwrap().files.len(), 1);

    repository.write(&Layout::Json.path(release()), "{}", "by mistake");
    let error = contents(&repository).load(release()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "_releases/state_box/4.20.1.json: the release also stands in _releases/4.20/statebox/4.20.1.yaml; merge the two and remove one"
    );
}

#[tokio::test]
async fn commits_say_what_happened() {
    let repository = Arc::new(Repository::default());
    let store = contents(&repository);
    let base = store
        .append(release(), None, vec![moved("ann@host", 1, Task::StageTesting, Status::InProgress)])
        .await
        .unwrap();
    let text = "ghp_abcdefghijklmnopqrstuvwxyz012345 seen".to_owned();
    let body = Body::Issue(IssueChange::Added { text, blocker: true, tasks: vec![] });
    let both = vec![event("ann@host", 2, body), moved("ann@host", 3, Task::StageTesting, Status::Fail)];
    store.append(release(), Some(&base), both).await.unwrap();
    assert_eq!(
        repository.subjects(),
        [
            "4.20.1: stage-testing Not Started → In Progress (ann@host)",
            "4.20.1: stage-testing Not Started → Fail (ann@host)"
        ]
    );
    let log = &repository.inner.lock().unwrap().log;
    assert_eq!(
        log[1].2,
        "4.20.1: stage-testing Not Started → Fail (ann@host)\n\n- issue: [TOKEN_REDACTED] seen (ann@host)\n- stage-testing Not Started → Fail (ann@host)\n\nWritten-by: Regatta\n"
    );
}

#[tokio::test]
async fn a_writer_that_puts_old_content_back_undoes_nothing() {
    let repository = Arc::new(Repository::default());
    let path = Layout::Yaml.path(release());
    let old = fixtures::text(release(), 1, &[Variant::Unfinished], Layout::Yaml);
    repository.write(&path, &old, "Update task: image-signed-check");
    let store = contents(&repository);
    let base = store.load(release()).await.unwrap().unwrap();
    let reset = Body::TaskMoved {
        task: Task::ImageSignedCheck,
        from: Status::Fail,
        to: Status::InProgress,
        attempt: 2,
        evidence: None,
        result: None,
    };
    let key = crate::event::EffectKey("push:1".into());
    let events = vec![
        event("w", 1, reset),
        event("w", 2, Body::Intended { key: key.clone(), mark: crate::event::Mark::default() }),
    ];
    store.append(release(), Some(&base), events).await.unwrap();

    // The other tool saves the state it had read before, with one task of its own moved on.
    let stale = old.replacen("status: In Progress\n", "status: Pass\n", 1);
    assert_ne!(stale, old);
    repository.write(&path, &stale, "Update task: change-advisory-status");
    for store in [store, contents(&repository)] {
        let state = store.load(release()).await.unwrap().unwrap();
        assert_eq!(state.value.folded().tasks[Task::ImageSignedCheck].status, Status::InProgress);
        assert_eq!(state.value.folded().tasks[Task::ImageSignedCheck].attempt, 2);
        assert_eq!(state.value.folded().tasks[Task::ChangeAdvisoryStatus].status, Status::Pass);
        assert!(state.value.folded().intents.contains_key(&key));
    }
    let store = contents(&repository);
    let base = store.load(release()).await.unwrap();
    store.append(release(), base.as_ref(), vec![issue("w", 3)]).await.unwrap();
    let (state, _) = StateBox::parse(&repository.text(&path), Layout::Yaml).unwrap();
    assert!(state.folded().intents.contains_key(&key));
    assert_eq!(state.folded().tasks[Task::ChangeAdvisoryStatus].status, Status::Pass);
    assert!(!state.has_foreign_edits());
}

#[tokio::test]
async fn a_long_history_moves_beside_the_document_and_is_still_known() {
    let repository = Arc::new(Repository::default());
    let store = contents(&repository);
    let mut base = None;
    let heavy = |number: u64| {
        let evidence = Evidence { summary: "x".repeat(20_000), ..Evidence::default() };
        let body = Body::TaskMoved {
            task: Task::StageTesting,
            from: Status::NotStarted,
            to: Status::InProgress,
            attempt: u32::try_from(number).unwrap(),
            evidence: Some(evidence),
            result: None,
        };
        event("w", number, body)
    };
    // The very first entries: an effect made, one cut off, a message told.
    let (made, cut_off) = (EffectKey("push:12345".into()), EffectKey("trigger:stage-testing".into()));
    let mark = Mark("41".into());
    let handle = Handle { kind: "push-job".into(), id: "42".into(), url: None };
    let kept = [
        Body::Intended { key: made.clone(), mark: mark.clone() },
        Body::Triggered { key: made.clone(), handle: handle.clone() },
        Body::Intended { key: cut_off.clone(), mark: mark.clone() },
        Body::Told { key: "completed".into(), handle: None },
    ];
    let kept = (1..).zip(kept).map(|(number, body)| event("early", number, body)).collect();
    base = Some(store.append(release(), base.as_ref(), kept).await.unwrap());
    for number in 1..=80 {
        base = Some(store.append(release(), base.as_ref(), vec![heavy(number)]).await.unwrap());
    }
    let archive = Layout::Json.archive_path(release(), 1);
    assert_eq!(archive, "_releases/state_box/4.20.1.history-1.json");
    assert!(repository.inner.lock().unwrap().files.contains_key(&archive));
    assert!(repository.text(&Layout::Json.path(release())).len() <= OVERFLOW);
    let written = repository.inner.lock().unwrap().log.iter().filter(|(_, p, _, _)| *p == archive).count();
    assert_eq!(written, 1, "written once");
    let other = contents(&repository);
    let state = other.load(release()).await.unwrap().unwrap();
    assert_eq!(state.value.history().len(), 84);
    assert_eq!(state.value.folded(), base.unwrap().value.folded());
    // Keys and marks are kept for ever: their entries are in the archive now, and count.
    assert!(repository.text(&archive).contains("trigger:stage-testing"));
    let folded = state.value.folded();
    assert_eq!((&folded.intents[&made].mark, &folded.intents[&cut_off].mark), (&mark, &mark));
    assert_eq!((&folded.handles[&made], folded.handles.get(&cut_off)), (&handle, None));
    assert!(folded.told.contains_key("completed"));
    assert!(!state.value.has_foreign_edits());
    assert_eq!(other.releases().await.unwrap(), [release()]);

    // A document by itself, without its older history, comes back byte for byte.
    let text = repository.text(&Layout::Json.path(release()));
    let (alone, _) = StateBox::parse(&text, Layout::Json).unwrap();
    assert!(alone.document().is_partial());
    assert_eq!(alone.render(Layout::Json), text);

    repository.inner.lock().unwrap().files.remove(&archive);
    let error = contents(&repository).load(release()).await.unwrap_err();
    assert!(error.to_string().contains("history-1.json: is missing"), "{error}");
}

#[tokio::test]
async fn a_half_written_or_foreign_file_is_refused_with_place_line_and_field() {
    let repository = Arc::new(Repository::default());
    let text = fixtures::text(release(), 1, &[], Layout::Yaml);
    let path = Layout::Yaml.path(release());
    repository.write(&path, &text[..text.len() / 2], "cut");
    let error = contents(&repository).load(release()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }));
    assert!(error.to_string().starts_with("_releases/4.20/statebox/4.20.1.yaml: line "), "{error}");
    repository.write(&path, &fixtures::text("4.20.2".parse().unwrap(), 1, &[], Layout::Yaml), "copied");
    let error = contents(&repository).load(release()).await.unwrap_err().to_string();
    assert_eq!(error, "_releases/4.20/statebox/4.20.1.yaml: release: is 4.20.2, not 4.20.1");
    repository.write(&path, &text.replace("'1.0'", "'3.0'"), "newer");
    assert!(matches!(
        contents(&repository).load(release()).await.unwrap_err(),
        StoreError::NewerFormat { .. }
    ));
}
