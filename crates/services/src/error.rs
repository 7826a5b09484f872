//! What can go wrong with a remote, typed where it arises.

use crate::transport::TransportError;
use regatta_kit::{Code, ErrorClass, OutsideText};
use std::time::Duration;

/// A failed call: which service, which call, what happened, and what the remote said.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{service}: {call}: {fault}")]
pub struct ServiceError {
    /// The service's name in settings: `jenkins`, `errata`, …
    pub service: &'static str,
    /// The call in words without secrets: `GET /job/x/7/api/json`.
    pub call: String,
    /// What happened.
    pub fault: Fault,
}

/// What happened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// No whole answer.
    #[error("{0}")]
    Unreachable(#[from] TransportError),
    /// 429, or a rate limit of another form.
    #[error("asks for fewer requests")]
    Limited {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// 5xx.
    #[error("reported a fault of its own ({status}): {said}")]
    ServerFault {
        /// HTTP status.
        status: u16,
        /// Beginning of its answer.
        said: OutsideText,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// An answer that makes no sense.
    #[error("answered with something unexpected: {why}; it began: {said}")]
    BadAnswer {
        /// What is wrong with it.
        why: String,
        /// Beginning of the answer.
        said: OutsideText,
    },
    /// 401 or 403, or no credential to send.
    #[error("credential missing, wrong or expired: {hint}")]
    NotAuthorised {
        /// Which variable holds it and how to get one.
        hint: String,
    },
    /// 404.
    #[error("does not know {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The remote understood and said no.
    #[error("refused ({status}): {said}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its reason.
        said: OutsideText,
    },
    /// 409 or a failed precondition.
    #[error("changed meanwhile")]
    Conflict,
}

impl ServiceError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self.fault {
            Fault::Unreachable(_) => Code::Unreachable,
            Fault::Limited { .. } => Code::Limited,
            Fault::ServerFault { .. } => Code::ServerFault,
            Fault::BadAnswer { .. } => Code::BadAnswer,
            Fault::NotAuthorised { .. } => Code::NotAuthorised,
            Fault::NotFound { .. } => Code::NotFound,
            Fault::Refused { .. } => Code::Refused,
            Fault::Conflict => Code::Conflict,
        }
    }

    /// What it asks for.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self.fault {
            Fault::Unreachable(_)
            | Fault::Limited { .. }
            | Fault::ServerFault { .. }
            | Fault::BadAnswer { .. }
            | Fault::Conflict => ErrorClass::Transient,
            Fault::NotAuthorised { .. } => ErrorClass::NeedsCredentials,
            Fault::NotFound { .. } | Fault::Refused { .. } => ErrorClass::Permanent,
        }
    }

    /// How long the remote asks to wait, where it said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.fault {
            Fault::Limited { retry_after } | Fault::ServerFault { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}
