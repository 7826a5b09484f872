//! Jira, Cloud and Server: issues, assignment, transitions, comments.
//!
//! The two differ in how they name a person and in the ids of custom fields; `serverInfo` says which one answers. It is
//! asked once. An issue that does not exist or must not be seen is an answer of its own, not an error: one such issue
//! never ends a walk over many.

use regatta_kit::OutsideText;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::OnceLock;

use crate::error::ServiceError;
use crate::remote::{Answer, Call, Remote};

/// Users asked for at once.
const PAGE: usize = 50;
/// Pages of users looked at before giving up on an exact match.
const PAGES: usize = 20;

/// A Jira server.
#[derive(Debug)]
pub struct Jira {
    remote: Remote,
    deployment: OnceLock<Deployment>,
}

/// Which of the two products answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployment {
    /// Atlassian's: people are account ids.
    Cloud,
    /// Self-hosted: people are user names.
    Server,
}

impl Deployment {
    /// Id of the custom field "QA Contact" at Red Hat's two servers.
    const fn qa_contact(self) -> &'static str {
        match self {
            Self::Cloud => "customfield_10470",
            Self::Server => "customfield_12315948",
        }
    }
}

/// What a look at an issue found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueLook {
    /// The issue.
    Found(Box<Issue>),
    /// There is none of this key.
    Absent,
    /// It must not be seen with this credential.
    Hidden,
}

impl IssueLook {
    /// The issue, where it could be read.
    #[must_use]
    pub fn found(self) -> Option<Issue> {
        match self {
            Self::Found(issue) => Some(*issue),
            Self::Absent | Self::Hidden => None,
        }
    }
}

/// An issue, as far as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its key, `OCPBUGS-123`.
    pub key: String,
    /// Its status as the workflow names it: `ON_QA`, `In Progress`, …
    pub status: String,
    /// Its title.
    pub summary: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// E-mail of whom it is assigned to, where that is shown.
    pub assignee: Option<String>,
    /// Account id or user name of whom it is assigned to.
    pub assignee_id: Option<String>,
    /// E-mail of its QA contact, where one is set.
    pub qa_contact: Option<String>,
    /// Keys of its sub-tasks.
    pub subtasks: Vec<String>,
}

/// A person, as this Jira names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Account id (Cloud) or user name (Server).
    pub id: String,
    /// Their e-mail.
    pub email: String,
}

/// A step that the workflow offers now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Transition {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What came of a transition by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transitioned {
    /// It was made.
    Done,
    /// The workflow does not offer it now, but these.
    NotOffered(Vec<String>),
}

impl Jira {
    /// A client.
    #[must_use]
    pub const fn new(remote: Remote) -> Self {
        Self { remote, deployment: OnceLock::new() }
    }

    /// Where a person looks at an issue.
    #[must_use]
    pub fn link(&self, key: &str) -> String {
        self.remote.link(&["browse", key])
    }

