//! The one application service that every face calls.

use jiff::Timestamp;
use regatta_flow::Policy;
use regatta_kit::{Clock, Overall, Release, Status, Task, TaskMap};
use regatta_services::Services;
use regatta_statebox::StateBox;
use regatta_statebox::event::Event;
use regatta_statebox::fold::Folded;
use regatta_statebox::store::{Store, Versioned};
use regatta_tasks::runner::Runner;
use regatta_tasks::settings::TaskSettings;
use serde::Serialize;
use std::sync::{Arc, Mutex};

use crate::drive::Drive;
use crate::error::EngineError;
use crate::lease;
use crate::plan;
use crate::report::{Asking, DriveReport, IssueView, Observer, Unwatched, Waiting, waiting};
use crate::rights::{Action, Identity};
use crate::session::Session;

/// What a team sets, as far as the engine is concerned.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// What is left to Regatta.
    pub policy: Policy,
    /// Settings of the tasks.
    pub tasks: TaskSettings,
    /// The owner of releases nobody took, an e-mail.
    pub default_owner: Option<String>,
}

/// Everything a face needs to act.
pub struct App {
    /// Where releases are kept.
    pub store: Arc<dyn Store>,
    /// The remote systems.
    pub services: Arc<Services>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who does the tasks.
    pub runner: Arc<dyn Runner>,
    /// What the team set.
    pub settings: AppSettings,
    /// Who acts.
    pub identity: Identity,
    /// The world that the services are of: `real`, or a sandbox's name. State of one is never driven in another.
    pub world: String,
    /// When each release's metadata was last read by this process.
    pub refreshed: Mutex<std::collections::BTreeMap<Release, Timestamp>>,
}

/// How long a drive goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// Every move that is legal now, then stop.
    Once,
    /// Until done, or until nothing runs and nothing can start without a person.
    UntilDone,
}

/// What a drive is asked for.
#[derive(Debug, Clone)]
pub struct DriveOptions {
    /// The owner to take the release for, an e-mail.
    pub email: Option<String>,
    /// How long it goes on.
    pub watch: Watch,
}

/// A release as it stands, for those who look.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The release.
    pub release: Release,
    /// Computed.
    pub overall: Overall,
    /// The ten tasks.
    pub tasks: TaskMap<Status>,
    /// The folded state: details, overrides, metadata.
    pub folded: Folded,
    /// What is waited for, as far as it can be told without looking outside.
    pub waiting: Vec<Waiting>,
    /// What only a person can settle.
    pub needs_human: Vec<Asking>,
    /// The issue list.
    pub issues: Vec<IssueView>,
    /// The driver that holds it, and until when, unless it is known to be gone.
    pub held_by: Option<HeldBy>,
}

/// A driver's claim on a release, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldBy {
    /// Who, and as which process.
    pub holder: String,
    /// When the claim runs out unless it is renewed.
    pub until: Timestamp,
}

impl App {
    /// Drives a release.
    ///
    /// # Errors
    /// When the release data or the store cannot be read, or the release is not one that can be driven.
    pub async fn drive(
        &self,
        release: Release,
        options: DriveOptions,
        observer: &dyn Observer,
    ) -> Result<DriveReport, EngineError> {
        self.identity.may(Action::Drive)?;
        let session = self.open_patiently(release, options.watch).await?;
        if let Some(email) = &options.email {
            self.change_owner(&session, email).await?;
        }
        Drive::new(&session, options.email, observer).run(options.watch).await
    }

    /// What a drive would do first, and what it would wait for; changes nothing.
    ///
    /// # Errors
    /// As [`App::drive`].
    pub async fn plan(&self, release: Release) -> Result<(Vec<String>, Vec<Waiting>), EngineError> {
        self.check_world().await?;
        let (versioned, mut first) = match self.store.load(release).await? {
            Some(versioned) => (versioned, Vec::new()),
            None => {
                let metadata = self.release_metadata(release).await?;
                let mut value = StateBox::new(release, self.clock.now());
                value.apply(vec![self.opening(metadata)]);
                (
                    Versioned { value, version: String::new(), base_moved: false },
                    vec![format!("take up {release}: create its state")],
                )
            }
        };
        let session = Session::new(self, release, versioned);
        let decision = Drive::new(&session, None, &Unwatched).decide();
        first.extend(plan::lines(&decision));
        // What was never looked at is among the moves; saying that it is unknown adds nothing.
        let told = waiting(&decision).into_iter().filter(|w| w.waits_for != "evidence").collect();
        Ok((first, told))
    }

    /// A release as it stands in the store.
    ///
    /// # Errors
    /// When it is unknown or the store fails.
    pub async fn standing(&self, release: Release) -> Result<Standing, EngineError> {
        let session = self.session(release).await?;
        let decision = Drive::new(&session, None, &Unwatched).decide();
        let folded = session.read(Clone::clone);
        let mut waiting = waiting(&decision);
        waiting.extend(running(&folded, &waiting));
        let held = lease::of_another(&folded, &self.identity.holder, self.clock.now());
        let held_by = held.map(|l| HeldBy { holder: lease::shown(&l.holder), until: l.until });
        Ok(Standing {
            release,
            overall: decision.overall,
            tasks: TaskMap::from_fn(|t| folded.tasks[t].status),
            issues: folded.issues.iter().map(IssueView::from).collect(),
            needs_human: self.asking(&session, &decision),
            folded,
            waiting,
            held_by,
        })
    }

    /// All releases of the store, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn releases(&self) -> Result<Vec<Release>, EngineError> {
        self.check_world().await?;
        Ok(self.store.releases().await?)
    }

    /// A release's history, in order.
    ///
    /// # Errors
    /// When it is unknown or the store fails.
    pub async fn timeline(&self, release: Release) -> Result<Vec<Event>, EngineError> {
        Ok(self.session(release).await?.history())
    }

    /// A hold on a release that the store knows.
    pub(crate) async fn session(&self, release: Release) -> Result<Session<'_>, EngineError> {
        self.check_world().await?;
        let versioned = self.store.load(release).await?.ok_or(EngineError::UnknownRelease(release))?;
        let session = Session::new(self, release, versioned);
        Ok(session)
    }
}

/// What runs, as far as the state tells: a drive that looks would say more.
fn running(folded: &Folded, told: &[Waiting]) -> Vec<Waiting> {
    let silent = |task: &Task| !told.iter().any(|w| w.task == *task);
    let mut waits = Vec::new();
    for (task, state) in folded.tasks.iter().filter(|(t, s)| s.status == Status::InProgress && silent(t)) {
        let trigger = format!("trigger:{task}");
        let names: &[&str] = match task {
            Task::PushToCdnStaging => &["push:"],
            Task::ChangeAdvisoryStatus => &["approve:"],
            _ => &[&trigger],
        };
        let handle = folded.handles.iter().rev().find(|(key, _)| names.iter().any(|n| key.0.starts_with(n)));
        let what =
            handle.map_or_else(String::new, |(_, h)| format!(" ({})", h.url.as_deref().unwrap_or(&h.id)));
        waits.push(Waiting {
            task,
            waits_for: "job".to_owned(),
            why: format!("under way{what}; a drive follows it"),
            since: state.moved_at.unwrap_or_default(),
            check_after: None,
        });
    }
    waits
}
