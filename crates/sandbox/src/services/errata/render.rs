//! How the Errata Tool shows what it keeps, in both of its APIs.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::model::{Advisory, Push};
use crate::services::people::Person;
use crate::services::wire::{iso, number_of};
use crate::world::World;

/// `GET /api/v1/erratum/ID`.
pub(super) fn erratum(world: &World, advisory: &Advisory) -> Value {
    let kind = advisory.kind_of_errata();
    let rpm = advisory.kind == "rpm";
    let release_date = world.scenario().release_date;
    let security = kind == "RHSA";
    let mut errata = json!({
        "id": advisory.id, "fulladvisory": full_name(world, advisory), "errata_id": advisory.id % 10_000, "revision": 1,
        "synopsis": advisory.synopsis, "errata_type": kind, "status": advisory.status, "old_advisory": null,
        "status_updated_at": iso(advisory.updated_at), "created_at": iso(advisory.created_at), "updated_at": iso(advisory.updated_at),
        "issue_date": iso(advisory.created_at), "update_date": null, "release_date": null, "publish_date": null,
        "publish_date_override": format!("{release_date}T00:00:00Z"), "actual_ship_date": null,
        "embargo_date": null, "embargo_undated": false,
        "text_only": false, "content_types": [if rpm { "rpm" } else { "docker" }], "text_ready": if advisory.text_ready { 1 } else { 0 },
        "doc_complete": 1, "rhnqa": if advisory.pushes.is_empty() { 0 } else { 1 }, "rhnqa_shadow": 0, "closed": 0, "deleted": 0,
        "security_impact": if security { "Moderate" } else { "None" },
        "security_approved": if security { json!(advisory.security_approved) } else { Value::Null }, "security_sla": null,
        "sign_requested": 0, "is_brew": 1, "is_valid": 1, "contract": null, "pushcount": advisory.pushes.len(), "priority": "normal",
        "severity": "normal", "resolution": "", "rating": 0, "mailed": 0, "qa_complete": 0, "rhn_complete": 0, "sent_pushed": 0,
        "supports_multiple_product_destinations": null, "skip_customer_notifications": false, "product_id": 79,
        "group_id": 1_800, "batch_id": null, "blocking_advisories": [], "dependent_advisories": [],
        "assigned_to_id": advisory.assigned_to.number(), "manager_id": advisory.manager.number(),
        "package_owner_id": advisory.package_owner.number(), "reporter_id": advisory.package_owner.number(),
        "quality_responsibility_id": 112, "respin_count": 0, "current_state_index_id": number_of(&advisory.id.to_string(), 2_000_000),
        "product": product(), "release": release(world), "people": people(advisory),
    });
    if security {
        errata["cve_count"] = json!(advisory.cve.split_whitespace().count());
    }
    let issues: Vec<Value> = advisory
        .ids_fixed
        .iter()
        .filter(|id| id.contains('-'))
        .map(|key| {
            json!({"jira_issue": {
                "id": number_of(key, 900_000), "id_jira": 16_000_000 + number_of(key, 900_000), "key": key, "summary": format!("issue {key}"),
                "status": "ON_QA", "is_private": false, "labels": [], "updated": iso(advisory.updated_at),
            }})
        })
        .collect();
    let bugs: Vec<Value> = advisory
        .ids_fixed
        .iter()
        .filter_map(|id| id.parse::<u64>().ok())
        .map(|id| json!({"bug": {"id": id, "bug_status": "ON_QA", "is_private": 0}}))
        .collect();
    json!({
        "original_type": null, "errata": {kind.to_ascii_lowercase(): errata},
        "content": {"content": {
            "id": advisory.id, "errata_id": advisory.id, "topic": advisory.topic, "description": advisory.description,
            "solution": advisory.solution, "cve": advisory.cve, "keywords": "", "obsoletes": "", "crossref": "", "reference": "",
            "how_to_test": null, "text_only_cpe": null, "product_version_text": null, "updated_at": iso(advisory.updated_at),
            "revision_count": 1, "doc_reviewer_id": 1,
        }},
        "bugs": {"bugs": bugs, "idsfixed": bugs_of(&advisory.ids_fixed), "errata_id": advisory.id},
        "jira_issues": {"jira_issues": issues, "errata_id": advisory.id},
        "diffs": {}, "params": {"action": "show", "controller": "api/v1/erratum", "format": "json", "id": advisory.id.to_string()},
    })
}

