//! `regatta doctor`: a line for each thing a drive depends on.

use clap::Args;
use regatta_services::http::HttpTransport;
use regatta_services::remote::{Auth, Remote};
use regatta_services::settings::ServiceName;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Globals;
use crate::failure::Failure;
use crate::output;
use crate::wiring;

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
    what: String,
    state: State,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    Missing,
    Bad,
}

/// How long a service may take to answer at all, real time.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The services that the ten tasks call.
const NEEDED: [ServiceName; 15] = [
    ServiceName::Github,
    ServiceName::Raw,
    ServiceName::ReleaseController,
    ServiceName::Jenkins,
    ServiceName::Gangway,
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

pub(crate) async fn run(globals: &Globals, args: &DoctorArgs) -> Result<u8, Failure> {
    let settings = wiring::settings(globals)?;
    let transport = Arc::new(HttpTransport::new().map_err(|e| Failure::Internal(e.to_string()))?);
    let mut checks = Vec::new();
    for service in NEEDED {
        let what = service.name().to_owned();
        if let Some(lacks) = settings.services.lacks(service) {
            checks.push(Check { what, state: State::Missing, detail: lacks });
            continue;
        }
        let Some(url) = settings.services.url(service).cloned() else { continue };
        if args.offline {
            checks.push(Check { what, state: State::Good, detail: format!("set: {url}") });
            continue;
        }
        // Any answer shows that the service is there; what it says to an anonymous look does not matter.
        let remote = Remote::new(service.name(), url.clone(), Auth::None, transport.clone());
        let answer = remote.get(&[]).time_limit(ANSWER_LIMIT).send_any().await;
        checks.push(match answer {
            Ok(_) => Check { what, state: State::Good, detail: format!("answers: {url}") },
            Err(error) => Check { what, state: State::Bad, detail: error.to_string() },
        });
    }
    checks.push(match wiring::app(globals).await {
        Ok(app) => {
            let known = app.releases().await.map(|r| r.len());
            app.clock.leave(None).await;
            match known {
                Ok(n) => Check {
                    what: "store".to_owned(),
                    state: State::Good,
                    detail: format!("{}: {n} releases", settings.store),
                },
                Err(error) => {
                    Check { what: "store".to_owned(), state: State::Bad, detail: error.to_string() }
                }
            }
        }
        Err(failure) => Check { what: "store".to_owned(), state: State::Bad, detail: failure.told() },
    });
    let state = |s| checks.iter().any(|c| c.state == s);
    let code = if state(State::Missing) {
        4
    } else if state(State::Bad) {
        7
    } else {
        0
    };
    let view = DoctorView { healthy: code == 0, checks };
    output::show(globals.output, "doctor", &view, || {
        let rows: Vec<Vec<String>> = view
            .checks
            .iter()
            .map(|c| {
                let word = match c.state {
                    State::Good => "✓ good",
                    State::Missing => "✗ missing",
                    State::Bad => "✗ bad",
                };
                vec![c.what.clone(), word.to_owned(), c.detail.clone()]
            })
            .collect();
        output::columns(&["WHAT", "STATE", "DETAIL"], &rows)
    })?;
    Ok(code)
}
