//! Prow's own page of a job run, as YAML.

use axum::response::Response;
use http::StatusCode;

use super::gangway::{Job, ProwJobs};
use super::wire::{self, Call, Service, iso};
use crate::imitation::Imitation;

/// Prow over the jobs that Gangway starts.
pub fn imitation(jobs: ProwJobs) -> Imitation {
    Imitation::answering(Prow(jobs))
}

struct Prow(ProwJobs);

impl Service for Prow {
    fn answer(&self, call: &Call) -> Response {
        let (method, path) = call.route();
        if (method, path.as_slice()) != ("GET", &["prowjob"]) {
            return wire::text(StatusCode::NOT_FOUND, "404 page not found\n");
        }
        let Some(id) = call.query("prowjob").filter(|id| !id.is_empty()) else {
            return wire::text(
                StatusCode::BAD_REQUEST,
                "request did not provide the 'prowjob' query parameter\n",
            );
        };
        match self.0.find(id) {
            Some(job) => wire::text(StatusCode::OK, yaml(&self.0, &job)),
            None => {
                let why = format!("ProwJob not found: prowjobs.prow.k8s.io \"{id}\" not found\n");
                wire::text(StatusCode::NOT_FOUND, why)
            }
        }
    }
}

fn yaml(jobs: &ProwJobs, job: &Job) -> String {
    let now = jobs.now();
    let state = job.state(now);
    let made = iso(job.made_at);
    let mut text = format!(
        "apiVersion: prow.k8s.io/v1\nkind: ProwJob\nmetadata:\n  annotations:\n    prow.k8s.io/job: {name}\n  creationTimestamp: \"{made}\"\n  generation: 3\n  labels:\n    created-by-prow: \"true\"\n    prow.k8s.io/type: periodic\n  name: {id}\n  namespace: ci\nspec:\n  agent: kubernetes\n  cluster: build05\n  decoration_config:\n    gcs_configuration:\n      bucket: qe-private-deck\n      path_strategy: single\n  job: {name}\n  pod_spec:\n    containers:\n    - command:\n      - ci-operator\n",
        name = job.name,
        id = job.id,
    );
    if !job.envs.is_empty() {
        text.push_str("      env:\n");
        for (name, value) in &job.envs {
            // JSON strings are YAML strings.
            text.push_str(&format!("      - name: {name}\n        value: {}\n", serde_json::json!(value)));
        }
    }
    text.push_str(
        "  prowjob_defaults:\n    tenant_id: openshift-qe\n  report: true\n  type: periodic\nstatus:\n",
    );
    if let Some(url) = job.url(now) {
        text.push_str(&format!("  build_id: \"{}\"\n", job.build_id));
        if state == "success" {
            text.push_str(&format!(
                "  completionTime: \"{}\"\n  description: Job succeeded.\n",
                iso(job.ends_at)
            ));
        } else {
            text.push_str("  description: Job triggered.\n");
        }
        text.push_str(&format!(
            "  pod_name: {}\n  startTime: \"{made}\"\n  state: {state}\n  url: {url}\n",
            job.id
        ));
    } else {
        text.push_str(&format!("  startTime: \"{made}\"\n  state: {state}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::gangway;
    use crate::services::wire::testing::{ask, world};
    use jiff::SignedDuration;
    use serde_json::json;

    const JOB: &str = "periodic-ci-openshift-release-tests-main-image-consistency-check";

    #[tokio::test]
    async fn a_job_started_through_gangway_is_followed_in_prow() {
        let world = world();
        let jobs = ProwJobs::new(world.clone());
        let (gangway, prow) = (gangway::imitation(jobs.clone()), imitation(jobs));
        let body = json!({"job_execution_type": "1", "pod_spec_options": {"envs": {"MULTISTAGE_PARAM_OVERRIDE_MERGE_REQUEST_ID": "189"}}});
        let path = format!("/v1/executions/{JOB}");
        let made =
            ask("POST", &path).header("authorization", "Bearer x").json(&body).of(&gangway).await.json(200);
        let id = made["id"].as_str().unwrap();
        assert_eq!((id.len(), &made["job_status"]), (36, &json!("SCHEDULING")));

        let page = format!("/prowjob?prowjob={id}");
        let now = ask("GET", &page).of(&prow).await.text();
        assert!(now.contains("  state: scheduling\n") && !now.contains("  url: "), "{now}");
        world.advance_to(world.now() + SignedDuration::from_secs(10));
        let now = ask("GET", &page).of(&prow).await.text();
        assert!(now.contains("  state: triggered\n") && now.contains(&format!("/logs/{JOB}/")), "{now}");
        assert!(now.contains("value: \"189\""), "{now}");
        world.advance_to(world.now() + SignedDuration::from_mins(125));
        let now = ask("GET", &page).of(&prow).await.text();
        assert!(now.contains("  state: success\n") && now.contains("completionTime"), "{now}");
        let list = ask("GET", &format!("/v1/executions?job_name={JOB}&status=SUCCESS"));
        let list = list.header("authorization", "Bearer x").of(&gangway).await.json(200);
        assert_eq!(list["job_executions"][0]["id"], id);
        assert_eq!(world.effects().counts()["trigger:image-consistency-check"], 1);
    }

    #[tokio::test]
    async fn unknown_jobs_are_a_500_and_strangers_a_401() {
        let jobs = ProwJobs::new(world());
        let (gangway, prow) = (gangway::imitation(jobs.clone()), imitation(jobs));
        let body = json!({"job_execution_type": "1"});
        assert_eq!(ask("POST", &format!("/v1/executions/{JOB}")).json(&body).of(&gangway).await.status, 401);
        let unknown =
            ask("POST", "/v1/executions/no-such-job").header("authorization", "Bearer x").json(&body);
        assert_eq!(unknown.of(&gangway).await.json(500)["code"], 2);
        assert_eq!(ask("GET", "/prowjob?prowjob=none").of(&prow).await.status, 404);
        let stage = "periodic-ci-openshift-release-tests-main-stage-testing-e2e-aws-ipi";
        let made =
            ask("POST", &format!("/v1/executions/{stage}")).header("authorization", "Bearer x").json(&body);
        assert_eq!(made.of(&gangway).await.json(200)["job_name"], stage);
    }
}
