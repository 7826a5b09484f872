//! Which folders are runs, and which files of a run are of interest.

use super::shelves::{holding_runs, is_like_a_run};
use super::{GatherError, Scope};
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

/// Folders within folders that are followed in one run.
const DEPTH_MAX: usize = 64;

/// Where a run is.
#[derive(Debug)]
pub(super) struct RunPlace {
    /// Its folder's name, or that of its file without the ending.
    pub(super) id: String,
    path: PathBuf,
    kind: PlaceKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlaceKind {
    Folder,
    LooseFile,
}

/// The runs of a folder, in order.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) places: Vec<RunPlace>,
    pub(super) notes: Vec<String>,
}

/// The files of one run that are of interest, each list in order.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) folder: PathBuf,
    /// Named as JUnit.
    pub(super) junit: Vec<PathBuf>,
    pub(super) other_xml: Vec<PathBuf>,
    pub(super) disruption: Vec<PathBuf>,
    pub(super) finished: Option<PathBuf>,
    pub(super) prow_job: Option<PathBuf>,
    pub(super) started: Option<PathBuf>,
    build_log: Option<PathBuf>,
    /// How many files an earlier judgement left, and how many others there are.
    ours: usize,
    others: usize,
    pub(super) notes: Vec<String>,
}

impl Files {
    /// Whether the folder is no run but holds what an earlier judgement wrote.
    pub(super) const fn is_only_ours(&self) -> bool {
        self.ours > 0 && self.others == 0
    }

    /// Whether anything here is what a run leaves.
    pub(super) const fn are_of_a_run(&self) -> bool {
        !self.junit.is_empty()
            || !self.other_xml.is_empty()
            || !self.disruption.is_empty()
            || self.finished.is_some()
            || self.prow_job.is_some()
            || self.started.is_some()
            || self.build_log.is_some()
    }
}

/// Whether a file or folder of this name is what a judgement writes (reference: payload jobs, b.11).
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with("aggregation-") || name == "junit-aggregated.xml" || name == "job-run-summary.html"
}

pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// The name of XML, plain or packed, without its endings, in any case.
fn xml_stem(name: &str) -> Option<&str> {
    let without = |ending: &str| {
        let (stem, end) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
        end.eq_ignore_ascii_case(ending).then_some(stem)
    };
    without(".xml").or_else(|| without(".xml.gz"))
}

pub(super) fn is_xml(name: &str) -> bool {
    xml_stem(name).is_some()
}

/// Whether a file is JUnit by its path within the run, which begins with a slash.
pub(super) fn is_junit(within: &str) -> bool {
    is_xml(within) && within.to_ascii_lowercase().contains("/junit")
}

fn no_regular_file(path: &Path) -> String {
    format!("{}: is no regular file (a pipe, a device or the like), not read", path.display())
}

fn name_of(entry: &DirEntry) -> String {
    entry.file_name().to_string_lossy().into_owned()
}

fn entries(dir: &Path) -> Result<Vec<DirEntry>, GatherError> {
    fs::read_dir(dir)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| GatherError::unopened(dir, source))
}

