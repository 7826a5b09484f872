//! Where the remote systems are and how to prove who calls: names, base URLs, credentials.
//!
//! Settings are read through a look-up of environment variables and a map from the settings file, so that tests and
//! the sandbox supply their own. A credential that is missing is no error here: only the service that needs it says so,
//! when it is called, with the words of [`ServiceName::credential_hint`].

use regatta_kit::Secret;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use url::Url;

use crate::remote::Auth;

/// One static description a service; the macro keeps enum and table together.
macro_rules! services {
    ($($variant:ident = $name:literal, $variable:literal, $default:expr, $what:literal;)*) => {
        /// The remote systems, in the order in which they are listed and get their ports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ServiceName {
            $(#[doc = $what] $variant,)*
        }

        impl ServiceName {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in settings: `release_controller`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The environment variable that holds its base URL: `REGATTA_RELEASE_CONTROLLER_URL`.
            #[must_use]
            pub const fn url_variable(self) -> &'static str {
                match self { $(Self::$variant => $variable,)* }
            }

            /// Its base URL in production; `None` where it exists only if somebody names one.
            #[must_use]
            pub const fn default_url(self) -> Option<&'static str> {
                match self { $(Self::$variant => $default,)* }
            }

            /// What it is for, in a few words.
            #[must_use]
            pub const fn purpose(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }
        }
    };
}

services! {
    Github = "github", "REGATTA_GITHUB_URL", Some("https://api.github.com"), "GitHub's API: StateBox files, test results";
    Raw = "raw", "REGATTA_RAW_URL", Some("https://raw.githubusercontent.com"), "raw files of GitHub: the release data";
    ReleaseController = "release_controller", "REGATTA_RELEASE_CONTROLLER_URL", Some("https://amd64.ocp.releases.ci.openshift.org"), "the release controller: promotion, digests";
    Jenkins = "jenkins", "REGATTA_JENKINS_URL", None, "Jenkins: stage testing, image consistency";
    Gangway = "gangway", "REGATTA_GANGWAY_URL", Some("https://gangway-ci.apps.ci.l2s4.p1.openshiftapps.com"), "Gangway: starts Prow jobs";
    Prow = "prow", "REGATTA_PROW_URL", Some("https://prow.ci.openshift.org"), "Prow: states of jobs";
    Gcs = "gcs", "REGATTA_GCS_URL", Some("https://storage.googleapis.com"), "Google Cloud Storage: artifacts of test runs";
    Gitlab = "gitlab", "REGATTA_GITLAB_URL", Some("https://gitlab.cee.redhat.com"), "GitLab: shipment merge requests";
    Jira = "jira", "REGATTA_JIRA_URL", Some("https://redhat.atlassian.net"), "Jira: ART tickets, sub-tasks, bugs";
    Errata = "errata", "REGATTA_ERRATA_URL", Some("https://errata.devel.redhat.com"), "the Errata Tool: advisories, pushes";
    Brew = "brew", "REGATTA_BREW_URL", Some("https://brewhub.engineering.redhat.com"), "Brew: builds and tags";
    Slack = "slack", "REGATTA_SLACK_URL", Some("https://slack.com"), "Slack: notifications";
    Sheets = "sheets", "REGATTA_SHEETS_URL", Some("https://sheets.googleapis.com"), "Google Sheets: the test report";
    GoogleToken = "google_token", "REGATTA_GOOGLE_TOKEN_URL", Some("https://oauth2.googleapis.com"), "Google's token endpoint";
    Signature = "signature", "REGATTA_SIGNATURE_URL", Some("https://mirror.openshift.com"), "the signature mirror";
    Registry = "registry", "REGATTA_REGISTRY_URL", Some("https://quay.io"), "the image registry: release images";
    Pyxis = "pyxis", "REGATTA_PYXIS_URL", Some("https://catalog.stage.redhat.com"), "the container catalog: image health grades";
    Ldap = "ldap", "REGATTA_LDAP_URL", Some("ldaps://ldap.corp.redhat.com"), "LDAP: managers and groups";
    Kube = "kube", "REGATTA_KUBE_URL", None, "the release cluster: QE acceptance labels";
    Access = "access", "REGATTA_ACCESS_URL", Some("https://access.redhat.com"), "metadata pages of releases";
    Clock = "clock", "REGATTA_CLOCK_URL", None, "the scenario clock of a sandbox";
    Control = "control", "REGATTA_CONTROL_URL", None, "the control service of a sandbox";
    Model = "model", "REGATTA_MODEL_URL", None, "a language model, OpenAI-compatible";
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ServiceName {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        Self::ALL.iter().copied().find(|s| s.name() == text).ok_or_else(|| SettingsError {
            place: format!("[services.{}]", text.chars().take(40).collect::<String>()),
            why: "is no service Regatta knows".to_owned(),
            mend: format!(
                "write one of {}",
                Self::ALL.iter().map(|s| s.name()).collect::<Vec<_>>().join(", ")
            ),
        })
    }
}

