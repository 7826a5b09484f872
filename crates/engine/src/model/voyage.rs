//! The steps: what drivers, remotes, persons and time do, over the real `decide`, transition table, rules and lease fold.

use jiff::Timestamp;
use regatta_flow::decide::{Decision, Move, Subject, decide};
use regatta_flow::facts::{
    Answer, Blocker, BuildFact, Confidence, Facts, FinalGo, Ground, IssueFact, Looked, Opinion, Phase,
    Promotion, Recommendation, Resolved, Seen as Known, Standing, TaskFact, after,
};
use regatta_flow::transition::{self, Cause};
use regatta_flow::{Policy, table};
use regatta_kit::{Build, Status, Task, TaskMap};
use regatta_statebox::fold::Lease;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::sea::{At, Budget, Driver, Filed, Holder, Law, Met, NOW, Noted, Outside, Sea, Shared, Stage};
use crate::rules::{self, Claim, Gate, Next, Record, SETTLED_AFTER, Seen, TERM, Taking};

/// The tasks that make something at a remote.
pub(super) const EFFECTFUL: [Task; 6] = [
    Task::CreateTestReport,
    Task::TakeOwnership,
    Task::PushToCdnStaging,
    Task::ImageConsistencyCheck,
    Task::StageTesting,
    Task::ChangeAdvisoryStatus,
];

/// A rule broken on purpose, to see that the laws notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    Nothing,
    /// Triggers without writing an intent first.
    TriggersWithoutIntent,
    /// Takes it that nothing is there, instead of looking.
    DoesNotLook,
    /// Triggers again while the first request may be under way.
    DoesNotWait,
    /// Takes a look that was made too early for one that was made in time.
    TrustsEarlyLooks,
    /// Triggers however long ago it announced that.
    TriggersLate,
    /// Takes another's lease for its own.
    IgnoresTheLease,
    /// Does not read the clock again before the trigger.
    IgnoresTheClock,
    /// Goes on although others wrote since it decided.
    StepsOn,
    /// Repeats an interrupted beginning whose gate has shut.
    RepeatsBehindTheGate,
    /// Decides on a copy of the facts in which what failed has passed.
    OverlooksFailures,
}

/// Where the drivers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Places {
    /// On two machines: only time shows that one is dead.
    Apart,
    /// On one machine: each sees when the other's process is gone.
    Together,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A driver wakes up, or is started: it reads the state and decides.
    Wake(usize),
    /// A driver does the one thing that comes next.
    Go(usize),
    /// A driver's task fails instead.
    Fails(usize),
    /// A request arrives at the remote.
    Arrives(Task),
    /// A request is lost on its way.
    IsLost(Task),
    /// The answer reaches the driver.
    Answer(usize),
    /// The driver gives up waiting for the answer; the request may still be under way.
    NoAnswer(usize),
    /// A driver dies; another process is started in its place.
    Dies(usize),
    /// A minute passes.
    Minute,
    /// The lease runs out.
    RunsOut,
    /// The payload is promoted.
    Promoted,
    Override(Task, Status),
    Files(Filed),
    Resolves,
}

impl Step {
    /// What happens by itself, sooner or later, where nothing hinders it.
    pub(super) const fn is_fair(self) -> bool {
        matches!(
            self,
            Self::Wake(_)
                | Self::Go(_)
                | Self::Arrives(_)
                | Self::Answer(_)
                | Self::Minute
                | Self::RunsOut
                | Self::Promoted
        )
    }
}

/// What facts are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Basis {
    pub(super) status: TaskMap<Status>,
    pub(super) blocker: Option<Filed>,
    pub(super) promoted: bool,
    pub(super) looked: bool,
    pub(super) off: u16,
}

pub(super) struct Voyage {
    pub(super) status: TaskMap<Status>,
    pub(super) budget: Budget,
    pub(super) places: Places,
    pub(super) candidate: Standing,
    /// Tasks that persons may override.
    pub(super) meddled: Vec<Task>,
    /// Blockers that persons may file.
    pub(super) blockers: Vec<Filed>,
    pub(super) promoted: bool,
    pub(super) breaks: Break,
    pub(super) decisions: Mutex<HashMap<Basis, Arc<Decision>>>,
    pub(super) gates: Mutex<HashMap<(Basis, Task), Gate>>,
}

