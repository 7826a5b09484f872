//! Why a file was not read or not replaced.

use std::io;
use std::path::{Path, PathBuf};

use super::{MOST_BYTES, quoted};
use crate::failure::Failure;

/// Why a file was not read or not replaced. But for [`ReplaceError::Partly`] and [`ReplaceError::Unsynced`] every file is as
/// it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplaceError {
    /// Its permissions forbid it, though those of its folder may not.
    #[error(
        "{}: is read-only ({why}); nothing was written; if it is meant to change, make it writable \
         (`chmod u+w {}`) and run again", path.display(), quoted(path)
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Its folder takes no new file, and a file is replaced by a new one.
    #[error(
        "{}: is replaced by a new file, and none can be made in its folder {} ({why}); nothing was written; make the \
         folder writable (`chmod u+w {}`) and run again", path.display(), folder.display(), quoted(folder)
    )]
    FolderReadOnly {
        /// The file.
        path: PathBuf,
        /// The folder, or the nearest above it that is there.
        folder: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The name leads to something outside the checkout.
    #[error(
        "{}: leads to {}, which lies outside the checkout {}; nothing was written; change that file where it \
         belongs, or put a file of its own here", path.display(), target.display(), root.display()
    )]
    Outside {
        /// The name.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
        /// The checkout.
        root: PathBuf,
    },
    /// Two names of one file, which cannot hold two contents.
    #[error(
        "{} and {} are one file by two names; nothing was written; put a file of its own at each",
        first.display(), second.display()
    )]
    Same {
        /// One name.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// It is no regular file.
    #[error("{}: is {what}, not a regular file; name a release configuration", path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// No configuration is that large.
    #[error(
        "{}: is larger than {} MiB, and no release configuration is; name a release configuration",
        path.display(), MOST_BYTES / (1024 * 1024)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// There is none of that name.
    #[error("{}: there is no such file", path.display())]
    Missing {
        /// The name.
        path: PathBuf,
    },
    /// The name, or a folder on the way, is a link, and what it leads to is not there.
    #[error("{}: is a link to {}, and nothing is there", path.display(), leads_to.display())]
    Dangling {
        /// The link.
        path: PathBuf,
        /// What it says.
        leads_to: PathBuf,
    },
    /// It is not what it was when it was read.
    #[error(
        "{}: {what}; nothing was written; look at it and run again", path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// What happened to it.
        what: &'static str,
    },
    /// Of several files some took their names before one could not.
    #[error(
        "not all files could be written. Changed: {}. Not changed: {} ({why}). No file is half written; look at them \
         (`git diff`), then run again for the rest, or put back what is changed",
        listed(changed),
        listed(left)
    )]
    Partly {
        /// The files that are changed.
        changed: Vec<PathBuf>,
        /// Those that should be and are not; the first is where it stopped.
        left: Vec<PathBuf>,
        /// Why it stopped.
        why: String,
        /// Who stopped it.
        by: StoppedBy,
    },
    /// All is written, and a power failure may undo it.
    #[error(
        "{}: the new contents are there, but may not outlast a power failure ({source}); nothing else was done: once the \
         disk is well, run `make release-controllers` in the checkout where it is wanted",
        listed(paths)
    )]
    Unsynced {
        /// The files that are changed.
        paths: Vec<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused.
    #[error("{place}: {source}")]
    Io {
        /// The file, and what was being done.
        place: String,
        /// What the system said.
        source: io::Error,
    },
}

/// What stopped the writing of several files between the first and the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoppedBy {
    /// Somebody else who wrote at the same time.
    SomebodyElse,
    /// The system.
    System,
}

impl From<ReplaceError> for Failure {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::ReadOnly { .. }
            | ReplaceError::FolderReadOnly { .. }
            | ReplaceError::Outside { .. }
            | ReplaceError::Same { .. }
            | ReplaceError::NotAFile { .. }
            | ReplaceError::TooLarge { .. }
            | ReplaceError::Missing { .. }
            | ReplaceError::Dangling { .. } => Self::Input(error.to_string()),
            ReplaceError::Changed { .. } | ReplaceError::Partly { by: StoppedBy::SomebodyElse, .. } => {
                Self::Conflict(error.to_string())
            }
            // Not as wrong input, which leaves everything as it was.
            ReplaceError::Partly { by: StoppedBy::System, .. } | ReplaceError::Unsynced { .. } => {
                Self::Failed(error.to_string())
            }
            ReplaceError::Io { place, source } => Self::File { place, source },
        }
    }
}

/// An error of the system at a file, and what was being done.
pub(super) fn io_at(path: &Path, doing: &'static str) -> impl Fn(io::Error) -> ReplaceError {
    let place =
        if doing.is_empty() { path.display().to_string() } else { format!("{}: {doing}", path.display()) };
    move |source| ReplaceError::Io { place: place.clone(), source }
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
