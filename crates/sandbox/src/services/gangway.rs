//! Gangway, which starts Prow jobs, and the jobs themselves, which [`super::prow`] shows as well.

use axum::response::Response;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use super::wire::{self, Call, Service, iso};
use crate::delays::Quantiles;
use crate::imitation::Imitation;
use crate::world::World;

/// The consistency check takes 90 to 120 minutes (specification, task list), minutes.
const CONSISTENCY_MINUTES: Quantiles = Quantiles([90.0, 96.0, 104.0, 112.0, 120.0]);
/// Stage testing takes 2 to 4 hours (specification, task list), minutes.
const STAGE_MINUTES: Quantiles = Quantiles([120.0, 140.0, 165.0, 205.0, 240.0]);
/// A run of any other test job (median of recorded runs: 159 minutes), minutes.
const TEST_MINUTES: Quantiles = Quantiles([118.0, 139.0, 159.0, 174.0, 188.0]);
/// From request to a pod and with it a URL.
const SCHEDULING: SignedDuration = SignedDuration::from_secs(8);
/// A job waits this long for its cluster.
const TRIGGERED: SignedDuration = SignedDuration::from_mins(2);

/// The repositories whose periodic jobs this Prow knows.
const KNOWN_PREFIXES: [&str; 3] = [
    "periodic-ci-openshift-release-tests-",
    "periodic-ci-openshift-openshift-tests-private-release-",
    "periodic-ci-openshift-verification-tests-",
];

/// Prow's jobs, shared by Gangway and Prow: make one, hand a clone to each service.
#[derive(Clone)]
pub struct ProwJobs {
    world: World,
    jobs: Arc<Mutex<Vec<Job>>>,
}

/// A run of a job.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) envs: Vec<(String, String)>,
    pub(crate) build_id: String,
    pub(crate) made_at: Timestamp,
    pub(crate) ends_at: Timestamp,
}

impl Job {
    /// Prow's state now.
    pub(crate) fn state(&self, now: Timestamp) -> &'static str {
        let age = now.duration_since(self.made_at);
        if now >= self.ends_at {
            "success"
        } else if age < SCHEDULING {
            "scheduling"
        } else if age < TRIGGERED {
            "triggered"
        } else {
            "pending"
        }
    }

    /// Where people see the run; none before it is scheduled.
    pub(crate) fn url(&self, now: Timestamp) -> Option<String> {
        (now.duration_since(self.made_at) >= SCHEDULING).then(|| {
            format!(
                "https://qe-private-deck-ci.apps.ci.l2s4.p1.openshiftapps.com/view/gs/qe-private-deck/logs/{}/{}",
                self.name, self.build_id
            )
        })
    }
}

impl ProwJobs {
    /// No runs yet.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self { world, jobs: Arc::default() }
    }

    /// The run of that id.
    pub(crate) fn find(&self, id: &str) -> Option<Job> {
        wire::lock(&self.jobs).iter().find(|job| job.id == id).cloned()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn start(&self, name: &str, envs: Vec<(String, String)>) -> Job {
        let (effect, takes) = if name.ends_with("-image-consistency-check") {
            (Some("trigger:image-consistency-check"), CONSISTENCY_MINUTES)
        } else if name.contains("-stage-testing-") {
            (Some("trigger:stage-testing"), STAGE_MINUTES)
        } else {
            (None, TEST_MINUTES)
        };
        let now = self.world.now();
        let mut jobs = wire::lock(&self.jobs);
        let ordinal = jobs.iter().filter(|job| job.name == name).count() as u64;
        let seed = self.world.scenario().seed;
        let ends_at = now + TRIGGERED + self.world.delay("prow", name, ordinal, takes);
        let identity = format!("{seed}/{name}/{ordinal}");
        let job = Job {
            id: wire::uuid(&identity),
            name: name.to_owned(),
            envs,
            build_id: (1_980_000_000_000_000_000 + wire::number_of(&identity, 20_000_000_000_000_000))
                .to_string(),
            made_at: now,
            ends_at,
        };
        jobs.push(job.clone());
        if let Some(effect) = effect {
            self.world.effects().record(effect);
        }
        self.world.log("gangway", format!("{name} started as {}", job.id));
        self.world.announce(ends_at, format!("prow: {name} {} ends", job.id));
        job
    }
}

