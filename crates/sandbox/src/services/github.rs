//! GitHub's REST API, as far as state and test results need it: the contents API with compare-and-swap on blob shas,
//! commits, branches, blobs.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, IF_NONE_MATCH};
use serde_json::{Value, json};

use super::git::{
    Blob, Change, Changed, Commit, DEFAULT_BRANCH, Entry, Found, Hub, OWNER, Person, REPOSITORY,
};
use super::wire::{self, Call, Service, empty, iso, number_of, percent_encode, respond, with_header};
use crate::imitation::Imitation;
use crate::world::World;

/// Above this size the contents API gives a file without its content.
const CONTENT_LIMIT_BYTES: usize = 1 << 20;
/// The contents API lists no more entries of a directory.
const DIRECTORY_LIMIT_ENTRIES: usize = 1000;
/// Who holds the token.
const LOGIN: &str = "regatta-rower";

/// The service, on a repository of its own.
pub fn imitation(world: World) -> Imitation {
    imitation_on(Hub::new(world))
}

/// The service on a repository shared with `raw`.
pub(crate) fn imitation_on(hub: Hub) -> Imitation {
    Imitation::answering(GitHub { hub })
}

struct GitHub {
    hub: Hub,
}

impl Service for GitHub {
    fn answer(&self, call: &Call) -> Response {
        let (method, path) = call.route();
        match (method, path.as_slice()) {
            ("GET", ["user"]) => match signed_in(call) {
                true => fresh(call, &json!({"login": LOGIN, "id": 1, "type": "User", "name": "Regatta"})),
                false => unauthorized(),
            },
            ("GET", ["rate_limit"]) => {
                let limits = json!({"limit": 5000, "remaining": 4999, "used": 1, "reset": 4_102_444_800_u64});
                fresh(call, &json!({"resources": {"core": limits}, "rate": limits}))
            }
            (_, ["repos", OWNER, REPOSITORY, rest @ ..]) => self.repository(call, method, rest),
            _ => not_found(),
        }
    }
}

impl GitHub {
    fn repository(&self, call: &Call, method: &str, rest: &[&str]) -> Response {
        let writes = method != "GET" && method != "HEAD";
        if writes && !signed_in(call) {
            return unauthorized();
        }
        match (method, rest) {
            ("GET", []) => fresh(call, &repository(call)),
            ("GET", ["contents", path @ ..]) => self.read(call, &path.join("/")),
            ("PUT", ["contents", path @ ..]) => self.write(call, &path.join("/")),
            ("DELETE", ["contents", path @ ..]) => self.delete(call, &path.join("/")),
            ("GET", ["commits"]) => self.list_commits(call),
            ("GET", ["commits", reference @ ..]) => {
                let commits = self.hub.commits(&reference.join("/"), "");
                match commits.as_ref().and_then(|commits| commits.first()) {
                    Some(commit) => {
                        let mut body = commit_json(call, commit);
                        body["files"] = json!([{"filename": commit.path}]);
                        fresh(call, &body)
                    }
                    None => unprocessable(&format!("No commit found for SHA: {}", reference.join("/"))),
                }
            }
            ("GET", ["branches", name @ ..]) => match self.head(&name.join("/")) {
                Some(commit) => fresh(
                    call,
                    &json!({"name": name.join("/"), "protected": false,
                    "commit": {"sha": commit.sha, "url": api(call, &format!("commits/{}", commit.sha))}}),
                ),
                None => not_found(),
            },
            ("GET", ["git", "ref", "heads", name @ ..]) => match self.head(&name.join("/")) {
                Some(commit) => {
                    fresh(call, &reference_json(call, &format!("refs/heads/{}", name.join("/")), &commit.sha))
                }
                None => not_found(),
            },
            ("POST", ["git", "refs"]) => self.start_branch(call),
            ("GET", ["git", "blobs", sha]) => match self.hub.blob(sha) {
                Some(blob) => fresh(
                    call,
                    &json!({"sha": blob.sha, "node_id": node_id(&blob.sha), "size": blob.bytes.len(),
                    "url": api(call, &format!("git/blobs/{sha}")), "content": wrapped_base64(&blob.bytes), "encoding": "base64"}),
                ),
                None => not_found(),
            },
            _ => not_found(),
        }
    }

