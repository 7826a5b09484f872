//! Counts the cases of all runs, each test's name kept once.
//!
//! The runs are read in parallel into parts that are put together afterwards: a history of 250 runs holds 750,000 cases
//! of some 3,000 tests, so what costs is a case, not a test.

use super::MESSAGE_CHARACTERS_MAX;
use super::disruption;
use super::folders::Files;
use crate::judge::{Counts, Tally, TestId};
use flate2::read::MultiGzDecoder;
use regatta_junit::{Case, JunitError, Outcome};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Which files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookout {
    /// Those named as JUnit.
    NamedAsJunit,
    /// Any `.xml`.
    AnyXml,
}

/// What all runs say, in order.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) tests: Vec<Tally>,
    /// See [`crate::judge::Gathered::disruption`].
    pub(super) disruption: BTreeMap<String, Vec<(usize, u64)>>,
    pub(super) notes: Vec<String>,
}

/// Parts to read into: as many as runs are read at one time, so that hardly a name is kept twice.
#[derive(Debug, Default)]
pub(super) struct Parts(Mutex<Vec<Part>>);

impl Parts {
    /// Reads one run into a part that nobody else is reading into.
    pub(super) fn read_run(&self, run: usize, files: &Files, lookout: Lookout) {
        let mut part = self.lock().pop().unwrap_or_default();
        part.read_run(run, files, lookout);
        self.lock().push(part);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Part>> {
        // What a panicking reader held is its own part, which is gone with it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts them together.
    pub(super) fn merge(self) -> Part {
        let parts = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        parts.into_iter().reduce(Part::merge).unwrap_or_default()
    }
}

/// What was read of some of the runs.
#[derive(Debug, Default)]
pub(super) struct Part {
    table: Table,
    disruption: BTreeMap<String, Vec<(usize, u64)>>,
    /// With the index of the run, so that they can be put in order.
    notes: Vec<(usize, String)>,
    /// Of each run read: files that could be used, and the last reason why one could not.
    readable: HashMap<usize, (usize, Option<String>)>,
    /// Cases that only repeat how their run went.
    repeats: usize,
    /// The cases of the file being read, which count once it was read to its end.
    pending: Vec<Pending>,
    messages: Vec<(u32, Box<str>)>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    test: u32,
    outcome: Outcome,
    informing: Option<bool>,
}

impl Part {
    /// Reads one run. Of one run all is read into one part.
    fn read_run(&mut self, run: usize, files: &Files, lookout: Lookout) {
        let any_xml: &[_] = if lookout == Lookout::AnyXml { &files.other_xml } else { &[] };
        let (mut readable, mut unread) = (0, None);
        for path in files.junit.iter().chain(any_xml) {
            match self.read_junit(run, path) {
                Ok(()) => readable += 1,
                Err(error) => {
                    let what = format!("{}: {error}", path.display());
                    self.notes.push((run, format!("{what}; the file was not used")));
                    unread = Some(what);
                }
            }
        }
        self.readable.insert(run, (readable, unread));
        let mut total = BTreeMap::new();
        for path in &files.disruption {
            let read = fs::read(path).map_err(|error| format!("cannot be read: {error}"));
            match read.and_then(|bytes| disruption::read(&bytes)) {
                Ok(disruption::Read { seconds, notes }) => {
                    for (backend, seconds) in seconds {
                        let sum = total.entry(backend).or_insert(0_u64);
                        *sum = sum.saturating_add(seconds);
                    }
                    let place = |note| (run, format!("{}: {note}", path.display()));
                    self.notes.extend(notes.into_iter().map(place));
                }
                Err(why) => {
                    self.notes.push((run, format!("{}: {why}; the file was not used", path.display())));
                }
            }
        }
        for (backend, seconds) in total {
            self.disruption.entry(backend).or_default().push((run, seconds));
        }
    }

    fn read_junit(&mut self, run: usize, path: &Path) -> Result<(), JunitError> {
        let Self { table, pending, messages, .. } = self;
        pending.clear();
        messages.clear();
        let mut repeats = 0;
        let summary = regatta_junit::read(open(path)?, |case| {
            if repeats_its_run(case.name) {
                repeats += 1;
                return;
            }
            let informing = case.lifecycle.map(|lifecycle| lifecycle == "informing");
            let test = table.intern(&case);
            pending.push(Pending { test, outcome: case.outcome, informing });
            if let Some(message) = case.message.filter(|_| case.outcome.is_failure())
                && table.tests[test as usize].message.as_ref().is_none_or(|(first, _)| run < *first)
            {
                messages.push((test, beginning(message)));
            }
        })?;
        for case in &self.pending {
            self.table.tests[case.test as usize].add(run, *case);
        }
        for (test, message) in self.messages.drain(..) {
            self.table.tests[test as usize].tell_message((run, message));
        }
        self.repeats += repeats;
        let mut note = |count: u64, what: &str| {
            if count > 0 {
                self.notes.push((run, format!("{}: {what}: {count}", path.display())));
            }
        };
        note(summary.unnamed, "cases without a name, not counted");
        note(summary.misplaced, "cases within cases, not counted");
        note(summary.cut, "names that were cut because of their length");
        note(summary.roots.saturating_sub(1), "further root elements behind the first, read as well");
        note(u64::from(summary.trailing), "something behind the end that is no JUnit or breaks off");
        Ok(())
    }

    /// Why a run that must tell by its JUnit alone is taken for unfinished; none if it has any.
    pub(super) fn why_unread(&self, run: usize, files: &Files) -> Option<String> {
        match self.readable.get(&run) {
            Some((0, Some(why))) => Some(format!("it has no readable JUnit file ({why})")),
            Some((0, None)) | None => Some(match files.other_xml.len() {
                0 => "it has no JUnit file".to_owned(),
                count => {
                    format!("it has no file named as JUnit (a path with /junit), only {count} other .xml")
                }
            }),
            Some(_) => None,
        }
    }

    fn merge(mut self, other: Self) -> Self {
        if self.table.tests.len() < other.table.tests.len() {
            return other.merge(self);
        }
        self.table.merge(other.table);
        for (backend, runs) in other.disruption {
            self.disruption.entry(backend).or_default().extend(runs);
        }
        self.notes.extend(other.notes);
        self.readable.extend(other.readable);
        self.repeats += other.repeats;
        self
    }

    /// The tests, the disruption and the notes, all in order.
    pub(super) fn finish(mut self) -> Told {
        for runs in self.disruption.values_mut() {
            runs.sort_unstable();
        }
        self.notes.sort_by_key(|(run, _)| *run);
        let mut notes: Vec<String> = self.notes.into_iter().map(|(_, note)| note).collect();
        if self.repeats > 0 {
            notes.push(format!(
                "left out {} results of `Run multi-stage test … -openshift-e2e-test container test`, which only repeat \
                 how their run went as a whole",
                self.repeats
            ));
        }
        Told { tests: self.table.finish(), disruption: self.disruption, notes }
    }
}

/// Opens JUnit, packed or not.
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let file = File::open(path)?;
    let is_packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    Ok(if is_packed { Box::new(MultiGzDecoder::new(BufReader::new(file))) } else { Box::new(file) })
}

/// Whether a file can be read to its end, for runs that are told of but not counted.
pub(super) fn is_readable(path: &Path) -> bool {
    open(path).is_ok_and(|input| regatta_junit::read(input, |_| ()).is_ok())
}

/// The beginning of a message.
fn beginning(message: &str) -> Box<str> {
    match message.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
        None => message.into(),
        Some((end, _)) => format!("{}…", message[..end].trim_end()).into(),
    }
}

