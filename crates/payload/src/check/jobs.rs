//! Whether Prow knows the jobs that configurations name.
//!
//! The job files of a checkout are large (tens of megabytes) and only the names of their periodics matter, so their lines are
//! scanned instead of being parsed: the name of an item under the top-level `periodics:` stands in the column of the item's
//! keys, and nothing else does. Files that a job's name points to are read first, and reading ends when all jobs are found.
//!
//! The repository's script looks into two folders only; a job that another repository's folder has is taken as known too,
//! since Prow knows it.

use rayon::prelude::*;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::entries::Item;
use super::traps::own_aggregator;
use super::{Finding, Level, Origin, Rule, Subject, finding, names, rules};
use crate::model::Config;
use crate::text::{Field, Text};

/// The folders that hold the jobs of release configurations, below the folder of all jobs.
const USUAL: [&str; 2] = ["openshift/release", "openshift/multiarch"];

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
    let Search { missing, known, folders } = search(jobs, wanted, notes);
    named.retain(|named| missing.contains(named.job));
    named
        .into_iter()
        .map(|named| {
            let Named { rule, subject, text, field, job, entry } = named;
            let elsewhere = foreign_folder(job).filter(|_| folders == Folders::UsualAlone);
            let message = match &elsewhere {
                Some(folder) => {
                    format!(
                        "{job} is no periodic of {}, and the folder of {folder} is not at hand",
                        USUAL.join(" or ")
                    )
                }
                None => format!("{job} is no periodic of {}", USUAL.join(" or ")),
            };
            let mut found = finding(rule, &subject.file, text, field.node.span, entry, message);
            if elsewhere.is_some() {
                found.level = Level::Warning;
                found.mend = Some("look in a whole checkout, or correct the name".to_owned());
                return found;
            }
            if let Some(near) = nearest(job, &known) {
                found.mend = Some(format!("did you mean {near}?"));
            }
            found
        })
        .collect()
}

/// The known name that a job was probably meant to be. Comparing thousands of names letter by letter takes too long, so only
/// those that begin and end most like it are.
fn nearest<'a>(job: &str, known: &'a [String]) -> Option<&'a str> {
    const COMPARED: usize = 100;
    const LENGTHS_APART: usize = 10;
    let same = |a: &mut dyn Iterator<Item = u8>, b: &mut dyn Iterator<Item = u8>| {
        a.zip(b).take_while(|(a, b)| a == b).count()
    };
    let mut alike: Vec<(usize, &str)> = known
        .iter()
        .filter(|name| name.len().abs_diff(job.len()) <= LENGTHS_APART)
        .map(|name| {
            let ends = same(&mut name.bytes(), &mut job.bytes())
                + same(&mut name.bytes().rev(), &mut job.bytes().rev());
            (ends, name.as_str())
        })
        .filter(|(ends, _)| ends * 3 >= job.len() * 2)
        .collect();
    alike.sort_by(|a, b| b.cmp(a));
    names::near(job, alike.into_iter().take(COMPARED).map(|(_, name)| name), 1).first().copied()
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

struct Search<'a> {
    missing: HashSet<&'a str>,
    /// Names that were seen on the way, for those that are missing.
    known: Vec<String>,
    folders: Folders,
}

fn search<'a>(jobs: &Jobs, mut missing: HashSet<&'a str>, notes: &mut Vec<String>) -> Search<'a> {
    let mut known = Vec::new();
    let files: Vec<PathBuf> = USUAL.iter().flat_map(|folder| yaml_files(&jobs.root.join(folder))).collect();
    let (first, rest): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().partition(|file| missing.iter().any(|job| belongs(file, job)));
    let mut look = |files: &[PathBuf], missing: &mut HashSet<&str>, notes: &mut Vec<String>| {
        if missing.is_empty() {
            return;
        }
        let read: Vec<Result<Vec<String>, String>> = files.par_iter().map(|file| read_names(file)).collect();
        for names in read {
            match names {
                Ok(names) => {
                    for name in &names {
                        missing.remove(name.as_str());
                    }
                    known.extend(names);
                }
                Err(why) => notes.push(why),
            }
        }
    };
    look(&first, &mut missing, notes);
    look(&rest, &mut missing, notes);
    let mut folders = Folders::UsualAlone;
    if !missing.is_empty() {
        let others = other_folders(&jobs.root);
        if !others.is_empty() {
            folders = Folders::Many;
        }
        let others: Vec<PathBuf> = others
            .into_iter()
            .filter(|(prefix, _)| missing.iter().any(|job| job.starts_with(prefix)))
            .flat_map(|(_, folder)| yaml_files(&folder))
            .collect();
        look(&others, &mut missing, notes);
    }
    Search { missing, known, folders }
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

