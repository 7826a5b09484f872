//! Programs that a few commands need and cargo does not bring: installed by name, once, under `target/tools`.

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bench::target;

/// The folder of a cargo subcommand such as `cargo-fuzz`, which is installed where it is missing.
pub(crate) fn folder_of(root: &Path, name: &str) -> Result<PathBuf> {
    let tools = target(root).join("tools");
    let bin = tools.join("bin");
    if bin.join(name).is_file() {
        return Ok(bin);
    }
    println!("   installing {name} into {}", tools.display());
    let mut install = Command::new("cargo");
    install.args(["install", name, "--locked", "--root"]).arg(&tools);
    // Another folder of results would be that of the command at hand.
    install.env_remove("CARGO_TARGET_DIR");
    let status = install.status().context("cargo could not be started")?;
    if !status.success() {
        bail!("{name} could not be installed ({status}); this needs the package index");
    }
    Ok(bin)
}

/// `PATH` with a folder before all others.
pub(crate) fn path_with(folder: &Path) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(all).context("a folder of PATH has a colon in its name")
}

/// What a program prints, if it is there and succeeds.
pub(crate) fn said(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
