//! `regatta statebox`: checks, converts and merges documents.

use clap::{Args, Subcommand};
use regatta_kit::Code;
use regatta_statebox::document::Layout;
use regatta_statebox::{StateBox, merge};
use serde::Serialize;
use std::path::{Path, PathBuf};

use crate::cli::Globals;
use crate::failure::Failure;
use crate::output::{self, Format};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    odd: Vec<String>,
}

pub(crate) fn run(globals: &Globals, args: &StateboxArgs) -> Result<u8, Failure> {
    match &args.what {
        StateboxCommand::Validate { files } => validate(globals, files),
        StateboxCommand::Convert { to, file } => {
            let (state, _) = parse(file, &read(file)?)?;
            let layout = match to {
                To::Json => Layout::Json,
                To::Yaml => Layout::Yaml,
            };
            output::print(&state.render(layout))?;
            Ok(0)
        }
        StateboxCommand::Merge { base, ours, theirs } => {
            let layout = Layout::guess(&read(ours)?);
            let [base, ours, theirs] =
                [base, ours, theirs].map(|file| parse(file, &read(file)?).map(|(state, _)| state));
            let merged =
                merge::merge(&base?, &ours?, &theirs?).map_err(|e| Failure::Failed(e.to_string()))?;
            output::print(&merged.state.render(layout))?;
            if !globals.quiet {
                merged.notes.iter().for_each(|note| eprintln!("{note}"));
            }
            Ok(0)
        }
    }
}

fn validate(globals: &Globals, files: &[PathBuf]) -> Result<u8, Failure> {
    let mut views = Vec::new();
    for file in files {
        let text = read(file)?;
        let path = file.display().to_string();
        views.push(match StateBox::parse(&text, Layout::guess(&text)) {
            Ok((state, odd)) => FileView {
                path,
                valid: true,
                release: Some(state.release().to_string()),
                fault: None,
                odd: odd.iter().map(ToString::to_string).collect(),
            },
            Err(error) => FileView {
                path,
                valid: false,
                release: None,
                fault: Some(error.to_string()),
                odd: Vec::new(),
            },
        });
    }
    let bad = views.iter().filter(|v| !v.valid).count();
    let view = ValidateView { files: views };
    output::show(globals.output, "validate", &view, || {
        let mut text = String::new();
        for file in &view.files {
            match &file.fault {
                Some(fault) => text.push_str(&format!("{}: {fault}\n", file.path)),
                None if globals.quiet => {}
                None => text.push_str(&format!("{}: good\n", file.path)),
            }
            if globals.output == Format::Wide || globals.verbose > 0 {
                file.odd.iter().for_each(|odd| text.push_str(&format!("  odd: {odd}\n")));
            } else if !file.odd.is_empty() && !globals.quiet {
                text.push_str(&format!("  {} odd but harmless (-o wide lists them)\n", file.odd.len()));
            }
        }
        text
    })?;
    Ok(u8::from(bad > 0))
}

fn read(file: &Path) -> Result<String, Failure> {
    let place = || file.display().to_string();
    let bytes = std::fs::read(file).map_err(|source| Failure::File { place: place(), source })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
        Failure::Failed(format!("{}: line {line}: is no text (byte {at} is not UTF-8)", place()))
    })
}

fn parse(file: &Path, text: &str) -> Result<(StateBox, usize), Failure> {
    match StateBox::parse(text, Layout::guess(text)) {
        Ok((state, odd)) => Ok((state, odd.len())),
        Err(error) if error.code == Code::NewerFormat => {
            Err(Failure::Input(format!("{}: {error}", file.display())))
        }
        Err(error) => Err(Failure::Input(format!("{}: {error}", file.display()))),
    }
}
