//! One test-result file: the runs of every job of one build, and the flags that production's aggregator sets.

use jiff::Timestamp;
use regatta_kit::OutsideText;
use serde::{Deserialize, Deserializer};

/// A test-result file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFile {
    /// The build's name as the file states it; empty where it states none.
    pub build: String,
    /// Set once all jobs ended; `false` means to be aggregated again.
    pub aggregated: Option<bool>,
    /// The verdict over the jobs listed; meaningful only with `aggregated`.
    pub accepted: Option<bool>,
    /// A person accepted the build whatever the tests say.
    pub manual_promotion: bool,
    /// The jobs, in file order.
    pub jobs: Vec<Job>,
}

/// A job and its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The Prow job's name.
    pub name: String,
    /// The first run; `None` when it never started.
    pub first: Option<Run>,
    /// The runs started because the first failed.
    pub retried: Vec<Run>,
}

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Prow's id.
    pub id: String,
    /// Where a person looks at it.
    pub url: Option<String>,
    /// How it stands.
    pub state: RunState,
    /// When it ended.
    pub completed: Option<Timestamp>,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Not ended, or not yet looked at.
    Pending,
    /// `success`.
    Success,
    /// `failure`.
    Failure,
    /// `aborted`.
    Aborted,
    /// `error`: it could not be run. Production neither counts nor retries it.
    Error,
    /// A word this program does not know.
    Other(String),
}

impl RunState {
    fn of(word: Option<&str>) -> Self {
        match word {
            None | Some("" | "scheduling" | "triggered" | "pending") => Self::Pending,
            Some("success") => Self::Success,
            Some("failure") => Self::Failure,
            Some("aborted") => Self::Aborted,
            Some("error") => Self::Error,
            Some(other) => Self::Other(OutsideText::line(other, 40).to_string()),
        }
    }
}

/// How a job stands, best of three: the first run, else the majority of first and retried runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Good.
    Passed,
    /// Bad, and nothing more is to come.
    Failed,
    /// Runs are under way, or retries still to be started.
    Pending,
    /// Nothing can be said: no run at all, or states nobody knows.
    Unknown,
}

impl Job {
    /// How the job stands by its runs (production's rule: of n retried runs more than half of all n + 1 must pass).
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let Some(first) = &self.first else { return Outcome::Unknown };
        let ended = |run: &Run| run.completed.is_some() && run.state != RunState::Pending;
        match first.state {
            RunState::Success => return Outcome::Passed,
            RunState::Pending => return Outcome::Pending,
            RunState::Other(_) => return Outcome::Unknown,
            RunState::Failure | RunState::Aborted | RunState::Error => {}
        }
        if self.retried.is_empty() {
            // Production starts retries after a failure, never after an error.
            return if first.state == RunState::Error { Outcome::Failed } else { Outcome::Pending };
        }
        if !self.retried.iter().all(ended) {
            return Outcome::Pending;
        }
        let good = self.retried.iter().filter(|run| run.state == RunState::Success).count();
        if good >= usize::midpoint(self.retried.len(), 2) { Outcome::Passed } else { Outcome::Failed }
    }

    /// All runs, first one first.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.first.iter().chain(&self.retried)
    }
}

/// A file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct ResultFileError {
    /// From 1.
    pub line: usize,
    /// From 1; 0 for an empty file.
    pub column: usize,
    /// What is wrong.
    pub why: String,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "null_is_default")]
    result: Vec<JobWire>,
    #[serde(default)]
    build: Option<BuildWire>,
    #[serde(default)]
    aggregated: Option<bool>,
    #[serde(default)]
    accepted: Option<bool>,
    #[serde(default)]
    manual_promotion: Option<bool>,
}

