//! The gates: judging a build's evidence, with three answers and never two.
//!
//! Missing, empty or unreadable evidence is *unknown*: it waits or asks, it opens nothing.

use jiff::Timestamp;
use regatta_kit::{Build, Task};

use crate::facts::{BuildFact, Confidence, Facts, Opinion, Recommendation, Seen, Standing, after};
use crate::policy::AnalysisPolicy;
use crate::question::{Kind, Question};
use crate::table::limits;
use crate::wait::On;

/// What a build's evidence says about its analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Good; the sentence says on what ground.
    Pass(String),
    /// Bad, by a verdict that stands under the policy.
    Fail(String),
    /// Not decidable yet; when it becomes a question, if ever.
    Wait(On, Option<Timestamp>),
    /// A person has to decide. `begun` analyses are In Progress, others keep their status.
    Ask(Question, Begun),
}

/// Whether an open question means that the analysis is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// There is evidence to judge.
    Yes,
    /// There is nothing to judge: not applicable.
    No,
}

/// Judges the build that `task` analyses.
#[must_use]
pub fn judge(facts: &Facts, task: Task) -> Judgement {
    let build = build_of(facts, task);
    let Some(name) = build.build else {
        return not_applicable(facts, task, "no-candidate", "the release data names no candidate build");
    };
    match &build.file.seen {
        Seen::Unknown { why, .. } => Judgement::Wait(On::Unknown { why: why.clone() }, None),
        Seen::Known { value, at, digest } => judge_standing(facts, task, &name, value, *at, digest),
    }
}

/// The facts of the build that an analysis task judges.
#[must_use]
pub const fn build_of(facts: &Facts, task: Task) -> &BuildFact {
    match task {
        Task::AnalyzeCandidateBuild => &facts.candidate,
        _ => &facts.promoted,
    }
}

fn judge_standing(
    facts: &Facts,
    task: Task,
    build: &Build,
    standing: &Standing,
    at: Timestamp,
    digest: &str,
) -> Judgement {
    let release = facts.release;
    let rule = |kind, text: String| {
        Question::new(task, kind, digest, text).options([
            format!("regatta override {release} {task} --verdict pass --reason …"),
            format!("regatta override {release} {task} --verdict fail --reason …"),
        ])
    };
    match standing {
        Standing::Accepted => Judgement::Pass(format!("{build}: all required tests passed best-of-three")),
        Standing::PromotedByHand => Judgement::Pass(format!(
            "{build}: promoted by hand, accepted by the waiver recorded in its result file"
        )),
        Standing::Absent => absent(facts, task, build, at),
        Standing::Gone => {
            not_applicable(facts, task, "gone", &format!("the result file of {build} was there and is gone"))
        }
        Standing::Running => Judgement::Wait(On::Tests, Some(after(at, limits::AGGREGATION))),
        Standing::Aggregating => Judgement::Wait(On::Aggregation, Some(after(at, limits::AGGREGATION))),
        Standing::Unreadable { why } => {
            Judgement::Wait(On::Unknown { why: why.clone() }, Some(after(at, limits::RESULT_FILE)))
        }
        Standing::Incomplete { missing } => Judgement::Ask(
            rule(
                Kind::Incomplete,
                format!(
                    "{build} is accepted, but required jobs never ran: {}. May it pass all the same?",
                    missing.join(", ")
                ),
            ),
            Begun::Yes,
        ),
        Standing::Rejected { failed, opinion } => match standing_verdict(facts.policy.analysis, *opinion) {
            Some(Recommendation::Accept) => {
                Judgement::Pass(format!("{build}: failures are waivable ({})", failed.join(", ")))
            }
            Some(Recommendation::Reject) => {
                Judgement::Fail(format!("{build}: blocking issues found ({})", failed.join(", ")))
            }
            Some(Recommendation::NeedsInvestigation) | None => Judgement::Ask(
                rule(
                    Kind::Rejected,
                    format!(
                        "{build} failed best-of-three in {}. Are the failures waivable?",
                        failed.join(", ")
                    ),
                ),
                Begun::Yes,
            ),
        },
    }
}

/// The verdict that stands by itself under the policy, if one does.
fn standing_verdict(policy: AnalysisPolicy, opinion: Option<Opinion>) -> Option<Recommendation> {
    let Opinion { recommendation, confidence } = opinion?;
    let stands = match policy {
        AnalysisPolicy::Specification => true,
        AnalysisPolicy::HighConfidence => confidence == Confidence::High,
        AnalysisPolicy::Ask => false,
    };
    (stands && recommendation != Recommendation::NeedsInvestigation).then_some(recommendation)
}

/// No result file. A candidate's tests ended long ago, so after some days there will be none; the promoted build's
/// come after promotion.
fn absent(facts: &Facts, task: Task, build: &Build, at: Timestamp) -> Judgement {
    if let (Task::AnalyzeCandidateBuild, Build::Nightly(nightly)) = (task, build) {
        let given_up = after(nightly.built_at(), limits::CANDIDATE_FILE);
        if facts.now >= given_up {
            return not_applicable(
                facts,
                task,
                "never",
                &format!("{build} has no result file 5 days after it was built"),
            );
        }
        return Judgement::Wait(On::ResultFile, Some(given_up));
    }
    Judgement::Wait(On::ResultFile, Some(after(at, limits::RESULT_FILE)))
}

fn not_applicable(facts: &Facts, task: Task, about: &str, why: &str) -> Judgement {
    let release = facts.release;
    let text = format!("Not applicable: {why}. Is it right to go on without?");
    let question = Question::new(task, Kind::NotApplicable, about, text)
        .options([format!("regatta override {release} {task} --verdict pass --reason …")]);
    Judgement::Ask(question, Begun::No)
}

/// Whether evidence speaks against a build: only that can contradict an earlier Pass.
#[must_use]
pub const fn is_contrary(standing: &Standing) -> bool {
    matches!(standing, Standing::Rejected { .. } | Standing::Incomplete { .. })
}
