//! A streaming reader of JUnit XML, of any usual dialect.
//!
//! JUnit was never specified: runners write a `testsuites` or a single `testsuite` at the root, nest suites or not, put
//! `failure`, `error` and `skipped` in any number and order, and add elements of their own. [`read`] takes what they
//! have in common and hands over one [`Case`] at a time, in the order of the file.
//!
//! What a file may hold is not trusted. Whatever is not needed (logs above all) passes by without being kept, and what
//! is kept has a bound, so that memory stays under a few MiB for any input: a file of gigabytes, one endless log line,
//! one endless attribute. Nothing that a document type declares is expanded, so an XML bomb is only text.
//!
//! Four parts: `encoding` makes UTF-8 of what is not, `cut` finds where markup begins and ends in a moving window, `quick-xml` reads what stands inside a
//! tag, and `read` knows what the elements mean.
//!
//! ```
//! let xml = br#"<testsuite name="e2e"><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>"#;
//! let mut failed = Vec::new();
//! let summary = regatta_junit::read(xml.as_slice(), |case| {
//!     if case.outcome.is_failure() {
//!         failed.push(format!("{}: {}", case.suites.join("|||"), case.name));
//!     }
//! })?;
//! assert_eq!(failed, ["e2e: b"]);
//! assert_eq!((summary.passed, summary.failed), (1, 1));
//! # Ok::<(), regatta_junit::JunitError>(())
//! ```

mod cut;
mod encoding;
mod error;
mod read;
mod text;

pub use error::{JunitError, Place};
pub use read::read;

/// Bytes of a name (of a suite, a case, a class) that are kept; the rest is cut off and counted in [`Summary::cut`].
pub const NAME_BYTES_MAX: usize = 64 << 10;

/// Bytes of a message that are kept.
pub const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// Bytes of one tag that are kept, after its attributes were cut to [`NAME_BYTES_MAX`]; more is an error.
pub const TAG_BYTES_MAX: usize = 1 << 20;

/// Elements within elements that are followed; more is an error.
pub const DEPTH_MAX: usize = 128;

/// How a case went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It ran and nothing is said against it.
    Passed,
    /// It has a `failure`: something that was tested does not hold. A failure wins over everything else.
    Failed,
    /// It has an `error`: it could not be tested.
    Errored,
    /// It has a `skipped`, or its attributes say that it was not run.
    Skipped,
}

impl Outcome {
    /// Whether it failed in either way.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Errored)
    }
}

/// One test case. Everything in it is lent for the time of the call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case<'a> {
    /// The names of the suites around it from the outermost; a suite without a name is an empty one. The name of a
    /// `testsuites` root is not among them.
    pub suites: &'a [String],
    /// Its name; never empty.
    pub name: &'a str,
    /// Its class, where the runner tells.
    pub classname: Option<&'a str>,
    /// How it went.
    pub outcome: Outcome,
    /// The attribute `lifecycle`, such as `informing`.
    pub lifecycle: Option<&'a str>,
    /// How long it took, in seconds; none where that is no number from 0.
    pub seconds: Option<f64>,
    /// Why it failed or was skipped: the attribute `message`, or the beginning of the text where there is none. At most
    /// [`MESSAGE_BYTES_MAX`].
    pub message: Option<&'a str>,
}

/// What a whole document held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Cases that passed.
    pub passed: u64,
    /// Cases with a failure.
    pub failed: u64,
    /// Cases with an error and no failure.
    pub errored: u64,
    /// Cases that were skipped.
    pub skipped: u64,
    /// Suites, nested ones too.
    pub suites: u64,
    /// Cases without a name. They cannot be told apart, so they were not handed over and are not counted above.
    pub unnamed: u64,
    /// Cases that stand where none can stand, as in another case; not handed over and not counted above.
    pub misplaced: u64,
    /// Names that were longer than [`NAME_BYTES_MAX`] and were cut.
    pub cut: u64,
    /// Elements at the root; a document has one, a file into which several runners wrote has more. All are read.
    pub roots: u64,
    /// Whether something follows the root element that is no JUnit or could not be read to its end.
    pub trailing: bool,
}

impl Summary {
    /// Cases that were handed over.
    #[must_use]
    pub const fn cases(&self) -> u64 {
        self.passed + self.failed + self.errored + self.skipped
    }
}
