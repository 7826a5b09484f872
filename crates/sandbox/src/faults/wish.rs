//! Single faults as JSON: read from `POST /faults` of the control service, and shown by `GET /faults`.
//!
//! Their form is described there ([`crate::services::control`]).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::rules::{Away, InForce, Jump, Outage, RequestRule, Rule};
use super::{Fault, Faults};
use crate::serve::NAMES;
use crate::world::lock;

/// Longer than any world lasts.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const AWAYS: [Away; 4] = [Away::Down, Away::BehindProxy, Away::Maintenance, Away::Expired];

/// Services imitated here that may have faults.
fn faulty_services() -> impl Iterator<Item = &'static str> {
    let none = ["clock", "control", "gcs", "brew", "ldap", "kube", "model"];
    NAMES.into_iter().filter(move |name| !none.contains(name))
}

/// Reads one wish or a list of them; all or none are taken.
///
/// # Errors
/// Which field is wrong, and what is allowed there.
pub(crate) fn read(sent: &[u8], now: Timestamp) -> Result<Vec<Rule>, String> {
    let value: Value =
        serde_json::from_slice(sent).map_err(|error| format!("the body is not JSON: {error}"))?;
    match &value {
        Value::Array(list) if list.is_empty() => Err("the list is empty; send one fault or more".to_owned()),
        Value::Array(list) => {
            let numbered = |(i, wish)| one(wish, now).map_err(|why| format!("fault {}: {why}", i + 1));
            list.iter().enumerate().map(numbered).collect()
        }
        wish => one(wish, now).map(|rule| vec![rule]),
    }
}

fn one(wish: &Value, now: Timestamp) -> Result<Rule, String> {
    let Value::Object(fields) = wish else {
        return Err("a fault is a JSON object".to_owned());
    };
    let fields = Fields(fields);
    let kinds = ["fault", "outage", "clock_jump"].map(|key| fields.0.contains_key(key));
    match kinds {
        [true, false, false] => requests(&fields, now),
        [false, true, false] => outage(&fields, now),
        [false, false, true] => jump(&fields, now),
        _ => Err("it needs exactly one of the fields fault, outage and clock_jump".to_owned()),
    }
}

fn requests(fields: &Fields<'_>, now: Timestamp) -> Result<Rule, String> {
    fields.are_among(&["service", "fault", "method", "path", "pass", "times", "until"])?;
    let service = fields.service()?;
    let word = fields.text("fault")?.unwrap_or_default();
    let fault = one_of("fault", &word, Fault::ALL.into_iter(), Fault::word)?;
    let method = match fields.text("method")? {
        Some(method) => {
            Some(one_of("method", &method.to_uppercase(), METHODS.into_iter(), |method| method)?.to_owned())
        }
        None => None,
    };
    let until = fields.when("until", now)?.map(|until| later("until", until, now)).transpose()?;
    let times = match fields.number("times")? {
        Some(0) => return Err("times: 0 requests would meet it; 1 or more, or leave it out".to_owned()),
        Some(times) => Some(times),
        None if until.is_some() => None,
        None => Some(1),
    };
    let pass = fields.number("pass")?.unwrap_or(0);
    Ok(RequestRule { service, method, path: fields.text("path")?, fault, pass, times, until }.into())
}

fn outage(fields: &Fields<'_>, now: Timestamp) -> Result<Rule, String> {
    fields.are_among(&["service", "outage", "from", "until"])?;
    let service = fields.service()?;
    let word = fields.text("outage")?.unwrap_or_default();
    let away = one_of("outage", &word, AWAYS.into_iter(), Away::word)?;
    let from = fields.when("from", now)?.unwrap_or(now);
    let until =
        fields.when("until", from)?.ok_or("until is missing; an instant, or a duration such as \"3h\"")?;
    let until = later("until", until, from.max(now))?;
    Ok(Outage { service, away, from, until }.into())
}

