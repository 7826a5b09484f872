//! What a team leaves to Regatta and what it keeps for people.

use serde::{Deserialize, Serialize};

/// The policy of a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// When an analysis' verdict stands by itself.
    pub analysis: AnalysisPolicy,
    /// Whether final approval is given without asking.
    pub final_approval: FinalApproval,
}

/// When the verdict on a build that failed best-of-three stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnalysisPolicy {
    /// A verdict with high confidence stands, anything less asks a person.
    #[default]
    HighConfidence,
    /// Every verdict stands, as the specification words it.
    Specification,
    /// No verdict stands.
    Ask,
}

/// Who gives final approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinalApproval {
    /// The drive, once every earlier task passed.
    #[default]
    Auto,
    /// A lead, asked by the drive.
    Ask,
}