pub(super) fn rejected() -> Standing {
    let opinion = Opinion { recommendation: Recommendation::Reject, confidence: Confidence::High };
    Standing::Rejected { failed: vec!["aws-ovn".to_owned()], opinion: Some(opinion) }
}

impl Voyage {
    pub(super) fn new(passed: &[Task], budget: Budget, places: Places) -> Self {
        let status = |task: Task| if passed.contains(&task) { Status::Pass } else { Status::NotStarted };
        Self {
            status: TaskMap::from_fn(status),
            budget,
            places,
            candidate: Standing::Accepted,
            meddled: Vec::new(),
            blockers: Vec::new(),
            promoted: true,
            breaks: Break::Nothing,
            decisions: Mutex::default(),
            gates: Mutex::default(),
        }
    }

    pub(super) fn start(&self) -> Sea {
        let shared = Shared {
            status: self.status,
            noted: TaskMap::from_fn(|t| match self.status[t] {
                Status::NotStarted => Noted::Fresh,
                _ => Noted::Made,
            }),
            lease: None,
            blocker: None,
            promoted: self.promoted,
        };
        let runs = TaskMap::from_fn(|t| u8::from(shared.noted[t] == Noted::Made));
        Sea {
            shared,
            outside: Outside { runs, in_the_air: TaskMap::default(), promoted: self.promoted },
            drivers: [Driver::ashore(); 2],
            left: self.budget,
            broken: None,
        }
    }

    // --- facts, decisions -------------------------------------------------------------------------------------------

    pub(super) fn facts(&self, of: &Basis) -> Facts {
        let release = "4.20.1".parse().expect("a literal");
        let known = |standing: Standing| Looked {
            seen: Known::Known { value: standing, at: NOW, digest: "file".to_owned() },
            looked_at: Some(NOW),
            trouble: None,
        };
        let nightly = "4.20.0-0.nightly-1969-12-31-101500".parse().expect("a literal");
        let phase = if of.promoted { Phase::Accepted } else { Phase::Ready };
        let poll_ago = after(NOW, -table::PROMOTION_POLL.from);
        let put_off = |task: Task| {
            (of.off & (1 << task as u16) != 0).then(|| Answer::Blocked {
                name: "put-off".to_owned(),
                why: "it is put off to the next pass".to_owned(),
                since: NOW,
                look_again: after(NOW, table::row(task).poll.from),
            })
        };
        Facts {
            release,
            now: NOW,
            opened_at: NOW,
            policy: Policy::default(),
            release_date: None,
            tasks: TaskMap::from_fn(|task| TaskFact {
                status: of.status[task],
                ground: matches!(of.status[task], Status::Pass | Status::Fail)
                    .then(|| Ground::Evidence("file".to_owned())),
                answer: put_off(task),
                ..TaskFact::fresh(NOW)
            }),
            promotion: Looked {
                seen: Known::Known {
                    value: Promotion { phase, failing_jobs: Vec::new() },
                    at: NOW,
                    digest: phase.word().to_owned(),
                },
                looked_at: Some(if of.looked { NOW } else { poll_ago }),
                trouble: None,
            },
            candidate: BuildFact { build: Some(nightly), file: known(self.candidate.clone()) },
            promoted: BuildFact { build: Some(Build::Release(release)), file: known(Standing::Accepted) },
            issues: of
                .blocker
                .map(|filed| IssueFact {
                    text: "OCPBUGS-1".to_owned(),
                    blocker: match filed {
                        Filed::General => Blocker::General,
                        Filed::Of(task) => Blocker::Tasks(vec![task]),
                    },
                    resolved: Resolved::No,
                })
                .into_iter()
                .collect(),
            overrides: Vec::new(),
            final_go: FinalGo::NotGiven,
        }
    }

