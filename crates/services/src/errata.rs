//! The Errata Tool: advisories, their owner and state, pushes to CDN staging, security alerts.
//!
//! Every write names the one field it changes. The tool's own web client sends the whole text of an advisory with each
//! change, which loses what somebody else wrote meanwhile.

use serde::Deserialize;
use std::fmt;

use crate::error::{Fault, ServiceError};
use crate::remote::Remote;

/// The Errata Tool.
#[derive(Debug, Clone)]
pub struct Errata {
    remote: Remote,
}

/// What an advisory is about, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AdvisoryKind {
    /// Security: only these have alerts and CVE trackers.
    Rhsa,
    /// Bug fix.
    Rhba,
    /// Enhancement.
    Rhea,
}

impl AdvisoryKind {
    /// The prefix of its public name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rhsa => "RHSA",
            Self::Rhba => "RHBA",
            Self::Rhea => "RHEA",
        }
    }
}

/// Where an advisory stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AdvisoryState {
    /// `NEW_FILES`: still being filled by ART.
    NewFiles,
    /// `QE`: QE's turn.
    Qe,
    /// `REL_PREP`: approved by QE.
    RelPrep,
    /// `PUSH_READY`
    PushReady,
    /// `IN_PUSH`
    InPush,
    /// `SHIPPED_LIVE`
    ShippedLive,
    /// `DROPPED_NO_SHIP`: will never ship; every task leaves it out.
    Dropped,
    /// A state this program does not know.
    Other(String),
}

impl AdvisoryState {
    fn from_word(word: &str) -> Self {
        match word {
            "NEW_FILES" => Self::NewFiles,
            "QE" => Self::Qe,
            "REL_PREP" => Self::RelPrep,
            "PUSH_READY" => Self::PushReady,
            "IN_PUSH" => Self::InPush,
            "SHIPPED_LIVE" => Self::ShippedLive,
            "DROPPED_NO_SHIP" => Self::Dropped,
            other => Self::Other(regatta_kit::OutsideText::line(other, 40).to_string()),
        }
    }

    /// The tool's word.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::NewFiles => "NEW_FILES",
            Self::Qe => "QE",
            Self::RelPrep => "REL_PREP",
            Self::PushReady => "PUSH_READY",
            Self::InPush => "IN_PUSH",
            Self::ShippedLive => "SHIPPED_LIVE",
            Self::Dropped => "DROPPED_NO_SHIP",
            Self::Other(word) => word,
        }
    }

    /// Whether QE's approval is given: `REL_PREP` or any state after it.
    #[must_use]
    pub const fn is_approved(&self) -> bool {
        matches!(self, Self::RelPrep | Self::PushReady | Self::InPush | Self::ShippedLive)
    }
}

impl fmt::Display for AdvisoryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// An advisory, as far as QE is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advisory {
    /// Its number in the tool.
    pub id: u64,
    /// Its type.
    pub kind: AdvisoryKind,
    /// Where it stands.
    pub state: AdvisoryState,
    /// Its public name, `RHSA-2026:12345-02`; empty before one is given.
    pub name: String,
    /// Its title.
    pub synopsis: String,
    /// Advisories that have to ship before it.
    pub blocking_advisories: Vec<u64>,
    /// Keys of the Jira issues it fixes.
    pub jira_issues: Vec<String>,
}

/// What came of setting an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerSet {
    /// It already was the owner; nothing was sent.
    Already,
    /// It is the owner now.
    Changed,
}

/// One push of an advisory to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushJob {
    /// Rises with every job.
    pub id: u64,
    /// Where it stands.
    pub status: PushStatus,
    /// Where to: `cdn_stage`, `cdn_docker_stage`, …
    pub target: String,
}

/// Where a push job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushStatus {
    /// `COMPLETE`
    Complete,
    /// `FAILED`
    Failed,
    /// On its way: `READY`, `QUEUED`, `RUNNING`, `WAITING_ON_PUB`, or a word this program does not know.
    Underway(String),
}

/// Security alerts of an RHSA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityAlerts {
    /// Whether they block the advisory.
    pub blocking: bool,
    /// The alerts that block by themselves, one line each.
    pub blockers: Vec<String>,
}

