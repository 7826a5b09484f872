//! A story: one world, one store, and the drivers that work there.

use axum::Router;
use indexmap::IndexMap;
use regatta_engine::app::AppSettings;
use regatta_engine::people::{Blocks, Done, Mode, Override};
use regatta_engine::report::Unwatched;
use regatta_engine::rights::{Identity, Role};
use regatta_engine::{App, DriveOptions, DriveReport, EngineError, Watch};
use regatta_flow::Policy;
use regatta_kit::{Release, Status, Task};
use regatta_sandbox::World;
use regatta_sandbox::clock::{Pace, ScenarioClock};
use regatta_sandbox::scenario::Scenario;
use regatta_sandbox::serve::{PortPlan, ServeOptions, environment, routers};
use regatta_services::Services;
use regatta_services::settings::ServiceSettings;
use regatta_statebox::event::Event;
use regatta_statebox::store::Store;
use regatta_statebox::store::memory::MemoryStore;
use regatta_tasks::native::NativeRunner;
use regatta_tasks::settings::TaskSettings;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use crate::transport::{CrashPoint, InProcess};

/// A world, a store, and who drives there.
pub struct Story {
    /// The release.
    pub release: Release,
    clock: ScenarioClock,
    hosts: HashMap<String, Router>,
    env: IndexMap<String, String>,
    store: Arc<dyn Store>,
    policy: Policy,
    drivers: usize,
}

/// How a drive of a story ended.
#[derive(Debug)]
pub enum Ended {
    /// It came back.
    Reported(Box<DriveReport>),
    /// Its driver died at the crash point.
    Died,
}

impl Story {
    /// A generated world around `release`.
    #[must_use]
    pub fn of(release: &str, seed: u64) -> Self {
        let release: Release = release.parse().expect("stories name real releases");
        Self::in_world(Scenario::generated(release, seed))
    }

    /// A world of this scenario.
    #[must_use]
    pub fn in_world(scenario: Scenario) -> Self {
        let release = scenario.release;
        let clock = ScenarioClock::new(World::new(scenario), Pace::Max);
        let host = |name: &str| format!("{}.sandbox", name.replace('_', "-"));
        let routers = routers(&clock);
        let urls = routers
            .iter()
            // The clock is attached to directly.
            .filter(|(name, _)| *name != "clock")
            .map(|(name, _)| (*name, format!("http://{}", host(name))))
            .collect();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let options = ServeOptions {
            ports: PortPlan::Free,
            folder: folder.path().to_owned(),
            // Finds nothing, which is what elliott prints when nothing is missed.
            elliott: "true".to_owned(),
            store: "memory:".to_owned(),
        };
        let mut env = environment(&urls, &options).expect("the key file can be written");
        // The key is read at once and the folder goes with this function.
        let key = std::fs::read_to_string(&env["GCP_SA_FILE"]).expect("the key file was just written");
        env.insert("GCP_SA_FILE".to_owned(), keep(&key));
        let hosts = routers.into_iter().map(|(name, router)| (host(name), router)).collect();
        Self {
            release,
            clock,
            hosts,
            env,
            store: Arc::new(MemoryStore::new()),
            policy: Policy::default(),
            drivers: 0,
        }
    }

