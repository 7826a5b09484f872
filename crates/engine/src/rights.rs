//! Who may do what: one policy at every entrance.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A role; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Drives, retries, records issues.
    Operator,
    /// Overrides, and gives final approval where the policy asks for it.
    Lead,
}

impl Role {
    /// The word in settings and records.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Lead => "lead",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Viewer, Self::Operator, Self::Lead]
            .into_iter()
            .find(|r| r.word() == text)
            .ok_or_else(|| format!("role {text:?} is not known; write viewer, operator or lead"))
    }
}

/// Something that changes a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Drive it.
    Drive,
    /// Retry or reset a task.
    Retry,
    /// Add or resolve an issue.
    Issue,
    /// Decide in place of the evidence.
    Override,
    /// Give final approval where the policy asks.
    FinalApproval,
}

impl Action {
    /// The least role that may do it.
    #[must_use]
    pub const fn needs(self) -> Role {
        match self {
            Self::Drive | Self::Retry | Self::Issue => Role::Operator,
            Self::Override | Self::FinalApproval => Role::Lead,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Drive => "driving a release",
            Self::Retry => "retrying a task",
            Self::Issue => "changing issues",
            Self::Override => "an override",
            Self::FinalApproval => "giving final approval",
        }
    }
}

/// An action the role does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} needs the role {}, and {actor} has the role {has}; set REGATTA_ROLE if that is wrong", .action.words(), .action.needs())]
pub struct Denied {
    /// What was asked for.
    pub action: Action,
    /// Who asked.
    pub actor: String,
    /// The role they have.
    pub has: Role,
}

/// Who acts, and in which role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `REGATTA_ACTOR`, or user@host.
    pub actor: String,
    /// The role.
    pub role: Role,
    /// Unique among all processes that may write: the first half of event ids.
    pub writer: String,
    /// What this process calls itself when it holds a release: `ACTOR/MACHINE-PROCESS/WRITER`.
    pub holder: String,
}

impl Identity {
    /// Checks an action.
    ///
    /// # Errors
    /// [`Denied`] when the role is too low.
    pub fn may(&self, action: Action) -> Result<(), Denied> {
        if self.role >= action.needs() {
            Ok(())
        } else {
            Err(Denied { action, actor: self.actor.clone(), has: self.role })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_may_not_override_and_is_told_why() {
        let operator = Identity {
            actor: "kim@bay".to_owned(),
            role: Role::Operator,
            writer: "w".to_owned(),
            holder: "h".to_owned(),
        };
        assert!(operator.may(Action::Drive).is_ok());
        assert_eq!(
            operator.may(Action::Override).unwrap_err().to_string(),
            "an override needs the role lead, and kim@bay has the role operator; set REGATTA_ROLE if that is wrong"
        );
    }
}
