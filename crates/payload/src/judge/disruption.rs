//! Disruption of backends during the runs, judged against earlier runs (reference: payload jobs, b.10).
//!
//! A backend is an interface of the cluster that is asked again and again while the tests run; the seconds
//! without an answer are counted. Three checks a backend, as tests of the suite [`SUITE`]:
//!
//! - the mean is at most that of earlier runs and five standard deviations, the worst run being left out when
//!   it exceeds the 95th percentile of earlier runs;
//! - enough runs stay within the 70th percentile of earlier runs, or within that and 3 s;
//! - the same with the 85th percentile and 7 s.
//!
//! A run within the percentile `P` is a pass of a test whose history is `P` per cent, so the passes asked for
//! are those of any test, with one further failure forgiven.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::fisher::{self, Sample};
use super::verdict::{Outcome, Reason, TestVerdict, many, times};
use super::{Counts, Gathered, TestId};

/// The suite of the checks.
pub const SUITE: &str = "BackendDisruption";

/// The check that enough runs have data.
pub const COLLECTED: &str = "should collect disruption data";

/// Runs with data that it takes to judge.
const MINIMUM_RUNS: u32 = 3;

/// Backends that are judged even when no run has data of them, named as the aggregator in use does: two say
/// `used` where the others say `reused`.
pub const ALWAYS_LISTED: [&str; 12] = [
    "image-registry-reused-connections",
    "ingress-to-console-new-connections",
    "ingress-to-console-used-connections",
    "ingress-to-oauth-server-new-connections",
    "ingress-to-oauth-server-used-connections",
    "kube-api-new-connections",
    "kube-api-reused-connections",
    "oauth-api-new-connections",
    "oauth-api-reused-connections",
    "openshift-api-new-connections",
    "openshift-api-reused-connections",
    "service-load-balancer-with-pdb-reused-connections",
];

/// A backend with one of these in its name tells nothing of the payload, or not yet.
const EXCLUDED: [&str; 12] = [
    "-network-liveness",
    "kube-api-http1-external-lb",
    "kube-api-http2-external-lb",
    "openshift-api-http2-external-lb",
    "host-to-service",
    "host-to-host",
    "host-to-pod",
    "pod-to-host",
    "pod-to-pod",
    "pod-to-service",
    "-localhost-",
    "-internal-lb-",
];

/// How long a backend was disrupted in earlier runs, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub standard_deviation: f64,
    /// The 70th percentile.
    pub p70: f64,
    /// The 85th percentile.
    pub p85: f64,
    /// The 95th percentile.
    pub p95: f64,
}

/// When disruption is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// When at least one run left data. The aggregator in use fails a job of which no run did; say
    /// [`Mode::Always`] for that.
    #[default]
    WhereMeasured,
    /// Always: too little data fails.
    Always,
    /// Never: for clusters of a single node, which are disrupted by every upgrade.
    Never,
}

/// Why disruption was not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotJudged {
    /// No run left data.
    #[error("disruption is not judged: no run left data of it")]
    NotMeasured,
    /// So it was asked.
    #[error("disruption is not judged, as asked")]
    Asked,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Its name as a test of [`SUITE`].
    pub name: String,
    /// How it came out.
    pub outcome: Outcome,
    /// Why.
    pub finding: Finding,
    /// The runs that stayed within the limit and those that did not, by their index in [`Gathered::runs`].
    pub runs: Vec<(usize, Within)>,
}

/// Whether a run stayed within a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Within {
    /// It did.
    Yes,
    /// It did not.
    No,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
