//! What holds for any facts whatever, also for those that no release should ever come to.

use jiff::{SignedDuration, Timestamp};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use regatta_flow::decide;
use regatta_flow::decide::{Decision, Move, Subject};
use regatta_flow::facts::{
    Answer, Blocker, BuildFact, Confidence, Facts, FinalGo, Ground, IssueFact, Looked, Opinion, Phase,
    Promotion, Recommendation, Resolved, Seen, Standing, TaskFact, Trouble, TroubleKind, after,
};
use regatta_flow::policy::{AnalysisPolicy, FinalApproval, Policy};
use regatta_flow::question::Kind;
use regatta_flow::table::{Condition, row};
use regatta_kit::{Overall, Status, Task, TaskMap};
use std::collections::HashSet;

use crate::case::{Case, at, just_seen};

// --- arbitrary facts ------------------------------------------------------------------------------------------------

/// An instant some days around the release's opening, on a five-minute grid so that limits and polls are met exactly.
fn instant() -> impl Strategy<Value = Timestamp> {
    (-2000_i64..2000).prop_map(|fives| at(fives * 5))
}

fn digest() -> impl Strategy<Value = String> {
    select(vec!["one", "two", ""]).prop_map(str::to_owned)
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let kind = select(vec![TroubleKind::Retrying, TroubleKind::Unavailable, TroubleKind::Credentials]);
    (kind, instant(), instant()).prop_map(|(kind, since, look_again)| Trouble {
        kind,
        service: "github".to_owned(),
        why: "502".to_owned(),
        since,
        look_again,
    })
}

fn looked<T: std::fmt::Debug + Clone>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Looked<T>> {
    let seen = prop_oneof![
        1 => instant().prop_map(|since| Seen::Unknown { why: "not looked at yet".to_owned(), since }),
        4 => (value, instant(), digest()).prop_map(|(value, at, digest)| Seen::Known { value, at, digest }),
    ];
    (seen, option::of(instant()), option::weighted(0.2, trouble()))
        .prop_map(|(seen, looked_at, trouble)| Looked { seen, looked_at, trouble })
}

fn standing() -> impl Strategy<Value = Standing> {
    let jobs = || vec!["aws-ovn".to_owned()];
    let opinion = (
        select(vec![Recommendation::Accept, Recommendation::Reject, Recommendation::NeedsInvestigation]),
        select(vec![Confidence::Low, Confidence::Medium, Confidence::High]),
    )
        .prop_map(|(recommendation, confidence)| Opinion { recommendation, confidence });
    prop_oneof![
        1 => Just(Standing::Absent),
        1 => Just(Standing::Gone),
        1 => Just(Standing::Running),
        1 => Just(Standing::Aggregating),
        3 => Just(Standing::Accepted),
        1 => Just(Standing::Incomplete { missing: jobs() }),
        1 => Just(Standing::PromotedByHand),
        3 => option::of(opinion).prop_map(move |opinion| Standing::Rejected { failed: jobs(), opinion }),
        1 => Just(Standing::Unreadable { why: "cut off".to_owned() }),
    ]
}

fn promotion() -> impl Strategy<Value = Promotion> {
    let phase = prop_oneof![
        3 => Just(Phase::Accepted),
        2 => select(vec![Phase::Absent, Phase::Pending, Phase::Ready, Phase::Rejected, Phase::Failed, Phase::Other]),
    ];
    phase.prop_map(|phase| Promotion { phase, failing_jobs: Vec::new() })
}

fn answer() -> impl Strategy<Value = Answer> {
    (0..5, instant(), instant(), trouble()).prop_map(|(which, since, look_again, trouble)| {
        let words = || "a thing".to_owned();
        match which {
            0 => Answer::Running { what: words(), since, look_again },
            1 => Answer::Blocked { name: words(), why: words(), since, look_again },
            2 => Answer::Scheduled { what: words(), since, look_again },
            3 => Answer::Asks {
                name: words(),
                text: words(),
                options: Vec::new(),
                evidence: Vec::new(),
                look_again,
            },
            _ => Answer::Trouble(trouble),
        }
    })
}

