//! The gates, exhaustively: every standing under every policy, and every combination of statuses.

use regatta_flow::decide;
use regatta_flow::decide::{Move, Subject};
use regatta_flow::facts::{Blocker, Confidence, Facts, Looked, Opinion, Phase, Recommendation, Standing};
use regatta_flow::gate::{Begun, Judgement, judge};
use regatta_flow::policy::AnalysisPolicy;
use regatta_kit::{Overall, Status, Task};

use crate::case::{Case, at};

const POLICIES: [AnalysisPolicy; 3] =
    [AnalysisPolicy::HighConfidence, AnalysisPolicy::Specification, AnalysisPolicy::Ask];
const STATUSES: [Status; 4] = [Status::NotStarted, Status::InProgress, Status::Pass, Status::Fail];
const ANALYSES: [Task; 2] = [Task::AnalyzeCandidateBuild, Task::AnalyzePromotedBuild];

/// Every standing a file can have, named; `None` is a file not read yet.
fn standings() -> Vec<(String, Option<Standing>)> {
    let jobs = || vec!["aws-ovn".to_owned()];
    let mut all = vec![
        ("not read yet".to_owned(), None),
        ("absent".to_owned(), Some(Standing::Absent)),
        ("gone".to_owned(), Some(Standing::Gone)),
        ("running".to_owned(), Some(Standing::Running)),
        ("aggregating".to_owned(), Some(Standing::Aggregating)),
        ("unreadable".to_owned(), Some(Standing::Unreadable { why: "cut off".to_owned() })),
        ("accepted".to_owned(), Some(Standing::Accepted)),
        ("promoted by hand".to_owned(), Some(Standing::PromotedByHand)),
        ("incomplete".to_owned(), Some(Standing::Incomplete { missing: jobs() })),
        ("rejected".to_owned(), Some(Standing::Rejected { failed: jobs(), opinion: None })),
    ];
    for (word, recommendation) in [
        ("accept", Recommendation::Accept),
        ("reject", Recommendation::Reject),
        ("investigate", Recommendation::NeedsInvestigation),
    ] {
        for (sure, confidence) in
            [("high", Confidence::High), ("medium", Confidence::Medium), ("low", Confidence::Low)]
        {
            let opinion = Some(Opinion { recommendation, confidence });
            all.push((
                format!("rejected, {word}, {sure}"),
                Some(Standing::Rejected { failed: jobs(), opinion }),
            ));
        }
    }
    all
}

fn with_standing(task: Task, standing: Option<Standing>) -> Case {
    let case = Case::promoted().status(task, Status::NotStarted);
    match (task, standing) {
        (Task::AnalyzeCandidateBuild, Some(standing)) => case.candidate(standing),
        (Task::AnalyzeCandidateBuild, None) => case.change(|f| f.candidate.file = Looked::not_yet(at(0))),
        (_, Some(standing)) => case.promoted_file(standing),
        (_, None) => case,
    }
}

/// The class of a judgement: what matters to the gate.
const fn class(judgement: &Judgement) -> &'static str {
    match judgement {
        Judgement::Pass(_) => "pass",
        Judgement::Fail(_) => "FAIL",
        Judgement::Wait(..) => "wait",
        Judgement::Ask(_, Begun::Yes) => "ask",
        Judgement::Ask(_, Begun::No) => "n/a?",
    }
}

