//! States in one SQLite file: the default store.
//!
//! Production's fields stand as one text a release, the history as one row an entry, so that an append costs the same
//! however long the history is. The file is in WAL mode with full synchronisation: what was appended survives a crash
//! of the machine. Several processes may use one file; each append is one immediate transaction on the newest state.

use regatta_kit::{BoxFuture, Release};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Store, StoreError, Versioned, same_world};
use crate::document::{Document, Entry};
use crate::event::Event;
use crate::statebox::StateBox;

/// `Rgta`: marks the file as ours.
const APPLICATION: i32 = 0x5267_7461;
/// The layout of the tables.
const TABLES: i32 = 1;
/// How long another process may hold the file before it counts as unavailable.
const BUSY: Duration = Duration::from_secs(20);

/// Keeps states in a SQLite file.
pub struct SqliteStore {
    inner: Mutex<Inner>,
    place: String,
}

struct Inner {
    connection: Connection,
    /// The newest state seen of each release, valid while its version is the stored one.
    seen: HashMap<Release, (i64, StateBox)>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("file", &self.place).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens a file, making it and the folders above it where they are missing.
    ///
    /// # Errors
    /// When the file cannot be made or is not one of Regatta's.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let io = |why: String| StoreError::Io { place: place.clone(), why };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|error| io(format!("its folder cannot be made: {error}")))?;
        }
        if path.is_dir() {
            return Err(io("is a folder; name a file".to_owned()));
        }
        let connection = Connection::open(path).map_err(|error| fault(&place, &error))?;
        let inner = prepare(connection, &place)?;
        Ok(Self { inner: Mutex::new(inner), place })
    }

    /// The file a store of `path` would use; for messages.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        PathBuf::from(&self.place)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic inside drops its transaction, which rolls back: the connection stays good.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load_now(&self, release: Release) -> Result<Option<Versioned<StateBox>>, StoreError> {
        let mut inner = self.inner();
        let Inner { connection, seen } = &mut *inner;
        // One read transaction: fields and history of one version.
        let transaction = connection.transaction().map_err(|error| fault(&self.place, &error))?;
        let found = newest(&transaction, seen, release, &self.place)?;
        Ok(found.map(|(version, value)| Versioned { value, version: version.to_string(), base_moved: false }))
    }

    fn append_now(
        &self,
        release: Release,
        base: Option<&Versioned<StateBox>>,
        events: Vec<Event>,
    ) -> Result<Versioned<StateBox>, StoreError> {
        let mut inner = self.inner();
        let Inner { connection, seen } = &mut *inner;
        let sql = |error: rusqlite::Error| fault(&self.place, &error);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let stored = newest(&transaction, seen, release, &self.place)?;
        let base_moved = stored.as_ref().map(|(v, _)| v.to_string()).as_ref() != base.map(|b| &b.version);
        let (version, mut state) = stored.unwrap_or_else(|| {
            let begun = events.first().map_or(jiff::Timestamp::UNIX_EPOCH, |event| event.at);
            (0, StateBox::new(release, begun))
        });
        let before = state.document().history.len();
        if state.apply(events) == 0 {
            return Ok(Versioned { value: state, version: version.to_string(), base_moved });
        }
        let version = version + 1;
        write(&transaction, &state, before, version).map_err(sql)?;
        transaction.commit().map_err(sql)?;
        seen.insert(release, (version, state.clone()));
        Ok(Versioned { value: state, version: version.to_string(), base_moved })
    }

    fn releases_now(&self) -> Result<Vec<Release>, StoreError> {
        let inner = self.inner();
        let sql = |error: rusqlite::Error| fault(&self.place, &error);
        let mut statement = inner.connection.prepare_cached("SELECT release FROM state").map_err(sql)?;
        let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(sql)?;
        let mut releases = Vec::new();
        for name in names {
            let name = name.map_err(sql)?;
            releases.push(name.parse().map_err(|e| corrupt(&self.place, format!("table state: {e}")))?);
        }
        releases.sort();
        Ok(releases)
    }

    fn world_now(&self) -> Result<Option<String>, StoreError> {
        let inner = self.inner();
        let found = inner.connection.query_row("SELECT world FROM world", [], |row| row.get(0)).optional();
        found.map_err(|error| fault(&self.place, &error))
    }

    fn stamp_now(&self, world: &str) -> Result<(), StoreError> {
        {
            let inner = self.inner();
            let insert = "INSERT OR IGNORE INTO world (id, world) VALUES (1, ?1)";
            inner.connection.execute(insert, [world]).map_err(|error| fault(&self.place, &error))?;
        }
        same_world(self.world_now()?.as_deref().unwrap_or_default(), world)
    }
}

