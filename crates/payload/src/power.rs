//! What a number of runs buys, said before anything ran: how surely a test that got worse is found, and how
//! often a test that did not is blamed.
//!
//! The rule is the verdict's own ([`crate::judge::verdict`]): at least six attempts, at least one pass, and
//! the passes that the exact test asks for, two failures being forgiven always. The runs are taken for
//! independent (the binomial distribution). Runs of one payload share causes, so real drops are found less
//! often than stated, and real false alarms come in bunches.

use serde::Serialize;
use std::fmt;

use crate::judge::fisher::{self, Sample};
use crate::judge::verdict::{Rules, many, times};

/// The percentage that a healthy test passes, for what a number of runs buys.
const USUAL_HISTORY: u8 = 98;

/// Tests of a payload job, about: for the false alarms to expect. (The sentence of [`Buys`] names it.)
pub const TESTS_OF_A_JOB: u32 = 3_000;

/// The largest number of runs that the aggregator in use can judge: its table ends there, and beyond it
/// crashes (reference: payload jobs, b.9).
pub const LARGEST_IN_USE: u32 = 12;

/// Runs that are tried in search of enough.
const MOST_RUNS_TRIED: u32 = 400;

/// A count that is greater is not worked out.
const MOST_RUNS_SAID: u32 = 100_000;

/// The gate that a test has to pass, as far as it can be set. The default is that of the aggregator in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    minimum_attempts: u32,
}

impl Default for Gate {
    fn default() -> Self {
        Self::with_minimum(Rules::default().minimum_attempts)
    }
}

impl Gate {
    /// A gate that fails every test with fewer attempts.
    #[must_use]
    pub const fn with_minimum(minimum_attempts: u32) -> Self {
        Self { minimum_attempts }
    }

    /// Whether so many runs are enough to judge a test.
    #[must_use]
    pub const fn judges(self, runs: u32) -> bool {
        runs > 0 && runs >= self.minimum_attempts
    }

    /// The passes without which a test of this history fails.
    ///
    /// None where it fails whatever it does: below the minimum of attempts.
    #[must_use]
    pub fn required(self, runs: u32, history: Sample) -> Option<u32> {
        self.judges(runs).then(|| fisher::required_capped(runs, history).max(1))
    }

    /// The probability that a test of this history fails in so many runs, when it really passes at `true_rate` (0
    /// to 1).
    #[must_use]
    pub fn chance_of_failing(self, runs: u32, history: Sample, true_rate: f64) -> f64 {
        self.required(runs, history).map_or(1.0, |required| chance_of_fewer(required, runs, true_rate))
    }

    /// The smallest number of runs that finds a drop from the history to `true_rate` with at least the
    /// probability `surely`.
    ///
    /// More runs than that may find it a little less surely, since the passes asked for only change by whole
    /// ones. None when even hundreds of runs do not, as for a drop that is none.
    #[must_use]
    pub fn runs_to_find(self, history: Sample, true_rate: f64, surely: f64) -> Option<u32> {
        (self.minimum_attempts.max(1)..=MOST_RUNS_TRIED)
            .find(|&runs| self.chance_of_failing(runs, history, true_rate) >= surely)
    }

    /// What so many runs a payload buy.
    #[must_use]
    pub fn buys(self, runs: u32) -> Buys {
        Buys::of(self, runs)
    }

    /// What is to be said against so many runs a payload.
    #[must_use]
    pub fn caution_for(self, runs: u32) -> Option<CountCaution> {
        let minimum = self.minimum_attempts;
        match runs {
            0 => Some(CountCaution::Zero),
            _ if runs < minimum => Some(CountCaution::TooFew),
            // Where a single attempt is enough, no lost run fails a test.
            _ if minimum > 1 && runs < minimum.saturating_add(3) => Some(CountCaution::LittleRoom),
            _ if runs > LARGEST_IN_USE => Some(CountCaution::BeyondTable),
            _ => None,
        }
    }
}

/// The probability that fewer than `required` of `runs` pass, when each passes at the true rate (0 to 1).
#[must_use]
pub fn chance_of_fewer(required: u32, runs: u32, true_rate: f64) -> f64 {
    let Some(at_most) = required.checked_sub(1) else { return 0.0 };
    let rate = true_rate.clamp(0.0, 1.0);
    if at_most >= runs || rate == 0.0 {
        return 1.0;
    }
    if rate == 1.0 {
        return 0.0;
    }
    let (runs, odds) = (u64::from(runs), rate / (1.0 - rate));
    let mode = (((runs + 1) as f64 * rate) as u64).min(runs);
    fisher::lower_tail(0, mode, runs, u64::from(at_most), |y| (runs - y) as f64 / (y + 1) as f64 * odds)
}

