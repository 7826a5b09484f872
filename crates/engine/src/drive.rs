//! The drive loop: read the state anew, look, decide, act; then wait for what comes first.

use jiff::Timestamp;
use regatta_flow::decide::{Decision, Move, decide};
use regatta_flow::facts::after;
use regatta_flow::table::{self, row};
use regatta_flow::wait::{On, ServiceState};
use regatta_kit::{Ahead, Code, ErrorClass, Status, TaskMap};
use regatta_statebox::event::{Body, QuestionRecord};
use regatta_statebox::store::StoreError;
use std::sync::Mutex;

use crate::app::{App, Watch};
use crate::error::EngineError;
use crate::facts::assemble;
use crate::lease;
use crate::lookbook::{LookBook, RETRY_AFTER};
use crate::messages;
use crate::observe::{self, lock};
use crate::outbox;
use crate::report::{DriveReport, DriveState, Failed, IssueView, Moved, Observer, Snapshot, asking, waiting};
use crate::session::{Draft, Session};

/// No pass makes more moves than this; more means that a rule goes in a circle.
const MOVES_PER_PASS_LIMIT: usize = 500;

pub(crate) struct Drive<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) book: Mutex<LookBook>,
    pub(crate) outbox: outbox::Outbox,
    pub(crate) owner: Option<String>,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) moved: Vec<Moved>,
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
            outbox: outbox::Outbox::default(),
            owner,
            observer,
            moved: Vec::new(),
        }
    }

    pub(crate) fn app(&self) -> &'a App {
        self.session.app
    }

    /// Drives until the watch says to stop. A store that fails for good ends the drive with a report of what was done.
    pub(crate) async fn run(&mut self, watch: Watch) -> Result<DriveReport, EngineError> {
        let mut last_look = LastLook::NotTaken;
        let mut store_failures = 0;
        loop {
            let pass = match self.pass().await {
                Ok(pass) => pass,
                Err(EngineError::Store(error)) if worth_another_try(&error) => {
                    let Some(wait) = RETRY_AFTER.get(store_failures) else {
                        return Ok(self.ended(&self.decide(), state_of(&error), Some(error.to_string())));
                    };
                    store_failures += 1;
                    self.observer.hindered(self.session.now(), &format!("to be tried again: {error}"));
                    self.app().clock.sleep_until(after(self.session.now(), *wait)).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            store_failures = 0;
            let now = self.session.now();
            let until = match &pass {
                Pass::Quiet(decision) => {
                    self.observer.waits(&self.snapshot(decision, now));
                    self.next_wake(decision, watch, &mut last_look, now).await
                }
                Pass::Held { holder, until, .. } => {
                    self.observer.hindered(now, &format!("held by {holder} until {until}"));
                    (watch == Watch::UntilDone).then_some(*until)
                }
            };
            let Some(until) = until else {
                return self.finish(pass).await;
            };
            self.app().clock.sleep_until(until).await;
            self.app().refresh_metadata(self.session, self.session.now()).await?;
        }
    }

    async fn finish(&mut self, pass: Pass) -> Result<DriveReport, EngineError> {
        match pass {
            Pass::Quiet(decision) => {
                let (holder, now) = (&self.app().identity.holder, self.session.now());
                if self.session.read(|f| lease::is_mine(f, holder, now)) {
                    self.session.append(vec![lease::give_back(holder, now).into()]).await?;
                }
                let state = DriveState::of(&decision);
                Ok(self.ended(&decision, state, None))
            }
            Pass::Held { decision, holder, until } => {
                let why = format!(
                    "held by {holder} until {until}; `--watch` waits for it [{}]",
                    Code::HeldByAnother
                );
                let mut report = self.ended(&decision, DriveState::Conflict, Some(why));
                report.look_again = Some(until);
                Ok(report)
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
                return Ok(Pass::Quiet(decision));
            }
        }
        Err(EngineError::Internal(format!(
            "more than {MOVES_PER_PASS_LIMIT} moves in one pass over {}: a rule goes in a circle",
            self.session.release
        )))
    }

    pub(crate) fn decide(&self) -> Decision {
        let now = self.session.now();
        let settings = &self.app().settings;
        let facts = self.session.read(|folded| {
            assemble(
                self.session.release,
                folded,
                &lock(&self.book),
                settings.policy,
                settings.tasks.arch,
                now,
            )
        });
        decide(&facts)
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
                Ahead::Nothing => [decision.next_deadline, retrying].into_iter().flatten().min(),
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

fn worth_another_try(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict { .. }) || error.class() == ErrorClass::Transient
}

const fn state_of(error: &StoreError) -> DriveState {
    match error {
        StoreError::Conflict { .. } => DriveState::Conflict,
        StoreError::NotAuthorised { .. } => DriveState::NeedsCredentials,
        _ => DriveState::Unavailable,
    }
}
