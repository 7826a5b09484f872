use super::*;
use crate::judge::{Counts, Tally};
use insta::assert_snapshot;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder of runs in the making.
struct Runs(TempDir);

impl Runs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// Writes a file, with the folders that it needs.
    fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// One suite `e2e` with cases as the letters say: `+` passes, `-` fails, `s` is skipped.
    fn junit(self, run: &str, cases: &[(&str, &str)]) -> Self {
        self.file(&format!("{run}/artifacts/e2e/junit/junit_e2e.xml"), suite(cases))
    }

    /// The files of a run that ended.
    fn finished(self, run: &str) -> Self {
        self.prow(run, "job-a", "4.21.0-0.nightly-2026-01-31-123456")
    }

    fn prow(self, run: &str, job: &str, tag: &str) -> Self {
        let prow_job = format!(
            r#"{{"metadata": {{"annotations": {{"prow.k8s.io/job": "{job}", "release.openshift.io/tag": "{tag}"}},
                "labels": {{"prow.k8s.io/job": "cut-{job}"}}}}, "spec": {{"job": "{job}"}}, "status": {{"state": "failure",
                "startTime": "2026-01-31T12:00:00Z", "completionTime": "2026-01-31T14:00:05Z",
                "url": "https://prow.example.com/view/{run}", "build_id": "{run}"}}}}"#
        );
        self.file(
            &format!("{run}/finished.json"),
            r#"{"timestamp": 1769868005, "passed": false, "result": "FAILURE"}"#,
        )
        .file(&format!("{run}/prowjob.json"), prow_job)
    }

    fn gather(&self) -> Gathered {
        gather(&self.path(), &Options::default()).unwrap()
    }

    fn complaint(&self) -> String {
        self.plain(gather(&self.path(), &Options::default()).unwrap_err().to_string())
    }

    /// Without the name of the temporary folder.
    fn plain(&self, text: String) -> String {
        text.replace(&self.path().display().to_string(), "DIR")
    }

    /// Everything that people are told.
    fn told(&self, options: &Options) -> String {
        let gathered = gather(&self.path(), options).unwrap();
        let mut text = String::new();
        for run in &gathered.runs {
            let _ = write!(text, "run {}", run.id);
            if let RunState::Unfinished(why) = &run.state {
                let _ = write!(text, " unfinished: {why}");
            }
            text.push('\n');
        }
        for tally in &gathered.tests {
            let _ = writeln!(text, "{}", line(tally));
        }
        for (backend, runs) in &gathered.disruption {
            let _ = writeln!(text, "disruption {backend}: {runs:?}");
        }
        for note in &gathered.notes {
            let _ = writeln!(text, "note {note}");
        }
        self.plain(text)
    }

    fn all(&self) -> String {
        self.told(&Options::default())
    }
}

fn suite(cases: &[(&str, &str)]) -> String {
    let mut xml = String::from("<testsuite name=\"e2e\">");
    for (name, letters) in cases {
        for letter in letters.chars() {
            let inside = match letter {
                '-' => "<failure message=\"no\"/>",
                'e' => "<error message=\"broken\"/>",
                's' => "<skipped/>",
                _ => "",
            };
            let _ = write!(xml, "<testcase name=\"{name}\">{inside}</testcase>");
        }
    }
    xml + "</testsuite>"
}

fn line(tally: &Tally) -> String {
    let informing = if tally.informing { " (informing)" } else { "" };
    let runs: Vec<String> = tally
        .runs
        .iter()
        .map(|(run, Counts { passes, failures, skips })| format!("{run}:{passes}/{failures}/{skips}"))
        .collect();
    format!("{} > {}{informing} {}", tally.id.suite, tally.id.name, runs.join(" "))
}

