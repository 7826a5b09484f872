//! Slack's Web API: post with a key, find a post by its key, look up people and groups.
//!
//! Slack offers no idempotency key, so every message carries Regatta's own as message metadata, which nobody sees and
//! which can be looked for after a lost answer.

use jiff::Timestamp;
use regatta_kit::OutsideText;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::{Fault, ServiceError};
use crate::remote::{Answer, Call, Remote};

/// Characters a message may have; longer texts are split by [`split_text`].
pub const TEXT_LIMIT: usize = 4000;
/// The type that marks Regatta's messages in their metadata.
pub const EVENT_TYPE: &str = "regatta";
/// Entries asked for at once.
const PAGE: &str = "200";
/// Pages read before giving up.
const PAGES: usize = 50;

/// Seconds by which the caller's clock may be ahead of Slack's when a message is looked for.
const CLOCK_LEEWAY_SECONDS: i64 = 10 * 60;

/// A Slack workspace.
#[derive(Debug, Clone)]
pub struct Slack {
    remote: Remote,
}

/// A message that stands in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The channel's id.
    pub channel: String,
    /// The message's time stamp, which is its identity.
    pub ts: String,
}

impl Slack {
    /// A client.
    #[must_use]
    pub const fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// Posts `text`, marked with `key`.
    ///
    /// # Errors
    /// As every call.
    pub async fn post(&self, channel: &str, text: &str, key: &str) -> Result<Posted, ServiceError> {
        #[derive(Deserialize)]
        struct Made {
            ts: String,
            channel: Option<String>,
        }
        let metadata = json!({ "event_type": EVENT_TYPE, "event_payload": { "key": key } });
        let body = json!({ "channel": channel, "text": text, "metadata": metadata });
        let made: Made = ask(self.method("chat.postMessage").json(&body)).await?;
        Ok(Posted { channel: made.channel.unwrap_or_else(|| channel.to_owned()), ts: made.ts })
    }

