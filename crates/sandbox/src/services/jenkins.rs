//! Jenkins: two parametrised jobs, a queue, and builds that take their time and succeed.
//!
//! As the real one does: a trigger answers with a queue item and no build number; the item becomes a build once the
//! quiet period is over; and five minutes after that the item is gone (404), so that who comes back late has to look
//! through the builds for its `queueId`.

use axum::response::Response;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Mutex;

use super::wire::{self, Call, Service};
use crate::delays::Quantiles;
use crate::imitation::Imitation;
use crate::world::World;

/// Stage testing takes 2 to 4 hours (specification, task list), minutes.
const STAGE_MINUTES: Quantiles = Quantiles([120.0, 140.0, 165.0, 205.0, 240.0]);
/// The consistency check takes 90 to 120 minutes (specification, task list), minutes.
const CONSISTENCY_MINUTES: Quantiles = Quantiles([90.0, 96.0, 104.0, 112.0, 120.0]);
/// From trigger to build: quiet period and a free executor, minutes.
const QUEUE_MINUTES: Quantiles = Quantiles([0.1, 0.15, 0.25, 0.5, 0.9]);
/// How long Jenkins remembers a queue item that became a build.
const LEFT_ITEM_KEPT: SignedDuration = SignedDuration::from_mins(5);

const VERSION: &str = "2.479.3";
const JOB_CLASS: &str = "org.jenkinsci.plugins.workflow.job.WorkflowJob";
const RUN_CLASS: &str = "org.jenkinsci.plugins.workflow.job.WorkflowRun";

/// The service.
pub fn imitation(world: World) -> Imitation {
    Imitation::answering(Jenkins { state: Mutex::new(State::before(&world)), world })
}

struct Jenkins {
    world: World,
    state: Mutex<State>,
}

struct State {
    jobs: Vec<Job>,
    next_queue_id: u64,
}

struct Job {
    /// Folders and name: `zstreams/Stage-Pipeline`.
    full_name: &'static str,
    effect: &'static str,
    takes: Quantiles,
    parameters: &'static [&'static str],
    /// Oldest first; those whose start lies ahead are still in the queue.
    builds: Vec<Build>,
}

struct Build {
    number: u64,
    queue_id: u64,
    user: String,
    parameters: Vec<(String, String)>,
    queued_at: Timestamp,
    starts_at: Timestamp,
    ends_at: Timestamp,
}

impl State {
    /// Jenkins as found: each job has been run for earlier releases.
    fn before(world: &World) -> Self {
        let mut jobs = vec![
            Job {
                full_name: "image-consistency-check",
                effect: "trigger:image-consistency-check",
                takes: CONSISTENCY_MINUTES,
                parameters: &["VERSION", "PAYLOAD_URL", "SHIPMENT_MR_ID", "ERRATA_NUMBERS"],
                builds: Vec::new(),
            },
            Job {
                full_name: "zstreams/Stage-Pipeline",
                effect: "trigger:stage-testing",
                takes: STAGE_MINUTES,
                parameters: &["VERSION", "PULL_SPEC", "METADATA_AD"],
                builds: Vec::new(),
            },
        ];
        let mut queue_id = 21_400;
        for (first, job) in [1_180, 862].into_iter().zip(&mut jobs) {
            for back in [2, 1] {
                let queued_at = world.now() - SignedDuration::from_hours(24 * 7 * back);
                queue_id += 3;
                let number = first + 2 - u64::try_from(back).unwrap_or_default();
                let image = "quay.io/openshift-release-dev/ocp-release:4.12.1-x86_64";
                job.builds.push(Build {
                    number,
                    queue_id,
                    user: "zstream-bot".to_owned(),
                    parameters: vec![
                        (job.parameters[0].to_owned(), "4.12".to_owned()),
                        (job.parameters[1].to_owned(), image.to_owned()),
                    ],
                    queued_at,
                    starts_at: queued_at + SignedDuration::from_secs(12),
                    ends_at: queued_at + SignedDuration::from_mins(100),
                });
            }
        }
        Self { jobs, next_queue_id: queue_id + 1 }
    }

