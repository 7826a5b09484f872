//! Test result files as the job controller and the aggregator write them, version after version.
//!
//! A file is created with nothing but job ids. Each pass of the aggregator then writes what has changed: runs that began,
//! runs that ended, two retries for a run that failed. Once every run has ended, the two flags are added.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use regatta_kit::ids::{chance, chance_unit};
use regatta_kit::{Arch, Build, Stream};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use crate::delays::Quantiles;

/// How a file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every job succeeds, some of them by their retries.
    Accepted,
    /// One job fails three times.
    Rejected,
}

/// What fixes all versions of one file.
pub(crate) struct Script {
    /// The build tested.
    pub(crate) build: Build,
    /// When the file appears.
    pub(crate) created: Timestamp,
    /// Varies the runs' times and which of them need retries.
    pub(crate) seed: u64,
    /// How it ends.
    pub(crate) ending: Ending,
}

/// What a job does, as far as its times depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Install,
    Disruptive,
    UpgradeY,
    UpgradeZ,
}

// Minutes a run takes, and the share of first runs that fail, as recorded of the real jobs.
impl Kind {
    const fn passing(self) -> Quantiles {
        Quantiles(match self {
            Self::Install => [142.4, 150.4, 161.5, 175.2, 189.5],
            Self::Disruptive => [76.2, 79.8, 84.2, 92.4, 114.2],
            Self::UpgradeY => [148.2, 153.4, 160.1, 167.4, 179.7],
            Self::UpgradeZ => [127.6, 143.4, 155.0, 165.3, 185.4],
        })
    }

    const fn failing(self) -> Quantiles {
        Quantiles(match self {
            Self::Install => [52.8, 143.3, 171.6, 190.5, 209.8],
            Self::Disruptive => [5.7, 13.1, 28.5, 103.7, 128.1],
            Self::UpgradeY => [8.0, 39.5, 62.2, 124.0, 187.5],
            Self::UpgradeZ => [6.6, 19.4, 56.8, 157.8, 209.6],
        })
    }

    const fn failing_share(self) -> f64 {
        match self {
            Self::Install => 0.335,
            Self::Disruptive => 0.0725,
            Self::UpgradeY => 0.1274,
            Self::UpgradeZ => 0.1134,
        }
    }
}

/// Between two passes of the aggregator, minutes.
const BETWEEN_PASSES: Quantiles = Quantiles([25.0, 35.0, 60.0, 75.0, 100.0]);
/// From a trigger to the run's start, minutes.
const TRIGGER_TO_START: Quantiles = Quantiles([0.1, 0.2, 0.5, 1.0, 2.0]);
/// No file takes more passes than this; a bound on the loop, never reached.
const PASSES_LIMIT: u64 = 200;

struct Run {
    id: String,
    started: Timestamp,
    ended: Timestamp,
    passed: bool,
}

struct Job {
    name: String,
    kind: Kind,
    first: Run,
    /// The pass at which the failure was noticed and the retries were started, with them.
    retries: Option<(Timestamp, Vec<Run>)>,
}

impl Script {
    /// Every version by the instant it appears.
    pub(crate) fn versions(&self) -> BTreeMap<Timestamp, Bytes> {
        let mut jobs: Vec<Job> = self
            .jobs()
            .into_iter()
            .enumerate()
            .map(|(place, (name, kind))| {
                let must_fail = place == 0 && self.ending == Ending::Rejected;
                let fails = must_fail || self.unit(&name, 0) < kind.failing_share();
                let first = self.run(&name, kind, 0, self.created, !fails);
                Job { name, kind, first, retries: None }
            })
            .collect();
        let mut versions = BTreeMap::from([(self.created, self.render(&jobs, None))]);
        let mut pass = self.created
            + SignedDuration::from_secs(self.seconds("first pass", Quantiles([2.5, 3.0, 4.0, 5.0, 7.0])));
        for ordinal in 0..PASSES_LIMIT {
            for (place, job) in jobs.iter_mut().enumerate() {
                if job.retries.is_none() && !job.first.passed && job.first.ended <= pass {
                    let lost = place == 0 && self.ending == Ending::Rejected;
                    let runs = [1, 2].map(|n| self.run(&job.name, job.kind, n, pass, !lost));
                    job.retries = Some((pass, runs.into()));
                }
            }
            let bytes = self.render(&jobs, Some(pass));
            if versions.last_key_value().is_none_or(|(_, last)| *last != bytes) {
                versions.insert(pass, bytes);
            }
            if jobs.iter().all(|job| job.ended_by(pass)) {
                break;
            }
            pass += BETWEEN_PASSES.draw(self.seed, "aggregator", &self.build.to_string(), ordinal);
        }
        versions
    }

