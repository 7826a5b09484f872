//! The repository's own generator: `make release-controllers`, in the checkout's virtual environment `venv`.
//!
//! Steps, each only where it is needed: make `venv`, install PyYAML there (the generator imports it and a fresh environment
//! lacks it; reference: payload jobs, f), run make as if the environment were activated. What the steps say is passed on as
//! it comes and kept in a log. Whatever goes wrong, the edit that came before stays: the message names the step, what it
//! said last, and the command for the shell that does the rest. Running Regatta again would not: the edit is there already.
//!
//! An interrupt ends the step that runs, and no other follows. A `venv` that was begun here and not finished is removed.
//!
//! The log lies in `venv`, which the configuration repository has git ignore; where there is no `venv`, among the system's
//! temporary files.

use serde::Serialize;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use self::child::{Child, Ended};
use self::log::{Log, Outcome};
use self::signals::Interrupts;
use super::file::{quoted, read_regular};
use crate::failure::Failure;
use crate::terminal::say;

mod child;
mod log;
mod signals;
mod told;

/// The make target.
const TARGET: &str = "release-controllers";
/// Make's own order of looking.
const MAKEFILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// Whether what the steps say is passed on as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Talk {
    /// To stderr.
    Streamed,
    /// To the log alone.
    Quiet,
}

/// What came of it. As JSON: `{ran, exit_code}`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Made {
    /// Whether make itself was started.
    pub(crate) ran: bool,
    /// Its exit code; none when it was not started or a signal ended it.
    pub(crate) exit_code: Option<i32>,
    /// Where the whole output is kept.
    #[serde(skip)]
    pub(crate) log: Option<PathBuf>,
    /// What went wrong, in full, for a person; none when all went well or nothing was asked.
    #[serde(skip)]
    pub(crate) failed: Option<String>,
}

impl Made {
    /// It was not asked for.
    pub(crate) const fn skipped() -> Self {
        Self { ran: false, exit_code: None, log: None, failed: None }
    }

    /// What the command ends with.
    ///
    /// # Errors
    ///
    /// [`Failure::Failed`] with what went wrong.
    pub(crate) fn outcome(&self) -> Result<(), Failure> {
        self.failed.clone().map_or(Ok(()), |why| Err(Failure::Failed(why)))
    }
}

/// Runs the generator in the checkout at `root`, after an edit. It blocks until the generator ends; an interrupt reaches it.
/// Not to be called from asynchronous code.
pub(crate) fn make(root: &Path, talk: Talk) -> Made {
    make_with(root, talk, &std::env::var_os("PATH").unwrap_or_default())
}

/// [`make`] with the folders in which programs are looked for.
fn make_with(root: &Path, talk: Talk, search: &OsStr) -> Made {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let mut generator = Generator {
        venv: root.join("venv"),
        root,
        search: search.to_owned(),
        talk,
        log: Log::default(),
        makefile: String::new(),
        half_made: HalfMade::Never,
        ran: false,
        exit_code: None,
    };
    let done = match runtime {
        Ok(runtime) => runtime.block_on(generator.run()),
        Err(error) => Err(generator.not_started(&error)),
    };
    let outcome = if done.is_ok() { Outcome::Done } else { Outcome::Failed };
    let log = generator.log.finish(&generator.venv, outcome);
    let kept = match &log {
        Ok(Some(log)) => Some(format!("whole output: {}", log.display())),
        Ok(None) => None,
        Err(error) => Some(format!("the output could not be kept: {error}")),
    };
    let failed = match (done, kept) {
        (Ok(()), kept) => {
            if talk == Talk::Streamed {
                let kept = kept.map(|kept| format!("; {kept}")).unwrap_or_default();
                say(&format!("`make {TARGET}` is done{kept}"));
            }
            None
        }
        (Err(why), Some(kept)) => Some(format!("{why}\n  {kept}")),
        (Err(why), None) => Some(why),
    };
    Made { ran: generator.ran, exit_code: generator.exit_code, log: log.ok().flatten(), failed }
}

/// A run in progress.
struct Generator {
    /// The checkout, absolute: its path goes into the environment.
    root: PathBuf,
    venv: PathBuf,
    /// As `PATH`.
    search: OsString,
    talk: Talk,
    log: Log,
    /// The text of the Makefile.
    makefile: String,
    half_made: HalfMade,
    ran: bool,
    exit_code: Option<i32>,
}

/// What is where the virtual environment belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Venv {
    There,
    /// An empty folder, which is as good as none.
    Empty,
    Absent,
}

