//! What is told to people: Slack messages and the Sheet, each once, and never in the way of a task.
//!
//! A message that cannot be delivered waits; its service's failures hold up nothing but messages.

use jiff::{SignedDuration, Timestamp};
use regatta_flow::decide::Decision;
use regatta_flow::facts::after;
use regatta_kit::ids::digest;
use regatta_kit::{BoxFuture, ErrorClass, Overall, Status, TaskMap};
use regatta_services::Services;
use regatta_services::error::ServiceError;
use regatta_services::slack::{TEXT_LIMIT, escape, split_text};
use regatta_statebox::event::{Audience, Body, EffectKey, Handle, Mark, Message};
use regatta_statebox::fold::Folded;
use regatta_statebox::store::StoreError;
use regatta_tasks::effects::{Effects, Stopped, Triggerable};
use regatta_tasks::report::{self, NoSheet, SheetWrite};
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

    /// Shows on the Sheet what differs from what was written last: statuses, and tickets among the open issues.
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
        let shown = async {
            show_critical_issues(session).await?;
            show_statuses(session, &statuses, decision.overall).await
        };
        match shown.await {
            Ok(()) => self.sheet.succeeded(),
            // Another driver holds the release now, and the Sheet with it.
            Err(Stopped::Moved) => {}
            Err(Stopped::Engine(error)) => return Err(error),
            Err(Stopped::Remote(error)) => {
                self.sheet.failed(&error, session.now());
                lines.push(format!("the Sheet waits: {error}"));
            }
        }
        Ok(())
    }
}

/// A projection onto the Sheet: the next of its kind, and the record of what then stands there.
struct Projection {
    key: EffectKey,
    record: Body,
}

impl Projection {
    /// The same words may have to stand there again later, so each projection of a kind is counted. One that was cut off
    /// is taken up under its number, with what is to stand there by then.
    fn next(session: &Session<'_>, name: &str, subject: &str, words: &[&str]) -> Option<Self> {
        let joined = words.join("|");
        let digest = digest(joined.as_bytes(), 16);
        session.read(|folded| {
            if folded.observed.get(subject).is_some_and(|o| o.digest == digest) {
                return None;
            }
            let kind = format!("sheet:{name}:");
            let made = folded.handles.keys().filter(|key| key.0.starts_with(&kind)).count();
            let record = Body::Observed { subject: subject.to_owned(), value: joined.into(), digest };
            Some(Self { key: EffectKey(format!("{kind}{}", made + 1)), record })
        })
    }

    /// Writes what the Sheet lacks; a Sheet that lacks nothing, or none, is only recorded.
    async fn show(
        self,
        session: &Session<'_>,
        found: Result<SheetWrite<'_>, NoSheet>,
    ) -> Result<(), Stopped> {
        let announced = session.read(|folded| folded.intents.contains_key(&self.key));
        match found {
            Ok(write) if write.is_needed() || announced => {
                let ledger = Ledger { session, task: None };
                ledger.make(self.key, &write, |_| Some(self.record.clone())).await.map(drop)
            }
            Ok(_) | Err(_) => session.append(vec![self.record.into()]).await.map_err(Stopped::Engine),
        }
    }
}

async fn show_statuses(
    session: &Session<'_>,
    statuses: &TaskMap<Status>,
    overall: Overall,
) -> Result<(), Stopped> {
    let words: Vec<&str> = statuses.iter().map(|(_, s)| s.word()).chain([overall.word()]).collect();
    let Some(projection) = Projection::next(session, "statuses", subject::SHEET, &words) else {
        return Ok(());
    };
    let (services, settings) = (&session.app.services, &session.app.settings.tasks);
    let found =
        report::statuses(services, settings, session.release, statuses, overall, session.now()).await?;
    projection.show(session, found).await
}

async fn show_critical_issues(session: &Session<'_>) -> Result<(), Stopped> {
    let critical = critical_issues(session);
    let words: Vec<&str> = critical.iter().map(String::as_str).collect();
    if words.is_empty() {
        return Ok(());
    }
    let Some(projection) = Projection::next(session, "critical-issues", subject::CRITICAL_ISSUES, &words)
    else {
        return Ok(());
    };
    // What was listed before and is there no more was taken off by somebody, and stays off.
    let before = session
        .read(|f| f.observed.get(subject::CRITICAL_ISSUES).and_then(|o| o.value.as_str().map(str::to_owned)))
        .unwrap_or_default();
    let before: Vec<&str> = before.split(['|', ',']).map(str::trim).collect();
    let new: Vec<String> = critical.iter().filter(|key| !before.contains(&key.as_str())).cloned().collect();
    let (services, settings) = (&session.app.services, &session.app.settings.tasks);
    let found = report::critical_issues(services, settings, session.release, &new, session.now()).await?;
    projection.show(session, found).await
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
