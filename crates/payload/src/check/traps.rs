//! What nobody validates but goes wrong when payloads are tested, and how the files are usually written.
//!
//! Only live entries are looked at: one that is disabled is neither launched nor counted.

use super::entries::{Item, get, job_of};
use super::{Level, Notes, names, rules};
use crate::model::{PREFIX, TagForm};
use crate::text::{Field, Node, Value};

/// The longest name that is not shortened (reference: payload jobs, b.2).
const NAME_LIMIT_CHARS: usize = 63;

const UPGRADE_FROM: [&str; 4] = ["Previous", "PreviousMinus1", "PreviousPatch", "PreviousMinor"];
const BADGE: [&str; 4] = ["Yes", "No", "OnSuccess", "OnFailure"];

/// Checks a configuration; `tag` is the form of its payload tags where it has one.
pub(super) fn check(notes: &mut Notes<'_>, tag: Option<&TagForm>) {
    let root = notes.text().root();
    top(notes, root);
    let verify: Vec<Item<'_>> = Item::all(root, "verify").into_iter().filter(|item| item.is_live()).collect();
    for item in &verify {
        if let Some(field) = item.aggregated() {
            aggregated(notes, item, field, tag);
        } else if item.key.starts_with(PREFIX) && matches!(item.field.node.value, Value::Object(_)) {
            let message = format!("the key begins with {PREFIX}, but the entry is not aggregated");
            notes.add(&rules::PREFIX_ALONE, item.field.key_span, item.entry(), message);
        }
        if let Some(field) = item.get("maxRetries")
            && let Some(retries) = field.node.as_int().filter(|retries| *retries < 0)
        {
            let message = format!("\"maxRetries\": {retries} means no retry");
            notes.add(&rules::RETRIES_NEGATIVE, field.node.span, item.entry(), message);
        }
        if !is_object_name(item.key) {
            let message = format!("{:?} cannot be part of a Kubernetes object's name", item.key);
            notes.add(&rules::KEY_NOT_A_NAME, item.field.key_span, item.entry(), message);
        }
        upgrade(notes, item);
        for qualifier in item.get("qualifiers").map(|field| field.node.fields()).unwrap_or_default() {
            self::qualifier(notes, item, qualifier);
        }
    }
    for item in Item::all(root, "periodic") {
        upgrade(notes, &item);
    }
    same_job(notes, &verify);
}

fn top(notes: &mut Notes<'_>, root: &Node) {
    let text = |name: &str| get(root, name).and_then(|field| Some((field, field.node.as_str()?)));
    if get(root, "name").is_none_or(|field| field.node.as_str() == Some("")) {
        let message = "the stream's name is missing".to_owned();
        notes.add(&rules::MISSING_NAME, notes.text().root().span, None, message);
    }
    for (name, known) in [("as", ["Integration", "Stable"]), ("referenceMode", ["public", "source"])] {
        if let Some((field, value)) =
            text(name).filter(|(_, value)| !value.is_empty() && !known.contains(value))
        {
            let message = format!(
                "{name} {value:?} counts as {:?}, since only {:?} counts otherwise",
                known[0], known[1]
            );
            let found = notes.add(&rules::UNKNOWN_MODE, field.node.span, None, message);
            found.mend = Some(match names::nearest(value, known) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("write {:?} or {:?}", known[0], known[1]),
            });
        }
    }
    let pair = ["alternateImageRepository", "alternateImageRepositorySecretName"];
    let there = pair.map(|name| text(name).filter(|(_, value)| !value.is_empty()).map(|(field, _)| field));
    if let (Some(field), None, missing) | (None, Some(field), missing) =
        (there[0], there[1], pair[usize::from(there[0].is_some())])
    {
        let message = format!("{} has no effect without {missing}", field.key);
        notes.add(&rules::ALTERNATE_HALF, field.key_span, None, message);
    }
}

