//! What several tasks need of a release: its merge request, its advisories, and going on past trouble.

use regatta_kit::BoxFuture;
use regatta_services::error::ServiceError;
use regatta_services::gitlab::{GitLab, MrRef, Note};
use regatta_statebox::event::{Handle, Mark};

use crate::context::Context;
use crate::effects::{Early, Triggerable};
use crate::outcome::{Outcome, PersonQuestion};

/// The advisory kind that QE does not handle: microshift ships by its own flow.
const NOT_QE: &str = "microshift";

/// An advisory of the release, as its metadata names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdvisoryRef {
    /// `rpm`, `rhcos`, …
    pub(crate) kind: String,
    /// Its number in the Errata Tool.
    pub(crate) id: u64,
}

/// The advisories that QE handles, in file order.
pub(crate) fn advisories(context: &Context<'_>) -> Vec<AdvisoryRef> {
    let all = context.metadata.advisory_ids.iter().filter(|(kind, _)| *kind != NOT_QE);
    all.map(|(kind, id)| AdvisoryRef { kind: kind.clone(), id: *id }).collect()
}

/// The shipment's merge request; `None` in the Errata flow.
pub(crate) fn shipment(context: &Context<'_>) -> Result<Option<MrRef>, Early> {
    let Some(url) = context.metadata.shipment_mr.as_deref().filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    url.parse().map(Some).map_err(|error: regatta_kit::ParseError| {
        Early::Outcome(Box::new(Outcome::NeedsPerson(PersonQuestion {
            name: "shipment-mr",
            text: format!("The release data names no usable shipment merge request: {error}."),
            options: vec!["ask ART to correct `shipment.url` in releases.yml".to_owned()],
            evidence: vec![],
        })))
    })
}

/// Goes on past a remote's error, so that one service or item delays no other, and remembers the first.
#[derive(Default)]
pub(crate) struct Troubles(Option<Box<Outcome>>);

impl Troubles {
    /// The value, or `None` after remembering the error. A stop by the engine is passed on at once.
    pub(crate) fn past<T, E: Into<Early>>(&mut self, result: Result<T, E>) -> Result<Option<T>, Early> {
        match result.map_err(Into::into) {
            Ok(value) => Ok(Some(value)),
            Err(Early::Outcome(outcome)) => {
                self.0.get_or_insert(outcome);
                Ok(None)
            }
            Err(stop @ (Early::Moved | Early::Engine(_))) => Err(stop),
        }
    }

    /// Ends the run with the first error, if there was one.
    pub(crate) fn end(self) -> Result<(), Early> {
        self.0.map_or(Ok(()), |outcome| Err(Early::Outcome(outcome)))
    }
}

/// A note on the merge request that is written once, found again by its hidden mark.
pub(crate) struct MrNote<'a> {
    /// The server.
    pub(crate) gitlab: &'a GitLab,
    /// The merge request.
    pub(crate) at: &'a MrRef,
    /// What readers see.
    pub(crate) text: String,
    /// The hidden mark.
    pub(crate) key: String,
}

impl MrNote<'_> {
    fn handle(&self, note: &Note) -> Handle {
        let url = format!("{}#note_{}", self.gitlab.link(self.at), note.id);
        Handle { kind: "note".to_owned(), id: note.id.to_string(), url: Some(url) }
    }
}

impl Triggerable for MrNote<'_> {
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>> {
        Box::pin(async {
            let newest = self.gitlab.notes(self.at).await?.iter().map(|note| note.id).max();
            Ok(Mark(newest.unwrap_or_default().to_string()))
        })
    }

    fn find<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>> {
        Box::pin(async {
            let above: u64 = mark.0.parse().unwrap_or_default();
            let notes = self.gitlab.notes(self.at).await?;
            Ok(notes
                .iter()
                .find(|note| note.id > above && note.is_marked(&self.key))
                .map(|note| self.handle(note)))
        })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async { Ok(self.handle(&self.gitlab.add_note(self.at, &self.text, &self.key).await?)) })
    }
}