    fn head(&self, branch: &str) -> Option<Commit> {
        // A commit sha is no branch name, though it can be read by.
        let commits = self.hub.commits(&format!("refs/heads/{branch}"), "")?;
        commits.into_iter().next().filter(|commit| !commit.sha.starts_with(branch))
    }

    fn read(&self, call: &Call, path: &str) -> Response {
        let reference = call.query("ref").unwrap_or(DEFAULT_BRANCH);
        let Some(found) = self.hub.look(reference, path) else {
            return message(StatusCode::NOT_FOUND, &format!("No commit found for the ref {reference}"));
        };
        let raw = call.header(ACCEPT).is_some_and(|accept| accept.contains("raw"));
        match found {
            None => not_found(),
            Some(Found::File(blob)) if raw => {
                let tag = format!("\"{}\"", blob.sha);
                if matches_tag(call, &tag) {
                    return with_header(empty(StatusCode::NOT_MODIFIED), "etag", &tag);
                }
                with_header(
                    respond(StatusCode::OK, "application/vnd.github.raw+json; charset=utf-8", blob.bytes),
                    "etag",
                    &tag,
                )
            }
            Some(Found::File(blob)) => {
                // The content names the answer: most reads of a file find it unchanged, and cost next to nothing.
                let tag = format!("W/\"{}\"", blob.sha);
                if matches_tag(call, &tag) {
                    return with_header(empty(StatusCode::NOT_MODIFIED), "etag", &tag);
                }
                let mut body = self.content_json(call, path, reference, &blob);
                let (content, encoding) = if blob.bytes.len() > CONTENT_LIMIT_BYTES {
                    (String::new(), "none")
                } else {
                    (wrapped_base64(&blob.bytes), "base64")
                };
                body["content"] = json!(content);
                body["encoding"] = json!(encoding);
                with_header(wire::ok(&body), "etag", &tag)
            }
            Some(Found::Directory(entries)) => {
                let list: Vec<Value> = entries
                    .iter()
                    .take(DIRECTORY_LIMIT_ENTRIES)
                    .map(|entry| match entry {
                        Entry::File(name, blob) => self.content_json(call, &below(path, name), reference, blob),
                        Entry::Directory(name, tree) => {
                            let path = below(path, name);
                            let links = Links::of(call, &path, reference, "tree", tree);
                            json!({"name": name, "path": path, "sha": tree, "size": 0, "url": links.own, "html_url": links.html,
                                "git_url": links.git, "download_url": null, "type": "dir", "_links": links.json()})
                        }
                    })
                    .collect();
                fresh(call, &json!(list))
            }
        }
    }

    fn write(&self, call: &Call, path: &str) -> Response {
        let body = match CommitBody::read(call) {
            Ok(body) => body,
            Err(refusal) => return *refusal,
        };
        let Some(content) = body.content else {
            return unprocessable("Invalid request.\n\n\"content\" wasn't supplied.");
        };
        // Clients wrap lines as they like.
        let packed: String = content.split_ascii_whitespace().collect();
        let Ok(content) = STANDARD.decode(packed) else {
            return unprocessable("content is not valid Base64");
        };
        if path.split('/').any(|part| part.is_empty() || part == "." || part == ".." || part == ".git") {
            return unprocessable("path contains a malformed path component");
        }
        self.change(call, path, Some(Bytes::from(content)), body.rest)
    }

    fn delete(&self, call: &Call, path: &str) -> Response {
        match CommitBody::read(call) {
            Ok(body) => self.change(call, path, None, body.rest),
            Err(refusal) => *refusal,
        }
    }