fn read_names(file: &Path) -> Result<Vec<String>, String> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(periodics(&bytes).into_iter().map(str::to_owned).collect()),
        Err(error) => Err(format!("{}: {error}; the jobs in it count as missing", file.display())),
    }
}

/// The names of the periodics in a file of Prow jobs.
fn periodics(bytes: &[u8]) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = bytes;
    // The column of the items' keys, once the first item told it.
    let mut column = None;
    let Some(start) = section_start(bytes) else { return found };
    rest = &rest[start..];
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        match line.get(indent) {
            None | Some(b'#' | b'\r') => continue,
            // An item begins: its first key stands behind the dash.
            Some(b'-') if column.is_none_or(|column| indent < column) => {
                let gap = line[indent + 1..].iter().take_while(|byte| **byte == b' ').count();
                let here = indent + 1 + gap;
                let column = *column.get_or_insert(here);
                if here == column
                    && let Some(name) = line.get(here..).and_then(name_of)
                {
                    found.push(name);
                }
            }
            // A key at the left edge ends the section, or the same key begins it anew, which no file has.
            Some(_) if indent == 0 => break,
            Some(b'n') if column == Some(indent) => {
                if let Some(name) = name_of(&line[indent..]) {
                    found.push(name);
                }
            }
            Some(_) => {}
        }
    }
    found
}

/// Where the line after `periodics:` begins.
fn section_start(bytes: &[u8]) -> Option<usize> {
    const HEAD: &[u8] = b"periodics:";
    memchr::memmem::find_iter(bytes, HEAD)
        .find(|at| *at == 0 || bytes[at - 1] == b'\n')
        .map(|at| memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1))
}

fn name_of(line: &[u8]) -> Option<&str> {
    let value = std::str::from_utf8(line.strip_prefix(b"name:")?).ok()?.trim();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.split(quote).next());
    let value =
        quoted('"').or_else(|| quoted('\'')).unwrap_or_else(|| value.split(" #").next().unwrap_or(value));
    (!value.is_empty()).then_some(value.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_periodics_are_names() {
        let file = "\
presubmits:
  openshift/release:
  - name: pull-ci-openshift-release-master-images
periodics:
# by hand
- agent: kubernetes
  labels:
    name: not-this
  name: periodic-one
  spec:
    containers:
    - args:
      - --name: x
      name: container
    - name: other
      command: |
        name: text
  name_of: nothing
- name: \"periodic-two\" # quoted

- name: 'periodic-three'
  decorate: true
postsubmits:
  openshift/release:
  - name: branch-ci
";
        assert_eq!(periodics(file.as_bytes()), ["periodic-one", "periodic-two", "periodic-three"]);
    }

    #[test]
    fn items_may_be_indented_and_lines_may_end_as_on_windows() {
        let file = "periodics:\r\n    -   cron: \"@daily\"\r\n        name: one\r\n        spec:\r\n          name: no\r\n    -   name: two\r\n";
        assert_eq!(periodics(file.as_bytes()), ["one", "two"]);
        assert_eq!(periodics(b"presubmits:\n  a:\n  - name: x\n"), Vec::<&str>::new());
        assert_eq!(periodics(b"periodics: []\n"), Vec::<&str>::new());
        assert_eq!(periodics(b"periodics:\n- name: last"), ["last"]);
    }

    #[test]
    fn a_job_points_to_its_file() {
        let file = Path::new("x/openshift-release-release-4.21-periodics.yaml");
        assert!(belongs(file, "periodic-ci-openshift-release-release-4.21-e2e"));
        assert!(!belongs(file, "periodic-ci-openshift-release-master-nightly-4.21-e2e"));
        assert!(!belongs(Path::new("x/openshift-release-release-4.21-presubmits.yaml"), "release-4.21"));
    }
}