    fn job(&self, full_name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.full_name == full_name)
    }
}

impl Job {
    fn started(&self, now: Timestamp) -> impl DoubleEndedIterator<Item = &Build> {
        self.builds.iter().filter(move |build| build.starts_at <= now)
    }

    fn url(&self, base: &str) -> String {
        format!("{base}/job/{}/", self.full_name.replace('/', "/job/"))
    }

    fn name(&self) -> &'static str {
        self.full_name.rsplit('/').next().unwrap_or(self.full_name)
    }
}

impl Service for Jenkins {
    fn answer(&self, call: &Call) -> Response {
        let Some((user, _)) = call.basic() else {
            return stamped(refused(call));
        };
        let (method, path) = call.route();
        let response = match (method, path.as_slice()) {
            ("GET" | "HEAD", [] | ["api", "json"]) => wire::ok(&self.root(call)),
            ("GET", ["crumbIssuer", "api", "json"]) => wire::ok(&json!({
                "_class": "hudson.security.csrf.DefaultCrumbIssuer",
                "crumb": regatta_kit::ids::digest(user.as_bytes(), 64),
                "crumbRequestField": "Jenkins-Crumb",
            })),
            ("GET", ["me", "api", "json"]) => wire::ok(&json!({
                "_class": "hudson.model.User", "absoluteUrl": format!("{}/user/{user}", call.base),
                "description": null, "fullName": user, "id": user, "property": [],
            })),
            ("GET", ["queue", "api", "json"]) => wire::ok(&self.queue(call)),
            ("GET", ["queue", "item", id, "api", "json"]) => self.queue_item(call, id),
            (_, ["job", ..]) => self.under_job(call, &user, &path),
            _ => not_found(),
        };
        stamped(response)
    }
}

impl Jenkins {
    /// What stands at `job/A/job/B/REST…`.
    fn under_job(&self, call: &Call, user: &str, path: &[&str]) -> Response {
        let mut names = Vec::new();
        let mut rest = path;
        while let ["job", name, tail @ ..] = rest {
            names.push(*name);
            rest = tail;
        }
        let full_name = names.join("/");
        let now = self.world.now();
        if (call.method.as_str(), rest) == ("POST", &["buildWithParameters"]) {
            return self.trigger(call, user, &full_name);
        }
        let state = wire::lock(&self.state);
        if full_name == "zstreams" && rest == ["api", "json"] {
            let jobs: Vec<Value> = state
                .jobs
                .iter()
                .filter(|job| job.full_name.starts_with("zstreams/"))
                .map(|job| listed(job, now, &call.base))
                .collect();
            return wire::ok(&json!({
                "_class": "com.cloudbees.hudson.plugins.folder.Folder", "actions": [], "description": null,
                "displayName": "zstreams", "fullDisplayName": "zstreams", "fullName": "zstreams", "name": "zstreams",
                "url": format!("{}/job/zstreams/", call.base), "healthReport": [], "jobs": jobs,
                "primaryView": {"_class": "hudson.model.AllView", "name": "All", "url": format!("{}/job/zstreams/", call.base)},
                "views": [],
            }));
        }
        let Some(job) = state.job(&full_name) else { return not_found() };
        match (call.method.as_str(), rest) {
            ("GET", ["api", "json"]) => wire::ok(&job_json(job, now, &call.base)),
            ("GET", [number, "api", "json"]) => {
                let build = match *number {
                    "lastBuild" => job.started(now).next_back(),
                    "lastCompletedBuild" | "lastSuccessfulBuild" | "lastStableBuild" => {
                        job.started(now).rfind(|build| build.ends_at <= now)
                    }
                    number => job.started(now).find(|build| build.number.to_string() == number),
                };
                build.map_or_else(not_found, |build| wire::ok(&build_json(job, build, now, &call.base)))
            }
            ("GET", ["buildWithParameters"]) => wire::html(
                StatusCode::METHOD_NOT_ALLOWED,
                "<html><body><h1>Method Not Allowed</h1>This URL requires POST</body></html>",
            ),
            ("POST", ["build"]) => wire::html(
                StatusCode::BAD_REQUEST,
                "<html><head><title>Error 400</title></head><body><h2>HTTP ERROR 400 Nothing is submitted</h2></body></html>",
            ),
            _ => not_found(),
        }
    }

