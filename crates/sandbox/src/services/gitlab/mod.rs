//! GitLab: the project with the shipment merge request, its pipeline, its approvals and its notes.
//!
//! Everything needs a token but the published stage advisories. One token is one user: whatever token comes is that of
//! the QE robot, whose second approval of the same merge request is refused as the real service refuses it (401).

mod render;
mod shipment;

use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Mutex;

use self::shipment::{ADVISORY_PROJECT, Shipment};
use super::people::Person;
use super::wire::{self, Call, Service};
use crate::imitation::Imitation;
use crate::world::World;

/// Login name of the token's user.
pub const TOKEN_USER: &str = "openshift-qe-bot";

/// The service.
pub fn imitation(world: World) -> Imitation {
    let shipment = Shipment::of(&world);
    Imitation::answering(GitLab { state: Mutex::new(State::before(shipment.as_ref())), shipment, world })
}

struct GitLab {
    world: World,
    /// `None` in the Errata flow: the project exists, the merge request does not.
    shipment: Option<Shipment>,
    state: Mutex<State>,
}

struct State {
    notes: Vec<Note>,
    next_note_id: u64,
    approved: Vec<(Person, Timestamp)>,
}

/// A comment on the merge request.
struct Note {
    id: u64,
    body: String,
    author: Person,
    system: bool,
    at: Timestamp,
}

impl State {
    fn before(shipment: Option<&Shipment>) -> Self {
        let author = Person { name: "art-bot".to_owned() };
        let notes = shipment.map(|shipment| Note {
            id: 16_400_201,
            body: "Shipment prepared by ART automation".to_owned(),
            author,
            system: false,
            at: shipment.opened_at,
        });
        Self { notes: notes.into_iter().collect(), next_note_id: 16_400_350, approved: Vec::new() }
    }
}

impl Service for GitLab {
    fn answer(&self, call: &Call) -> Response {
        let (method, path) = call.route();
        let logged_in = call.header("private-token").is_some_and(|token| !token.trim().is_empty())
            || call.authorization("Bearer").is_some();
        match path.as_slice() {
            ["api", "v4", rest @ ..] if logged_in => self.api(call, method, rest),
            ["api", "v4", ..] => {
                wire::json(StatusCode::UNAUTHORIZED, &json!({"message": "401 Unauthorized"}))
            }
            _ if method == "GET" => self.raw(call, &path, logged_in),
            _ => wire::html(
                StatusCode::NOT_FOUND,
                "<!DOCTYPE html><title>The page could not be found (404)</title>",
            ),
        }
    }
}

impl GitLab {
    fn api(&self, call: &Call, method: &str, path: &[&str]) -> Response {
        match (method, path) {
            ("GET", ["user"]) => {
                wire::ok(&render::current_user(&Person { name: TOKEN_USER.to_owned() }, &call.base))
            }
            ("GET", ["version" | "metadata"]) => {
                wire::ok(&json!({"version": "17.9.8-ee", "revision": "0c4f2d1a7b3", "enterprise": true}))
            }
            ("GET", ["users"]) => users(call),
            ("GET", ["merge_requests"]) => self.merge_requests(call),
            (_, ["projects", project, rest @ ..]) => self.project(call, method, project, rest),
            _ => not_found("404 Not Found"),
        }
    }

    fn project(&self, call: &Call, method: &str, project: &str, path: &[&str]) -> Response {
        let name = self
            .shipment
            .as_ref()
            .map_or("hybrid-platforms/art/ocp-shipment-data", |shipment| &shipment.project);
        if project != name && project != render::PROJECT_ID.to_string() {
            return not_found("404 Project Not Found");
        }
        match (method, path) {
            ("GET", []) => return wire::ok(&render::project(name, &call.base)),
            ("GET", ["merge_requests"]) => return self.merge_requests(call),
            _ => {}
        }
        let Some(shipment) = &self.shipment else { return not_found("404 Not found") };
        match (method, path) {
            ("GET", ["repository", "files", file]) => self.file(call, shipment, file, render::file),
            ("GET", ["repository", "files", file, "raw"]) => {
                self.file(call, shipment, file, |file, _| wire::text(StatusCode::OK, file.text.clone()))
            }
            (_, ["merge_requests", iid, rest @ ..]) if *iid == shipment.iid.to_string() => {
                self.merge_request(call, method, shipment, rest)
            }
            ("GET", ["pipelines", id, rest @ ..]) => self.pipeline(call, shipment, id, rest),
            _ => not_found("404 Not found"),
        }
    }

