//! What to know before a change is written: the file stays readable, but the release controller, or a run on release day,
//! would not do what one expects. Each says its rule and where that comes from; under `--strict` each refuses.

use std::fmt;

use crate::model::{Config, Entry, PREFIX};
use crate::operate::Change;
use crate::power;

/// Something to know of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caution {
    /// It is aggregated and informing at once.
    OptionalAggregated,
    /// Its key ends like the number of a retry.
    KeyLikeRetry {
        /// The digits.
        digits: String,
    },
    /// Its key is so short that the aggregator's run is not recognised.
    ShortKey {
        /// Characters of the aggregator's run name; shortened names, over this limit, are recognised.
        length_chars: usize,
    },
    /// It is aggregated and async at once.
    AsyncAggregated,
    /// Both async and retried.
    AsyncRetried,
    /// It analyses other jobs, so there is nothing to run several times.
    AnalysesOthers,
    /// Another live entry runs the same Prow job.
    SameJob {
        /// The other entries' keys.
        others: Vec<String>,
        /// The Prow job.
        job: String,
    },
    /// The Prow job is of another version than the file.
    OtherVersion {
        /// The version in the job's name.
        job: String,
        /// The file's.
        file: String,
    },
    /// It is disabled.
    Disabled,
    /// It runs too rarely or too often to be judged well.
    Count(i64),
    /// A new key has the prefix of aggregated entries and is none.
    PrefixWithoutAggregation,
}

/// A caution with the entry it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warned {
    /// The entry's key after the change.
    pub key: String,
    /// What to know.
    pub caution: Caution,
}

impl Caution {
    /// A stable name, the same as that of the check's rule where there is one.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::OptionalAggregated => "optional-aggregated",
            Self::KeyLikeRetry { .. } => "name-like-retry",
            Self::ShortKey { .. } => "short-key",
            Self::AsyncAggregated => "async-aggregated",
            Self::AsyncRetried => "async-excludes-retries",
            Self::AnalysesOthers => "analysis-aggregated",
            Self::SameJob { .. } => "same-prow-job",
            Self::OtherVersion { .. } => "other-version",
            Self::Disabled => "disabled",
            Self::Count(_) => "run-count",
            Self::PrefixWithoutAggregation => "prefix-without-aggregation",
        }
    }

    /// Where the rule comes from.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        match self {
            Self::OptionalAggregated => "release-controller, validateOptionalAggregatedJobs (2026-06)",
            Self::KeyLikeRetry { .. } => "release-controller, validateVerifyNames (2026-07)",
            Self::ShortKey { .. } => "release-controller, mapping of aggregator runs to entries",
            Self::AsyncAggregated | Self::AsyncRetried => "release-controller, validateAsyncJobs",
            Self::AnalysesOthers => "release-controller, multi-job analysis",
            Self::SameJob { .. } => "job-run-aggregator, discovery of runs by job and payload tag",
            Self::OtherVersion { .. } => "convention of the release configurations",
            Self::Disabled => "release-controller, verification of payloads",
            Self::Count(_) => "job-run-aggregator, table of required passes",
            Self::PrefixWithoutAggregation => "convention of the release configurations",
        }
    }
}

impl fmt::Display for Caution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OptionalAggregated => f.write_str(
                "is informing (optional) and aggregated: the release controller refuses that since June 2026, because every \
                 aggregator blocks whatever optional says. Promote it, or leave it a single informing job",
            ),
            Self::KeyLikeRetry { digits } => write!(
                f,
                "has a key that ends in -{digits}: the release controller reads that as the number of a retry and refuses \
                 such keys since July 2026. Rename it first"
            ),
            Self::ShortKey { length_chars } => write!(
                f,
                "has so short a key that the aggregator's run name has {length_chars} characters, not over 63: the release \
                 controller then does not recognise it, and its result is never recorded. Give the entry a longer key first"
            ),
            Self::AsyncAggregated => f.write_str(
                "is async, which needs optional, and an aggregated job must not be optional: it cannot be both async and \
                 aggregated",
            ),
            Self::AsyncRetried => {
                f.write_str("is async with maxRetries over 0, which the release controller refuses")
            }
            Self::AnalysesOthers => f.write_str(
                "analyses the payload's other jobs (multiJobAnalysis): running it several times judges nothing",
            ),
            Self::SameJob { others, job } => write!(
                f,
                "runs the same Prow job as {}, which is live as well: runs of both are counted together. Usually the entry \
                 that ran it once is disabled ({job})",
                others.join(", ")
            ),
            Self::OtherVersion { job, file } => {
                write!(f, "runs a Prow job of {job} in a file of {file}, by the job's name")
            }
            Self::Disabled => f.write_str("is disabled: nothing runs until that is taken out"),
            Self::Count(count) => match power::caution_for(*count) {
                Some(why) => write!(f, "runs {count} times on a payload: {why}"),
                None => write!(f, "runs {count} times on a payload"),
            },
            Self::PrefixWithoutAggregation => {
                write!(f, "has the prefix {PREFIX} in its key but is not aggregated: readers will take it for one that is")
            }
        }
    }
}

