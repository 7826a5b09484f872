//! Stories of verdicts.

use super::*;
use crate::judge::{Past, Run, RunState};
use proptest::prelude::*;

const PASS: Counts = Counts { passes: 1, failures: 0, skips: 0 };
const FAIL: Counts = Counts { passes: 0, failures: 1, skips: 0 };
const SKIP: Counts = Counts { passes: 0, failures: 0, skips: 1 };
const FLAKE: Counts = Counts { passes: 1, failures: 1, skips: 0 };

fn run(id: usize, state: RunState) -> Run {
    Run {
        id: id.to_string(),
        folder: id.to_string().into(),
        state,
        job: None,
        payload: None,
        result: None,
        url: None,
        started: None,
        duration_seconds: None,
    }
}

fn finished(runs: usize) -> Vec<Run> {
    (0..runs).map(|id| run(id, RunState::Finished)).collect()
}

fn id(suite: &str, name: &str) -> TestId {
    TestId { suite: suite.to_owned(), name: name.to_owned() }
}

/// A test of which each run has one case: so many passes, failures and skips.
fn tally(name: &str, passes: usize, failures: usize, skips: usize) -> Tally {
    let cases = [vec![PASS; passes], vec![FAIL; failures], vec![SKIP; skips]].concat();
    Tally {
        id: id("openshift-tests", name),
        informing: false,
        runs: cases.into_iter().enumerate().collect(),
        message: None,
    }
}

fn over(tests: Vec<Tally>) -> Gathered {
    Gathered { runs: finished(10), tests, ..Gathered::default() }
}

fn known(name: &str, past: Past) -> History {
    let mut history = History::default();
    history.tests.insert(id("openshift-tests", name), past);
    history
}

fn percent(percent: u8) -> Past {
    Past::Percentage { percent }
}

/// The one test judged, against a history of its own.
fn judged(tally: Tally, past: Option<Past>, rules: &Rules) -> TestVerdict {
    let history = past.map_or_else(History::default, |past| {
        let mut history = History::default();
        history.tests.insert(tally.id.clone(), past);
        history
    });
    judge(&over(vec![tally]), &history, rules).tests.remove(0)
}

#[test]
fn the_expected_verdicts_of_the_aggregator_in_use_come_out() {
    use Outcome::{Failed, Passed};
    let rows = [
        (10, 95, 7, Passed),
        (10, 95, 6, Failed),
        (12, 95, 9, Passed),
        (12, 95, 8, Failed),
        (10, 80, 5, Passed),
        (10, 80, 4, Failed),
        (10, 70, 3, Passed),
        (10, 70, 2, Failed),
        (5, 95, 3, Passed),
        (5, 95, 1, Failed),
        (10, 90, 6, Passed),
        (10, 100, 10, Passed),
        (10, 100, 8, Passed),
        (10, 100, 7, Failed),
    ];
    let rules = Rules { minimum_attempts: 0, ..Rules::default() };
    for (attempts, rate, passes, expected) in rows {
        let test = judged(tally("t", passes, attempts - passes, 0), Some(percent(rate)), &rules);
        assert_eq!(test.outcome, expected, "{passes} of {attempts} at {rate} %: {}", test.reason);
        assert_eq!(test.required, test.required_by_table, "{passes} of {attempts} at {rate} %");
    }
}