fn jump(fields: &Fields<'_>, now: Timestamp) -> Result<Rule, String> {
    fields.are_among(&["clock_jump", "at"])?;
    let text = fields.text("clock_jump")?.unwrap_or_default();
    let by = duration(&text).filter(|by| by.is_positive());
    let by = by.ok_or_else(|| format!("clock_jump: {text:?} is no duration above 0, such as \"45m\""))?;
    // What lies at now is behind: the next step does not cross it.
    let next = now + SignedDuration::from_secs(1);
    let at = fields.when("at", now)?.map_or(Ok(next), |at| later("at", at, now))?;
    Ok(Jump { at, by }.into())
}

/// An instant that still lies ahead.
fn later(name: &str, at: Timestamp, than: Timestamp) -> Result<Timestamp, String> {
    if at > than { Ok(at) } else { Err(format!("{name}: {at} is not after {than} of the scenario")) }
}

fn duration(text: &str) -> Option<SignedDuration> {
    text.parse::<SignedDuration>().ok().filter(|duration| !duration.is_negative() && *duration <= LONGEST)
}

fn one_of<T: Copy>(
    field: &str,
    word: &str,
    all: impl Iterator<Item = T> + Clone,
    name: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    all.clone().find(|one| name(*one) == word).ok_or_else(|| {
        let words: Vec<&str> = all.map(&name).collect();
        format!("{field}: {word:?} is none of {}", words.join(", "))
    })
}

/// The fields of a wish.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn are_among(&self, known: &[&str]) -> Result<(), String> {
        match self.0.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(format!("{key} is no field here; there are {}", known.join(", "))),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(format!("{name}: {other} is no text")),
        }
    }

    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(number) => Ok(Some(number)),
                None => Err(format!("{name}: {value} is no whole number from 0")),
            },
        }
    }

    fn service(&self) -> Result<String, String> {
        let name = self.text("service")?.ok_or("service is missing")?;
        Ok(one_of("service", &name, faulty_services().collect::<Vec<_>>().into_iter(), |name| name)?
            .to_owned())
    }

    /// An instant, or a duration counted from `from`.
    fn when(&self, name: &str, from: Timestamp) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let instant =
            text.parse().ok().or_else(|| duration(&text).and_then(|lasts| from.checked_add(lasts).ok()));
        instant.map(Some).ok_or_else(|| {
            format!("{name}: {text:?} is neither an instant (RFC 3339) nor a duration such as \"3h\" of a year at most")
        })
    }
}

impl Faults {
    /// As `GET /faults` shows them.
    pub(crate) fn shown(&self) -> Value {
        let planned = self.outages.iter().map(outage_json).chain(self.jumps.iter().map(jump_json));
        let planned: Vec<Value> = planned.collect();
        let state = lock(&self.state);
        let rules: Vec<Value> = state.rules.iter().map(rule_json).collect();
        let mut injected: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for ((fault, service), count) in &state.injected {
            injected.entry(fault.word()).or_default().insert(service, *count);
        }
        json!({
            "mix": self.mix, "planned": planned, "rules": rules, "injected": injected,
            "clock_jumps": state.clock_jumps,
        })
    }
}

fn rule_json(in_force: &InForce) -> Value {
    match &in_force.rule {
        Rule::Outage(outage) => outage_json(outage),
        Rule::Jump(jump) => jump_json(jump),
        Rule::Requests(rule) => {
            let mut shown = json!({"service": rule.service, "fault": rule.fault});
            let optional =
                [("method", json!(rule.method)), ("path", json!(rule.path)), ("until", json!(rule.until))];
            for (name, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
                shown[name] = value;
            }
            shown["left"] = json!({"pass": in_force.pass, "times": in_force.times});
            shown
        }
    }
}

fn outage_json(outage: &Outage) -> Value {
    json!({"service": outage.service, "outage": outage.away.word(), "from": outage.from, "until": outage.until})
}

