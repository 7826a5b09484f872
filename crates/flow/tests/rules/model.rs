//! A model checker walks every way a release can go, over the real `decide`.
//!
//! The model's world is everything around the flow: tasks that end well, badly or not yet, evidence that changes under
//! the release's feet, persons who decide, retry, reset and file blockers. Each kind of surprise has a budget, which
//! bounds the walk; within it every order of events is tried. The drive is free too: it may make any of the moves that
//! `decide` offers, in any order as if others came too late, or in table order where the world is wider.
//!
//! Time is coarse. A look that comes due takes no time (it is simply due), so that waiting in vain leads back to where
//! one was; only deadlines move the clock. Evidence is named by its content, as digests do.

use regatta_flow::decide::{Decision, Move, Subject, decide};
use regatta_flow::facts::{
    Answer, Blocker, Confidence, Facts, FinalGo, Ground, Opinion, Phase, Promotion, Recommendation, Resolved,
    Seen, Standing, TaskFact, TroubleKind, after,
};
use regatta_flow::policy::FinalApproval;
use regatta_flow::table::{Kind, row};
use regatta_flow::transition::{self, Cause};
use regatta_flow::wait::On;
use regatta_kit::{Overall, Status, Task};
use stateright::{Checker, Model, Property};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::case::{Case, just_seen, trouble};

// --- the world ------------------------------------------------------------------------------------------------------

/// How many surprises of each kind one walk may meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Budget {
    /// Changes of the candidate's result file after it was first read.
    candidate: u8,
    /// Changes of the promoted build's result file after it was first read.
    promoted: u8,
    /// Changes of the promotion's phase after it was first read.
    phase: u8,
    /// Tasks and looks that fail or are put off.
    mishaps: u8,
    /// Things that persons do of their own accord.
    persons: u8,
    /// Deadlines that pass.
    deadlines: u8,
}

/// A state: the facts, what budget is left, and what `decide` makes of it (which follows from the facts).
#[derive(Clone)]
struct Sea {
    facts: Facts,
    left: Budget,
    /// Set by a step that broke a rule of steps.
    broken: Option<String>,
    decision: Arc<Decision>,
}

impl Sea {
    fn new(facts: Facts, left: Budget) -> Self {
        let decision = Arc::new(decide(&facts));
        Self { facts, left, broken: None, decision }
    }
}

impl PartialEq for Sea {
    fn eq(&self, other: &Self) -> bool {
        self.facts == other.facts && self.left == other.left && self.broken == other.broken
    }
}

impl Hash for Sea {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.facts, self.left, &self.broken).hash(state);
    }
}

impl std::fmt::Debug for Sea {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let statuses = Task::ALL.map(|t| self.facts.tasks[t].status.word()).join(", ");
        write!(f, "{statuses}\n{}\nbroken: {:?}", crate::case::tell(&self.decision), self.broken)
    }
}

/// How a task's run ends in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Pass,
    Fail,
    /// A job that runs on, or final approval that waits for its day.
    Later,
    /// Nothing was begun: a precondition is missing.
    Blocked,
    /// The remote failed.
    Trouble,
    /// A person has to supply something.
    Asks,
}

/// A step of the drive, of the world, of a person, or of time.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Run(Task, End),
    See(Subject, Option<u8>),
    Make(Move),
    Override(Task, Status),
    Retry(Task),
    Reset(Task),
    FileBlocker(Blocker),
    ResolveBlockers,
    GiveFinalGo,
    /// What was to be looked at again is due.
    Poll,
    /// The next deadline passes.
    Deadline,
}

/// Which of several legal moves the drive makes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Any of them.
    Any,
    /// The first, as the drive does; what only another order could bring about is left to [`Order::Any`].
    Table,
}

const STOPPED: &str = "a release is stopped";
const TAKEN_BACK: &str = "a failure is taken back because its evidence changed";
const CONTRADICTED: &str = "a Pass is contradicted";

struct Voyage {
    order: Order,
    start: Facts,
    budget: Budget,
    /// What the candidate's file may say.
    candidate: Vec<Standing>,
    /// What the promoted build's file may say.
    promoted: Vec<Standing>,
    phases: Vec<Phase>,
    /// Tasks that persons meddle with.
    meddled: Vec<Task>,
}

