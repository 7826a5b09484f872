//! The exact test behind a verdict: did a test pass less often now than its history lets one expect?
//!
//! Fisher's exact test, one-sided. Given how many of all runs, earlier and present together, passed, it asks
//! how probable it is that at most so many of the passes fell on the present runs, had nothing changed (the
//! lower tail of the hypergeometric distribution). The aggregator in use has the answers in a table, made for
//! 3 to 12 attempts and a history of [`CORPUS`] runs; here they are computed, for any number of attempts and
//! any history (reference: payload jobs, b.7).
//!
//! No factorials are needed: neighbouring probabilities have a simple ratio, so all are known relative to the
//! largest, and their sum makes them whole. It costs a step an attempt whatever the size of the history,
//! cannot overflow, and loses about a digit in a thousand steps.

use serde::{Deserialize, Serialize};

use super::Past;

/// The runs that stand behind a percentage, in the table of the aggregator in use.
pub const CORPUS: u32 = 250;

/// A count of passes less probable than this is taken for worse.
pub const SIGNIFICANCE: f64 = 0.05;

/// Failures that are forgiven whatever the history says (reference: payload jobs, b.6).
pub const ALWAYS_FORGIVEN: u32 = 2;

/// The attempts for which the aggregator in use has a table that the exact test equals.
pub const TABLE: std::ops::RangeInclusive<u32> = 3..=12;

/// Passes among runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sample {
    /// Runs that passed; more than `runs` are taken for all.
    pub passes: u32,
    /// All runs.
    pub runs: u32,
}

impl Sample {
    /// A percentage as the table takes it: that of [`CORPUS`] runs, halves rounded to even. More than 100 is
    /// 100.
    #[must_use]
    pub fn of_percentage(percent: u8) -> Self {
        let percent = u32::from(percent.min(100));
        // 250 runs are two and a half a percent point, so only odd percentages have a half.
        let (whole, half) = (percent * 5 / 2, percent % 2 == 1);
        Self { passes: whole + u32::from(half && whole % 2 == 1), runs: CORPUS }
    }

    /// The share of passes, 0 to 1; none without runs.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.runs > 0).then(|| f64::from(self.passes.min(self.runs)) / f64::from(self.runs))
    }

    /// The percentage as the aggregator in use takes it: cut to an integer, so 99.9 is 99. None without runs.
    #[must_use]
    pub fn whole_percent(self) -> Option<u8> {
        let percent = (u64::from(self.passes.min(self.runs)) * 100).checked_div(u64::from(self.runs))?;
        u8::try_from(percent).ok()
    }
}

impl Past {
    /// The runs it stands for.
    #[must_use]
    pub fn sample(self) -> Sample {
        match self {
            Self::Counts { passes, runs } => Sample { passes, runs },
            Self::Percentage { percent } => Sample::of_percentage(percent),
        }
    }

    /// The percentage as the aggregator in use takes it: cut to an integer. None without runs.
    #[must_use]
    pub fn whole_percent(self) -> Option<u8> {
        match self {
            Self::Counts { passes, runs } => Sample { passes, runs }.whole_percent(),
            Self::Percentage { percent } => Some(percent.min(100)),
        }
    }
}

/// How probable at most the passes of `observed` are, had nothing changed since `past`: 0 to 1, small where
/// it got worse.
///
/// Without runs on either side nothing can be told, and it is 1.
#[must_use]
pub fn p_value(observed: Sample, past: Sample) -> f64 {
    let attempts = u64::from(observed.runs);
    let passes = u64::from(observed.passes).min(attempts);
    let past_runs = u64::from(past.runs);
    let all_passes = passes + u64::from(past.passes).min(past_runs);
    let all = attempts + past_runs;
    let lowest = all_passes.saturating_sub(past_runs);
    let highest = attempts.min(all_passes);
    let mode = u128::from(attempts + 1) * u128::from(all_passes + 1) / u128::from(all + 2);
    let mode = u64::try_from(mode).unwrap_or(highest).clamp(lowest, highest);
    lower_tail(lowest, mode, highest, passes, |y| {
        // How much more probable y + 1 passes are than y. Nothing is subtracted below 0 inside the range.
        ((all_passes - y) as f64 * (attempts - y) as f64)
            / ((y + 1) as f64 * (past_runs + y + 1 - all_passes) as f64)
    })
}

