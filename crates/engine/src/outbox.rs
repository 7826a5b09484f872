//! What is told to people: Slack messages and the Sheet, each once, and never in the way of a task.
//!
//! A message that cannot be delivered waits; its service's failures hold up nothing but messages.

use jiff::{SignedDuration, Timestamp};
use regatta_flow::decide::Decision;
use regatta_flow::facts::after;
use regatta_kit::ids::digest;
use regatta_kit::{BoxFuture, ErrorClass, Status, TaskMap};
use regatta_services::Services;
use regatta_services::error::ServiceError;
use regatta_services::slack::{TEXT_LIMIT, escape, split_text};
use regatta_statebox::event::{Audience, Body, EffectKey, Handle, Mark, Message};
use regatta_statebox::fold::Folded;
use regatta_statebox::store::StoreError;
use regatta_tasks::effects::{Effects, Stopped, Triggerable};
use regatta_tasks::report;
use regatta_tasks::settings::TaskSettings;
use std::str::FromStr;

use crate::evidence::subject;
use crate::ledger::Ledger;
use crate::session::Session;

const SHORT_RETRIES: u32 = 3;

/// Delivery of one driver: when a failing channel is tried again.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    slack: Channel,
    sheet: Channel,
}

#[derive(Debug, Default)]
struct Channel {
    failures: u32,
    again: Option<Timestamp>,
    why: String,
}

impl Channel {
    fn is_due(&self, now: Timestamp) -> bool {
        self.again.is_none_or(|at| at <= now)
    }

    /// When it is tried again, if that is still to come.
    fn later(&self, now: Timestamp) -> Option<Timestamp> {
        self.again.filter(|at| *at > now)
    }

    fn succeeded(&mut self) {
        *self = Self::default();
    }

    fn failed(&mut self, error: &ServiceError, now: Timestamp) {
        self.failures += 1;
        self.why = error.to_string();
        let wait = match error.class() {
            ErrorClass::Transient if self.failures <= SHORT_RETRIES => {
                SignedDuration::from_mins(1 << (self.failures - 1))
            }
            _ => SignedDuration::from_mins(30),
        };
        let asked = error.retry_after().and_then(|d| SignedDuration::try_from(d).ok()).unwrap_or_default();
        self.again = Some(after(now, wait.max(asked)));
    }
}