fn rejected(recommendation: Option<Recommendation>) -> Standing {
    let opinion =
        recommendation.map(|recommendation| Opinion { recommendation, confidence: Confidence::High });
    Standing::Rejected { failed: vec!["aws-ovn".to_owned()], opinion }
}

impl Voyage {
    fn standings(&self, subject: Subject) -> &[Standing] {
        match subject {
            Subject::Candidate => &self.candidate,
            Subject::Promoted | Subject::Promotion => &self.promoted,
        }
    }

    fn ends(task: Task, left: Budget) -> Vec<End> {
        let mut ends = vec![End::Pass];
        if row(task).kind == Kind::AsyncJob || task == Task::ChangeAdvisoryStatus {
            ends.push(End::Later);
        }
        if left.mishaps > 0 {
            ends.extend([End::Fail, End::Blocked, End::Trouble, End::Asks]);
        }
        ends
    }

    /// Moves a task, and notes a transition that the table refuses.
    fn turn(sea: &mut Sea, task: Task, to: Status, cause: Cause) {
        let fact = &mut sea.facts.tasks[task];
        if let Err(illegal) = transition::check(fact.status, to, cause) {
            sea.broken = Some(format!("{task}: {illegal}"));
        }
        *fact = TaskFact { status: to, since: sea.facts.now, answer: None, ..fact.clone() };
        if to == Status::NotStarted {
            fact.ground = None;
        }
    }

    fn run(sea: &mut Sea, task: Task, end: End) {
        let now = sea.facts.now;
        let look_again = after(now, row(task).poll.from);
        let under_way = |sea: &mut Sea| {
            if sea.facts.tasks[task].status == Status::NotStarted {
                Self::turn(sea, task, Status::InProgress, Cause::Drive);
            }
        };
        let since = match &sea.facts.tasks[task].answer {
            Some(Answer::Running { since, .. } | Answer::Scheduled { since, .. }) => *since,
            _ => now,
        };
        let words = || "something".to_owned();
        match end {
            End::Pass | End::Fail => {
                under_way(sea);
                let to = if end == End::Pass { Status::Pass } else { Status::Fail };
                Self::turn(sea, task, to, Cause::Drive);
                sea.facts.tasks[task].ground = Some(Ground::Evidence(String::new()));
            }
            End::Later => {
                under_way(sea);
                sea.facts.tasks[task].answer = Some(match row(task).kind {
                    Kind::AsyncJob => Answer::Running { what: words(), since, look_again },
                    Kind::Step | Kind::Analysis => Answer::Scheduled { what: words(), since, look_again },
                });
            }
            End::Blocked => {
                sea.facts.tasks[task].answer =
                    Some(Answer::Blocked { name: words(), why: words(), since: now, look_again });
            }
            End::Trouble => {
                let mut down = trouble(TroubleKind::Unavailable, "remote", "502");
                (down.since, down.look_again) = (now, look_again);
                sea.facts.tasks[task].answer = Some(Answer::Trouble(down));
            }
            End::Asks => {
                let (options, evidence) = (Vec::new(), Vec::new());
                sea.facts.tasks[task].answer =
                    Some(Answer::Asks { name: words(), text: words(), options, evidence, look_again });
            }
        }
        if !matches!(end, End::Pass | End::Later) {
            sea.left.mishaps -= 1;
        }
    }

    /// Looks; `found` indexes what may be found, `None` is what was there before.
    fn see(&self, sea: &mut Sea, subject: Subject, found: Option<u8>) {
        let now = sea.facts.now;
        match (subject, found) {
            (Subject::Promotion, None) => sea.facts.promotion.looked_at = Some(now),
            (Subject::Promotion, Some(i)) => {
                if matches!(sea.facts.promotion.seen, Seen::Known { .. }) {
                    sea.left.phase -= 1;
                }
                let phase = self.phases[usize::from(i)];
                sea.facts.promotion =
                    just_seen(Promotion { phase, failing_jobs: Vec::new() }, phase.word(), now);
            }
            (Subject::Candidate | Subject::Promoted, found) => {
                let (file, left) = match subject {
                    Subject::Candidate => (&mut sea.facts.candidate.file, &mut sea.left.candidate),
                    _ => (&mut sea.facts.promoted.file, &mut sea.left.promoted),
                };
                let Some(i) = found else {
                    file.looked_at = Some(now);
                    return;
                };
                if matches!(file.seen, Seen::Known { .. }) {
                    *left -= 1;
                }
                *file =
                    just_seen(self.standings(subject)[usize::from(i)].clone(), &format!("content {i}"), now);
            }
        }
    }

