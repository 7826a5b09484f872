//! The release controller: which payloads exist, how far they are promoted, and which jobs hold them up.

use regatta_kit::version::PreRelease;
use regatta_kit::{Arch, Build};
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::error::{Fault, ServiceError};
use crate::image::ImageDigest;
use crate::remote::Remote;

/// An answer carries the whole change log, twice.
const BODY_LIMIT: u64 = 64 * 1024 * 1024;

/// The release controllers; each architecture has its own host.
#[derive(Debug, Clone)]
pub struct ReleaseController {
    remote: Remote,
}

/// How far a payload is promoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Being built.
    Pending,
    /// Built, being judged by its blocking jobs.
    Ready,
    /// Promoted.
    Accepted,
    /// A blocking job failed.
    Rejected,
    /// It could not be built.
    Failed,
    /// A word this program does not know.
    Other(String),
}

impl Phase {
    /// The controller's word.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Pending => "Pending",
            Self::Ready => "Ready",
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
            Self::Failed => "Failed",
            Self::Other(word) => word,
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "Pending" => Self::Pending,
            "Ready" => Self::Ready,
            "Accepted" => Self::Accepted,
            "Rejected" => Self::Rejected,
            "Failed" => Self::Failed,
            other => Self::Other(other.chars().filter(|c| !c.is_control()).take(40).collect()),
        }
    }
}

/// What the controller says of one payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// How far it is promoted.
    pub phase: Phase,
    /// Blocking jobs that failed, by name; each with a link where there is one.
    pub failing_blocking_jobs: BTreeMap<String, Option<String>>,
    /// Digest of its image; `None` while the change log is not rendered.
    pub digest: Option<ImageDigest>,
}

#[derive(Deserialize)]
struct Wire {
    phase: String,
    #[serde(default)]
    results: Option<Results>,
    #[serde(default, rename = "changeLogJson")]
    change_log: Option<ChangeLog>,
}

#[derive(Deserialize)]
struct Results {
    #[serde(default, rename = "blockingJobs")]
    blocking_jobs: Option<BTreeMap<String, Job>>,
}

#[derive(Deserialize)]
struct Job {
    #[serde(default)]
    state: String,
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct ChangeLog {
    #[serde(default)]
    to: Option<ChangeLogEnd>,
}

#[derive(Deserialize)]
struct ChangeLogEnd {
    #[serde(default)]
    digest: String,
}

impl ReleaseController {
    /// Release controllers at `remote`: a host that starts with `amd64.` becomes the other architectures' in turn, any
    /// other host serves all.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self { remote: remote.with_body_limit(BODY_LIMIT) }
    }

    fn at(&self, arch: Arch) -> Remote {
        let mut base = self.remote.base().clone();
        let Some(domain) = base.host_str().and_then(|host| host.strip_prefix("amd64.")) else {
            return self.remote.clone();
        };
        let host = format!("{}.{domain}", arch.go());
        if base.set_host(Some(&host)).is_err() {
            return self.remote.clone();
        }
        self.remote.with_base(base)
    }

    /// The page a person looks at for a payload.
    #[must_use]
    pub fn page(&self, build: Build, arch: Arch) -> String {
        let streams = streams(build, arch);
        self.at(arch).link(&["releasestream", &streams[0], "release", &build.to_string()])
    }

    /// A payload; `None` when the controller does not know the tag.
    ///
    /// # Errors
    /// As of [`crate::remote::Call::send`].
    pub async fn payload(&self, build: Build, arch: Arch) -> Result<Option<Payload>, ServiceError> {
        let remote = self.at(arch);
        for stream in streams(build, arch) {
            let answer = remote
                .get(&["api", "v1", "releasestream", &stream, "release", &build.to_string()])
                .send()
                .await;
            let answer = match answer {
                Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => continue,
                answer => answer?,
            };
            let wire: Wire = answer.json()?;
            let digest =
                match wire.change_log.and_then(|log| log.to).map(|to| to.digest).filter(|d| !d.is_empty()) {
                    None => None,
                    Some(text) => Some(
                        text.parse()
                            .map_err(|error| answer.bad(format!("changeLogJson.to.digest {error}")))?,
                    ),
                };
            let blocking = wire.results.and_then(|r| r.blocking_jobs).unwrap_or_default();
            let failing = blocking.into_iter().filter(|(_, job)| job.state == "Failed");
            return Ok(Some(Payload {
                phase: Phase::of(&wire.phase),
                failing_blocking_jobs: failing
                    .map(|(name, job)| (name, Some(job.url).filter(|u| !u.is_empty())))
                    .collect(),
                digest,
            }));
        }
        Ok(None)
    }
}

