//! The sandbox's own service (NAME `control`): what was done, what happened, what time it is.
//!
//! | path | answer |
//! | --- | --- |
//! | `GET /effects` | `{EFFECT: COUNT}`: what was really done, counted where it was done |
//! | `GET /events` | `[{"at", "service", "text"}]`, oldest first |
//! | `GET /requests` | `{NAME: COUNT}`: requests answered |
//! | `GET /clock` | as `GET /now` of the clock service |
//! | `GET /elliott?group=G&assembly=A&build_system=brew\|konflux` | what `elliott find-bugs` prints: `{KIND: [KEY]}` |

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use indexmap::IndexMap;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::catalogue::{FixedBy, bugs};
use super::clock::ClockReport;
use crate::clock::ScenarioClock;
use crate::world::LogEntry;

/// The router.
pub fn router(clock: ScenarioClock) -> Router {
    Router::new()
        .route("/effects", get(effects))
        .route("/events", get(events))
        .route("/requests", get(requests))
        .route("/clock", get(now))
        .route("/elliott", get(elliott))
        .with_state(clock)
}

async fn effects(State(clock): State<ScenarioClock>) -> Json<BTreeMap<String, u64>> {
    Json(clock.world().effects().counts())
}

async fn events(State(clock): State<ScenarioClock>) -> Json<Vec<LogEntry>> {
    Json(clock.world().events())
}

async fn requests(State(clock): State<ScenarioClock>) -> Json<BTreeMap<&'static str, u64>> {
    Json(clock.world().requests())
}

async fn now(State(clock): State<ScenarioClock>) -> Json<ClockReport> {
    Json(ClockReport::of(&clock))
}

#[derive(Debug, Deserialize)]
struct FindBugs {
    group: String,
    assembly: String,
    build_system: String,
}

/// The CVE trackers found for an assembly. All of them are on the advisories or in the shipment: nothing is missed.
async fn elliott(
    State(clock): State<ScenarioClock>,
    Query(asked): Query<FindBugs>,
) -> Result<Json<IndexMap<String, Vec<String>>>, (StatusCode, String)> {
    let scenario = clock.world().scenario();
    if asked.group != format!("openshift-{}", scenario.release.stream)
        || asked.assembly != scenario.release.assembly_key()
    {
        let text = format!("assembly {} of group {} is not defined", asked.assembly, asked.group);
        return Err((StatusCode::NOT_FOUND, text));
    }
    let mut found: IndexMap<String, Vec<String>> = IndexMap::new();
    for bug in bugs(scenario).into_iter().filter(|bug| bug.cve.is_some()) {
        let kind = match (asked.build_system.as_str(), bug.fixed_by) {
            ("brew", FixedBy::Advisory(kind)) => kind,
            ("konflux", FixedBy::Shipment(kind)) => kind.to_owned(),
            ("brew" | "konflux", _) => continue,
            (other, _) => {
                return Err((StatusCode::BAD_REQUEST, format!("build system {other} is not known")));
            }
        };
        found.entry(kind).or_default().push(bug.key);
    }
    Ok(Json(found))
}
