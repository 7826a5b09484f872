//! Jira Cloud: the ART ticket with its sub-tasks, and the bugs that the release fixes.
//!
//! Both versions 2 and 3 of the API answer alike, with plain texts; accounts are known by opaque ids only, as the Cloud
//! has it.

mod jql;
mod model;
mod render;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::sync::Mutex;

use self::model::{Comment, Issue, State};
use super::people::Person;
use super::wire::{self, Call, Service};
use crate::imitation::Imitation;
use crate::world::World;

/// The service.
pub fn imitation(world: World) -> Imitation {
    Imitation::answering(Jira { state: Mutex::new(State::new(&world)), world })
}

struct Jira {
    world: World,
    state: Mutex<State>,
}

impl Service for Jira {
    fn answer(&self, call: &Call) -> Response {
        let (method, path) = call.route();
        let ["rest", "api", "2" | "3" | "latest", rest @ ..] = path.as_slice() else {
            return wire::html(
                StatusCode::NOT_FOUND,
                "<!DOCTYPE html><html><body>Oops, you&#39;ve found a dead link.</body></html>",
            );
        };
        if (method, rest) == ("GET", &["serverInfo"]) {
            return wire::ok(&render::server_info(&call.base, self.world.now()));
        }
        let Some(me) = caller(call) else {
            let body = json!({"message": "Client must be authenticated to access this resource.", "status-code": 401});
            let response = wire::json(StatusCode::UNAUTHORIZED, &body);
            return wire::with_header(response, "x-seraph-loginreason", "AUTHENTICATED_FAILED");
        };
        match (method, rest) {
            ("GET", ["myself"]) => wire::ok(&render::user(&me, &call.base)),
            ("GET", ["field"]) => wire::ok(&render::fields()),
            ("GET", ["project", key]) => self.project(call, key),
            ("GET", ["user"]) => self.user(call),
            ("GET", ["user", "search"] | ["user", "assignable", "search"]) => self.find_users(call),
            ("GET" | "POST", ["search"]) => self.search(call),
            ("GET" | "POST", ["search", "jql"]) => self.search_by_token(call),
            ("POST", ["issue"]) => self.create(call, &me),
            (_, ["issue", key, rest @ ..]) => self.issue(call, method, key, rest, &me),
            _ => problem(StatusCode::NOT_FOUND, "null for uri: the address is not known"),
        }
    }
}

impl Jira {
    fn issue(&self, call: &Call, method: &str, key: &str, path: &[&str], me: &Person) -> Response {
        let mut state = wire::lock(&self.state);
        let state = &mut *state;
        let Some(at) =
            state.issues.iter().position(|issue| issue.key.eq_ignore_ascii_case(key) || issue.id() == key)
        else {
            return problem(
                StatusCode::NOT_FOUND,
                "Issue does not exist or you do not have permission to see it.",
            );
        };
        let now = self.world.now();
        match (method, path) {
            ("GET", []) => {
                let wanted = call.query("fields").unwrap_or("*all");
                let expand = call.query("expand").unwrap_or_default();
                wire::ok(&render::issue(state, &state.issues[at], now, &call.base, wanted, expand))
            }
            ("PUT", []) => self.edit(call, state, at),
            ("PUT", ["assignee"]) => self.assign(call, state, at),
            ("GET", ["transitions"]) => wire::ok(&render::transitions(&state.issues[at], now, &call.base)),
            ("POST", ["transitions"]) => self.transition(call, &mut state.issues[at]),
            ("GET", ["comment"]) => wire::ok(&render::comments(&state.issues[at], &call.base)),
            ("POST", ["comment"]) => {
                let Some(body) = call.json().map(|sent| sent["body"].clone()).filter(|body| !is_blank(body))
                else {
                    let errors =
                        json!({"errorMessages": [], "errors": {"comment": "Comment body can not be empty!"}});
                    return wire::json(StatusCode::BAD_REQUEST, &errors);
                };
                let id = state.take_id();
                let comment = Comment { id, author: me.clone(), body, at: now };
                let shown = render::comment(&comment, &state.issues[at], &call.base);
                state.issues[at].comments.push(comment);
                self.world.log("jira", format!("{key} commented"));
                wire::json(StatusCode::CREATED, &shown)
            }
            ("GET", ["remotelink"]) => wire::ok(&render::remote_links(&state.issues[at], &call.base)),
            _ => problem(StatusCode::NOT_FOUND, "null for uri: the address is not known"),
        }
    }