impl Errata {
    /// A client.
    #[must_use]
    pub const fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// Where a person looks at an advisory.
    #[must_use]
    pub fn link(&self, id: u64) -> String {
        self.remote.link(&["advisory", &id.to_string()])
    }

    /// Reads an advisory.
    ///
    /// # Errors
    /// As every call; an advisory of an unknown type is a bad answer.
    pub async fn advisory(&self, id: u64) -> Result<Advisory, ServiceError> {
        let answer = self.remote.get(&["api", "v1", "erratum", &id.to_string()]).send().await?;
        let wire: wire::Erratum = answer.json()?;
        let (kind, errata) = match wire.errata {
            wire::Typed { rhsa: Some(errata), .. } => (AdvisoryKind::Rhsa, errata),
            wire::Typed { rhba: Some(errata), .. } => (AdvisoryKind::Rhba, errata),
            wire::Typed { rhea: Some(errata), .. } => (AdvisoryKind::Rhea, errata),
            _ => return Err(answer.bad("an advisory that is none of RHSA, RHBA, RHEA")),
        };
        if errata.id != id {
            return Err(answer.bad(format!("advisory {} in place of {id}", errata.id)));
        }
        Ok(Advisory {
            id,
            kind,
            state: AdvisoryState::from_word(&errata.status),
            name: errata.fulladvisory.unwrap_or_default(),
            synopsis: errata.synopsis.unwrap_or_default(),
            blocking_advisories: errata.blocking_advisories.unwrap_or_default(),
            jira_issues: wire
                .jira_issues
                .unwrap_or_default()
                .jira_issues
                .into_iter()
                .map(|issue| issue.jira_issue.key)
                .collect(),
        })
    }

    /// The e-mail of the QA owner, where there is one.
    ///
    /// # Errors
    /// As every call.
    pub async fn owner(&self, id: u64) -> Result<Option<String>, ServiceError> {
        let answer = self.remote.get(&["advisory", &format!("{id}.json")]).send().await?;
        let wire: wire::AdvisoryPage = answer.json()?;
        Ok(wire.people.and_then(|people| people.assigned_to).filter(|owner| !owner.is_empty()))
    }

    /// Makes `email` the QA owner. Looks first and afterwards; only the owner is sent.
    ///
    /// # Errors
    /// As every call; an owner that did not change although the tool said so is a bad answer.
    pub async fn set_owner(&self, id: u64, email: &str) -> Result<OwnerSet, ServiceError> {
        let is_owner = |owner: Option<String>| owner.is_some_and(|owner| owner.eq_ignore_ascii_case(email));
        if is_owner(self.owner(id).await?) {
            return Ok(OwnerSet::Already);
        }
        let answer = self
            .remote
            .put(&["api", "v1", "erratum", &id.to_string()])
            .form(&[("advisory[assigned_to_email]", email)])
            .send()
            .await
            .map_err(told_reason)?;
        if is_owner(self.owner(id).await?) {
            Ok(OwnerSet::Changed)
        } else {
            Err(answer.bad("the owner stayed as it was"))
        }
    }

    /// All push jobs of an advisory, oldest first.
    ///
    /// # Errors
    /// As every call.
    pub async fn push_jobs(&self, id: u64) -> Result<Vec<PushJob>, ServiceError> {
        let answer = self.remote.get(&["api", "v1", "erratum", &id.to_string(), "push"]).send().await?;
        Ok(push_jobs(answer.json()?))
    }

    /// Pushes an advisory to the staging targets; gives the jobs created.
    ///
    /// # Errors
    /// As every call; no job created is a bad answer.
    pub async fn push_stage(&self, id: u64) -> Result<Vec<PushJob>, ServiceError> {
        let call = self
            .remote
            .post(&["api", "v1", "erratum", &id.to_string(), "push"])
            .query(&[("defaults", "stage")]);
        let answer = call.send().await.map_err(told_reason)?;
        let jobs = push_jobs(answer.json()?);
        if jobs.is_empty() { Err(answer.bad("no push job was created")) } else { Ok(jobs) }
    }