    fn jobs(&self) -> Vec<(String, Kind)> {
        let stream = self.build.stream();
        let prefix =
            format!("periodic-ci-openshift-openshift-tests-private-release-{stream}-automated-release");
        let before = previous_stream(stream);
        match self.build {
            Build::Nightly(_) => vec![
                (format!("{prefix}-aws-ipi-f999"), Kind::Install),
                (format!("{prefix}-azure-ipi-fips-f999"), Kind::Install),
                (format!("{prefix}-gcp-ipi-f999"), Kind::Install),
                (format!("{prefix}-aws-ipi-disruptive-f999"), Kind::Disruptive),
                (
                    format!("{prefix}-nightly-{stream}-upgrade-from-stable-{before}-gcp-ipi-f999"),
                    Kind::UpgradeY,
                ),
                (
                    format!("{prefix}-nightly-{stream}-upgrade-from-stable-{stream}-aws-ipi-f999"),
                    Kind::UpgradeZ,
                ),
            ],
            Build::Release(_) => vec![
                (
                    format!("{prefix}-stable-{stream}-upgrade-from-stable-{before}-aws-ipi-f999"),
                    Kind::UpgradeY,
                ),
                (
                    format!("{prefix}-stable-{stream}-upgrade-from-stable-{stream}-azure-ipi-fips-f999"),
                    Kind::UpgradeZ,
                ),
                (
                    format!("{prefix}-stable-{stream}-upgrade-from-stable-{stream}-gcp-ipi-f999"),
                    Kind::UpgradeZ,
                ),
            ],
        }
    }

    /// Run `n` of a job (0: the first, then the retries).
    fn run(&self, job: &str, kind: Kind, n: u64, triggered: Timestamp, passed: bool) -> Run {
        let entity = format!("{} {job}", self.build);
        let started = triggered + TRIGGER_TO_START.draw(self.seed, "run-start", &entity, n);
        let duration = if passed { kind.passing() } else { kind.failing() };
        let ended = started + duration.draw(self.seed, "run", &entity, n);
        let [high, low] = [0, 1].map(|half| chance(0, "run-id", &entity, n * 2 + half));
        let id = format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        );
        Run { id, started, ended, passed }
    }

    fn unit(&self, entity: &str, n: u64) -> f64 {
        chance_unit(self.seed, "first-run", &format!("{} {entity}", self.build), n)
    }

    fn seconds(&self, entity: &str, quantiles: Quantiles) -> i64 {
        quantiles.draw(self.seed, "aggregator", &format!("{} {entity}", self.build), 0).as_secs()
    }

    /// The file as written by the pass at `seen`; `None`: at its creation.
    fn render(&self, jobs: &[Job], seen: Option<Timestamp>) -> Bytes {
        let entries: Vec<Value> = jobs
            .iter()
            .map(|job| {
                let Some(seen) = seen else {
                    return json!({"jobName": job.name, "firstJob": {"jobID": job.first.id}});
                };
                let retried: Vec<Value> = job
                    .retries
                    .iter()
                    .flat_map(|(_, runs)| runs)
                    .map(|run| run.render(&job.name, seen))
                    .collect();
                json!({"jobName": job.name, "firstJob": job.first.render(&job.name, seen), "retriedJobs": retried})
            })
            .collect();
        let mut file = json!({"result": entries, "build": build_entry(self.build)});
        if seen.is_some_and(|seen| jobs.iter().all(|job| job.ended_by(seen))) {
            let accepted = jobs.iter().all(|job| {
                job.first.passed
                    || job.retries.iter().flat_map(|(_, runs)| runs).filter(|run| run.passed).count() >= 2
            });
            file["aggregated"] = json!(true);
            file["accepted"] = json!(accepted);
        }
        to_bytes(&file)
    }
}

impl Job {
    fn ended_by(&self, seen: Timestamp) -> bool {
        let retries_ended =
            self.retries.as_ref().is_some_and(|(_, runs)| runs.iter().all(|run| run.ended <= seen));
        self.first.ended <= seen && (self.first.passed || retries_ended)
    }
}