/// Whether a test is the one by which the CI operator sums up the step with all the tests.
fn repeats_its_run(name: &str) -> bool {
    name.ends_with("-openshift-e2e-test container test") && name.starts_with("Run multi-stage test ")
}

/// The tests seen so far.
#[derive(Debug, Default)]
struct Table {
    suites: Vec<Suite>,
    by_path: HashMap<String, usize>,
    tests: Vec<Test>,
    /// The suite and the test of the last case. The next is nearly always of the same suite, and the test that followed
    /// in an earlier run: seldom a name has to be looked up.
    last_suite: usize,
    last_test: usize,
    path: String,
}

#[derive(Debug, Default)]
struct Suite {
    path: String,
    by_name: HashMap<Arc<str>, u32>,
}

#[derive(Debug)]
struct Test {
    suite: usize,
    name: Arc<str>,
    /// In the order of reading; a run stands there once.
    runs: Vec<(usize, Counts)>,
    /// What the first run that has a lifecycle says, with that run.
    informing: Option<(usize, bool)>,
    /// What the first run in which it failed says of that, with that run.
    message: Option<(usize, Box<str>)>,
}

impl Test {
    fn add(&mut self, run: usize, case: Pending) {
        if self.runs.last().is_none_or(|(last, _)| *last != run) {
            self.runs.push((run, Counts::default()));
        }
        if let Some((_, counts)) = self.runs.last_mut() {
            match case.outcome {
                Outcome::Passed => counts.passes += 1,
                Outcome::Failed | Outcome::Errored => counts.failures += 1,
                Outcome::Skipped => counts.skips += 1,
            }
        }
        if let Some(informing) = case.informing {
            self.tell_lifecycle((run, informing));
        }
    }