/// A variable that holds a credential, and how a person gets its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialVariable {
    /// The environment variable.
    pub variable: &'static str,
    /// What it holds and how to get it, for people.
    pub how: &'static str,
}

impl ServiceName {
    /// The variables that hold its credentials; empty for services that ask for none. The names are those that the
    /// team's tools use today.
    #[must_use]
    pub const fn credentials(self) -> &'static [CredentialVariable] {
        const fn v(variable: &'static str, how: &'static str) -> CredentialVariable {
            CredentialVariable { variable, how }
        }
        match self {
            Self::Github => {
                &const {
                    [v(
                        "GITHUB_TOKEN",
                        "a GitHub token with `contents: write` on openshift/release-tests; github.com, Settings, Developer settings",
                    )]
                }
            }
            Self::Jenkins => {
                &const {
                    [
                        v("JENKINS_USER", "your user name at the QE Jenkins"),
                        v("JENKINS_TOKEN", "an API token; Jenkins, your user, Security, Add new token"),
                    ]
                }
            }
            Self::Gangway => {
                &const {
                    [v(
                        "APITOKEN",
                        "a token of the CI app cluster; log in at its console, Copy login command",
                    )]
                }
            }
            Self::Gcs => {
                &const {
                    [v(
                        "GCS_CRED_FILE",
                        "path of a service account's JSON key that may read bucket qe-private-deck",
                    )]
                }
            }
            Self::Gitlab => {
                &const {
                    [v("GITLAB_TOKEN", "a GitLab token with scope `api`; GitLab, Preferences, Access tokens")]
                }
            }
            Self::Jira => {
                &const {
                    [
                        v("JIRA_TOKEN", "a Jira API token; id.atlassian.com, Security, API tokens"),
                        v(
                            "JIRA_USERNAME",
                            "the e-mail of the Jira account; leave it out for a Jira Server token",
                        ),
                    ]
                }
            }
            Self::Errata | Self::Brew => {
                &const {
                    [v(
                        "REGATTA_ERRATA_NEGOTIATE",
                        "the token of a Negotiate header, made from a valid Kerberos ticket (`kinit`)",
                    )]
                }
            }
            Self::Slack => {
                &const {
                    [v(
                        "SLACK_BOT_TOKEN",
                        "the bot token (xoxb-…) of the Slack app; api.slack.com, your app, OAuth",
                    )]
                }
            }
            Self::Sheets | Self::GoogleToken => {
                &const {
                    [v(
                        "GCP_SA_FILE",
                        "path of a service account's JSON key; share the spreadsheets with its e-mail",
                    )]
                }
            }
            Self::Model => &const { [v("MODEL_API_KEY", "the key of the model's API")] },
            Self::Raw
            | Self::ReleaseController
            | Self::Prow
            | Self::Signature
            | Self::Registry
            | Self::Pyxis
            | Self::Ldap
            | Self::Kube
            | Self::Access
            | Self::Clock
            | Self::Control => &[],
        }
    }

    /// One sentence on what to set for this service, shown when it refuses or misses a credential.
    #[must_use]
    pub fn credential_hint(self) -> String {
        let variables: Vec<String> =
            self.credentials().iter().map(|c| format!("{} ({})", c.variable, c.how)).collect();
        if variables.is_empty() {
            format!("{self} asks for no credential; check {}", self.url_variable())
        } else {
            format!("set {}", variables.join(" and "))
        }
    }
}

/// A setting that could not be understood: where it stands, what is wrong, how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}; {mend}")]
pub struct SettingsError {
    /// The variable or key: `REGATTA_JIRA_URL`, `[services.jira] url`.
    pub place: String,
    /// What is wrong.
    pub why: String,
    /// What a right one looks like.
    pub mend: String,
}

