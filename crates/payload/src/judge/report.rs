//! The verdict as a page to be read: one file that works without a network, in light and dark, on paper and on a phone.
//!
//! From the top: what came out, in a sentence; the runs; a card for each failed test with what it did in each run and how
//! likely that is; all tests in two charts; what the number of tests and of runs means for all this; the tests that failed
//! sometimes and pass. Only failed and shaky tests are told one by one, so the page stays small with thousands.
//!
//! Names, addresses and messages come from outside and pass through the template, which escapes them; what would reorder the
//! text around them is taken out, and no name is longer than a page can bear.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use regatta_kit::OutsideText;

use super::verdict::{Outcome, Reason, Rules, TestVerdict, Verdict};
use super::{Gathered, History};

mod charts;
mod failures;
mod runs;
mod style;
mod whole;

pub(super) use runs::duration;

/// Failed tests that get a card; those after them stand in a table.
const CARDS: usize = 40;
/// Rows of the table of shaky tests that are open to see.
const OPEN_ROWS: usize = 20;
/// Rows of the table of further failed tests, and of that of shaky ones.
const ROWS: usize = 150;
/// Notes that are shown.
const NOTES: usize = 100;
/// Characters of a name from outside.
const NAME_MAX: usize = 400;
/// Characters of a sentence that has text from outside in it.
const SENTENCE_MAX: usize = 1_000;

/// What the page tells of.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The runs.
    pub gathered: &'a Gathered,
    /// The verdict over them.
    pub verdict: &'a Verdict,
    /// What they were judged against.
    pub history: &'a History,
    /// By which rules.
    pub rules: &'a Rules,
    /// The job, where it is known.
    pub job: Option<&'a str>,
    /// The payload, where it is known.
    pub payload: Option<&'a str>,
}

/// The verdict in one sentence: `9 runs finished, 1 did not; of 3,014 tests 2 failed, and 1 more that only informs.`
#[must_use]
pub fn sentence(verdict: &Verdict) -> String {
    let runs = match (verdict.attempts, verdict.unfinished) {
        (0, 0) => return "there was no run to judge.".to_owned(),
        (0, unfinished) => return format!("none of {} finished.", counted(unfinished.into(), "run")),
        (finished, 0) => format!("{} finished", counted(finished.into(), "run")),
        (finished, unfinished) => {
            format!("{} finished, {unfinished} did not", counted(finished.into(), "run"))
        }
    };
    let informing = verdict.failed_tests().filter(|test| test.informing).count() as u64;
    let blocking = verdict.failed_tests().count() as u64 - informing;
    let tests = verdict.tests.len() as u64;
    let failed = match (blocking, informing) {
        (0, 0) => format!("none of {} failed", counted(tests, "test")),
        (0, n) => {
            format!("of {} none failed but {} that only {}", counted(tests, "test"), grouped(n), informs(n))
        }
        (failed, 0) => format!("of {} {} failed", counted(tests, "test"), grouped(failed)),
        (failed, n) => format!(
            "of {} {} failed, and {} more that only {}",
            counted(tests, "test"),
            grouped(failed),
            grouped(n),
            informs(n)
        ),
    };
    format!("{runs}; {failed}.")
}

const fn informs(count: u64) -> &'static str {
    if count == 1 { "informs" } else { "inform" }
}

/// A name from outside: on one line, of bounded length, and with a reading direction of its own.
pub(super) fn outside(name: &str) -> Markup {
    html! { bdi { (OutsideText::line(name, NAME_MAX).as_str()) } }
}

/// A sentence with text from outside in it.
fn outside_sentence(text: &str) -> Markup {
    html! { bdi { (OutsideText::line(text, SENTENCE_MAX).as_str()) } }
}

/// `1 run`, `3,014 tests`.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `3014` as `3,014`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The failed tests as they are told: blocking before informing, then the most striking first.
#[must_use]
pub fn failed_in_order(verdict: &Verdict) -> Vec<&TestVerdict> {
    failures::sorted(verdict)
}

/// Why a test came out as it did, where it already stands that it failed or passed.
#[must_use]
pub fn reason(test: &TestVerdict) -> String {
    match &test.reason {
        Reason::TooFewPasses(compared) | Reason::EnoughPasses(compared) => compared.to_string(),
        reason => reason.to_string(),
    }
}

/// What the number of tests means for those that failed, in a sentence or two.
#[must_use]
pub fn chance(verdict: &Verdict) -> String {
    format!("{} {}", whole::survivors(verdict), whole::false_failures(&verdict.discovery))
}

/// A p-value as people read it: `0.043`, `0.0009`, `3.1e-7`.
#[must_use]
pub fn p_value(p: f64) -> String {
    charts::p_value(p)
}

