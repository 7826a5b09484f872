//! From settings to a working application service.

mod place;

use regatta_engine::App;
use regatta_engine::app::AppSettings;
use regatta_engine::contents::GithubContents;
use regatta_engine::rights::{Identity, Role};
use regatta_kit::Clock;
use regatta_kit::ids::digest;
use regatta_services::Services;
use regatta_services::clock::{ScenarioClock, SystemClock};
use regatta_services::github::Repository;
use regatta_services::http::HttpTransport;
use regatta_services::settings::ServiceName;
use regatta_statebox::store::Store;
use regatta_statebox::store::contents::ContentsStore;
use regatta_statebox::store::memory::MemoryStore;
use regatta_statebox::store::sqlite::SqliteStore;
use regatta_tasks::native::NativeRunner;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::cli::Globals;
use crate::failure::Failure;
use crate::settings::Settings;

/// The settings of a command run by a person: from the process environment.
pub(crate) fn settings(globals: &Globals) -> Result<Settings, Failure> {
    Settings::read(&|name| std::env::var(name).ok(), globals.config.as_deref(), globals.store.clone())
}

/// The application service of a command run by a person.
pub(crate) async fn app(globals: &Globals) -> Result<App, Failure> {
    let settings = settings(globals)?;
    let clock: Arc<dyn Clock> = match settings.services.url(ServiceName::Clock) {
        Some(url) => Arc::new(ScenarioClock::attach(url).await.map_err(regatta_engine::EngineError::from)?),
        None => Arc::new(SystemClock),
    };
    build(settings, clock).await
}

/// Puts an application service together.
pub(crate) async fn build(settings: Settings, clock: Arc<dyn Clock>) -> Result<App, Failure> {
    let transport = HttpTransport::new().map_err(|e| Failure::Internal(e.to_string()))?;
    let services = Arc::new(Services::new(&settings.services, Arc::new(transport)));
    let store = open_store(&settings, &services, &clock)?;
    let world = world(&settings)?;
    let identity = identity(&settings.actor, settings.role);
    Ok(App {
        store,
        services,
        clock,
        runner: Arc::new(NativeRunner),
        settings: AppSettings {
            policy: settings.policy,
            tasks: settings.tasks,
            default_owner: settings.owner,
        },
        identity,
        world,
        refreshed: Mutex::default(),
    })
}

/// Who acts. The writer's name tells nothing about anybody: it stands in public state.
#[allow(
    clippy::disallowed_methods,
    reason = "a process' identity needs real time; a scenario's clock repeats itself"
)]
fn identity(actor: &str, role: Role) -> Identity {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let host = std::fs::read("/proc/sys/kernel/hostname").or_else(|_| std::fs::read("/etc/hostname"));
    let host = digest(&host.unwrap_or_default(), 12);
    let place = place::here(&std::env::var("REGATTA_PLACE").unwrap_or_default());
    let process = std::process::id();
    let actor = public_actor(actor);
    let unique = format!("{actor} {host} {place:?} {process} {}", since.as_nanos());
    let writer = digest(unique.as_bytes(), 12);
    // A process that has no place shares it with nobody.
    let place = place.unwrap_or_else(|| digest(format!("nowhere {unique}").as_bytes(), 12));
    let holder = format!("{}/{place}-{process}/{writer}", actor.replace('/', "-"));
    Identity { actor, role, writer, holder }
}

/// The actor as it may stand in public: of an address or a full host name only the first words.
fn public_actor(actor: &str) -> String {
    match actor.split_once('@') {
        Some((user, host)) => format!("{user}@{}", host.split('.').next().unwrap_or_default()),
        None => actor.to_owned(),
    }
}

/// The world that the settings point at. A sandbox says who it is; services of two worlds are never mixed.
fn world(settings: &Settings) -> Result<String, Failure> {
    let Some(world) = &settings.world else { return Ok("real".to_owned()) };
    let outside = CALLED_BY_TASKS.iter().find(|service| {
        let host = settings.services.url(**service).and_then(|url| url.host_str()).unwrap_or_default();
        !(host.is_empty() || host == "localhost" || host == "[::1]" || host.starts_with("127."))
    });
    match outside {
        None => Ok(world.clone()),
        Some(service) => Err(Failure::Input(format!(
            "these settings are of a sandbox, but {} points outside: {}; set {} as the sandbox says, or unset \
             REGATTA_CLOCK_URL, REGATTA_CONTROL_URL and REGATTA_WORLD",
            service.name(),
            settings.services.url(*service).map(ToString::to_string).unwrap_or_default(),
            service.url_variable()
        ))),
    }
}

/// The services that a drive calls.
pub(crate) const CALLED_BY_TASKS: [ServiceName; 14] = [
    ServiceName::Github,
    ServiceName::Raw,
    ServiceName::ReleaseController,
    ServiceName::Jenkins,
    ServiceName::Gitlab,
    ServiceName::Jira,
    ServiceName::Errata,
    ServiceName::Slack,
    ServiceName::Sheets,
    ServiceName::GoogleToken,
    ServiceName::Signature,
    ServiceName::Registry,
    ServiceName::Pyxis,
    ServiceName::Access,
];

fn open_store(
    settings: &Settings,
    services: &Arc<Services>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn Store>, Failure> {
    let url = settings.store.as_str();
    let bad = |why: &str| {
        Failure::Input(format!("store {url:?} {why}; write sqlite:FILE, memory: or github:OWNER/REPO@BRANCH"))
    };
    if url == "memory:" {
        return Ok(Arc::new(MemoryStore::new()));
    }
    if let Some(file) = url.strip_prefix("sqlite:") {
        if file.is_empty() {
            return Err(bad("names no file"));
        }
        return Ok(Arc::new(SqliteStore::open(Path::new(file))?));
    }
    if let Some(place) = url.strip_prefix("github:") {
        let (repository, branch) = place.split_once('@').unwrap_or((place, "z-stream"));
        let repository: Repository = repository.parse().map_err(|_| bad("names no OWNER/REPO"))?;
        if branch.is_empty() {
            return Err(bad("names no branch"));
        }
        let port = Arc::new(GithubContents::new(Arc::clone(services), repository));
        let store = ContentsStore::new(port, Arc::clone(clock)).on_branch(branch).in_layout(settings.layout);
        return Ok(Arc::new(store));
    }
    Err(bad("is none that Regatta knows"))
}

/// Works as long as the clock can be used: with a sandbox that is gone, waits would never end.
pub(crate) async fn on_clock<T, E: Into<Failure>>(
    clock: &Arc<dyn Clock>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        done = work => done.map_err(Into::into),
        why = clock.lost() => Err(Failure::Unavailable(format!(
            "the scenario clock is gone ({why}); is the sandbox still running? Nothing is lost: run it again there"
        ))),
    }
}