    /// What may be found at a look: what was there, or, while the budget lasts, anything else.
    fn sights(&self, sea: &Sea, subject: Subject) -> Vec<Option<u8>> {
        let all = |count: usize| (0..count).filter_map(|i| u8::try_from(i).ok());
        let (known, left, count) = match subject {
            Subject::Promotion => (sea.facts.promotion.value().is_some(), sea.left.phase, self.phases.len()),
            Subject::Candidate => {
                (sea.facts.candidate.file.value().is_some(), sea.left.candidate, self.candidate.len())
            }
            Subject::Promoted => {
                (sea.facts.promoted.file.value().is_some(), sea.left.promoted, self.promoted.len())
            }
        };
        let mut sights: Vec<Option<u8>> = if known { vec![None] } else { Vec::new() };
        if !known || left > 0 {
            let same = |i: u8| match subject {
                Subject::Promotion => {
                    sea.facts.promotion.value().map(|p| p.phase) == Some(self.phases[usize::from(i)])
                }
                Subject::Candidate => {
                    sea.facts.candidate.file.value() == Some(&self.candidate[usize::from(i)])
                }
                Subject::Promoted => sea.facts.promoted.file.value() == Some(&self.promoted[usize::from(i)]),
            };
            sights.extend(all(count).filter(|i| !same(*i)).map(Some));
        }
        sights
    }

    /// Makes everything due that is waited for by the clock, without moving the clock.
    fn poll(facts: &mut Facts) {
        let now = facts.now;
        let past = after(now, -regatta_flow::table::PROMOTION_POLL.from);
        facts.promotion.looked_at = facts.promotion.looked_at.map(|_| past);
        facts.candidate.file.looked_at = facts.candidate.file.looked_at.map(|_| past);
        facts.promoted.file.looked_at = facts.promoted.file.looked_at.map(|_| past);
        for task in Task::ALL {
            match &mut facts.tasks[task].answer {
                Some(
                    Answer::Running { look_again, .. }
                    | Answer::Blocked { look_again, .. }
                    | Answer::Scheduled { look_again, .. }
                    | Answer::Asks { look_again, .. },
                ) => *look_again = now,
                Some(Answer::Trouble(down)) => down.look_again = now,
                None => {}
            }
        }
    }

    fn make(sea: &mut Sea, made: Move) {
        match made {
            Move::Begin(task) => Self::turn(sea, task, Status::InProgress, Cause::Drive),
            Move::Conclude { task, to, digest, .. } => {
                if sea.facts.tasks[task].status == Status::NotStarted {
                    Self::turn(sea, task, Status::InProgress, Cause::Drive);
                }
                Self::turn(sea, task, to, Cause::Drive);
                sea.facts.tasks[task].ground = Some(Ground::Evidence(digest));
            }
            Move::Reset { task, .. } => Self::turn(sea, task, Status::NotStarted, Cause::EvidenceChanged),
            Move::Look(_) | Move::Start(_) | Move::Check(_) => {
                sea.broken = Some(format!("{made:?} is a step of its own"));
            }
        }
    }
}

impl Model for Voyage {
    type State = Sea;
    type Action = Step;

    fn init_states(&self) -> Vec<Sea> {
        vec![Sea::new(self.start.clone(), self.budget)]
    }

