//! The sandbox's own service (NAME `control`): what was done, what happened, what time it is.
//!
//! | path | answer |
//! | --- | --- |
//! | `GET /effects` | `{EFFECT: COUNT}`: what was really done, counted where it was done |
//! | `GET /events` | `[{"at", "service", "text"}]`, oldest first |
//! | `GET /requests` | `{NAME: COUNT}`: requests answered |
//! | `GET /clock` | as `GET /now` of the clock service |
//! | `GET /faults` | `{"mix", "planned", "rules", "injected", "clock_jumps"}`: what the mix has planned; the single faults set, with how many requests still pass and still meet each (`left`); how many requests met what (`{KIND: {NAME: COUNT}}`); how often the clock overshot |
//! | `POST /faults` | sets one fault or a list of them, as described below; answers as `GET`. 400 tells which field is wrong and what is allowed; then none is set |
//! | `DELETE /faults` | takes the single faults back; a mix goes on. 204 |
//! | `GET /elliott?group=G&assembly=A&build_system=brew\|konflux` | what `elliott find-bugs` prints: `{KIND: [KEY]}` |
//!
//! # Single faults
//!
//! | for | object |
//! | --- | --- |
//! | some requests | `{"service": NAME, "fault": KIND, "method"?: "POST", "path"?: PART OF THE PATH, "pass"?: N, "times"?: N, "until"?: WHEN}` |
//! | a service over a time | `{"service": NAME, "outage": "down" \| "bad-gateway" \| "maintenance" \| "expired", "from"?: WHEN, "until": WHEN}` |
//! | the clock | `{"clock_jump": DURATION, "at"?: WHEN}`: the step of time that would cross `at` ends DURATION after it |
//!
//! - KIND: `latency`, `refused`, `reset`, `limited`, `limited-silently`, `internal-error`, `bad-gateway`, `unavailable`, `drip`, `lost-answer`,
//!   `twice`, `malformed`, `truncated`, `oversized`, `expired`, `conflict`; [`crate::faults::Fault`] says what each is.
//! - `pass` such requests (0) pass first; then `times` of them (1; all, where `until` is given) meet the fault.
//! - WHEN: an instant of the scenario (RFC 3339), or a duration such as `"3h"` or `"1h 30m"` from now; an outage's `until` counts from its
//!   `from`. Without `from` or `at`: now.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::catalogue::{FixedBy, bugs};
use super::clock::ClockReport;
use crate::clock::ScenarioClock;
use crate::faults::wish;
use crate::imitation::Imitation;
use crate::world::LogEntry;

/// The service.
pub fn imitation(clock: ScenarioClock) -> Imitation {
    let router = Router::new()
        .route("/effects", get(effects))
        .route("/events", get(events))
        .route("/requests", get(requests))
        .route("/clock", get(now))
        .route("/faults", get(faults).post(set_faults).delete(take_faults_back))
        .route("/elliott", get(elliott))
        .with_state(clock);
    Imitation::routing(router)
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

async fn faults(State(clock): State<ScenarioClock>) -> Json<Value> {
    Json(clock.world().faults().shown())
}

async fn set_faults(
    State(clock): State<ScenarioClock>,
    sent: Bytes,
) -> Result<Json<Value>, (StatusCode, String)> {
    let world = clock.world();
    let rules =
        wish::read(&sent, world.now()).map_err(|why| (StatusCode::BAD_REQUEST, format!("{why}\n")))?;
    for rule in rules {
        world.faults().add(rule);
    }
    Ok(Json(world.faults().shown()))
}

async fn take_faults_back(State(clock): State<ScenarioClock>) -> StatusCode {
    clock.world().faults().clear();
    StatusCode::NO_CONTENT
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
