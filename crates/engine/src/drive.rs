//! The drive loop: read the state anew, look, decide, act; then wait for what comes first.

use jiff::{SignedDuration, Timestamp};
use regatta_flow::decide::{Decision, Move, decide};
use regatta_flow::facts::{Facts, after};
use regatta_flow::table::{self, row};
use regatta_flow::wait::{On, ServiceState};
use regatta_kit::{Ahead, Code, ErrorClass, Status, TaskMap};
use regatta_statebox::event::{Body, QuestionRecord};
use regatta_statebox::store::StoreError;
use std::sync::{Mutex, PoisonError};

use crate::app::{App, Watch};
use crate::error::EngineError;
use crate::facts::{assemble, refresh};
use crate::lease;
use crate::lookbook::LookBook;
use crate::messages;
use crate::observe::{self, lock};
use crate::outbox;
use crate::patience::Patience;
use crate::report::{DriveReport, DriveState, Failed, IssueView, Moved, Observer, Snapshot, asking, waiting};
use crate::rules::{Base, Claim};
use crate::session::{Draft, Session};

/// No pass makes more moves than this; more means that a rule goes in a circle.
const MOVES_PER_PASS_LIMIT: usize = 500;
/// How often a drive that finds the release held looks whether it still is.
const HELD_POLL: SignedDuration = SignedDuration::from_mins(5);

pub(crate) struct Drive<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) book: Mutex<LookBook>,
    /// The facts of the last decision, with the version of the state that they were taken from.
    facts: Mutex<Option<(String, Facts)>>,
    pub(crate) outbox: outbox::Outbox,
    pub(crate) owner: Option<String>,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) moved: Vec<Moved>,
    /// From whom this drive took over, once that was said.
    predecessor: Option<String>,
}

/// How a pass ended.
pub(crate) enum Pass {
    /// No move is left.
    Quiet(Decision),
    /// Another driver holds the release.
    Held { decision: Decision, holder: String, until: Timestamp },
}

/// Whether everything was looked at once more after the world's last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastLook {
    NotTaken,
    Taken,
}

/// Whether a move was made, or the state moved first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Made,
    Overtaken,
}

impl<'a> Drive<'a> {
    pub(crate) fn new(session: &'a Session<'a>, owner: Option<String>, observer: &'a dyn Observer) -> Self {
        Self {
            session,
            book: Mutex::new(LookBook::default()),
            facts: Mutex::default(),
            outbox: outbox::Outbox::default(),
            owner,
            observer,
            moved: Vec::new(),
            predecessor: None,
        }
    }

