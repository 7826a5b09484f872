//! The runs on the page: the strip of all of them, and the signs of what a test did in each.

use maud::{Markup, PreEscaped, html};

use super::super::{Counts, Gathered, Run, RunState};
use super::{counted, outside};

/// What a test did in one run, as its sign tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Passed,
    Failed,
    Flaked,
    Skipped,
    /// The run has no case of the test.
    Absent,
}

impl Sign {
    pub(super) const ALL: [Self; 5] = [Self::Passed, Self::Failed, Self::Flaked, Self::Skipped, Self::Absent];

    fn of(counts: Option<Counts>) -> Self {
        match counts {
            Some(counts) if counts.is_flake() => Self::Flaked,
            Some(counts) if counts.is_pass() => Self::Passed,
            Some(counts) if counts.failures > 0 => Self::Failed,
            Some(counts) if counts.skips > 0 => Self::Skipped,
            _ => Self::Absent,
        }
    }

    const fn symbol(self) -> &'static str {
        match self {
            Self::Passed => "s-pass",
            Self::Failed => "s-fail",
            Self::Flaked => "s-flake",
            Self::Skipped => "s-skip",
            Self::Absent => "s-none",
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Flaked => "failed, then passed (a flake, which counts as a pass)",
            Self::Skipped => "skipped",
            Self::Absent => "did not run",
        }
    }

    /// The picture of it, named for who cannot see it.
    pub(super) fn draw(self, spoken: &str) -> Markup {
        html! {
            svg class=(self.symbol()) role="img" viewBox="0 0 24 24" {
                title { (spoken) }
                (PreEscaped(format!(r##"<use href="#{}"/>"##, self.symbol())))
            }
        }
    }
}

/// A sign for each finished run, numbered as in the strip of runs.
pub(super) fn dots(gathered: &Gathered, of_test: &[(usize, Counts)], size: Size) -> Markup {
    let mut counts: Vec<Option<Counts>> = vec![None; gathered.runs.len()];
    for (run, of_run) in of_test {
        if let Some(place) = counts.get_mut(*run) {
            *place = Some(*of_run);
        }
    }
    let finished = gathered.runs.iter().enumerate().filter(|(_, run)| run.is_finished());
    let signs = || finished.clone().map(|(i, run)| (i, run, Sign::of(counts[i])));
    // So many signs tell nothing at a glance: only those that matter are drawn, or only counted.
    let many = finished.clone().count() > size.most();
    let of = |sign: Sign| signs().filter(|(_, _, of)| *of == sign).count();
    if many && size == Size::Small {
        return html! { span.nowrap { (of(Sign::Failed)) " failed, " (of(Sign::Flaked)) " flaked" } };
    }
    let drawn = signs().filter(|(_, _, sign)| !many || *sign != Sign::Passed).take(size.most());
    html! {
        @if many { p.suite { "Without the " (counted(of(Sign::Passed) as u64, "run")) " that passed:" } }
        ul class=(size.class()) {
            @for (i, run, sign) in drawn {
                @let spoken = format!("run {}: {}", i + 1, sign.word());
                li {
                    @match (size, run.link()) {
                        (Size::Large, Some(url)) => { a href=(url) { (sign.draw(&spoken)) } }
                        _ => { (sign.draw(&spoken)) }
                    }
                    @if size == Size::Large { (i + 1) }
                }
            }
        }
    }
}

/// How large the signs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// In a card: numbered and linked.
    Large,
    /// In a row of a table.
    Small,
}

impl Size {
    /// How many signs are drawn.
    const fn most(self) -> usize {
        match self {
            Self::Large => 60,
            Self::Small => 25,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Large => "dots",
            Self::Small => "dots small",
        }
    }
}

/// What the signs mean.
pub(super) fn legend() -> Markup {
    html! {
        ul.legend aria-label="What the signs mean" {
            @for sign in Sign::ALL {
                li { (sign.draw(sign.word())) (sign.word()) }
            }
        }
    }
}

/// The table of all runs.
pub(super) fn strip(gathered: &Gathered) -> Markup {
    let longest = gathered.runs.iter().filter_map(|run| run.duration_seconds).max().unwrap_or(0);
    let failures = failures_by_run(gathered);
    html! {
        div.panel { div.scroll tabindex="0" role="region" aria-label="Runs" {
            table {
                caption hidden { "The runs, in the order of their ids" }
                thead { tr {
                    th.n scope="col" { "Run" }
                    th scope="col" { "Id" }
                    th scope="col" { "State" }
                    th scope="col" { "Started" }
                    th scope="col" colspan="2" { "Took" }
                    th.n scope="col" { "Tests failed" }
                } }
                tbody {
                    @for (i, run) in gathered.runs.iter().enumerate() {
                        (row(i, run, longest, failures[i]))
                    }
                }
            }
        } }
    }
}

fn row(i: usize, run: &Run, longest: u64, failures: u32) -> Markup {
    html! {
        tr {
            td.n { (i + 1) }
            th.mono scope="row" {
                @match run.link() {
                    Some(url) => { a href=(url) { (outside(&run.id)) } }
                    None => { (outside(&run.id)) }
                }
            }
            td { (state(run)) }
            td.nowrap { (run.started.map(|at| at.strftime("%d %b %Y %H:%MZ").to_string()).unwrap_or_default()) }
            td.n { (run.duration_seconds.map(duration).unwrap_or_default()) }
            td {
                @if let Some(seconds) = run.duration_seconds.filter(|_| longest > 0) {
                    span.bar aria-hidden="true" {
                        i style=(format!("width:{:.0}%", seconds as f64 * 100.0 / longest as f64)) {}
                    }
                }
            }
            td.n { @if run.is_finished() { (failures) } @else { "–" } }
        }
    }
}

/// The state of a run in a word, and why it is not finished.
fn state(run: &Run) -> Markup {
    html! {
        @match &run.state {
            RunState::Unfinished(why) => {
                span class="pill flake" { "unfinished" } " " span.suite { (outside(why)) }
            }
            RunState::Finished => {
                @match run.result.as_deref() {
                    Some(result) if result.eq_ignore_ascii_case("success") => span class="pill pass" { "success" },
                    Some(result) if result.eq_ignore_ascii_case("failure") => span class="pill fail" { "failure" },
                    Some(result) => span class="pill skip" { (outside(&result.to_lowercase())) },
                    None => span class="pill skip" { "finished" },
                }
            }
        }
    }
}

/// How many tests failed in each run without a pass beside the failure.
fn failures_by_run(gathered: &Gathered) -> Vec<u32> {
    let mut failures = vec![0; gathered.runs.len()];
    for (run, counts) in gathered.tests.iter().flat_map(|test| &test.runs) {
        if counts.failures > 0
            && counts.passes == 0
            && let Some(count) = failures.get_mut(*run)
        {
            *count += 1;
        }
    }
    failures
}

/// Seconds as people read them: `3h 04m`, `12m 30s`.
pub(in super::super) fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m {s:02}s"),
        (h, m, _) => format!("{h}h {m:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!([5, 750, 11_045].map(duration), ["5s", "12m 30s", "3h 04m"]);
    }
}