#[test]
fn every_standing_under_every_policy() {
    let mut table = format!("{:32}{:17}{:15}{}\n", "", "high confidence", "specification", "ask");
    for (name, standing) in standings() {
        let classes = POLICIES.map(|policy| {
            // Both analyses judge alike.
            let [candidate, promoted] = ANALYSES.map(|task| {
                class(&judge(&with_standing(task, standing.clone()).analysis_policy(policy).facts, task))
            });
            assert_eq!(candidate, promoted, "{name} under {policy:?}");
            promoted
        });
        table.push_str(&format!("{name:32}{:17}{:15}{}\n", classes[0], classes[1], classes[2]));
    }
    insta::assert_snapshot!(table, @"
                                    high confidence  specification  ask
    not read yet                    wait             wait           wait
    absent                          wait             wait           wait
    gone                            n/a?             n/a?           n/a?
    running                         wait             wait           wait
    aggregating                     wait             wait           wait
    unreadable                      wait             wait           wait
    accepted                        pass             pass           pass
    promoted by hand                pass             pass           pass
    incomplete                      ask              ask            ask
    rejected                        ask              ask            ask
    rejected, accept, high          pass             pass           ask
    rejected, accept, medium        ask              pass           ask
    rejected, accept, low           ask              pass           ask
    rejected, reject, high          FAIL             FAIL           ask
    rejected, reject, medium        ask              FAIL           ask
    rejected, reject, low           ask              FAIL           ask
    rejected, investigate, high     ask              ask            ask
    rejected, investigate, medium   ask              ask            ask
    rejected, investigate, low      ask              ask            ask
    ");
}

#[test]
fn the_move_follows_the_judgement() {
    for (name, standing) in standings() {
        for policy in POLICIES {
            for task in ANALYSES {
                for status in [Status::NotStarted, Status::InProgress] {
                    let case =
                        with_standing(task, standing.clone()).analysis_policy(policy).status(task, status);
                    let decision = case.decide();
                    let of_task: Vec<&Move> = decision
                        .moves
                        .iter()
                        .filter(
                            |m| matches!(m, Move::Conclude { task: t, .. } | Move::Begin(t) if *t == task),
                        )
                        .collect();
                    let waits = decision.waits.iter().filter(|w| w.task == task).count();
                    let asked = decision.needs_human.iter().filter(|q| q.task == task).count();
                    let seen = (of_task.as_slice(), waits, asked);
                    let holds = match (class(&judge(&case.facts, task)), status) {
                        ("pass", _) => matches!(seen, ([Move::Conclude { to: Status::Pass, .. }], 0, 0)),
                        ("FAIL", _) => matches!(seen, ([Move::Conclude { to: Status::Fail, .. }], 0, 0)),
                        ("wait", _) => matches!(seen, ([], 1, 0)),
                        ("ask", Status::NotStarted) => matches!(seen, ([Move::Begin(_)], 1, 1)),
                        _ => matches!(seen, ([], 1, 1)),
                    };
                    assert!(holds, "{name}, {policy:?}, {task} {status}: {seen:?}");
                }
            }
        }
    }
}

#[test]
fn only_the_word_accepted_opens_the_promotion() {
    let phases = [
        Phase::Absent,
        Phase::Pending,
        Phase::Ready,
        Phase::Accepted,
        Phase::Rejected,
        Phase::Failed,
        Phase::Other,
    ];
    for phase in phases {
        let decision = Case::promoted().promoted_file(Standing::Accepted).phase(phase).decide();
        let concluded = decision.moves.iter().any(|m| matches!(m, Move::Conclude { .. }));
        assert_eq!(concluded, phase == Phase::Accepted, "{phase:?}");
        let asked = matches!(phase, Phase::Rejected | Phase::Failed);
        assert_eq!(!decision.needs_human.is_empty(), asked, "{phase:?}");
    }
    let unread =
        Case::promoted().promoted_file(Standing::Accepted).change(|f| f.promotion = Looked::not_yet(at(0)));
    assert_eq!(unread.decide().moves, [Move::Look(Subject::Promotion)]);
}

/// The specification's prerequisites, written down here once more so that the table is checked and not repeated.
fn prerequisites(task: Task) -> &'static [Task] {
    use Task::{
        AnalyzeCandidateBuild, AnalyzePromotedBuild, ChangeAdvisoryStatus, CheckCveTrackerBug,
        CreateTestReport, ImageConsistencyCheck, ImageSignedCheck, PushToCdnStaging, StageTesting,
        TakeOwnership,
    };
    match task {
        CreateTestReport | AnalyzeCandidateBuild => &[],
        TakeOwnership => &[CreateTestReport],
        CheckCveTrackerBug => &[TakeOwnership],
        PushToCdnStaging | AnalyzePromotedBuild => &[CheckCveTrackerBug],
        ImageConsistencyCheck | StageTesting => &[AnalyzePromotedBuild],
        ImageSignedCheck => &[PushToCdnStaging, ImageConsistencyCheck, StageTesting],
        ChangeAdvisoryStatus => &[
            CreateTestReport,
            TakeOwnership,
            CheckCveTrackerBug,
            PushToCdnStaging,
            AnalyzeCandidateBuild,
            AnalyzePromotedBuild,
            ImageConsistencyCheck,
            StageTesting,
            ImageSignedCheck,
        ],
    }
}

