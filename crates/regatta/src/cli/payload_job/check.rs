//! `regatta payload-job check`: files against every rule that they can break.
//!
//! Which files: those given, those of a folder given (as the controller walks it: every `.json` at any depth), or all of the
//! checkout. A file that cannot be read hides nothing of the others, but the command then ends as after wrong input.

use clap::Args;
use regatta_payload::check::jobs::Jobs;
use regatta_payload::check::{
    self, Counterpart, Finding, Origin, Report, Sibling, Subject, Unreadable, names, sarif,
};
use regatta_payload::path::FOLDER;
use regatta_payload::private;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::super::Globals;
use super::place;
use crate::checkout::file::{ReplaceError, read_regular};
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::terminal::say;

/// What the folder of release configurations is called in every checkout.
const RELEASES: &str = "_releases";

/// What `check` takes.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Form of the findings (default: text, or what --output says)
    #[arg(long, value_enum)]
    format: Option<Form>,
    /// The folder of Prow's jobs (default: ci-operator/jobs of the checkout)
    #[arg(long, value_name = "DIR")]
    jobs: Option<PathBuf>,
    /// Configurations, or folders of them (default: all of the checkout)
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// A form of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A line each for people and editors
    Text,
    /// One object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// How much is said of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// What is wrong and what to do.
    Findings,
    /// Where the rule comes from as well.
    Sources,
}

/// A file to read.
struct Chosen {
    /// As it was given.
    shown: PathBuf,
    /// Where it stands, by [`located`].
    place: PathBuf,
}

#[derive(Serialize)]
struct ReportView<'a> {
    #[serde(flatten)]
    report: &'a Report,
    unreadable: &'a [Unreadable],
}

pub(crate) fn run(globals: &Globals, root: Option<&Path>, args: &CheckArgs) -> Result<u8, Failure> {
    let given = root.map(|root| place::checkout(Some(root))).transpose()?;
    let root = given.as_deref();
    let mut unreadable = Vec::new();
    let chosen = choose(root, &args.files, &mut unreadable)?;
    let subjects = read(&chosen, &mut unreadable);
    let jobs = jobs(root, args.jobs.as_deref(), &chosen)?;
    let report = check::check_among(&subjects, |folder| siblings(folder, &chosen), jobs.as_ref());
    let detail = if globals.verbose > 0 { Detail::Sources } else { Detail::Findings };
    let form = args.format.map_or(globals.output, |form| match form {
        Form::Json => Format::Json,
        Form::Text | Form::Sarif => Format::Table,
    });
    if args.format == Some(Form::Sarif) {
        let base = base(root, &chosen);
        let log =
            sarif::log(&report, &unreadable, env!("CARGO_PKG_VERSION"), |file| uri(file, base.as_deref()));
        let text = serde_json::to_string_pretty(&log).map_err(|e| Failure::Internal(e.to_string()))?;
        output::print(&format!("{text}\n"))?;
    } else {
        let view = ReportView { report: &report, unreadable: &unreadable };
        output::show(form, "payload-check", &view, || text(&report.findings, detail))?;
    }
    for Unreadable { file, why } in &unreadable {
        say(&format!("regatta: {file}: {why}"));
    }
    if !globals.quiet {
        if globals.verbose > 0 {
            if jobs.is_none() {
                say("Prow jobs: not looked up; neither the files' checkout nor --jobs has ci-operator/jobs");
            }
            report.notes.iter().for_each(|note| say(note));
        }
        say(&summary(&report, unreadable.len()));
    }
    Ok(match (unreadable.is_empty(), report.errors) {
        (false, _) => 2,
        (true, 0) => 0,
        (true, _) => 1,
    })
}

/// The findings, a line each and a second for what to do; in detail also where the rule comes from.
fn text(findings: &[Finding], detail: Detail) -> String {
    let mut out = String::new();
    for finding in findings {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{finding}");
        if detail == Detail::Sources {
            let _ = writeln!(out, "    why: {}\n    source: {}", finding.rule.why, finding.rule.source);
        }
    }
    out
}

fn summary(report: &Report, unreadable: usize) -> String {
    let counted = |count: usize, word: &str| match count {
        0 => format!("no {word}s"),
        1 => format!("1 {word}"),
        more => format!("{more} {word}s"),
    };
    let mut line = format!(
        "{} checked: {}, {}",
        counted(report.files, "file"),
        counted(report.errors, "error"),
        counted(report.warnings, "warning")
    );
    if unreadable > 0 {
        let _ = write!(line, "; {} not read", counted(unreadable, "file"));
    }
    line
}

