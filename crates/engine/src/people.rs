//! What persons decide: overrides, retries, resets, issues. Each is recorded; doing it again on the reached state
//! changes nothing and says so.
//!
//! Persons may decide while a driver holds the release: a decision is an entry, makes no effect on the outside, and unites
//! with whatever the driver writes. The driver finds at its next append that the state moved, makes nothing on what it had
//! decided before, and decides anew. So an override or a blocker never has to wait for a lease to run out.

use regatta_flow::question::{Kind, Question};
use regatta_flow::transition::{self, Cause};
use regatta_kit::{Release, Status, Task};
use regatta_statebox::event::{Body, IssueChange};
use regatta_statebox::mask::mask;

use crate::app::App;
use crate::drive::Drive;
use crate::error::EngineError;
use crate::evidence::subject;
use crate::facts::attempts;
use crate::report::{IssueView, Unwatched};
use crate::rights::Action;
use crate::session::{Draft, Session};

/// Longest issue text, characters (reference: StateBox rules).
pub const ISSUE_TEXT_LIMIT: usize = 1000;

/// What a decision did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It was recorded; one line says what.
    Changed(String),
    /// The reached state already was as asked for.
    Unchanged(String),
}

/// Whether a decision is made or only shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Recorded.
    Real,
    /// Checked and told, not recorded.
    DryRun,
}

/// A person's override.
#[derive(Debug, Clone)]
pub struct Override {
    /// The task.
    pub task: Task,
    /// Pass or Fail.
    pub verdict: Status,
    /// Why.
    pub reason: String,
    /// Where the ground can be read.
    pub evidence: Option<String>,
}

impl App {
    /// Decides a task in place of the evidence.
    ///
    /// # Errors
    /// When the role or the transition table does not allow it, or the store fails.
    pub async fn override_task(
        &self,
        release: Release,
        what: Override,
        mode: Mode,
    ) -> Result<Done, EngineError> {
        self.identity.may(Action::Override)?;
        let session = self.session(release).await?;
        let Override { task, verdict, reason, evidence } = what;
        let (status, attempt) = session.read(|f| (f.tasks[task].status, f.tasks[task].attempt));
        let covers = session.read(|f| {
            let name = match task {
                Task::AnalyzeCandidateBuild => subject::CANDIDATE,
                Task::AnalyzePromotedBuild => subject::PROMOTED,
                _ => return None,
            };
            f.observed.get(name).map(|o| o.digest.clone())
        });
        let line = format!("{task} of {release}: {status} -> {verdict} by override");
        if status == verdict {
            // Confirming a status is news only when it sets newer evidence aside.
            let known = session.read(|f| {
                let stands = f.overrides.iter().rev().find(|o| o.task == task && o.attempt == attempt);
                covers.is_none() || stands.is_some_and(|o| o.covers == covers && o.verdict == verdict)
            });
            if known {
                return Ok(Done::Unchanged(format!("{task} of {release} already is {verdict}")));
            }
        } else {
            transition::check(status, verdict, Cause::Override)
                .map_err(|e| refused(release, task, &e.to_string()))?;
        }
        if mode == Mode::Real {
            let body = Body::Overridden {
                task,
                verdict,
                role: self.identity.role.word().to_owned(),
                evidence,
                covers,
            };
            session.append(vec![Draft::by(&self.identity.actor, Some(&reason), body)]).await?;
        }
        Ok(Done::Changed(line))
    }

    /// Asks for another attempt at a task; for final approval under `ask`, gives the approval.
    ///
    /// # Errors
    /// As [`App::override_task`].
    pub async fn retry(
        &self,
        release: Release,
        task: Task,
        reason: Option<&str>,
        mode: Mode,
    ) -> Result<Done, EngineError> {
        let session = self.session(release).await?;
        let status = session.read(|f| f.tasks[task].status);
        if task == Task::ChangeAdvisoryStatus && status == Status::NotStarted {
            return self.give_final_approval(&session, reason, mode).await;
        }
        self.identity.may(Action::Retry)?;
        if status == Status::NotStarted {
            return Ok(Done::Unchanged(format!(
                "{task} of {release} has not started yet; the drive starts it when it may"
            )));
        }
        self.back(&session, task, Cause::Retry, reason, mode).await
    }

    /// Puts a task back to its beginning.
    ///
    /// # Errors
    /// As [`App::override_task`].
    pub async fn reset(
        &self,
        release: Release,
        task: Task,
        reason: &str,
        mode: Mode,
    ) -> Result<Done, EngineError> {
        self.identity.may(Action::Retry)?;
        let session = self.session(release).await?;
        if session.read(|f| f.tasks[task].status) == Status::NotStarted {
            return Ok(Done::Unchanged(format!("{task} of {release} already is at its beginning")));
        }
        self.back(&session, task, Cause::Reset, Some(reason), mode).await
    }

    async fn back(
        &self,
        session: &Session<'_>,
        task: Task,
        cause: Cause,
        reason: Option<&str>,
        mode: Mode,
    ) -> Result<Done, EngineError> {
        let release = session.release;
        let (from, attempt) = session.read(|f| (f.tasks[task].status, f.tasks[task].attempt));
        transition::check(from, Status::NotStarted, cause).map_err(|e| {
            refused(release, task, &format!("{e}; `regatta reset {release} {task} --yes --reason …` puts it back, and what runs goes on beside it"))
        })?;
        if mode == Mode::Real {
            let body = Body::TaskMoved {
                task,
                from,
                to: Status::NotStarted,
                attempt: attempt + 1,
                evidence: None,
                result: None,
            };
            let word = if cause == Cause::Retry { "retry" } else { "reset" };
            let reason = reason.map_or_else(|| word.to_owned(), |r| format!("{word}: {r}"));
            session.append(vec![Draft::by(&self.identity.actor, Some(&reason), body)]).await?;
        }
        Ok(Done::Changed(format!("{task} of {release}: {from} -> Not Started, attempt {}", attempt + 1)))
    }

