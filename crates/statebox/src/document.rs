//! The StateBox document.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// Production's metadata of a release. Field names and order are production's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The ART ticket, such as `ART-15998`.
    #[serde(default)]
    pub jira_ticket: Option<String>,
    /// Advisory ids by kind (`rpm`, `rhcos`, …), in file order.
    #[serde(default)]
    pub advisory_ids: IndexMap<String, u64>,
    /// The release date as ART writes it: `2026-Apr-22`.
    #[serde(default)]
    pub release_date: Option<String>,
    /// Candidate nightlies by rpm architecture.
    #[serde(default)]
    pub candidate_builds: IndexMap<String, String>,
    /// URL of the shipment merge request; `None` in the Errata flow.
    #[serde(default)]
    pub shipment_mr: Option<String>,
}
