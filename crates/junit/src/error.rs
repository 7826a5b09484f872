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

/// Why a document cannot be read. The cases before the place were handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JunitError {
    /// Nothing but blanks, comments and declarations.
    #[error("is empty")]
    Empty,
    /// Well-formed as far as it was read, but no JUnit.
    #[error(
        "{place}: is no JUnit: the root element is `{root}`, where `testsuites` or `testsuite` is expected"
    )]
    NotJunit {
        /// The element at the root.
        root: String,
        /// Where it stands.
        place: Place,
    },
    /// No XML.
    #[error("{place}: is no valid XML: {why}")]
    Malformed {
        /// Where.
        place: Place,
        /// What is wrong.
        why: String,
    },
    /// The document stops in the middle.
    #[error("{place}: ends too early, {inside}")]
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
