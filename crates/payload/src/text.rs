//! A configuration file as text that knows where each of its values stands.
//!
//! Nothing is ever written back from the tree: it only tells *where* a change belongs, and the change is made in the text
//! ([`crate::edit`]). So every byte that a change does not own stays as its author wrote it.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use std::fmt;

/// Bytes from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A place as people count it: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// From its first to its last byte, quotes and braces included.
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// What a value is. Fields stay in the file's order, and one that stands twice is there twice.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `{…}`
    Object(Vec<Field>),
    /// `[…]`
    Array(Vec<Node>),
    /// A string, its escapes resolved.
    String(String),
    /// A number as it is written.
    Number(String),
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
}

/// One `"key": value` of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The key, its escapes resolved.
    pub key: String,
    /// The key with its quotes.
    pub key_span: Span,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The fields of an object; none of anything else.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match &self.value {
            Value::Object(fields) => fields,
            _ => &[],
        }
    }

    /// The value of a field, as the release controller's decoder finds it: case does not count, and of several the last does.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields().iter().rfind(|field| field.key.eq_ignore_ascii_case(name))
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A whole number.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match &self.value {
            Value::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// What kind of value it is, as people call it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Object(_) => "an object",
            Value::Array(_) => "a list",
            Value::String(_) => "a string",
            Value::Number(_) => "a number",
            Value::Bool(_) => "true or false",
            Value::Null => "null",
        }
    }
}

/// Why a text is no configuration at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}{}", mend.as_ref().map(|mend| format!("; {mend}")).unwrap_or_default())]
pub struct Malformed {
    /// Where reading had to stop, or where the slip is if that is known.
    pub place: Place,
    /// What is wrong.
    pub why: String,
    /// What would put it right, where that is certain.
    pub mend: Option<String>,
}

/// A valid JSON object with the places of all its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    source: String,
    root: Node,
}

impl Text {
    /// Reads bytes.
    ///
    /// # Errors
    /// Bytes that are no UTF-8, no JSON, or no object; with the place, and for a comma too much or too little with the mend.
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Result<Self, Malformed> {
        let source = String::from_utf8(bytes.into()).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
            Malformed { place: place_of(&text, good), why: "is not UTF-8".to_owned(), mend: None }
        })?;
        if let Some(offset) = too_deep(&source) {
            return Err(Malformed {
                place: place_of(&source, offset),
                why: format!("is nested over {DEEPEST} levels deep here, which no release configuration is"),
                mend: None,
            });
        }
        // One reader decides what JSON is, and its verdict is the strict one; the other knows places but is lenient.
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&source) {
            return Err(explain(&source, &error));
        }
        let root = spanned(&source)?;
        if !matches!(root.value, Value::Object(_)) {
            let why = format!("holds {} where a release configuration is an object", root.kind());
            return Err(Malformed { place: place_of(&source, root.span.start), why, mend: None });
        }
        Ok(Self { source, root })
    }

    /// The text as it was read.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The object that the file holds.
    #[must_use]
    pub const fn root(&self) -> &Node {
        &self.root
    }

    /// The text of a span.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        &self.source[span.start..span.end]
    }

    /// Where a byte stands, as people count.
    #[must_use]
    pub fn place(&self, offset: usize) -> Place {
        place_of(&self.source, offset)
    }

    /// Keys that stand twice in one object, at any level: the path from the root, and the place of the later one.
    #[must_use]
    pub fn duplicates(&self) -> Vec<Duplicate> {
        let mut found = Vec::new();
        let mut path = Vec::new();
        self.find_duplicates(&self.root, &mut path, &mut found);
        found
    }

    fn find_duplicates<'a>(&'a self, node: &'a Node, path: &mut Vec<&'a str>, found: &mut Vec<Duplicate>) {
        match &node.value {
            Value::Object(fields) => {
                let mut seen = std::collections::HashMap::new();
                for field in fields {
                    if let Some(first) = seen.insert(&field.key, field.key_span) {
                        found.push(Duplicate {
                            path: path
                                .iter()
                                .copied()
                                .chain([field.key.as_str()])
                                .collect::<Vec<_>>()
                                .join("."),
                            first: self.place(first.start),
                            again: field.key_span,
                        });
                    }
                    path.push(&field.key);
                    self.find_duplicates(&field.node, path, found);
                    path.pop();
                }
            }
            Value::Array(nodes) => {
                for node in nodes {
                    self.find_duplicates(node, path, found);
                }
            }
            _ => {}
        }
    }
}

