//! What reading the runs of an aggregated job takes: 10 runs to judge, 250 runs of history.

use divan::Bencher;
use divan::counter::BytesCount;
use regatta_payload::judge::gather::{Options, gather};
use regatta_payload::judge::{Gathered, history};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Tests of an end-to-end job.
const TESTS: usize = 3_000;

fn main() {
    divan::main();
}

/// Runs as Prow leaves them; how many bytes of JUnit they hold.
fn runs(count: usize) -> (TempDir, u64) {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let bytes = (0..count).map(|run| write_run(&dir.path().join(run.to_string()), run)).sum();
    (dir, bytes)
}

fn write_run(folder: &Path, run: usize) -> u64 {
    let mut xml = String::from("<testsuites><testsuite name=\"openshift-tests\">\n");
    for test in 0..TESTS {
        let _ = write!(
            xml,
            "<testcase name=\"[sig-network] The router {test} should serve a route of the host {} [Suite:openshift/parallel]\" \
             time=\"{}\"",
            test % 7,
            test % 60
        );
        xml.push_str(match (test + run * 31) % 97 {
            0 => "><failure message=\"timed out\">waited for the route\nand waited</failure></testcase>\n",
            1..=8 => "><skipped message=\"not on this platform\"/></testcase>\n",
            _ => "/>\n",
        });
    }
    xml.push_str("</testsuite></testsuites>\n");
    let junit = folder.join("artifacts/e2e/junit");
    let written = fs::create_dir_all(&junit)
        .and_then(|()| fs::write(junit.join("junit_e2e.xml"), &xml))
        .and_then(|()| {
            let data = format!(
                "{{\"BackendDisruptions\": {{\"kube-api\": {{\"Name\": \"kube-api\", \"DisruptedDuration\": \"{run}s\"}}}}}}"
            );
            fs::write(junit.join("backend-disruption_1.json"), data)
        })
        .and_then(|()| fs::write(folder.join("finished.json"), "{\"passed\": true}"))
        .and_then(|()| {
            fs::write(folder.join("prowjob.json"), "{\"status\": {\"completionTime\": \"2026-01-31T14:00:00Z\"}}")
        });
    written.expect("a temporary folder can be written");
    xml.len() as u64
}

fn gathered(dir: &Path) -> Gathered {
    gather(dir, &Options::default()).expect("the runs are whole")
}

#[divan::bench]
fn gather_10_runs(bencher: Bencher<'_, '_>) {
    let (dir, bytes) = runs(10);
    bencher.counter(BytesCount::new(bytes)).bench_local(|| gathered(dir.path()).tests.len());
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn history_of_250_runs(bencher: Bencher<'_, '_>) {
    let (dir, bytes) = runs(250);
    bencher
        .counter(BytesCount::new(bytes))
        .bench_local(|| history::load(dir.path()).expect("the runs are whole").tests.len());
}

#[divan::bench]
fn history_from_a_file(bencher: Bencher<'_, '_>) {
    let (dir, _) = runs(12);
    let text = history::to_json_lines(&gathered(dir.path()));
    let file = dir.path().join("history.jsonl");
    fs::write(&file, &text).expect("a temporary folder can be written");
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| history::load(&file).expect("the history is whole").tests.len());
}
