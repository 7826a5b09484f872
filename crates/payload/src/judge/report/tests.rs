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
    Tally {
        id: TestId { suite: "e2e".to_owned(), name: name.to_owned() },
        informing: false,
        runs: counts,
        message: None,
    }
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

/// The page without a history.
fn page_without_history(gathered: &Gathered) -> String {
    let (history, rules) = (History::default(), Rules::default());
    let verdict = verdict::judge(gathered, &history, &rules);
    html(&Page { gathered, verdict: &verdict, history: &history, rules: &rules, job: None, payload: None })
}

#[test]
fn what_is_no_matter_of_chance_is_not_told_in_figures_of_chance() {
    let panic = tally("Undiagnosed panic detected in pod", 9, 10);
    let rare = tally("rare", 3, 4);
    for (test, why) in [(panic, "must never fail"), (rare, "attempts are needed")] {
        let (_, page) = shown(&gathered(vec![test], 10));
        let card = page.split("<article").nth(1).and_then(|rest| rest.split("</article>").next()).unwrap();
        assert!(card.contains(why), "{card}");
        for figure in ["may be chance", "beyond chance", "p-value", "q-value", "Required", "unchanged test"] {
            assert!(!card.contains(figure), "{figure} in {card}");
        }
    }
}

#[test]
fn a_test_that_must_never_fail_is_told_first() {
    let panic = tally("Undiagnosed panic detected in pod", 9, 10);
    let (verdict, _) = shown(&gathered(vec![tally("a", 1, 10), panic], 10));
    let names: Vec<_> = failed_in_order(&verdict).iter().map(|test| test.id.name.as_str()).collect();
    assert_eq!(names, ["Undiagnosed panic detected in pod", "a"]);
}

#[test]
fn the_sentence_of_chance_counts_what_it_is_about() {
    let of = |tests: Vec<Tally>| whole::survivors(&shown(&gathered(tests, 10)).0);
    let informing = |name: &str| Tally { informing: true, ..tally(name, 1, 10) };
    let told = [
        of(vec![tally("a", 10, 10)]),
        of(vec![tally("a", 1, 10), tally("Undiagnosed panic detected in pod", 9, 10)]),
        of(vec![informing("a")]),
        of(vec![tally("a", 1, 10), informing("b")]),
        of(vec![tally("a", 1, 10), tally("b", 2, 10)]),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    No test failed by its passes.
    The one failed test judged by its passes stays worse when the number of tests is taken into account.
    The one failed test judged by its passes, which only informs, stays worse when the number of tests is taken into account.
    Of the 2 failed tests judged by their passes, 1 of them informing, every one stays worse when the number of tests is taken into account.
    Of the 2 failed tests judged by their passes, every one stays worse when the number of tests is taken into account.
    ");
}

#[test]
fn without_a_history_the_false_alarms_are_not_known() {
    let given = gathered(vec![tally("a", 1, 10), tally("b", 10, 10)], 10);
    let verdict = verdict::judge(&given, &History::default(), &Rules::default());
    assert_eq!((verdict.discovery.expected_false_failures, verdict.discovery.false_alarm), (None, None));
    insta::assert_snapshot!(chance(&verdict), @"The one failed test judged by its passes stays worse when the number of tests is taken into account. How many would fail though nothing changed is not known, for want of a history.");
    let page = page_without_history(&given);
    assert!(page.contains("not known: no test was compared with earlier runs"), "{page}");
    assert!(page.contains("2 tests compared with an assumed rate"), "{page}");
}

#[test]
fn where_nothing_was_judged_nothing_is_drawn_and_nothing_is_praised() {
    let mut nothing = gathered(Vec::new(), 2);
    for run in &mut nothing.runs {
        run.state = RunState::Unfinished("finished.json is missing".to_owned());
    }
    let page = page_without_history(&nothing);
    for part in ["No test failed", "<section id=\"failed\"", "<section id=\"all\"", "<section id=\"power\""] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("No run finished") || page.contains("no run finished"), "{page}");
}

#[test]
fn a_name_from_outside_is_bounded_and_turns_no_text_around() {
    let mut given = gathered(vec![tally(&format!("a\u{202e}b\u{1b}c{}", "W".repeat(9_000)), 1, 10)], 10);
    given.tests[0].id.suite = "x\u{2066}".repeat(2_000);
    given.notes = vec!["y\u{202e}".repeat(3_000)];
    let (_, page) = shown(&given);
    assert!(!page.contains(['\u{202e}', '\u{2066}', '\u{1b}']));
    assert!(page.contains("<bdi>a b cWWW"), "the name keeps a direction of its own");
    assert!(page.len() < 60_000, "{} bytes", page.len());
}

#[test]
fn a_card_says_what_the_first_failure_said() {
    let mut given = gathered(vec![tally("a", 1, 10)], 10);
    given.tests[0].message = Some("fail [probe.go:5]: <no> answer".to_owned());
    let (_, page) = shown(&given);
    assert!(
        page.contains("The first failure says</span> <bdi>fail [probe.go:5]: &lt;no&gt; answer"),
        "{page}"
    );
}

#[test]
fn the_day_of_a_run_has_its_year() {
    let mut given = gathered(vec![tally("a", 10, 10)], 10);
    given.runs[0].started = Some("2026-01-31T09:34:12Z".parse().unwrap());
    assert!(shown(&given).1.contains("31 Jan 2026 09:34Z"));
}

#[test]
fn numbers_are_grouped() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
}
