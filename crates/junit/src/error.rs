//! Why a document cannot be read.

use std::fmt;

/// A place in a document: both from 1, columns in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column, in bytes.
    pub column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Words that hold pieces of the document, for a terminal: no control character of the document gets there, nor one that
/// turns the direction of writing.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let hidden = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        self.0.chars().try_for_each(|c| f.write_char(if hidden(c) { '\u{fffd}' } else { c }))
    }
}

/// Why a document cannot be read. The cases before the place were handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JunitError {
    /// Nothing but blanks, comments and declarations.
    #[error("is empty")]
    Empty,
    /// Well-formed as far as it was read, but no JUnit.
    #[error(
        "{place}: is no JUnit: the root element is `{}`, where `testsuites` or `testsuite` is expected",
        Shown(root)
    )]
    NotJunit {
        /// The element at the root.
        root: String,
        /// Where it stands.
        place: Place,
    },
    /// No XML.
    #[error("{place}: is no valid XML: {}", Shown(why))]
    Malformed {
        /// Where.
        place: Place,
        /// What is wrong.
        why: String,
    },
    /// The document stops in the middle.
    #[error("{place}: ends too early, {}", Shown(inside))]
    Truncated {
        /// Where it ends.
        place: Place,
        /// What was not closed.
        inside: String,
    },
    /// More than this reader follows: see [`crate::DEPTH_MAX`] and [`crate::TAG_BYTES_MAX`].
    #[error("{place}: {what}")]
    TooMuch {
        /// Where.
        place: Place,
        /// What is too much, and the bound.
        what: String,
    },
    /// Bytes that nobody writes JUnit in.
    #[error(
        "is written in {encoding}; UTF-8, UTF-16, Latin-1 and other encodings that extend ASCII are read"
    )]
    Encoding {
        /// The encoding.
        encoding: &'static str,
    },
    /// The input could not be read on.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_document_says_moves_no_cursor() {
        let (place, why) =
            (Place { line: 1, column: 1 }, "`<\u{1b}[2Jtml\u{202e}` begins no element".to_owned());
        let said = JunitError::Malformed { place, why }.to_string();
        assert_eq!(said, "line 1, column 1: is no valid XML: `<\u{fffd}[2Jtml\u{fffd}` begins no element");
    }
}
