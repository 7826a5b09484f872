//! The signature mirror: a file a signed image digest.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::wire::{Call, Service, respond, text};
use crate::imitation::Imitation;
use crate::world::World;

/// The service. The mirror's root and its folder of release signatures answer alike.
pub fn imitation(world: World) -> Imitation {
    Imitation::answering(Signatures { world })
}

struct Signatures {
    world: World,
}

impl Service for Signatures {
    fn answer(&self, call: &Call) -> Response {
        let (method, path) = call.route();
        let asked = match (method, path.as_slice()) {
            ("GET" | "HEAD", [.., image, "signature-1"]) => image.strip_prefix("sha256="),
            _ => None,
        };
        match asked.and_then(|hex| self.signature(hex)) {
            Some(bytes) => respond(StatusCode::OK, "application/octet-stream", bytes),
            None => text(StatusCode::NOT_FOUND, "404 Not Found"),
        }
    }
}

impl Signatures {
    /// The signature of the release image: it is signed when it is accepted. Nothing else has ever been signed here.
    fn signature(&self, hex: &str) -> Option<Vec<u8>> {
        let scenario = self.world.scenario();
        if scenario.promoted_at.is_none_or(|at| at > self.world.now()) {
            return None;
        }
        let payloads = self.world.payloads();
        let digest = format!("sha256:{hex}");
        let reference = if digest == payloads.list.digest {
            format!("{}-multi", scenario.release)
        } else {
            let payload = payloads.images.iter().find(|payload| payload.manifest.digest == digest)?;
            format!("{}-{}", scenario.release, payload.arch.rpm())
        };
        let claim = json!({
            "critical": {"image": {"docker-manifest-digest": digest}, "type": "atomic container signature",
                "identity": {"docker-reference": format!("quay.io/openshift-release-dev/ocp-release:{reference}")}},
            "optional": {"creator": "Red Hat OpenShift Signing Authority"},
        });
        Some(claim.to_string().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::testing::{ask, world};
    use super::*;
    use regatta_kit::Arch;

    #[tokio::test]
    async fn the_release_image_is_signed_once_it_is_accepted_and_nothing_else_is() {
        let world = world();
        let service = imitation(world.clone());
        let digest = world.payloads().image(Arch::Amd64).unwrap().manifest.digest.replace(':', "=");
        let path = format!("/pub/openshift-v4/signatures/openshift/release/{digest}/signature-1");
        assert_eq!(ask("GET", &path).of(&service).await.status, 404);
        world.advance_to(world.scenario().promoted_at.unwrap());
        assert_eq!(ask("GET", &path).of(&service).await.status, 200);
        assert_eq!(ask("GET", &format!("/{digest}/signature-1")).of(&service).await.status, 200);
        assert_eq!(
            ask("GET", &format!("/sha256={}/signature-1", "0".repeat(64))).of(&service).await.status,
            404
        );
    }
}
