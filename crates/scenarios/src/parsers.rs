//! Every reader of text from outside, each as a function over bytes.
//!
//! Such a function panics when a promise is broken: that a reader ends, in bounded memory, without a panic of its own;
//! that what it accepts it can write and read again; that evidence never comes out of nothing. The fuzz targets in
//! `fuzz/` call these functions, and so do the tests of this crate, over the seeds and over made-up bytes.

pub mod remote;
mod statebox;

pub use remote::remote_reply;
pub use statebox::{statebox_json, statebox_merge, statebox_yaml};

use regatta_kit::{Arch, Build, Nightly, Overall, Release, Status, Stream, Task};
use regatta_payload::check::Origin;
use regatta_payload::operate::{Plan, Refusal};
use regatta_payload::path::{ConfigArch, StreamName, Version, Wanted};
use regatta_payload::{Config, PREFIX, add, aggregate, caution, check, gating, list, private};
use regatta_results::{ResultFile, Standing};
use regatta_services::github::Repository;
use regatta_services::gitlab::MrRef;
use regatta_services::image::ImageDigest;
use regatta_services::settings::ServiceSettings;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::io::Read;
use std::str::FromStr;

/// Characters that a message about a text from outside may have: people read it in a terminal or in Slack.
const MESSAGE_CHARS: usize = 4_000;

/// A reader under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: of the fuzz target, and of the folder with its seeds.
    pub name: &'static str,
    /// Reads, and panics when a promise is broken.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 9] = [
    Target { name: "release_config", run: release_config },
    Target { name: "result_file", run: result_file },
    Target { name: "statebox_json", run: statebox_json },
    Target { name: "statebox_yaml", run: statebox_yaml },
    Target { name: "statebox_merge", run: statebox_merge },
    Target { name: "junit", run: junit },
    Target { name: "names", run: names },
    Target { name: "settings", run: settings },
    Target { name: "remote_reply", run: remote_reply },
];

/// A message about text from outside: on one line where it is shown on one, and never endless.
fn message(said: &dyn Display) {
    let said = said.to_string();
    assert!(said.chars().count() <= MESSAGE_CHARS, "a message of {} characters", said.chars().count());
    assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "a control character in {said:?}");
}

// --- release configurations ------------------------------------------------------------------------------------------

/// Entries of a configuration that are operated on one by one; all together come after them.
const ENTRIES: usize = 4;

/// A release configuration: listed, checked, made private, and every operation on its entries. A plan that was accepted
/// reads again, does what it says, and a repeat of it changes nothing.
pub fn release_config(bytes: &[u8]) {
    let config = match Config::parse(bytes) {
        Ok(config) => config,
        Err(error) => return message(&error),
    };
    let groups = list::list(&config);
    for key in config.entries().iter().map(|entry| &entry.key).take(ENTRIES) {
        // Another entry may have this key's text for its number.
        let _ = list::find(&groups, key);
    }
    let _ = check::config("release-ocp-4.21.json", Origin::Public, &config);
    let _ = check::check(&[check::Subject::public("release-ocp-4.21.json", bytes)], None);
    match private::derive(&config) {
        Ok(text) => {
            let derived = Config::parse(text).expect("a private file made here reads");
            let _ = check::config("release-ocp-4.21-priv.json", Origin::Private, &derived);
        }
        Err(error) => message(&error),
    }
    let keys: Vec<String> = config.entries().iter().map(|entry| entry.key.clone()).collect();
    for chosen in keys.iter().take(ENTRIES).map(std::slice::from_ref).chain([keys.as_slice()]) {
        operations(&config, chosen);
    }
    let job = "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn-upgrade".to_owned();
    for key in [None, Some("seldom".to_owned())] {
        let new = [add::NewJob { prow_job: job.clone(), key }];
        proved(&config, add::add(&config, &new, "4.21"));
    }
}

fn operations(config: &Config, keys: &[String]) {
    for retries in [None, Some(3)] {
        if let Some((plan, after)) = proved(config, aggregate::aggregate(config, keys, retries)) {
            repeat(&plan, &after, |to| aggregate::aggregate(&after, to, retries));
            there_and_back(config, &plan, &after);
        }
        if let Some((plan, after)) = proved(config, aggregate::deaggregate(config, keys, retries)) {
            repeat(&plan, &after, |to| aggregate::deaggregate(&after, to, retries));
        }
        if let Some((plan, after)) = proved(config, gating::promote(config, keys, retries)) {
            repeat(&plan, &after, |to| gating::promote(&after, to, retries));
        }
    }
    if let Some((plan, after)) = proved(config, gating::demote(config, keys)) {
        repeat(&plan, &after, |to| gating::demote(&after, to));
    }
}