    fn merge_requests(&self, call: &Call) -> Response {
        let wanted = |shipment: &&Shipment| {
            let search = call.query("search").unwrap_or_default().to_lowercase();
            let iid = shipment.iid.to_string();
            let mut iids = call.query_all("iids[]").peekable();
            shipment.title.to_lowercase().contains(&search)
                && matches!(call.query("state").unwrap_or("all"), "all" | "opened")
                && call.query("source_branch").is_none_or(|branch| branch == shipment.source_branch)
                && (iids.peek().is_none() || iids.any(|wanted| wanted == iid))
        };
        let found: Vec<Value> = self
            .shipment
            .iter()
            .filter(wanted)
            .map(|shipment| render::merge_request(&self.world, shipment, &call.base))
            .collect();
        paged(call, &found)
    }

    fn merge_request(&self, call: &Call, method: &str, shipment: &Shipment, path: &[&str]) -> Response {
        let show = || render::merge_request(&self.world, shipment, &call.base);
        match (method, path) {
            ("GET", []) => wire::ok(&show()),
            ("GET", ["changes"]) => {
                let mut merge_request = show();
                merge_request["changes"] = render::changes(&shipment.files(&self.world, &call.base));
                merge_request["overflow"] = json!(false);
                wire::ok(&merge_request)
            }
            ("GET", ["diffs"]) => {
                let changes = render::changes(&shipment.files(&self.world, &call.base));
                paged(call, changes.as_array().map_or(&[], Vec::as_slice))
            }
            ("GET", ["pipelines"]) => paged(call, &render::pipelines(&self.world, shipment, &call.base)),
            ("GET", ["approvals"]) => wire::ok(&self.approvals(call, shipment)),
            ("POST", ["approve"]) => self.approve(call, shipment),
            ("POST", ["unapprove"]) => self.unapprove(),
            ("GET", ["notes"]) => self.notes(call, shipment),
            ("POST", ["notes"]) => self.post_note(call, shipment, |note| note),
            ("GET", ["notes", id]) => {
                let state = wire::lock(&self.state);
                let note = state.notes.iter().find(|note| note.id.to_string() == *id);
                note.map_or_else(
                    || not_found("404 Not found"),
                    |note| wire::ok(&render::note(note, shipment, &call.base)),
                )
            }
            ("POST", ["discussions"]) => self.post_note(call, shipment, |note| {
                let id = regatta_kit::ids::digest(note.to_string().as_bytes(), 40);
                json!({"id": id, "individual_note": false, "notes": [note]})
            }),
            ("PUT", ["merge"]) => {
                wire::json(StatusCode::METHOD_NOT_ALLOWED, &json!({"message": "405 Method Not Allowed"}))
            }
            _ => not_found("404 Not Found"),
        }
    }

    fn approvals(&self, call: &Call, shipment: &Shipment) -> Value {
        let state = wire::lock(&self.state);
        render::approvals(&self.world, shipment, &state.approved, &call.base)
    }

    /// The token's user approves; a second time is refused.
    fn approve(&self, call: &Call, shipment: &Shipment) -> Response {
        {
            let mut state = wire::lock(&self.state);
            let me = Person { name: TOKEN_USER.to_owned() };
            if state.approved.iter().any(|(person, _)| *person == me) {
                return wire::json(StatusCode::UNAUTHORIZED, &json!({"message": "401 Unauthorized"}));
            }
            state.approved.push((me.clone(), self.world.now()));
            self.world.effects().record("approve:shipment-mr");
            self.world.log("gitlab", "the shipment merge request is approved");
            let id = take_id(&mut state);
            state.notes.push(Note {
                id,
                body: "approved this merge request".to_owned(),
                author: me,
                system: true,
                at: self.world.now(),
            });
        }
        wire::json(StatusCode::CREATED, &self.approvals(call, shipment))
    }

