//! Replacing a file whole or not at all.
//!
//! The new contents go to a temporary file in the same folder, reach the disk, and take the old file's name in one step; a
//! crash at any moment leaves the file either old or new. In between stands everything that forbids the change: a file
//! that is not regular or read-only, a link that leads out of the checkout, contents that are not those that were read.
//!
//! The temporary file is hidden and ends in `.swp`: the release controller reads every `*.json` below its folder and must not
//! meet half a configuration, and the configuration repository has git ignore that ending. It is locked while in use, so
//! that the next change can tell a leftover of a crash from the work of somebody who writes now.
//!
//! Kept: permissions, and the owner where the system allows. Not kept: further hard links to the file, extended attributes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Ends the names of temporary files.
const SUFFIX: &str = ".swp";
/// Stands in the names of temporary files between the file's own name and something random.
const MARK: &str = ".regatta-";
/// A configuration has tens of kilobytes; what is larger than this is something else.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Why a file was not read or not replaced. Unless it says otherwise the file is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplaceError {
    /// Its permissions forbid it, though those of its folder would not.
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
    /// It is no regular file.
    #[error("{}: is {what}, not a regular file; nothing was written; name a release configuration", path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
        /// What it is.
        what: &'static str,
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
    /// The system refused.
    #[error("{place}: {source}")]
    Io {
        /// The file, and what was being done.
        place: String,
        /// What the system said.
        source: io::Error,
    },
}

impl From<ReplaceError> for Failure {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::ReadOnly { .. } | ReplaceError::Outside { .. } | ReplaceError::NotAFile { .. } => {
                Self::Input(error.to_string())
            }
            ReplaceError::Changed { .. } => Self::Conflict(error.to_string()),
            ReplaceError::Io { place, source } => Self::File { place, source },
        }
    }
}

/// What a replacement came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// The contents were these already; nothing was written.
    Unchanged,
    /// There was no such file.
    Created,
    /// The contents were others.
    Replaced,
}

/// A moment in the course of a replacement; tests end the process there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The temporary file is there, empty.
    Begun,
    /// It holds the new contents.
    Filled,
    /// They are on the disk.
    Synced,
    /// The file was compared for the last time.
    Compared,
    /// The temporary file took the file's name.
    Renamed,
}

/// A file as it was when it was read; or that there was none.
#[derive(Debug, Clone)]
pub(crate) struct Original {
    /// As it was named: what messages say.
    path: PathBuf,
    /// Where the name leads, links followed.
    target: PathBuf,
    /// The checkout, links followed.
    root: PathBuf,
    /// What it held; none when there was no such file.
    bytes: Option<Vec<u8>>,
}

impl Original {
    /// Reads a file of the checkout at `root`. That the file may be read and not replaced is found out by
    /// [`Original::may_be_replaced`].
    ///
    /// # Errors
    ///
    /// There is none, it is no regular file, or the system refuses.
    pub(crate) fn read(root: &Path, path: &Path) -> Result<Self, ReplaceError> {
        let original = Self::read_or_absent(root, path)?;
        if original.bytes.is_none() {
            let source = io::Error::new(ErrorKind::NotFound, "there is no such file");
            return Err(ReplaceError::Io { place: path.display().to_string(), source });
        }
        Ok(original)
    }

    /// Reads a file of the checkout at `root` that may not be there yet; replacing it makes it, and folders on the way.
    ///
    /// # Errors
    ///
    /// It is no regular file, or the system refuses.
    pub(crate) fn read_or_absent(root: &Path, path: &Path) -> Result<Self, ReplaceError> {
        let root = root.canonicalize().map_err(io_at(root, ""))?;
        let (target, bytes) = match resolved(path)? {
            Resolved::There(target) => {
                let bytes = contents(path, &target)?;
                (target, Some(bytes))
            }
            Resolved::Absent(target) => (target, None),
        };
        Ok(Self { path: path.to_owned(), target, root, bytes })
    }