/// Makes a connection ready: judges what the file is, sets its modes, makes the tables.
fn prepare(mut connection: Connection, place: &str) -> Result<Inner, StoreError> {
    let sql = |error: rusqlite::Error| fault(place, &error);
    connection.busy_timeout(BUSY).map_err(sql)?;
    let number = |connection: &Connection, pragma: &str| {
        connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0))
    };
    let application = number(&connection, "application_id").map_err(sql)?;
    let tables = number(&connection, "user_version").map_err(sql)?;
    let count = "SELECT count(*) FROM sqlite_schema";
    let things: i64 = connection.query_row(count, [], |row| row.get(0)).map_err(sql)?;
    if application != APPLICATION && (application != 0 || things > 0) {
        return Err(corrupt(place, "is a database of another program; name another file".to_owned()));
    }
    if tables > TABLES {
        let why = format!(
            "its tables are of version {tables}, newer than {TABLES}, the highest this program knows"
        );
        return Err(StoreError::NewerFormat { place: place.to_owned(), why });
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(sql)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(sql)?;
    if application != APPLICATION {
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        // Another process may just have made them.
        transaction
            .execute_batch(
                "CREATE TABLE IF NOT EXISTS world (id INTEGER PRIMARY KEY CHECK (id = 1), world TEXT NOT NULL);
                 CREATE TABLE IF NOT EXISTS state (
                     release TEXT PRIMARY KEY, version INTEGER NOT NULL, fields TEXT NOT NULL, unknown TEXT NOT NULL);
                 CREATE TABLE IF NOT EXISTS entry (
                     release TEXT NOT NULL, writer TEXT NOT NULL, number INTEGER NOT NULL, entry TEXT NOT NULL,
                     PRIMARY KEY (release, writer, number));",
            )
            .map_err(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(sql)?;
        transaction.pragma_update(None, "user_version", TABLES).map_err(sql)?;
        transaction.commit().map_err(sql)?;
    }
    Ok(Inner { connection, seen: HashMap::new() })
}

/// The stored state, from memory while its version is still the newest.
fn newest(
    connection: &Connection,
    seen: &mut HashMap<Release, (i64, StateBox)>,
    release: Release,
    place: &str,
) -> Result<Option<(i64, StateBox)>, StoreError> {
    let sql = |error: rusqlite::Error| fault(place, &error);
    let name = release.to_string();
    let mut statement =
        connection.prepare_cached("SELECT version FROM state WHERE release = ?1").map_err(sql)?;
    let Some(version) = statement.query_row([&name], |row| row.get::<_, i64>(0)).optional().map_err(sql)?
    else {
        return Ok(None);
    };
    if let Some((known, state)) = seen.get(&release)
        && *known == version
    {
        return Ok(Some((version, state.clone())));
    }
    let mut statement =
        connection.prepare_cached("SELECT fields, unknown FROM state WHERE release = ?1").map_err(sql)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let (fields, unknown) = statement.query_row([&name], read).map_err(sql)?;
    let bad = |why: String| corrupt(place, format!("release {name}: {why}"));
    let mut document = Document::read(&fields, crate::Layout::Json).map_err(|e| match e.code {
        regatta_kit::Code::NewerFormat => {
            StoreError::NewerFormat { place: place.to_owned(), why: e.to_string() }
        }
        _ => bad(e.to_string()),
    })?;
    if document.release != release {
        return Err(bad(format!("the fields are of {}", document.release)));
    }
    document.unknown =
        serde_json::from_str::<Map<String, Value>>(&unknown).map_err(|e| bad(e.to_string()))?;
    let mut statement =
        connection.prepare_cached("SELECT entry FROM entry WHERE release = ?1").map_err(sql)?;
    let entries = statement.query_map([&name], |row| row.get::<_, String>(0)).map_err(sql)?;
    for text in entries {
        let raw: Value =
            serde_json::from_str(&text.map_err(sql)?).map_err(|e| bad(format!("an entry: {e}")))?;
        let entry = Entry::read(raw, false).map_err(|why| bad(format!("an entry: {why}")))?;
        document.history.push(Arc::new(entry));
    }
    document.sort_history();
    let state = StateBox::open(document);
    seen.insert(release, (version, state.clone()));
    Ok(Some((version, state)))
}

/// Writes the fields, and the entries from `before` on.
fn write(connection: &Connection, state: &StateBox, before: usize, version: i64) -> rusqlite::Result<()> {
    let document = state.document();
    let name = document.release.to_string();
    let json = |map: &Map<String, Value>| serde_json::to_string(map).expect("a tree has string keys");
    connection
        .prepare_cached(
            "INSERT INTO state (release, version, fields, unknown) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (release) DO UPDATE SET version = ?2, fields = ?3, unknown = ?4",
        )?
        .execute(params![name, version, json(&document.root), json(&document.unknown)])?;
    let mut insert = connection
        .prepare_cached("INSERT INTO entry (release, writer, number, entry) VALUES (?1, ?2, ?3, ?4)")?;
    for entry in &document.history[before..] {
        let id = &entry.event.id;
        // SQLite's integers are signed; the bits are what counts.
        insert.execute(params![name, id.0.0, id.1.cast_signed(), entry.to_value().to_string()])?;
    }
    Ok(())
}

fn corrupt(place: &str, why: String) -> StoreError {
    StoreError::Corrupt { place: place.to_owned(), why }
}

fn fault(place: &str, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            corrupt(place, "is not a SQLite database; name another file".to_owned())
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            corrupt(place, "the database is damaged; restore it from a copy".to_owned())
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable { why: format!("{place} is held by another process"), retry_after: None }
        }
        _ => StoreError::Io { place: place.to_owned(), why: error.to_string() },
    }
}

impl Store for SqliteStore {
    fn load<'a>(
        &'a self,
        release: Release,
    ) -> BoxFuture<'a, Result<Option<Versioned<StateBox>>, StoreError>> {
        Box::pin(ready(self.load_now(release)))
    }

    fn releases<'a>(&'a self) -> BoxFuture<'a, Result<Vec<Release>, StoreError>> {
        Box::pin(ready(self.releases_now()))
    }

    fn append<'a>(
        &'a self,
        release: Release,
        base: Option<&'a Versioned<StateBox>>,
        events: Vec<Event>,
    ) -> BoxFuture<'a, Result<Versioned<StateBox>, StoreError>> {
        Box::pin(ready(self.append_now(release, base, events)))
    }

    fn world<'a>(&'a self) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(ready(self.world_now()))
    }

    fn stamp<'a>(&'a self, world: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(ready(self.stamp_now(world)))
    }
}
