//! The page by what must be in it, and what must not.

use super::super::verdict::{self, Verdict};
use super::super::{Counts, Past, Run, RunState, Tally, TestId};
use super::*;

const PASS: Counts = Counts { passes: 1, failures: 0, skips: 0 };
const FAIL: Counts = Counts { passes: 0, failures: 1, skips: 0 };

fn run(id: usize) -> Run {
    Run {
        id: id.to_string(),
        folder: id.to_string().into(),
        state: RunState::Finished,
        job: None,
        payload: None,
        result: None,
        url: None,
        started: None,
        duration_seconds: None,
    }
}

/// A test that passes in the first of so many runs and fails in the others.
fn tally(name: &str, passes: usize, runs: usize) -> Tally {
    let counts = (0..runs).map(|i| (i, if i < passes { PASS } else { FAIL })).collect();
    Tally { id: TestId { suite: "e2e".to_owned(), name: name.to_owned() }, informing: false, runs: counts }
}

fn gathered(tests: Vec<Tally>, runs: usize) -> Gathered {
    Gathered { runs: (0..runs).map(run).collect(), tests, ..Gathered::default() }
}

fn always_passed(gathered: &Gathered) -> History {
    let tests =
        gathered.tests.iter().map(|t| (t.id.clone(), Past::Counts { passes: 200, runs: 200 })).collect();
    History { tests, source: "history.jsonl".to_owned(), ..History::default() }
}

fn shown(gathered: &Gathered) -> (Verdict, String) {
    let (history, rules) = (always_passed(gathered), Rules::default());
    let verdict = verdict::judge(gathered, &history, &rules);
    let page =
        Page { gathered, verdict: &verdict, history: &history, rules: &rules, job: None, payload: None };
    let html = html(&page);
    (verdict, html)
}

#[test]
fn the_sentence_counts_runs_and_tests() {
    let of = |gathered: &Gathered| sentence(&shown(gathered).0);
    assert_eq!(of(&gathered(vec![tally("a", 10, 10)], 10)), "10 runs finished; none of 1 test failed.");
    assert_eq!(of(&gathered(Vec::new(), 0)), "there was no run to judge.");
    let mut some = gathered(vec![tally("a", 2, 10), tally("b", 3, 10), tally("c", 10, 10)], 11);
    some.tests[1].informing = true;
    some.runs[10].state = RunState::Unfinished("has no finished.json".to_owned());
    assert_eq!(of(&some), "10 runs finished, 1 did not; of 3 tests 1 failed, and 1 more that only informs.");
}

#[test]
fn text_from_outside_is_never_markup() {
    let mut given = gathered(vec![tally("<script>alert(1)</script>", 2, 10)], 10);
    given.tests[0].id.suite = "<img src=x onerror=alert(1)>".to_owned();
    given.runs[0].id = "\"><script>".to_owned();
    given.runs[0].url = Some("javascript:alert(1)".to_owned());
    given.runs[1].url = Some("https://prow.example/\"onclick=\"alert(1)".to_owned());
    given.runs[2].result = Some("<b>BAD</b>".to_owned());
    given.notes = vec!["<script>".to_owned()];
    let (_, page) = shown(&given);
    for bad in ["<script>", "<img", "<b>", "href=\"javascript", "\"onclick"] {
        assert!(!page.to_lowercase().contains(bad), "{bad} stands in the page");
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let (_, page) = shown(&gathered(vec![tally("a", 2, 10), tally("b", 9, 10)], 10));
    for outside in ["src=", "<link", "@import", "url(", "<iframe", "http"] {
        assert!(!page.contains(outside), "{outside} stands in the page");
    }
}

#[test]
fn thousands_of_failed_tests_make_no_endless_page() {
    // Five runs are too few to judge, so each test fails.
    let tests =
        (0..3_000).map(|i| tally(&format!("[sig-x] a test of the usual length, number {i}"), 5, 5)).collect();
    let (verdict, page) = shown(&gathered(tests, 5));
    assert_eq!(verdict.failed_tests().count(), 3_000);
    assert!(page.len() < 400_000, "{} bytes", page.len());
    assert!(page.contains("3,000 tests ran too few times to be judged, which counts as failed"));
    assert!(page.contains("2,960 further failed tests"));
}

#[test]
fn hundreds_of_runs_make_no_endless_page() {
    let tests = (0..200).map(|i| tally(&format!("a test, number {i}"), 180 + i % 21, 200)).collect();
    let (verdict, page) = shown(&gathered(tests, 200));
    assert!(!verdict.passed);
    assert!(page.len() < 600_000, "{} bytes", page.len());
    assert!(page.contains("Without the 180 runs that passed:"));
}

#[test]
fn an_unchanged_test_that_always_passed_most_likely_passes_again() {
    let chances = failures::chances(super::super::fisher::Sample { passes: 200, runs: 200 }, 10);
    assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(chances[10] > 0.97 && chances[9] > chances[8], "{chances:?}");
}

#[test]
fn numbers_are_grouped() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
}