/// What a count of `analysisJobCount` buys; one below 0 is 0.
#[must_use]
pub fn buys(count: impl Into<i64>) -> Buys {
    Gate::default().buys(runs_of(count.into()))
}

/// What is to be said against a count of `analysisJobCount`; one below 0 is 0.
#[must_use]
pub fn caution_for(count: impl Into<i64>) -> Option<CountCaution> {
    Gate::default().caution_for(runs_of(count.into()))
}

fn runs_of(count: i64) -> u32 {
    // Beyond what is tried nothing changes any more, and nobody waits for the sums.
    u32::try_from(count.clamp(0, i64::from(MOST_RUNS_SAID))).unwrap_or(0)
}

/// What a number of runs buys, by a test that passed 98 % of its runs so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Buys {
    /// Runs of the job on each payload.
    pub runs_per_payload: u32,
    /// Fewer attempts than this fail a test.
    pub minimum_attempts: u32,
    /// The passes that such a test needs; none where it cannot pass.
    pub required: Option<u32>,
    /// The probability that it is found to be worse in one payload when it really passes only 90 %.
    pub catches_drop_to_90: f64,
    /// … only 80 %.
    pub catches_drop_to_80: f64,
    /// … only 70 %.
    pub catches_drop_to_70: f64,
    /// … only 50 %.
    pub catches_drop_to_50: f64,
    /// The probability that it is blamed though nothing changed.
    pub false_alarm: f64,
    /// Tests blamed for nothing in a payload, were all of [`TESTS_OF_A_JOB`] such tests.
    pub expected_false_failures: f64,
    /// What is to be said against the number.
    pub caution: Option<CountCaution>,
}

impl Buys {
    fn of(gate: Gate, runs: u32) -> Self {
        let history = Sample::of_percentage(USUAL_HISTORY);
        // A test that always fails is not found to be worse.
        let catches =
            |rate| if gate.judges(runs) { gate.chance_of_failing(runs, history, rate) } else { 0.0 };
        let false_alarm = match runs {
            0 => 0.0,
            runs => gate.chance_of_failing(runs, history, f64::from(USUAL_HISTORY) / 100.0),
        };
        Self {
            runs_per_payload: runs,
            minimum_attempts: gate.minimum_attempts,
            required: gate.required(runs, history),
            catches_drop_to_90: catches(0.9),
            catches_drop_to_80: catches(0.8),
            catches_drop_to_70: catches(0.7),
            catches_drop_to_50: catches(0.5),
            false_alarm,
            expected_false_failures: f64::from(TESTS_OF_A_JOB) * false_alarm,
            caution: gate.caution_for(runs),
        }
    }
}

impl fmt::Display for Buys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = match self.runs_per_payload {
            1 => "1 run".to_owned(),
            runs => format!("{runs} runs"),
        };
        let caution = self.caution.map(|caution| caution.said(self.minimum_attempts));
        if let Some(required) = self.required {
            write!(
                f,
                "{runs} a payload: a test that usually passes is found in {} of payloads when it drops to 80% and in {} when \
                 it drops to 50% (it must pass {}). Of 3,000 unchanged tests that pass \
                 {USUAL_HISTORY}% of their runs, about {} would fail a payload by chance.",
                Percent(self.catches_drop_to_80),
                Percent(self.catches_drop_to_50),
                times(required),
                Few(self.expected_false_failures),
            )?;
            return match caution {
                Some(caution) => write!(f, " Caution: {caution}."),
                None => Ok(()),
            };
        }
        match caution {
            Some(caution) => write!(f, "{runs} a payload: {caution}."),
            None => write!(f, "{runs} a payload."),
        }
    }
}

/// What is to be said against a number of runs (reference: payload jobs, b.4, b.6, b.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CountCaution {
    /// None: the controller runs the job once and waits for an aggregator that never comes.
    Zero,
    /// Below the minimum: every test fails.
    TooFew,
    /// Just enough: a few lost runs fail every test.
    LittleRoom,
    /// More than the table of the aggregator in use has.
    BeyondTable,
}

impl CountCaution {
    /// Whether no payload could ever pass.
    #[must_use]
    pub const fn never_passes(self) -> bool {
        matches!(self, Self::Zero | Self::TooFew)
    }

