//! Prow: states of job runs.

use serde_json::Value;

use crate::error::{Fault, ServiceError};
use crate::remote::Remote;
use crate::yaml;

/// Prow.
#[derive(Debug, Clone)]
pub struct Prow {
    remote: Remote,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// `scheduling`, `triggered` or `pending`.
    Running,
    /// `success`.
    Succeeded,
    /// `failure`.
    Failed,
    /// `aborted`: somebody stopped it.
    Aborted,
    /// `error`: it could not be run.
    Error,
    /// A word this program does not know.
    Other(String),
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The job's name.
    pub job: String,
    /// How it stands.
    pub state: RunState,
    /// Its page; absent shortly after the start.
    pub url: Option<String>,
}

impl Prow {
    /// Prow at `remote`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// A run by its id; `None` when Prow does not know it.
    ///
    /// # Errors
    /// As of [`crate::remote::Call::send`].
    pub async fn run(&self, id: &str) -> Result<Option<Run>, ServiceError> {
        let answer = match self.remote.get(&["prowjob"]).query(&[("prowjob", id)]).send().await {
            Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => return Ok(None),
            answer => answer?,
        };
        let job = yaml::parse(answer.text()?)
            .map_err(|error| answer.bad(format!("not the YAML expected: {error}")))?;
        let text = |path: &str| {
            job.pointer(path).and_then(Value::as_str).map(str::to_owned).filter(|t| !t.is_empty())
        };
        let state = match text("/status/state").ok_or_else(|| answer.bad("no status.state"))?.as_str() {
            "scheduling" | "triggered" | "pending" => RunState::Running,
            "success" => RunState::Succeeded,
            "failure" => RunState::Failed,
            "aborted" => RunState::Aborted,
            "error" => RunState::Error,
            other => RunState::Other(other.chars().take(40).collect()),
        };
        Ok(Some(Run { job: text("/spec/job").unwrap_or_default(), state, url: text("/status/url") }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Auth;
    use crate::scripted::{Scripted, answer};

    #[tokio::test]
    async fn a_run_is_read_from_yaml() {
        let world = Scripted::new(|_| {
            Ok(answer(200, "spec:\n  job: j\nstatus:\n  state: pending\n  startTime: 2025-01-01T00:00:00Z\n"))
        });
        let prow = Prow::new(Remote::new("prow", "http://127.0.0.1:1".parse().unwrap(), Auth::None, world));
        assert_eq!(
            prow.run("uuid").await.unwrap().unwrap(),
            Run { job: "j".to_owned(), state: RunState::Running, url: None }
        );
    }
}
