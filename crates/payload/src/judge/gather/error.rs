//! Why nothing could be gathered.

use super::shortlist;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Why nothing could be gathered. What is wrong with a single file is a note, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatherError {
    /// The folder is not there.
    #[error("{}: there is no such folder{there}", dir.display())]
    Missing {
        /// The folder.
        dir: PathBuf,
        /// What is there instead.
        there: String,
    },
    /// It is a file.
    #[error("{}: is a file, where a folder with one folder a run is expected", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// A folder whose content stays unknown: failures may be in it, so nothing is judged.
    #[error("{}: the folder cannot be read: {source}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing in it can be a run.
    #[error("{}: holds no run: {there}; a folder a run, or an .xml file a run, is expected in it", dir.display())]
    NoRuns {
        /// The folder.
        dir: PathBuf,
        /// What is there instead.
        there: String,
    },
    /// The folder of a single run.
    #[error(
        "{}: is the folder of one run, for it holds {marker}; give the folder around it, with one folder a run",
        dir.display()
    )]
    OneRun {
        /// The folder.
        dir: PathBuf,
        /// What tells so.
        marker: &'static str,
    },
    /// The runs are further down, and which are meant is not clear.
    #[error("{}: the runs are one folder deeper: give one of {deeper}{beside}", dir.display())]
    Deeper {
        /// The folder.
        dir: PathBuf,
        /// The folders that hold runs.
        deeper: String,
        /// Folders beside them that are runs themselves, as a half-sentence.
        beside: String,
    },
    /// Runs are there, but none is of the job and payload that were asked for.
    #[error("{}: no run in it (of {count}) is of the job and payload asked for: {why}", dir.display())]
    OtherRuns {
        /// The folder.
        dir: PathBuf,
        /// How many runs are there.
        count: usize,
        /// What they are of.
        why: String,
    },
}

impl GatherError {
    pub(super) fn no_runs(dir: &Path) -> Self {
        let names = names_in(dir);
        let there = if names.is_empty() {
            "it is empty".to_owned()
        } else {
            format!("there is {}", shortlist(&names))
        };
        Self::NoRuns { dir: dir.to_owned(), there }
    }

    pub(super) fn deeper(dir: &Path, shelves: &[PathBuf], beside: &BTreeSet<String>) -> Self {
        let shelves: Vec<String> = shelves.iter().map(|shelf| shelf.display().to_string()).collect();
        let beside = if beside.is_empty() {
            String::new()
        } else {
            format!("; beside them are runs in {} itself: {}", dir.display(), shortlist(beside))
        };
        Self::Deeper { dir: dir.to_owned(), deeper: shortlist(&shelves), beside }
    }

    /// A folder that cannot be opened: missing, a file, or barred.
    pub(in crate::judge) fn unopened(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => {
                Self::Missing { dir: path.to_owned(), there: around(path, LookedFor::Folder) }
            }
            io::ErrorKind::NotADirectory => Self::NotAFolder { path: path.to_owned() },
            _ => Self::Unreadable { path: path.to_owned(), source },
        }
    }
}

fn names_in(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// What is there instead of something that is missing: the nearest folder above it that exists, and what is in it.
pub(in crate::judge) fn around(path: &Path, looked_for: LookedFor) -> String {
    let Some(above) = path.ancestors().skip(1).find(|above| above.as_os_str().is_empty() || above.is_dir())
    else {
        return String::new();
    };
    let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
    let names: BTreeSet<String> = names_in(above)
        .into_iter()
        .filter(|name| !name.starts_with('.'))
        .filter(|name| looked_for == LookedFor::FileOrFolder || above.join(name).is_dir())
        .collect();
    match (names.is_empty(), looked_for) {
        (false, _) => format!("; {} holds {}", above.display(), shortlist(&names)),
        (true, LookedFor::Folder) => format!("; {} holds no folder", above.display()),
        (true, LookedFor::FileOrFolder) => format!("; {} is empty", above.display()),
    }
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::judge) enum LookedFor {
    Folder,
    FileOrFolder,
}