/// Finds the runs: the folders, or where there are none the loose `.xml` files. Runs that are one folder deeper are found
/// where it is clear which are meant.
pub(super) fn find_runs(dir: &Path, scope: Scope) -> Result<Found, GatherError> {
    let canonical = dir.canonicalize().map_err(|source| GatherError::unopened(dir, source))?;
    let mut seen = HashSet::from([canonical]);
    let Top { folders, files, mut notes, of_one_run } = Top::read(dir, &mut seen)?;
    let one_run = |marker: &'static str| GatherError::OneRun { dir: dir.to_owned(), marker };
    match (of_one_run, folders.as_slice()) {
        // A log that somebody keeps beside runs says nothing.
        (Some("build-log.txt itself"), folders) if folders.iter().any(|place| is_like_a_run(&place.id)) => {}
        (Some(marker), _) => return Err(one_run(marker)),
        (None, [only]) if only.id == "artifacts" => {
            return Err(one_run("its folder `artifacts`, and no other folder"));
        }
        (None, _) => {}
    }
    if folders.is_empty() {
        return Ok(Found { places: files, notes });
    }
    if !files.is_empty() {
        let names: Vec<String> = files.iter().map(|file| file.path.display().to_string()).collect();
        notes.push(format!("not read, for the runs are in folders: {}", names.join(", ")));
    }
    let shelves: Vec<Vec<PathBuf>> =
        folders.iter().map(|place| holding_runs(&place.id, &place.path)).collect();
    if shelves.iter().all(Vec::is_empty) {
        return Ok(Found { places: folders, notes });
    }
    let mut beside = BTreeSet::new();
    for (place, _) in folders.iter().zip(&shelves).filter(|(_, shelves)| shelves.is_empty()) {
        if place.files()?.are_of_a_run() {
            beside.insert(place.id.clone());
        } else {
            notes.push(format!("{}: was left out, for nothing of a run is in it", place.path.display()));
        }
    }
    let shelves = shelves.concat();
    let is_clear = beside.is_empty() && (shelves.len() == 1 || scope == Scope::ManyPayloads);
    if !is_clear {
        return Err(GatherError::deeper(dir, &shelves, &beside));
    }
    let mut places = Vec::new();
    for shelf in &shelves {
        let top = Top::read(shelf, &mut seen)?;
        notes.push(format!(
            "no run stands in {} itself: its folders of runs were found one level down or further, {} in {}",
            dir.display(),
            top.folders.len(),
            shelf.display()
        ));
        notes.extend(top.notes);
        let within = shelf.strip_prefix(dir).unwrap_or(shelf).display();
        places.extend(top.folders.into_iter().map(|place| match shelves.len() {
            1 => place,
            _ => RunPlace { id: format!("{within}/{}", place.id), ..place },
        }));
    }
    Ok(Found { places, notes })
}

/// What stands directly in a folder of runs.
#[derive(Default)]
struct Top {
    folders: Vec<RunPlace>,
    files: Vec<RunPlace>,
    notes: Vec<String>,
    /// What tells that it is the folder of one run.
    of_one_run: Option<&'static str>,
}

impl Top {
    fn read(dir: &Path, seen: &mut HashSet<PathBuf>) -> Result<Self, GatherError> {
        let mut top = Self::default();
        let mut inside = entries(dir)?;
        inside.sort_by(|a, b| by_id(&name_of(a), &name_of(b)));
        for entry in inside {
            let (name, path) = (name_of(&entry), entry.path());
            if is_hidden(&name) || is_ours(&name) {
                continue;
            }
            // What a link points at counts, once.
            let Ok(metadata) = fs::metadata(&path) else {
                top.notes.push(format!("{}: is a link that leads nowhere", path.display()));
                continue;
            };
            if metadata.is_dir() {
                if path.canonicalize().is_ok_and(|canonical| seen.insert(canonical)) {
                    top.folders.push(RunPlace { id: name, path, kind: PlaceKind::Folder });
                } else {
                    top.notes.push(format!("{}: leads to a folder that is here already", path.display()));
                }
                continue;
            }
            let marker = match name.as_str() {
                "finished.json" => Some("finished.json itself"),
                "prowjob.json" => Some("prowjob.json itself"),
                "started.json" => Some("started.json itself"),
                "build-log.txt" => Some("build-log.txt itself"),
                _ => None,
            };
            // A log alone is the weakest of them.
            if marker.is_some() && top.of_one_run.is_none_or(|before| before == "build-log.txt itself") {
                top.of_one_run = marker;
            }
            if let Some(id) = xml_stem(&name) {
                if metadata.is_file() {
                    let id = id.to_owned();
                    top.files.push(RunPlace { id, path, kind: PlaceKind::LooseFile });
                } else {
                    top.notes.push(no_regular_file(&path));
                }
            }
        }
        Ok(top)
    }
}

