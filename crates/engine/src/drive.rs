//! The drive loop: look, decide, act, record; then wait for what comes first.

use jiff::Timestamp;
use regatta_flow::decide::{Decision, Move, Subject, decide};
use regatta_flow::wait::{On, ServiceState};
use regatta_kit::{Ahead, Status, Task, TaskMap};
use regatta_statebox::event::{Audience, Body, Evidence, Message, QuestionRecord};
use regatta_tasks::context::Context;
use regatta_tasks::effects::Early;
use regatta_tasks::outcome::Outcome;
use std::sync::Mutex;

use crate::app::{App, Watch};
use crate::error::EngineError;
use crate::evidence::subject;
use crate::facts::assemble;
use crate::ledger::Ledger;
use crate::lookbook::LookBook;
use crate::observe::{self, lock};
use crate::outbox;
use crate::report::{DriveReport, DriveState, IssueView, Moved, Observer, Snapshot, asking, waiting};
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

impl Drive<'_> {
    fn app(&self) -> &App {
        self.session.app
    }

    /// Drives until the watch says to stop.
    pub(crate) async fn run(&mut self, watch: Watch) -> Result<DriveReport, EngineError> {
        let mut last_look = LastLook::NotTaken;
        loop {
            let decision = self.pass().await?;
            let now = self.session.now();
            self.observer.waits(&self.snapshot(&decision, now));
            let Some(until) = self.next_wake(&decision, watch, &mut last_look, now).await else {
                return Ok(self.report(&decision));
            };
            self.app().clock.sleep_until(until).await;
            self.app().refresh_metadata(self.session, now).await?;
        }
    }

    /// Makes every move that is legal now, delivers messages, and returns what then holds.
    pub(crate) async fn pass(&mut self) -> Result<Decision, EngineError> {
        for _ in 0..MOVES_PER_PASS_LIMIT {
            let decision = self.decide();
            if decision.moves.is_empty() {
                self.sync_questions(&decision).await?;
                self.announce_end(&decision).await?;
                let told = self.outbox.deliver(self.session, &decision).await?;
                told.iter().for_each(|line| self.observer.told(line));
                return Ok(decision);
            }
            let looks = decision.moves.iter().take_while(|m| matches!(m, Move::Look(_))).count();
            if looks > 0 {
                for what in &decision.moves[..looks] {
                    if let Move::Look(what) = what {
                        observe::look(self.session, &self.book, *what).await?;
                    }
                }
            } else {
                self.make(decision.moves[0].clone()).await?;
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
        if decision.finished {
            return None;
        }
        let next =
            [decision.next_look, decision.next_deadline, self.outbox.next_try()].into_iter().flatten().min();
        match watch {
            Watch::Once => {
                // Short retries belong to this run; longer waits are the next run's.
                decision
                    .waits
                    .iter()
                    .filter(|w| matches!(&w.on, On::Service { state: ServiceState::Retrying, .. }))
                    .filter_map(|w| w.check_after)
                    .chain(self.outbox.retrying())
                    .min()
            }
            Watch::UntilDone => {
                let running = self.session.read(|folded| {
                    folded.tasks.iter().any(|(t, s)| {
                        s.status == Status::InProgress
                            && regatta_flow::table::row(t).kind != regatta_flow::table::Kind::Analysis
                    })
                });
                match self.app().clock.ahead().await {
                    Ahead::Unknown => {
                        let goes_on = decision.waits.iter().any(|w| w.on.ends_by_itself());
                        if goes_on || self.outbox.next_try().is_some() { next } else { None }
                    }
                    Ahead::At(event) => {
                        *last_look = LastLook::NotTaken;
                        // Polls find the event when their time comes; where there are none, it is looked at as it happens.
                        if next.is_none() {
                            lock(&self.book).forget_looks();
                        }
                        Some(next.unwrap_or(event))
                    }
                    Ahead::Nothing if running && self.job_may_end(decision) => next,
                    Ahead::Nothing if decision.next_deadline.is_some() => decision.next_deadline,
                    // Nothing more happens by itself; what happened since the last look must still be seen.
                    Ahead::Nothing if *last_look == LastLook::NotTaken => {
                        *last_look = LastLook::Taken;
                        lock(&self.book).forget_looks();
                        Some(now)
                    }
                    Ahead::Nothing => None,
                }
            }
        }
    }

    /// Whether something that runs can still end: it is followed, not merely shut off by a gate.
    fn job_may_end(&self, decision: &Decision) -> bool {
        decision
            .waits
            .iter()
            .any(|w| matches!(w.on, On::Job { .. } | On::Service { .. }) && w.check_after.is_some())
    }

    async fn make(&mut self, step: Move) -> Result<(), EngineError> {
        match step {
            Move::Look(what) => observe::look(self.session, &self.book, what).await?,
            Move::Start(task) => self.run_task(task, "start").await?,
            Move::Check(task) => self.run_task(task, "check").await?,
            Move::Begin(task) => {
                self.session.append(self.moves_to(task, Status::InProgress, None, None)).await?;
                self.note(task, "begin", "a person has to judge the evidence".to_owned());
            }
            Move::Conclude { task, to, why, digest } => {
                let evidence = Evidence { summary: why.clone(), digest, links: Vec::new() };
                let mut drafts = self.moves_to(task, to, Some(evidence), Some(why.clone()));
                if to == Status::Fail {
                    drafts.push(self.failure_message(task, &why));
                }
                self.session.append(drafts).await?;
                self.note(task, "conclude", format!("{to}: {why}"));
            }
            Move::Reset { task, why } => {
                let (from, attempt) = self.session.read(|f| (f.tasks[task].status, f.tasks[task].attempt));
                let body = Body::TaskMoved {
                    task,
                    from,
                    to: Status::NotStarted,
                    attempt: attempt + 1,
                    evidence: None,
                    result: None,
                };
                self.session.append(vec![Draft::because(&why, body)]).await?;
                self.note(task, "reset", why);
            }
        }
        Ok(())
    }

    async fn run_task(&mut self, task: Task, action: &'static str) -> Result<(), EngineError> {
        let app = self.app();
        let (metadata, attempt) = self.session.read(|f| (f.metadata.clone(), f.tasks[task].attempt));
        let ledger = Ledger { session: self.session, task: Some(task) };
        let owner = self.owner();
        let outcome = {
            let context = Context {
                release: self.session.release,
                metadata: &metadata,
                attempt,
                now: self.session.now(),
                owner: owner.as_deref(),
                services: &app.services,
                settings: &app.settings.tasks,
                effects: &ledger,
            };
            match app.runner.run(task, &context).await {
                Ok(outcome) => outcome,
                Err(Early::Outcome(outcome)) => *outcome,
                Err(Early::Engine(error)) => return Err(error.into()),
            }
        };
        self.record(task, action, outcome, owner).await
    }

    async fn record(
        &mut self,
        task: Task,
        action: &'static str,
        outcome: Outcome,
        owner: Option<String>,
    ) -> Result<(), EngineError> {
        let mut drafts = Vec::new();
        let line = match &outcome {
            Outcome::Passed(evidence) | Outcome::AlreadyDone(evidence) => {
                drafts =
                    self.moves_to(task, Status::Pass, Some(evidence.clone()), Some(evidence.summary.clone()));
                if task == Task::TakeOwnership
                    && let Some(owner) = owner
                {
                    drafts.push(self.owner_record(&owner));
                }
                format!("Pass: {}", evidence.summary)
            }
            Outcome::Failed(failure, evidence) => {
                let result = format!("{} [{}]", failure.text, failure.code);
                drafts = self.moves_to(task, Status::Fail, Some(evidence.clone()), Some(result.clone()));
                drafts.push(self.failure_message(task, &result));
                format!("Fail: {result}")
            }
            Outcome::Running(handle, _) => {
                drafts = self.moves_to(task, Status::InProgress, None, None);
                format!("running: {}", handle.url.as_deref().unwrap_or(&handle.id))
            }
            Outcome::Scheduled { what, .. } => {
                drafts = self.moves_to(task, Status::InProgress, None, None);
                format!("scheduled: {what}")
            }
            Outcome::Blocked(precondition, _) => format!("blocked: {}", precondition.why),
            Outcome::NeedsPerson(question) => format!("needs a person: {}", question.text),
            Outcome::NeedsCredentials(error) => format!("needs credentials: {error}"),
            Outcome::Transient(error) => format!("to be tried again: {error}"),
        };
        self.session.append(drafts).await?;
        let now = self.session.now();
        let begun = self.session.read(|f| f.tasks[task].moved_at).unwrap_or(now);
        lock(&self.book).answered(task, &outcome, begun, now);
        // Looking after something that still runs is no news.
        if action == "start"
            || !matches!(outcome, Outcome::Running(..) | Outcome::Scheduled { .. } | Outcome::Blocked(..))
        {
            self.note(task, action, line);
        }
        Ok(())
    }

    /// The entries that bring a task to `to` by legal steps; none when it is there.
    fn moves_to(
        &self,
        task: Task,
        to: Status,
        evidence: Option<Evidence>,
        result: Option<String>,
    ) -> Vec<Draft> {
        let (from, attempt) = self.session.read(|f| (f.tasks[task].status, f.tasks[task].attempt));
        let moved = |from, to, evidence, result| {
            Draft::from(Body::TaskMoved { task, from, to, attempt, evidence, result })
        };
        match (from, to) {
            (from, to) if from == to => Vec::new(),
            (Status::NotStarted, Status::Pass | Status::Fail) => vec![
                moved(Status::NotStarted, Status::InProgress, None, None),
                moved(Status::InProgress, to, evidence, result),
            ],
            (from, to) => vec![moved(from, to, evidence, result)],
        }
    }

    fn note(&mut self, task: Task, action: &str, outcome: String) {
        let moved = Moved { task, action: action.to_owned(), outcome, at: self.session.now() };
        self.observer.moved(&moved);
        self.moved.push(moved);
    }

    /// The owner: the flag, the one recorded, the configured default.
    fn owner(&self) -> Option<String> {
        let domain = &self.app().settings.tasks.mail_domain;
        self.owner
            .clone()
            .or_else(|| {
                self.session.read(|folded| {
                    let local = folded.observed.get(subject::OWNER)?.value.as_str()?;
                    Some(if local.contains('@') { local.to_owned() } else { format!("{local}@{domain}") })
                })
            })
            .or_else(|| self.app().settings.default_owner.clone())
    }

    /// The owner is stored as the local part: state is public, addresses are not.
    fn owner_record(&self, owner: &str) -> Draft {
        let domain = format!("@{}", self.app().settings.tasks.mail_domain);
        let local = owner.strip_suffix(&domain).unwrap_or(owner);
        let digest = regatta_kit::ids::digest(local.as_bytes(), 16);
        Body::Observed { subject: subject::OWNER.to_owned(), value: local.into(), digest }.into()
    }

    fn failure_message(&self, task: Task, why: &str) -> Draft {
        let release = self.session.release;
        let attempt = self.session.read(|f| f.tasks[task].attempt);
        let text = match task {
            Task::AnalyzePromotedBuild => format!(
                "Gate check failed for {release}: {why}. Pipeline stopped - manual intervention required. Record critical bugs with `regatta issue add {release} KEY --blocker`."
            ),
            Task::AnalyzeCandidateBuild => format!(
                "The candidate build of {release} has blocking issues: {why}. Record critical bugs with `regatta issue add {release} KEY`."
            ),
            _ => {
                format!("{task} of {release} failed: {why}. Pipeline stopped - manual intervention required.")
            }
        };
        let message =
            Message { key: format!("failed:{release}:{task}:{attempt}"), to: Audience::Owner, text };
        Body::Queued { message }.into()
    }

    /// Writes down which questions are open now, and tells the owner of new ones.
    async fn sync_questions(&self, decision: &Decision) -> Result<(), EngineError> {
        let release = self.session.release;
        let open: Vec<String> =
            self.session.read(|f| f.open_questions.iter().map(|q| q.question.key.clone()).collect());
        let mut drafts: Vec<Draft> = Vec::new();
        for question in &decision.needs_human {
            if open.contains(&question.key) {
                continue;
            }
            drafts.push(
                Body::Asked {
                    question: QuestionRecord {
                        key: question.key.clone(),
                        task: question.task,
                        text: question.text.clone(),
                        options: question.options.clone(),
                        evidence: question.evidence.clone(),
                    },
                }
                .into(),
            );
            let options: String = question.options.iter().map(|o| format!("\n• {o}")).collect();
            let message = Message {
                key: format!("question:{release}:{}", question.key),
                to: Audience::Owner,
                text: format!("{release} needs a decision: {}{options}", question.text),
            };
            drafts.push(Body::Queued { message }.into());
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
        if !decision.finished {
            return Ok(());
        }
        let release = self.session.release;
        self.session.tell(Message {
            key: format!("completed:{release}"),
            to: Audience::OwnerAndChannel,
            text: format!("Release {release} completed successfully!"),
        });
        Ok(self.session.append(Vec::new()).await?)
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
            needs_human: asking(decision),
            next_look: decision.next_look,
        }
    }

    pub(crate) fn report(&self, decision: &Decision) -> DriveReport {
        DriveReport {
            release: self.session.release,
            overall_status: decision.overall,
            state: DriveState::of(decision),
            tasks: self.statuses(),
            moved: self.moved.clone(),
            waiting: waiting(decision),
            needs_human: asking(decision),
            issues: self.session.read(|f| f.issues.iter().map(IssueView::from).collect()),
            look_again: [decision.next_look, decision.next_deadline].into_iter().flatten().min(),
        }
    }
}

/// Whether everything was looked at once more after the world's last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastLook {
    NotTaken,
    Taken,
}

/// The plan of a dry run: what would be done first, and what is waited for.
pub(crate) fn plan(decision: &Decision) -> Vec<String> {
    let line = |step: &Move| match step {
        Move::Look(Subject::Promotion) => "look at the build's promotion".to_owned(),
        Move::Look(Subject::Candidate) => "read the candidate build's result file".to_owned(),
        Move::Look(Subject::Promoted) => "read the promoted build's result file".to_owned(),
        Move::Start(task) => format!("start {task}"),
        Move::Check(task) => format!("look after {task}"),
        Move::Begin(task) => format!("put {task} In Progress: a person has to judge it"),
        Move::Conclude { task, to, why, .. } => format!("put {task} to {to}: {why}"),
        Move::Reset { task, why } => format!("put {task} back to Not Started: {why}"),
    };
    decision.moves.iter().map(line).collect()
}
