//! The container catalog: freshness grades of images.

use axum::response::Response;
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::wire::{self, Call, Service, iso, number_of, ok};
use crate::images::{ReleaseImage, release_images};
use crate::imitation::Imitation;
use crate::world::World;

/// The service.
pub fn imitation(world: World) -> Imitation {
    Imitation::answering(Catalog { world })
}

struct Catalog {
    world: World,
}

impl Service for Catalog {
    fn answer(&self, call: &Call) -> Response {
        match call.route() {
            ("GET", path) if path == ["api", "containers", "v1", "images"] => self.images(call),
            _ => wire::json(StatusCode::NOT_FOUND, &json!({"title": "Not Found", "status": 404})),
        }
    }
}

impl Catalog {
    fn images(&self, call: &Call) -> Response {
        let filter = call.query("filter").unwrap_or_default();
        let Some(wanted) = filter.strip_prefix("image_id==") else {
            return wire::json(
                StatusCode::BAD_REQUEST,
                &json!({"title": "Bad Request", "detail": "filter not understood", "status": 400}),
            );
        };
        let page_size = call.query_number("page_size", 100).clamp(1, 500);
        let page = call.query_number("page", 0);
        let found: Vec<Value> = release_images(self.world.scenario().release)
            .iter()
            .filter(|image| image.digest == wanted)
            .map(|image| self.json(image))
            .collect();
        let total = found.len();
        let data: Vec<Value> = found.into_iter().skip(page * page_size).take(page_size).collect();
        ok(&json!({"data": data, "page": page, "page_size": page_size, "total": total}))
    }

    fn json(&self, image: &ReleaseImage) -> Value {
        let begun = self.world.scenario().start - SignedDuration::from_hours(24 * 20);
        let id = &image.digest["sha256:".len()..][..24];
        // Older images age from A to B while nobody rebuilds them; a release ships none that is worse.
        let mut grades = vec![json!({"grade": "A", "start_date": iso(begun), "end_date": null})];
        if number_of(&image.digest, 3) == 0 {
            let aged = begun + SignedDuration::from_hours(24 * 15);
            grades[0]["end_date"] = json!(iso(aged));
            grades.push(json!({"grade": "B", "start_date": iso(aged), "end_date": null}));
        }
        json!({"_id": id, "image_id": image.digest, "architecture": image.arch.go(), "freshness_grades": grades,
            "repositories": [{"repository": format!("openshift4/{}", image.name), "published": false}],
            "_links": {"vulnerabilities": {"href": format!("/v1/images/id/{id}/vulnerabilities")}}})
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::testing::{ask, world};
    use super::*;

    #[tokio::test]
    async fn every_image_of_the_release_is_graded_a_or_b_and_others_are_unknown() {
        let world = world();
        let service = imitation(world.clone());
        let mut newest = std::collections::BTreeSet::new();
        for image in release_images(world.scenario().release) {
            let path =
                format!("/api/containers/v1/images?filter=image_id=={}&page_size=100&page=0", image.digest);
            let answer = ask("GET", &path).of(&service).await.json(200);
            let grades = answer["data"][0]["freshness_grades"].as_array().unwrap();
            newest.insert(grades.last().unwrap()["grade"].as_str().unwrap().to_owned());
        }
        assert_eq!(newest.into_iter().collect::<Vec<_>>(), ["A", "B"]);
        let path = format!("/api/containers/v1/images?filter=image_id==sha256:{}", "0".repeat(64));
        assert_eq!(ask("GET", &path).of(&service).await.json(200)["total"], 0);
    }
}
