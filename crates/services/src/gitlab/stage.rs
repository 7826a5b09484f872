//! The stage release: whether it went through, and which images it holds.

use regatta_kit::OutsideText;
use serde_json::Value;

use super::{GitLab, MergeRequest, MrRef, Shipment, ShipmentKind, wire};
use crate::error::{Fault, ServiceError};

/// The pipeline stage whose jobs and bridges release to stage, one for each kind of content.
const STAGE: &str = "stage-release-triggers";
/// The label that says the same and outlives pipelines.
const LABEL: &str = "stage-release-success";
/// Pipelines looked at, newest first, for one that has the stage: later pushes make pipelines without it.
const PIPELINES: usize = 20;

/// How the stage release stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageRelease {
    /// Every part went through.
    Succeeded,
    /// Not, or not yet.
    NotYet {
        /// What is missing, for people.
        why: String,
    },
}

/// An image that the stage release holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageImage {
    /// The component it is built from.
    pub component: String,
    /// Its digest, `sha256:…`.
    pub digest: String,
    /// Its architecture, as written there.
    pub architecture: String,
}

impl GitLab {
    /// Whether the stage release of a merge request went through: its label says so, or all jobs and bridges of the
    /// stage succeeded in the newest pipeline that has the stage.
    ///
    /// # Errors
    /// As every call.
    pub async fn stage_release(&self, request: &MergeRequest) -> Result<StageRelease, ServiceError> {
        if request.labels.iter().any(|label| label == LABEL) {
            return Ok(StageRelease::Succeeded);
        }
        let project = request.at.project();
        let iid = request.at.iid().to_string();
        let mut pipelines: Vec<wire::Pipeline> =
            self.pages(&["projects", project, "merge_requests", &iid, "pipelines"], &[]).await?;
        // Ids rise with time; the order of the list is not promised.
        pipelines.sort_unstable_by_key(|pipeline| std::cmp::Reverse(pipeline.id));
        for pipeline in pipelines.into_iter().take(PIPELINES) {
            let id = pipeline.id.to_string();
            let mut parts: Vec<wire::Job> =
                self.pages(&["projects", project, "pipelines", &id, "jobs"], &[]).await?;
            parts.extend(
                self.pages::<wire::Job>(&["projects", project, "pipelines", &id, "bridges"], &[]).await?,
            );
            parts.retain(|part| part.stage == STAGE);
            if !parts.is_empty() {
                return Ok(verdict(&parts));
            }
        }
        Ok(StageRelease::NotYet { why: format!("no pipeline of {} has reached {STAGE}", request.at) })
    }

    /// All images of a shipment's stage advisories, catalogues left out.
    ///
    /// # Errors
    /// As every call. A file whose stage advisory is not filled in, or holds an image without digest, is an error: a
    /// list that lacks images would let them pass unseen.
    pub async fn stage_advisory_images(&self, at: &MrRef) -> Result<Vec<StageImage>, ServiceError> {
        let request = self.merge_request(at).await?;
        let shipment = self.shipment(&request).await?;
        self.images_of(&shipment).await
    }

    async fn images_of(&self, shipment: &Shipment) -> Result<Vec<StageImage>, ServiceError> {
        let unusable = |path: &str, why: String| ServiceError {
            service: self.remote.service(),
            call: OutsideText::line(&format!("shipment file {path}"), 200).to_string(),
            fault: Fault::BadAnswer { why, said: OutsideText::line("", 0) },
        };
        if let Some(broken) = shipment.broken.first() {
            return Err(unusable(&broken.path, broken.why.clone()));
        }
        let mut images = Vec::new();
        for file in shipment.files.iter().filter(|file| file.kind != ShipmentKind::Fbc) {
            let url = file
                .stage_advisory
                .as_deref()
                .ok_or_else(|| unusable(&file.path, "no stage advisory yet".to_owned()))?;
            // Only the path is taken: the host is the one in settings.
            let parsed = url::Url::parse(url)
                .map_err(|_| unusable(&file.path, "internal_url is no URL".to_owned()))?;
            let answer = self.remote.get(&[]).raw_path(parsed.path()).anonymous().send().await?;
            let document =
                crate::yaml::parse(answer.text()?).map_err(|error| answer.bad(error.to_string()))?;
            images.extend(read_images(&document).map_err(|why| answer.bad(why))?);
        }
        Ok(images)
    }
}

fn verdict(parts: &[wire::Job]) -> StageRelease {
    let open: Vec<_> = parts
        .iter()
        .filter(|part| part.status != "success")
        .map(|part| {
            format!("{} is {}", OutsideText::line(&part.name, 60), OutsideText::line(&part.status, 30))
        })
        .collect();
    if open.is_empty() {
        StageRelease::Succeeded
    } else {
        StageRelease::NotYet { why: format!("stage release: {}", open.join(", ")) }
    }
}

fn read_images(document: &Value) -> Result<Vec<StageImage>, String> {
    let images =
        document.pointer("/spec/content/images").and_then(Value::as_array).ok_or("no spec.content.images")?;
    let text = |image: &Value, key: &str| image.get(key).and_then(Value::as_str).map(str::to_owned);
    images
        .iter()
        .map(|image| {
            let component = text(image, "component").ok_or("an image without component")?;
            let spec = text(image, "containerImage").ok_or("an image without containerImage")?;
            let digest = spec.rsplit_once('@').map(|(_, digest)| digest).filter(|digest| is_digest(digest));
            let digest = digest
                .ok_or_else(|| format!("image {} without digest", OutsideText::line(&component, 60)))?;
            Ok(StageImage {
                component,
                digest: digest.to_owned(),
                architecture: text(image, "architecture").unwrap_or_default(),
            })
        })
        .collect()
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, status: &str) -> wire::Job {
        wire::Job { name: name.to_owned(), stage: STAGE.to_owned(), status: status.to_owned() }
    }

    #[test]
    fn every_part_of_the_stage_has_to_succeed() {
        assert_eq!(verdict(&[part("image", "success"), part("extras", "success")]), StageRelease::Succeeded);
        let StageRelease::NotYet { why } = verdict(&[part("image", "success"), part("fbc", "running")])
        else {
            panic!("one part runs")
        };
        assert_eq!(why, "stage release: fbc is running");
    }

    #[test]
    fn images_need_a_digest() {
        let digest = format!("sha256:{}", "a1".repeat(32));
        let good = serde_json::json!({"spec": {"content": {"images": [
            {"containerImage": format!("quay.io/x/y@{digest}"), "component": "oc", "architecture": "amd64"}]}}});
        assert_eq!(
            read_images(&good).unwrap(),
            [StageImage { component: "oc".to_owned(), digest, architecture: "amd64".to_owned() }]
        );
        let bad = serde_json::json!({"spec": {"content": {"images": [{"containerImage": "quay.io/x/y:latest", "component": "oc"}]}}});
        assert!(read_images(&bad).unwrap_err().contains("image oc without digest"));
        assert!(read_images(&serde_json::json!({})).is_err());
    }
}
