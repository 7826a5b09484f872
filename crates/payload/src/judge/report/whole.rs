//! All tests at once: the charts, what their number and that of the runs mean, and the tests that failed sometimes.

use maud::{Markup, html};
use std::collections::BTreeMap;

use super::super::discovery::Discoveries;
use super::super::fisher::{self, SIGNIFICANCE, Sample};
use super::super::verdict::{Outcome, TestVerdict, Verdict};
use super::super::{Gathered, disruption};
use super::charts::{self, Curve, Kind, Spot, p_value, percent};
use super::failures::suite;
use super::runs::{self, Size};
use super::{OPEN_ROWS, Page, ROWS, counted, grouped, outside};
use crate::power;

/// How many of the smallest p-values are drawn.
const RANKS: usize = 40;
/// Columns of runs in the table of disruption.
const COLUMNS: usize = 14;
/// Backends in the table of disruption.
const BACKENDS: usize = 60;

fn kind(test: &TestVerdict) -> Kind {
    match (test.is_failed(), test.informing) {
        (true, true) => Kind::Informing,
        (true, false) => Kind::Failed,
        (false, _) => Kind::Passed,
    }
}

/// The figure of false alarms at the top.
pub(super) fn false_alarms(page: &Page<'_>) -> Markup {
    let found = page.verdict.discovery;
    html! {
        div.figure {
            dt { "False alarms to expect" }
            dd {
                @match found.expected_false_failures {
                    Some(expected) => {
                        div.big { (few(expected)) }
                        div.more { "failed tests, had nothing changed" }
                    }
                    None => {
                        div.big { "–" }
                        div.more { "not known: no test was compared with earlier runs" }
                    }
                }
            }
        }
    }
}

