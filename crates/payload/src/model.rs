//! What a release configuration says, over the text it stands in.
//!
//! The model is lenient: a field of the wrong type reads as absent, so that listing still works where only one entry is
//! wrong. What is wrong is told by [`crate::check`].

use crate::text::{Field, Malformed, Node, Span, Text, Value};
use std::fmt;

/// What the key of an aggregated entry begins with, by convention: nothing enforces it (reference: payload jobs, 0.3).
pub const PREFIX: &str = "aggregated-";

/// The aggregator job that runs when an entry names none (reference: payload jobs, a.2).
pub const AGGREGATOR: &str = "release-openshift-release-analysis-aggregator";

/// A release configuration: its text, and its `verify` entries.
#[derive(Debug, Clone)]
pub struct Config {
    text: Text,
    entries: Vec<Entry>,
}

/// One entry of `verify`: a job that gates (blocking) or informs about (optional) a payload's acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key, such as `aws-ovn-upgrade-4.21-micro`.
    pub key: String,
    /// The key with its quotes.
    pub key_span: Span,
    /// The entry's object.
    pub span: Span,
    /// The Prow job that runs; an entry without one crashes the controller.
    pub prow_job: Option<String>,
    /// Neither launched nor counted.
    pub disabled: bool,
    /// Informing: a failure does not reject the payload. Otherwise it is blocking.
    pub optional: bool,
    /// With `optional`: acceptance does not wait for it.
    pub asynchronous: bool,
    /// An earlier payload is the starting point.
    pub upgrade: bool,
    /// Analyses other jobs of the payload instead of testing it.
    pub multi_job_analysis: bool,
    /// Further attempts after a failure; 0 when absent for the controller.
    pub max_retries: Option<i64>,
    /// Present when several runs are judged together.
    pub aggregated: Option<Aggregated>,
}

/// The `aggregatedProwJob` of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregated {
    /// How many runs one payload gets; 0 when absent for the controller, which can then never be satisfied.
    pub count: Option<i64>,
    /// The aggregator job, where it is not [`AGGREGATOR`].
    pub aggregator: Option<String>,
}

impl Entry {
    fn read(field: &Field) -> Self {
        let node = &field.node;
        let set = |name: &str| node.get(name).and_then(|f| f.node.as_bool()).unwrap_or(false);
        let job_of = |node: &Node| {
            node.get("prowJob").and_then(|job| job.node.get("name")?.node.as_str().map(str::to_owned))
        };
        Self {
            key: field.key.clone(),
            key_span: field.key_span,
            span: node.span,
            prow_job: job_of(node),
            disabled: set("disabled"),
            optional: set("optional"),
            asynchronous: set("async"),
            upgrade: set("upgrade"),
            multi_job_analysis: set("multiJobAnalysis"),
            max_retries: node.get("maxRetries").and_then(|f| f.node.as_int()),
            // The controller's decoder takes null for absent.
            aggregated: node.get("aggregatedProwJob").filter(|f| f.node.value != Value::Null).map(|f| {
                Aggregated {
                    count: f.node.get("analysisJobCount").and_then(|count| count.node.as_int()),
                    aggregator: job_of(&f.node),
                }
            }),
        }
    }

    /// Whether its failure rejects the payload.
    #[must_use]
    pub const fn is_blocking(&self) -> bool {
        !self.optional
    }

    /// Whether it is launched at all.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !self.disabled
    }

    /// The number that a key must not end in, since the controller reads a trailing `-<digits>` as the number of a retry
    /// (reference: payload jobs, a.3).
    #[must_use]
    pub fn retry_like_ending(&self) -> Option<&str> {
        retry_like_ending(&self.key)
    }
}

/// The digits after the last dash of a key that ends in a dash and digits.
#[must_use]
pub fn retry_like_ending(key: &str) -> Option<&str> {
    let (_, digits) = key.rsplit_once('-')?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// What a payload tag of the configuration's stream looks like, and so how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagForm {
    /// The stream name, such as `4.21.0-0.nightly`.
    pub stream: String,
}

impl TagForm {
    /// Characters of a tag: the stream's name and `-2026-01-31-123456`.
    #[must_use]
    pub fn length_chars(&self) -> usize {
        self.stream.chars().count() + "-2026-01-31-123456".len()
    }
}

impl fmt::Display for TagForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-YYYY-MM-DD-HHMMSS", self.stream)
    }
}

impl Config {
    /// Reads a file's bytes.
    ///
    /// # Errors
    /// Bytes that are no JSON object, with the place.
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Result<Self, Malformed> {
        let text = Text::parse(bytes)?;
        let entries = text
            .root()
            .get("verify")
            .map(|verify| verify.node.fields().iter().map(Entry::read).collect())
            .unwrap_or_default();
        Ok(Self { text, entries })
    }

    /// The text with the places of its values.
    #[must_use]
    pub const fn text(&self) -> &Text {
        &self.text
    }

    /// The entries of `verify`, in the file's order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rfind(|entry| entry.key == key)
    }

    /// The `verify` object, where there is one.
    #[must_use]
    pub fn verify(&self) -> Option<&Node> {
        self.text.root().get("verify").map(|field| &field.node)
    }

    /// A string at the top, such as `name` or `to`.
    #[must_use]
    pub fn top(&self, name: &str) -> Option<&str> {
        self.text.root().get(name)?.node.as_str()
    }

    /// The form of its payload tags, known for streams that make payloads themselves.
    #[must_use]
    pub fn tag_form(&self) -> Option<TagForm> {
        let name = self.top("name")?;
        (self.top("as") != Some("Stable") && name.contains("-0."))
            .then(|| TagForm { stream: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_as_the_controller_reads_it() {
        let config = Config::parse(
            r#"{"name": "4.21.0-0.nightly", "verify": {"aggregated-x": {"maxRetries": 2, "prowJob": {"name": "j"},
                "Upgrade": true, "aggregatedProwJob": {"analysisJobCount": 7}}, "odd": {"optional": "yes"}}}"#,
        )
        .unwrap();
        let entry = config.entry("aggregated-x").unwrap();
        assert_eq!((entry.prow_job.as_deref(), entry.upgrade, entry.max_retries), (Some("j"), true, Some(2)));
        assert_eq!(entry.aggregated, Some(Aggregated { count: Some(7), aggregator: None }));
        assert!(config.entry("odd").unwrap().is_blocking());
        assert_eq!(config.tag_form().unwrap().length_chars(), "4.21.0-0.nightly-2026-01-31-123456".len());
    }

    #[test]
    fn only_a_dash_and_digits_at_the_end_look_like_a_retry() {
        assert_eq!(retry_like_ending("aws-e2e-10"), Some("10"));
        for key in ["e2e4", "aws-4x-e2e", "x-4.21", "aws-", "aws"] {
            assert_eq!(retry_like_ending(key), None, "{key}");
        }
    }
}
