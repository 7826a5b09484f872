//! The release controller's API: which builds a stream has, and how far each has come.
//!
//! One host stands in for all architectures: the stream's name tells which is meant, as it does at the real ones.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use regatta_kit::version::PreRelease;
use regatta_kit::{Arch, Build, Release};
use serde_json::{Map, Value, json};
use std::fmt;

use super::wire::{Call, Service, iso, number_of, ok, text};
use crate::imitation::Imitation;
use crate::world::World;

/// The service.
pub fn imitation(world: World) -> Imitation {
    Imitation::answering(ReleaseController { world })
}

struct ReleaseController {
    world: World,
}

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its blocking jobs run.
    Pending,
    /// They have passed; it is about to be accepted.
    Ready,
    Accepted,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

struct Tag {
    build: Build,
    arch: Arch,
    phase: Phase,
    listed_at: Timestamp,
}

/// Between the last blocking job's success and the acceptance.
const READY_MINUTES: i64 = 10;

/// Jobs that block a release: name, and the share of the time from listing to readiness after which each has passed.
const BLOCKING_JOBS: [(&str, i32); 3] =
    [("aws-sdn-serial", 40), ("gcp-ovn-upgrade", 75), ("upgrade-minor", 100)];

impl Service for ReleaseController {
    fn answer(&self, call: &Call) -> Response {
        let (method, path) = call.route();
        match (method, path.as_slice()) {
            ("GET", ["api", "v1", "releasestream", stream, "latest"]) => {
                let prefix = call.query("prefix").unwrap_or_default();
                let tags = self.tags(stream);
                match tags.iter().find(|tag| tag.phase == Phase::Accepted && tag.name().starts_with(prefix)) {
                    Some(tag) => ok(&tag.json()),
                    None => text(StatusCode::NOT_FOUND, "no tags exist in the release stream that match"),
                }
            }
            ("GET", ["api", "v1", "releasestream", stream, "tags"]) => {
                let tags = self.tags(stream);
                if tags.is_empty() {
                    return text(StatusCode::NOT_FOUND, format!("unable to find stream {stream}"));
                }
                let wanted: Vec<&str> = call.query_all("phase").collect();
                let shown =
                    |tag: &&Tag| wanted.is_empty() || wanted.contains(&tag.phase.to_string().as_str());
                let list: Vec<Value> = tags.iter().filter(shown).map(Tag::json).collect();
                ok(&json!({"name": stream, "tags": list}))
            }
            ("GET", ["api", "v1", "releasestream", stream, "release", name]) => {
                match self.tags(stream).iter().find(|tag| tag.name() == *name) {
                    Some(tag) => ok(&self.details(tag, call.query("format") == Some("short"))),
                    None => text(
                        StatusCode::NOT_FOUND,
                        format!("no release tag {name} found in release stream {stream}"),
                    ),
                }
            }
            _ => text(StatusCode::NOT_FOUND, "404 page not found"),
        }
    }
}

impl ReleaseController {
    /// The builds of a stream, newest first; none for an unknown one.
    fn tags(&self, stream: &str) -> Vec<Tag> {
        let scenario = self.world.scenario();
        let release = scenario.release;
        let preview = matches!(release.pre, Some(PreRelease::EngineeringCandidate(_)));
        let major = release.stream.major;
        if let Some(arch) = suffix_arch(stream, &format!("{major}-stable")) {
            let own = (!preview).then(|| self.own_tag(arch));
            return own.into_iter().flatten().chain(self.earlier_tags(arch)).collect();
        }
        // Engineering candidates have a stream of their own.
        if let Some(arch) = suffix_arch(stream, &format!("{major}-dev-preview")) {
            return preview.then(|| self.own_tag(arch)).flatten().into_iter().collect();
        }
        let Some(arch) = suffix_arch(stream, &format!("{}.0-0.nightly", release.stream)) else {
            return Vec::new();
        };
        let nightlies = scenario.candidates.values().filter(|nightly| nightly.arch == arch);
        nightlies
            .map(|nightly| Tag {
                build: Build::Nightly(*nightly),
                arch,
                phase: Phase::Accepted,
                listed_at: nightly.built_at(),
            })
            .collect()
    }

