//! Slack's Web API: channels with messages, people and user groups.
//!
//! Errors come with status 200 and `ok: false`, as the real ones do. Messages may be posted to a channel by name or by
//! id; the history is read by id only. A message's metadata is kept and shown to who asks for it: that is how a sender
//! finds what it had already said.

use axum::response::Response;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;

use super::people::{CAST, Person};
use super::wire::{self, Call, Service};
use crate::imitation::Imitation;
use crate::world::World;

const TEAM: &str = "T027F3GAJ";
const BOT_USER: &str = "U0REGATTABOT";
const BOT_ID: &str = "B0REGATTABOT";
const APP_ID: &str = "A0REGATTAAPP";
/// Channels that exist before anybody posts.
const CHANNELS: [&str; 4] = ["team-qe-release", "team-art", "forum-ocp-qe", "forum-ocp-release-approvers"];
/// Longest text that is accepted, characters.
const TEXT_LIMIT: usize = 40_000;

/// The service.
pub fn imitation(world: World) -> Imitation {
    let channels = CHANNELS.iter().map(|name| (channel_id(name), Channel::named(name))).collect();
    Imitation::answering(Slack { world, state: Mutex::new(State { channels, last_micros: 0 }) })
}

struct Slack {
    world: World,
    state: Mutex<State>,
}

struct State {
    /// By id.
    channels: BTreeMap<String, Channel>,
    /// The newest message's time stamp, microseconds since the epoch.
    last_micros: i64,
}

struct Channel {
    name: String,
    /// Oldest first.
    messages: Vec<Message>,
}

struct Message {
    ts: String,
    text: String,
    thread_ts: Option<String>,
    metadata: Option<Value>,
    /// `blocks` and `attachments`, as they came.
    extras: Map<String, Value>,
}

impl Channel {
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), messages: Vec::new() }
    }
}

/// The id of a channel given by name (`#team`, `team`) or by id.
fn channel_id(channel: &str) -> String {
    if is_id(channel) {
        return channel.to_owned();
    }
    format!(
        "C{}",
        regatta_kit::ids::digest(channel.trim_start_matches('#').as_bytes(), 10).to_ascii_uppercase()
    )
}

fn is_id(channel: &str) -> bool {
    channel.len() >= 9
        && channel.starts_with(['C', 'G', 'D'])
        && channel.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
}

/// A method's answer: its fields, or the error word.
type Answer = Result<Value, &'static str>;

impl Service for Slack {
    fn answer(&self, call: &Call) -> Response {
        let (_, path) = call.route();
        let method = match path.as_slice() {
            ["api", method] | [method] => *method,
            _ => "",
        };
        let arguments = arguments(call);
        let token = call.authorization("Bearer").map(str::to_owned).or_else(|| text_of(&arguments, "token"));
        let answer = match token {
            None => Err("not_authed"),
            Some(_) => match method {
                "api.test" => Ok(json!({"args": {}})),
                "auth.test" => Ok(auth_test(&call.base)),
                "chat.postMessage" => self.post(&arguments),
                "conversations.history" => self.history(&arguments),
                "conversations.replies" => self.replies(&arguments),
                "conversations.list" => Ok(self.list()),
                "conversations.info" => self.info(&arguments),
                "users.lookupByEmail" => lookup(&arguments),
                "users.info" => user_info(&arguments),
                "usergroups.list" => Ok(self.groups()),
                _ => Err("unknown_method"),
            },
        };
        let mut shown = json!({"ok": answer.is_ok()});
        match answer {
            Ok(Value::Object(fields)) => {
                for (key, value) in fields {
                    shown[key] = value;
                }
            }
            Ok(_) => {}
            Err(word) => {
                shown["error"] = json!(word);
                if word == "unknown_method" {
                    shown["req_method"] = json!(method);
                }
            }
        }
        wire::ok(&shown)
    }
}