pub enum Finding {
    /// Whether enough runs left data.
    Collected {
        /// Runs with data.
        runs: u32,
    },
    /// Skipped: earlier runs tell nothing of the backend.
    NoHistory,
    /// Skipped: no run has data of the backend.
    NoData,
    /// Skipped: with so few runs no pass at all would be asked for.
    NothingAsked {
        /// The percentile.
        percentile: u8,
        /// Runs with data.
        runs: u32,
    },
    /// Failed: it takes at least three runs.
    TooFewRuns {
        /// Runs with data.
        runs: u32,
    },
    /// Runs within a percentile of earlier runs.
    Percentile {
        /// Runs within.
        passes: u32,
        /// Runs beyond.
        failures: u32,
        /// The percentile.
        percentile: u8,
        /// Its seconds in earlier runs.
        seconds: f64,
        /// Seconds of grace that were added.
        grace_seconds: u32,
        /// Runs within that are asked for.
        required: u32,
    },
    /// The mean against that of earlier runs.
    Mean {
        /// Seconds, the run left out not counted.
        seconds: f64,
        /// Seconds that are allowed.
        limit_seconds: f64,
        /// Mean of earlier runs, in seconds.
        past_seconds: f64,
        /// Standard deviation of earlier runs, in seconds.
        past_deviation_seconds: f64,
        /// The worst run, where it was left out, in seconds.
        left_out_seconds: Option<u64>,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Collected { runs } => {
                let have = if runs == 1 { "has" } else { "have" };
                write!(
                    f,
                    "{} {have} data of disruption; at least {MINIMUM_RUNS} are needed.",
                    many(runs, "run")
                )
            }
            Self::NoHistory => f.write_str("Not judged: there is no history of this backend."),
            Self::NoData => f.write_str("Not judged: no run has data of this backend."),
            Self::NothingAsked { percentile, runs } => {
                write!(
                    f,
                    "Not judged: with {} the P{percentile} is too low to ask for a pass.",
                    many(runs, "run")
                )
            }
            Self::TooFewRuns { runs } => {
                let have = if runs == 1 { "has" } else { "have" };
                write!(
                    f,
                    "Only {} {have} data; at least {MINIMUM_RUNS} are needed to pass.",
                    many(runs, "run")
                )
            }
            Self::Percentile { passes, failures, percentile, seconds, grace_seconds, required } => {
                let grace = if grace_seconds > 0 {
                    format!(" and {grace_seconds} s of grace")
                } else {
                    String::new()
                };
                write!(
                    f,
                    "Passed {}, failed {}. The historical P{percentile} is {seconds:.2} s{grace}. The required number of \
                     passes is {required}.",
                    times(passes),
                    times(failures),
                )
            }
            Self::Mean { seconds, limit_seconds, past_seconds, past_deviation_seconds, left_out_seconds } => {
                write!(
                    f,
                    "The mean disruption is {seconds:.2} s, the limit {limit_seconds:.2} s (historical mean {past_seconds:.2} s, \
                     standard deviation {past_deviation_seconds:.2} s)"
                )?;
                match left_out_seconds {
                    Some(worst) => write!(f, "; the worst run, of {worst} s, is left out."),
                    None => f.write_str("."),
                }
            }
        }
    }
}

