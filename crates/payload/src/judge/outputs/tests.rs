//! The files read back.

use super::super::verdict::{self, Rules};
use super::super::{History, RunState, Tally, TestId};
use super::*;

const PASS: Counts = Counts { passes: 1, failures: 0, skips: 0 };
const FAIL: Counts = Counts { passes: 0, failures: 1, skips: 0 };
const SKIP: Counts = Counts { passes: 0, failures: 0, skips: 1 };
const FLAKE: Counts = Counts { passes: 1, failures: 1, skips: 0 };

fn run(id: usize, state: RunState) -> Run {
    Run {
        id: id.to_string(),
        folder: id.to_string().into(),
        state,
        job: Some("periodic-e2e".to_owned()),
        payload: None,
        result: Some("FAILURE".to_owned()),
        url: Some(format!("https://prow.example/view/gs/bucket/logs/periodic-e2e/{id}")),
        started: None,
        duration_seconds: Some(3_700),
    }
}

fn tally(suite: &str, name: &str, counts: &[Counts]) -> Tally {
    Tally {
        id: TestId { suite: suite.to_owned(), name: name.to_owned() },
        informing: name.contains("informing"),
        message: None,
        runs: counts.iter().copied().enumerate().collect(),
    }
}

/// Seven runs, the last without an end.
fn gathered(tests: Vec<Tally>) -> Gathered {
    let mut runs: Vec<Run> = (1..=6).map(|id| run(id, RunState::Finished)).collect();
    runs.push(run(7, RunState::Unfinished("has no finished.json".to_owned())));
    Gathered { runs, tests, ..Gathered::default() }
}

fn file(name: &str, gathered: &Gathered) -> String {
    let verdict = verdict::judge(gathered, &History::default(), &Rules::default());
    let labels = Labels::new("periodic-e2e", "4.21.0-0.ci-2026-01-31-093412").unwrap();
    let file = files(gathered, &verdict, &labels).into_iter().find(|file| file.path.ends_with(name));
    file.unwrap_or_else(|| panic!("no {name}")).contents
}

#[test]
fn the_aggregated_junit_is_read_again_with_every_verdict() {
    let odd = "a \"b\" <c> & 'd'\n\ttab \u{1b}[31m é 船";
    let gathered = gathered(vec![
        tally("e2e", "passes", &[PASS; 6]),
        tally("e2e", odd, &[FAIL; 6]),
        tally("e2e|||nested", "informing fails", &[FAIL; 6]),
        tally("e2e|||nested", "skips", &[SKIP; 6]),
        tally("other", "flakes", &[FLAKE; 6]),
        tally("", "has no suite", &[PASS; 6]),
    ]);
    let xml = file("junit-aggregated.xml", &gathered);
    let mut read = Vec::new();
    regatta_junit::read(xml.as_bytes(), |case| {
        read.push((
            case.suites.join("|||"),
            case.name.to_owned(),
            case.outcome,
            case.lifecycle.map(str::to_owned),
        ));
    })
    .unwrap();
    use regatta_junit::Outcome::{Failed, Passed, Skipped};
    let informing = Some("informing".to_owned());
    assert_eq!(
        read,
        [
            ("e2e".to_owned(), "passes".to_owned(), Passed, None),
            // A control character cannot stand in XML.
            ("e2e".to_owned(), odd.replace('\u{1b}', "\u{fffd}"), Failed, None),
            ("e2e|||nested".to_owned(), "informing fails".to_owned(), Failed, informing),
            ("e2e|||nested".to_owned(), "skips".to_owned(), Skipped, None),
            ("other".to_owned(), "flakes".to_owned(), Passed, None),
            (String::new(), "has no suite".to_owned(), Passed, None),
        ]
    );
}

