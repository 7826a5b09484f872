//! What thousands of tests mean for the failures found among them.
//!
//! Each test is judged on its own, so with many tests some fail by chance. Two figures put that into
//! proportion; both stand beside the verdict and change nothing in it.
//!
//! - The q-value of Benjamini and Hochberg: if all tests with at most this test's q-value are called worse,
//!   that share of the calls is expected to be wrong.
//! - The false failures to expect: how many tests would fail if every one of them still ran at exactly the
//!   rate of its history. For that only tests with a history count. Runs of one payload share causes, so real
//!   false failures come in bunches: fewer payloads are hit than the probability of one says, and those by
//!   more.

use serde::Serialize;

use super::fisher::SIGNIFICANCE;
use super::verdict::{Reason, TestVerdict};
use crate::power;

/// The figures over all tests of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Discoveries {
    /// Tests that were tested against their history or an assumed rate.
    pub tested: u32,
    /// Tests failed by their passes whose q-value is at most 0.05: worse even when the number of tests is
    /// considered.
    pub failed_for_sure: u32,
    /// Tests failed by their passes whose q-value is greater: among so many tests that may be chance.
    pub failed_maybe_by_chance: u32,
    /// Tests that would fail though nothing changed, on average, of those that can fail the whole.
    pub expected_false_failures: f64,
    /// The probability that at least one would, were the tests independent.
    pub false_alarm: f64,
}

/// Fills in the q-values, and counts.
pub(super) fn discover(tests: &mut [TestVerdict]) -> Discoveries {
    let p_values: Vec<Option<f64>> = tests.iter().map(|test| test.p_value).collect();
    for (test, q_value) in tests.iter_mut().zip(q_values(&p_values)) {
        test.q_value = q_value;
    }
    let mut found = Discoveries::default();
    // Of tests that do not fail; the product over thousands of tests would lose the small ones.
    let mut all_well = 0.0;
    for test in &*tests {
        let Some(q_value) = test.q_value else { continue };
        found.tested += 1;
        if test.is_failed() && is_by_passes(&test.reason) {
            if q_value <= SIGNIFICANCE {
                found.failed_for_sure += 1;
            } else {
                found.failed_maybe_by_chance += 1;
            }
        }
        if !test.informing
            && let Some(chance) = false_failure(test)
        {
            found.expected_false_failures += chance;
            all_well += (-chance).ln_1p();
        }
    }
    found.false_alarm = -all_well.exp_m1();
    found
}

/// Whether it was the number of passes that decided. That a test ran too seldom, or is one that must never
/// fail, is no matter of chance.
const fn is_by_passes(reason: &Reason) -> bool {
    matches!(reason, Reason::TooFewPasses(_) | Reason::EnoughPasses(_) | Reason::NoPass { .. })
}

/// How probable it is that a test fails though it runs at the rate of its history; none without a history, or
/// where not the passes decide.
#[must_use]
pub fn false_failure(test: &TestVerdict) -> Option<f64> {
    if !is_by_passes(&test.reason) {
        return None;
    }
    let history = test.history.filter(|history| history.is_known())?;
    Some(power::chance_of_fewer(test.required?.max(1), test.attempts, history.sample().rate()?))
}

/// The q-value of each p-value by Benjamini and Hochberg, over those that are there. One that is not a number
/// counts as 1.
#[must_use]
pub fn q_values(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> = p_values
        .iter()
        .enumerate()
        .filter_map(|(i, p)| p.map(|p| (i, if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) })))
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut q_values = vec![None; p_values.len()];
    let all = order.len() as f64;
    // From the least suspect down: a more suspect test never gets a greater q-value.
    let mut smallest = 1.0_f64;
    for (rank, (i, p)) in order.iter().enumerate().rev() {
        smallest = smallest.min(p * (all / (rank + 1) as f64));
        q_values[*i] = Some(smallest);
    }
    q_values
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_textbook_example_comes_out() {
        // Benjamini and Hochberg, 1995: of fifteen comparisons the first four are discoveries at 0.05.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0,
        ];
        let q: Vec<f64> = q_values(&p.map(Some)).into_iter().flatten().collect();
        assert_eq!(q.iter().filter(|q| **q <= 0.05).count(), 4);
        assert!((q[0] - 0.0015).abs() < 1e-12 && (q[3] - 0.035625).abs() < 1e-12, "{q:?}");
        // The sixth and seventh take the eighth's.
        assert!((q[4] - 0.0603).abs() < 1e-12 && (q[5] - 0.0298 * 15.0 / 7.0).abs() < 1e-12, "{q:?}");
    }

    #[test]
    fn what_was_not_tested_has_no_q_value_and_does_not_count() {
        assert_eq!(q_values(&[]), []);
        assert_eq!(q_values(&[None, Some(0.01), None]), [None, Some(0.01), None]);
        assert_eq!(q_values(&[Some(f64::NAN), Some(0.01)]), [Some(1.0), Some(0.02)]);
    }

    fn p_values() -> impl Strategy<Value = Vec<Option<f64>>> {
        // Few different values, so that there are ties.
        proptest::collection::vec(proptest::option::of((0u32..=40).prop_map(|n| f64::from(n) / 40.0)), 0..60)
    }

    proptest! {
        #[test]
        fn q_values_keep_the_order_and_ties_of_p_values(p in p_values()) {
            let q = q_values(&p);
            prop_assert_eq!(q.len(), p.len());
            for (p1, q1) in p.iter().zip(&q) {
                prop_assert_eq!(p1.is_some(), q1.is_some());
                for (p2, q2) in p.iter().zip(&q) {
                    if let (Some(p1), Some(q1), Some(p2), Some(q2)) = (p1, q1, p2, q2) {
                        prop_assert!((0.0..=1.0).contains(q1) && q1 >= p1);
                        prop_assert!(p1 > p2 || q1 <= q2);
                        prop_assert!(p1 != p2 || q1 == q2);
                    }
                }
            }
        }

        #[test]
        fn calling_by_q_value_is_the_step_up_procedure(p in p_values(), level in 1u32..40) {
            let level = f64::from(level) / 40.0 + 1e-9;
            let mut sorted: Vec<f64> = p.iter().flatten().copied().collect();
            sorted.sort_by(f64::total_cmp);
            let all = sorted.len() as f64;
            let border = sorted.iter().enumerate().rev().find(|(i, p)| **p <= level * (*i + 1) as f64 / all);
            for (p, q) in p.iter().zip(q_values(&p)) {
                if let (Some(p), Some(q)) = (p, q) {
                    prop_assert_eq!(q <= level, border.is_some_and(|(_, border)| p <= border), "{} {}", p, q);
                }
            }
        }

        #[test]
        fn the_order_of_the_tests_does_not_matter(p in p_values()) {
            let reversed: Vec<_> = p.iter().rev().copied().collect();
            let mut back = q_values(&reversed);
            back.reverse();
            prop_assert_eq!(back, q_values(&p));
        }
    }
}
