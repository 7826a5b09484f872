//! The files that the aggregator in use leaves, with its names and its layout, for whoever reads those
//! (reference: payload jobs, b.11).
//!
//! `junit-aggregated.xml` holds every test once, failed where the verdict says so, with a list of its runs in `system-out`;
//! `aggregation-config.yaml` lists the runs. One difference: runs that came to no end stand under `unfinishedjobs`, and not
//! among the finished ones.
//!
//! All text from outside goes through a writer that escapes it: XML through the XML writer, YAML as quoted scalars, HTML
//! through the template.

use indexmap::IndexMap;
use quick_xml::Writer;
use quick_xml::events::BytesText;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use super::verdict::{Outcome, Reason, TestVerdict, Verdict};
use super::{Counts, Gathered, Run};

mod summary;

/// What divides the names of nested suites.
const NESTED: &str = "|||";

/// Suites within suites that are written as such; a name with more dividers than that is taken as it is, since readers give
/// up on deep documents.
const DEPTH_MAX: usize = 64;

/// The job and the payload that were judged, fit to be names of folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    job: String,
    payload: String,
}

/// Why a name cannot be one of a folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} {name:?} cannot name a folder: {why}")]
pub struct BadName {
    /// What is named: `job` or `payload`.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Labels {
    /// Takes the names after a look at them.
    ///
    /// # Errors
    /// A name that is empty, too long, begins with a dot or a dash, or has other characters than Prow jobs and payload tags
    /// have: letters, digits, `.`, `_` and `-`.
    pub fn new(job: &str, payload: &str) -> Result<Self, BadName> {
        Ok(Self { job: folder_name("job", job)?, payload: folder_name("payload", payload)? })
    }

    /// The job's name.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The payload's tag.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }
}

fn folder_name(what: &'static str, name: &str) -> Result<String, BadName> {
    let bad = |why| Err(BadName { what, name: name.to_owned(), why });
    if name.is_empty() {
        return bad("it is empty");
    }
    if name.len() > 200 {
        return bad("it is longer than 200 characters");
    }
    if name.starts_with(['.', '-']) {
        return bad("it begins with a dot or a dash");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return bad("it may hold letters, digits, dots, dashes and underscores only");
    }
    Ok(name.to_owned())
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where, below the folder that was asked for.
    pub path: PathBuf,
    /// What.
    pub contents: String,
}

/// The four files.
#[must_use]
pub fn files(gathered: &Gathered, verdict: &Verdict, labels: &Labels) -> Vec<File> {
    let folder = PathBuf::from(&labels.job).join(&labels.payload);
    vec![
        File { path: "job-run-summary.html".into(), contents: summary::runs(gathered, labels) },
        File {
            path: "aggregation-testrun-summary.html".into(),
            contents: summary::tests(gathered, verdict, labels),
        },
        File { path: folder.join("junit-aggregated.xml"), contents: junit(gathered, verdict, labels) },
        File { path: folder.join("aggregation-config.yaml"), contents: configuration(gathered, labels) },
    ]
}

/// Text in YAML that can be nothing but that text: JSON quotes it, and what YAML does not print is escaped besides.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    for c in serde_json::Value::from(text).to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted
}

/// Where a person looks at a run, and where its files lie; empty where the run's own files do not tell,
/// or tell what is no address of a page.
struct Places<'a> {
    human: &'a str,
    artifacts: String,
}

/// The bucket's own pages, which the aggregator in use names for artifacts.
const BUCKET_PAGES: &str = "https://gcsweb-ci.apps.ci.l2s4.p1.openshiftapps.com/gcs/";

impl<'a> Places<'a> {
    fn of(run: &'a Run) -> Self {
        let human = run.link().unwrap_or_default();
        let artifacts = human
            .split_once("/view/gs/")
            .map(|(_, path)| format!("{BUCKET_PAGES}{}/artifacts", path.trim_end_matches('/')))
            .unwrap_or_default();
        Self { human, artifacts }
    }
}

