//! QE's sub-tasks of the ART ticket: whose they are, and how far their work has come.
//!
//! They are for people to follow the release by. That one cannot be seen or moved is told, and fails nothing.

use regatta_kit::{BoxFuture, OutsideText};
use regatta_services::Services;
use regatta_services::error::{Fault, ServiceError};
use regatta_services::jira::{Issue, IssueLook, Jira, Person, Transitioned};
use regatta_statebox::event::{EffectKey, Handle, Mark};

use crate::by_value::{Seen, Settled, settle};
use crate::context::Context;
use crate::effects::{Early, Stopped, Triggerable};
use crate::email::Email;

/// The three sub-tasks of the ART ticket that are QE's, by their exact titles.
const QE_SUBTASKS: [&str; 3] = [
    "[Fri/Mon] QE moves advisories to REL_PREP",
    "[Wed-Fri] QE does release verification",
    "[Mon-Wed] QE notifies ON_QA bugzilla owners and analyze ci failures",
];

/// What was found below the ticket.
pub(crate) struct Subtasks {
    /// QE's.
    pub(crate) qe: Vec<Issue>,
    /// Keys of those that could not be seen; QE's may be among them.
    pub(crate) unseen: Vec<String>,
}

impl Subtasks {
    /// What is worth telling of those that could not be seen, when one of QE's may be among them.
    pub(crate) fn remark(&self) -> Option<String> {
        let some_missing = self.qe.len() < QE_SUBTASKS.len() && !self.unseen.is_empty();
        some_missing.then(|| format!("sub-tasks missing or hidden: {}", self.unseen.join(", ")))
    }
}

/// QE's sub-tasks of the ART ticket; `None` when the ticket is not there or must not be seen.
pub(crate) async fn of_ticket(services: &Services, ticket: &str) -> Result<Option<Subtasks>, ServiceError> {
    let IssueLook::Found(ticket) = services.jira.issue(ticket).await? else { return Ok(None) };
    let mut found = Subtasks { qe: Vec::new(), unseen: Vec::new() };
    for key in &ticket.subtasks {
        match services.jira.issue(key).await?.found() {
            Some(issue) if QE_SUBTASKS.contains(&issue.summary.trim()) => found.qe.push(issue),
            Some(_) => {}
            None => found.unseen.push(OutsideText::line(key, 40).to_string()),
        }
    }
    Ok(Some(found))
}

/// Those of QE's that begin when somebody takes the release.
pub(crate) fn begins_with_ownership(issue: &Issue) -> bool {
    issue.summary.starts_with("[Wed-Fri]") || issue.summary.starts_with("[Mon-Wed]")
}

/// Whether nothing is left to do about an issue.
fn is_closed(issue: &Issue) -> bool {
    matches!(issue.status.as_str(), "Closed" | "Done" | "Resolved")
}

/// Assigns a sub-task to the owner.
pub(crate) async fn assign(
    context: &Context<'_>,
    task: &Issue,
    person: &Person,
    owner: &Email,
) -> Result<Settled, Early> {
    let seen = Seen::same(&task.assignee_id.as_deref(), &Some(person.id.as_str()));
    let key = EffectKey::attempt(&format!("subtask-owner:{}:{}", task.key, owner.local()), context.attempt);
    let remote = Assign { jira: &context.services.jira, task, person, owner };
    Ok(settle(context.effects, key, seen, &remote).await?)
}

struct Assign<'a> {
    jira: &'a Jira,
    task: &'a Issue,
    person: &'a Person,
    owner: &'a Email,
}

impl Assign<'_> {
    fn handle(&self) -> Handle {
        Handle {
            kind: "assignee".to_owned(),
            id: self.owner.local().to_owned(),
            url: Some(self.jira.link(&self.task.key)),
        }
    }
}

impl Triggerable for Assign<'_> {
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>> {
        // State is public: of an address its local part only.
        let assignee = self.task.assignee.as_deref().or(self.task.assignee_id.as_deref()).unwrap_or("nobody");
        let local = assignee.split('@').next().unwrap_or_default();
        Box::pin(std::future::ready(Ok(Mark(OutsideText::line(local, 60).to_string()))))
    }

    fn find<'a>(&'a self, _mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>> {
        Box::pin(async {
            let issue = self.jira.issue(&self.task.key).await?.found();
            let is_theirs = issue.is_some_and(|issue| issue.assignee_id.as_ref() == Some(&self.person.id));
            Ok(is_theirs.then(|| self.handle()))
        })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async {
            self.jira.assign(&self.task.key, self.person).await?;
            Ok(self.handle())
        })
    }
}

