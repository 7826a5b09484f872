//! GitHub's contents API: files on branches, written with compare-and-swap on their sha.

use base64::Engine as _;
use bytes::Bytes;
use jiff::Timestamp;
use regatta_kit::ParseError;
use serde::Deserialize;
use serde_json::json;
use std::fmt;
use std::str::FromStr;

use crate::conditional::Conditional;
use crate::error::{Fault, ServiceError};
use crate::remote::{Answer, Remote};

/// Commits asked for at most.
const COMMITS: usize = 100;
/// GitHub lists so many files of a folder and leaves the others out without a word.
const LISTED: usize = 1000;

/// A repository: `openshift/release-tests`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    owner: String,
    name: String,
}

impl Repository {
    /// Where OpenShift QE keeps test results (branch `record`) and StateBox files (branch `z-stream`).
    #[must_use]
    pub fn release_tests() -> Self {
        Self { owner: "openshift".to_owned(), name: "release-tests".to_owned() }
    }
}

impl FromStr for Repository {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let word = |w: &str| {
            !w.is_empty()
                && w != "."
                && w != ".."
                && w.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        match text.split_once('/') {
            Some((owner, name)) if word(owner) && word(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(ParseError {
                what: "repository",
                given: text.chars().take(80).collect(),
                why: "is not OWNER/NAME".to_owned(),
                mend: "write a repository such as openshift/release-tests",
            }),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// GitHub.
#[derive(Debug, Clone)]
pub struct Github {
    remote: Remote,
    /// Files by repository, branch and path.
    files: Conditional<String, File>,
}

/// A file as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The blob's sha, to be given back when the file is written.
    pub sha: String,
    /// The content.
    pub bytes: Bytes,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// The name alone.
    pub name: String,
    /// The path from the repository's root.
    pub path: String,
    /// The blob's or tree's sha.
    pub sha: String,
    /// `file`, `dir`, `symlink` or `submodule`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its sha.
    pub sha: String,
    /// Its whole message.
    pub message: String,
    /// Its author's name.
    pub author: String,
    /// When it was authored.
    pub at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ContentsWire {
    sha: String,
    #[serde(default)]
    encoding: String,
    #[serde(default)]
    content: String,
}

#[derive(Deserialize)]
struct PutWire {
    content: PutContent,
}

#[derive(Deserialize)]
struct PutContent {
    sha: String,
}

#[derive(Deserialize)]
struct CommitWire {
    sha: String,
    commit: CommitInner,
}

#[derive(Deserialize)]
struct CommitInner {
    #[serde(default)]
    message: String,
    #[serde(default)]
    author: Option<CommitAuthor>,
}

#[derive(Deserialize)]
struct CommitAuthor {
    #[serde(default)]
    name: String,
    #[serde(default)]
    date: Option<String>,
}

impl Github {
    /// GitHub at `remote`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self { remote, files: Conditional::new() }
    }

    /// A file on a branch (or at a commit); `None` when it does not exist. Unchanged files cost no rate limit.
    ///
    /// # Errors
    /// As of [`crate::remote::Call::send`]; a folder in the file's place is [`Fault::BadAnswer`].
    pub async fn get(
        &self,
        repository: &Repository,
        path: &str,
        at: &str,
    ) -> Result<Option<File>, ServiceError> {
        let key = key(repository, at, path);
        let kept = self.files.get(&key);
        let mut call = self
            .contents(repository, path, Verb::Get)
            .query(&[("ref", at)])
            .header("accept", "application/vnd.github+json");
        if let Some(kept) = &kept {
            call = call.header("if-none-match", &kept.etag);
        }
        let answer = match call.send().await {
            Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => {
                self.files.forget(&key);
                return Ok(None);
            }
            answer => answer?,
        };
        if answer.status == 304 {
            return kept
                .map(|kept| Some(kept.value))
                .ok_or_else(|| answer.bad("not modified, of a file never read"));
        }
        let wire: ContentsWire = answer.json()?;
        let bytes = match wire.encoding.as_str() {
            "base64" => decode(&wire.content).ok_or_else(|| answer.bad("content that is not base64"))?,
            // Above 1 MB the content has to be asked for as it is.
            _ => self.large(repository, path, at).await?,
        };
        let file = File { sha: wire.sha, bytes };
        if let Some(etag) = answer.header("etag") {
            self.files.keep(key, etag, file.clone());
        }
        Ok(Some(file))
    }

    async fn large(&self, repository: &Repository, path: &str, at: &str) -> Result<Bytes, ServiceError> {
        let call = self.contents(repository, path, Verb::Get).query(&[("ref", at)]);
        Ok(call.header("accept", "application/vnd.github.raw+json").send().await?.body)
    }

    /// Writes a file: a new one without `sha`, else the one that has it. Gives the new sha.
    ///
    /// # Errors
    /// [`Fault::Conflict`] when the file is not (or no longer) the one named by `sha`.
    pub async fn put(
        &self,
        repository: &Repository,
        path: &str,
        branch: &str,
        message: &str,
        bytes: Bytes,
        sha: Option<&str>,
    ) -> Result<String, ServiceError> {
        let content = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let mut body = json!({"message": message, "content": content, "branch": branch});
        if let Some(sha) = sha {
            body["sha"] = sha.into();
        }
        let answer = self.contents(repository, path, Verb::Put).json(&body).send().await.map_err(
            |error| match &error.fault {
                // "sha wasn't supplied": somebody else made the file first.
                Fault::Refused { status: 422, said } if said.as_str().contains("sha") => {
                    ServiceError { fault: Fault::Conflict, ..error }
                }
                _ => error,
            },
        )?;
        let wire: PutWire = answer.json()?;
        let sha = wire.content.sha;
        // A file's tag is the hash of its content. Should it ever be another, the next read gets the whole file.
        let file = File { sha: sha.clone(), bytes };
        self.files.keep(key(repository, branch, path), format!("W/\"{sha}\""), file);
        Ok(sha)
    }

    /// The names in a folder, sorted; none when it does not exist.
    ///
    /// # Errors
    /// As of [`crate::remote::Call::send`]; [`Fault::BadAnswer`] for a folder so full that GitHub does not list all of it.
    pub async fn list(
        &self,
        repository: &Repository,
        folder: &str,
        at: &str,
    ) -> Result<Vec<Entry>, ServiceError> {
        let answer = match self.contents(repository, folder, Verb::Get).query(&[("ref", at)]).send().await {
            Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => return Ok(Vec::new()),
            answer => answer?,
        };
        let mut entries: Vec<Entry> = answer.json()?;
        if entries.len() >= LISTED {
            return Err(
                answer.bad(format!("{LISTED} files: GitHub lists no more of a folder, some may be left out"))
            );
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// The newest commits that touched a path, newest first, `limit` at most (100 at most).
    ///
    /// # Errors
    /// As of [`crate::remote::Call::send`].
    pub async fn commits(
        &self,
        repository: &Repository,
        path: &str,
        branch: &str,
        limit: usize,
    ) -> Result<Vec<Commit>, ServiceError> {
        let limit = limit.clamp(1, COMMITS).to_string();
        let call = self.remote.get(&["repos", &repository.owner, &repository.name, "commits"]);
        let answer: Answer =
            match call.query(&[("path", path), ("sha", branch), ("per_page", &limit)]).send().await {
                Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => return Ok(Vec::new()),
                answer => answer?,
            };
        let commits: Vec<CommitWire> = answer.json()?;
        let read = |c: CommitWire| {
            let author = c.commit.author.unwrap_or(CommitAuthor { name: String::new(), date: None });
            Commit {
                sha: c.sha,
                message: c.commit.message,
                author: author.name,
                at: author.date.and_then(|d| d.parse().ok()),
            }
        };
        Ok(commits.into_iter().map(read).collect())
    }

    fn contents(&self, repository: &Repository, path: &str, verb: Verb) -> crate::remote::Call {
        let mut segments = vec!["repos", &repository.owner, &repository.name, "contents"];
        segments.extend(path.split('/'));
        match verb {
            Verb::Get => self.remote.get(&segments),
            Verb::Put => self.remote.put(&segments),
        }
    }
}

#[derive(Clone, Copy)]
enum Verb {
    Get,
    Put,
}

/// What a file is kept under.
fn key(repository: &Repository, at: &str, path: &str) -> String {
    format!("{repository}\n{at}\n{path}")
}

fn decode(text: &str) -> Option<Bytes> {
    let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(packed).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Auth;
    use crate::scripted::{Scripted, answer, answer_with};
    use regatta_kit::Secret;
    use std::sync::Arc;

    fn github(world: &Arc<Scripted>) -> Github {
        let auth = Auth::Bearer(Secret::new("t"));
        Github::new(Remote::new("github", "https://api.example".parse().unwrap(), auth, world.clone()))
    }

    #[tokio::test]
    async fn an_unchanged_file_is_not_sent_again() {
        let world = Scripted::new(|request| {
            Ok(match request.headers().get("if-none-match") {
                Some(etag) if etag == "\"1\"" => answer(304, ""),
                _ => answer_with(
                    200,
                    &[("etag", "\"1\"")],
                    r#"{"sha":"s","encoding":"base64","content":"aGVs\nbG8=\n"}"#,
                ),
            })
        });
        let github = github(&world);
        for _ in 0..2 {
            let file = github
                .get(&Repository::release_tests(), "_releases/a b.json", "record")
                .await
                .unwrap()
                .unwrap();
            assert_eq!((file.sha.as_str(), &file.bytes[..]), ("s", &b"hello"[..]));
        }
        assert_eq!(
            world.seen()[0],
            "GET https://api.example/repos/openshift/release-tests/contents/_releases/a%20b.json?ref=record"
        );
    }

    #[tokio::test]
    async fn what_was_written_is_sent_back_only_where_it_changed_meanwhile() {
        let world = Scripted::new(|request| {
            let known = request.headers().get("if-none-match").and_then(|tag| tag.to_str().ok());
            Ok(match (request.method().as_str(), request.uri().path().rsplit('/').next(), known) {
                ("PUT", ..) => answer(200, r#"{"content":{"sha":"s1"}}"#),
                ("GET", Some("kept"), Some("W/\"s1\"")) => answer(304, ""),
                // "other", by somebody else.
                ("GET", Some("moved"), Some("W/\"s1\"")) => {
                    answer(200, r#"{"sha":"s2","encoding":"base64","content":"b3RoZXI="}"#)
                }
                asked => panic!("{asked:?}"),
            })
        });
        let (github, repository) = (github(&world), Repository::release_tests());
        for (path, found) in [("kept", "mine"), ("moved", "other")] {
            github.put(&repository, path, "z-stream", "m", "mine".into(), None).await.unwrap();
            let file = github.get(&repository, path, "z-stream").await.unwrap().unwrap();
            assert_eq!(file.bytes, found, "{path}");
        }
    }

    #[tokio::test]
    async fn a_missing_file_is_none_and_a_missing_folder_is_empty() {
        let github = github(&Scripted::new(|_| Ok(answer(404, "{}"))));
        let repository = Repository::release_tests();
        assert_eq!(github.get(&repository, "x", "record").await.unwrap(), None);
        assert_eq!(github.list(&repository, "x", "record").await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_folder_of_which_not_all_is_listed_is_no_answer() {
        let listed = |count: usize| {
            let entry = |n| format!(r#"{{"name":"{n}","path":"x/{n}","type":"file","sha":"s"}}"#);
            format!("[{}]", (0..count).map(entry).collect::<Vec<_>>().join(","))
        };
        for (count, whole) in [(999, true), (1000, false)] {
            let body = listed(count);
            let github = github(&Scripted::new(move |_| Ok(answer(200, body.clone()))));
            let found = github.list(&Repository::release_tests(), "x", "z-stream").await;
            assert_eq!(found.is_ok(), whole, "{count}");
        }
    }

    #[tokio::test]
    async fn losing_a_race_is_a_conflict_whichever_way_it_is_told() {
        for (status, said) in
            [(409, "is at a but expected b"), (422, "Invalid request.\n\n\"sha\" wasn't supplied.")]
        {
            let github = github(&Scripted::new(move |_| Ok(answer(status, said))));
            let error = github
                .put(&Repository::release_tests(), "x", "z-stream", "m", "1".into(), None)
                .await
                .unwrap_err();
            assert!(matches!(error.fault, Fault::Conflict), "{error}");
        }
    }

    #[test]
    fn repositories_are_two_plain_words() {
        assert_eq!("openshift/release-tests".parse::<Repository>().unwrap(), Repository::release_tests());
        for bad in ["openshift", "a/b/c", "../x", "a/..", "a b/c", ""] {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }
}
