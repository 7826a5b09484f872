//! `regatta timeline`: what happened to a release, in order.

use regatta_statebox::event::{Body, Event, IssueChange};
use serde::Serialize;

use crate::cli::{Globals, ReleaseArg};
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::wiring;

#[derive(Serialize)]
struct TimelineView {
    release: String,
    events: Vec<EventView>,
}

#[derive(Serialize)]
struct EventView {
    at: String,
    actor: String,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    event: Event,
}

pub(crate) async fn run(globals: &Globals, args: &ReleaseArg) -> Result<u8, Failure> {
    let app = wiring::app(globals).await?;
    let events = app.timeline(args.release).await?;
    app.clock.leave(None).await;
    let wide = globals.output == Format::Wide;
    let view = TimelineView {
        release: args.release.to_string(),
        events: events
            .into_iter()
            .map(|event| EventView {
                at: event.at.to_string(),
                actor: event.actor.clone(),
                what: words(&event),
                reason: event.reason.clone(),
                event,
            })
            .collect(),
    };
    output::show(globals.output, "timeline", &view, || {
        let rows: Vec<Vec<String>> = view
            .events
            .iter()
            // Bookkeeping of effects and messages is for those who ask for everything.
            .filter(|e| wide || !is_bookkeeping(&e.event.body))
            .map(|e| {
                let reason = e.reason.as_ref().map_or_else(String::new, |r| format!(" ({r})"));
                vec![e.at.clone(), e.actor.clone(), format!("{}{reason}", e.what)]
            })
            .collect();
        output::columns(&["AT", "BY", "WHAT"], &rows)
    })?;
    Ok(0)
}

fn is_bookkeeping(body: &Body) -> bool {
    match body {
        Body::Intended { .. } | Body::Queued { .. } | Body::Told { .. } | Body::Leased { .. } => true,
        // What the Sheet shows is told by the entries it shows.
        Body::Triggered { key, .. } => {
            ["sheet:statuses:", "sheet:critical-issues:"].iter().any(|kind| key.0.starts_with(kind))
        }
        Body::Observed { subject, .. } => {
            matches!(subject.as_str(), "sheet" | "critical-issues") || subject.starts_with("wait:")
        }
        _ => false,
    }
}

fn words(event: &Event) -> String {
    match &event.body {
        Body::Opened { .. } => "release taken up".to_owned(),
        Body::Refreshed { .. } => "metadata refreshed from the release data".to_owned(),
        Body::Observed { subject, value, .. } => {
            let value = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            format!("{subject} now: {value}")
        }
        Body::TaskMoved { task, from, to, attempt, evidence, .. } => {
            let attempt = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            let why = evidence.as_ref().map_or_else(String::new, |e| format!(": {}", e.summary));
            format!("{task}: {from} -> {to}{attempt}{why}")
        }
        Body::Intended { key, .. } => format!("about to: {key}"),
        Body::Triggered { key, handle } => {
            format!("done: {key} ({})", handle.url.as_deref().unwrap_or(&handle.id))
        }
        Body::Asked { question } => format!("asked: {}", question.text),
        Body::Closed { question, how } => format!("question closed: {question}: {how}"),
        Body::Overridden { task, verdict, role, evidence, .. } => {
            let evidence = evidence.as_ref().map_or_else(String::new, |e| format!(", see {e}"));
            format!("{task}: {verdict} by override of a {role}{evidence}")
        }
        Body::Issue(IssueChange::Added { text, blocker, .. }) => {
            format!("{} added: {text}", if *blocker { "blocker" } else { "issue" })
        }
        Body::Issue(IssueChange::Resolved { text, resolution }) => {
            format!("issue resolved: {text}: {resolution}")
        }
        Body::Queued { message } => format!("to be told: {}", message.key),
        Body::Told { key, handle: Some(_) } => format!("told: {key}"),
        Body::Told { key, handle: None } => format!("could not be told: {key}"),
        Body::Imported { .. } => "somebody else's edit taken over".to_owned(),
        Body::Leased { holder, until } => format!("held by {holder} until {until}"),
    }
}
