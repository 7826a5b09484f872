//! Replacing several files together.
//!
//! For each file all that can fail is done before the first is touched: it is looked at, locked, its new contents reach the
//! disk under a temporary name. Then, one right after the other, the temporary files take the files' names. A crash leaves each
//! file whole; only a crash or a failure between two of these last steps leaves some files new and some old, and a failure there
//! says which.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

use super::error::{ReplaceError, StoppedBy};
use super::{MARK, Original, SUFFIX};

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
pub(super) enum Step {
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

/// Why a temporary file did not take the file's name.
enum NotPut {
    /// Where there was no file, there is one now.
    Made,
    Io(io::Error),
}

/// Puts new contents in the place of what was read: in all the files, or in none; in the order given. Links stay and what they
/// lead to is replaced. A file that holds its new contents already is not touched, and need not be writable.
///
/// # Errors
///
/// A file leads outside the checkout, is read-only or in a folder that is, has changed since it was read, is being written by
/// somebody else, or the system refuses: then all are as they were. [`ReplaceError::Partly`] when some are changed and
/// others not, [`ReplaceError::Unsynced`] when all are.
pub(crate) fn replace_all(pairs: &[(&Original, &[u8])]) -> Result<Vec<Written>, ReplaceError> {
    replace_all_by_steps(pairs, |_, _| {})
}

/// [`replace_all`], telling each step of each file, by its place in `pairs`.
pub(super) fn replace_all_by_steps(
    pairs: &[(&Original, &[u8])],
    mut at: impl FnMut(usize, Step),
) -> Result<Vec<Written>, ReplaceError> {
    all_distinct(pairs)?;
    // Before the temporary files, so that it goes after them: by then a folder that got no file is empty.
    let mut folders = MadeFolders::default();
    let mut ready = Vec::new();
    for (number, (original, new)) in pairs.iter().enumerate() {
        ready.push(Ready::make(original, new, &mut folders, |step| at(number, step))?);
    }
    for (number, (original, _)) in pairs.iter().enumerate() {
        original.compare()?;
        at(number, Step::Compared);
    }
    let meant: Vec<&Path> =
        ready.iter().filter(|one| one.temporary.is_some()).map(|one| one.original.path()).collect();
    let mut written = Vec::new();
    let mut changed = 0;
    for (number, one) in ready.into_iter().enumerate() {
        let original = one.original;
        match one.put() {
            Ok(what) => {
                changed += usize::from(what != Written::Unchanged);
                written.push(what);
                at(number, Step::Renamed);
            }
            Err(why) => return Err(stopped(original, why, meant.split_at(changed))),
        }
    }
    let mut remembered = folders.parents();
    let moved = pairs.iter().zip(&written).filter(|(_, what)| **what != Written::Unchanged);
    remembered.extend(moved.map(|((original, _), _)| original.folder().to_owned()));
    remembered.sort();
    remembered.dedup();
    for folder in remembered {
        sync_folder(&folder).map_err(|source| ReplaceError::Unsynced {
            paths: meant.iter().map(|&path| path.to_owned()).collect(),
            source,
        })?;
    }
    Ok(written)
}

/// The error of a file that did not take its new contents, after `changed` have and before the rest of `left` could.
fn stopped(original: &Original, why: NotPut, (changed, left): (&[&Path], &[&Path])) -> ReplaceError {
    let made = "was made by somebody else after it was read";
    let owned = |paths: &[&Path]| paths.iter().map(|&path| path.to_owned()).collect();
    let (by, told) = match &why {
        NotPut::Made => (StoppedBy::SomebodyElse, made.to_owned()),
        NotPut::Io(error) => (StoppedBy::System, error.to_string()),
    };
    match why {
        _ if !changed.is_empty() => {
            ReplaceError::Partly { changed: owned(changed), left: owned(left), why: told, by }
        }
        NotPut::Made => original.changed(made),
        NotPut::Io(error) => original.io(NOT_WRITTEN)(error),
    }
}

const NOT_WRITTEN: &str = "the temporary file beside it cannot be written; nothing was changed";

/// Refuses two names of one file: it would get the contents of the second, or find its own lock.
fn all_distinct(pairs: &[(&Original, &[u8])]) -> Result<(), ReplaceError> {
    let identity = |original: &Original| fs::metadata(&original.target).ok().map(|it| (it.dev(), it.ino()));
    for (number, (second, _)) in pairs.iter().enumerate() {
        let of_second = identity(second);
        for (first, _) in &pairs[..number] {
            if first.target == second.target || of_second.is_some() && identity(first) == of_second {
                return Err(ReplaceError::Same {
                    first: first.path().to_owned(),
                    second: second.path().to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// A file for which all is done that can be done without touching it.
struct Ready<'a> {
    original: &'a Original,
    /// The file as it is, locked against other changes.
    held: Option<File>,
    /// The new contents, on the disk; none when the file holds them already.
    temporary: Option<NamedTempFile>,
}

impl<'a> Ready<'a> {
    fn make(
        original: &'a Original,
        new: &[u8],
        folders: &mut MadeFolders,
        mut at: impl FnMut(Step),
    ) -> Result<Self, ReplaceError> {
        if original.bytes.as_deref() == Some(new) {
            return Ok(Self { original, held: None, temporary: None });
        }
        let held = original.opened_to_replace()?;
        original.compare()?;
        let folder = original.folder();
        if held.is_none() {
            folders.make(folder).map_err(original.folder_refused())?;
        }
        // Two changes at once: the second finds the lock, or, once the first is done, other contents.
        if let Some(file) = &held
            && let Err(TryLockError::WouldBlock) = file.try_lock()
        {
            return Err(original.changed("is being written by another process at this moment"));
        }
        sweep(original, folder);

        let failed = original.io(NOT_WRITTEN);
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(original.target.file_name().unwrap_or_default());
        prefix.push(MARK);
        let mut temporary = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(SUFFIX)
            // As the system makes files: less what the user's mask takes away.
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(original.folder_refused())?;
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
        Ok(Self { original, held, temporary: Some(temporary) })
    }

    /// Gives the new contents the file's name.
    fn put(self) -> Result<Written, NotPut> {
        let target = &self.original.target;
        match (self.temporary, self.held) {
            (None, _) => Ok(Written::Unchanged),
            (Some(temporary), Some(_held)) => {
                temporary.persist(target).map_err(|error| NotPut::Io(error.error))?;
                Ok(Written::Replaced)
            }
            (Some(temporary), None) => {
                temporary.persist_noclobber(target).map_err(|error| match error.error.kind() {
                    ErrorKind::AlreadyExists => NotPut::Made,
                    _ => NotPut::Io(error.error),
                })?;
                Ok(Written::Created)
            }
        }
    }
}

/// The folders that had to be made for new files. Those that stayed empty go again when this does.
#[derive(Debug, Default)]
struct MadeFolders {
    /// The outermost first.
    paths: Vec<PathBuf>,
}

impl MadeFolders {
    fn make(&mut self, folder: &Path) -> io::Result<()> {
        let mut missing: Vec<PathBuf> =
            folder.ancestors().take_while(|one| !one.exists()).map(Path::to_owned).collect();
        missing.reverse();
        self.paths.extend(missing);
        fs::create_dir_all(folder)
    }

    /// The folders that these are new in.
    fn parents(&self) -> Vec<PathBuf> {
        self.paths.iter().filter_map(|path| path.parent()).map(Path::to_owned).collect()
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for path in self.paths.iter().rev() {
            // Refused where something is in it, which is meant.
            let _ = fs::remove_dir(path);
        }
    }
}

/// Removes what earlier crashes left beside the file: our temporary files of it that nobody holds. That one cannot be removed
/// is no reason to stop.
fn sweep(original: &Original, folder: &Path) {
    let name = original.target.file_name().unwrap_or_default().to_string_lossy();
    let begins = format!(".{name}{MARK}");
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|n| n.starts_with(&begins) && n.ends_with(SUFFIX));
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