    fn trigger(&self, call: &Call, user: &str, full_name: &str) -> Response {
        let now = self.world.now();
        let mut state = wire::lock(&self.state);
        let queue_id = state.next_queue_id;
        let Some(job) = state.jobs.iter_mut().find(|job| job.full_name == full_name) else {
            return not_found();
        };
        let sent: Vec<_> = call.query.iter().cloned().chain(call.form()).collect();
        let parameters: Vec<(String, String)> = job
            .parameters
            .iter()
            .map(|name| ((*name).to_owned(), wire::field(&sent, name).unwrap_or_default().to_owned()))
            .collect();
        // An item that still waits with the same parameters takes the new one up: one build comes of both.
        if let Some(waiting) = job.builds.iter().find(|b| b.starts_at > now && b.parameters == parameters) {
            return queued(call, waiting.queue_id);
        }
        let ordinal = job.builds.len() as u64;
        let waits = self.world.delay("jenkins", &format!("{full_name}/queue"), ordinal, QUEUE_MINUTES);
        // Items of one job leave the queue in the order they came.
        let earliest = job.builds.last().map_or(now, |last| last.starts_at);
        let starts_at = (now + waits).max(earliest);
        let ends_at = starts_at + self.world.delay("jenkins", full_name, ordinal, job.takes);
        let number = job.builds.last().map_or(1, |last| last.number + 1);
        job.builds.push(Build {
            number,
            queue_id,
            user: user.to_owned(),
            parameters,
            queued_at: now,
            starts_at,
            ends_at,
        });
        self.world.effects().record(job.effect);
        self.world.log("jenkins", format!("{full_name} #{number} triggered"));
        self.world.announce(ends_at, format!("jenkins: {full_name} #{number} ends"));
        // Other people's items take numbers too.
        state.next_queue_id += 2;
        queued(call, queue_id)
    }

    fn root(&self, call: &Call) -> Value {
        let state = wire::lock(&self.state);
        let now = self.world.now();
        let (in_folder, at_top): (Vec<&Job>, Vec<&Job>) =
            state.jobs.iter().partition(|job| job.full_name.contains('/'));
        let list = |jobs: Vec<&Job>| {
            jobs.into_iter().map(|job| listed(job, now, &call.base)).collect::<Vec<Value>>()
        };
        let (in_folder, mut jobs) = (list(in_folder), list(at_top));
        jobs.push(json!({
            "_class": "com.cloudbees.hudson.plugins.folder.Folder", "name": "zstreams",
            "url": format!("{}/job/zstreams/", call.base), "jobs": in_folder,
        }));
        json!({
            "_class": "hudson.model.Hudson", "assignedLabels": [{"name": "built-in"}], "description": null, "jobs": jobs,
            "mode": "NORMAL", "nodeDescription": "the Jenkins controller's built-in node", "nodeName": "", "numExecutors": 4,
            "primaryView": {"_class": "hudson.model.AllView", "name": "all", "url": format!("{}/", call.base)},
            "quietingDown": false, "slaveAgentPort": -1, "url": format!("{}/", call.base), "useCrumbs": true,
            "useSecurity": true, "views": [{"_class": "hudson.model.AllView", "name": "all", "url": format!("{}/", call.base)}],
        })
    }

    fn queue(&self, call: &Call) -> Value {
        let state = wire::lock(&self.state);
        let now = self.world.now();
        let items: Vec<Value> = state
            .jobs
            .iter()
            .flat_map(|job| job.builds.iter().map(move |build| (job, build)))
            .filter(|(_, build)| build.starts_at > now)
            .map(|(job, build)| item_json(job, build, now, &call.base))
            .collect();
        json!({"_class": "hudson.model.Queue", "discoverableItems": [], "items": items})
    }

