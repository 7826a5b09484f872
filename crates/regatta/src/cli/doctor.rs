//! `regatta doctor`: a line for each thing a drive depends on.

use clap::Args;
use regatta_services::http::HttpTransport;
use regatta_services::remote::{Auth, Remote};
use regatta_services::settings::{ELLIOTT_VARIABLE, ServiceName, ServiceSettings};
use serde::Serialize;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Globals;
use crate::failure::Failure;
use crate::output;
use crate::settings::Settings;
use crate::wiring::{self, CALLED_BY_TASKS};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Check settings and credentials only; make no connection
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Serialize)]
struct DoctorView {
    healthy: bool,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    what: &'static str,
    state: State,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    /// A credential or an address that a drive needs is not set.
    Missing,
    /// A credential that is set cannot be used.
    #[serde(rename = "bad")]
    Unusable,
    /// Something does not answer, or is not there.
    #[serde(rename = "bad")]
    Absent,
}

impl State {
    const fn exit_code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Missing | Self::Unusable => 4,
            Self::Absent => 7,
        }
    }
}

/// How long a service may take to answer at all, real time.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The program that answers for the CVE trackers, unless another is set.
const ELLIOTT: &str = "elliott";

pub(crate) async fn run(globals: &Globals, args: &DoctorArgs) -> Result<u8, Failure> {
    let settings = wiring::settings(globals)?;
    let transport = Arc::new(HttpTransport::new().map_err(|e| Failure::Internal(e.to_string()))?);
    let mut checks = Vec::new();
    for service in CALLED_BY_TASKS {
        let lacking = match service {
            ServiceName::Sheets | ServiceName::GoogleToken => no_sheet(&settings, service),
            _ => unset(&settings.services, service),
        };
        checks.push(match lacking {
            Some(check) => check,
            None => answers(&settings.services, service, &transport, args).await,
        });
    }
    checks.push(elliott(settings.services.elliott(), std::env::var_os("PATH").as_deref()));
    checks.push(store(globals, &settings.store).await);
    let code = checks.iter().map(|c| c.state.exit_code()).filter(|code| *code > 0).min().unwrap_or(0);
    let view = DoctorView { healthy: code == 0, checks };
    output::show(globals.output, "doctor", &view, || {
        let rows: Vec<Vec<String>> = view
            .checks
            .iter()
            .map(|c| {
                let word = match c.state {
                    State::Good => "✓ good",
                    State::Missing => "✗ missing",
                    State::Unusable | State::Absent => "✗ bad",
                };
                vec![c.what.to_owned(), word.to_owned(), c.detail.clone()]
            })
            .collect();
        output::columns(&["WHAT", "STATE", "DETAIL"], &rows)
    })?;
    Ok(code)
}

/// What the settings lack for a service.
fn unset(settings: &ServiceSettings, service: ServiceName) -> Option<Check> {
    let detail = settings.lacks(service)?;
    let unusable = service.credentials().iter().any(|c| detail.starts_with(&format!("{}: ", c.variable)));
    let state = if unusable { State::Unusable } else { State::Missing };
    Some(Check { what: service.name(), state, detail })
}

/// As [`unset`], for the Sheet: that there is none is in order.
fn no_sheet(settings: &Settings, service: ServiceName) -> Option<Check> {
    let none = |why: &str| Check {
        what: service.name(),
        state: State::Good,
        detail: format!("{why}: releases have no Sheet"),
    };
    let tasks = &settings.tasks;
    let has_book = tasks.report_spreadsheet.is_some() || !tasks.report_spreadsheets.is_empty();
    match unset(&settings.services, service) {
        Some(check) if check.state == State::Unusable => Some(check),
        _ if !has_book => Some(none("not set")),
        Some(_) => Some(none("a spreadsheet is set, but no service account (GCP_SA_FILE)")),
        None => None,
    }
}

/// Any answer shows that the service is there; what it says to an anonymous look does not matter.
async fn answers(
    settings: &ServiceSettings,
    service: ServiceName,
    transport: &Arc<HttpTransport>,
    args: &DoctorArgs,
) -> Check {
    let what = service.name();
    let Some(url) = settings.url(service).cloned() else {
        return Check { what, state: State::Missing, detail: format!("set {}", service.url_variable()) };
    };
    if args.offline {
        return Check { what, state: State::Good, detail: format!("set: {url}") };
    }
    let remote = Remote::new(what, url.clone(), Auth::None, Arc::clone(transport) as _);
    match remote.get(&[]).time_limit(ANSWER_LIMIT).send_any().await {
        Ok(_) => Check { what, state: State::Good, detail: format!("answers: {url}") },
        Err(error) => Check { what, state: State::Absent, detail: error.to_string() },
    }
}

/// Whether the program can be found; it is not started.
fn elliott(command: Option<&[String]>, path: Option<&OsStr>) -> Check {
    let name = command.and_then(|words| words.first()).map_or(ELLIOTT, String::as_str);
    let found = if name.contains('/') {
        Some(PathBuf::from(name)).filter(|file| is_program(file))
    } else {
        path.into_iter()
            .flat_map(std::env::split_paths)
            .map(|folder| folder.join(name))
            .find(|file| is_program(file))
    };
    let what = ELLIOTT;
    match found {
        Some(file) => Check { what, state: State::Good, detail: format!("found: {}", file.display()) },
        None if command.is_some() => Check {
            what,
            state: State::Absent,
            detail: format!("{ELLIOTT_VARIABLE} names {name:?}, which is no program"),
        },
        None => Check {
            what,
            state: State::Absent,
            detail: format!(
                "no program of this name on PATH: install it, or set {ELLIOTT_VARIABLE} to its command \
                 (check-cve-tracker-bug asks it)"
            ),
        },
    }
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

async fn store(globals: &Globals, place: &str) -> Check {
    let what = "store";
    let known = match wiring::app(globals).await {
        Ok(app) => {
            let known = app.releases().await.map(|releases| releases.len());
            app.clock.leave(None).await;
            known.map_err(Failure::from)
        }
        Err(failure) => Err(failure),
    };
    match known {
        Ok(1) => Check { what, state: State::Good, detail: format!("{place}: 1 release") },
        Ok(n) => Check { what, state: State::Good, detail: format!("{place}: {n} releases") },
        Err(failure) => Check { what, state: State::Absent, detail: failure.told() },
    }
}
