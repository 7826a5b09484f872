//! What a scenario fixes beforehand: the release, its data, and what the world will show when.

use bytes::Bytes;
use indexmap::IndexMap;
use jiff::Timestamp;
use jiff::civil::Date;
use regatta_kit::{Nightly, Release};
use std::collections::BTreeMap;

/// The script of a world. Everything not in it follows from the seed.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Varies delays and faults, nothing else.
    pub seed: u64,
    /// Virtual time at which the world begins.
    pub start: Timestamp,
    /// The release that will be driven.
    pub release: Release,
    /// The ART ticket, `ART-15998`.
    pub jira_ticket: String,
    /// Advisories by kind, in order: `rpm`, `rhcos`.
    pub advisories: IndexMap<String, u64>,
    /// The announced release date.
    pub release_date: Date,
    /// Candidate nightlies by rpm architecture; may be empty.
    pub candidates: IndexMap<String, Nightly>,
    /// The shipment merge request as the release data names it, such as
    /// `https://gitlab.cee.redhat.com/hybrid-platforms/art/ocp-shipment-data/-/merge_requests/469`; `None`: Errata flow.
    pub shipment_mr: Option<String>,
    /// When the release controller shows the release as Accepted; `None`: never.
    pub promoted_at: Option<Timestamp>,
    /// Every version of the result files on branch `record`: path to versions by the instant each appears.
    pub result_files: BTreeMap<String, BTreeMap<Timestamp, Bytes>>,
    /// When the metadata (errata) page opens.
    pub metadata_opens_at: Timestamp,
}

impl Scenario {
    /// The merge request's number, where there is one.
    #[must_use]
    pub fn merge_request_iid(&self) -> Option<u64> {
        self.shipment_mr.as_deref()?.rsplit('/').next()?.parse().ok()
    }
}