impl Slack {
    fn post(&self, arguments: &Map<String, Value>) -> Answer {
        let channel = text_of(arguments, "channel").ok_or("channel_not_found")?;
        let plain = |c: char| c.is_alphanumeric() || "-_#".contains(c);
        if !channel.chars().all(plain) || channel.len() > 81 {
            return Err("channel_not_found");
        }
        let text = text_of(arguments, "text").unwrap_or_default();
        let mut extras = Map::new();
        for key in ["blocks", "attachments"] {
            if let Some(value) = structured(arguments, key) {
                extras.insert(key.to_owned(), value);
            }
        }
        if text.is_empty() && extras.is_empty() {
            return Err("no_text");
        }
        if text.chars().count() > TEXT_LIMIT {
            return Err("msg_too_long");
        }
        let metadata = structured(arguments, "metadata");
        if metadata.as_ref().is_some_and(|m| !m["event_type"].is_string() || !m["event_payload"].is_object())
        {
            return Err("invalid_metadata_format");
        }
        let key = metadata
            .as_ref()
            .and_then(|m| m["event_payload"]["key"].as_str())
            .unwrap_or("unkeyed")
            .to_owned();

        let mut state = wire::lock(&self.state);
        // Time stamps identify messages: in one second they differ in the fraction.
        state.last_micros = (state.last_micros + 100).max(self.world.now().as_microsecond());
        let ts = format!("{}.{:06}", state.last_micros / 1_000_000, state.last_micros % 1_000_000);
        let id = channel_id(&channel);
        let thread_ts = text_of(arguments, "thread_ts");
        let room = state
            .channels
            .entry(id.clone())
            .or_insert_with(|| Channel::named(channel.trim_start_matches('#')));
        let message = Message { ts: ts.clone(), text, thread_ts, metadata, extras };
        let shown = message_json(&message, true);
        self.world.effects().record(format!("slack:{key}"));
        self.world
            .log("slack", format!("#{}: {}", room.name, message.text.lines().next().unwrap_or_default()));
        room.messages.push(message);
        Ok(json!({"channel": id, "ts": ts, "message": shown, "response_metadata": {}}))
    }

    /// Messages that are no replies, newest first.
    fn history(&self, arguments: &Map<String, Value>) -> Answer {
        let state = wire::lock(&self.state);
        let channel = known(&state, arguments)?;
        let inclusive = flag(arguments, "inclusive");
        let oldest = text_of(arguments, "oldest").and_then(|ts| micros(&ts));
        let latest = text_of(arguments, "latest").and_then(|ts| micros(&ts));
        let limit =
            text_of(arguments, "limit").and_then(|n| n.parse().ok()).unwrap_or(100_usize).clamp(1, 999);
        let before = match text_of(arguments, "cursor") {
            None => i64::MAX,
            Some(cursor) => {
                cursor.strip_prefix("next_ts:").and_then(|at| at.parse().ok()).ok_or("invalid_cursor")?
            }
        };
        let mut found: Vec<&Message> = channel
            .messages
            .iter()
            .rev()
            .filter(|message| message.thread_ts.as_ref().is_none_or(|thread| *thread == message.ts))
            .filter(|message| {
                let at = micros(&message.ts).unwrap_or_default();
                at < before
                    && oldest.is_none_or(|oldest| at > oldest || (inclusive && at == oldest))
                    && latest.is_none_or(|latest| at < latest || (inclusive && at == latest))
            })
            .take(limit + 1)
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let metadata = flag(arguments, "include_all_metadata");
        let mut answer = json!({
            "messages": found.iter().map(|message| message_json(message, metadata)).collect::<Vec<_>>(),
            "has_more": more, "pin_count": 0, "channel_actions_ts": null, "channel_actions_count": 0,
        });
        if let (true, Some(last)) = (more, found.last()) {
            let cursor = format!("next_ts:{}", micros(&last.ts).unwrap_or_default());
            answer["response_metadata"] = json!({"next_cursor": cursor});
        }
        Ok(answer)
    }

    fn replies(&self, arguments: &Map<String, Value>) -> Answer {
        let state = wire::lock(&self.state);
        let channel = known(&state, arguments)?;
        let thread = text_of(arguments, "ts").ok_or("thread_not_found")?;
        let metadata = flag(arguments, "include_all_metadata");
        let found: Vec<Value> = channel
            .messages
            .iter()
            .filter(|message| message.ts == thread || message.thread_ts.as_deref() == Some(&thread))
            .map(|message| message_json(message, metadata))
            .collect();
        if found.is_empty() {
            Err("thread_not_found")
        } else {
            Ok(json!({"messages": found, "has_more": false}))
        }
    }

