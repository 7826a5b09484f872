//! A story: one world, one store, and the processes that work there.

use indexmap::IndexMap;
use regatta_engine::app::AppSettings;
use regatta_engine::people::{Blocks, Done, Mode, Override};
use regatta_engine::report::Unwatched;
use regatta_engine::rights::{Identity, Role};
use regatta_engine::{App, DriveOptions, DriveReport, EngineError, Watch};
use regatta_flow::Policy;
use regatta_kit::{Clock, Release, Status, Task};
use regatta_sandbox::World;
use regatta_sandbox::clock::{Pace, ScenarioClock};
use regatta_sandbox::faults::layer::Exposed;
use regatta_sandbox::scenario::Scenario;
use regatta_sandbox::serve::{PortPlan, ServeOptions, environment, services};
use regatta_services::Services;
use regatta_services::elliott::Elliott;
use regatta_services::settings::ServiceSettings;
use regatta_statebox::event::Event;
use regatta_statebox::store::Store;
use regatta_statebox::store::memory::MemoryStore;
use regatta_tasks::native::NativeRunner;
use regatta_tasks::runner::Runner;
use regatta_tasks::settings::TaskSettings;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock};

use crate::acting::{Acting, Announcing};
use crate::elliott::InPlace;
use crate::life::Life;
use crate::store::Fragile;
use crate::transport::InProcess;
use crate::{store, transport};

/// A world, a store, and who drives there.
pub struct Story {
    /// The release.
    pub release: Release,
    clock: ScenarioClock,
    hosts: HashMap<String, Exposed>,
    env: &'static IndexMap<String, String>,
    store: StoreOf,
    runner: Arc<dyn Runner>,
    policy: Policy,
    drivers: usize,
}

/// How a process comes to its store: over its own clients and clock.
pub type StoreOf = Arc<dyn Fn(&Arc<Services>, &Arc<dyn Clock>) -> Arc<dyn Store> + Send + Sync>;

/// What goes wrong in one process, and only there.
#[derive(Debug, Clone, Default)]
pub struct Mishaps {
    /// With its requests.
    pub calls: Vec<transport::Plan>,
    /// With its persists.
    pub persists: Vec<store::Plan>,
}

impl Mishaps {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

impl From<transport::Plan> for Mishaps {
    fn from(plan: transport::Plan) -> Self {
        Self { calls: vec![plan], persists: Vec::new() }
    }
}

impl From<store::Plan> for Mishaps {
    fn from(plan: store::Plan) -> Self {
        Self { calls: Vec::new(), persists: vec![plan] }
    }
}

/// One process: an application service, and all through which it touches anything.
pub struct Process {
    /// The application service. Attached to the clock until it is dropped or leaves.
    pub app: App,
    /// How it reaches the world.
    pub transport: Arc<InProcess>,
    /// How it reaches the store.
    pub store: Arc<Fragile>,
    life: Arc<Life>,
}

impl Process {
    /// Drives to the end of the watch, or to the process's.
    ///
    /// # Errors
    /// As [`App::drive`].
    pub async fn drive(&self, release: Release, watch: Watch) -> Result<Ended, EngineError> {
        let options = DriveOptions { email: None, watch };
        let drive = self.app.drive(release, options, &Unwatched);
        let report = tokio::select! {
            biased;
            () = self.life.over() => return Ok(Ended::Died),
            report = drive => report?,
        };
        self.app.clock.leave(report.look_again).await;
        Ok(Ended::Reported(Box::new(report)))
    }
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
        let services = services(&clock);
        let urls = services
            .iter()
            // The clock is attached to directly.
            .filter(|(name, _)| *name != "clock")
            .map(|(name, _)| (*name, format!("http://{}", host(name))))
            .collect();
        let env = surroundings(&urls);
        let hosts = services.into_iter().map(|(name, service)| (host(name), service)).collect();
        Self {
            release,
            clock,
            hosts,
            env,
            store: shared(Arc::new(MemoryStore::new())),
            runner: Arc::new(NativeRunner),
            policy: Policy::default(),
            drivers: 0,
        }
    }

    /// Keeps state elsewhere than in memory.
    #[must_use]
    pub fn with_store(self, store: Arc<dyn Store>) -> Self {
        self.with_store_of(shared(store))
    }

    /// Keeps state elsewhere, where every process goes its own way to it.
    #[must_use]
    pub fn with_store_of(mut self, store: StoreOf) -> Self {
        self.store = store;
        self
    }