    fn actions(&self, sea: &Sea, steps: &mut Vec<Step>) {
        let moves = sea.decision.moves.as_slice();
        let moves = match self.order {
            Order::Any => moves,
            Order::Table => moves.get(..1).unwrap_or_default(),
        };
        for made in moves {
            match made {
                Move::Look(subject) => {
                    steps.extend(
                        self.sights(sea, *subject).into_iter().map(|found| Step::See(*subject, found)),
                    );
                }
                Move::Start(task) | Move::Check(task) => {
                    steps.extend(Self::ends(*task, sea.left).into_iter().map(|end| Step::Run(*task, end)));
                }
                Move::Begin(_) | Move::Conclude { .. } | Move::Reset { .. } => {
                    steps.push(Step::Make(made.clone()))
                }
            }
        }
        // Time passes for a drive that has nothing to do: it is asleep until then.
        if sea.decision.moves.is_empty() && !sea.decision.finished {
            if sea.decision.next_look.is_some() {
                steps.push(Step::Poll);
            }
            if sea.left.deadlines > 0 && sea.decision.next_deadline.is_some() {
                steps.push(Step::Deadline);
            }
        }
        if sea.facts.policy.final_approval == FinalApproval::Ask && sea.facts.final_go == FinalGo::NotGiven {
            steps.push(Step::GiveFinalGo);
        }
        if sea.facts.issues.iter().any(|i| i.resolved == Resolved::No) {
            steps.push(Step::ResolveBlockers);
        }
        if sea.left.persons > 0 {
            for task in &self.meddled {
                let status = sea.facts.tasks[*task].status;
                for (step, to, cause) in [
                    (Step::Override(*task, Status::Pass), Status::Pass, Cause::Override),
                    (Step::Override(*task, Status::Fail), Status::Fail, Cause::Override),
                    (Step::Retry(*task), Status::NotStarted, Cause::Retry),
                    (Step::Reset(*task), Status::NotStarted, Cause::Reset),
                ] {
                    if transition::check(status, to, cause).is_ok() {
                        steps.push(step);
                    }
                }
            }
            if sea.facts.issues.is_empty() {
                steps.push(Step::FileBlocker(Blocker::General));
                steps.push(Step::FileBlocker(Blocker::Tasks(vec![Task::StageTesting])));
            }
        }
    }

