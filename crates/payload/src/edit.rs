//! Changing a text where a change belongs, and nowhere else.
//!
//! Edits are collected over the spans of one [`Text`] and applied together. What is inserted takes its indentation, its
//! line breaks and its blanks after colons from what stands around it, so that a file in one style stays in it.

use crate::text::{Field, Node, Span, Text, Value};

/// Where a new field goes in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Before all others.
    First,
    /// After the field of this index.
    After(usize),
    /// After all others.
    Last,
}

/// A value to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fresh {
    /// A number, `true`, `false` or a quoted string: JSON as it is to stand there.
    Plain(String),
    /// An object over several lines, where the object around it has a line per field.
    Spread(Vec<(&'static str, Fresh)>),
    /// An object on one line whatever stands around it.
    Inline(Vec<(&'static str, Fresh)>),
}

impl Fresh {
    /// A string.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Plain(quoted(text))
    }
}

/// Changes to one text, to be made together.
#[derive(Debug, Clone)]
pub struct Edits<'t> {
    text: &'t Text,
    changes: Vec<(Span, String)>,
    opened: Vec<Opened>,
}

/// An empty object that gets fields.
#[derive(Debug, Clone)]
struct Opened {
    span: Span,
    /// What stands before each of its fields.
    separator: String,
    /// What stands before its closing brace.
    end: String,
    fields: Vec<String>,
}

impl<'t> Edits<'t> {
    /// No changes yet.
    #[must_use]
    pub const fn new(text: &'t Text) -> Self {
        Self { text, changes: Vec::new(), opened: Vec::new() }
    }

    /// Puts a prefix before a key.
    pub fn prefix_key(&mut self, key_span: Span, prefix: &str) {
        let at = key_span.start + 1;
        self.changes.push((Span { start: at, end: at }, prefix.to_owned()));
    }

    /// Writes a key anew. A beginning it shares with the old one, or loses, is not rewritten.
    pub fn rename(&mut self, key_span: Span, to: &str) {
        let old = self.text.slice(key_span);
        let new = quoted(to);
        let inner = &new[1..new.len() - 1];
        match old[1..].strip_suffix('"').and_then(|old| old.strip_suffix(inner)) {
            Some(lost) => {
                let start = key_span.start + 1;
                self.changes.push((Span { start, end: start + lost.len() }, String::new()));
            }
            None => self.changes.push((key_span, new)),
        }
    }

    /// Replaces a value.
    pub fn set(&mut self, field: &Field, json: &str) {
        self.changes.push((field.node.span, json.to_owned()));
    }

    /// Adds a field to an object, in the style of its neighbours. Several additions at one place stand in
    /// the order in which they were made.
    pub fn insert(&mut self, object: &Node, at: At, name: &str, value: &Fresh) {
        let fields = object.fields();
        let layout = Layout::of(self.text, object);
        let written = |layout: &Layout| {
            let colon = colon(self.text, Some(object), name);
            format!("{}{colon}{}", quoted(name), layout.render(self.text, value))
        };
        match (at, fields.first(), fields.len()) {
            (_, None, _) | (_, _, 0) => {
                let inside = layout.grown();
                let field = written(&inside);
                match self.opened.iter_mut().find(|opened| opened.span == object.span) {
                    Some(opened) => opened.fields.push(field),
                    None => self.opened.push(Opened {
                        span: object.span,
                        separator: inside.separator,
                        end: layout.separator,
                        fields: vec![field],
                    }),
                }
            }
            (At::First, Some(first), _) => {
                let place = first.key_span.start;
                let gap = self.gap(object.span.start + 1, place);
                self.changes.push((Span { start: place, end: place }, format!("{},{gap}", written(&layout))));
            }
            (At::After(_) | At::Last, _, count) => {
                let index = if let At::After(index) = at { index.min(count - 1) } else { count - 1 };
                let place = fields[index].node.span.end;
                self.changes.push((
                    Span { start: place, end: place },
                    format!(",{}{}", layout.separator, written(&layout)),
                ));
            }
        }
    }

    /// Takes fields out of an object, with the commas and line breaks that belong to them.
    pub fn remove(&mut self, object: &Node, names: &[&str]) {
        let fields = object.fields();
        let goes = |index: usize| names.iter().any(|name| fields[index].key.eq_ignore_ascii_case(name));
        let mut from = 0;
        while from < fields.len() {
            if !goes(from) {
                from += 1;
                continue;
            }
            let mut to = from;
            while to + 1 < fields.len() && goes(to + 1) {
                to += 1;
            }
            let span = if to + 1 < fields.len() {
                Span { start: fields[from].key_span.start, end: fields[to + 1].key_span.start }
            } else if from > 0 {
                Span { start: fields[from - 1].node.span.end, end: fields[to].node.span.end }
            } else {
                Span { start: object.span.start + 1, end: object.span.end - 1 }
            };
            self.changes.push((span, String::new()));
            from = to + 1;
        }
    }

    /// The changed text.
    #[must_use]
    pub fn finish(mut self) -> String {
        for Opened { span, separator, end, fields } in std::mem::take(&mut self.opened) {
            let between = format!(",{separator}");
            self.changes.push((span, format!("{{{separator}{}{end}}}", fields.join(&between))));
        }
        // Stable: insertions at one place keep their order. An insertion comes before a removal that begins there.
        self.changes.sort_by_key(|(span, _)| (span.start, span.end));
        let source = self.text.source();
        let mut out = String::with_capacity(source.len() + 256);
        let mut done = 0;
        for (span, with) in &self.changes {
            // A removal up to where another begins leaves nothing between; overlapping ones never arise from one operation.
            out.push_str(source.get(done..span.start).unwrap_or_default());
            out.push_str(with);
            done = done.max(span.end);
        }
        out.push_str(&source[done..]);
        out
    }

    /// The blanks between two places.
    fn gap(&self, start: usize, end: usize) -> &'t str {
        &self.text.source()[start..end]
    }
}

