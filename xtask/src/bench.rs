//! `cargo xtask bench`: what a user of the release build feels, measured and told, never asserted.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::steps::now;

/// How often the short command is run; the least time tells what the machine can do.
const RUNS: u32 = 20;

/// Builds the release binary and times it.
pub(crate) fn bench(root: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked", "--package", "regatta"])
        .current_dir(root)
        .status()
        .context("cargo build did not start")?;
    if !built.success() {
        bail!("the release build failed");
    }
    let binary = target(root).join("release").join("regatta");
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        least = least.min(time(&binary, &["--version"])?);
    }
    println!("regatta --version         {:8.2} ms (least of {RUNS})", millis(least));
    // The first run pays for reading the binary from disk.
    time(&binary, &DEMO)?;
    println!("regatta demo --speed max  {:8.2} ms", millis(time(&binary, &DEMO)?));
    Ok(())
}

const DEMO: [&str; 5] = ["demo", "--speed", "max", "--output", "json"];

fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

fn millis(took: Duration) -> f64 {
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
        bail!("`regatta {}` ended with {status}", words.join(" "));
    }
    Ok(took)
}