fn task_fact() -> impl Strategy<Value = TaskFact> {
    let status = prop_oneof![
        6 => Just(Status::Pass),
        2 => Just(Status::NotStarted),
        2 => Just(Status::InProgress),
        // Seldom, or nearly every release would be a stopped one.
        1 => select(vec![Status::Fail, Status::Pass]),
    ];
    let ground = option::of(prop_oneof![
        digest().prop_map(Ground::Evidence),
        option::of(digest()).prop_map(Ground::Person)
    ]);
    (status, instant(), ground, option::of(answer())).prop_map(|(status, since, ground, answer)| TaskFact {
        status,
        attempt: 1,
        since,
        ground,
        answer,
    })
}

fn issue() -> impl Strategy<Value = IssueFact> {
    let blocker = prop_oneof![
        Just(Blocker::No),
        Just(Blocker::General),
        proptest::collection::vec(select(Task::ALL.to_vec()), 0..3).prop_map(Blocker::Tasks),
    ];
    (blocker, select(vec![Resolved::Yes, Resolved::No])).prop_map(|(blocker, resolved)| IssueFact {
        text: "OCPBUGS-1".to_owned(),
        blocker,
        resolved,
    })
}

fn policy() -> impl Strategy<Value = (Policy, FinalGo)> {
    let analysis =
        select(vec![AnalysisPolicy::HighConfidence, AnalysisPolicy::Specification, AnalysisPolicy::Ask]);
    let final_approval = select(vec![FinalApproval::Auto, FinalApproval::Ask]);
    (analysis, final_approval, select(vec![FinalGo::Given, FinalGo::NotGiven]))
        .prop_map(|(analysis, final_approval, go)| (Policy { analysis, final_approval }, go))
}

fn facts() -> impl Strategy<Value = Facts> {
    let base = Case::fresh().facts;
    let builds =
        prop::sample::select(vec![None, base.candidate.build, base.candidate.build, base.promoted.build]);
    (
        (instant(), instant(), policy(), any::<bool>(), builds),
        prop::array::uniform10(task_fact()),
        (looked(promotion()), looked(standing()), looked(standing())),
        proptest::collection::vec(issue(), 0..2),
    )
        .prop_map(
            move |(
                (now, opened_at, (policy, final_go), dated, build),
                tasks,
                (promotion, first, second),
                issues,
            )| {
                let mut tasks = tasks.map(Some);
                Facts {
                    now,
                    opened_at,
                    policy,
                    final_go,
                    release_date: base.release_date.filter(|_| dated),
                    tasks: TaskMap::from_fn(|t| {
                        tasks[t as usize].take().expect("each task is asked for once")
                    }),
                    promotion,
                    candidate: BuildFact { build, file: first },
                    promoted: BuildFact { build: base.promoted.build, file: second },
                    issues,
                    ..base.clone()
                }
            },
        )
}

// --- helpers --------------------------------------------------------------------------------------------------------

/// The task that a move begins or goes on with.
fn of_task(made: &Move) -> Option<Task> {
    match made {
        Move::Start(task) | Move::Check(task) | Move::Begin(task) => Some(*task),
        Move::Conclude { task, .. } | Move::Reset { task, .. } => Some(*task),
        Move::Look(_) => None,
    }
}

fn open_blockers(facts: &Facts) -> impl Iterator<Item = &Blocker> {
    facts.issues.iter().filter(|i| i.is_open_blocker()).map(|i| &i.blocker)
}

