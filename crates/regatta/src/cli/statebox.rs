//! `regatta statebox`: checks, converts and merges documents.

use clap::{Args, Subcommand};
use regatta_flow::transition::{self, Cause};
use regatta_kit::Status;
use regatta_statebox::document::{Finding, Layout};
use regatta_statebox::{Body, StateBox, check, merge};
use serde::Serialize;
use std::path::{Path, PathBuf};

use crate::cli::Globals;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::terminal::say;

#[derive(Debug, Args)]
pub(crate) struct StateboxArgs {
    #[command(subcommand)]
    pub(crate) what: StateboxCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StateboxCommand {
    /// Check documents: exit 1 and line and field for a bad one
    Validate {
        /// The documents, JSON or YAML
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write a document in another layout
    Convert {
        /// The layout to write
        #[arg(long, value_enum)]
        to: To,
        /// The document
        file: PathBuf,
    },
    /// Unite two descendants of one document
    Merge {
        /// What both came from
        base: PathBuf,
        /// One
        ours: PathBuf,
        /// The other
        theirs: PathBuf,
    },
}

/// A layout to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum To {
    /// Regatta's default.
    Json,
    /// Production's.
    Yaml,
}

#[derive(Serialize)]
struct ValidateView {
    files: Vec<FileView>,
}

#[derive(Serialize)]
struct FileView {
    path: String,
    valid: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<String>,
    odd: Vec<String>,
}

pub(crate) fn run(globals: &Globals, args: &StateboxArgs) -> Result<u8, Failure> {
    match &args.what {
        StateboxCommand::Validate { files } => validate(globals, files),
        StateboxCommand::Convert { to, file } => {
            let state = parse(file, &read(file)?)?;
            let layout = match to {
                To::Json => Layout::Json,
                To::Yaml => Layout::Yaml,
            };
            output::print(&state.render(layout))?;
            Ok(0)
        }
        StateboxCommand::Merge { base, ours, theirs } => {
            let layout = Layout::guess(&read(ours)?);
            let [base, ours, theirs] = [base, ours, theirs].map(|file| parse(file, &read(file)?));
            let merged =
                merge::merge(&base?, &ours?, &theirs?).map_err(|e| Failure::Failed(e.to_string()))?;
            output::print(&merged.state.render(layout))?;
            if !globals.quiet {
                merged.notes.iter().for_each(|note| say(&note.to_string()));
            }
            Ok(0)
        }
    }
}

fn validate(globals: &Globals, files: &[PathBuf]) -> Result<u8, Failure> {
    let mut views = Vec::new();
    let mut code = 0;
    for file in files {
        let (view, its_code) = checked(file);
        // Usage comes before faults found, and either before good.
        code = if its_code == 2 { 2 } else { code.max(its_code) };
        views.push(view);
    }
    let view = ValidateView { files: views };
    output::show(globals.output, "validate", &view, || {
        let mut text = String::new();
        for file in &view.files {
            for fault in &file.faults {
                text.push_str(&format!("{}: {fault}\n", file.path));
            }
            if file.valid && !globals.quiet {
                text.push_str(&format!("{}: good\n", file.path));
            }
            if globals.output == Format::Wide || globals.verbose > 0 {
                file.odd.iter().for_each(|odd| text.push_str(&format!("  odd: {odd}\n")));
            } else if !file.odd.is_empty() && !globals.quiet {
                text.push_str(&format!("  {} odd but harmless (-o wide lists them)\n", file.odd.len()));
            }
        }
        text
    })?;
    Ok(code)
}

/// One file's row and the exit code it asks for. A file that cannot be read is a row too: it keeps no other from being
/// checked.
fn checked(file: &Path) -> (FileView, u8) {
    let view = |faults: Vec<String>, odd| FileView {
        path: file.display().to_string(),
        valid: faults.is_empty(),
        faults,
        odd,
    };
    let text = match std::fs::read(file).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return (view(vec![no_text(&error)], Vec::new()), 1),
        Err(error) => {
            let code = if error.kind() == std::io::ErrorKind::NotFound { 2 } else { 1 };
            return (view(vec![error.to_string()], Vec::new()), code);
        }
    };
    let report = check::validate(&text, Layout::guess(&text), &legal);
    let lines = |findings: &[Finding]| findings.iter().map(ToString::to_string).collect();
    let view = view(lines(&report.faults), lines(&report.warnings));
    let code = u8::from(!view.valid);
    (view, code)
}

/// The flow's table of legal transitions, asked about an entry of a history.
fn legal(from: Status, to: Status, before: u32, after: u32, body: &Body) -> bool {
    let causes: &[Cause] = match (body, after > before) {
        (Body::Overridden { .. }, _) => &[Cause::Override],
        (_, true) => &[Cause::Retry, Cause::Reset, Cause::EvidenceChanged],
        (_, false) => &[Cause::Drive],
    };
    // An override that confirms a status sets newer evidence aside; the status does not change.
    from == to && matches!(body, Body::Overridden { .. })
        || causes.iter().any(|cause| transition::check(from, to, *cause).is_ok())
}

fn read(file: &Path) -> Result<String, Failure> {
    let place = || file.display().to_string();
    let bytes = std::fs::read(file).map_err(|source| Failure::File { place: place(), source })?;
    String::from_utf8(bytes).map_err(|error| Failure::Failed(format!("{}: {}", place(), no_text(&error))))
}

fn no_text(error: &std::string::FromUtf8Error) -> String {
    let at = error.utf8_error().valid_up_to();
    let line = error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
    format!("line {line}: is no text (byte {at} is not UTF-8)")
}

fn parse(file: &Path, text: &str) -> Result<StateBox, Failure> {
    match StateBox::parse(text, Layout::guess(text)) {
        Ok((state, _)) => Ok(state),
        Err(error) => Err(Failure::Input(format!("{}: {error}", file.display()))),
    }
}