    /// Sets the assignee; `null` takes it away. Doing what is done already is no effect.
    fn assign(&self, call: &Call, state: &mut State, at: usize) -> Response {
        let sent = call.json().unwrap_or_default();
        let wanted = match &sent["accountId"] {
            Value::String(id) if id == "-1" => state.issues[at].default_assignee(),
            Value::String(id) => match state.person(id) {
                Some(person) => Some(person),
                None => {
                    let why = format!("User '{id}' cannot be assigned issues.");
                    return wire::json(
                        StatusCode::BAD_REQUEST,
                        &json!({"errorMessages": [], "errors": {"assignee": why}}),
                    );
                }
            },
            Value::Null if sent.get("accountId").is_some() => None,
            _ => {
                return problem(
                    StatusCode::BAD_REQUEST,
                    "'accountId' must be the only user identifying query parameter in GDPR strict mode.",
                );
            }
        };
        let issue = &mut state.issues[at];
        if issue.assignee != wanted {
            self.world.effects().record(format!("jira-assign:{}", issue.key));
            self.world.log(
                "jira",
                format!(
                    "{} assigned to {}",
                    issue.key,
                    wanted.as_ref().map_or("nobody".to_owned(), Person::email)
                ),
            );
            issue.assignee = wanted;
            issue.updated_at = self.world.now();
        }
        wire::empty(StatusCode::NO_CONTENT)
    }

    fn transition(&self, call: &Call, issue: &mut Issue) -> Response {
        let sent = call.json().unwrap_or_default();
        let id = match &sent["transition"]["id"] {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            _ => return problem(StatusCode::BAD_REQUEST, "Missing 'transition' identifier"),
        };
        let now = self.world.now();
        let offered = issue.offered(now).into_iter().find(|(offered, _)| *offered == id);
        let Some((_, status)) = offered else {
            return problem(
                StatusCode::BAD_REQUEST,
                &format!("Transition id '{id}' is not valid for this issue."),
            );
        };
        self.world.effects().record(format!("jira-transition:{}:{status}", issue.key));
        self.world.log("jira", format!("{} is now {status}", issue.key));
        issue.move_to(status, now);
        wire::empty(StatusCode::NO_CONTENT)
    }

    /// Labels, summary and Need Info From; other fields are taken without a word, as screens that lack them would not.
    fn edit(&self, call: &Call, state: &mut State, at: usize) -> Response {
        let Some(sent) = call.json() else {
            return problem(StatusCode::BAD_REQUEST, "Request body is not valid JSON");
        };
        let words = |value: &Value| {
            value
                .as_array()
                .map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
        };
        let people = |state: &State, value: &Value| -> Option<Vec<Person>> {
            let ids = value
                .as_array()?
                .iter()
                .filter_map(|user| user["accountId"].as_str().or(user["id"].as_str()));
            Some(ids.filter_map(|id| state.person(id)).collect())
        };
        let need_info = people(state, &sent["fields"][render::NEED_INFO_FROM]);
        let issue = &mut state.issues[at];
        if let Some(labels) = words(&sent["fields"]["labels"]) {
            issue.labels = labels;
        }
        if let Some(summary) = sent["fields"]["summary"].as_str() {
            summary.clone_into(&mut issue.summary);
        }
        if let Some(people) = need_info {
            issue.need_info_from = people;
        }
        for step in sent["update"]["labels"].as_array().into_iter().flatten() {
            if let Some(label) = step["add"].as_str()
                && !issue.labels.iter().any(|known| known == label)
            {
                issue.labels.push(label.to_owned());
            }
            if let Some(label) = step["remove"].as_str() {
                issue.labels.retain(|known| known != label);
            }
            if let Some(labels) = words(&step["set"]) {
                issue.labels = labels;
            }
        }
        issue.updated_at = self.world.now();
        wire::empty(StatusCode::NO_CONTENT)
    }

