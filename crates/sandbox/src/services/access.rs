//! The customer portal's errata pages: the release's own opens on the release date.

use axum::response::Response;
use http::StatusCode;

use super::wire::{Call, Service, html};
use crate::imitation::Imitation;
use crate::payload::metadata_page;
use crate::world::World;

/// The service.
pub fn imitation(world: World) -> Imitation {
    Imitation::answering(Portal { world })
}

struct Portal {
    world: World,
}

impl Service for Portal {
    fn answer(&self, call: &Call) -> Response {
        let scenario = self.world.scenario();
        let open = self.world.now() >= scenario.metadata_opens_at;
        let is_page = || format!("/{}", call.segments.join("/")) == metadata_page(scenario);
        if open && matches!(call.method.as_str(), "GET" | "HEAD") && is_page() {
            let title = format!("OpenShift Container Platform {} bug fix update", scenario.release);
            return html(StatusCode::OK, format!("<!doctype html><title>{title}</title><h1>{title}</h1>"));
        }
        html(
            StatusCode::NOT_FOUND,
            "<!doctype html><title>Not found</title><h1>This page does not exist</h1>",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::testing::{ask, world};
    use super::*;

    #[tokio::test]
    async fn the_page_opens_at_its_hour() {
        let world = world();
        let service = imitation(world.clone());
        let page = metadata_page(world.scenario());
        assert_eq!(ask("GET", &page).of(&service).await.status, 404);
        world.advance_to("2026-03-11T13:59:59Z".parse().unwrap());
        assert_eq!(ask("GET", &page).of(&service).await.status, 404);
        world.advance_to("2026-03-11T14:00:00Z".parse().unwrap());
        assert_eq!(ask("GET", &page).of(&service).await.status, 200);
        assert_eq!(ask("GET", "/errata/RHBA-2026:0001").of(&service).await.status, 404);
    }
}
