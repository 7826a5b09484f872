//! How Jira Cloud shows what it keeps.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::model::{Comment, Issue, PROJECTS, Standing, State};
use crate::services::people::Person;
use crate::services::wire::number_of;

const QA_CONTACT: &str = "customfield_10470";
const RELEASE_BLOCKER: &str = "customfield_10847";
const SFDC_CASES_COUNTER: &str = "customfield_10978";
const SFDC_CASES_LINKS: &str = "customfield_10979";
const TARGET_VERSION: &str = "customfield_10855";
/// People whose answer is awaited.
pub(super) const NEED_INFO_FROM: &str = "customfield_10482";

/// `2025-10-22T10:43:22.000+0000`.
fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

/// `GET serverInfo`.
pub(super) fn server_info(base: &str, now: Timestamp) -> Value {
    json!({
        "baseUrl": base, "displayUrl": base, "displayUrlServicedeskHelpCenter": base, "displayUrlConfluence": base,
        "version": "1001.0.0-SNAPSHOT", "versionNumbers": [1001, 0, 0], "deploymentType": "Cloud", "buildNumber": 100_291,
        "buildDate": "2025-10-01T00:00:00.000+0000", "serverTime": when(now), "scmInfo": "0c4f2d1a7b3e4f5a6b7c8d9e0f1a2b3c4d5e6f70",
        "serverTitle": "Jira", "defaultLocale": {"locale": "en_US"}, "serverTimeZone": "Etc/UTC",
    })
}

/// `GET field`: the fields that issues here carry.
pub(super) fn fields() -> Value {
    let system = [
        ("summary", "Summary", "string"),
        ("status", "Status", "status"),
        ("labels", "Labels", "array"),
        ("priority", "Priority", "priority"),
        ("assignee", "Assignee", "user"),
        ("reporter", "Reporter", "user"),
        ("issuetype", "Issue Type", "issuetype"),
        ("project", "Project", "project"),
        ("description", "Description", "string"),
        ("comment", "Comment", "comments-page"),
        ("subtasks", "Sub-tasks", "array"),
        ("created", "Created", "datetime"),
        ("updated", "Updated", "datetime"),
    ];
    let custom = [
        (QA_CONTACT, "QA Contact", "user"),
        (RELEASE_BLOCKER, "Release Blocker", "option"),
        (SFDC_CASES_COUNTER, "SFDC Cases Counter", "string"),
        (SFDC_CASES_LINKS, "SFDC Cases Links", "string"),
        (TARGET_VERSION, "Target Version", "array"),
        (NEED_INFO_FROM, "Need Info From", "array"),
    ];
    let system = system.iter().map(|(id, name, kind)| {
        json!({"id": id, "key": id, "name": name, "custom": false, "orderable": true, "navigable": true, "searchable": true,
            "clauseNames": [id], "schema": {"type": kind, "system": id}})
    });
    let custom = custom.iter().map(|(id, name, kind)| {
        let number: u64 = id.trim_start_matches("customfield_").parse().unwrap_or_default();
        json!({"id": id, "key": id, "name": name, "untranslatedName": name, "custom": true, "orderable": true, "navigable": true,
            "searchable": true, "clauseNames": [format!("cf[{number}]"), name], "schema": {"type": kind, "customId": number}})
    });
    system.chain(custom).collect()
}

/// A person.
pub(super) fn user(person: &Person, base: &str) -> Value {
    let id = person.jira_account();
    json!({
        "self": format!("{base}/rest/api/2/user?accountId={id}"), "accountId": id, "accountType": "atlassian", "emailAddress": person.email(),
        "avatarUrls": {}, "displayName": person.display_name(), "active": true, "timeZone": "Etc/UTC", "locale": "en_US",
    })
}

/// A project.
pub(super) fn project(project: &(&str, u64, &str), base: &str) -> Value {
    let (key, id, name) = project;
    json!({
        "self": format!("{base}/rest/api/2/project/{id}"), "id": id.to_string(), "key": key, "name": name, "projectTypeKey": "software",
        "simplified": false, "avatarUrls": {}, "style": "classic", "isPrivate": false, "properties": {}, "description": "", "components": [],
        "issueTypes": [], "assigneeType": "UNASSIGNED", "versions": [], "roles": {},
    })
}