    fn list(&self) -> Value {
        let state = wire::lock(&self.state);
        let channels: Vec<Value> =
            state.channels.iter().map(|(id, channel)| channel_json(id, channel)).collect();
        json!({"channels": channels, "response_metadata": {"next_cursor": ""}})
    }

    fn info(&self, arguments: &Map<String, Value>) -> Answer {
        let state = wire::lock(&self.state);
        let id = text_of(arguments, "channel").ok_or("channel_not_found")?;
        let channel = state.channels.get(&id).ok_or("channel_not_found")?;
        Ok(json!({"channel": channel_json(&id, channel)}))
    }

    /// One group a y-stream, and those of the neighbouring teams.
    fn groups(&self) -> Value {
        let mine = self.world.scenario().release.stream;
        let streams = (12..=23).map(|minor| format!("4.{minor}")).chain(["5.0".to_owned(), mine.to_string()]);
        let mut handles: Vec<String> =
            streams.map(|stream| format!("openshift-qe-{stream}-release")).collect();
        handles.extend(["art-team", "openshift-docs-team", "prodsec-openshift"].map(str::to_owned));
        handles.sort();
        handles.dedup();
        let groups: Vec<Value> = handles
            .iter()
            .map(|handle| {
                let id = format!("S{}", regatta_kit::ids::digest(handle.as_bytes(), 10).to_ascii_uppercase());
                json!({
                    "id": id, "team_id": TEAM, "is_usergroup": true, "is_subteam": true, "name": handle, "description": "",
                    "handle": handle, "is_external": false, "date_create": 1_600_000_000, "date_update": 1_700_000_000, "date_delete": 0,
                    "auto_type": null, "auto_provision": false, "enterprise_subteam_id": "", "created_by": BOT_USER, "updated_by": BOT_USER,
                    "deleted_by": null, "prefs": {"channels": [], "groups": []}, "user_count": 4,
                })
            })
            .collect();
        json!({"usergroups": groups})
    }
}

fn known<'a>(state: &'a State, arguments: &Map<String, Value>) -> Result<&'a Channel, &'static str> {
    let id = text_of(arguments, "channel").ok_or("channel_not_found")?;
    state.channels.get(&id).ok_or("channel_not_found")
}

/// The arguments of a call: a JSON object, a form, or the query, in this order.
fn arguments(call: &Call) -> Map<String, Value> {
    let mut all: Map<String, Value> =
        call.query.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    if call.is_json() {
        if let Some(Value::Object(body)) = call.json() {
            all.extend(body);
        }
    } else {
        all.extend(call.form().into_iter().map(|(key, value)| (key, json!(value))));
    }
    all
}

/// A non-empty argument as text.
fn text_of(arguments: &Map<String, Value>, name: &str) -> Option<String> {
    match arguments.get(name)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

/// An argument that is an object or list: JSON inside JSON, or JSON text inside a form.
fn structured(arguments: &Map<String, Value>, name: &str) -> Option<Value> {
    match arguments.get(name)? {
        Value::Null => None,
        Value::String(text) => serde_json::from_str(text).ok(),
        other => Some(other.clone()),
    }
}

fn flag(arguments: &Map<String, Value>, name: &str) -> bool {
    text_of(arguments, name).is_some_and(|value| matches!(value.as_str(), "1" | "true" | "True"))
}

/// A message's time stamp in microseconds.
fn micros(ts: &str) -> Option<i64> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, ""));
    let fraction = format!("{fraction:0<6}");
    seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction.get(..6)?.parse().ok()?)
}