    /// What `decide` makes of it; remembered, because most states share it with many others.
    pub(super) fn decision(&self, of: Basis) -> Arc<Decision> {
        if let Some(known) = self.decisions.lock().expect("nobody panics with it").get(&of) {
            return Arc::clone(known);
        }
        let decision = Arc::new(decide(&self.facts(&of)));
        self.decisions.lock().expect("nobody panics with it").insert(of, Arc::clone(&decision));
        decision
    }

    /// As the facts are, without what a driver put off or looked at.
    pub(super) fn ground(shared: &Shared) -> Basis {
        let Shared { status, blocker, promoted, .. } = *shared;
        Basis { status, blocker, promoted, looked: true, off: 0 }
    }

    fn gate(&self, sea: &Sea, task: Task) -> Gate {
        if self.breaks == Break::RepeatsBehindTheGate {
            return Gate::Open;
        }
        let of = Self::ground(&sea.shared);
        let mut gates = self.gates.lock().expect("nobody panics with it");
        *gates.entry((of, task)).or_insert_with(|| rules::gate(&self.facts(&of), task))
    }

    /// The driver decides on its copy, which is the newest, and comes to where the first move begins.
    fn decides(&self, sea: &mut Sea, i: usize) {
        let driver = &sea.drivers[i];
        let mut of = Basis { looked: driver.looked, off: driver.off, ..Self::ground(&sea.shared) };
        if self.breaks == Break::OverlooksFailures {
            of.status = TaskMap::from_fn(|t| match of.status[t] {
                Status::Fail => Status::Pass,
                other => other,
            });
        }
        let decision = self.decision(of);
        let mut next = Driver { off: driver.off, looked: driver.looked, ..Driver::ashore() };
        next.lease = sea.shared.lease;
        let claim = self.claim(i, sea.shared.lease);
        if claim.lets_go_on() || self.breaks == Break::IgnoresTheLease {
            next.at = match decision.moves.first() {
                Some(Move::Look(Subject::Promotion)) => At::Looks,
                Some(Move::Look(_) | Move::Begin(_) | Move::Reset { .. }) => {
                    unreachable!("the evidence in this model is read, judged and does not change")
                }
                Some(Move::Conclude { task, to, .. }) => At::Settles(*task, *to),
                Some(Move::Start(task) | Move::Check(task)) if EFFECTFUL.contains(task) => {
                    next.noted = sea.shared.noted[*task];
                    At::Ledger(*task, Stage::Begun)
                }
                Some(Move::Start(task) | Move::Check(task)) => At::Settles(*task, Status::Pass),
                None if matches!(claim, Claim::Mine(_)) => At::Leaves,
                None => At::Ashore,
            };
            next.starts = matches!(decision.moves.first(), Some(Move::Start(_)));
        }
        sea.drivers[i] = if next.at == At::Ashore { Driver::ashore() } else { next };
    }

    // --- the ledger -------------------------------------------------------------------------------------------------

    fn claim(&self, i: usize, lease: Option<Holder>) -> Claim {
        match lease {
            None => Claim::Nobody,
            Some(holder) if holder == Holder::of(i) => Claim::Mine(TERM),
            Some(Holder::Gone) if self.places == Places::Together => Claim::OfTheDead,
            Some(_) => Claim::Anothers,
        }
    }

    fn seen(&self, sea: &Sea, i: usize, task: Task, stage: Stage) -> Seen {
        let driver = &sea.drivers[i];
        let record = match driver.noted {
            Noted::Fresh => Record::Fresh,
            Noted::Young => Record::Open { last: NOW },
            Noted::Old => Record::Open { last: after(NOW, -SETTLED_AFTER) },
            Noted::Made => Record::Made,
        };
        // On an old copy the gate may be what it was; the append that follows finds out.
        let looked = matches!(stage, Stage::FoundNothing | Stage::FoundNothingEarly);
        let gate = if looked && !driver.stale { self.gate(sea, task) } else { Gate::Open };
        let claim = self.claim(i, driver.lease);
        Seen { record, claim, base: driver.base(), gate, progress: stage.progress(), now: NOW }
    }

