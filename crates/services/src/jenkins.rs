//! Jenkins: parametrised jobs, its queue, and the builds that come out of it.
//!
//! A trigger is answered with a queue item; the item becomes a build a little later and is forgotten a few minutes
//! after that. What a build was started with is read from its parameters, compared whole.

use serde::Deserialize;
use std::collections::BTreeMap;

use crate::error::{Fault, ServiceError};
use crate::remote::{Call, Remote};

/// Builds looked at, newest first, when one is searched for.
const BUILDS_SEARCHED: usize = 25;

/// A job, by folders and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job(pub &'static [&'static str]);

/// Stage testing of z-streams.
pub const STAGE_PIPELINE: Job = Job(&["zstreams", "Stage-Pipeline"]);
/// Consistency of payload and shipment images.
pub const IMAGE_CONSISTENCY_CHECK: Job = Job(&["image-consistency-check"]);

impl Job {
    /// Folders and name: `zstreams/Stage-Pipeline`.
    #[must_use]
    pub fn full_name(self) -> String {
        self.0.join("/")
    }

    fn path(self) -> Vec<&'static str> {
        self.0.iter().flat_map(|part| ["job", part]).collect()
    }
}

/// Parameters by name.
pub type Parameters = BTreeMap<String, String>;

/// Jenkins.
#[derive(Debug, Clone)]
pub struct Jenkins {
    remote: Remote,
}

/// A queue item's number.
pub type QueueId = u64;

/// An item in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueItem {
    /// Its number.
    pub id: QueueId,
    /// The job's page.
    pub job_url: String,
    /// What it was started with.
    pub parameters: Parameters,
}

/// What became of a queue item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Queued {
    /// Still in the queue, for the reason Jenkins gives.
    Waiting(String),
    /// It became a build.
    Started(u64),
    /// Somebody cancelled it.
    Cancelled,
    /// Jenkins no longer knows it.
    Forgotten,
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Its number within the job.
    pub number: u64,
    /// The queue item it came from; 0 where Jenkins does not tell.
    pub queue_id: QueueId,
    /// Its page.
    pub url: String,
    /// What it was started with.
    pub parameters: Parameters,
    /// How it stands.
    pub state: BuildState,
}

/// How a build stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildState {
    /// Running.
    Running,
    /// Ended, with Jenkins' word: `SUCCESS`, `FAILURE`, `UNSTABLE`, `ABORTED`, `NOT_BUILT`.
    Ended(String),
}

#[derive(Deserialize)]
struct Crumb {
    #[serde(rename = "crumbRequestField")]
    field: String,
    crumb: String,
}

#[derive(Deserialize)]
struct QueueWire {
    // Always there: an answer without it is none, not an empty queue.
    items: Vec<ItemWire>,
}

#[derive(Deserialize)]
struct ItemWire {
    #[serde(default)]
    id: QueueId,
    #[serde(default)]
    task: Option<TaskWire>,
    #[serde(default)]
    actions: Vec<Option<ActionWire>>,
    #[serde(default)]
    cancelled: bool,
    #[serde(default)]
    why: Option<String>,
    #[serde(default)]
    executable: Option<Number>,
}

#[derive(Deserialize)]
struct TaskWire {
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct ActionWire {
    #[serde(default)]
    parameters: Vec<ParameterWire>,
}

#[derive(Deserialize)]
struct ParameterWire {
    name: String,
    #[serde(default)]
    value: serde_json::Value,
}

#[derive(Deserialize)]
struct Number {
    number: u64,
}

#[derive(Deserialize)]
struct JobWire {
    #[serde(rename = "nextBuildNumber")]
    next_build_number: u64,
    // Always there: an answer without it is none, not a job without builds.
    builds: Vec<Number>,
}

#[derive(Deserialize)]
struct BuildWire {
    number: u64,
    #[serde(default, rename = "queueId")]
    queue_id: QueueId,
    #[serde(default)]
    url: String,
    #[serde(default)]
    actions: Vec<Option<ActionWire>>,
    #[serde(default, rename = "inProgress")]
    in_progress: Option<bool>,
    #[serde(default)]
    building: bool,
    #[serde(default)]
    result: Option<String>,
}

impl Jenkins {
    /// Jenkins at `remote`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self { remote }
    }

    fn api(&self, path: &[&str]) -> Call {
        self.remote.get(&[path, &["api", "json"]].concat()).query(&[("depth", "0")])
    }

    /// The number that the job's next build will have.
    ///
    /// # Errors
    /// As of [`Call::send`].
    pub async fn next_build_number(&self, job: Job) -> Result<u64, ServiceError> {
        Ok(self.api(&job.path()).send().await?.json::<JobWire>()?.next_build_number)
    }