    /// Keeps state elsewhere than in memory.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// Leaves less or more to Regatta.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &ScenarioClock {
        &self.clock
    }

    /// The clients of this world, as one process has them.
    #[must_use]
    pub fn services(&self, crash: Option<CrashPoint>) -> (Arc<Services>, Arc<InProcess>) {
        let transport = Arc::new(InProcess::new(self.hosts.clone(), crash));
        let settings = ServiceSettings::read(|name| self.env.get(name).cloned(), &BTreeMap::new())
            .expect("the sandbox's settings are sound");
        (Arc::new(Services::new(&settings, transport.clone())), transport)
    }

    /// A new process, attached to the clock until its `App` is dropped or leaves: nothing is left of earlier ones but store and world.
    pub fn process(&mut self, crash: Option<CrashPoint>) -> (App, Arc<InProcess>) {
        self.drivers += 1;
        let (services, transport) = self.services(crash);
        let tasks = TaskSettings {
            report_spreadsheet: self.env.get("REGATTA_REPORT_SPREADSHEET").cloned(),
            ..TaskSettings::default()
        };
        let app = App {
            store: Arc::clone(&self.store),
            services,
            clock: Arc::new(self.clock.attach()),
            runner: Arc::new(NativeRunner),
            settings: AppSettings {
                policy: self.policy,
                tasks,
                default_owner: self.env.get("REGATTA_OWNER").cloned(),
            },
            identity: Identity {
                actor: "kim@bay".to_owned(),
                role: Role::Lead,
                writer: format!("driver-{}", self.drivers),
                holder: format!("driver-{}", self.drivers),
            },
            world: "story".to_owned(),
            refreshed: Mutex::default(),
        };
        (app, transport)
    }

    /// Drives in a new process.
    ///
    /// # Errors
    /// As [`App::drive`].
    pub async fn drive(&mut self, watch: Watch) -> Result<DriveReport, EngineError> {
        match self.drive_until(watch, None).await? {
            Ended::Reported(report) => Ok(*report),
            Ended::Died => unreachable!("no crash was asked for"),
        }
    }

    /// Drives in a new process that may die on the way.
    ///
    /// # Errors
    /// As [`App::drive`].
    pub async fn drive_until(
        &mut self,
        watch: Watch,
        crash: Option<CrashPoint>,
    ) -> Result<Ended, EngineError> {
        let (app, transport) = self.process(crash);
        let release = self.release;
        let options = DriveOptions { email: None, watch };
        let ended = {
            let drive = app.drive(release, options, &Unwatched);
            tokio::select! {
                biased;
                () = transport.died() => return Ok(Ended::Died),
                report = drive => report?,
            }
        };
        app.clock.leave(ended.look_again).await;
        Ok(Ended::Reported(Box::new(ended)))
    }

    /// How many changes one undisturbed drive asks of a world like this.
    pub async fn count_changes(&mut self) -> usize {
        let (app, transport) = self.process(None);
        let options = DriveOptions { email: None, watch: Watch::UntilDone };
        app.drive(self.release, options, &Unwatched).await.expect("an undisturbed drive reports");
        transport.changes()
    }

    /// A person decides a task.
    ///
    /// # Errors
    /// As [`App::override_task`].
    pub async fn overrides(
        &mut self,
        task: Task,
        verdict: Status,
        reason: &str,
    ) -> Result<Done, EngineError> {
        let (app, _) = self.process(None);
        let what = Override { task, verdict, reason: reason.to_owned(), evidence: None };
        app.override_task(self.release, what, Mode::Real).await
    }

    /// A person asks for another attempt.
    ///
    /// # Errors
    /// As [`App::retry`].
    pub async fn retries(&mut self, task: Task) -> Result<Done, EngineError> {
        let (app, _) = self.process(None);
        app.retry(self.release, task, Some("another try"), Mode::Real).await
    }

    /// A person records a blocker.
    ///
    /// # Errors
    /// As [`App::add_issue`].
    pub async fn blocks(&mut self, text: &str, tasks: Vec<Task>) -> Result<Done, EngineError> {
        let (app, _) = self.process(None);
        app.add_issue(self.release, text, Blocks::Yes, tasks, Some("seen"), Mode::Real).await
    }

    /// A person resolves an issue.
    ///
    /// # Errors
    /// As [`App::resolve_issue`].
    pub async fn resolves(&mut self, text: &str) -> Result<Done, EngineError> {
        let (app, _) = self.process(None);
        app.resolve_issue(self.release, text, "mended", Mode::Real).await
    }

    /// The release's history.
    ///
    /// # Errors
    /// As [`App::timeline`].
    pub async fn history(&mut self) -> Result<Vec<Event>, EngineError> {
        let (app, _) = self.process(None);
        app.timeline(self.release).await
    }

    /// What was really done to the world.
    #[must_use]
    pub fn effects(&self) -> BTreeMap<String, u64> {
        self.clock.world().effects().counts()
    }

    /// Requests the world got, in all.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.clock.world().requests().values().sum()
    }

    /// Effects that were made more often than once.
    #[must_use]
    pub fn repeated(&self) -> Vec<String> {
        self.effects().into_iter().filter(|(_, n)| *n != 1).map(|(key, n)| format!("{key}: {n}")).collect()
    }
}

/// Writes the key into a file that lives as long as the test process.
fn keep(key: &str) -> String {
    static FILES: Mutex<Vec<tempfile::NamedTempFile>> = Mutex::new(Vec::new());
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), key).expect("a temporary file can be written");
    let path = file.path().display().to_string();
    FILES.lock().expect("no holder panics").push(file);
    path
}