fn bugs_of(ids: &[String]) -> Vec<u64> {
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}

/// `RHBA-2025:155454-01`, as before the live id is given.
fn full_name(world: &World, advisory: &Advisory) -> String {
    format!("{}-{}:{}-01", advisory.kind_of_errata(), world.scenario().release_date.year(), advisory.id)
}

fn product() -> Value {
    json!({"id": 79, "name": "Red Hat OpenShift Enterprise", "short_name": "RHOSE"})
}

fn release(world: &World) -> Value {
    let stream = world.scenario().release.stream;
    json!({"id": 800 + u64::from(stream.minor), "name": format!("OSE-{stream}-RHEL-9"), "type": "QuarterlyUpdate"})
}

fn people(advisory: &Advisory) -> Value {
    json!({
        "assigned_to": advisory.assigned_to.email(), "package_owner": advisory.package_owner.email(),
        "reporter": advisory.package_owner.email(), "qe_group": advisory.qe_group, "manager": advisory.manager.email(),
        "devel_group": "ENG OpenShift Enterprise", "doc_reviewer": Person { name: "docs-lead".to_owned() }.email(),
        "docs_responsibility": "Default",
    })
}

/// `GET /advisory/ID.json`.
pub(super) fn legacy(world: &World, advisory: &Advisory, base: &str) -> Value {
    json!({
        "id": advisory.id, "advisory_name": full_name(world, advisory), "errata_type": advisory.kind_of_errata(),
        "synopsis": advisory.synopsis, "status": advisory.status, "status_time": iso(advisory.updated_at), "revision": 1,
        "security_impact": if advisory.kind_of_errata() == "RHSA" { "Moderate" } else { "None" },
        "product": product(), "release": release(world), "people": people(advisory),
        "content_types": [if advisory.kind == "rpm" { "rpm" } else { "docker" }],
        "timestamps": {"issue_date": iso(advisory.created_at), "update_date": iso(advisory.updated_at), "release_date": null,
            "status_time": iso(advisory.updated_at), "security_sla": null, "embargo_date": null, "actual_ship_date": null},
        "flags": {"text_ready": advisory.text_ready, "mailed": false, "doc_complete": true, "embargo_undated": false, "text_only": false},
        "idsfixed": advisory.ids_fixed, "bugs": bugs_of(&advisory.ids_fixed), "rhnqa": !advisory.pushes.is_empty(),
        "url": format!("{base}/advisory/{}", advisory.id),
    })
}

/// Names of the builds attached.
pub(super) fn nvrs(world: &World, advisory: &Advisory) -> Vec<String> {
    let scenario = world.scenario();
    let stamp = (scenario.start - SignedDuration::from_hours(40)).strftime("%Y%m%d%H%M");
    let stream = scenario.release.stream;
    match advisory.kind.as_str() {
        "rhcos" => ["x86_64", "aarch64", "ppc64le", "s390x"]
            .iter()
            .map(|arch| format!("rhcos-{arch}-{}{}.94.{stamp}-0", stream.major, stream.minor))
            .collect(),
        "rpm" | "microshift" => ["openshift", "openshift-clients", "openshift-ansible"]
            .iter()
            .map(|name| {
                format!("{name}-{}-{stamp}.p0.g1a2b3c4.assembly.{}.el9", scenario.release, scenario.release)
            })
            .collect(),
        kind => vec![format!("ose-{kind}-container-v{stream}.0-{stamp}.p0")],
    }
}

/// The product version that the builds belong to.
fn product_version(world: &World) -> String {
    format!("OSE-{}-RHEL-9", world.scenario().release.stream)
}

/// `GET /api/v1/erratum/ID/builds`.
pub(super) fn builds(world: &World, advisory: &Advisory) -> Value {
    let version = product_version(world);
    let builds: Vec<Value> = nvrs(world, advisory)
        .into_iter()
        .map(|nvr| {
            let detail = json!({
                "nvr": nvr, "nevr": nvr, "id": number_of(&nvr, 4_000_000), "is_module": false, "is_signed": true,
                "added_by": "art-bot", "variant_arch": {format!("9Base-{version}"): {"x86_64": [format!("{nvr}.x86_64.rpm")]}},
            });
            json!({nvr: detail})
        })
        .collect();
    json!({version.clone(): {"name": version, "description": format!("Red Hat OpenShift {version}"), "builds": builds}})
}