/// A plan is proved or refused for a reason of the file's; never does Regatta catch itself at an edit gone astray.
fn proved(config: &Config, planned: Result<Plan, Refusal>) -> Option<(Plan, Config)> {
    let plan = match planned {
        Ok(plan) => plan,
        Err(fault @ Refusal::Unproved { .. }) => panic!("{fault}"),
        Err(refusal) => {
            message(&refusal);
            return None;
        }
    };
    let after = Config::parse(plan.text.as_bytes()).expect("an accepted plan reads");
    if plan.changed.is_empty() {
        assert_eq!(plan.text, config.text().source(), "nothing changed, and yet the text did");
    }
    for change in &plan.changed {
        assert!(after.entry(&change.to).is_some(), "{:?} is not there after the change", change.to);
    }
    let _ = caution::cautions(&after, &plan.changed);
    Some((plan, after))
}

fn repeat(plan: &Plan, after: &Config, again: impl Fn(&[String]) -> Result<Plan, Refusal>) {
    let to: Vec<String> = plan.changed.iter().map(|change| change.to.clone()).collect();
    if let Some((second, _)) = proved(after, again(&to)) {
        assert!(second.changed.is_empty(), "a repeat changes {:?} again", second.changed);
    }
}

/// What was aggregated and made single again says what it said before, but for the retries that were filled in.
fn there_and_back(config: &Config, plan: &Plan, aggregated: &Config) {
    let to: Vec<String> = plan.changed.iter().map(|change| change.to.clone()).collect();
    let Some((back, _)) = proved(aggregated, aggregate::deaggregate(aggregated, &to, None)) else { return };
    let touched = |key: &str| plan.changed.iter().any(|c| c.from == key || c.to == key);
    let plain = |text: &str| {
        let mut tree: Value = serde_json::from_str(text).expect("it was read before");
        let verify = tree.as_object_mut().and_then(|top| {
            top.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case("verify")).map(|(_, verify)| verify)
        });
        let Some(Value::Object(verify)) = verify else { return tree };
        *verify = std::mem::take(verify)
            .into_iter()
            .map(|(key, mut entry)| {
                let single = key.strip_prefix(PREFIX).filter(|rest| !rest.is_empty()).unwrap_or(&key);
                if !touched(&key) && !touched(&format!("{PREFIX}{single}")) {
                    return (key, entry);
                }
                let key = single.to_owned();
                if let Some(fields) = entry.as_object_mut() {
                    for gone in ["aggregatedProwJob", "maxRetries"] {
                        fields.retain(|name, _| !name.eq_ignore_ascii_case(gone));
                    }
                }
                (key, entry)
            })
            .collect();
        tree
    };
    assert_eq!(plain(config.text().source()), plain(&back.text), "there and back is another configuration");
}

// --- test results ----------------------------------------------------------------------------------------------------

/// A test-result file: only a whole file with both flags, or a recorded waiver, may open a gate.
pub fn result_file(bytes: &[u8]) {
    let file = match ResultFile::parse(bytes) {
        Ok(file) => file,
        Err(error) => return message(&error),
    };
    let standing = Standing::of(&file);
    let by_tests = file.aggregated == Some(true) && file.accepted == Some(true) && !file.jobs.is_empty();
    assert!(!standing.opens() || by_tests || file.manual_promotion, "a gate opens on {standing:?}");
    if let Standing::Unreadable { why } = &standing {
        message(why);
    }
    let _ = file.summary();
    for job in file.failed_jobs() {
        assert!(job.runs().next().is_some(), "a job failed without a run");
    }
    assert!(ResultFile::parse(b"").is_err());
    // Cut short anywhere, the file is no file: half an answer is no evidence.
    let whole = bytes.trim_ascii();
    for part in [whole.len().saturating_sub(1), whole.len() / 2] {
        assert!(ResultFile::parse(&whole[..part]).is_err(), "a file cut at byte {part} is read");
    }
}

// --- JUnit -----------------------------------------------------------------------------------------------------------

/// A JUnit file: what is kept is bounded, the summary counts what was handed over, and it makes no difference in what
/// pieces the bytes arrive.
pub fn junit(bytes: &[u8]) {
    let (whole, cases) = junit_in(bytes);
    let (pieces, same) = junit_in(Pieces(bytes));
    // Of several faults another may be told first, when what follows has not arrived yet.
    assert_eq!(whole.is_ok(), pieces.is_ok(), "{whole:?} as a whole, {pieces:?} in pieces");
    if whole.is_ok() {
        assert_eq!((&whole, &cases), (&pieces, &same), "it matters in what pieces the file arrives");
    }
    match whole {
        Ok(summary) => assert_eq!(summary.cases(), cases.len() as u64, "cases are miscounted"),
        Err(said) => message(&said),
    }
}