    /// What is in the queue now, of all jobs, by number.
    ///
    /// # Errors
    /// As of [`Call::send`].
    pub async fn queue(&self) -> Result<Vec<QueueItem>, ServiceError> {
        let wire: QueueWire = self.api(&["queue"]).send().await?.json()?;
        let read = |item: ItemWire| QueueItem {
            id: item.id,
            job_url: item.task.map(|t| t.url).unwrap_or_default(),
            parameters: parameters(item.actions),
        };
        let mut items: Vec<QueueItem> = wire.items.into_iter().map(read).collect();
        items.sort_by_key(|item| item.id);
        Ok(items)
    }

    /// Puts a build into the queue.
    ///
    /// # Errors
    /// As of [`Call::send`]; an answer that names no queue item is [`Fault::BadAnswer`], and the build may exist.
    pub async fn trigger(&self, job: Job, parameters: &Parameters) -> Result<QueueId, ServiceError> {
        let crumb = match self.remote.get(&["crumbIssuer", "api", "json"]).send().await {
            // A Jenkins without cross-site protection.
            Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => None,
            answer => Some(answer?.json::<Crumb>()?),
        };
        let pairs: Vec<(&String, &String)> = parameters.iter().collect();
        let mut call = self.remote.post(&[&job.path()[..], &["buildWithParameters"]].concat()).query(&pairs);
        if let Some(crumb) = crumb {
            // The field's name is Jenkins' own choice; all known versions choose one of two.
            let field = if crumb.field.eq_ignore_ascii_case(".crumb") { ".crumb" } else { "jenkins-crumb" };
            call = call.header(field, &crumb.crumb);
        }
        let answer = call.send().await?;
        let id = answer.header("location").and_then(|url| {
            let (_, item) = url.split_once("/queue/item/")?;
            item.trim_end_matches('/').parse().ok()
        });
        id.ok_or_else(|| answer.bad("it names no queue item in its Location"))
    }

    /// What became of a queue item.
    ///
    /// # Errors
    /// As of [`Call::send`].
    pub async fn queue_item(&self, id: QueueId) -> Result<Queued, ServiceError> {
        let item = match self.api(&["queue", "item", &id.to_string()]).send().await {
            Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => return Ok(Queued::Forgotten),
            answer => answer?.json::<ItemWire>()?,
        };
        Ok(match item {
            ItemWire { executable: Some(build), .. } => Queued::Started(build.number),
            ItemWire { cancelled: true, .. } => Queued::Cancelled,
            ItemWire { why, .. } => Queued::Waiting(why.unwrap_or_default()),
        })
    }

    /// A build; `None` when the job has none of that number.
    ///
    /// # Errors
    /// As of [`Call::send`].
    pub async fn build(&self, job: Job, number: u64) -> Result<Option<Build>, ServiceError> {
        let mut path = job.path();
        let number = number.to_string();
        path.push(&number);
        let answer = match self
            .remote
            .get(&[&path[..], &["api", "json"]].concat())
            .query(&[("depth", "0")])
            .send()
            .await
        {
            Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => return Ok(None),
            answer => answer?,
        };
        let wire: BuildWire = answer.json()?;
        let running = wire.in_progress.unwrap_or(wire.building);
        let state = match wire.result {
            Some(result) if !running => BuildState::Ended(result),
            _ if running => BuildState::Running,
            // Neither running nor ended: between two states; the next look tells.
            _ => BuildState::Running,
        };
        let url = if wire.url.is_empty() { self.remote.link(&path) } else { wire.url };
        Ok(Some(Build {
            number: wire.number,
            queue_id: wire.queue_id,
            url,
            parameters: parameters(wire.actions),
            state,
        }))
    }