fn jump_json(jump: &Jump) -> Value {
    json!({"clock_jump": format!("{:#}", jump.by), "at": jump.at})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-03-05T09:00:00Z".parse().unwrap()
    }

    fn read_text(text: &str) -> Result<Vec<Rule>, String> {
        read(text.as_bytes(), now())
    }

    #[test]
    fn wishes_are_read_alone_and_in_lists() {
        let rules = read_text(
            r#"[{"service": "jenkins", "fault": "lost-answer", "method": "post", "path": "build", "pass": 1, "times": 2},
                {"service": "jira", "fault": "unavailable", "until": "90m"},
                {"service": "errata", "outage": "expired", "from": "2h", "until": "3h"},
                {"clock_jump": "45m", "at": "2026-03-06T00:00:00Z"}]"#,
        );
        let after = |hours| now() + SignedDuration::from_hours(hours);
        let jira = RequestRule::on("jira", Fault::Unavailable).until(now() + SignedDuration::from_mins(90));
        let jump = Jump { at: "2026-03-06T00:00:00Z".parse().unwrap(), by: SignedDuration::from_mins(45) };
        assert_eq!(
            rules.unwrap(),
            [
                RequestRule::on("jenkins", Fault::LostAnswer)
                    .method("POST")
                    .path("build")
                    .after(1)
                    .times(2)
                    .into(),
                jira.into(),
                Outage::expired("errata", after(2), after(5)).into(),
                jump.into(),
            ]
        );
        let one = read_text(r#"{"service": "slack", "outage": "down", "until": "1h"}"#).unwrap();
        assert_eq!(one, [Outage::down("slack", now(), after(1)).into()]);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        let wrong = |text: &str| read_text(text).unwrap_err();
        insta::assert_snapshot!(wrong("{"), @"the body is not JSON: EOF while parsing an object at line 1 column 1");
        insta::assert_snapshot!(wrong("[]"), @"the list is empty; send one fault or more");
        insta::assert_snapshot!(wrong("7"), @"a fault is a JSON object");
        insta::assert_snapshot!(wrong(r#"{"service": "jira"}"#), @"it needs exactly one of the fields fault, outage and clock_jump");
        insta::assert_snapshot!(wrong(r#"{"fault": "reset"}"#), @"service is missing");
        insta::assert_snapshot!(wrong(r#"{"service": "clock", "fault": "reset"}"#), @r#"service: "clock" is none of github, raw, release_controller, jenkins, gangway, prow, gitlab, jira, errata, slack, sheets, google_token, signature, registry, pyxis, access"#);
        insta::assert_snapshot!(wrong(r#"[{"service": "jira", "fault": "reset"}, {"service": "jira", "fault": "gremlin"}]"#), @r#"fault 2: fault: "gremlin" is none of latency, refused, reset, limited, limited-silently, internal-error, bad-gateway, unavailable, drip, lost-answer, twice, malformed, truncated, oversized, expired, conflict"#);
        insta::assert_snapshot!(wrong(r#"{"service": "jira", "fault": "reset", "time": 3}"#), @"time is no field here; there are service, fault, method, path, pass, times, until");
        insta::assert_snapshot!(wrong(r#"{"service": "jira", "fault": "reset", "times": 0}"#), @"times: 0 requests would meet it; 1 or more, or leave it out");
        insta::assert_snapshot!(wrong(r#"{"service": "jira", "fault": "reset", "pass": -1}"#), @"pass: -1 is no whole number from 0");
        insta::assert_snapshot!(wrong(r#"{"service": "jira", "fault": "reset", "method": "BREW"}"#), @r#"method: "BREW" is none of GET, HEAD, POST, PUT, PATCH, DELETE"#);
        insta::assert_snapshot!(wrong(r#"{"service": "jira", "fault": "reset", "until": "soon"}"#), @r#"until: "soon" is neither an instant (RFC 3339) nor a duration such as "3h" of a year at most"#);
        insta::assert_snapshot!(wrong(r#"{"service": "jira", "outage": "gone", "until": "3h"}"#), @r#"outage: "gone" is none of down, bad-gateway, maintenance, expired"#);
        insta::assert_snapshot!(wrong(r#"{"service": "jira", "outage": "down"}"#), @r#"until is missing; an instant, or a duration such as "3h""#);
        insta::assert_snapshot!(wrong(r#"{"service": "jira", "outage": "down", "until": "2026-03-05T08:00:00Z"}"#), @"until: 2026-03-05T08:00:00Z is not after 2026-03-05T09:00:00Z of the scenario");
        insta::assert_snapshot!(wrong(r#"{"clock_jump": "-3m"}"#), @r#"clock_jump: "-3m" is no duration above 0, such as "45m""#);
    }
}
