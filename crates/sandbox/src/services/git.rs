//! The repositories behind GitHub's two faces: branches, commits and blobs of `openshift/release-tests`.
//!
//! Blob shas are git's own. Commit shas are shaped like git's but made from less: nobody recomputes them. The result
//! files of the scenario become commits on branch `record` at their times, whoever looks.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sha1::{Digest as _, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use crate::result_files::to_bytes;
use crate::world::{World, lock};

/// The one repository there is.
pub(crate) const OWNER: &str = "openshift";
/// Its name.
pub(crate) const REPOSITORY: &str = "release-tests";
/// Its default branch.
pub(crate) const DEFAULT_BRANCH: &str = "main";

/// How many versions of a file can be read by commit; older ones are forgotten, their commits stay listed.
const VERSIONS_KEPT: usize = 200;

/// The repository; cheap to clone, shared by `github` and `raw`.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Inner>);

struct Inner {
    world: World,
    /// Where `download_url`s point; unset: at the real host.
    raw_base: OnceLock<String>,
    state: Mutex<State>,
}

struct State {
    branches: BTreeMap<String, Branch>,
    /// Result files still to come, latest first.
    script: Vec<(Timestamp, String, Bytes)>,
}

#[derive(Clone, Default)]
struct Branch {
    commits: Vec<Commit>,
    /// Versions by path: number of the commit, and the content; `None` after a deletion.
    files: BTreeMap<String, Vec<(usize, Option<Blob>)>>,
}

/// A commit. It changes one file.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) sha: String,
    pub(crate) tree: String,
    pub(crate) parent: Option<String>,
    pub(crate) message: String,
    pub(crate) author: Person,
    pub(crate) committer: Person,
    pub(crate) at: Timestamp,
    pub(crate) path: String,
}

/// Who made a commit.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
}

/// A file's content.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) sha: String,
    pub(crate) bytes: Bytes,
}

/// An entry of a directory.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    File(String, Blob),
    Directory(String, String),
}

/// What stands at a path.
pub(crate) enum Found {
    File(Blob),
    Directory(Vec<Entry>),
}

/// A change to one file.
pub(crate) struct Change {
    pub(crate) branch: String,
    pub(crate) path: String,
    /// `None`: delete.
    pub(crate) content: Option<Bytes>,
    /// The blob it replaces, as the writer knows it.
    pub(crate) replaces: Option<String>,
    pub(crate) message: String,
    pub(crate) author: Person,
    pub(crate) committer: Person,
}

/// What became of a change.
pub(crate) enum Changed {
    Created(Blob, Commit),
    Updated(Blob, Commit),
    Deleted(Commit),
    NoBranch,
    NoFile,
    /// The file exists and the writer did not say which version it replaces.
    ShaMissing,
    /// The file is not the one the writer knows.
    Stale,
}

impl Hub {
    /// The repository at the scenario's start.
    pub(crate) fn new(world: World) -> Self {
        let scenario = world.scenario();
        let begun = scenario.start - SignedDuration::from_hours(24 * 30);
        let person = bot();
        let mut branches = BTreeMap::new();
        let readme = Bytes::from_static(b"# release-tests\n");
        for name in [DEFAULT_BRANCH, "record", "z-stream"] {
            let mut branch = Branch::default();
            branch.commit("README.md", Some(readme.clone()), "initial commit", (&person, &person), begun);
            branches.insert(name.to_owned(), branch);
        }
        if let Some(main) = branches.get_mut(DEFAULT_BRANCH) {
            for (path, bytes) in &scenario.registry {
                main.commit(path, Some(bytes.clone()), "update test jobs", (&person, &person), begun);
            }
        }
        if let Some(z_stream) = branches.get_mut("z-stream") {
            let path = format!("_releases/{0}/{0}.z.yaml", scenario.release.stream);
            let tracked = json!({"releases": {scenario.release.to_string(): {
                "advisories": scenario.advisories, "release_jira": scenario.jira_ticket}}});
            // JSON is YAML.
            let author = (&person, &person);
            z_stream.commit(&path, Some(to_bytes(&tracked)), "track release", author, scenario.start);
        }
        let mut script: Vec<_> = scenario
            .result_files
            .iter()
            .flat_map(|(path, versions)| {
                versions.iter().map(|(at, bytes)| (*at, path.clone(), bytes.clone()))
            })
            .collect();
        script.sort_by(|a, b| (b.0, &b.1).cmp(&(a.0, &a.1)));
        let state = Mutex::new(State { branches, script });
        Self(Arc::new(Inner { world, raw_base: OnceLock::new(), state }))
    }