    /// What it held when it was read; nothing when there was no such file.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }

    /// Whether there was such a file.
    pub(crate) fn existed(&self) -> bool {
        self.bytes.is_some()
    }

    /// Whether anything forbids to replace it, without touching anything: for a plan, and before somebody is asked.
    ///
    /// # Errors
    ///
    /// It leads outside the checkout or is read-only.
    pub(crate) fn may_be_replaced(&self) -> Result<(), ReplaceError> {
        self.opened_to_replace().map(drop)
    }

    /// Puts `new` in the place of what was read: whole, or not at all. A link stays and what it leads to is replaced.
    ///
    /// # Errors
    ///
    /// It leads outside the checkout, is read-only, has changed since it was read, or the system refuses.
    pub(crate) fn replace(&self, new: &[u8]) -> Result<Written, ReplaceError> {
        self.replace_by_steps(new, |_| {})
    }

    fn replace_by_steps(&self, new: &[u8], mut at: impl FnMut(Step)) -> Result<Written, ReplaceError> {
        let held = self.opened_to_replace()?;
        self.compare()?;
        if self.bytes.as_deref() == Some(new) {
            return Ok(Written::Unchanged);
        }
        let folder = self.target.parent().unwrap_or(Path::new("/"));
        if held.is_none() {
            fs::create_dir_all(folder).map_err(self.io("its folder cannot be made"))?;
        }
        // Two changes at once: the second finds the lock, or, once the first is done, other contents.
        if let Some(file) = &held
            && let Err(TryLockError::WouldBlock) = file.try_lock()
        {
            return Err(self.changed("is being written by another process at this moment"));
        }
        self.sweep(folder);

        let failed = self.io("the temporary file beside it cannot be written; the file is as it was");
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(self.target.file_name().unwrap_or_default());
        prefix.push(MARK);
        let mut temporary = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(SUFFIX)
            // As the system makes files: less what the user's mask takes away.
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(&failed)?;
        // Where locks are not to be had, only leftovers are told from work in progress less well.
        let _ = temporary.as_file().try_lock();
        at(Step::Begun);
        temporary.write_all(new).map_err(&failed)?;
        if let Some(file) = &held {
            let old = file.metadata().map_err(&failed)?;
            keep_owner(temporary.as_file(), &old).map_err(&failed)?;
            let permissions = fs::Permissions::from_mode(old.mode() & 0o7777);
            temporary.as_file().set_permissions(permissions).map_err(&failed)?;
        }
        at(Step::Filled);
        temporary.as_file().sync_all().map_err(&failed)?;
        at(Step::Synced);
        self.compare()?;
        at(Step::Compared);
        let written = if held.is_some() {
            temporary.persist(&self.target).map_err(|error| failed(error.error))?;
            Written::Replaced
        } else {
            temporary.persist_noclobber(&self.target).map_err(|error| match error.error.kind() {
                ErrorKind::AlreadyExists => self.changed("was made by somebody else after it was read"),
                _ => failed(error.error),
            })?;
            Written::Created
        };
        at(Step::Renamed);
        sync_folder(folder)
            .map_err(self.io("the new contents are there, but may not outlast a power failure"))?;
        Ok(written)
    }

