//! A program that runs to its end while what it says is passed on, and that an interrupt reaches.
//!
//! Its output and error output share one pipe, so that lines keep their order. It leads a process group of its own, so that it
//! can be ended with all that it started: the first interrupt is passed on to the group as it came, the second kills the
//! group. The terminal's Ctrl-C, which reaches Regatta's own group alone, comes to it in this way too. What the program starts
//! can therefore not ask on the terminal; nothing that is run here does.

use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::signals::Interrupts;
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
    pub(super) async fn run(
        &self,
        interrupts: &mut Interrupts,
        mut said: impl FnMut(&[u8]),
    ) -> io::Result<Ended> {
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
                .process_group(0)
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
        let mut open = true;
        let status = loop {
            tokio::select! {
                read = output.read(&mut buffer), if open => match read? {
                    0 => open = false,
                    length => said(&buffer[..length]),
                },
                status = child.wait() => break status?,
                signal = interrupts.next() => {
                    if interrupts.count() == 1 {
                        say("interrupted: waiting for it to end; interrupt again to kill it");
                        send(child.id(), signal);
                    } else {
                        send(child.id(), Signal::KILL);
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
        let interrupted = interrupts.any().await;
        Ok(match status.code() {
            // It was done when the interrupt came. What would be next asks for interrupts by itself.
            Some(0) => Ended::Exit(0),
            _ if interrupted => Ended::Interrupted,
            Some(code) => Ended::Exit(code),
            None => Ended::Signal(status.signal().unwrap_or_default()),
        })
    }
}

/// Sends a signal to the group that the program leads. It is still there, or its end is not yet known, while it has an id.
fn send(leader: Option<u32>, signal: Signal) {
    let leader = leader.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(leader) = leader {
        // That it has ended meanwhile is what was wanted.
        let _ = kill_process_group(leader, signal);
    }
}
