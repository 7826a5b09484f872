//! What the steps said: whole in a file, the end of it in memory for the message.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The log's name in the virtual environment's folder.
pub(super) const NAME: &str = "regatta-make-release-controllers.log";
/// How much of a step's end is kept at hand, in bytes: a failure and its reason stand near the end.
const TAIL_BYTES: usize = 64 * 1024;

/// How a run ended, as far as the log is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Failed,
}

/// The log of one run.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// What was said before the folder of the log was there.
    early: Vec<u8>,
    file: Option<(File, PathBuf)>,
    /// Why it is not written any more.
    broken: Option<io::Error>,
    /// The end of what the present step said.
    tail: Vec<u8>,
}

impl Log {
    /// A step begins; `command` is how it was started.
    pub(super) fn begin(&mut self, venv: &Path, command: &str) {
        self.settle(venv);
        self.write(format!("$ {command}\n").as_bytes());
        self.tail.clear();
    }

    /// Something was said.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.write(bytes);
        self.tail.extend_from_slice(bytes);
        let extra = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..extra);
    }

    /// How the step ended.
    pub(super) fn note(&mut self, text: &str) {
        self.write(format!("[{text}]\n").as_bytes());
    }

    /// The end of what the present step said.
    pub(super) fn tail(&self) -> String {
        String::from_utf8_lossy(&self.tail).into_owned()
    }

    /// Where it is kept. Without the virtual environment's folder it goes among temporary files, and only after a failure:
    /// nobody would look for it there.
    pub(super) fn finish(mut self, venv: &Path, outcome: Outcome) -> io::Result<Option<PathBuf>> {
        if !self.early.is_empty() {
            self.settle(venv);
        }
        if let Some(error) = self.broken {
            return Err(error);
        }
        if let Some((_, path)) = self.file {
            return Ok(Some(path));
        }
        if self.early.is_empty() || outcome == Outcome::Done {
            return Ok(None);
        }
        let mut file = tempfile::Builder::new().prefix("regatta-").suffix(".log").tempfile()?;
        file.write_all(&self.early)?;
        let (_, path) = file.keep().map_err(|error| error.error)?;
        Ok(Some(path))
    }

    /// Opens the file as soon as its folder is there.
    fn settle(&mut self, venv: &Path) {
        if self.file.is_some() || self.broken.is_some() {
            return;
        }
        // A missing or empty folder is still to become the environment.
        if fs::read_dir(venv).map_or(true, |mut entries| entries.next().is_none()) {
            return;
        }
        let path = venv.join(NAME);
        match File::create(&path).and_then(|mut file| file.write_all(&self.early).map(|()| file)) {
            Ok(file) => self.file = Some((file, path)),
            Err(error) => self.broken = Some(named(&path, &error)),
        }
        self.early = Vec::new();
    }

    fn write(&mut self, bytes: &[u8]) {
        match &mut self.file {
            // A full disk must not end the run: what it says is seen on stderr all the same.
            _ if self.broken.is_some() => {}
            Some((file, path)) => {
                if let Err(error) = file.write_all(bytes) {
                    self.broken = Some(named(path, &error));
                }
            }
            None => self.early.extend_from_slice(bytes),
        }
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
