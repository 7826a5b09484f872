//! The jobs that are not aggregated, in groups that mean something to whoever chooses one.
//!
//! A group is the platform that a job runs on. Keys often do not say it (`cnv`, `ovn-proxy`, `upgrade-minor-ovn`), the names of
//! Prow jobs mostly do, so both are read word by word (reference: payload jobs, c.1). Jobs of managed and hosted clusters stand
//! together whatever cloud is below them, and so do those that test no cluster of one platform.

use std::collections::HashMap;
use std::fmt;

use crate::model::{Config, Entry, PREFIX, TagForm, retry_like_ending};

/// Where a job belongs, in the order in which groups are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Amazon.
    Aws,
    /// Microsoft.
    Azure,
    /// Google.
    Gcp,
    /// VMware.
    Vsphere,
    /// Machines without a cloud, and the installers made for them.
    BareMetal,
    /// Clusters that somebody else's control plane or service runs.
    Managed,
    /// Other platforms, analyses over other jobs, scans.
    Other,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 7] =
        [Self::Aws, Self::Azure, Self::Gcp, Self::Vsphere, Self::BareMetal, Self::Managed, Self::Other];

    /// The heading.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Azure => "Azure",
            Self::Gcp => "GCP",
            Self::Vsphere => "vSphere",
            Self::BareMetal => "Bare metal & agent",
            Self::Managed => "Managed & hosted",
            Self::Other => "Other & specialised",
        }
    }

    /// The kind of an entry.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        let job = entry.prow_job.as_deref().unwrap_or("");
        let has = |words: &[&str]| {
            [&entry.key, job].iter().any(|name| name.split('-').any(|word| words.contains(&word)))
        };
        if entry.multi_job_analysis || has(&["analysis"]) {
            return Self::Other;
        }
        if has(&["hypershift", "rosa", "aro", "osd", "osde2e", "dedicated", "hosted", "hcp"]) {
            return Self::Managed;
        }
        Self::platform(&entry.key).or_else(|| Self::platform(job)).unwrap_or(Self::Other)
    }

    /// The platform that a name tells, by its first word that is one. `agent` is an installer at the beginning of a key and
    /// after `e2e` in a job, and something else where it stands elsewhere.
    fn platform(name: &str) -> Option<Self> {
        let mut before = None;
        for word in name.split('-') {
            match word {
                "aws" => return Some(Self::Aws),
                "azure" => return Some(Self::Azure),
                "gcp" => return Some(Self::Gcp),
                "vsphere" => return Some(Self::Vsphere),
                "metal" | "baremetal" | "assisted" => return Some(Self::BareMetal),
                "agent" if matches!(before, None | Some("e2e")) => return Some(Self::BareMetal),
                _ => before = Some(word),
            }
        }
        None
    }
}

/// Jobs that belong together, in the file's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Why they do.
    pub kind: Kind,
    /// The jobs; never empty.
    pub jobs: Vec<Listed>,
}

impl Group {
    /// The heading.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }
}

/// A job, most often one that is not aggregated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// From 1, through all groups.
    pub number: usize,
    /// Its key.
    pub key: String,
    /// The Prow job that runs.
    pub prow_job: Option<String>,
    /// Informing; otherwise blocking.
    pub optional: bool,
    /// An earlier payload is the starting point.
    pub upgrade: bool,
    /// Neither launched nor counted.
    pub disabled: bool,
    /// Further attempts after a failure, where the file says.
    pub max_retries: Option<i64>,
    /// What to know before it is aggregated.
    pub notes: Vec<Note>,
}

/// What to know of an entry before it is aggregated. Each is short enough to stand with others in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It does not run.
    Disabled,
    /// Its failure rejects nothing; an aggregated one must not be that (reference: payload jobs, 0.1).
    Informing,
    /// Acceptance does not wait for it.
    Async,
    /// It tests nothing itself.
    AnalysesOthers,
    /// The controller crashes on such an entry.
    NoProwJob,
    /// Another entry runs the same Prow job; its runs count as attempts of an aggregated one (reference: payload jobs, b.5).
    SameJob {
        /// The other entry.
        key: String,
        /// Whether the other runs several times.
        aggregated: Repeats,
        /// Whether the other runs at all.
        live: Liveness,
    },
    /// The aggregated result would never be recorded (reference: payload jobs, b.3).
    ShortKey {
        /// Characters that the key would have to have at least.
        least_chars: usize,
    },
    /// The controller would read the end as the number of a retry.
    RetryLike(String),
    /// The key that it would get is taken.
    NameTaken(String),
    /// Another entry of the file has the same key, and the last one counts.
    KeyTwice,
}

