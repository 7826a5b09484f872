//! Why a test, or the whole, is judged as it is: typed, and a sentence each.

use serde::Serialize;
use std::fmt;

use crate::judge::fisher::{ALWAYS_FORGIVEN, Sample};
use crate::judge::{Past, disruption};

/// What a test is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "known")]
pub enum Basis {
    /// Earlier runs, counted.
    Counts {
        /// Runs that passed or flaked.
        passes: u32,
        /// Runs in which it passed or failed.
        runs: u32,
    },
    /// A percentage of earlier runs; how many is not known.
    Percentage {
        /// 0 to 100.
        percent: u8,
    },
    /// The history has no such test: a percentage is assumed.
    New {
        /// 0 to 100.
        assumed: u8,
    },
    /// The history could not be asked: a percentage is assumed.
    Unavailable {
        /// 0 to 100.
        assumed: u8,
    },
}

impl Basis {
    /// The runs it stands for.
    #[must_use]
    pub fn sample(self) -> Sample {
        self.past().sample()
    }

    /// The percentage as the aggregator in use takes it, cut to an integer.
    #[must_use]
    pub fn whole_percent(self) -> u8 {
        self.past().whole_percent().unwrap_or(0)
    }

    /// Whether it comes from earlier runs and is not assumed.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Counts { .. } | Self::Percentage { .. })
    }

    const fn past(self) -> Past {
        match self {
            Self::Counts { passes, runs } => Past::Counts { passes, runs },
            Self::Percentage { percent } => Past::Percentage { percent },
            Self::New { assumed } | Self::Unavailable { assumed } => Past::Percentage { percent: assumed },
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Counts { passes, runs } => {
                let percent = Sample { passes, runs }.rate().unwrap_or(0.0) * 100.0;
                // Never a rounded 100 % (or 0 %) for a test that failed (or passed) once.
                let tenths = if passes < runs { percent.min(99.9) } else { percent };
                let tenths = if passes > 0 { tenths.max(0.1) } else { tenths };
                if percent.fract() == 0.0 {
                    write!(f, "{percent:.0}% ({passes} of {})", many(runs, "run"))
                } else {
                    write!(f, "{tenths:.1}% ({passes} of {})", many(runs, "run"))
                }
            }
            Self::Percentage { percent } => write!(f, "{percent}%"),
            Self::New { assumed } => write!(f, "not known (the test is new; {assumed}% is assumed)"),
            Self::Unavailable { assumed } => {
                write!(f, "not known (the history could not be read; {assumed}% is assumed)")
            }
        }
    }
}

/// Passes against what the history asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Runs with a pass.
    pub passes: u32,
    /// Runs with a failure and no pass.
    pub failures: u32,
    /// What it is measured against.
    pub history: Basis,
    /// Passes asked for.
    pub required: u32,
    /// What the history alone would ask for, where that is more: [`ALWAYS_FORGIVEN`] failures are always
    /// forgiven.
    pub unforgiven: Option<u32>,
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Passed {}, failed {}. The historical pass rate is {}. The required number of passes is {}",
            times(self.passes),
            times(self.failures),
            self.history,
            self.required
        )?;
        match self.unforgiven {
            Some(more) => {
                write!(
                    f,
                    " (the history alone would require {more}; {ALWAYS_FORGIVEN} failures are always forgiven)."
                )
            }
            None => f.write_str("."),
        }
    }
}

/// Why a test is never judged (reference: payload jobs, b.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exemption {
    /// A step of the job, not a test of the payload.
    StepGraph,
    /// Fails whenever any other test of an upgrade does.
    SideEffect,
    /// Only gathers files after the tests.
    OnlyGathers,
    /// Only there when the job itself failed to begin.
    Initialize,
    /// Failed for long in one 4.10 upgrade job without being noticed, so its history is of no use.
    UselessHistory,
}

impl fmt::Display for Exemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StepGraph => "it is a step of the job and tests nothing of the payload",
            Self::SideEffect => "it fails as a side effect of other tests",
            Self::OnlyGathers => "it only gathers files",
            Self::Initialize => "it only appears when the job fails to begin",
            Self::UselessHistory => "its history in this job is of no use",
        })
    }
}