    fn change(&self, call: &Call, path: &str, content: Option<Bytes>, wish: Wish) -> Response {
        let Wish { branch, sha, message: text, author, committer } = wish;
        let change = Change {
            branch: branch.clone(),
            path: path.to_owned(),
            content,
            replaces: sha.clone(),
            message: text.clone(),
            author,
            committer,
        };
        let done = self.hub.change(change);
        let log = |what: &str| self.hub.world().log("github", format!("{what} {path} on {branch}: {text}"));
        let written = |status, blob: &Blob, commit: &Commit| {
            let body = json!({"content": self.content_json(call, path, &branch, blob), "commit": git_commit_json(call, commit)});
            wire::json(status, &body)
        };
        match done {
            Changed::Created(blob, commit) => {
                log("created");
                written(StatusCode::CREATED, &blob, &commit)
            }
            Changed::Updated(blob, commit) => {
                log("updated");
                written(StatusCode::OK, &blob, &commit)
            }
            Changed::Deleted(commit) => {
                log("deleted");
                wire::ok(&json!({"content": null, "commit": git_commit_json(call, &commit)}))
            }
            Changed::NoBranch => message(StatusCode::NOT_FOUND, &format!("Branch {branch} not found")),
            Changed::NoFile => not_found(),
            Changed::ShaMissing => unprocessable("Invalid request.\n\n\"sha\" wasn't supplied."),
            Changed::Stale => {
                log("refused a stale write of");
                message(StatusCode::CONFLICT, &format!("{path} does not match {}", sha.unwrap_or_default()))
            }
        }
    }

    fn list_commits(&self, call: &Call) -> Response {
        let reference = call.query("sha").unwrap_or(DEFAULT_BRANCH);
        let path = call.query("path").unwrap_or_default().trim_matches('/');
        let Some(commits) = self.hub.commits(reference, path) else { return not_found() };
        let per_page = call.query_number("per_page", 30).clamp(1, 100);
        let page = call.query_number("page", 1).max(1);
        let list: Vec<Value> = commits
            .iter()
            .skip(per_page * (page - 1))
            .take(per_page)
            .map(|commit| commit_json(call, commit))
            .collect();
        let response = fresh(call, &json!(list));
        if commits.len() <= per_page * page {
            return response;
        }
        let path = percent_encode(path, "/");
        let next = format!(
            "{}?sha={reference}&path={path}&per_page={per_page}&page={}",
            api(call, "commits"),
            page + 1
        );
        with_header(response, "link", &format!("<{next}>; rel=\"next\""))
    }

    fn start_branch(&self, call: &Call) -> Response {
        let body = call.json().unwrap_or_default();
        let (Some(reference), Some(sha)) = (body["ref"].as_str(), body["sha"].as_str()) else {
            return unprocessable("Invalid request.\n\n\"ref\", \"sha\" weren't supplied.");
        };
        let Some(name) = reference.strip_prefix("refs/heads/").filter(|name| !name.is_empty()) else {
            return unprocessable("Reference name must start with 'refs/heads/'.");
        };
        if self.hub.start_branch(name, sha) {
            self.hub.world().log("github", format!("created branch {name}"));
            wire::json(StatusCode::CREATED, &reference_json(call, reference, sha))
        } else {
            unprocessable("Reference already exists, or its object does not")
        }
    }

    fn content_json(&self, call: &Call, path: &str, reference: &str, blob: &Blob) -> Value {
        let links = Links::of(call, path, reference, "blob", &blob.sha);
        let download = format!(
            "{}/{OWNER}/{REPOSITORY}/{}/{}",
            self.hub.raw_base(),
            percent_encode(reference, "/"),
            percent_encode(path, "/")
        );
        json!({"name": path.rsplit('/').next().unwrap_or(path), "path": path, "sha": blob.sha, "size": blob.bytes.len(),
            "url": links.own, "html_url": links.html, "git_url": links.git, "download_url": download, "type": "file",
            "_links": links.json()})
    }
}

/// What a write asks for besides the content.
struct Wish {
    branch: String,
    sha: Option<String>,
    message: String,
    author: Person,
    committer: Person,
}

struct CommitBody {
    content: Option<String>,
    rest: Wish,
}

