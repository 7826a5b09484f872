//! What task tests need: an outside that a closure answers for, and a ledger in memory.

use bytes::Bytes;
use jiff::Timestamp;
use regatta_kit::{BoxFuture, ErrorClass};
use regatta_services::Services;
use regatta_services::scripted::{Scripted, answer};
use regatta_services::settings::ServiceSettings;
use regatta_statebox::document::Metadata;
use regatta_statebox::event::{EffectKey, Handle, Mark, Message};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::context::Context;
use crate::effects::{Early, Effects, Stopped, Triggerable};
use crate::outcome::Outcome;
use crate::settings::TaskSettings;

/// A request as a closure sees it.
pub(crate) struct Asked<'a> {
    /// `errata GET /api/v1/erratum/7`
    pub(crate) what: String,
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
}

/// Remote systems, settings and metadata of release 4.20.1.
pub(crate) struct Bench {
    transport: Arc<Scripted>,
    services: Services,
    pub(crate) settings: TaskSettings,
    pub(crate) metadata: Metadata,
    pub(crate) ledger: Ledger,
    pub(crate) attempt: u32,
    pub(crate) owner: Option<&'static str>,
}

impl Bench {
    /// A bench whose outside answers by a closure: status and JSON.
    pub(crate) fn new(outside: impl Fn(&Asked<'_>) -> (u16, Value) + Send + Sync + 'static) -> Self {
        Self::with_account(None, outside)
    }

    /// The same with the path of a service account's key file.
    pub(crate) fn with_account(
        account: Option<String>,
        outside: impl Fn(&Asked<'_>) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        let transport = Scripted::new(move |request: &http::Request<Bytes>| {
            let service = request.uri().host().and_then(|host| host.split('.').next()).unwrap_or_default();
            let what = format!("{service} {} {}", request.method(), request.uri().path());
            let asked =
                Asked { what, query: request.uri().query().unwrap_or_default(), body: request.body() };
            let (status, body) = outside(&asked);
            Ok(answer(status, body.to_string()))
        });
        let lookup = |variable: &str| match variable {
            "GCP_SA_FILE" => account.clone(),
            "GCS_CRED_FILE" | "REGATTA_ELLIOTT" | "REGATTA_LDAP_URL" => None,
            _ => match variable.strip_prefix("REGATTA_").and_then(|rest| rest.strip_suffix("_URL")) {
                Some(name) => Some(format!("http://{}.test", name.to_lowercase().replace('_', "-"))),
                None => Some("secret".to_owned()),
            },
        };
        let settings = ServiceSettings::read(lookup, &BTreeMap::new()).unwrap();
        let services = Services::new(&settings, Arc::clone(&transport) as _);
        Self {
            transport,
            services,
            settings: TaskSettings::default(),
            metadata: Metadata::default(),
            ledger: Ledger::default(),
            attempt: 1,
            owner: None,
        }
    }

    /// The context of one run.
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            release: "4.20.1".parse().unwrap(),
            metadata: &self.metadata,
            attempt: self.attempt,
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            owner: self.owner,
            services: &self.services,
            settings: &self.settings,
            effects: &self.ledger,
        }
    }

    /// Replaces elliott.
    pub(crate) fn set_elliott(&mut self, elliott: regatta_services::elliott::Elliott) {
        self.services.elliott = elliott;
    }

    /// Requests so far that are no reads: `POST errata/path`.
    pub(crate) fn writes(&self) -> Vec<String> {
        let short = |call: &String| call.replace("http://", "").replacen(".test", "", 1);
        self.transport.seen().iter().filter(|call| !call.starts_with("GET")).map(short).collect()
    }

    /// How many requests a service got.
    pub(crate) fn calls_to(&self, service: &str) -> usize {
        self.transport.seen().iter().filter(|call| call.contains(&format!("http://{service}.test"))).count()
    }
}

/// What a task answered, whether early or at its end.
pub(crate) fn outcome(result: Result<Outcome, Early>) -> Outcome {
    match result {
        Ok(outcome) => outcome,
        Err(Early::Outcome(outcome)) => *outcome,
        Err(stop @ (Early::Moved | Early::Engine(_))) => panic!("the engine stopped the run: {stop:?}"),
    }
}

/// A ledger that forgets with the test.
#[derive(Default)]
pub(crate) struct Ledger {
    marks: Mutex<BTreeMap<EffectKey, Mark>>,
    made: Mutex<BTreeMap<EffectKey, Handle>>,
    told: Mutex<Vec<Message>>,
}

impl Ledger {
    /// Keys of all effects made, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.made.lock().unwrap().keys().map(ToString::to_string).collect()
    }

    /// Every handle is lost and every intent stands, as if each trigger's answer had never come.
    pub(crate) fn lose_handles(&self) {
        self.made.lock().unwrap().clear();
    }

    /// All marks, by key.
    pub(crate) fn marks(&self) -> BTreeMap<String, String> {
        let marks = self.marks.lock().unwrap();
        marks.iter().map(|(key, mark)| (key.to_string(), mark.0.clone())).collect()
    }

    /// Everything told, in order.
    pub(crate) fn told(&self) -> Vec<Message> {
        self.told.lock().unwrap().clone()
    }
}

impl Effects for Ledger {
    fn made(&self, key: &EffectKey) -> Option<Handle> {
        self.made.lock().unwrap().get(key).cloned()
    }

    fn intended(&self, key: &EffectKey) -> Option<Mark> {
        self.marks.lock().unwrap().get(key).cloned()
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
            let handle = match self.intended(&key) {
                // An interrupted run's: looked for, and made only when it is not there.
                Some(mark) => match remote.find(&mark).await? {
                    Some(handle) => handle,
                    None => remote.trigger().await?,
                },
                None => {
                    let mark = remote.mark().await?;
                    // As after a crash between intent and trigger: nothing is there to be adopted.
                    assert_eq!(remote.find(&mark).await?, None, "{key} was there before it was made");
                    self.marks.lock().unwrap().insert(key.clone(), mark.clone());
                    match remote.trigger().await {
                        // As after a lost answer: what was made is found again.
                        Ok(_) => {
                            let found = remote.find(&mark).await?;
                            found.unwrap_or_else(|| panic!("{key} is not found again"))
                        }
                        // A refusal may mean that it is so already.
                        Err(error) if error.class() == ErrorClass::Permanent => {
                            remote.find(&mark).await?.ok_or(error)?
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            };
            self.made.lock().unwrap().insert(key, handle.clone());
            Ok(handle)
        })
    }

    fn follow<'a>(&'a self, key: EffectKey, handle: Handle) -> BoxFuture<'a, Result<(), Stopped>> {
        self.made.lock().unwrap().insert(key, handle);
        Box::pin(std::future::ready(Ok(())))
    }

    fn tell(&self, message: Message) {
        let mut told = self.told.lock().unwrap();
        if told.iter().all(|earlier| earlier.key != message.key) {
            told.push(message);
        }
    }
}
