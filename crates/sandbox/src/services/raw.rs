//! `raw.githubusercontent.com`: ART's release data, and the files of `openshift/release-tests` as they are.

use axum::response::Response;
use http::StatusCode;
use http::header::IF_NONE_MATCH;
use jiff::civil::Date;
use regatta_kit::Stream;

use super::git::{Found, Hub, OWNER, REPOSITORY};
use super::wire::{Call, Service, empty, respond, text, with_header};
use crate::imitation::Imitation;
use crate::scenario::Scenario;
use crate::world::World;

/// The service, on a repository of its own.
pub fn imitation(world: World) -> Imitation {
    imitation_on(Hub::new(world))
}

/// The service on a repository shared with `github`.
pub(crate) fn imitation_on(hub: Hub) -> Imitation {
    Imitation::answering(Raw { hub })
}

struct Raw {
    hub: Hub,
}

impl Service for Raw {
    fn answer(&self, call: &Call) -> Response {
        let (method, path) = call.route();
        let file = match (method, path.as_slice()) {
            ("GET", ["openshift-eng", "ocp-build-data", branch, "releases.yml"]) => {
                let scenario = self.hub.world().scenario();
                let stream = branch.strip_prefix("openshift-").and_then(|word| word.parse::<Stream>().ok());
                (stream == Some(scenario.release.stream)).then(|| releases_yml(scenario).into())
            }
            ("GET", [OWNER, REPOSITORY, "refs", "heads", branch, path @ ..])
            | ("GET", [OWNER, REPOSITORY, branch, path @ ..]) => {
                match self.hub.look(branch, &path.join("/")).flatten() {
                    Some(Found::File(blob)) => Some(blob.bytes),
                    _ => None,
                }
            }
            _ => None,
        };
        let Some(bytes) = file else { return text(StatusCode::NOT_FOUND, "404: Not Found") };
        let tag = format!("\"{}\"", regatta_kit::ids::digest(&bytes, 64));
        if call.header(IF_NONE_MATCH) == Some(tag.as_str()) {
            return with_header(empty(StatusCode::NOT_MODIFIED), "etag", &tag);
        }
        with_header(respond(StatusCode::OK, "text/plain; charset=utf-8", bytes), "etag", &tag)
    }
}

/// ART's release data of the scenario's y-stream: the release, its parent if it has one, and the moving `stream`.
///
/// The release takes its `type` from its parent, and refuses the parent's candidates where it has none of its own.
fn releases_yml(scenario: &Scenario) -> String {
    let release = scenario.release;
    let stream = release.stream;
    let parent = release.patch.checked_sub(1).map(|patch| format!("{stream}.{patch}"));

    let mut text = format!("releases:\n  {}:\n    assembly:\n", release.assembly_key());
    if parent.is_none() {
        text += "      type: candidate\n";
    }
    text += "      basis:\n";
    if let Some(parent) = &parent {
        text += &format!("        assembly: {parent}\n");
    }
    text += &format!("        time: \"{}\"\n", scenario.start.strftime("%Y-%m-%dT%H:%M:%S+00:00"));
    if scenario.candidates.is_empty() {
        text += "        reference_releases!: {}\n";
    } else {
        text += "        reference_releases:\n";
        for (arch, nightly) in &scenario.candidates {
            text += &format!("          {arch}: {nightly}\n");
        }
    }
    text += "      group:\n        advisories:\n";
    for (kind, id) in &scenario.advisories {
        text += &format!("          {kind}: {id}\n");
    }
    text += &format!("        release_jira: {}\n", scenario.jira_ticket);
    text += &format!("        release_date: {}\n", art_date(scenario.release_date));
    if let Some(url) = &scenario.shipment_mr {
        text +=
            &format!("        shipment:\n          url: {url}\n          env: prod\n          advisories:\n");
        for kind in ["image", "extras", "metadata", "fbc"] {
            text += &format!("          - kind: {kind}\n");
        }
    }
    text += "      rhcos: {}\n      members:\n        rpms: []\n        images: []\n";
    if let Some(parent) = parent {
        text += &parent_assembly(&parent, scenario);
    }
    text + "  stream:\n    assembly:\n      type: stream\n"
}

/// The release before, with data that must not be taken for the release's own.
fn parent_assembly(key: &str, scenario: &Scenario) -> String {
    let stream = scenario.release.stream;
    let year = scenario.release_date.year() - 1;
    format!(
        "  {key}:
    assembly:
      type: standard
      basis:
        brew_event: 57000000
        reference_releases:
          x86_64: {stream}.0-0.nightly-{year}-12-05-230502
      group:
        advisories:
          rpm: 140001
          rhcos: 140002
        release_jira: ART-13000
        release_date: {year}-Dec-9
"
    )
}

/// A date as ART writes it: `2026-Feb-3`.
pub(crate) fn art_date(date: Date) -> String {
    date.strftime("%Y-%b-%-d").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::wire::testing::{ask, world};
    use super::*;

    #[tokio::test]
    async fn the_release_data_name_what_the_scenario_has() {
        let world = world();
        let service = imitation(world.clone());
        let path = "/openshift-eng/ocp-build-data/openshift-4.20/releases.yml";
        let data = ask("GET", path).of(&service).await.text();
        let scenario = world.scenario();
        for expected in [
            "  4.20.1:\n    assembly:\n      basis:\n        assembly: 4.20.0\n".to_owned(),
            format!("          x86_64: {}\n", scenario.candidates["x86_64"]),
            format!("          rpm: {}\n", scenario.advisories["rpm"]),
            format!("        release_jira: {}\n", scenario.jira_ticket),
            "        release_date: 2026-Mar-11\n".to_owned(),
            format!("          url: {}\n", scenario.shipment_mr.clone().unwrap()),
        ] {
            assert!(data.contains(&expected), "{expected:?} in {data}");
        }
        assert_eq!(
            ask("GET", "/openshift-eng/ocp-build-data/openshift-4.19/releases.yml").of(&service).await.status,
            404
        );
        let registry = "/openshift/release-tests/main/_releases/ocp-4.20-test-jobs-amd64.json";
        assert_eq!(ask("GET", registry).of(&service).await.status, 200);
        assert_eq!(art_date(Date::constant(2026, 2, 3)), "2026-Feb-3");
    }
}