#[test]
fn a_case_lists_its_runs_as_the_aggregator_in_use_does() {
    let gathered = gathered(vec![tally("e2e", "it's: \"x\"", &[PASS, FLAKE, FAIL])]);
    insta::assert_snapshot!(file("junit-aggregated.xml", &gathered), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="periodic-e2e" tests="1" failures="1">
     <testsuite name="e2e" tests="1" skipped="0" failures="1" time="0">
      <testcase name="it&apos;s: &quot;x&quot;" time="0">
       <failure message="Passed 2 times, failed 1 time, skipped 0 times: at least 6 attempts are needed to judge it.">Passed 2 times, failed 1 time, skipped 0 times: at least 6 attempts are needed to judge it.</failure>
       <system-out>name: "it's: \"x\""
    testsuitename: "e2e"
    summary: "Passed 2 times, failed 1 time, skipped 0 times: at least 6 attempts are needed to judge it."
    passes:
    - jobrunid: "1"
      humanurl: "https://prow.example/view/gs/bucket/logs/periodic-e2e/1"
      gcsartifacturl: "https://gcsweb-ci.apps.ci.l2s4.p1.openshiftapps.com/gcs/bucket/logs/periodic-e2e/1/artifacts"
    - jobrunid: "2"
      humanurl: "https://prow.example/view/gs/bucket/logs/periodic-e2e/2"
      gcsartifacturl: "https://gcsweb-ci.apps.ci.l2s4.p1.openshiftapps.com/gcs/bucket/logs/periodic-e2e/2/artifacts"
    failures:
    - jobrunid: "2"
      humanurl: "https://prow.example/view/gs/bucket/logs/periodic-e2e/2"
      gcsartifacturl: "https://gcsweb-ci.apps.ci.l2s4.p1.openshiftapps.com/gcs/bucket/logs/periodic-e2e/2/artifacts"
    - jobrunid: "3"
      humanurl: "https://prow.example/view/gs/bucket/logs/periodic-e2e/3"
      gcsartifacturl: "https://gcsweb-ci.apps.ci.l2s4.p1.openshiftapps.com/gcs/bucket/logs/periodic-e2e/3/artifacts"
    skips: []
    </system-out>
      </testcase>
     </testsuite>
    </testsuites>
    "#);
}

#[test]
fn runs_without_an_end_stand_among_the_unfinished() {
    let mut gathered = gathered(Vec::new());
    gathered.runs.drain(1..6);
    insta::assert_snapshot!(file("aggregation-config.yaml", &gathered), @r#"
    finishedjobs:
    - jobname: "periodic-e2e"
      jobrunid: "1"
      humanurl: "https://prow.example/view/gs/bucket/logs/periodic-e2e/1"
      gcsbucketurl: "https://gcsweb-ci.apps.ci.l2s4.p1.openshiftapps.com/gcs/bucket/logs/periodic-e2e/1/artifacts"
      status: "failure"
    unfinishedjobs:
    - jobname: "periodic-e2e"
      jobrunid: "7"
      humanurl: "https://prow.example/view/gs/bucket/logs/periodic-e2e/7"
      gcsbucketurl: "https://gcsweb-ci.apps.ci.l2s4.p1.openshiftapps.com/gcs/bucket/logs/periodic-e2e/7/artifacts"
      status: "unknown"
    "#);
}

#[test]
fn outside_text_stays_text_in_yaml() {
    assert_eq!(quoted("- *a: \"b\"\n\u{85}\u{feff}"), "\"- *a: \\\"b\\\"\\n\\u0085\\ufeff\"");
}

#[test]
fn a_page_shows_no_markup_of_a_test_name() {
    let gathered = gathered(vec![tally("<b>", "<script>alert(1)</script>", &[FAIL; 6])]);
    let page = file("aggregation-testrun-summary.html", &gathered);
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
}

#[test]
fn a_suite_of_thousands_of_dividers_does_no_harm() {
    let gathered = gathered(vec![tally(&"|||".repeat(20_000), "deep", &[PASS; 6])]);
    let summary = regatta_junit::read(file("junit-aggregated.xml", &gathered).as_bytes(), |_| {}).unwrap();
    assert_eq!(summary.cases(), 1);
}

#[test]
fn only_names_fit_for_folders_become_folders() {
    assert!(
        Labels::new("periodic-ci-openshift-release-master-ci-4.21-e2e", "4.21.0-0.ci-2026-01-31-093412")
            .is_ok()
    );
    for bad in ["", "..", "../x", "a/b", "a\\b", "-rf", ".hidden", "a b", "a\0", "é", &"x".repeat(201)] {
        assert!(Labels::new(bad, "4.21").is_err() && Labels::new("job", bad).is_err(), "{bad:?}");
    }
    assert_eq!(
        Labels::new("job", "../etc").unwrap_err().to_string(),
        "the payload \"../etc\" cannot name a folder: it begins with a dot or a dash"
    );
}

#[test]
fn an_address_that_is_none_stands_nowhere() {
    let mut gathered = gathered(vec![tally("e2e", "a", &[FAIL; 6])]);
    for run in &mut gathered.runs {
        run.url = Some("javascript:alert(1)//view/gs/x".to_owned());
    }
    for name in ["junit-aggregated.xml", "aggregation-config.yaml", "job-run-summary.html"] {
        assert!(!file(name, &gathered).contains("javascript"), "{name}");
    }
}
