//! An image registry (Docker Registry HTTP API v2) that holds the release image.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use regatta_kit::Arch;
use serde_json::json;

use super::wire::{self, Call, Service, respond, with_header};
use crate::imitation::Imitation;
use crate::payload::{Payloads, SINGLE, Stored};
use crate::world::World;

/// The service.
pub fn imitation(world: World) -> Imitation {
    Imitation::answering(Registry { world })
}

struct Registry {
    world: World,
}

const REPOSITORY: [&str; 2] = ["openshift-release-dev", "ocp-release"];

impl Service for Registry {
    fn answer(&self, call: &Call) -> Response {
        let (method, path) = call.route();
        let found = match path.as_slice() {
            ["v2"] => return with_version(wire::ok(&json!({}))),
            ["v2", namespace, name, "manifests", reference] if [*namespace, *name] == REPOSITORY => {
                self.manifest(reference)
            }
            ["v2", namespace, name, "blobs", digest] if [*namespace, *name] == REPOSITORY => {
                self.blob(digest)
            }
            ["v2", namespace, name, "tags", "list"] if [*namespace, *name] == REPOSITORY => {
                return with_version(wire::ok(&json!({"name": REPOSITORY.join("/"), "tags": self.tags()})));
            }
            _ => return refuse("NAME_UNKNOWN", "repository name not known to registry"),
        };
        let Some(stored) = found else { return refuse("MANIFEST_UNKNOWN", "manifest unknown") };
        let body = match method {
            "GET" => Body::from(stored.bytes.clone()),
            "HEAD" => Body::empty(),
            _ => return wire::empty(StatusCode::METHOD_NOT_ALLOWED),
        };
        let response = respond(StatusCode::OK, stored.media_type, body);
        let response = with_header(response, "docker-content-digest", &stored.digest);
        with_version(with_header(response, "content-length", &stored.bytes.len().to_string()))
    }
}

impl Registry {
    /// The release image, once ART has pushed it, which is when the release controller lists it.
    fn payloads(&self) -> Option<&Payloads> {
        let listed = self.world.scenario().listed_at().is_none_or(|at| at <= self.world.now());
        listed.then(|| self.world.payloads())
    }

    fn tags(&self) -> Vec<String> {
        let release = self.world.scenario().release;
        if self.payloads().is_none() {
            return Vec::new();
        }
        SINGLE.iter().chain(&[Arch::Multi]).map(|arch| format!("{release}-{}", arch.rpm())).collect()
    }

    fn manifest(&self, reference: &str) -> Option<Stored> {
        let payloads = self.payloads()?;
        let release = self.world.scenario().release;
        let is = |tag: &str, stored: &Stored| {
            reference == format!("{release}-{tag}") || reference == stored.digest
        };
        let images = payloads.images.iter().map(|image| (image.arch, &image.manifest));
        let mut manifests = images.chain([(Arch::Multi, &payloads.list)]);
        manifests.find(|(arch, stored)| is(arch.rpm(), stored)).map(|(_, stored)| stored.clone())
    }

    fn blob(&self, digest: &str) -> Option<Stored> {
        let images = self.payloads()?.images.iter();
        images.flat_map(|image| [&image.config, &image.layer]).find(|stored| stored.digest == digest).cloned()
    }
}

fn with_version(response: Response) -> Response {
    with_header(response, "docker-distribution-api-version", "registry/2.0")
}

fn refuse(code: &str, message: &str) -> Response {
    let body = json!({"errors": [{"code": code, "message": message, "detail": {}}]});
    with_version(wire::json(StatusCode::NOT_FOUND, &body))
}

#[cfg(test)]
mod tests {
    use super::super::wire::testing::{ask, world};
    use super::*;
    use flate2::read::GzDecoder;
    use regatta_kit::ids::digest;
    use serde_json::Value;
    use std::io::Read as _;

    #[tokio::test]
    async fn the_release_image_can_be_pulled_and_names_its_metadata_page() {
        let world = world();
        let service = imitation(world.clone());
        let base = "/v2/openshift-release-dev/ocp-release";
        assert_eq!(ask("GET", &format!("{base}/manifests/4.20.1-x86_64")).of(&service).await.status, 404);
        world.advance_to(world.scenario().promoted_at.unwrap());

        let answer = ask("GET", &format!("{base}/manifests/4.20.1-x86_64")).of(&service).await;
        assert_eq!(answer.header("docker-content-digest"), format!("sha256:{}", digest(&answer.body, 64)));
        let manifest = answer.json(200);
        let layer = manifest["layers"][0]["digest"].as_str().unwrap();
        let layer = ask("GET", &format!("{base}/blobs/{layer}")).of(&service).await;
        assert_eq!(manifest["layers"][0]["digest"], format!("sha256:{}", digest(&layer.body, 64)));

        let mut archive = tar::Archive::new(GzDecoder::new(&layer.body[..]));
        let metadata = archive.entries().unwrap().map(Result::unwrap).find_map(|mut entry| {
            let named = entry.path().unwrap().ends_with("release-metadata");
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            named.then(|| serde_json::from_str::<Value>(&text).unwrap())
        });
        let page = metadata.unwrap()["metadata"]["url"].as_str().unwrap().to_owned();
        assert_eq!(
            page,
            format!("https://access.redhat.com{}", crate::payload::metadata_page(world.scenario()))
        );

        let list = ask("GET", &format!("{base}/manifests/4.20.1-multi")).of(&service).await.json(200);
        assert_eq!(list["manifests"].as_array().unwrap().len(), 4);
        let head = ask("HEAD", &format!("{base}/manifests/4.20.1-x86_64")).of(&service).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
}