/// How often another entry runs the job on one payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// Once.
    Single,
    /// Several times.
    Aggregated,
}

/// Whether another entry runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It does.
    Live,
    /// It is disabled.
    Disabled,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("disabled"),
            Self::Informing => f.write_str("informing"),
            Self::Async => f.write_str("async"),
            Self::AnalysesOthers => f.write_str("analyses other jobs"),
            Self::NoProwJob => f.write_str("has no Prow job"),
            Self::SameJob { key, aggregated, live } => {
                let state = match (aggregated, live) {
                    // An aggregated entry mostly says so itself.
                    (Repeats::Aggregated, Liveness::Live) if key.starts_with(PREFIX) => "live",
                    (Repeats::Aggregated, Liveness::Disabled) if key.starts_with(PREFIX) => "disabled",
                    (Repeats::Aggregated, Liveness::Live) => "aggregated, live",
                    (Repeats::Aggregated, Liveness::Disabled) => "aggregated, disabled",
                    (Repeats::Single, Liveness::Live) => "live",
                    (Repeats::Single, Liveness::Disabled) => "disabled",
                };
                write!(f, "same job as {key} ({state})")
            }
            Self::ShortKey { least_chars } => {
                write!(f, "key too short to aggregate (needs {least_chars} characters)")
            }
            Self::RetryLike(digits) => write!(f, "key ends like a retry (-{digits})"),
            Self::NameTaken(key) => write!(f, "{key} exists already"),
            Self::KeyTwice => f.write_str("key stands twice"),
        }
    }
}

/// The fewest characters that a key must have, so that `aggregated-KEY` is recorded; 0 where every key will do.
///
/// The result of an aggregator is found by a hash that only stands in names which had to be shortened: those where tag, key
/// and ending are longer than 63 characters together (reference: payload jobs, b.3).
#[must_use]
pub fn least_key_chars(tag: &TagForm) -> usize {
    const LONGEST_NAME_CHARS: usize = 63;
    let around = tag.length_chars() + 1 + PREFIX.len() + "-aggregator".len();
    (LONGEST_NAME_CHARS + 1).saturating_sub(around)
}

/// The jobs that are not aggregated, in at most seven groups; none is empty.
#[must_use]
pub fn list(config: &Config) -> Vec<Group> {
    list_where(config, |entry| entry.aggregated.is_none())
}

/// The jobs of some entries, as [`list`] has them.
#[must_use]
pub fn list_where(config: &Config, wanted: impl Fn(&Entry) -> bool) -> Vec<Group> {
    let notes = Notes::over(config);
    let mut groups: Vec<Group> = Kind::ALL.into_iter().map(|kind| Group { kind, jobs: Vec::new() }).collect();
    for (at, entry) in config.entries().iter().enumerate() {
        if !wanted(entry) {
            continue;
        }
        let kind = Kind::of(entry);
        if let Some(group) = groups.iter_mut().find(|group| group.kind == kind) {
            group.jobs.push(Listed {
                number: 0,
                key: entry.key.clone(),
                prow_job: entry.prow_job.clone(),
                optional: entry.optional,
                upgrade: entry.upgrade,
                disabled: entry.disabled,
                max_retries: entry.max_retries,
                notes: notes.of(at, entry),
            });
        }
    }
    groups.retain(|group| !group.jobs.is_empty());
    for (job, number) in groups.iter_mut().flat_map(|group| &mut group.jobs).zip(1..) {
        job.number = number;
    }
    groups
}

/// The job of a number or a key. A key counts first, should one ever be a number; of two with one key, the last, as the
/// controller has it.
#[must_use]
pub fn find<'a>(groups: &'a [Group], number_or_key: &str) -> Option<&'a Listed> {
    let jobs = || groups.iter().flat_map(|group| &group.jobs);
    let number = number_or_key.parse::<usize>().ok();
    jobs()
        .filter(|job| job.key == number_or_key)
        .max_by_key(|job| job.number)
        .or_else(|| jobs().find(|job| Some(job.number) == number))
}

/// What has to be known of all entries to say what one of them needs.
struct Notes<'a> {
    entries: &'a [Entry],
    by_job: HashMap<&'a str, Vec<usize>>,
    keys: HashMap<&'a str, usize>,
    least_chars: usize,
}

