use super::*;
use crate::services::wire::testing::{Ask, ask, world};
use jiff::SignedDuration;

const PROJECT: &str = "/api/v4/projects/hybrid-platforms%2Fart%2Focp-shipment-data";

fn login(ask: Ask) -> Ask {
    ask.header("private-token", "glpat-x")
}

fn merge_request(world: &World) -> String {
    format!("{PROJECT}/merge_requests/{}", world.scenario().merge_request_iid().unwrap())
}

#[tokio::test]
async fn the_stage_release_succeeds_and_the_files_then_name_their_stage_advisories() {
    let world = world();
    let gitlab = imitation(world.clone());
    let mr_path = merge_request(&world);
    let mr = login(ask("GET", &mr_path)).of(&gitlab).await.json(200);
    assert_eq!((&mr["title"], &mr["state"]), (&json!("Shipment for 4.20.1"), &json!("opened")));
    assert!(!mr["labels"].as_array().unwrap().contains(&json!("stage-release-success")));

    let newest = login(ask("GET", &format!("{mr_path}/pipelines"))).of(&gitlab).await.json(200)[0].clone();
    assert_eq!(newest["status"], "manual");
    let bridges_path = format!("{PROJECT}/pipelines/{}/bridges", newest["id"]);
    let mut seen = vec![];
    for hours in [0, 1, 5] {
        world.advance_to(world.now() + SignedDuration::from_hours(hours));
        let bridges = login(ask("GET", &bridges_path)).of(&gitlab).await.json(200);
        let stage =
            bridges.as_array().unwrap().iter().find(|b| b["stage"] == "stage-release-triggers").unwrap();
        seen.push(stage["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, ["created", "running", "success"]);

    let mr = login(ask("GET", &format!("{mr_path}/changes"))).of(&gitlab).await.json(200);
    assert!(mr["labels"].as_array().unwrap().contains(&json!("stage-release-success")));
    let paths: Vec<&str> =
        mr["changes"].as_array().unwrap().iter().map(|c| c["new_path"].as_str().unwrap()).collect();
    assert_eq!(paths.len(), 4);
    let image = paths.iter().find(|path| path.contains("-image.")).unwrap();
    let branch = mr["source_branch"].as_str().unwrap();
    let file_path = format!("{PROJECT}/repository/files/{}?ref={branch}", image.replace('/', "%2F"));
    let file = login(ask("GET", &file_path)).of(&gitlab).await.json(200);
    use base64::Engine as _;
    let yaml = base64::engine::general_purpose::STANDARD.decode(file["content"].as_str().unwrap()).unwrap();
    let yaml = String::from_utf8(yaml).unwrap();
    assert!(yaml.contains("- id: OCPBUGS-"), "{yaml}");
    let url = yaml.lines().find_map(|line| line.trim().strip_prefix("internal_url: ")).unwrap();
    let advisory = ask("GET", url.strip_prefix("http://sandbox.test:80").unwrap()).of(&gitlab).await;
    assert_eq!(advisory.status, 200);
    assert!(advisory.text().contains("@sha256:") && advisory.text().contains("architecture: amd64"));
}

#[tokio::test]
async fn an_approval_counts_once_and_a_second_one_by_the_same_user_is_refused() {
    let world = world();
    let gitlab = imitation(world.clone());
    let mr = merge_request(&world);
    let before = login(ask("GET", &format!("{mr}/approvals"))).of(&gitlab).await.json(200);
    assert_eq!(before["approved_by"], json!([]));
    let after = login(ask("POST", &format!("{mr}/approve"))).of(&gitlab).await.json(201);
    assert_eq!(after["approved_by"][0]["user"]["username"], TOKEN_USER);
    let again = login(ask("POST", &format!("{mr}/approve"))).of(&gitlab).await.json(401);
    assert_eq!(again, json!({"message": "401 Unauthorized"}));
    assert_eq!(world.effects().counts()["approve:shipment-mr"], 1);
}

#[tokio::test]
async fn notes_are_listed_newest_first_page_by_page_and_counted_by_their_mark() {
    let world = world();
    let gitlab = imitation(world.clone());
    let notes = format!("{}/notes", merge_request(&world));
    for body in ["hello", "owner is @me\n<!-- regatta:owner:4.20.1 -->"] {
        let note = login(ask("POST", &notes)).json(&json!({"body": body})).of(&gitlab).await.json(201);
        assert_eq!((&note["body"], &note["author"]["username"]), (&json!(body), &json!(TOKEN_USER)));
    }
    let page = login(ask("GET", &format!("{notes}?per_page=2"))).of(&gitlab).await;
    assert_eq!((page.header("x-total"), page.header("x-next-page")), ("3", "2"));
    assert!(page.header("link").contains("page=2&per_page=2>; rel=\"next\""), "{}", page.header("link"));
    let list = page.json(200);
    assert!(list[0]["id"].as_u64() > list[1]["id"].as_u64());
    let last = login(ask("GET", &format!("{notes}?per_page=2&page=2"))).of(&gitlab).await.json(200);
    assert_eq!(last.as_array().unwrap().len(), 1);
    let counts = world.effects().counts();
    assert_eq!((counts["note:unmarked"], counts["note:owner:4.20.1"]), (1, 1));
    let blank = login(ask("POST", &notes)).json(&json!({"body": " "})).of(&gitlab).await;
    assert_eq!(blank.status, 400);
}

#[tokio::test]
async fn strangers_are_refused_and_what_is_unknown_is_not_found() {
    let world = world();
    let gitlab = imitation(world.clone());
    assert_eq!(
        ask("GET", "/api/v4/user").of(&gitlab).await.json(401),
        json!({"message": "401 Unauthorized"})
    );
    let project = login(ask("GET", "/api/v4/projects/some%2Fother")).of(&gitlab).await.json(404);
    assert_eq!(project, json!({"message": "404 Project Not Found"}));
    let mr = login(ask("GET", &format!("{PROJECT}/merge_requests/9999999"))).of(&gitlab).await;
    assert_eq!(mr.status, 404);
    let me = login(ask("GET", "/api/v4/user")).of(&gitlab).await.json(200);
    assert_eq!(me["username"], TOKEN_USER);
    let found = login(ask("GET", "/api/v4/users?search=jane%40redhat.com")).of(&gitlab).await.json(200);
    assert_eq!(found[0]["username"], "jane");
    let nobody = login(ask("GET", "/api/v4/users?search=jane%40example.com")).of(&gitlab).await.json(200);
    assert_eq!(nobody, json!([]));
}
