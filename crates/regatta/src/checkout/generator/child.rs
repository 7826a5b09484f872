//! A program that runs to its end while what it says is passed on, and that an interrupt reaches.
//!
//! Its output and error output share one pipe, so that lines keep their order. It stays in Regatta's process group: a Ctrl-C on
//! the terminal reaches it and everything it started. An interrupt sent to Regatta alone is passed on as a request to end,
//! which make hands to its children.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal::say;

/// How a program came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself.
    Exit(i32),
    /// By a signal that nobody here asked for.
    Signal(i32),
    /// Because somebody interrupted Regatta.
    Interrupted,
}

/// A program to be run.
#[derive(Debug)]
pub(super) struct Child {
    program: OsString,
    words: Vec<String>,
    folder: PathBuf,
    variables: Vec<(&'static str, Option<OsString>)>,
}

impl Child {
    pub(super) fn new(program: &OsStr, words: &[&str], folder: &Path) -> Self {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        Self { program: program.to_owned(), words, folder: folder.to_owned(), variables: Vec::new() }
    }

    pub(super) fn with(mut self, variable: &'static str, value: &OsStr) -> Self {
        self.variables.push((variable, Some(value.to_owned())));
        self
    }

    pub(super) fn without(mut self, variable: &'static str) -> Self {
        self.variables.push((variable, None));
        self
    }

    /// The command line, for the log.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.program.to_string_lossy(), self.words.join(" "))
    }

    /// Runs it; every piece of what it says is handed on as it comes.
    ///
    /// # Errors
    ///
    /// It could not be started or listened to.
    pub(super) async fn run(&self, mut said: impl FnMut(&[u8])) -> io::Result<Ended> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (reader, writer) = io::pipe()?;
        // What is left in the pipe when the program has ended is read past the runtime, which may not know of it yet.
        let mut rest = reader.try_clone()?;
        let mut output = tokio::net::unix::pipe::Receiver::from_owned_fd(reader.into())?;
        let mut child = {
            let mut command = Command::new(&self.program);
            command
                .args(&self.words)
                .current_dir(&self.folder)
                .stdin(Stdio::null())
                .stdout(writer.try_clone()?)
                .stderr(writer)
                .kill_on_drop(true);
            for (name, value) in &self.variables {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            // The command holds the pipe's other end: it has to go before the end of the output can be seen.
            command.spawn()?
        };
        let mut buffer = vec![0; 16 * 1024];
        let (mut open, mut interrupts) = (true, 0_u32);
        let status = loop {
            tokio::select! {
                read = output.read(&mut buffer), if open => match read? {
                    0 => open = false,
                    length => said(&buffer[..length]),
                },
                status = child.wait() => break status?,
                () = received(&mut interrupt, &mut terminate) => {
                    interrupts += 1;
                    if interrupts == 1 {
                        say("interrupted: waiting for it to end; interrupt again to kill it");
                        ask_to_end(child.id()).await;
                    } else {
                        child.start_kill()?;
                    }
                }
            }
        };
        // Something it left running may hold the pipe for ever: only what is there now is taken.
        while open {
            match rest.read(&mut buffer) {
                Ok(0) => open = false,
                Ok(length) => said(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => open = false,
                Err(error) => return Err(error),
            }
        }
        Ok(ended(status, interrupts))
    }
}

async fn received(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Sends the signal that make passes on to what it started; an interrupt it takes for one that reached them too.
async fn ask_to_end(id: Option<u32>) {
    let Some(id) = id else { return };
    let ask = Command::new("sh")
        .args(["-c", "kill -s TERM \"$1\"", "sh", &id.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    // It may have ended meanwhile, which is what was wanted.
    drop(ask);
}

fn ended(status: ExitStatus, interrupts: u32) -> Ended {
    if status.success() {
        // It was done when the interrupt came.
        Ended::Exit(0)
    } else if interrupts > 0 {
        Ended::Interrupted
    } else {
        status.code().map_or_else(|| Ended::Signal(status.signal().unwrap_or_default()), Ended::Exit)
    }
}