    /// Which product answers; asked once.
    ///
    /// # Errors
    /// As every call.
    pub async fn deployment(&self) -> Result<Deployment, ServiceError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct ServerInfo {
            deployment_type: Option<String>,
        }
        if let Some(known) = self.deployment.get() {
            return Ok(*known);
        }
        let info: ServerInfo = self.remote.get(&["rest", "api", "2", "serverInfo"]).send().await?.json()?;
        let deployment = match info.deployment_type.as_deref() {
            Some("Cloud") => Deployment::Cloud,
            _ => Deployment::Server,
        };
        Ok(*self.deployment.get_or_init(|| deployment))
    }

    /// Reads an issue.
    ///
    /// # Errors
    /// As every call, but 404 and 403 are answers.
    pub async fn issue(&self, key: &str) -> Result<IssueLook, ServiceError> {
        let deployment = self.deployment().await?;
        let answer = self.at_issue(key, None).get().send_any().await?;
        match answer.status.as_u16() {
            404 => return Ok(IssueLook::Absent),
            // A 403 that asks to wait is a rate limit.
            403 if answer.retry_after().is_none() => return Ok(IssueLook::Hidden),
            _ => {}
        }
        let answer = self.checked(answer)?;
        let issue: wire::Issue = answer.json()?;
        Ok(IssueLook::Found(Box::new(issue.into_issue(deployment))))
    }

    /// The person with exactly this e-mail.
    ///
    /// # Errors
    /// As every call.
    pub async fn person(&self, email: &str) -> Result<Option<Person>, ServiceError> {
        let deployment = self.deployment().await?;
        let asked = match deployment {
            Deployment::Cloud => "query",
            Deployment::Server => "username",
        };
        for page in 0..PAGES {
            let (start, max) = ((page * PAGE).to_string(), PAGE.to_string());
            let query = [
                (asked, email),
                ("startAt", &start),
                ("maxResults", &max),
                ("includeActive", "true"),
                ("includeInactive", "false"),
            ];
            let users: Vec<wire::User> = self
                .remote
                .get(&["rest", "api", "2", "user", "search"])
                .query(&query)
                .send()
                .await?
                .json()?;
            let last = users.len() < PAGE;
            let fits = |user: &&wire::User| {
                user.email_address.as_deref().is_some_and(|e| e.eq_ignore_ascii_case(email))
            };
            if let Some(user) = users.iter().find(fits)
                && let Some(id) = user.id(deployment)
            {
                return Ok(Some(Person { id: id.to_owned(), email: email.to_owned() }));
            }
            if last {
                break;
            }
        }
        Ok(None)
    }

    /// Assigns an issue.
    ///
    /// # Errors
    /// As every call.
    pub async fn assign(&self, key: &str, person: &Person) -> Result<(), ServiceError> {
        let field = match self.deployment().await? {
            Deployment::Cloud => "accountId",
            Deployment::Server => "name",
        };
        self.at_issue(key, Some("assignee")).put().json(&json!({ field: person.id })).send().await?;
        Ok(())
    }

    /// The steps that the workflow offers now.
    ///
    /// # Errors
    /// As every call.
    pub async fn transitions(&self, key: &str) -> Result<Vec<Transition>, ServiceError> {
        #[derive(Deserialize)]
        struct Offered {
            transitions: Vec<Transition>,
        }
        let offered: Offered = self.at_issue(key, Some("transitions")).get().send().await?.json()?;
        Ok(offered.transitions)
    }

    /// Makes the step of this name, if it is offered.
    ///
    /// # Errors
    /// As every call.
    pub async fn transition(&self, key: &str, name: &str) -> Result<Transitioned, ServiceError> {
        let offered = self.transitions(key).await?;
        let Some(step) = offered.iter().find(|step| step.name.eq_ignore_ascii_case(name)) else {
            let names = offered.iter().map(|step| OutsideText::line(&step.name, 40).to_string());
            return Ok(Transitioned::NotOffered(names.collect()));
        };
        let body = json!({ "transition": { "id": step.id }, "fields": {} });
        self.at_issue(key, Some("transitions")).post().json(&body).send().await?;
        Ok(Transitioned::Done)
    }

    /// Adds a comment; gives its id.
    ///
    /// # Errors
    /// As every call.
    pub async fn comment(&self, key: &str, text: &str) -> Result<String, ServiceError> {
        #[derive(Deserialize)]
        struct Comment {
            id: String,
        }
        let made: Comment =
            self.at_issue(key, Some("comment")).post().json(&json!({ "body": text })).send().await?.json()?;
        Ok(made.id)
    }

    const fn at_issue<'a>(&'a self, key: &'a str, part: Option<&'a str>) -> AtIssue<'a> {
        AtIssue { remote: &self.remote, key, part }
    }

    fn checked(&self, answer: Answer) -> Result<Answer, ServiceError> {
        answer.checked("Jira does not accept JIRA_USERNAME and JIRA_TOKEN; make a new API token")
    }
}

/// The path of an issue or of a part of it.
struct AtIssue<'a> {
    remote: &'a Remote,
    key: &'a str,
    part: Option<&'a str>,
}

impl AtIssue<'_> {
    fn segments(&self) -> Vec<&str> {
        let mut segments = vec!["rest", "api", "2", "issue", self.key];
        segments.extend(self.part);
        segments
    }

    fn get(&self) -> Call {
        self.remote.get(&self.segments())
    }

    fn post(&self) -> Call {
        self.remote.post(&self.segments())
    }

    fn put(&self) -> Call {
        self.remote.put(&self.segments())
    }
}

/// Jira's JSON, as far as it is read.
mod wire {
    use super::{Deployment, Deserialize, Value};

    #[derive(Deserialize)]
    pub(super) struct Issue {
        key: String,
        fields: Fields,
    }

    #[derive(Deserialize)]
    struct Fields {
        status: Named,
        #[serde(default)]
        summary: Option<String>,
        #[serde(default)]
        labels: Option<Vec<String>>,
        #[serde(default)]
        assignee: Option<User>,
        #[serde(default)]
        subtasks: Option<Vec<Keyed>>,
        #[serde(flatten)]
        custom: serde_json::Map<String, Value>,
    }

    #[derive(Deserialize)]
    struct Named {
        name: String,
    }

    #[derive(Deserialize)]
    struct Keyed {
        key: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct User {
        name: Option<String>,
        account_id: Option<String>,
        pub(super) email_address: Option<String>,
    }