/// The files meant, each once, in the order given; those of a folder sorted.
fn choose(
    root: Option<&Path>,
    given: &[PathBuf],
    unreadable: &mut Vec<Unreadable>,
) -> Result<Vec<Chosen>, Failure> {
    let mut paths = Vec::new();
    if given.is_empty() {
        let root = place::checkout(root).map_err(|failure| match failure {
            Failure::Input(why) if root.is_none() => {
                Failure::Input(format!("no FILE is given, and {why}; or give the files or folders to check"))
            }
            other => other,
        })?;
        walk(&shorten(root.join(FOLDER)), &mut paths, unreadable);
    }
    for path in given {
        if !path.is_dir() {
            paths.push(path.clone());
            continue;
        }
        let of_checkout = path.join(FOLDER);
        let before = paths.len() + unreadable.len();
        walk(if of_checkout.is_dir() { &of_checkout } else { path }, &mut paths, unreadable);
        if paths.len() + unreadable.len() == before {
            unreadable.push(Unreadable { file: shown(path), why: "the folder has no .json file".to_owned() });
        }
    }
    let mut seen = BTreeSet::new();
    let mut chosen = Vec::with_capacity(paths.len());
    for path in paths {
        let place = located(&path);
        if seen.insert(place.clone()) {
            chosen.push(Chosen { shown: path, place });
        }
    }
    Ok(chosen)
}

/// Where a file stands, however it is spelled. A link is the file it leads to, but not in a folder that the controller reads:
/// there each name is a file of its own.
fn located(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let in_folder = match (absolute.parent().map(Path::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => absolute,
    };
    if releases_folder(&in_folder).is_some() {
        return in_folder;
    }
    in_folder.canonicalize().unwrap_or(in_folder)
}

/// The folder of release configurations that a file stands in, at any depth; the controller reads all of it together.
fn releases_folder(place: &Path) -> Option<&Path> {
    place.ancestors().skip(1).find(|folder| folder.file_name().is_some_and(|name| name == RELEASES))
}

/// A path below the current folder as people write it.
fn shorten(path: PathBuf) -> PathBuf {
    here().and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned)).unwrap_or(path)
}

/// The current folder.
fn here() -> Option<PathBuf> {
    std::env::current_dir().and_then(|here| here.canonicalize()).ok()
}

/// Every `.json` below a folder, sorted, as the controller's validation walks it: links to folders are not followed.
fn walk(folder: &Path, paths: &mut Vec<PathBuf>, unreadable: &mut Vec<Unreadable>) {
    let entries = match std::fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>()) {
        Ok(entries) => entries,
        Err(error) => {
            unreadable.push(Unreadable { file: shown(folder), why: error.to_string() });
            return;
        }
    };
    let mut inside: Vec<_> = entries
        .into_iter()
        .map(|entry| (entry.path(), entry.file_type().is_ok_and(|kind| kind.is_dir())))
        .collect();
    inside.sort();
    for (path, is_folder) in inside {
        if is_folder {
            walk(&path, paths, unreadable);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
}

fn read(chosen: &[Chosen], unreadable: &mut Vec<Unreadable>) -> Vec<Subject> {
    let given: BTreeSet<&Path> = chosen.iter().map(|chosen| chosen.place.as_path()).collect();
    let mut subjects = Vec::with_capacity(chosen.len());
    for chosen in chosen {
        let Chosen { shown: path, place } = chosen;
        let bytes = match read_regular(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                unreadable.push(Unreadable { file: shown(path), why: cannot_read(path, &error) });
                continue;
            }
        };
        let origin = if in_private_folder(place) { Origin::Private } else { Origin::Public };
        let counterpart = counterpart(origin, chosen, &given);
        let folder = releases_folder(place).map(Path::to_owned);
        subjects.push(Subject { file: shown(path), bytes, origin, counterpart, folder });
    }
    subjects
}

/// The files of a folder that are not among those chosen.
fn siblings(folder: &Path, chosen: &[Chosen]) -> Vec<Sibling> {
    let given: BTreeSet<&Path> = chosen.iter().map(|chosen| chosen.place.as_path()).collect();
    let mut paths = Vec::new();
    let mut unreadable = Vec::new();
    walk(folder, &mut paths, &mut unreadable);
    paths.retain(|path| !given.contains(path.as_path()));
    let failed = unreadable.into_iter().map(|Unreadable { file, why }| Sibling { file, contents: Err(why) });
    let read = paths.into_iter().map(|path| {
        let contents = read_regular(&path).map_err(|error| why(&path, &error));
        Sibling { file: shown(&shorten(path)), contents }
    });
    read.chain(failed).collect()
}

fn in_private_folder(place: &Path) -> bool {
    place.parent().and_then(Path::file_name).is_some_and(|name| name == "priv")
}

