//! GitLab: the merge request that carries a release's shipment.
//!
//! [`GitLab`] reads and writes the merge request itself; [`shipment`] reads the files it changes; [`stage`] says whether
//! the stage release went through and which images it holds.

mod merge_request;
mod shipment;
mod stage;

pub use merge_request::{Approval, MergeRequest, MergeRequestState, MrRef, Note};
pub use shipment::{BrokenFile, FixedIssue, Shipment, ShipmentFile, ShipmentKind};
pub use stage::{StageImage, StageRelease};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::ServiceError;
use crate::remote::{Call, Remote};

/// Entries asked for at once; the most GitLab gives.
const PAGE: &str = "100";
/// Pages read before a list counts as endless.
const PAGES: usize = 100;

/// A GitLab server.
#[derive(Debug, Clone)]
pub struct GitLab {
    remote: Remote,
}

impl GitLab {
    /// A client; `remote` is at the server's root.
    #[must_use]
    pub const fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// The user name of the token's owner.
    ///
    /// # Errors
    /// As every call.
    pub async fn me(&self) -> Result<String, ServiceError> {
        let user: wire::User = self.api(&["user"]).send().await?.json()?;
        Ok(user.username)
    }

    /// The user name of the person with exactly this e-mail.
    ///
    /// The search is fuzzy and a token without administrator rights is not shown e-mails, so a hit counts when it shows
    /// this e-mail, or shows none and its name is the e-mail's local part.
    ///
    /// # Errors
    /// As every call.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<String>, ServiceError> {
        let hits: Vec<wire::User> = self.pages(&["users"], &[("search", email)]).await?;
        let local = email.split('@').next().unwrap_or(email);
        let exact = hits.iter().find(|user| user.emails().any(|shown| shown.eq_ignore_ascii_case(email)));
        let named = || hits.iter().find(|user| user.emails().next().is_none() && user.username.eq_ignore_ascii_case(local));
        Ok(exact.or_else(named).map(|user| user.username.clone()))
    }

    /// `GET` of a path of the API.
    fn api(&self, segments: &[&str]) -> Call {
        self.remote.get(&api_path(segments))
    }

    /// A whole list, page after page.
    async fn pages<T: DeserializeOwned>(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Vec<T>, ServiceError> {
        let mut all = Vec::new();
        let mut page = "1".to_owned();
        for _ in 0..PAGES {
            let call = self.api(segments).query(query).query(&[("per_page", PAGE), ("page", &page)]);
            let answer = call.send().await?;
            all.extend(answer.json::<Vec<T>>()?);
            match answer.header("x-next-page").map(str::trim).filter(|next| !next.is_empty()) {
                None => return Ok(all),
                Some(next) if next.bytes().all(|b| b.is_ascii_digit()) => next.clone_into(&mut page),
                Some(_) => return Err(answer.bad("a next page that is no number")),
            }
        }
        let answer = self.api(segments).query(query).send().await?;
        Err(answer.bad(format!("a list of more than {PAGES} pages")))
    }
}

fn api_path<'a>(segments: &[&'a str]) -> Vec<&'a str> {
    [&["api", "v4"], segments].concat()
}

/// GitLab's JSON, as far as it is read.
mod wire {
    use super::Deserialize;

    #[derive(Deserialize)]
    pub(super) struct User {
        pub(super) username: String,
        email: Option<String>,
        public_email: Option<String>,
        commit_email: Option<String>,
    }

    impl User {
        /// The e-mails it shows.
        pub(super) fn emails(&self) -> impl Iterator<Item = &str> {
            let shown = [&self.email, &self.public_email, &self.commit_email];
            shown.into_iter().flatten().map(String::as_str).filter(|email| !email.is_empty())
        }
    }

    #[derive(Deserialize)]
    pub(super) struct MergeRequest {
        pub(super) iid: u64,
        pub(super) state: String,
        #[serde(default)]
        pub(super) title: String,
        pub(super) web_url: String,
        pub(super) source_branch: String,
        pub(super) source_project_id: Option<u64>,
        #[serde(default)]
        pub(super) labels: Vec<String>,
    }

    #[derive(Deserialize)]
    pub(super) struct Changes {
        pub(super) changes: Vec<Change>,
    }

    #[derive(Deserialize)]
    pub(super) struct Change {
        pub(super) new_path: String,
        #[serde(default)]
        pub(super) deleted_file: bool,
    }

    #[derive(Deserialize)]
    pub(super) struct File {
        pub(super) encoding: Option<String>,
        pub(super) content: String,
    }

    #[derive(Deserialize)]
    pub(super) struct Pipeline {
        pub(super) id: u64,
    }

    #[derive(Deserialize)]
    pub(super) struct Job {
        pub(super) name: String,
        pub(super) stage: String,
        pub(super) status: String,
    }

    #[derive(Deserialize)]
    pub(super) struct Approvals {
        #[serde(default)]
        pub(super) approved_by: Vec<ApprovedBy>,
    }

    #[derive(Deserialize)]
    pub(super) struct ApprovedBy {
        pub(super) user: User,
    }

    #[derive(Deserialize)]
    pub(super) struct Note {
        pub(super) id: u64,
        pub(super) body: String,
    }
}