    impl User {
        pub(super) fn id(&self, deployment: Deployment) -> Option<&str> {
            match deployment {
                Deployment::Cloud => self.account_id.as_deref(),
                Deployment::Server => self.name.as_deref(),
            }
        }
    }

    impl Issue {
        pub(super) fn into_issue(self, deployment: Deployment) -> super::Issue {
            let Fields { status, summary, labels, assignee, subtasks, custom } = self.fields;
            let contact = custom
                .get(deployment.qa_contact())
                .and_then(|user| user.get("emailAddress"))
                .and_then(Value::as_str);
            super::Issue {
                key: self.key,
                status: status.name,
                summary: summary.unwrap_or_default(),
                labels: labels.unwrap_or_default(),
                assignee_id: assignee.as_ref().and_then(|user| user.id(deployment)).map(str::to_owned),
                assignee: assignee.and_then(|user| user.email_address),
                qa_contact: contact.map(str::to_owned),
                subtasks: subtasks.unwrap_or_default().into_iter().map(|task| task.key).collect(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Auth;
    use crate::scripted::{Scripted, answer, answer_with};
    use std::sync::Arc;

    fn jira(answerer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> (Arc<Scripted>, Jira) {
        let transport = Scripted::new(move |request| {
            if request.uri().path().ends_with("/serverInfo") {
                return Ok(answer(200, json!({"deploymentType": "Cloud"}).to_string()));
            }
            let (status, body) = answerer(&request.uri().to_string());
            Ok(answer(status, body.to_string()))
        });
        let base = "https://jira.example.com".parse().unwrap();
        (Arc::clone(&transport), Jira::new(Remote::new("jira", base, Auth::None, transport)))
    }

    #[tokio::test]
    async fn an_issue_that_is_absent_or_hidden_is_an_answer() {
        let (_, jira) = jira(|url| match url.rsplit('/').next() {
            Some("A-1") => (
                200,
                json!({"key": "A-1", "fields": {"status": {"name": "ON_QA"}, "summary": "s", "assignee": null,
                "customfield_10470": {"emailAddress": "qa@example.com"}, "subtasks": [{"key": "A-2"}], "priority": {"name": "Major"}}}),
            ),
            Some("A-2") => (404, json!({})),
            Some("A-3") => (403, json!({})),
            _ => (401, json!({})),
        });
        let issue = jira.issue("A-1").await.unwrap().found().unwrap();
        assert_eq!(
            (issue.status.as_str(), issue.qa_contact.as_deref(), issue.subtasks),
            ("ON_QA", Some("qa@example.com"), vec!["A-2".to_owned()])
        );
        assert_eq!(jira.issue("A-2").await.unwrap(), IssueLook::Absent);
        assert_eq!(jira.issue("A-3").await.unwrap(), IssueLook::Hidden);
        assert!(jira.issue("A-4").await.is_err());
    }

    #[tokio::test]
    async fn a_person_is_the_one_with_that_e_mail_not_the_first_hit() {
        let (transport, jira) = jira(|_| {
            (
                200,
                json!([{"accountId": "1", "emailAddress": "me.too@example.com"}, {"accountId": "2", "emailAddress": "Me@example.com"}, {"accountId": "3"}]),
            )
        });
        assert_eq!(jira.person("me@example.com").await.unwrap().unwrap().id, "2");
        assert_eq!(jira.person("you@example.com").await.unwrap(), None);
        let asked_what_it_is = transport.seen().iter().filter(|call| call.ends_with("/serverInfo")).count();
        assert_eq!(asked_what_it_is, 1);
    }

    #[tokio::test]
    async fn a_step_that_is_not_offered_is_not_tried() {
        let (transport, jira) =
            jira(|_| (200, json!({"transitions": [{"id": "31", "name": "In Progress"}]})));
        assert_eq!(
            jira.transition("A-1", "Closed").await.unwrap(),
            Transitioned::NotOffered(vec!["In Progress".to_owned()])
        );
        assert!(!transport.seen().iter().any(|call| call.starts_with("POST")));
        assert_eq!(jira.transition("A-1", "in progress").await.unwrap(), Transitioned::Done);
    }

    #[tokio::test]
    async fn a_403_that_asks_to_wait_is_a_limit() {
        let transport = Scripted::new(|request| {
            let server_info = request.uri().path().ends_with("/serverInfo");
            Ok(if server_info { answer(200, "{}") } else { answer_with(403, &[("retry-after", "7")], "") })
        });
        let base = "https://jira.example.com".parse().unwrap();
        let error =
            Jira::new(Remote::new("jira", base, Auth::None, transport)).issue("A-1").await.unwrap_err();
        assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(7)));
    }
}
