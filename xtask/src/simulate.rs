//! `cargo xtask simulate`: the simulator, in a release build. Its flags are the simulator's own.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// Builds the simulator and hands it the flags; without any it says what they are.
pub(crate) fn simulate(root: &Path, flags: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "run",
            "--release",
            "--locked",
            "--quiet",
            "--package",
            "scenarios",
            "--bin",
            "simulate",
            "--",
        ])
        .args(flags)
        .current_dir(root)
        .stdin(Stdio::null())
        .status()
        .context("the simulator did not start")?;
    if !status.success() {
        bail!("the simulation found something, or was not understood ({status})");
    }
    Ok(())
}