    fn next_state(&self, last: &Sea, step: Step) -> Option<Sea> {
        let mut sea = last.clone();
        let began: Option<Task> = match &step {
            Step::Run(task, _) | Step::Make(Move::Begin(task) | Move::Conclude { task, .. })
                if last.facts.tasks[*task].status == Status::NotStarted =>
            {
                Some(*task)
            }
            _ => None,
        };
        match step {
            Step::Run(task, end) => Self::run(&mut sea, task, end),
            Step::See(subject, found) => self.see(&mut sea, subject, found),
            Step::Make(made) => Self::make(&mut sea, made),
            Step::Override(task, to) => {
                sea.left.persons -= 1;
                let covers = match task {
                    Task::AnalyzeCandidateBuild => sea.facts.candidate.file.digest().map(str::to_owned),
                    Task::AnalyzePromotedBuild => sea.facts.promoted.file.digest().map(str::to_owned),
                    _ => None,
                };
                Self::turn(&mut sea, task, to, Cause::Override);
                sea.facts.tasks[task].ground = Some(Ground::Person(covers));
            }
            Step::Retry(task) => {
                sea.left.persons -= 1;
                Self::turn(&mut sea, task, Status::NotStarted, Cause::Retry);
            }
            Step::Reset(task) => {
                sea.left.persons -= 1;
                Self::turn(&mut sea, task, Status::NotStarted, Cause::Reset);
            }
            Step::FileBlocker(blocker) => {
                sea.left.persons -= 1;
                sea.facts.issues.push(regatta_flow::facts::IssueFact {
                    text: "OCPBUGS-1".to_owned(),
                    blocker,
                    resolved: Resolved::No,
                });
            }
            Step::ResolveBlockers => sea.facts.issues.iter_mut().for_each(|i| i.resolved = Resolved::Yes),
            Step::GiveFinalGo => sea.facts.final_go = FinalGo::Given,
            Step::Poll => Self::poll(&mut sea.facts),
            Step::Deadline => {
                sea.left.deadlines -= 1;
                sea.facts.now = last.decision.next_deadline?;
                Self::poll(&mut sea.facts);
            }
        }
        if let Some(task) = began
            && let Some(wrong) = begun_too_early(&last.facts, task)
        {
            sea.broken = Some(wrong);
        }
        sea.decision = Arc::new(decide(&sea.facts));
        Some(sea)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("every step is legal and begins only what may begin", |_, sea: &Sea| {
                sea.broken.is_none()
            }),
            Property::always(
                "final approval stands on nine passes when it begins or moves on",
                |_, sea: &Sea| {
                    let last = Task::ChangeAdvisoryStatus;
                    let moves = [Move::Start(last), Move::Check(last)];
                    !sea.decision.moves.iter().any(|m| moves.contains(m)) || all_earlier_passed(&sea.facts)
                },
            ),
            Property::always("nothing new starts once a task failed", |_, sea: &Sea| {
                let new = |m: &Move| matches!(m, Move::Start(_) | Move::Begin(_));
                !failed_for_good(&sea.facts) || !sea.decision.moves.iter().any(new)
            }),
            Property::always("what runs is followed to its end, also when stopped", |_, sea: &Sea| {
                Task::ALL.into_iter().filter(|t| row(*t).kind == Kind::AsyncJob).all(|task| {
                    sea.facts.tasks[task].status != Status::InProgress
                        || sea.decision.moves.contains(&Move::Check(task))
                        || sea.decision.waits.iter().any(|w| w.task == task && w.check_after.is_some())
                        || sea.decision.needs_human.iter().any(|q| q.task == task)
                })
            }),
            Property::always("Green exactly when nothing failed and no blocker is open", |_, sea: &Sea| {
                let red = Task::ALL.into_iter().any(|t| sea.facts.tasks[t].status == Status::Fail)
                    || sea
                        .facts
                        .issues
                        .iter()
                        .any(|i| i.resolved == Resolved::No && i.blocker != Blocker::No);
                (sea.decision.overall == Overall::Red) == red
            }),
            Property::always("a Pass without a person rests on evidence that was good", |_, sea: &Sea| {
                [
                    (Task::AnalyzeCandidateBuild, &sea.facts.candidate),
                    (Task::AnalyzePromotedBuild, &sea.facts.promoted),
                ]
                .into_iter()
                .all(|(task, build)| match (&sea.facts.tasks[task], &build.file.seen) {
                    (
                        TaskFact { status: Status::Pass, ground: Some(Ground::Evidence(of)), .. },
                        Seen::Known { value, digest, .. },
                    ) if of == digest => good(value),
                    _ => true,
                })
            }),
            Property::always(
                "evidence that speaks against a Pass keeps final approval from starting",
                |_, sea: &Sea| {
                    let last = Task::ChangeAdvisoryStatus;
                    !sea.decision.moves.contains(&Move::Start(last))
                        || [
                            (Task::AnalyzeCandidateBuild, &sea.facts.candidate),
                            (Task::AnalyzePromotedBuild, &sea.facts.promoted),
                        ]
                        .into_iter()
                        .all(|(task, build)| {
                            let person = matches!(&sea.facts.tasks[task].ground, Some(Ground::Person(covers))
                            if covers.as_deref() == build.file.digest());
                            person
                                || build
                                    .file
                                    .value()
                                    .is_none_or(|v| good(v) || !matches!(v, Standing::Rejected { .. }))
                        })
                },
            ),
            Property::always(
                "final approval moves on only when no test result is due to be read",
                |_, sea: &Sea| {
                    let last = Task::ChangeAdvisoryStatus;
                    let moves = [Move::Start(last), Move::Check(last)];
                    let looks = [Move::Look(Subject::Candidate), Move::Look(Subject::Promoted)];
                    !sea.decision.moves.iter().any(|m| moves.contains(m))
                        || !sea.decision.moves.iter().any(|m| looks.contains(m))
                },
            ),
            Property::always(
                "a failure is taken back only for other evidence that can be read",
                |_, sea: &Sea| {
                    sea.decision.moves.iter().all(|m| match m {
                        Move::Reset { task, .. } => {
                            let file = match task {
                                Task::AnalyzeCandidateBuild => &sea.facts.candidate.file,
                                _ => &sea.facts.promoted.file,
                            };
                            let of = match &sea.facts.tasks[*task].ground {
                                Some(Ground::Evidence(of)) => Some(of.as_str()),
                                _ => None,
                            };
                            let readable = file.value().is_some_and(|v| {
                                !matches!(v, Standing::Absent | Standing::Gone | Standing::Unreadable { .. })
                            });
                            of.is_some() && of != file.digest() && readable
                        }
                        _ => true,
                    })
                },
            ),
            Property::always("a drive that can do nothing says why, or is finished", |_, sea: &Sea| {
                let idle = sea.decision.moves.is_empty() && sea.decision.next_look.is_none();
                !idle || sea.decision.finished || says_why(sea)
            }),
            Property::always("every unfinished task has a move or a reason", |_, sea: &Sea| {
                Task::ALL.into_iter().all(|task| {
                    !matches!(sea.facts.tasks[task].status, Status::NotStarted | Status::InProgress)
                        || sea.decision.waits.iter().any(|w| w.task == task)
                        || sea.decision.moves.iter().any(|m| match m {
                            Move::Start(t) | Move::Check(t) | Move::Begin(t) => *t == task,
                            Move::Conclude { task: t, .. } | Move::Reset { task: t, .. } => *t == task,
                            Move::Look(_) => false,
                        })
                })
            }),
            Property::sometimes("a release is finished", |_, sea: &Sea| sea.decision.finished),
            Property::sometimes("a question is asked", |_, sea: &Sea| !sea.decision.needs_human.is_empty()),
            Property::sometimes(STOPPED, |_, sea: &Sea| sea.decision.stopped.is_some()),
            Property::sometimes(TAKEN_BACK, |_, sea: &Sea| {
                sea.decision.moves.iter().any(|m| matches!(m, Move::Reset { .. }))
            }),
            Property::sometimes(CONTRADICTED, |_, sea: &Sea| {
                sea.decision
                    .waits
                    .iter()
                    .any(|w| w.task == Task::ChangeAdvisoryStatus && matches!(w.on, On::Person { .. }))
            }),
        ]
    }
}

