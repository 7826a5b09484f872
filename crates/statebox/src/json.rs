//! The JSON layout: serde_json reads and writes it; a small scanner finds the line of a field for messages, keys that
//! appear twice, and numbers that would lose digits.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

use crate::document::{DocumentError, Path, Step};

/// Reads a JSON text.
pub(crate) fn read(text: &str) -> Result<Value, DocumentError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(DocumentError::bad(Some(1), Path::default(), "is empty"));
    }
    let strict: Result<Strict, _> = serde_json::from_str(text);
    let read = match strict {
        Ok(Strict(tree)) => return Ok(tree),
        // A double or a doubtful number: the scanner knows which; a large float is neither.
        Err(error) if error.is_data() => match fault(text) {
            Some(fault) => return Err(fault),
            None => serde_json::from_str(text),
        },
        Err(error) => Err(error),
    };
    read.map_err(|error| {
        // What the scanner saw last is where a cut file ends.
        let mut last = Path::default();
        Scanner::new(text).walk(&mut |event| {
            if let Seen::Value { path, .. } = event {
                last = Path(path.to_vec());
            }
        });
        let why = if error.is_eof() {
            "the file ends in the middle: it is half-written".to_owned()
        } else {
            error.to_string()
        };
        DocumentError::bad(Some(error.line()), last, why)
    })
}

/// The place of a key that stands twice, or of a number that would lose digits.
fn fault(text: &str) -> Option<DocumentError> {
    let mut fault = None;
    Scanner::new(text).walk(&mut |event| {
        let found = match event {
            Seen::Twice { path, line } => (path, line, "appears twice; one of the two has to go"),
            Seen::Value { path, line, number: Some(number) } if loses_digits(number) => {
                (path, line, "is a number with more digits than can be kept; write it in quotes")
            }
            Seen::Value { .. } => return,
        };
        fault.get_or_insert_with(|| DocumentError::bad(Some(found.1), Path(found.0.to_vec()), found.2));
    });
    fault
}