fn configuration(gathered: &Gathered, labels: &Labels) -> String {
    let mut yaml = String::new();
    for (key, finished) in [("finishedjobs", true), ("unfinishedjobs", false)] {
        let runs: Vec<&Run> = gathered.runs.iter().filter(|run| run.is_finished() == finished).collect();
        if runs.is_empty() {
            yaml.push_str(&format!("{key}: []\n"));
            continue;
        }
        yaml.push_str(&format!("{key}:\n"));
        for run in runs {
            let places = Places::of(run);
            let status = match (finished, run.result.as_deref()) {
                (true, Some(result)) => result.to_lowercase(),
                _ => "unknown".to_owned(),
            };
            let fields = [
                ("jobname", run.job.as_deref().unwrap_or(&labels.job)),
                ("jobrunid", &run.id),
                ("humanurl", places.human),
                ("gcsbucketurl", &places.artifacts),
                ("status", &status),
            ];
            push_item(&mut yaml, &fields);
        }
    }
    yaml
}

/// One entry of a list of objects.
fn push_item(yaml: &mut String, fields: &[(&str, &str)]) {
    for (i, (key, value)) in fields.iter().enumerate() {
        yaml.push_str(if i == 0 { "- " } else { "  " });
        yaml.push_str(key);
        yaml.push_str(": ");
        yaml.push_str(&quoted(value));
        yaml.push('\n');
    }
}

/// The runs as they stand in the list of each test, written once: a page of thousands of tests names them again and again.
fn run_entries(gathered: &Gathered) -> Vec<String> {
    gathered
        .runs
        .iter()
        .map(|run| {
            let places = Places::of(run);
            let mut entry = String::new();
            push_item(
                &mut entry,
                &[("jobrunid", &run.id), ("humanurl", places.human), ("gcsartifacturl", &places.artifacts)],
            );
            entry
        })
        .collect()
}

/// Cases that passed, failed, were skipped.
const CASES: [fn(&Counts) -> u32; 3] =
    [|counts| counts.passes, |counts| counts.failures, |counts| counts.skips];

/// What stands in `system-out` of a test.
fn details(test: &TestVerdict, suite: &str, runs: &[String]) -> String {
    let mut yaml = format!(
        "name: {}\ntestsuitename: {}\nsummary: {}\n",
        quoted(&test.id.name),
        quoted(suite),
        quoted(&test.reason.to_string())
    );
    for (key, count) in [("passes", CASES[0]), ("failures", CASES[1]), ("skips", CASES[2])] {
        let mut entries = test.runs.iter().filter(|(_, counts)| count(counts) > 0).peekable();
        if entries.peek().is_none() {
            yaml.push_str(&format!("{key}: []\n"));
            continue;
        }
        yaml.push_str(&format!("{key}:\n"));
        for (run, counts) in entries {
            // A case each, as the runs have them.
            for _ in 0..count(counts) {
                yaml.push_str(runs.get(*run).map_or("", String::as_str));
            }
        }
    }
    yaml
}

/// A suite with what is below it, in the order in which it first appears.
#[derive(Default)]
struct Suite<'a> {
    tests: Vec<&'a TestVerdict>,
    children: IndexMap<&'a str, Suite<'a>>,
}

/// Cases of a suite and of those below.
#[derive(Default, Clone, Copy)]
struct Sums {
    tests: usize,
    failed: usize,
    skipped: usize,
}

impl<'a> Suite<'a> {
    fn of(tests: &'a [TestVerdict]) -> Self {
        let mut root = Self::default();
        for test in tests {
            let mut suite = &mut root;
            for name in test.id.suite.splitn(DEPTH_MAX, NESTED) {
                suite = suite.children.entry(name).or_default();
            }
            suite.tests.push(test);
        }
        root
    }

