//! `raw.githubusercontent.com`: ART's release data, and the files of `openshift/release-tests` as they are.

use axum::Router;
use axum::response::Response;
use http::StatusCode;
use http::header::IF_NONE_MATCH;
use jiff::civil::Date;
use regatta_kit::Stream;

use super::git::{Found, Hub, OWNER, REPOSITORY};
use super::wire::{self, Call, Service, empty, respond, text, with_header};
use crate::scenario::Scenario;
use crate::world::World;

/// The router, on a repository of its own.
pub fn router(world: World) -> Router {
    router_on(Hub::new(world))
}

/// The router on a repository shared with `github`.
pub(crate) fn router_on(hub: Hub) -> Router {
    wire::serve(Raw { hub })
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
            ("GET", [OWNER, REPOSITORY, "refs", "heads", branch, path @ ..]) | ("GET", [OWNER, REPOSITORY, branch, path @ ..]) => {
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

/// ART's release data of the scenario's y-stream: the release, its parent, and the moving `stream` assembly.
///
/// The release takes its `type` from its parent, and refuses the parent's candidates where it has none of its own.
fn releases_yml(scenario: &Scenario) -> String {
    let release = scenario.release;
    let stream = release.stream;
    let parent = format!("{stream}.{}", release.patch.saturating_sub(1));
    let parent = if release.patch == 0 { "ec.0".to_owned() } else { parent };
    let group_year = scenario.release_date.year();

    let mut own = format!("  {}:\n    assembly:\n      basis:\n        assembly: {parent}\n", release.assembly_key());
    own += &format!("        time: \"{}\"\n", scenario.start.strftime("%Y-%m-%dT%H:%M:%S+00:00"));
    if scenario.candidates.is_empty() {
        own += "        reference_releases!: {}\n";
    } else {
        own += "        reference_releases:\n";
        for (arch, nightly) in &scenario.candidates {
            own += &format!("          {arch}: {nightly}\n");
        }
    }
    own += "      group:\n        advisories:\n";
    for (kind, id) in &scenario.advisories {
        own += &format!("          {kind}: {id}\n");
    }
    own += &format!("        release_jira: {}\n", scenario.jira_ticket);
    own += &format!("        release_date: {}\n", art_date(scenario.release_date));
    if let Some(url) = &scenario.shipment_mr {
        own += &format!(
            "        shipment:\n          url: {url}\n          env: prod\n          advisories:\n          - kind: image\n          - kind: extras\n          - kind: metadata\n          - kind: fbc\n"
        );
    }
    own += &format!("        upgrades: {parent}\n      rhcos: {{}}\n      members:\n        rpms: []\n        images: []\n");

    format!(
        "releases:\n{own}  {parent}:\n    assembly:\n      type: standard\n      basis:\n        brew_event: 57000000\n        reference_releases:\n          x86_64: {stream}.0-0.nightly-{group_year}-01-05-230502\n      group:\n        advisories:\n          rpm: 140001\n          rhcos: 140002\n        release_jira: ART-13000\n        release_date: {group_year}-Jan-13\n  stream:\n    assembly:\n      type: stream\n"
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
        let router = router(world.clone());
        let path = "/openshift-eng/ocp-build-data/openshift-4.20/releases.yml";
        let data = ask("GET", path).of(&router).await.text();
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
        assert_eq!(ask("GET", "/openshift-eng/ocp-build-data/openshift-4.19/releases.yml").of(&router).await.status, 404);
        let registry = "/openshift/release-tests/main/_releases/ocp-4.20-test-jobs-amd64.json";
        assert_eq!(ask("GET", registry).of(&router).await.status, 200);
        assert_eq!(art_date(Date::constant(2026, 2, 3)), "2026-Feb-3");
    }
}