/// How the fields of an object are set apart.
#[derive(Debug, Clone)]
struct Layout {
    /// What stands before a field: a line break and its indentation, or little where all is on one line.
    separator: String,
    /// What a deeper level adds to the indentation.
    unit: String,
}

impl Layout {
    fn of(text: &Text, object: &Node) -> Self {
        let source = text.source();
        let fields = object.fields();
        let before = |index: usize| {
            let start = if index == 0 { object.span.start + 1 } else { fields[index - 1].node.span.end };
            let between = &source[start..fields[index].key_span.start];
            // What stands before the comma belongs to the field before.
            between.rsplit_once(',').map_or(between, |(_, after)| after)
        };
        let line_start = source[..object.span.start].rfind('\n').map_or(0, |at| at + 1);
        let outer: String = source[line_start..].chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
        let line_break = if source.contains("\r\n") { "\r\n" } else { "\n" };
        // The first field that begins a line: later ones are indented astray more often than earlier ones.
        let own = (0..fields.len()).map(before).find(|gap| gap.contains('\n'));
        let separator = match own {
            // A blank line between fields is not copied.
            Some(gap) => format!("{line_break}{}", gap.rsplit('\n').next().unwrap_or_default()),
            None if fields.is_empty() => format!("{line_break}{outer}"),
            None if fields.len() > 1 => before(1).to_owned(),
            None => String::new(),
        };
        let unit = separator
            .trim_start_matches(['\r', '\n'])
            .strip_prefix(outer.as_str())
            .filter(|unit| !unit.is_empty() && separator.contains('\n') && !fields.is_empty())
            .map_or_else(|| unit_of(text), str::to_owned);
        Self { separator, unit }
    }

    fn grown(&self) -> Self {
        Self { separator: format!("{}{}", self.separator, self.unit), unit: self.unit.clone() }
    }

    fn render(&self, text: &Text, value: &Fresh) -> String {
        match value {
            Fresh::Plain(json) => json.clone(),
            Fresh::Spread(fields) if self.separator.contains('\n') => {
                let inside = self.grown();
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| {
                        let value = inside.render(text, value);
                        format!("{}{}{}{value}", inside.separator, quoted(name), colon(text, None, name))
                    })
                    .collect();
                format!("{{{}{}}}", fields.join(","), self.separator)
            }
            Fresh::Spread(fields) | Fresh::Inline(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| {
                        format!("{}{}{}", quoted(name), colon(text, None, name), self.render(text, value))
                    })
                    .collect();
                format!("{{{}}}", fields.join(","))
            }
        }
    }
}