    /// What the driver does next: the real rule, or one that is broken on purpose.
    pub(super) fn next(&self, sea: &Sea, i: usize, task: Task, stage: Stage) -> Next {
        let mut seen = self.seen(sea, i, task, stage);
        let young = Record::Open { last: NOW };
        match self.breaks {
            Break::IgnoresTheLease if seen.claim == Claim::Anothers => seen.claim = Claim::Mine(TERM),
            Break::IgnoresTheClock if stage == Stage::Announced => {
                (seen.claim, seen.record) = (Claim::Mine(TERM), young);
            }
            Break::TrustsEarlyLooks if stage == Stage::FoundNothingEarly && seen.record != young => {
                seen.progress = Stage::FoundNothing.progress();
            }
            Break::TriggersLate if stage == Stage::Announced => seen.record = young,
            Break::StepsOn => seen.base = rules::Base::Still,
            _ => {}
        }
        match (self.breaks, rules::next(&seen)) {
            (Break::TriggersWithoutIntent, Next::MarkAndAnnounce | Next::Announce) => Next::Trigger,
            (Break::DoesNotWait, Next::Wait(_)) => Next::Announce,
            (_, next) => next,
        }
    }

    /// The entries about the lease that go with an append.
    fn take(&self, sea: &mut Sea, i: usize) -> Met {
        let mut write = |holder: Holder, until: Timestamp| {
            let standing =
                sea.shared.lease.map(|h| Lease { holder: h.name().to_owned(), until: after(NOW, TERM) });
            let came_to = Lease::after(standing, NOW, holder.name(), until);
            sea.shared.lease = came_to.map(|lease| {
                [Holder::First, Holder::Second, Holder::Gone]
                    .into_iter()
                    .find(|h| h.name() == lease.holder)
                    .expect("only these write")
            });
        };
        match rules::taking(self.claim(i, sea.drivers[i].lease)) {
            Taking::Nothing => Met::Nothing,
            Taking::Take => {
                write(Holder::of(i), after(NOW, TERM));
                Met::Nothing
            }
            Taking::EndAndTake => {
                write(Holder::Gone, NOW);
                write(Holder::of(i), after(NOW, TERM));
                Met::TookOver
            }
        }
    }

    fn announce(&self, sea: &mut Sea, i: usize, task: Task, first: bool) -> Met {
        if first && sea.drivers[i].starts {
            Self::turn(sea, task, Status::InProgress);
        }
        let met = self.take(sea, i);
        let noted = &mut sea.shared.noted[task];
        if *noted != Noted::Made {
            *noted = Noted::Young;
        }
        sea.drivers[i].at = At::Ledger(task, Stage::Announced);
        sea.written_by(Some(i));
        if self.next(sea, i, task, Stage::Announced) == Next::Trigger {
            self.judge_beginning(sea, i, task);
        }
        met
    }

    /// Steps on through the ledger.
    fn ledger(&self, sea: &mut Sea, i: usize, task: Task, stage: Stage) -> Met {
        let mut met = Met::Nothing;
        match self.next(sea, i, task, stage) {
            Next::Return => sea.drivers[i].at = At::Settles(task, Status::Pass),
            Next::StepBack => {
                met = Met::SteppedBack;
                self.decides(sea, i);
            }
            Next::Hold => {
                met = self.take(sea, i);
                sea.drivers[i].at = At::Ledger(task, Stage::Claimed);
                sea.written_by(Some(i));
            }
            Next::Look if sea.outside.runs[task] > 0 && self.breaks != Break::DoesNotLook => {
                sea.drivers[i].at = At::Holds(task);
                met = Met::Adopted;
            }
            Next::Look => {
                let early = sea.drivers[i].noted == Noted::Young;
                let found = if early { Stage::FoundNothingEarly } else { Stage::FoundNothing };
                sea.drivers[i].at = At::Ledger(task, found);
            }
            Next::Wait(_) => sea.drivers[i].at = At::Waits(task),
            Next::Withhold => {
                met = Met::Withheld;
                sea.drivers[i].put_off(task);
                self.decides(sea, i);
            }
            Next::MarkAndAnnounce => met = self.announce(sea, i, task, true),
            Next::Announce => met = self.announce(sea, i, task, false),
            Next::Trigger => {
                self.judge_beginning(sea, i, task);
                sea.outside.in_the_air[task] += 1;
                sea.drivers[i].at = At::Sent(task);
            }
        }
        met
    }

