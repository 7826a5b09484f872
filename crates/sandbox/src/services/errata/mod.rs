//! The Errata Tool: the advisories of the scenario, their owner, state and pushes.
//!
//! Behind Kerberos: any request with a non-empty `Negotiate` credential is let in. A push request makes new push jobs
//! every time, as the real service does when asked again: doing it once is the client's duty and seen in the effects.

mod model;
mod render;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Mutex;

use self::model::{Advisory, State};
use super::people::Person;
use super::wire::{self, Call, Service};
use crate::imitation::Imitation;
use crate::world::World;

/// The service.
pub fn imitation(world: World) -> Imitation {
    Imitation::answering(Errata { state: Mutex::new(State::new(&world)), world })
}

struct Errata {
    world: World,
    state: Mutex<State>,
}

impl Service for Errata {
    fn answer(&self, call: &Call) -> Response {
        if call.authorization("Negotiate").is_none() {
            let page = "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>401 Unauthorized</title>\n</head><body>\n<h1>Unauthorized</h1>\n<p>This server could not verify that you\nare authorized to access the document\nrequested.</p>\n</body></html>\n";
            return wire::with_header(
                wire::html(StatusCode::UNAUTHORIZED, page),
                "www-authenticate",
                "Negotiate",
            );
        }
        let (method, path) = call.route();
        match (method, path.as_slice()) {
            ("GET", ["advisory", file]) => {
                self.read(file.trim_end_matches(".json"), |a| render::legacy(&self.world, a, &call.base))
            }
            ("GET", ["advisory", id, "tps_jobs.json"]) => self.read(id, render::tps_jobs),
            ("GET", ["advisory", id, "builds.json"]) => {
                self.read(id, |a| render::legacy_builds(&self.world, a))
            }
            ("GET", ["errata", "container", id]) => self.container(id),
            ("POST", ["bugs", "sync_bug_list"]) => self.sync_bug_list(call),
            ("GET", ["api", "v1", "erratum", id]) => self.read(id, |a| render::erratum(&self.world, a)),
            ("PUT", ["api", "v1", "erratum", id]) => self.update(call, id),
            ("GET", ["api", "v1", "erratum", id, "builds"]) => {
                self.read(id, |a| render::builds(&self.world, a))
            }
            ("POST", ["api", "v1", "erratum", id, "change_state"]) => self.change_state(call, id),
            ("GET", ["api", "v1", "erratum", id, "push"]) => {
                self.read(id, |a| render::push_jobs(&self.world, a))
            }
            ("GET", ["api", "v1", "erratum", id, "push", job]) => self.push_job(id, job),
            ("POST", ["api", "v1", "erratum", id, "push"]) => self.push(call, id),
            ("GET", ["api", "v1", "erratum", id, "security_alerts"]) => self.security_alerts(id),
            ("POST", ["api", "v1", "erratum", id, "security_alerts", "refresh"]) => self.security_alerts(id),
            ("GET", ["api", "v1", "external_tests"]) => self.external_tests(call),
            ("GET", ["api", "v1", "build", nvr]) => self.build(nvr),
            _ => wire::json(StatusCode::NOT_FOUND, &json!({"status": 404, "error": "Not Found"})),
        }
    }
}

impl Errata {
    fn read(&self, id: &str, show: impl FnOnce(&Advisory) -> Value) -> Response {
        match wire::lock(&self.state).advisory(id) {
            Some(advisory) => wire::ok(&show(advisory)),
            None => no_such(id),
        }
    }

