//! `check`: what the release controller, the repository's scripts and the runs themselves would hold against configurations.
//!
//! Every rule stands in one table ([`rules`]) with who holds it, why, and what to do. `decoder` is the controller's strict
//! reading, `entries` what it refuses in entries, `traps` what nobody refuses but goes wrong, `across` what only shows
//! over several files, [`jobs`] whether Prow knows the jobs, `stale` whether a private file is what its public one makes.
//! [`sarif`] is the form for code scanning.
//!
//! A file that is no JSON is a finding like any other. What is read from disk is the folder of Prow jobs ([`jobs`]); the
//! configurations themselves are handed in.

use rayon::prelude::*;
use serde::Serialize;
use serde::ser::SerializeMap as _;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::Config;
use crate::text::{Place, Span, Text};

mod across;
mod cron;
mod decoder;
mod duration;
mod entries;
pub mod jobs;
pub mod names;
pub mod rules;
pub mod sarif;
mod schema;
mod stale;
mod traps;

pub use rules::{Holder, Level, Rule};

use jobs::Jobs;

/// Whether people write a file or the generator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// People do.
    Public,
    /// The generator does, from a public one: the files under `priv/`.
    Private,
}

/// The other file of a pair: the private one of a public one, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counterpart {
    /// Not looked for, or there is nothing to say where it is not there.
    None,
    /// It should be there and is not.
    Missing {
        /// Where it should be, as people are told.
        file: String,
    },
    /// It is there.
    There {
        /// As people are told.
        file: String,
        /// What it holds.
        bytes: Vec<u8>,
    },
}

/// A file to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// As people are told: usually the path that was given.
    pub file: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Who writes it.
    pub origin: Origin,
    /// The other file of its pair; given with one of the two only, so that nothing is told twice.
    pub counterpart: Counterpart,
    /// The folder whose files the controller reads together, where the file is in one. Periodics are compared within it; those
    /// of files in none, with each other.
    pub folder: Option<PathBuf>,
}

impl Subject {
    /// A public file alone.
    #[must_use]
    pub fn public(file: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            file: file.into(),
            bytes: bytes.into(),
            origin: Origin::Public,
            counterpart: Counterpart::None,
            folder: None,
        }
    }
}

/// A file that is not to be checked but stands in the folder of one that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sibling {
    /// As people are told.
    pub file: String,
    /// What it holds, or why it cannot be read.
    pub contents: Result<Vec<u8>, String>,
}

/// A file that was to be checked and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// As people are told.
    pub file: String,
    /// What is wrong with it.
    pub why: String,
}

/// One fault, or one thing that is hardly meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The rule's level, or a milder one.
    pub level: Level,
    /// The file, as its [`Subject`] calls it.
    pub file: String,
    /// Where it begins.
    pub place: Place,
    /// Where it ends: the place after the last character.
    pub end: Place,
    /// Its bytes, where it stands in the text.
    pub span: Option<Span>,
    /// The entry it is in, from the root and joined by a dot: `verify.aws-ovn`.
    pub entry: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub mend: Option<String>,
}

impl Finding {
    /// The entry and the message, as people read them.
    #[must_use]
    pub fn told(&self) -> String {
        match &self.entry {
            Some(entry) => format!("{entry}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

/// `FILE:LINE:COLUMN: LEVEL[RULE] ENTRY: MESSAGE`, and what to do in a line of its own.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, level, file, place, .. } = self;
        write!(f, "{file}:{}:{}: {level}[{}] {}", place.line, place.column, rule.id, self.told())?;
        match &self.mend {
            Some(mend) => write!(f, "\n    mend: {mend}"),
            None => Ok(()),
        }
    }
}

impl Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(9))?;
        map.serialize_entry("file", &self.file)?;
        map.serialize_entry("line", &self.place.line)?;
        map.serialize_entry("column", &self.place.column)?;
        map.serialize_entry("rule", self.rule.id)?;
        map.serialize_entry("level", &self.level)?;
        map.serialize_entry("entry", &self.entry)?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("mend", &self.mend)?;
        map.serialize_entry("source", self.rule.source)?;
        map.end()
    }
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// How many files were checked.
    pub files: usize,
    /// How many findings are errors.
    pub errors: usize,
    /// How many are warnings.
    pub warnings: usize,
    /// Sorted by file, place and rule.
    pub findings: Vec<Finding>,
    /// What could not be looked at, and why. Nothing of it is a fault of a file.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// Checks files, each by itself and all together. `jobs` is where Prow's jobs are, if they are at hand.
#[must_use]
pub fn check(subjects: &[Subject], jobs: Option<&Jobs>) -> Report {
    check_among(subjects, |_| Vec::new(), jobs)
}

