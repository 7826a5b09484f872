//! What the reader takes, and what it refuses.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod dialects;
mod hostile;
mod properties;

use regatta_junit::{JunitError, Summary};
use std::fmt::Write as _;

/// Reads and writes down what came: a line a case.
fn told(xml: impl AsRef<[u8]>) -> (String, Result<Summary, JunitError>) {
    let mut lines = String::new();
    let summary = regatta_junit::read(xml.as_ref(), |case| {
        let _ = write!(lines, "{:?} {} > {}", case.outcome, case.suites.join("|||"), case.name);
        for (label, value) in
            [("class", case.classname), ("lifecycle", case.lifecycle), ("why", case.message)]
        {
            if let Some(value) = value {
                let _ = write!(lines, ", {label} {value:?}");
            }
        }
        if let Some(seconds) = case.seconds {
            let _ = write!(lines, ", {seconds} s");
        }
        lines.push('\n');
    });
    (lines, summary)
}

fn lines(xml: impl AsRef<[u8]>) -> String {
    let (lines, summary) = told(xml);
    summary.unwrap();
    lines
}

fn complaint(xml: impl AsRef<[u8]>) -> String {
    told(xml).1.unwrap_err().to_string()
}