/// Whether a task that has not begun may do so, said once more in other words than `decide`'s.
fn may_begin(facts: &Facts, task: Task) -> bool {
    let of = |t: Task| facts.tasks[t].status;
    let needs = row(task).needs.iter().all(|need| match need {
        Condition::Passed(on) => of(*on) == Status::Pass,
        Condition::Promoted => {
            matches!(facts.promotion.value(), Some(Promotion { phase: Phase::Accepted, .. }))
        }
        Condition::AllOthersPassed => Task::ALL.into_iter().all(|t| t == task || of(t) == Status::Pass),
    });
    let stopped = Task::ALL.into_iter().any(|t| t != Task::AnalyzeCandidateBuild && of(t) == Status::Fail);
    let blocked = open_blockers(facts).any(|blocker| match blocker {
        Blocker::No => false,
        Blocker::General => task == Task::ChangeAdvisoryStatus,
        Blocker::Tasks(tasks) => tasks.contains(&task),
    });
    let go = task != Task::ChangeAdvisoryStatus
        || facts.policy.final_approval == FinalApproval::Auto
        || facts.final_go == FinalGo::Given;
    needs && !stopped && !blocked && go
}

/// The same release at a later instant, everything looked at in between and found as it was.
fn polled_until(facts: &Facts, now: Timestamp) -> Facts {
    let mut later = Facts { now, ..facts.clone() };
    let put_off = |look_again: &mut Timestamp| {
        if *look_again <= now {
            *look_again = after(now, SignedDuration::from_mins(5));
        }
    };
    later.promotion.looked_at = later.promotion.looked_at.map(|_| now);
    let troubles =
        [&mut later.promotion.trouble, &mut later.candidate.file.trouble, &mut later.promoted.file.trouble];
    troubles.into_iter().flatten().for_each(|t| put_off(&mut t.look_again));
    for build in [&mut later.candidate, &mut later.promoted] {
        build.file.looked_at = build.file.looked_at.map(|_| now);
    }
    for task in Task::ALL {
        match &mut later.tasks[task].answer {
            Some(
                Answer::Running { look_again, .. }
                | Answer::Blocked { look_again, .. }
                | Answer::Scheduled { look_again, .. }
                | Answer::Asks { look_again, .. }
                | Answer::Trouble(Trouble { look_again, .. }),
            ) => put_off(look_again),
            None => {}
        }
    }
    later
}

/// Moves that bring a release forward: what missing evidence must never add.
fn advances(decision: &Decision) -> Vec<Move> {
    let forward = |m: &&Move| matches!(m, Move::Start(_) | Move::Conclude { to: Status::Pass, .. });
    decision.moves.iter().filter(forward).cloned().collect()
}