/// The streams a payload may stand in, likeliest first.
fn streams(build: Build, arch: Arch) -> Vec<String> {
    let suffix = arch.stream_suffix();
    match build {
        Build::Nightly(nightly) => {
            vec![format!("{}.0-0.nightly{}", nightly.stream, nightly.arch.stream_suffix())]
        }
        Build::Release(release) => {
            let stable = format!("{}-stable{suffix}", release.stream.major);
            let preview = format!("{}-dev-preview{suffix}", release.stream.major);
            match release.pre {
                None => vec![stable],
                Some(PreRelease::ReleaseCandidate(_)) => vec![stable, preview],
                Some(PreRelease::EngineeringCandidate(_)) => vec![preview, stable],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Auth;
    use crate::scripted::{Scripted, answer};

    fn build(text: &str) -> Build {
        text.parse().unwrap()
    }

    #[test]
    fn streams_follow_from_the_name() {
        assert_eq!(streams(build("4.20.1"), Arch::Arm64), ["4-stable-arm64"]);
        assert_eq!(streams(build("5.0.0-ec.2"), Arch::Amd64), ["5-dev-preview", "5-stable"]);
        assert_eq!(streams(build("4.20.0-0.nightly-2025-01-28-123456"), Arch::Amd64), ["4.20.0-0.nightly"]);
    }

    #[tokio::test]
    async fn each_architecture_has_its_host_and_an_unknown_tag_is_no_error() {
        let world = Scripted::new(|_| Ok(answer(404, "no such release")));
        let base = "https://amd64.ocp.example".parse().unwrap();
        let controller =
            ReleaseController::new(Remote::new("release_controller", base, Auth::None, world.clone()));
        assert_eq!(controller.payload(build("4.22.0-rc.1"), Arch::Arm64).await.unwrap(), None);
        assert_eq!(
            world.seen(),
            [
                "GET https://arm64.ocp.example/api/v1/releasestream/4-stable-arm64/release/4.22.0-rc.1",
                "GET https://arm64.ocp.example/api/v1/releasestream/4-dev-preview-arm64/release/4.22.0-rc.1",
            ]
        );
    }

    #[tokio::test]
    async fn a_payload_tells_phase_failing_jobs_and_digest() {
        let hex = "ab".repeat(32);
        let body = format!(
            r#"{{"name":"4.20.1","phase":"Ready","results":{{"blockingJobs":{{"aws":{{"state":"Failed","url":"u"}},"gcp":{{"state":"Succeeded","url":"v"}}}}}},
                "changeLogJson":{{"from":{{}},"to":{{"digest":"sha256:{hex}"}}}}}}"#
        );
        let world = Scripted::new(move |_| Ok(answer(200, body.clone())));
        let controller = ReleaseController::new(Remote::new(
            "release_controller",
            "http://127.0.0.1:1".parse().unwrap(),
            Auth::None,
            world,
        ));
        let payload = controller.payload(build("4.20.1"), Arch::Amd64).await.unwrap().unwrap();
        assert_eq!(payload.phase, Phase::Ready);
        assert_eq!(
            payload.failing_blocking_jobs.into_iter().collect::<Vec<_>>(),
            [("aws".to_owned(), Some("u".to_owned()))]
        );
        assert_eq!(payload.digest.unwrap().hex(), hex);
    }
}
