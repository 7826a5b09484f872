//! Recorded releases made for tests: folders of the shape that [`Scenario::replay`](crate::Scenario::replay) reads.
//!
//! Not part of the product; other crates' tests write them into temporary folders.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use regatta_kit::{Arch, Build, Nightly, Release};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::result_files::{Ending, Script, to_bytes};

/// What became of the release's builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedKind {
    /// Both builds were accepted.
    Accepted,
    /// The candidate was rejected for good.
    Rejected,
    /// The promoted build was rejected for good.
    PromotedRejected,
    /// The candidate was rejected, and promoted by hand 20 hours later.
    ManualPromotion,
    /// The candidate was rejected, and accepted 30 hours after the release began, when a run had been replaced.
    LateAcceptance,
    /// The metadata names a candidate that has no result file.
    NoCandidateFile,
    /// The metadata name no candidate.
    NoCandidateInMetadata,
}

impl RecordedKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Rejected,
        Self::PromotedRejected,
        Self::ManualPromotion,
        Self::LateAcceptance,
        Self::NoCandidateFile,
        Self::NoCandidateInMetadata,
    ];
}

const CREATED_AT: &str = "2026-02-05T15:01:16Z";
const CANDIDATE: &str = "4.20.0-0.nightly-2026-02-03-230502";

/// Writes a recorded release of that kind into the folder `dir` and returns which release it is: 4.20.31 to 4.20.37.
///
/// # Panics
/// When the folder cannot be written to.
pub fn write_recorded(dir: &Path, kind: RecordedKind) -> Release {
    let place = RecordedKind::ALL.iter().position(|one| *one == kind).unwrap_or_default();
    let patch = 31 + u16::try_from(place).unwrap_or_default();
    let release: Release = format!("4.20.{patch}").parse().expect("a release is written here");
    let candidate: Nightly = CANDIDATE.parse().expect("a nightly is written here");
    let start: Timestamp = CREATED_AT.parse().expect("an instant is written here");

    write(&dir.join("statebox.yaml"), statebox(release, kind).as_bytes());
    let promoted = Script {
        build: Build::Release(release),
        created: start + SignedDuration::from_hours(8),
        seed: 5,
        ending: if kind == RecordedKind::PromotedRejected { Ending::Rejected } else { Ending::Accepted },
    };
    let mut files = BTreeMap::from([(promoted.build, promoted.versions())]);
    if !matches!(kind, RecordedKind::NoCandidateFile | RecordedKind::NoCandidateInMetadata) {
        let rejected = matches!(
            kind,
            RecordedKind::Rejected | RecordedKind::ManualPromotion | RecordedKind::LateAcceptance
        );
        let script = Script {
            build: Build::Nightly(candidate),
            created: candidate.built_at() + SignedDuration::from_hours(7),
            seed: 5,
            ending: if rejected { Ending::Rejected } else { Ending::Accepted },
        };
        let mut versions = script.versions();
        match kind {
            RecordedKind::ManualPromotion => {
                promote_by_hand(&mut versions, start + SignedDuration::from_hours(20))
            }
            RecordedKind::LateAcceptance => {
                accept_late(&mut versions, start + SignedDuration::from_hours(30))
            }
            _ => {}
        }
        files.insert(script.build, versions);
    }
    let mut recorded = json!({
        "release": release.to_string(),
        "candidate": if kind == RecordedKind::NoCandidateInMetadata { Value::Null } else { json!(CANDIDATE) },
        "files": {},
    });
    for (build, versions) in &files {
        let path = build.result_file(Arch::Amd64);
        let folder =
            dir.join("results").join(path.trim_start_matches("_releases/").trim_end_matches(".json"));
        for (at, bytes) in versions {
            write(&folder.join(format!("{}.json", at.as_second())), bytes);
        }
        let times: Vec<i64> = versions.keys().map(|at| at.as_second()).collect();
        let last = last(versions);
        let role = if matches!(build, Build::Release(_)) { "promoted" } else { "candidate" };
        recorded["files"][role] = json!({
            "path": path, "version_times_unix_s": times, "aggregated": last["aggregated"] == true,
            "accepted": last["accepted"] == true, "manual_promotion": last["manual_promotion"] == true,
        });
    }
    write(&dir.join("recorded.json"), &to_bytes(&recorded));
    release
}

/// A person waives the failure: the flags are set to be computed again, and the verdict stays what it was.
fn promote_by_hand(versions: &mut BTreeMap<Timestamp, Bytes>, at: Timestamp) {
    let mut file = last(versions);
    file["aggregated"] = json!(false);
    file["manual_promotion"] = json!(true);
    versions.insert(at, to_bytes(&file));
    file["aggregated"] = json!(true);
    versions.insert(at + SignedDuration::from_mins(40), to_bytes(&file));
}

/// A person replaces the failed retries by runs that pass; the verdict is computed anew.
fn accept_late(versions: &mut BTreeMap<Timestamp, Bytes>, at: Timestamp) {
    let mut file = last(versions);
    if let Some(object) = file.as_object_mut() {
        object.shift_remove("aggregated");
        object.shift_remove("accepted");
    }
    for entry in file["result"].as_array_mut().into_iter().flatten() {
        for run in entry["retriedJobs"].as_array_mut().into_iter().flatten() {
            run["jobState"] = json!("success");
        }
    }
    versions.insert(at, to_bytes(&file));
    file["aggregated"] = json!(true);
    file["accepted"] = json!(true);
    versions.insert(at + SignedDuration::from_mins(55), to_bytes(&file));
}

fn last(versions: &BTreeMap<Timestamp, Bytes>) -> Value {
    versions.last_key_value().and_then(|(_, bytes)| serde_json::from_slice(bytes).ok()).unwrap_or_default()
}

fn statebox(release: Release, kind: RecordedKind) -> String {
    let candidates = if kind == RecordedKind::NoCandidateInMetadata {
        " {}".to_owned()
    } else {
        let arm64 = CANDIDATE.replace("nightly-", "nightly-arm64-");
        format!("\n    aarch64: {arm64}\n    x86_64: {CANDIDATE}")
    };
    let number = 158_100 + 2 * u32::from(release.patch - 31);
    format!(
        "schema_version: '1.0'
release: {release}
created_at: '{CREATED_AT}'
updated_at: '2026-02-11T16:20:03Z'
metadata:
  advisory_ids:
    rpm: {number}
    rhcos: {}
  release_date: 2026-Feb-11
  jira_ticket: ART-14500
  candidate_builds:{candidates}
  shipment_mr: https://gitlab.cee.redhat.com/hybrid-platforms/art/ocp-shipment-data/-/merge_requests/370
tasks:
- name: take-ownership
  status: Pass
  started_at: '2026-02-05T11:07:36Z'
  completed_at: '2026-02-05T11:08:22Z'
  result: |-
    2026-02-05T11:07:36Z: INFO: task [Take Ownership] status is changed to [In Progress]
    2026-02-05T11:08:22Z: INFO: task [Take Ownership] status is changed to [Pass]
issues: []
",
        number + 1
    )
}

fn write(file: &Path, bytes: &[u8]) {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    }
    fs::write(file, bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