impl Check {
    /// The check as a test among the others.
    pub(super) fn into_verdict(self) -> TestVerdict {
        let runs: Vec<(usize, Counts)> = self
            .runs
            .iter()
            .map(|(run, within)| {
                let passes = u32::from(*within == Within::Yes);
                (*run, Counts { passes, failures: 1 - passes, skips: 0 })
            })
            .collect();
        let passes = count(runs.iter().filter(|(_, counts)| counts.is_pass()).count());
        let attempts = count(runs.len());
        let required = match self.finding {
            Finding::Percentile { required, .. } => Some(required),
            _ => None,
        };
        TestVerdict {
            id: TestId { suite: SUITE.to_owned(), name: self.name },
            outcome: self.outcome,
            informing: false,
            attempts,
            passes,
            failures: attempts - passes,
            skips: 0,
            flakes: 0,
            history: None,
            required,
            required_by_table: required.filter(|_| fisher::TABLE.contains(&attempts)),
            p_value: None,
            q_value: None,
            reason: Reason::Disruption(self.finding),
            next: None,
            advice: None,
            message_of_failure: None,
            runs,
        }
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// Whether a backend is left out.
#[must_use]
pub fn is_excluded(backend: &str) -> bool {
    EXCLUDED.iter().any(|part| backend.contains(part))
}

/// The checks of all backends: first whether there is enough data, and if so three checks a backend, by kind
/// and name.
///
/// # Errors
/// Why none is made.
pub fn judge(
    gathered: &Gathered,
    history: &HashMap<String, Spread>,
    mode: Mode,
) -> Result<Vec<Check>, NotJudged> {
    let finished = |run: usize| gathered.runs.get(run).is_some_and(super::Run::is_finished);
    let by_backend: BTreeMap<&str, Vec<(usize, u64)>> = gathered
        .disruption
        .iter()
        .map(|(backend, runs)| {
            (backend.as_str(), runs.iter().copied().filter(|(run, _)| finished(*run)).collect())
        })
        .collect();
    let with_data: BTreeSet<usize> = by_backend.values().flatten().map(|(run, _)| *run).collect();
    match mode {
        Mode::Never => return Err(NotJudged::Asked),
        Mode::WhereMeasured if with_data.is_empty() => return Err(NotJudged::NotMeasured),
        Mode::WhereMeasured | Mode::Always => {}
    }
    let runs = count(with_data.len());
    let enough = runs >= MINIMUM_RUNS;
    let mut checks = vec![Check {
        name: COLLECTED.to_owned(),
        outcome: if enough { Outcome::Passed } else { Outcome::Failed },
        finding: Finding::Collected { runs },
        runs: with_data.iter().map(|run| (*run, Within::Yes)).collect(),
    }];
    if !enough {
        return Ok(checks);
    }
    let backends: BTreeSet<&str> = ALWAYS_LISTED
        .into_iter()
        .chain(by_backend.keys().copied())
        .filter(|backend| !is_excluded(backend))
        .collect();
    let kinds: [fn(&Spread) -> Kind; 3] = [
        |spread| Kind::Percentile { percentile: 70, seconds: spread.p70, grace_seconds: 3 },
        |spread| Kind::Percentile { percentile: 85, seconds: spread.p85, grace_seconds: 7 },
        |_| Kind::Mean,
    ];
    for kind in kinds {
        for backend in &backends {
            let runs = by_backend.get(backend).map_or(&[][..], Vec::as_slice);
            let spread = history.get(*backend);
            let kind = kind(spread.unwrap_or(&Spread::default()));
            checks.push(check(kind.name(backend), kind, runs, spread));
        }
    }
    Ok(checks)
}

/// A check of a backend.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Percentile { percentile: u8, seconds: f64, grace_seconds: u32 },
    Mean,
}

impl Kind {
    fn name(self, backend: &str) -> String {
        match self {
            Self::Percentile { percentile, .. } => {
                format!("{backend} disruption P{percentile} should not be worse")
            }
            Self::Mean => {
                format!(
                    "{backend} mean disruption should be less than historical plus five standard deviations"
                )
            }
        }
    }
}

fn check(name: String, kind: Kind, runs: &[(usize, u64)], history: Option<&Spread>) -> Check {
    let (outcome, finding, limit) = match (history, kind) {
        (None, _) => (Outcome::Skipped, Finding::NoHistory, None),
        (Some(_), _) if runs.is_empty() => (Outcome::Skipped, Finding::NoData, None),
        (Some(_), Kind::Percentile { percentile, seconds, grace_seconds }) => {
            let (outcome, finding, limit) = check_percentile(runs, percentile, seconds, grace_seconds);
            (outcome, finding, Some(limit))
        }
        (Some(spread), Kind::Mean) => {
            let (outcome, finding, limit) = check_mean(runs, spread);
            (outcome, finding, Some(limit))
        }
    };
    // Where nothing was measured against, no run did well or badly.
    let runs = limit.map_or_else(Vec::new, |limit| {
        let within = |seconds: u64| if seconds as f64 <= limit { Within::Yes } else { Within::No };
        runs.iter().map(|(run, seconds)| (*run, within(*seconds))).collect()
    });
    Check { name, outcome, finding, runs }
}

/// The runs within a percentile that are asked for: those of any test with that rate, and one failure more is
/// forgiven unless two are already.
fn required_within(runs: u32, percentile: u8) -> u32 {
    let unforgiven = fisher::required(runs, Sample::of_percentage(percentile));
    let required = fisher::required_capped(runs, Sample::of_percentage(percentile));
    if required < unforgiven { required } else { required.saturating_sub(1) }
}

/// Without grace first, and with it only if that fails. Gives the limit that was applied, too.
fn check_percentile(
    runs: &[(usize, u64)],
    percentile: u8,
    seconds: f64,
    grace: u32,
) -> (Outcome, Finding, f64) {
    let all = count(runs.len());
    let required = required_within(all, percentile);
    let at = |grace_seconds: u32| {
        let limit = seconds + f64::from(grace_seconds);
        let passes = count(runs.iter().filter(|(_, seconds)| *seconds as f64 <= limit).count());
        let finding = Finding::Percentile {
            passes,
            failures: all - passes,
            percentile,
            seconds,
            grace_seconds,
            required,
        };
        if required == 0 {
            (Outcome::Skipped, Finding::NothingAsked { percentile, runs: all }, limit)
        } else if passes > 0 && all < MINIMUM_RUNS {
            (Outcome::Failed, Finding::TooFewRuns { runs: all }, limit)
        } else if passes == 0 || passes < required {
            (Outcome::Failed, finding, limit)
        } else {
            (Outcome::Passed, finding, limit)
        }
    };
    match at(0) {
        (Outcome::Failed, Finding::Percentile { .. }, _) if grace > 0 => at(grace),
        settled => settled,
    }
}

fn check_mean(runs: &[(usize, u64)], history: &Spread) -> (Outcome, Finding, f64) {
    // A second is always allowed.
    let limit = (history.mean + 5.0 * history.standard_deviation).max(1.0);
    let worst = runs.iter().map(|(_, seconds)| *seconds).max().unwrap_or(0);
    let left_out_seconds = (worst as f64 > history.p95).then_some(worst);
    let sum: u64 = runs.iter().map(|(_, seconds)| seconds).sum::<u64>() - left_out_seconds.unwrap_or(0);
    let counted = runs.len() - usize::from(left_out_seconds.is_some());
    let seconds = if counted == 0 { 0.0 } else { sum as f64 / counted as f64 };
    let outcome = if seconds > limit { Outcome::Failed } else { Outcome::Passed };
    let finding = Finding::Mean {
        seconds,
        limit_seconds: limit,
        past_seconds: history.mean,
        past_deviation_seconds: history.standard_deviation,
        left_out_seconds,
    };
    (outcome, finding, limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Run, RunState};

    fn runs(seconds: &[u64]) -> Vec<(usize, u64)> {
        seconds.iter().copied().enumerate().collect()
    }

    #[test]
    fn the_expected_values_of_the_aggregator_in_use_come_out() {
        use Outcome::{Failed, Passed};
        type Row<'a> = (&'a [u64], u8, f64, u32, (u32, u32), Outcome);
        let rows: [Row<'_>; 18] = [
            (&[0; 10], 95, 7.0, 0, (10, 0), Passed),
            (&[8; 10], 95, 7.0, 0, (0, 10), Failed),
            (&[5, 5, 5, 6, 6, 7, 7, 9, 9, 9], 95, 6.0, 2, (7, 3), Passed),
            (&[5, 5, 5, 6, 6, 7, 9, 9, 9, 9], 95, 6.0, 2, (6, 4), Passed),
            (&[5, 5, 5, 6, 7, 7, 7, 8, 8, 86], 95, 6.0, 1, (7, 3), Passed),
            (&[5, 5, 5, 6, 7, 7, 8, 8, 8, 86], 95, 6.0, 1, (6, 4), Passed),
            (&[5, 5, 5, 6, 7, 8, 8, 9, 9, 86], 95, 6.0, 1, (5, 5), Failed),
            (&[99, 105, 101, 102, 101, 108, 108, 112, 113, 186], 95, 102.0, 10, (8, 2), Passed),
            (&[99, 105, 101, 102, 101, 147, 113, 113, 113, 186], 95, 102.0, 10, (5, 5), Failed),
            (&[99, 105, 101, 107, 107, 108, 108, 109, 109, 186], 95, 102.0, 5, (5, 5), Failed),
            (&[1, 0, 0, 5, 5, 2, 2, 3, 4], 85, 1.30, 1, (5, 4), Passed),
            (&[1, 0, 0, 5, 5, 2, 2, 3, 4], 85, 1.30, 0, (3, 6), Failed),
            (&[0, 0, 4, 4, 1, 5, 1, 1, 2], 81, 0.0, 0, (2, 7), Failed),
            (&[0, 0, 1, 1, 1, 2, 2, 2, 2, 2], 80, 1.0, 0, (5, 5), Passed),
            (&[0, 0, 1, 1, 2, 2, 2, 2, 2, 2], 80, 1.0, 0, (4, 6), Passed),
            (&[0, 0, 1, 2, 2, 6, 3, 4, 5, 8], 80, 1.0, 1, (5, 5), Passed),
            (&[0, 0, 2, 2, 2, 2, 2, 2, 2, 2], 80, 1.0, 0, (2, 8), Failed),
            (&[1; 10], 80, 0.0, 0, (0, 10), Failed),
        ];
        for (seconds, percentile, history, grace, expected, verdict) in rows {
            let (outcome, finding, _) = check_percentile(&runs(seconds), percentile, history, grace);
            let Finding::Percentile { passes, failures, .. } = finding else { panic!("{finding:?}") };
            assert_eq!(((passes, failures), outcome), (expected, verdict), "{seconds:?} P{percentile}");
        }
    }

