//! Finds runs that are one folder deeper than expected: `DIR/<job>/<run>`, `DIR/<payload>/<run>`, `DIR/logs/<job>/<run>`.
//!
//! Taken for runs, such folders would merge all their runs into one. But a run has folders within it as well, steps
//! above all, which hold JUnit, a log and often a `finished.json` of their own. So a folder with something of a run at
//! its top is a run, and of the folders in it only those with what Prow leaves for runs alone are runs, or those named
//! like runs while nothing above them is.

use super::folders::{is_hidden, is_junit, is_ours, is_xml};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders within folders in which runs are looked for.
const LEVELS_MAX: usize = 2;

/// Folders within a run in which JUnit is looked for.
const JUNIT_LEVELS_MAX: usize = 8;

/// What stands directly in a folder.
#[derive(Default)]
struct Inside {
    files: Vec<String>,
    folders: Vec<(String, PathBuf)>,
}

impl Inside {
    /// Nothing, if it cannot be read: whoever reads the run will tell.
    fn of(folder: &Path) -> Self {
        let mut inside = Self::default();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            match fs::metadata(&path) {
                _ if is_hidden(&name) || is_ours(&name) => {}
                Ok(metadata) if metadata.is_dir() => inside.folders.push((name, path)),
                _ => inside.files.push(name),
            }
        }
        inside.folders.sort();
        inside
    }

    fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file == name)
    }

    /// What Prow leaves for a run, and for nothing within it.
    fn is_surely_run(&self) -> bool {
        self.has("prowjob.json") || self.has("started.json")
    }

    /// What it leaves for the steps of a run too.
    fn is_run_or_step(&self) -> bool {
        self.is_surely_run() || self.has("finished.json") || self.has("build-log.txt")
    }

    fn has_results_at_its_top(&self) -> bool {
        let is_results = |name: &str| {
            let name = name.to_lowercase();
            name == "artifacts" || name == "build" || name.starts_with("junit")
        };
        self.files.iter().any(|name| is_xml(name)) || self.folders.iter().any(|(name, _)| is_results(name))
    }

    /// Links are not followed: they may lead in circles.
    fn has_junit(&self, within: &str, levels: usize) -> bool {
        let is_below = |(name, path): &(String, PathBuf)| {
            !path.is_symlink() && Self::of(path).has_junit(&format!("{within}/{name}"), levels - 1)
        };
        self.files.iter().any(|name| is_junit(&format!("{within}/{name}")))
            || (levels > 0 && self.folders.iter().any(is_below))
    }
}

/// The folders that hold runs: this one or some within it, in order; none if it is a run itself, or nothing at all.
pub(super) fn holding_runs(name: &str, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    look(name, folder, LEVELS_MAX, Names::OfRunsTell, &mut found);
    found
}

/// Whether folders named like runs are taken for runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    OfRunsTell,
    /// A folder above is named like one already.
    TellNothing,
}

fn look(name: &str, folder: &Path, levels: usize, names: Names, found: &mut Vec<PathBuf>) {
    let inside = Inside::of(folder);
    if inside.is_run_or_step() || inside.has_results_at_its_top() {
        return;
    }
    let names = if is_like_a_run(name) { Names::TellNothing } else { names };
    let (mut sure, mut likely) = (0, 0);
    for (name, path) in &inside.folders {
        let run = Inside::of(path);
        if run.is_surely_run() {
            sure += 1;
        } else if names == Names::OfRunsTell
            && is_like_a_run(name)
            && (run.is_run_or_step() || run.has_junit("", JUNIT_LEVELS_MAX))
        {
            likely += 1;
        }
    }
    if sure > 0 || likely > 1 {
        found.push(folder.to_owned());
    } else if levels > 0 {
        for (name, path) in &inside.folders {
            look(name, path, levels - 1, names, found);
        }
    }
}

/// Whether a folder's name is that of a run: a number, alone or behind a word for it.
pub(super) fn is_like_a_run(name: &str) -> bool {
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
    word.len() < name.len()
        && matches!(
            word.trim_end_matches(['-', '_', '.', ' ']).to_lowercase().as_str(),
            "" | "run" | "attempt" | "build" | "try" | "job-run"
        )
}

/// Whether two names are of one form: the same but for numbers, or both as long and of hexadecimal digits.
pub(super) fn is_alike(a: &str, b: &str) -> bool {
    let plain = |name: &str| {
        let mut plain: Vec<char> = name.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        plain.dedup_by(|a, b| *a == '0' && *b == '0');
        plain
    };
    let is_hex = |name: &str| name.len() >= 8 && name.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    plain(a) == plain(b) || (a.len() == b.len() && is_hex(a) && is_hex(b))
}
