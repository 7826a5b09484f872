//! Making one move, and writing down how it ended.

use regatta_flow::decide::Move;
use regatta_flow::table::row;
use regatta_kit::{Status, Task};
use regatta_statebox::event::{Body, Evidence};
use regatta_tasks::context::Context;
use regatta_tasks::effects::Early;
use regatta_tasks::outcome::{Outcome, Precondition};

use crate::drive::{Drive, Step};
use crate::error::EngineError;
use crate::evidence::{local_part, subject};
use crate::ledger::Ledger;
use crate::messages;
use crate::observe::{self, lock};
use crate::report::Moved;
use crate::session::Draft;

impl Drive<'_> {
    pub(crate) async fn make(&mut self, step: Move) -> Result<Step, EngineError> {
        match step {
            Move::Look(what) => observe::look(self.session, &self.book, what).await?,
            Move::Start(task) => return self.run_task(task, "start").await,
            Move::Check(task) => return self.run_task(task, "check").await,
            Move::Begin(task) => {
                self.session.append(self.moves_to(task, Status::InProgress, None, None)).await?;
                self.note(task, "begin", "a person has to judge the evidence".to_owned());
            }
            Move::Conclude { task, to, why, digest } => {
                let links = self.session.read(|f| {
                    observe::where_to_look(f, task, self.session.release, self.app().settings.tasks.arch)
                });
                let evidence = Evidence { summary: why.clone(), digest, links };
                let mut drafts = self.moves_to(task, to, Some(evidence), Some(why.clone()));
                if to == Status::Fail {
                    drafts.push(self.failure_message(task, &why));
                }
                self.session.append(drafts).await?;
                self.note(task, "conclude", format!("{to}: {why}"));
            }
            Move::Reset { task, why } => {
                self.session.append(vec![Draft::because(&why, self.back_to_the_beginning(task))]).await?;
                self.note(task, "reset", why);
            }
        }
        Ok(Step::Made)
    }

    async fn run_task(&mut self, task: Task, action: &'static str) -> Result<Step, EngineError> {
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
                Err(Early::Moved) => match self.session.take_withheld() {
                    Some(why) => {
                        Outcome::Blocked(Precondition { name: "interrupted", why }, row(task).poll.from)
                    }
                    None => return Ok(Step::Overtaken),
                },
                Err(Early::Engine(error)) => return Err(error.into()),
            }
        };
        self.record(task, action, outcome, owner).await?;
        Ok(Step::Made)
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
                    drafts.push(owner_record(&owner));
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
        let reason = wait_reason(&outcome);
        // What a short retry mends changes nothing of what is on record.
        let is_blip = matches!(&outcome, Outcome::Transient(error)
            if !lock(&self.book).is_worth_a_record(task.name(), error));
        if !is_blip {
            drafts.extend(observe::wait_record(self.session, task.name(), reason.as_deref()));
        }
        self.session.append(drafts).await?;

        let now = self.session.now();
        let begun = self.session.read(|f| f.tasks[task].moved_at).unwrap_or(now);
        let recorded =
            reason.and_then(|reason| self.session.read(|f| observe::waits_since(f, task.name(), &reason)));
        lock(&self.book).answered(task, &outcome, begun, recorded, now);
        // Looking after something that still runs is no news.
        let news =
            !matches!(outcome, Outcome::Running(..) | Outcome::Scheduled { .. } | Outcome::Blocked(..));
        if action == "start" || news {
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

    pub(crate) fn back_to_the_beginning(&self, task: Task) -> Body {
        let (from, attempt) = self.session.read(|f| (f.tasks[task].status, f.tasks[task].attempt));
        Body::TaskMoved {
            task,
            from,
            to: Status::NotStarted,
            attempt: attempt + 1,
            evidence: None,
            result: None,
        }
    }

    fn note(&mut self, task: Task, action: &str, outcome: String) {
        let moved = Moved { task, action: action.to_owned(), outcome, at: self.session.now() };
        self.observer.moved(&moved);
        self.moved.push(moved);
    }

    /// The owner: the flag, the one recorded, the configured default.
    fn owner(&self) -> Option<String> {
        let settings = &self.app().settings;
        let recorded = || {
            self.session.read(|folded| {
                let local = folded.observed.get(subject::OWNER)?.value.as_str()?;
                Some(format!("{local}@{}", settings.tasks.mail_domain))
            })
        };
        self.owner.clone().or_else(recorded).or_else(|| settings.default_owner.clone())
    }

    fn failure_message(&self, task: Task, why: &str) -> Draft {
        let attempt = self.session.read(|f| f.tasks[task].attempt);
        Body::Queued { message: messages::failed(self.session.release, task, attempt, why) }.into()
    }
}

/// The owner is stored as the local part: state is public, addresses are not; the domain is a setting.
fn owner_record(owner: &str) -> Draft {
    let local = local_part(owner);
    let digest = regatta_kit::ids::digest(local.as_bytes(), 16);
    Body::Observed { subject: subject::OWNER.to_owned(), value: local.into(), digest }.into()
}

/// The name of a wait whose length matters; jobs and schedules have their own beginnings.
fn wait_reason(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Blocked(precondition, _) => Some(precondition.name.to_owned()),
        Outcome::Transient(error) => Some(error.service.to_owned()),
        Outcome::NeedsCredentials(error) => Some(format!("credentials:{}", error.service)),
        _ => None,
    }
}