#[derive(Deserialize)]
struct BuildWire {
    #[serde(default, deserialize_with = "null_is_default")]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobWire {
    job_name: String,
    #[serde(default)]
    first_job: Option<RunWire>,
    #[serde(default, deserialize_with = "null_is_default")]
    retried_jobs: Vec<RunWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunWire {
    #[serde(rename = "jobID", default, deserialize_with = "null_is_default")]
    id: String,
    #[serde(rename = "jobURL", default)]
    url: Option<String>,
    #[serde(default)]
    job_state: Option<String>,
    #[serde(default)]
    job_completion_time: Option<String>,
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl From<RunWire> for Run {
    fn from(wire: RunWire) -> Self {
        let is_link = |url: &String| {
            (url.starts_with("https://") || url.starts_with("http://"))
                && url.bytes().all(|b| b.is_ascii_graphic())
        };
        Self {
            id: wire.id,
            url: wire.url.filter(is_link),
            state: RunState::of(wire.job_state.as_deref()),
            completed: wire.job_completion_time.and_then(|t| t.parse().ok()),
        }
    }
}

impl ResultFile {
    /// Reads a file.
    ///
    /// # Errors
    /// For bytes that are not such a JSON object, with the place. Fields nobody knows are passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, ResultFileError> {
        // A list would do for a structure whose fields may all be absent.
        if let Some(first) = bytes.trim_ascii_start().first().filter(|first| **first == b'[') {
            let why = format!("a list ({:?}) in place of an object", char::from(*first));
            return Err(ResultFileError { line: 1, column: 1, why });
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| {
            let text = error.to_string();
            // The place is told apart from the reason.
            let why = text.rsplit_once(" at line ").map_or(text.as_str(), |(why, _)| why);
            ResultFileError {
                line: error.line().max(1),
                column: error.column(),
                why: OutsideText::line(why, 300).to_string(),
            }
        })?;
        let job = |job: JobWire| Job {
            name: job.job_name,
            first: job.first_job.map(Run::from),
            retried: job.retried_jobs.into_iter().map(Run::from).collect(),
        };
        Ok(Self {
            build: wire.build.map(|b| b.name).unwrap_or_default(),
            aggregated: wire.aggregated,
            accepted: wire.accepted,
            manual_promotion: wire.manual_promotion == Some(true),
            jobs: wire.result.into_iter().map(job).collect(),
        })
    }

    /// Jobs that did not pass and will not: by their runs, in file order.
    pub fn failed_jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| job.outcome() == Outcome::Failed)
    }

    /// One line for people: `5 of 6 jobs passed; failed: NAME`.
    #[must_use]
    pub fn summary(&self) -> String {
        if self.jobs.is_empty() {
            return "no jobs".to_owned();
        }
        let names = |outcome: Outcome| {
            let of: Vec<String> = self
                .jobs
                .iter()
                .filter(|j| j.outcome() == outcome)
                .map(|j| OutsideText::line(&j.name, 150).to_string())
                .collect();
            of.join(", ")
        };
        let passed = self.jobs.iter().filter(|j| j.outcome() == Outcome::Passed).count();
        let mut line = format!("{passed} of {} jobs passed", self.jobs.len());
        for (word, outcome) in
            [("failed", Outcome::Failed), ("pending", Outcome::Pending), ("unknown", Outcome::Unknown)]
        {
            let names = names(outcome);
            if !names.is_empty() {
                line.push_str(&format!("; {word}: {names}"));
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: &str, ended: &str) -> String {
        format!(r#"{{"jobID":"i","jobURL":"https://x.example/j/1","jobState":"{state}"{ended}}}"#)
    }

    fn done(state: &str) -> String {
        run(state, r#","jobCompletionTime":"2026-01-01T00:00:00Z""#)
    }

    fn job(first: &str, retried: &[String]) -> Outcome {
        let text = format!(
            r#"{{"result":[{{"jobName":"j","firstJob":{first},"retriedJobs":[{}]}}]}}"#,
            retried.join(",")
        );
        ResultFile::parse(text.as_bytes()).unwrap().jobs[0].outcome()
    }

    #[test]
    fn a_job_is_judged_best_of_three() {
        assert_eq!(job(&done("success"), &[]), Outcome::Passed);
        assert_eq!(job(&done("failure"), &[done("success"), done("success")]), Outcome::Passed);
        assert_eq!(job(&done("failure"), &[done("success"), done("failure")]), Outcome::Failed);
        assert_eq!(job(&done("failure"), &[done("aborted"), done("failure")]), Outcome::Failed);
        assert_eq!(job(&done("failure"), &[done("success")]), Outcome::Passed, "production's best of two");
        assert_eq!(
            job(&done("failure"), &[done("success"), done("success"), done("success"), done("failure")]),
            Outcome::Passed
        );
        assert_eq!(
            job(&done("failure"), &[done("success"), done("success"), done("failure"), done("failure")]),
            Outcome::Failed
        );
    }

    #[test]
    fn what_has_not_ended_is_pending_and_what_nobody_knows_unknown() {
        assert_eq!(job(&run("pending", ""), &[]), Outcome::Pending);
        assert_eq!(job(r#"{"jobID":"i"}"#, &[]), Outcome::Pending);
        assert_eq!(job(&done("failure"), &[]), Outcome::Pending, "retries are to come");
        assert_eq!(
            job(&done("failure"), &[done("success"), r#"{"jobID":"i"}"#.to_owned()]),
            Outcome::Pending
        );
        assert_eq!(job(&done("error"), &[]), Outcome::Failed, "never retried");
        assert_eq!(job(&done("melted"), &[]), Outcome::Unknown);
        assert_eq!(job("null", &[]), Outcome::Unknown);
    }

    #[test]
    fn a_summary_names_what_did_not_pass() {
        let text = format!(
            r#"{{"result":[{{"jobName":"a","firstJob":{}}},{{"jobName":"b","firstJob":{},"retriedJobs":[{},{}]}},{{"jobName":"c","firstJob":{}}}]}}"#,
            done("success"),
            done("failure"),
            done("failure"),
            done("failure"),
            run("pending", "")
        );
        let file = ResultFile::parse(text.as_bytes()).unwrap();
        assert_eq!(file.summary(), "1 of 3 jobs passed; failed: b; pending: c");
        assert_eq!(ResultFile::parse(b"{}").unwrap().summary(), "no jobs");
    }

    #[test]
    fn a_broken_file_names_its_place() {
        let error = ResultFile::parse(b"{\n \"aggregated\": \"yes\"\n}").unwrap_err();
        assert_eq!(error.to_string(), "line 2, column 20: invalid type: string \"yes\", expected a boolean");
        let cut = ResultFile::parse(b"{\"result\": [").unwrap_err();
        assert_eq!((cut.line, cut.why.as_str()), (1, "EOF while parsing a list"));
        for bad in [&b""[..], b"null", b"[]", b"<html>", b"{} {}", b"\xff"] {
            assert!(ResultFile::parse(bad).is_err());
        }
    }

    #[test]
    fn links_that_are_none_are_left_out() {
        let file = ResultFile::parse(
            br#"{"result":[{"jobName":"j","firstJob":{"jobID":"i","jobURL":"javascript:x"}}]}"#,
        )
        .unwrap();
        assert_eq!(file.jobs[0].first.as_ref().unwrap().url, None);
    }
}