/// Why a test passed or failed, in the order in which it is asked (reference: payload jobs, b.6).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "rule")]
pub enum Reason {
    /// Passed: never judged.
    Exempt {
        /// Why.
        because: Exemption,
    },
    /// Passed: neither a pass nor a failure.
    DidNotRun,
    /// Failed: a test of which one failure in any run, flakes included, is one too many.
    MustNeverFail {
        /// Runs with a failure.
        failures: u32,
    },
    /// Passed: never passed and more often skipped than failed, so it was probably meant to be skipped.
    SkipIntended {
        /// Cases that failed.
        failures: u32,
        /// Cases that were skipped.
        skips: u32,
    },
    /// Failed: too few attempts to tell.
    TooFewAttempts {
        /// Runs with a pass.
        passes: u32,
        /// Runs with a failure and no pass.
        failures: u32,
        /// Cases that were skipped.
        skips: u32,
        /// Attempts asked for.
        minimum: u32,
    },
    /// Failed: never passed.
    NoPass {
        /// Runs with a failure.
        failures: u32,
        /// Cases that were skipped.
        skips: u32,
    },
    /// Failed: fewer passes than the history asks for.
    TooFewPasses(Compared),
    /// Passed: as many passes as the history asks for.
    EnoughPasses(Compared),
    /// A check of disruption.
    Disruption(disruption::Finding),
}

impl Reason {
    /// Whether the number of passes decided. That a test ran too seldom, or is one that must never fail, is no matter of
    /// chance.
    #[must_use]
    pub const fn is_by_passes(&self) -> bool {
        matches!(self, Self::TooFewPasses(_) | Self::EnoughPasses(_) | Self::NoPass { .. })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exempt { because } => write!(f, "Always passes: {because}."),
            Self::DidNotRun => f.write_str("Did not run: no run passed or failed it."),
            Self::MustNeverFail { failures } => {
                write!(f, "Failed {}: this test must never fail, not even once in a retry.", times(*failures))
            }
            Self::SkipIntended { failures, skips } => write!(
                f,
                "Passed 0 times, failed {}, skipped {}: probably meant to be skipped.",
                times(*failures),
                times(*skips)
            ),
            Self::TooFewAttempts { passes, failures, skips, minimum } => write!(
                f,
                "Passed {}, failed {}, skipped {}: at least {} needed to judge it.",
                times(*passes),
                times(*failures),
                times(*skips),
                if *minimum == 1 { "1 attempt is".to_owned() } else { format!("{minimum} attempts are") }
            ),
            Self::NoPass { failures, skips } => write!(
                f,
                "Passed 0 times, failed {}, skipped {}: at least one pass is needed.",
                times(*failures),
                times(*skips)
            ),
            Self::TooFewPasses(compared) => write!(f, "Failed: {compared}"),
            Self::EnoughPasses(compared) => write!(f, "Passed: {compared}"),
            Self::Disruption(finding) => finding.fmt(f),
        }
    }
}

/// What further runs would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "if")]
pub enum Next {
    /// Failed, but would pass after so many further runs that all pass it.
    PassesAfter {
        /// Further runs without a failure.
        passing_runs: u32,
    },
    /// Failed, and even so many further passing runs would not mend it.
    StaysFailed {
        /// Further runs without a failure.
        tried: u32,
    },
    /// Passed, but one further run that fails it would fail it.
    OneFailureFails,
    /// Passed, and one further run that fails it would not change that.
    OneFailureStands,
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::PassesAfter { passing_runs: 1 } => {
                f.write_str("one further passing run would make it pass")
            }
            Self::PassesAfter { passing_runs } => {
                write!(f, "{passing_runs} further passing runs and no failure would make it pass")
            }
            Self::StaysFailed { tried: 0 } => f.write_str("no further run would change it"),
            Self::StaysFailed { tried } => {
                write!(f, "even {tried} further passing runs would not make it pass")
            }
            Self::OneFailureFails => f.write_str("one further failing run would fail it"),
            Self::OneFailureStands => f.write_str("one further failing run would not change it"),
        }
    }
}

/// The rate that a new test is held to elsewhere, in percent (Component Readiness).
pub const NEW_TEST_PERCENT: u32 = 95;

/// The runs that are needed to hold it to that.
pub const NEW_TEST_RUNS: u32 = 6;

/// A new test against the standard that new tests are held to elsewhere. Advice: it changes no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "standard")]
pub enum Advice {
    /// It passes at least [`NEW_TEST_PERCENT`] of at least [`NEW_TEST_RUNS`] runs.
    Met,
    /// It passes fewer.
    Missed {
        /// Runs with a pass.
        passes: u32,
        /// Runs with a pass or a failure.
        attempts: u32,
    },
    /// Too few runs to tell.
    TooFewRuns {
        /// Runs with a pass or a failure.
        attempts: u32,
    },
}