/// Where a base URL comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Production's, built in.
    Default,
    /// `[services.NAME] url` of the settings file.
    File,
    /// `REGATTA_<NAME>_URL`.
    Environment,
}

/// Base URLs and credentials of all services.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    urls: BTreeMap<ServiceName, (Url, Origin)>,
    credentials: BTreeMap<&'static str, Secret>,
    /// Why a credential that is set cannot be used, by variable: a file that cannot be read.
    unusable: BTreeMap<&'static str, String>,
    elliott: Option<Vec<String>>,
    jira_email: Option<Secret>,
}

/// The variable that names the elliott command, words separated by spaces.
pub const ELLIOTT_VARIABLE: &str = "REGATTA_ELLIOTT";

/// Files that hold a credential are small; larger ones are something else.
const CREDENTIAL_FILE_LIMIT: u64 = 64 * 1024;

impl ServiceSettings {
    /// Reads the settings: `lookup` gives environment variables, `file` the URLs of `[services.NAME] url` by NAME.
    /// The environment wins. Empty values count as missing.
    ///
    /// # Errors
    /// For a URL that is none, or a service that is unknown, naming the place.
    pub fn read(
        lookup: impl Fn(&str) -> Option<String>,
        file: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let lookup = |variable: &str| lookup(variable).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let mut urls = BTreeMap::new();
        for service in ServiceName::ALL {
            if let Some(default) = service.default_url() {
                urls.insert(
                    *service,
                    (Url::parse(default).expect("built-in URLs are valid"), Origin::Default),
                );
            }
        }
        for (name, text) in file {
            let service: ServiceName = name.parse()?;
            urls.insert(service, (base_url(service, &format!("[services.{name}] url"), text)?, Origin::File));
        }
        for service in ServiceName::ALL {
            let variable = service.url_variable();
            if let Some(text) = lookup(variable) {
                urls.insert(*service, (base_url(*service, variable, &text)?, Origin::Environment));
            }
        }
        let mut credentials = BTreeMap::new();
        let mut unusable = BTreeMap::new();
        for CredentialVariable { variable, .. } in ServiceName::ALL.iter().flat_map(|s| s.credentials()) {
            let Some(value) = lookup(variable) else { continue };
            if variable.ends_with("_FILE") {
                match read_credential_file(&value) {
                    Ok(text) => drop(credentials.insert(*variable, Secret::new(text))),
                    Err(why) => drop(unusable.insert(*variable, why)),
                }
            } else {
                credentials.insert(*variable, Secret::new(value));
            }
        }
        let elliott =
            lookup(ELLIOTT_VARIABLE).map(|words| words.split_whitespace().map(str::to_owned).collect());
        let jira_email = lookup("JIRA_EMAIL").map(Secret::new);
        Ok(Self { urls, credentials, unusable, elliott, jira_email })
    }

    /// A service's base URL; `None` where no default exists and none was named.
    #[must_use]
    pub fn url(&self, service: ServiceName) -> Option<&Url> {
        self.urls.get(&service).map(|(url, _)| url)
    }

    /// Where a service's base URL comes from.
    #[must_use]
    pub fn origin(&self, service: ServiceName) -> Option<Origin> {
        self.urls.get(&service).map(|(_, origin)| *origin)
    }

    /// A credential by its variable; for one that is a file, the file's text.
    #[must_use]
    pub fn credential(&self, variable: &str) -> Option<&Secret> {
        self.credentials.get(variable)
    }

    /// Why a credential that is set cannot be used, naming its variable; `None` when it can, or is not set.
    #[must_use]
    pub fn unusable(&self, variable: &str) -> Option<String> {
        self.unusable.get_key_value(variable).map(|(variable, why)| format!("{variable}: {why}"))
    }

    /// Why the service cannot be called with what is set; `None` when it can.
    #[must_use]
    pub fn lacks(&self, service: ServiceName) -> Option<String> {
        if self.url(service).is_none() {
            return Some(format!(
                "set {} or [services.{service}] url to its base URL",
                service.url_variable()
            ));
        }
        if let Some(why) = service.credentials().iter().find_map(|c| self.unusable(c.variable)) {
            return Some(why);
        }
        // A user name alone is optional with a Jira Server token.
        let missing =
            |c: &CredentialVariable| c.variable != "JIRA_USERNAME" && self.credential(c.variable).is_none();
        service.credentials().iter().any(missing).then(|| service.credential_hint())
    }