/// What became of a virtual environment that was begun here.
#[derive(Debug)]
enum HalfMade {
    /// None was begun, or it was finished.
    Never,
    Removed,
    /// Why not.
    Left(String),
}

/// When an interrupt came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interrupted {
    While(Step),
    Before(Step),
}

/// How far a run came: what is left to do is what a person repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Venv,
    Yaml,
    Make,
}

impl Step {
    /// As a person types it, in the activated environment where there is one.
    const fn command(self) -> &'static str {
        match self {
            Self::Venv => "python3 -m venv venv",
            Self::Yaml => "python -m pip install PyYAML",
            Self::Make => "make release-controllers",
        }
    }

    /// All that is left to do from this step on.
    fn repeat(self, root: &Path) -> String {
        let rest: &[Self] = match self {
            Self::Venv => &[Self::Venv, Self::Yaml, Self::Make],
            Self::Yaml => &[Self::Yaml, Self::Make],
            Self::Make => &[Self::Make],
        };
        let mut words = vec![format!("cd {}", quoted(root))];
        if self != Self::Venv {
            words.push(ACTIVATE.to_owned());
        }
        for step in rest {
            words.push(step.command().to_owned());
            if *step == Self::Venv {
                words.push(ACTIVATE.to_owned());
            }
        }
        words.join(" && ")
    }
}

/// Has the commands that follow use the virtual environment.
const ACTIVATE: &str = ". venv/bin/activate";

/// All that is to do where a virtual environment is there that is of no use.
fn afresh(root: &Path) -> String {
    Step::Venv.repeat(root).replacen(" && ", " && rm -r venv && ", 1)
}

impl Generator {
    async fn run(&mut self) -> Result<(), String> {
        let mut interrupts = Interrupts::listen().map_err(|error| self.not_started(&error))?;
        self.steps(&mut interrupts).await
    }

    async fn steps(&mut self, interrupts: &mut Interrupts) -> Result<(), String> {
        // All that can be known beforehand is told before anything is made.
        self.makefile = self.read_makefile()?;
        if self.find("make").is_none() {
            return Err(format!(
                "`make {TARGET}` cannot run: there is no make on the PATH; the edit stays; install it (Debian: \
                 apt-get install make), then: {}",
                Step::Venv.repeat(&self.root)
            ));
        }
        let before = self.venv()?;
        if before != Venv::There {
            if self.find("python3").is_none() {
                return Err(format!(
                    "`make {TARGET}` cannot run: there is no venv, and no python3 on the PATH to make it; the edit \
                     stays; install it (Debian: apt-get install python3 python3-venv), then: {}",
                    Step::Venv.repeat(&self.root)
                ));
            }
            self.make_venv(before, interrupts).await?;
        }
        let python = self.venv.join("bin").join("python");
        if !self.has_yaml(&python, interrupts).await? {
            self.announce(
                "the generator needs PyYAML, which the venv lacks: installing it with `python -m pip install PyYAML`",
            );
            let words = ["-m", "pip", "install", "--no-input", "PyYAML"];
            self.step(Step::Yaml, python.as_os_str(), &words, interrupts).await?;
        }
        self.announce(&format!("running `make {TARGET}` in {}", self.root.display()));
        self.step(Step::Make, "make".as_ref(), &[TARGET], interrupts).await
    }

    /// Makes the virtual environment; what cannot be finished is removed, so that the next run begins anew.
    async fn make_venv(&mut self, before: Venv, interrupts: &mut Interrupts) -> Result<(), String> {
        self.announce("there is no venv yet: making it with `python3 -m venv venv`");
        let failed =
            match self.ended(Step::Venv, "python3".as_ref(), &["-m", "venv", "venv"], interrupts).await {
                Ok(()) if self.venv() == Ok(Venv::There) => return Ok(()),
                Ok(()) => NotDone::Told("ended well, but there is no venv".to_owned()),
                Err(failed) => failed,
            };
        self.half_made = match empty(&self.venv, before) {
            Ok(Venv::There) => HalfMade::Removed,
            Ok(_) => HalfMade::Never,
            Err(error) => HalfMade::Left(error.to_string()),
        };
        Err(self.not_done(Step::Venv, failed))
    }