    /// The message marked with `key` that was posted to `channel` at or after `since`, if there is one. `since` is the
    /// caller's clock, so the search begins 10 minutes earlier; keys are unique, which makes that harmless.
    ///
    /// # Errors
    /// As every call.
    pub async fn find(
        &self,
        channel: &str,
        key: &str,
        since: Timestamp,
    ) -> Result<Option<Posted>, ServiceError> {
        #[derive(Deserialize)]
        struct History {
            messages: Vec<Message>,
            response_metadata: Option<Next>,
        }
        #[derive(Deserialize)]
        struct Message {
            ts: String,
            metadata: Option<Metadata>,
        }
        #[derive(Deserialize)]
        struct Metadata {
            event_type: String,
            #[serde(default)]
            event_payload: serde_json::Value,
        }
        let Some(channel) = self.channel_id(channel).await? else { return Ok(None) };
        let oldest = since.as_second().saturating_sub(CLOCK_LEEWAY_SECONDS).max(0).to_string();
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let form = [
                ("channel", channel.as_str()),
                ("include_all_metadata", "true"),
                ("inclusive", "true"),
                ("limit", PAGE),
                ("oldest", oldest.as_str()),
                ("cursor", cursor.as_str()),
            ];
            // An empty cursor is refused by some methods; it is the last pair.
            let form = if cursor.is_empty() { &form[..5] } else { &form[..] };
            let history: History = ask(self.method("conversations.history").form(form)).await?;
            let ours = |message: &&Message| {
                let marked = message.metadata.as_ref().filter(|metadata| metadata.event_type == EVENT_TYPE);
                marked.is_some_and(|metadata| {
                    metadata.event_payload.get("key").and_then(|k| k.as_str()) == Some(key)
                })
            };
            if let Some(message) = history.messages.iter().find(ours) {
                return Ok(Some(Posted { channel, ts: message.ts.clone() }));
            }
            match history.response_metadata.and_then(Next::cursor) {
                Some(next) => cursor = next,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The id of the person with this e-mail; what follows a `+` in its local part is left out.
    ///
    /// # Errors
    /// As every call; nobody with this e-mail is an answer.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<String>, ServiceError> {
        #[derive(Deserialize)]
        struct Found {
            user: User,
        }
        #[derive(Deserialize)]
        struct User {
            id: String,
        }
        let plain = match email.split_once('@') {
            Some((local, domain)) => format!("{}@{domain}", local.split('+').next().unwrap_or(local)),
            None => email.to_owned(),
        };
        let asked = ask::<Found>(self.method("users.lookupByEmail").form(&[("email", plain.as_str())])).await;
        match asked {
            Ok(found) => Ok(Some(found.user.id)),
            Err(error) if says(&error, "users_not_found") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The id of the user group with this handle.
    ///
    /// # Errors
    /// As every call; no such group is an answer.
    pub async fn usergroup(&self, handle: &str) -> Result<Option<String>, ServiceError> {
        #[derive(Deserialize)]
        struct List {
            usergroups: Vec<Group>,
        }
        #[derive(Deserialize)]
        struct Group {
            id: String,
            handle: String,
        }
        let list: List = ask(self.method("usergroups.list").form::<&str, &str>(&[])).await?;
        Ok(list.usergroups.into_iter().find(|group| group.handle == handle).map(|group| group.id))
    }

    /// The id of a channel given by name or id. Messages may be posted by name, but are only found by id.
    async fn channel_id(&self, channel: &str) -> Result<Option<String>, ServiceError> {
        #[derive(Deserialize)]
        struct List {
            channels: Vec<Channel>,
            response_metadata: Option<Next>,
        }
        #[derive(Deserialize)]
        struct Channel {
            id: String,
            name: Option<String>,
        }
        let name = channel.trim_start_matches('#');
        if is_id(name) {
            return Ok(Some(name.to_owned()));
        }
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let form = [
                ("types", "public_channel,private_channel"),
                ("exclude_archived", "true"),
                ("limit", PAGE),
                ("cursor", cursor.as_str()),
            ];
            let form = if cursor.is_empty() { &form[..3] } else { &form[..] };
            let list: List = ask(self.method("conversations.list").form(form)).await?;
            if let Some(found) = list.channels.into_iter().find(|c| c.name.as_deref() == Some(name)) {
                return Ok(Some(found.id));
            }
            match list.response_metadata.and_then(Next::cursor) {
                Some(next) => cursor = next,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    fn method(&self, name: &str) -> Call {
        self.remote.post(&["api", name])
    }
}

/// Where the next page begins.
#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next_cursor: String,
}

impl Next {
    fn cursor(self) -> Option<String> {
        Some(self.next_cursor).filter(|cursor| !cursor.is_empty())
    }
}

/// Whether a channel is given by id: `C…`, `G…` or `D…` and capitals and digits.
fn is_id(channel: &str) -> bool {
    channel.len() >= 9
        && channel.starts_with(['C', 'G', 'D'])
        && channel.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Sends, and reads Slack's own `ok` in place of the status, which is 200 for most refusals.
async fn ask<T: DeserializeOwned>(call: Call) -> Result<T, ServiceError> {
    #[derive(Deserialize)]
    struct Verdict {
        ok: bool,
        error: Option<String>,
    }
    let answer = call.send().await?;
    let verdict: Verdict = answer.json()?;
    if verdict.ok {
        return answer.json();
    }
    Err(refusal(&answer, verdict.error.as_deref().unwrap_or("no reason given")))
}

fn refusal(answer: &Answer, error: &str) -> ServiceError {
    let fault = match error {
        "ratelimited" | "rate_limited" => Fault::Limited { retry_after: answer.retry_after() },
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired"
        | "no_permission" | "missing_scope" => {
            let said = OutsideText::line(error, 40);
            Fault::NotAuthorised { hint: format!("Slack says {said}; renew SLACK_BOT_TOKEN") }
        }
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => Fault::ServerFault {
            status: answer.status.as_u16(),
            said: OutsideText::line(error, 80),
            retry_after: answer.retry_after(),
        },
        other => Fault::Refused { status: answer.status.as_u16(), said: OutsideText::line(other, 200) },
    };
    answer.fault(fault)
}

fn says(error: &ServiceError, word: &str) -> bool {
    matches!(&error.fault, Fault::Refused { said, .. } if said.as_str() == word)
}

/// Text from outside as Slack shows it literally: without it, `<!channel>` in a ticket's title would call everybody.
///
/// Escape before mentions are added, and after [`split_text`], which would cut an escaped character in two. Plain
/// `https://…` addresses stay links.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Cuts a text into pieces of at most `limit` characters, between lines where that is possible.
#[must_use]
pub fn split_text(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(1);
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        let characters = line.chars().count();
        if length + characters > limit && length > 0 {
            pieces.push(std::mem::take(&mut piece));
            length = 0;
        }
        if characters <= limit {
            piece.push_str(line);
            length += characters;
            continue;
        }
        // A single line longer than a message: cut where it must be.
        for character in line.chars() {
            if length == limit {
                pieces.push(std::mem::take(&mut piece));
                length = 0;
            }
            piece.push(character);
            length += 1;
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
        .iter()
        .map(|piece| piece.trim_end_matches('\n').to_owned())
        .filter(|piece| !piece.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Auth;
    use crate::scripted::{Scripted, answer};
    use regatta_kit::ErrorClass;
    use serde_json::Value;
    use std::sync::Arc;

    fn slack(answerer: impl Fn(&str, &str) -> Value + Send + Sync + 'static) -> Slack {
        let transport: Arc<Scripted> = Scripted::new(move |request| {
            let body = String::from_utf8(request.body().to_vec()).unwrap();
            Ok(answer(200, answerer(request.uri().path(), &body).to_string()))
        });
        Slack::new(Remote::new("slack", "https://slack.example.com".parse().unwrap(), Auth::None, transport))
    }

    #[tokio::test]
    async fn a_refusal_in_a_good_answer_is_typed() {
        for (word, class) in [
            ("ratelimited", ErrorClass::Transient),
            ("internal_error", ErrorClass::Transient),
            ("invalid_auth", ErrorClass::NeedsCredentials),
            ("channel_not_found", ErrorClass::Permanent),
        ] {
            let slack = slack(move |_, _| json!({"ok": false, "error": word}));
            assert_eq!(slack.post("team", "hello", "k").await.unwrap_err().class(), class, "{word}");
        }
    }

    #[tokio::test]
    async fn a_message_is_found_by_its_key_on_a_later_page_of_a_channel_given_by_name() {
        let slack = slack(|path, body| match path {
            "/api/conversations.list" => {
                json!({"ok": true, "channels": [{"id": "C0000000A", "name": "other"}, {"id": "C0000000B", "name": "team"}]})
            }
            "/api/conversations.history" if body.contains("cursor=next") => json!({"ok": true, "messages": [
                {"ts": "2.0", "metadata": {"event_type": "other", "event_payload": {"key": "report:4.20.1"}}},
                {"ts": "1.0", "metadata": {"event_type": "regatta", "event_payload": {"key": "report:4.20.1"}}}]}),
            "/api/conversations.history" => {
                assert!(
                    body.contains("channel=C0000000B") && format!("{body}&").contains("oldest=1000&"),
                    "{body}"
                );
                json!({"ok": true, "messages": [{"ts": "3.0"}], "response_metadata": {"next_cursor": "next"}})
            }
            _ => json!({"ok": false, "error": "unknown_method"}),
        });
        // Ten minutes earlier than asked for: the caller's clock may be ahead of Slack's.
        let since = Timestamp::from_second(1600).unwrap();
        let found = slack.find("#team", "report:4.20.1", since).await.unwrap();
        assert_eq!(found, Some(Posted { channel: "C0000000B".to_owned(), ts: "1.0".to_owned() }));
        assert_eq!(slack.find("unknown", "k", since).await.unwrap(), None);
    }

    #[tokio::test]
    async fn people_and_groups_that_slack_does_not_know_are_none() {
        let slack = slack(|path, body| match path {
            "/api/users.lookupByEmail" if body == "email=me%40example.com" => {
                json!({"ok": true, "user": {"id": "U1"}})
            }
            "/api/users.lookupByEmail" => json!({"ok": false, "error": "users_not_found"}),
            _ => json!({"ok": true, "usergroups": [{"id": "S1", "handle": "art-team"}]}),
        });
        assert_eq!(slack.user_by_email("me+qe@example.com").await.unwrap().as_deref(), Some("U1"));
        assert_eq!(slack.user_by_email("you@example.com").await.unwrap(), None);
        assert_eq!(slack.usergroup("art-team").await.unwrap().as_deref(), Some("S1"));
        assert_eq!(slack.usergroup("nobody").await.unwrap(), None);
    }

    #[test]
    fn outside_text_can_mention_nobody() {
        assert_eq!(
            escape("<!channel> & <https://x.example|here> https://y.example/?a=1&b=2"),
            "&lt;!channel&gt; &amp; &lt;https://x.example|here&gt; https://y.example/?a=1&amp;b=2"
        );
    }

    #[test]
    fn long_texts_are_cut_between_lines_where_possible() {
        assert_eq!(split_text("short", 10), ["short"]);
        assert_eq!(split_text("one\ntwo\nthree\n", 8), ["one\ntwo", "three"]);
        assert_eq!(split_text("abcdefghij\nk", 4), ["abcd", "efgh", "ij\nk"]);
        assert_eq!(split_text("ééé", 2), ["éé", "é"]);
        assert!(split_text("", 5).is_empty());
    }
}