    /// How calls to the service prove who calls.
    #[must_use]
    pub fn auth(&self, service: ServiceName) -> Auth {
        if let Some(hint) = self.lacks(service) {
            return Auth::Missing { hint };
        }
        let secret = |variable: &str| self.credential(variable).cloned().unwrap_or_else(|| Secret::new(""));
        match service {
            ServiceName::Github => Auth::Bearer(secret("GITHUB_TOKEN")),
            ServiceName::Jenkins => {
                Auth::Basic(secret("JENKINS_USER").reveal().to_owned(), secret("JENKINS_TOKEN"))
            }
            ServiceName::Gangway => Auth::Bearer(secret("APITOKEN")),
            ServiceName::Gitlab => Auth::Header("private-token", secret("GITLAB_TOKEN")),
            ServiceName::Jira => match self.credential("JIRA_USERNAME") {
                Some(user) => Auth::Basic(user.reveal().to_owned(), secret("JIRA_TOKEN")),
                None => Auth::Bearer(secret("JIRA_TOKEN")),
            },
            ServiceName::Errata | ServiceName::Brew => {
                let token = secret("REGATTA_ERRATA_NEGOTIATE");
                Auth::Header("authorization", Secret::new(format!("Negotiate {}", token.reveal())))
            }
            ServiceName::Slack => Auth::Bearer(secret("SLACK_BOT_TOKEN")),
            ServiceName::Model => Auth::Bearer(secret("MODEL_API_KEY")),
            // Sheets gets a short-lived token made from the service account; the rest asks for nothing.
            _ => Auth::None,
        }
    }

    /// The elliott command, where one is set.
    #[must_use]
    pub fn elliott(&self) -> Option<&[String]> {
        self.elliott.as_deref()
    }

    /// The variables elliott needs in its environment. Without `JIRA_EMAIL` it silently finds nothing, so that defaults to
    /// the Jira user.
    #[must_use]
    pub fn elliott_environment(&self) -> Vec<(String, Secret)> {
        let user = self.credential("JIRA_USERNAME");
        let variables = [
            ("JIRA_TOKEN", self.credential("JIRA_TOKEN")),
            ("JIRA_USERNAME", user),
            ("JIRA_EMAIL", self.jira_email.as_ref().or(user)),
        ];
        variables.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.clone()))).collect()
    }

    /// Whether these settings point at an imitated world: then a scenario clock is named.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        self.urls.contains_key(&ServiceName::Clock)
    }
}