// --- the rules, said once more in the model's own words ---------------------------------------------------------------

const fn good(standing: &Standing) -> bool {
    matches!(
        standing,
        Standing::Accepted
            | Standing::PromotedByHand
            | Standing::Rejected {
                opinion: Some(Opinion {
                    recommendation: Recommendation::Accept,
                    confidence: Confidence::High
                }),
                ..
            }
    )
}

fn passed(facts: &Facts, task: Task) -> bool {
    facts.tasks[task].status == Status::Pass
}

fn all_earlier_passed(facts: &Facts) -> bool {
    Task::ALL.into_iter().all(|t| t == Task::ChangeAdvisoryStatus || passed(facts, t))
}

fn failed_for_good(facts: &Facts) -> bool {
    Task::ALL.into_iter().any(|t| t != Task::AnalyzeCandidateBuild && facts.tasks[t].status == Status::Fail)
}

/// Why a task must not have begun in these facts.
fn begun_too_early(facts: &Facts, task: Task) -> Option<String> {
    use Task::{
        AnalyzeCandidateBuild, AnalyzePromotedBuild, ChangeAdvisoryStatus, CheckCveTrackerBug,
        CreateTestReport, ImageConsistencyCheck, ImageSignedCheck, PushToCdnStaging, StageTesting,
        TakeOwnership,
    };
    let promoted = || facts.promotion.value().is_some_and(|p| p.phase == Phase::Accepted);
    let open = match task {
        CreateTestReport | AnalyzeCandidateBuild => true,
        TakeOwnership => passed(facts, CreateTestReport),
        CheckCveTrackerBug => passed(facts, TakeOwnership),
        PushToCdnStaging => passed(facts, CheckCveTrackerBug),
        AnalyzePromotedBuild => passed(facts, CheckCveTrackerBug) && promoted(),
        ImageConsistencyCheck | StageTesting => passed(facts, AnalyzePromotedBuild),
        ImageSignedCheck => {
            passed(facts, PushToCdnStaging)
                && passed(facts, ImageConsistencyCheck)
                && passed(facts, StageTesting)
        }
        ChangeAdvisoryStatus => {
            all_earlier_passed(facts)
                && (facts.policy.final_approval == FinalApproval::Auto || facts.final_go == FinalGo::Given)
        }
    };
    let blocked = facts.issues.iter().filter(|i| i.resolved == Resolved::No).any(|i| match &i.blocker {
        Blocker::No => false,
        Blocker::General => task == ChangeAdvisoryStatus,
        Blocker::Tasks(tasks) => tasks.contains(&task),
    });
    if !open {
        return Some(format!("{task} began before its gate"));
    }
    if failed_for_good(facts) {
        return Some(format!("{task} began after the stop"));
    }
    blocked.then(|| format!("{task} began in spite of a blocker"))
}

/// Whether a person reading the decision learns what is wanted of them.
fn says_why(sea: &Sea) -> bool {
    let asked = !sea.decision.needs_human.is_empty();
    let failed = Task::ALL.into_iter().any(|t| sea.facts.tasks[t].status == Status::Fail);
    let blocked = sea.facts.issues.iter().any(|i| i.resolved == Resolved::No);
    asked || failed || blocked
}

// --- the voyages ----------------------------------------------------------------------------------------------------

const CALM: Budget = Budget { candidate: 0, promoted: 0, phase: 0, mishaps: 0, persons: 0, deadlines: 0 };