/// Numbers by their value and before everything else, the rest by letters.
fn by_id(a: &str, b: &str) -> Ordering {
    fn key(id: &str) -> (bool, usize, &str) {
        let digits = id.trim_start_matches('0');
        let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        // Of two numbers the one with more digits is larger, and of as many digits the later one.
        if is_number { (false, digits.len(), digits) } else { (true, 0, id) }
    }
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}

impl RunPlace {
    /// Looks through the run.
    pub(super) fn files(&self) -> Result<Files, GatherError> {
        let mut files = Files { folder: self.path.clone(), ..Files::default() };
        if self.kind == PlaceKind::LooseFile {
            // Its path within the run would be its name; but it stands for the run, whatever it is called.
            files.junit.push(self.path.clone());
            files.others = 1;
            return Ok(files);
        }
        let root = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let mut walk = Walk { root, followed: HashSet::new(), files };
        walk.folder(&self.path, "", 0)?;
        let mut files = walk.files;
        files.junit.sort();
        files.other_xml.sort();
        files.disruption.sort();
        files.notes.sort();
        Ok(files)
    }
}

struct Walk {
    root: PathBuf,
    /// Folders outside of the run that a link led to.
    followed: HashSet<PathBuf>,
    files: Files,
}

impl Walk {
    /// `within` is the folder's path within the run, empty or beginning with a slash.
    fn folder(&mut self, dir: &Path, within: &str, depth: usize) -> Result<(), GatherError> {
        if depth > DEPTH_MAX {
            self.files.notes.push(format!("{}: is too deep, not read", dir.display()));
            return Ok(());
        }
        for entry in entries(dir)? {
            let (name, path) = (name_of(&entry), entry.path());
            if is_hidden(&name) {
                continue;
            }
            let within = format!("{within}/{name}");
            let kind =
                entry.file_type().map_err(|source| GatherError::Unreadable { path: path.clone(), source })?;
            let (is_folder, is_file) = if kind.is_symlink() {
                let Ok(metadata) = fs::metadata(&path) else {
                    self.files.notes.push(format!("{}: is a link that leads nowhere", path.display()));
                    continue;
                };
                if metadata.is_dir() && !self.may_follow(&path) {
                    continue;
                }
                (metadata.is_dir(), metadata.is_file())
            } else {
                (kind.is_dir(), kind.is_file())
            };
            if is_folder {
                self.folder(&path, &within, depth + 1)?;
            } else if is_file {
                self.file(name, path, &within, depth);
            } else {
                // Reading it might never end.
                self.files.notes.push(no_regular_file(&path));
            }
        }
        Ok(())
    }

    /// A link to within the run would show its files twice, one to around it would never end.
    fn may_follow(&mut self, link: &Path) -> bool {
        let Ok(target) = link.canonicalize() else { return false };
        if self.root.starts_with(&target) {
            self.files.notes.push(format!("{}: is a link to around itself, not followed", link.display()));
            return false;
        }
        !target.starts_with(&self.root) && self.followed.insert(target)
    }

    fn file(&mut self, name: String, path: PathBuf, within: &str, depth: usize) {
        let files = &mut self.files;
        if is_ours(&name) {
            files.ours += 1;
            return;
        }
        files.others += 1;
        if is_xml(&name) {
            if is_junit(within) { &mut files.junit } else { &mut files.other_xml }.push(path);
        } else if name.starts_with("backend-disruption") && name.ends_with(".json") {
            files.disruption.push(path);
        } else if depth == 0 {
            match name.as_str() {
                "finished.json" => files.finished = Some(path),
                "prowjob.json" => files.prow_job = Some(path),
                "started.json" => files.started = Some(path),
                "build-log.txt" => files.build_log = Some(path),
                _ => {}
            }
        }
    }
}
