//! How GitLab shows what it keeps.

use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Note;
use super::shipment::{File, Shipment};
use crate::services::people::Person;
use crate::services::wire::{self, iso_millis, number_of};
use crate::world::World;

/// Numeric id of the shipment data project.
pub(super) const PROJECT_ID: u64 = 77_123;

/// A user as listed.
pub(super) fn user(person: &Person, base: &str) -> Value {
    json!({
        "id": person.number(), "username": person.name, "public_email": null, "name": person.display_name(), "state": "active",
        "locked": false, "avatar_url": null, "web_url": format!("{base}/{}", person.name),
    })
}

/// The token's user.
pub(super) fn current_user(person: &Person, base: &str) -> Value {
    let mut shown = user(person, base);
    for (key, value) in [
        ("email", json!(person.email())),
        ("commit_email", json!(person.email())),
        ("created_at", json!("2021-03-04T10:00:00.000Z")),
        ("bio", json!("")),
        ("bot", json!(false)),
        ("is_admin", json!(false)),
        ("can_create_group", json!(false)),
        ("can_create_project", json!(true)),
        ("two_factor_enabled", json!(false)),
        ("external", json!(false)),
        ("private_profile", json!(false)),
        ("identities", json!([])),
    ] {
        shown[key] = value;
    }
    shown
}

/// The shipment data project.
pub(super) fn project(path: &str, base: &str) -> Value {
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
    json!({
        "id": PROJECT_ID, "description": "Shipment data of OpenShift releases", "name": name, "name_with_namespace": path.replace('/', " / "),
        "path": name, "path_with_namespace": path, "created_at": "2024-11-20T09:00:00.000Z", "default_branch": "main", "tag_list": [],
        "topics": [], "ssh_url_to_repo": format!("git@gitlab:{path}.git"), "http_url_to_repo": format!("{base}/{path}.git"),
        "web_url": format!("{base}/{path}"), "readme_url": null, "forks_count": 12, "avatar_url": null, "star_count": 3,
        "last_activity_at": "2025-10-01T00:00:00.000Z", "visibility": "internal", "archived": false, "empty_repo": false,
        "namespace": {"id": 9_100, "name": namespace.rsplit('/').next(), "path": namespace.rsplit('/').next(), "kind": "group",
            "full_path": namespace, "parent_id": null, "avatar_url": null, "web_url": format!("{base}/groups/{namespace}")},
        "merge_requests_enabled": true, "issues_enabled": false, "jobs_enabled": true, "merge_method": "merge",
        "only_allow_merge_if_pipeline_succeeds": false, "permissions": {"project_access": {"access_level": 30, "notification_level": 3}, "group_access": null},
    })
}

/// The commit at the source branch's tip.
pub(super) fn head_sha(shipment: &Shipment) -> String {
    regatta_kit::ids::digest(shipment.source_branch.as_bytes(), 40)
}

fn base_sha(shipment: &Shipment) -> String {
    regatta_kit::ids::digest(shipment.project.as_bytes(), 40)
}

/// The merge request.
pub(super) fn merge_request(world: &World, shipment: &Shipment, base: &str) -> Value {
    let author = user(&Person { name: "art-bot".to_owned() }, base);
    let opened = iso_millis(shipment.opened_at);
    let url = format!("{base}/{}/-/merge_requests/{}", shipment.project, shipment.iid);
    json!({
        "id": 2_100_000 + shipment.iid, "iid": shipment.iid, "project_id": PROJECT_ID, "title": shipment.title,
        "description": format!("Created by ART for {}", world.scenario().jira_ticket), "state": "opened",
        "created_at": opened, "updated_at": iso_millis(world.now().min(shipment.stage_ends_at)), "merged_by": null, "merge_user": null,
        "merged_at": null, "closed_by": null, "closed_at": null, "target_branch": "main", "source_branch": shipment.source_branch,
        "user_notes_count": 1, "upvotes": 0, "downvotes": 0, "author": author.clone(), "assignees": [], "assignee": null, "reviewers": [],
        "source_project_id": PROJECT_ID, "target_project_id": PROJECT_ID, "labels": shipment.labels(world), "draft": false,
        "imported": false, "work_in_progress": false, "milestone": null, "merge_when_pipeline_succeeds": false, "merge_status": "can_be_merged",
        "detailed_merge_status": "not_approved", "sha": head_sha(shipment), "merge_commit_sha": null, "squash_commit_sha": null,
        "discussion_locked": null, "should_remove_source_branch": null, "force_remove_source_branch": true, "prepared_at": opened,
        "reference": format!("!{}", shipment.iid), "references": {"short": format!("!{}", shipment.iid), "relative": format!("!{}", shipment.iid),
            "full": format!("{}!{}", shipment.project, shipment.iid)},
        "web_url": url, "time_stats": {"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": null, "human_total_time_spent": null},
        "squash": false, "squash_on_merge": false, "task_completion_status": {"count": 0, "completed_count": 0}, "has_conflicts": false,
        "blocking_discussions_resolved": true, "approvals_before_merge": null, "subscribed": false, "changes_count": "4",
        "latest_build_started_at": opened, "latest_build_finished_at": null, "first_deployed_to_production_at": null,
        "pipeline": pipelines(world, shipment, base).into_iter().next(), "head_pipeline": pipelines(world, shipment, base).into_iter().next(),
        "diff_refs": {"base_sha": base_sha(shipment), "head_sha": head_sha(shipment), "start_sha": base_sha(shipment)},
        "merge_error": null, "first_contribution": false, "user": {"can_merge": false},
    })
}

