//! Why something waits: one sentence, the same on the command line, in MCP, in Slack and on the web.

use jiff::Timestamp;
use regatta_kit::Task;
use std::fmt;

/// A task that cannot go on now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wait {
    /// The task.
    pub task: Task,
    /// What it waits for.
    pub on: On,
    /// Since when.
    pub since: Timestamp,
    /// When it is looked at again; `None` when something else has to happen first.
    pub check_after: Option<Timestamp>,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum On {
    /// Earlier tasks to pass.
    Tasks(Vec<Task>),
    /// The build's promotion.
    Promotion {
        /// The phase seen.
        phase: &'static str,
        /// Failing blocking jobs of the payload.
        failing_jobs: Vec<String>,
    },
    /// A result file to appear.
    ResultFile,
    /// The tests to end.
    Tests,
    /// The results to be aggregated.
    Aggregation,
    /// A fact that could not be read so far.
    Unknown {
        /// Why not.
        why: String,
    },
    /// Something begun elsewhere.
    Job {
        /// What, and where to see it.
        what: String,
        /// How often it is looked at, as shown.
        poll: String,
    },
    /// A named precondition.
    Precondition {
        /// Short stable name.
        name: String,
        /// What is missing and whose move it is.
        why: String,
    },
    /// A moment.
    Schedule {
        /// What happens then.
        what: String,
    },
    /// A remote that does not answer.
    Service {
        /// The service.
        service: String,
        /// What went wrong.
        why: String,
        /// Whether retries remain.
        state: ServiceState,
    },
    /// A credential to be renewed.
    Credentials {
        /// The service.
        service: String,
        /// What went wrong.
        why: String,
    },
    /// A person's answer.
    Person {
        /// The question's text.
        question: String,
    },
    /// A blocker to be resolved.
    Blocker {
        /// Its text.
        text: String,
    },
    /// A failed task: nothing new starts.
    Stopped {
        /// The task that failed.
        failed: Task,
    },
}

/// How far the retries of a remote have gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceState {
    /// Will be tried again shortly.
    Retrying,
    /// All retries were used; put off to the next look.
    Unavailable,
}

impl On {
    /// The short word for scripts (`for` in JSON).
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Tasks(_) => "tasks".to_owned(),
            Self::Promotion { .. } => "promotion".to_owned(),
            Self::ResultFile => "result-file".to_owned(),
            Self::Tests => "tests".to_owned(),
            Self::Aggregation => "aggregation".to_owned(),
            Self::Unknown { .. } => "evidence".to_owned(),
            Self::Job { .. } => "job".to_owned(),
            Self::Precondition { name, .. } => format!("precondition:{name}"),
            Self::Schedule { .. } => "schedule".to_owned(),
            Self::Service { service, .. } => format!("service:{service}"),
            Self::Credentials { service, .. } => format!("credentials:{service}"),
            Self::Person { .. } => "person".to_owned(),
            Self::Blocker { .. } => "issue".to_owned(),
            Self::Stopped { .. } => "stopped".to_owned(),
        }
    }

    /// Whether this can end without a person: by time, a remote, or a job.
    #[must_use]
    pub const fn ends_by_itself(&self) -> bool {
        match self {
            Self::Promotion { .. }
            | Self::ResultFile
            | Self::Tests
            | Self::Aggregation
            | Self::Unknown { .. }
            | Self::Job { .. }
            | Self::Precondition { .. }
            | Self::Schedule { .. }
            | Self::Service { .. } => true,
            // Earlier tasks are themselves waits or moves; counting them here would count them twice.
            Self::Tasks(_)
            | Self::Credentials { .. }
            | Self::Person { .. }
            | Self::Blocker { .. }
            | Self::Stopped { .. } => false,
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tasks(tasks) => {
                let names: Vec<&str> = tasks.iter().map(|t| t.name()).collect();
                write!(f, "waits for {}", list(&names))
            }
            Self::Promotion { phase, failing_jobs } => {
                write!(f, "Build not yet promoted (current phase: {phase}), check again in 30 minutes")?;
                if !failing_jobs.is_empty() {
                    let names: Vec<&str> = failing_jobs.iter().map(String::as_str).collect();
                    write!(f, "; failing blocking jobs: {}", list(&names))?;
                }
                Ok(())
            }
            Self::ResultFile => f.write_str("Test result file not yet created, check again in 5-10 minutes"),
            Self::Tests => {
                f.write_str("Tests still running, aggregation not started. Check again in 5-10 minutes")
            }
            Self::Aggregation => f.write_str("Tests still aggregating, check again in 5-10 minutes"),
            Self::Unknown { why } => write!(f, "evidence not readable: {why}"),
            Self::Job { what, poll } => write!(f, "Task still running ({what}), check again in {poll}"),
            Self::Precondition { why, .. } => f.write_str(why),
            Self::Schedule { what } => write!(f, "waits for {what}"),
            Self::Service { service, why, state: ServiceState::Retrying } => {
                write!(f, "{service} fails and is tried again: {why}")
            }
            Self::Service { service, why, state: ServiceState::Unavailable } => {
                write!(f, "{service} is unavailable after all retries: {why}")
            }
            Self::Credentials { service, why } => write!(f, "{service} needs a renewed credential: {why}"),
            Self::Person { question } => write!(f, "waits for a person: {question}"),
            Self::Blocker { text } => {
                write!(f, "an open blocker stops it: {text:?}; `regatta issue resolve` ends that")
            }
            Self::Stopped { failed } => {
                write!(f, "Pipeline stopped because {failed} failed - manual intervention required")
            }
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind.
    fn all() -> Vec<On> {
        let text = || "x".to_owned();
        vec![
            On::Tasks(vec![Task::StageTesting]),
            On::Promotion { phase: "pending", failing_jobs: vec![] },
            On::ResultFile,
            On::Tests,
            On::Aggregation,
            On::Unknown { why: text() },
            On::Job { what: text(), poll: text() },
            On::Precondition { name: text(), why: text() },
            On::Schedule { what: text() },
            On::Service { service: text(), why: text(), state: ServiceState::Retrying },
            On::Credentials { service: text(), why: text() },
            On::Person { question: text() },
            On::Blocker { text: text() },
            On::Stopped { failed: Task::StageTesting },
        ]
    }

    #[test]
    fn what_waits_for_time_a_remote_or_a_job_ends_without_a_person() {
        let (by_itself, by_others): (Vec<On>, Vec<On>) = all().into_iter().partition(On::ends_by_itself);
        let words = |waits: Vec<On>| waits.iter().map(On::word).collect::<Vec<_>>().join(" ");
        assert_eq!(
            words(by_itself),
            "promotion result-file tests aggregation evidence job precondition:x schedule service:x"
        );
        assert_eq!(words(by_others), "tasks credentials:x person issue stopped");
    }
}