impl CommitBody {
    /// Reads the body of a write. A deletion may carry everything in its query instead, as some clients do.
    fn read(call: &Call) -> Result<Self, Box<Response>> {
        let body = if call.body.is_empty() {
            json!({})
        } else {
            call.json().ok_or_else(|| Box::new(message(StatusCode::BAD_REQUEST, "Problems parsing JSON")))?
        };
        let text = |name: &str| body[name].as_str().or_else(|| call.query(name)).map(str::to_owned);
        let Some(message) = text("message") else {
            return Err(Box::new(unprocessable("Invalid request.\n\n\"message\" wasn't supplied.")));
        };
        let person = |name: &str| {
            let (given, email) = (&body[name]["name"], &body[name]["email"]);
            given.as_str().map(|given| Person {
                name: given.to_owned(),
                email: email.as_str().unwrap_or("unknown@example.com").to_owned(),
            })
        };
        let holder = || Person { name: LOGIN.to_owned(), email: format!("{LOGIN}@users.noreply.github.com") };
        let committer = person("committer").unwrap_or_else(holder);
        let author = person("author").unwrap_or_else(|| committer.clone());
        let branch = text("branch").unwrap_or_else(|| DEFAULT_BRANCH.to_owned());
        let rest = Wish { branch, sha: text("sha"), message, author, committer };
        Ok(Self { content: text("content"), rest })
    }
}

/// The addresses of one entry.
struct Links {
    own: String,
    html: String,
    git: String,
}

impl Links {
    fn of(call: &Call, path: &str, reference: &str, kind: &str, sha: &str) -> Self {
        let path = percent_encode(path, "/");
        let reference = percent_encode(reference, "/");
        Self {
            own: api(call, &format!("contents/{path}?ref={reference}")),
            html: format!("https://github.com/{OWNER}/{REPOSITORY}/{kind}/{reference}/{path}"),
            git: api(call, &format!("git/{kind}s/{sha}")),
        }
    }

    fn json(&self) -> Value {
        json!({"self": self.own, "git": self.git, "html": self.html})
    }
}

fn api(call: &Call, path: &str) -> String {
    format!("{}/repos/{OWNER}/{REPOSITORY}/{path}", call.base)
}

fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

fn repository(call: &Call) -> Value {
    let full_name = format!("{OWNER}/{REPOSITORY}");
    json!({"id": 1, "node_id": node_id("repository"), "name": REPOSITORY, "full_name": full_name, "private": false,
        "owner": {"login": OWNER, "id": 2, "type": "Organization"}, "fork": false, "default_branch": DEFAULT_BRANCH,
        "html_url": format!("https://github.com/{full_name}"), "url": format!("{}/repos/{full_name}", call.base),
        "permissions": {"admin": false, "push": signed_in(call), "pull": true}})
}

fn person_json(person: &Person, commit: &Commit) -> Value {
    json!({"name": person.name, "email": person.email, "date": iso(commit.at)})
}

fn parents_json(call: &Call, commit: &Commit) -> Vec<Value> {
    let parent = |sha: &String| json!({"sha": sha, "url": api(call, &format!("commits/{sha}"))});
    commit.parent.iter().map(parent).collect()
}

/// A commit as the contents API shows it.
fn git_commit_json(call: &Call, commit: &Commit) -> Value {
    json!({"sha": commit.sha, "node_id": node_id(&commit.sha), "url": api(call, &format!("git/commits/{}", commit.sha)),
        "html_url": format!("https://github.com/{OWNER}/{REPOSITORY}/commit/{}", commit.sha),
        "author": person_json(&commit.author, commit), "committer": person_json(&commit.committer, commit),
        "message": commit.message, "tree": {"sha": commit.tree, "url": api(call, &format!("git/trees/{}", commit.tree))},
        "parents": parents_json(call, commit), "verification": {"verified": false, "reason": "unsigned"}})
}

/// A commit as the commits API shows it.
fn commit_json(call: &Call, commit: &Commit) -> Value {
    let login = |person: &Person| json!({"login": person.name, "id": number_of(&person.email, 1_000_000), "type": "User"});
    json!({"sha": commit.sha, "node_id": node_id(&commit.sha), "url": api(call, &format!("commits/{}", commit.sha)),
        "html_url": format!("https://github.com/{OWNER}/{REPOSITORY}/commit/{}", commit.sha),
        "commit": {"author": person_json(&commit.author, commit), "committer": person_json(&commit.committer, commit),
            "message": commit.message, "tree": {"sha": commit.tree}, "comment_count": 0},
        "author": login(&commit.author), "committer": login(&commit.committer), "parents": parents_json(call, commit)})
}