/// One level's indentation: that of the first key at the top.
fn unit_of(text: &Text) -> String {
    let first = text.root().fields().first().map_or(0, |field| field.key_span.start);
    let line_start = text.source()[..first].rfind('\n').map(|at| at + 1);
    let unit = line_start.map_or("", |start| &text.source()[start..first]);
    if unit.is_empty() || !unit.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
        "  ".to_owned()
    } else {
        unit.to_owned()
    }
}

/// What stands between a key and its value: as most fields of that name have it in this file; else, for an entry, as the other
/// entries have it; else as most numbers, or as most fields of all.
fn colon(text: &Text, object: Option<&Node>, name: &str) -> &'static str {
    let mut counted = Counted::default();
    counted.under(text, text.root(), name);
    let mut siblings = Colons::default();
    if let Some(object) = object
        && text.root().get("verify").is_some_and(|verify| verify.node.span == object.span)
    {
        object.fields().iter().for_each(|field| siblings.count(between(text, field)));
    }
    let Counted { named, numbers, all } = counted;
    let heard = [named, siblings, numbers, all].into_iter().find(|colons| colons.tight + colons.spaced > 0);
    if heard.is_some_and(|colons| colons.tight > colons.spaced) { ":" } else { ": " }
}

fn between<'t>(text: &'t Text, field: &Field) -> &'t str {
    &text.source()[field.key_span.end..field.node.span.start]
}

#[derive(Default)]
struct Colons {
    tight: usize,
    spaced: usize,
}

impl Colons {
    fn count(&mut self, between: &str) {
        if between.ends_with(':') {
            self.tight += 1;
        } else {
            self.spaced += 1;
        }
    }
}

#[derive(Default)]
struct Counted {
    named: Colons,
    numbers: Colons,
    all: Colons,
}

impl Counted {
    fn under(&mut self, text: &Text, node: &Node, name: &str) {
        for field in node.fields() {
            let between = between(text, field);
            self.all.count(between);
            if field.key == name {
                self.named.count(between);
            }
            if matches!(field.node.value, Value::Number(_)) {
                self.numbers.count(between);
            }
            self.under(text, &field.node, name);
        }
    }
}