    pub(crate) fn world(&self) -> &World {
        &self.0.world
    }

    /// Lets `download_url`s point at the imitated raw host.
    pub(crate) fn set_raw_base(&self, url: String) {
        let _ = self.0.raw_base.set(url);
    }

    pub(crate) fn raw_base(&self) -> &str {
        self.0.raw_base.get().map_or("https://raw.githubusercontent.com", String::as_str)
    }

    /// What stands at `path` in branch or commit `reference`; the inner `None`: nothing. The outer: no such reference.
    pub(crate) fn look(&self, reference: &str, path: &str) -> Option<Option<Found>> {
        let state = self.current();
        let (branch, commits) = state.resolve(reference)?;
        Some(branch.look(path, commits))
    }

    /// A blob by its sha.
    pub(crate) fn blob(&self, sha: &str) -> Option<Blob> {
        let state = self.current();
        let versions = state.branches.values().flat_map(|branch| branch.files.values()).flatten();
        versions.filter_map(|(_, blob)| blob.as_ref()).find(|blob| blob.sha == sha).cloned()
    }

    /// Commits reachable from `reference` that touch `path` (a file or directory; empty: any), newest first.
    pub(crate) fn commits(&self, reference: &str, path: &str) -> Option<Vec<Commit>> {
        let state = self.current();
        let (branch, commits) = state.resolve(reference)?;
        let directory = format!("{path}/");
        let touches =
            |commit: &&Commit| path.is_empty() || commit.path == path || commit.path.starts_with(&directory);
        Some(branch.commits[..commits].iter().rev().filter(touches).cloned().collect())
    }

    /// Starts a branch at a commit; `false` when the commit is unknown or the branch exists.
    pub(crate) fn start_branch(&self, name: &str, commit: &str) -> bool {
        let mut state = self.current();
        if state.branches.contains_key(name) {
            return false;
        }
        let Some((branch, commits)) = state.resolve(commit) else { return false };
        let mut fresh = branch.clone();
        fresh.commits.truncate(commits);
        fresh.files.retain(|_, versions| {
            versions.retain(|(number, _)| *number < commits);
            !versions.is_empty()
        });
        state.branches.insert(name.to_owned(), fresh);
        true
    }

    /// Makes a change, if the writer knows what it replaces.
    pub(crate) fn change(&self, change: Change) -> Changed {
        let mut state = self.current();
        let now = self.0.world.now();
        let Some(branch) = state.branches.get_mut(&change.branch) else { return Changed::NoBranch };
        let standing = branch.file(&change.path, branch.commits.len()).cloned();
        match (&standing, &change.replaces) {
            (None, _) if change.content.is_none() => return Changed::NoFile,
            (Some(_), None) => return Changed::ShaMissing,
            (None, Some(_)) => return Changed::Stale,
            (Some(blob), Some(sha)) if blob.sha != *sha => return Changed::Stale,
            _ => {}
        }
        let people = (&change.author, &change.committer);
        let (commit, blob) = branch.commit(&change.path, change.content, &change.message, people, now);
        match (blob, standing) {
            (None, _) => Changed::Deleted(commit),
            (Some(blob), None) => Changed::Created(blob, commit),
            (Some(blob), Some(_)) => Changed::Updated(blob, commit),
        }
    }

    /// The state with everything in it that the script says has happened by now.
    fn current(&self) -> std::sync::MutexGuard<'_, State> {
        let now = self.0.world.now();
        let mut state = lock(&self.0.state);
        let person = bot();
        while state.script.last().is_some_and(|(at, ..)| *at <= now) {
            let Some((at, path, bytes)) = state.script.pop() else { break };
            if let Some(record) = state.branches.get_mut("record") {
                let exists = record.file(&path, record.commits.len()).is_some();
                let message = if exists { "update file content" } else { "create new file" };
                record.commit(&path, Some(bytes), message, (&person, &person), at);
            }
        }
        state
    }
}