    fn unapprove(&self) -> Response {
        let mut state = wire::lock(&self.state);
        let before = state.approved.len();
        state.approved.retain(|(person, _)| person.name != TOKEN_USER);
        if state.approved.len() == before {
            not_found("404 Not found")
        } else {
            wire::empty(StatusCode::CREATED)
        }
    }

    fn notes(&self, call: &Call, shipment: &Shipment) -> Response {
        let state = wire::lock(&self.state);
        let mut notes: Vec<Value> =
            state.notes.iter().map(|note| render::note(note, shipment, &call.base)).collect();
        // Newest first unless asked otherwise.
        if call.query("sort") != Some("asc") {
            notes.reverse();
        }
        paged(call, &notes)
    }

    fn post_note(&self, call: &Call, shipment: &Shipment, shape: impl FnOnce(Value) -> Value) -> Response {
        let body = match call.json() {
            Some(value) => value["body"].as_str().map(str::to_owned),
            None => wire::field(&call.form(), "body").or_else(|| call.query("body")).map(str::to_owned),
        };
        let Some(body) = body else {
            return wire::json(StatusCode::BAD_REQUEST, &json!({"error": "body is missing"}));
        };
        if body.trim().is_empty() {
            return wire::json(
                StatusCode::BAD_REQUEST,
                &json!({"message": "400 Bad request - Note {:note=>[\"can't be blank\"]}"}),
            );
        }
        self.world.effects().record(format!("note:{}", key_in(&body).unwrap_or("unmarked")));
        self.world
            .log("gitlab", format!("a note on the shipment: {}", body.lines().next().unwrap_or_default()));
        let mut state = wire::lock(&self.state);
        let id = take_id(&mut state);
        let note = Note {
            id,
            body,
            author: Person { name: TOKEN_USER.to_owned() },
            system: false,
            at: self.world.now(),
        };
        let shown = render::note(&note, shipment, &call.base);
        state.notes.push(note);
        wire::json(StatusCode::CREATED, &shape(shown))
    }

    fn file(
        &self,
        call: &Call,
        shipment: &Shipment,
        path: &str,
        show: impl FnOnce(&shipment::File, &Shipment) -> Response,
    ) -> Response {
        let Some(reference) = call.query("ref") else {
            return wire::json(StatusCode::BAD_REQUEST, &json!({"error": "ref is missing, ref is empty"}));
        };
        let head = render::head_sha(shipment);
        if reference != shipment.source_branch && reference != head {
            return not_found(if matches!(reference, "main" | "HEAD") {
                "404 File Not Found"
            } else {
                "404 Commit Not Found"
            });
        }
        let files = shipment.files(&self.world, &call.base);
        files
            .iter()
            .find(|file| file.path == path)
            .map_or_else(|| not_found("404 File Not Found"), |file| show(file, shipment))
    }

    fn pipeline(&self, call: &Call, shipment: &Shipment, id: &str, path: &[&str]) -> Response {
        let pipelines = render::pipelines(&self.world, shipment, &call.base);
        let wanted = id.parse::<u64>().ok();
        let Some(pipeline) = pipelines.iter().find(|pipeline| pipeline["id"].as_u64() == wanted) else {
            return not_found("404 Not found");
        };
        let newest = pipelines.first().is_some_and(|first| first["id"] == pipeline["id"]);
        match path {
            [] => wire::ok(&render::pipeline_detail(pipeline, shipment, &call.base)),
            ["jobs"] => paged(call, &render::jobs(shipment, pipeline, &call.base)),
            ["bridges"] if newest => {
                paged(call, &render::bridges(&self.world, shipment, pipeline, &call.base))
            }
            ["bridges"] => paged(call, &[]),
            _ => not_found("404 Not found"),
        }
    }