    /// The text of the Makefile; refused when the target cannot be in it.
    fn read_makefile(&self) -> Result<String, String> {
        let elsewhere = "run it in a whole checkout of the configuration repository";
        let found = MAKEFILES.iter().map(|name| self.root.join(name)).find(|path| path.is_file());
        let Some(path) = found else {
            return Err(format!(
                "{}: has no Makefile, so `make {TARGET}` cannot run; the edit stays; {elsewhere}",
                self.root.display()
            ));
        };
        let bytes = read_regular(&path)
            .map_err(|error| format!("{error}; `make {TARGET}` was not run, the edit stays"))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // A target may come from an included file, or be made up of variables: only the plain case is told beforehand.
        let hidden = text.lines().any(|line| line.contains("include") || line.contains("$(eval"));
        if !text.contains(TARGET) && !hidden {
            return Err(format!(
                "{}: has no target {TARGET}, so `make {TARGET}` cannot run; the edit stays; {elsewhere}",
                path.display()
            ));
        }
        Ok(text)
    }

    /// What is where the virtual environment belongs; refused when that is half of one, or something else.
    fn venv(&self) -> Result<Venv, String> {
        let broken = |why: &str| {
            format!(
                "{}: {why}, so `make {TARGET}` was not run; the edit stays; nothing there was touched: look at it, then \
                 make it anew: {}",
                self.venv.display(),
                afresh(&self.root)
            )
        };
        match fs::symlink_metadata(&self.venv) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Venv::Absent),
            Err(error) => return Err(broken(&format!("cannot be looked at ({error})"))),
            Ok(_) if !self.venv.is_dir() => return Err(broken("is no folder")),
            Ok(_) => {}
        }
        if fs::read_dir(&self.venv).is_ok_and(|mut entries| entries.next().is_none()) {
            return Ok(Venv::Empty);
        }
        let python = self.venv.join("bin").join("python");
        if python.exists() {
            return Ok(Venv::There);
        }
        Err(match fs::read_link(&python) {
            Ok(gone) => broken(&format!(
                "its bin/python leads to {}, which is gone (a virtual environment does not outlive its Python)",
                gone.display()
            )),
            Err(_) => broken("has no bin/python: it is a half-made virtual environment, or none"),
        })
    }

    /// Whether the environment's Python knows PyYAML. What it says about that is in the log alone.
    async fn has_yaml(&mut self, python: &Path, interrupts: &mut Interrupts) -> Result<bool, String> {
        if interrupts.any().await {
            return Err(self.interrupted(Interrupted::Before(Step::Yaml)));
        }
        let child = self.child(python.as_os_str(), &["-c", "import yaml"]);
        self.log.begin(&self.venv, &child.shown());
        let log = &mut self.log;
        match child.run(interrupts, |bytes| log.take(bytes)).await {
            Ok(Ended::Exit(code)) => Ok(code == 0),
            Ok(Ended::Signal(signal)) => Err(self
                .told(Step::Yaml, &format!("was not tried: asking for PyYAML was ended by signal {signal}"))),
            Ok(Ended::Interrupted) => Err(self.interrupted(Interrupted::Before(Step::Yaml))),
            Err(error) => Err(format!(
                "{}: cannot be started ({error}), so `make {TARGET}` was not run; the edit stays; if the virtual \
                 environment is broken, make it anew: {}",
                python.display(),
                afresh(&self.root)
            )),
        }
    }

    /// Runs one step to its end.
    async fn step(
        &mut self,
        step: Step,
        program: &OsStr,
        words: &[&str],
        interrupts: &mut Interrupts,
    ) -> Result<(), String> {
        let ended = self.ended(step, program, words, interrupts).await;
        ended.map_err(|failed| self.not_done(step, failed))
    }

    async fn ended(
        &mut self,
        step: Step,
        program: &OsStr,
        words: &[&str],
        interrupts: &mut Interrupts,
    ) -> Result<(), NotDone> {
        if interrupts.any().await {
            return Err(NotDone::Interrupted(Interrupted::Before(step)));
        }
        let child = self.child(program, words);
        self.log.begin(&self.venv, &child.shown());
        let (log, talk) = (&mut self.log, self.talk);
        let ended = child
            .run(interrupts, |bytes| {
                log.take(bytes);
                if talk == Talk::Streamed {
                    // That nobody reads it any more is no reason to stop.
                    let mut err = std::io::stderr().lock();
                    let _ = err.write_all(bytes).and_then(|()| err.flush());
                }
            })
            .await;
        if step == Step::Make {
            self.ran = ended.is_ok();
        }
        match ended {
            Ok(Ended::Exit(code)) => {
                self.log.note(&format!("exit code {code}"));
                if step == Step::Make {
                    self.exit_code = Some(code);
                }
                if code == 0 { Ok(()) } else { Err(NotDone::Told(format!("failed with exit code {code}"))) }
            }
            Ok(Ended::Signal(signal)) => {
                self.log.note(&format!("ended by signal {signal}"));
                Err(NotDone::Told(format!("was ended by signal {signal}")))
            }
            Ok(Ended::Interrupted) => {
                self.log.note("interrupted");
                Err(NotDone::Interrupted(Interrupted::While(step)))
            }
            Err(error) => Err(NotDone::Told(format!("did not start ({error})"))),
        }
    }

    /// A program in the checkout, in the environment that activating `venv` makes.
    fn child(&self, program: &OsStr, words: &[&str]) -> Child {
        let mut path = self.venv.join("bin").into_os_string();
        if !self.search.is_empty() {
            path.push(":");
            path.push(&self.search);
        }
        Child::new(program, words, &self.root)
            .with("VIRTUAL_ENV", self.venv.as_os_str())
            .with("PATH", &path)
            .without("PYTHONHOME")
            // Flags of a make around Regatta are not for this one.
            .without("MAKEFLAGS")
            .without("MFLAGS")
            .without("MAKELEVEL")
            // So that what Python says is seen as it comes.
            .with("PYTHONUNBUFFERED", "1".as_ref())
            // A person's own habit of installing beside the environment, and a question to the package index about pip
            // itself, have no place here.
            .with("PIP_USER", "0".as_ref())
            .with("PIP_DISABLE_PIP_VERSION_CHECK", "1".as_ref())
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.search).map(|folder| folder.join(program)).find(|path| path.is_file())
    }

    fn announce(&self, line: &str) {
        if self.talk == Talk::Streamed {
            say(line);
        }
    }

    fn not_started(&self, error: &std::io::Error) -> String {
        format!(
            "`make {TARGET}` did not start: {error}; the edit stays\n  to repeat it: {}",
            Step::Make.repeat(&self.root)
        )
    }

    fn not_done(&self, step: Step, why: NotDone) -> String {
        match why {
            NotDone::Told(how) => self.told(step, &how),
            NotDone::Interrupted(when) => self.interrupted(when),
        }
    }

    fn told(&self, step: Step, how: &str) -> String {
        let output = self.log.tail();
        let mut text = format!("`{}` {how} in {}; the edit stays", step.command(), self.root.display());
        if step != Step::Make {
            text.push_str(&format!("\n  `make {TARGET}` needs it and was not run"));
        }
        let lines = told::last_lines(&output);
        if !lines.is_empty() {
            text.push_str("\n  it said last:");
            for line in lines {
                text.push_str(&format!("\n    {line}"));
            }
        }
        if let Some(advice) = told::advice(step, &output, &self.makefile, &self.venv) {
            text.push_str(&format!("\n  {advice}"));
        }
        self.tell_rest(&mut text, step, "to repeat it");
        text
    }

    fn interrupted(&self, when: Interrupted) -> String {
        let (step, mut text) = match when {
            Interrupted::While(step) => {
                (step, format!("interrupted: `{}` was ended before its time; the edit stays", step.command()))
            }
            Interrupted::Before(step) => {
                (step, format!("interrupted before `{}`, which was not run; the edit stays", step.command()))
            }
        };
        self.tell_rest(&mut text, step, "to go on");
        text
    }

    /// What became of a half-made environment, and the command that does what is left.
    fn tell_rest(&self, text: &mut String, step: Step, what_for: &str) {
        let useless = step == Step::Yaml && told::venv_is_useless(&self.log.tail());
        let command = match &self.half_made {
            HalfMade::Left(why) => {
                text.push_str(&format!("\n  what it made of {} is left: {why}", self.venv.display()));
                afresh(&self.root)
            }
            _ if useless => afresh(&self.root),
            HalfMade::Removed => {
                text.push_str(&format!("\n  what it made of {} was removed again", self.venv.display()));
                step.repeat(&self.root)
            }
            HalfMade::Never => step.repeat(&self.root),
        };
        text.push_str(&format!("\n  {what_for}: {command}"));
    }
}

/// Why a step did not do what it should.
#[derive(Debug)]
enum NotDone {
    /// How it ended: what follows its name in a message.
    Told(String),
    Interrupted(Interrupted),
}

/// Takes the virtual environment back to what it was before, absent or empty. [`Venv::There`] when there was something to remove.
fn empty(venv: &Path, before: Venv) -> std::io::Result<Venv> {
    let entries = match fs::read_dir(venv) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Venv::Absent),
        entries => entries?,
    };
    let mut found = before;
    for entry in entries {
        let entry = entry?;
        found = Venv::There;
        // A link is removed, not what it leads to.
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    if before == Venv::Absent {
        found = Venv::There;
        fs::remove_dir(venv)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