    fn tell_lifecycle(&mut self, said: (usize, bool)) {
        if self.informing.is_none_or(|(first, _)| said.0 < first) {
            self.informing = Some(said);
        }
    }
}

impl Test {
    fn tell_message(&mut self, said: (usize, Box<str>)) {
        if self.message.as_ref().is_none_or(|(first, _)| said.0 < *first) {
            self.message = Some(said);
        }
    }
}

impl Table {
    fn intern(&mut self, case: &Case<'_>) -> u32 {
        let mut path = std::mem::take(&mut self.path);
        path.clear();
        for (index, suite) in case.suites.iter().enumerate() {
            if index > 0 {
                path.push_str("|||");
            }
            path.push_str(suite);
        }
        let suite = self.suite(&path);
        self.path = path;
        self.test(suite, case.name)
    }

    fn suite(&mut self, path: &str) -> usize {
        if self.suites.get(self.last_suite).is_some_and(|suite| suite.path == path) {
            return self.last_suite;
        }
        self.last_suite = match self.by_path.get(path) {
            Some(index) => *index,
            None => {
                self.suites.push(Suite { path: path.to_owned(), by_name: HashMap::new() });
                self.by_path.insert(path.to_owned(), self.suites.len() - 1);
                self.suites.len() - 1
            }
        };
        self.last_suite
    }

    fn test(&mut self, suite: usize, name: &str) -> u32 {
        let next = self.last_test + 1;
        let is_next = self.tests.get(next).is_some_and(|test| test.suite == suite && *test.name == *name);
        let test = if is_next { index(next) } else { self.look_up(suite, name) };
        self.last_test = test as usize;
        test
    }

    fn look_up(&mut self, suite: usize, name: &str) -> u32 {
        let by_name = &mut self.suites[suite].by_name;
        if let Some(test) = by_name.get(name) {
            return *test;
        }
        let (test, name) = (index(self.tests.len()), Arc::<str>::from(name));
        by_name.insert(Arc::clone(&name), test);
        self.tests.push(Test { suite, name, runs: Vec::new(), informing: None, message: None });
        test
    }

    fn merge(&mut self, other: Self) {
        for test in other.tests {
            let suite = self.suite(&other.suites[test.suite].path);
            let into = self.test(suite, &test.name);
            let into = &mut self.tests[into as usize];
            into.runs.extend(test.runs);
            if let Some(said) = test.informing {
                into.tell_lifecycle(said);
            }
            if let Some(said) = test.message {
                into.tell_message(said);
            }
        }
    }

    fn finish(self) -> Vec<Tally> {
        let Self { suites, mut tests, .. } = self;
        // A name that only a half-read file had has no run.
        tests.retain(|test| !test.runs.is_empty());
        tests.sort_unstable_by(|a, b| {
            let path = |test: &Test| suites[test.suite].path.as_str();
            (path(a), &a.name).cmp(&(path(b), &b.name))
        });
        tests
            .into_iter()
            .map(|test| {
                let Test { suite, name, mut runs, informing, message } = test;
                runs.sort_unstable_by_key(|(run, _)| *run);
                Tally {
                    id: TestId { suite: suites[suite].path.clone(), name: name.to_string() },
                    informing: informing.is_some_and(|(_, informing)| informing),
                    runs,
                    message: message.map(|(_, message)| message.into_string()),
                }
            })
            .collect()
    }
}

fn index(test: usize) -> u32 {
    u32::try_from(test).expect("names of so many tests do not fit in memory")
}
