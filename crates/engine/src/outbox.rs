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
use regatta_services::slack::{TEXT_LIMIT, split_text};
use regatta_statebox::event::{Audience, Body, EffectKey, Handle, Mark, Message};
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
}

impl Channel {
    fn is_due(&self, now: Timestamp) -> bool {
        self.again.is_none_or(|at| at <= now)
    }

    fn succeeded(&mut self) {
        *self = Self::default();
    }

    fn failed(&mut self, error: &ServiceError, now: Timestamp) {
        self.failures += 1;
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
    pub(crate) fn next_try(&self) -> Option<Timestamp> {
        [self.slack.again, self.sheet.again].into_iter().flatten().min()
    }

    /// The next of the short retries, which belong to the run that failed.
    pub(crate) fn retrying(&self) -> Option<Timestamp> {
        let short = |c: &Channel| if c.failures <= SHORT_RETRIES { c.again } else { None };
        [short(&self.slack), short(&self.sheet)].into_iter().flatten().min()
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
        for message in session.read(|f| f.outbox.clone()) {
            if !self.slack.is_due(session.now()) {
                return Ok(());
            }
            match deliver_one(session, &message).await {
                Ok(handle) => {
                    self.slack.succeeded();
                    let told = Body::Told { key: message.key.clone(), handle: Some(handle) };
                    session.append(vec![told.into()]).await?;
                    lines.push(format!("told {}", message.key));
                }
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
        if session.read(|f| f.observed.get(subject::SHEET).is_some_and(|o| o.digest == digest)) {
            return Ok(());
        }
        let app = session.app;
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

async fn deliver_one(session: &Session<'_>, message: &Message) -> Result<Handle, Stopped> {
    let ledger = Ledger { session, task: None };
    let app = session.app;
    let (channel, text) = address(session, message).await?;
    let parts = split_text(&text, TEXT_LIMIT);
    let mut first = None;
    for (i, part) in parts.iter().enumerate() {
        let key = if i == 0 { message.key.clone() } else { format!("{}/{}", message.key, i + 1) };
        let post =
            Post { services: &app.services, channel: &channel, text: part, key: &key, now: session.now() };
        let handle = ledger.once(EffectKey(format!("slack:{key}")), &post).await?;
        first.get_or_insert(handle);
    }
    Ok(first.unwrap_or(Handle { kind: "slack-message".to_owned(), id: String::new(), url: None }))
}

/// Channel and text with its mentions. A mention that cannot be looked up is written out in words.
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
            Some(local) if local.contains('@') => local,
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
    Ok((channel.clone(), format!("{mention} {}", message.text)))
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
