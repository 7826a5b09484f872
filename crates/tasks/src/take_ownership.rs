//! Task 2: assign the release to its QE owner (specification, task 2; side effects: reference, take-ownership).
//!
//! The owner goes onto the advisories, the shipment's merge request and QE's sub-tasks of the ART ticket. Each is looked
//! at first and left alone where it is right. People that a service does not know are told about, never an error.

use regatta_services::errata::{AdvisoryState, OwnerSet};
use regatta_services::gitlab::MrRef;
use regatta_services::jira::Transitioned;
use regatta_statebox::event::{Audience, EffectKey, Evidence, Message};

use crate::context::Context;
use crate::effects::Early;
use crate::email::Email;
use crate::outcome::{Outcome, PersonQuestion};
use crate::release_parts::{AdvisoryRef, MrNote, Troubles, advisories, begins_with_ownership, is_closed, qe_subtasks, shipment};

/// The step that a sub-task takes when work on it begins.
const BEGIN: &str = "In Progress";

/// Runs the task.
///
/// # Errors
/// Outcomes and engine stops reached early.
pub async fn run(context: &Context<'_>) -> Result<Outcome, Early> {
    let release = context.release;
    let owner = match owner(context) {
        Ok(owner) => owner,
        Err(question) => return Ok(Outcome::NeedsPerson(question)),
    };
    let mr = shipment(context)?;
    let mut troubles = Troubles::default();
    let mut report = Report::default();

    for advisory in advisories(context) {
        let done = own_advisory(context, &advisory, &owner, &mut report).await;
        troubles.past(done)?;
    }
    if let Some(mr) = &mr {
        let done = sign_merge_request(context, mr, &owner, &mut report).await;
        troubles.past(done)?;
    }
    if let Some(ticket) = context.metadata.jira_ticket.as_deref() {
        let done = take_subtasks(context, ticket, &owner, &mut report).await;
        troubles.past(done)?;
    }
    troubles.end()?;

    let text = report.message(context, mr.as_ref(), &owner);
    context.effects.tell(Message { key: format!("owner:{release}:{owner}"), to: Audience::ReleaseChannel, text });
    if !report.abnormal.is_empty() {
        let text = format!(
            "Release {release}: {} still in NEW_FILES and cannot be pushed; please move to QE.",
            report.abnormal.iter().map(|line| format!("advisory {line}")).collect::<Vec<_>>().join(", ")
        );
        let key = format!("abnormal:{release}:{}", regatta_kit::ids::digest(text.as_bytes(), 12));
        context.effects.tell(Message { key, to: Audience::Art, text });
    }
    Ok(Outcome::Passed(report.evidence(&owner)))
}

/// The owner, parsed; a question where there is none or it is no e-mail.
fn owner(context: &Context<'_>) -> Result<Email, PersonQuestion> {
    let ask = |text: String| PersonQuestion {
        name: "owner",
        text,
        options: vec![format!("regatta drive {} --email jdoe@{}", context.release, context.settings.mail_domain)],
        evidence: vec![],
    };
    let Some(owner) = context.owner.map(str::trim).filter(|owner| !owner.is_empty()) else {
        return Err(ask(format!("Who is the QE owner of {}?", context.release)));
    };
    Email::complete(owner, &context.settings.mail_domain).map_err(|error| ask(format!("Who is the QE owner of {}? ({error})", context.release)))
}

/// What was found and done, for people.
#[derive(Default)]
struct Report {
    advisories: Vec<String>,
    abnormal: Vec<String>,
    subtasks: Vec<String>,
    remarks: Vec<String>,
}

impl Report {
    fn message(&self, context: &Context<'_>, mr: Option<&MrRef>, owner: &Email) -> String {
        let mut lines = vec![format!("Release {}: QE release lead is {owner}", context.release)];
        lines.extend(mr.map(|mr| format!("Shipment: {}", context.services.gitlab.link(mr))));
        lines.extend(self.advisories.iter().map(|line| format!("Advisory {line}")));
        lines.extend(self.subtasks.iter().map(|line| format!("Sub-task {line}")));
        lines.extend(self.abnormal.iter().map(|line| format!("Abnormal advisory {line}: still in NEW_FILES")));
        lines.extend(self.remarks.iter().cloned());
        lines.join("\n")
    }