/// `GET /advisory/ID/builds.json`.
pub(super) fn legacy_builds(world: &World, advisory: &Advisory) -> Value {
    let version = product_version(world);
    let builds: Vec<Value> = nvrs(world, advisory)
        .into_iter()
        .map(|nvr| {
            let files = json!({format!("9Base-{version}"): {"x86_64": [format!("{nvr}.x86_64.rpm")]}});
            json!({nvr: files})
        })
        .collect();
    json!({version: builds})
}

/// `GET /advisory/ID/tps_jobs.json`.
pub(super) fn tps_jobs(advisory: &Advisory) -> Value {
    let jobs = ["x86_64", "aarch64"].iter().enumerate().map(|(i, arch)| {
        json!({
            "job_id": number_of(&format!("{}/{arch}", advisory.id), 9_000_000), "run_id": number_of(&advisory.id.to_string(), 900_000),
            "arch": arch, "version": "9Base", "release": "RHEL-9", "state": "GOOD", "state_id": 5, "host": format!("tps-{}.host.example", i + 1),
            "started": iso(advisory.created_at), "finished": iso(advisory.updated_at), "rhnqa": false, "config": "default", "repo_name": null,
        })
    });
    jobs.collect()
}

/// `GET /api/v1/erratum/ID/push`: newest first.
pub(super) fn push_jobs(world: &World, advisory: &Advisory) -> Value {
    advisory.pushes.iter().rev().map(|push| push_job(world, advisory, push)).collect()
}

/// One push job.
pub(super) fn push_job(world: &World, advisory: &Advisory, push: &Push) -> Value {
    let status = push.status(world.now());
    let target = match push.target {
        "cdn_stage" => json!({"id": 10, "name": "cdn_stage"}),
        name => json!({"id": 11, "name": name}),
    };
    json!({
        "id": push.id, "errata": {"id": advisory.id}, "errata_id": advisory.id, "status": status, "target": target,
        "priority": 0, "pub_options": {"push_files": true, "push_metadata": true, "priority": 0}, "pre_tasks": [], "post_tasks": ["mark_errata_shipped"],
        "pub_task": if matches!(status, "READY" | "RUNNING") { Value::Null } else { json!({"id": push.id + 3_000_000}) },
        "log": format!("Job created at {}\n", iso(push.made_at)), "created_at": iso(push.made_at),
        "updated_at": iso(world.now().min(push.ends_at)),
        "problem_message": "",
    })
}

/// `GET /api/v1/erratum/ID/security_alerts`, and the answer to a refresh: one alert, which does not block.
pub(super) fn security_alerts(advisory: &Advisory) -> Value {
    json!({
        "errata_id": advisory.id,
        "alerts": {
            "blocking": false,
            "alerts": [{
                "name": "missing_cve_description",
                "text": "A CVE has no description in the CVE database yet",
                "description": format!("{} has no public description", advisory.cve.split_whitespace().next().unwrap_or("A CVE")),
                "how_to_resolve": "Product Security writes it when the CVE becomes public", "blocking": false,
            }],
        },
    })
}

/// Entries of `GET /api/v1/external_tests`.
pub(super) fn external_tests(world: &World, advisory: &Advisory, test_type: Option<&str>) -> Vec<Value> {
    nvrs(world, advisory)
        .into_iter()
        .map(|nvr| {
            let id = number_of(&format!("{}/{nvr}", advisory.id), 9_000_000);
            json!({
                "id": id, "type": "external_tests",
                "attributes": {
                    "test_type": test_type.unwrap_or("greenwave_cvp"), "status": "PASSED", "active": true, "external_id": id,
                    "external_status": "PASSED", "created_at": iso(advisory.created_at), "updated_at": iso(advisory.updated_at),
                },
                "relationships": {
                    "errata": {"id": advisory.id, "type": "errata"},
                    "brew_build": {"id": number_of(&nvr, 4_000_000), "nvr": nvr},
                },
            })
        })
        .collect()
}

/// The page that shows how fresh the containers of an advisory are.
pub(super) fn container_page(advisory: &Advisory) -> String {
    format!(
        "<!DOCTYPE html>\n<html><head><title>Advisory {id} - Container Content</title></head><body>\n\
         <h1>Advisory {id}</h1>\n<div id=\"container_content\"><h2>Docker Container Content - A</h2></div>\n</body></html>\n",
        id = advisory.id
    )
}
