//! Judging an aggregated run: the verdict, its exit code, and what it writes.

use crate::payload_judge_sample::{JOB, Sample, TAG, make};
use crate::program::{Program, Ran};
use std::path::Path;

/// Ten runs of a few tests, of which nothing got worse.
fn small() -> Sample {
    Sample {
        runs: 10,
        tests: 40,
        worse: Vec::new(),
        informing: Vec::new(),
        unfinished: Vec::new(),
        disrupted: Vec::new(),
    }
}

fn made(program: &Program, sample: &Sample) {
    make(program.home.path(), sample);
}

fn judge(program: &Program, more: &[&str]) -> Ran {
    let mut arguments = vec!["payload-job", "judge", "runs", "--history", "history.jsonl"];
    arguments.extend(more);
    program.run(&arguments)
}

fn shown(program: &Program, more: &[&str]) -> String {
    judge(program, more).shown().replace(program.home.path().to_str().unwrap(), "~")
}

#[test]
fn a_run_as_good_as_its_history_passes() {
    let program = Program::new();
    made(&program, &small());
    insta::assert_snapshot!(shown(&program, &[]), @"
    exit 0
    Passed: 10 runs finished; none of 40 tests failed.
    note: disruption is not judged: no run left data of it
    note: the history knows 38 of 39 tests
    ");
}

#[test]
fn a_test_that_got_worse_fails_the_run_and_says_why() {
    let program = Program::new();
    made(&program, &Sample { worse: vec![(12, 0.3)], ..small() });
    insta::assert_snapshot!(shown(&program, &[]), @"
    exit 1
    Failed: 10 runs finished; of 40 tests 1 failed.

    PASSES   REQUIRED  P       Q       TEST
    3 of 10  8         1.3e-9  5.1e-8  openshift-tests: [sig-apps] StatefulSet should survive a restart of its node [Conformance] (case 12) [Suite:openshift/conformance/parallel]
                                       Passed 3 times, failed 7 times. The historical pass rate is 99% (198 of 200 runs). The required number of passes is 8. Even 50 further passing runs would not make it pass.

    The one failed test judged by its passes stays worse when the number of tests is taken into account. Were nothing changed, under 0.01 of 38 tests with a history would fail on average.
    note: disruption is not judged: no run left data of it
    note: the history knows 38 of 39 tests
    ");
}

#[test]
fn scripts_get_every_figure_of_a_failure() {
    let program = Program::new();
    made(&program, &Sample { worse: vec![(12, 0.3)], ..small() });
    let mut json = judge(&program, &["-o", "json", "-q"]).json();
    // Sums over thousands of probabilities: their last digits are no contract.
    for field in
        ["/discoveries/expected_false_failures", "/discoveries/false_alarm", "/failed_tests/0/p_value"]
    {
        let value = json.pointer_mut(field).unwrap();
        assert!(value.is_f64(), "{field}: {value}");
        *value = "…".into();
    }
    json["failed_tests"][0]["q_value"] = "…".into();
    json["power"] = "…".into();
    assert_eq!(json["runs"].as_array().map(Vec::len), Some(10));
    json["runs"].as_array_mut().unwrap().truncate(1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap(), @r#"
    {
      "schema": "regatta.judgement/v1",
      "passed": false,
      "attempts": 10,
      "unfinished": 0,
      "runs": [
        {
          "id": "2017500000000000000",
          "state": "finished",
          "why": null,
          "result": "FAILURE",
          "url": "https://prow.ci.openshift.org/view/gs/test-platform-results/logs/periodic-ci-openshift-release-master-ci-4.21-e2e-gcp-ovn-upgrade/2017500000000000000"
        }
      ],
      "failed_tests": [
        {
          "suite": "openshift-tests",
          "name": "[sig-apps] StatefulSet should survive a restart of its node [Conformance] (case 12) [Suite:openshift/conformance/parallel]",
          "outcome": "failed",
          "informing": false,
          "attempts": 10,
          "passes": 3,
          "failures": 7,
          "skips": 0,
          "flakes": 0,
          "history": {
            "known": "counts",
            "passes": 198,
            "runs": 200
          },
          "required": 8,
          "required_by_table": 8,
          "p_value": "…",
          "q_value": "…",
          "reason": {
            "rule": "too-few-passes",
            "passes": 3,
            "failures": 7,
            "history": {
              "known": "counts",
              "passes": 198,
              "runs": 200
            },
            "required": 8,
            "unforgiven": null,
            "message": "Failed: Passed 3 times, failed 7 times. The historical pass rate is 99% (198 of 200 runs). The required number of passes is 8."
          },
          "next": {
            "if": "stays-failed",
            "tried": 50
          },
          "advice": null,
          "message_of_failure": "timed out"
        }
      ],
      "tests": 40,
      "reasons": [
        "1 test failed"
      ],
      "job": "periodic-ci-openshift-release-master-ci-4.21-e2e-gcp-ovn-upgrade",
      "payload": "4.21.0-0.ci-2026-01-31-093412",
      "history": {
        "source": "history.jsonl",
        "tests": 39,
        "runs": null,
        "knows": 38
      },
      "discoveries": {
        "tested": 39,
        "with_history": 38,
        "failed_beyond_chance": 1,
        "failed_within_chance": 0,
        "expected_false_failures": "…",
        "false_alarm": "…"
      },
      "power": "…",
      "notes": [
        "disruption is not judged: no run left data of it",
        "the history knows 38 of 39 tests"
      ],
      "warnings": []
    }
    "#);
}

#[test]
fn a_test_that_only_informs_is_told_and_fails_nothing() {
    let program = Program::new();
    made(&program, &Sample { worse: vec![(12, 0.3)], informing: vec![12], ..small() });
    let ran = judge(&program, &["-o", "json"]);
    let json = ran.json();
    assert_eq!((ran.code, &json["passed"]), (0, &true.into()));
    assert_eq!(json["failed_tests"][0]["informing"], true);
    assert_eq!(json["reasons"].as_array().unwrap().len(), 0);
}

#[test]
fn every_test_is_told_when_asked_for() {
    let program = Program::new();
    made(&program, &small());
    let json = judge(&program, &["-o", "json", "--every-test"]).json();
    assert_eq!(json["every_test"].as_array().unwrap().len(), 40);
    assert!(judge(&program, &["-o", "json"]).json().get("every_test").is_none());
    assert_eq!(judge(&program, &["--every-test"]).out.matches("(case ").count(), 40);
}

#[test]
fn too_many_runs_without_an_end_fail_the_whole() {
    let program = Program::new();
    made(&program, &Sample { unfinished: vec![0, 3, 5, 9], ..small() });
    insta::assert_snapshot!(shown(&program, &["-q"]), @"
    exit 1
    Failed: 6 runs finished, 4 did not; none of 40 tests failed.
      4 runs did not finish; at most 3 are tolerated
      run 2017500000000000000 did not finish: finished.json is missing
      run 2017500000314572800 did not finish: finished.json is missing
      run 2017500000524288000 did not finish: finished.json is missing
      run 2017500000943718400 did not finish: finished.json is missing
    note: both finished.json and prowjob.json are asked of every run, for both occur here; runs with one of them only count as unfinished: 2017500000000000000, 2017500000314572800, 2017500000524288000, 2017500000943718400
    ");
    assert_eq!(judge(&program, &["--max-unfinished", "4"]).code, 0);
}

#[test]
fn scripts_learn_of_each_run_whether_it_finished() {
    let program = Program::new();
    made(&program, &Sample { unfinished: vec![1], ..small() });
    let json = judge(&program, &["-o", "json"]).json();
    insta::assert_snapshot!(serde_json::to_string_pretty(&json["runs"].as_array().unwrap()[..2]).unwrap(), @r#"
    [
      {
        "id": "2017500000000000000",
        "state": "finished",
        "why": null,
        "result": "SUCCESS",
        "url": "https://prow.ci.openshift.org/view/gs/test-platform-results/logs/periodic-ci-openshift-release-master-ci-4.21-e2e-gcp-ovn-upgrade/2017500000000000000"
      },
      {
        "id": "2017500000104857600",
        "state": "unfinished",
        "why": "finished.json is missing",
        "result": "PENDING",
        "url": "https://prow.ci.openshift.org/view/gs/test-platform-results/logs/periodic-ci-openshift-release-master-ci-4.21-e2e-gcp-ovn-upgrade/2017500000104857600"
      }
    ]
    "#);
    assert!(
        json["notes"][0].as_str().is_some_and(|note| note.contains("did not finish")),
        "{}",
        json["notes"]
    );
}

#[test]
fn a_history_of_other_tests_is_warned_of_even_in_quiet() {
    let program = Program::new();
    made(&program, &small());
    std::fs::write(
        program.home.path().join("other.jsonl"),
        "{\"suite\":\"unit\",\"name\":\"x\",\"percent\":99}\n",
    )
    .unwrap();
    let ran = program.run(&["payload-job", "judge", "runs", "--history", "other.jsonl", "-q"]);
    insta::assert_snapshot!(ran.shown(), @"
    exit 0
    Passed: 10 runs finished; none of 40 tests failed.
    warning: the history knows none of 39 tests: its suites are unit, those of the runs are openshift-tests, openshift-tests-upgrade and openshift-tests-upgrade|||Operator Conditions; every test counts as new, which lets much pass
    ");
}

#[test]
fn runs_are_not_compared_with_themselves() {
    let program = Program::new();
    made(&program, &small());
    let run = crate::payload_judge_sample::run_id(0);
    let mut told = String::new();
    for history in ["runs", "./runs/../runs", &format!("runs/{run}"), "."] {
        let ran = program.run(&["payload-job", "judge", "runs", "--history", history]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{history}");
        told.push_str(&ran.err);
    }
    insta::assert_snapshot!(told, @"
    regatta: --history runs is the folder of the judged runs itself, so runs would be compared with themselves: keep earlier runs in a folder of their own
    regatta: --history ./runs/../runs is the folder of the judged runs itself, so runs would be compared with themselves: keep earlier runs in a folder of their own
    regatta: --history runs/2017500000000000000 lies within the folder of the judged runs, so runs would be compared with themselves: keep earlier runs in a folder of their own
    regatta: --history . holds the judged runs, so runs would be compared with themselves: keep earlier runs in a folder of their own
    ");
}

#[test]
fn a_history_of_another_job_is_noted() {
    let program = Program::new();
    make(&program.home.path().join("now"), &small());
    make(&program.home.path().join("before"), &Sample { runs: 20, ..small() });
    for entry in std::fs::read_dir(program.home.path().join("before/runs")).unwrap() {
        let file = entry.unwrap().path().join("prowjob.json");
        let text = std::fs::read_to_string(&file).unwrap().replace(JOB, "periodic-another");
        std::fs::write(file, text).unwrap();
    }
    let ran = program.run(&["payload-job", "judge", "now/runs", "--history", "before/runs"]);
    assert!(ran.err.contains("of another job: they are of periodic-another, those judged of"), "{}", ran.err);
}

#[test]
fn runs_are_boiled_down_to_a_history_that_judges_as_they_do() {
    let program = Program::new();
    make(&program.home.path().join("now"), &Sample { worse: vec![(12, 0.3)], ..small() });
    make(&program.home.path().join("before"), &Sample { runs: 40, ..small() });
    let ran = program.run(&["payload-job", "judge", "before/runs", "--write-history", "before.jsonl", "-q"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let by = |history: &str| {
        program.run(&["payload-job", "judge", "now/runs", "--history", history, "-o", "json"]).json()
    };
    let (folder, file) = (by("before/runs"), by("before.jsonl"));
    assert_eq!(folder["failed_tests"], file["failed_tests"]);
    assert_eq!(folder["failed_tests"].as_array().map(Vec::len), Some(1));
    assert_eq!(file["history"]["runs"], 40);
    let odd = program.run(&["payload-job", "judge", "before/runs", "--write-history", "before.txt"]);
    assert_eq!(odd.code, 2);
    assert!(odd.err.contains("the name must end in .jsonl"), "{}", odd.err);
}

#[test]
fn a_history_that_cannot_be_had_makes_the_gate_strict() {
    let program = Program::new();
    made(&program, &Sample { worse: vec![(12, 0.6)], ..small() });
    assert_eq!(program.run(&["payload-job", "judge", "runs"]).code, 0);
    let ran = program.run(&["payload-job", "judge", "runs", "--history-unavailable"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("the history could not be read; 99% is assumed"), "{}", ran.out);
    assert_eq!(judge(&program, &["--history-unavailable"]).code, 2);
}

#[test]
fn whether_a_suite_must_have_run_can_be_said() {
    let program = Program::new();
    for run in 0..6 {
        let folder = program.home.path().join(format!("runs/{run}/junit"));
        std::fs::create_dir_all(&folder).unwrap();
        let junit = "<testsuite name='unit'><testcase name='a'/></testsuite>";
        std::fs::write(folder.join("junit.xml"), junit).unwrap();
    }
    let code = |suites: &str| program.run(&["payload-job", "judge", "runs", "--suites", suites]).code;
    assert_eq!([code("auto"), code("required"), code("any")], [0, 1, 0]);
}

#[test]
fn a_report_is_no_standard_output() {
    let program = Program::new();
    made(&program, &small());
    let mut told = String::new();
    for place in ["-", "/dev/stdout", "/proc/self/fd/1"] {
        let ran = judge(&program, &["--report", place]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        told.push_str(&ran.err);
    }
    insta::assert_snapshot!(told, @"
    regatta: --report -: a file of its own is needed, since standard output has the verdict (-o json for scripts)
    regatta: --report /dev/stdout: a file of its own is needed, since standard output has the verdict (-o json for scripts)
    regatta: --report /proc/self/fd/1: a file of its own is needed, since standard output has the verdict (-o json for scripts)
    ");
}

#[test]
fn the_power_is_that_of_the_minimum_in_force() {
    let program = Program::new();
    made(&program, &Sample { runs: 3, ..small() });
    let power = |minimum: &str| {
        judge(&program, &["-o", "json", "--minimum-attempts", minimum]).json()["power"].clone()
    };
    assert_eq!((power("1")["required"].as_u64(), power("1")["caution"].as_str()), (Some(1), None));
    assert_eq!((power("4")["required"].as_u64(), power("4")["caution"].as_str()), (None, Some("too-few")));
}

#[test]
fn too_few_runs_fail_every_test_and_a_lower_minimum_judges_them() {
    let program = Program::new();
    made(&program, &Sample { runs: 5, ..small() });
    let ran = judge(&program, &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("at least 6 attempts are needed"), "{}", ran.out);
    assert!(ran.out.contains("more; -o wide shows them all"), "{}", ran.out);
    assert_eq!(judge(&program, &["--minimum-attempts", "3"]).code, 0);
}

#[test]
fn earlier_runs_in_a_folder_are_a_history_too() {
    let program = Program::new();
    let now = program.home.path().join("now");
    make(&now, &Sample { worse: vec![(12, 0.3)], ..small() });
    make(&program.home.path().join("before"), &Sample { runs: 40, ..small() });
    let ran = program.run(&["payload-job", "judge", "now/runs", "--history", "before/runs", "-o", "json"]);
    let json = ran.json();
    assert_eq!((ran.code, &json["history"]["runs"]), (1, &40.into()));
    assert_eq!(json["failed_tests"].as_array().unwrap().len(), 1);
}

#[test]
fn without_a_history_the_verdict_says_how_little_it_means() {
    let program = Program::new();
    made(&program, &small());
    let ran = program.run(&["payload-job", "judge", "runs"]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("without --history every test counts as new"), "{}", ran.err);
}

#[test]
fn the_report_is_one_page_and_replaces_the_old_one() {
    let program = Program::new();
    made(&program, &Sample { worse: vec![(12, 0.3)], ..small() });
    let page = program.home.path().join("judge.html");
    std::fs::write(&page, "old").unwrap();
    let ran = judge(&program, &["--report", "judge.html", "--payload", TAG]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("the report is judge.html"), "{}", ran.err);
    let html = std::fs::read_to_string(page).unwrap();
    for part in ["<!DOCTYPE html>", TAG, JOB, "(case 12)", "of 40 tests 1 failed"] {
        assert!(html.contains(part), "{part} is not in the page");
    }
    assert_eq!(names(program.home.path()), ["history.jsonl", "judge.html", "runs"]);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn the_files_of_the_aggregator_in_use_stand_where_it_puts_them() {
    let program = Program::new();
    made(&program, &Sample { unfinished: vec![2], ..small() });
    let ran = judge(&program, &["--artifacts", "out", "--payload", TAG]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let out = program.home.path().join("out");
    assert_eq!(names(&out), ["aggregation-testrun-summary.html", "job-run-summary.html", JOB]);
    assert_eq!(names(&out.join(JOB).join(TAG)), ["aggregation-config.yaml", "junit-aggregated.xml"]);
}

#[test]
fn what_cannot_be_judged_or_written_is_refused_and_nothing_is_changed() {
    let program = Program::new();
    made(&program, &small());
    let home = program.home.path();
    std::fs::create_dir(home.join("empty")).unwrap();
    std::fs::write(home.join("odd.jsonl"), "{\"name\": \"a\"\n").unwrap();
    std::fs::write(home.join("file"), "").unwrap();
    std::fs::create_dir_all(home.join("plain/1/junit")).unwrap();
    std::fs::write(home.join("plain/1/junit/junit.xml"), "<testsuite><testcase name='a'/></testsuite>")
        .unwrap();
    let before = names(home);
    let mut told = String::new();
    for arguments in [
        &["payload-job", "judge", "nowhere"][..],
        &["payload-job", "judge", "empty"],
        &["payload-job", "judge", "runs", "--history", "nowhere.jsonl"],
        &["payload-job", "judge", "runs", "--history", "odd.jsonl"],
        &["payload-job", "judge", "runs", "--report", "no/such/judge.html"],
        &["payload-job", "judge", "runs", "--report", "empty"],
        &["payload-job", "judge", "runs", "--artifacts", "file/below", "--payload", TAG],
        &["payload-job", "judge", "plain", "--artifacts", "out"],
        &["payload-job", "judge", "plain", "--artifacts", "out", "--job", "periodic-x"],
        &["payload-job", "judge", "runs", "--artifacts", "out", "--payload", ".."],
    ] {
        let ran = program.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}\n{}", ran.err);
        told.push_str(&ran.err.replace(home.to_str().unwrap(), "~"));
    }
    assert_eq!(names(home), before, "something was written");
    insta::assert_snapshot!(told, @r#"
    regatta: nowhere: there is no such folder; . holds empty, plain, runs
    regatta: empty: holds no run: it is empty; a folder a run, or an .xml file a run, is expected in it
    regatta: nowhere.jsonl: there is no such file or folder; . holds empty, file, history.jsonl, odd.jsonl, plain, runs
    regatta: odd.jsonl, line 1: is no valid JSON: EOF while parsing an object (column 12)
    regatta: no/such/judge.html cannot be written: there is no folder no/such
    regatta: empty cannot be written: it is no regular file
    regatta: nothing can be written to file/below: ~/file is no folder
    regatta: --artifacts names a folder after the job, and it is not known which that is: say --job NAME
    regatta: --artifacts names a folder after the payload, and it is not known which that is: say --payload TAG
    regatta: the payload ".." cannot name a folder: it begins with a dot or a dash
    "#);
}

#[test]
fn runs_of_another_job_are_not_judged() {
    let program = Program::new();
    made(&program, &small());
    let ran = judge(&program, &["--job", "periodic-another"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains(JOB), "{}", ran.err);
}

#[test]
fn what_was_written_among_the_runs_is_no_run_the_next_time() {
    let program = Program::new();
    made(&program, &small());
    let arguments =
        &["--artifacts", "runs/out", "--report", "runs/judge.html", "--payload", TAG, "-o", "json"];
    let first = judge(&program, arguments);
    assert_eq!(first.json(), judge(&program, arguments).json());
}

#[test]
fn a_name_from_outside_moves_no_cursor() {
    let program = Program::new();
    let junit =
        "<testsuite name=\"e2e\"><testcase name=\"a&#10;b \u{9b}31m\"><failure/></testcase></testsuite>";
    for run in 0..6 {
        let folder = program.home.path().join(format!("runs/{run}/junit"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("junit.xml"), junit).unwrap();
    }
    let ran = program.run(&["payload-job", "judge", "runs"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("e2e: a b  31m\n"), "{:?}", ran.out);
}
