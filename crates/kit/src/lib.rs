//! The vocabulary every other crate speaks.
//!
//! Versions, build names, architectures, task names, clocks, ids, secrets, outside text and error codes.
//! Nothing here performs input or output and nothing here knows a rule of the flow: a value is parsed once at
//! the border and from then on its type says what it is.

pub mod arch;
pub mod build;
pub mod clock;
pub mod code;
pub mod ids;
pub mod outside;
pub mod secret;
pub mod task;
pub mod version;

pub use arch::Arch;
pub use build::{Build, Nightly};
pub use clock::{Ahead, BoxFuture, Clock, Timestamp};
pub use code::{Code, ErrorClass};
pub use outside::OutsideText;
pub use secret::Secret;
pub use task::{Overall, Status, Task, TaskMap};
pub use version::{Release, Stream};

/// A name that could not be parsed: what was given, what was expected, and how to mend it.
///
/// Shown to people as it is; never built from more than the offending word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given:?}: {why}; {mend}")]
pub struct ParseError {
    /// What kind of name was expected, such as `release`.
    pub what: &'static str,
    /// The word as given, cut to 80 characters.
    pub given: String,
    /// What is wrong with it.
    pub why: String,
    /// What a valid one looks like.
    pub mend: &'static str,
}

impl ParseError {
    pub(crate) fn new(what: &'static str, given: &str, why: impl Into<String>, mend: &'static str) -> Self {
        Self { what, given: given.chars().take(80).collect(), why: why.into(), mend }
    }
}

/// `Serialize` and `Deserialize` by `Display` and `FromStr`: the text form is the only stored form.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;
