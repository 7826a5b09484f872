//! GitHub's contents API as the port of the state store: services and store know nothing of each other.

use bytes::Bytes;
use regatta_kit::{BoxFuture, OutsideText};
use regatta_services::Services;
use regatta_services::error::{Fault, ServiceError};
use regatta_services::github::{Github, Repository};
use regatta_statebox::store::contents::{
    Contents, ContentsCommit, ContentsEntry, ContentsError, ContentsFile, EntryKind,
};
use std::sync::Arc;

/// Commits looked at when another writer was last: enough to find one of Regatta's among a day's.
const COMMITS: usize = 100;

/// One repository as the place where states are kept.
pub struct GithubContents {
    services: Arc<Services>,
    repository: Repository,
}

impl GithubContents {
    /// States in `repository`.
    #[must_use]
    pub const fn new(services: Arc<Services>, repository: Repository) -> Self {
        Self { services, repository }
    }

    fn github(&self) -> &Github {
        &self.services.github
    }
}

impl Contents for GithubContents {
    fn get<'a>(
        &'a self,
        path: &'a str,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<ContentsFile>, ContentsError>> {
        Box::pin(async move {
            let file = self.github().get(&self.repository, path, reference).await.map_err(told)?;
            Ok(file.map(|f| ContentsFile { bytes: f.bytes, sha: f.sha }))
        })
    }

    fn put<'a>(
        &'a self,
        path: &'a str,
        branch: &'a str,
        bytes: Bytes,
        sha: Option<&'a str>,
        message: &'a str,
    ) -> BoxFuture<'a, Result<String, ContentsError>> {
        Box::pin(async move {
            self.github().put(&self.repository, path, branch, message, bytes, sha).await.map_err(told)
        })
    }

    fn list<'a>(
        &'a self,
        folder: &'a str,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ContentsEntry>, ContentsError>> {
        Box::pin(async move {
            let entries = self.github().list(&self.repository, folder, reference).await.map_err(told)?;
            let kind = |word: &str| if word == "dir" { EntryKind::Folder } else { EntryKind::File };
            Ok(entries.into_iter().map(|e| ContentsEntry { kind: kind(&e.kind), name: e.name }).collect())
        })
    }

    fn last_commits<'a>(
        &'a self,
        path: &'a str,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ContentsCommit>, ContentsError>> {
        Box::pin(async move {
            let commits =
                self.github().commits(&self.repository, path, branch, COMMITS).await.map_err(told)?;
            Ok(commits.into_iter().map(|c| ContentsCommit { sha: c.sha, message: c.message }).collect())
        })
    }
}

fn told(error: ServiceError) -> ContentsError {
    let why = OutsideText::line(&error.to_string(), 300).to_string();
    let retry_after = error.retry_after();
    match error.fault {
        Fault::Conflict => ContentsError::Conflict,
        Fault::NotAuthorised { hint } => ContentsError::NotAuthorised { hint },
        Fault::NotFound { .. } | Fault::Refused { .. } => ContentsError::Refused { why },
        Fault::Unreachable(_)
        | Fault::Limited { .. }
        | Fault::ServerFault { .. }
        | Fault::BadAnswer { .. } => ContentsError::Unavailable { why, retry_after },
    }
}