/// A step of a sub-task's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Work begins.
    Begin,
    /// Work is done.
    Close,
}

impl Step {
    /// The names that workflows give it.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Begin => &["In Progress"],
            Self::Close => &["Closed", "Done"],
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Begin => "in-progress",
            Self::Close => "closed",
        }
    }

    /// Whether the step, or one after it, was taken.
    fn seen(self, issue: &Issue) -> Seen {
        let begun = || self == Self::Begin && self.names().contains(&issue.status.as_str());
        if is_closed(issue) || begun() { Seen::AsWanted } else { Seen::Otherwise }
    }
}

/// How a sub-task stands with a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stepped {
    /// It had been taken by somebody else.
    Already,
    /// Regatta took it.
    Made,
    /// Regatta took it, and somebody took it back; it is left so.
    TakenBack,
    /// It cannot be taken; why, in words.
    Impossible(String),
}

/// Takes a step of a sub-task's work.
pub(crate) async fn step(context: &Context<'_>, task: &Issue, step: Step) -> Result<Stepped, Early> {
    let jira = &context.services.jira;
    let key = EffectKey::attempt(&format!("subtask:{}:{}", task.key, step.word()), context.attempt);
    let seen = step.seen(task);
    if seen == Seen::Otherwise && context.effects.made(&key).is_none() {
        // Nothing is announced that the workflow does not offer.
        let offered: Vec<String> = jira.transitions(&task.key).await?.into_iter().map(|t| t.name).collect();
        let is_offered = |name: &&str| offered.iter().any(|o| o.eq_ignore_ascii_case(name));
        if !step.names().iter().any(is_offered) {
            return Ok(Stepped::Impossible(offers(&offered)));
        }
    }
    match settle(context.effects, key, seen, &Taking { jira, task, step }).await {
        Ok(Settled::Already) => Ok(Stepped::Already),
        Ok(Settled::Made) => Ok(Stepped::Made),
        Ok(Settled::ChangedBack) => Ok(Stepped::TakenBack),
        // A workflow that wants more than the step is a matter for people, and stops no release.
        Err(Stopped::Remote(ServiceError { fault: Fault::Refused { said, .. }, .. })) => {
            Ok(Stepped::Impossible(said.to_string()))
        }
        Err(stopped) => Err(stopped.into()),
    }
}

fn offers(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| OutsideText::line(name, 40).to_string()).collect();
    if names.is_empty() { "it offers no step".to_owned() } else { format!("it offers {}", names.join(", ")) }
}

struct Taking<'a> {
    jira: &'a Jira,
    task: &'a Issue,
    step: Step,
}

impl Taking<'_> {
    fn handle(&self, status: &str) -> Handle {
        Handle {
            kind: "status".to_owned(),
            id: OutsideText::line(status, 40).to_string(),
            url: Some(self.jira.link(&self.task.key)),
        }
    }
}

impl Triggerable for Taking<'_> {
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>> {
        Box::pin(std::future::ready(Ok(Mark(OutsideText::line(&self.task.status, 40).to_string()))))
    }

    fn find<'a>(&'a self, _mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>> {
        Box::pin(async {
            let issue = self.jira.issue(&self.task.key).await?.found();
            let there = issue.filter(|issue| self.step.seen(issue) == Seen::AsWanted);
            Ok(there.map(|issue| self.handle(&issue.status)))
        })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async {
            let mut offered = Vec::new();
            for name in self.step.names() {
                match self.jira.transition(&self.task.key, name).await? {
                    Transitioned::Done => return Ok(self.handle(name)),
                    Transitioned::NotOffered(names) => offered = names,
                }
            }
            // Offered a moment ago and now no more: somebody was quicker, or took another step.
            if let Some(handle) = self.find(&Mark::default()).await? {
                return Ok(handle);
            }
            Err(ServiceError {
                service: "jira",
                call: format!("step {} of {}", self.step.word(), self.task.key),
                fault: Fault::Refused { status: 409, said: OutsideText::line(&offers(&offered), 300) },
            })
        })
    }
}