/// A key that stands twice in one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// From the root, joined by dots: `verify.aws.optional`.
    pub path: String,
    /// Where the key stands first.
    pub first: Place,
    /// Where it stands again.
    pub again: Span,
}

/// Levels of nesting that are read; real files have seven.
const DEEPEST: usize = 100;

/// Where the nesting becomes too deep for readers that recurse.
fn too_deep(source: &str) -> Option<usize> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (offset, byte) in source.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > DEEPEST {
                    return Some(offset);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn place_of(source: &str, offset: usize) -> Place {
    let before = &source.as_bytes()[..offset.min(source.len())];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    // Continuation bytes start no character.
    let column = before[line_start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
    Place { line, column }
}

/// The strict reader's complaint, in words, at the place where a person has to act.
fn explain(source: &str, error: &serde_json::Error) -> Malformed {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or(&said).to_owned();
    let offset = offset_of(source, error.line(), error.column());
    let bytes = source.as_bytes();
    // The reader names the byte it stopped at; the last thing that was still right stands before it.
    let stopped = if error.column() == 0 { offset } else { offset.saturating_sub(1) };
    let before = bytes[..stopped.min(bytes.len())].iter().rposition(|byte| !byte.is_ascii_whitespace());
    match before {
        Some(at) if bytes[at] == b',' && matches!(bytes.get(stopped), Some(b'}' | b']')) => Malformed {
            place: place_of(source, at),
            why: "a comma stands after the last entry".to_owned(),
            mend: Some("remove that comma".to_owned()),
        },
        Some(at) if said.starts_with("expected `,`") && bytes.get(stopped) == Some(&b'"') => Malformed {
            place: place_of(source, at + 1),
            why: "a comma is missing between two entries".to_owned(),
            mend: Some("put a comma here".to_owned()),
        },
        _ if source.starts_with('\u{feff}') => Malformed {
            place: Place { line: 1, column: 1 },
            why: "begins with a byte order mark, which JSON does not allow".to_owned(),
            mend: Some("save the file without it".to_owned()),
        },
        _ => Malformed {
            place: place_of(source, stopped),
            why: format!("is no valid JSON: {said}"),
            mend: None,
        },
    }
}

/// The byte of a line and column as the strict reader counts them: lines from 1, columns in bytes.
fn offset_of(source: &str, line: usize, column: usize) -> usize {
    let start = if line <= 1 {
        0
    } else {
        memchr::memchr_iter(b'\n', source.as_bytes()).nth(line - 2).map_or(source.len(), |at| at + 1)
    };
    (start + column).min(source.len())
}

fn spanned(source: &str) -> Result<Node, Malformed> {
    let disagree = |why: String| Malformed { place: Place { line: 1, column: 1 }, why, mend: None };
    let strict = jsonc_parser::ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = jsonc_parser::parse_to_ast(source, &jsonc_parser::CollectOptions::default(), &strict)
        .map_err(|error| disagree(format!("is no valid JSON: {error}")))?;
    parsed.value.map(node).ok_or_else(|| disagree("is empty".to_owned()))
}

fn node(value: ast::Value<'_>) -> Node {
    let range = value.range();
    let span = Span { start: range.start, end: range.end };
    let value = match value {
        ast::Value::Object(object) => Value::Object(object.properties.into_iter().map(field).collect()),
        ast::Value::Array(array) => Value::Array(array.elements.into_iter().map(node).collect()),
        ast::Value::StringLit(text) => Value::String(text.value.into_owned()),
        ast::Value::NumberLit(number) => Value::Number(number.value.to_owned()),
        ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
        ast::Value::NullKeyword(_) => Value::Null,
    };
    Node { span, value }
}

fn field(property: ast::ObjectProp<'_>) -> Field {
    let range = property.name.range();
    Field {
        key_span: Span { start: range.start, end: range.end },
        key: property.name.into_string(),
        node: node(property.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(source: &str) -> String {
        Text::parse(source).expect_err("the text should be refused").to_string()
    }

    #[test]
    fn a_comma_after_the_last_entry_is_named_where_it_stands() {
        let source = "{\n  \"verify\": {\n    \"proxy\": {},\n  }\n}\n";
        assert_eq!(
            complaint(source),
            "line 3, column 16: a comma stands after the last entry; remove that comma"
        );
    }

    #[test]
    fn a_missing_comma_is_named_where_it_belongs() {
        let source = "{\n  \"a\": true\n  \"b\": 1\n}\n";
        assert_eq!(
            complaint(source),
            "line 2, column 12: a comma is missing between two entries; put a comma here"
        );
    }

    #[test]
    fn other_faults_tell_their_place() {
        assert_eq!(complaint("{\"a\": tru}"), "line 1, column 10: is no valid JSON: expected ident");
        assert_eq!(
            complaint("[1]"),
            "line 1, column 1: holds a list where a release configuration is an object"
        );
        assert_eq!(complaint(""), "line 1, column 1: is no valid JSON: EOF while parsing a value");
        assert_eq!(
            complaint("\u{feff}{}"),
            "line 1, column 1: begins with a byte order mark, which JSON does not allow; save the file without it"
        );
        assert_eq!(
            Text::parse(b"{\n\xff}".to_vec()).unwrap_err().to_string(),
            "line 2, column 1: is not UTF-8"
        );
        assert_eq!(complaint("{'a': 1}"), "line 1, column 2: is no valid JSON: key must be a string");
        assert_eq!(complaint("{\"a\": 1} x"), "line 1, column 10: is no valid JSON: trailing characters");
    }

    #[test]
    fn nesting_beyond_all_measure_is_refused_where_it_begins() {
        let deep = |levels: usize| format!("{{\"x\": {}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(Text::parse(deep(99)).is_ok());
        assert_eq!(
            complaint(&deep(5_000)),
            "line 1, column 106: is nested over 100 levels deep here, which no release configuration is"
        );
        assert!(Text::parse("{\"a\": \"[[[\\\"{{{\"}").is_ok());
    }

    #[test]
    fn a_key_that_stands_twice_is_found_at_any_level() {
        let text =
            Text::parse("{\"verify\": {\"a\": {\"x\": 1,\n \"x\": 2}}, \"l\": [{\"y\": 1, \"y\": 1}]}")
                .unwrap();
        let found: Vec<String> = text
            .duplicates()
            .iter()
            .map(|d| format!("{} {} {}", d.path, d.first, text.place(d.again.start)))
            .collect();
        assert_eq!(
            found,
            ["verify.a.x line 1, column 19 line 2, column 2", "l.y line 2, column 19 line 2, column 27"]
        );
    }

    #[test]
    fn every_value_knows_its_bytes() {
        let text = Text::parse("{\"ä\": {\"b\": [1, \"x\"]}}").unwrap();
        let field = text.root().get("ä").unwrap();
        assert_eq!(text.slice(field.key_span), "\"ä\"");
        assert_eq!(text.slice(field.node.span), "{\"b\": [1, \"x\"]}");
        assert_eq!(text.slice(field.node.get("b").unwrap().node.span), "[1, \"x\"]");
    }

    #[test]
    fn names_match_in_any_case_and_the_last_one_counts() {
        let text = Text::parse("{\"Optional\": true, \"optional\": false}").unwrap();
        assert_eq!(text.root().get("optional").unwrap().node.as_bool(), Some(false));
        assert_eq!(text.root().get("OPTIONAL").unwrap().node.as_bool(), Some(false));
    }
}
