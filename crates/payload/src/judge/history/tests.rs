use super::*;
use insta::assert_snapshot;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

fn read(name: &str, content: impl AsRef<[u8]>) -> Result<History, HistoryError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    load(&path)
}

/// Everything that is known, in order.
fn told(history: &History) -> String {
    let mut lines: Vec<String> = history
        .tests
        .iter()
        .map(|(id, past)| match past {
            Past::Counts { passes, runs } => format!("{} > {}: {passes} of {runs}", id.suite, id.name),
            Past::Percentage { percent } => format!("{} > {}: {percent} %", id.suite, id.name),
        })
        .collect();
    lines.sort();
    let mut backends: Vec<_> = history.disruption.iter().collect();
    backends.sort_by_key(|(name, _)| *name);
    for (name, spread) in backends {
        lines.push(format!(
            "disruption {name}: mean {} sd {:.3} p70 {} p85 {} p95 {}",
            spread.mean, spread.standard_deviation, spread.p70, spread.p85, spread.p95
        ));
    }
    lines.extend(history.runs.map(|runs| format!("{runs} runs")));
    lines.extend(history.notes.iter().map(|note| format!("note {note}")));
    lines.join("\n")
}

fn all(name: &str, content: impl AsRef<[u8]>) -> String {
    told(&read(name, content).unwrap())
}