    fn queue_item(&self, call: &Call, id: &str) -> Response {
        let state = wire::lock(&self.state);
        let now = self.world.now();
        let found =
            state.jobs.iter().flat_map(|job| job.builds.iter().map(move |build| (job, build))).find(
                |(_, build)| build.queue_id.to_string() == id && now <= build.starts_at + LEFT_ITEM_KEPT,
            );
        found.map_or_else(not_found, |(job, build)| wire::ok(&item_json(job, build, now, &call.base)))
    }
}

/// The answer to a trigger.
fn queued(call: &Call, queue_id: u64) -> Response {
    let location = format!("{}/queue/item/{queue_id}/", call.base);
    wire::with_header(wire::empty(StatusCode::CREATED), "location", &location)
}

/// Every answer of Jenkins names its version; clients read it there.
fn stamped(response: Response) -> Response {
    wire::with_header(response, "x-jenkins", VERSION)
}

/// No credentials: 403 with the login page. Wrong ones (an empty user or token): 401.
fn refused(call: &Call) -> Response {
    if call.headers.contains_key("authorization") {
        let body = "<html><head><title>Error 401 Invalid password/token for user</title></head><body><h2>HTTP ERROR 401 Invalid password/token for user</h2></body></html>";
        return wire::with_header(
            wire::html(StatusCode::UNAUTHORIZED, body),
            "www-authenticate",
            "Basic realm=\"Jenkins\"",
        );
    }
    wire::html(
        StatusCode::FORBIDDEN,
        "<html><head><meta http-equiv='refresh' content='1;url=/login?from=%2F'/></head><body style='background-color:white; color:white;'>\nAuthentication required\n<!--\n-->\n</body></html>",
    )
}

fn not_found() -> Response {
    wire::html(
        StatusCode::NOT_FOUND,
        "<html><head><title>Error 404 Not Found</title></head><body><h2>HTTP ERROR 404 Not Found</h2></body></html>",
    )
}

fn listed(job: &Job, now: Timestamp, base: &str) -> Value {
    json!({"_class": JOB_CLASS, "name": job.name(), "url": job.url(base), "color": color(job, now)})
}

fn color(job: &Job, now: Timestamp) -> &'static str {
    if job.started(now).any(|build| build.ends_at > now) { "blue_anime" } else { "blue" }
}

fn job_json(job: &Job, now: Timestamp, base: &str) -> Value {
    let brief = |build: Option<&Build>| {
        build.map(|build| json!({"_class": RUN_CLASS, "number": build.number, "url": format!("{}{}/", job.url(base), build.number)}))
    };
    let last = job.started(now).next_back();
    let done = job.started(now).rfind(|build| build.ends_at <= now);
    let queued = job.builds.iter().find(|build| build.starts_at > now);
    let parameters: Vec<Value> = job
        .parameters
        .iter()
        .map(|name| {
            json!({
                "_class": "hudson.model.StringParameterDefinition", "name": name, "type": "StringParameterDefinition", "description": "",
                "defaultParameterValue": {"_class": "hudson.model.StringParameterValue", "name": name, "value": ""},
            })
        })
        .collect();
    json!({
        "_class": JOB_CLASS, "actions": [], "description": "", "displayName": job.name(),
        "displayNameOrNull": null, "fullDisplayName": job.full_name.replace('/', " » "), "fullName": job.full_name, "name": job.name(),
        "url": job.url(base), "buildable": true,
        "builds": job.started(now).rev().take(100).map(|build| brief(Some(build))).collect::<Vec<_>>(),
        "color": color(job, now), "firstBuild": brief(job.started(now).next()), "healthReport": [],
        "inQueue": queued.is_some(), "keepDependencies": false, "lastBuild": brief(last), "lastCompletedBuild": brief(done),
        "lastFailedBuild": null, "lastStableBuild": brief(done), "lastSuccessfulBuild": brief(done), "lastUnstableBuild": null,
        "lastUnsuccessfulBuild": null, "nextBuildNumber": last.map_or(1, |build| build.number + 1),
        "property": [{"_class": "hudson.model.ParametersDefinitionProperty", "parameterDefinitions": parameters}],
        "queueItem": queued.map(|build| item_json(job, build, now, base)), "concurrentBuild": true, "disabled": false, "resumeBlocked": false,
    })
}