impl Run {
    fn render(&self, job: &str, seen: Timestamp) -> Value {
        if seen < self.started {
            return json!({"jobID": self.id});
        }
        let url = format!(
            "https://qe-private-deck-ci.apps.ci.l2s4.p1.openshiftapps.com/view/gs/qe-private-deck/logs/{job}/{}",
            run_number(self.started, job)
        );
        let state = match (self.ended <= seen, self.passed) {
            (false, _) => "pending",
            (true, true) => "success",
            (true, false) => "failure",
        };
        let mut run = Map::new();
        run.insert("jobStartTime".into(), json!(self.started.to_string()));
        run.insert("jobID".into(), json!(self.id));
        run.insert("jobURL".into(), json!(url));
        run.insert("jobState".into(), json!(state));
        if self.ended <= seen {
            run.insert("jobCompletionTime".into(), json!(self.ended.to_string()));
            run.insert("testResultSummary".into(), self.summary(job));
        }
        Value::Object(run)
    }

    fn summary(&self, job: &str) -> Value {
        let total = 40 + chance(0, "tests", job, 0) % 80;
        let mut suite = json!({"total": total, "failures": 0, "errors": 0, "skipped": total / 5});
        if !self.passed {
            suite["failures"] = json!(1);
            suite["failingScenarios"] =
                json!(["[sig-imageregistry] the image registry keeps its storage after a restart"]);
        }
        json!({"openshift-extended-test": suite})
    }
}

/// The number at the end of a run's URL: time-ordered, as the real ones are.
fn run_number(started: Timestamp, job: &str) -> u64 {
    const EPOCH_MS: i64 = 1_288_834_974_657;
    let milliseconds = u64::try_from(started.as_millisecond() - EPOCH_MS).unwrap_or(0);
    (milliseconds << 22) | (chance(0, "run-number", job, 0) & 0x3f_ffff)
}

/// The `build` entry of a result file: what the release controller said of the build.
pub(crate) fn build_entry(build: Build) -> Value {
    json!({
        "name": build.to_string(),
        "phase": "Accepted",
        "pullSpec": pull_spec(build),
        "downloadURL": format!("https://openshift-release-artifacts.apps.ci.l2s4.p1.openshiftapps.com/{build}"),
    })
}

/// Where a build's image is, as the release controller states it.
pub(crate) fn pull_spec(build: Build) -> String {
    match build {
        Build::Release(release) => format!("quay.io/openshift-release-dev/ocp-release:{release}-x86_64"),
        Build::Nightly(nightly) => {
            format!("registry.ci.openshift.org/ocp/release{}:{nightly}", nightly.arch.stream_suffix())
        }
    }
}

/// The y-stream that upgrades come from. 4.22 leads to 5.0.
pub(crate) fn previous_stream(stream: Stream) -> Stream {
    match (stream.major, stream.minor) {
        (major, 0) if major > 4 => Stream { major: major - 1, minor: 22 },
        (major, minor) => Stream { major, minor: minor.saturating_sub(1) },
    }
}

/// The registry that lists exactly the jobs of a release's result files: path on branch `main`, and content.
pub(crate) fn registry_of(
    stream: Stream,
    files: &BTreeMap<String, BTreeMap<Timestamp, Bytes>>,
) -> (String, Bytes) {
    let mut lists = [("nightly", Vec::new()), ("stable", Vec::new())];
    for (path, versions) in files {
        let list = &mut lists[usize::from(!path.contains("nightly"))].1;
        let last =
            versions.last_key_value().and_then(|(_, bytes)| serde_json::from_slice::<Value>(bytes).ok());
        let names = last.as_ref().and_then(|file| file["result"].as_array()).into_iter().flatten();
        for name in names.filter_map(|entry| entry["jobName"].as_str()) {
            let mut job = json!({"prowJob": name});
            if name.contains("upgrade-from") {
                job["upgrade"] = json!(true);
            }
            if !list.contains(&job) {
                list.push(job);
            }
        }
    }
    let registry: Map<String, Value> =
        lists.into_iter().map(|(kind, jobs)| (kind.to_owned(), Value::Array(jobs))).collect();
    (registry_path(stream), to_bytes(&Value::Object(registry)))
}

/// Path of a y-stream's job registry on branch `main`.
pub(crate) fn registry_path(stream: Stream) -> String {
    format!("_releases/ocp-{stream}-test-jobs-{}.json", Arch::Amd64.go())
}

/// JSON as the real files are written: two spaces, no line break at the end.
pub(crate) fn to_bytes(value: &Value) -> Bytes {
    Bytes::from(serde_json::to_vec_pretty(value).expect("a JSON value can be written"))
}
