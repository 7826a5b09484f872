//! Whether the controller's decoder takes a file: Go's `encoding/json` with unknown fields refused, over the text's own tree,
//! so that every fault is found with its place instead of the first one without.
//!
//! As Go does: names match in any case, `null` leaves any field as it is, a number of a whole field has no fraction, no
//! exponent and 64 bits.

use super::Notes;
use super::duration;
use super::names;
use super::rules;
use super::schema::{CONFIG, Kind, Shape};
use crate::text::{Field, Node, Value};

/// Checks the whole tree.
pub(super) fn check(notes: &mut Notes<'_>) {
    let text = notes.text();
    let mut walk = Walk { notes, path: Vec::new() };
    walk.object(text.root(), &CONFIG);
}

struct Walk<'n, 'a> {
    notes: &'n mut Notes<'a>,
    path: Vec<&'a str>,
}

impl<'a> Walk<'_, 'a> {
    /// The entry that a value stands in: `verify.KEY` and the like.
    fn entry(&self) -> Option<String> {
        (self.path.len() >= 2).then(|| self.path[..2].join("."))
    }

    fn value(&mut self, name: &str, node: &'a Node, kind: Kind) {
        if matches!(node.value, Value::Null) {
            return;
        }
        match kind {
            Kind::Bool => self.truth(name, node),
            Kind::Text => self.text(name, node),
            Kind::Int => self.whole_number(name, node),
            Kind::Duration => self.duration(name, node),
            Kind::Texts => self.list(name, node, Kind::Text),
            Kind::Objects(shape) => self.list(name, node, Kind::Object(shape)),
            Kind::Object(shape) if matches!(node.value, Value::Object(_)) => self.object(node, shape),
            Kind::Object(shape) => {
                let mut mend = None;
                if let (Value::String(job), "prowJob") = (&node.value, name) {
                    mend = Some(format!("write {{\"name\": {job:?}}}"));
                }
                self.wrong_type(node, name, &format!("an object ({})", shape.what), mend);
            }
            Kind::Named(shape) => match &node.value {
                Value::Object(fields) => {
                    for field in fields {
                        self.path.push(&field.key);
                        self.value(&field.key, &field.node, Kind::Object(shape));
                        self.path.pop();
                    }
                }
                _ => self.wrong_type(node, name, "an object of named entries", None),
            },
        }
    }

    fn object(&mut self, node: &'a Node, shape: &'static Shape) {
        for field in node.fields() {
            let Some((known, kind)) = shape.field(&field.key) else {
                self.unknown(field, shape);
                continue;
            };
            if *known != field.key {
                let exact = node.fields().iter().any(|other| other.key == *known);
                let beside = if exact {
                    format!("; {known:?} stands beside it, and the last one counts")
                } else {
                    String::new()
                };
                let message =
                    format!("{:?} is only read as {known:?} by readers that ignore case{beside}", field.key);
                let entry = self.entry();
                self.notes.add(&rules::ODD_CASE, field.key_span, entry, message).mend =
                    Some(format!("write {known:?}"));
            }
            self.path.push(known);
            self.value(known, &field.node, *kind);
            self.path.pop();
        }
    }

    fn unknown(&mut self, field: &'a Field, shape: &'static Shape) {
        let name = &field.key;
        let entry = self.entry();
        if let Some((_, then)) = shape.gone.iter().find(|(old, _)| old.eq_ignore_ascii_case(name)) {
            let message = format!("{} has no field {name:?} any more: {then}", shape.what);
            self.notes.add(&rules::UNKNOWN_FIELD, field.key_span, entry, message).mend =
                Some("remove it".to_owned());
            return;
        }
        let known = shape.fields.iter().map(|(known, _)| *known);
        let mend = match names::nearest(name, known.clone()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("remove it; known here: {}", known.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("{} has no field {name:?}", shape.what);
        self.notes.add(&rules::UNKNOWN_FIELD, field.key_span, entry, message).mend = Some(mend);
    }

    fn list(&mut self, name: &str, node: &'a Node, of: Kind) {
        let Value::Array(nodes) = &node.value else {
            self.wrong_type(node, name, "a list", None);
            return;
        };
        for node in nodes {
            self.value(name, node, of);
        }
    }

    fn truth(&mut self, name: &str, node: &Node) {
        let mend = match &node.value {
            Value::Bool(_) => return,
            Value::String(text) if matches!(text.as_str(), "true" | "false") => {
                Some(format!("write {text} without quotes"))
            }
            _ => None,
        };
        self.wrong_type(node, name, "true or false", mend);
    }

    fn text(&mut self, name: &str, node: &Node) {
        let mend = match &node.value {
            Value::String(_) => return,
            Value::Number(text) => Some(format!("write \"{text}\" in quotes")),
            _ => None,
        };
        self.wrong_type(node, name, "a string", mend);
    }

    fn whole_number(&mut self, name: &str, node: &Node) {
        let Value::Number(number) = &node.value else {
            let mend = node.as_str().filter(|text| text.parse::<i64>().is_ok());
            let mend = mend.map(|text| format!("write {text} without quotes"));
            self.wrong_type(node, name, "a whole number", mend);
            return;
        };
        if number.parse::<i64>().is_ok() {
            return;
        }
        let entry = self.entry();
        let (why, mend) = if number.contains(['.', 'e', 'E']) {
            let whole = number.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && n.abs() < 1e15);
            let why = "a number with a fraction or an exponent is no whole number";
            (why, whole.map(|n| format!("write {n:.0}")))
        } else {
            ("it does not fit into 64 bits", None)
        };
        let message = format!("{name} is {number}: {why}");
        let found = self.notes.add(&rules::WRONG_TYPE, node.span, entry, message);
        found.mend = mend.or_else(|| Some("write a whole number".to_owned()));
    }

    fn duration(&mut self, name: &str, node: &Node) {
        if node.as_str().is_none() {
            self.wrong_type(node, name, "a Go duration in quotes", Some("write it as in \"72h\"".to_owned()));
            return;
        }
        // The controller takes what stands between the quotes as it stands, escapes and all.
        let raw = self.notes.text().slice(node.span);
        let raw = &raw[1..raw.len() - 1];
        if let Some(why) = duration::fault(raw) {
            let entry = self.entry();
            let message = format!("{name} {raw:?} is no Go duration: {why}");
            let found = self.notes.add(&rules::BAD_DURATION, node.span, entry, message);
            if let Some(hours) = duration::meant(raw) {
                found.mend = Some(format!("write {hours:?}"));
            }
        }
    }

    fn wrong_type(&mut self, node: &Node, name: &str, expected: &str, mend: Option<String>) {
        let entry = self.entry();
        // A short value says more than its kind.
        let shown = match node.value {
            Value::Object(_) | Value::Array(_) | Value::Null => node.kind(),
            _ => match self.notes.text().slice(node.span) {
                value if value.len() <= 40 => value,
                _ => node.kind(),
            },
        };
        let message = format!("{name} is {shown} where {expected} is needed");
        let found = self.notes.add(&rules::WRONG_TYPE, node.span, entry, message);
        found.mend = mend.or_else(|| Some(format!("write {expected}")));
    }
}