    // --- the laws of a step -----------------------------------------------------------------------------------------

    /// The laws for an effect about to be made. A person may have written between the append and the request, which nobody
    /// can know: only what stood when the driver last read or wrote the state counts, so a stale copy is not judged here
    /// but at the append.
    fn judge_beginning(&self, sea: &mut Sea, i: usize, task: Task) {
        if sea.drivers[i].stale {
            return;
        }
        let shared = &sea.shared;
        let passed = |t: Task| shared.status[t] == Status::Pass;
        let others_passed = Task::ALL.into_iter().all(|t| t == Task::ChangeAdvisoryStatus || passed(t));
        if task == Task::ChangeAdvisoryStatus && !others_passed {
            sea.broken = Some(Law::LastOfAll);
        } else if stopped(shared) {
            sea.broken = Some(Law::Stop);
        } else if !gate_is_open(shared, task) {
            sea.broken = Some(Law::Gate);
        }
    }

    /// What the fold makes of an entry that moves a task: a move that came too late changes nothing.
    fn turn(sea: &mut Sea, task: Task, to: Status) {
        let stage = |status: Status| match status {
            Status::NotStarted => 0,
            Status::InProgress => 1,
            Status::Pass | Status::Fail => 2,
        };
        let from = sea.shared.status[task];
        if stage(to) <= stage(from) {
            return;
        }
        let steps: &[(Status, Status)] = match (from, to) {
            (Status::NotStarted, Status::Pass | Status::Fail) => {
                &[(from, Status::InProgress), (Status::InProgress, to)]
            }
            _ => &[(from, to)],
        };
        if steps.iter().any(|(from, to)| transition::check(*from, *to, Cause::Drive).is_err()) {
            sea.broken = Some(Law::Transition);
        }
        sea.shared.status[task] = to;
    }

    // --- the model --------------------------------------------------------------------------------------------------

    pub(super) fn steps(&self, sea: &Sea, steps: &mut Vec<Step>) {
        for (i, driver) in sea.drivers.iter().enumerate() {
            match driver.at {
                At::Ashore => steps.push(Step::Wake(i)),
                At::Sent(task) => {
                    if sea.outside.in_the_air[task] == 0 {
                        steps.push(Step::Answer(i));
                    }
                    if sea.left.lost > 0 {
                        steps.push(Step::NoAnswer(i));
                    }
                }
                At::Waits(_) if driver.noted == Noted::Young => {}
                At::Settles(..) if sea.left.failures > 0 => steps.extend([Step::Go(i), Step::Fails(i)]),
                _ => steps.push(Step::Go(i)),
            }
            let has_something = driver.at != At::Ashore || sea.shared.lease == Some(Holder::of(i));
            if sea.left.crashes > 0 && has_something {
                steps.push(Step::Dies(i));
            }
        }
        for task in EFFECTFUL {
            if sea.outside.in_the_air[task] > 0 {
                steps.push(Step::Arrives(task));
                if sea.left.lost > 0 {
                    steps.push(Step::IsLost(task));
                }
            }
        }
        let calm = EFFECTFUL.into_iter().all(|t| sea.outside.in_the_air[t] == 0);
        // No request is under way for as long as a minute.
        if calm && EFFECTFUL.into_iter().any(|t| sea.shared.noted[t] == Noted::Young) {
            steps.push(Step::Minute);
        }
        if calm && let Some(holder) = sea.shared.lease {
            let alive = |i: usize| holder == Holder::of(i) && sea.drivers[i].at != At::Ashore;
            // A driver in the midst of a request does not outlive its lease: that is what the margin is for.
            let mid_request = |i: usize| matches!(sea.drivers[i].at, At::Sent(_));
            let sleeper = (0..2).find(|i| alive(*i));
            match sleeper {
                None => steps.push(Step::RunsOut),
                Some(i) if !mid_request(i) && sea.left.sleeps > 0 => steps.push(Step::RunsOut),
                Some(_) => {}
            }
        }
        if !sea.outside.promoted {
            steps.push(Step::Promoted);
        }
        if sea.shared.blocker.is_some() {
            steps.push(Step::Resolves);
        }
        if sea.left.persons > 0 {
            for task in &self.meddled {
                for to in [Status::Pass, Status::Fail] {
                    if transition::check(sea.shared.status[*task], to, Cause::Override).is_ok() {
                        steps.push(Step::Override(*task, to));
                    }
                }
            }
            if sea.shared.blocker.is_none() {
                steps.extend(self.blockers.iter().map(|filed| Step::Files(*filed)));
            }
        }
    }

