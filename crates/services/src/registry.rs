//! The image registry, as far as a release image's own metadata is concerned.
//!
//! A release image carries `release-manifests/release-metadata` in its topmost layer; that file names the page that
//! opens when the release is published. It is read over the registry's own protocol; no other program is needed.

use regatta_kit::{Arch, Release};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

use crate::error::{Fault, ServiceError};
use crate::image::ImageDigest;
use crate::remote::{Answer, Auth, Remote};

const REPOSITORY: [&str; 2] = ["openshift-release-dev", "ocp-release"];
const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
                              application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
const METADATA: &str = "release-manifests/release-metadata";
/// A topmost layer, packed; real ones have about 1 MB.
const LAYER_LIMIT: u64 = 64 * 1024 * 1024;
/// The same, unpacked.
const UNPACKED_LIMIT: u64 = 512 * 1024 * 1024;
/// The metadata file.
const METADATA_LIMIT: u64 = 1024 * 1024;

/// The image registry.
#[derive(Debug, Clone)]
pub struct Registry {
    remote: Remote,
    /// Metadata pages by tag. A release's image never changes once it exists, and the page is looked at for days.
    pages: Arc<Mutex<BTreeMap<String, Url>>>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    manifests: Vec<ListEntry>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct ListEntry {
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
struct Metadata {
    version: String,
    #[serde(default)]
    metadata: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

impl Registry {
    /// The registry at `remote`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self { remote: remote.with_body_limit(LAYER_LIMIT), pages: Arc::default() }
    }

    /// The tag of a release image: `4.20.1-x86_64`.
    #[must_use]
    pub fn tag(release: Release, arch: Arch) -> String {
        format!("{release}-{}", arch.rpm())
    }

    /// The pull spec that jobs are given: always the public registry's, wherever this client reads.
    #[must_use]
    pub fn pull_spec(release: Release, arch: Arch) -> String {
        format!("quay.io/{}/{}:{}", REPOSITORY[0], REPOSITORY[1], Self::tag(release, arch))
    }

    /// The metadata page's URL as the release image states it; `None` when it states none.
    ///
    /// # Errors
    /// [`Fault::NotFound`] while the image does not exist, [`Fault::BadAnswer`] when it is no release image of that release.
    pub async fn metadata_url(&self, release: Release, arch: Arch) -> Result<Option<Url>, ServiceError> {
        let tag = Self::tag(release, arch);
        let known = self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&tag).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let url = self.read_metadata_url(&tag, release, arch).await?;
        if let Some(url) = &url {
            self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(tag, url.clone());
        }
        Ok(url)
    }

    async fn read_metadata_url(
        &self,
        tag: &str,
        release: Release,
        arch: Arch,
    ) -> Result<Option<Url>, ServiceError> {
        let mut answer = self.read(&["manifests", tag], MANIFEST_TYPES).await?;
        let mut manifest: Manifest = answer.json()?;
        if let Some(entry) = pick(&manifest.manifests, arch) {
            let digest = parse_digest(&answer, &entry.digest)?.to_string();
            answer = self.read(&["manifests", &digest], MANIFEST_TYPES).await?;
            manifest = answer.json()?;
        }
        let top = manifest.layers.last().ok_or_else(|| answer.bad("a manifest without layers"))?;
        let digest = parse_digest(&answer, &top.digest)?;
        let layer = self.read(&["blobs", &digest.to_string()], "*/*").await?;
        if regatta_kit::ids::digest(&layer.body, 64) != digest.hex() {
            return Err(layer.bad("a layer whose bytes are not those of its digest"));
        }
        let text = file_of_layer(&layer.body).map_err(|why| layer.bad(why))?;
        let metadata: Metadata =
            serde_json::from_slice(&text).map_err(|error| layer.bad(format!("{METADATA}: {error}")))?;
        if metadata.version != release.to_string() {
            return Err(layer.bad(format!("{METADATA} is of version {:?}", metadata.version)));
        }
        let url = metadata.metadata.and_then(|m| m.url).filter(|u| !u.is_empty());
        url.map(|url| {
            Url::parse(&url).map_err(|error| layer.bad(format!("{METADATA}: metadata.url: {error}")))
        })
        .transpose()
    }

    /// Reads below `v2/REPOSITORY`, getting an anonymous token where one is asked for and following a blob's redirect.
    async fn read(&self, path: &[&str], accept: &str) -> Result<Answer, ServiceError> {
        let segments = [&["v2", REPOSITORY[0], REPOSITORY[1]], path].concat();
        let mut answer = self.remote.get(&segments).header("accept", accept).send_any().await?;
        if answer.status == 401 {
            let token = self.token(&answer).await?;
            let remote = self.remote.with_auth(Auth::Bearer(token));
            answer = remote.get(&segments).header("accept", accept).send_any().await?;
        }
        if answer.status.is_redirection() && path.first() == Some(&"blobs") {
            let to = answer.header("location").and_then(|to| self.remote.base().join(to).ok());
            // Blobs lie on a delivery network whose host changes; their bytes are checked against their digest.
            let to = to
                .filter(|to| to.scheme() == self.remote.base().scheme())
                .ok_or_else(|| answer.bad("a redirect to nowhere"))?;
            answer = self.remote.get_elsewhere(&to).send_any().await?;
        }
        answer.checked("the registry gives no anonymous access")
    }

    async fn token(&self, refusal: &Answer) -> Result<regatta_kit::Secret, ServiceError> {
        let challenge = refusal.header("www-authenticate").unwrap_or_default();
        let realm = challenge_part(challenge, "realm").and_then(|realm| Url::parse(realm).ok());
        // Only the registry's own token endpoint is asked.
        let realm = realm
            .filter(|r| r.host_str() == self.remote.base().host_str() || r.host_str() == Some("quay.io"));
        let Some(realm) = realm else {
            return Err(refusal
                .fault(Fault::NotAuthorised { hint: "the registry gives no anonymous access".to_owned() }));
        };
        let scope = format!("repository:{}/{}:pull", REPOSITORY[0], REPOSITORY[1]);
        let service = challenge_part(challenge, "service").unwrap_or_default();
        let call =
            self.remote.get(&[]).raw_path(realm.path()).query(&[("service", service), ("scope", &scope)]);
        let answer = call.send().await?;
        let token: Token = answer.json()?;
        token.token.or(token.access_token).map(regatta_kit::Secret::new).ok_or_else(|| answer.bad("no token"))
    }
}

fn challenge_part<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn pick(list: &[ListEntry], arch: Arch) -> Option<&ListEntry> {
    let of = |arch: Arch| {
        list.iter().find(move |e| e.platform.as_ref().is_some_and(|p| p.architecture == arch.go()))
    };
    of(arch).or_else(|| of(Arch::Amd64)).or_else(|| list.first())
}

fn parse_digest(answer: &Answer, text: &str) -> Result<ImageDigest, ServiceError> {
    text.parse().map_err(|error| answer.bad(format!("a digest that {error}")))
}

/// The metadata file out of a packed layer; reading stops where it ends.
fn file_of_layer(packed: &[u8]) -> Result<Vec<u8>, String> {
    let unpacked = flate2::read::MultiGzDecoder::new(packed).take(UNPACKED_LIMIT);
    let mut archive = tar::Archive::new(unpacked);
    for entry in archive.entries().map_err(|error| format!("a layer that is no archive: {error}"))? {
        let entry = entry.map_err(|error| format!("a layer that is cut or no archive: {error}"))?;
        let name = entry.path_bytes();
        if name.strip_prefix(b"./").unwrap_or(&name) != METADATA.as_bytes() {
            continue;
        }
        let mut text = Vec::new();
        let read = entry.take(METADATA_LIMIT).read_to_end(&mut text);
        return read.map(|_| text).map_err(|error| format!("a layer that is cut: {error}"));
    }
    Err(format!("no {METADATA} in its topmost layer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Scripted, answer, answer_with};
    use std::io::Write as _;
    use std::sync::Arc;

    fn layer(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            archive.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&archive.into_inner().unwrap()).unwrap();
        packed.finish().unwrap()
    }

    fn registry(blob: Vec<u8>, lists: &'static str) -> (Registry, Arc<Scripted>) {
        let digest = format!("sha256:{}", regatta_kit::ids::digest(&blob, 64));
        let world = Scripted::new(move |request| {
            let path = request.uri().path();
            let token = request.headers().get("authorization").is_some_and(|v| v == "Bearer anonymous");
            Ok(if path == "/v2/auth" {
                answer(200, r#"{"token":"anonymous"}"#)
            } else if path.starts_with("/cdn/") {
                answer(200, blob.clone())
            } else if !token {
                answer_with(
                    401,
                    &[("www-authenticate", r#"Bearer realm="http://127.0.0.1:1/v2/auth",service="r""#)],
                    "",
                )
            } else if path.ends_with("/manifests/4.20.1-x86_64") && lists == "list" {
                let other = "0".repeat(64);
                answer(
                    200,
                    format!(
                        r#"{{"manifests":[{{"digest":"sha256:{other}","platform":{{"architecture":"arm64"}}}},{{"digest":"{digest}","platform":{{"architecture":"amd64"}}}}]}}"#
                    ),
                )
            } else if path.contains("/manifests/") {
                answer(200, format!(r#"{{"layers":[{{"digest":"sha256:x"}},{{"digest":"{digest}"}}]}}"#))
            } else {
                answer_with(307, &[("location", "http://127.0.0.1:1/cdn/blob?signed=1")], "")
            })
        });
        (
            Registry::new(Remote::new(
                "registry",
                "http://127.0.0.1:1".parse().unwrap(),
                Auth::None,
                world.clone(),
            )),
            world,
        )
    }

    const METADATA_TEXT: &str = r#"{"kind":"cincinnati-metadata-v0","version":"4.20.1","metadata":{"url":"https://access.redhat.com/errata/RHBA-2025:1"}}"#;

    #[tokio::test]
    async fn the_url_is_found_through_list_token_and_redirect() {
        for lists in ["list", "plain"] {
            let (registry, _) =
                registry(layer(&[("release-manifests/a.yaml", "x"), (METADATA, METADATA_TEXT)]), lists);
            let url = registry.metadata_url("4.20.1".parse().unwrap(), Arch::Amd64).await.unwrap().unwrap();
            assert_eq!(url.as_str(), "https://access.redhat.com/errata/RHBA-2025:1");
        }
    }

    #[tokio::test]
    async fn another_releases_image_and_a_cut_layer_are_refused() {
        let (other, _) = registry(layer(&[(METADATA, &METADATA_TEXT.replace("4.20.1", "4.20.2"))]), "plain");
        let said = other.metadata_url("4.20.1".parse().unwrap(), Arch::Amd64).await.unwrap_err().to_string();
        assert!(said.contains("is of version \"4.20.2\""), "{said}");
        let mut cut = layer(&[(METADATA, METADATA_TEXT)]);
        cut.truncate(40);
        let (registry, _) = registry(cut, "plain");
        assert!(matches!(
            registry.metadata_url("4.20.1".parse().unwrap(), Arch::Amd64).await.unwrap_err().fault,
            Fault::BadAnswer { .. }
        ));
    }

    #[test]
    fn pull_specs_are_the_public_ones() {
        assert_eq!(
            Registry::pull_spec("4.20.1".parse().unwrap(), Arch::Arm64),
            "quay.io/openshift-release-dev/ocp-release:4.20.1-aarch64"
        );
    }
}