    pub(crate) fn app(&self) -> &'a App {
        self.session.app
    }

    /// Drives until the watch says to stop. However it ends, with an error too, the release is given back.
    pub(crate) async fn run(&mut self, watch: Watch) -> Result<DriveReport, EngineError> {
        let ended = self.drive_on(watch).await;
        self.give_back().await;
        ended
    }

    /// Gives the release back if it is this driver's. Where that cannot be written, the claim runs out.
    async fn give_back(&self) {
        let (holder, now) = (&self.app().identity.holder, self.session.now());
        if !matches!(self.session.read(|f| lease::claim(f, holder, now)), Claim::Mine(_)) {
            return;
        }
        let given_back = lease::give_back(holder, now);
        if let Err(error) = self.session.append(vec![given_back.into()]).await {
            tracing::warn!(%error, release = %self.session.release, "the release could not be given back; the claim runs out by itself");
        }
    }

    /// Drives until the watch says to stop. A store that fails for good ends the drive with a report of what was done.
    async fn drive_on(&mut self, watch: Watch) -> Result<DriveReport, EngineError> {
        let mut last_look = LastLook::NotTaken;
        let mut patience = Patience::of(watch);
        let mut said = String::new();
        loop {
            let pass = match self.pass().await {
                Ok(pass) => pass,
                Err(error @ EngineError::Store(_)) => {
                    match (patience.again(&error, self.session.now()), error) {
                        (Some(again), error) => {
                            self.observer
                                .hindered(self.session.now(), &format!("to be tried again: {error}"));
                            self.app().clock.sleep_until(again).await;
                            continue;
                        }
                        (None, EngineError::Store(error)) if ends_with_report(&error) => {
                            return Ok(self.ended(&self.decide(), state_of(&error), Some(error.to_string())));
                        }
                        (None, error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            };
            patience.rewarded();
            let now = self.session.now();
            let until = match &pass {
                Pass::Quiet(decision) => {
                    self.observer.waits(&|| self.snapshot(decision, now));
                    self.next_wake(decision, watch, &mut last_look, now).await
                }
                Pass::Held { holder, until, .. } => {
                    let why = format!("held by {holder} until {until}");
                    if said != why {
                        self.observer.hindered(now, &why);
                        said = why;
                    }
                    // It may be given back earlier, or its holder be seen to be gone.
                    (watch == Watch::UntilDone).then(|| after(now, HELD_POLL).min(*until))
                }
            };
            let Some(until) = until else {
                return Ok(self.finish(pass));
            };
            self.app().clock.sleep_until(until).await;
            self.app().refresh_metadata(self.session, self.session.now()).await;
        }
    }

    fn finish(&self, pass: Pass) -> DriveReport {
        match pass {
            Pass::Quiet(decision) => {
                let state = DriveState::of(&decision);
                self.ended(&decision, state, None)
            }
            Pass::Held { decision, holder, until } => {
                let why = format!(
                    "held by {holder} until {until}; `--watch` waits for it [{}]",
                    Code::HeldByAnother
                );
                let mut report = self.ended(&decision, DriveState::Conflict, Some(why));
                report.look_again = Some(until);
                report
            }
        }
    }

    /// Makes every move that is legal now, delivers messages, and returns what then holds.
    pub(crate) async fn pass(&mut self) -> Result<Pass, EngineError> {
        self.session.reload().await?;
        for _ in 0..MOVES_PER_PASS_LIMIT {
            let decision = self.decide();
            let now = self.session.now();
            let holder = &self.app().identity.holder;
            let held = self
                .session
                .read(|f| lease::of_another(f, holder, now).map(|l| (lease::shown(&l.holder), l.until)));
            if let Some((holder, until)) = held {
                return Ok(Pass::Held { decision, holder, until });
            }
            self.say_whom_it_replaces(now);
            let looks = decision.moves.iter().take_while(|m| matches!(m, Move::Look(_))).count();
            if looks > 0 {
                for what in &decision.moves[..looks] {
                    if let Move::Look(what) = what {
                        observe::look(self.session, &self.book, *what).await?;
                    }
                }
            } else if let Some(step) = decision.moves.first() {
                if self.make(step.clone()).await? == Step::Overtaken {
                    self.session.reload().await?;
                }
            } else {
                self.sync_questions(&decision).await?;
                self.announce_end(&decision).await?;
                let told = self.outbox.deliver(self.session, &decision).await?;
                told.iter().for_each(|line| self.observer.told(line));
                if self.session.base() == Base::Moved {
                    // Others wrote meanwhile: what was decided may hold no more.
                    continue;
                }
                return Ok(Pass::Quiet(decision));
            }
        }
        Err(EngineError::Internal(format!(
            "more than {MOVES_PER_PASS_LIMIT} moves in one pass over {}: a rule goes in a circle",
            self.session.release
        )))
    }

    /// A claim that nobody gave back, and that lets others go on, is that of a driver that died.
    fn say_whom_it_replaces(&mut self, now: Timestamp) {
        let known = [Some(&self.app().identity.holder), self.predecessor.as_ref()];
        let before = self.session.read(|folded| {
            let holder = &folded.lease.as_ref()?.holder;
            (!known.contains(&Some(holder))).then(|| holder.clone())
        });
        if let Some(before) = before {
            self.observer.takes_over(now, &lease::shown(&before));
            self.predecessor = Some(before);
        }
    }

    pub(crate) fn decide(&self) -> Decision {
        self.session.decides();
        let now = self.session.now();
        let settings = &self.app().settings;
        let (book, mut facts) = (lock(&self.book), self.facts.lock().unwrap_or_else(PoisonError::into_inner));
        // Most looks find nothing new: then only the time and the book have changed.
        match facts.as_mut().filter(|(version, _)| self.session.is_at(version)) {
            Some((_, facts)) => refresh(facts, &book, now),
            None => {
                let (release, arch) = (self.session.release, settings.tasks.arch);
                let assembled =
                    self.session.read(|folded| assemble(release, folded, &book, settings.policy, arch, now));
                *facts = Some((self.session.version(), assembled));
            }
        }
        facts.as_ref().map(|(_, facts)| decide(facts)).expect("just assembled")
    }

    /// When to go on, or `None` when the drive ends here.
    async fn next_wake(
        &self,
        decision: &Decision,
        watch: Watch,
        last_look: &mut LastLook,
        now: Timestamp,
    ) -> Option<Timestamp> {
        // Short retries belong to this run, messages' too; longer waits are the next run's.
        let retrying = self.outbox.retrying(now);
        if decision.finished {
            return retrying;
        }
        let next = [decision.next_look, decision.next_deadline, self.outbox.next_try(now)]
            .into_iter()
            .flatten()
            .min();
        match watch {
            Watch::Once => decision
                .waits
                .iter()
                .filter(|w| matches!(&w.on, On::Service { state: ServiceState::Retrying, .. }))
                .filter_map(|w| w.check_after)
                .chain(retrying)
                .min(),
            Watch::UntilDone => match self.app().clock.ahead().await {
                Ahead::Unknown => {
                    let goes_on =
                        self.something_runs() || decision.waits.iter().any(|w| w.on.ends_by_itself());
                    if goes_on { next } else { retrying }
                }
                Ahead::At(event) => {
                    *last_look = LastLook::NotTaken;
                    // Polls find the event when their time comes; where there are none, it is looked at as it happens.
                    if next.is_none() {
                        lock(&self.book).forget_looks();
                    }
                    Some(next.unwrap_or(event))
                }
                Ahead::Nothing if self.something_runs() && follows_a_job(decision) => next,
                // Nothing more happens by itself; what happened since the last look must still be seen.
                Ahead::Nothing if *last_look == LastLook::NotTaken => {
                    *last_look = LastLook::Taken;
                    lock(&self.book).forget_looks();
                    Some(now)
                }
                Ahead::Nothing => {
                    // A service that fails is asked again, until its limit has made a question of it.
                    let services = decision.waits.iter().filter(|w| matches!(w.on, On::Service { .. }));
                    let asked_again =
                        decision.next_deadline.and(services.filter_map(|w| w.check_after).min());
                    [decision.next_deadline, asked_again, retrying].into_iter().flatten().min()
                }
            },
        }
    }

    fn something_runs(&self) -> bool {
        self.session.read(|folded| {
            folded
                .tasks
                .iter()
                .any(|(t, s)| s.status == Status::InProgress && row(t).kind != table::Kind::Analysis)
        })
    }

    /// Writes down which questions are open now, and tells the owner of new ones.
    async fn sync_questions(&self, decision: &Decision) -> Result<(), EngineError> {
        let open: Vec<String> =
            self.session.read(|f| f.open_questions.iter().map(|q| q.question.key.clone()).collect());
        let mut drafts: Vec<Draft> = Vec::new();
        for question in decision.needs_human.iter().filter(|q| !open.contains(&q.key)) {
            let record = QuestionRecord {
                key: question.key.clone(),
                task: question.task,
                text: question.text.clone(),
                options: question.options.clone(),
                evidence: question.evidence.clone(),
            };
            drafts.push(Body::Asked { question: record }.into());
            drafts.push(Body::Queued { message: messages::question(self.session.release, question) }.into());
        }
        for key in open {
            if !decision.needs_human.iter().any(|q| q.key == key) {
                drafts.push(
                    Body::Closed { question: key, how: "what it asked about has changed".to_owned() }.into(),
                );
            }
        }
        Ok(self.session.append(drafts).await?)
    }

    async fn announce_end(&self, decision: &Decision) -> Result<(), EngineError> {
        if decision.finished {
            self.session.tell(messages::completed(self.session.release));
            self.session.append(Vec::new()).await?;
        }
        Ok(())
    }

    fn statuses(&self) -> TaskMap<Status> {
        self.session.read(|f| TaskMap::from_fn(|t| f.tasks[t].status))
    }

    fn snapshot(&self, decision: &Decision, now: Timestamp) -> Snapshot {
        Snapshot {
            release: self.session.release,
            now,
            tasks: self.statuses(),
            overall: decision.overall,
            waiting: waiting(decision),
            needs_human: self.app().asking(self.session, decision),
            next_look: decision.next_look,
        }
    }

    fn ended(&self, decision: &Decision, state: DriveState, why: Option<String>) -> DriveReport {
        DriveReport {
            release: self.session.release,
            overall_status: decision.overall,
            state,
            why,
            tasks: self.statuses(),
            moved: self.moved.clone(),
            waiting: waiting(decision),
            needs_human: self.app().asking(self.session, decision),
            failed: self.session.read(Failed::of),
            untold: self.outbox.untold(self.session),
            issues: self.session.read(|f| f.issues.iter().map(IssueView::from).collect()),
            look_again: [decision.next_look, decision.next_deadline].into_iter().flatten().min(),
        }
    }
}

impl App {
    /// The questions, with where to look before answering.
    pub(crate) fn asking(&self, session: &Session<'_>, decision: &Decision) -> Vec<crate::report::Asking> {
        asking(decision, |task| {
            session.read(|f| observe::where_to_look(f, task, session.release, self.settings.tasks.arch))
        })
    }
}

/// Whether something that runs can still end: it is followed, not merely shut off by a gate.
fn follows_a_job(decision: &Decision) -> bool {
    decision
        .waits
        .iter()
        .any(|w| matches!(w.on, On::Job { .. } | On::Service { .. }) && w.check_after.is_some())
}

/// Whether the store may come back: then what was done until now is worth a report.
fn ends_with_report(error: &StoreError) -> bool {
    matches!(error.class(), ErrorClass::Transient | ErrorClass::NeedsCredentials)
}

const fn state_of(error: &StoreError) -> DriveState {
    match error {
        StoreError::Conflict { .. } => DriveState::Conflict,
        StoreError::NotAuthorised { .. } => DriveState::NeedsCredentials,
        _ => DriveState::Unavailable,
    }
}