fn base_url(service: ServiceName, place: &str, text: &str) -> Result<Url, SettingsError> {
    let fail = |why: String| SettingsError {
        place: place.to_owned(),
        why: format!("{:?} {why}", text.chars().take(80).collect::<String>()),
        mend: format!(
            "write a base URL such as {}",
            service.default_url().unwrap_or("https://host.example.com")
        ),
    };
    // Before anything is said of the text: what stands before an `@` may be a credential, in a URL or in what was meant as one.
    if text.contains('@') {
        return Err(SettingsError {
            place: place.to_owned(),
            why: "holds a user name or password".to_owned(),
            mend: format!(
                "leave it out; credentials come from the environment: {}",
                service.credential_hint()
            ),
        });
    }
    let url = Url::parse(text).map_err(|error| fail(format!("is no URL ({error})")))?;
    let schemes: &[&str] = match service {
        ServiceName::Ldap => &["ldap", "ldaps"],
        ServiceName::Clock => &["http", "https", "ws", "wss"],
        _ => &["http", "https"],
    };
    if !schemes.contains(&url.scheme()) {
        return Err(fail(format!("does not start with {}://", schemes.join(":// or "))));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(fail("names no host".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(fail("has a query or fragment".to_owned()));
    }
    Ok(url)
}

fn read_credential_file(path: &str) -> Result<String, String> {
    use std::io::Read as _;
    let shown: String = path.chars().take(120).collect();
    let file = std::fs::File::open(path).map_err(|error| format!("cannot read {shown:?}: {error}"))?;
    let mut text = String::new();
    file.take(CREDENTIAL_FILE_LIMIT + 1)
        .read_to_string(&mut text)
        .map_err(|error| format!("cannot read {shown:?}: {error}"))?;
    if text.len() as u64 > CREDENTIAL_FILE_LIMIT {
        return Err(format!("{shown:?} is too large for a credential"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], file: &[(&str, &str)]) -> Result<ServiceSettings, SettingsError> {
        let file = file.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        ServiceSettings::read(
            |name| variables.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned()),
            &file,
        )
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let settings = read(
            &[("REGATTA_JIRA_URL", "http://127.0.0.1:9")],
            &[("jira", "http://a.example"), ("raw", "http://b.example")],
        )
        .unwrap();
        let shown = |service| (settings.url(service).unwrap().as_str(), settings.origin(service).unwrap());
        assert_eq!(shown(ServiceName::Jira), ("http://127.0.0.1:9/", Origin::Environment));
        assert_eq!(shown(ServiceName::Raw), ("http://b.example/", Origin::File));
        assert_eq!(shown(ServiceName::Github), ("https://api.github.com/", Origin::Default));
        assert!(settings.url(ServiceName::Jenkins).is_none());
    }

    #[test]
    fn a_bad_url_names_variable_and_mend_and_hides_passwords() {
        let said = |value: &str| read(&[("REGATTA_JIRA_URL", value)], &[]).unwrap_err().to_string();
        assert_eq!(
            said("jira.example"),
            "REGATTA_JIRA_URL: \"jira.example\" is no URL (relative URL without a base); write a base URL such as https://redhat.atlassian.net"
        );
        assert!(said("ftp://jira.example").contains("does not start with http:// or https://"));
        assert!(said("http://jira.example/?a=b").contains("has a query"));
        for mistyped in ["http:", "htp:", "", "https://x:https:"] {
            let said = said(&format!("{mistyped}//me:hunter2@jira.example/?a=b"));
            assert!(said.contains("holds a user name or password") && !said.contains("hunter2"), "{said}");
        }
        assert!(
            read(&[], &[("jra", "http://x.example")])
                .unwrap_err()
                .to_string()
                .starts_with("[services.jra]: is no service")
        );
    }

    #[test]
    fn a_missing_credential_tells_what_to_set() {
        let settings = read(
            &[("JENKINS_USER", "me"), ("REGATTA_JENKINS_URL", "http://127.0.0.1:1"), ("JENKINS_TOKEN", " ")],
            &[],
        )
        .unwrap();
        assert!(settings.lacks(ServiceName::Jenkins).unwrap().contains("JENKINS_TOKEN (an API token"));
        assert!(matches!(settings.auth(ServiceName::Jenkins), Auth::Missing { .. }));
        assert_eq!(settings.lacks(ServiceName::Raw), None);
        assert!(settings.lacks(ServiceName::Kube).unwrap().contains("REGATTA_KUBE_URL"));
    }

    #[test]
    fn an_unreadable_key_file_is_told_when_it_is_needed() {
        let settings = read(&[("GCP_SA_FILE", "/nonexistent/key.json")], &[]).unwrap();
        assert!(
            settings
                .lacks(ServiceName::Sheets)
                .unwrap()
                .starts_with("GCP_SA_FILE: cannot read \"/nonexistent/key.json\"")
        );
    }

    #[test]
    fn jira_takes_either_kind_of_token() {
        let server = read(&[("JIRA_TOKEN", "t")], &[]).unwrap();
        assert!(matches!(server.auth(ServiceName::Jira), Auth::Bearer(_)));
        let cloud = read(&[("JIRA_TOKEN", "t"), ("JIRA_USERNAME", "me@example.com")], &[]).unwrap();
        assert!(matches!(cloud.auth(ServiceName::Jira), Auth::Basic(..)));
    }

    #[test]
    fn names_variables_and_settings_agree() {
        for service in ServiceName::ALL {
            assert_eq!(service.url_variable(), format!("REGATTA_{}_URL", service.name().to_uppercase()));
            assert_eq!(service.name().parse::<ServiceName>().unwrap(), *service);
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let settings = read(&[("GITHUB_TOKEN", "hunter2")], &[]).unwrap();
        assert!(!format!("{settings:?} {:?}", settings.auth(ServiceName::Github)).contains("hunter2"));
    }
}
