//! `cargo xtask test`: all checks, each announced, the first failure named with the command that repeats it.

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A command line with the variables it needs, as data so that it can be shown as it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    variables: Vec<(&'static str, &'static str)>,
    words: Vec<&'static str>,
}

impl Line {
    fn cargo<const N: usize>(words: [&'static str; N]) -> Self {
        Self { variables: Vec::new(), words: words.to_vec() }
    }

    fn with(mut self, variable: &'static str, value: &'static str) -> Self {
        self.variables.push((variable, value));
        self
    }

    /// As a person would type it.
    fn shown(&self) -> String {
        let variables = self.variables.iter().map(|(name, value)| format!("{name}='{value}' "));
        variables.collect::<String>() + "cargo " + &self.words.join(" ")
    }

    fn run(&self, root: &Path) -> Result<()> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(self.words.iter().map(OsString::from))
            .envs(self.variables.iter().copied())
            .current_dir(root)
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("`{}` did not start", self.shown()))?;
        if !status.success() {
            bail!("`{}` failed ({status})", self.shown());
        }
        Ok(())
    }
}

/// What a step does.
enum Work {
    /// Starts cargo.
    Lines(Vec<Line>),
    /// Checks by itself; the command repeats it.
    Layering,
    /// Fetches what the tests need; the command repeats it.
    Peers,
}

struct Step {
    name: &'static str,
    work: Work,
}

/// Which program runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TestRunner {
    /// Runs all binaries' tests at once and shows the slow ones.
    Nextest,
    /// Comes with cargo.
    Cargo,
}

impl TestRunner {
    fn found(root: &Path) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let answer = Command::new(cargo).args(["nextest", "--version"]).current_dir(root).output();
        match answer {
            Ok(output) if output.status.success() => Self::Nextest,
            _ => Self::Cargo,
        }
    }

    fn lines(self) -> Vec<Line> {
        // Snapshots are compared, never rewritten, whatever the caller's environment says.
        let compare = |line: Line| line.with("INSTA_UPDATE", "no");
        match self {
            // Examples in documents are not its business.
            Self::Nextest => vec![
                compare(Line::cargo(["nextest", "run", "--workspace", "--locked", "--no-tests", "pass"])),
                Line::cargo(["test", "--workspace", "--locked", "--doc", "--quiet"]),
            ],
            Self::Cargo => vec![compare(Line::cargo(["test", "--workspace", "--locked", "--quiet"]))],
        }
    }
}

/// Cheapest first, so that a failure is told as early as possible.
fn steps(runner: TestRunner) -> [Step; 6] {
    let clippy = Line::cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]);
    let docs = Line::cargo(["doc", "--workspace", "--no-deps", "--locked", "--quiet"])
        .with("RUSTDOCFLAGS", "-D warnings");
    [
        Step { name: "format", work: Work::Lines(vec![Line::cargo(["fmt", "--all", "--check"])]) },
        Step { name: "layering", work: Work::Layering },
        Step { name: "clippy", work: Work::Lines(vec![clippy]) },
        Step { name: "peers", work: Work::Peers },
        Step { name: "tests", work: Work::Lines(runner.lines()) },
        Step { name: "docs", work: Work::Lines(vec![docs]) },
    ]
}

/// Runs every step; the last line printed says how it went.
pub(crate) fn test(root: &Path) -> Result<()> {
    let began = now();
    let steps = steps(TestRunner::found(root));
    for (index, step) in steps.iter().enumerate() {
        println!("== {}/{} {}", index + 1, steps.len(), step.name);
        let step_began = now();
        let (done, again) = match &step.work {
            Work::Lines(lines) => first_failure(lines, root),
            Work::Layering => (crate::layering(root), "cargo xtask layering".to_owned()),
            Work::Peers => (crate::peers::fetch(root), "cargo xtask peers".to_owned()),
        };
        let took = shown(step_began.elapsed());
        if let Err(error) = done {
            eprintln!("== {} failed after {took}: {error:#}", step.name);
            bail!("{} of {} steps passed; to repeat the failed one: {again}", index, steps.len());
        }
        println!("== {} passed in {took}", step.name);
    }
    println!("== all {} steps passed in {}", steps.len(), shown(began.elapsed()));
    Ok(())
}

/// Runs lines until one fails; the text is the line to repeat.
fn first_failure(lines: &[Line], root: &Path) -> (Result<()>, String) {
    for line in lines {
        println!("   {}", line.shown());
        let done = line.run(root);
        if done.is_err() {
            return (done, line.shown());
        }
    }
    (Ok(()), String::new())
}

/// The wall clock: this is a tool for people, and what it measures is their time.
#[expect(
    clippy::disallowed_methods,
    reason = "wall time of the checks themselves; nothing of the product runs here"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// `9.4 s`, `3 min 05 s`.
fn shown(took: Duration) -> String {
    let seconds = took.as_secs();
    if seconds < 60 {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_so_that_it_can_be_pasted() {
        let line = Line::cargo(["doc", "--no-deps"]).with("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(line.shown(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn the_steps_are_the_same_with_either_test_runner() {
        let names = |runner| steps(runner).map(|step| step.name);
        assert_eq!(names(TestRunner::Nextest), ["format", "layering", "clippy", "peers", "tests", "docs"]);
        assert_eq!(names(TestRunner::Cargo), names(TestRunner::Nextest));
    }

    #[test]
    fn examples_in_documents_are_tested_with_either_runner() {
        let all = |runner: TestRunner| runner.lines().iter().map(Line::shown).collect::<Vec<_>>().join("\n");
        assert!(all(TestRunner::Nextest).contains("--doc"));
        assert_eq!(all(TestRunner::Cargo), "INSTA_UPDATE='no' cargo test --workspace --locked --quiet");
    }

    #[test]
    fn times_are_shown_as_people_say_them() {
        assert_eq!(shown(Duration::from_millis(9_440)), "9.4 s");
        assert_eq!(shown(Duration::from_secs(185)), "3 min 05 s");
    }
}