#[test]
fn every_reason_is_a_sentence() {
    let rules = Rules::default();
    let flaky = Tally {
        runs: vec![(0, PASS), (1, FLAKE), (2, FAIL)],
        ..tally("Undiagnosed panic detected in pod", 0, 0, 0)
    };
    let told: Vec<String> = [
        judged(Tally { id: id("step graph", "x"), ..tally("", 0, 10, 0) }, None, &rules),
        judged(tally("[sig-arch] Cluster should remain functional during upgrade", 0, 10, 0), None, &rules),
        judged(tally("a-gather-azure-cli container test", 0, 10, 0), None, &rules),
        judged(tally("initialize", 0, 10, 0), None, &rules),
        judged(tally("skipped", 0, 0, 10), None, &rules),
        judged(flaky, None, &rules),
        judged(tally("not for this platform", 0, 2, 8), None, &rules),
        judged(tally("rare", 4, 1, 5), Some(percent(99)), &rules),
        judged(tally("broken", 0, 9, 1), Some(percent(99)), &rules),
        judged(tally("worse", 5, 5, 0), Some(Past::Counts { passes: 195, runs: 200 }), &rules),
        judged(tally("well", 9, 1, 0), Some(Past::Counts { passes: 199, runs: 200 }), &rules),
        judged(tally("perfect so far", 8, 2, 0), Some(percent(100)), &rules),
        judged(tally("new", 3, 7, 0), None, &rules),
        judged(
            tally("unreadable", 7, 3, 0),
            None,
            &Rules { history: HistoryState::Unavailable, ..Rules::default() },
        ),
    ]
    .iter()
    .map(|test| {
        let next = test.next.map(|next| next.to_string()).unwrap_or_default();
        let advice = test.advice.map(|advice| format!("\n    {advice}")).unwrap_or_default();
        format!("{:?} {}: {}\n    {next}{advice}", test.outcome, test.id.name, test.reason)
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    Passed x: Always passes: it is a step of the job and tests nothing of the payload.
        one further failing run would not change it
    Passed [sig-arch] Cluster should remain functional during upgrade: Always passes: it fails as a side effect of other tests.
        one further failing run would not change it
    Passed a-gather-azure-cli container test: Always passes: it only gathers files.
        one further failing run would not change it
    Passed initialize: Always passes: it only appears when the job fails to begin.
        one further failing run would not change it
    Passed skipped: Did not run: no run passed or failed it.
        one further failing run would not change it
    Failed Undiagnosed panic detected in pod: Failed 2 times: this test must never fail, not even once in a retry.
        no further run would change it
    Passed not for this platform: Passed 0 times, failed 2 times, skipped 8 times: probably meant to be skipped.
        one further failing run would not change it
    Failed rare: Passed 4 times, failed 1 time, skipped 5 times: at least 6 attempts are needed to judge it.
        one further passing run would make it pass
    Failed broken: Passed 0 times, failed 9 times, skipped 1 time: at least one pass is needed.
        even 50 further passing runs would not make it pass
    Failed worse: Failed: Passed 5 times, failed 5 times. The historical pass rate is 97.5% (195 of 200 runs). The required number of passes is 8.
        32 further passing runs and no failure would make it pass
    Passed well: Passed: Passed 9 times, failed 1 time. The historical pass rate is 99.5% (199 of 200 runs). The required number of passes is 8.
        one further failing run would not change it
    Passed perfect so far: Passed: Passed 8 times, failed 2 times. The historical pass rate is 100%. The required number of passes is 8 (the history alone would require 9; 2 failures are always forgiven).
        one further failing run would fail it
    Passed new: Passed: Passed 3 times, failed 7 times. The historical pass rate is not known (the test is new; 70% is assumed). The required number of passes is 3.
        one further failing run would fail it
        passes 3 of 10 runs, below the 95% that new tests are held to
    Failed unreadable: Failed: Passed 7 times, failed 3 times. The historical pass rate is not known (the history could not be read; 99% is assumed). The required number of passes is 8.
        18 further passing runs and no failure would make it pass
    ");
}

#[test]
fn the_rules_are_asked_in_their_order() {
    let rules = Rules::default();
    // Exempt before everything, never-fail before skips and minimum, skips before the minimum, the minimum
    // before no pass.
    let exempt = Tally { id: id("step graph", "Undiagnosed panic detected in pod"), ..tally("", 0, 10, 0) };
    assert!(matches!(judged(exempt, None, &rules).reason, Reason::Exempt { because: Exemption::StepGraph }));
    let panic = judged(tally("Undiagnosed panic detected in pod", 0, 1, 9), None, &rules);
    assert_eq!(panic.reason, Reason::MustNeverFail { failures: 1 });
    assert_eq!(panic.next, Some(Next::StaysFailed { tried: 0 }));
    assert!(matches!(judged(tally("t", 0, 1, 2), None, &rules).reason, Reason::SkipIntended { .. }));
    assert!(matches!(judged(tally("t", 0, 2, 2), None, &rules).reason, Reason::TooFewAttempts { .. }));
    assert!(matches!(judged(tally("t", 0, 6, 4), None, &rules).reason, Reason::NoPass { .. }));
    // A nested suite of that name is another.
    let nested = Tally { id: id("all|||step graph", "x"), ..tally("", 0, 10, 0) };
    assert!(judged(nested, None, &rules).is_failed());
}

#[test]
fn the_panic_test_passes_like_any_other_while_it_does_not_fail() {
    let test =
        judged(tally("Undiagnosed panic detected in pod", 10, 0, 0), Some(percent(100)), &Rules::default());
    assert!(matches!(test.reason, Reason::EnoughPasses(_)));
    assert_eq!(test.next, Some(Next::OneFailureFails));
}

#[test]
fn the_one_test_with_a_useless_history_is_exempt_in_its_job_alone() {
    let test = Tally { id: id(USELESS_HISTORY.1, USELESS_HISTORY.2), ..tally("", 0, 10, 0) };
    let mut gathered = over(vec![test]);
    assert!(!judge(&gathered, &History::default(), &Rules::default()).passed);
    gathered.runs[0].job = Some(USELESS_HISTORY.0.to_owned());
    assert!(judge(&gathered, &History::default(), &Rules::default()).passed);
}

#[test]
fn a_flake_is_one_attempt_and_a_pass() {
    let test = Tally { runs: (0..10).map(|run| (run, FLAKE)).collect(), ..tally("t", 0, 0, 0) };
    let test = judged(test, Some(percent(100)), &Rules::default());
    assert_eq!((test.attempts, test.passes, test.failures, test.flakes), (10, 10, 0, 10));
    assert_eq!(test.outcome, Outcome::Passed);
}

#[test]
fn real_counts_ask_for_what_they_can_bear() {
    // Three good runs prove little; ten thousand prove much. A percentage of 99 stands for 250.
    let past = |runs| Some(Past::Counts { passes: runs, runs });
    let required = |past| judged(tally("t", 9, 1, 0), past, &Rules::default()).required;
    assert_eq!(required(past(3)), Some(2));
    assert_eq!(required(past(20)), Some(7));
    assert_eq!(required(past(10_000)), Some(8));
    let almost =
        judged(tally("t", 7, 3, 0), Some(Past::Counts { passes: 9_999, runs: 10_000 }), &Rules::default());
    assert_eq!((almost.required, almost.required_by_table), (Some(8), Some(8)));
    // A history of no runs is none.
    let none = judged(tally("t", 9, 1, 0), Some(Past::Counts { passes: 0, runs: 0 }), &Rules::default());
    assert_eq!(none.history, Some(Basis::New { assumed: 70 }));
}

#[test]
fn thirteen_attempts_and_more_are_judged_and_the_table_is_silent() {
    let test = judged(tally("t", 15, 5, 0), Some(percent(99)), &Rules::default());
    assert_eq!((test.required, test.required_by_table, test.outcome), (Some(18), None, Outcome::Failed));
}

#[test]
fn an_informing_test_fails_without_failing_the_whole() {
    let informing = Tally { informing: true, ..tally("new", 0, 10, 0) };
    let verdict =
        judge(&over(vec![informing, tally("well", 10, 0, 0)]), &History::default(), &Rules::default());
    assert!(verdict.passed && verdict.reasons.is_empty());
    let failed: Vec<_> =
        verdict.failed_tests().map(|test| (test.id.name.as_str(), test.is_blocking_failure())).collect();
    assert_eq!(failed, [("new", false)]);
}

#[test]
fn more_than_three_unfinished_runs_fail_the_whole() {
    let whole = |unfinished: usize, rules: &Rules| {
        let mut gathered = over(vec![tally("t", 10, 0, 0)]);
        gathered
            .runs
            .extend((0..unfinished).map(|id| run(10 + id, RunState::Unfinished("no end".to_owned()))));
        judge(&gathered, &History::default(), rules)
    };
    assert!(whole(3, &Rules::default()).passed);
    let failed = whole(4, &Rules::default());
    assert_eq!((failed.attempts, failed.unfinished, failed.passed), (10, 4, false));
    assert_eq!(failed.reasons[0].to_string(), "4 runs did not finish; at most 3 are tolerated");
    assert!(whole(4, &Rules { tolerated_unfinished: 4, ..Rules::default() }).passed);
}

#[test]
fn nothing_at_all_is_no_success() {
    let judge = |gathered| judge(&gathered, &History::default(), &Rules::default()).reasons;
    assert_eq!(judge(Gathered::default()), [WhyFailed::NothingFinished]);
    assert_eq!(judge(over(Vec::new())), [WhyFailed::NoTests]);
}

#[test]
fn a_prow_job_must_have_run_its_suite_and_a_plain_folder_need_not() {
    let plain = Tally { id: id("unit", "t"), ..tally("", 10, 0, 0) };
    let mut gathered = over(vec![plain]);
    let reasons = |gathered: &Gathered, suites| {
        judge(gathered, &History::default(), &Rules { suites, ..Rules::default() }).reasons
    };
    assert_eq!(reasons(&gathered, SuiteRule::WhereProw), []);
    assert_eq!(reasons(&gathered, SuiteRule::Always), [WhyFailed::NoPayloadSuite]);
    gathered.runs[3].job = Some("periodic-ci-openshift-release-master-nightly-4.21-e2e-aws".to_owned());
    assert_eq!(reasons(&gathered, SuiteRule::WhereProw), [WhyFailed::NoPayloadSuite]);
    assert_eq!(reasons(&gathered, SuiteRule::Never), []);
    gathered.tests.push(tally("t", 10, 0, 0));
    assert_eq!(reasons(&gathered, SuiteRule::WhereProw), []);
}

#[test]
fn disruption_joins_the_tests_of_the_verdict() {
    let mut gathered = over(vec![tally("t", 10, 0, 0)]);
    gathered.disruption.insert("kube-api-new-connections".to_owned(), (0..10).map(|run| (run, 60)).collect());
    let spread = disruption::Spread { mean: 1.0, standard_deviation: 1.0, p70: 1.0, p85: 2.0, p95: 3.0 };
    let mut history = known("t", percent(100));
    history.disruption.insert("kube-api-new-connections".to_owned(), spread);
    let verdict = judge(&gathered, &history, &Rules::default());
    assert_eq!(verdict.reasons, [WhyFailed::FailedTests { failed: 3 }]);
    let failed: Vec<_> =
        verdict.failed_tests().map(|test| (test.id.suite.as_str(), test.failures, test.p_value)).collect();
    assert_eq!(failed, [("BackendDisruption", 10, None); 3]);
    let without =
        judge(&gathered, &history, &Rules { disruption: disruption::Mode::Never, ..Rules::default() });
    assert!(without.passed);
    assert_eq!(without.notes[0], "disruption is not judged, as asked");
}

#[test]
fn among_many_tests_a_weak_failure_may_be_chance_and_a_strong_one_is_not() {
    let mut tests: Vec<Tally> = (0..300).map(|n| tally(&format!("well {n:03}"), 10, 0, 0)).collect();
    tests.push(tally("strong", 2, 8, 0));
    tests.push(tally("weak", 6, 4, 0));
    let mut history = History::default();
    for test in &tests {
        let rate = if test.id.name == "weak" { 95 } else { 99 };
        history.tests.insert(test.id.clone(), percent(rate));
    }
    let verdict = judge(&over(tests), &history, &Rules::default());
    let q = |name: &str| {
        verdict.tests.iter().find(|test| test.id.name == name).and_then(|test| test.q_value).unwrap()
    };
    assert!(q("strong") < 1e-8 && q("weak") > 0.05, "{} {}", q("strong"), q("weak"));
    assert_eq!(verdict.reasons, [WhyFailed::FailedTests { failed: 2 }]);
    let found = verdict.discovery;
    assert_eq!((found.tested, found.failed_beyond_chance, found.failed_within_chance), (302, 1, 1));
    assert!(found.expected_false_failures.is_some_and(|n| (0.0..1.0).contains(&n)), "{found:?}");
    assert!(found.false_alarm.unwrap() <= found.expected_false_failures.unwrap(), "{found:?}");
}

#[test]
fn the_json_has_what_scripts_rely_on() {
    let verdict = judge(&over(vec![tally("t", 5, 5, 0)]), &known("t", percent(95)), &Rules::default());
    insta::assert_snapshot!(serde_json::to_string_pretty(&verdict.failed_tests().next()).unwrap(), @r#"
    {
      "suite": "openshift-tests",
      "name": "t",
      "outcome": "failed",
      "informing": false,
      "attempts": 10,
      "passes": 5,
      "failures": 5,
      "skips": 0,
      "flakes": 0,
      "history": {
        "known": "percentage",
        "percent": 95
      },
      "required": 7,
      "required_by_table": 7,
      "p_value": 0.00013390922520886093,
      "q_value": 0.00013390922520886093,
      "reason": {
        "rule": "too-few-passes",
        "passes": 5,
        "failures": 5,
        "history": {
          "known": "percentage",
          "percent": 95
        },
        "required": 7,
        "unforgiven": null,
        "message": "Failed: Passed 5 times, failed 5 times. The historical pass rate is 95%. The required number of passes is 7."
      },
      "next": {
        "if": "passes-after",
        "passing_runs": 16
      },
      "advice": null,
      "message_of_failure": null
    }
    "#);
    let whole = serde_json::to_value(&verdict).unwrap();
    let keys: Vec<&String> = whole.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "passed",
            "attempts",
            "unfinished",
            "reasons",
            "messages",
            "coverage",
            "discovery",
            "notes",
            "warnings",
            "failed_tests",
            "tests"
        ]
    );
}

proptest! {
    #[test]
    fn what_another_run_would_change_is_what_it_changes(
        passes in 0usize..14, failures in 0usize..14, skips in 0usize..4, rate in proptest::option::of(0u8..=100),
    ) {
        let rules = Rules::default();
        let judged = |passes, failures| judged(tally("t", passes, failures, skips), rate.map(percent), &rules);
        let test = judged(passes, failures);
        match test.next {
            Some(Next::PassesAfter { passing_runs }) => {
                prop_assert!(test.is_failed());
                let more = passing_runs as usize;
                prop_assert!(!judged(passes + more, failures).is_failed());
                prop_assert!(judged(passes + more - 1, failures).is_failed());
            }
            Some(Next::StaysFailed { tried }) => {
                prop_assert!(test.is_failed() && judged(passes + tried as usize, failures).is_failed());
            }
            Some(Next::OneFailureFails) => prop_assert!(judged(passes, failures + 1).is_failed()),
            Some(Next::OneFailureStands) => prop_assert!(!judged(passes, failures + 1).is_failed()),
            None => prop_assert!(false, "a test has an outlook"),
        }
    }

    #[test]
    fn a_failed_test_never_passed_often_enough(
        passes in 0usize..30, failures in 0usize..30, history in 0u32..=300, runs in 1u32..=300,
    ) {
        let past = Past::Counts { passes: history.min(runs), runs };
        let test = judged(tally("t", passes, failures, 0), Some(past), &Rules::default());
        if let Reason::TooFewPasses(compared) = &test.reason {
            prop_assert!(compared.failures > 2 && test.p_value.is_some_and(|p| p <= 0.05));
        }
    }
}

#[test]
fn a_history_that_knows_no_suites_counts_in_every_suite_unless_the_suite_has_its_own() {
    let mut history = History::default();
    history.tests.insert(id("", "pods talk"), percent(100));
    assert_eq!(history.of(&id("openshift-tests", "pods talk")), Some(percent(100)));
    history.tests.insert(id("openshift-tests", "pods talk"), percent(60));
    assert_eq!(history.of(&id("openshift-tests", "pods talk")), Some(percent(60)));
    assert_eq!(history.of(&id("openshift-tests", "another")), None);
}

#[test]
fn runs_in_which_nothing_was_tested_do_not_pass() {
    let mut gathered = over(vec![tally("skipped", 0, 0, 10)]);
    let reasons = |gathered: &Gathered| judge(gathered, &History::default(), &Rules::default()).reasons;
    assert_eq!(reasons(&gathered), [WhyFailed::NoTests]);
    // A suite that only skipped is none that ran, whatever else passed.
    gathered.runs[0].job = Some("periodic-x".to_owned());
    gathered.tests.push(Tally { id: id("unit", "t"), ..tally("", 10, 0, 0) });
    assert_eq!(reasons(&gathered), [WhyFailed::NoPayloadSuite]);
}

#[test]
fn a_verdict_that_is_no_matter_of_chance_has_no_figures_of_chance() {
    let rules = Rules::default();
    let panic = judged(tally("Undiagnosed panic detected in pod", 9, 1, 0), Some(percent(100)), &rules);
    let rare = judged(tally("rare", 3, 2, 5), Some(percent(100)), &rules);
    for test in [panic, rare] {
        assert!(test.is_failed(), "{test:?}");
        assert_eq!(
            (test.required, test.required_by_table, test.p_value, test.q_value),
            (None, None, None, None)
        );
    }
    // Nor do they count among the tests of which some fail by chance.
    let worse = tally("worse", 4, 6, 0);
    let mut tests = vec![worse.clone()];
    tests.extend((0..50).map(|n| tally(&format!("rare {n}"), 3, 2, 5)));
    let verdict = judge(&over(tests), &known("worse", percent(95)), &rules);
    assert_eq!(verdict.discovery.tested, 1);
    assert_eq!(verdict.tests[0].q_value, verdict.tests[0].p_value);
}

#[test]
fn a_test_that_needs_a_pass_is_never_asked_for_none() {
    let rules = Rules::default();
    let broken = judged(tally("broken", 0, 10, 0), Some(percent(0)), &rules);
    assert_eq!((broken.outcome, broken.required), (Outcome::Failed, Some(1)));
    let alive = judged(tally("alive", 1, 9, 0), Some(percent(0)), &rules);
    assert_eq!((alive.outcome, alive.required), (Outcome::Passed, Some(1)));
    assert!(alive.reason.to_string().ends_with("The required number of passes is 1."), "{}", alive.reason);
}

#[test]
fn false_failures_are_counted_over_tests_with_a_history_only() {
    let tests = vec![tally("known", 10, 0, 0), tally("new", 10, 0, 0)];
    let gathered = over(tests);
    let found = judge(&gathered, &known("known", Past::Counts { passes: 195, runs: 200 }), &Rules::default());
    let found = found.discovery;
    assert_eq!((found.tested, found.with_history), (2, 1));
    assert_eq!(
        found.expected_false_failures.map(|n| (n * 1e4).round()),
        found.false_alarm.map(|n| (n * 1e4).round())
    );
    let none = judge(&gathered, &History::default(), &Rules::default()).discovery;
    assert_eq!((none.expected_false_failures, none.false_alarm), (None, None));
    // Nothing is no negative nothing.
    let never =
        judge(&gathered, &known("known", percent(0)), &Rules { minimum_attempts: 0, ..Rules::default() });
    assert!(never.discovery.false_alarm.is_some_and(|alarm| alarm.is_sign_positive()));
}

#[test]
fn a_history_says_how_much_of_the_tests_it_knows() {
    let gathered = over(vec![tally("a", 10, 0, 0), tally("b", 10, 0, 0), tally("skipped", 0, 0, 10)]);
    let told = |history: &History| {
        let verdict = judge(&gathered, history, &Rules::default());
        let mut told = verdict.notes;
        told.retain(|note| note.contains("history"));
        told.extend(verdict.warnings.iter().map(|warning| format!("warning: {warning}")));
        told.join("\n")
    };
    let some = known("a", percent(99));
    let mut all = some.clone();
    all.tests.insert(id("openshift-tests", "b"), percent(99));
    let mut other = History { source: "h.jsonl".to_owned(), ..History::default() };
    let empty = other.clone();
    for suite in ["unit", "e2e", "a", "b", "c"] {
        other.tests.insert(id(suite, "another"), percent(99));
    }
    assert_eq!(told(&History::default()), "");
    insta::assert_snapshot!([&all, &some, &other, &empty].map(told).join("\n"), @"
    the history knows all 2 tests
    the history knows 1 of 2 tests
    warning: the history knows none of 2 tests: its suites are a, b, c, e2e and 1 more, those of the runs are openshift-tests; every test counts as new, which lets much pass
    warning: the history knows none of 2 tests: it holds no test; every test counts as new, which lets much pass
    ");
}

#[test]
fn a_history_of_another_job_is_told() {
    let mut gathered = over(vec![tally("a", 10, 0, 0)]);
    gathered.runs[0].job = Some("periodic-aws".to_owned());
    let mut history = known("a", percent(99));
    let told = |history: &History| judge(&gathered, history, &Rules::default()).notes.join("\n");
    history.jobs = ["periodic-aws".to_owned()].into();
    assert!(!told(&history).contains("another job"));
    history.jobs.insert("periodic-gcp".to_owned());
    insta::assert_snapshot!(told(&history), @"
    disruption is not judged: no run left data of it
    the history knows the one test that was judged
    the runs of the history are of another job: they are of periodic-aws and periodic-gcp, those judged of periodic-aws
    ");
}