/// The page.
#[must_use]
pub fn html(page: &Page<'_>) -> String {
    let Page { gathered, verdict, .. } = *page;
    let failed = failures::sorted(verdict);
    let shaky = whole::shaky(verdict);
    let disruption: Vec<&TestVerdict> =
        verdict.tests.iter().filter(|test| matches!(test.reason, Reason::Disruption(_))).collect();
    let warned = verdict.warnings.iter().chain(&gathered.notes);
    let notes: Vec<&String> = warned.chain(&page.history.notes).chain(&verdict.notes).collect();
    let compared = verdict.discovery.tested > 0;
    let ran = verdict.tests.iter().any(|test| test.attempts > 0);
    let word = if verdict.passed { "Passed" } else { "Failed" };
    let of = OutsideText::line(page.payload.or(page.job).unwrap_or("aggregated run"), NAME_MAX);
    let title = format!("{word}: {of}");
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(style::SHEET)) }
            }
            body {
                (PreEscaped(style::SIGNS))
                a.skip-link href="#verdict" { "To the verdict" }
                header.top {
                    h1 { (outside(page.job.unwrap_or("Aggregated run"))) }
                    p.labels {
                        @if let Some(payload) = page.payload { "payload " span.mono { (outside(payload)) } " · " }
                        "judged against " (outside_sentence(&against(page.history)))
                    }
                }
                main {
                    (banner(verdict))
                    (figures(page, shaky.len()))
                    nav.jump aria-label="Parts of this page" {
                        a href="#runs" { "Runs" }
                        @if !failed.is_empty() { a href="#failed" { "Failed tests" } }
                        @if compared { a href="#all" { "All tests" } }
                        @if !disruption.is_empty() { a href="#disruption" { "Disruption" } }
                        @if ran { a href="#power" { "What these runs can find" } }
                        @if !shaky.is_empty() { a href="#shaky" { "Failed sometimes" } }
                        @if !notes.is_empty() { a href="#notes" { "Notes" } }
                        a href="#rules" { "The rules" }
                    }
                    section id="runs" aria-labelledby="h-runs" {
                        h2 id="h-runs" { "Runs" }
                        p.lead { "Each run of the job on this payload. Those without an end are left out of the judging." }
                        (runs::strip(gathered))
                    }
                    @if ran || !failed.is_empty() { (failures::section(page, &failed)) }
                    @if compared { (whole::all_tests(page)) }
                    (disruption_section(gathered, &disruption))
                    @if ran { (whole::power(page)) }
                    (whole::shaky_section(gathered, &shaky))
                    (notes_section(&notes))
                    (rules_section(page.rules))
                }
                footer { "Made by regatta payload-job judge. The same verdict for scripts: " code { "-o json" } "." }
            }
        }
    }
    .into_string()
}

fn against(history: &History) -> String {
    if history.source.is_empty() {
        return "no history: every test counts as new".to_owned();
    }
    format!("{} ({})", history.source, counted(history.tests.len() as u64, "test"))
}

fn banner(verdict: &Verdict) -> Markup {
    let (class, word) = if verdict.passed { ("passed", "Passed") } else { ("failed", "Failed") };
    let mut told = sentence(verdict);
    // A sentence of its own here.
    if let Some(first) = told.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    let whole: Vec<String> = verdict
        .reasons
        .iter()
        .filter(|why| !matches!(why, super::verdict::WhyFailed::FailedTests { .. }))
        .map(ToString::to_string)
        .chain(failures::by_rule(verdict))
        .chain(verdict.warnings.iter().cloned())
        .collect();
    html! {
        div id="verdict" class={ "verdict " (class) } role="status" {
            div.seal aria-hidden="true" {
                svg width="34" height="34" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.6"
                    stroke-linecap="round" stroke-linejoin="round" {
                    @if verdict.passed { path d="M5 12.8l4.6 4.6L19.4 7" {} } @else { path d="M6 6l12 12M18 6L6 18" {} }
                }
            }
            div {
                div.word { (word) }
                p.sentence { (told) }
            }
            @if !whole.is_empty() {
                ul { @for why in &whole { li { (outside_sentence(why)) } } }
            }
        }
    }
}

/// How a figure at the top looks.
#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Bad,
}

/// A figure at the top.
fn figure(term: &str, big: &str, tone: Tone, more: &str) -> Markup {
    let class = match tone {
        Tone::Plain => "big",
        Tone::Bad => "big bad",
    };
    html! {
        div.figure {
            dt { (term) }
            dd { div class=(class) { (big) } div.more { (more) } }
        }
    }
}