fn message_json(message: &Message, with_metadata: bool) -> Value {
    let mut shown = json!({
        "user": BOT_USER, "type": "message", "ts": message.ts, "bot_id": BOT_ID, "app_id": APP_ID, "text": message.text, "team": TEAM,
        "bot_profile": {"id": BOT_ID, "app_id": APP_ID, "user_id": BOT_USER, "name": "ERT Release Bot", "icons": {}, "deleted": false,
            "updated": 1_700_000_000, "team_id": TEAM},
    });
    for (key, value) in &message.extras {
        shown[key] = value.clone();
    }
    if let Some(thread) = &message.thread_ts {
        shown["thread_ts"] = json!(thread);
    }
    if let (true, Some(metadata)) = (with_metadata, &message.metadata) {
        shown["metadata"] = metadata.clone();
    }
    shown
}

fn channel_json(id: &str, channel: &Channel) -> Value {
    json!({
        "id": id, "name": channel.name, "name_normalized": channel.name, "is_channel": true, "is_group": false, "is_im": false,
        "is_mpim": false, "is_private": false, "created": 1_600_000_000, "is_archived": false, "is_general": false, "unlinked": 0,
        "is_shared": false, "is_org_shared": false, "is_member": true, "creator": BOT_USER, "context_team_id": TEAM,
        "topic": {"value": "", "creator": "", "last_set": 0}, "purpose": {"value": "", "creator": "", "last_set": 0}, "num_members": 40,
    })
}

fn auth_test(base: &str) -> Value {
    json!({
        "url": format!("{base}/"), "team": "Red Hat Internal", "user": "ert-release-bot", "team_id": TEAM, "user_id": BOT_USER,
        "bot_id": BOT_ID, "is_enterprise_install": false,
    })
}

fn lookup(arguments: &Map<String, Value>) -> Answer {
    let email = text_of(arguments, "email").ok_or("invalid_arguments")?;
    let person = Person::at(&email).ok_or("users_not_found")?;
    Ok(json!({"user": user_json(&person)}))
}

fn user_info(arguments: &Map<String, Value>) -> Answer {
    let id = text_of(arguments, "user").ok_or("user_not_found")?;
    if id == BOT_USER {
        let mut bot = user_json(&Person { name: "ert-release-bot".to_owned() });
        bot["id"] = json!(BOT_USER);
        bot["is_bot"] = json!(true);
        return Ok(json!({"user": bot}));
    }
    let person = CAST.iter().filter_map(|name| Person::named(name)).find(|person| person.slack_id() == id);
    person.map(|person| json!({"user": user_json(&person)})).ok_or("user_not_found")
}

