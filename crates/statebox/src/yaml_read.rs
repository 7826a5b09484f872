//! The YAML layout, read: libyaml's events become a tree, words become values by the rules of YAML 1.1 that the tool
//! in use follows, and every error knows its line.

use libyaml_safer::{Event, EventData, Mark, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::collections::HashMap;

use crate::document::{DocumentError, Path, Step};
use crate::yaml_write::{is_bool, is_float, is_int, is_null};

/// Deeper nesting is nobody's document.
const MAX_DEPTH: usize = 64;
/// Nodes a document may have, repeats by alias included.
const MAX_NODES: usize = 1_000_000;

/// Reads a YAML text of one document.
pub(crate) fn read(text: &str) -> Result<Value, DocumentError> {
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Err(DocumentError::bad(Some(1), Path::default(), "is empty"));
    }
    guarded(|| Reader::new(&ended(text), None).document()).unwrap_or_else(|| {
        let last = text.lines().count().max(1);
        Err(DocumentError::bad(
            Some(last),
            Path::default(),
            "is no YAML that can be read: the scanner gave up on it",
        ))
    })
}

/// The scanner has faults of its own on some broken texts and panics; that is a text that cannot be read, no more.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()
}

/// The text with a line break at its end: the scanner takes a block that ends without one for a fault of its own.
/// Whether the file had one is asked elsewhere.
fn ended(text: &str) -> Cow<'_, str> {
    if text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) }
}

/// The line on which a field's value stands: of a key, the key's line.
pub(crate) fn line_of(text: &str, wanted: &Path) -> Option<usize> {
    let text = ended(text);
    guarded(|| {
        let mut reader = Reader::new(&text, Some(wanted));
        // A text with an error has told its line already; what was found before it counts.
        let _ = reader.document();
        reader.found
    })
    .flatten()
}

struct Reader<'t> {
    parser: Parser<&'t [u8]>,
    path: Path,
    nodes: usize,
    anchors: HashMap<String, Value>,
    wanted: Option<&'t Path>,
    found: Option<usize>,
    last_line: usize,
}