    /// Sets owner and content. Unknown people are refused and then nothing at all is changed.
    fn update(&self, call: &Call, id: &str) -> Response {
        let fields = advisory_fields(call);
        let mut state = wire::lock(&self.state);
        let Some(advisory) = state.advisory_mut(id) else { return no_such(id) };
        let mut changed = advisory.clone();
        let mut errors = serde_json::Map::new();
        for (name, value) in &fields {
            let person = |errors: &mut serde_json::Map<String, Value>, slot: &mut Person, what: &str| {
                match Person::at(value) {
                    Some(person) => *slot = person,
                    None => {
                        errors.insert(what.to_owned(), json!([format!("{value} is not a valid user")]));
                    }
                }
            };
            match name.as_str() {
                "assigned_to_email" => person(&mut errors, &mut changed.assigned_to, "assigned_to"),
                "package_owner_email" => person(&mut errors, &mut changed.package_owner, "package_owner"),
                "manager_email" => person(&mut errors, &mut changed.manager, "manager"),
                "quality_responsibility_name" => changed.qe_group.clone_from(value),
                "synopsis" | "topic" | "description" | "solution" if value.trim().is_empty() => {
                    errors.insert(name.clone(), json!([format!("{name} can't be blank")]));
                }
                "synopsis" => changed.synopsis.clone_from(value),
                "topic" => changed.topic.clone_from(value),
                "description" => changed.description.clone_from(value),
                "solution" => changed.solution.clone_from(value),
                "cve" => changed.cve.clone_from(value),
                "idsfixed" => changed.ids_fixed = value.split_whitespace().map(str::to_owned).collect(),
                "text_ready" => changed.text_ready = value == "1" || value == "true",
                "security_approved" => changed.security_approved = value == "1" || value == "true",
                _ => {}
            }
        }
        if !errors.is_empty() {
            return wire::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({"errors": errors}));
        }
        if changed.assigned_to != advisory.assigned_to {
            self.world.effects().record(format!("advisory-owner:{id}"));
            self.world.log("errata", format!("advisory {id} assigned to {}", changed.assigned_to.email()));
        }
        changed.updated_at = self.world.now();
        *advisory = changed;
        wire::ok(&render::erratum(&self.world, advisory))
    }

    fn change_state(&self, call: &Call, id: &str) -> Response {
        let wanted = wire::field(&body_fields(call), "new_state").unwrap_or_default().to_owned();
        let mut state = wire::lock(&self.state);
        let Some(advisory) = state.advisory_mut(id) else { return no_such(id) };
        if wanted.is_empty() {
            return wire::json(
                StatusCode::BAD_REQUEST,
                &json!({"error": "Missing required parameter: new_state"}),
            );
        }
        if let Err(why) = advisory.may_become(&wanted) {
            return wire::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({"errors": {"status": [why]}}));
        }
        advisory.status.clone_from(&wanted);
        advisory.updated_at = self.world.now();
        self.world.effects().record(format!("advisory-state:{id}:{wanted}"));
        self.world.log("errata", format!("advisory {id} is now {wanted}"));
        wire::json(StatusCode::CREATED, &render::erratum(&self.world, advisory))
    }

    fn push(&self, call: &Call, id: &str) -> Response {
        let defaults = call
            .query("defaults")
            .map(str::to_owned)
            .or_else(|| wire::field(&body_fields(call), "defaults").map(str::to_owned));
        let mut state = wire::lock(&self.state);
        let State { advisories, next_push_id } = &mut *state;
        let Some(advisory) = advisories.iter_mut().find(|a| a.id.to_string() == id) else {
            return no_such(id);
        };
        let error = match defaults.as_deref() {
            Some("stage") if matches!(advisory.status.as_str(), "QE" | "REL_PREP" | "PUSH_READY") => None,
            Some("stage") => {
                Some(format!("Advisory can't be pushed to stage while in state {}", advisory.status))
            }
            Some("live") => Some("User does not have permission to push live".to_owned()),
            _ => Some("Invalid value for 'defaults': expected 'live' or 'stage'".to_owned()),
        };
        if let Some(error) = error {
            return wire::json(StatusCode::BAD_REQUEST, &json!({"error": error}));
        }
        let made = advisory.push_to_stage(&self.world, next_push_id);
        self.world.effects().record(format!("push:{id}"));
        self.world.log("errata", format!("advisory {id} is pushed to stage"));
        let created: Vec<Value> =
            made.iter().map(|job| render::push_job(&self.world, advisory, job)).collect();
        wire::json(StatusCode::CREATED, &json!(created))
    }

    fn push_job(&self, id: &str, job: &str) -> Response {
        let state = wire::lock(&self.state);
        let Some(advisory) = state.advisory(id) else { return no_such(id) };
        match advisory.pushes.iter().find(|push| push.id.to_string() == job) {
            Some(push) => wire::ok(&render::push_job(&self.world, advisory, push)),
            None => wire::json(
                StatusCode::NOT_FOUND,
                &json!({"error": format!("Couldn't find PushJob with 'id'={job}")}),
            ),
        }
    }

    fn security_alerts(&self, id: &str) -> Response {
        let state = wire::lock(&self.state);
        match state.advisory(id) {
            None => no_such(id),
            Some(advisory) if advisory.kind_of_errata() != "RHSA" => wire::json(
                StatusCode::BAD_REQUEST,
                &json!({"error": "Security alerts are only available for security advisories"}),
            ),
            Some(advisory) => wire::ok(&render::security_alerts(advisory)),
        }
    }

    fn external_tests(&self, call: &Call) -> Response {
        let state = wire::lock(&self.state);
        let id = call.query("filter[errata_id]");
        let page = call.query_number("page[number]", 1).max(1);
        let size = call.query_number("page[size]", 50).clamp(1, 500);
        let tests: Vec<Value> = state
            .advisories
            .iter()
            .filter(|advisory| id.is_none_or(|id| advisory.id.to_string() == id))
            .flat_map(|advisory| {
                render::external_tests(&self.world, advisory, call.query("filter[test_type]"))
            })
            .collect();
        let data: Vec<&Value> = tests.iter().skip((page - 1) * size).take(size).collect();
        wire::ok(
            &json!({"data": data, "meta": {}, "links": {"self": format!("{}/api/v1/external_tests", call.base)}}),
        )
    }

    fn build(&self, nvr: &str) -> Response {
        let state = wire::lock(&self.state);
        let found =
            state.advisories.iter().flat_map(|a| render::nvrs(&self.world, a)).any(|known| known == nvr);
        if !found {
            return wire::json(
                StatusCode::NOT_FOUND,
                &json!({"error": format!("Couldn't find BrewBuild with 'nvr'={nvr}")}),
            );
        }
        wire::ok(&json!({
            "id": wire::number_of(nvr, 4_000_000), "nvr": nvr, "package": {"name": nvr.rsplitn(3, '-').last()},
            "released_errata": null, "all_errata": [], "rpms_signed": true,
        }))
    }

    fn container(&self, id: &str) -> Response {
        let state = wire::lock(&self.state);
        let Some(advisory) = state.advisory(id) else { return no_such(id) };
        wire::html(StatusCode::OK, render::container_page(advisory))
    }

    /// Accepts any issue keys; an empty list is an error.
    fn sync_bug_list(&self, call: &Call) -> Response {
        let fields = body_fields(call);
        let list = wire::field(&fields, "issue_list").unwrap_or_default();
        if list.trim().is_empty() {
            return wire::json(StatusCode::BAD_REQUEST, &json!({"error": "issue_list can't be blank"}));
        }
        wire::html(
            StatusCode::OK,
            format!("<html><body><p>{} issues synced</p></body></html>", list.split_whitespace().count()),
        )
    }
}

