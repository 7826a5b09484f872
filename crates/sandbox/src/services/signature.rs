//! The signature mirror: a file a signed image digest.

use axum::Router;
use axum::response::Response;
use http::StatusCode;
use regatta_kit::Arch;
use serde_json::json;

use super::wire::{self, Call, Service, respond, text};
use crate::payload::ReleasePayload;
use crate::world::World;

/// The router. The mirror's root and its folder of release signatures answer alike.
pub fn router(world: World) -> Router {
    wire::serve(Signatures { world })
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
        let payloads = [Arch::Amd64, Arch::Arm64, Arch::Ppc64le, Arch::S390x]
            .map(|arch| ReleasePayload::of(&self.world, arch));
        let list = ReleasePayload::list(&payloads).digest;
        let digest = format!("sha256:{hex}");
        let reference = if digest == list {
            format!("{}-multi", scenario.release)
        } else {
            let payload = payloads.iter().find(|payload| payload.manifest.digest == digest)?;
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

    #[tokio::test]
    async fn the_release_image_is_signed_once_it_is_accepted_and_nothing_else_is() {
        let world = world();
        let router = router(world.clone());
        let digest = ReleasePayload::of(&world, Arch::Amd64).manifest.digest.replace(':', "=");
        let path = format!("/pub/openshift-v4/signatures/openshift/release/{digest}/signature-1");
        assert_eq!(ask("GET", &path).of(&router).await.status, 404);
        world.advance_to(world.scenario().promoted_at.unwrap());
        assert_eq!(ask("GET", &path).of(&router).await.status, 200);
        assert_eq!(ask("GET", &format!("/{digest}/signature-1")).of(&router).await.status, 200);
        assert_eq!(
            ask("GET", &format!("/sha256={}/signature-1", "0".repeat(64))).of(&router).await.status,
            404
        );
    }
}