// --- properties -----------------------------------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_facts_always_give_the_same_decision(facts in facts()) {
        prop_assert_eq!(decide(&facts), decide(&facts.clone()));
    }

    #[test]
    fn nothing_begins_before_its_gate_opens(facts in facts()) {
        for made in decide(&facts).moves {
            let Some(task) = of_task(&made) else { continue };
            let status = facts.tasks[task].status;
            match made {
                Move::Start(_) | Move::Begin(_) => prop_assert!(status == Status::NotStarted && may_begin(&facts, task)),
                Move::Conclude { .. } => prop_assert!(
                    status == Status::InProgress || (status == Status::NotStarted && may_begin(&facts, task))
                ),
                Move::Check(_) => prop_assert_eq!(status, Status::InProgress),
                Move::Reset { .. } => {
                    prop_assert_eq!(status, Status::Fail);
                    prop_assert!(matches!(facts.tasks[task].ground, Some(Ground::Evidence(_))));
                }
                Move::Look(_) => {}
            }
        }
    }

    #[test]
    fn final_approval_never_starts_beside_a_look_or_against_contrary_evidence(facts in facts()) {
        let decision = decide(&facts);
        let last = Task::ChangeAdvisoryStatus;
        if decision.moves.contains(&Move::Start(last)) || decision.moves.contains(&Move::Check(last)) {
            let results = [Move::Look(Subject::Candidate), Move::Look(Subject::Promoted)];
            prop_assert!(decision.moves.iter().all(|m| !results.contains(m)));
            prop_assert!(decision.needs_human.iter().all(|q| q.kind != Kind::Contrary));
            prop_assert!(Task::ALL.into_iter().all(|t| t == last || facts.tasks[t].status == Status::Pass));
        }
    }

    #[test]
    fn only_evidence_that_is_known_and_good_passes(facts in facts()) {
        for made in decide(&facts).moves {
            let Move::Conclude { task, to: Status::Pass, digest, .. } = made else { continue };
            let build = if task == Task::AnalyzeCandidateBuild { &facts.candidate } else { &facts.promoted };
            prop_assert!(build.build.is_some());
            prop_assert_eq!(build.file.digest(), Some(digest.as_str()));
            let good = match build.file.value() {
                Some(Standing::Accepted | Standing::PromotedByHand) => true,
                Some(Standing::Rejected { opinion: Some(opinion), .. }) => {
                    opinion.recommendation == Recommendation::Accept && facts.policy.analysis != AnalysisPolicy::Ask
                }
                _ => false,
            };
            prop_assert!(good);
        }
    }

    #[test]
    fn taking_evidence_away_never_brings_a_release_forward(facts in facts(), which in 0..3) {
        let mut less = facts.clone();
        let why = || "taken away".to_owned();
        let since = facts.now;
        match which {
            0 => less.promotion.seen = Seen::Unknown { why: why(), since },
            1 => less.candidate.file.seen = Seen::Unknown { why: why(), since },
            _ => less.promoted.file.seen = Seen::Unknown { why: why(), since },
        }
        let (before, now) = (decide(&facts), decide(&less));
        let contrary = before.needs_human.iter().any(|q| q.kind == Kind::Contrary);
        for made in advances(&now) {
            // What contradicted a Pass is the one kind of evidence whose loss frees something.
            let freed = contrary && made == Move::Start(Task::ChangeAdvisoryStatus);
            prop_assert!(freed || before.moves.contains(&made), "{:?} appeared", made);
        }
    }

    #[test]
    fn the_overall_status_is_red_exactly_for_a_failure_or_an_open_blocker(facts in facts()) {
        let failed = Task::ALL.into_iter().any(|t| facts.tasks[t].status == Status::Fail);
        let passed = Task::ALL.into_iter().all(|t| facts.tasks[t].status == Status::Pass);
        let blocked = open_blockers(&facts).next().is_some();
        let decision = decide(&facts);
        prop_assert_eq!(decision.overall == Overall::Red, failed || blocked);
        prop_assert_eq!(decision.finished, passed && !blocked);
    }

    #[test]
    fn every_unfinished_task_has_something_to_do_or_one_reason_to_wait(facts in facts()) {
        let decision = decide(&facts);
        for task in Task::ALL {
            let moves = decision.moves.iter().filter(|m| of_task(m) == Some(task)).count();
            let waits = decision.waits.iter().filter(|w| w.task == task).count();
            match facts.tasks[task].status {
                Status::NotStarted | Status::InProgress => {
                    prop_assert!(moves + waits > 0, "{task} has neither a move nor a reason");
                    // A question beside a failing remote is two reasons; never more.
                    prop_assert!(moves <= 1 && waits <= 2);
                }
                Status::Pass | Status::Fail => prop_assert_eq!(waits, 0, "{} is done and waits", task),
            }
        }
    }

    #[test]
    fn moves_and_questions_are_unique(facts in facts()) {
        let decision = decide(&facts);
        let keys: HashSet<&str> = decision.needs_human.iter().map(|q| q.key.as_str()).collect();
        prop_assert_eq!(keys.len(), decision.needs_human.len());
        let moves: HashSet<&Move> = decision.moves.iter().collect();
        prop_assert_eq!(moves.len(), decision.moves.len());
    }

    #[test]
    fn the_next_look_lies_ahead_and_is_not_in_vain(facts in facts()) {
        let decision = decide(&facts);
        if let Some(next) = decision.next_look {
            prop_assert!(next > facts.now);
            let then = decide(&Facts { now: next, ..facts.clone() });
            prop_assert!(!then.moves.is_empty(), "nothing to do at {next}");
        }
        if let Some(next) = decision.next_deadline {
            prop_assert!(next > facts.now);
            let then = decide(&polled_until(&facts, next));
            prop_assert!(then.needs_human != decision.needs_human || !decision.moves.is_empty(), "in vain at {}", next);
        }
        let by_itself = decision.waits.iter().any(|w| w.on.ends_by_itself());
        prop_assert!(
            !by_itself || !decision.moves.is_empty() || decision.next_look.is_some(),
            "a wait that should end by itself is never looked at again"
        );
    }

    #[test]
    fn time_alone_takes_no_move_away_and_answers_no_question(facts in facts(), fives in 1_i64..500) {
        let later = Facts { now: after(facts.now, SignedDuration::from_mins(fives * 5)), ..facts.clone() };
        let (before, then) = (decide(&facts), decide(&later));
        let rereads = |m: &Move| matches!(m, Move::Look(Subject::Candidate | Subject::Promoted));
        for made in &before.moves {
            // Final approval steps back behind a look that has come due.
            let behind = of_task(made) == Some(Task::ChangeAdvisoryStatus) && then.moves.iter().any(rereads);
            prop_assert!(behind || then.moves.contains(made), "{:?} went away", made);
        }
        for question in &before.needs_human {
            // A task that is looked after again may take its question back itself.
            let again = [Move::Start(question.task), Move::Check(question.task)];
            let stands = then.needs_human.iter().any(|q| q.key == question.key);
            let answered = then.moves.iter().any(|m| again.contains(m) || rereads(m));
            prop_assert!(stands || answered, "{} went away", question.key);
        }
    }

    #[test]
    fn with_good_luck_and_a_willing_person_every_release_is_finished(facts in facts()) {
        let mut facts = facts;
        for _ in 0..200 {
            let decision = decide(&facts);
            if decision.finished {
                return Ok(());
            }
            sail_on(&mut facts, &decision);
        }
        prop_assert!(false, "still at sea:\n{}", crate::case::tell(&decide(&facts)));
    }
}

