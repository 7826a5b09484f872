//! Everything that can go wrong for a user, mapped to exit codes in one place.

use regatta_engine::EngineError;
use regatta_kit::Code;
use regatta_statebox::store::StoreError;

/// What ends a command without success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Wrong usage or input; nothing was changed.
    #[error("{0}")]
    Input(String),
    /// A check found faults, or a rule refused.
    #[error("{0}")]
    Failed(String),
    /// The application service failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A file could not be read or written.
    #[error("{place}: {source}")]
    File {
        /// The file.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// What was read has moved since: nothing was written, run again.
    #[error("{0}")]
    Conflict(String),
    /// Something that the command cannot do without does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// Whoever read the output is gone.
    #[error("")]
    ClosedPipe,
    /// A fault of Regatta's own.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) | Self::File { .. } => 2,
            Self::Failed(_) => 1,
            Self::Unavailable(_) => 7,
            Self::Conflict(_) => 6,
            Self::ClosedPipe => 0,
            Self::Internal(_) => 70,
            Self::Engine(error) => match error.code() {
                Code::BadInput | Code::WrongWorld | Code::NewerFormat | Code::NotFound => 2,
                Code::RefusedByRule | Code::ErrataFlow | Code::Refused => 1,
                Code::NotAuthorised | Code::Denied => 4,
                Code::Conflict | Code::HeldByAnother => 6,
                Code::Unreachable | Code::Limited | Code::ServerFault | Code::BadAnswer => 7,
                Code::Internal => 70,
                _ => 1,
            },
        }
    }

    pub(crate) const fn is_quiet(&self) -> bool {
        matches!(self, Self::ClosedPipe)
    }

    /// The message with its code and, where it has one, the way to its page.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Engine(error) => {
                let code = error.code();
                format!("{error} [{code}; `regatta explain {code}` tells more]")
            }
            Self::Internal(why) => format!("a fault of Regatta's own: {why} [{}]", Code::Internal),
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regatta_engine::rights::{Action, Identity, Role};

    #[test]
    fn a_role_that_is_too_low_is_not_authorised() {
        let (actor, writer) = ("kim@bay".to_owned(), "w".to_owned());
        let viewer = Identity { actor, role: Role::Viewer, holder: writer.clone(), writer };
        let failure = Failure::from(EngineError::from(viewer.may(Action::Override).unwrap_err()));
        assert_eq!(failure.exit_code(), 4);
        assert!(failure.told().contains("needs the role lead"), "{}", failure.told());
    }
}
