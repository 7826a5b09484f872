//! Taking a release up: its metadata out of the release data, the world its state belongs to, its owner.

use jiff::{SignedDuration, Timestamp};
use regatta_kit::ids::{EventId, Writer};
use regatta_kit::{Release, Status, Task};
use regatta_services::raw::{ReleaseData, Shipment};
use regatta_statebox::document::Metadata;
use regatta_statebox::event::{Body, Event};
use regatta_statebox::store::StoreError;
use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use crate::app::{App, Watch};
use crate::drive::Drive;
use crate::error::EngineError;
use crate::evidence::{local_part, subject};
use crate::patience::Patience;
use crate::report::Unwatched;
use crate::session::{Draft, Session};

/// How old metadata may be before it is read again within one drive.
const METADATA_MAX_AGE: SignedDuration = SignedDuration::from_hours(6);

impl App {
    /// Refuses a store of another world; looking stamps nothing.
    pub(crate) async fn check_world(&self) -> Result<(), EngineError> {
        match self.store.world().await? {
            Some(stamped) if stamped != self.world => {
                Err(StoreError::WrongWorld { stamped, wanted: self.world.clone() }.into())
            }
            _ => Ok(()),
        }
    }

    /// Another owner than the recorded one: ownership is taken anew, and that is recorded.
    pub(crate) async fn change_owner(&self, session: &Session<'_>, email: &str) -> Result<(), EngineError> {
        let task = Task::TakeOwnership;
        let differs = session.read(|f| {
            let recorded = f.observed.get(subject::OWNER).and_then(|o| o.value.as_str());
            f.tasks[task].status == Status::Pass && recorded.is_some_and(|owner| owner != local_part(email))
        });
        if differs {
            let reason = format!("another owner: {}", local_part(email));
            let body = Drive::new(session, None, &Unwatched).back_to_the_beginning(task);
            session.append(vec![Draft::by(&self.identity.actor, Some(&reason), body)]).await?;
        }
        Ok(())
    }

    /// [`App::open`], once the store answers, and for a new release the release data too.
    pub(crate) async fn open_patiently(
        &self,
        release: Release,
        watch: Watch,
    ) -> Result<Session<'_>, EngineError> {
        let mut patience = Patience::of(watch);
        loop {
            match self.open(release).await {
                Err(error) => {
                    let Some(again) = patience.again(&error, self.clock.now()) else { return Err(error) };
                    tracing::warn!(%error, "the release could not be taken up; trying again");
                    self.clock.sleep_until(again).await;
                }
                opened => return opened,
            }
        }
    }

    /// A hold on a release, taken up now if the store does not know it yet.
    pub(crate) async fn open(&self, release: Release) -> Result<Session<'_>, EngineError> {
        self.check_world().await?;
        let known = self.store.load(release).await?;
        let metadata = match (&known, self.release_metadata(release).await) {
            (_, Ok(metadata)) => metadata,
            // What is recorded serves until the release data can be read again; the next wake tries.
            (Some(versioned), Err(EngineError::Service(error))) => {
                tracing::warn!(%error, "the release data could not be read; going on with what is recorded");
                return Ok(Session::new(self, release, versioned.clone()));
            }
            (_, Err(error)) => return Err(error),
        };
        // Only now is it certain that something will be written.
        self.store.stamp(&self.world).await?;
        let now = self.clock.now();
        self.lock_refreshed().insert(release, now);
        match known {
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

    pub(crate) fn opening(&self, metadata: Metadata) -> Event {
        Event {
            id: EventId(Writer(self.identity.writer.clone()), 1),
            at: self.clock.now(),
            actor: self.identity.actor.clone(),
            reason: None,
            body: Body::Opened { metadata },
        }
    }

    /// Reads the release data again when it is old: it is never frozen for days. A failure is not worth stopping a drive
    /// for: the next wake tries again.
    pub(crate) async fn refresh_metadata(&self, session: &Session<'_>, now: Timestamp) {
        let last = self.lock_refreshed().get(&session.release).copied();
        if last.is_some_and(|at| now.duration_since(at) < METADATA_MAX_AGE) {
            return;
        }
        let metadata = match self.release_metadata(session.release).await {
            Ok(metadata) => metadata,
            Err(error) => return tracing::warn!(%error, "the release data could not be read again"),
        };
        if session.read(|f| f.metadata != metadata)
            && let Err(error) = session.append(vec![Body::Refreshed { metadata }.into()]).await
        {
            return tracing::warn!(%error, "the release data could not be written down");
        }
        self.lock_refreshed().insert(session.release, now);
    }

    fn lock_refreshed(&self) -> MutexGuard<'_, BTreeMap<Release, Timestamp>> {
        self.refreshed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn release_metadata(&self, release: Release) -> Result<Metadata, EngineError> {
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
        })
    }
}