fn status(issue: &Issue, name: &str, base: &str) -> Value {
    let id = 10_000 + number_of(name, 900);
    let (category, number, shown) = match issue.category(name) {
        "new" => ("new", 2, "To Do"),
        "done" => ("done", 3, "Done"),
        _ => ("indeterminate", 4, "In Progress"),
    };
    json!({
        "self": format!("{base}/rest/api/2/status/{id}"), "description": "", "iconUrl": format!("{base}/images/icons/status_generic.gif"),
        "name": name, "id": id.to_string(),
        "statusCategory": {"self": format!("{base}/rest/api/2/statuscategory/{number}"), "id": number, "key": category, "colorName": "yellow", "name": shown},
    })
}

fn issue_type(issue: &Issue, base: &str) -> Value {
    let id = 10_100 + number_of(&issue.kind, 90);
    json!({"self": format!("{base}/rest/api/2/issuetype/{id}"), "id": id.to_string(), "description": "", "iconUrl": "", "name": issue.kind,
        "subtask": issue.kind == "Sub-task", "avatarId": 1, "hierarchyLevel": if issue.kind == "Sub-task" { -1 } else { 0 }})
}

fn priority(issue: &Issue, base: &str) -> Value {
    let id = 10_000 + number_of(&issue.priority, 90);
    json!({"self": format!("{base}/rest/api/2/priority/{id}"), "iconUrl": "", "name": issue.priority, "id": id.to_string()})
}

/// An issue as its parent or child mentions it.
fn brief(issue: &Issue, now: Timestamp, base: &str) -> Value {
    json!({
        "id": issue.id(), "key": issue.key, "self": format!("{base}/rest/api/2/issue/{}", issue.id()),
        "fields": {"summary": issue.summary, "status": status(issue, issue.status(now), base), "priority": priority(issue, base),
            "issuetype": issue_type(issue, base)},
    })
}

/// An issue with the fields asked for: `*all`, `*navigable`, or names.
pub(super) fn issue(
    state: &State,
    issue: &Issue,
    now: Timestamp,
    base: &str,
    wanted: &str,
    expand: &str,
) -> Value {
    let person = |person: &Option<Person>| person.as_ref().map(|person| user(person, base));
    let closed = issue.category(issue.status(now)) == "done";
    let known = PROJECTS.iter().find(|(key, ..)| *key == issue.project());
    let all = json!({
        "statuscategorychangedate": when(issue.updated_at), "issuetype": issue_type(issue, base), "timespent": null,
        "project": known.map(|known| project(known, base)), "fixVersions": [], "aggregatetimespent": null,
        "resolution": closed.then(|| json!({"self": format!("{base}/rest/api/2/resolution/10000"), "id": "10000", "description": "", "name": "Done"})),
        "resolutiondate": closed.then(|| when(issue.updated_at)), "workratio": -1, "watches": {"watchCount": 1, "isWatching": false},
        "created": when(issue.created_at), "priority": priority(issue, base), "labels": issue.labels, "versions": [], "issuelinks": [],
        "assignee": person(&issue.assignee), "updated": when(issue.updated_at), "status": status(issue, issue.status(now), base), "components": [],
        "description": issue.description, "security": null, "summary": issue.summary, "creator": user(&issue.reporter, base),
        "subtasks": state.subtasks(&issue.key).map(|child| brief(child, now, base)).collect::<Vec<_>>(),
        "parent": issue.parent.as_ref().and_then(|key| state.issues.iter().find(|other| other.key == *key)).map(|parent| brief(parent, now, base)),
        "reporter": user(&issue.reporter, base), "environment": null, "duedate": null, "attachment": [],
        "comment": comments(issue, base), "votes": {"votes": 0, "hasVoted": false}, "worklog": {"startAt": 0, "maxResults": 20, "total": 0, "worklogs": []},
        QA_CONTACT: person(&issue.qa_contact), RELEASE_BLOCKER: {"self": format!("{base}/rest/api/2/customFieldOption/25755"), "value": "None", "id": "25755"},
        SFDC_CASES_COUNTER: null, SFDC_CASES_LINKS: null,
        NEED_INFO_FROM: if issue.need_info_from.is_empty() { Value::Null } else { issue.need_info_from.iter().map(|p| user(p, base)).collect() },
        TARGET_VERSION: issue.target_version.as_ref().map(|name| json!([{"self": format!("{base}/rest/api/2/version/1"), "id": "1", "name": name, "archived": false, "released": false}])),
    });
    let mut shown = json!({
        "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
        "id": issue.id(), "self": format!("{base}/rest/api/2/issue/{}", issue.id()), "key": issue.key,
    });
    if let Value::Object(all) = all {
        let fields = chosen(all, wanted);
        if wanted == "id" {
            return json!({"id": issue.id()});
        }
        shown["fields"] = Value::Object(fields);
    }
    if expand.split(',').any(|part| part.trim() == "changelog") {
        shown["changelog"] = changelog(issue, base);
    }
    shown
}

