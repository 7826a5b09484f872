//! `cargo xtask bench`: what a user of the release build feels, beside what they would otherwise run, in one run; measured and
//! told, never asserted.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::steps::now;

/// How often the short commands are run, in turn; the least time tells what the machine can do.
const RUNS: u32 = 20;
/// How many releases are driven.
const RELEASES: u32 = 5;

/// Today's tool is a Python program: before it does anything, the interpreter starts and reads its command line.
const PYTHON_START: [&str; 2] = ["-c", "import argparse, json, logging, subprocess, urllib.request"];

/// Builds the release binary and times it.
pub(crate) fn bench(root: &Path) -> Result<()> {
    cargo(root, &["build", "--release", "--locked", "--package", "regatta"])?;
    let regatta = target(root).join("release").join("regatta");
    let python = PathBuf::from("python3");

    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..RUNS {
        ours = ours.min(time(&regatta, &["--version"])?);
        theirs = theirs.min(time(&python, &PYTHON_START)?);
    }
    println!("start, least of {RUNS} in turn");
    println!(
        "  regatta --version                  {:8.2} ms  {:6.1} MB at most",
        millis(ours),
        peak(&regatta, &["--version"])?
    );
    println!(
        "  python3 with a CLI's usual imports {:8.2} ms  {:6.1} MB at most",
        millis(theirs),
        peak(&python, &PYTHON_START)?
    );
    println!("  ratio                              {:8.1} times", millis(theirs) / millis(ours));

    println!("a release driven to its end, demo --speed max, wall_seconds of each");
    let mut all = Vec::new();
    for seed in 1..=RELEASES {
        all.push(demo(&regatta, seed)?);
    }
    all.sort_by(f64::total_cmp);
    println!(
        "  least {:.3} s, median {:.3} s, most {:.3} s of {RELEASES}",
        all[0],
        all[all.len() / 2],
        all[all.len() - 1]
    );

    println!("one decision (cargo bench --package regatta-flow)");
    cargo(root, &["bench", "--locked", "--package", "regatta-flow", "--bench", "decide"])?;

    println!("payload jobs");
    crate::bench_payload::bench(root)
}

pub(crate) fn cargo(root: &Path, words: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(words).current_dir(root).status().context("cargo did not start")?;
    if !status.success() {
        bail!("`cargo {}` failed", words.join(" "));
    }
    Ok(())
}

pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

pub(crate) fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

fn time(binary: &Path, words: &[&str]) -> Result<Duration> {
    let began = now();
    let status = Command::new(binary)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("{} did not start", binary.display()))?;
    let took = began.elapsed();
    if !status.success() {
        bail!("`{} {}` ended with {status}", binary.display(), words.join(" "));
    }
    Ok(took)
}

/// Peak resident memory in MB, as the system accounts it to a finished child: at most this, since the measuring interpreter counts
/// until the child has begun.
fn peak(binary: &Path, words: &[&str]) -> Result<f64> {
    let script = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); \
                  print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let output = Command::new("python3").args(["-c", script]).arg(binary).args(words).output()?;
    let kilobytes: f64 =
        String::from_utf8(output.stdout)?.trim().parse().context("no figure for the peak memory")?;
    Ok(kilobytes / 1024.0)
}

/// Wall time of one release, as the demo itself tells it.
fn demo(regatta: &Path, seed: u32) -> Result<f64> {
    let seed = seed.to_string();
    let output =
        Command::new(regatta).args(["demo", "--speed", "max", "-o", "json", "--seed", &seed]).output()?;
    let ended: serde_json::Value = serde_json::from_slice(&output.stdout).context("the demo told no JSON")?;
    if ended["state"] != "done" {
        bail!("the demo of seed {seed} ended {}", ended["state"]);
    }
    ended["wall_seconds"].as_f64().context("the demo told no wall_seconds")
}