fn complaint(name: &str, content: impl AsRef<[u8]>) -> String {
    let error = read(name, content).unwrap_err().to_string();
    error.rsplit_once('/').map_or(error.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn a_row_is_understood_by_any_of_its_names() {
    assert_snapshot!(all("h.json", r#"[
        {"suite": "s", "name": "counts", "passes": 240, "runs": 250},
        {"testsuite_name": "s", "test_name": "flakes pass too", "pass_count": 240, "flake_count": 5, "total_count": 250},
        {"TestSuiteName": "s", "TestName": "sum", "PassCount": 9, "FlakeCount": 0, "FailCount": 1},
        {"test_suite_name": "s", "name": "from failures", "fails": 3, "total": 10},
        {"suite": null, "name": "no suite", "working_percentage": 99.9, "pass_percentage": 95},
        {"suite": "s|||inner", "name": "counts win", "passes": 1, "runs": 2, "percent": 100, "job": "ignored"},
        {"suite": "s", "name": "as texts", "passes": "12", "runs": "12.0"},
        {"suite": "s", "name": "never ran", "passes": 0, "runs": 0}
    ]"#), @"
     > no suite: 99 %
    s > as texts: 12 of 12
    s > counts: 240 of 250
    s > flakes pass too: 245 of 250
    s > from failures: 7 of 10
    s > sum: 9 of 10
    s|||inner > counts win: 1 of 2
    note tests without a run in the history, which are taken for new: 1
    ");
}

#[test]
fn a_document_may_tell_disruption_in_either_form() {
    let seconds = "[0, 0, 0, 0, 0, 1, 1, 2, 4, 12]";
    assert_snapshot!(all("h.json", format!(r#"{{"schema": 1, "runs": 250, "tests": [{{"name": "a", "suite": "s", "percentage": 70}}],
        "disruption": {{"kube-api": {{"seconds": {seconds}}}, "few": {{"seconds": [1, 2]}},
                        "oauth": {{"mean": 0.9, "StdDev": 1.2, "P70": 1, "P85": 2, "P95": 4}}}}}}"#)), @"
    s > a: 70 %
    disruption kube-api: mean 2 sd 3.742 p70 1.3 p85 3.3 p95 8.4
    disruption oauth: mean 0.9 sd 1.200 p70 1 p85 2 p95 4
    250 runs
    note the disruption of few is known of 2 runs only, 10 are needed to compare with
    ");
    assert_snapshot!(all("h.json", r#"{"disruption": [{"backend": "a", "mean": 0, "standard_deviation": 0, "p70": 0, "p85": 0, "p95": 0}]}"#), @"disruption a: mean 0 sd 0.000 p70 0 p85 0 p95 0");
}

#[test]
fn a_table_is_read_by_its_header() {
    let table = "\u{feff}job_name,test_name,testsuite_name,runs,passes\r\n\
        j,\"[sig-a] x, \"\"y\"\"\",openshift-tests,10,9\r\n\
        j,\"two\nlines\",\"s\",10,10\r\n\
        \r\n\
        j,plain,,3,1";
    assert_snapshot!(all("h.csv", table), @r#"
     > plain: 1 of 3
    openshift-tests > [sig-a] x, "y": 9 of 10
    s > two
    lines: 10 of 10
    "#);
    assert_snapshot!(all("H.CSV", "name,percent\na,99.9\n"), @"
     > a: 99 %
    note no row of the history names a suite, so each counts for the test of its name in every suite
    ");
}

#[test]
fn packed_files_are_read_as_they_are() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(b"{\"suite\": \"s\", \"name\": \"a\", \"passes\": 1, \"runs\": 2}\n").unwrap();
    assert_eq!(all("h.jsonl.gz", packer.finish().unwrap()), "s > a: 1 of 2");
    assert_snapshot!(complaint("h.csv.gz", "not packed"), @"h.csv.gz: the history cannot be read: invalid gzip header");
}

#[test]
fn a_wrong_row_is_told_with_its_line_field_and_reason() {
    let row = |rest: &str| {
        format!("{{\"name\": \"fine\", \"percent\": 1}}\n\n{{\"suite\": \"s\", \"name\": \"a\"{rest}}}\n")
    };
    let mut text = String::new();
    for rest in [
        ", \"passes\": 11, \"runs\": 10",
        ", \"passes\": 9, \"flakes\": 2, \"runs\": 10",
        ", \"failures\": 11, \"runs\": 10",
        ", \"passes\": -1, \"runs\": 10",
        ", \"passes\": 1.5, \"runs\": 10",
        ", \"pass_count\": \"many\", \"runs\": 10",
        ", \"passes\": true, \"runs\": 10",
        ", \"passes\": 5000000000, \"runs\": 10",
        ", \"passes\": 5",
        ", \"runs\": 5",
        "",
        ", \"percent\": 101",
        ", \"percent\": \"NaN\"",
        ", \"percent\": -0.5",
        ", \"passes\": 1, \"pass_count\": 1, \"runs\": 1",
        ", \"test_name\": \"b\", \"percent\": 1",
        ", \"percent\": 1",
        ", \"percent\": 1} trailing",
        ", \"percent\": ",
    ] {
        let content = row(rest) + &row(", \"percent\": 1").lines().last().unwrap().replace("fine", "b");
        let _ = writeln!(text, "{}", complaint("h.jsonl", content));
    }
    for line in ["{\"percent\": 1}", "{\"name\": \" \", \"percent\": 1}", "{\"name\": 7}", "[]", "7"] {
        let _ = writeln!(text, "{}", complaint("h.jsonl", line));
    }
    assert_snapshot!(text, @r#"
    h.jsonl, line 3: has more passes (11) than runs (10) (test `a`)
    h.jsonl, line 3: has more passes (9) and flakes (2) than runs (10) (test `a`)
    h.jsonl, line 3: has more failures (11) than runs (10) (test `a`)
    h.jsonl, line 3: `passes` is -1, where a whole number from 0 is expected (test `a`)
    h.jsonl, line 3: `passes` is 1.5, where a whole number from 0 is expected (test `a`)
    h.jsonl, line 3: `pass_count` is "many", where a whole number from 0 is expected (test `a`)
    h.jsonl, line 3: `passes` is true or false, where a whole number from 0 is expected (test `a`)
    h.jsonl, line 3: `passes` is 5000000000, where a whole number from 0 is expected (test `a`)
    h.jsonl, line 3: has neither counts nor a percentage: `passes` and `runs` are expected, or `passes` and `failures`, or `percent` (test `a`)
    h.jsonl, line 3: has neither counts nor a percentage: `passes` and `runs` are expected, or `passes` and `failures`, or `percent` (test `a`)
    h.jsonl, line 3: has neither counts nor a percentage: `passes` and `runs` are expected, or `passes` and `failures`, or `percent` (test `a`)
    h.jsonl, line 3: `percent` is 101, where a percentage from 0 to 100 is expected (test `a`)
    h.jsonl, line 3: `percent` is "NaN", where a percentage from 0 to 100 is expected (test `a`)
    h.jsonl, line 3: `percent` is -0.5, where a percentage from 0 to 100 is expected (test `a`)
    h.jsonl, line 3: `pass_count` stands beside `passes`, which is the same
    h.jsonl, line 3: `test_name` stands beside `name`, which is the same
    h.jsonl, line 4: the test `a` of the suite `s` stands twice, first in line 3
    h.jsonl, line 3: is no valid JSON: trailing characters (column 43)
    h.jsonl, line 3: is no valid JSON: expected value (column 40)
    h.jsonl, line 1: has no `name`, where the name of a test is expected
    h.jsonl, line 1: `name` is empty, where the name of a test is expected
    h.jsonl, line 1: `name` is 7, where a text is expected
    h.jsonl, line 1: invalid type: sequence, expected a row such as {"name": "x", "passes": 9, "runs": 10}
    h.jsonl, line 1: invalid type: integer `7`, expected a row such as {"name": "x", "passes": 9, "runs": 10}
    "#);
}

#[test]
fn a_wrong_document_is_told_with_its_line() {
    let mut text = String::new();
    for content in [
        "[\n  {\"name\": \"a\", \"percent\": 1},\n  {\"name\": \"b\", \"passes\": 2,\n   \"runs\": 1}\n]",
        "[\n  {\"name\": \"a\", \"percent\": 1},\n  {\"name\": \"a\", \"percent\": 1}\n]",
        "[\n  {\"name\": \"a\", \"percent\": 1},\n]",
        "[\n  {\"name\": \"a\", \"percent\": 1}\n] more",
        "{\"rows\": [], \"schema\": 1}",
        "{\n\"tests\": {\"a\": 1}}",
        "{\"tests\": 7}",
        "{\"runs\": -1, \"tests\": []}",
        "[]",
        "",
        "\"text\"",
        "{\"disruption\": {\"kube-api\": {\"seconds\": [1, -1]}}}",
        "{\"disruption\": {\"kube-api\": {\"mean\": 1}}}",
        "{\"disruption\": {\"kube-api\": {\"mean\": \"x\"}}}",
        "{\"disruption\": {\"kube-api\": {\"backend\": \"other\"}}}",
    ] {
        let _ = writeln!(text, "{}", complaint("h.json", content));
    }
    assert_snapshot!(text, @r#"
    h.json, line 4: has more passes (2) than runs (1) (test `b`)
    h.json, line 3: the test `a` stands twice, first as number 1 of the tests
    h.json, line 3: is no valid JSON: trailing comma (column 1)
    h.json, line 3: is no valid JSON: trailing characters (column 3)
    h.json, line 1: has `rows`, `schema`, where the list `tests` is expected
    h.json, line 2: invalid type: integer `1`, expected a row such as {"name": "x", "passes": 9, "runs": 10}
    h.json, line 1: invalid type: integer `7`, expected a list of rows
    h.json, line 1: `runs` is -1, where a whole number from 0 is expected
    h.json: holds no test, where one a row is expected
    h.json: is empty, where a row a test is expected
    h.json, line 1: invalid type: string "text", expected a list of tests, or an object with the list `tests`
    h.json, line 1: `seconds` is a list of other things, where a list of seconds is expected (backend `kube-api`)
    h.json, line 1: has no `standard_deviation`, and no list `seconds` either (backend `kube-api`)
    h.json, line 1: `mean` is "x", where a number of seconds from 0 is expected (backend `kube-api`)
    h.json, line 1: `backend` stands beside `the key`, which is the same
    "#);
}

#[test]
fn a_wrong_table_is_told_with_its_line() {
    let mut text = String::new();
    for content in [
        "a,b\n1,2\n",
        "name,runs,passes\na,10,9\nb,10\n",
        "name,runs,passes\n\"a\nb\",10,9\nc,1,2\n",
        "name,runs,passes\n,10,9\n",
        "name,runs,passes\na,ten,9\n",
        "name,runs,passes\na,10,\n",
        "name,runs,passes\n\"a,10,9\n",
        "name,runs,passes\n\"a\"b,10,9\n",
        "name,runs,total_count,passes\na,10,10,9\n",
        "name,runs,passes\n",
        "",
    ] {
        let _ = writeln!(text, "{}", complaint("h.csv", content));
    }
    assert_snapshot!(text, @r#"
    h.csv, line 1: has the columns a, b; one called `name` is expected, and `passes` and `runs`
    h.csv, line 3: has 2 values, where 3 are expected
    h.csv, line 4: has more passes (2) than runs (1) (test `c`)
    h.csv, line 2: `name` is empty, where the name of a test is expected
    h.csv, line 2: `runs` is "ten", where a whole number from 0 is expected (test `a`)
    h.csv, line 2: has neither counts nor a percentage: `passes` and `runs` are expected, or `passes` and `failures`, or `percent` (test `a`)
    h.csv, line 2: has a quotation mark that is not closed
    h.csv, line 2: has something between a closing quotation mark and the next value
    h.csv, line 2: `total_count` stands beside `runs`, which is the same
    h.csv: holds no test, where one a row is expected
    h.csv: is empty, where a row a test is expected
    "#);
}

#[test]
fn a_file_of_another_kind_is_refused() {
    assert_snapshot!(complaint("h.xml", ""), @"h.xml: is no history by its name: a folder of earlier runs is expected, or a file that ends in .json, .jsonl, .csv or .tsv, also followed by .gz");
    assert_snapshot!(complaint("history", ""), @"history: is no history by its name: a folder of earlier runs is expected, or a file that ends in .json, .jsonl, .csv or .tsv, also followed by .gz");
    let dir = tempfile::tempdir().unwrap();
    let missing = |name: &str| {
        load(&dir.path().join(name))
            .unwrap_err()
            .to_string()
            .replace(&dir.path().display().to_string(), "DIR")
    };
    fs::write(dir.path().join("done.json"), "").unwrap();
    assert_snapshot!(missing("gone.json"), @"DIR/gone.json: there is no such file or folder; DIR holds done.json");
    assert_snapshot!(missing("gone"), @"DIR/gone: there is no such file or folder; DIR holds done.json");
    fs::create_dir(dir.path().join("empty")).unwrap();
    assert_snapshot!(missing("empty"), @"DIR/empty: holds no run: it is empty; a folder a run, or an .xml file a run, is expected in it");
    assert_snapshot!(complaint("h.json", b"\xff"), @"h.json: the history cannot be read: stream did not contain valid UTF-8");
}

/// A folder of runs: in run n the test `a` passes unless n is a multiple of 4, and a backend is disrupted for n seconds.
fn runs(count: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for run in 0..count {
        let junit = dir.path().join(format!("{run}/junit"));
        fs::create_dir_all(&junit).unwrap();
        let inside = if run % 4 == 0 { "<failure/>" } else { "" };
        let xml = format!(
            "<testsuite name='s'><testcase name='a'>{inside}</testcase><testcase name='never'><skipped/></testcase></testsuite>"
        );
        fs::write(junit.join("e2e.xml"), xml).unwrap();
        let disruption =
            format!("{{\"BackendDisruptions\": {{\"kube-api\": {{\"DisruptedDuration\": \"{run}s\"}}}}}}");
        fs::write(junit.join("backend-disruption_1.json"), disruption).unwrap();
    }
    dir
}

#[test]
fn a_folder_of_earlier_runs_is_a_history() {
    let dir = runs(11);
    fs::create_dir(dir.path().join("lost")).unwrap();
    let history = load(dir.path()).unwrap();
    assert_snapshot!(told(&history), @"
    s > a: 8 of 11
    disruption kube-api: mean 5 sd 3.317 p70 7 p85 8.5 p95 9.5
    11 runs
    note folders that hold nothing of a run and are not named like one, left out: lost
    ");
    assert_eq!(history.source, format!("11 earlier runs in {}", dir.path().display()));
    assert_snapshot!(told(&load(runs(2).path()).unwrap()), @"
    s > a: 1 of 2
    2 runs
    note the disruption of kube-api is known of 2 runs only, 10 are needed to compare with
    ");
}

#[test]
fn runs_boiled_down_to_a_file_say_the_same() {
    let dir = runs(12);
    let gathered = gather::gather(dir.path(), &Options::default()).unwrap();
    let text = to_json_lines(&gathered);
    assert_snapshot!(text, @r#"
    {"history_runs":12}
    {"suite":"s","name":"a","passes":9,"runs":12}
    {"backend":"kube-api","seconds":[0,1,2,3,4,5,6,7,8,9,10,11]}
    "#);
    let history = read("h.jsonl", &text).unwrap();
    let from_folder = from_gathered(&gathered);
    assert_eq!(
        (history.tests, history.disruption, history.runs),
        (from_folder.tests, from_folder.disruption, from_folder.runs)
    );
}

#[test]
fn a_spread_is_that_of_a_sample() {
    let spread = spread(vec![4.0, 1.0, 3.0, 2.0, 5.0]);
    assert_eq!((spread.mean, spread.p70, spread.p85, spread.p95), (3.0, 3.8, 4.4, 4.8));
    assert!((spread.standard_deviation - 2.5_f64.sqrt()).abs() < 1e-12);
    assert_eq!(super::spread(vec![2.0]).p95, 2.0);
    assert_eq!(super::spread(Vec::new()), Spread::default());
}

#[test]
fn counts_and_percentages_come_in_more_ways() {
    assert_snapshot!(all("h.json", r#"[
        {"suite": "s", "name": "attempts", "passes": 98, "attempts": 100},
        {"suite": "s", "name": "attempt count", "passes": 98, "attempt_count": 100},
        {"suite": "s", "name": "percent", "percent": "98 %"},
        {"suite": "s", "name": "skips in total", "passes": 50, "flakes": 1, "failures": 3, "runs": 100},
        {"suite": "s", "name": "too few in total", "passes": 50, "failures": 3, "runs": 10}
    ]"#), @"
    s > attempt count: 98 of 100
    s > attempts: 98 of 100
    s > percent: 98 %
    s > skips in total: 51 of 54
    s > too few in total: 50 of 53
    note tests whose passes, flakes and failures do not add up to their runs, so that the sum was taken (a total may have skips in it): 2
    ");
    assert_snapshot!(all("h.json", r#"{"tests": {"a": {"passes": 98, "runs": 100}, "b": {"suite": "s", "percent": 1}}}"#), @"
     > a: 98 of 100
    s > b: 1 %
    ");
    assert_snapshot!(all("h.csv", "suite;name;percent\n\" s \";\"a, b \";98%\n"), @"s > a, b: 98 %");
    assert_snapshot!(all("h.tsv", "suite\tname\tpasses\truns\n s\ta;b\t9\t10\n"), @"s > a;b: 9 of 10");
}

#[test]
fn a_row_a_line_is_read_in_a_file_that_is_called_json_too() {
    assert_snapshot!(all("h.json", "{\"history_runs\": 100}\n{\"suite\": \"s\", \"name\": \"a\", \"passes\": 98, \"runs\": 100}\n\n{\"name\": \"b\", \"percent\": 9}\n"), @"
     > b: 9 %
    s > a: 98 of 100
    100 runs
    ");
    assert_snapshot!(all("h.json", "{\"suite\": \"s\", \"name\": \"a\", \"percent\": 9}"), @"s > a: 9 %");
    assert_snapshot!(complaint("h.json", "{\"name\": \"a\", \"percent\": 9}\n{\"name\": \"a\", \"percent\": 9}"), @"h.json, line 2: the test `a` stands twice, first in line 1");
}

#[test]
fn what_is_no_history_at_all_is_told_as_such() {
    for name in ["h.json", "h.jsonl", "h.csv", "h.tsv"] {
        assert_eq!(complaint(name, " \n"), format!("{name}: is empty, where a row a test is expected"));
    }
    assert_snapshot!(complaint("h.json", "{\n\"schema\": \"regatta.judgement/v1\",\n\"tests\": 7}"), @"h.json, line 2: is a judgement, which tells of the runs that were judged; a history of them is written by `payload-job judge DIR --write-history FILE`");
}

fn written(xml: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for run in 0..3 {
        fs::create_dir(dir.path().join(run.to_string())).unwrap();
        fs::write(dir.path().join(format!("{run}/junit.xml")), xml).unwrap();
    }
    dir
}

#[test]
fn a_test_whose_suite_was_renamed_is_known_by_its_name_if_that_is_clear() {
    let mut history = read(
        "h.jsonl",
        "{\"suite\": \"old\", \"name\": \"moved\", \"percent\": 90}\n\
         {\"suite\": \"old\", \"name\": \"in two there\", \"percent\": 90}\n\
         {\"suite\": \"older\", \"name\": \"in two there\", \"percent\": 90}\n\
         {\"suite\": \"old\", \"name\": \"in two here\", \"percent\": 90}\n\
         {\"suite\": \"new\", \"name\": \"stayed\", \"percent\": 80}\n\
         {\"suite\": \"new\", \"name\": \"with blanks\", \"percent\": 70}\n",
    )
    .unwrap();
    let dir = written(
        "<testsuites><testsuite name='new'><testcase name='moved'/><testcase name='in two there'/>\
         <testcase name='in two here'/><testcase name='stayed'/><testcase name='with blanks '/><testcase name='unknown'/>\
         </testsuite><testsuite name='newer'><testcase name='in two here'/></testsuite></testsuites>",
    );
    let gathered = gather::gather(dir.path(), &Options::default()).unwrap();
    history.fit_to(&gathered);
    let known: Vec<String> = gathered
        .tests
        .iter()
        .filter_map(|tally| Some(format!("{}: {:?}", tally.id.name.trim(), history.of(&tally.id)?)))
        .collect();
    assert_eq!(
        known.join(", "),
        "moved: Percentage { percent: 90 }, stayed: Percentage { percent: 80 }, with blanks: Percentage { percent: 70 }"
    );
    assert_eq!(
        history.notes,
        [
            "tests that the history has under another suite, and that were taken by their name, which stands in one suite only: 1"
        ]
    );
}

#[test]
fn odd_names_of_runs_come_back_from_a_file() {
    let dir = written(
        "<testsuite name='a'><testsuite name=' b '><testcase name=' x '/><testcase name='x'/><testcase name=' '/>\
         <testcase name='&quot;\u{e4}&#10;,;'><failure/></testcase></testsuite></testsuite>",
    );
    let gathered = gather::gather(dir.path(), &Options::default()).unwrap();
    let mut tests = from_gathered(&gathered).tests;
    tests.remove(&TestId { suite: "a||| b ".to_owned(), name: " ".to_owned() }).unwrap();
    assert_eq!(read("h.jsonl", to_json_lines(&gathered)).unwrap().tests, tests);
}

/// Runs of Prow: id and job.
fn prow_runs(runs: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (id, job) in runs {
        let run = dir.path().join(id);
        fs::create_dir(&run).unwrap();
        fs::write(run.join("finished.json"), "{}").unwrap();
        fs::write(run.join("junit.xml"), "<testsuite name='s'><testcase name='a'/></testsuite>").unwrap();
        let prow_job = format!(
            r#"{{"spec": {{"job": "{job}"}}, "status": {{"completionTime": "2026-01-31T14:00:05Z"}}}}"#
        );
        fs::write(run.join("prowjob.json"), prow_job).unwrap();
    }
    dir
}

#[test]
fn judged_runs_that_are_in_the_history_are_known() {
    let earlier = prow_runs(&[("1", "job-a"), ("2", "job-a"), ("3", "job-b")]);
    let gather = |dir: &tempfile::TempDir| gather::gather(dir.path(), &Options::default()).unwrap();
    let history = load(earlier.path()).unwrap();
    assert_eq!(history.jobs.iter().collect::<Vec<_>>(), ["job-a", "job-b"]);
    assert_eq!(history.run_folders.len(), 3);
    assert_eq!(history.shared_with(&gather(&earlier)), ["1", "2", "3"]);
    let now = prow_runs(&[("2", "job-a"), ("3", "job-a"), ("4", "job-a")]);
    assert_eq!(history.shared_with(&gather(&now)), ["2"]);
    // Runs that tell no job may have the same names by chance.
    assert!(load(runs(3).path()).unwrap().shared_with(&gather(&runs(3))).is_empty());
}

#[test]
fn of_a_folder_only_the_runs_of_the_job_count() {
    let dir = prow_runs(&[("1", "job-a"), ("2", "job-a"), ("3", "job-b")]);
    let history = load_of(dir.path(), Some("job-a")).unwrap();
    assert_snapshot!(told(&history), @"
    s > a: 2 of 2
    2 runs
    note run 3 was left out: it is of the job job-b
    ");
}