    /// Files outside of the API: `NAMESPACE/PROJECT/-/raw/REF/PATH`. Private projects send strangers to the login page.
    fn raw(&self, call: &Call, path: &[&str], logged_in: bool) -> Response {
        let missing = || {
            wire::html(
                StatusCode::NOT_FOUND,
                "<!DOCTYPE html><title>The page could not be found (404)</title>",
            )
        };
        let whole = path.join("/");
        let Some((project, place)) = whole.split_once("/-/raw/") else { return missing() };
        let Some((reference, file)) = place.split_once('/') else { return missing() };
        let Some(shipment) = &self.shipment else { return missing() };
        if project == ADVISORY_PROJECT {
            let text = (reference == "main").then(|| shipment.stage_advisory(&self.world, file)).flatten();
            return text.map_or_else(missing, |text| wire::text(StatusCode::OK, text));
        }
        if !logged_in {
            let login = format!("{}/users/sign_in", call.base);
            return wire::with_header(
                wire::html(StatusCode::FOUND, "<html><body>You are being redirected.</body></html>"),
                "location",
                &login,
            );
        }
        let files = if reference == shipment.source_branch {
            shipment.files(&self.world, &call.base)
        } else {
            Vec::new()
        };
        files
            .into_iter()
            .find(|known| known.path == file)
            .map_or_else(missing, |file| wire::text(StatusCode::OK, file.text))
    }
}

fn take_id(state: &mut State) -> u64 {
    // Ids are the whole server's, so those of one merge request have gaps.
    state.next_note_id += 13;
    state.next_note_id
}

/// The key in the comment `<!-- regatta:KEY -->` of a note.
fn key_in(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once("<!-- regatta:")?;
    Some(rest.split_once(" -->")?.0.trim())
}

fn not_found(message: &str) -> Response {
    wire::json(StatusCode::NOT_FOUND, &json!({"message": message}))
}

/// People are found by their exact address or login name.
fn users(call: &Call) -> Response {
    let wanted = call.query("search").or_else(|| call.query("username")).unwrap_or_default();
    let person = if wanted.contains('@') {
        Person::at(wanted)
    } else {
        Person::named(wanted)
            .filter(|person| person.name == TOKEN_USER || super::people::CAST.contains(&person.name.as_str()))
    };
    let found: Vec<Value> = person.iter().map(|person| render::user(person, &call.base)).collect();
    paged(call, &found)
}

/// One page of a list, with GitLab's paging headers.
fn paged(call: &Call, items: &[Value]) -> Response {
    let size = call.query_number("per_page", 20).clamp(1, 100);
    let page = call.query_number("page", 1).max(1);
    let pages = items.len().div_ceil(size).max(1);
    let shown: Vec<&Value> = items.iter().skip((page - 1).saturating_mul(size)).take(size).collect();
    let mut response = wire::ok(&json!(shown));
    let path = call.segments.iter().map(|part| wire::percent_encode(part, "")).collect::<Vec<_>>().join("/");
    let link = |page: usize, rel: &str| {
        let mut query: Vec<String> = call
            .query
            .iter()
            .filter(|(key, _)| key != "page" && key != "per_page")
            .map(|(key, value)| {
                format!("{}={}", wire::percent_encode(key, ""), wire::percent_encode(value, ""))
            })
            .collect();
        query.push(format!("page={page}&per_page={size}"));
        format!("<{}/{path}?{}>; rel=\"{rel}\"", call.base, query.join("&"))
    };
    let mut links = Vec::new();
    if page > 1 {
        links.push(link(page - 1, "prev"));
    }
    if page < pages {
        links.push(link(page + 1, "next"));
    }
    links.extend([link(1, "first"), link(pages, "last")]);
    let number = |wanted: bool, value: usize| if wanted { value.to_string() } else { String::new() };
    for (name, value) in [
        ("x-page", page.to_string()),
        ("x-per-page", size.to_string()),
        ("x-total", items.len().to_string()),
        ("x-total-pages", pages.to_string()),
        ("x-next-page", number(page < pages, page + 1)),
        ("x-prev-page", number(page > 1, page.saturating_sub(1))),
        ("link", links.join(", ")),
    ] {
        response = wire::with_header(response, name, &value);
    }
    response
}

#[cfg(test)]
mod tests;