/// What to know of the entries changed, in the file as it would be.
#[must_use]
pub fn cautions(after: &Config, changed: &[Change]) -> Vec<Warned> {
    changed
        .iter()
        .filter_map(|change| Some((change, after.entry(&change.to)?)))
        .flat_map(|(change, entry)| {
            let added = change.from.is_empty().then(|| other_version(after, entry)).flatten();
            of_entry(after, entry)
                .into_iter()
                .chain(added)
                .map(|caution| Warned { key: entry.key.clone(), caution })
        })
        .collect()
}

/// Whether a job that is added tests another version: the first `X.Y` of its name that is no upgrade's beginning.
fn other_version(config: &Config, entry: &Entry) -> Option<Caution> {
    let stream = config.tag_form()?.stream;
    let file = stream.split(".0-0.").next()?.to_owned();
    let is_version = |word: &&str| {
        word.split_once('.').is_some_and(|(major, minor)| {
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits(major) && digits(minor)
        })
    };
    let job = entry.prow_job.as_deref()?.split('-').find(is_version)?.to_owned();
    (job != file).then_some(Caution::OtherVersion { job, file })
}

fn of_entry(config: &Config, entry: &Entry) -> Vec<Caution> {
    let mut found = Vec::new();
    if let Some(digits) = entry.retry_like_ending() {
        found.push(Caution::KeyLikeRetry { digits: digits.to_owned() });
    }
    if let Some(aggregated) = &entry.aggregated {
        if entry.optional {
            found.push(Caution::OptionalAggregated);
        }
        if entry.asynchronous {
            found.push(Caution::AsyncAggregated);
        }
        if entry.multi_job_analysis {
            found.push(Caution::AnalysesOthers);
        }
        if let Some(length_chars) = unshortened(config, entry) {
            found.push(Caution::ShortKey { length_chars });
        }
        let count = aggregated.count.unwrap_or(0);
        if power::caution_for(count).is_some() {
            found.push(Caution::Count(count));
        }
    } else if entry.key.starts_with(PREFIX) {
        found.push(Caution::PrefixWithoutAggregation);
    }
    if entry.asynchronous && entry.max_retries.is_some_and(|retries| retries > 0) {
        found.push(Caution::AsyncRetried);
    }
    if let Some(job) = &entry.prow_job
        && entry.is_live()
    {
        let twins = |other: &&Entry| {
            other.key != entry.key && other.prow_job.as_ref() == Some(job) && other.is_live()
        };
        let others: Vec<String> =
            config.entries().iter().filter(twins).map(|other| other.key.clone()).collect();
        if !others.is_empty() {
            found.push(Caution::SameJob { others, job: job.clone() });
        }
    }
    if entry.disabled {
        found.push(Caution::Disabled);
    }
    found
}

/// Characters of the name that the aggregator's run gets, where it fits and so is not shortened: only shortened names carry the
/// hash by which the controller finds the entry again (reference: payload jobs, b.3).
#[must_use]
pub fn unshortened(config: &Config, entry: &Entry) -> Option<usize> {
    let tag = config.tag_form()?;
    let length_chars = tag.length_chars() + 1 + entry.key.chars().count() + "-aggregator".len();
    (length_chars <= 63).then_some(length_chars)
}

/// Whether a conversion takes the job out of the stable streams: these run the blocking, single jobs of the nightly stream as
/// informing ones, and take over no aggregated entry (reference: payload jobs, b.4). News, not a fault.
#[must_use]
pub fn leaves_stable_streams(before: &Config, change: &Change) -> bool {
    let nightly = before.tag_form().is_some_and(|form| form.stream.ends_with(".nightly"));
    nightly
        && before.entry(&change.from).is_some_and(|entry| {
            entry.is_blocking() && entry.is_live() && entry.aggregated.is_none() && !entry.multi_job_analysis
        })
}