    /// Moves an advisory to another state.
    ///
    /// # Errors
    /// As every call; a transition the tool does not allow is refused with its reason.
    pub async fn change_state(&self, id: u64, state: &AdvisoryState) -> Result<(), ServiceError> {
        let call = self.remote.post(&["api", "v1", "erratum", &id.to_string(), "change_state"]);
        call.form(&[("new_state", state.word())]).send().await.map_err(told_reason)?;
        Ok(())
    }

    /// Reads the security alerts of an RHSA.
    ///
    /// # Errors
    /// As every call.
    pub async fn security_alerts(&self, id: u64) -> Result<SecurityAlerts, ServiceError> {
        let answer =
            self.remote.get(&["api", "v1", "erratum", &id.to_string(), "security_alerts"]).send().await?;
        let alerts = answer.json::<wire::Alerts>()?.alerts;
        let blockers = alerts.alerts.iter().filter(|alert| alert.blocking);
        Ok(SecurityAlerts { blocking: alerts.blocking, blockers: blockers.map(wire::Alert::line).collect() })
    }

    /// Has the tool look for security alerts anew.
    ///
    /// # Errors
    /// As every call; some advisories are known to be refused (400).
    pub async fn refresh_security_alerts(&self, id: u64) -> Result<(), ServiceError> {
        let id = id.to_string();
        self.remote
            .post(&["api", "v1", "erratum", &id, "security_alerts", "refresh"])
            .send()
            .await
            .map_err(told_reason)?;
        Ok(())
    }
}

/// Puts the tool's own reason, `error` or `errors {field: [text]}`, in place of its raw JSON.
fn told_reason(mut error: ServiceError) -> ServiceError {
    if let Fault::Refused { said, .. } = &mut error.fault
        && let Some(reason) = reason(said.as_str())
    {
        *said = regatta_kit::OutsideText::line(&reason, 300);
    }
    error
}

fn reason(body: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    if let Some(error) = value.get("error").and_then(serde_json::Value::as_str) {
        return Some(error.to_owned());
    }
    let fields = value.get("errors")?.as_object()?;
    let lines = fields.iter().map(|(field, texts)| {
        let texts: Vec<_> =
            texts.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
        format!("{field}: {}", texts.join(", "))
    });
    Some(lines.collect::<Vec<_>>().join("; "))
}

fn push_jobs(jobs: Vec<wire::Push>) -> Vec<PushJob> {
    let mut jobs: Vec<_> = jobs
        .into_iter()
        .map(|job| PushJob {
            id: job.id,
            status: match job.status.as_str() {
                "COMPLETE" => PushStatus::Complete,
                "FAILED" => PushStatus::Failed,
                other => PushStatus::Underway(regatta_kit::OutsideText::line(other, 40).to_string()),
            },
            target: regatta_kit::OutsideText::line(&job.target.name, 60).to_string(),
        })
        .collect();
    jobs.sort_by_key(|job| job.id);
    jobs
}

/// The tool's JSON, as far as it is read.
mod wire {
    use super::Deserialize;

    #[derive(Deserialize)]
    pub(super) struct Erratum {
        pub(super) errata: Typed,
        #[serde(default)]
        pub(super) jira_issues: Option<JiraIssues>,
    }

    #[derive(Deserialize)]
    pub(super) struct Typed {
        pub(super) rhsa: Option<Errata>,
        pub(super) rhba: Option<Errata>,
        pub(super) rhea: Option<Errata>,
    }

    #[derive(Deserialize)]
    pub(super) struct Errata {
        pub(super) id: u64,
        pub(super) status: String,
        pub(super) fulladvisory: Option<String>,
        pub(super) synopsis: Option<String>,
        pub(super) blocking_advisories: Option<Vec<u64>>,
    }

    #[derive(Deserialize, Default)]
    pub(super) struct JiraIssues {
        #[serde(default)]
        pub(super) jira_issues: Vec<JiraIssueEntry>,
    }

    #[derive(Deserialize)]
    pub(super) struct JiraIssueEntry {
        pub(super) jira_issue: JiraIssue,
    }

    #[derive(Deserialize)]
    pub(super) struct JiraIssue {
        pub(super) key: String,
    }

    #[derive(Deserialize)]
    pub(super) struct AdvisoryPage {
        pub(super) people: Option<People>,
    }

    #[derive(Deserialize)]
    pub(super) struct People {
        pub(super) assigned_to: Option<String>,
    }