fn junit_in(input: impl Read) -> (Result<regatta_junit::Summary, String>, Vec<String>) {
    let mut cases = Vec::new();
    let read = regatta_junit::read(input, |case| {
        assert!(!case.name.is_empty(), "a case without a name");
        assert!(case.message.is_none_or(|text| text.len() <= regatta_junit::MESSAGE_BYTES_MAX));
        assert!(case.suites.iter().all(|suite| suite.len() <= regatta_junit::NAME_BYTES_MAX));
        assert!(case.name.len() <= regatta_junit::NAME_BYTES_MAX);
        assert!(case.suites.len() <= regatta_junit::DEPTH_MAX);
        assert!(case.seconds.is_none_or(|seconds| seconds >= 0.0 && seconds.is_finite()));
        cases.push(format!("{case:?}"));
    });
    (read.map_err(|error| error.to_string()), cases)
}

/// Bytes in pieces of one to three.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let size = (self.0.len() % 3 + 1).min(into.len()).min(self.0.len());
        let (now, later) = self.0.split_at(size);
        into[..size].copy_from_slice(now);
        self.0 = later;
        Ok(size)
    }
}

// --- names -----------------------------------------------------------------------------------------------------------

/// Versions, build names, tasks, links and digests, a line each: what one reader takes, it writes the same again.
pub fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        again::<Release>(line);
        again::<Stream>(line);
        again::<Nightly>(line);
        again::<Build>(line);
        again::<Arch>(line);
        again::<Task>(line);
        again::<Status>(line);
        again::<Overall>(line);
        again::<regatta_kit::Code>(line);
        again::<Version>(line);
        again::<StreamName>(line);
        again::<ConfigArch>(line);
        again::<Repository>(line);
        if let Ok(nightly) = line.parse::<Nightly>() {
            let _ = nightly.built_at();
        }
        if let Ok(build) = line.parse::<Build>() {
            let file = build.result_file(Arch::Amd64);
            assert!(!file.contains("..") && file.matches('/').count() == 1, "{file:?} leaves its folder");
        }
        if let Ok(at) = line.parse::<MrRef>() {
            assert!(!at.project().contains("..") && !at.project().starts_with('/'), "{at}");
        }
        if let Some(digest) = line.parse::<ImageDigest>().ok().map(|digest| digest.to_string()) {
            assert_eq!(digest.parse::<ImageDigest>().expect("it was written here").to_string(), digest);
        }
        if let Some(wanted) = Wanted::of_file(line) {
            assert_eq!(wanted.file_name(), line);
        }
        if let Some(at) = regatta_statebox::document::parse_time(line) {
            let written = regatta_statebox::document::seconds(at);
            let read = regatta_statebox::document::parse_time(&written);
            assert_eq!(read.map(|at| at.as_second()), Some(at.as_second()), "{line:?} as {written:?}");
        }
        let derived = add::derive(line, "4.21");
        assert!(derived.key.len() <= line.len() + 40, "a key of {} bytes", derived.key.len());
    }
}

fn again<T: FromStr<Err: Display> + Display + Debug + PartialEq>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => {
            let written = value.to_string();
            let read = written.parse::<T>();
            assert!(read.is_ok_and(|read| read == value), "{text:?} is written as {written:?}");
        }
        Err(error) => message(&error),
    }
}

// --- the settings file -----------------------------------------------------------------------------------------------

/// A settings file: refused with a line that it has, or read; its URLs likewise, whose passwords nobody repeats.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let file = match regatta::settings_file::parse(text) {
        Ok(file) => file,
        Err(error) => {
            assert!((1..=text.lines().count() + 1).contains(&error.line), "line {} is not there", error.line);
            return message(&error.why);
        }
    };
    if let Err(error) = ServiceSettings::read(|_| None, &file.urls()) {
        message(&error);
    }
    for (service, url) in file.urls() {
        // What stands before an `@` may be a password, or was meant as one; the same letters in a host's name are none.
        let may_hold_password = url.contains('@');
        if let Err(error) = ServiceSettings::read(|_| None, &BTreeMap::from([(service, url)])) {
            let repeated = may_hold_password && error.to_string().contains("hunter2");
            assert!(!repeated, "a password is repeated: {error}");
        }
    }
}
