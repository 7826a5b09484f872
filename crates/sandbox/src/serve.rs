//! Serving: the world on loopback, one listener a service, and the settings a drive there needs.

use indexmap::IndexMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::ScenarioClock;
use crate::connections;
use crate::faults::layer::{Calls, Exposed};
use crate::services::git::Hub;
use crate::services::{
    access, clock as clock_service, control, errata, gangway, github, gitlab, google_token, jenkins, jira,
    prow, pyxis, raw, registry, release_controller, sheets, signature, slack,
};

/// Every service NAME, in the order that fixes ports: a service has the base port plus its place here, whether the
/// services before it are imitated or not.
pub const NAMES: [&str; 23] = [
    "github",
    "raw",
    "release_controller",
    "jenkins",
    "gangway",
    "prow",
    "gcs",
    "gitlab",
    "jira",
    "errata",
    "brew",
    "slack",
    "sheets",
    "google_token",
    "signature",
    "registry",
    "pyxis",
    "ldap",
    "kube",
    "access",
    "clock",
    "control",
    "model",
];

/// Which ports to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortPlan {
    /// Any that are free.
    Free,
    /// This one plus a service's place among [`NAMES`].
    Base(u16),
}

/// What serving needs to know beside the world.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Ports.
    pub ports: PortPlan,
    /// A folder of the caller's, into which the service account's key file is written.
    pub folder: PathBuf,
    /// The command line of the stand-in for `elliott`.
    pub elliott: String,
    /// The store that a drive here should use, as `--store` takes it.
    pub store: String,
}

