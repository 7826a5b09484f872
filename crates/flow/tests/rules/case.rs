//! A small builder of facts, and a reader's view of what `decide` makes of them.
//!
//! The release is 4.20.1, taken up on Monday 2 March 2026 at 08:00 UTC, with a candidate nightly built two days before.
//! Times are minutes after that moment.

use jiff::{SignedDuration, Timestamp};
use regatta_flow::decide::{Decision, Move, Subject, decide};
use regatta_flow::facts::{
    Answer, Blocker, BuildFact, Facts, FinalGo, Ground, IssueFact, Looked, OverrideFact, Phase, Promotion,
    Resolved, Seen, Standing, TaskFact, Trouble, TroubleKind, after,
};
use regatta_flow::policy::{AnalysisPolicy, FinalApproval, Policy};
use regatta_flow::wait::On;
use regatta_kit::{Build, Status, Task, TaskMap};
use std::fmt::Write as _;

/// The instant at which the release was taken up, moved by some minutes.
pub(crate) fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-03-02T08:00:00Z".parse().expect("a literal");
    after(start, SignedDuration::from_mins(minutes))
}

/// A named set of facts under construction.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) facts: Facts,
}

impl Case {
    /// A release just taken up: nothing was done, nothing was looked at.
    pub(crate) fn fresh() -> Self {
        let release = "4.20.1".parse().expect("a literal");
        Self {
            facts: Facts {
                release,
                now: at(0),
                opened_at: at(0),
                policy: Policy::default(),
                release_date: Some("2026-03-10".parse().expect("a literal")),
                tasks: TaskMap::from_fn(|_| TaskFact::fresh(at(0))),
                promotion: Looked::not_yet(at(0)),
                candidate: BuildFact {
                    build: Some("4.20.0-0.nightly-2026-02-28-101500".parse().expect("a literal")),
                    file: Looked::not_yet(at(0)),
                },
                promoted: BuildFact { build: Some(Build::Release(release)), file: Looked::not_yet(at(0)) },
                issues: Vec::new(),
                overrides: Vec::new(),
                final_go: FinalGo::NotGiven,
            },
        }
    }

    /// The usual middle of a release: the opening tasks passed, the candidate was accepted, the payload is promoted.
    pub(crate) fn promoted() -> Self {
        Self::fresh()
            .passed(&[
                Task::CreateTestReport,
                Task::TakeOwnership,
                Task::CheckCveTrackerBug,
                Task::PushToCdnStaging,
            ])
            .phase(Phase::Accepted)
            .candidate(Standing::Accepted)
            .passed_by(Task::AnalyzeCandidateBuild, "file")
    }

    /// Everything but final approval is done, both builds were accepted.
    pub(crate) fn ready() -> Self {
        Self::promoted()
            .promoted_file(Standing::Accepted)
            .passed_by(Task::AnalyzePromotedBuild, "file")
            .passed(&[Task::ImageConsistencyCheck, Task::StageTesting, Task::ImageSignedCheck])
    }

    pub(crate) fn now(mut self, minutes: i64) -> Self {
        self.facts.now = at(minutes);
        self
    }

    pub(crate) fn analysis_policy(mut self, policy: AnalysisPolicy) -> Self {
        self.facts.policy.analysis = policy;
        self
    }

    pub(crate) fn final_approval(mut self, policy: FinalApproval, go: FinalGo) -> Self {
        self.facts.policy.final_approval = policy;
        self.facts.final_go = go;
        self
    }

    pub(crate) fn status(mut self, task: Task, status: Status) -> Self {
        self.facts.tasks[task].status = status;
        self
    }

    /// Passed, on evidence that cannot change.
    pub(crate) fn passed(mut self, tasks: &[Task]) -> Self {
        for task in tasks {
            self = self.passed_by(*task, "");
        }
        self
    }

    pub(crate) fn passed_by(mut self, task: Task, digest: &str) -> Self {
        self.facts.tasks[task].ground = Some(Ground::Evidence(digest.to_owned()));
        self.status(task, Status::Pass)
    }

    pub(crate) fn failed_by(mut self, task: Task, digest: &str) -> Self {
        self.facts.tasks[task].ground = Some(Ground::Evidence(digest.to_owned()));
        self.status(task, Status::Fail)
    }

    /// Decided by a person, who set this evidence aside (`""`: none).
    pub(crate) fn overridden(mut self, task: Task, verdict: Status, covers: &str) -> Self {
        let covers = Some(covers.to_owned()).filter(|c| !c.is_empty());
        self.facts.tasks[task].ground = Some(Ground::Person(covers.clone()));
        self.facts.overrides.push(OverrideFact { task, verdict, who: "lead@example.com".to_owned(), covers });
        self.status(task, verdict)
    }