#[test]
fn plain_folders_are_finished_by_having_junit() {
    let runs = Runs::new()
        .junit("10", &[("b", "+"), ("a", "-+")])
        .junit("9", &[("a", "e"), ("c", "s")])
        .junit("retry", &[("a", "+")])
        .file("11/build-log.txt", "died early");
    assert_snapshot!(runs.all(), @"
    run 9
    run 10
    run 11 unfinished: it has no JUnit file
    run retry
    e2e > a 0:0/1/0 1:1/1/0 3:1/0/0
    e2e > b 1:1/0/0
    e2e > c 0:0/0/1
    ");
}

#[test]
fn with_prow_files_only_ended_runs_count() {
    let cases = &[("a", "+")][..];
    let runs = Runs::new()
        .junit("1", cases)
        .finished("1")
        .junit("2", cases)
        .file("2/finished.json", "")
        .junit("3", cases)
        .file("3/finished.json", "{}")
        .junit("4", cases)
        .file("4/finished.json", "{}")
        .file("4/prowjob.json", r#"{"status": {"startTime": "2026-01-31T12:00:00Z"}}"#)
        .junit("5", cases)
        .file("5/finished.json", "{}")
        .file("5/prowjob.json", "oops")
        .junit("6", cases)
        .finished("7")
        .finished("8")
        .file("8/finished.json", "odd but there");
    assert_snapshot!(runs.all(), @"
    run 1
    run 2 unfinished: finished.json is empty
    run 3 unfinished: prowjob.json is missing
    run 4 unfinished: prowjob.json has no completion time
    run 5 unfinished: prowjob.json is not what Prow writes: expected value at line 1 column 1
    run 6 unfinished: finished.json is missing
    run 7
    run 8
    e2e > a 0:1/0/0
    note DIR/8/finished.json: is not what Prow writes: expected value at line 1 column 1
    note both finished.json and prowjob.json are asked of every run, for both occur here; runs with one of them only count as unfinished: 2, 3
    note runs that have readable JUnit but neither finished.json nor prowjob.json count as unfinished, for other runs here tell their end so: 6
    ");
    let run = &runs.gather().runs[0];
    assert_eq!((run.job.as_deref(), run.result.as_deref()), (Some("job-a"), Some("FAILURE")));
    assert_eq!(run.url.as_deref(), Some("https://prow.example.com/view/1"));
    assert_eq!(run.started.unwrap().to_string(), "2026-01-31T12:00:00Z");
    assert_eq!(run.duration_seconds, Some(7205));
    assert_eq!(run.folder, runs.path().join("1"));
}

#[test]
fn junit_is_known_by_its_path_and_suites_by_theirs() {
    let deep = "<testsuites><testsuite name='outer'><testsuite name='inner'><testcase name='x' lifecycle='blocking'/>\
        </testsuite><testcase name='x' lifecycle='informing'/></testsuite></testsuites>";
    let runs = Runs::new()
        .file("1/artifacts/junit_operator.xml", suite(&[("from the top", "+")]))
        .file("1/artifacts/step/artifacts/junit-results/result.xml", deep)
        .file("1/artifacts/step/results/result.xml", suite(&[("no JUnit by its path", "+")]))
        .file("1/artifacts/prowjob_junit.xml", suite(&[("neither", "+")]))
        .file(
            "2/junit.xml",
            deep.replace("blocking", "informing")
                .replace("'x' lifecycle='informing'/></testsuite></", "'x' /></testsuite></"),
        );
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    e2e > from the top 0:1/0/0
    outer > x (informing) 0:1/0/0 1:1/0/0
    outer|||inner > x 0:1/0/0 1:1/0/0
    ");
}

#[test]
fn nothing_of_a_file_that_cannot_be_read_counts() {
    let runs = Runs::new()
        .file("1/junit/good.xml", suite(&[("a", "+")]))
        .file("1/junit/empty.xml", "")
        .file("1/junit/half.xml", &suite(&[("a", "-"), ("never whole", "-")])[..60])
        .file("1/junit/page.xml", "<html/>")
        .file(
            "1/junit/odd.xml",
            "<testsuite name='e2e'><testcase/><testcase name='b'/></testsuite>\n<testsuite/>",
        )
        .file("2/junit/half.xml", "<testsuite><testcase name='a'/>");
    assert_snapshot!(runs.all(), @"
    run 1
    run 2 unfinished: it has no readable JUnit file (DIR/2/junit/half.xml: line 1, column 32: ends too early, `testsuite` is still open)
    e2e > a 0:1/0/0
    e2e > b 0:1/0/0
    note DIR/1/junit/empty.xml: is empty; the file was not used
    note DIR/1/junit/half.xml: line 1, column 61: ends too early, within the tag that begins at line 1, column 42; a quotation mark may be missing in it; the file was not used
    note DIR/1/junit/odd.xml: cases without a name, not counted: 1
    note DIR/1/junit/odd.xml: further root elements behind the first, read as well: 1
    note DIR/1/junit/page.xml: line 1, column 1: is no JUnit: the root element is `html`, where `testsuites` or `testsuite` is expected; the file was not used
    note DIR/2/junit/half.xml: line 1, column 32: ends too early, `testsuite` is still open; the file was not used
    ");
}

#[test]
fn results_that_only_repeat_their_run_are_left_out() {
    let step = "Run multi-stage test e2e-aws - e2e-aws-openshift-e2e-test container test";
    let other = "Run multi-stage test e2e-aws - e2e-aws-ipi-install container test";
    let runs = Runs::new().junit("1", &[(step, "-"), (other, "-")]).junit("2", &[(step, "-"), (other, "+")]);
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    e2e > Run multi-stage test e2e-aws - e2e-aws-ipi-install container test 0:0/1/0 1:1/0/0
    note left out 2 results of `Run multi-stage test … -openshift-e2e-test container test`, which only repeat how their run went as a whole
    ");
}

#[test]
fn any_xml_will_do_where_none_is_named_as_junit() {
    let runs = Runs::new()
        .file("1/results/TEST-a.xml", suite(&[("a", "+")]))
        .file("2/out.xml", suite(&[("a", "-")]));
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    e2e > a 0:1/0/0 1:0/1/0
    note no file is named as JUnit (a path with /junit, ending in .xml), so every .xml file was read
    ");
    assert_snapshot!(runs.junit("3", &[("a", "s")]).all(), @"
    run 1 unfinished: it has no file named as JUnit (a path with /junit), only 1 other .xml
    run 2 unfinished: it has no file named as JUnit (a path with /junit), only 1 other .xml
    run 3
    e2e > a 2:0/0/1
    ");
}

#[test]
fn loose_files_are_a_run_each() {
    let runs = Runs::new()
        .file("attempt-2.xml", suite(&[("a", "+")]))
        .file("attempt-1.xml", suite(&[("a", "-")]))
        .file("attempt-3.xml", "")
        .file("notes.txt", "")
        .file("junit-aggregated.xml", suite(&[("old verdict", "-")]));
    assert_snapshot!(runs.all(), @"
    run attempt-1
    run attempt-2
    run attempt-3 unfinished: it has no readable JUnit file (DIR/attempt-3.xml: is empty)
    e2e > a 0:0/1/0 1:1/0/0
    note DIR/attempt-3.xml: is empty; the file was not used
    ");
}

#[test]
fn hidden_folders_and_what_a_judgement_wrote_are_no_runs() {
    let runs = Runs::new()
        .junit("1", &[("a", "+")])
        .junit(".cache", &[("a", "-")])
        .file("1/junit/junit-aggregated.xml", suite(&[("old verdict", "-")]))
        .file("job-a/4.21.0/junit-aggregated.xml", suite(&[("old verdict", "-")]))
        .file("job-a/4.21.0/aggregation-config.yaml", "")
        .file("aggregation-old/junit/x.xml", suite(&[("old verdict", "-")]))
        .file("job-run-summary.html", "")
        .file("aggregation-testrun-summary.html", "")
        .file("stray.xml", suite(&[("stray", "-")]));
    assert_snapshot!(runs.all(), @"
    run 1
    e2e > a 0:1/0/0
    note not read, for the runs are in folders: DIR/stray.xml
    ");
}

#[test]
fn runs_of_another_job_or_payload_are_left_out() {
    let runs = Runs::new()
        .junit("1", &[("a", "+")])
        .prow("1", "job-a", "tag-1")
        .junit("2", &[("a", "-")])
        .prow("2", "job-b", "tag-1")
        .junit("3", &[("a", "-")])
        .prow("3", "job-a", "tag-2")
        .junit("4", &[("a", "+")]);
    let options = Options {
        job: Some("job-a".to_owned()),
        payload: Some("tag-1".to_owned()),
        expected_runs: Some(1),
        ..Options::default()
    };
    assert_snapshot!(runs.told(&options), @"
    run 1
    run 4 unfinished: finished.json is missing
    e2e > a 0:1/0/0
    note run 2 was left out: it is of the job job-b
    note run 3 was left out: it is of the payload tag-2
    note runs that have readable JUnit but neither finished.json nor prowjob.json count as unfinished, for other runs here tell their end so: 4
    note runs here: 2, expected: 1. Runs of another entry with the same Prow job, or its retries, cannot be told apart and count too
    ");
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    run 3
    run 4 unfinished: finished.json is missing
    e2e > a 0:1/0/0 1:0/1/0 2:0/1/0
    note runs that have readable JUnit but neither finished.json nor prowjob.json count as unfinished, for other runs here tell their end so: 4
    note the runs are of several jobs, and are taken together: job-a (2), job-b (1)
    note the runs are of several payloads, and are taken together: tag-1 (2), tag-2 (1)
    ");
    let history = Options { scope: Scope::ManyPayloads, ..Options::default() };
    assert!(!runs.told(&history).contains("payloads"));
    let other = Options { job: Some("job-c".to_owned()), ..Options::default() };
    let runs = Runs::new().prow("1", "job-a", "tag-1");
    assert_snapshot!(runs.plain(gather(&runs.path(), &other).unwrap_err().to_string()), @"DIR: no run in it (of 1) is of the job and payload asked for: 1 run is of the job job-a");
}

#[test]
fn disruption_is_rounded_up_and_summed_over_the_files_of_a_finished_run() {
    let data = |seconds: &str| {
        format!(
            r#"{{"BackendDisruptions": {{"kube-api": {{"Name": "kube-api", "BackendName": "x", "DisruptedDuration": "{seconds}"}},
                "oauth": {{"Name": "oauth", "DisruptedDuration": "0s"}}}}}}"#
        )
    };
    let runs = Runs::new()
        .finished("1")
        .file("1/artifacts/a/junit/backend-disruption_20260131-1.json", data("1.2s"))
        .file("1/artifacts/a/junit/backend-disruption_20260131-2.json", data("3s"))
        .file("1/artifacts/a/junit/backend-disruption_20260131-3.json", "{")
        .finished("2")
        .file("3/artifacts/a/junit/backend-disruption_1.json", data("9s"))
        .finished("4")
        .file("4/artifacts/backend-disruption_1.json", data("0s"));
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    run 3 unfinished: finished.json is missing
    run 4
    disruption kube-api: [(0, 5), (3, 0)]
    disruption oauth: [(0, 0), (3, 0)]
    note DIR/1/artifacts/a/junit/backend-disruption_20260131-3.json: is no valid JSON: EOF while parsing an object at line 1 column 1; the file was not used
    ");
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_never_in_a_circle() {
    use std::os::unix::fs::symlink;
    let runs = Runs::new().junit("1", &[("a", "+")]).junit("2", &[("a", "-")]);
    let elsewhere = Runs::new().file("junit/more.xml", suite(&[("b", "+")]));
    let dir = runs.path();
    symlink(&dir, dir.join("1/up")).unwrap();
    symlink(dir.join("1/artifacts"), dir.join("1/latest")).unwrap();
    symlink(elsewhere.path(), dir.join("1/elsewhere")).unwrap();
    symlink(elsewhere.path(), elsewhere.path().join("circle")).unwrap();
    symlink(dir.join("nowhere"), dir.join("1/broken")).unwrap();
    symlink(dir.join("2"), dir.join("3")).unwrap();
    symlink(dir.join("self"), dir.join("self")).unwrap();
    symlink(".", dir.join("here")).unwrap();
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    e2e > a 0:1/0/0 1:0/1/0
    e2e > b 0:1/0/0
    note DIR/3: leads to a folder that is here already
    note DIR/here: leads to a folder that is here already
    note DIR/self: is a link that leads nowhere
    note DIR/1/broken: is a link that leads nowhere
    note DIR/1/up: is a link to around itself, not followed
    ");
}

#[test]
fn what_cannot_be_gathered_says_what_is_there() {
    let runs = Runs::new().file("runs-4.21/1/x.txt", "").file("runs-4.20/1/x.txt", "").file("a-file", "");
    let complaint = |path: &str| {
        runs.plain(gather(&runs.path().join(path), &Options::default()).unwrap_err().to_string())
    };
    assert_snapshot!(complaint("runs-4.22"), @"DIR/runs-4.22: there is no such folder; DIR holds runs-4.20, runs-4.21");
    assert_snapshot!(complaint("runs-4.21/1/deep/er"), @"DIR/runs-4.21/1/deep/er: there is no such folder; DIR/runs-4.21/1 holds no folder");
    assert_snapshot!(complaint("a-file"), @"DIR/a-file: is a file, where a folder with one folder a run is expected");
    assert_snapshot!(complaint("runs-4.21/1"), @"DIR/runs-4.21/1: holds no run: there is x.txt; a folder a run, or an .xml file a run, is expected in it");
    let lots = (0..12).fold(Runs::new(), |runs, n| runs.file(&format!("note-{n:02}.txt"), ""));
    assert_snapshot!(lots.complaint(), @"DIR: holds no run: there is note-00.txt, note-01.txt, note-02.txt, note-03.txt, note-04.txt, note-05.txt, note-06.txt, note-07.txt, and 4 more; a folder a run, or an .xml file a run, is expected in it");
    assert_snapshot!(Runs::new().complaint(), @"DIR: holds no run: it is empty; a folder a run, or an .xml file a run, is expected in it");
    assert_snapshot!(Runs::new().file("finished.json", "{}").junit(".", &[]).complaint(), @"DIR: is the folder of one run, for it holds finished.json itself; give the folder around it, with one folder a run");
    assert_snapshot!(Runs::new().file("job/tag/junit-aggregated.xml", "").complaint(), @"DIR: holds no run: there is job; a folder a run, or an .xml file a run, is expected in it");
}

#[test]
fn many_runs_read_at_once_give_the_same_as_one_after_the_other() {
    let runs = (0..40).fold(Runs::new(), |runs, n: usize| {
        let name = format!("only in {n}");
        runs.junit(&n.to_string(), &[("always", if n.is_multiple_of(3) { "-" } else { "+" }), (&name, "+")])
    });
    let gathered = runs.gather();
    let ids: Vec<&str> = gathered.runs.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(ids, (0..40).map(|n| n.to_string()).collect::<Vec<_>>());
    let always = &gathered.tests[0];
    assert_eq!((always.attempts(), always.passes()), (40, 26));
    assert!(always.runs.iter().map(|(run, _)| *run).eq(0..40));
    assert_eq!(gathered.tests.len(), 41);
    assert!(gathered.tests.iter().map(|tally| &tally.id).is_sorted());
}

/// Prow's files as far as told, beside JUnit.
fn with(mut runs: Runs, run: &str, finished: Option<&str>, prow_job: Option<&str>) -> Runs {
    runs = runs.junit(run, &[("a", "+")]);
    if let Some(finished) = finished {
        runs = runs.file(&format!("{run}/finished.json"), finished);
    }
    if let Some(prow_job) = prow_job {
        runs = runs.file(&format!("{run}/prowjob.json"), prow_job);
    }
    runs
}

const COMPLETED: &str = r#"{"status": {"completionTime": "2026-01-31T14:00:05Z"}}"#;

#[test]
fn a_file_that_no_run_has_is_asked_of_none() {
    let mut runs = Runs::new();
    for (run, finished) in [("1", Some("{}")), ("2", Some("")), ("3", None)] {
        runs = with(runs, run, finished, None);
    }
    assert_snapshot!(runs.all(), @"
    run 1
    run 2 unfinished: finished.json is empty
    run 3 unfinished: finished.json is missing
    e2e > a 0:1/0/0
    note runs that have readable JUnit but no finished.json count as unfinished, for other runs here tell their end so: 3
    ");
    let mut runs = Runs::new();
    for (run, prow_job) in [("1", Some(COMPLETED)), ("2", Some("{}")), ("3", None)] {
        runs = with(runs, run, None, prow_job);
    }
    assert_snapshot!(runs.all(), @"
    run 1
    run 2 unfinished: prowjob.json has no completion time
    run 3 unfinished: prowjob.json is missing
    e2e > a 0:1/0/0
    note runs that have readable JUnit but no prowjob.json count as unfinished, for other runs here tell their end so: 3
    ");
}

#[test]
fn where_both_files_occur_both_are_asked_and_a_note_tells_whom_that_costs() {
    let mut runs = Runs::new();
    for (run, finished, prow_job) in [
        ("1", Some("{}"), Some(COMPLETED)),
        ("2", Some("{}"), None),
        ("3", None, Some(COMPLETED)),
        ("4", None, None),
    ] {
        runs = with(runs, run, finished, prow_job);
    }
    assert_snapshot!(runs.all(), @"
    run 1
    run 2 unfinished: prowjob.json is missing
    run 3 unfinished: finished.json is missing
    run 4 unfinished: finished.json is missing
    e2e > a 0:1/0/0
    note both finished.json and prowjob.json are asked of every run, for both occur here; runs with one of them only count as unfinished: 2, 3
    note runs that have readable JUnit but neither finished.json nor prowjob.json count as unfinished, for other runs here tell their end so: 4
    ");
}

#[test]
fn of_prowjob_json_only_the_completion_time_is_needed() {
    let mut runs = Runs::new();
    for (run, prow_job) in [
        (
            "1",
            r#"{"metadata": null, "spec": null, "status": {"completionTime": "2026-01-31T14:00:05Z", "url": null}}"#,
        ),
        (
            "2",
            r#"{"metadata": {"labels": null, "annotations": {"a": 1, "prow.k8s.io/job": 7}}, "spec": {"job": "job-a"},
                  "status": {"startTime": 5, "state": ["x"], "completionTime": "2026-01-31T14:00:05Z"}}"#,
        ),
        ("3", r#"{"status": {"completionTime": null}}"#),
        ("4", "[]"),
    ] {
        runs = with(runs, run, Some("{\"timestamp\": null, \"passed\": \"yes\"}"), Some(prow_job));
    }
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    run 3 unfinished: prowjob.json has no completion time
    run 4 unfinished: prowjob.json has no completion time
    e2e > a 0:1/0/0 1:1/0/0
    ");
    assert_eq!(runs.gather().runs[1].job.as_deref(), Some("job-a"));
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_told_and_not_read() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    let runs = Runs::new().junit("1", &[("a", "+")]).junit("2", &[("a", "+")]);
    let dir = runs.path();
    symlink("/dev/zero", dir.join("1/junit2.xml")).unwrap();
    symlink("/dev/zero", dir.join("1/backend-disruption_1.json")).unwrap();
    symlink("/dev/zero", dir.join("2/finished.json")).unwrap();
    let _socket = UnixListener::bind(dir.join("2/junit.xml")).unwrap();
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    e2e > a 0:1/0/0 1:1/0/0
    note DIR/1/backend-disruption_1.json: is no regular file (a pipe, a device or the like), not read
    note DIR/1/junit2.xml: is no regular file (a pipe, a device or the like), not read
    note DIR/2/finished.json: is no regular file (a pipe, a device or the like), not read
    note DIR/2/junit.xml: is no regular file (a pipe, a device or the like), not read
    ");
    let loose = Runs::new().file("1.xml", suite(&[("a", "+")]));
    symlink("/dev/zero", loose.path().join("2.xml")).unwrap();
    assert_snapshot!(loose.all(), @"
    run 1
    e2e > a 0:1/0/0
    note DIR/2.xml: is no regular file (a pipe, a device or the like), not read
    ");
}

#[test]
fn runs_one_folder_deeper_are_found_where_it_is_clear_which_are_meant() {
    let job = Runs::new()
        .junit("logs/job-a/101", &[("a", "+")])
        .junit("logs/job-a/102", &[("a", "-")])
        .file("logs/job-a/latest-build.txt", "102")
        .file("notes/todo.txt", "");
    assert_snapshot!(job.all(), @"
    run 101
    run 102
    e2e > a 0:1/0/0 1:0/1/0
    note DIR/notes: was left out, for nothing of a run is in it
    note no run stands in DIR itself: its folders of runs were found one level down or further, 2 in DIR/logs/job-a
    ");
    let one_with_markers = Runs::new().junit("job-a/first", &[("a", "+")]).finished("job-a/first");
    assert_snapshot!(one_with_markers.all(), @"
    run first
    e2e > a 0:1/0/0
    note no run stands in DIR itself: its folders of runs were found one level down or further, 1 in DIR/job-a
    ");
    let job = job.junit("logs/job-b/101", &[("a", "-")]).junit("logs/job-b/102", &[("a", "-")]);
    assert_snapshot!(job.complaint(), @"DIR: the runs are one folder deeper: give one of DIR/logs/job-a, DIR/logs/job-b");
    let history = Options { scope: Scope::ManyPayloads, ..Options::default() };
    assert_snapshot!(job.told(&history), @"
    run logs/job-a/101
    run logs/job-a/102
    run logs/job-b/101
    run logs/job-b/102
    e2e > a 0:1/0/0 1:0/1/0 2:0/1/0 3:0/1/0
    note DIR/notes: was left out, for nothing of a run is in it
    note no run stands in DIR itself: its folders of runs were found one level down or further, 2 in DIR/logs/job-a
    note no run stands in DIR itself: its folders of runs were found one level down or further, 2 in DIR/logs/job-b
    ");
    let mixed = job.junit("103", &[("a", "+")]);
    assert_snapshot!(mixed.complaint(), @"DIR: the runs are one folder deeper: give one of DIR/logs/job-a, DIR/logs/job-b; beside them are runs in DIR itself: 103");
    assert!(gather(&mixed.path(), &history).is_err());
}

#[test]
fn the_steps_of_a_run_are_no_runs() {
    let runs = Runs::new()
        .file("1/e2e/install/finished.json", "{}")
        .file("1/e2e/install/build-log.txt", "")
        .file("1/e2e/test/finished.json", "{}")
        .file("1/e2e/test/artifacts/junit/a.xml", suite(&[("a", "+")]))
        .file("2/shards/1/junit/a.xml", suite(&[("a", "+")]))
        .file("2/shards/2/junit/a.xml", suite(&[("b", "-")]))
        .file("one/e2e/junit/a.xml", suite(&[("a", "+")]))
        .file("one/upgrade/junit/a.xml", suite(&[("b", "+")]))
        .file("three/artifacts/101/started.json", "")
        .file("three/artifacts/102/started.json", "");
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    run one
    e2e > a 0:1/0/0 1:1/0/0 2:1/0/0
    e2e > b 1:0/1/0 2:1/0/0
    note folders that hold nothing of a run and are not named like one, left out: three
    ");
}

#[test]
fn the_folder_of_one_run_is_told_apart_from_a_folder_of_runs() {
    let told = |runs: Runs| runs.complaint();
    let run = || Runs::new().file("artifacts/e2e/junit/a.xml", suite(&[("a", "+")]));
    assert_snapshot!(told(run()), @"DIR: is the folder of one run, for it holds its folder `artifacts`, and no other folder; give the folder around it, with one folder a run");
    assert_snapshot!(told(run().file("started.json", "{}").file("build-log.txt", "")), @"DIR: is the folder of one run, for it holds started.json itself; give the folder around it, with one folder a run");
    assert_snapshot!(told(run().file("other/x.txt", "").file("build-log.txt", "")), @"DIR: is the folder of one run, for it holds build-log.txt itself; give the folder around it, with one folder a run");
    // Somebody's log beside runs says nothing.
    assert_eq!(Runs::new().junit("1", &[("a", "+")]).file("build-log.txt", "").gather().runs.len(), 1);
}

#[test]
fn junit_may_be_packed_and_called_in_any_case() {
    let packed = |text: String| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packer, text.as_bytes()).unwrap();
        packer.finish().unwrap()
    };
    let runs = Runs::new()
        .file("1/JUNIT.XML", suite(&[("a", "+")]))
        .file("2/artifacts/junit_e2e.xml.gz", packed(suite(&[("a", "-")])))
        .file("3/JUnit/a.Xml.GZ", packed(suite(&[("a", "s")])))
        .file("4/junit.xml.gz", "not packed");
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    run 3
    run 4 unfinished: it has no readable JUnit file (DIR/4/junit.xml.gz: cannot be read: invalid gzip header)
    e2e > a 0:1/0/0 1:0/1/0 2:0/0/1
    note DIR/4/junit.xml.gz: cannot be read: invalid gzip header; the file was not used
    ");
    let loose = Runs::new().file("run-1.xml.gz", packed(suite(&[("a", "+")])));
    assert_snapshot!(loose.all(), @"
    run run-1
    e2e > a 0:1/0/0
    ");
}

#[test]
fn folders_with_nothing_of_a_run_beside_runs_are_no_runs() {
    let runs = Runs::new()
        .junit("aws-1", &[("a", "+")])
        .file("aws-2/x.txt", "")
        .file("history/h.jsonl", "")
        .file("7/x.txt", "")
        .file("9f8e7d6c-aaaa/junit.xml", suite(&[("a", "+")]))
        .file("00ff7d6c-bbbb/x.txt", "");
    fs::create_dir(runs.path().join("logs")).unwrap();
    assert_snapshot!(runs.all(), @"
    run 7 unfinished: it has no JUnit file
    run 00ff7d6c-bbbb unfinished: it has no JUnit file
    run 9f8e7d6c-aaaa
    run aws-1
    run aws-2 unfinished: it has no JUnit file
    e2e > a 2:1/0/0 3:1/0/0
    note folders that hold nothing of a run and are not named like one, left out: history, logs
    ");
}

#[test]
fn what_the_first_failing_run_says_is_kept() {
    let says = |message: &str| {
        format!(
            "<testsuite name='e2e'><testcase name='a'><failure message='{message}'/></testcase></testsuite>"
        )
    };
    let skipped =
        "<testsuite name='e2e'><testcase name='b'><skipped message='not here'/></testcase></testsuite>";
    let runs = Runs::new()
        .junit("1", &[("a", "+")])
        .file("2/junit.xml", says("first"))
        .file("2/junit-half.xml", &says("of a file that breaks off")[..90])
        .file("3/junit.xml", says("second"))
        .file("3/junit-b.xml", skipped);
    let messages = |runs: &Runs| -> Vec<Option<String>> {
        runs.gather().tests.into_iter().map(|tally| tally.message).collect()
    };
    assert_eq!(messages(&runs), [Some("first".to_owned()), None]);
    let long = Runs::new().file("1/junit.xml", says(&"\u{e4}".repeat(500)));
    let message = messages(&long).remove(0).unwrap();
    assert_eq!(message, "\u{e4}".repeat(MESSAGE_CHARACTERS_MAX) + "\u{2026}");
}

#[test]
fn impossible_disruption_is_left_out_and_never_overflows() {
    let data = |seconds: &str| {
        format!(r#"{{"BackendDisruptions": {{"kube-api": {{"DisruptedDuration": {seconds}}}}}}}"#)
    };
    let runs = Runs::new()
        .junit("1", &[("a", "+")])
        .file("1/backend-disruption_1.json", data("\"2562047h47m16s\""))
        .file("1/backend-disruption_2.json", data("9223372036854775807"))
        .file("1/backend-disruption_3.json", data("\"2s\""));
    assert_snapshot!(runs.all(), @"
    run 1
    e2e > a 0:1/0/0
    disruption kube-api: [(0, 2)]
    note DIR/1/backend-disruption_1.json: `kube-api` was disrupted for 9223372036 s, more than a week; left out
    note DIR/1/backend-disruption_2.json: `kube-api` was disrupted for 9223372037 s, more than a week; left out
    ");
}

#[test]
fn of_many_runs_of_another_job_the_job_is_told_once() {
    let runs = (0..10)
        .fold(Runs::new().prow("x", "job-b", "tag"), |runs, n| runs.prow(&n.to_string(), "job-a", "tag"));
    let of = |job: &str| Options { job: Some(job.to_owned()), ..Options::default() };
    assert_snapshot!(runs.told(&of("job-b")), @"
    run x
    note 10 runs were left out, for they are of the job job-a: 0, 1, 2, 3, 4, 5, 6, 7, and 2 more
    ");
    assert_snapshot!(runs.plain(gather(&runs.path(), &of("job-c")).unwrap_err().to_string()), @"DIR: no run in it (of 11) is of the job and payload asked for: 10 runs are of the job job-a, 1 run is of the job job-b");
}
