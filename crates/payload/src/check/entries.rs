//! What the controller and the repository's scripts refuse in the entries of `verify` and `periodic`.

use super::{Notes, Origin, cron, duration, rules};
use crate::model::retry_like_ending;
use crate::text::{Field, Node, Value};

/// An entry as the controller sees it: of a field that stands several times the last one counts, and `null` is nothing.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) key: &'a str,
    pub(super) field: &'a Field,
    section: &'static str,
}

/// The value of a field in the way of Go's decoder.
pub(super) fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Field> {
    node.fields()
        .iter()
        .rfind(|field| field.key.eq_ignore_ascii_case(name) && !matches!(field.node.value, Value::Null))
}

impl<'a> Item<'a> {
    /// The entries of a section.
    pub(super) fn all(root: &'a Node, section: &'static str) -> Vec<Self> {
        let fields = get(root, section).map(|field| field.node.fields()).unwrap_or_default();
        fields.iter().map(|field| Self { key: &field.key, field, section }).collect()
    }

    /// Where it stands: `verify.KEY`.
    pub(super) fn entry(&self) -> Option<String> {
        Some(format!("{}.{}", self.section, self.key))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Field> {
        get(&self.field.node, name)
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name).and_then(|field| field.node.as_bool()).unwrap_or(false)
    }

    /// A text that is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<(&'a Field, &'a str)> {
        let field = self.get(name)?;
        field.node.as_str().filter(|text| !text.is_empty()).map(|text| (field, text))
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.node.as_int()
    }

    pub(super) fn is_live(&self) -> bool {
        !self.is("disabled")
    }

    /// The name of its Prow job, with its place.
    pub(super) fn prow_job(&self) -> Option<(&'a Field, &'a str)> {
        job_of(&self.field.node)
    }

    /// Its `aggregatedProwJob`.
    pub(super) fn aggregated(&self) -> Option<&'a Field> {
        self.get("aggregatedProwJob").filter(|field| matches!(field.node.value, Value::Object(_)))
    }
}

/// The name of the Prow job in an object with `prowJob`.
pub(super) fn job_of(node: &Node) -> Option<(&Field, &str)> {
    let name = get(&get(node, "prowJob")?.node, "name")?;
    name.node.as_str().filter(|text| !text.is_empty()).map(|text| (name, text))
}

/// Checks the entries of both sections.
pub(super) fn check(notes: &mut Notes<'_>) {
    let root = notes.text().root();
    for item in Item::all(root, "verify") {
        verify(notes, &item);
        both(notes, &item);
    }
    for item in Item::all(root, "periodic") {
        periodic(notes, &item);
        both(notes, &item);
    }
}

fn verify(notes: &mut Notes<'_>, item: &Item<'_>) {
    if let Some(field) = item.get("async").filter(|_| item.is("async")) {
        if !item.is("optional") {
            let message = "async without \"optional\": true".to_owned();
            notes.add(&rules::ASYNC_NEEDS_OPTIONAL, field.key_span, item.entry(), message);
        }
        if let Some(retries) = item.int("maxRetries").filter(|retries| *retries > 0) {
            let message = format!("async together with \"maxRetries\": {retries}");
            notes.add(&rules::ASYNC_EXCLUDES_RETRIES, field.key_span, item.entry(), message);
        }
    }
    if let Some(field) = item.get("optional").filter(|_| item.is("optional") && item.aggregated().is_some()) {
        let message = "an aggregated entry cannot be optional".to_owned();
        notes.add(&rules::OPTIONAL_AGGREGATED, field.key_span, item.entry(), message);
    }
    if let Some(digits) = retry_like_ending(item.key) {
        let message = format!("a key that ends in -{digits} reads as retry {digits} of another entry");
        notes.add(&rules::NAME_LIKE_RETRY, item.field.key_span, item.entry(), message);
    }
    if let Some((field, job)) = item.prow_job()
        && notes.origin() == Origin::Private
        && !job.contains("priv")
    {
        let message = format!("a private file names the Prow job {job:?}, which does not contain \"priv\"");
        notes.add(&rules::PRIVATE_JOB_NAME, field.node.span, item.entry(), message);
    }
    for qualifier in item.get("qualifiers").map(|field| field.node.fields()).unwrap_or_default() {
        if let Some(field) = get(&qualifier.node, "approval") {
            let message = format!("the qualifier {:?} sets approval", qualifier.key);
            notes.add(&rules::QUALIFIER_APPROVAL, field.key_span, item.entry(), message);
        }
    }
}

