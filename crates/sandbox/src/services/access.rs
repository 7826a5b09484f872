//! The customer portal's errata pages: the release's own opens on the release date.

use axum::Router;
use axum::response::Response;
use http::StatusCode;

use super::wire::{self, Call, Service, html};
use crate::payload::metadata_page;
use crate::world::World;

/// The router.
pub fn router(world: World) -> Router {
    wire::serve(Portal { world })
}

struct Portal {
    world: World,
}

impl Service for Portal {
    fn answer(&self, call: &Call) -> Response {
        let scenario = self.world.scenario();
        let page = metadata_page(&self.world);
        let asked = format!("/{}", call.segments.join("/"));
        let open = self.world.now() >= scenario.metadata_opens_at;
        if matches!(call.method.as_str(), "GET" | "HEAD") && asked == page && open {
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
        let router = router(world.clone());
        let page = metadata_page(&world);
        assert_eq!(ask("GET", &page).of(&router).await.status, 404);
        world.advance_to("2026-03-11T13:59:59Z".parse().unwrap());
        assert_eq!(ask("GET", &page).of(&router).await.status, 404);
        world.advance_to("2026-03-11T14:00:00Z".parse().unwrap());
        assert_eq!(ask("GET", &page).of(&router).await.status, 200);
        assert_eq!(ask("GET", "/errata/RHBA-2026:0001").of(&router).await.status, 404);
    }
}
