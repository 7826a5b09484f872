//! The two pages that Prow's spyglass shows under an aggregator's run: the runs, and the tests with failures.
//!
//! They are plain on purpose: spyglass frames them. The page meant to be read is [`crate::judge::report`].

use maud::{DOCTYPE, Markup, html};

use super::super::report::{duration, outside};
use super::super::verdict::{TestVerdict, Verdict};
use super::super::{Gathered, Run, RunState};
use super::{Labels, is_skipped};

const SHEET: &str = "body{font:14px/1.45 system-ui,sans-serif;margin:12px;background:#fff;color:#16202e}\
h1{font-size:17px}h2{font-size:15px;margin:18px 0 6px}table{border-collapse:collapse;width:100%}\
th,td{border:1px solid #ccd3dc;padding:6px 9px;text-align:left;vertical-align:top}th{background:#eef1f5}\
td.name{overflow-wrap:anywhere}td.name p{margin:3px 0 0;color:#4a5667}.failure{color:#a01722}.flake{color:#7c4a00}li{margin:2px 0}";

fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (SHEET) }
            }
            body { h1 { (title) } (body) }
        }
    }
    .into_string()
}

fn link(run: &Run, text: &str) -> Markup {
    html! {
        @match run.link() {
            Some(url) => a href=(url) target="_blank" rel="noopener" { (outside(text)) },
            None => (outside(text)),
        }
    }
}

/// Runs in a list: links, state and duration of each.
fn list<'a>(runs: impl Iterator<Item = &'a Run>) -> Markup {
    html! {
        ul {
            @for run in runs {
                li {
                    (link(run, &run.id)) " "
                    @match &run.state {
                        RunState::Finished => { (outside(&run.result.as_deref().unwrap_or("finished").to_lowercase())) }
                        RunState::Unfinished(why) => { "unfinished: " (outside(why)) }
                    }
                    @if let Some(seconds) = run.duration_seconds { " after " (duration(seconds)) }
                }
            }
        }
    }
}

/// `job-run-summary.html`.
pub(super) fn runs(gathered: &Gathered, labels: &Labels) -> String {
    let unfinished = gathered.unfinished();
    let body = html! {
        p { (labels.job()) }
        h2 { "Finished runs: " (gathered.runs.len() - unfinished) }
        (list(gathered.runs.iter().filter(|run| run.is_finished())))
        @if unfinished > 0 {
            h2 { "Unfinished runs: " (unfinished) }
            (list(gathered.runs.iter().filter(|run| !run.is_finished())))
        }
    };
    page(&format!("Runs of {}", labels.payload()), &body)
}

/// `aggregation-testrun-summary.html`: failed tests, skipped tests, and tests with some failures.
pub(super) fn tests(gathered: &Gathered, verdict: &Verdict, labels: &Labels) -> String {
    let failed: Vec<&TestVerdict> = verdict.failed_tests().collect();
    // As the aggregator in use has it: a test without any failure is not worth a line.
    let with_failures = |test: &&TestVerdict| !test.is_failed() && test.failures + test.flakes > 0;
    let (skipped, passed): (Vec<&TestVerdict>, Vec<&TestVerdict>) =
        verdict.tests.iter().filter(with_failures).partition(|test| is_skipped(test));
    let judged = verdict.tests.iter().any(|test| test.attempts > 0);
    let body = html! {
        p { (labels.job()) }
        @if failed.is_empty() { p { @if judged { "No test failed." } @else { "No test was judged." } } }
        (table("failed-tests", "Failed tests", &failed, gathered))
        (table("skipped-tests", "Skipped tests", &skipped, gathered))
        (table("passed-tests", "Passed tests with some failures", &passed, gathered))
    };
    page(&format!("Tests of {}", labels.payload()), &body)
}

fn table(id: &str, title: &str, tests: &[&TestVerdict], gathered: &Gathered) -> Markup {
    html! {
        @if !tests.is_empty() {
            h2 id=(id) { (title) ": " (tests.len()) }
            table {
                thead { tr { th scope="col" { "Name" } th scope="col" { "Runs with a failure" } } }
                tbody {
                    @for test in tests {
                        tr {
                            td.name {
                                strong { (outside(&test.id.name)) }
                                @if test.informing { " (informing)" }
                                p { (outside(&test.id.suite)) }
                                p { (test.reason) }
                            }
                            td {
                                @for (run, counts) in test.runs.iter().filter(|(_, counts)| counts.failures > 0) {
                                    @if let Some(of) = gathered.runs.get(*run) {
                                        @let (class, word) =
                                            if counts.passes > 0 { ("flake", "flake") } else { ("failure", "failure") };
                                        div class=(class) { (link(of, &format!("run {}", run + 1))) ": " (word) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