/// Parameters and cause, as builds and queue items carry them.
fn actions(build: &Build) -> Value {
    let parameters: Vec<Value> = build
        .parameters
        .iter()
        .map(|(name, value)| json!({"_class": "hudson.model.StringParameterValue", "name": name, "value": value}))
        .collect();
    json!([
        {"_class": "hudson.model.ParametersAction", "parameters": parameters},
        {"_class": "hudson.model.CauseAction", "causes": [{
            "_class": "hudson.model.Cause$UserIdCause", "shortDescription": format!("Started by user {}", build.user),
            "userId": build.user, "userName": build.user,
        }]},
    ])
}

fn item_json(job: &Job, build: &Build, now: Timestamp, base: &str) -> Value {
    let waiting = build.starts_at > now;
    let params: String = build.parameters.iter().map(|(name, value)| format!("\n{name}={value}")).collect();
    let mut item = json!({
        "_class": if waiting { "hudson.model.Queue$WaitingItem" } else { "hudson.model.Queue$LeftItem" },
        "actions": actions(build), "blocked": false, "buildable": false, "id": build.queue_id,
        "inQueueSince": build.queued_at.as_millisecond(), "params": params, "stuck": false,
        "task": {"_class": JOB_CLASS, "name": job.name(), "url": job.url(base), "color": color(job, now)},
        "url": format!("queue/item/{}/", build.queue_id),
    });
    if waiting {
        let seconds = build.starts_at.duration_since(now).as_secs();
        item["why"] = json!(format!("In the quiet period. Expires in {seconds} sec"));
        item["timestamp"] = json!(build.starts_at.as_millisecond());
    } else {
        item["why"] = Value::Null;
        item["cancelled"] = json!(false);
        item["executable"] = json!({"_class": RUN_CLASS, "number": build.number, "url": format!("{}{}/", job.url(base), build.number)});
    }
    item
}