/// The best next step: every move succeeds, every question is answered with Pass, every blocker is resolved.
fn sail_on(facts: &mut Facts, decision: &Decision) {
    let pass = |facts: &mut Facts, task: Task| {
        let covers = match task {
            Task::AnalyzeCandidateBuild => facts.candidate.file.digest(),
            _ => facts.promoted.file.digest(),
        };
        facts.tasks[task].ground = Some(Ground::Person(covers.map(str::to_owned)));
        facts.tasks[task].status = Status::Pass;
    };
    if decision.moves.is_empty() {
        facts.final_go = FinalGo::Given;
        facts.issues.iter_mut().for_each(|i| i.resolved = Resolved::Yes);
        for task in Task::ALL {
            let asked = decision.needs_human.iter().any(|q| q.task == task && q.kind != Kind::FinalApproval);
            if asked || facts.tasks[task].status == Status::Fail {
                pass(facts, task);
            }
        }
        if let Some(next) = decision.next_look.into_iter().chain(decision.next_deadline).min() {
            // A day further, for brevity: nothing else happens in this world.
            facts.now = after(next, SignedDuration::from_hours(24));
        }
    }
    for made in &decision.moves {
        match made {
            Move::Look(Subject::Promotion) => {
                let accepted = Promotion { phase: Phase::Accepted, failing_jobs: Vec::new() };
                facts.promotion = just_seen(accepted, "good", facts.now);
            }
            Move::Look(Subject::Candidate) => {
                facts.candidate.file = just_seen(Standing::Accepted, "good", facts.now);
            }
            Move::Look(Subject::Promoted) => {
                facts.promoted.file = just_seen(Standing::Accepted, "good", facts.now)
            }
            Move::Start(task) | Move::Check(task) => {
                facts.tasks[*task] = TaskFact { status: Status::Pass, ..TaskFact::fresh(facts.now) };
            }
            Move::Begin(task) => facts.tasks[*task].status = Status::InProgress,
            Move::Conclude { task, to, digest, .. } => {
                facts.tasks[*task].status = *to;
                facts.tasks[*task].ground = Some(Ground::Evidence(digest.clone()));
            }
            Move::Reset { task, .. } => facts.tasks[*task] = TaskFact::fresh(facts.now),
        }
    }
}
