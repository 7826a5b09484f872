//! YAML of other people's files, read into JSON values.
//!
//! Only what cannot be mistaken becomes typed: `true`, `false`, null and plain decimal integers. Everything else stays
//! text as it was written, so that a version such as `4.20` keeps its zero and a date is not reinterpreted; keys are
//! always text. Anchors and merge keys work, within a limit on what they may unfold to.

use libyaml_safer::{EventData, Mark, Parser, ScalarStyle};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::HashMap;

/// Values a document may unfold to.
const VALUES: usize = 1_000_000;
/// How deep collections may nest.
const DEPTH: usize = 100;

/// A document that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct YamlError {
    /// From 1; 0 where the reader does not tell.
    pub line: u64,
    /// From 1; 0 where the reader does not tell.
    pub column: u64,
    /// What is wrong.
    pub why: String,
}

/// Reads one document. An empty one is null.
///
/// # Errors
/// For text that is no YAML, more than one document, keys that are collections, and documents beyond the limits.
pub fn parse(text: &str) -> Result<Value, YamlError> {
    // The reader looks beyond an escape that a cut text ends in; a line end there is harmless.
    let text: Cow<'_, str> = if text.ends_with('\n') { text.into() } else { format!("{text}\n").into() };
    // It also panics on some malformed tags. All its state is local, so nothing half done survives that.
    let read = std::panic::catch_unwind(|| read(&text));
    read.unwrap_or_else(|_| {
        Err(YamlError { line: 0, column: 0, why: "malformed beyond what the reader can tell".to_owned() })
    })
}

fn read(text: &str) -> Result<Value, YamlError> {
    let mut bytes = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut bytes);
    let mut builder = Builder { stack: Vec::new(), root: None, anchors: HashMap::new(), left: VALUES };
    for event in parser {
        let event = event.map_err(|error| {
            let (line, column) = error.problem_mark().map_or((0, 0), |m| (m.line + 1, m.column + 1));
            YamlError { line, column, why: error.to_string() }
        })?;
        let mark = event.start_mark;
        match event.data {
            EventData::Scalar { anchor, tag, value, style, .. } => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let node =
                    if plain && !builder.expects_key() { plain_scalar(value) } else { Value::String(value) };
                builder.add(node, anchor, mark)?;
            }
            EventData::Alias { anchor } => {
                let node =
                    builder.anchors.get(&anchor).cloned().ok_or_else(|| at(mark, "an alias of nothing"))?;
                builder.spend(weight(&node), mark)?;
                builder.add(node, None, mark)?;
            }
            EventData::MappingStart { anchor, .. } => {
                builder.open(Frame::Map { map: Map::new(), key: None, merged: Vec::new(), anchor }, mark)?
            }
            EventData::SequenceStart { anchor, .. } => {
                builder.open(Frame::Seq { items: Vec::new(), anchor }, mark)?
            }
            EventData::MappingEnd | EventData::SequenceEnd => builder.close(mark)?,
            EventData::DocumentStart { .. } if builder.root.is_some() => {
                return Err(at(mark, "a second document"));
            }
            _ => {}
        }
    }
    Ok(builder.root.unwrap_or(Value::Null))
}

fn at(mark: Mark, why: &str) -> YamlError {
    YamlError { line: mark.line + 1, column: mark.column + 1, why: why.to_owned() }
}

fn plain_scalar(text: String) -> Value {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(&text);
    // A leading zero means octal to one reader and decimal to another: it stays text.
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    match text.parse::<i64>() {
        Ok(number) if plain => number.into(),
        _ => Value::String(text),
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(weight).sum::<usize>(),
        _ => 1,
    }
}

enum Frame {
    Map { map: Map<String, Value>, key: Option<String>, merged: Vec<Value>, anchor: Option<String> },
    Seq { items: Vec<Value>, anchor: Option<String> },
}

struct Builder {
    stack: Vec<Frame>,
    root: Option<Value>,
    anchors: HashMap<String, Value>,
    left: usize,
}