fn all_standings() -> Vec<Standing> {
    vec![
        Standing::Absent,
        Standing::Aggregating,
        Standing::Accepted,
        Standing::Gone,
        Standing::Incomplete { missing: vec!["aws-ovn".to_owned()] },
        Standing::PromotedByHand,
        Standing::Unreadable { why: "cut off".to_owned() },
        rejected(None),
        rejected(Some(Recommendation::Accept)),
        rejected(Some(Recommendation::Reject)),
    ]
}

/// Walks all of it and tells how far that was.
#[expect(clippy::disallowed_methods, reason = "the wall time of a walk is told, nothing depends on it")]
fn walk(name: &str, voyage: Voyage, without: &[&str]) {
    let began = std::time::Instant::now();
    let checker = voyage.checker().threads(2).spawn_dfs().join();
    println!(
        "{name}: {} states, {} of them different, depth {}, {:.1} s",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64()
    );
    for property in checker.model().properties() {
        // What this voyage cannot meet within its budget is met by another.
        if !without.contains(&property.name) {
            match property.expectation {
                stateright::Expectation::Sometimes => {
                    checker.assert_any_discovery(property.name);
                }
                _ => checker.assert_no_discovery(property.name),
            }
        }
    }
}

#[test]
fn evidence_may_turn_as_it_likes() {
    let voyage = Voyage {
        order: Order::Table,
        start: Case::fresh().facts,
        budget: Budget { candidate: 2, promoted: 2, phase: 2, ..CALM },
        candidate: vec![Standing::Accepted, Standing::Gone, rejected(Some(Recommendation::Reject))],
        promoted: all_standings(),
        phases: vec![Phase::Ready, Phase::Accepted, Phase::Rejected],
        meddled: Vec::new(),
    };
    walk("evidence", voyage, &[]);
}

#[test]
fn deadlines_may_pass_while_evidence_is_missing() {
    let voyage = Voyage {
        order: Order::Table,
        start: Case::fresh().facts,
        budget: Budget { candidate: 1, promoted: 1, phase: 1, deadlines: 3, ..CALM },
        candidate: vec![Standing::Absent, Standing::Accepted],
        promoted: vec![Standing::Absent, Standing::Aggregating, Standing::Accepted, rejected(None)],
        phases: vec![Phase::Ready, Phase::Accepted],
        meddled: Vec::new(),
    };
    walk("deadlines", voyage, &[STOPPED, TAKEN_BACK]);
}

#[test]
fn moves_may_be_made_in_any_order() {
    let voyage = Voyage {
        order: Order::Any,
        start: Case::fresh().facts,
        budget: Budget { candidate: 1, promoted: 1, persons: 1, ..CALM },
        candidate: vec![Standing::Accepted, rejected(Some(Recommendation::Reject))],
        promoted: vec![Standing::Accepted, rejected(None), rejected(Some(Recommendation::Reject))],
        phases: vec![Phase::Ready, Phase::Accepted],
        meddled: vec![Task::AnalyzeCandidateBuild, Task::AnalyzePromotedBuild],
    };
    walk("orders", voyage, &[]);
}

#[test]
fn persons_may_meddle_at_any_time() {
    let voyage = Voyage {
        order: Order::Table,
        start: Case::fresh().final_approval(FinalApproval::Ask, FinalGo::NotGiven).facts,
        budget: Budget { promoted: 1, persons: 2, ..CALM },
        candidate: vec![Standing::Accepted],
        promoted: vec![Standing::Accepted, rejected(None)],
        phases: vec![Phase::Accepted],
        meddled: Task::ALL.to_vec(),
    };
    walk("persons", voyage, &[TAKEN_BACK]);
}

#[test]
fn anything_may_go_wrong() {
    let voyage = Voyage {
        order: Order::Table,
        start: Case::fresh().facts,
        budget: Budget { mishaps: 2, persons: 1, deadlines: 1, ..CALM },
        candidate: vec![Standing::Accepted],
        promoted: vec![Standing::Accepted, rejected(Some(Recommendation::Reject))],
        phases: vec![Phase::Accepted],
        meddled: vec![Task::TakeOwnership, Task::AnalyzePromotedBuild, Task::StageTesting],
    };
    walk("mishaps", voyage, &[TAKEN_BACK, CONTRADICTED]);
}
