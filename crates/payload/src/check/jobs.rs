//! Whether Prow knows the jobs that configurations name.
//!
//! The job files of a checkout are large (tens of megabytes) and only the names of their periodics matter, so their lines are
//! scanned (`scan`). Files that a job's name points to are read first, and reading ends when all jobs are found. Before a
//! job counts as missing, the files that are not written as the generator writes them are parsed (`yaml`); while one of them
//! can be read neither way nobody knows what it names, and what is missing is a warning.
//!
//! The repository's script looks into two folders only; a job that another repository's folder has is taken as known too,
//! since Prow knows it.

use rayon::prelude::*;
use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::entries::Item;
use super::traps::own_aggregator;
use super::{Finding, Level, Origin, Rule, Subject, finding, names, rules};
use crate::model::Config;
use crate::text::{Field, Text};

mod scan;
mod yaml;

/// The folders that hold the jobs of release configurations, below the folder of all jobs.
const USUAL: [&str; 2] = ["openshift/release", "openshift/multiarch"];
/// The largest files of jobs have some ten megabytes; what is larger than this is something else.
const MOST_MIB: u64 = 64;

/// The folder of Prow's jobs in a checkout of openshift/release: `ci-operator/jobs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jobs {
    root: PathBuf,
}

impl Jobs {
    /// The jobs below a folder with `openshift/release` or `openshift/multiarch`; `None` where it has neither.
    #[must_use]
    pub fn at(root: &Path) -> Option<Self> {
        USUAL.iter().any(|folder| root.join(folder).is_dir()).then(|| Self { root: root.to_owned() })
    }

    /// The jobs of a checkout, if it has them.
    #[must_use]
    pub fn of_checkout(root: &Path) -> Option<Self> {
        Self::at(&root.join("ci-operator/jobs"))
    }
}

/// A job that is named, and where.
struct Named<'a> {
    rule: &'static Rule,
    subject: &'a Subject,
    text: &'a Text,
    field: &'a Field,
    job: &'a str,
    entry: Option<String>,
}

/// Checks the jobs of public files: those of private files are made from them.
pub(super) fn check(configs: &[(&Subject, Config)], jobs: &Jobs, notes: &mut Vec<String>) -> Vec<Finding> {
    let mut named = Vec::new();
    for (subject, config) in configs.iter().filter(|(subject, _)| subject.origin == Origin::Public) {
        let text = config.text();
        for section in ["verify", "periodic"] {
            for item in Item::all(text.root(), section) {
                let mut add = |rule, (field, job)| {
                    named.push(Named { rule, subject, text, field, job, entry: item.entry() });
                };
                if let Some(job) = item.prow_job() {
                    add(&rules::MISSING_PROW_JOB, job);
                }
                if let Some(job) = own_aggregator(&item).filter(|_| item.is_live()) {
                    add(&rules::NO_AGGREGATOR_JOB, job);
                }
            }
        }
    }
    let wanted: HashSet<&str> = named.iter().map(|named| named.job).collect();
    let (search, folders) = search(jobs, wanted);
    notes.extend(search.faults.iter().map(|Fault { file, why }| {
        format!("{}: {why}; jobs that are found nowhere else may be in it", file.display())
    }));
    named.retain(|named| search.missing.contains(named.job));
    named.into_iter().map(|named| missing(named, jobs, &search, folders)).collect()
}

/// What is said of a job that was not found.
fn missing(named: Named<'_>, jobs: &Jobs, search: &Search<'_>, folders: Folders) -> Finding {
    let Named { rule, subject, text, field, job, entry } = named;
    let usual = USUAL.join(" or ");
    let near = nearest(job, &search.known).map(|near| format!("did you mean {near}?"));
    let elsewhere = foreign_folder(job).filter(|_| folders == Folders::UsualAlone);
    let (message, milder) = if let Some(folder) = elsewhere {
        let message = format!("{job} is no periodic of {usual}, and the folder of {folder} is not at hand");
        (message, Some("look in a whole checkout, or correct the name".to_owned()))
    } else if let Some(Fault { file, why }) = search.faults.first() {
        let file = file.strip_prefix(&jobs.root).unwrap_or(file).display();
        let more = match search.faults.len() {
            1 => String::new(),
            count => format!("; {} more cannot be read either", count - 1),
        };
        let message =
            format!("{job} is no periodic of {usual} as far as they can be read: {file} {why}{more}");
        (message, Some(near.clone().unwrap_or_else(|| format!("mend {file}, or correct the name"))))
    } else {
        (format!("{job} is no periodic of {usual}"), None)
    };
    let mut found = finding(rule, &subject.file, text, field.node.span, entry, message);
    if milder.is_some() {
        found.level = Level::Warning;
    }
    found.mend = milder.or(near).or(found.mend);
    found
}

/// The known name that a job was probably meant to be. Comparing thousands of names letter by letter takes too long, so only
/// those that begin and end most like it are.
fn nearest<'a>(job: &str, known: &'a [String]) -> Option<&'a str> {
    const COMPARED: usize = 100;
    const LENGTHS_APART: usize = 2;
    let same = |a: &mut dyn Iterator<Item = u8>, b: &mut dyn Iterator<Item = u8>| {
        a.zip(b).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
    };
    let mut alike: Vec<(usize, &str)> = known
        .iter()
        .filter(|name| name.len().abs_diff(job.len()) <= LENGTHS_APART)
        .map(|name| {
            let ends = same(&mut name.bytes(), &mut job.bytes())
                + same(&mut name.bytes().rev(), &mut job.bytes().rev());
            (ends, name.as_str())
        })
        .collect();
    alike.sort_by(|a, b| b.cmp(a));
    names::nearest(job, alike.into_iter().take(COMPARED).map(|(_, name)| name))
}

