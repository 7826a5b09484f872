//! What a release contains, as several services tell it: the bugs fixed and the CVEs behind them.
//!
//! GitLab lists the shipment's issues, the Errata Tool the advisories', Jira has the issues themselves; all of them read
//! here. The content follows from the release's name alone: seeds vary delays and faults, never what is shipped.

use jiff::{SignedDuration, Timestamp};

use super::wire::number_of;
use crate::scenario::Scenario;

/// Which list names a bug as fixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FixedBy {
    /// A file of the shipment merge request, by kind: `image`.
    Shipment(&'static str),
    /// An advisory, by kind: `rhcos`.
    Advisory(String),
}

/// An issue in project OCPBUGS.
#[derive(Debug, Clone)]
pub(crate) struct Bug {
    pub(crate) key: String,
    pub(crate) summary: String,
    pub(crate) fixed_by: FixedBy,
    /// The CVE it tracks, if it is a tracker.
    pub(crate) cve: Option<String>,
    pub(crate) priority: &'static str,
    /// Whether QE has still to verify it when the world begins; it does so by `verified_at`.
    pub(crate) verified_at: Option<Timestamp>,
    /// Login names.
    pub(crate) assignee: &'static str,
    pub(crate) qa_contact: &'static str,
}

impl Bug {
    /// The status by itself, as long as nobody moves the issue.
    pub(crate) fn status(&self, now: Timestamp) -> &'static str {
        match self.verified_at {
            Some(at) if now < at => "ON_QA",
            _ => "Verified",
        }
    }
}

/// A one-line description of a fix and what it would break: (summary, priority).
const SUMMARIES: [(&str, &str); 8] = [
    ("console: topology view does not refresh after a route is removed", "Normal"),
    ("cluster-network-operator reports Degraded during a rolling reboot", "Major"),
    ("oc adm must-gather leaves a namespace behind when interrupted", "Minor"),
    ("machine-config-operator drains a node twice after a paused pool resumes", "Major"),
    ("etcd backup fails when the target directory is a mount point", "Critical"),
    ("image-registry: pruner does not honour keep-younger-than", "Normal"),
    ("ingress: haproxy reload drops idle websocket connections", "Major"),
    ("installer: bootstrap log gather times out behind a proxy", "Normal"),
];

/// All bugs of the release, in a fixed order.
pub(crate) fn bugs(scenario: &Scenario) -> Vec<Bug> {
    let release = scenario.release.to_string();
    let first = 50_000 + number_of(&format!("{release}/bugs"), 12_000);
    let mut bugs = Vec::new();
    if scenario.shipment_mr.is_some() {
        for (i, (summary, priority)) in SUMMARIES.iter().enumerate() {
            let kind = if i % 4 == 3 { "extras" } else { "image" };
            bugs.push((FixedBy::Shipment(kind), (*summary).to_owned(), None, *priority));
        }
        let cve = cve(scenario, "shipment");
        let summary = format!("{cve} openshift4/ose-console: denial of service by a crafted header");
        bugs.push((FixedBy::Shipment("image"), summary, Some(cve), "Major"));
    }
    for kind in scenario.advisories.keys() {
        let by = FixedBy::Advisory(kind.clone());
        if is_security(kind) {
            let cve = cve(scenario, kind);
            bugs.push((by, format!("{cve} kernel: use after free in a network filter"), Some(cve), "Major"));
        } else {
            bugs.push((by, format!("{kind}: rebuild with the fixed runtime"), None, "Normal"));
        }
    }
    bugs.into_iter()
        .enumerate()
        .map(|(i, (fixed_by, summary, cve, priority))| Bug {
            key: format!("OCPBUGS-{}", first + 7 * i as u64),
            summary,
            fixed_by,
            verified_at: (cve.is_none() && i % 3 == 0)
                .then(|| scenario.start + SignedDuration::from_hours(18 + 9 * (i as i64 % 4))),
            cve,
            priority,
            assignee: ["dev-one", "dev-two"][i % 2],
            qa_contact: ["qa-one", "qa-two"][(i / 2) % 2],
        })
        .collect()
}

/// Keys of the bugs an advisory fixes.
pub(crate) fn advisory_bugs(scenario: &Scenario, kind: &str) -> Vec<Bug> {
    let by = FixedBy::Advisory(kind.to_owned());
    bugs(scenario).into_iter().filter(|bug| bug.fixed_by == by).collect()
}

/// Whether the advisory of that kind is a security advisory (RHSA).
pub(crate) fn is_security(kind: &str) -> bool {
    matches!(kind, "rhcos" | "image")
}

/// The CVE that a part of the release fixes.
fn cve(scenario: &Scenario, part: &str) -> String {
    let year = scenario.release_date.year();
    format!("CVE-{year}-{}", 10_000 + number_of(&format!("{}/{part}/cve", scenario.release), 50_000))
}