impl State {
    /// A branch and how many of its commits are meant.
    fn resolve(&self, reference: &str) -> Option<(&Branch, usize)> {
        let name = reference.trim_start_matches("refs/").trim_start_matches("heads/");
        // The default branch had another name once, and links to it still work.
        let name = if name == "master" { DEFAULT_BRANCH } else { name };
        if let Some(branch) = self.branches.get(name) {
            return Some((branch, branch.commits.len()));
        }
        if name.len() < 7 {
            return None;
        }
        self.branches.values().find_map(|branch| {
            let place = branch.commits.iter().position(|commit| commit.sha.starts_with(name))?;
            Some((branch, place + 1))
        })
    }
}

impl Branch {
    fn commit(
        &mut self,
        path: &str,
        content: Option<Bytes>,
        message: &str,
        (author, committer): (&Person, &Person),
        at: Timestamp,
    ) -> (Commit, Option<Blob>) {
        let blob = content.map(|bytes| Blob { sha: blob_sha(&bytes), bytes });
        let parent = self.commits.last();
        let tree_before = parent.map_or("", |commit| commit.tree.as_str());
        let blob_sha = blob.as_ref().map_or("", |blob| blob.sha.as_str());
        let tree =
            hex_sha1(&[b"tree\0", tree_before.as_bytes(), path.as_bytes(), b"\0", blob_sha.as_bytes()]);
        let parent = parent.map(|commit| commit.sha.clone());
        let head = format!(
            "tree {tree}\nparent {}\nauthor {} {at}\n\n",
            parent.as_deref().unwrap_or(""),
            author.email
        );
        let commit = Commit {
            sha: hex_sha1(&[b"commit\0", head.as_bytes(), message.as_bytes()]),
            tree,
            parent,
            message: message.to_owned(),
            author: author.clone(),
            committer: committer.clone(),
            at,
            path: path.to_owned(),
        };
        let versions = self.files.entry(path.to_owned()).or_default();
        versions.push((self.commits.len(), blob.clone()));
        if versions.len() > VERSIONS_KEPT {
            versions.remove(0);
        }
        self.commits.push(commit.clone());
        (commit, blob)
    }

    /// The file at `path` after the first `commits` commits.
    fn file(&self, path: &str, commits: usize) -> Option<&Blob> {
        let versions = self.files.get(path)?;
        versions.iter().rev().find(|(number, _)| *number < commits)?.1.as_ref()
    }

    fn look(&self, path: &str, commits: usize) -> Option<Found> {
        if let Some(blob) = self.file(path, commits) {
            return Some(Found::File(blob.clone()));
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut entries = BTreeMap::new();
        let mut directories = BTreeSet::new();
        for below in self
            .files
            .range(prefix.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&prefix))
        {
            let Some(blob) = self.file(below, commits) else { continue };
            match below[prefix.len()..].split_once('/') {
                Some((directory, _)) => {
                    directories.insert(directory.to_owned());
                }
                None => {
                    let name = below[prefix.len()..].to_owned();
                    entries.insert(name.clone(), Entry::File(name, blob.clone()));
                }
            }
        }
        for name in directories {
            let tree = hex_sha1(&[b"tree\0", prefix.as_bytes(), name.as_bytes()]);
            entries.insert(name.clone(), Entry::Directory(name, tree));
        }
        (!entries.is_empty()).then(|| Found::Directory(entries.into_values().collect()))
    }
}

/// The name git gives to a file's content.
pub(crate) fn blob_sha(bytes: &[u8]) -> String {
    hex_sha1(&[format!("blob {}\0", bytes.len()).as_bytes(), bytes])
}

fn hex_sha1(parts: &[&[u8]]) -> String {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who keeps the result files and tracking files.
fn bot() -> Person {
    Person { name: "release-tests-bot".to_owned(), email: "release-tests-bot@example.com".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_named_as_git_names_them() {
        assert_eq!(blob_sha(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(blob_sha(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }
}