    /// The numbers of the builds that the job lists from number `from` on, lowest first.
    ///
    /// # Errors
    /// As of [`Call::send`].
    pub async fn listed_from(&self, job: Job, from: u64) -> Result<Vec<u64>, ServiceError> {
        let wire: JobWire = self.api(&job.path()).send().await?.json()?;
        let mut numbers: Vec<u64> =
            wire.builds.into_iter().map(|b| b.number).filter(|n| *n >= from).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The job's builds from number `from` on, oldest first; of many only the newest.
    ///
    /// # Errors
    /// As of [`Call::send`].
    pub async fn builds_from(&self, job: Job, from: u64) -> Result<Vec<Build>, ServiceError> {
        let mut numbers = self.listed_from(job, from).await?;
        let newest = numbers.split_off(numbers.len().saturating_sub(BUILDS_SEARCHED));
        let mut builds = Vec::new();
        for number in newest {
            builds.extend(self.build(job, number).await?);
        }
        Ok(builds)
    }

    /// A build's page.
    #[must_use]
    pub fn build_page(&self, job: Job, number: u64) -> String {
        let number = number.to_string();
        format!("{}/", self.remote.link(&[&job.path()[..], &[number.as_str()]].concat()))
    }

    /// A queue item's page.
    #[must_use]
    pub fn queue_page(&self, id: QueueId) -> String {
        format!("{}/", self.remote.link(&["queue", "item", &id.to_string()]))
    }
}

impl QueueItem {
    /// Whether it is of this job.
    #[must_use]
    pub fn is_of(&self, job: Job) -> bool {
        let path = format!("/{}", job.path().join("/"));
        self.job_url.trim_end_matches('/').ends_with(&path)
    }
}

fn parameters(actions: Vec<Option<ActionWire>>) -> Parameters {
    let all = actions.into_iter().flatten().flat_map(|action| action.parameters);
    all.map(|p| {
        let value = match p.value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        (p.name, value)
    })
    .collect()
}

/// Whether all parameters wanted are there with exactly their values. Jenkins adds a job's others with their defaults, so
/// more than the wanted ones is no difference.
#[must_use]
pub fn fits(found: &Parameters, wanted: &Parameters) -> bool {
    wanted.iter().all(|(name, value)| found.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Auth;
    use crate::scripted::{Scripted, answer, answer_with};
    use regatta_kit::Secret;
    use std::sync::Arc;

    fn jenkins(world: Arc<Scripted>) -> Jenkins {
        let auth = Auth::Basic("me".to_owned(), Secret::new("t"));
        Jenkins::new(Remote::new("jenkins", "https://j.example/ci".parse().unwrap(), auth, world))
    }

    fn stage(spec: &str) -> Parameters {
        [("VERSION", "4.20"), ("PULL_SPEC", spec)].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    #[tokio::test]
    async fn a_trigger_sends_crumb_and_parameters_and_reads_the_queue_item() {
        let world = Scripted::new(|request| {
            Ok(if request.method() == "GET" {
                answer(200, r#"{"crumbRequestField":"Jenkins-Crumb","crumb":"c"}"#)
            } else {
                assert_eq!(request.headers()["jenkins-crumb"], "c");
                assert_eq!(request.headers()["authorization"], "Basic bWU6dA==");
                answer_with(201, &[("location", "https://j.example/ci/queue/item/77/")], "")
            })
        });
        let id =
            jenkins(world.clone()).trigger(STAGE_PIPELINE, &stage("quay.io/a:4.20.1-x86_64")).await.unwrap();
        assert_eq!(id, 77);
        assert_eq!(
            world.seen()[1],
            "POST https://j.example/ci/job/zstreams/job/Stage-Pipeline/buildWithParameters?PULL_SPEC=quay.io%2Fa%3A4.20.1-x86_64&VERSION=4.20"
        );
    }

    #[tokio::test]
    async fn a_trigger_without_a_queue_item_is_a_bad_answer() {
        let world = Scripted::new(|request| {
            Ok(if request.method() == "GET" { answer(404, "") } else { answer(201, "") })
        });
        let error = jenkins(world).trigger(STAGE_PIPELINE, &stage("x")).await.unwrap_err();
        assert!(matches!(error.fault, Fault::BadAnswer { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_queue_item_waits_starts_is_cancelled_or_forgotten() {
        for (status, body, wanted) in [
            (
                200,
                r#"{"id":7,"why":"In the quiet period"}"#,
                Queued::Waiting("In the quiet period".to_owned()),
            ),
            (200, r#"{"id":7,"why":null,"executable":{"number":12,"url":"u"}}"#, Queued::Started(12)),
            (200, r#"{"id":7,"cancelled":true}"#, Queued::Cancelled),
            (404, "", Queued::Forgotten),
        ] {
            let world = Scripted::new(move |_| Ok(answer(status, body)));
            assert_eq!(jenkins(world).queue_item(7).await.unwrap(), wanted);
        }
    }

    #[tokio::test]
    async fn a_build_tells_state_and_parameters() {
        let body = r#"{"number":12,"queueId":77,"url":"u","inProgress":false,"result":"SUCCESS","actions":[{},null,
            {"_class":"hudson.model.ParametersAction","parameters":[{"_class":"hudson.model.StringParameterValue","name":"PULL_SPEC","value":"q:4.20.10"}]}]}"#;
        let world = Scripted::new(move |_| Ok(answer(200, body)));
        let build = jenkins(world).build(STAGE_PIPELINE, 12).await.unwrap().unwrap();
        assert_eq!((build.queue_id, build.state), (77, BuildState::Ended("SUCCESS".to_owned())));
        let wanted: Parameters = [("PULL_SPEC".to_owned(), "q:4.20.1".to_owned())].into();
        assert!(!fits(&build.parameters, &wanted), "4.20.10 is not 4.20.1");
    }

    #[test]
    fn a_queue_item_knows_its_job_by_folders_too() {
        let item = |url: &str| QueueItem { id: 1, job_url: url.to_owned(), parameters: Parameters::new() };
        assert!(item("https://j.example/ci/job/zstreams/job/Stage-Pipeline/").is_of(STAGE_PIPELINE));
        assert!(!item("https://j.example/ci/job/other/job/Stage-Pipeline/").is_of(STAGE_PIPELINE));
    }
}
