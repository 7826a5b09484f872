//! What ends a command of the application service, as opposed to what makes a task wait.

use regatta_kit::{Code, Release, Task};
use regatta_services::error::ServiceError;
use regatta_statebox::store::StoreError;

/// An error a face shows; [`EngineError::code`] names its page.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A remote that the command cannot do without failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The role does not allow it.
    #[error(transparent)]
    Denied(#[from] crate::rights::Denied),
    /// The release is not in the store.
    #[error("release {0} is not known to this store; `regatta drive {0}` takes it up")]
    UnknownRelease(Release),
    /// The release is of the Errata flow.
    #[error(
        "{0} has no shipment merge request in the release data, so it is released by the Errata flow, which drive does not know"
    )]
    ErrataFlow(Release),
    /// A rule of the flow refuses.
    #[error("{task} of {release}: {why}")]
    Refused {
        /// The release.
        release: Release,
        /// The task.
        task: Task,
        /// Which rule, and what to do.
        why: String,
    },
    /// The input makes no sense for this release.
    #[error("{0}")]
    BadInput(String),
    /// A fault of Regatta's own.
    #[error("{0}")]
    Internal(String),
}

impl EngineError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Service(error) => error.code(),
            Self::Denied(_) => Code::Denied,
            Self::UnknownRelease(_) | Self::BadInput(_) => Code::BadInput,
            Self::ErrataFlow(_) => Code::ErrataFlow,
            Self::Refused { .. } => Code::RefusedByRule,
            Self::Internal(_) => Code::Internal,
        }
    }
}