/// A string as JSON.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> Text {
        Text::parse(source).unwrap()
    }

    fn ten() -> Fresh {
        Fresh::Spread(vec![("analysisJobCount", Fresh::Plain("10".to_owned()))])
    }

    /// Appends an `aggregatedProwJob` to the only entry.
    fn appended(source: &str) -> String {
        let text = text(source);
        let entry = &text.root().get("verify").unwrap().node.fields()[0].node;
        let mut edits = Edits::new(&text);
        edits.insert(entry, At::Last, "aggregatedProwJob", &ten());
        edits.finish()
    }

    #[test]
    fn a_new_last_field_stands_as_its_neighbours_do() {
        insta::assert_snapshot!(appended("{\n  \"verify\": {\n    \"a\": {\n      \"optional\": true,\n      \"prowJob\": {\n        \"name\": \"j\"\n      }\n    }\n  }\n}\n"), @r#"
        {
          "verify": {
            "a": {
              "optional": true,
              "prowJob": {
                "name": "j"
              },
              "aggregatedProwJob": {
                "analysisJobCount": 10
              }
            }
          }
        }
        "#);
    }

    #[test]
    fn a_closing_brace_glued_to_the_last_value_stays_glued() {
        insta::assert_snapshot!(appended("{\n  \"verify\": {\n    \"a\": {\n      \"prowJob\": {\n        \"name\": \"j\"\n      },\n      \"disabled\": true},\n    \"b\": {}\n  }\n}"), @r#"
        {
          "verify": {
            "a": {
              "prowJob": {
                "name": "j"
              },
              "disabled": true,
              "aggregatedProwJob": {
                "analysisJobCount": 10
              }},
            "b": {}
          }
        }
        "#);
    }

    #[test]
    fn an_entry_on_one_line_stays_on_it() {
        assert_eq!(
            appended(r#"{"verify":{"a":{"optional":true,"prowJob":{"name":"j"},"maxRetries":1}}}"#),
            r#"{"verify":{"a":{"optional":true,"prowJob":{"name":"j"},"maxRetries":1,"aggregatedProwJob":{"analysisJobCount":10}}}}"#
        );
        assert_eq!(
            appended(r#"{"verify":{"a":{"prowJob":{"name":"j"}}}}"#),
            r#"{"verify":{"a":{"prowJob":{"name":"j"},"aggregatedProwJob":{"analysisJobCount":10}}}}"#
        );
    }

    #[test]
    fn windows_line_ends_are_kept() {
        let source =
            "{\r\n  \"verify\": {\r\n    \"a\": {\r\n      \"optional\": true\r\n    }\r\n  }\r\n}\r\n";
        let changed = appended(source);
        assert_eq!(changed.matches("\r\n").count(), changed.matches('\n').count());
    }

    #[test]
    fn indentation_astray_in_one_field_is_not_copied() {
        insta::assert_snapshot!(appended("{\n  \"verify\": {\n    \"a\": {\n      \"optional\": true,\n            \"prowJob\": {\n                \"name\": \"j\"\n            }\n          }\n  }\n}\n"), @r#"
        {
          "verify": {
            "a": {
              "optional": true,
                    "prowJob": {
                        "name": "j"
                    },
              "aggregatedProwJob": {
                "analysisJobCount": 10
              }
                  }
          }
        }
        "#);
    }

    #[test]
    fn fields_go_with_their_commas_wherever_they_stand() {
        let removed = |names: &[&str]| {
            let text = text(r#"{"a": 1, "b": 2, "c": 3, "d": 4}"#);
            let mut edits = Edits::new(&text);
            edits.remove(text.root(), names);
            edits.finish()
        };
        assert_eq!(removed(&["a"]), r#"{"b": 2, "c": 3, "d": 4}"#);
        assert_eq!(removed(&["b", "c"]), r#"{"a": 1, "d": 4}"#);
        assert_eq!(removed(&["c", "d"]), r#"{"a": 1, "b": 2}"#);
        assert_eq!(removed(&["a", "c", "d"]), r#"{"b": 2}"#);
        assert_eq!(removed(&["a", "b", "c", "d"]), "{}");
        assert_eq!(removed(&["e"]), r#"{"a": 1, "b": 2, "c": 3, "d": 4}"#);
    }

    #[test]
    fn a_first_field_takes_the_place_of_one_that_goes() {
        let text = text("{\n  \"optional\": true,\n  \"x\": 1\n}");
        let mut edits = Edits::new(&text);
        edits.remove(text.root(), &["optional"]);
        edits.insert(text.root(), At::First, "maxRetries", &Fresh::Plain("2".to_owned()));
        assert_eq!(edits.finish(), "{\n  \"maxRetries\": 2,\n  \"x\": 1\n}");
    }

    #[test]
    fn a_field_in_an_empty_object_opens_it() {
        let text = text("{\n  \"verify\": {}\n}\n");
        let mut edits = Edits::new(&text);
        edits.insert(
            &text.root().fields()[0].node,
            At::Last,
            "a",
            &Fresh::Spread(vec![("optional", Fresh::Plain("true".to_owned()))]),
        );
        assert_eq!(
            edits.finish(),
            "{\n  \"verify\": {\n    \"a\": {\n      \"optional\": true\n    }\n  }\n}\n"
        );
    }

    #[test]
    fn several_fields_open_an_empty_object_together() {
        let text = text("{\n  \"verify\": {}\n}\n");
        let mut edits = Edits::new(&text);
        for name in ["a", "b"] {
            edits.insert(&text.root().fields()[0].node, At::Last, name, &Fresh::Plain("1".to_owned()));
        }
        assert_eq!(edits.finish(), "{\n  \"verify\": {\n    \"a\": 1,\n    \"b\": 1\n  }\n}\n");
    }

    #[test]
    fn a_key_that_loses_its_beginning_keeps_the_rest_as_written() {
        let text = text(r#"{"aggregated-a": 1}"#);
        let mut edits = Edits::new(&text);
        edits.rename(text.root().fields()[0].key_span, "a");
        assert_eq!(edits.finish(), r#"{"a": 1}"#);
    }
}
