//! What Jira keeps: issues, their workflow, and the people it has met.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::services::catalogue::{self, Bug};
use crate::services::people::{CAST, Person};
use crate::services::wire::number_of;
use crate::world::World;

/// Projects: key, id, name.
pub(super) const PROJECTS: [(&str, u64, &str); 3] = [
    ("ART", 10_541, "Automated Release Tooling"),
    ("OCPBUGS", 10_302, "OpenShift Bugs"),
    ("CVP", 10_617, "Container Verification Pipeline"),
];

/// The three sub-tasks that are QE's, then those of others (reference: take-ownership).
const SUBTASKS: [&str; 6] = [
    "[Fri/Mon] QE moves advisories to REL_PREP",
    "[Wed-Fri] QE does release verification",
    "[Mon-Wed] QE notifies ON_QA bugzilla owners and analyze ci failures",
    "[Mon] ART prepares advisories and the shipment",
    "[Wed] Docs approve the release notes",
    "[Tue] ART ships the release",
];

/// Statuses of ART's tasks: transition id, name, category.
const TASK_FLOW: [(&str, &str, &str); 4] = [
    ("11", "To Do", "new"),
    ("21", "In Progress", "indeterminate"),
    ("31", "Review", "indeterminate"),
    ("41", "Closed", "done"),
];

/// Statuses of bugs.
const BUG_FLOW: [(&str, &str, &str); 8] = [
    ("11", "New", "new"),
    ("21", "ASSIGNED", "indeterminate"),
    ("31", "POST", "indeterminate"),
    ("41", "MODIFIED", "indeterminate"),
    ("51", "ON_QA", "indeterminate"),
    ("61", "Verified", "indeterminate"),
    ("71", "Release Pending", "indeterminate"),
    ("81", "Closed", "done"),
];

pub(super) struct State {
    pub(super) issues: Vec<Issue>,
    /// Whoever can be found by account id.
    pub(super) people: Vec<Person>,
    next_id: u64,
}

impl State {
    pub(super) fn new(world: &World) -> Self {
        let scenario = world.scenario();
        let opened = scenario.start - SignedDuration::from_hours(26);
        let ticket = &scenario.jira_ticket;
        let mut parent = Issue::new(
            ticket.clone(),
            &format!("Release {} [{}]", scenario.release, scenario.release_date),
            opened,
        );
        parent.kind = "Story".to_owned();
        parent.status = Standing::Set("In Progress");
        let mut issues = vec![parent];
        let (project, number) = ticket.rsplit_once('-').unwrap_or(("ART", "1"));
        let number: u64 = number.parse().unwrap_or(1);
        for (i, summary) in SUBTASKS.iter().enumerate() {
            let key = format!("{project}-{}", number + 1 + i as u64);
            let mut task = Issue::new(key, summary, opened);
            task.kind = "Sub-task".to_owned();
            task.parent = Some(ticket.clone());
            issues.push(task);
        }
        issues.extend(catalogue::bugs(scenario).into_iter().map(|bug| {
            let mut issue =
                Issue::new(bug.key.clone(), &bug.summary, opened - SignedDuration::from_hours(24 * 12));
            issue.kind = if bug.cve.is_some() { "Vulnerability" } else { "Bug" }.to_owned();
            issue.priority = bug.priority.to_owned();
            issue.assignee = Person::named(bug.assignee);
            issue.qa_contact = Person::named(bug.qa_contact);
            issue.target_version = Some(format!("{}.z", scenario.release.stream));
            if let Some(cve) = &bug.cve {
                issue.labels = vec![
                    "Security".to_owned(),
                    "SecurityTracking".to_owned(),
                    cve.clone(),
                    "flaw:bz#2300000".to_owned(),
                ];
            }
            issue.status = Standing::ByItself(bug);
            issue
        }));
        let mut people: Vec<Person> = CAST.iter().filter_map(|name| Person::named(name)).collect();
        people.sort_by(|a, b| a.name.cmp(&b.name));
        Self { issues, people, next_id: 17_200_000 }
    }

    /// The person of an account id.
    pub(super) fn person(&self, account: &str) -> Option<Person> {
        self.people.iter().find(|person| person.jira_account() == account).cloned()
    }

    /// From now on the person can be found by account id.
    pub(super) fn meet(&mut self, person: &Person) {
        if !self.people.contains(person) {
            self.people.push(person.clone());
        }
    }

    pub(super) fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn subtasks<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Issue> {
        self.issues.iter().filter(move |issue| issue.parent.as_deref() == Some(key))
    }
}

/// An issue's status.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// As somebody set it.
    Set(&'static str),
    /// As its QA contact will have it in time.
    ByItself(Bug),
}

/// An issue.
#[derive(Debug, Clone)]
pub(super) struct Issue {
    pub(super) key: String,
    pub(super) summary: String,
    pub(super) kind: String,
    pub(super) status: Standing,
    pub(super) priority: String,
    pub(super) labels: Vec<String>,
    pub(super) description: Value,
    pub(super) assignee: Option<Person>,
    pub(super) reporter: Person,
    pub(super) qa_contact: Option<Person>,
    pub(super) need_info_from: Vec<Person>,
    pub(super) target_version: Option<String>,
    pub(super) parent: Option<String>,
    pub(super) comments: Vec<Comment>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// A comment.
#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) author: Person,
    /// Text, or a document tree in version 3.
    pub(super) body: Value,
    pub(super) at: Timestamp,
}

impl Issue {
    pub(super) fn new(key: String, summary: &str, at: Timestamp) -> Self {
        let status = if key.starts_with("ART-") { "To Do" } else { "New" };
        Self {
            key,
            summary: summary.to_owned(),
            kind: "Task".to_owned(),
            status: Standing::Set(status),
            priority: "Normal".to_owned(),
            labels: Vec::new(),
            description: Value::Null,
            assignee: None,
            reporter: Person { name: "art-bot".to_owned() },
            qa_contact: None,
            need_info_from: Vec::new(),
            target_version: None,
            parent: None,
            comments: Vec::new(),
            created_at: at,
            updated_at: at,
        }
    }

    /// The numeric id, as text.
    pub(super) fn id(&self) -> String {
        (16_000_000 + number_of(&self.key, 1_000_000)).to_string()
    }

    pub(super) fn project(&self) -> &str {
        self.key.rsplit_once('-').map_or("", |(project, _)| project)
    }

    fn flow(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        if self.project() == "ART" { &TASK_FLOW } else { &BUG_FLOW }
    }

    /// The status's name now.
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        match &self.status {
            Standing::Set(name) => name,
            Standing::ByItself(bug) => bug.status(now),
        }
    }

    /// The category of a status: `new`, `indeterminate`, `done`.
    pub(super) fn category(&self, status: &str) -> &'static str {
        self.flow()
            .iter()
            .find(|(_, name, _)| *name == status)
            .map_or("indeterminate", |(.., category)| category)
    }

    /// Transitions on offer, by id and name: to every status but the present one.
    pub(super) fn offered(&self, now: Timestamp) -> Vec<(&'static str, &'static str)> {
        let present = self.status(now);
        self.flow().iter().filter(|(_, name, _)| *name != present).map(|(id, name, _)| (*id, *name)).collect()
    }

    pub(super) fn move_to(&mut self, status: &'static str, now: Timestamp) {
        self.status = Standing::Set(status);
        self.updated_at = now;
    }

    /// Who gets the issue when nobody is named: nobody, in the projects here.
    pub(super) const fn default_assignee(&self) -> Option<Person> {
        None
    }
}