    /// The state after a step, and what happened in it; none where the step changes nothing.
    pub(super) fn after(&self, before: &Sea, step: Step) -> Option<(Sea, Met)> {
        let (mut sea, mut met) = (*before, Met::Nothing);
        match step {
            Step::Wake(i) => self.decides(&mut sea, i),
            Step::Go(i) => met = self.go(&mut sea, i),
            Step::Fails(i) => {
                sea.left.failures -= 1;
                let At::Settles(task, _) = sea.drivers[i].at else { return None };
                self.settle(&mut sea, i, task, Status::Fail);
            }
            Step::Arrives(task) => {
                sea.outside.in_the_air[task] -= 1;
                sea.outside.runs[task] = (sea.outside.runs[task] + 1).min(2);
            }
            Step::IsLost(task) => {
                sea.left.lost -= 1;
                sea.outside.in_the_air[task] -= 1;
                // Who sent it hears of it, if it lives.
                if let Some(i) = (0..2).find(|i| sea.drivers[*i].at == At::Sent(task)) {
                    self.leaves_open(&mut sea, i, task);
                }
            }
            Step::Answer(i) => {
                let At::Sent(task) = sea.drivers[i].at else { return None };
                sea.drivers[i].at = At::Holds(task);
            }
            Step::NoAnswer(i) => {
                sea.left.lost -= 1;
                let At::Sent(task) = sea.drivers[i].at else { return None };
                self.leaves_open(&mut sea, i, task);
            }
            Step::Dies(i) => {
                sea.left.crashes -= 1;
                sea.drivers[i] = Driver::ashore();
                let dead = |lease: &mut Option<Holder>| {
                    if *lease == Some(Holder::of(i)) {
                        *lease = Some(Holder::Gone);
                    }
                };
                dead(&mut sea.shared.lease);
                sea.drivers.iter_mut().for_each(|driver| dead(&mut driver.lease));
            }
            Step::Minute => Self::minute(&mut sea),
            Step::RunsOut => {
                let alive = |i: usize| before.drivers[i].at != At::Ashore;
                if (0..2).any(|i| sea.shared.lease == Some(Holder::of(i)) && alive(i)) {
                    sea.left.sleeps -= 1;
                }
                Self::minute(&mut sea);
                sea.shared.lease = None;
                sea.drivers.iter_mut().for_each(|driver| driver.lease = None);
            }
            Step::Promoted => sea.outside.promoted = true,
            Step::Override(task, to) => {
                sea.left.persons -= 1;
                sea.shared.status[task] = to;
                sea.written_by(None);
            }
            Step::Files(filed) => {
                sea.left.persons -= 1;
                sea.shared.blocker = Some(filed);
                sea.written_by(None);
            }
            Step::Resolves => {
                sea.shared.blocker = None;
                sea.written_by(None);
            }
        }
        let sea = sea.normal();
        (sea != *before).then_some((sea, met))
    }