impl Advice {
    /// What to say of a new test.
    #[must_use]
    pub const fn of(passes: u32, attempts: u32) -> Self {
        if attempts < NEW_TEST_RUNS {
            Self::TooFewRuns { attempts }
        } else if passes as u64 * 100 < attempts as u64 * NEW_TEST_PERCENT as u64 {
            Self::Missed { passes, attempts }
        } else {
            Self::Met
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Met => write!(
                f,
                "meets the standard for new tests ({NEW_TEST_PERCENT}% of at least {NEW_TEST_RUNS} runs)"
            ),
            Self::Missed { passes, attempts } => write!(
                f,
                "passes {passes} of {attempts} runs, below the {NEW_TEST_PERCENT}% that new tests are held to"
            ),
            Self::TooFewRuns { attempts } => write!(
                f,
                "ran {}; it takes at least {NEW_TEST_RUNS} runs to hold a new test to its {NEW_TEST_PERCENT}%",
                times(*attempts)
            ),
        }
    }
}

/// Why the whole fails (reference: payload jobs, b.11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "rule")]
pub enum WhyFailed {
    /// No run came to its end.
    NothingFinished,
    /// Too many runs came to no end.
    TooManyUnfinished {
        /// Runs that came to no end.
        unfinished: u32,
        /// How many are tolerated.
        tolerated: u32,
    },
    /// In the finished runs no test passed or failed.
    NoTests,
    /// None of the suites that test a payload ran.
    NoPayloadSuite,
    /// Tests that are not informing failed.
    FailedTests {
        /// How many.
        failed: u32,
    },
}

impl fmt::Display for WhyFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingFinished => f.write_str("no run finished, so there is nothing to judge"),
            Self::TooManyUnfinished { unfinished, tolerated } => {
                let tolerated = match tolerated {
                    0 => "none is tolerated".to_owned(),
                    1 => "at most 1 is tolerated".to_owned(),
                    more => format!("at most {more} are tolerated"),
                };
                write!(f, "{} did not finish; {tolerated}", many(*unfinished, "run"))
            }
            Self::NoTests => f.write_str("no test passed or failed in the finished runs, so there is nothing to judge"),
            Self::NoPayloadSuite => f.write_str(
                "no suite that tests the payload ran: none with a test that passed or failed has openshift-tests, e2e, E2E or BackendDisruption in its name",
            ),
            Self::FailedTests { failed: 1 } => f.write_str("1 test failed"),
            Self::FailedTests { failed } => write!(f, "{failed} tests failed"),
        }
    }
}

/// `0 times`, `1 time`, `2 times`.
pub(crate) fn times(count: u32) -> String {
    many(count, "time")
}

/// `1 run`, `2 runs`.
pub(crate) fn many(count: u32, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_says_what_it_stands_for() {
        let counts = |passes, runs| Basis::Counts { passes, runs }.to_string();
        assert_eq!(counts(250, 250), "100% (250 of 250 runs)");
        assert_eq!(counts(2_999, 3_000), "99.9% (2999 of 3000 runs)");
        assert_eq!(counts(1, 9_000), "0.1% (1 of 9000 runs)");
        assert_eq!(counts(198, 200), "99% (198 of 200 runs)");
        assert_eq!(Basis::Percentage { percent: 95 }.to_string(), "95%");
        assert_eq!(Basis::New { assumed: 70 }.to_string(), "not known (the test is new; 70% is assumed)");
    }

    #[test]
    fn one_is_no_plural() {
        let unfinished = WhyFailed::TooManyUnfinished { unfinished: 1, tolerated: 0 };
        assert_eq!(unfinished.to_string(), "1 run did not finish; none is tolerated");
        let unfinished = WhyFailed::TooManyUnfinished { unfinished: 2, tolerated: 1 };
        assert_eq!(unfinished.to_string(), "2 runs did not finish; at most 1 is tolerated");
        assert_eq!(Basis::Counts { passes: 1, runs: 1 }.to_string(), "100% (1 of 1 run)");
        let few = Reason::TooFewAttempts { passes: 0, failures: 0, skips: 1, minimum: 1 };
        assert_eq!(
            few.to_string(),
            "Passed 0 times, failed 0 times, skipped 1 time: at least 1 attempt is needed to judge it."
        );
    }

    #[test]
    fn the_comparison_reads_as_people_know_it() {
        let compared = Compared {
            passes: 8,
            failures: 2,
            history: Basis::Percentage { percent: 100 },
            required: 8,
            unforgiven: Some(9),
        };
        assert_eq!(
            Reason::EnoughPasses(compared).to_string(),
            "Passed: Passed 8 times, failed 2 times. The historical pass rate is 100%. The required number of passes is 8 \
             (the history alone would require 9; 2 failures are always forgiven)."
        );
    }

    #[test]
    fn a_new_test_is_held_to_the_standard_once_it_ran_often_enough() {
        assert_eq!(Advice::of(6, 6), Advice::Met);
        assert_eq!(Advice::of(5, 6), Advice::Missed { passes: 5, attempts: 6 });
        assert_eq!(Advice::of(19, 20), Advice::Met);
        assert_eq!(Advice::of(5, 5), Advice::TooFewRuns { attempts: 5 });
    }
}