/// The smallest number of passes that the test does not call worse.
///
/// With all attempts passed the tail is everything, so there always is one.
#[must_use]
pub fn not_worse(attempts: u32, past: Sample) -> u32 {
    // The tail grows with the passes, so the border can be halved in on.
    let (mut worse_below, mut enough) = (0, attempts);
    while worse_below < enough {
        let passes = worse_below + (enough - worse_below) / 2;
        if is_worse(p_value(Sample { passes, runs: attempts }, past)) {
            worse_below = passes + 1;
        } else {
            enough = passes;
        }
    }
    enough
}

/// Whether a p-value is significant. One that is exactly [`SIGNIFICANCE`] is, whatever its last digits came
/// out as.
#[must_use]
pub fn is_worse(p_value: f64) -> bool {
    p_value <= SIGNIFICANCE * (1.0 + 1e-9)
}

/// The passes that the table asks for: one below [`not_worse`], so one further failure is forgiven.
#[must_use]
pub fn required(attempts: u32, past: Sample) -> u32 {
    not_worse(attempts, past).saturating_sub(1)
}

/// The passes that the verdict asks for: those of [`required`], but never more than all but
/// [`ALWAYS_FORGIVEN`].
#[must_use]
pub fn required_capped(attempts: u32, past: Sample) -> u32 {
    required(attempts, past).min(attempts.saturating_sub(ALWAYS_FORGIVEN))
}

