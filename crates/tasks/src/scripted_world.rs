//! A world for the stories of single tasks: scripted services and a ledger in memory.

use bytes::Bytes;
use regatta_kit::BoxFuture;
use regatta_services::Services;
use regatta_services::scripted::{Scripted, answer, answer_with};
use regatta_services::settings::ServiceSettings;
use regatta_statebox::document::Metadata;
use regatta_statebox::event::{EffectKey, Handle, Mark, Message};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::context::Context;
use crate::effects::{Early, Effects, Stopped, Triggerable};
use crate::outcome::Outcome;
use crate::settings::TaskSettings;

/// What the services answer: by method and a part of the path; later entries win, everything else is 404.
#[derive(Default, Clone)]
pub(crate) struct Script {
    answers: Vec<(String, String, u16, String)>,
    builds: BTreeMap<u64, String>,
    job: String,
}

/// In place of a build's page: there is none.
const HIDDEN: &str = "";
const SPEC: &str = "quay.io/openshift-release-dev/ocp-release:4.20.1-x86_64";

impl Script {
    pub(crate) fn on(mut self, method: &str, path: &str, body: &str) -> Self {
        self.answers.push((method.to_owned(), path.to_owned(), 200, body.to_owned()));
        self
    }

    pub(crate) fn fails(mut self, path: &str, status: u16) -> Self {
        self.answers.push(("GET".to_owned(), path.to_owned(), status, String::new()));
        self
    }

    pub(crate) fn gone(self, path: &str) -> Self {
        self.fails(path, 404)
    }