    /// The scenario's release, once it is listed.
    fn own_tag(&self, arch: Arch) -> Option<Tag> {
        let scenario = self.world.scenario();
        let now = self.world.now();
        let listed_at = scenario.listed_at().unwrap_or(scenario.start);
        let tag = Tag { build: Build::Release(scenario.release), arch, phase: self.phase(now), listed_at };
        (listed_at <= now).then_some(tag)
    }

    /// The releases before it, newest first.
    fn earlier_tags(&self, arch: Arch) -> impl Iterator<Item = Tag> {
        let scenario = self.world.scenario();
        let Release { stream, patch, .. } = scenario.release;
        (patch.saturating_sub(3)..patch).rev().map(move |earlier| Tag {
            build: Build::Release(Release { stream, patch: earlier, pre: None }),
            arch,
            phase: Phase::Accepted,
            listed_at: scenario.start - SignedDuration::from_hours(24 * 7 * i64::from(patch - earlier)),
        })
    }

    fn phase(&self, now: Timestamp) -> Phase {
        match self.world.scenario().promoted_at {
            Some(at) if now >= at => Phase::Accepted,
            Some(at) if now >= at - SignedDuration::from_mins(READY_MINUTES) => Phase::Ready,
            _ => Phase::Pending,
        }
    }

    fn details(&self, tag: &Tag, short: bool) -> Value {
        let mut body = tag.json();
        body["results"] = json!({"blockingJobs": self.blocking_jobs(tag), "informingJobs": {}, "asyncJobs": {}, "pendingJobs": {}});
        let from: Vec<Value> = self
            .tags_before(tag)
            .map(|earlier| json!({"Success": 3, "Failure": 0, "Total": 3, "from": earlier, "to": tag.name()}))
            .collect();
        body["upgradesTo"] = json!(from);
        body["upgradesFrom"] = json!([]);
        body["nodeImageStreams"] = json!([]);
        if !short {
            // The renderer works on a build once it is accepted; before that the digest is empty.
            let digest = match (tag.phase, tag.build) {
                (Phase::Accepted, Build::Release(release)) if release == self.world.scenario().release => {
                    let payloads = self.world.payloads();
                    let image = payloads.image(tag.arch).map_or(&payloads.list, |image| &image.manifest);
                    image.digest.clone()
                }
                (Phase::Accepted, build) => {
                    format!("sha256:{}", regatta_kit::ids::digest(build.to_string().as_bytes(), 64))
                }
                _ => String::new(),
            };
            let promoted_from = self.world.scenario().candidates.get(tag.arch.rpm()).map(ToString::to_string);
            body["changeLog"] = json!(STANDARD.encode(format!("# {}\n", tag.name())));
            body["changeLogJson"] = json!({
                "from": {"name": self.tags_before(tag).next().unwrap_or_default()},
                "to": {"name": tag.name(), "created": iso(tag.listed_at), "digest": digest, "promotedFrom": promoted_from.unwrap_or_default()},
                "components": [], "newImages": [], "removedImages": [], "rebuiltImages": [], "updatedImages": [],
            });
        }
        body
    }

    fn tags_before(&self, tag: &Tag) -> impl Iterator<Item = String> {
        let patch = match tag.build {
            Build::Release(release) => release.patch,
            Build::Nightly(_) => 0,
        };
        let stream = tag.build.stream();
        (patch.saturating_sub(3)..patch).rev().map(move |patch| format!("{stream}.{patch}"))
    }

    fn blocking_jobs(&self, tag: &Tag) -> Value {
        let now = self.world.now();
        let stream = tag.build.stream();
        let mut jobs = Map::new();
        for (name, percent) in BLOCKING_JOBS {
            let job = format!("periodic-ci-openshift-release-master-ci-{stream}-{name}");
            let ready =
                self.world.scenario().promoted_at.map(|at| at - SignedDuration::from_mins(READY_MINUTES));
            let passes =
                ready.map(|ready| tag.listed_at + ready.duration_since(tag.listed_at) * percent / 100);
            let passed = tag.phase == Phase::Accepted || passes.is_some_and(|at| at <= now);
            let number = number_of(&format!("{}/{job}", tag.name()), 1 << 40);
            jobs.insert(
                name.to_owned(),
                json!({"state": if passed { "Succeeded" } else { "Pending" }, "retries": 0,
                    "url": format!("https://prow.ci.openshift.org/view/gs/test-platform-results/logs/{job}/{number}"),
                    "transitionTime": iso(passes.filter(|at| *at <= now).unwrap_or(tag.listed_at))}),
            );
        }
        Value::Object(jobs)
    }
}

