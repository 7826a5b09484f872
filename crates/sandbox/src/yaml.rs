//! Just enough reading of YAML for a recorded release: mappings and scalars by key, with the line each stands in.

use libyaml_safer::{Document, NodeData, Parser, ScalarStyle};

/// A parsed document.
pub(crate) struct Yaml(Document);

/// A node of it.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    document: &'a Document,
    id: i32,
}

impl Yaml {
    /// Parses the first document of `text`; the error is a sentence with the line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut input = text.as_bytes();
        let mut parser = Parser::new();
        parser.set_input_string(&mut input);
        Document::load(&mut parser).map(Self).map_err(|error| match error.problem_mark() {
            Some(mark) => format!("is not YAML: line {}: {}", mark.line + 1, error.problem()),
            None => format!("is not YAML: {}", error.problem()),
        })
    }

    /// The outermost node; `None` for an empty document.
    pub(crate) fn root(&self) -> Option<Node<'_>> {
        // Ids count from 1; the first node made is the outermost.
        self.0.get_node(1).map(|_| Node { document: &self.0, id: 1 })
    }
}

impl<'a> Node<'a> {
    fn data(self) -> Option<&'a NodeData> {
        self.document.get_node(self.id).map(|node| &node.data)
    }

    /// The line it starts in, from 1.
    pub(crate) fn line(self) -> u64 {
        self.document.get_node(self.id).map_or(0, |node| node.start_mark.line + 1)
    }

    /// Keys and values of a mapping, in order; `None` for anything else. Keys that are no scalars are left out.
    pub(crate) fn entries(self) -> Option<Vec<(&'a str, Node<'a>)>> {
        let Some(NodeData::Mapping { pairs, .. }) = self.data() else { return None };
        let node = |id| Node { document: self.document, id };
        Some(pairs.iter().filter_map(|pair| Some((node(pair.key).text()?, node(pair.value)))).collect())
    }

    /// The value of `key`, unless it is absent or null.
    pub(crate) fn get(self, key: &str) -> Option<Node<'a>> {
        self.entries()?
            .into_iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }

    /// A scalar's text as written, whatever its type.
    pub(crate) fn text(self) -> Option<&'a str> {
        match self.data() {
            Some(NodeData::Scalar { value, .. }) => Some(value),
            _ => None,
        }
    }

    /// Whether it is a null.
    pub(crate) fn is_null(self) -> bool {
        match self.data() {
            Some(NodeData::Scalar { value, style }) => {
                *style == ScalarStyle::Plain && matches!(value.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_key_and_nulls_count_as_absent() {
        let yaml = Yaml::parse("a: {b: 4.20, c: null}\nd: '~'\n").unwrap();
        let root = yaml.root().unwrap();
        assert_eq!(root.get("a").unwrap().get("b").unwrap().text(), Some("4.20"));
        assert!(root.get("a").unwrap().get("c").is_none());
        assert_eq!((root.get("d").unwrap().text(), root.get("d").unwrap().line()), (Some("~"), 2));
        assert!(Yaml::parse("").unwrap().root().is_none());
        assert!(Yaml::parse("a: [").err().unwrap().starts_with("is not YAML: line "));
    }
}