    #[test]
    fn one_more_failure_is_forgiven_than_to_a_test() {
        assert_eq!(required_within(10, 95), 6);
        assert_eq!(required_within(6, 80), 1);
        assert_eq!(required_within(12, 95), 8);
        // Where two are forgiven anyhow, they are not three.
        assert_eq!(required_within(10, 100), 8);
    }

    #[test]
    fn few_runs_ask_for_nothing_and_so_are_skipped() {
        let (outcome, finding, _) = check_percentile(&runs(&[0, 9, 9]), 70, 1.0, 3);
        assert_eq!((outcome, finding), (Outcome::Skipped, Finding::NothingAsked { percentile: 70, runs: 3 }));
    }

    #[test]
    fn the_mean_leaves_out_one_run_that_is_beyond_everything() {
        let history = Spread { mean: 2.0, standard_deviation: 0.5, p95: 4.0, ..Spread::default() };
        let mean = |seconds: &[u64]| {
            let (outcome, finding, _) = check_mean(&runs(seconds), &history);
            let Finding::Mean { seconds, limit_seconds, left_out_seconds, .. } = finding else {
                panic!("{finding:?}")
            };
            (outcome, seconds, limit_seconds, left_out_seconds)
        };
        assert_eq!(mean(&[4, 4, 4, 90]), (Outcome::Passed, 4.0, 4.5, Some(90)));
        assert_eq!(mean(&[4, 4, 90, 90]), (Outcome::Failed, 98.0 / 3.0, 4.5, Some(90)));
        assert_eq!(mean(&[4, 4, 4]), (Outcome::Passed, 4.0, 4.5, None));
        assert_eq!(mean(&[50]), (Outcome::Passed, 0.0, 4.5, Some(50)));
        // A second is always allowed.
        let (outcome, ..) = check_mean(&runs(&[1, 1, 1]), &Spread { p95: 1.0, ..Spread::default() });
        assert_eq!(outcome, Outcome::Passed);
    }

