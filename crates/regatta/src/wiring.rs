//! From settings to a working application service.

use regatta_engine::App;
use regatta_engine::app::AppSettings;
use regatta_engine::contents::GithubContents;
use regatta_engine::rights::Identity;
use regatta_kit::Clock;
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
    let world = if settings.services.is_sandbox() { "sandbox" } else { "real" };
    store.stamp(world).await?;
    let identity = Identity { writer: writer(&settings.actor), actor: settings.actor, role: settings.role };
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
        refreshed: Mutex::default(),
    })
}

/// Names this process among all writers: the actor, and what no other process has at the same time.
#[allow(
    clippy::disallowed_methods,
    reason = "a process' identity needs real time; a scenario's clock repeats itself"
)]
fn writer(actor: &str) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{actor}/{}-{:x}", std::process::id(), since.as_micros())
}

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
