//! How a task's run ended, for now or for good.

use jiff::{SignedDuration, Timestamp};
use regatta_kit::Code;
use regatta_services::error::ServiceError;
use regatta_statebox::event::{Evidence, Handle};

/// The typed answer of a task. Nothing a log or remote printed decides it.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Done and good.
    Passed(Evidence),
    /// Done and bad: the task fails.
    Failed(Failure, Evidence),
    /// Something it began is still running; look again after the given time.
    Running(Handle, SignedDuration),
    /// A named precondition does not hold yet; nothing was begun.
    Blocked(Precondition, SignedDuration),
    /// Everything of its own is done; what remains happens at or after this instant.
    Scheduled {
        /// What it waits for, in words: `the release's metadata page to open`.
        what: String,
        /// When to look again.
        look_again: Timestamp,
    },
    /// The outside already was as wanted; nothing was done.
    AlreadyDone(Evidence),
    /// A person has to decide or supply something.
    NeedsPerson(PersonQuestion),
    /// A credential has to be renewed.
    NeedsCredentials(ServiceError),
    /// Worth trying again.
    Transient(ServiceError),
}

/// Why a task failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// One sentence for people.
    pub text: String,
}

/// What does not hold yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    /// Short stable name: `stage-release`, `advisory-state`, `jenkins-queue`.
    pub name: &'static str,
    /// One sentence for people: what is missing and whose move it is.
    pub why: String,
}

/// A question a task puts to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonQuestion {
    /// Short stable name, unique within the task: `owner`.
    pub name: &'static str,
    /// The question in one sentence.
    pub text: String,
    /// What may be answered, as commands or choices.
    pub options: Vec<String>,
    /// Where to look before answering.
    pub evidence: Vec<String>,
}

impl From<ServiceError> for Outcome {
    /// A remote's error becomes an outcome by its class: a permanent one fails the task.
    fn from(error: ServiceError) -> Self {
        use regatta_kit::ErrorClass;
        match error.class() {
            ErrorClass::Transient => Self::Transient(error),
            ErrorClass::NeedsCredentials => Self::NeedsCredentials(error),
            ErrorClass::Permanent | ErrorClass::NeedsPerson => {
                let failure = Failure { code: error.code(), text: error.to_string() };
                let evidence = Evidence { summary: failure.text.clone(), ..Evidence::default() };
                Self::Failed(failure, evidence)
            }
        }
    }
}