    #[derive(Deserialize)]
    pub(super) struct Push {
        pub(super) id: u64,
        pub(super) status: String,
        pub(super) target: Target,
    }

    #[derive(Deserialize)]
    pub(super) struct Target {
        pub(super) name: String,
    }

    #[derive(Deserialize)]
    pub(super) struct Alerts {
        pub(super) alerts: AlertList,
    }

    #[derive(Deserialize)]
    pub(super) struct AlertList {
        pub(super) blocking: bool,
        #[serde(default)]
        pub(super) alerts: Vec<Alert>,
    }

    #[derive(Deserialize)]
    pub(super) struct Alert {
        #[serde(default)]
        name: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        pub(super) blocking: bool,
    }

    impl Alert {
        pub(super) fn line(&self) -> String {
            regatta_kit::OutsideText::line(&format!("{}: {}", self.name, self.text), 200).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Auth;
    use crate::scripted::{Scripted, answer};
    use serde_json::json;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn errata(transport: &std::sync::Arc<Scripted>) -> Errata {
        let base = "https://errata.example.com".parse().unwrap();
        Errata::new(Remote::new("errata", base, Auth::None, std::sync::Arc::clone(transport) as _))
    }

    #[tokio::test]
    async fn an_advisory_of_any_type_is_read() {
        let transport = Scripted::new(|_| {
            let body = json!({"errata": {"rhsa": {"id": 7, "status": "QE", "fulladvisory": "RHSA-2026:7-01", "synopsis": "s", "blocking_advisories": [6]}},
                "jira_issues": {"jira_issues": [{"jira_issue": {"key": "OCPBUGS-1"}}]}});
            Ok(answer(200, body.to_string()))
        });
        let advisory = errata(&transport).advisory(7).await.unwrap();
        assert_eq!((advisory.kind, &advisory.state), (AdvisoryKind::Rhsa, &AdvisoryState::Qe));
        assert_eq!(
            (advisory.blocking_advisories, advisory.jira_issues),
            (vec![6], vec!["OCPBUGS-1".to_owned()])
        );
        let other = errata(&transport).advisory(8).await.unwrap_err();
        assert!(other.to_string().contains("advisory 7 in place of 8"), "{other}");
    }

    #[tokio::test]
    async fn only_the_owner_is_sent_and_only_when_it_differs() {
        let changed = std::sync::Arc::new(AtomicBool::new(false));
        let seen = std::sync::Arc::clone(&changed);
        let transport = Scripted::new(move |request| {
            if request.method() == http::Method::PUT {
                assert_eq!(request.body(), "advisory%5Bassigned_to_email%5D=me%40example.com");
                seen.store(true, Ordering::SeqCst);
            }
            let owner = if seen.load(Ordering::SeqCst) { "me@example.com" } else { "group@example.com" };
            Ok(answer(200, json!({"people": {"assigned_to": owner}}).to_string()))
        });
        let errata = errata(&transport);
        assert_eq!(errata.set_owner(7, "me@example.com").await.unwrap(), OwnerSet::Changed);
        assert_eq!(errata.set_owner(7, "me@example.com").await.unwrap(), OwnerSet::Already);
        let puts = transport.seen().into_iter().filter(|call| call.starts_with("PUT")).count();
        assert_eq!(puts, 1);
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_tools_words() {
        let transport = Scripted::new(|_| {
            Ok(answer(422, json!({"errors": {"status": ["Invalid state transition"]}}).to_string()))
        });
        let error = errata(&transport).change_state(7, &AdvisoryState::RelPrep).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "errata: POST /api/v1/erratum/7/change_state: refused (422): status: Invalid state transition"
        );
    }

    #[test]
    fn states_from_rel_prep_on_are_approved() {
        let approved = [
            "NEW_FILES",
            "QE",
            "REL_PREP",
            "PUSH_READY",
            "IN_PUSH",
            "SHIPPED_LIVE",
            "DROPPED_NO_SHIP",
            "NEW",
        ];
        let approved: Vec<_> =
            approved.into_iter().filter(|word| AdvisoryState::from_word(word).is_approved()).collect();
        assert_eq!(approved, ["REL_PREP", "PUSH_READY", "IN_PUSH", "SHIPPED_LIVE"]);
    }
}