/// The fields named by a list such as `summary,status`, `*all`, `*navigable,-comment`.
fn chosen(all: Map<String, Value>, wanted: &str) -> Map<String, Value> {
    let names: Vec<&str> = wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let named = |name: &str| names.contains(&name);
    let every = named("*all");
    let navigable = named("*navigable") || names.iter().all(|name| name.starts_with('-'));
    all.into_iter()
        .filter(|(name, _)| !names.iter().any(|other| other.strip_prefix('-') == Some(name.as_str())))
        .filter(|(name, _)| {
            every
                || named(name)
                || (navigable && !matches!(name.as_str(), "comment" | "attachment" | "worklog"))
        })
        .collect()
}

/// One entry: how the bug came to QE.
fn changelog(issue: &Issue, base: &str) -> Value {
    let at = issue.created_at + SignedDuration::from_hours(24 * 9);
    let histories = match &issue.status {
        Standing::ByItself(bug) if bug.cve.is_none() => vec![json!({
            "id": format!("{}1", issue.id()), "author": user(&issue.reporter, base), "created": when(at),
            "items": [{"field": "status", "fieldtype": "jira", "fieldId": "status", "from": "10041", "fromString": "MODIFIED", "to": "10051", "toString": "ON_QA"}],
        })],
        _ => Vec::new(),
    };
    json!({"startAt": 0, "maxResults": histories.len(), "total": histories.len(), "histories": histories})
}

/// `GET issue/KEY/transitions`.
pub(super) fn transitions(issue: &Issue, now: Timestamp, base: &str) -> Value {
    let offered: Vec<Value> = issue
        .offered(now)
        .into_iter()
        .map(|(id, name)| {
            json!({"id": id, "name": name, "to": status(issue, name, base), "hasScreen": false, "isGlobal": true, "isInitial": false,
                "isAvailable": true, "isConditional": false, "isLooped": false})
        })
        .collect();
    json!({"expand": "transitions", "transitions": offered})
}

/// `GET issue/KEY/comment`.
pub(super) fn comments(issue: &Issue, base: &str) -> Value {
    let all: Vec<Value> = issue.comments.iter().map(|one| comment(one, issue, base)).collect();
    json!({"comments": all, "self": format!("{base}/rest/api/2/issue/{}/comment", issue.id()), "maxResults": all.len(), "total": all.len(), "startAt": 0})
}

/// One comment.
pub(super) fn comment(comment: &Comment, issue: &Issue, base: &str) -> Value {
    json!({
        "self": format!("{base}/rest/api/2/issue/{}/comment/{}", issue.id(), comment.id), "id": comment.id.to_string(),
        "author": user(&comment.author, base), "body": comment.body, "updateAuthor": user(&comment.author, base), "created": when(comment.at),
        "updated": when(comment.at), "jsdPublic": true,
    })
}

/// `GET issue/KEY/remotelink`: bugs link the change that fixed them.
pub(super) fn remote_links(issue: &Issue, base: &str) -> Value {
    if issue.project() != "OCPBUGS" {
        return json!([]);
    }
    let number = 1_000 + number_of(&issue.key, 3_000);
    let url = format!("https://github.com/openshift/console/pull/{number}");
    json!([{
        "id": number, "self": format!("{base}/rest/api/2/issue/{}/remotelink/{number}", issue.id()),
        "object": {"url": url, "title": format!("openshift/console#{number}"), "icon": {}, "status": {"icon": {}}},
    }])
}