    fn create(&self, call: &Call, me: &Person) -> Response {
        let fields = call.json().map(|sent| sent["fields"].clone()).unwrap_or_default();
        let mut state = wire::lock(&self.state);
        let mut errors = Map::new();
        let summary = fields["summary"].as_str().unwrap_or_default().trim().to_owned();
        if summary.is_empty() {
            errors.insert("summary".to_owned(), json!("You must specify a summary of the issue."));
        }
        let project = &fields["project"];
        let wanted = project["key"].as_str().map(str::to_owned).or_else(|| {
            let id = project["id"]
                .as_str()
                .map(str::to_owned)
                .or_else(|| project["id"].as_u64().map(|id| id.to_string()))?;
            model::PROJECTS
                .iter()
                .find(|(_, known, _)| known.to_string() == id)
                .map(|(key, ..)| (*key).to_owned())
        });
        let project = wanted.and_then(|wanted| model::PROJECTS.iter().find(|(key, ..)| *key == wanted));
        let Some((project, ..)) = project else {
            errors.insert("project".to_owned(), json!("Specify a valid project ID or key"));
            return wire::json(StatusCode::BAD_REQUEST, &json!({"errorMessages": [], "errors": errors}));
        };
        if !errors.is_empty() {
            return wire::json(StatusCode::BAD_REQUEST, &json!({"errorMessages": [], "errors": errors}));
        }
        let number = state.take_id();
        let mut issue = Issue::new(format!("{project}-{number}"), &summary, self.world.now());
        issue.reporter = me.clone();
        issue.kind = fields["issuetype"]["name"].as_str().unwrap_or("Bug").to_owned();
        issue.priority = fields["priority"]["name"].as_str().unwrap_or("Undefined").to_owned();
        issue.description = fields["description"].clone();
        issue.labels = fields["labels"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let shown = json!({"id": issue.id(), "key": issue.key, "self": format!("{}/rest/api/2/issue/{}", call.base, issue.id())});
        self.world.log("jira", format!("{} created: {summary}", issue.key));
        state.issues.push(issue);
        wire::json(StatusCode::CREATED, &shown)
    }

    fn project(&self, call: &Call, key: &str) -> Response {
        match model::PROJECTS
            .iter()
            .find(|(known, id, _)| known.eq_ignore_ascii_case(key) || id.to_string() == key)
        {
            Some(project) => wire::ok(&render::project(project, &call.base)),
            None => problem(StatusCode::NOT_FOUND, &format!("No project could be found with key '{key}'.")),
        }
    }

    fn user(&self, call: &Call) -> Response {
        let id = call.query("accountId").unwrap_or_default();
        match wire::lock(&self.state).person(id) {
            Some(person) => wire::ok(&render::user(&person, &call.base)),
            None => problem(
                StatusCode::NOT_FOUND,
                "Specified user does not exist or you do not have required permissions",
            ),
        }
    }

    /// Finds people by an address, or by the beginning of a known name.
    fn find_users(&self, call: &Call) -> Response {
        if call.query("username").is_some() {
            return problem(
                StatusCode::BAD_REQUEST,
                "The query parameter 'username' is not supported in GDPR strict mode.",
            );
        }
        let mut state = wire::lock(&self.state);
        let wanted =
            call.query("query").or_else(|| call.query("accountId")).unwrap_or_default().to_lowercase();
        if wanted.is_empty() {
            return problem(
                StatusCode::BAD_REQUEST,
                "A value for either the 'accountId', 'query' or 'property' query parameter must be provided.",
            );
        }
        if let Some(person) = Person::at(&wanted) {
            state.meet(&person);
        }
        let found = state.people.iter().filter(|person| {
            person.name.starts_with(&wanted)
                || person.email() == wanted
                || person.jira_account() == wanted
                || person.display_name().to_lowercase().starts_with(&wanted)
        });
        let first = call.query_number("startAt", 0);
        let limit = call.query_number("maxResults", 50).min(1_000);
        let shown: Vec<Value> =
            found.skip(first).take(limit).map(|person| render::user(person, &call.base)).collect();
        wire::ok(&json!(shown))
    }

    /// The issues a search finds, or why it is refused.
    fn matching(&self, call: &Call, state: &State) -> Result<(Vec<usize>, Search), String> {
        let search = Search::of(call);
        let query = jql::Query::parse(&search.jql)?;
        let now = self.world.now();
        let found = (0..state.issues.len()).filter(|at| query.matches(&state.issues[*at], now)).collect();
        Ok((found, search))
    }

    fn search(&self, call: &Call) -> Response {
        let state = wire::lock(&self.state);
        let (found, search) = match self.matching(call, &state) {
            Ok(found) => found,
            Err(why) => return problem(StatusCode::BAD_REQUEST, &why),
        };
        let fields = search.fields.as_deref().unwrap_or("*navigable");
        let now = self.world.now();
        let issues: Vec<Value> = found
            .iter()
            .skip(search.start_at)
            .take(search.max_results)
            .map(|at| render::issue(&state, &state.issues[*at], now, &call.base, fields, &search.expand))
            .collect();
        wire::ok(&json!({
            "expand": "schema,names", "startAt": search.start_at, "maxResults": search.max_results, "total": found.len(), "issues": issues,
        }))
    }

    /// The newer search: no total, pages by token, and only ids unless fields are asked for.
    fn search_by_token(&self, call: &Call) -> Response {
        let state = wire::lock(&self.state);
        let (found, search) = match self.matching(call, &state) {
            Ok(found) => found,
            Err(why) => return problem(StatusCode::BAD_REQUEST, &why),
        };
        if search.jql.trim().is_empty() {
            return problem(
                StatusCode::BAD_REQUEST,
                "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.",
            );
        }
        let first = match search
            .token
            .as_deref()
            .map(|token| token.strip_prefix("page:").and_then(|at| at.parse::<usize>().ok()))
        {
            None => 0,
            Some(Some(first)) => first,
            Some(None) => {
                return problem(
                    StatusCode::BAD_REQUEST,
                    "The provided next page token is invalid or expired.",
                );
            }
        };
        let fields = search.fields.as_deref().unwrap_or("id");
        let now = self.world.now();
        let issues: Vec<Value> = found
            .iter()
            .skip(first)
            .take(search.max_results)
            .map(|at| render::issue(&state, &state.issues[*at], now, &call.base, fields, &search.expand))
            .collect();
        let next = first + issues.len();
        let last = next >= found.len();
        let mut answer = json!({"issues": issues, "isLast": last});
        if !last {
            answer["nextPageToken"] = json!(format!("page:{next}"));
        }
        wire::ok(&answer)
    }
}

/// A search's parameters, from the query or a JSON body.
struct Search {
    jql: String,
    fields: Option<String>,
    expand: String,
    start_at: usize,
    max_results: usize,
    token: Option<String>,
}

impl Search {
    fn of(call: &Call) -> Self {
        let body = call.json().unwrap_or_default();
        let text = |name: &str| {
            let list = |all: &Vec<Value>| all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
            let sent = body[name].as_str().map(str::to_owned).or_else(|| body[name].as_array().map(list));
            sent.or_else(|| call.query(name).map(str::to_owned)).filter(|value| !value.is_empty())
        };
        let number = |name: &str, default: usize| {
            body[name]
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or_else(|| call.query_number(name, default))
        };
        Self {
            jql: text("jql").unwrap_or_default(),
            fields: text("fields"),
            expand: text("expand").unwrap_or_default(),
            start_at: number("startAt", 0),
            max_results: number("maxResults", 50).clamp(1, 100),
            token: text("nextPageToken"),
        }
    }
}

/// Who asks: the account of HTTP Basic, or that of a token.
fn caller(call: &Call) -> Option<Person> {
    if let Some((user, _)) = call.basic() {
        return Person::at(&user).or_else(|| Person::named(&user)).or_else(|| Person::named("qe-lead"));
    }
    call.authorization("Bearer").and_then(|_| Person::named("qe-lead"))
}

fn is_blank(body: &Value) -> bool {
    body.as_str().map_or(!body.is_object(), |text| text.trim().is_empty())
}

/// An error as Jira writes it.
fn problem(status: StatusCode, message: &str) -> Response {
    wire::json(status, &json!({"errorMessages": [message], "errors": {}}))
}

#[cfg(test)]
mod tests;