fn reference_json(call: &Call, reference: &str, sha: &str) -> Value {
    json!({"ref": reference, "node_id": node_id(reference), "url": api(call, &format!("git/{reference}")),
        "object": {"type": "commit", "sha": sha, "url": api(call, &format!("git/commits/{sha}"))}})
}

fn node_id(of: &str) -> String {
    STANDARD.encode(format!("04:{of}"))
}

/// Base64 in lines of 60 characters, each ended.
fn wrapped_base64(bytes: &[u8]) -> String {
    let packed = STANDARD.encode(bytes);
    let mut text = String::with_capacity(packed.len() + packed.len() / 60 + 1);
    let mut rest = packed.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(60));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text
}

fn signed_in(call: &Call) -> bool {
    call.authorization("Bearer").or_else(|| call.authorization("token")).is_some()
}

/// An answer with an `ETag`, or 304 when the caller already has it.
fn fresh(call: &Call, body: &Value) -> Response {
    let written = wire::written(body);
    let tag = format!("W/\"{}\"", regatta_kit::ids::digest(&written, 64));
    if matches_tag(call, &tag) {
        return with_header(empty(StatusCode::NOT_MODIFIED), "etag", &tag);
    }
    with_header(respond(StatusCode::OK, wire::JSON, written), "etag", &tag)
}

fn matches_tag(call: &Call, tag: &str) -> bool {
    let weak = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    call.header(IF_NONE_MATCH)
        .is_some_and(|given| given.split(',').any(|one| one.trim() == "*" || weak(one) == weak(tag)))
}

fn message(status: StatusCode, text: &str) -> Response {
    let body = json!({"message": text, "documentation_url": "https://docs.github.com/rest", "status": status.as_str()});
    wire::json(status, &body)
}

fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "Not Found")
}

fn unauthorized() -> Response {
    message(StatusCode::UNAUTHORIZED, "Requires authentication")
}

fn unprocessable(text: &str) -> Response {
    message(StatusCode::UNPROCESSABLE_ENTITY, text)
}

#[cfg(test)]
mod tests {
    use super::super::wire::testing::{Answer, ask, world};
    use super::*;

    const STATE: &str = "/repos/openshift/release-tests/contents/_releases/state_box/4.20.1.json";

    async fn put(service: &Imitation, path: &str, content: &[u8], sha: Option<&str>) -> Answer {
        let mut body =
            json!({"message": "Update", "branch": "z-stream", "content": STANDARD.encode(content)});
        if let Some(sha) = sha {
            body["sha"] = json!(sha);
        }
        ask("PUT", path).header("authorization", "Bearer t").json(&body).of(service).await
    }

    #[tokio::test]
    async fn of_two_writers_who_read_the_same_version_the_second_is_refused() {
        let service = imitation(world());
        let created = put(&service, STATE, b"one", None).await.json(201);
        let sha = created["content"]["sha"].as_str().unwrap();
        assert_eq!(sha, super::super::git::blob_sha(b"one"));

        assert_eq!(put(&service, STATE, b"two", Some(sha)).await.status, 200);
        let refused = put(&service, STATE, b"other two", Some(sha)).await.json(409);
        assert_eq!(refused["message"], format!("_releases/state_box/4.20.1.json does not match {sha}"));
        let refused = put(&service, STATE, b"blind", None).await.json(422);
        assert_eq!(refused["message"], "Invalid request.\n\n\"sha\" wasn't supplied.");

        let read = ask("GET", &format!("{STATE}?ref=z-stream")).of(&service).await.json(200);
        assert_eq!((read["content"].as_str(), read["encoding"].as_str()), (Some("dHdv\n"), Some("base64")));
        let commits = "/repos/openshift/release-tests/commits?sha=z-stream&path=_releases/state_box/4.20.1.json&per_page=1";
        let answer = ask("GET", commits).of(&service).await;
        assert!(answer.header("link").contains("page=2"));
        let newest = answer.json(200)[0]["sha"].as_str().unwrap().to_owned();
        let first = created["commit"]["sha"].as_str().unwrap();
        assert_ne!(newest, first);
        let old = ask("GET", &format!("{STATE}?ref={first}")).of(&service).await.json(200);
        assert_eq!(old["sha"], sha);
    }

