//! How observed facts are written into the history and read back.

use regatta_flow::facts::{Phase, Promotion, Standing};
use regatta_kit::Build;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Subjects of `Observed` events.
pub(crate) mod subject {
    pub(crate) const PROMOTION: &str = "promotion";
    pub(crate) const CANDIDATE: &str = "candidate";
    pub(crate) const PROMOTED: &str = "promoted";
    pub(crate) const OWNER: &str = "owner";
    pub(crate) const FINAL_GO: &str = "final-go";
    pub(crate) const SHEET: &str = "sheet";
    pub(crate) const CRITICAL_ISSUES: &str = "critical-issues";
}

/// What stands before the `@`; all of it where there is none.
pub(crate) fn local_part(address: &str) -> &str {
    address.split('@').next().unwrap_or(address)
}

#[derive(Serialize, Deserialize)]
struct PromotionRecord {
    phase: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failing_jobs: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct StandingRecord {
    build: Build,
    standing: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    jobs: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    why: String,
}

const PHASES: [Phase; 7] = [
    Phase::Absent,
    Phase::Pending,
    Phase::Ready,
    Phase::Accepted,
    Phase::Rejected,
    Phase::Failed,
    Phase::Other,
];

pub(crate) fn promotion_to_json(promotion: &Promotion) -> Value {
    let record = PromotionRecord {
        phase: promotion.phase.word().to_owned(),
        failing_jobs: promotion.failing_jobs.clone(),
    };
    serde_json::to_value(record).expect("strings and lists always serialize")
}

/// A record this program cannot read is no fact; the next look replaces it.
pub(crate) fn promotion_from_json(value: &Value) -> Option<Promotion> {
    let record = PromotionRecord::deserialize(value).ok()?;
    let phase = PHASES.into_iter().find(|p| p.word() == record.phase)?;
    Some(Promotion { phase, failing_jobs: record.failing_jobs })
}

pub(crate) fn standing_to_json(build: Build, standing: &Standing) -> Value {
    let (word, jobs, why) = match standing {
        Standing::Absent => ("absent", Vec::new(), String::new()),
        Standing::Gone => ("gone", Vec::new(), String::new()),
        Standing::Running => ("running", Vec::new(), String::new()),
        Standing::Aggregating => ("aggregating", Vec::new(), String::new()),
        Standing::Accepted => ("accepted", Vec::new(), String::new()),
        Standing::Incomplete { missing } => ("incomplete", missing.clone(), String::new()),
        Standing::PromotedByHand => ("promoted by hand", Vec::new(), String::new()),
        Standing::Rejected { failed, .. } => ("rejected", failed.clone(), String::new()),
        Standing::Unreadable { why } => ("unreadable", Vec::new(), why.clone()),
    };
    let record = StandingRecord { build, standing: word.to_owned(), jobs, why };
    serde_json::to_value(record).expect("strings and lists always serialize")
}

/// The standing, if it is about `build`: a record about an earlier candidate is no fact about this one.
pub(crate) fn standing_from_json(value: &Value, build: Build) -> Option<Standing> {
    let record = StandingRecord::deserialize(value).ok()?;
    if record.build != build {
        return None;
    }
    Some(match record.standing.as_str() {
        "absent" => Standing::Absent,
        "gone" => Standing::Gone,
        "running" => Standing::Running,
        "aggregating" => Standing::Aggregating,
        "accepted" => Standing::Accepted,
        "incomplete" => Standing::Incomplete { missing: record.jobs },
        "promoted by hand" => Standing::PromotedByHand,
        "rejected" => Standing::Rejected { failed: record.jobs, opinion: None },
        "unreadable" => Standing::Unreadable { why: record.why },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_reads_back_as_it_was_written() {
        let build: Build = "4.20.1".parse().unwrap();
        for standing in [
            Standing::Absent,
            Standing::Gone,
            Standing::Running,
            Standing::Aggregating,
            Standing::Accepted,
            Standing::Incomplete { missing: vec!["a".to_owned()] },
            Standing::PromotedByHand,
            Standing::Rejected { failed: vec!["a".to_owned(), "b".to_owned()], opinion: None },
            Standing::Unreadable { why: "line 3".to_owned() },
        ] {
            assert_eq!(standing_from_json(&standing_to_json(build, &standing), build), Some(standing));
        }
        for phase in PHASES {
            let promotion = Promotion { phase, failing_jobs: vec!["x".to_owned()] };
            assert_eq!(promotion_from_json(&promotion_to_json(&promotion)), Some(promotion));
        }
    }

    #[test]
    fn a_record_of_another_build_is_no_fact() {
        let (old, new): (Build, Build) = ("4.20.1".parse().unwrap(), "4.20.2".parse().unwrap());
        assert_eq!(standing_from_json(&standing_to_json(old, &Standing::Accepted), new), None);
    }
}