    async fn give_final_approval(
        &self,
        session: &Session<'_>,
        reason: Option<&str>,
        mode: Mode,
    ) -> Result<Done, EngineError> {
        self.identity.may(Action::FinalApproval)?;
        let release = session.release;
        let asked = |question: &Question| question.kind == Kind::FinalApproval;
        if !Drive::new(session, None, &Unwatched).decide().needs_human.iter().any(asked) {
            let task = Task::ChangeAdvisoryStatus;
            return Ok(Done::Unchanged(format!(
                "{task} of {release} has not started yet; the drive starts it when it may"
            )));
        }
        if mode == Mode::Real {
            let actor = &self.identity.actor;
            let body = Body::Observed {
                subject: subject::FINAL_GO.to_owned(),
                value: actor.clone().into(),
                digest: session.read(attempts),
            };
            session.append(vec![Draft::by(actor, reason, body)]).await?;
        }
        Ok(Done::Changed(format!("final approval of {release} may be given")))
    }

    /// Adds an issue. The same text, while it is open, is the same issue.
    ///
    /// # Errors
    /// For an empty or too long text, or when the store fails.
    pub async fn add_issue(
        &self,
        release: Release,
        text: &str,
        blocker: Blocks,
        tasks: Vec<Task>,
        reason: Option<&str>,
        mode: Mode,
    ) -> Result<Done, EngineError> {
        self.identity.may(Action::Issue)?;
        // Compared and stored as it will stand in public.
        let text = mask(text.trim());
        let text = text.as_ref();
        if text.is_empty() {
            return Err(EngineError::BadInput("the issue's text is empty; say what is wrong".to_owned()));
        }
        let length = text.chars().count();
        if length > ISSUE_TEXT_LIMIT {
            return Err(EngineError::BadInput(format!(
                "the issue's text has {length} characters; at most {ISSUE_TEXT_LIMIT} are kept, so shorten it"
            )));
        }
        let session = self.session(release).await?;
        let open = |f: &regatta_statebox::fold::Folded| {
            f.issues.iter().any(|i| !i.resolved && i.text.trim().to_lowercase() == text.to_lowercase())
        };
        if session.read(open) {
            return Ok(Done::Unchanged(format!("that issue of {release} is already open")));
        }
        if mode == Mode::Real {
            let body = Body::Issue(IssueChange::Added {
                text: text.to_owned(),
                blocker: blocker == Blocks::Yes,
                tasks,
            });
            session.append(vec![Draft::by(&self.identity.actor, reason, body)]).await?;
        }
        Ok(Done::Changed(format!("issue added to {release}: {text}")))
    }

    /// Resolves the open issue with this text, or the only one that contains it.
    ///
    /// # Errors
    /// When none or several match.
    pub async fn resolve_issue(
        &self,
        release: Release,
        text: &str,
        resolution: &str,
        mode: Mode,
    ) -> Result<Done, EngineError> {
        self.identity.may(Action::Issue)?;
        let session = self.session(release).await?;
        let issues = session.read(|f| f.issues.clone());
        let open: Vec<&str> = issues.iter().filter(|i| !i.resolved).map(|i| i.text.as_str()).collect();
        let wanted = mask(text.trim()).to_lowercase();
        let exact = open.iter().find(|t| t.trim().to_lowercase() == wanted);
        let partial: Vec<&&str> = open.iter().filter(|t| t.to_lowercase().contains(&wanted)).collect();
        let found = match (exact, partial.as_slice()) {
            (Some(one), _) => (*one).to_owned(),
            (None, [one]) => (**one).to_owned(),
            (None, several) if several.len() > 1 => {
                let list: String = several.iter().map(|t| format!("\n  {t}")).collect();
                return Err(EngineError::BadInput(format!(
                    "several open issues of {release} contain that text; give one whole:{list}"
                )));
            }
            _ => {
                let resolved = issues.iter().any(|i| i.resolved && i.text.to_lowercase().contains(&wanted));
                if resolved {
                    return Ok(Done::Unchanged(format!("that issue of {release} is already resolved")));
                }
                let list: String = open.iter().map(|t| format!("\n  {t}")).collect();
                let list = if list.is_empty() { " (there are none)".to_owned() } else { list };
                return Err(EngineError::BadInput(format!(
                    "no issue of {release} contains that text; open are:{list}"
                )));
            }
        };
        if mode == Mode::Real {
            let body =
                Body::Issue(IssueChange::Resolved { text: found.clone(), resolution: resolution.to_owned() });
            session.append(vec![Draft::by(&self.identity.actor, Some(resolution), body)]).await?;
        }
        Ok(Done::Changed(format!("issue of {release} resolved: {found}")))
    }

    /// The issue list.
    ///
    /// # Errors
    /// When the release is unknown or the store fails.
    pub async fn issues(&self, release: Release) -> Result<Vec<IssueView>, EngineError> {
        Ok(self.session(release).await?.read(|f| f.issues.iter().map(IssueView::from).collect()))
    }
}

/// Whether an issue stops something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// It does.
    Yes,
    /// It is only to be known.
    No,
}

fn refused(release: Release, task: Task, why: &str) -> EngineError {
    EngineError::Refused { release, task, why: why.to_owned() }
}
