//! The one application service that every face calls.

use jiff::{SignedDuration, Timestamp};
use regatta_flow::Policy;
use regatta_kit::ids::{EventId, Writer};
use regatta_kit::{Clock, Overall, Release, Status, TaskMap};
use regatta_services::Services;
use regatta_services::raw::{ReleaseData, Shipment};
use regatta_statebox::StateBox;
use regatta_statebox::document::Metadata;
use regatta_statebox::event::{Body, Event};
use regatta_statebox::store::{Store, Versioned};
use regatta_tasks::runner::Runner;
use regatta_tasks::settings::TaskSettings;
use std::sync::{Arc, Mutex, PoisonError};

use crate::drive::{Drive, plan};
use crate::error::EngineError;
use crate::lookbook::LookBook;
use crate::outbox::Outbox;
use crate::report::{Asking, DriveReport, IssueView, Observer, Waiting, asking, waiting};
use crate::rights::{Action, Identity};
use crate::session::{Draft, Session};

/// How old metadata may be before it is read again within one drive.
const METADATA_MAX_AGE: SignedDuration = SignedDuration::from_hours(6);

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
    pub folded: regatta_statebox::fold::Folded,
    /// What is waited for, as far as it can be told without looking outside.
    pub waiting: Vec<Waiting>,
    /// What only a person can settle.
    pub needs_human: Vec<Asking>,
    /// The issue list.
    pub issues: Vec<IssueView>,
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
        let session = self.open(release).await?;
        let mut drive = Drive {
            session: &session,
            book: Mutex::new(LookBook::default()),
            outbox: Outbox::default(),
            owner: options.email,
            observer,
            moved: Vec::new(),
        };
        drive.run(options.watch).await
    }

    /// What a drive would do first, and what it would wait for; changes nothing.
    ///
    /// # Errors
    /// As [`App::drive`].
    pub async fn plan(&self, release: Release) -> Result<(Vec<String>, Vec<Waiting>), EngineError> {
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
        let drive = Drive {
            session: &session,
            book: Mutex::new(LookBook::default()),
            outbox: Outbox::default(),
            owner: None,
            observer: &crate::report::Unwatched,
            moved: Vec::new(),
        };
        let decision = drive.decide();
        first.extend(plan(&decision));
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
        let drive = Drive {
            session: &session,
            book: Mutex::new(LookBook::default()),
            outbox: Outbox::default(),
            owner: None,
            observer: &crate::report::Unwatched,
            moved: Vec::new(),
        };
        let decision = drive.decide();
        let folded = session.read(Clone::clone);
        Ok(Standing {
            release,
            overall: decision.overall,
            tasks: TaskMap::from_fn(|t| folded.tasks[t].status),
            issues: folded.issues.iter().map(IssueView::from).collect(),
            folded,
            waiting: waiting(&decision),
            needs_human: asking(&decision),
        })
    }

    /// All releases of the store, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn releases(&self) -> Result<Vec<Release>, EngineError> {
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
        let versioned = self.store.load(release).await?.ok_or(EngineError::UnknownRelease(release))?;
        let session = Session::new(self, release, versioned);
        Ok(session)
    }

    /// A hold on a release, taken up now if the store does not know it yet.
    async fn open(&self, release: Release) -> Result<Session<'_>, EngineError> {
        let metadata = self.release_metadata(release).await?;
        let now = self.clock.now();
        self.lock_refreshed().insert(release, now);
        match self.store.load(release).await? {
            Some(versioned) => {
                let writer = Writer(self.identity.writer.clone());
                let id = EventId(writer.clone(), versioned.value.next_number(&writer));
                let foreign = versioned.value.reconcile_foreign(id, now);
                let session = Session::new(self, release, versioned);
                let mut drafts: Vec<Draft> = foreign.into_iter().map(|event| event.body.into()).collect();
                let taken_up = session.read(|f| f.opened_at.is_some());
                if !taken_up {
                    drafts.push(Body::Opened { metadata }.into());
                } else if session.read(|f| f.metadata != metadata) {
                    drafts.push(Body::Refreshed { metadata }.into());
                }
                session.append(drafts).await?;
                Ok(session)
            }
            None => {
                let versioned = self.store.append(release, None, vec![self.opening(metadata)]).await?;
                Ok(Session::new(self, release, versioned))
            }
        }
    }

    fn opening(&self, metadata: Metadata) -> Event {
        Event {
            id: EventId(Writer(self.identity.writer.clone()), 1),
            at: self.clock.now(),
            actor: self.identity.actor.clone(),
            reason: None,
            body: Body::Opened { metadata },
        }
    }

    /// Reads the release data again when it is old: it is never frozen for days.
    pub(crate) async fn refresh_metadata(
        &self,
        session: &Session<'_>,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let last = self.lock_refreshed().get(&session.release).copied();
        if last.is_some_and(|at| now.duration_since(at) < METADATA_MAX_AGE) {
            return Ok(());
        }
        // A failing look is not worth stopping a drive for: the next one comes.
        match self.release_metadata(session.release).await {
            Ok(metadata) => {
                self.lock_refreshed().insert(session.release, now);
                if session.read(|f| f.metadata != metadata) {
                    session.append(vec![Body::Refreshed { metadata }.into()]).await?;
                }
            }
            Err(error) => tracing::warn!(%error, "the release data could not be read again"),
        }
        Ok(())
    }

    fn lock_refreshed(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<Release, Timestamp>> {
        self.refreshed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn release_metadata(&self, release: Release) -> Result<Metadata, EngineError> {
        let data: ReleaseData = self.services.raw.release_data(release).await?;
        let shipment_mr = match data.shipment {
            Shipment::MergeRequest(url) => Some(url),
            // Announced, but the merge request does not exist yet: the tasks that need it wait for it.
            Shipment::WithoutUrl => None,
            Shipment::None => return Err(EngineError::ErrataFlow(release)),
        };
        Ok(Metadata {
            jira_ticket: data.jira_ticket,
            advisory_ids: data.advisories,
            release_date: data.release_date,
            candidate_builds: data.candidates,
            shipment_mr,
            ..Metadata::default()
        })
    }
}