    #[tokio::test]
    async fn what_has_not_changed_is_not_sent_again() {
        let service = imitation(world());
        put(&service, STATE, b"one", None).await;
        let path = format!("{STATE}?ref=z-stream");
        let tag = ask("GET", &path).of(&service).await.header("etag").to_owned();
        let again = ask("GET", &path).header("if-none-match", &tag).of(&service).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        let sha = super::super::git::blob_sha(b"one");
        put(&service, STATE, b"two", Some(&sha)).await;
        assert_eq!(ask("GET", &path).header("if-none-match", &tag).of(&service).await.status, 200);
    }

    #[tokio::test]
    async fn writes_need_a_token_a_branch_and_a_whole_request() {
        let service = imitation(world());
        let body = json!({"message": "m", "content": "eA==", "branch": "z-stream"});
        assert_eq!(ask("PUT", STATE).json(&body).of(&service).await.status, 401);
        let write = |body: Value| {
            let service = service.clone();
            async move {
                ask("PUT", STATE).header("authorization", "token t").json(&body).of(&service).await.status
            }
        };
        assert_eq!(write(json!({"message": "m", "content": "eA==", "branch": "nowhere"})).await, 404);
        assert_eq!(write(json!({"content": "eA==", "branch": "z-stream"})).await, 422);
        assert_eq!(write(json!({"message": "m", "content": "?", "branch": "z-stream"})).await, 422);
        assert_eq!(
            write(json!({"message": "m", "content": "eA==", "branch": "z-stream", "sha": "0".repeat(40)}))
                .await,
            409
        );
        assert_eq!(write(body).await, 201);
        assert_eq!(ask("GET", "/repos/openshift/other/contents/x").of(&service).await.status, 404);
    }

    #[tokio::test]
    async fn large_files_come_without_content_and_deleted_ones_not_at_all() {
        let service = imitation(world());
        let large = vec![b'x'; CONTENT_LIMIT_BYTES + 1];
        let sha =
            put(&service, STATE, &large, None).await.json(201)["content"]["sha"].as_str().unwrap().to_owned();
        let read = ask("GET", &format!("{STATE}?ref=z-stream")).of(&service).await.json(200);
        assert_eq!(
            (read["content"].as_str(), read["encoding"].as_str(), read["size"].as_u64()),
            (Some(""), Some("none"), Some(1_048_577))
        );
        let whole =
            ask("GET", &format!("{STATE}?ref=z-stream")).header("accept", "application/vnd.github.raw+json");
        assert_eq!(whole.of(&service).await.body.len(), large.len());

        let body = json!({"message": "delete file", "branch": "z-stream", "sha": sha});
        let gone =
            ask("DELETE", STATE).header("authorization", "token t").json(&body).of(&service).await.json(200);
        assert_eq!(gone["content"], Value::Null);
        assert_eq!(ask("GET", &format!("{STATE}?ref=z-stream")).of(&service).await.status, 404);
    }

    #[tokio::test]
    async fn result_files_appear_and_grow_as_the_scenario_says() {
        let world = world();
        let service = imitation(world.clone());
        let path = "_releases/ocp-test-result-4.20.1-amd64.json";
        let url = format!("/repos/openshift/release-tests/contents/{path}?ref=record");
        assert_eq!(ask("GET", &url).of(&service).await.status, 404);
        let directory = ask("GET", "/repos/openshift/release-tests/contents/_releases?ref=record")
            .of(&service)
            .await
            .json(200);
        assert_eq!(directory.as_array().unwrap().len(), 1, "the candidate's file");

        let versions = world.scenario().result_files[path].clone();
        for (at, bytes) in versions {
            world.advance_to(at);
            let read = ask("GET", &url).of(&service).await.json(200);
            assert_eq!(read["sha"], super::super::git::blob_sha(&bytes));
        }
        let registry = "/repos/openshift/release-tests/contents/_releases/ocp-4.20-test-jobs-amd64.json";
        assert_eq!(ask("GET", registry).of(&service).await.status, 200);
    }
}