/// Why the world could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A port is taken or not allowed.
    #[error(
        "cannot listen on 127.0.0.1:{port} for {name}: {source}; choose another --port-base, or 0 for free ports"
    )]
    Listen {
        /// The service's NAME.
        name: &'static str,
        /// The port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// The ports do not fit below 65536.
    #[error("port base {base} leaves no room for {} services; choose one up to {}", NAMES.len(), usize::from(u16::MAX) + 1 - NAMES.len())]
    PortBase {
        /// The base given.
        base: u16,
    },
    /// The key file could not be written.
    #[error("cannot write {}: {source}", file.display())]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A served world. Dropping it ends all of its servers and their connections.
#[derive(Debug)]
pub struct Served {
    /// Base URL by service NAME, in the order of [`NAMES`]; services not imitated are absent.
    pub urls: IndexMap<&'static str, String>,
    /// All that a drive here needs, by environment variable.
    pub env: IndexMap<String, String>,
    servers: Vec<JoinHandle<()>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

/// All services by NAME, in the order of [`NAMES`], for calls in process. Requests are counted in the clock's world and
/// meet its faults; where no answer would come, the response carries [`crate::faults::Unanswered`].
#[must_use]
pub fn services(clock: &ScenarioClock) -> Vec<(&'static str, Exposed)> {
    services_on(clock, &Hub::new(clock.world().clone()), Calls::InProcess)
}

fn services_on(clock: &ScenarioClock, hub: &Hub, calls: Calls) -> Vec<(&'static str, Exposed)> {
    let world = || clock.world().clone();
    let prow_jobs = gangway::ProwJobs::new(world());
    let imitations = [
        ("github", github::imitation_on(hub.clone())),
        ("raw", raw::imitation_on(hub.clone())),
        ("release_controller", release_controller::imitation(world())),
        ("jenkins", jenkins::imitation(world())),
        ("gangway", gangway::imitation(prow_jobs.clone())),
        ("prow", prow::imitation(prow_jobs)),
        ("gitlab", gitlab::imitation(world())),
        ("jira", jira::imitation(world())),
        ("errata", errata::imitation(world())),
        ("slack", slack::imitation(world())),
        ("sheets", sheets::imitation(world())),
        ("google_token", google_token::imitation(world())),
        ("signature", signature::imitation(world())),
        ("registry", registry::imitation(world())),
        ("pyxis", pyxis::imitation(world())),
        ("access", access::imitation(world())),
        ("clock", clock_service::imitation(clock.clone())),
        ("control", control::imitation(clock.clone())),
    ];
    imitations.map(|(name, inside)| (name, Exposed::new(clock.world(), name, calls, inside))).into()
}

/// Serves the clock's world on loopback until the answer is dropped.
///
/// # Errors
/// When a port cannot be had, or the key file cannot be written.
pub async fn serve(clock: &ScenarioClock, options: &ServeOptions) -> Result<Served, ServeError> {
    if let PortPlan::Base(base) = options.ports
        && usize::from(base) + NAMES.len() > usize::from(u16::MAX) + 1
    {
        return Err(ServeError::PortBase { base });
    }
    let hub = Hub::new(clock.world().clone());
    let mut bound = Vec::new();
    let mut urls = IndexMap::new();
    for (name, service) in services_on(clock, &hub, Calls::OverSockets) {
        let port = match options.ports {
            PortPlan::Free => 0,
            PortPlan::Base(base) => base + place(name),
        };
        let failed = |source| ServeError::Listen { name, port, source };
        let listener =
            TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        urls.insert(name, format!("http://{address}"));
        bound.push((listener, service));
    }
    if let Some(raw) = urls.get("raw") {
        hub.set_raw_base(raw.clone());
    }
    let env = environment(&urls, options)?;
    let servers = bound
        .into_iter()
        .map(|(listener, service)| tokio::spawn(connections::serve(listener, service)))
        .collect();
    Ok(Served { urls, env, servers })
}

/// A NAME's place, which is its distance from the port base.
fn place(name: &str) -> u16 {
    let place = NAMES.iter().position(|one| *one == name).unwrap_or_default();
    u16::try_from(place).unwrap_or_default()
}

/// The settings of a drive in a world at these URLs. The credentials are dummies: every service takes any that is not
/// empty.
///
/// # Errors
/// When the service account's key file cannot be written.
pub fn environment(
    urls: &IndexMap<&'static str, String>,
    options: &ServeOptions,
) -> Result<IndexMap<String, String>, ServeError> {
    let mut env: IndexMap<String, String> = urls
        .iter()
        .map(|(name, url)| (format!("REGATTA_{}_URL", name.to_uppercase()), url.clone()))
        .collect();
    let token_url = urls.get("google_token").map(|url| format!("{url}/token")).unwrap_or_default();
    let key_file = write_key_file(&options.folder, &token_url)?;
    for (variable, value) in [
        ("GITHUB_TOKEN", "sandbox-github"),
        ("JIRA_TOKEN", "sandbox-jira"),
        ("JIRA_USERNAME", "rower@redhat.com"),
        ("SLACK_BOT_TOKEN", "xoxb-sandbox"),
        ("JENKINS_USER", "rower"),
        ("JENKINS_TOKEN", "sandbox-jenkins"),
        ("GITLAB_TOKEN", "sandbox-gitlab"),
        ("APITOKEN", "sandbox-gangway"),
        ("REGATTA_ERRATA_NEGOTIATE", "c2FuZGJveA=="),
        ("REGATTA_OWNER", "rower@redhat.com"),
        ("REGATTA_REPORT_SPREADSHEET", sheets::SPREADSHEET_ID),
        ("GCP_SA_FILE", key_file.as_str()),
        ("REGATTA_ELLIOTT", options.elliott.as_str()),
        ("REGATTA_STORE", options.store.as_str()),
    ] {
        env.insert(variable.to_owned(), value.to_owned());
    }
    Ok(env)
}

/// Writes the service account's key file, readable by its owner alone.
fn write_key_file(folder: &Path, token_url: &str) -> Result<String, ServeError> {
    use std::io::Write as _;
    let file = folder.join("service-account.json");
    let failed = |source| ServeError::KeyFile { file: file.clone(), source };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let content = google_token::service_account_json(token_url);
    options.open(&file).and_then(|mut open| open.write_all(content.as_bytes())).map_err(failed)?;
    Ok(file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Pace;
    use crate::scenario::Scenario;
    use crate::world::World;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn clock() -> ScenarioClock {
        ScenarioClock::new(World::new(Scenario::generated("4.20.1".parse().unwrap(), 1)), Pace::Max)
    }

    fn options(ports: PortPlan, folder: &Path) -> ServeOptions {
        let text = |text: &str| text.to_owned();
        ServeOptions {
            ports,
            folder: folder.to_owned(),
            elliott: text("regatta elliott"),
            store: text("memory:"),
        }
    }

    async fn get(url: &str, path: &str) -> String {
        let mut socket = tokio::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_served_world_answers_on_loopback_and_tells_how_to_drive_it() {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock();
        let served = serve(&clock, &options(PortPlan::Free, folder.path())).await.unwrap();
        assert!(get(&served.urls["control"], "/effects").await.ends_with("{}"));
        assert!(get(&served.urls["clock"], "/now").await.contains("\"stepped\":true"));
        let elliott = "/elliott?group=openshift-4.20&assembly=4.20.1&build_system=konflux";
        assert!(get(&served.urls["control"], elliott).await.contains("OCPBUGS-"));
        assert_eq!(clock.world().requests()["control"], 2);

        assert_eq!(served.env["REGATTA_RELEASE_CONTROLLER_URL"], served.urls["release_controller"]);
        let key_file = std::fs::read_to_string(&served.env["GCP_SA_FILE"]).unwrap();
        assert!(key_file.contains(&format!("{}/token", served.urls["google_token"])));
        assert!(served.env.values().all(|value| !value.is_empty()));
    }

    #[tokio::test]
    async fn ports_follow_the_order_of_names_and_must_fit() {
        let folder = tempfile::tempdir().unwrap();
        let error = serve(&clock(), &options(PortPlan::Base(65_520), folder.path())).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "port base 65520 leaves no room for 23 services; choose one up to 65513"
        );
        assert_eq!((place("github"), place("gitlab"), place("model")), (0, 7, 22));
        let names: Vec<&str> = services(&clock()).into_iter().map(|(name, _)| name).collect();
        let mut sorted = names.clone();
        sorted.sort_by_key(|name| place(name));
        assert_eq!(names, sorted);
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        if usize::from(port) + NAMES.len() > usize::from(u16::MAX) {
            return;
        }
        let error =
            serve(&clock(), &options(PortPlan::Base(port), folder.path())).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot listen on 127.0.0.1:{port} for github: ")), "{error}");
    }
}
