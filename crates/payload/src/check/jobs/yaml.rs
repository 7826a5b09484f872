//! The names of periodics in a file of Prow jobs by a parser of YAML, for files in which a scan may miss some.
//!
//! No tree is built: of each node only that is kept which may become a name. Every document of a file counts, anchors and merge
//! keys too.

use libyaml_safer::{Event, EventData, Parser};
use std::collections::HashMap;

/// Deeper nesting is nobody's job.
const MOST_DEEP: usize = 100;

/// The names of the periodics; or what is wrong with the file, to follow its name in a sentence.
pub(super) fn names(mut bytes: Vec<u8>) -> Result<Vec<String>, String> {
    // The scanner takes a block that ends without a line break for a fault of its own.
    bytes.push(b'\n');
    // It also panics on some broken texts. All its state is local, so nothing half done survives that.
    std::panic::catch_unwind(|| read(&bytes))
        .unwrap_or_else(|_| Err("is no YAML that can be read".to_owned()))
}

fn read(bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut parser = Parser::new();
    parser.set_input(bytes);
    // What ends too early is told of the last line with a text.
    let lines = bytes.trim_ascii_end().iter().filter(|byte| **byte == b'\n').count() + 1;
    let mut reader = Reader { parser, lines: lines as u64, anchors: HashMap::new(), found: Vec::new() };
    loop {
        let event = reader.next()?;
        match event.data {
            EventData::StreamEnd => return Ok(reader.found),
            EventData::StreamStart { .. } | EventData::DocumentEnd { .. } => {}
            EventData::DocumentStart { .. } => reader.anchors.clear(),
            _ => {
                reader.node(event, 0)?;
            }
        }
    }
}

/// What of a node may matter to the nodes around it.
#[derive(Debug, Clone, Default)]
struct Node {
    /// A scalar's text.
    text: Option<String>,
    /// The name that a mapping has.
    name: Option<String>,
    /// The names of the mappings in a list.
    names: Vec<String>,
}

struct Reader<'t> {
    parser: Parser<&'t [u8]>,
    /// How many lines the file has.
    lines: u64,
    anchors: HashMap<String, Node>,
    found: Vec<String>,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Event, String> {
        self.parser.parse().map_err(|error| match error.problem_mark() {
            Some(mark) => {
                format!("is no YAML (line {}: {})", (mark.line + 1).min(self.lines), error.problem())
            }
            None => format!("is no YAML ({})", error.problem()),
        })
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Node, String> {
        if depth > MOST_DEEP {
            return Err(format!("is nested deeper than {MOST_DEEP} levels"));
        }
        let (anchor, node) = match event.data {
            EventData::Alias { anchor } => return Ok(self.anchors.get(&anchor).cloned().unwrap_or_default()),
            EventData::Scalar { anchor, value, .. } => {
                (anchor, Node { text: Some(value), ..Node::default() })
            }
            EventData::SequenceStart { anchor, .. } => (anchor, self.list(depth)?),
            EventData::MappingStart { anchor, .. } => (anchor, self.mapping(depth)?),
            _ => return Ok(Node::default()),
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Node, String> {
        let mut list = Node::default();
        loop {
            let event = self.next()?;
            if event.data == EventData::SequenceEnd {
                return Ok(list);
            }
            list.names.extend(self.node(event, depth + 1)?.name);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Node, String> {
        let mut mapping = Node::default();
        let mut merged = None;
        loop {
            let event = self.next()?;
            if event.data == EventData::MappingEnd {
                mapping.name = mapping.name.or(merged);
                return Ok(mapping);
            }
            let key = self.node(event, depth + 1)?;
            let event = self.next()?;
            let value = self.node(event, depth + 1)?;
            match key.text.as_deref() {
                Some("name") => mapping.name = value.text,
                // One mapping, or a list of them in which the first counts.
                Some("<<") => merged = value.name.or_else(|| value.names.into_iter().next()),
                Some("periodics") if depth == 0 => self.found.extend(value.names),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        names(text.into())
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        for text in [
            "periodics:\n- {cron: \"@daily\", name: one}\n",
            "periodics:\n- \"name\": one\n",
            "periodics:\n- name : one\n",
            "periodics:\n- name: >-\n    one\n",
            "periodics:\n- name: \"o\\x6ee\"\n",
            "periodics:\n- ? name\n  : one",
            "periodics:\n- cron: x\n  name:\n    one\n",
            "{\"periodics\": [{\"name\": \"one\"}]}",
            "presubmits: {}\n---\nperiodics:\n- name: one\n...\n",
            "base: &base\n  name: one\nperiodics:\n- *base\n",
            "base: &base\n  name: one\nperiodics:\n- <<: *base\n  cron: x\n",
            "base: &base {name: one}\nother: &other {name: two}\nperiodics:\n- <<: [*base, *other]\n",
            "base: &base {name: two}\nperiodics:\n- name: one\n  <<: *base\n",
            "names: [&one one]\nperiodics: &jobs\n- name: *one\n",
            "\u{feff}periodics:\r\n- name: one\r\n",
        ] {
            assert_eq!(read(text).as_deref(), Ok(&["one".to_owned()][..]), "{text}");
        }
        for none in [
            "",
            "a: b",
            "- name: x",
            "periodics: x",
            "periodics:\n- [{name: x}]",
            "p:\n  periodics: [{name: x}]",
        ] {
            assert_eq!(read(none), Ok(Vec::new()), "{none}");
        }
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_line() {
        insta::assert_snapshot!(read("periodics:\n- name: [one\n").unwrap_err(), @"is no YAML (line 2: did not find expected ',' or ']')");
        insta::assert_snapshot!(read(&"[".repeat(1000)).unwrap_err(), @"is nested deeper than 100 levels");
        assert!(names(vec![0xff, 0xc3]).is_err());
    }
}