fn figures(page: &Page<'_>, shaky: usize) -> Markup {
    let verdict = page.verdict;
    let informing = verdict.failed_tests().filter(|test| test.informing).count() as u64;
    let blocking = verdict.failed_tests().count() as u64 - informing;
    let new = verdict.tests.iter().filter(|test| test.history.is_some_and(|basis| !basis.is_known())).count();
    let runs = match (verdict.attempts, verdict.unfinished) {
        (0, 0) => "there is none".to_owned(),
        (_, 0) => "all of them".to_owned(),
        (_, n) => format!("{n} without an end"),
    };
    let tests = match (verdict.tests.len(), new) {
        (0, _) => "there is none".to_owned(),
        (_, 0) => "all with a history".to_owned(),
        (all, n) if all == n => "none with a history".to_owned(),
        (_, n) => format!("{} without history", grouped(n as u64)),
    };
    let more = match informing {
        0 => "none that only informs".to_owned(),
        n => format!("and {n} that only {}", informs(n)),
    };
    let tone = if blocking > 0 { Tone::Bad } else { Tone::Plain };
    html! {
        dl.figures {
            (figure("Finished runs", &verdict.attempts.to_string(), Tone::Plain, &runs))
            (figure("Tests judged", &grouped(verdict.tests.len() as u64), Tone::Plain, &tests))
            (figure("Failed", &grouped(blocking), tone, &more))
            (figure("Failed sometimes, passed", &grouped(shaky as u64), Tone::Plain, "within what their history allows"))
            (whole::false_alarms(page))
        }
    }
}

fn disruption_section(gathered: &Gathered, checks: &[&TestVerdict]) -> Markup {
    let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count() as u64;
    let (failed, passed, skipped) = (count(Outcome::Failed), count(Outcome::Passed), count(Outcome::Skipped));
    html! {
        @if !checks.is_empty() {
            section id="disruption" aria-labelledby="h-disruption" {
                h2 id="h-disruption" { "Disruption" }
                p.lead {
                    "How long backends could not be reached during the runs, against earlier runs: "
                    (counted(passed, "check")) " passed, " (grouped(failed)) " failed"
                    @if skipped > 0 { ", " (grouped(skipped)) " could not be made for want of data" }
                    "."
                }
                (whole::seconds(gathered))
                div.panel style="margin-top:14px" {
                    details {
                        summary { "Every check" }
                        (checks_table(checks))
                    }
                }
            }
        }
    }
}

fn checks_table(checks: &[&TestVerdict]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Checks of disruption" { table {
            thead { tr { th scope="col" { "Check" } th scope="col" { "Verdict" } th scope="col" { "Why" } } }
            tbody {
                @for check in checks.iter().filter(|check| check.outcome != Outcome::Skipped).take(ROWS) {
                    tr {
                        th scope="row" { (outside(&check.id.name)) }
                        td { (outcome(check)) }
                        td { (check.reason) }
                    }
                }
            }
        } }
    }
}

/// The outcome of a test as a labelled pill.
fn outcome(test: &TestVerdict) -> Markup {
    let (class, word) = match (test.outcome, test.informing) {
        (Outcome::Passed, _) => ("pill pass", "passed"),
        (Outcome::Skipped, _) => ("pill skip", "skipped"),
        (Outcome::Failed, false) => ("pill fail", "failed"),
        (Outcome::Failed, true) => ("pill inform", "failed, only informs"),
    };
    html! { span class=(class) { (word) } }
}

fn notes_section(notes: &[&String]) -> Markup {
    html! {
        @if !notes.is_empty() {
            section id="notes" aria-labelledby="h-notes" {
                h2 id="h-notes" { "Notes" }
                p.lead { "What could not be used and why, and how much the history knows." }
                div.panel {
                    ul.notes {
                        @for note in notes.iter().take(NOTES) { li { (outside_sentence(note)) } }
                        @if notes.len() > NOTES { li { "and " (grouped((notes.len() - NOTES) as u64)) " more" } }
                    }
                }
            }
        }
    }
}

fn rules_section(rules: &Rules) -> Markup {
    html! {
        section id="rules" aria-labelledby="h-rules" {
            h2 id="h-rules" { "How a test is judged" }
            div.panel {
                details {
                    summary { "The rules, in their order" }
                    ol {
                        li { "Steps of the job and tests known to say nothing of the payload always pass." }
                        li { "A test that neither passed nor failed in any run passes." }
                        li { "An undiagnosed panic fails, even once and even if a retry passes." }
                        li { "A test that never passed but was more often skipped than failed was meant to be skipped: it passes." }
                        li { "Fewer than " (counted(rules.minimum_attempts.into(), "run")) " with a pass or a failure, or no pass at all: it fails." }
                        li {
                            "Otherwise the passes required follow from its history by Fisher's exact test, one-sided, at 5%: one \
                             below the smallest count that is not significantly worse, and never more than all but two. A test \
                             without history is taken to pass " (rules.new_test_percent) "% of its runs."
                        }
                        li { "A run that fails a test and passes it in a retry counts as a pass." }
                        li {
                            "More than " (counted(rules.tolerated_unfinished.into(), "run")) " without an end fail the whole; so does any failed test \
                             that does not only inform."
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "report/tests.rs"]
mod tests;
