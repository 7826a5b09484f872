//! What the tests need and cargo does not bring: make, and PyYAML's wheel for the Python at hand, under `target/peers`. Fetched
//! once and by name, so that the tests themselves need no network.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bench::target;

/// Prints the tag by which wheels name this Python, such as `cp311`.
const TAG: &str = "import sys; print('cp%d%d' % sys.version_info[:2])";

/// Fetches what is not there yet.
pub(crate) fn fetch(root: &Path) -> Result<()> {
    have_make()?;
    let peers = target(root).join("peers");
    let wheels = peers.join("wheels");
    let tag = said(Command::new("python3").args(["-c", TAG]))?;
    if has_wheel(&wheels, "pyyaml", tag.trim()) {
        println!("   PyYAML is in {}", wheels.display());
        return Ok(());
    }
    let python = venv(&peers.join("venv"))?;
    println!("   fetching PyYAML into {}", wheels.display());
    run(Command::new(python).args(["-m", "pip", "download", "--quiet", "PyYAML", "--dest"]).arg(&wheels))
        .context("PyYAML could not be fetched; this needs the package index")
}

/// A virtual environment's Python; made where it is missing.
pub(crate) fn venv(folder: &Path) -> Result<PathBuf> {
    let python = folder.join("bin").join("python");
    // One that was made halfway, or whose Python is gone, is made anew: it lies under `target` and holds nothing else.
    if works(&python) {
        return Ok(python);
    }
    println!("   making {}", folder.display());
    let make = || run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    if let Err(error) = make() {
        if works_with("python3", &["-c", "import ensurepip"]) {
            return Err(error);
        }
        // Debian keeps what makes environments in a package of its own.
        apt_install("python3-venv")?;
        make()?;
    }
    Ok(python)
}

fn works(python: &Path) -> bool {
    works_with(python, &["-m", "pip", "--version"])
}

fn have_make() -> Result<()> {
    if works_with("make", &["--version"]) {
        return Ok(());
    }
    apt_install("make")
}

/// Installs a package of the system, where that is a matter of course: as root, with apt-get.
fn apt_install(package: &str) -> Result<()> {
    let root = said(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !works_with("apt-get", &["--version"]) {
        bail!("the tests need {package}: install it (Debian: apt-get install {package}) and run again");
    }
    println!("   apt-get install {package}");
    let apt =
        |words: &[&str]| run(Command::new("apt-get").args(words).env("DEBIAN_FRONTEND", "noninteractive"));
    let install = ["install", "--yes", "--quiet", package];
    // The lists of a fresh container are empty or old.
    apt(&install).or_else(|_| apt(&["update", "--quiet"]).and_then(|()| apt(&install)))
}

/// Whether a wheel of a package, in lower case, is there for a Python, or one for all.
fn has_wheel(folder: &Path, package: &str, tag: &str) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| fits(&entry.file_name().to_string_lossy().to_lowercase(), package, tag))
}

/// `NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl`, as the packaging standard names wheels.
fn fits(name: &str, package: &str, tag: &str) -> bool {
    let Some(parts) = name.strip_suffix(".whl").map(|stem| stem.split('-').collect::<Vec<_>>()) else {
        return false;
    };
    let python = parts.len().checked_sub(3).and_then(|at| parts.get(at)).copied().unwrap_or_default();
    parts.first() == Some(&package) && python.split('.').any(|one| one == tag || one == "py3")
}

fn works_with(program: impl AsRef<std::ffi::OsStr>, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command that has to succeed; what it says is seen.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("{command:?} did not start"))?;
    if !status.success() {
        bail!("{command:?} failed ({status})");
    }
    Ok(())
}

/// What a command that has to succeed says.
pub(crate) fn said(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("{command:?} did not start"))?;
    if !output.status.success() {
        bail!("{command:?} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} says no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_serves_the_python_it_names() {
        let wheel = "pyyaml-6.0.3-cp311-cp311-manylinux_2_28_x86_64.whl";
        assert!(fits(wheel, "pyyaml", "cp311"));
        assert!(!fits(wheel, "pyyaml", "cp312"), "another Python's");
        assert!(!fits(wheel, "yaml", "cp311"), "another package");
        assert!(fits("six-1.17.0-py2.py3-none-any.whl", "six", "cp311"));
        assert!(!fits("pyyaml-6.0.3.tar.gz", "pyyaml", "cp311"), "it would have to be built");
    }
}