/// As [`check`], where the files are not all of their folder: `siblings` reads the others of a folder. It is asked only of
/// folders where a file has periodics, and what is wrong with the others themselves is not told.
#[must_use]
pub fn check_among(
    subjects: &[Subject],
    mut siblings: impl FnMut(&Path) -> Vec<Sibling>,
    jobs: Option<&Jobs>,
) -> Report {
    let looked: Vec<Looked<'_>> = subjects.par_iter().map(look).collect();
    let mut findings: Vec<Finding> = Vec::new();
    let mut configs = Vec::with_capacity(looked.len());
    for Looked { subject, config, found } in looked {
        findings.extend(found);
        if let Some(config) = config {
            configs.push((subject, config));
        }
    }
    let mut notes = Vec::new();
    findings.extend(across::check(&configs, &mut siblings, &mut notes));
    if let Some(jobs) = jobs {
        findings.extend(jobs::check(&configs, jobs, &mut notes));
    }
    findings.sort_by(|a, b| {
        (&a.file, a.place, a.level, a.rule.id, &a.message)
            .cmp(&(&b.file, b.place, b.level, b.rule.id, &b.message))
    });
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    Report { files: subjects.len(), errors, warnings: findings.len() - errors, findings, notes }
}

/// Checks one configuration by itself, such as the result of a change before it is written.
#[must_use]
pub fn config(file: &str, origin: Origin, config: &Config) -> Vec<Finding> {
    let mut notes = Notes { file, text: config.text(), origin, found: Vec::new() };
    duplicates(&mut notes);
    decoder::check(&mut notes);
    entries::check(&mut notes);
    traps::check(&mut notes, config.tag_form().as_ref());
    notes.found
}

struct Looked<'a> {
    subject: &'a Subject,
    config: Option<Config>,
    found: Vec<Finding>,
}

fn look(subject: &Subject) -> Looked<'_> {
    let Subject { file, bytes, origin, .. } = subject;
    let (config, mut found) = match Config::parse(bytes.clone()) {
        Ok(config) => {
            let found = self::config(file, *origin, &config);
            (Some(config), found)
        }
        Err(malformed) => {
            let rule = &rules::MALFORMED;
            let mend = malformed.mend.or_else(|| Some(rule.mend.to_owned()));
            (None, vec![at(rule, file, malformed.place, malformed.why, mend)])
        }
    };
    found.extend(stale::check(subject, config.as_ref()));
    if *origin == Origin::Private {
        for finding in &mut found {
            if ![&rules::PRIVATE_STALE, &rules::PRIVATE_ORPHAN].contains(&finding.rule) {
                finding.mend = Some(PRIVATE_MEND.to_owned());
            }
        }
    }
    Looked { subject, config, found }
}

/// A private file is never mended by hand.
const PRIVATE_MEND: &str = "correct the public file where it says the same, then run make release-controllers, which writes this file anew";

/// A finding at a place of a file whose text is not at hand.
fn at(rule: &'static Rule, file: &str, place: Place, message: String, mend: Option<String>) -> Finding {
    let message = format!("{}{message}", rule.preface());
    let end = Place { line: place.line, column: place.column + 1 };
    Finding {
        rule,
        level: rule.level,
        file: file.to_owned(),
        place,
        end,
        span: None,
        entry: None,
        message,
        mend,
    }
}

/// Where the checks of one configuration write down what they find.
struct Notes<'a> {
    file: &'a str,
    text: &'a Text,
    origin: Origin,
    found: Vec<Finding>,
}

impl<'a> Notes<'a> {
    const fn text(&self) -> &'a Text {
        self.text
    }

    const fn origin(&self) -> Origin {
        self.origin
    }

    /// Writes down a finding with the rule's own level and mend, which the caller may make more precise.
    fn add(
        &mut self,
        rule: &'static Rule,
        span: Span,
        entry: Option<String>,
        message: String,
    ) -> &mut Finding {
        self.found.push_mut(finding(rule, self.file, self.text, span, entry, message))
    }
}

/// A finding in a text.
fn finding(
    rule: &'static Rule,
    file: &str,
    text: &Text,
    span: Span,
    entry: Option<String>,
    message: String,
) -> Finding {
    Finding {
        rule,
        level: rule.level,
        file: file.to_owned(),
        place: text.place(span.start),
        end: text.place(span.end),
        span: Some(span),
        entry,
        message: format!("{}{message}", rule.preface()),
        mend: Some(rule.mend.to_owned()),
    }
}

fn duplicates(notes: &mut Notes<'_>) {
    for duplicate in notes.text().duplicates() {
        let message = format!(
            "{} stands here again, first at {}; the last one counts",
            duplicate.path, duplicate.first
        );
        let origin = notes.origin();
        let found = notes.add(&rules::DUPLICATE_KEY, duplicate.again, None, message);
        // The script reads no private files.
        if origin == Origin::Private {
            found.level = Level::Warning;
        }
    }
}
