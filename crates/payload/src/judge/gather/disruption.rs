//! `backend-disruption_*.json`: how long each backend could not be reached.
//!
//! ```json
//! {"BackendDisruptions": {"kube-api-new-connections": {"Name": "kube-api-new-connections", "DisruptedDuration": "2s"}}}
//! ```

use jiff::SignedDuration;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A week, longer than any run: more is an error of whoever measured.
const SECONDS_MAX: u64 = 7 * 24 * 60 * 60;

/// What a file says.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Read {
    /// Seconds of each backend.
    pub(super) seconds: BTreeMap<String, u64>,
    /// What of it was left out, and why.
    pub(super) notes: Vec<String>,
}

/// Seconds of each backend, rounded up (reference: payload jobs, b.10).
pub(super) fn read(bytes: &[u8]) -> Result<Read, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("is no valid JSON: {error}"))?;
    let Some(Value::Object(backends)) =
        value.as_object().and_then(|object| get(object, "BackendDisruptions"))
    else {
        return Err("has no object `BackendDisruptions`".to_owned());
    };
    let mut read = Read::default();
    for (key, backend) in backends {
        let Value::Object(backend) = backend else {
            return Err(format!("`{key}` is no object"));
        };
        let name =
            get(backend, "Name").and_then(Value::as_str).filter(|name| !name.is_empty()).unwrap_or(key);
        let duration = get(backend, "DisruptedDuration").unwrap_or(&Value::Null);
        let Some(whole) = whole_seconds(duration) else {
            return Err(format!(
                "`{key}` has the duration {duration}, where one such as \"1m2.5s\" is expected"
            ));
        };
        if whole > SECONDS_MAX {
            read.notes.push(format!("`{name}` was disrupted for {whole} s, more than a week; left out"));
        } else {
            read.seconds.insert(name.to_owned(), whole);
        }
    }
    Ok(read)
}

/// Names match in any case, as for those who write the file.
fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// A duration as Go writes it, or nanoseconds.
fn whole_seconds(duration: &Value) -> Option<u64> {
    let duration = match duration {
        Value::Null => SignedDuration::ZERO,
        Value::String(text) => text.parse().ok()?,
        Value::Number(nanoseconds) => SignedDuration::from_nanos(nanoseconds.as_i64()?),
        _ => return None,
    };
    let whole = u64::try_from(duration.as_secs()).ok()?;
    let rest = duration.subsec_nanos();
    (rest >= 0).then(|| whole.saturating_add(u64::from(rest > 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_whatever_way_they_are_written() {
        for (written, seconds) in [
            ("\"0s\"", 0),
            ("\"1s\"", 1),
            ("\"1.000000001s\"", 2),
            ("\"1m2.5s\"", 63),
            ("\"1h0m0s\"", 3600),
            ("\"250ms\"", 1),
            ("1500000000", 2),
            ("null", 0),
        ] {
            let json = format!("{{\"backendDisruptions\": {{\"a\": {{\"DisruptedDuration\": {written}}}}}}}");
            let read = read(json.as_bytes()).unwrap();
            assert_eq!(read.seconds, BTreeMap::from([("a".to_owned(), seconds)]), "{written}");
        }
    }

    #[test]
    fn more_than_a_week_is_left_out() {
        let json = "{\"BackendDisruptions\": {\"a\": {\"DisruptedDuration\": \"200h\"}, \"b\": {\"DisruptedDuration\": \"1s\"}}}";
        let read = read(json.as_bytes()).unwrap();
        assert_eq!(read.seconds, BTreeMap::from([("b".to_owned(), 1)]));
        assert_eq!(read.notes, ["`a` was disrupted for 720000 s, more than a week; left out"]);
    }

    #[test]
    fn what_is_no_duration_is_told() {
        for (json, why) in [
            ("{", "is no valid JSON: EOF while parsing an object at line 1 column 1"),
            ("[]", "has no object `BackendDisruptions`"),
            ("{\"BackendDisruptions\": {\"a\": 1}}", "`a` is no object"),
            (
                "{\"BackendDisruptions\": {\"a\": {\"DisruptedDuration\": \"-1s\"}}}",
                "`a` has the duration \"-1s\", where one such as \"1m2.5s\" is expected",
            ),
        ] {
            assert_eq!(read(json.as_bytes()), Err(why.to_owned()));
        }
    }
}