/// Facts in which evidence holds nothing back: promoted, both files accepted and just read.
fn open_facts() -> Facts {
    Case::fresh().phase(Phase::Accepted).candidate(Standing::Accepted).promoted_file(Standing::Accepted).facts
}

/// Whether the decision begins work on a task that has not begun.
fn begins(moves: &[Move], task: Task) -> bool {
    moves.iter().any(|m| match m {
        Move::Start(t) | Move::Begin(t) => *t == task,
        Move::Conclude { task: t, .. } => *t == task,
        Move::Look(_) | Move::Check(_) | Move::Reset { .. } => false,
    })
}

/// Checks one combination of statuses against the prerequisites.
fn check_combination(facts: &Facts) {
    let decision = decide(facts);
    let of = |task: Task| facts.tasks[task].status;
    let stopped = Task::ALL.iter().any(|t| *t != Task::AnalyzeCandidateBuild && of(*t) == Status::Fail);
    let red = stopped || of(Task::AnalyzeCandidateBuild) == Status::Fail;
    assert_eq!(decision.overall, if red { Overall::Red } else { Overall::Green });
    assert_eq!(decision.stopped.is_some(), stopped);
    assert_eq!(decision.finished, Task::ALL.iter().all(|t| of(*t) == Status::Pass));
    for task in Task::ALL {
        let ready = of(task) == Status::NotStarted
            && !stopped
            && prerequisites(task).iter().all(|need| of(*need) == Status::Pass);
        let under_way = of(task) == Status::InProgress;
        let analysis = ANALYSES.contains(&task);
        let statuses = || Task::ALL.map(|t| format!("{t} {}", of(t))).join(", ");
        assert_eq!(
            begins(&decision.moves, task),
            ready || (analysis && under_way),
            "{task} in {}",
            statuses()
        );
        if under_way && !analysis && task != Task::ChangeAdvisoryStatus {
            assert!(
                decision.moves.contains(&Move::Check(task)),
                "{task} is followed to its end in {}",
                statuses()
            );
        }
    }
}

#[test]
fn a_task_starts_exactly_when_its_prerequisites_hold_and_nothing_failed() {
    // Every combination of the nine earlier tasks, 4^9, with final approval not begun; what final approval's own
    // status changes is covered by the combinations below.
    let mut facts = open_facts();
    let earlier = &Task::ALL[..9];
    for code in 0..4_usize.pow(9) {
        let mut rest = code;
        for task in earlier {
            facts.tasks[*task].status = STATUSES[rest % 4];
            rest /= 4;
        }
        check_combination(&facts);
    }
}

#[test]
fn final_approvals_own_status_opens_nothing() {
    // 4^5 combinations of what stands around the gates, with final approval in every status.
    let mut facts = open_facts();
    let around = [
        Task::CheckCveTrackerBug,
        Task::AnalyzeCandidateBuild,
        Task::AnalyzePromotedBuild,
        Task::StageTesting,
        Task::ImageSignedCheck,
    ];
    for task in
        [Task::CreateTestReport, Task::TakeOwnership, Task::PushToCdnStaging, Task::ImageConsistencyCheck]
    {
        facts.tasks[task].status = Status::Pass;
    }
    for last in STATUSES {
        facts.tasks[Task::ChangeAdvisoryStatus].status = last;
        for code in 0..4_usize.pow(5) {
            let mut rest = code;
            for task in around {
                facts.tasks[task].status = STATUSES[rest % 4];
                rest /= 4;
            }
            check_combination(&facts);
        }
    }
}

#[test]
fn a_blocker_shuts_exactly_what_it_names() {
    for named in Task::ALL {
        for blocker in [Blocker::Tasks(vec![named]), Blocker::General, Blocker::No] {
            for task in Task::ALL {
                // Everything it needs has passed, and nothing else.
                let mut facts = open_facts();
                facts.issues = Case::fresh().blocker("OCPBUGS-1", blocker.clone()).facts.issues;
                let mut needed = prerequisites(task).to_vec();
                while let Some(need) = needed.pop() {
                    facts.tasks[need].status = Status::Pass;
                    needed.extend(prerequisites(need));
                }
                let shut = match &blocker {
                    Blocker::No => false,
                    Blocker::General => task == Task::ChangeAdvisoryStatus,
                    Blocker::Tasks(tasks) => tasks.contains(&task),
                };
                assert_eq!(begins(&decide(&facts).moves, task), !shut, "{task} under {blocker:?}");
            }
        }
    }
}