fn user_json(person: &Person) -> Value {
    let name = person.display_name();
    json!({
        "id": person.slack_id(), "team_id": TEAM, "name": person.name, "deleted": false, "color": "9f69e7", "real_name": name,
        "tz": "America/New_York", "tz_label": "Eastern Standard Time", "tz_offset": -18_000,
        "profile": {"title": "", "phone": "", "skype": "", "real_name": name, "real_name_normalized": name, "display_name": person.name,
            "display_name_normalized": person.name, "status_text": "", "status_emoji": "", "email": person.email(), "team": TEAM},
        "is_admin": false, "is_owner": false, "is_primary_owner": false, "is_restricted": false, "is_ultra_restricted": false,
        "is_bot": false, "is_app_user": false, "updated": 1_700_000_000, "is_email_confirmed": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::wire::testing::{Ask, ask, world};
    use jiff::SignedDuration;

    fn login(ask: Ask) -> Ask {
        ask.header("authorization", "Bearer xoxb-1")
    }

    #[tokio::test]
    async fn a_message_is_found_again_by_its_metadata() {
        let world = world();
        let slack = imitation(world.clone());
        let metadata = json!({"event_type": "regatta", "event_payload": {"key": "opened:4.20.1"}});
        let post = login(ask("POST", "/api/chat.postMessage"));
        let first = post
            .json(&json!({"channel": "team-qe-release", "text": "one", "metadata": metadata}))
            .of(&slack)
            .await
            .json(200);
        assert_eq!(first["ok"], true);
        let form = "channel=%23team-qe-release&text=two&metadata=%7B%22event_type%22%3A%22e%22%2C%22event_payload%22%3A%7B%7D%7D";
        let second = login(ask("POST", "/api/chat.postMessage")).form(form).of(&slack).await.json(200);
        assert!(second["ts"].as_str() > first["ts"].as_str());
        assert_eq!(second["channel"], first["channel"]);

        let path =
            format!("/api/conversations.history?channel={}&limit=1", first["channel"].as_str().unwrap());
        let page = login(ask("GET", &format!("{path}&include_all_metadata=true"))).of(&slack).await.json(200);
        assert_eq!((&page["messages"][0]["text"], &page["has_more"]), (&json!("two"), &json!(true)));
        let cursor = page["response_metadata"]["next_cursor"].as_str().unwrap();
        let page = login(ask("GET", &format!("{path}&include_all_metadata=true&cursor={cursor}")))
            .of(&slack)
            .await
            .json(200);
        assert_eq!((&page["messages"][0]["metadata"], &page["has_more"]), (&metadata, &json!(false)));
        let later = login(ask("GET", &format!("{path}&oldest={}", first["ts"].as_str().unwrap())))
            .of(&slack)
            .await
            .json(200);
        assert_eq!(
            (later["messages"].as_array().unwrap().len(), later["messages"][0].get("metadata")),
            (1, None)
        );

        let counts = world.effects().counts();
        assert_eq!((counts["slack:opened:4.20.1"], counts["slack:unkeyed"]), (1, 1));
    }

    #[tokio::test]
    async fn replies_stay_in_their_thread() {
        let world = world();
        let slack = imitation(world.clone());
        let parent = login(ask("POST", "/api/chat.postMessage"))
            .json(&json!({"channel": "team-art", "text": "p"}))
            .of(&slack)
            .await
            .json(200);
        world.advance_to(world.now() + SignedDuration::from_mins(1));
        let reply = json!({"channel": parent["channel"], "text": "r", "thread_ts": parent["ts"]});
        login(ask("POST", "/api/chat.postMessage")).json(&reply).of(&slack).await.json(200);
        let (channel, ts) = (parent["channel"].as_str().unwrap(), parent["ts"].as_str().unwrap());
        let history = login(ask("POST", "/api/conversations.history"))
            .form(&format!("channel={channel}"))
            .of(&slack)
            .await
            .json(200);
        assert_eq!(history["messages"].as_array().unwrap().len(), 1);
        let thread = login(ask("GET", &format!("/api/conversations.replies?channel={channel}&ts={ts}")))
            .of(&slack)
            .await
            .json(200);
        assert_eq!(thread["messages"].as_array().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn people_and_groups_are_found_and_errors_are_words() {
        let world = world();
        let slack = imitation(world.clone());
        let error = |answer: Value| answer["error"].as_str().unwrap().to_owned();
        assert_eq!(error(ask("POST", "/api/auth.test").of(&slack).await.json(200)), "not_authed");
        let known = login(ask("POST", "/api/users.lookupByEmail"))
            .form("email=jane%40redhat.com")
            .of(&slack)
            .await
            .json(200);
        assert!(known["user"]["id"].as_str().unwrap().starts_with('U'));
        let unknown = login(ask("POST", "/api/users.lookupByEmail"))
            .form("email=jane%40example.com")
            .of(&slack)
            .await
            .json(200);
        assert_eq!(error(unknown), "users_not_found");
        let groups = login(ask("POST", "/api/usergroups.list")).of(&slack).await.json(200);
        assert!(
            groups["usergroups"]
                .as_array()
                .unwrap()
                .iter()
                .any(|group| group["handle"] == "openshift-qe-4.20-release")
        );
        let nowhere = login(ask("POST", "/api/conversations.history"))
            .form("channel=team-art")
            .of(&slack)
            .await
            .json(200);
        assert_eq!(error(nowhere), "channel_not_found");
        let blank = login(ask("POST", "/api/chat.postMessage"))
            .json(&json!({"channel": "team-art", "text": ""}))
            .of(&slack)
            .await
            .json(200);
        assert_eq!(error(blank), "no_text");
        assert_eq!(error(login(ask("POST", "/api/none")).of(&slack).await.json(200)), "unknown_method");
    }
}