    fn gathered(disruption: &[(&str, &[u64])], unfinished: &[usize]) -> Gathered {
        let run = |i: usize| Run {
            id: i.to_string(),
            folder: i.to_string().into(),
            state: if unfinished.contains(&i) {
                RunState::Unfinished("no finished.json".to_owned())
            } else {
                RunState::Finished
            },
            job: None,
            payload: None,
            result: None,
            url: None,
            started: None,
            duration_seconds: None,
        };
        Gathered {
            runs: (0..10).map(run).collect(),
            disruption: disruption
                .iter()
                .map(|(name, seconds)| ((*name).to_owned(), runs(seconds)))
                .collect(),
            ..Gathered::default()
        }
    }

    #[test]
    fn data_of_fewer_than_three_runs_fails_and_ends_it() {
        let few = gathered(&[("kube-api-new-connections", &[1, 2, 3])], &[2]);
        let checks = judge(&few, &HashMap::new(), Mode::WhereMeasured).unwrap();
        assert_eq!(checks.len(), 1);
        assert_eq!((checks[0].name.as_str(), checks[0].outcome), (COLLECTED, Outcome::Failed));
        assert_eq!(checks[0].finding.to_string(), "2 runs have data of disruption; at least 3 are needed.");
    }

    #[test]
    fn one_run_is_no_plural() {
        let told = [Finding::Collected { runs: 1 }, Finding::TooFewRuns { runs: 1 }].map(|f| f.to_string());
        assert_eq!(
            told,
            [
                "1 run has data of disruption; at least 3 are needed.",
                "Only 1 run has data; at least 3 are needed to pass."
            ]
        );
    }