    fn said(self, minimum: u32) -> String {
        let after = || format!("a test is only judged after {}", many(minimum, "attempt"));
        match self {
            Self::Zero => {
                "nothing is aggregated, and the payload waits for ever for an aggregator that is never started".to_owned()
            }
            Self::TooFew => format!("{}, so every test fails and no payload is accepted", after()),
            Self::LittleRoom => {
                format!("{}, so a few runs lost to the infrastructure fail every test", after())
            }
            Self::BeyondTable => format!(
                "the aggregator in use only has a table for up to {LARGEST_IN_USE} attempts and crashes beyond it; \
                 `regatta payload-job judge` has no such limit"
            ),
        }
    }
}

impl fmt::Display for CountCaution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said(Gate::default().minimum_attempts))
    }
}

/// A probability as people read it: never `0%` or `100%` for what is possible but not certain.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 * 100.0 {
            percent if percent > 0.0 && percent < 0.1 => f.write_str("less than 0.1%"),
            percent if percent < 10.0 => write!(f, "{percent:.1}%"),
            percent if percent < 100.0 && percent > 99.0 => f.write_str("more than 99%"),
            percent => write!(f, "{percent:.0}%"),
        }
    }
}

/// A count of things as people read it.
struct Few(f64);

impl fmt::Display for Few {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 10.0 { write!(f, "{:.1}", self.0) } else { write!(f, "{:.0}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn history(percent: u8) -> Sample {
        Sample::of_percentage(percent)
    }

