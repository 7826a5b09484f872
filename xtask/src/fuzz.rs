//! `cargo xtask fuzz`: a bounded run of the fuzz targets in `fuzz/`, from their seeds and from what earlier runs kept in
//! `fuzz/corpus`. It needs a nightly toolchain; where there is none it says so and has nothing to complain about, as the
//! tests read every seed again with the stable one.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::steps::now;
use crate::tools;

/// How long a target runs unless told otherwise.
const SECONDS: u32 = 20;
/// One input may take no longer, seconds: readers end in bounded time.
const INPUT_SECONDS: u32 = 10;
/// Memory that a whole run may take, MiB: readers keep bounded memory.
const MEMORY_MIB: u32 = 2048;
/// Longest input made, bytes: the longest seed, and then some.
const INPUT_BYTES: u32 = 16 * 1024;
/// Lines of a failed run that are shown.
const LAST_LINES: usize = 30;

/// What a run came to.
struct Ran {
    target: String,
    runs: String,
    seeds: usize,
    took: Duration,
    /// The input that broke a promise, where it was kept.
    found: Option<PathBuf>,
}

/// Runs one target or all of them.
pub(crate) fn fuzz(root: &Path, words: &[&str]) -> Result<()> {
    let (wanted, seconds) = read(words)?;
    let all = targets(root)?;
    let chosen: Vec<&String> = all.iter().filter(|name| wanted.is_none_or(|w| w == **name)).collect();
    if chosen.is_empty() {
        bail!("no target {:?}; there are {}", wanted.unwrap_or_default(), all.join(", "));
    }
    let toolchains = tools::said(Command::new("rustup").args(["toolchain", "list"])).unwrap_or_default();
    if !toolchains.lines().any(|line| line.starts_with("nightly")) {
        println!(
            "no nightly toolchain (`rustup toolchain list`): nothing was fuzzed; `cargo test` reads the seeds"
        );
        return Ok(());
    }
    let bin = tools::folder_of(root, "cargo-fuzz")?;
    let cargo_fuzz = |words: &[&str]| -> Result<Command> {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo", "fuzz"]).args(words).current_dir(root);
        command.env("PATH", tools::path_with(&bin)?);
        // What the stable cargo around this set is not the nightly one's.
        for name in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN", "CARGO_TARGET_DIR"] {
            command.env_remove(name);
        }
        Ok(command)
    };
    println!("   building {} target(s) with the nightly toolchain", chosen.len());
    let mut build = vec!["build", "--sanitizer", "none"];
    if let [one] = chosen[..] {
        build.push(one);
    }
    let built = cargo_fuzz(&build)?.status().context("rustup could not be started")?;
    if !built.success() {
        bail!("the targets could not be built ({built})");
    }
    let mut all = Vec::new();
    for target in chosen {
        let ran = run(root, target, seconds, &cargo_fuzz)?;
        all.push(ran);
    }
    println!("{:16} {:>10} {:>6} {:>8}  found", "target", "runs", "seeds", "seconds");
    for Ran { target, runs, seeds, took, found } in &all {
        let found = if found.is_some() { "a broken promise" } else { "-" };
        println!("{target:16} {runs:>10} {seeds:>6} {:>8.1}  {found}", took.as_secs_f64());
    }
    let broken: Vec<&Ran> = all.iter().filter(|ran| ran.found.is_some()).collect();
    for Ran { target, found, .. } in &broken {
        let input = found.as_deref().unwrap_or(Path::new("")).display();
        println!("{target}: {input}\n  again: cargo +nightly fuzz run --sanitizer none {target} {input}");
    }
    if !broken.is_empty() {
        bail!("{} target(s) broke a promise", broken.len());
    }
    Ok(())
}

/// Target and seconds of the command line.
fn read<'a>(words: &[&'a str]) -> Result<(Option<&'a str>, u32)> {
    match words {
        [] => Ok((None, SECONDS)),
        ["--seconds", count] => Ok((None, seconds(count)?)),
        [target] if !target.starts_with('-') => Ok((Some(target), SECONDS)),
        [target, "--seconds", count] | ["--seconds", count, target] => Ok((Some(target), seconds(count)?)),
        _ => bail!("write `cargo xtask fuzz [TARGET] [--seconds N]`"),
    }
}

fn seconds(text: &str) -> Result<u32> {
    text.parse().ok().filter(|n| *n > 0).with_context(|| format!("{text:?} is no number of seconds"))
}

/// The names of all targets, sorted.
fn targets(root: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = files(&root.join("fuzz").join("fuzz_targets"))?
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn run(
    root: &Path,
    target: &str,
    seconds: u32,
    cargo_fuzz: &impl Fn(&[&str]) -> Result<Command>,
) -> Result<Ran> {
    let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
    fs::create_dir_all(root.join(&corpus)).with_context(|| format!("cannot make {corpus}"))?;
    let count = files(&root.join(&seeds))?.len();
    let limits = [
        format!("-max_total_time={seconds}"),
        format!("-timeout={INPUT_SECONDS}"),
        format!("-rss_limit_mb={MEMORY_MIB}"),
        format!("-max_len={INPUT_BYTES}"),
        "-print_final_stats=1".to_owned(),
    ];
    println!("   {target}: {seconds} s from {count} seeds");
    let words = ["run", "--sanitizer", "none", target, &corpus, &seeds, "--"];
    let start = now();
    let output = cargo_fuzz(&words)?
        .args(&limits)
        .stdin(Stdio::null())
        .output()
        .context("rustup could not be started")?;
    let took = start.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    let runs = after(&said, "stat::number_of_executed_units:").unwrap_or("?").to_owned();
    if output.status.success() {
        return Ok(Ran { target: target.to_owned(), runs, seeds: count, took, found: None });
    }
    let lines: Vec<&str> = said.lines().collect();
    eprintln!("{}", lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"));
    let input = after(&said, "Test unit written to ")
        .with_context(|| format!("{target} ended with {} and kept no input", output.status))?;
    Ok(Ran { target: target.to_owned(), runs, seeds: count, took, found: Some(PathBuf::from(input)) })
}

/// What follows a word on its line.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.contains(word))?;
    line.split_once(word).map(|(_, rest)| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_and_seconds_come_in_either_order_or_not_at_all() {
        assert_eq!(read(&[]).unwrap(), (None, SECONDS));
        assert_eq!(read(&["junit"]).unwrap(), (Some("junit"), SECONDS));
        assert_eq!(read(&["junit", "--seconds", "3"]).unwrap(), (Some("junit"), 3));
        assert_eq!(read(&["--seconds", "3", "junit"]).unwrap(), (Some("junit"), 3));
        for bad in [&["--seconds"][..], &["--seconds", "0"], &["a", "b"], &["--fast"]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_input_that_broke_a_promise_is_read_from_what_the_run_says() {
        let said = "panicked\nartifact_prefix='x/'; Test unit written to /r/fuzz/artifacts/junit/crash-0a\nBase64: YQ==\n";
        assert_eq!(after(said, "Test unit written to "), Some("/r/fuzz/artifacts/junit/crash-0a"));
        assert_eq!(
            after("stat::number_of_executed_units: 512\n", "stat::number_of_executed_units:"),
            Some("512")
        );
    }
}
