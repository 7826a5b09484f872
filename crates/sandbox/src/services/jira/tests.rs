use super::*;
use crate::services::wire::testing::{Ask, ask, world};
use jiff::SignedDuration;

fn login(ask: Ask) -> Ask {
    ask.header("authorization", "Basic bWVAcmVkaGF0LmNvbTp0b2tlbg==")
}

#[tokio::test]
async fn the_subtasks_of_qe_are_assigned_and_moved_once() {
    let world = world();
    let jira = imitation(world.clone());
    let ticket = &world.scenario().jira_ticket;
    let issue = login(ask("GET", &format!("/rest/api/2/issue/{ticket}"))).of(&jira).await.json(200);
    let subtasks = issue["fields"]["subtasks"].as_array().unwrap();
    let summaries: Vec<&str> =
        subtasks.iter().map(|task| task["fields"]["summary"].as_str().unwrap()).collect();
    assert_eq!(
        summaries[..3],
        [
            "[Fri/Mon] QE moves advisories to REL_PREP",
            "[Wed-Fri] QE does release verification",
            "[Mon-Wed] QE notifies ON_QA bugzilla owners and analyze ci failures",
        ]
    );
    let key = subtasks[1]["key"].as_str().unwrap();

    let users = login(ask("GET", "/rest/api/2/user/search?query=me%40redhat.com&maxResults=20"))
        .of(&jira)
        .await
        .json(200);
    let body = json!({"accountId": users[0]["accountId"]});
    for _ in 0..2 {
        let assigned =
            login(ask("PUT", &format!("/rest/api/2/issue/{key}/assignee"))).json(&body).of(&jira).await;
        assert_eq!(assigned.status, 204);
    }
    let transitions = format!("/rest/api/2/issue/{key}/transitions");
    let offered = login(ask("GET", &transitions)).of(&jira).await.json(200);
    let wanted =
        offered["transitions"].as_array().unwrap().iter().find(|t| t["name"] == "In Progress").unwrap();
    let body = json!({"transition": {"id": wanted["id"]}, "fields": {}});
    assert_eq!(login(ask("POST", &transitions)).json(&body).of(&jira).await.status, 204);
    // It stands there now, so that way is no longer on offer.
    let again = login(ask("POST", &transitions)).json(&body).of(&jira).await.json(400);
    assert_eq!(again["errorMessages"][0], "Transition id '21' is not valid for this issue.");

    let task = login(ask("GET", &format!("/rest/api/2/issue/{key}?fields=status,assignee")))
        .of(&jira)
        .await
        .json(200);
    assert_eq!(
        (&task["fields"]["status"]["name"], &task["fields"]["assignee"]["emailAddress"]),
        (&json!("In Progress"), &json!("me@redhat.com"))
    );
    assert_eq!(task["fields"].as_object().unwrap().len(), 2);
    let counts: Vec<_> = world.effects().counts().into_iter().collect();
    assert_eq!(
        counts,
        [(format!("jira-assign:{key}"), 1), (format!("jira-transition:{key}:In Progress"), 1)]
    );
}

#[tokio::test]
async fn bugs_are_on_qa_until_their_contacts_have_verified_them() {
    let world = world();
    let jira = imitation(world.clone());
    let search = "/rest/api/2/search/jql?jql=project+%3D+OCPBUGS+AND+status+%3D+ON_QA&fields=status,customfield_10470&maxResults=2";
    let page = login(ask("GET", search)).of(&jira).await.json(200);
    assert_eq!((page["issues"].as_array().unwrap().len(), &page["isLast"]), (2, &json!(false)));
    assert!(
        page["issues"][0]["fields"]["customfield_10470"]["emailAddress"].as_str().unwrap().starts_with("qa-")
    );
    let token = page["nextPageToken"].as_str().unwrap();
    let page = login(ask("GET", &format!("{search}&nextPageToken={token}"))).of(&jira).await.json(200);
    assert_eq!(page["isLast"], true);
    world.advance_to(world.now() + SignedDuration::from_hours(72));
    let page = login(ask("GET", search)).of(&jira).await.json(200);
    assert_eq!(page["issues"], json!([]));
    let body = json!({"jql": "project = OCPBUGS AND issuetype = Vulnerability", "fields": ["summary", "labels"], "maxResults": 50});
    let trackers = login(ask("POST", "/rest/api/2/search")).json(&body).of(&jira).await.json(200);
    assert!(trackers["total"].as_u64().unwrap() >= 1);
    assert!(trackers["issues"][0]["fields"]["summary"].as_str().unwrap().starts_with("CVE-"));
}

#[tokio::test]
async fn comments_and_new_issues_are_kept() {
    let jira = imitation(world());
    let fields = json!({"fields": {"project": {"key": "CVP"}, "summary": "[4.20.1] failures", "issuetype": {"name": "Bug"}, "priority": {"name": "Blocker"}}});
    let made = login(ask("POST", "/rest/api/2/issue")).json(&fields).of(&jira).await.json(201);
    let path = format!("/rest/api/2/issue/{}", made["key"].as_str().unwrap());
    let comment =
        login(ask("POST", &format!("{path}/comment"))).json(&json!({"body": "hi"})).of(&jira).await.json(201);
    assert_eq!(comment["author"]["emailAddress"], "me@redhat.com");
    let label = json!({"update": {"labels": [{"add": "x"}]}});
    assert_eq!(login(ask("PUT", &path)).json(&label).of(&jira).await.status, 204);
    let issue = login(ask("GET", &path)).of(&jira).await.json(200);
    assert_eq!(
        (&issue["fields"]["comment"]["comments"][0]["body"], &issue["fields"]["labels"]),
        (&json!("hi"), &json!(["x"]))
    );
    let refused = login(ask("POST", "/rest/api/2/issue"))
        .json(&json!({"fields": {"project": {"key": "CVP"}}}))
        .of(&jira)
        .await;
    assert_eq!(refused.json(400)["errors"]["summary"], "You must specify a summary of the issue.");
}

#[tokio::test]
async fn strangers_unknown_issues_and_unknown_people_are_refused() {
    let jira = imitation(world());
    assert_eq!(ask("GET", "/rest/api/2/serverInfo").of(&jira).await.json(200)["deploymentType"], "Cloud");
    assert_eq!(ask("GET", "/rest/api/2/issue/ART-1").of(&jira).await.json(401)["status-code"], 401);
    let gone = login(ask("GET", "/rest/api/2/issue/ART-1")).of(&jira).await.json(404);
    assert_eq!(gone["errorMessages"][0], "Issue does not exist or you do not have permission to see it.");
    let nobody =
        login(ask("GET", "/rest/api/2/user/search?query=me%40example.com")).of(&jira).await.json(200);
    assert_eq!(nobody, json!([]));
    assert_eq!(login(ask("GET", "/rest/api/2/user/search?username=me")).of(&jira).await.status, 400);
    assert_eq!(login(ask("GET", "/rest/api/2/search?jql=colour+%3D+red")).of(&jira).await.status, 400);
}