/// An expected number as people read it: `0.03`, `2.6`, `14`.
pub(super) fn few(number: f64) -> String {
    match number {
        n if n <= 0.0 => "0".to_owned(),
        n if n < 0.01 => "under 0.01".to_owned(),
        n if n < 0.1 => format!("{n:.2}"),
        n if n < 9.95 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

/// Tests against their history, and the control of false discoveries.
pub(super) fn all_tests(page: &Page<'_>) -> Markup {
    let verdict = page.verdict;
    let found = verdict.discovery;
    let mut smallest: Vec<(f64, Kind)> =
        verdict.tests.iter().filter_map(|test| Some((test.p_value?, kind(test)))).collect();
    smallest.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    smallest.truncate(RANKS);
    let attempts = verdict.attempts;
    let is_compared = |test: &&TestVerdict| test.reason.is_by_passes();
    let known = verdict
        .tests
        .iter()
        .filter(is_compared)
        .filter(|test| test.history.is_some_and(|basis| basis.is_known()))
        .count() as u64;
    let line: Vec<(f64, u32)> = (0..=100)
        .map(|percent| {
            (f64::from(percent), fisher::required_capped(attempts, Sample::of_percentage(percent)).max(1))
        })
        .collect();
    html! {
        section id="all" aria-labelledby="h-all" {
            h2 id="h-all" { "All tests" }
            p.lead {
                (compared(known, u64::from(found.tested) - known))
                @if found.tested > 1 { " With many tests some look worse by chance." }
                " " (false_failures(&found))
                @if let Some(alarm) = found.false_alarm {
                    " At least one would in " (percent(alarm)) " of payloads."
                }
            }
            div.pair {
                div.panel {
                    h3 { "Now against before" }
                    p { "Larger dots are more tests. Below the dashed line a test that ran " (counted(attempts.into(), "time")) " fails." }
                    figure {
                        (charts::landscape(&spots(verdict), &line, attempts))
                        figcaption { "■ failed   ◆ failed, only informs   ● passed" }
                    }
                }
                div.panel {
                    h3 { "Chance or not" }
                    p { (survivors(verdict)) }
                    figure {
                        (charts::ranks(&smallest, SIGNIFICANCE, found.tested as usize))
                        figcaption { "Up to the last one below the dashed line (Benjamini–Hochberg, 5%) tests are worse beyond chance" }
                    }
                }
            }
        }
    }
}

/// How many tests were compared with what.
fn compared(known: u64, assumed: u64) -> String {
    match (known, assumed) {
        (known, 0) => format!("{} compared with earlier runs.", counted(known, "test")),
        (0, assumed) => {
            format!("{} compared with an assumed rate, for want of a history.", counted(assumed, "test"))
        }
        (known, assumed) => format!(
            "{} compared with earlier runs, {} without a history with an assumed rate.",
            counted(known, "test"),
            grouped(assumed)
        ),
    }
}

/// What the number of tests means for those that failed by their passes.
pub(super) fn survivors(verdict: &Verdict) -> String {
    const MANY: &str = "when the number of tests is taken into account";
    let (beyond, within) = (verdict.discovery.failed_beyond_chance, verdict.discovery.failed_within_chance);
    let informing =
        verdict.failed_tests().filter(|test| test.informing && test.reason.is_by_passes()).count();
    let failed = beyond + within;
    let informing = match informing {
        0 => String::new(),
        1 if failed == 1 => ", which only informs,".to_owned(),
        n if n == failed as usize => ", all of them informing,".to_owned(),
        n => format!(", {n} of them informing,"),
    };
    if failed == 1 {
        let subject = format!("The one failed test judged by its passes{informing}");
        return match beyond {
            0 => format!("{subject} does not stay worse {MANY}: it may be chance."),
            _ => format!("{subject} stays worse {MANY}."),
        };
    }
    let subject = format!("Of the {} failed tests judged by their passes{informing}", grouped(failed.into()));
    let subject = if informing.is_empty() { format!("{subject},") } else { subject };
    match (beyond, within) {
        (0, 0) => "No test failed by its passes.".to_owned(),
        (_, 0) => format!("{subject} every one stays worse {MANY}."),
        (0, _) => format!("{subject} none stays worse {MANY}: they may be chance."),
        (beyond, within) => format!(
            "{subject} {} {} worse {MANY}; the {} may be chance.",
            grouped(beyond.into()),
            if beyond == 1 { "stays" } else { "stay" },
            if within == 1 { "other" } else { "others" }
        ),
    }
}

/// How many tests would fail though nothing changed.
pub(super) fn false_failures(found: &Discoveries) -> String {
    match found.expected_false_failures {
        Some(expected) => format!(
            "Were nothing changed, {} of {} with a history would fail on average.",
            few(expected),
            counted(found.with_history.into(), "test")
        ),
        None => "How many would fail though nothing changed is not known, for want of a history.".to_owned(),
    }
}

/// The tests by where they lie, those at one spot together.
fn spots(verdict: &Verdict) -> Vec<Spot> {
    let mut spots: BTreeMap<(Option<u32>, u32, Kind), u64> = BTreeMap::new();
    // What failed for another reason may well lie above the line.
    for test in verdict.tests.iter().filter(|test| test.reason.is_by_passes() && test.attempts > 0) {
        let Some(basis) = test.history else { continue };
        let history = basis
            .is_known()
            .then(|| basis.sample().rate())
            .flatten()
            .map(|rate| (rate * 1000.0).round() as u32);
        let share = (f64::from(test.passes) * 1000.0 / f64::from(test.attempts)).round() as u32;
        *spots.entry((history, share, kind(test))).or_default() += 1;
    }
    spots
        .into_iter()
        .map(|((history, share, kind), tests)| Spot {
            history: history.map(|tenths| f64::from(tenths) / 10.0),
            share: f64::from(share) / 1000.0,
            tests,
            kind,
        })
        .collect()
}

/// What so many runs can find, beside other numbers of runs.
pub(super) fn power(page: &Page<'_>) -> Markup {
    let runs = page.verdict.attempts;
    let minimum = page.rules.minimum_attempts;
    let gate = power::Gate::with_minimum(minimum);
    if !gate.judges(runs) {
        return html! {
            section id="power" aria-labelledby="h-power" {
                h2 id="h-power" { "What these runs can find" }
                div.panel { p {
                    "Nothing: a test needs at least " (counted(minimum.into(), "attempt")) " to be judged, and there "
                    @if runs == 1 { "is " } @else { "are " } (runs) "."
                } }
            }
        };
    }
    let history = Sample::of_percentage(100);
    let curve = |runs: u32| Curve {
        runs,
        points: (0..=100)
            .rev()
            .map(|percent| {
                let rate = f64::from(percent) / 100.0;
                (rate, gate.chance_of_failing(runs, history, rate))
            })
            .collect(),
    };
    let mut curves = vec![curve(runs)];
    // Curves of nearly the same number would lie on each other.
    let beside = [7_u32, 10, 20].into_iter().filter(|other| other.abs_diff(runs) > 1 && *other >= minimum);
    curves.extend(beside.map(curve));
    html! {
        section id="power" aria-labelledby="h-power" {
            h2 id="h-power" { "What these runs can find" }
            p.lead {
                "A drop is found by chance too. For a test that always passed until now: how surely "
                (counted(runs.into(), "run")) " would fail it, by how often it really passes since. Runs of one payload share causes, "
                "so the truth lies a little lower."
            }
            div.pair {
                div.panel { figure { (charts::power(&curves)) figcaption { "Chance that one payload's runs find the drop" } } }
                div.panel { div.scroll tabindex="0" role="region" aria-label="What these runs find" { table {
                    thead { tr {
                        th scope="col" { "It drops to" } th.n scope="col" { (by_these("found", runs)) }
                        th.n scope="col" { "runs to find 4 of 5" }
                    } }
                    tbody {
                        @for rate in [95, 90, 80, 70, 50] {
                            @let rate_now = f64::from(rate) / 100.0;
                            tr {
                                th scope="row" { (rate) "%" }
                                td.n { (percent(gate.chance_of_failing(runs, history, rate_now))) }
                                td.n { (gate.runs_to_find(history, rate_now, 0.8).map_or("–".to_owned(), |n| n.to_string())) }
                            }
                        }
                    }
                }
                table style="margin-top:14px" {
                    thead { tr {
                        th scope="col" { "It did not drop and passes" } th.n scope="col" { (by_these("blamed", runs)) }
                    } }
                    tbody {
                        @for rate in [99, 95, 90] {
                            @let past = Sample::of_percentage(rate);
                            tr {
                                th scope="row" { (rate) "%" }
                                td.n { (percent(gate.chance_of_failing(runs, past, f64::from(rate) / 100.0))) }
                            }
                        }
                    }
                } } }
            }
        }
    }
}

fn by_these(what: &str, runs: u32) -> String {
    if runs == 1 { format!("{what} by this run") } else { format!("{what} by these {runs} runs") }
}

/// The tests that failed in some runs and pass, the shakiest first.
pub(super) fn shaky(verdict: &Verdict) -> Vec<&TestVerdict> {
    let mut shaky: Vec<&TestVerdict> = verdict
        .tests
        .iter()
        .filter(|test| {
            test.outcome == Outcome::Passed
                && test.failures + test.flakes > 0
                && test.id.suite != disruption::SUITE
        })
        .collect();
    shaky.sort_by(|a, b| {
        let p = |test: &TestVerdict| test.p_value.unwrap_or(1.0);
        p(a).total_cmp(&p(b))
            .then(b.failures.cmp(&a.failures))
            .then(b.flakes.cmp(&a.flakes))
            .then_with(|| a.id.cmp(&b.id))
    });
    shaky
}

/// Their table.
pub(super) fn shaky_section(gathered: &Gathered, shaky: &[&TestVerdict]) -> Markup {
    html! {
        @if !shaky.is_empty() {
            section id="shaky" aria-labelledby="h-shaky" {
                h2 id="h-shaky" { "Failed sometimes, and passed" }
                p.lead {
                    (counted(shaky.len() as u64, "test")) " failed in some run, but no more often than the history allows. "
                    "The least likely first; where one more failing run would fail it, it says so."
                }
                div.panel {
                    @let (open, folded) = shaky.split_at(shaky.len().min(OPEN_ROWS));
                    (shaky_table(gathered, open))
                    @if !folded.is_empty() {
                        details {
                            summary { (counted(folded.len() as u64, "further test")) }
                            (shaky_table(gathered, &folded[..folded.len().min(ROWS)]))
                            @if folded.len() > ROWS {
                                p {
                                    "And " (grouped((folded.len() - ROWS) as u64)) " more; "
                                    code { "-o json --every-test" } " has them all."
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn shaky_table(gathered: &Gathered, tests: &[&TestVerdict]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Tests that failed sometimes" { table {
            thead { tr {
                th scope="col" { "Test" } th scope="col" { "Runs" } th.n scope="col" { "Passes" } th.n scope="col" { "Required" }
                th.n scope="col" { "Earlier" } th.n scope="col" { "p" }
            } }
            tbody { @for test in tests { (shaky_row(gathered, test)) } }
        } }
    }
}

fn shaky_row(gathered: &Gathered, test: &TestVerdict) -> Markup {
    use super::super::verdict::Next;
    html! {
        tr {
            th scope="row" {
                (outside(&test.id.name))
                div.suite {
                    (outside(&suite(&test.id.suite)))
                    @if test.next == Some(Next::OneFailureFails) { " " span class="pill flake" { "one more failure fails it" } }
                }
            }
            td { (runs::dots(gathered, &test.runs, Size::Small)) }
            td.n { (test.passes) " of " (test.attempts) }
            td.n { (test.required.map(|n| n.to_string()).unwrap_or_default()) }
            td.n {
                @if let Some(basis) = test.history {
                    @if basis.is_known() { (basis.sample().rate().map(charts::rate).unwrap_or_default()) } @else { "new" }
                }
            }
            td.n { (test.p_value.map(p_value).unwrap_or_default()) }
        }
    }
}

/// Seconds of disruption of each backend in each run, the worst first.
pub(super) fn seconds(gathered: &Gathered) -> Markup {
    let sum =
        |runs: &[(usize, u64)]| runs.iter().fold(0_u64, |sum, (_, seconds)| sum.saturating_add(*seconds));
    let worst = |runs: &[(usize, u64)]| runs.iter().map(|(_, seconds)| *seconds).max().unwrap_or(0);
    let columns: Vec<usize> =
        gathered.runs.iter().enumerate().filter(|(_, run)| run.is_finished()).map(|(i, _)| i).collect();
    // More columns than a page has room for: the worst and the mean must do.
    let columns = if columns.len() > COLUMNS { Vec::new() } else { columns };
    let mut backends: Vec<_> = gathered
        .disruption
        .iter()
        .filter(|(backend, runs)| !disruption::is_excluded(backend) && sum(runs) > 0)
        .collect();
    backends.sort_by(|a, b| sum(b.1).cmp(&sum(a.1)).then_with(|| a.0.cmp(b.0)));
    html! {
        @if !backends.is_empty() {
            div.panel {
                h3 { "Seconds without an answer" }
                p { "The most disrupted backends; those that always answered are left out." }
                div.scroll tabindex="0" role="region" aria-label="Seconds of disruption" { table {
                    thead { tr {
                        th scope="col" { "Backend" }
                        @for i in &columns {
                            th.n scope="col" { "run " (i + 1) }
                        }
                        th.n scope="col" { "worst" } th.n scope="col" { "mean" }
                    } }
                    tbody {
                        @for (backend, runs) in backends.iter().take(BACKENDS) {
                            tr {
                                th scope="row" { (outside(backend)) }
                                @for i in &columns {
                                    td.n { (runs.iter().find(|(run, _)| run == i).map_or("–".to_owned(), |(_, s)| s.to_string())) }
                                }
                                td.n { (worst(runs)) }
                                td.n { (format!("{:.1}", sum(runs) as f64 / runs.len().max(1) as f64)) }
                            }
                        }
                    }
                } }
            }
        }
    }
}