    #[test]
    fn without_data_it_is_only_judged_when_asked() {
        let none = gathered(&[], &[]);
        assert_eq!(judge(&none, &HashMap::new(), Mode::WhereMeasured), Err(NotJudged::NotMeasured));
        assert_eq!(judge(&none, &HashMap::new(), Mode::Never), Err(NotJudged::Asked));
        assert_eq!(judge(&none, &HashMap::new(), Mode::Always).unwrap()[0].outcome, Outcome::Failed);
    }

    #[test]
    fn backends_are_judged_by_kind_and_those_that_tell_nothing_are_left_out() {
        let data: [(&str, &[u64]); 4] = [
            ("cache-oauth-api-new-connections", &[9; 10]),
            ("kube-api-new-connections", &[0, 0, 0, 0, 0, 0, 9, 9, 9, 9]),
            ("ci-cluster-network-liveness-new-connections", &[9; 10]),
            ("kube-api-internal-lb-new-connections", &[9; 10]),
        ];
        let spread = Spread { mean: 1.0, standard_deviation: 1.0, p70: 1.0, p85: 3.0, p95: 9.0 };
        let history = [data[0].0, data[1].0].map(|name| (name.to_owned(), spread)).into_iter().collect();
        let checks = judge(&gathered(&data, &[]), &history, Mode::WhereMeasured).unwrap();
        assert_eq!(checks.len(), 1 + 3 * (ALWAYS_LISTED.len() + 1));
        let told: Vec<String> = checks
            .iter()
            .filter(|check| !matches!(check.finding, Finding::NoHistory))
            .map(|check| format!("{:?} {}: {}", check.outcome, check.name, check.finding))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @"
        Passed should collect disruption data: 10 runs have data of disruption; at least 3 are needed.
        Failed cache-oauth-api-new-connections disruption P70 should not be worse: Passed 0 times, failed 10 times. The historical P70 is 1.00 s and 3 s of grace. The required number of passes is 2.
        Passed kube-api-new-connections disruption P70 should not be worse: Passed 6 times, failed 4 times. The historical P70 is 1.00 s. The required number of passes is 2.
        Passed cache-oauth-api-new-connections disruption P85 should not be worse: Passed 10 times, failed 0 times. The historical P85 is 3.00 s and 7 s of grace. The required number of passes is 4.
        Passed kube-api-new-connections disruption P85 should not be worse: Passed 6 times, failed 4 times. The historical P85 is 3.00 s. The required number of passes is 4.
        Failed cache-oauth-api-new-connections mean disruption should be less than historical plus five standard deviations: The mean disruption is 9.00 s, the limit 6.00 s (historical mean 1.00 s, standard deviation 1.00 s).
        Passed kube-api-new-connections mean disruption should be less than historical plus five standard deviations: The mean disruption is 3.60 s, the limit 6.00 s (historical mean 1.00 s, standard deviation 1.00 s).
        ");
        let skipped = checks.iter().filter(|check| check.outcome == Outcome::Skipped);
        assert!(skipped.clone().count() == 3 * 11 && skipped.clone().all(|check| check.runs.is_empty()));
    }
}