/// The files as changes: all of them are new.
pub(super) fn changes(files: &[File]) -> Value {
    files
        .iter()
        .map(|file| {
            let lines = file.text.lines().count();
            let added: String = file.text.lines().map(|line| format!("+{line}\n")).collect();
            json!({
                "diff": format!("@@ -0,0 +1,{lines} @@\n{added}"), "collapsed": false, "too_large": false, "new_path": file.path,
                "old_path": file.path, "a_mode": "0", "b_mode": "100644", "new_file": true, "renamed_file": false, "deleted_file": false,
                "generated_file": false,
            })
        })
        .collect()
}

/// A file of the repository.
pub(super) fn file(file: &File, shipment: &Shipment) -> Response {
    let name = file.path.rsplit('/').next();
    wire::ok(&json!({
        "file_name": name, "file_path": file.path, "size": file.text.len(), "encoding": "base64", "content": file.base64(),
        "content_sha256": regatta_kit::ids::digest(file.text.as_bytes(), 64), "ref": shipment.source_branch,
        "blob_id": regatta_kit::ids::digest(file.text.as_bytes(), 40), "commit_id": head_sha(shipment),
        "last_commit_id": head_sha(shipment), "execute_filemode": false,
    }))
}

fn pipeline_id(shipment: &Shipment) -> u64 {
    12_000_000 + number_of(&shipment.source_branch, 900_000)
}

/// The merge request's pipelines, newest first. The newest waits for a manual job for as long as it exists; an older one
/// was cancelled.
pub(super) fn pipelines(world: &World, shipment: &Shipment, base: &str) -> Vec<Value> {
    let id = pipeline_id(shipment);
    let shown = |id: u64, status: &str, created: Timestamp, updated: Timestamp| {
        json!({
            "id": id, "iid": 3_000 + id % 1_000, "project_id": PROJECT_ID, "sha": head_sha(shipment),
            "ref": format!("refs/merge-requests/{}/head", shipment.iid), "status": status, "source": "merge_request_event",
            "created_at": iso_millis(created), "updated_at": iso_millis(updated), "name": null,
            "web_url": format!("{base}/{}/-/pipelines/{id}", shipment.project),
        })
    };
    let opened = shipment.opened_at;
    let minute = SignedDuration::from_mins(1);
    vec![
        shown(id, "manual", opened + minute * 5, world.now().min(shipment.stage_ends_at)),
        shown(id - 41, "canceled", opened, opened + minute * 4),
    ]
}

/// One pipeline with what only its own page shows.
pub(super) fn pipeline_detail(pipeline: &Value, shipment: &Shipment, base: &str) -> Value {
    let mut shown = pipeline.clone();
    shown["user"] = user(&Person { name: "art-bot".to_owned() }, base);
    shown["before_sha"] = json!("0000000000000000000000000000000000000000");
    shown["tag"] = json!(false);
    shown["yaml_errors"] = Value::Null;
    shown["started_at"] = json!(iso_millis(shipment.opened_at));
    for key in ["finished_at", "committed_at", "duration", "coverage"] {
        shown[key] = Value::Null;
    }
    shown["queued_duration"] = json!(2);
    let status = shown["status"].clone();
    shown["detailed_status"] = json!({"icon": "status_manual", "text": status, "label": status, "group": status,
        "tooltip": status, "has_details": true, "details_path": shown["web_url"], "illustration": null, "favicon": ""});
    shown
}