    /// A Jenkins whose job has seen 11 builds and queues what is triggered as item 77, and a shipment on stage.
    pub(crate) fn jenkins(job: &str) -> Self {
        let script = Self { job: job.to_owned(), ..Self::default() };
        let mr = r#"{"iid":469,"state":"opened","web_url":"u","source_branch":"b","labels":["stage-release-success"]}"#;
        script
            .on("GET", "/queue/api/json", r#"{"items":[]}"#)
            .on("GET", "/queue/item/77/", r#"{"id":77,"why":"quiet"}"#)
            .on("GET", "/merge_requests/469", mr)
    }

    /// A build; `state` holds its fields, and `"spec":"other"` makes it another release's.
    pub(crate) fn build(mut self, number: u64, queue_id: u64, state: &str) -> Self {
        let spec = if state.contains("\"spec\"") { format!("{SPEC}0") } else { SPEC.to_owned() };
        let values = [("VERSION", "4.20"), ("PULL_SPEC", &spec)];
        let values = if self.job == "image-consistency-check" {
            vec![("VERSION", "v4.20"), ("PAYLOAD_URL", &spec), ("SHIPMENT_MR_ID", "469")]
        } else {
            values.to_vec()
        };
        let parameters: Vec<String> =
            values.iter().map(|(k, v)| format!(r#"{{"name":"{k}","value":"{v}"}}"#)).collect();
        let body = format!(
            r#"{{"number":{number},"queueId":{queue_id},{state},"actions":[{{"parameters":[{}]}}]}}"#,
            parameters.join(",")
        );
        self.builds.insert(number, body);
        self
    }

    /// A build that the job lists, and whose page is not found.
    pub(crate) fn hides(self, number: u64) -> Self {
        self.shows(number, HIDDEN)
    }

    /// A build whose page is this.
    pub(crate) fn shows(mut self, number: u64, page: &str) -> Self {
        self.builds.insert(number, page.to_owned());
        self
    }

    /// A shipment with so many images in its one stage advisory.
    pub(crate) fn shipment(self, images: usize) -> Self {
        let images: String = (0..images)
            .map(|i| format!("    - {{component: c{i}, architecture: amd64, containerImage: 'q.example/a@sha256:{i:064x}'}}\n"))
            .collect();
        let advisory = format!(
            "spec:\n  content:\n    images:{}{images}",
            if images.is_empty() { " []\n" } else { "\n" }
        );
        let file = "shipment:\n  metadata: {}\n  environments:\n    stage:\n      advisory:\n        internal_url: https://gitlab.test/a/-/raw/main/advisory.yaml\n";
        let content = base64_of(file);
        self.on("GET", "/merge_requests/469/changes", r#"{"changes":[{"new_path":"shipment/4.20.1-image.yaml","old_path":"shipment/4.20.1-image.yaml"}]}"#)
            .on("GET", "/repository/files/", &format!(r#"{{"content":"{content}","encoding":"base64"}}"#))
            .on("GET", "/-/raw/main/advisory.yaml", &advisory)
            .on("POST", "/merge_requests/469/notes", r#"{"id":5,"body":"b"}"#)
            .on("GET", "/merge_requests/469/notes", "[]")
    }

    fn answer(&self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        let path = request.uri().path();
        let job = format!("/job/{}", self.job);
        if request.method() == "POST" && path.ends_with("/buildWithParameters") {
            return answer_with(201, &[("location", "http://jenkins.test/queue/item/77/")], "");
        }
        if !self.job.is_empty() && path == format!("{job}/api/json") {
            let numbers: Vec<String> =
                self.builds.keys().rev().map(|n| format!(r#"{{"number":{n}}}"#)).collect();
            let next = self.builds.keys().max().map_or(12, |n| n + 1);
            return answer(200, format!(r#"{{"nextBuildNumber":{next},"builds":[{}]}}"#, numbers.join(",")));
        }
        if let Some(body) = path
            .strip_prefix(&format!("{job}/"))
            .and_then(|rest| self.builds.get(&rest.split('/').next()?.parse().ok()?))
        {
            return if body == HIDDEN { answer(404, "") } else { answer(200, body.clone()) };
        }
        if path.starts_with(&format!("{job}/12/")) {
            let running = self.clone().build(12, 77, r#""inProgress":true,"result":null"#);
            return answer(200, running.builds[&12].clone());
        }
        // The longest part wins, so that a path below another can be told apart; of equal ones the newest.
        let fits = |(method, part, ..): &&(String, String, u16, String)| {
            request.method() == method.as_str() && path.contains(part.as_str())
        };
        let best = self.answers.iter().filter(fits).max_by_key(|(_, part, ..)| part.len());
        best.map_or_else(|| answer(404, ""), |(_, _, status, body)| answer(*status, body.clone()))
    }
}

fn base64_of(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().chain([0u8, 0].iter()).take(3).fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// A release 4.20.1 over scripted services.
pub(crate) struct World {
    script: Arc<Mutex<Script>>,
    transport: Arc<Scripted>,
    services: Services,
    metadata: Metadata,
    settings: TaskSettings,
    ledger: Ledger,
}

impl World {
    pub(crate) fn new(script: Script) -> Self {
        let script = Arc::new(Mutex::new(script));
        let answering = Arc::clone(&script);
        let transport = Scripted::new(move |request| Ok(answering.lock().unwrap().answer(request)));
        let lookup = |name: &str| match name {
            "REGATTA_LDAP_URL" | "REGATTA_CLOCK_URL" => None,
            "REGATTA_JENKINS_URL" => Some("http://jenkins.test".to_owned()),
            name if name.ends_with("_URL") && !name.contains("CLOCK") => {
                Some("http://service.test".to_owned())
            }
            name if name.ends_with("_FILE")
                || name == "JIRA_EMAIL"
                || !name.chars().all(|c| c.is_ascii_uppercase() || c == '_') =>
            {
                None
            }
            _ => Some("dummy".to_owned()),
        };
        let settings = ServiceSettings::read(lookup, &BTreeMap::new()).unwrap();
        let metadata = Metadata {
            shipment_mr: Some("https://gitlab.test/a/b/-/merge_requests/469".to_owned()),
            ..Metadata::default()
        };
        let services = Services::new(&settings, transport.clone());
        Self {
            script,
            transport,
            services,
            metadata,
            settings: TaskSettings::default(),
            ledger: Ledger::default(),
        }
    }

    /// One run of a task.
    pub(crate) async fn run(
        &self,
        task: impl for<'a> Fn(&'a Context<'a>) -> BoxFuture<'a, Result<Outcome, Early>>,
    ) -> Outcome {
        let context = Context {
            release: "4.20.1".parse().unwrap(),
            metadata: &self.metadata,
            attempt: 1,
            now: "2026-03-01T00:00:00Z".parse().unwrap(),
            owner: None,
            services: &self.services,
            settings: &self.settings,
            effects: &self.ledger,
        };
        match task(&context).await {
            Ok(outcome) => outcome,
            Err(Early::Outcome(outcome)) => *outcome,
            Err(stop @ (Early::Moved | Early::Engine(_))) => {
                Outcome::Scheduled { what: format!("{stop:?}"), look_again: context.now }
            }
        }
    }

    pub(crate) fn change(&self, change: impl FnOnce(Script) -> Script) {
        let mut script = self.script.lock().unwrap();
        *script = change(script.clone());
    }

    /// The next effect's handle is lost after the trigger, as in a crash.
    pub(crate) fn lose_next_handle(&self) {
        self.ledger.0.lock().unwrap().lose_next = true;
    }

    /// What was changed at the remotes: method, path and query.
    pub(crate) fn posts(&self) -> Vec<String> {
        let changes = self.transport.seen().into_iter().filter(|seen| !seen.starts_with("GET"));
        changes
            .map(|seen| seen.replace("http://jenkins.test", "").replace("http://service.test", ""))
            .collect()
    }

    /// Keys of the messages told, in order.
    pub(crate) fn told(&self) -> Vec<String> {
        self.ledger.0.lock().unwrap().told.iter().map(|message| message.key.clone()).collect()
    }
}

#[derive(Default)]
struct Ledger(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    marks: BTreeMap<EffectKey, Mark>,
    handles: BTreeMap<EffectKey, Handle>,
    told: Vec<Message>,
    lose_next: bool,
}

impl Effects for Ledger {
    fn made(&self, key: &EffectKey) -> Option<Handle> {
        self.0.lock().unwrap().handles.get(key).cloned()
    }

    fn intended(&self, key: &EffectKey) -> Option<Mark> {
        self.0.lock().unwrap().marks.get(key).cloned()
    }

    fn once<'a>(
        &'a self,
        key: EffectKey,
        remote: &'a dyn Triggerable,
    ) -> BoxFuture<'a, Result<Handle, Stopped>> {
        Box::pin(async move {
            if let Some(handle) = self.made(&key) {
                return Ok(handle);
            }
            let left_behind = self.0.lock().unwrap().marks.get(&key).cloned();
            let handle = match left_behind {
                Some(mark) => remote.find(&mark).await?,
                None => None,
            };
            let handle = match handle {
                Some(handle) => handle,
                None => {
                    let mark = remote.mark().await?;
                    self.0.lock().unwrap().marks.insert(key.clone(), mark);
                    remote.trigger().await?
                }
            };
            let mut entries = self.0.lock().unwrap();
            if std::mem::take(&mut entries.lose_next) {
                return Err(Stopped::Engine(regatta_statebox::StoreError::Unavailable {
                    why: "crashed".to_owned(),
                    retry_after: None,
                }));
            }
            entries.handles.insert(key, handle.clone());
            Ok(handle)
        })
    }

    fn follow<'a>(&'a self, key: EffectKey, handle: Handle) -> BoxFuture<'a, Result<(), Stopped>> {
        self.0.lock().unwrap().handles.insert(key, handle);
        Box::pin(std::future::ready(Ok(())))
    }

    fn tell(&self, message: Message) {
        let told = &mut self.0.lock().unwrap().told;
        if told.iter().all(|old| old.key != message.key) {
            told.push(message);
        }
    }
}