    fn go(&self, sea: &mut Sea, i: usize) -> Met {
        match sea.drivers[i].at {
            At::Ashore | At::Sent(_) => unreachable!("it has a step of its own"),
            At::Looks => {
                sea.drivers[i].looked = true;
                if sea.outside.promoted && !sea.shared.promoted {
                    sea.shared.promoted = true;
                    sea.written_by(Some(i));
                }
                self.reads_and_decides(sea, i);
            }
            At::Settles(task, to) => self.settle(sea, i, task, to),
            At::Ledger(task, stage) => return self.ledger(sea, i, task, stage),
            At::Waits(task) => sea.drivers[i].at = At::Ledger(task, Stage::Begun),
            At::Holds(task) => {
                sea.shared.noted[task] = Noted::Made;
                sea.written_by(Some(i));
                self.decides(sea, i);
            }
            At::Leaves => {
                if sea.shared.lease == Some(Holder::of(i)) {
                    sea.shared.lease = None;
                    sea.written_by(Some(i));
                }
                sea.drivers[i] = Driver::ashore();
            }
        }
        Met::Nothing
    }

    /// A look that found nothing new writes nothing; that the copy is read anew then is a convenience of the model: a
    /// decision on the older copy is one that was made a moment earlier.
    fn reads_and_decides(&self, sea: &mut Sea, i: usize) {
        self.decides(sea, i);
    }

    fn settle(&self, sea: &mut Sea, i: usize, task: Task, to: Status) {
        let driver = sea.drivers[i];
        if driver.starts && !driver.stale && !EFFECTFUL.contains(&task) {
            self.judge_beginning(sea, i, task);
        }
        Self::turn(sea, task, to);
        sea.written_by(Some(i));
        self.decides(sea, i);
    }

    /// The effect failed for the moment: its intent stays open, and the task is put off.
    fn leaves_open(&self, sea: &mut Sea, i: usize, task: Task) {
        sea.drivers[i].put_off(task);
        self.decides(sea, i);
    }

    fn minute(sea: &mut Sea) {
        let older = |noted: Noted| if noted == Noted::Young { Noted::Old } else { noted };
        sea.shared.noted = TaskMap::from_fn(|t| older(sea.shared.noted[t]));
        for driver in &mut sea.drivers {
            driver.noted = older(driver.noted);
        }
    }
}

// --- the rules, said once more in the model's own words ---------------------------------------------------------------

/// Whether a task other than the candidate's analysis stands failed.
pub(super) fn stopped(shared: &Shared) -> bool {
    Task::ALL.into_iter().any(|t| t != Task::AnalyzeCandidateBuild && shared.status[t] == Status::Fail)
}

/// Whether a task may begin.
pub(super) fn gate_is_open(shared: &Shared, task: Task) -> bool {
    let passed = |tasks: &[Task]| tasks.iter().all(|t| shared.status[*t] == Status::Pass);
    let open = match task {
        Task::CreateTestReport | Task::AnalyzeCandidateBuild => true,
        Task::TakeOwnership => passed(&[Task::CreateTestReport]),
        Task::CheckCveTrackerBug => passed(&[Task::TakeOwnership]),
        Task::PushToCdnStaging => passed(&[Task::CheckCveTrackerBug]),
        Task::AnalyzePromotedBuild => passed(&[Task::CheckCveTrackerBug]) && shared.promoted,
        Task::ImageConsistencyCheck | Task::StageTesting => passed(&[Task::AnalyzePromotedBuild]),
        Task::ImageSignedCheck => {
            passed(&[Task::PushToCdnStaging, Task::ImageConsistencyCheck, Task::StageTesting])
        }
        Task::ChangeAdvisoryStatus => passed(&Task::ALL[..9]),
    };
    let blocked = match shared.blocker {
        None => false,
        Some(Filed::General) => task == Task::ChangeAdvisoryStatus,
        Some(Filed::Of(of)) => of == task,
    };
    open && !blocked
}

/// How many drivers stand between an intent that counts and its handle.
pub(super) fn between_intent_and_handle(voyage: &Voyage, sea: &Sea) -> usize {
    (0..2)
        .filter(|i| match sea.drivers[*i].at {
            At::Sent(_) => true,
            At::Ledger(task, Stage::Announced) => {
                voyage.next(sea, *i, task, Stage::Announced) == Next::Trigger
            }
            _ => false,
        })
        .count()
}