/// Where a job's name says it comes from, if not from the usual folders: `openshift/…`.
fn foreign_folder(job: &str) -> Option<String> {
    let rest = job.strip_prefix("periodic-ci-openshift-")?;
    let repository = rest.split('-').next()?;
    (!["release", "multiarch"].contains(&repository)).then(|| format!("openshift/{repository}…"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folders {
    /// More than the usual ones are there: what is in none of them does not exist.
    Many,
    /// Only the usual ones are there.
    UsualAlone,
}

/// A file of jobs that cannot be read.
struct Fault {
    file: PathBuf,
    /// Follows the file's name in a sentence.
    why: String,
}

/// How far the search for jobs has come.
struct Search<'a> {
    missing: HashSet<&'a str>,
    /// Names that were seen on the way, for those that are missing.
    known: Vec<String>,
    /// Files whose lines were scanned.
    scanned: Vec<PathBuf>,
    faults: Vec<Fault>,
}

impl Search<'_> {
    /// Takes note of the names in files, as long as jobs are missing.
    fn scan(&mut self, files: Vec<PathBuf>) {
        if self.missing.is_empty() {
            return;
        }
        self.take(&files, |bytes| Ok(scan::names(&bytes).into_iter().map(str::to_owned).collect()));
        self.scanned.extend(files);
    }

    /// Reads again, and properly, those files that the scan may have misread.
    fn parse(&mut self) {
        if self.missing.is_empty() {
            return;
        }
        let files = std::mem::take(&mut self.scanned);
        // What could not be read is found out once more.
        self.faults.clear();
        self.take(&files, |bytes| match scan::form(&bytes) {
            scan::Form::Usual => Ok(Vec::new()),
            scan::Form::Other => yaml::names(bytes),
        });
    }

    fn take(&mut self, files: &[PathBuf], names: impl Fn(Vec<u8>) -> Result<Vec<String>, String> + Sync) {
        let read: Vec<_> = files.par_iter().map(|file| read(file).and_then(&names)).collect();
        for (file, names) in files.iter().zip(read) {
            match names {
                Ok(names) => {
                    for name in &names {
                        self.missing.remove(name.as_str());
                    }
                    self.known.extend(names);
                }
                Err(why) => self.faults.push(Fault { file: file.clone(), why }),
            }
        }
    }
}

fn search<'a>(jobs: &Jobs, missing: HashSet<&'a str>) -> (Search<'a>, Folders) {
    let files: Vec<PathBuf> = USUAL.iter().flat_map(|folder| yaml_files(&jobs.root.join(folder))).collect();
    let (first, rest): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().partition(|file| missing.iter().any(|job| belongs(file, job)));
    let mut search = Search { missing, known: Vec::new(), scanned: Vec::new(), faults: Vec::new() };
    search.scan(first);
    search.scan(rest);
    let mut folders = Folders::UsualAlone;
    if !search.missing.is_empty() {
        let others = other_folders(&jobs.root);
        if !others.is_empty() {
            folders = Folders::Many;
        }
        let others = others
            .into_iter()
            .filter(|(prefix, _)| search.missing.iter().any(|job| job.starts_with(prefix)))
            .flat_map(|(_, folder)| yaml_files(&folder))
            .collect();
        search.scan(others);
    }
    search.parse();
    (search, folders)
}

/// Whether a job's name points to a file: `periodic-ci-ORG-REPOSITORY-BRANCH-…` to `ORG-REPOSITORY-BRANCH-periodics.yaml`.
fn belongs(file: &Path, job: &str) -> bool {
    let stem =
        file.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.strip_suffix("-periodics"));
    let Some(stem) = stem else { return false };
    job.strip_prefix("periodic-ci-")
        .and_then(|rest| rest.strip_prefix(stem))
        .is_some_and(|rest| rest.starts_with('-'))
}

/// The folders of other repositories, each with what names of its jobs begin with.
fn other_folders(root: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for (organisation, folder) in folders(root) {
        for (repository, folder) in folders(&folder) {
            if !USUAL.contains(&format!("{organisation}/{repository}").as_str()) {
                found.push((format!("periodic-ci-{organisation}-{repository}-"), folder));
            }
        }
    }
    found
}

fn folders(root: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(root).into_iter().flatten().filter_map(Result::ok);
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect()
}

/// The YAML files that stand directly in a folder, sorted.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml") && path.is_file())
        .collect();
    files.sort();
    files
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let limit = MOST_MIB * 1024 * 1024;
    let read = std::fs::File::open(file).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 > limit => Err(format!("is larger than {MOST_MIB} MiB")),
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!("cannot be read ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_points_to_its_file() {
        let file = Path::new("x/openshift-release-release-4.21-periodics.yaml");
        assert!(belongs(file, "periodic-ci-openshift-release-release-4.21-e2e"));
        assert!(!belongs(file, "periodic-ci-openshift-release-master-nightly-4.21-e2e"));
        assert!(!belongs(Path::new("x/openshift-release-release-4.21-presubmits.yaml"), "release-4.21"));
    }
}