    fn sums(&self) -> Sums {
        let own = Sums {
            tests: self.tests.len(),
            failed: self.tests.iter().filter(|test| test.is_failed()).count(),
            skipped: self.tests.iter().filter(|test| is_skipped(test)).count(),
        };
        self.children.values().map(Suite::sums).fold(own, |a, b| Sums {
            tests: a.tests + b.tests,
            failed: a.failed + b.failed,
            skipped: a.skipped + b.skipped,
        })
    }
}

/// Whether nothing was judged: the test did not run, or was meant to be skipped, or the check could not be made.
fn is_skipped(test: &TestVerdict) -> bool {
    test.outcome == Outcome::Skipped || matches!(test.reason, Reason::DidNotRun | Reason::SkipIntended { .. })
}

fn junit(gathered: &Gathered, verdict: &Verdict, labels: &Labels) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
    let root = Suite::of(&verdict.tests);
    let runs = run_entries(gathered);
    let sums = root.sums();
    let written: io::Result<()> = (|| {
        writer.write_event(quick_xml::events::Event::Decl(quick_xml::events::BytesDecl::new(
            "1.0",
            Some("UTF-8"),
            None,
        )))?;
        writer
            .create_element("testsuites")
            .with_attribute(("name", labels.job()))
            .with_attribute(("tests", sums.tests.to_string().as_str()))
            .with_attribute(("failures", sums.failed.to_string().as_str()))
            .write_inner_content(|writer| {
                root.children.iter().try_for_each(|(name, suite)| write_suite(writer, name, suite, &runs))
            })?;
        Ok(())
    })();
    written.expect("writing to memory does not fail");
    let mut text = String::from_utf8(writer.into_inner()).expect("only text was written");
    text.push('\n');
    text
}

fn write_suite(
    writer: &mut Writer<Vec<u8>>,
    name: &str,
    suite: &Suite<'_>,
    runs: &[String],
) -> io::Result<()> {
    let sums = suite.sums();
    writer
        .create_element("testsuite")
        .with_attribute(("name", printable(name)))
        .with_attribute(("tests", sums.tests.to_string().as_str()))
        .with_attribute(("skipped", sums.skipped.to_string().as_str()))
        .with_attribute(("failures", sums.failed.to_string().as_str()))
        .with_attribute(("time", "0"))
        .write_inner_content(|writer| {
            for test in &suite.tests {
                write_case(writer, test, name, runs)?;
            }
            suite.children.iter().try_for_each(|(name, child)| write_suite(writer, name, child, runs))
        })?;
    Ok(())
}

fn write_case(
    writer: &mut Writer<Vec<u8>>,
    test: &TestVerdict,
    suite: &str,
    runs: &[String],
) -> io::Result<()> {
    let mut case = writer
        .create_element("testcase")
        .with_attribute(("name", printable(&test.id.name)))
        .with_attribute(("time", "0"));
    if test.informing {
        case = case.with_attribute(("lifecycle", "informing"));
    }
    let message = test.reason.to_string();
    case.write_inner_content(|writer| {
        if test.is_failed() {
            let note = if test.informing { "\nInforming: this does not fail the payload." } else { "" };
            writer
                .create_element("failure")
                .with_attribute(("message", printable(&message)))
                .write_text_content(text(&format!("{message}{note}")))?;
        } else if is_skipped(test) {
            writer
                .create_element("skipped")
                .with_attribute(("message", printable(&message)))
                .write_empty()?;
        }
        let details = details(test, suite, runs);
        writer.create_element("system-out").write_text_content(text(&details))?;
        Ok(())
    })?;
    Ok(())
}

/// Text between tags. Quotes may stand there as they are, which leaves the YAML in it readable.
fn text(text: &str) -> BytesText<'static> {
    BytesText::from_escaped(quick_xml::escape::partial_escape(printable(text)).into_owned())
}

/// Text with the characters that XML cannot hold replaced.
fn printable(text: &str) -> Cow<'_, str> {
    let unfit = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(unfit) { Cow::Owned(text.replace(unfit, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
#[path = "outputs/tests.rs"]
mod tests;
