//! GitLab: the merge request that carries a release's shipment.
//!
//! [`GitLab`] reads and writes the merge request itself; `shipment` reads the files it changes; `stage` says whether
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
        let named = || {
            hits.iter()
                .find(|user| user.emails().next().is_none() && user.username.eq_ignore_ascii_case(local))
        };
        Ok(exact.or_else(named).map(|user| user.username.clone()))
    }

    /// `GET` of a path of the API.
    fn api(&self, segments: &[&str]) -> Call {
        self.remote.get(&api_path(segments))
    }

    /// A whole list, page after page.
    async fn pages<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, ServiceError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Fault;
    use crate::remote::Auth;
    use crate::scripted::{Scripted, answer, answer_with};
    use serde_json::json;
    use std::sync::Arc;

    const MR: &str = "https://gitlab.elsewhere.example/group/sub/project/-/merge_requests/12";

    fn gitlab(transport: &Arc<Scripted>) -> GitLab {
        let base = "https://gitlab.example.com".parse().unwrap();
        GitLab::new(Remote::new("gitlab", base, Auth::None, Arc::clone(transport) as _))
    }

    #[test]
    fn a_merge_request_is_named_by_its_path_alone() {
        let at: MrRef = MR.parse().unwrap();
        assert_eq!((at.project(), at.iid()), ("group/sub/project", 12));
        for bad in [
            "",
            "https://g.example",
            "https://g.example/a/b/-/issues/1",
            "https://g.example/a/../b/-/merge_requests/1",
            "https://g.example/a/-/merge_requests/1",
            "https://g.example/a/b/-/merge_requests/",
            "https://g.example/a/b/-/merge_requests/1x",
            "https://g.example/a/b?x/-/merge_requests/1",
            "ftp://g.example/a/b/-/merge_requests/1",
        ] {
            assert!(bad.parse::<MrRef>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn lists_are_read_to_their_end() {
        let transport = Scripted::new(|request| {
            let second = request.uri().query().is_some_and(|query| query.contains("page=2"));
            let next = if second { "" } else { "2" };
            let note = json!([{"id": if second { 2 } else { 1 }, "body": "x <!-- regatta:k -->"}]);
            Ok(answer_with(200, &[("x-next-page", next)], note.to_string()))
        });
        let notes = gitlab(&transport).notes(&MR.parse().unwrap()).await.unwrap();
        assert_eq!(notes.iter().map(|note| note.id).collect::<Vec<_>>(), [1, 2]);
        assert!(notes[0].is_marked("k") && !notes[0].is_marked("kk"));
        assert_eq!(
            transport.seen()[1],
            "GET https://gitlab.example.com/api/v4/projects/group%2Fsub%2Fproject/merge_requests/12/notes?sort=asc&order_by=created_at&per_page=100&page=2"
        );
    }

    #[tokio::test]
    async fn a_merge_request_that_cannot_be_read_is_looked_for_nowhere_else() {
        for status in [401, 429, 500] {
            let transport = Scripted::new(move |_| Ok(answer(status, "")));
            let error = gitlab(&transport).merge_request(&MR.parse().unwrap()).await.unwrap_err();
            assert!(!matches!(error.fault, Fault::NotFound { .. }), "{error}");
            assert_eq!(transport.seen().len(), 1, "{:?}", transport.seen());
        }
    }

    #[tokio::test]
    async fn a_person_is_found_by_exact_mail_or_by_name_where_mails_are_hidden() {
        let transport = Scripted::new(|request| {
            let query = request.uri().query().unwrap_or_default();
            let hits = if query.contains("hidden") {
                json!([{"username": "hiddenjane"}, {"username": "hidden"}])
            } else {
                json!([{"username": "other", "public_email": "jane.b@example.com"}, {"username": "jb", "public_email": "Jane@example.com"}])
            };
            Ok(answer(200, hits.to_string()))
        });
        let gitlab = gitlab(&transport);
        assert_eq!(gitlab.user_by_email("jane@example.com").await.unwrap().as_deref(), Some("jb"));
        assert_eq!(gitlab.user_by_email("hidden@example.com").await.unwrap().as_deref(), Some("hidden"));
        assert_eq!(gitlab.user_by_email("b@example.com").await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_newest_pipeline_that_has_the_stage_decides_and_bridges_count() {
        let transport = Scripted::new(|request| {
            let path = request.uri().path();
            let body = if path.ends_with("/merge_requests/12") {
                json!({"iid": 12, "state": "opened", "web_url": "u", "source_branch": "b", "source_project_id": 5, "labels": []})
            } else if path.ends_with("/pipelines") {
                json!([{"id": 1}, {"id": 3}, {"id": 2}])
            } else if path.ends_with("/2/bridges") {
                json!([{"name": "image", "stage": "stage-release-triggers", "status": "success"}, {"name": "fbc", "stage": "stage-release-triggers", "status": "failed"}])
            } else if path.ends_with("/3/jobs") {
                json!([{"name": "lint", "stage": "test", "status": "success"}])
            } else if path.contains("/pipelines/1/") {
                panic!("an older pipeline is not looked at")
            } else {
                json!([])
            };
            Ok(answer(200, body.to_string()))
        });
        let gitlab = gitlab(&transport);
        let mut request = gitlab.merge_request(&MR.parse().unwrap()).await.unwrap();
        assert_eq!(request.source_project, "5");
        let not_yet = StageRelease::NotYet { why: "stage release: fbc is failed".to_owned() };
        assert_eq!(gitlab.stage_release(&request).await.unwrap(), not_yet);
        request.labels.push("stage-release-success".to_owned());
        assert_eq!(gitlab.stage_release(&request).await.unwrap(), StageRelease::Succeeded);
    }
}