fn no_such(id: &str) -> Response {
    wire::json(StatusCode::NOT_FOUND, &json!({"error": format!("Couldn't find Errata with 'id'={id}")}))
}

/// A body's fields, from a form or a flat JSON object.
fn body_fields(call: &Call) -> Vec<(String, String)> {
    if call.is_json() {
        let value = call.json().unwrap_or_default();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return value
            .as_object()
            .map(|map| map.iter().map(|(k, v)| (k.clone(), text(v))).collect())
            .unwrap_or_default();
    }
    call.form()
}

/// The fields `advisory[NAME]` by NAME; JSON bodies nest them.
fn advisory_fields(call: &Call) -> Vec<(String, String)> {
    if call.is_json() {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = call.json().unwrap_or_default();
        let fields = value["advisory"].as_object();
        return fields.map(|map| map.iter().map(|(k, v)| (k.clone(), text(v))).collect()).unwrap_or_default();
    }
    call.form()
        .into_iter()
        .filter_map(|(key, value)| {
            Some((key.strip_prefix("advisory[")?.strip_suffix(']')?.to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::wire::testing::{Ask, ask, world};
    use jiff::SignedDuration;

    fn login(ask: Ask) -> Ask {
        ask.header("authorization", "Negotiate dGlja2V0")
    }

    #[tokio::test]
    async fn an_advisory_gets_an_owner_is_pushed_and_made_ready() {
        let world = world();
        let errata = imitation(world.clone());
        let id = world.scenario().advisories["rhcos"];
        let erratum = format!("/api/v1/erratum/{id}");

        let before = login(ask("GET", &erratum)).of(&errata).await.json(200);
        let rhsa = &before["errata"]["rhsa"];
        assert_eq!((&rhsa["status"], &rhsa["blocking_advisories"]), (&json!("QE"), &json!([])));
        assert!(before["content"]["content"]["cve"].as_str().unwrap().starts_with("CVE-"));
        assert!(
            before["jira_issues"]["jira_issues"][0]["jira_issue"]["key"]
                .as_str()
                .unwrap()
                .starts_with("OCPBUGS-")
        );

        let body = "advisory%5Bassigned_to_email%5D=me%40redhat.com&advisory%5Bsynopsis%5D=New+one";
        for _ in 0..2 {
            let after = login(ask("PUT", &erratum)).form(body).of(&errata).await.json(200);
            assert_eq!(after["errata"]["rhsa"]["synopsis"], "New one");
        }
        let people = login(ask("GET", &format!("/advisory/{id}.json"))).of(&errata).await.json(200);
        assert_eq!(people["people"]["assigned_to"], "me@redhat.com");
        let refused = login(ask("PUT", &erratum))
            .form("advisory%5Bassigned_to_email%5D=me%40example.com")
            .of(&errata)
            .await;
        assert_eq!(
            refused.json(422),
            json!({"errors": {"assigned_to": ["me@example.com is not a valid user"]}})
        );

        assert_eq!(login(ask("GET", &format!("{erratum}/push"))).of(&errata).await.json(200), json!([]));
        let pushed =
            login(ask("POST", &format!("{erratum}/push?defaults=stage"))).of(&errata).await.json(201);
        assert_eq!(
            (&pushed[0]["status"], &pushed[0]["target"]["name"]),
            (&json!("READY"), &json!("cdn_stage"))
        );
        let mut seen = vec![];
        for minutes in [0, 5, 25, 30] {
            world.advance_to(world.now() + SignedDuration::from_mins(minutes));
            let jobs = login(ask("GET", &format!("{erratum}/push"))).of(&errata).await.json(200);
            seen.push(jobs[0]["status"].as_str().unwrap().to_owned());
        }
        assert_eq!(seen, ["READY", "RUNNING", "WAITING_ON_PUB", "COMPLETE"]);

        let alerts =
            login(ask("POST", &format!("{erratum}/security_alerts/refresh"))).of(&errata).await.json(200);
        assert_eq!(alerts["alerts"]["blocking"], false);
        let ready = login(ask("POST", &format!("{erratum}/change_state")))
            .form("new_state=REL_PREP")
            .of(&errata)
            .await;
        assert_eq!(ready.json(201)["errata"]["rhsa"]["status"], "REL_PREP");
        let again = login(ask("POST", &format!("{erratum}/change_state")))
            .form("new_state=REL_PREP")
            .of(&errata)
            .await;
        assert!(again.json(422)["errors"]["status"][0].as_str().unwrap().contains("REL_PREP"));

        let counts = world.effects().counts();
        let expected = [
            (format!("advisory-owner:{id}"), 1),
            (format!("advisory-state:{id}:REL_PREP"), 1),
            (format!("push:{id}"), 1),
        ];
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn without_a_ticket_there_is_a_401_and_a_bug_fix_advisory_has_no_security_alerts() {
        let world = world();
        let errata = imitation(world.clone());
        let id = world.scenario().advisories["rpm"];
        let answer = ask("GET", &format!("/api/v1/erratum/{id}")).of(&errata).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Negotiate"));
        assert_eq!(login(ask("GET", "/api/v1/erratum/1")).of(&errata).await.status, 404);
        let alerts = login(ask("GET", &format!("/api/v1/erratum/{id}/security_alerts"))).of(&errata).await;
        assert_eq!(alerts.status, 400);
        let tests = format!(
            "/api/v1/external_tests/?filter[active]=true&filter[errata_id]={id}&filter[test_type]=greenwave_cvp&page[number]="
        );
        let first = login(ask("GET", &format!("{tests}1").replace('[', "%5B").replace(']', "%5D")))
            .of(&errata)
            .await
            .json(200);
        assert_eq!(first["data"][0]["attributes"]["status"], "PASSED");
        let second = login(ask("GET", &format!("{tests}2").replace('[', "%5B").replace(']', "%5D")))
            .of(&errata)
            .await
            .json(200);
        assert_eq!(second["data"], json!([]));
    }
}