/// What jobs and bridges have in common.
fn job(pipeline: &Value, base: &str, ordinal: u64, stage: &str, name: &str, status: &str) -> Value {
    let id = pipeline["id"].as_u64().unwrap_or_default() * 7 + ordinal;
    let ended = status == "success";
    let begun = ended || status == "running";
    json!({
        "id": id, "status": status, "stage": stage, "name": name, "ref": pipeline["ref"], "tag": false, "coverage": null,
        "allow_failure": false, "created_at": pipeline["created_at"],
        "started_at": if begun { pipeline["created_at"].clone() } else { Value::Null },
        "finished_at": if ended { pipeline["updated_at"].clone() } else { Value::Null }, "erased_at": null,
        "duration": if ended { json!(61.5) } else { Value::Null }, "queued_duration": 1.2, "user": user(&Person { name: "art-bot".to_owned() }, base),
        "commit": {"id": pipeline["sha"], "short_id": pipeline["sha"].as_str().map(|sha| &sha[..8]), "title": "Add shipment files"},
        "pipeline": pipeline, "failure_reason": null, "web_url": format!("{base}/-/jobs/{id}"), "project": {"ci_job_token_scope_enabled": false},
    })
}

/// The jobs of a pipeline.
pub(super) fn jobs(shipment: &Shipment, pipeline: &Value, base: &str) -> Vec<Value> {
    let newest = pipeline["id"] == json!(pipeline_id(shipment));
    let status = if newest { "success" } else { "canceled" };
    let mut jobs = vec![
        job(pipeline, base, 1, "validate", "validate-schema", status),
        job(pipeline, base, 2, "validate", "validate-release-notes", status),
    ];
    if newest {
        jobs.push(job(pipeline, base, 3, "approve-prod", "approve-prod-release", "manual"));
    }
    for job in &mut jobs {
        job["artifacts"] = json!([]);
        job["runner"] = Value::Null;
        job["artifacts_expire_at"] = Value::Null;
        job["tag_list"] = json!([]);
    }
    jobs
}

/// The jobs that trigger other pipelines: the stage release, and the production release that waits for people.
pub(super) fn bridges(world: &World, shipment: &Shipment, pipeline: &Value, base: &str) -> Vec<Value> {
    let stage = shipment.stage_status(world.now());
    let mut bridges = vec![
        job(pipeline, base, 4, "stage-release-triggers", "trigger-stage-release", stage),
        job(pipeline, base, 5, "prod-release-triggers", "trigger-prod-release", "created"),
    ];
    for bridge in &mut bridges {
        let begun = bridge["status"] != "created";
        let id = pipeline["id"].as_u64().unwrap_or_default() + 9;
        bridge["downstream_pipeline"] = if begun {
            json!({"id": id, "sha": pipeline["sha"], "ref": "main", "status": bridge["status"], "project_id": PROJECT_ID + 5,
                "web_url": format!("{base}/{}/-/pipelines/{id}", shipment.project)})
        } else {
            Value::Null
        };
    }
    bridges
}

/// Who approved.
pub(super) fn approvals(
    world: &World,
    shipment: &Shipment,
    approved: &[(Person, Timestamp)],
    base: &str,
) -> Value {
    let by: Vec<Value> = approved
        .iter()
        .map(|(person, at)| json!({"user": user(person, base), "approved_at": iso_millis(*at)}))
        .collect();
    let mine = approved.iter().any(|(person, _)| person.name == super::TOKEN_USER);
    let left = 2usize.saturating_sub(approved.len());
    json!({
        "id": 2_100_000 + shipment.iid, "iid": shipment.iid, "project_id": PROJECT_ID, "title": shipment.title, "description": "",
        "state": "opened", "created_at": iso_millis(shipment.opened_at), "updated_at": iso_millis(world.now()), "merge_status": "can_be_merged",
        "approved": left == 0, "approvals_required": 2, "approvals_left": left, "require_password_to_approve": false,
        "approved_by": by, "suggested_approvers": [], "approvers": [], "approver_groups": [], "user_has_approved": mine,
        "user_can_approve": !mine, "approval_rules_left": [], "has_approval_rules": true, "merge_request_approvers_available": true,
        "multiple_approval_rules_available": true, "invalid_approvers_rules": [],
    })
}

/// A note.
pub(super) fn note(note: &Note, shipment: &Shipment, base: &str) -> Value {
    json!({
        "id": note.id, "type": null, "body": note.body, "author": user(&note.author, base), "created_at": iso_millis(note.at),
        "updated_at": iso_millis(note.at), "system": note.system, "noteable_id": 2_100_000 + shipment.iid, "noteable_type": "MergeRequest",
        "project_id": PROJECT_ID, "resolvable": false, "confidential": false, "internal": false, "imported": false,
        "imported_from": "none", "noteable_iid": shipment.iid, "commands_changes": {},
    })
}