    /// The file, opened so that the system has its say; none where none was read.
    fn opened_to_replace(&self) -> Result<Option<File>, ReplaceError> {
        if !self.target.starts_with(&self.root) {
            return Err(ReplaceError::Outside {
                path: self.path.clone(),
                target: self.target.clone(),
                root: self.root.clone(),
            });
        }
        if self.bytes.is_none() {
            return Ok(None);
        }
        match OpenOptions::new().read(true).write(true).open(&self.target) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(self.changed("was removed after it was read"))
            }
            // Replacing needs the folder's permission only; the file's own is asked all the same.
            Err(error)
                if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
            {
                Err(ReplaceError::ReadOnly { path: self.path.clone(), why: error.to_string() })
            }
            Err(error) => Err(self.io("it cannot be opened for writing")(error)),
        }
    }

    /// Refuses when the name leads elsewhere by now, or when other bytes stand there.
    fn compare(&self) -> Result<(), ReplaceError> {
        let now = match resolved(&self.path)? {
            Resolved::There(target) if target == self.target => Some(contents(&self.path, &target)?),
            Resolved::Absent(target) if target == self.target => None,
            _ if self.bytes.is_none() => {
                return Err(self.changed("was made by somebody else after it was read"));
            }
            _ => return Err(self.changed("was moved or linked to another file after it was read")),
        };
        match (&self.bytes, &now) {
            (was, now) if was == now => Ok(()),
            (None, _) => Err(self.changed("was made by somebody else after it was read")),
            (_, None) => Err(self.changed("was removed after it was read")),
            _ => Err(self.changed("was changed by somebody else after it was read")),
        }
    }

    /// Removes what earlier crashes left beside the file: our temporary files of it that nobody holds. That one cannot
    /// be removed is no reason to stop.
    fn sweep(&self, folder: &Path) {
        let name = self.target.file_name().unwrap_or_default().to_string_lossy();
        let begins = format!(".{name}{MARK}");
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let ours =
                entry.file_name().to_str().is_some_and(|n| n.starts_with(&begins) && n.ends_with(SUFFIX));
            if !ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            if let Ok(file) = File::open(entry.path())
                && file.try_lock().is_ok()
            {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn changed(&self, what: &'static str) -> ReplaceError {
        ReplaceError::Changed { path: self.path.clone(), what }
    }

    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> ReplaceError {
        io_at(&self.path, doing)
    }
}

/// Where a name leads.
enum Resolved {
    /// To something that is there.
    There(PathBuf),
    /// To where nothing is yet: what is there of the way is resolved.
    Absent(PathBuf),
}

fn resolved(path: &Path) -> Result<Resolved, ReplaceError> {
    match path.canonicalize() {
        Ok(target) => return Ok(Resolved::There(target)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(io_at(path, "")(error)),
    }
    if let Ok(leads_to) = fs::read_link(path) {
        let source = io::Error::new(
            ErrorKind::NotFound,
            format!("is a link to {}, and nothing is there", leads_to.display()),
        );
        return Err(io_at(path, "")(source));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io_at(path, "")(ErrorKind::NotFound.into()));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match resolved(folder)? {
        Resolved::There(folder) | Resolved::Absent(folder) => Ok(Resolved::Absent(folder.join(name))),
    }
}

/// The contents of a regular file of a reasonable size. Anything else is refused before it is opened: reading a pipe would wait.
fn contents(path: &Path, target: &Path) -> Result<Vec<u8>, ReplaceError> {
    let kind = fs::metadata(target).map_err(io_at(path, ""))?;
    if !kind.is_file() {
        let what = if kind.is_dir() { "a folder" } else { "a device, pipe or socket" };
        return Err(ReplaceError::NotAFile { path: path.to_owned(), what });
    }
    let mut bytes = Vec::new();
    let file = File::open(target).map_err(io_at(path, ""))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(io_at(path, ""))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(ReplaceError::NotAFile { path: path.to_owned(), what: "larger than 64 MiB" });
    }
    Ok(bytes)
}

/// Gives the new file the old one's owner and group. Only root may give files away: others keep their own name on it, as with
/// any editor.
fn keep_owner(file: &File, old: &fs::Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    match std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid())) {
        Err(error) if error.kind() != ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

/// Has the folder remember its new entry through a power failure. Some file systems have no such call for folders.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

fn io_at(path: &Path, doing: &'static str) -> impl Fn(io::Error) -> ReplaceError {
    let place =
        if doing.is_empty() { path.display().to_string() } else { format!("{}: {doing}", path.display()) };
    move |source| ReplaceError::Io { place: place.clone(), source }
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;