    fn evidence(&self, owner: &Email) -> Evidence {
        let mut parts = vec![format!("owner {}, {} advisories, {} sub-tasks", owner.local(), self.advisories.len(), self.subtasks.len())];
        if !self.abnormal.is_empty() {
            parts.push(format!("in NEW_FILES: {}", self.abnormal.join(", ")));
        }
        parts.extend(self.remarks.iter().cloned());
        Evidence { summary: parts.join("; "), ..Evidence::default() }
    }
}

/// Makes the owner an advisory's QA owner. A dropped advisory is left alone.
async fn own_advisory(context: &Context<'_>, at: &AdvisoryRef, owner: &Email, report: &mut Report) -> Result<(), Early> {
    let errata = &context.services.errata;
    let advisory = errata.advisory(at.id).await?;
    if advisory.state == AdvisoryState::Dropped {
        report.remarks.push(format!("advisory {} ({}) is dropped", at.id, at.kind));
        return Ok(());
    }
    if advisory.state == AdvisoryState::NewFiles {
        report.abnormal.push(format!("{} ({})", at.id, at.kind));
    }
    let set = match errata.set_owner(at.id, owner.as_str()).await? {
        OwnerSet::Already => "already owned",
        OwnerSet::Changed => "owner set",
    };
    report.advisories.push(format!("{} {} ({}, {set}): {}", at.kind, at.id, advisory.state, errata.link(at.id)));
    Ok(())
}

/// Leaves the note that names the release lead, once an owner.
async fn sign_merge_request(context: &Context<'_>, mr: &MrRef, owner: &Email, report: &mut Report) -> Result<(), Early> {
    let gitlab = &context.services.gitlab;
    let key = format!("release-lead:{}", owner.local());
    let effect = EffectKey(format!("note:{key}"));
    if context.effects.made(&effect).is_some() {
        return Ok(());
    }
    let who = match gitlab.user_by_email(owner.as_str()).await? {
        Some(username) => format!("@{username}"),
        None => {
            report.remarks.push(format!("GitLab knows nobody with the e-mail of {}", owner.local()));
            owner.local().to_owned()
        }
    };
    let note = MrNote { gitlab, at: mr, text: format!("QE Release Lead is {who}"), key };
    context.effects.once(effect, &note).await?;
    Ok(())
}

/// Assigns QE's sub-tasks and begins those whose work begins now.
async fn take_subtasks(context: &Context<'_>, ticket: &str, owner: &Email, report: &mut Report) -> Result<(), Early> {
    let jira = &context.services.jira;
    let Some(subtasks) = qe_subtasks(context.services, ticket).await? else {
        report.remarks.push(format!("Jira ticket {ticket} is missing or hidden"));
        return Ok(());
    };
    if subtasks.is_empty() {
        report.remarks.push(format!("{ticket} has no QE sub-tasks"));
        return Ok(());
    }
    let person = jira.person(owner.as_str()).await?;
    if person.is_none() {
        report.remarks.push(format!("Jira knows nobody with the e-mail of {}; sub-tasks are not assigned", owner.local()));
    }
    for task in subtasks {
        if let Some(person) = &person
            && task.assignee_id.as_ref() != Some(&person.id)
        {
            jira.assign(&task.key, person).await?;
        }
        if begins_with_ownership(&task)
            && task.status != BEGIN
            && !is_closed(&task)
            && let Transitioned::NotOffered(offered) = jira.transition(&task.key, BEGIN).await?
        {
            report.remarks.push(format!("{} offers no step {BEGIN}, only {}", task.key, offered.join(", ")));
        }
        report.subtasks.push(format!("{}: {}", jira.link(&task.key), regatta_kit::OutsideText::line(&task.summary, 100)));
    }
    Ok(())
}