fn aggregated(notes: &mut Notes<'_>, item: &Item<'_>, field: &Field, tag: Option<&TagForm>) {
    let count_field = get(&field.node, "analysisJobCount");
    let count = match count_field {
        None => Some(0),
        Some(count) => count.node.as_int(),
    };
    let span = count_field.map_or(field.key_span, |count| count.node.span);
    match count {
        // The decoder tells what is no number.
        None => {}
        Some(..=0) => {
            let how = match (count_field, count) {
                (Some(_), Some(count)) => format!("with \"analysisJobCount\": {count}"),
                _ => "without analysisJobCount".to_owned(),
            };
            let message =
                format!("no payload can be accepted {how}: nothing starts the aggregator that it waits for");
            notes.add(&rules::RUN_COUNT, span, item.entry(), message).level = Level::Error;
        }
        Some(count @ 1..=5) => {
            let message = format!(
                "{count} {} can never pass: every test needs 6 attempts",
                if count == 1 { "run" } else { "runs" }
            );
            notes.add(&rules::RUN_COUNT, span, item.entry(), message);
        }
        Some(6..=12) => {}
        Some(count) => {
            let message = format!("{count} runs crash the aggregator, whose table ends at 12 attempts");
            notes.add(&rules::RUN_COUNT, span, item.entry(), message);
        }
    }
    if !item.key.starts_with(PREFIX) {
        let message = format!("an aggregated entry whose key does not begin with {PREFIX}");
        let found = notes.add(&rules::PREFIX_MISSING, item.field.key_span, item.entry(), message);
        found.mend = Some(format!("name it \"{PREFIX}{}\"", item.key));
    }
    if !item.is("optional") && item.get("maxRetries").is_none() {
        let message = "a blocking aggregated entry without maxRetries".to_owned();
        notes.add(&rules::AGGREGATED_WITHOUT_RETRIES, item.field.key_span, item.entry(), message);
    }
    if let Some(analysis) = item.get("multiJobAnalysis").filter(|_| item.is("multiJobAnalysis")) {
        let message = "an entry that analyses other jobs gains nothing from several runs".to_owned();
        notes.add(&rules::ANALYSIS_AGGREGATED, analysis.key_span, item.entry(), message);
    }
    if let Some(tag) = tag {
        let fixed = tag.length_chars() + "-".len() + "-aggregator".len();
        let length = fixed + item.key.chars().count();
        if length <= NAME_LIMIT_CHARS {
            let least = (NAME_LIMIT_CHARS + 1).saturating_sub(fixed);
            let message = format!(
                "the result would never be recorded: {tag}-{}-aggregator has {length} characters, and only a name that is \
                 shortened, from {} on, is found again",
                item.key,
                NAME_LIMIT_CHARS + 1
            );
            notes.add(&rules::SHORT_KEY, item.field.key_span, item.entry(), message).mend =
                Some(format!("choose a key of at least {least} characters"));
        }
    }
}

fn upgrade(notes: &mut Notes<'_>, item: &Item<'_>) {
    let release = item.get("upgradeFromRelease").filter(|field| matches!(field.node.value, Value::Object(_)));
    let from = item.text("upgradeFrom");
    if !item.is("upgrade") {
        if let Some(field) = release.or(from.map(|(field, _)| field)) {
            let message = format!("{} has no effect without \"upgrade\": true", field.key);
            notes.add(&rules::UPGRADE_FROM_IGNORED, field.key_span, item.entry(), message);
        }
        return;
    }
    if let Some(field) = release {
        let ways = ["prerelease", "candidate", "release"];
        let given: Vec<&str> = ways.into_iter().filter(|way| get(&field.node, way).is_some()).collect();
        match given[..] {
            [] => {
                let message = "an upgradeFromRelease that names nothing stops the payload's jobs".to_owned();
                notes.add(&rules::UPGRADE_FROM_RELEASE, field.key_span, item.entry(), message);
            }
            [_] => {}
            [first, ..] => {
                let message = format!("of {} only {first} counts", given.join(", "));
                let found = notes.add(&rules::UPGRADE_FROM_RELEASE, field.key_span, item.entry(), message);
                found.level = Level::Warning;
            }
        }
    } else if let Some((field, value)) = from.filter(|(_, value)| !UPGRADE_FROM.contains(value)) {
        let message = format!("upgradeFrom {value:?} is unknown and stops the payload's jobs");
        let found = notes.add(&rules::UPGRADE_FROM_VALUE, field.node.span, item.entry(), message);
        if value == "PreviousMicro" {
            found.mend = Some("write \"PreviousPatch\", which is what the code calls it".to_owned());
        } else if let Some(near) = names::nearest(value, UPGRADE_FROM) {
            found.mend = Some(format!("did you mean {near:?}?"));
        }
    }
}

fn qualifier(notes: &mut Notes<'_>, item: &Item<'_>, qualifier: &Field) {
    let name = &qualifier.key;
    if let Some(field) = get(&qualifier.node, "payloadBadgeStatus")
        && let Some(value) = field.node.as_str().filter(|value| !value.is_empty() && !BADGE.contains(value))
    {
        let message = format!("the qualifier {name:?} shows no badge for payloadBadgeStatus {value:?}");
        notes.add(&rules::QUALIFIER_VALUE, field.node.span, item.entry(), message).mend =
            Some(format!("write one of {}", BADGE.join(", ")));
    }
    let escalations = get(&qualifier.node, "notifications")
        .and_then(|field| get(&field.node, "jira"))
        .and_then(|field| get(&field.node, "escalations"));
    let Some(Value::Array(escalations)) = escalations.map(|field| &field.node.value) else { return };
    for escalation in escalations {
        let mut fault = |field: &Field, allowed: &str| {
            let value = notes.text().slice(field.node.span);
            let message = format!(
                "the payload object refuses an escalation of the qualifier {name:?} with {} {value}",
                field.key
            );
            notes.add(&rules::QUALIFIER_VALUE, field.node.span, item.entry(), message).mend =
                Some(format!("write {allowed}"));
        };
        let int = |name: &str| get(escalation, name).and_then(|field| Some((field, field.node.as_int()?)));
        if let Some((field, _)) = int("overLastRuns").filter(|(_, runs)| *runs < 1) {
            fault(field, "1 or more");
        }
        if let Some((field, _)) = int("passPercentage").filter(|(_, percent)| !(0..=100).contains(percent)) {
            fault(field, "0 to 100");
        }
        if let Some(field) = get(escalation, "overPeriod")
            && field.node.as_str().is_some_and(|text| !text.is_empty() && !is_period(text))
        {
            fault(field, "a number of hours, days or weeks, such as \"24h\", \"2d\" or \"1w\"");
        }
    }
}

