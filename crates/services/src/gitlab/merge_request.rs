//! A merge request: what it is, its notes, its approvals.

use regatta_kit::ParseError;
use serde_json::json;
use std::fmt;
use std::str::FromStr;

use super::{GitLab, api_path, wire};
use crate::error::{Fault, ServiceError};

/// Which merge request: project and number, taken from its URL's path. The host comes from settings, never from here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MrRef {
    project: String,
    iid: u64,
}

impl MrRef {
    /// The project's path: `hybrid-platforms/art/ocp-shipment-data`.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The number within the project.
    #[must_use]
    pub const fn iid(&self) -> u64 {
        self.iid
    }
}

impl FromStr for MrRef {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fail = |why: &str| ParseError {
            what: "merge request",
            given: text.chars().take(80).collect(),
            why: why.to_owned(),
            mend: "write a URL such as https://gitlab.example.com/group/project/-/merge_requests/12",
        };
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or_else(|| fail("is no URL"))?;
        let (_host, path) = rest.split_once('/').ok_or_else(|| fail("has no path"))?;
        let (project, iid) =
            path.split_once("/-/merge_requests/").ok_or_else(|| fail("has no /-/merge_requests/"))?;
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        if project.split('/').count() < 2 || !project.split('/').all(plain) {
            return Err(fail("names no project"));
        }
        let iid = iid.trim_end_matches('/');
        if iid.is_empty() || iid.len() > 12 || !iid.bytes().all(|b| b.is_ascii_digit()) {
            return Err(fail("does not end in a number"));
        }
        Ok(Self {
            project: project.to_owned(),
            iid: iid.parse().map_err(|_| fail("does not end in a number"))?,
        })
    }
}

impl fmt::Display for MrRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}!{}", self.project, self.iid)
    }
}

/// Where a merge request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MergeRequestState {
    /// Open.
    Opened,
    /// Merged.
    Merged,
    /// Closed without being merged.
    Closed,
    /// Being merged just now.
    Locked,
}

/// A merge request, as far as QE is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRequest {
    /// Which one.
    pub at: MrRef,
    /// Where it stands.
    pub state: MergeRequestState,
    /// Its title.
    pub title: String,
    /// Where a person looks at it.
    pub web_url: String,
    /// The branch that holds its files.
    pub source_branch: String,
    /// The project that holds that branch; another one where it comes from a fork.
    pub source_project: String,
    /// Its labels.
    pub labels: Vec<String>,
}

/// A comment on a merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Rises with every note of the server.
    pub id: u64,
    /// The text.
    pub body: String,
}

impl Note {
    /// Whether Regatta wrote it under this key.
    #[must_use]
    pub fn is_marked(&self, key: &str) -> bool {
        self.body.contains(&marker(key))
    }
}

/// The mark in a note that readers do not see.
fn marker(key: &str) -> String {
    // The end of an HTML comment within the key would make the rest visible.
    format!("<!-- regatta:{} -->", key.replace("--", "-"))
}

/// What came of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// This user had approved before.
    Already,
    /// This user has not approved.
    Missing,
}

impl GitLab {
    /// Reads a merge request.
    ///
    /// # Errors
    /// As every call.
    pub async fn merge_request(&self, at: &MrRef) -> Result<MergeRequest, ServiceError> {
        let iid = at.iid.to_string();
        let answer = self.api(&["projects", &at.project, "merge_requests", &iid]).send().await?;
        let wire: wire::MergeRequest = answer.json()?;
        if wire.iid != at.iid {
            return Err(answer.bad(format!("merge request {} in place of {}", wire.iid, at.iid)));
        }
        let state = match wire.state.as_str() {
            "opened" => MergeRequestState::Opened,
            "merged" => MergeRequestState::Merged,
            "closed" => MergeRequestState::Closed,
            "locked" => MergeRequestState::Locked,
            _ => return Err(answer.bad("a merge request in an unknown state")),
        };
        Ok(MergeRequest {
            at: at.clone(),
            state,
            title: wire.title,
            web_url: wire.web_url,
            source_branch: wire.source_branch,
            source_project: wire.source_project_id.map_or_else(|| at.project.clone(), |id| id.to_string()),
            labels: wire.labels,
        })
    }

    /// All notes of a merge request, oldest first.
    ///
    /// # Errors
    /// As every call.
    pub async fn notes(&self, at: &MrRef) -> Result<Vec<Note>, ServiceError> {
        let iid = at.iid.to_string();
        let query = [("sort", "asc"), ("order_by", "created_at")];
        let notes: Vec<wire::Note> =
            self.pages(&["projects", &at.project, "merge_requests", &iid, "notes"], &query).await?;
        Ok(notes.into_iter().map(|note| Note { id: note.id, body: note.body }).collect())
    }

    /// Adds a note, marked with `key` so that it can be found again.
    ///
    /// # Errors
    /// As every call.
    pub async fn add_note(&self, at: &MrRef, text: &str, key: &str) -> Result<Note, ServiceError> {
        let iid = at.iid.to_string();
        let body = format!("{text}\n\n{}", marker(key));
        let path = api_path(&["projects", &at.project, "merge_requests", &iid, "notes"]);
        let made: wire::Note = self.remote.post(&path).json(&json!({ "body": body })).send().await?.json()?;
        Ok(Note { id: made.id, body: made.body })
    }

    /// User names of those who approved.
    ///
    /// # Errors
    /// As every call.
    pub async fn approvals(&self, at: &MrRef) -> Result<Vec<String>, ServiceError> {
        let iid = at.iid.to_string();
        let approvals: wire::Approvals =
            self.api(&["projects", &at.project, "merge_requests", &iid, "approvals"]).send().await?.json()?;
        Ok(approvals.approved_by.into_iter().map(|approval| approval.user.username).collect())
    }

    /// Whether the token's owner approved.
    ///
    /// # Errors
    /// As every call.
    pub async fn my_approval(&self, at: &MrRef) -> Result<Approval, ServiceError> {
        let me = self.me().await?;
        let approved = self.approvals(at).await?.contains(&me);
        Ok(if approved { Approval::Already } else { Approval::Missing })
    }

    /// Approves. A merge request that this user had approved already stays approved, which is no error.
    ///
    /// # Errors
    /// As every call.
    pub async fn approve(&self, at: &MrRef) -> Result<(), ServiceError> {
        let iid = at.iid.to_string();
        let call = self.remote.post(&api_path(&["projects", &at.project, "merge_requests", &iid, "approve"]));
        match call.send().await {
            // GitLab answers a second approval by the same user with 401, as it does a bad token.
            Err(error) if matches!(error.fault, Fault::NotAuthorised { .. }) => {
                match self.my_approval(at).await? {
                    Approval::Already => Ok(()),
                    Approval::Missing => Err(error),
                }
            }
            answer => answer.map(drop),
        }
    }

    /// Where a person looks at a merge request.
    #[must_use]
    pub fn link(&self, at: &MrRef) -> String {
        let iid = at.iid.to_string();
        let mut segments: Vec<&str> = at.project.split('/').collect();
        segments.extend(["-", "merge_requests", &iid]);
        self.remote.link(&segments)
    }
}