impl Builder {
    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::Map { key: None, .. }))
    }

    fn spend(&mut self, values: usize, mark: Mark) -> Result<(), YamlError> {
        self.left = self
            .left
            .checked_sub(values)
            .ok_or_else(|| at(mark, "the document unfolds to too many values"))?;
        Ok(())
    }

    fn open(&mut self, frame: Frame, mark: Mark) -> Result<(), YamlError> {
        if self.expects_key() {
            return Err(at(mark, "a key that is a collection"));
        }
        if self.stack.len() >= DEPTH {
            return Err(at(mark, "collections nest too deep"));
        }
        self.stack.push(frame);
        Ok(())
    }

    fn close(&mut self, mark: Mark) -> Result<(), YamlError> {
        let Some(frame) = self.stack.pop() else { return Err(at(mark, "an end without a beginning")) };
        let (node, anchor) = match frame {
            Frame::Seq { items, anchor } => (Value::Array(items), anchor),
            Frame::Map { mut map, merged, anchor, .. } => {
                for other in merged {
                    let maps = if let Value::Array(items) = other { items } else { vec![other] };
                    for (key, value) in maps
                        .into_iter()
                        .filter_map(|m| if let Value::Object(m) = m { Some(m) } else { None })
                        .flatten()
                    {
                        map.entry(key).or_insert(value);
                    }
                }
                (Value::Object(map), anchor)
            }
        };
        self.add(node, anchor, mark)
    }

    fn add(&mut self, node: Value, anchor: Option<String>, mark: Mark) -> Result<(), YamlError> {
        self.spend(1, mark)?;
        if let Some(anchor) = anchor {
            self.spend(weight(&node), mark)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::Seq { items, .. }) => items.push(node),
            Some(Frame::Map { map, key, merged, .. }) => match key.take() {
                None => match node {
                    Value::String(text) => *key = Some(text),
                    _ => return Err(at(mark, "a key that is a collection")),
                },
                Some(name) if name == "<<" => merged.push(node),
                Some(name) => {
                    map.insert(name, node);
                }
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn versions_and_dates_stay_text_and_keys_always_are() {
        let value = parse("4.20: {v: 4.20, n: 155454, when: 2025-10-22, on: yes, t: true, none: ~, oct: 010, q: '7'}\n7: [a, -3]\n").unwrap();
        assert_eq!(
            value,
            json!({"4.20": {"v": "4.20", "n": 155_454, "when": "2025-10-22", "on": "yes", "t": true, "none": null, "oct": "010", "q": "7"}, "7": ["a", -3]})
        );
    }

    #[test]
    fn anchors_and_merge_keys_unfold() {
        let value = parse("base: &b {a: 1, b: 2}\nchild:\n  <<: *b\n  b: 3\n").unwrap();
        assert_eq!(value["child"], json!({"b": 3, "a": 1}));
    }

    #[test]
    fn a_fault_names_its_place() {
        let error = parse("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(error.line >= 2, "{error}");
        assert_eq!(parse("a: *nothing").unwrap_err().to_string(), "line 1, column 4: an alias of nothing");
        assert!(parse("{[a]: 1}").is_err());
        assert_eq!(parse("a: 1\n---\nb: 2\n").unwrap_err().why, "a second document");
        assert_eq!(parse("").unwrap(), Value::Null);
        assert!(parse("\"\\").is_err(), "cut within an escape");
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let items = vec![format!("*a{}", i - 1); 10].join(", ");
            text.push_str(&format!("a{i}: &a{i} [{items}]\n"));
        }
        assert!(parse(&text).unwrap_err().why.contains("too many values"));
        assert!(parse(&"[".repeat(500)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[ -~\n]{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_syntax_panics(text in r#"[-:?,{}\[\]"'\\|>&*!%@x4u#~ \ta\r\n]{0,24}"#) {
            let _ = parse(&text);
        }
    }
}