/// The other file of a pair. With both given it goes with the public one alone.
fn counterpart(origin: Origin, chosen: &Chosen, given: &BTreeSet<&Path>) -> Counterpart {
    let Chosen { shown: path, place } = chosen;
    let Some(name) = place.file_name().filter(|name| private::eligible(&name.to_string_lossy())) else {
        return Counterpart::None;
    };
    let folder = place.parent().unwrap_or(place);
    // Only in the checkout's own folder every pair is complete.
    let complete = |folder: &Path| folder.file_name().is_some_and(|name| name == RELEASES);
    let (other, tell_missing) = match origin {
        Origin::Public => {
            let private = folder.join("priv");
            let tell = complete(folder) && private.is_dir();
            (private.join(name), tell)
        }
        Origin::Private => {
            let public = folder.parent().unwrap_or(folder);
            (public.join(name), complete(public))
        }
    };
    if origin == Origin::Private && given.contains(other.as_path()) {
        return Counterpart::None;
    }
    // Shown as the given one is: beside it, unless that is a link from elsewhere.
    let beside = match origin {
        Origin::Public => Some(path.with_file_name("priv").join(name)),
        Origin::Private => path.parent().and_then(Path::parent).map(|folder| folder.join(name)),
    };
    let beside = beside.filter(|beside| located(beside) == other);
    let file = shown(&beside.unwrap_or_else(|| shorten(other.clone())));
    match read_regular(&other) {
        Ok(bytes) => Counterpart::There { file, bytes },
        Err(ReplaceError::Missing { .. } | ReplaceError::Dangling { .. }) if tell_missing => {
            Counterpart::Missing { file }
        }
        Err(_) => Counterpart::None,
    }
}

/// Why a file cannot be read, without the name that is told beside it.
fn why(path: &Path, error: &ReplaceError) -> String {
    let told = error.to_string();
    match told.strip_prefix(&format!("{}: ", path.display())) {
        Some(why) => why.to_owned(),
        None => told,
    }
}

/// Why a file cannot be read, and for one that is not there what there is instead.
fn cannot_read(path: &Path, error: &ReplaceError) -> String {
    if !matches!(error, ReplaceError::Missing { .. }) {
        return why(path, error);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("there is no folder {}", folder.display());
    };
    let mut there: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".json"))
        .collect();
    there.sort();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match names::near(&name, there.iter().map(String::as_str), 3)[..] {
        [] if there.is_empty() => format!("there is no such file, and no .json file in {}", folder.display()),
        [] => format!("there is no such file; {} has {} others", folder.display(), there.len()),
        [near] => format!("there is no such file; near it is {near}"),
        ref near => format!("there is no such file; near it are {}", near.join(", ")),
    }
}

/// Where Prow's jobs are: given, or in the checkout that is given or that a file stands in.
fn jobs(root: Option<&Path>, given: Option<&Path>, chosen: &[Chosen]) -> Result<Option<Jobs>, Failure> {
    if let Some(folder) = given {
        return match Jobs::at(folder).or_else(|| Jobs::of_checkout(folder)) {
            Some(jobs) => Ok(Some(jobs)),
            None => Err(Failure::Input(format!(
                "--jobs {}: has neither openshift/release nor openshift/multiarch; give ci-operator/jobs of a checkout",
                folder.display()
            ))),
        };
    }
    Ok(base(root, chosen).and_then(|root| Jobs::of_checkout(&root)))
}

/// The checkout: given, or the one that the first file stands in.
fn base(root: Option<&Path>, chosen: &[Chosen]) -> Option<PathBuf> {
    if let Some(root) = root {
        return root.canonicalize().ok();
    }
    chosen.iter().find_map(|chosen| checkout_of(&chosen.place))
}

/// The checkout that a file stands in by its path: `…/core-services/release-controller/_releases/…`.
fn checkout_of(place: &Path) -> Option<PathBuf> {
    let ancestors = place.ancestors().skip(1);
    ancestors
        .filter(|folder| folder.ends_with(FOLDER))
        .find_map(|folder| folder.ancestors().nth(Path::new(FOLDER).components().count()))
        .map(Path::to_owned)
}

/// A file as code scanning wants it: from the checkout on, or from the current folder, with slashes and escapes.
fn uri(file: &str, base: Option<&Path>) -> String {
    let place = located(Path::new(file));
    let here = here();
    let relative =
        [base, here.as_deref()].into_iter().flatten().find_map(|base| place.strip_prefix(base).ok());
    let Some(relative) = relative else {
        return format!("file://{}", escaped(&place));
    };
    escaped(relative)
}

/// A path with slashes, and with what a URI does not allow as it stands escaped.
fn escaped(path: &Path) -> String {
    let mut out = String::new();
    for byte in path.to_string_lossy().replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