/// A tree read without losing anything: no key twice, no integer cut to a float.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        // Where a float is this large and whole it may have been an integer; the scanner knows.
        if number.fract() == 0.0 && number.abs() > 9e15 {
            return Err(E::custom("a number may lose digits"));
        }
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = entries.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let Strict(value) = entries.next_value()?;
            if map.insert(key, value).is_some() {
                return Err(de::Error::custom("a key appears twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

/// Writes a tree, indented by two, with a line break at the end.
pub(crate) fn write(tree: &Value) -> String {
    let mut text = serde_json::to_string_pretty(tree).expect("a JSON tree has string keys");
    text.push('\n');
    text
}

/// The line on which a field stands.
pub(crate) fn line_of(text: &str, wanted: &Path) -> Option<usize> {
    let mut found = None;
    Scanner::new(text).walk(&mut |event| {
        if let Seen::Value { path, line, .. } = event
            && found.is_none()
            && path == wanted.0
        {
            found = Some(line);
        }
    });
    found
}

/// Whether an integer is too long for the numbers that trees are made of.
fn loses_digits(number: &str) -> bool {
    let integer = number.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err()
}

/// What the scanner meets.
enum Seen<'a> {
    Value { path: &'a [Step], line: usize, number: Option<&'a str> },
    Twice { path: &'a [Step], line: usize },
}

/// Walks through a JSON text, keeping path and line; stops quietly where it is no JSON.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

/// serde_json refuses deeper nesting, too.
const MAX_DEPTH: usize = 128;

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    fn walk(&mut self, see: &mut dyn FnMut(Seen<'_>)) {
        let mut path = Vec::new();
        // A text that is no JSON ends the walk; serde_json says why.
        let _ = self.value(&mut path, see);
    }

    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.as_bytes().get(self.at).copied() {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                other => return Some(other),
            }
            self.at += 1;
        }
        None
    }

    fn value(&mut self, path: &mut Vec<Step>, see: &mut dyn FnMut(Seen<'_>)) -> Option<()> {
        let first = self.peek()?;
        let (line, start) = (self.line, self.at);
        if matches!(first, b'{' | b'[') || path.len() >= MAX_DEPTH {
            see(Seen::Value { path, line, number: None });
        }
        if path.len() >= MAX_DEPTH {
            return None;
        }
        match first {
            b'{' => return self.object(path, see),
            b'[' => return self.array(path, see),
            b'"' => {
                self.string()?;
                see(Seen::Value { path, line, number: None });
            }
            _ => {
                let rest = &self.text[start..];
                let end = rest
                    .find(|c: char| matches!(c, ',' | '}' | ']') || c.is_whitespace())
                    .unwrap_or(rest.len());
                if end == 0 {
                    // A closing mark where a value should stand.
                    return None;
                }
                let number = (first == b'-' || first.is_ascii_digit()).then(|| &rest[..end]);
                self.at += end;
                see(Seen::Value { path, line, number });
            }
        }
        Some(())
    }

    fn object(&mut self, path: &mut Vec<Step>, see: &mut dyn FnMut(Seen<'_>)) -> Option<()> {
        self.at += 1;
        let mut keys = std::collections::HashSet::new();
        loop {
            match self.peek()? {
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                b',' => self.at += 1,
                _ => {
                    let line = self.line;
                    let key = self.string()?;
                    path.push(Step::Key(key.clone()));
                    if !keys.insert(key) {
                        see(Seen::Twice { path, line });
                    }
                    if self.peek()? != b':' {
                        return None;
                    }
                    self.at += 1;
                    self.value(path, see)?;
                    path.pop();
                }
            }
        }
    }

    fn array(&mut self, path: &mut Vec<Step>, see: &mut dyn FnMut(Seen<'_>)) -> Option<()> {
        self.at += 1;
        let mut index = 0;
        loop {
            match self.peek()? {
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                b',' => self.at += 1,
                _ => {
                    path.push(Step::Index(index));
                    self.value(path, see)?;
                    path.pop();
                    index += 1;
                }
            }
        }
    }

    /// Reads a string and gives what it says.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        if self.text.as_bytes().get(start) != Some(&b'"') {
            return None;
        }
        self.at += 1;
        loop {
            match self.text.as_bytes().get(self.at)? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return serde_json::from_str(self.text.get(start..self.at)?).ok();
                }
                b'\n' => return None,
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_on_its_line() {
        let text = "{\n \"tasks\": [\n  {\"name\": \"a\"},\n  {\n   \"name\": \"b\"}\n ]\n}\n";
        assert_eq!(line_of(text, &Path::key("tasks").at(1).then("name")), Some(5));
        assert_eq!(line_of(text, &Path::key("tasks").at(2)), None);
    }

    #[test]
    fn a_cut_text_is_refused_where_it_ends() {
        let error = read("{\n \"release\": \"4.20.1\",\n \"tasks\": [\n").unwrap_err().to_string();
        assert_eq!(error, "line 4, tasks: the file ends in the middle: it is half-written");
    }

    #[test]
    fn doubles_and_numbers_that_would_change_are_refused() {
        let error = read("{\"a\": 1,\n\"a\": 2}").unwrap_err().to_string();
        assert_eq!(error, "line 2, a: appears twice; one of the two has to go");
        let error = read("{\"a\": 123456789012345678901}").unwrap_err().to_string();
        assert!(error.contains("more digits"), "{error}");
        assert!(read("{\"a\": 18446744073709551615, \"b\": -3, \"c\": 1.5e300, \"d\": 1e20}").is_ok());
    }

    #[test]
    fn nothing_makes_the_scanner_panic_or_go_on_for_ever() {
        for text in [
            "",
            "{",
            "{\"",
            "{\"a\\",
            "[[[",
            "{\"é\\",
            "\"\\u12",
            "{\"a\":}",
            "nul",
            "[1 2]",
            "[}",
            "[1}",
            "{\"a\":]}",
            "[:]",
            "\u{feff}{}",
        ] {
            let _ = read(text);
            let _ = line_of(text, &Path::key("a"));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_or_goes_on_for_ever(text in "[\\[\\]{},:\"a1 \\\\\n-]{0,30}") {
            let _ = read(&text);
            let _ = line_of(&text, &Path::key("a"));
        }
    }
}
