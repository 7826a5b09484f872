//! Reading files of the checkout, and replacing them whole or not at all.
//!
//! The new contents go to a temporary file in the same folder, reach the disk, and take the old file's name in one step; a
//! crash at any moment leaves the file either old or new. In between stands everything that forbids the change: a file
//! that is not regular or read-only, a folder that takes no new file, a link that leads out of the checkout, contents that are
//! not those that were read. Several files are replaced together by [`replace_all`].
//!
//! The temporary file is hidden and ends in `.swp`: the release controller reads every `*.json` below its folder and must not
//! meet half a configuration, and the configuration repository has git ignore that ending. It is locked while in use, so
//! that the next change can tell a leftover of a crash from the work of somebody who writes now.
//!
//! Kept: permissions, and the owner where the system allows. Not kept: further hard links to the file, extended attributes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use self::error::io_at;

mod error;
mod replace;

pub(crate) use self::error::ReplaceError;
pub(crate) use self::replace::{Written, replace_all};

/// Ends the names of temporary files.
const SUFFIX: &str = ".swp";
/// Stands in the names of temporary files between the file's own name and something random.
const MARK: &str = ".regatta-";
/// A configuration has tens of kilobytes; what is larger than this is something else.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

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
    /// Reads a file of the checkout at `root` that may not be there yet; replacing it makes it, and folders on the way. That a
    /// file may be read and not replaced is found out by [`Original::may_be_replaced`].
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

    /// Whether anything forbids to replace it: for a plan, and before somebody is asked. Its folder is asked for a file without
    /// a name, which leaves no trace.
    ///
    /// # Errors
    ///
    /// It leads outside the checkout, is read-only, or in a folder that takes no new file.
    pub(crate) fn may_be_replaced(&self) -> Result<(), ReplaceError> {
        self.opened_to_replace()?;
        tempfile::tempfile_in(self.nearest_folder()).map(drop).map_err(self.folder_refused())
    }

    fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of what the name leads to.
    fn folder(&self) -> &Path {
        self.target.parent().unwrap_or(Path::new("/"))
    }

    /// That folder, or the nearest above it that is there.
    fn nearest_folder(&self) -> &Path {
        self.folder().ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"))
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
        let elsewhere = "was moved or linked to another file after it was read";
        let now = match resolved(&self.path) {
            Ok(Resolved::There(target)) if target == self.target => match contents(&self.path, &target) {
                Ok(now) => Some(now),
                Err(ReplaceError::Io { .. }) if !target.exists() => None,
                Err(ReplaceError::NotAFile { .. } | ReplaceError::TooLarge { .. }) => {
                    return Err(self.changed("was replaced by something else after it was read"));
                }
                Err(error) => return Err(error),
            },
            Ok(Resolved::Absent(target)) if target == self.target => None,
            Ok(_) if self.bytes.is_none() => {
                return Err(self.changed("was made by somebody else after it was read"));
            }
            Ok(_) | Err(ReplaceError::Dangling { .. }) => return Err(self.changed(elsewhere)),
            Err(error) => return Err(error),
        };
        match (&self.bytes, &now) {
            (was, now) if was == now => Ok(()),
            (None, _) => Err(self.changed("was made by somebody else after it was read")),
            (_, None) => Err(self.changed("was removed after it was read")),
            _ => Err(self.changed("was changed by somebody else after it was read")),
        }
    }

    fn changed(&self, what: &'static str) -> ReplaceError {
        ReplaceError::Changed { path: self.path.clone(), what }
    }

    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> ReplaceError {
        io_at(&self.path, doing)
    }

    /// The error of a folder that takes no new file.
    fn folder_refused(&self) -> impl Fn(io::Error) -> ReplaceError {
        |error| match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => ReplaceError::FolderReadOnly {
                path: self.path.clone(),
                folder: self.nearest_folder().to_owned(),
                // In short: in full it names the temporary file.
                why: error.kind().to_string(),
            },
            _ => self.io("its folder takes no new file, by which it would be replaced; nothing was written")(
                error,
            ),
        }
    }
}

/// Reads a file that is not to be replaced: a regular file of at most 64 MiB, links followed wherever they lead. Anything else is
/// refused before it is opened, since reading a pipe would wait for ever.
///
/// # Errors
///
/// [`ReplaceError::Missing`] or [`ReplaceError::Dangling`] when nothing is there, [`ReplaceError::NotAFile`],
/// [`ReplaceError::TooLarge`], or the system refuses.
pub(crate) fn read_regular(path: &Path) -> Result<Vec<u8>, ReplaceError> {
    match resolved(path)? {
        Resolved::There(target) => contents(path, &target),
        Resolved::Absent(_) => Err(ReplaceError::Missing { path: path.to_owned() }),
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
        return Err(ReplaceError::Dangling { path: path.to_owned(), leads_to });
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
    if kind.len() > MOST_BYTES {
        return Err(ReplaceError::TooLarge { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    let file = File::open(target).map_err(io_at(path, ""))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(io_at(path, ""))?;
    // It may have grown, and what the system makes up as it is read has no length.
    if bytes.len() as u64 > MOST_BYTES {
        return Err(ReplaceError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
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