impl Tag {
    fn name(&self) -> String {
        self.build.to_string()
    }

    fn json(&self) -> Value {
        let pull_spec = match self.build {
            Build::Release(release) => {
                format!("quay.io/openshift-release-dev/ocp-release:{release}-{}", self.arch.rpm())
            }
            build @ Build::Nightly(_) => crate::result_files::pull_spec(build),
        };
        json!({"name": self.name(), "phase": self.phase.to_string(), "pullSpec": pull_spec,
            "downloadURL": format!("https://openshift-release-artifacts.apps.ci.l2s4.p1.openshiftapps.com/{}", self.name())})
    }
}

/// The architecture that a stream's suffix names, if the stream is `base` of some architecture.
fn suffix_arch(stream: &str, base: &str) -> Option<Arch> {
    Arch::ALL.into_iter().find(|arch| stream.strip_prefix(base) == Some(arch.stream_suffix()))
}

#[cfg(test)]
mod tests {
    use super::super::wire::testing::{ask, world};
    use super::*;

    const TAG: &str = "/api/v1/releasestream/4-stable/release/4.20.1";

    #[tokio::test]
    async fn a_release_is_listed_then_pending_then_accepted_with_a_digest() {
        let world = world();
        let service = imitation(world.clone());
        let missing = ask("GET", TAG).of(&service).await;
        assert_eq!(
            (missing.status, missing.text().as_str()),
            (404, "no release tag 4.20.1 found in release stream 4-stable")
        );

        world.advance_to(world.scenario().listed_at().unwrap());
        let pending = ask("GET", TAG).of(&service).await.json(200);
        assert_eq!(pending["phase"], "Pending");
        assert_eq!(pending["results"]["blockingJobs"]["upgrade-minor"]["state"], "Pending");
        assert_eq!(pending["changeLogJson"]["to"]["digest"], "");
        let latest = "/api/v1/releasestream/4-stable/latest?prefix=4.20";
        assert_eq!(ask("GET", latest).of(&service).await.json(200)["name"], "4.20.0");

        let promoted_at = world.scenario().promoted_at.unwrap();
        world.advance_to(promoted_at - SignedDuration::from_mins(1));
        assert_eq!(ask("GET", TAG).of(&service).await.json(200)["phase"], "Ready");
        world.advance_to(promoted_at);
        let accepted = ask("GET", TAG).of(&service).await.json(200);
        assert_eq!(accepted["phase"], "Accepted");
        assert_eq!(accepted["results"]["blockingJobs"]["upgrade-minor"]["state"], "Succeeded");
        assert!(accepted["changeLogJson"]["to"]["digest"].as_str().unwrap().starts_with("sha256:"));
        assert_eq!(ask("GET", latest).of(&service).await.json(200)["name"], "4.20.1");
        assert_eq!(
            ask("GET", "/api/v1/releasestream/4-stable/latest?prefix=4.99").of(&service).await.status,
            404
        );
    }

    #[tokio::test]
    async fn an_engineering_candidate_is_in_a_stream_of_its_own() {
        let world = World::new(crate::Scenario::generated("4.22.0-ec.4".parse().unwrap(), 1));
        world.advance_to(world.scenario().promoted_at.unwrap());
        let service = imitation(world);
        let path = |stream: &str| format!("/api/v1/releasestream/{stream}/release/4.22.0-ec.4");
        assert_eq!(ask("GET", &path("4-dev-preview")).of(&service).await.json(200)["phase"], "Accepted");
        assert_eq!(ask("GET", &path("4-stable")).of(&service).await.status, 404);
    }

    #[tokio::test]
    async fn nightly_streams_list_the_candidates() {
        let world = world();
        let service = imitation(world.clone());
        let tags =
            ask("GET", "/api/v1/releasestream/4.20.0-0.nightly-arm64/tags").of(&service).await.json(200);
        assert_eq!(tags["tags"][0]["name"], world.scenario().candidates["aarch64"].to_string());
        assert_eq!(ask("GET", "/api/v1/releasestream/4.21.0-0.nightly/tags").of(&service).await.status, 404);
    }
}