fn build_json(job: &Job, build: &Build, now: Timestamp, base: &str) -> Value {
    let running = build.ends_at > now;
    let millis = |from: Timestamp, to: Timestamp| to.duration_since(from).as_millis();
    let brief = |other: Option<&Build>| {
        other.map(
            |other| json!({"number": other.number, "url": format!("{}{}/", job.url(base), other.number)}),
        )
    };
    json!({
        "_class": RUN_CLASS, "actions": actions(build), "artifacts": [], "building": running, "description": null,
        "displayName": format!("#{}", build.number),
        "duration": if running { 0 } else { millis(build.starts_at, build.ends_at) },
        "estimatedDuration": job.takes.at(0.5).as_millis(), "executor": running.then(|| json!({})),
        "fullDisplayName": format!("{} #{}", job.full_name.replace('/', " » "), build.number), "id": build.number.to_string(),
        "inProgress": running, "keepLog": false, "number": build.number, "queueId": build.queue_id,
        "result": if running { Value::Null } else { json!("SUCCESS") }, "timestamp": build.starts_at.as_millisecond(),
        "url": format!("{}{}/", job.url(base), build.number), "changeSets": [], "culprits": [],
        "nextBuild": brief(job.started(now).find(|other| other.number == build.number + 1)),
        "previousBuild": brief(job.builds.iter().find(|other| other.number + 1 == build.number)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::wire::testing::{ask, world};

    const AUTH: &str = "Basic dXNlcjp0b2tlbg==";

    #[tokio::test]
    async fn a_trigger_becomes_a_queue_item_then_a_build_then_a_success() {
        let world = world();
        let jenkins = imitation(world.clone());
        let get = |path: &str| ask("GET", path).header("authorization", AUTH);

        let job = get("/job/zstreams/job/Stage-Pipeline/api/json").of(&jenkins).await.json(200);
        assert_eq!((&job["nextBuildNumber"], &job["lastBuild"]["number"]), (&json!(864), &json!(863)));

        let spec = "quay.io/openshift-release-dev/ocp-release:4.20.1-x86_64";
        let path =
            format!("/job/zstreams/job/Stage-Pipeline/buildWithParameters?VERSION=4.20&PULL_SPEC={spec}");
        let answer = ask("POST", &path).header("authorization", AUTH).of(&jenkins).await;
        assert_eq!((answer.status, answer.header("x-jenkins")), (201, VERSION));
        let item_path = answer.header("location").strip_prefix("http://sandbox.test:80").unwrap().to_owned();
        assert!(item_path.starts_with("/queue/item/") && item_path.ends_with('/'), "{item_path}");
        assert_eq!(world.effects().counts()["trigger:stage-testing"], 1);

        let item = get(&format!("{item_path}api/json?depth=0")).of(&jenkins).await.json(200);
        assert_eq!(item["_class"], "hudson.model.Queue$WaitingItem");
        assert!(item.get("executable").is_none());
        let queue = get("/queue/api/json?depth=0").of(&jenkins).await.json(200);
        assert_eq!(queue["items"][0]["task"]["name"], "Stage-Pipeline");

        world.advance_to(world.now() + SignedDuration::from_mins(2));
        let item = get(&format!("{item_path}api/json")).of(&jenkins).await.json(200);
        let url = "http://sandbox.test:80/job/zstreams/job/Stage-Pipeline/864/";
        assert_eq!((&item["executable"]["number"], &item["executable"]["url"]), (&json!(864), &json!(url)));
        let build = get("/job/zstreams/job/Stage-Pipeline/864/api/json").of(&jenkins).await.json(200);
        assert_eq!(
            (&build["inProgress"], &build["result"], &build["queueId"]),
            (&json!(true), &Value::Null, &item["id"])
        );
        assert_eq!(
            build["actions"][0]["parameters"][1],
            json!({"_class": "hudson.model.StringParameterValue", "name": "PULL_SPEC", "value": spec})
        );

        let ends = world.next_event(world.now()).unwrap();
        world.advance_to(world.now() + SignedDuration::from_hours(4) + SignedDuration::from_mins(2));
        assert!(ends <= world.now());
        let build = get("/job/zstreams/job/Stage-Pipeline/864/api/json").of(&jenkins).await.json(200);
        assert_eq!((&build["building"], &build["result"]), (&json!(false), &json!("SUCCESS")));
        // Long after it became a build the queue item is forgotten.
        assert_eq!(get(&format!("{item_path}api/json")).of(&jenkins).await.status, 404);
    }

    #[tokio::test]
    async fn the_same_trigger_while_it_waits_is_one_item_and_one_build_and_another_is_two() {
        let world = world();
        let jenkins = imitation(world.clone());
        let trigger = async |version: &str| {
            let path = format!("/job/zstreams/job/Stage-Pipeline/buildWithParameters?VERSION={version}");
            let answer = ask("POST", &path).header("authorization", AUTH).of(&jenkins).await;
            assert_eq!(answer.status, 201);
            answer.header("location").to_owned()
        };
        let first = trigger("4.20").await;
        assert_eq!(trigger("4.20").await, first);
        assert_eq!(world.effects().counts()["trigger:stage-testing"], 1);
        assert_ne!(trigger("4.21").await, first);
        assert_eq!(world.effects().counts()["trigger:stage-testing"], 2);
        world.advance_to(world.now() + SignedDuration::from_mins(5));
        assert_ne!(trigger("4.20").await, first, "it is a build already");
        assert_eq!(world.effects().counts()["trigger:stage-testing"], 3);
    }

    #[tokio::test]
    async fn who_does_not_log_in_gets_the_login_page_and_unknown_jobs_are_not_found() {
        let jenkins = imitation(world());
        let answer = ask("GET", "/api/json").of(&jenkins).await;
        assert_eq!(answer.status, 403);
        assert!(answer.text().contains("Authentication required"));
        let answer = ask("GET", "/api/json").header("authorization", "Basic OnRva2Vu").of(&jenkins).await;
        assert_eq!(answer.status, 401);
        let answer =
            ask("POST", "/job/none/buildWithParameters").header("authorization", AUTH).of(&jenkins).await;
        assert_eq!(answer.status, 404);
        let crumb =
            ask("GET", "/crumbIssuer/api/json").header("authorization", AUTH).of(&jenkins).await.json(200);
        assert_eq!(crumb["crumbRequestField"], "Jenkins-Crumb");
    }
}