    /// Begun, with a run that is looked at again in five minutes.
    pub(crate) fn running(self, task: Task, what: &str) -> Self {
        let now = self.facts.now;
        let look_again = after(now, SignedDuration::from_mins(5));
        self.status(task, Status::InProgress)
            .answer(task, Answer::Running { what: what.to_owned(), since: now, look_again })
    }

    pub(crate) fn answer(mut self, task: Task, answer: Answer) -> Self {
        self.facts.tasks[task].answer = Some(answer);
        self
    }

    pub(crate) fn phase(self, phase: Phase) -> Self {
        self.phase_failing(phase, &[])
    }

    /// The phase as just seen, with failing blocking jobs.
    pub(crate) fn phase_failing(mut self, phase: Phase, jobs: &[&str]) -> Self {
        let failing_jobs = jobs.iter().map(|j| (*j).to_owned()).collect();
        self.facts.promotion = just_seen(Promotion { phase, failing_jobs }, phase.word(), self.facts.now);
        self
    }

    pub(crate) fn candidate(self, standing: Standing) -> Self {
        self.candidate_as(standing, "file")
    }

    pub(crate) fn candidate_as(mut self, standing: Standing, digest: &str) -> Self {
        self.facts.candidate.file = just_seen(standing, digest, self.facts.now);
        self
    }

    pub(crate) fn promoted_file(self, standing: Standing) -> Self {
        self.promoted_file_as(standing, "file")
    }

    pub(crate) fn promoted_file_as(mut self, standing: Standing, digest: &str) -> Self {
        self.facts.promoted.file = just_seen(standing, digest, self.facts.now);
        self
    }

    pub(crate) fn no_candidate(mut self) -> Self {
        self.facts.candidate.build = None;
        self
    }

    pub(crate) fn blocker(mut self, text: &str, blocker: Blocker) -> Self {
        self.facts.issues.push(IssueFact { text: text.to_owned(), blocker, resolved: Resolved::No });
        self
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.facts);
        self
    }

    pub(crate) fn decide(&self) -> Decision {
        decide(&self.facts)
    }

    /// What a person would be told, a line a thing.
    pub(crate) fn told(&self) -> String {
        tell(&self.decide())
    }
}

/// A value first seen, and last looked at, at this instant.
pub(crate) fn just_seen<T>(value: T, digest: &str, now: Timestamp) -> Looked<T> {
    Looked {
        seen: Seen::Known { value, at: now, digest: digest.to_owned() },
        looked_at: Some(now),
        trouble: None,
    }
}

/// A remote that fails since the start and is tried again in five minutes.
pub(crate) fn trouble(kind: TroubleKind, service: &str, why: &str) -> Trouble {
    Trouble { kind, service: service.to_owned(), why: why.to_owned(), since: at(0), look_again: at(5) }
}

/// A rejection without an opinion.
pub(crate) fn rejected(jobs: &[&str]) -> Standing {
    Standing::Rejected { failed: jobs.iter().map(|j| (*j).to_owned()).collect(), opinion: None }
}

/// The decision in lines: moves, waits, questions, then the overall word. Tasks that merely wait for earlier ones share
/// one line.
pub(crate) fn tell(decision: &Decision) -> String {
    let later: Vec<&str> =
        decision.waits.iter().filter(|w| matches!(w.on, On::Tasks(_))).map(|w| w.task.name()).collect();
    let mut out = String::new();
    for made in &decision.moves {
        let _ = writeln!(out, "do   {}", tell_move(made));
    }
    for wait in decision.waits.iter().filter(|w| !matches!(w.on, On::Tasks(_))) {
        let after = wait.check_after.map_or_else(String::new, |at| format!(" [{}]", at.strftime("%d %H:%M")));
        let _ = writeln!(out, "wait {}: {}{after}", wait.task, wait.on);
    }
    if !later.is_empty() {
        let _ = writeln!(out, "then {}", later.join(", "));
    }
    for question in &decision.needs_human {
        let _ = writeln!(out, "ask  {}", question.text);
    }
    let end = if decision.finished { "finished, " } else { "" };
    let _ = write!(out, "{end}{}", decision.overall);
    out
}

fn tell_move(made: &Move) -> String {
    match made {
        Move::Look(Subject::Promotion) => "look at the promotion".to_owned(),
        Move::Look(Subject::Candidate) => "look at the candidate's results".to_owned(),
        Move::Look(Subject::Promoted) => "look at the promoted build's results".to_owned(),
        Move::Start(task) => format!("start {task}"),
        Move::Check(task) => format!("check {task}"),
        Move::Begin(task) => format!("begin {task}"),
        Move::Conclude { task, to, why, .. } => format!("conclude {task} {to}: {why}"),
        Move::Reset { task, why } => format!("reset {task}: {why}"),
    }
}
