//! The one table of legal transitions. Everything that is not in it is refused.

use regatta_kit::Status;
use std::fmt;

/// Why a task's status is to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The drive: a task began or ended.
    Drive,
    /// A person decided in place of the evidence.
    Override,
    /// A person asked for another attempt.
    Retry,
    /// A person put the task back to its beginning.
    Reset,
    /// The evidence of a failure changed, so Regatta put the task back.
    EvidenceChanged,
}

/// A transition that is not legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Illegal {
    /// Status before.
    pub from: Status,
    /// Status asked for.
    pub to: Status,
    /// Why it was asked for.
    pub cause: Cause,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self.cause {
            Cause::Drive => "by the drive",
            Cause::Override => "by an override",
            Cause::Retry => "by a retry",
            Cause::Reset => "by a reset",
            Cause::EvidenceChanged => "because evidence changed",
        };
        write!(f, "{} cannot become {} {by}", self.from, self.to)
    }
}

impl std::error::Error for Illegal {}

/// Checks one transition. Status stays the same only where nothing is to be written, which is no transition.
///
/// # Errors
/// [`Illegal`] for every combination not in the table.
pub const fn check(from: Status, to: Status, cause: Cause) -> Result<(), Illegal> {
    use Status::{Fail, InProgress, NotStarted, Pass};
    let legal = match cause {
        Cause::Drive => matches!((from, to), (NotStarted, InProgress) | (InProgress, Pass | Fail)),
        Cause::Override => matches!(
            (from, to),
            (NotStarted | InProgress | Fail, Pass) | (NotStarted | InProgress | Pass, Fail)
        ),
        // What runs is not retried beside itself; whoever really wants that resets it, with a reason.
        Cause::Retry => matches!((from, to), (Fail, NotStarted)),
        Cause::Reset => matches!((from, to), (InProgress | Pass | Fail, NotStarted)),
        Cause::EvidenceChanged => matches!((from, to), (Fail, NotStarted)),
    };
    if legal { Ok(()) } else { Err(Illegal { from, to, cause }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Status; 4] = [Status::NotStarted, Status::InProgress, Status::Pass, Status::Fail];

    #[test]
    fn the_whole_table() {
        let mut shown = String::new();
        for cause in [Cause::Drive, Cause::Override, Cause::Retry, Cause::Reset, Cause::EvidenceChanged] {
            for from in ALL {
                for to in ALL {
                    if check(from, to, cause).is_ok() {
                        shown.push_str(&format!("{cause:?}: {from} -> {to}\n"));
                    }
                }
            }
        }
        insta::assert_snapshot!(shown, @r"
        Drive: Not Started -> In Progress
        Drive: In Progress -> Pass
        Drive: In Progress -> Fail
        Override: Not Started -> Pass
        Override: Not Started -> Fail
        Override: In Progress -> Pass
        Override: In Progress -> Fail
        Override: Pass -> Fail
        Override: Fail -> Pass
        Retry: Fail -> Not Started
        Reset: In Progress -> Not Started
        Reset: Pass -> Not Started
        Reset: Fail -> Not Started
        EvidenceChanged: Fail -> Not Started
        ");
    }

    #[test]
    fn the_drive_never_leaves_a_final_status() {
        for to in ALL {
            assert!(check(Status::Pass, to, Cause::Drive).is_err());
            assert!(check(Status::Fail, to, Cause::Drive).is_err());
        }
    }

    #[test]
    fn a_refusal_names_both_ends() {
        let illegal = check(Status::Pass, Status::InProgress, Cause::Drive).unwrap_err();
        assert_eq!(illegal.to_string(), "Pass cannot become In Progress by the drive");
    }
}