    #[test]
    fn the_published_power_of_the_gate_comes_out_to_four_decimals() {
        let rows: [(&[u8], u32, u32, [f64; 6]); 8] = [
            (&[98, 99, 100], 7, 5, [0.0000, 0.0038, 0.0257, 0.1480, 0.3529, 0.7734]),
            (&[98, 99, 100], 10, 8, [0.0001, 0.0115, 0.0702, 0.3222, 0.6172, 0.9453]),
            (&[95], 7, 5, [0.0000, 0.0038, 0.0257, 0.1480, 0.3529, 0.7734]),
            (&[95], 10, 7, [0.0000, 0.0010, 0.0128, 0.1209, 0.3504, 0.8281]),
            (&[90], 7, 4, [0.0000, 0.0002, 0.0027, 0.0333, 0.1260, 0.5000]),
            (&[90], 10, 6, [0.0000, 0.0001, 0.0016, 0.0328, 0.1503, 0.6230]),
            (&[70], 7, 2, [0.0000, 0.0000, 0.0000, 0.0004, 0.0038, 0.0625]),
            (&[70], 10, 3, [0.0000, 0.0000, 0.0000, 0.0001, 0.0016, 0.0547]),
        ];
        for (percents, runs, passes, expected) in rows {
            for &percent in percents {
                assert_eq!(
                    Gate::default().required(runs, history(percent)),
                    Some(passes),
                    "{percent} % in {runs} runs"
                );
                for (rate, expected) in [0.99, 0.95, 0.9, 0.8, 0.7, 0.5].into_iter().zip(expected) {
                    let chance = Gate::default().chance_of_failing(runs, history(percent), rate);
                    assert!(
                        (chance - expected).abs() < 0.000_051,
                        "{percent} {runs} {rate}: {chance} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_published_numbers_of_runs_find_the_published_drops() {
        let drops = [(98, 0.8), (98, 0.7), (98, 0.5), (95, 0.8), (95, 0.7), (90, 0.7)];
        let today = drops.map(|(percent, rate)| Gate::default().runs_to_find(history(percent), rate, 0.8));
        assert_eq!(today, [27, 14, 8, 44, 21, 37].map(Some));
        // Without the failures that are forgiven on top of the exact test.
        let plain = drops.map(|(percent, rate)| {
            (1..100)
                .find(|&runs| chance_of_fewer(fisher::not_worse(runs, history(percent)), runs, rate) >= 0.8)
        });
        assert_eq!(plain, [14, 9, 5, 33, 14, 25].map(Some));
        assert_eq!(Gate::default().runs_to_find(history(90), 0.95, 0.8), None);
    }

    #[test]
    fn the_published_false_alarms_of_3000_tests_come_out() {
        let expected = [(98, [0.8, 2.6, 4.6]), (95, [11.3, 3.1, 6.7]), (90, [8.2, 4.9, 13.0])];
        for (percent, alarms) in expected {
            for (runs, alarms) in [7, 10, 12].into_iter().zip(alarms) {
                let rate = f64::from(percent) / 100.0;
                let found = 3_000.0 * Gate::default().chance_of_failing(runs, history(percent), rate);
                assert!((found - alarms).abs() < 0.05, "{percent} % in {runs} runs: {found} {alarms}");
            }
        }
    }

    #[test]
    fn a_release_engineer_reads_what_a_number_buys() {
        let said: Vec<String> = [0, 1, 5, 7, 10, 13].map(|runs: u32| buys(runs).to_string()).to_vec();
        insta::assert_snapshot!(said.join("\n"), @"
        0 runs a payload: nothing is aggregated, and the payload waits for ever for an aggregator that is never started.
        1 run a payload: a test is only judged after 6 attempts, so every test fails and no payload is accepted.
        5 runs a payload: a test is only judged after 6 attempts, so every test fails and no payload is accepted.
        7 runs a payload: a test that usually passes is found in 15% of payloads when it drops to 80% and in 77% when it drops to 50% (it must pass 5 times). Of 3,000 unchanged tests that pass 98% of their runs, about 0.8 would fail a payload by chance. Caution: a test is only judged after 6 attempts, so a few runs lost to the infrastructure fail every test.
        10 runs a payload: a test that usually passes is found in 32% of payloads when it drops to 80% and in 95% when it drops to 50% (it must pass 8 times). Of 3,000 unchanged tests that pass 98% of their runs, about 2.6 would fail a payload by chance.
        13 runs a payload: a test that usually passes is found in 50% of payloads when it drops to 80% and in 99% when it drops to 50% (it must pass 11 times). Of 3,000 unchanged tests that pass 98% of their runs, about 5.9 would fail a payload by chance. Caution: the aggregator in use only has a table for up to 12 attempts and crashes beyond it; `regatta payload-job judge` has no such limit.
        ");
    }

    #[test]
    fn cautions_begin_where_the_rules_do() {
        use CountCaution::{BeyondTable, LittleRoom, TooFew, Zero};
        let cautions: Vec<_> = (0..=14).map(|runs| Gate::default().caution_for(runs)).collect();
        let mut expected = vec![Some(Zero)];
        expected.extend([Some(TooFew); 5]);
        expected.extend([Some(LittleRoom); 3]);
        expected.extend([None; 4]);
        expected.extend([Some(BeyondTable); 2]);
        assert_eq!(cautions, expected);
        assert!(buys(3).caution.is_some_and(CountCaution::never_passes));
        assert_eq!(buys(3).false_alarm, 1.0);
    }

    #[test]
    fn a_minimum_of_ones_own_is_kept() {
        let three = Gate::with_minimum(1).buys(3);
        assert_eq!((three.required, three.caution), (Some(1), None));
        assert!(three.false_alarm < 0.001 && three.catches_drop_to_50 > 0.1, "{three:?}");
        let twelve = Gate::with_minimum(12);
        assert_eq!(
            twelve.buys(10).to_string(),
            "10 runs a payload: a test is only judged after 12 attempts, so every test fails and no payload is accepted."
        );
        assert_eq!(twelve.runs_to_find(history(98), 0.5, 0.8), Some(12));
        assert!(Gate::with_minimum(1).buys(1).to_string().starts_with("1 run a payload: "));
        assert!(Gate::with_minimum(1).buys(1).to_string().contains("(it must pass 1 time)"));
    }

    proptest! {
        #[test]
        fn a_worse_test_fails_more_often(runs in 6u32..60, percent in 0u8..=100, rate in 0.0..1.0f64, drop in 0.0..1.0f64) {
            let (now, worse) = (
                Gate::default().chance_of_failing(runs, history(percent), rate),
                Gate::default().chance_of_failing(runs, history(percent), rate * drop),
            );
            prop_assert!((0.0..=1.0).contains(&now) && worse >= now - 1e-12, "{now} {worse}");
        }

        #[test]
        fn it_is_the_binomial_sum(runs in 1u32..40, required in 0u32..45, rate in 0.001..0.999f64) {
            let mut sum = 0.0;
            let mut ways = 1.0;
            for k in 0..required.min(runs + 1) {
                sum += ways * rate.powi(k as i32) * (1.0 - rate).powi((runs - k) as i32);
                ways *= f64::from(runs - k) / f64::from(k + 1);
            }
            prop_assert!((chance_of_fewer(required, runs, rate) - sum).abs() < 1e-12);
        }
    }
}
