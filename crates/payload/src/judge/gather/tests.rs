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
    note DIR/1/junit/odd.xml: elements or text behind the end, not read: 1
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
    note runs here: 2, expected: 1. Runs of another entry with the same Prow job, or its retries, cannot be told apart and count too
    ");
    assert_snapshot!(runs.all(), @"
    run 1
    run 2
    run 3
    run 4 unfinished: finished.json is missing
    e2e > a 0:1/0/0 1:0/1/0 2:0/1/0
    note the runs are of several jobs, and are taken together: job-a (2), job-b (1)
    note the runs are of several payloads, and are taken together: tag-1 (2), tag-2 (1)
    ");
    let history = Options { scope: Scope::ManyPayloads, ..Options::default() };
    assert!(!runs.told(&history).contains("payloads"));
    let other = Options { job: Some("job-c".to_owned()), ..Options::default() };
    let runs = Runs::new().prow("1", "job-a", "tag-1");
    assert_snapshot!(runs.plain(gather(&runs.path(), &other).unwrap_err().to_string()), @"DIR: no run in it (of 1) is of the job and payload asked for: run 1 was left out: it is of the job job-a");
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
