//! One module a remote system, all over one [`transport::Transport`].
//!
//! Typed requests, typed errors, limits on every call. No decisions: a service says what is, the flow says what to do.

pub mod access;
pub mod clock;
mod conditional;
pub mod elliott;
pub mod errata;
pub mod error;
pub mod gangway;
pub mod github;
pub mod gitlab;
pub mod google_token;
pub mod http;
pub mod image;
pub mod jenkins;
pub mod jira;
pub mod prow;
pub mod pyxis;
pub mod raw;
pub mod registry;
pub mod release_controller;
pub mod remote;
#[cfg(any(test, feature = "scripted"))]
pub mod scripted;
pub mod settings;
pub mod sheets;
pub mod signature;
pub mod slack;
pub mod transport;
pub mod yaml;

use std::sync::Arc;
use url::Url;

use crate::google_token::Account;
use crate::remote::{Auth, Remote};
use crate::settings::{ServiceName, ServiceSettings};
use crate::transport::Transport;

/// The variable that names the Google service account's key file.
const GOOGLE_ACCOUNT: &str = "GCP_SA_FILE";

/// The clients of all remote systems, made from one set of settings.
#[derive(Debug)]
pub struct Services {
    /// Files on GitHub: StateBox, test results.
    pub github: github::Github,
    /// The release data.
    pub raw: raw::Raw,
    /// Promotion and digests.
    pub release_controller: release_controller::ReleaseController,
    /// Stage testing, image consistency.
    pub jenkins: jenkins::Jenkins,
    /// Starts Prow jobs.
    pub gangway: gangway::Gangway,
    /// States of Prow jobs.
    pub prow: prow::Prow,
    /// Shipment merge requests.
    pub gitlab: gitlab::GitLab,
    /// Tickets.
    pub jira: jira::Jira,
    /// Advisories.
    pub errata: errata::Errata,
    /// Notifications.
    pub slack: slack::Slack,
    /// The test report.
    pub sheets: sheets::Sheets,
    /// Signatures of release images.
    pub signature: signature::Signature,
    /// Release images.
    pub registry: registry::Registry,
    /// Health grades of images.
    pub pyxis: pyxis::Pyxis,
    /// Metadata pages.
    pub access: access::Access,
    /// CVE trackers; a program, not a server.
    pub elliott: elliott::Elliott,
}

impl Services {
    /// Clients of all services, over `transport`. A service without URL or credential fails when it is called.
    #[must_use]
    pub fn new(settings: &ServiceSettings, transport: Arc<dyn Transport>) -> Self {
        let remote = |service| remote(settings, service, &transport);
        let account = match (settings.credential(GOOGLE_ACCOUNT), settings.unusable(GOOGLE_ACCOUNT)) {
            (Some(key), _) => Account::Key(key.clone()),
            (None, Some(why)) => Account::Unusable(why),
            (None, None) => Account::Missing,
        };
        Self {
            github: github::Github::new(remote(ServiceName::Github)),
            raw: raw::Raw::new(remote(ServiceName::Raw)),
            release_controller: release_controller::ReleaseController::new(remote(
                ServiceName::ReleaseController,
            )),
            jenkins: jenkins::Jenkins::new(remote(ServiceName::Jenkins)),
            gangway: gangway::Gangway::new(remote(ServiceName::Gangway)),
            prow: prow::Prow::new(remote(ServiceName::Prow)),
            gitlab: gitlab::GitLab::new(remote(ServiceName::Gitlab)),
            jira: jira::Jira::new(remote(ServiceName::Jira)),
            errata: errata::Errata::new(remote(ServiceName::Errata)),
            slack: slack::Slack::new(remote(ServiceName::Slack)),
            sheets: sheets::Sheets::new(
                remote(ServiceName::Sheets),
                remote(ServiceName::GoogleToken),
                account,
            ),
            signature: signature::Signature::new(remote(ServiceName::Signature)),
            registry: registry::Registry::new(remote(ServiceName::Registry)),
            pyxis: pyxis::Pyxis::new(remote(ServiceName::Pyxis)),
            access: access::Access::new(remote(ServiceName::Access)),
            elliott: elliott::Elliott::new(
                settings.elliott().map(<[String]>::to_vec),
                settings.elliott_environment(),
            ),
        }
    }
}

/// The remote of one service, as the settings say.
#[must_use]
pub fn remote(settings: &ServiceSettings, service: ServiceName, transport: &Arc<dyn Transport>) -> Remote {
    let nowhere = || Url::parse("http://unset.invalid").expect("a valid URL");
    let auth = match settings.auth(service) {
        // Sheets' remotes carry tokens made per call; what they lack is told by the client that makes them.
        Auth::Missing { .. } if matches!(service, ServiceName::Sheets | ServiceName::GoogleToken) => {
            Auth::None
        }
        auth => auth,
    };
    let base = settings.url(service).cloned().unwrap_or_else(nowhere);
    let remote = Remote::new(service.name(), base, auth, Arc::clone(transport));
    if settings.lacks(service).is_some() { remote } else { remote.with_hint(service.credential_hint()) }
}