/// How likely 0, 1, … passes of so many runs are for a test with this history, if nothing changed.
///
/// The true rate is not known, only the sample, so it is left open (beta-binomial over a Jeffreys prior): a test that
/// passed 200 of 200 runs may well fail the next one.
#[must_use]
pub fn unchanged(attempts: u32, past: Sample) -> Vec<f64> {
    let a = f64::from(past.passes.min(past.runs)) + 0.5;
    let b = f64::from(past.runs - past.passes.min(past.runs)) + 0.5;
    let n = f64::from(attempts);
    // The logarithm of each relative to the first, from the ratio of neighbours; then all made to sum to one.
    let mut logs = vec![0.0_f64];
    for k in 0..attempts {
        let k = f64::from(k);
        let ratio = (n - k) / (k + 1.0) * (a + k) / (b + n - k - 1.0);
        logs.push(logs.last().copied().unwrap_or(0.0) + ratio.ln());
    }
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logs.iter().map(|log| (log - most).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// The probability of at most `at_most`, of a distribution over `lowest..=highest` with one peak, at `mode`,
/// where `ratio(y)` says how much more probable `y + 1` is than `y`.
///
/// Everything is relative to the peak, so nothing overflows; what underflows is too small to matter.
pub(crate) fn lower_tail(
    lowest: u64,
    mode: u64,
    highest: u64,
    at_most: u64,
    ratio: impl Fn(u64) -> f64,
) -> f64 {
    if at_most >= highest {
        return 1.0;
    }
    let (mut below, mut above) = (0.0, 0.0);
    let mut add = |y: u64, weight: f64| {
        if y <= at_most {
            below += weight;
        } else {
            above += weight;
        }
    };
    add(mode, 1.0);
    let mut weight = 1.0;
    for y in mode..highest {
        weight *= ratio(y);
        if weight == 0.0 {
            break;
        }
        add(y + 1, weight);
    }
    weight = 1.0;
    for y in (lowest..mode).rev() {
        weight /= ratio(y);
        if weight == 0.0 {
            break;
        }
        add(y, weight);
    }
    below / (below + above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Where each count of passes is first required, for 3 to 12 attempts: the published table.
    const PUBLISHED: [&[u8]; 10] = [
        &[87, 99],
        &[76, 91, 99],
        &[67, 82, 94, 100],
        &[59, 74, 86, 95, 100],
        &[53, 67, 79, 88, 95, 100],
        &[48, 61, 72, 82, 90, 96, 100],
        &[44, 56, 67, 76, 84, 91, 97, 100],
        &[41, 52, 62, 71, 79, 86, 92, 98, 100],
        &[38, 48, 58, 66, 74, 81, 87, 93, 98, 100],
        &[35, 45, 54, 62, 70, 77, 83, 89, 94, 98, 100],
    ];

    #[test]
    fn the_published_table_holds_in_all_1010_positions() {
        let mut positions = 0;
        for (attempts, from) in TABLE.zip(PUBLISHED) {
            for percent in 0..=100u8 {
                let expected = from.iter().filter(|first| percent >= **first).count();
                let found = required(attempts, Sample::of_percentage(percent));
                assert_eq!(found as usize, expected, "{attempts} attempts at {percent} %");
                positions += 1;
            }
        }
        assert_eq!(positions, 1010);
    }

    #[test]
    fn two_failures_are_forgiven_even_to_a_test_that_never_failed() {
        let effective: Vec<u32> =
            (6..=12).map(|attempts| required_capped(attempts, Sample::of_percentage(100))).collect();
        assert_eq!(effective, [4, 5, 6, 7, 8, 9, 10]);
        // With enough attempts for a verdict the cap bites at exactly 100 % alone.
        for attempts in 6..=12 {
            for percent in 0..=99 {
                let past = Sample::of_percentage(percent);
                assert_eq!(
                    required_capped(attempts, past),
                    required(attempts, past),
                    "{attempts} at {percent} %"
                );
            }
        }
    }

    #[test]
    fn a_percentage_stands_for_250_runs_with_halves_to_even() {
        let passes: Vec<u32> = [0, 1, 2, 3, 5, 7, 50, 97, 99, 100, 255]
            .map(|percent| Sample::of_percentage(percent).passes)
            .to_vec();
        assert_eq!(passes, [0, 2, 5, 8, 12, 18, 125, 242, 248, 250, 250]);
    }

    #[test]
    fn an_almost_perfect_history_is_cut_to_99_percent() {
        assert_eq!(Past::Counts { passes: 999, runs: 1000 }.whole_percent(), Some(99));
        assert_eq!(Past::Counts { passes: 0, runs: 0 }.whole_percent(), None);
        assert_eq!(Sample { passes: 0, runs: 0 }.rate(), None);
    }

    #[test]
    fn known_values_come_out() {
        // One of twenty: the only run of this kind that failed is the present one.
        let p = p_value(Sample { passes: 0, runs: 1 }, Sample { passes: 19, runs: 19 });
        assert!((p - 0.05).abs() < 1e-15 && is_worse(p), "{p}");
        assert_eq!(not_worse(1, Sample { passes: 19, runs: 19 }), 1);
        assert_eq!(not_worse(1, Sample { passes: 18, runs: 18 }), 0);
        // The lady and her tea: 1/70 and 17/70.
        let tea = |passes| p_value(Sample { passes, runs: 4 }, Sample { passes: 4 - passes, runs: 4 });
        assert!((tea(0) - 1.0 / 70.0).abs() < 1e-15);
        assert!((tea(1) - 17.0 / 70.0).abs() < 1e-15);
        // Without a history, or without attempts, nothing can be told.
        assert_eq!(p_value(Sample { passes: 0, runs: 9 }, Sample { passes: 0, runs: 0 }), 1.0);
        assert_eq!(p_value(Sample { passes: 0, runs: 0 }, Sample { passes: 9, runs: 9 }), 1.0);
        assert_eq!(required_capped(0, Sample::of_percentage(100)), 0);
        assert_eq!(required_capped(1, Sample::of_percentage(100)), 0);
    }

    #[test]
    fn millions_of_earlier_runs_neither_overflow_nor_lose_digits() {
        // So large a history is as good as knowing the rate: the tail is the binomial one.
        let past = Sample { passes: 3_960_000_000, runs: 4_000_000_000 };
        let p = p_value(Sample { passes: 7, runs: 10 }, past);
        let binomial: f64 =
            (3..=10).map(|k| choose(10, k) as f64 * 0.01_f64.powi(k) * 0.99_f64.powi(10 - k)).sum();
        assert!((p / binomial - 1.0).abs() < 1e-6, "{p} {binomial}");
        let thousands =
            p_value(Sample { passes: 4_900, runs: 5_000 }, Sample { passes: 990_000, runs: 1_000_000 });
        assert!(thousands > 1e-12 && thousands < 1e-8, "{thousands}");
        assert!(required(5_000, Sample { passes: 990_000, runs: 1_000_000 }) < 4_950);
    }

    fn choose(n: i32, k: i32) -> u128 {
        (0..k).fold(1, |sum, i| sum * (n - i) as u128 / (i + 1) as u128)
    }

    /// The tail as a fraction of whole numbers.
    fn exact(observed: Sample, past: Sample) -> (u128, u128) {
        let (n, passes) = (observed.runs as i32, observed.passes as i32);
        let (runs, all_passes) = (past.runs as i32, past.passes as i32 + passes);
        let ways = |y: i32| if y > all_passes { 0 } else { choose(n, y) * choose(runs, all_passes - y) };
        ((0..=passes).map(ways).sum(), choose(n + runs, all_passes))
    }

    fn sample(most: u32) -> impl Strategy<Value = Sample> {
        (0..=most).prop_flat_map(|runs| (0..=runs).prop_map(move |passes| Sample { passes, runs }))
    }

    #[test]
    fn an_unchanged_test_that_always_passed_most_likely_passes_again() {
        let chances = unchanged(10, Sample { passes: 200, runs: 200 });
        assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(chances[10] > 0.97 && chances[9] > chances[8], "{chances:?}");
    }

    proptest! {
        #[test]
        fn it_equals_arithmetic_with_whole_numbers(observed in sample(25), past in sample(60)) {
            let (part, whole) = exact(observed, past);
            let p = p_value(observed, past);
            prop_assert!((p / (part as f64 / whole as f64) - 1.0).abs() < 1e-12, "{p} {part}/{whole}");
            prop_assert_eq!(is_worse(p), part * 20 <= whole);
        }

        #[test]
        fn the_border_is_the_first_count_that_is_not_significant(attempts in 0u32..25, past in sample(60)) {
            let first = (0..=attempts).find(|&passes| {
                let (part, whole) = exact(Sample { passes, runs: attempts }, past);
                part * 20 > whole
            });
            prop_assert_eq!(Some(not_worse(attempts, past)), first);
        }

        #[test]
        fn more_passes_are_never_more_suspect(attempts in 1u32..400, past in sample(5_000)) {
            let tails: Vec<f64> =
                (0..=attempts).map(|passes| p_value(Sample { passes, runs: attempts }, past)).collect();
            prop_assert!(tails.iter().all(|p| (0.0..=1.0).contains(p)));
            prop_assert!(tails.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-12)));
        }

        #[test]
        fn a_better_history_never_asks_for_less(attempts in 0u32..60, runs in 1u32..400) {
            let asked: Vec<u32> = (0..=runs).map(|passes| required_capped(attempts, Sample { passes, runs })).collect();
            prop_assert!(asked.windows(2).all(|pair| pair[0] <= pair[1]), "{asked:?}");
            prop_assert!(asked.iter().all(|&required| required + ALWAYS_FORGIVEN <= attempts.max(ALWAYS_FORGIVEN)));
        }

        #[test]
        fn one_more_run_asks_for_at_most_one_more_pass(attempts in 0u32..80, past in sample(400)) {
            let (before, after) = (required(attempts, past), required(attempts + 1, past));
            prop_assert!(before <= after && after <= before + 1, "{before} {after}");
        }
    }
}