fn line(mark: Mark) -> usize {
    usize::try_from(mark.line).unwrap_or(usize::MAX).saturating_add(1)
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, wanted: Option<&'t Path>) -> Self {
        let mut parser = Parser::new();
        parser.set_input(text.as_bytes());
        Self {
            parser,
            path: Path::default(),
            nodes: 0,
            anchors: HashMap::new(),
            wanted,
            found: None,
            last_line: text.lines().count().max(1),
        }
    }

    fn fault(&self, line: usize, why: impl Into<String>) -> DocumentError {
        DocumentError::bad(Some(line.min(self.last_line)), self.path.clone(), why)
    }

    fn next(&mut self) -> Result<Event, DocumentError> {
        self.parser.parse().map_err(|error| {
            let mark = error.problem_mark();
            let (at, column) = mark.map_or((self.last_line, 0), |m| (line(m), m.column + 1));
            let opened = match (error.context(), error.context_mark()) {
                (Some(context), Some(mark)) => format!(" {context} begun on line {}", line(mark)),
                _ => String::new(),
            };
            let mut why = format!("is no YAML (column {column}): {}{opened}", error.problem());
            if at > self.last_line || error.problem().contains("unexpected end") {
                why.push_str("; the file is half-written");
            }
            self.fault(at, why)
        })
    }

    fn document(&mut self) -> Result<Value, DocumentError> {
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } => {}
                EventData::StreamEnd => return Err(self.fault(1, "is empty")),
                _ => {
                    let tree = self.node(event)?;
                    self.path = Path::default();
                    self.next()?;
                    let after = self.next()?;
                    return if matches!(after.data, EventData::StreamEnd) {
                        Ok(tree)
                    } else {
                        Err(self.fault(line(after.start_mark), "a second document begins; a file holds one"))
                    };
                }
            }
        }
    }

    fn node(&mut self, event: Event) -> Result<Value, DocumentError> {
        let at = line(event.start_mark);
        self.nodes += 1;
        if self.path.0.len() > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(self.fault(at, "is nested too deeply, or too large"));
        }
        if self.found.is_none() && self.wanted == Some(&self.path) {
            self.found = Some(at);
        }
        let (value, anchor) = match event.data {
            EventData::Scalar { anchor, tag, value, style, .. } => {
                self.refuse_tag(tag.as_deref(), at)?;
                let value =
                    if style == ScalarStyle::Plain { self.word(value, at)? } else { Value::String(value) };
                (value, anchor)
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                self.refuse_tag(tag.as_deref(), at)?;
                (self.sequence()?, anchor)
            }
            EventData::MappingStart { anchor, tag, .. } => {
                self.refuse_tag(tag.as_deref(), at)?;
                (self.mapping()?, anchor)
            }
            EventData::Alias { anchor } => {
                let Some(value) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.fault(at, format!("refers to {anchor:?}, which stands nowhere before")));
                };
                self.nodes += count(&value);
                (value, None)
            }
            _ => return Err(self.fault(at, "ends where a value was expected")),
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn refuse_tag(&self, tag: Option<&str>, at: usize) -> Result<(), DocumentError> {
        match tag {
            None => Ok(()),
            Some(tag) => Err(self.fault(at, format!("carries the tag {tag:?}, which no StateBox has"))),
        }
    }

    fn sequence(&mut self) -> Result<Value, DocumentError> {
        let mut list = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                return Ok(Value::Array(list));
            }
            self.path.0.push(Step::Index(list.len()));
            list.push(self.node(event)?);
            self.path.0.pop();
        }
    }

    fn mapping(&mut self) -> Result<Value, DocumentError> {
        let mut map = Map::new();
        loop {
            let event = self.next()?;
            let at = line(event.start_mark);
            let key = match event.data {
                EventData::MappingEnd => return Ok(Value::Object(map)),
                EventData::Scalar { value, tag, .. } => {
                    self.refuse_tag(tag.as_deref(), at)?;
                    value
                }
                _ => return Err(self.fault(at, "has a key that is no word")),
            };
            self.path.0.push(Step::Key(key.clone()));
            if map.contains_key(&key) {
                return Err(self.fault(at, "appears twice; one of the two has to go"));
            }
            if self.found.is_none() && self.wanted == Some(&self.path) {
                self.found = Some(at);
            }
            let event = self.next()?;
            let value = self.node(event)?;
            map.insert(key, value);
            self.path.0.pop();
        }
    }

    /// What a plain word means.
    fn word(&self, word: String, at: usize) -> Result<Value, DocumentError> {
        if is_null(&word) {
            return Ok(Value::Null);
        }
        if let Some(flag) = is_bool(&word) {
            return Ok(Value::Bool(flag));
        }
        if is_int(&word) {
            let number = integer(&word).map(Value::Number);
            return number.ok_or_else(|| {
                self.fault(at, "is a number with more digits than can be kept; write it in quotes")
            });
        }
        if is_float(&word) {
            let plain = word.replace('_', "");
            let number = plain.parse().ok().and_then(Number::from_f64).map(Value::Number);
            return number.ok_or_else(|| {
                self.fault(at, "is a number of a kind that cannot be kept; write it in quotes")
            });
        }
        Ok(Value::String(word))
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(count).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// An integer in any of the notations of YAML 1.1; `None` when it does not fit.
fn integer(word: &str) -> Option<Number> {
    let plain = word.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let size = if let Some(rest) = digits.strip_prefix("0b") {
        u64::from_str_radix(rest, 2).ok()?
    } else if let Some(rest) = digits.strip_prefix("0x") {
        u64::from_str_radix(rest, 16).ok()?
    } else if digits.contains(':') {
        let mut parts = digits.split(':').map(str::parse::<u64>);
        parts.try_fold(0u64, |sum, part| sum.checked_mul(60)?.checked_add(part.ok()?))?
    } else if digits.len() > 1 && digits.starts_with('0') {
        u64::from_str_radix(&digits[1..], 8).ok()?
    } else {
        digits.parse().ok()?
    };
    if negative { Some(Number::from(0i64.checked_sub_unsigned(size)?)) } else { Some(Number::from(size)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn error(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn words_mean_what_the_tool_in_use_takes_them_for() {
        let text =
            "a: [yes, Off, ~, null, 010, 0x1F, 0b11, 1_000, 1:30, -7, 1.5, 1e5, 2026-04-03, 4.20.1, '1']\n";
        let expected = json!({ "a": [true, false, null, null, 8, 31, 3, 1000, 90, -7, 1.5, "1e5", "2026-04-03", "4.20.1", "1"] });
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn faults_name_line_and_field() {
        assert_eq!(error("a: 1\nb: 2\na: 3\n"), "line 3, a: appears twice; one of the two has to go");
        assert!(
            error("a:\n- name: 'x\n").starts_with("line 2, a[0].name: is no YAML"),
            "{}",
            error("a:\n- name: 'x\n")
        );
        assert!(error("a: !!python/object:x {}\n").contains("carries the tag"));
        assert!(
            error("a: 1\n---\nb: 2\n").contains("line 2")
                && error("a: 1\n---\nb: 2\n").contains("second document")
        );
        assert!(error("").contains("is empty") && error("  \n# only a comment\n").contains("is empty"));
        assert!(error("a: 99999999999999999999\n").contains("more digits"));
        assert!(error("a: .nan\n").contains("cannot be kept"));
    }

    #[test]
    fn repeats_by_alias_are_read_but_not_without_bound() {
        assert_eq!(read("a: &x [1]\nb: *x\n"), Ok(json!({ "a": [1], "b": [1] })));
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..9 {
            let before = i - 1;
            bomb.push_str(&format!("a{i}: &a{i} [*a{before},*a{before},*a{before},*a{before},*a{before},*a{before},*a{before},*a{before}]\n"));
        }
        assert!(error(&bomb).contains("too large"));
    }

    #[test]
    fn a_field_is_found_on_its_line() {
        let text = "tasks:\n- name: a\n  result: |-\n    x\n    y\n- name: b\n  status: Odd\n";
        assert_eq!(line_of(text, &Path::key("tasks").at(1).then("status")), Some(7));
        assert_eq!(line_of(text, &Path::key("tasks").at(1)), Some(6));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z0-9:'\"|>\\-?\\[\\]{},&*!#% \t\n\\\\é]{0,60}") {
            let _ = read(&text);
            let _ = line_of(&text, &Path::key("a"));
        }
    }
}