    /// The store, as one who only reads comes to it: nothing waits for this one's clock.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Store> {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.attach());
        (self.store)(&self.services(), &clock)
    }

    /// Leaves less or more to Regatta.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Lets another runner do the tasks.
    #[must_use]
    pub fn with_runner(mut self, runner: Arc<dyn Runner>) -> Self {
        self.runner = runner;
        self
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &ScenarioClock {
        &self.clock
    }

    /// The clients of this world, over the transport of a process in which nothing goes wrong.
    #[must_use]
    pub fn services(&self) -> Arc<Services> {
        self.clients(Arc::new(InProcess::new(self.hosts.clone(), Vec::new())))
    }

    fn clients(&self, transport: Arc<InProcess>) -> Arc<Services> {
        let settings = ServiceSettings::read(|name| self.env.get(name).cloned(), &BTreeMap::new())
            .expect("the sandbox's settings are sound");
        let mut services = Services::new(&settings, transport.clone());
        services.elliott = Elliott::over(Arc::new(InPlace(transport)));
        Arc::new(services)
    }

    /// A new process: nothing is left of earlier ones but store and world.
    pub fn process(&mut self, mishaps: Mishaps) -> Process {
        self.drivers += 1;
        let (life, acting) = (Arc::<Life>::default(), Arc::<Acting>::default());
        let transport = InProcess::new(self.hosts.clone(), mishaps.calls);
        let transport = Arc::new(transport.of(Arc::clone(&life), Arc::clone(&acting)));
        let clock: Arc<dyn Clock> = Arc::new(self.clock.attach());
        let services = self.clients(Arc::clone(&transport));
        let store = Fragile::new((self.store)(&services, &clock), mishaps.persists);
        let store = Arc::new(store.of(Arc::clone(&life), Arc::clone(&acting)));
        let tasks = TaskSettings {
            report_spreadsheet: self.env.get("REGATTA_REPORT_SPREADSHEET").cloned(),
            ..TaskSettings::default()
        };
        let app = App {
            store: store.clone(),
            services,
            clock,
            runner: Arc::new(Announcing::new(Arc::clone(&self.runner), acting)),
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
        Process { app, transport, store, life }
    }

    /// Drives in a new process.
    ///
    /// # Errors
    /// As [`App::drive`].
    pub async fn drive(&mut self, watch: Watch) -> Result<DriveReport, EngineError> {
        match self.drive_until(watch, Mishaps::none()).await? {
            Ended::Reported(report) => Ok(*report),
            Ended::Died => unreachable!("nothing was to go wrong"),
        }
    }

    /// Drives in a new process in which something goes wrong; it may die of that.
    ///
    /// # Errors
    /// As [`App::drive`].
    pub async fn drive_until(
        &mut self,
        watch: Watch,
        mishaps: impl Into<Mishaps>,
    ) -> Result<Ended, EngineError> {
        self.process(mishaps.into()).drive(self.release, watch).await
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
        let Process { app, .. } = self.process(Mishaps::none());
        let what = Override { task, verdict, reason: reason.to_owned(), evidence: None };
        app.override_task(self.release, what, Mode::Real).await
    }

    /// A person asks for another attempt.
    ///
    /// # Errors
    /// As [`App::retry`].
    pub async fn retries(&mut self, task: Task) -> Result<Done, EngineError> {
        let Process { app, .. } = self.process(Mishaps::none());
        app.retry(self.release, task, Some("another try"), Mode::Real).await
    }

    /// A person puts a task back to its beginning.
    ///
    /// # Errors
    /// As [`App::reset`].
    pub async fn resets(&mut self, task: Task) -> Result<Done, EngineError> {
        let Process { app, .. } = self.process(Mishaps::none());
        app.reset(self.release, task, "to be done anew", Mode::Real).await
    }

    /// A person records a blocker.
    ///
    /// # Errors
    /// As [`App::add_issue`].
    pub async fn blocks(&mut self, text: &str, tasks: Vec<Task>) -> Result<Done, EngineError> {
        let Process { app, .. } = self.process(Mishaps::none());
        app.add_issue(self.release, text, Blocks::Yes, tasks, Some("seen"), Mode::Real).await
    }

    /// A person resolves an issue.
    ///
    /// # Errors
    /// As [`App::resolve_issue`].
    pub async fn resolves(&mut self, text: &str) -> Result<Done, EngineError> {
        let Process { app, .. } = self.process(Mishaps::none());
        app.resolve_issue(self.release, text, "mended", Mode::Real).await
    }

    /// The release's history.
    ///
    /// # Errors
    /// As [`App::timeline`].
    pub async fn history(&mut self) -> Result<Vec<Event>, EngineError> {
        let Process { app, .. } = self.process(Mishaps::none());
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

/// One store for all processes.
fn shared(store: Arc<dyn Store>) -> StoreOf {
    Arc::new(move |_, _| Arc::clone(&store))
}

/// The settings of every process over services at these URLs. They are the same for all stories, and made once: the key
/// file lives as long as this process, and so need not be written for each of thousands of worlds.
fn surroundings(urls: &IndexMap<&'static str, String>) -> &'static IndexMap<String, String> {
    static MADE: OnceLock<(IndexMap<String, String>, tempfile::TempDir)> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let options = ServeOptions {
            ports: PortPlan::Free,
            folder: folder.path().to_owned(),
            // Never started: `InPlace` answers.
            elliott: "elliott".to_owned(),
            store: "memory:".to_owned(),
        };
        (environment(urls, &options).expect("the key file can be written"), folder)
    });
    &made.0
}
