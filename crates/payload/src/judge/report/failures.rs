//! The failed tests: a card each, the most striking first.

use maud::{Markup, html};
use std::collections::BTreeMap;

use super::super::fisher::{SIGNIFICANCE, Sample, unchanged};
use super::super::verdict::{Basis, Reason, TestVerdict, Verdict};
use super::charts::{self, Outcomes, p_value};
use super::runs::{self, Size};
use super::{CARDS, Page, ROWS, counted, grouped, outside};

/// More attempts than this make bars too thin to be read.
const MOST_BARS: u32 = 60;

/// The failed tests: blocking before informing, those that must never fail first, then by p-value, then by name.
pub(super) fn sorted(verdict: &Verdict) -> Vec<&TestVerdict> {
    let mut failed: Vec<&TestVerdict> = verdict.failed_tests().collect();
    failed.sort_by(|a, b| {
        // What else has no p-value cannot be ranked and comes after.
        let p = |test: &TestVerdict| match test.reason {
            Reason::MustNeverFail { .. } => -1.0,
            _ => test.p_value.unwrap_or(f64::INFINITY),
        };
        a.informing.cmp(&b.informing).then(p(a).total_cmp(&p(b))).then_with(|| a.id.cmp(&b.id))
    });
    failed
}

/// Why tests failed, counted by rule: a sentence each.
pub(super) fn by_rule(verdict: &Verdict) -> Vec<String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for test in verdict.failed_tests().filter(|test| !test.informing) {
        let rule = match &test.reason {
            Reason::TooFewPasses(_) => "passed less often than the history requires",
            Reason::TooFewAttempts { .. } => "ran too few times to be judged, which counts as failed",
            Reason::NoPass { .. } => "never passed",
            Reason::MustNeverFail { .. } => "must never fail, and did",
            Reason::Disruption(_) => "found more disruption than earlier runs had",
            Reason::Exempt { .. }
            | Reason::DidNotRun
            | Reason::SkipIntended { .. }
            | Reason::EnoughPasses(_) => continue,
        };
        *counts.entry(rule).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    counts.into_iter().map(|(rule, count)| format!("{} {rule}", counted(count, "test"))).collect()
}

/// The part of the page.
pub(super) fn section(page: &Page<'_>, failed: &[&TestVerdict]) -> Markup {
    html! {
        section id="failed" aria-labelledby="h-failed" {
            h2 id="h-failed" { "Failed tests" }
            @if failed.is_empty() {
                div.panel {
                    @if page.verdict.passed { p.good { "✓ No test failed." } } @else { p { "No test failed." } }
                }
            } @else {
                p.lead {
                    "The most striking first. The numbers under the signs are those of the runs above."
                }
                (runs::legend())
                @for test in failed.iter().take(CARDS) { (card(page, test)) }
                (rest(&failed[failed.len().min(CARDS)..]))
            }
        }
    }
}

fn card(page: &Page<'_>, test: &TestVerdict) -> Markup {
    html! {
        article class=(if test.informing { "card inform" } else { "card" }) {
            div.head {
                div {
                    p.suite { (outside(&suite(&test.id.suite))) }
                    h3 { (outside(&test.id.name)) }
                }
                div.pills {
                    (super::outcome(test))
                    @match test.q_value {
                        Some(q) if q <= SIGNIFICANCE => span class="pill skip" { "beyond chance" },
                        Some(_) => span class="pill flake" { "may be chance" },
                        None => {}
                    }
                }
            }
            p.reason { (super::reason(test)) }
            @if let Some(message) = &test.message_of_failure {
                p.message { span { "The first failure says" } " " (super::outside_sentence(message)) }
            }
            div.body {
                div {
                    (runs::dots(page.gathered, &test.runs, Size::Large))
                    dl.facts {
                        div { dt { "Passes" } dd { (test.passes) " of " (test.attempts) } }
                        @if let Some(required) = test.required {
                            div { dt { "Required" } dd { (required) } }
                        }
                        @if let Some(basis) = test.history {
                            div { dt { "Earlier" } dd { (earlier(basis)) } }
                        }
                        @if let Some(p) = test.p_value {
                            div { dt { abbr title="How probable so few passes are, had nothing changed" { "p-value" } } dd { (p_value(p)) } }
                        }
                        @if let Some(q) = test.q_value {
                            div {
                                dt { abbr title="The share of false alarms if this test and all more striking ones are called worse" { "q-value" } }
                                dd { (p_value(q)) }
                            }
                        }
                    }
                    @if let Some(next) = test.next {
                        p.next { "What another run would change: " (next) "." }
                    }
                    @if let Some(advice) = test.advice { p.next { "New test: " (advice) "." } }
                }
                (expectation(test))
            }
        }
    }
}

/// The chart of what an unchanged test would have done.
fn expectation(test: &TestVerdict) -> Markup {
    let drawn = test.history.filter(|_| (1..=MOST_BARS).contains(&test.attempts));
    html! {
        @if let (Some(basis), Some(required)) = (drawn, test.required) {
            figure {
                (charts::outcomes(&Outcomes {
                    chances: &unchanged(test.attempts, basis.sample()),
                    passes: test.passes,
                    required,
                }))
                figcaption {
                    @if basis.is_known() { "How often an unchanged test would give each count; ▾ marks this one" }
                    @else { "How often a test of the assumed rate would give each count; ▾ marks this one" }
                }
            }
        }
    }
}

/// A rate in few words.
fn earlier(basis: Basis) -> Markup {
    html! {
        @match basis {
            Basis::Counts { passes, runs } => {
                (charts::rate(Sample { passes, runs }.rate().unwrap_or(0.0))) " " small { (passes) " of " (runs) }
            }
            Basis::Percentage { percent } => { (percent) "%" }
            Basis::New { assumed } => { "new " small { (assumed) "% assumed" } }
            Basis::Unavailable { assumed } => { "unknown " small { (assumed) "% assumed" } }
        }
    }
}

/// Suites as a path.
pub(super) fn suite(path: &str) -> String {
    path.replace("|||", " › ")
}

/// Failed tests beyond the cards.
fn rest(tests: &[&TestVerdict]) -> Markup {
    html! {
        @if !tests.is_empty() {
            div.panel {
                details {
                    summary { (counted(tests.len() as u64, "further failed test")) }
                    div.scroll tabindex="0" role="region" aria-label="Further failed tests" { table {
                        thead { tr {
                            th scope="col" { "Test" } th.n scope="col" { "Passes" } th.n scope="col" { "Required" }
                            th.n scope="col" { "p" } th scope="col" { "Verdict" }
                        } }
                        tbody {
                            @for test in tests.iter().take(ROWS) {
                                tr {
                                    th scope="row" { (outside(&test.id.name)) div.suite { (outside(&suite(&test.id.suite))) } }
                                    td.n { (test.passes) " of " (test.attempts) }
                                    td.n { (test.required.map(|n| n.to_string()).unwrap_or_default()) }
                                    td.n { (test.p_value.map(p_value).unwrap_or_default()) }
                                    td { (super::outcome(test)) }
                                }
                            }
                        }
                    } }
                    @if tests.len() > ROWS {
                        p { "And " (grouped((tests.len() - ROWS) as u64)) " more; " code { "-o json" } " has them all." }
                    }
                }
            }
        }
    }
}