impl Outbox {
    /// When something undelivered is tried again.
    pub(crate) fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        [&self.slack, &self.sheet].into_iter().filter_map(|c| c.later(now)).min()
    }

    /// The next of the short retries, which belong to the run that failed.
    pub(crate) fn retrying(&self, now: Timestamp) -> Option<Timestamp> {
        let short = [&self.slack, &self.sheet].into_iter().filter(|c| c.failures <= SHORT_RETRIES);
        short.filter_map(|c| c.later(now)).min()
    }

    /// What could not be delivered so far, a line each.
    pub(crate) fn untold(&self, session: &Session<'_>) -> Vec<String> {
        let mut lines: Vec<String> =
            session.read(|f| f.outbox.iter().map(|m| format!("{}: {}", m.key, self.slack.why)).collect());
        // Given up for good, such as for a channel that does not exist.
        let given_up = |told: &Folded| -> Vec<String> {
            let without_handle = told.told.iter().filter(|(_, handle)| handle.is_none());
            without_handle.map(|(key, _)| format!("{key}: Slack refused it for good")).collect()
        };
        lines.extend(session.read(given_up));
        if self.sheet.again.is_some() {
            lines.push(format!("the Sheet: {}", self.sheet.why));
        }
        lines
    }

    /// Delivers what is due; returns a line for each thing told or put off.
    pub(crate) async fn deliver(
        &mut self,
        session: &Session<'_>,
        decision: &Decision,
    ) -> Result<Vec<String>, StoreError> {
        let mut lines = Vec::new();
        self.deliver_messages(session, &mut lines).await?;
        self.project_sheet(session, decision, &mut lines).await?;
        Ok(lines)
    }

    async fn deliver_messages(
        &mut self,
        session: &Session<'_>,
        lines: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let waiting = session.read(|f| f.outbox.clone());
        if waiting.is_empty() {
            self.slack.succeeded();
        }
        for message in waiting {
            if !self.slack.is_due(session.now()) {
                return Ok(());
            }
            match deliver_one(session, &message).await {
                Ok(()) => {
                    self.slack.succeeded();
                    lines.push(format!("told {}", message.key));
                }
                // Whoever overtook this driver may have told it; the next pass sees.
                Err(Stopped::Moved) => return Ok(()),
                Err(Stopped::Engine(error)) => return Err(error),
                Err(Stopped::Remote(error)) if error.class() == ErrorClass::Permanent => {
                    // Such as a channel that does not exist: trying for ever helps nobody, saying so does.
                    session
                        .append(vec![Body::Told { key: message.key.clone(), handle: None }.into()])
                        .await?;
                    lines.push(format!("could not tell {}: {error}", message.key));
                }
                Err(Stopped::Remote(error)) => {
                    self.slack.failed(&error, session.now());
                    lines.push(format!("{} waits: {error}", message.key));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Writes the Sheet's statuses when they differ from what was written last.
    async fn project_sheet(
        &mut self,
        session: &Session<'_>,
        decision: &Decision,
        lines: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let statuses = session.read(|f| TaskMap::from_fn(|t| f.tasks[t].status));
        // Before the report exists there is nothing to write to.
        if statuses[regatta_kit::Task::CreateTestReport] != Status::Pass || !self.sheet.is_due(session.now())
        {
            return Ok(());
        }
        let words: Vec<&str> =
            statuses.iter().map(|(_, s)| s.word()).chain([decision.overall.word()]).collect();
        let digest = digest(words.join("|").as_bytes(), 16);
        let critical = critical_issues(session);
        let issues = regatta_kit::ids::digest(critical.join("|").as_bytes(), 16);
        let written = |name: &str, digest: &str| {
            session.read(|f| f.observed.get(name).is_some_and(|o| o.digest == digest))
        };
        let statuses_stand = written(subject::SHEET, &digest);
        let issues_stand = critical.is_empty() || written(subject::CRITICAL_ISSUES, &issues);
        if statuses_stand && issues_stand {
            self.sheet.succeeded();
            return Ok(());
        }
        let app = session.app;
        if !issues_stand {
            let (services, tasks) = (&app.services, &app.settings.tasks);
            if let Err(error) =
                report::add_critical_issues(services, tasks, session.release, &critical, session.now()).await
            {
                self.sheet.failed(&error, session.now());
                lines.push(format!("the Sheet waits: {error}"));
                return Ok(());
            }
            let value = critical.join(", ").into();
            let subject = subject::CRITICAL_ISSUES.to_owned();
            session.append(vec![Body::Observed { subject, value, digest: issues }.into()]).await?;
        }
        if statuses_stand {
            self.sheet.succeeded();
            return Ok(());
        }
        let written = report::project(
            &app.services,
            &app.settings.tasks,
            session.release,
            &statuses,
            decision.overall,
            session.now(),
        )
        .await;
        match written {
            Ok(_) => {
                self.sheet.succeeded();
                let value = words.join("|").into();
                session
                    .append(vec![Body::Observed { subject: subject::SHEET.to_owned(), value, digest }.into()])
                    .await
            }
            Err(error) => {
                self.sheet.failed(&error, session.now());
                lines.push(format!("the Sheet waits: {error}"));
                Ok(())
            }
        }
    }
}

/// Tickets among the open issues: they belong into the Sheet's column of critical issues.
fn critical_issues(session: &Session<'_>) -> Vec<String> {
    let is_key = |text: &str| {
        text.split_once('-').is_some_and(|(project, number)| {
            !project.is_empty()
                && project.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        })
    };
    session.read(|f| {
        let open = f.issues.iter().filter(|i| !i.resolved).map(|i| i.text.trim());
        open.filter(|text| is_key(text)).map(str::to_owned).collect()
    })
}

async fn deliver_one(session: &Session<'_>, message: &Message) -> Result<(), Stopped> {
    let ledger = Ledger { session, task: None };
    let app = session.app;
    let (channel, mention) = address(session, message).await?;
    // Outside text is escaped, so that it mentions nobody; only this function's mentions work.
    let mut parts: Vec<String> =
        split_text(&message.text, TEXT_LIMIT).iter().map(|part| escape(part)).collect();
    if let Some(first) = parts.first_mut() {
        *first = format!("{mention} {first}");
    }
    let last = parts.len().saturating_sub(1);
    for (i, part) in parts.iter().enumerate() {
        let key = if i == 0 { message.key.clone() } else { format!("{}/{}", message.key, i + 1) };
        let post =
            Post { services: &app.services, channel: &channel, text: part, key: &key, now: session.now() };
        // It is told once its last part is: written together with that part's handle.
        let done = |handle: &Handle| {
            (i == last).then(|| Body::Told { key: message.key.clone(), handle: Some(handle.clone()) })
        };
        let effect = EffectKey(format!("slack:{key}"));
        let made_before = ledger.made(&effect).is_some();
        let handle = ledger.make(effect, &post, done).await?;
        if made_before && i == last {
            session
                .append(vec![Body::Told { key: message.key.clone(), handle: Some(handle) }.into()])
                .await
                .map_err(Stopped::Engine)?;
        }
    }
    if parts.is_empty() {
        // Nothing to say is said.
        session
            .append(vec![Body::Told { key: message.key.clone(), handle: None }.into()])
            .await
            .map_err(Stopped::Engine)?;
    }
    Ok(())
}

/// Channel and mention. One that cannot be looked up is written out in words.
async fn address(session: &Session<'_>, message: &Message) -> Result<(String, String), ServiceError> {
    let app = session.app;
    let settings: &TaskSettings = &app.settings.tasks;
    let stream = session.release.stream.to_string();
    let group = |handle: String| async move {
        Ok::<_, ServiceError>(match app.services.slack.usergroup(&handle).await? {
            Some(id) => format!("<!subteam^{id}>"),
            None => format!("@{handle}"),
        })
    };
    let owner = || async {
        let local = session
            .read(|f| f.observed.get(subject::OWNER).and_then(|o| o.value.as_str().map(str::to_owned)));
        let mail = match local {
            Some(local) => format!("{local}@{}", settings.mail_domain),
            None => match &app.settings.default_owner {
                Some(owner) => owner.clone(),
                None => return Ok::<_, ServiceError>("release owner".to_owned()),
            },
        };
        Ok(match app.services.slack.user_by_email(&mail).await? {
            Some(id) => format!("<@{id}>"),
            None => mail.split('@').next().unwrap_or("release owner").to_owned(),
        })
    };
    let (channel, mention) = match message.to {
        Audience::Owner => (&settings.release_channel, owner().await?),
        Audience::ReleaseChannel => {
            (&settings.release_channel, group(settings.release_group.replace("%s", &stream)).await?)
        }
        Audience::OwnerAndChannel => {
            let group = group(settings.release_group.replace("%s", &stream)).await?;
            (&settings.release_channel, format!("{} {group}", owner().await?))
        }
        Audience::Art => (&settings.art_channel, group(settings.art_group.clone()).await?),
    };
    Ok((channel.clone(), mention))
}

/// One post, found again by its key.
struct Post<'a> {
    services: &'a Services,
    channel: &'a str,
    text: &'a str,
    key: &'a str,
    now: Timestamp,
}

impl Post<'_> {
    fn handle(&self, posted: regatta_services::slack::Posted) -> Handle {
        Handle {
            kind: "slack-message".to_owned(),
            id: format!("{}/{}", posted.channel, posted.ts),
            url: None,
        }
    }
}

impl Triggerable for Post<'_> {
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>> {
        Box::pin(std::future::ready(Ok(Mark(self.now.to_string()))))
    }

    fn find<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>> {
        Box::pin(async move {
            let since = Timestamp::from_str(&mark.0).unwrap_or(Timestamp::UNIX_EPOCH);
            let found = self.services.slack.find(self.channel, self.key, since).await?;
            Ok(found.map(|posted| self.handle(posted)))
        })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async move {
            let posted = self.services.slack.post(self.channel, self.text, self.key).await?;
            Ok(self.handle(posted))
        })
    }
}
