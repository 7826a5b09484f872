//! StateBox files of both layouts: read, written, read again; what is appended and what is united.

use regatta_kit::{Status, Task};
use regatta_statebox::document::Document;
use regatta_statebox::merge::merge;
use regatta_statebox::{Event, Layout, StateBox, check};
use serde_json::{Value, json};

use super::message;

/// What separates the documents of an input for [`statebox_merge`]: a line of its own.
pub(super) const BETWEEN: &str = "\n%%%%\n";

/// A StateBox in JSON.
pub fn statebox_json(bytes: &[u8]) {
    of_layout(bytes, Layout::Json);
}

/// A StateBox in YAML.
pub fn statebox_yaml(bytes: &[u8]) {
    of_layout(bytes, Layout::Yaml);
}

fn of_layout(bytes: &[u8], layout: Layout) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let report = check::validate(text, layout, &check::forward_only);
    for finding in report.faults.iter().chain(&report.warnings) {
        message(finding);
        // YAML ends lines at more characters than JSON does.
        let lines = 1 + text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
        assert!(finding.line.is_none_or(|line| (1..=lines).contains(&line)), "{finding} of {lines} lines");
    }
    let state = match StateBox::parse(text, layout) {
        Ok((state, _)) => state,
        Err(error) => return message(&error),
    };
    let written = stable(&state, layout);
    // What production wrote is left as it stands, byte for byte: what Regatta writes is of that form.
    let untouched = StateBox::parse(&written, layout).expect("it was just read").0;
    assert_eq!(untouched.render(layout), written, "an untouched file changes");
    let other = if layout == Layout::Json { Layout::Yaml } else { Layout::Json };
    stable(&state, other);

    let mut changed = state;
    let appended = changed.apply(story("a", 1));
    assert!(appended >= story("a", 1).len(), "an event was lost");
    assert_eq!(changed.apply(story("a", 1)), 0, "an event was appended twice");
    stable(&changed, layout);
}

/// Written and read again, a state is the same, and is written the same.
fn stable(state: &StateBox, layout: Layout) -> String {
    let written = state.render(layout);
    let read = match StateBox::parse(&written, layout) {
        Ok((read, _)) => read,
        Err(error) => panic!("what was written as {layout} does not read: {error}\n{written}"),
    };
    assert_eq!(read.to_value(), state.to_value(), "read again as {layout} it is another state");
    assert_eq!(read.render(layout), written, "read again as {layout} it is written otherwise");
    written
}

/// Base, one side and the other, with `BETWEEN` between them; what is not there is the one before, with events
/// appended. They unite without losing an entry.
pub fn statebox_merge(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut parts = text.split(BETWEEN).map(|part| {
        let layout = Layout::guess(part);
        Document::read(part, layout).map(StateBox::open)
    });
    let Some(Ok(base)) = parts.next() else { return };
    let mut side = |writer: &str| match parts.next() {
        Some(part) => part,
        None => {
            let mut side = base.clone();
            side.apply(story(writer, 1));
            Ok(side)
        }
    };
    let (Ok(ours), Ok(theirs)) = (side("a"), side("b")) else { return };
    for (one, other) in [(&ours, &theirs), (&theirs, &ours), (&ours, &ours), (&ours, &base)] {
        let Ok(merged) = merge(&base, one, other) else { continue };
        for side in [one, other] {
            for event in side.history() {
                let kept = merged.state.history().any(|kept| kept.id == event.id);
                assert!(kept, "the entry {} is lost", event.id);
            }
        }
        for note in &merged.notes {
            message(note);
        }
        stable(&merged.state, Layout::Json);
        stable(&merged.state, Layout::Yaml);
        let again = merge(&merged.state, &merged.state, &merged.state).expect("one release");
        assert_eq!(again.state.to_value(), merged.state.to_value(), "united with itself it is another state");
    }
}

/// A writer's events of every kind that touches a field.
fn story(writer: &str, minute: u32) -> Vec<Event> {
    let task = |from: Status, to: Status| {
        json!({"kind": "task_moved", "task": Task::TakeOwnership, "from": from, "to": to, "attempt": 1,
            "evidence": {"summary": "seen"}, "result": "done: by kim@example.com\nand said so"})
    };
    let bodies = [
        task(Status::NotStarted, Status::InProgress),
        json!({"kind": "leased", "holder": writer, "until": "2026-03-02T10:00:00Z"}),
        json!({"kind": "intended", "key": "trigger:stage-testing", "mark": "17"}),
        json!({"kind": "triggered", "key": "trigger:stage-testing", "handle": {"kind": "jenkins-build", "id": "18"}}),
        task(Status::InProgress, Status::Pass),
        json!({"kind": "overridden", "task": Task::AnalyzeCandidateBuild, "verdict": Status::Pass, "role": "lead"}),
        json!({"kind": "issue", "change": "added", "text": "OCPBUGS-1 is critical", "blocker": true, "tasks": []}),
        json!({"kind": "issue", "change": "resolved", "text": "OCPBUGS-1 is critical", "resolution": "fixed"}),
        json!({"kind": "queued", "message": {"key": "k", "to": "owner", "text": "hello"}}),
        json!({"kind": "told", "key": "k"}),
    ];
    let events = bodies.into_iter().enumerate().map(|(i, mut body)| {
        let Value::Object(fields) = &mut body else { unreachable!("bodies are objects") };
        fields.insert("id".to_owned(), json!([format!("fuzz-{writer}"), i + 1]));
        fields.insert("at".to_owned(), json!(format!("2026-03-02T09:{:02}:{i:02}Z", minute % 60)));
        fields.insert("actor".to_owned(), json!("kim"));
        serde_json::from_value(body).expect("events are written here")
    });
    events.collect()
}