impl<'a> Notes<'a> {
    fn over(config: &'a Config) -> Self {
        let entries = config.entries();
        let mut by_job: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut keys: HashMap<&str, usize> = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            if let Some(job) = &entry.prow_job {
                by_job.entry(job).or_default().push(at);
            }
            *keys.entry(&entry.key).or_default() += 1;
        }
        let least_chars = config.tag_form().map_or(0, |tag| least_key_chars(&tag));
        Self { entries, by_job, keys, least_chars }
    }

    /// What the entry is, then what its key and its job bring.
    fn of(&self, at: usize, entry: &Entry) -> Vec<Note> {
        let becomes = format!("{PREFIX}{}", entry.key);
        let keeps_key = entry.key.starts_with(PREFIX);
        let mut notes: Vec<Note> = [
            (entry.optional, Note::Informing),
            (entry.disabled, Note::Disabled),
            (entry.asynchronous, Note::Async),
            (entry.multi_job_analysis, Note::AnalysesOthers),
            (entry.prow_job.is_none(), Note::NoProwJob),
            (self.keys.get(entry.key.as_str()).is_some_and(|count| *count > 1), Note::KeyTwice),
            (!keeps_key && self.keys.contains_key(becomes.as_str()), Note::NameTaken(becomes)),
        ]
        .into_iter()
        .filter_map(|(applies, note)| applies.then_some(note))
        .collect();
        if let Some(digits) = retry_like_ending(&entry.key) {
            notes.push(Note::RetryLike(digits.to_owned()));
        }
        let prefix_chars = if keeps_key { PREFIX.len() } else { 0 };
        if entry.key.chars().count() < self.least_chars + prefix_chars {
            notes.push(Note::ShortKey { least_chars: self.least_chars + prefix_chars });
        }
        let same = entry.prow_job.as_deref().and_then(|job| self.by_job.get(job));
        let others =
            same.into_iter().flatten().filter(|other| **other != at).map(|other| &self.entries[*other]);
        // One that shares the key as well is told already.
        for other in others.filter(|other| other.key != entry.key) {
            notes.push(Note::SameJob {
                key: other.key.clone(),
                aggregated: if other.aggregated.is_some() { Repeats::Aggregated } else { Repeats::Single },
                live: if other.disabled { Liveness::Disabled } else { Liveness::Live },
            });
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(verify: &str) -> Config {
        Config::parse(format!(r#"{{"name": "4.21.0-0.nightly", "to": "release", "verify": {{{verify}}}}}"#))
            .unwrap()
    }

    fn shown(config: &Config) -> String {
        let mut out = String::new();
        for group in list(config) {
            out.push_str(&format!("{}\n", group.name()));
            for job in group.jobs {
                let notes: Vec<String> = job.notes.iter().map(Note::to_string).collect();
                let line = format!("{:>3} {}  {}", job.number, job.key, notes.join(", "));
                out.push_str(&format!("{}\n", line.trim_end()));
            }
        }
        out
    }

    fn entry(key: &str, job: &str) -> String {
        format!(r#""{key}": {{"prowJob": {{"name": "{job}"}}}}"#)
    }

    #[test]
    fn groups_are_platforms_by_key_and_else_by_prow_job() {
        let verify = [
            entry("claude-payload-agent", "periodic-ci-openshift-release-main-claude-payload-agent"),
            entry("aws-console", "periodic-ci-openshift-release-main-nightly-4.21-console-aws"),
            entry(
                "cnv-conformance",
                "periodic-ci-openshift-release-main-cnv-nightly-4.21-deploy-azure-kubevirt-ovn",
            ),
            entry("ovn-proxy", "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn-proxy"),
            entry("driver-toolkit", "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-driver-toolkit"),
            entry(
                "upgrade-minor-ovn",
                "periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-aws-ovn-upgrade",
            ),
            entry(
                "ovn-single-node-live-iso",
                "periodic-ci-openshift-release-main-nightly-4.21-e2e-metal-ovn-single-node-live-iso",
            ),
            entry(
                "agent-compact-ipv4",
                "periodic-ci-openshift-release-main-nightly-4.21-e2e-agent-compact-ipv4",
            ),
            entry(
                "microshift-ovn-serial",
                "periodic-ci-openshift-microshift-release-4.21-periodics-e2e-aws-ovn-ocp-serial",
            ),
            entry(
                "hypershift-kubevirt",
                "periodic-ci-openshift-hypershift-release-4.21-periodics-e2e-azure-kubevirt-ovn",
            ),
            entry(
                "openshift-dedicated-gcp",
                "periodic-ci-openshift-release-main-nightly-4.21-e2e-osd-ccs-gcp",
            ),
            entry(
                "telcov10n-spoke",
                "periodic-ci-openshift-kni-eco-ci-cd-main-nightly-4.21-telcov10n-metal-single-node-spoke",
            ),
            entry(
                "install-analysis-all",
                "periodic-ci-openshift-release-main-nightly-4.21-install-analysis-all",
            ),
            entry(
                "e2e-minor-upgrade-gcp-ovn-multi-a-a",
                "periodic-ci-openshift-multiarch-main-x-upgrade-gcp-ovn-multi-a-a",
            ),
            entry(
                "e2e-ovn-remote-libvirt",
                "periodic-ci-openshift-multiarch-main-nightly-4.21-ocp-fips-ovn-remote-libvirt",
            ),
            entry(
                "vsphere-static-ovn",
                "periodic-ci-openshift-release-main-nightly-4.21-e2e-vsphere-static-ovn",
            ),
        ];
        insta::assert_snapshot!(shown(&config(&verify.join(","))), @"
        AWS
          1 aws-console
          2 ovn-proxy
          3 driver-toolkit
          4 upgrade-minor-ovn
          5 microshift-ovn-serial
        Azure
          6 cnv-conformance
        GCP
          7 e2e-minor-upgrade-gcp-ovn-multi-a-a
        vSphere
          8 vsphere-static-ovn
        Bare metal & agent
          9 ovn-single-node-live-iso
         10 agent-compact-ipv4
         11 telcov10n-spoke
        Managed & hosted
         12 hypershift-kubevirt
         13 openshift-dedicated-gcp
        Other & specialised
         14 claude-payload-agent
         15 install-analysis-all
         16 e2e-ovn-remote-libvirt
        ");
    }

    #[test]
    fn aggregated_entries_are_left_out_and_empty_groups_too() {
        assert_eq!(list(&config("")), []);
        let all = r#""aggregated-aws": {"prowJob": {"name": "e2e-aws"}, "aggregatedProwJob": {"analysisJobCount": 10}}"#;
        assert_eq!(list(&config(all)), []);
    }

    #[test]
    fn what_to_know_stands_beside_an_entry() {
        let verify = r#"
            "aws": {"optional": true, "prowJob": {"name": "e2e-aws"}},
            "aws-fips-10": {"prowJob": {"name": "e2e-aws-fips"}},
            "claude": {"async": true, "optional": true, "multiJobAnalysis": true, "prowJob": {"name": "claude"}},
            "nothing-to-run": {},
            "aws-ovn-upgrade-micro": {"upgrade": true, "prowJob": {"name": "e2e-aws-upgrade"}},
            "aggregated-aws-ovn-upgrade-micro": {"prowJob": {"name": "e2e-aws-upgrade"}, "aggregatedProwJob": {"analysisJobCount": 10}},
            "sdn-upgrade": {"disabled": true, "prowJob": {"name": "e2e-aws-upgrade"}},
            "gcp-ovn": {"prowJob": {"name": "e2e-gcp"}},
            "gcp-ovn": {"optional": true, "prowJob": {"name": "e2e-gcp"}}"#;
        insta::assert_snapshot!(shown(&config(verify)), @"
        AWS
          1 aws  informing, key too short to aggregate (needs 7 characters)
          2 aws-fips-10  key ends like a retry (-10)
          3 aws-ovn-upgrade-micro  aggregated-aws-ovn-upgrade-micro exists already, same job as aggregated-aws-ovn-upgrade-micro (live), same job as sdn-upgrade (disabled)
          4 sdn-upgrade  disabled, same job as aws-ovn-upgrade-micro (live), same job as aggregated-aws-ovn-upgrade-micro (live)
        GCP
          5 gcp-ovn  key stands twice
          6 gcp-ovn  informing, key stands twice
        Other & specialised
          7 claude  informing, async, analyses other jobs, key too short to aggregate (needs 7 characters)
          8 nothing-to-run  has no Prow job
        ");
    }

    #[test]
    fn the_shortest_key_depends_on_how_long_the_tags_are() {
        for (stream, least) in [
            ("4.21.0-0.nightly", 7),
            ("4.9.0-0.nightly", 8),
            ("4.21.0-0.ci", 12),
            ("4.21.0-0.nightly-ppc64le", 0),
        ] {
            assert_eq!(least_key_chars(&TagForm { stream: stream.to_owned() }), least, "{stream}");
        }
    }

    #[test]
    fn a_job_is_found_by_number_and_by_key() {
        let groups = list(&config(
            &[entry("gcp-ovn", "e2e-gcp"), entry("aws-ovn", "e2e-aws"), entry("1", "e2e-azure")].join(","),
        ));
        let key = |text: &str| find(&groups, text).map(|job| job.key.as_str());
        assert_eq!([key("2"), key("gcp-ovn"), key("3")], [Some("1"), Some("gcp-ovn"), Some("gcp-ovn")]);
        assert_eq!(key("1"), Some("1"), "a key counts before a number");
        assert_eq!([key("0"), key("4"), key("-1"), key(""), key("aws")], [None; 5]);
    }
}