/// What holds in `verify` and in `periodic`.
fn both(notes: &mut Notes<'_>, item: &Item<'_>) {
    // Of another type it is told by the decoder.
    let readable = |node: &Node| matches!(node.value, Value::Object(_) | Value::Null);
    let prow_job = item.field.node.get("prowJob");
    if item.prow_job().is_none()
        && readable(&item.field.node)
        && prow_job.is_none_or(|job| {
            let name = get(&job.node, "name");
            readable(&job.node) && name.is_none_or(|name| name.node.as_str() == Some(""))
        })
    {
        let then = if item.section == "periodic" {
            "the controller's validation of all files crashes at it"
        } else {
            "the controller crashes when it builds a payload's object, and hack/validate-release-jobs.py at the file"
        };
        let span = prow_job.map_or(item.field.key_span, |field| field.key_span);
        notes.add(&rules::NO_JOB_NAMED, span, item.entry(), format!("names no Prow job: {then}"));
    }
    let release = item.get("upgradeFromRelease");
    if let (Some((field, value)), Some(_)) = (item.text("upgradeFrom"), release) {
        let message = format!("upgradeFrom {value:?} together with upgradeFromRelease");
        notes.add(&rules::UPGRADE_FROM_BOTH, field.key_span, item.entry(), message);
    }
    if let Some(field) = item.get("previousMinorOverride") {
        previous_minor(notes, item, field);
    }
}

fn previous_minor(notes: &mut Notes<'_>, item: &Item<'_>, field: &Field) {
    let text = |name: &str| get(&field.node, name).and_then(|f| f.node.as_str()).unwrap_or_default();
    let fault = if !item.is("upgrade")
        || item.text("upgradeFrom").map(|(_, value)| value) != Some("PreviousMinor")
        || item.get("upgradeFromRelease").is_some()
    {
        "it needs \"upgrade\": true and \"upgradeFrom\": \"PreviousMinor\", without upgradeFromRelease"
            .to_owned()
    } else if text("stream").trim().is_empty() {
        "it names no stream".to_owned()
    } else if let Some(name) =
        ["targetVersion", "version"].into_iter().find(|name| !is_major_minor(text(name)))
    {
        format!("its {name} {:?} is no MAJOR.MINOR", text(name))
    } else {
        return;
    };
    let message = format!("previousMinorOverride: {fault}");
    notes.add(&rules::PREVIOUS_MINOR_OVERRIDE, field.key_span, item.entry(), message);
}

fn is_major_minor(text: &str) -> bool {
    let number = |part: &str| part.parse::<u64>().is_ok_and(|n| n.to_string() == part);
    text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor))
}

fn periodic(notes: &mut Notes<'_>, item: &Item<'_>) {
    let (cron, interval) = (item.text("cron"), item.text("interval"));
    let mut fault = |span, message, mend: Option<String>| {
        let found = notes.add(&rules::PERIODIC_SCHEDULE, span, item.entry(), message);
        found.mend = mend.or(found.mend.take());
    };
    match (cron, interval) {
        // A value of another type is told by the decoder.
        (None, None) if wrong_type(item, "cron") || wrong_type(item, "interval") => {}
        (None, None) => fault(item.field.key_span, "has neither cron nor interval".to_owned(), None),
        (Some((field, _)), Some(_)) => fault(
            field.key_span,
            "has both cron and interval".to_owned(),
            Some("keep one of the two".to_owned()),
        ),
        _ => {}
    }
    if let Some((field, spec)) = cron
        && let Some(why) = cron::fault(spec)
    {
        fault(field.node.span, format!("cron {spec:?} cannot be read: {why}"), None);
    }
    if let Some((field, text)) = interval
        && let Some(why) = duration::fault(text)
    {
        let mend = duration::meant(text).map(|hours| format!("write {hours:?}"));
        fault(field.node.span, format!("interval {text:?} is no Go duration: {why}"), mend);
    }
}

fn wrong_type(item: &Item<'_>, name: &str) -> bool {
    item.get(name).is_some_and(|field| field.node.as_str().is_none())
}