fn is_period(text: &str) -> bool {
    text.strip_suffix(['h', 'd', 'w']).is_some_and(|number| {
        !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit()) && !number.is_empty()
    })
}

/// Live entries with one Prow job (reference: payload jobs, b.5 and c.3).
fn same_job(notes: &mut Notes<'_>, verify: &[Item<'_>]) {
    let mut by_job: indexmap::IndexMap<&str, Vec<&Item<'_>>> = indexmap::IndexMap::new();
    for item in verify {
        if let Some((_, job)) = item.prow_job() {
            let same = by_job.entry(job).or_default();
            // A key that stands twice is told as such; the later one counts.
            same.retain(|other| other.key != item.key);
            same.push(item);
        }
    }
    for (job, items) in by_job.iter().filter(|(_, items)| items.len() > 1) {
        let mut told = false;
        for item in items {
            let Some(field) = item.aggregated() else { continue };
            told = true;
            let count =
                get(&field.node, "analysisJobCount").and_then(|count| count.node.as_int()).unwrap_or(0);
            let others = || items.iter().filter(|other| other.key != item.key);
            let least: i64 = others().map(|other| runs(other).0).fold(count, i64::saturating_add);
            let most: i64 = others().map(|other| runs(other).1).fold(count, i64::saturating_add);
            let attempts = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            let crash = if most >= 13 { ", and 13 or more crash it" } else { "" };
            let message = format!(
                "{} runs {job} too, and the aggregator counts those runs as its own: {attempts} attempts instead of {count}{crash}",
                others().map(|other| other.key).collect::<Vec<_>>().join(", "),
            );
            notes.add(&rules::SAME_JOB, item.field.key_span, item.entry(), message);
        }
        if told {
            continue;
        }
        for (index, item) in items.iter().enumerate() {
            let Some(first) = items[..index].iter().find(|other| start(notes, other) == start(notes, item))
            else {
                continue;
            };
            let line = notes.text().place(first.field.key_span.start).line;
            let message = format!(
                "it runs the same Prow job as {} (line {line}), so {job} runs twice on every payload",
                first.key
            );
            notes.add(&rules::SAME_JOB, item.field.key_span, item.entry(), message);
        }
    }
}

/// The least and the most runs of its Prow job that an entry adds to a payload.
fn runs(item: &Item<'_>) -> (i64, i64) {
    match item.aggregated() {
        Some(field) => {
            let count = get(&field.node, "analysisJobCount")
                .and_then(|count| count.node.as_int())
                .unwrap_or(1)
                .max(1);
            (count, count)
        }
        None => (1, item.int("maxRetries").unwrap_or(0).max(0).saturating_add(1)),
    }
}

/// What an entry's upgrade starts from, as it is written.
fn start<'a>(notes: &Notes<'a>, item: &Item<'a>) -> (bool, Option<&'a str>, Option<String>) {
    if !item.is("upgrade") {
        return (false, None, None);
    }
    let release = item
        .get("upgradeFromRelease")
        .map(|field| notes.text().slice(field.node.span).split_whitespace().collect::<Vec<_>>().join(""));
    (true, item.text("upgradeFrom").map(|(_, value)| value), release)
}

/// The aggregator job that an entry names, with its place.
pub(super) fn own_aggregator<'a>(item: &Item<'a>) -> Option<(&'a Field, &'a str)> {
    job_of(&item.aggregated()?.node)
}

/// Whether `TAG-KEY` is a DNS subdomain, as names of Kubernetes objects are.
fn is_object_name(key: &str) -> bool {
    format!("t-{key}").split('.').all(|label| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        label.bytes().all(|byte| plain(byte) || byte == b'-')
            && label.bytes().next().is_some_and(plain)
            && label.bytes().last().is_some_and(plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_parts_of_object_names() {
        for key in ["aws", "aws-4.21-micro", "e2e4"] {
            assert!(is_object_name(key), "{key}");
        }
        for key in ["AWS", "aws_e2e", "aws-", "aws.", "", "aws .x", "a..b"] {
            assert!(!is_object_name(key), "{key}");
        }
    }
}