/// Gangway over shared jobs.
pub fn imitation(jobs: ProwJobs) -> Imitation {
    Imitation::answering(Gangway(jobs))
}

struct Gangway(ProwJobs);

impl Service for Gangway {
    fn answer(&self, call: &Call) -> Response {
        if call.authorization("Bearer").is_none() {
            return wire::text(StatusCode::UNAUTHORIZED, "Unauthorized\n");
        }
        let (method, path) = call.route();
        match (method, path.as_slice()) {
            ("POST", ["v1", "executions", name]) => self.create(call, name),
            ("GET", ["v1", "executions", id]) => match self.0.find(id) {
                Some(job) => wire::ok(&self.execution(&job)),
                None => grpc(StatusCode::NOT_FOUND, 5, "failed to get prowjob: prowjob not found"),
            },
            ("GET", ["v1", "executions"]) => self.list(call),
            _ => grpc(StatusCode::NOT_FOUND, 5, "Not Found"),
        }
    }
}

impl Gangway {
    fn create(&self, call: &Call, name: &str) -> Response {
        let body = if call.body.is_empty() { Some(json!({})) } else { call.json() };
        let Some(body) = body else {
            return grpc(StatusCode::BAD_REQUEST, 3, "invalid JSON in request body");
        };
        if !matches!(body["job_execution_type"].as_str(), Some("1" | "PERIODIC"))
            && body["job_execution_type"] != 1
        {
            return grpc(
                StatusCode::BAD_REQUEST,
                3,
                "only periodic jobs (job_execution_type 1) are supported here",
            );
        }
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b));
        if !plain || !KNOWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            let why = format!("failed to find associated periodic job \"{name}\"");
            return grpc(StatusCode::INTERNAL_SERVER_ERROR, 2, &why);
        }
        let envs = body["pod_spec_options"]["envs"].as_object().map(|envs| {
            envs.iter()
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect()
        });
        wire::ok(&self.execution(&self.0.start(name, envs.unwrap_or_default())))
    }

    fn list(&self, call: &Call) -> Response {
        let Some(name) = call.query("job_name") else {
            return grpc(StatusCode::BAD_REQUEST, 3, "job_name is required");
        };
        let jobs = wire::lock(&self.0.jobs).clone();
        let found: Vec<Value> = jobs
            .iter()
            .filter(|job| job.name == name)
            .map(|job| self.execution(job))
            .filter(|job| call.query("status").is_none_or(|status| job["job_status"] == status))
            .collect();
        wire::ok(&json!({"job_executions": found}))
    }

    fn execution(&self, job: &Job) -> Value {
        let now = self.0.now();
        let status = match job.state(now) {
            "scheduling" => "SCHEDULING",
            "triggered" => "TRIGGERED",
            "pending" => "PENDING",
            _ => "SUCCESS",
        };
        json!({
            "id": job.id, "job_name": job.name, "job_type": "PERIODIC", "job_status": status,
            "gcs_path": format!("gs://qe-private-deck/logs/{}/{}", job.name, job.build_id), "refs": null,
            "pod_spec_options": {"envs": job.envs.iter().map(|(k, v)| (k.clone(), json!(v))).collect::<serde_json::Map<_, _>>(), "annotations": {}, "labels": {}},
            "create_time": iso(job.made_at), "completion_time": (status == "SUCCESS").then(|| iso(job.ends_at)),
            "job_url": job.url(now).unwrap_or_default(),
        })
    }
}

/// An error as a gRPC gateway writes it.
fn grpc(status: StatusCode, code: u8, message: &str) -> Response {
    wire::json(status, &json!({"code": code, "message": message, "details": []}))
}
