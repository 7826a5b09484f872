//! What thousands of tests mean for the failures found among them.
//!
//! Each test is judged on its own, so with many tests some fail by chance. Two figures put that into
//! proportion; both stand beside the verdict and change nothing in it.
//!
//! - The q-value of Benjamini and Hochberg: if all tests with at most this test's q-value are called worse,
//!   that share of the calls is expected to be wrong.
//! - The false failures to expect: how many tests would fail if every one of them were as good as before. Only tests
//!   with a history count. Their true rate is not known, so it is left open around that of the history
//!   ([`fisher::unchanged`]). Runs of one payload share causes, so real false failures come in bunches: fewer payloads
//!   are hit than the probability of one says, and those by more.

use serde::Serialize;

use super::fisher::{self, SIGNIFICANCE};
use super::verdict::TestVerdict;

/// The figures over all tests of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Discoveries {
    /// Tests judged by the number of their passes, against their history or an assumed rate.
    pub tested: u32,
    /// Of those, the tests with a history that can fail the whole: the ones that the two last figures are about.
    pub with_history: u32,
    /// Tests failed by their passes whose q-value is at most 0.05: worse even when the number of tests is
    /// considered.
    pub failed_beyond_chance: u32,
    /// Tests failed by their passes whose q-value is greater: among so many tests that may be chance.
    pub failed_within_chance: u32,
    /// Tests that would fail though nothing changed, on average; not known where no test has a history.
    pub expected_false_failures: Option<f64>,
    /// The probability that at least one would, were the tests independent; not known where no test has a history.
    pub false_alarm: Option<f64>,
}

/// Fills in the q-values, and counts.
pub(super) fn discover(tests: &mut [TestVerdict]) -> Discoveries {
    let p_values: Vec<Option<f64>> = tests.iter().map(|test| test.p_value).collect();
    for (test, q_value) in tests.iter_mut().zip(q_values(&p_values)) {
        test.q_value = q_value;
    }
    let mut found = Discoveries::default();
    let mut expected = 0.0;
    // Of tests that do not fail; the product over thousands of tests would lose the small ones.
    let mut all_well = 0.0;
    for test in &*tests {
        let Some(q_value) = test.q_value else { continue };
        found.tested += 1;
        if test.is_failed() {
            if q_value <= SIGNIFICANCE {
                found.failed_beyond_chance += 1;
            } else {
                found.failed_within_chance += 1;
            }
        }
        if !test.informing
            && let Some(chance) = false_failure(test)
        {
            found.with_history += 1;
            expected += chance;
            all_well += (-chance).ln_1p();
        }
    }
    if found.with_history > 0 {
        found.expected_false_failures = Some(expected);
        // Subtracted, since the negative of nothing would be -0.
        found.false_alarm = Some(0.0 - f64::exp_m1(all_well));
    }
    found
}

/// How probable it is that a test fails though it is as good as its history; none without a history, or where the number
/// of passes does not decide.
#[must_use]
pub fn false_failure(test: &TestVerdict) -> Option<f64> {
    if !test.reason.is_by_passes() {
        return None;
    }
    let history = test.history.filter(|history| history.is_known())?;
    let required = usize::try_from(test.required?).unwrap_or(usize::MAX);
    let chances = fisher::unchanged(test.attempts, history.sample());
    Some(chances.iter().take(required).sum::<f64>().clamp(0.0, 1.0))
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
