//! Gangway: starts Prow jobs.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::ServiceError;
use crate::remote::Remote;

/// Gangway.
#[derive(Debug, Clone)]
pub struct Gangway {
    remote: Remote,
}

#[derive(Deserialize)]
struct Execution {
    id: String,
}

impl Gangway {
    /// Gangway at `remote`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// Starts a periodic job with environment variables; gives the run's id (a UUID).
    ///
    /// # Errors
    /// As of [`crate::remote::Call::send`]. Gangway answers 500 for a job it does not know.
    pub async fn start(&self, job: &str, variables: &[(&str, &str)]) -> Result<String, ServiceError> {
        let mut body = json!({"job_execution_type": "1"});
        if !variables.is_empty() {
            let envs: Map<String, Value> =
                variables.iter().map(|(k, v)| ((*k).to_owned(), Value::from(*v))).collect();
            body["pod_spec_options"] = json!({"envs": envs});
        }
        let answer = self.remote.post(&["v1", "executions", job]).json(&body).send().await?;
        let execution: Execution = answer.json()?;
        if execution.id.is_empty() { Err(answer.bad("it names no id")) } else { Ok(execution.id) }
    }
}
