//! The private counterpart of a configuration, as the repository's generator writes it.
//!
//! The private controllers run on files that are made from the public ones: names get `-priv`, what only the public stream does
//! is left out, and every job is disabled (reference: payload jobs, f). The generator is a Python program, so what its
//! `json.dump` does is done here too: keys sorted by code point, four blanks a level, ASCII alone, numbers as Python prints
//! them, no newline at the end. Field names are compared exactly, as Python does, and of several the last counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::Config;
use crate::text::{Node, Value};

/// What the message of a private file begins with.
pub const MARK: &str = "<!-- GENERATED FROM PUBLIC ANNOTATION CONFIG - DO NOT EDIT. -->";

const SUFFIX: &str = "-priv";

/// What only the public stream does.
const LEFT_OUT: [&str; 3] = ["check", "periodic", "publish"];

/// What names the stream and where it goes.
const RENAMED: [&str; 4] = ["alternateImageRepository", "mirrorPrefix", "name", "to"];

/// Whether a file of this name has a private counterpart: the nightly ones of every architecture have, ci, stable and
/// dev-preview have not.
#[must_use]
pub fn eligible(file_name: &str) -> bool {
    file_name.starts_with("release-ocp-")
        && file_name.ends_with(".json")
        && !file_name.ends_with("ci.json")
        && !file_name.contains("-stable")
        && !file_name.contains("-dev-preview")
}

/// Why there can be no private counterpart. The generator stops at such a file, and so makes no private file at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPrivate {
    /// The generator needs a field that is not there.
    #[error("{path} is missing, and the generator stops without it; add it")]
    Missing {
        /// From the root, joined by dots.
        path: String,
    },
    /// A field is something else than the generator needs.
    #[error("{path} is {found} where the generator needs {needed}; mend it")]
    Kind {
        /// From the root, joined by dots.
        path: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        needed: &'static str,
    },
    /// Python refuses whole numbers of so many digits.
    #[error("{path} is a whole number too long for the generator; shorten it")]
    Endless {
        /// From the root, joined by dots.
        path: String,
    },
}

/// A value as the generator holds it: of equal keys the last, sorted.
#[derive(Debug, Clone)]
enum Made {
    Object(BTreeMap<String, Made>),
    Array(Vec<Made>),
    String(String),
    /// As Python prints it.
    Number(String),
    Bool(bool),
    Null,
}

/// The text of the private counterpart.
///
/// # Errors
/// What the generator could not work on either: no message, no `verify`, an entry without a Prow job's name.
pub fn derive(config: &Config) -> Result<String, NoPrivate> {
    let Made::Object(mut fields) = read(config.text().root(), &mut Vec::new())? else {
        // A configuration is an object, or it would not have been read.
        return Err(wrong_kind("the file", config.text().root().kind(), "an object"));
    };
    for name in LEFT_OUT {
        fields.remove(name);
    }
    for name in RENAMED {
        if let Some(field) = fields.get_mut(name) {
            text_of(field, name)?.push_str(SUFFIX);
        }
    }
    let message = fields.get_mut("message").ok_or_else(|| missing("message"))?;
    text_of(message, "message")?.insert_str(0, MARK);
    let verify = fields.get_mut("verify").ok_or_else(|| missing("verify"))?;
    for (key, entry) in object_of(verify, "verify")? {
        let path = format!("verify.{key}");
        let entry = object_of(entry, &path)?;
        let path = format!("{path}.prowJob");
        let job = object_of(entry.get_mut("prowJob").ok_or_else(|| missing(&path))?, &path)?;
        let path = format!("{path}.name");
        text_of(job.get_mut("name").ok_or_else(|| missing(&path))?, &path)?.push_str(SUFFIX);
        entry.insert("disabled".to_owned(), Made::Bool(true));
    }
    let mut out = String::with_capacity(config.text().source().len() * 2);
    write(&Made::Object(fields), 0, &mut out);
    Ok(out)
}

fn missing(path: &str) -> NoPrivate {
    NoPrivate::Missing { path: path.to_owned() }
}

fn wrong_kind(path: &str, found: &'static str, needed: &'static str) -> NoPrivate {
    NoPrivate::Kind { path: path.to_owned(), found, needed }
}

impl Made {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Object(_) => "an object",
            Self::Array(_) => "a list",
            Self::String(_) => "a string",
            Self::Number(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::Null => "null",
        }
    }
}

fn text_of<'a>(made: &'a mut Made, path: &str) -> Result<&'a mut String, NoPrivate> {
    let kind = made.kind();
    match made {
        Made::String(text) => Ok(text),
        _ => Err(wrong_kind(path, kind, "a string")),
    }
}

fn object_of<'a>(made: &'a mut Made, path: &str) -> Result<&'a mut BTreeMap<String, Made>, NoPrivate> {
    let kind = made.kind();
    match made {
        Made::Object(fields) => Ok(fields),
        _ => Err(wrong_kind(path, kind, "an object")),
    }
}

fn read<'a>(node: &'a Node, path: &mut Vec<&'a str>) -> Result<Made, NoPrivate> {
    Ok(match &node.value {
        Value::Object(fields) => {
            let mut made = BTreeMap::new();
            for field in fields {
                path.push(&field.key);
                made.insert(field.key.clone(), read(&field.node, path)?);
                path.pop();
            }
            Made::Object(made)
        }
        Value::Array(nodes) => {
            Made::Array(nodes.iter().map(|node| read(node, path)).collect::<Result<_, _>>()?)
        }
        Value::String(text) => Made::String(text.clone()),
        Value::Number(text) => {
            Made::Number(number(text).ok_or_else(|| NoPrivate::Endless { path: path.join(".") })?)
        }
        Value::Bool(value) => Made::Bool(*value),
        Value::Null => Made::Null,
    })
}

/// A JSON number as Python prints it after reading it: whole ones keep their digits, others become 64-bit floats and are
/// printed with the fewest digits that read back the same. None for a whole number that Python refuses.
fn number(text: &str) -> Option<String> {
    /// Python's limit for reading whole numbers, `sys.get_int_max_str_digits`.
    const WHOLE_DIGITS: usize = 4300;
    if !text.contains(['.', 'e', 'E']) {
        let digits = text.trim_start_matches('-').len();
        return (digits <= WHOLE_DIGITS).then(|| if text == "-0" { "0".to_owned() } else { text.to_owned() });
    }
    // Every JSON number reads as a float, the largest ones as infinity.
    let value: f64 = text.parse().ok()?;
    if value.is_infinite() {
        return Some(if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned());
    }
    let shortest = format!("{value:e}");
    let (digits, exponent) = shortest.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    // Plain from 0.0001 up to 16 digits before the point, else with an exponent of at least two digits.
    if (-4..16).contains(&exponent) {
        return Some(format!("{value:?}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    Some(format!("{digits}e{sign}{:02}", exponent.unsigned_abs()))
}

fn write(made: &Made, level: usize, out: &mut String) {
    match made {
        Made::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Made::Object(fields) => {
            let mut between = '{';
            for (key, value) in fields {
                out.push(between);
                line(level + 1, out);
                quoted(key, out);
                out.push_str(": ");
                write(value, level + 1, out);
                between = ',';
            }
            line(level, out);
            out.push('}');
        }
        Made::Array(values) if values.is_empty() => out.push_str("[]"),
        Made::Array(values) => {
            let mut between = '[';
            for value in values {
                out.push(between);
                line(level + 1, out);
                write(value, level + 1, out);
                between = ',';
            }
            line(level, out);
            out.push(']');
        }
        Made::String(text) => quoted(text, out),
        Made::Number(text) => out.push_str(text),
        Made::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Made::Null => out.push_str("null"),
    }
}

fn line(level: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("    ", level));
}

/// A string in ASCII: all else as `\uXXXX`, in two such where one is not enough.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing into a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(source: &str) -> Result<String, NoPrivate> {
        derive(&Config::parse(source).unwrap())
    }

    /// Expected texts are what Python's `json.dumps(…, sort_keys=True, indent=4)` printed.
    #[test]
    fn the_text_is_what_the_generator_prints() {
        let source = r##"{
  "name":"4.21.0-0.nightly", "name": "4.22.0-0.nightly",
  "to": "release",
  "message": "Tests \u00e4 \"quoted\" \\ \/ \b\f\n\r\t \u0000\u007f — 船 😀",
  "mirrorPrefix": "4.22-art-latest",
  "check": {"all": {}},
  "publish": {},
  "periodic": {"x": {"cron": "@daily"}},
  "é": [], "ﬀ": 1, "😀": 2, "Z": {}, "a": [1, [2.0, []], {"b": null}], "Name": true,
  "verify": {
    "b-job": {"prowJob":{"name":"old"}, "prowJob":{"name":"job-b", "cluster": "x"}, "maxRetries": 2, "disabled": false},
    "a-job": {"optional": true, "prowJob": {"name": "job-a"}, "upgrade": true}
  }
}
"##;
        let expected = r##"{
    "Name": true,
    "Z": {},
    "a": [
        1,
        [
            2.0,
            []
        ],
        {
            "b": null
        }
    ],
    "message": "<!-- GENERATED FROM PUBLIC ANNOTATION CONFIG - DO NOT EDIT. -->Tests \u00e4 \"quoted\" \\ / \b\f\n\r\t \u0000\u007f \u2014 \u8239 \ud83d\ude00",
    "mirrorPrefix": "4.22-art-latest-priv",
    "name": "4.22.0-0.nightly-priv",
    "to": "release-priv",
    "verify": {
        "a-job": {
            "disabled": true,
            "optional": true,
            "prowJob": {
                "name": "job-a-priv"
            },
            "upgrade": true
        },
        "b-job": {
            "disabled": true,
            "maxRetries": 2,
            "prowJob": {
                "cluster": "x",
                "name": "job-b-priv"
            }
        }
    },
    "\u00e9": [],
    "\ufb00": 1,
    "\ud83d\ude00": 2
}"##;
        assert_eq!(derived(source).unwrap(), expected);
    }

    #[test]
    fn numbers_are_printed_as_python_prints_them() {
        let written = "0, -0, -7, 12345678901234567890123, 0.0, -0.0, 1.0, 1.50, 100.0, 0.1, 1e5, 1E+5, 1e15, 1e16, 123456789012345680.0, 1.5e300, 1e-4, 0.00001, 1.25e-7, 5e-324, 2.2250738585072014e-308, 1e400, -1e400, 0.30000000000000004, 9007199254740993.0, 1e22, 1e23";
        let printed = "0, 0, -7, 12345678901234567890123, 0.0, -0.0, 1.0, 1.5, 100.0, 0.1, 100000.0, 100000.0, 1000000000000000.0, 1e+16, 1.2345678901234568e+17, 1.5e+300, 0.0001, 1e-05, 1.25e-07, 5e-324, 2.2250738585072014e-308, Infinity, -Infinity, 0.30000000000000004, 9007199254740992.0, 1e+22, 1e+23";
        for (written, printed) in written.split(", ").zip(printed.split(", ")) {
            assert_eq!(number(written).as_deref(), Some(printed), "{written}");
        }
        assert_eq!(number(&"1".repeat(4301)), None);
    }

    #[test]
    fn only_nightly_files_have_a_private_counterpart() {
        for name in ["release-ocp-4.21.json", "release-ocp-4.21-multi-2.json", "release-ocp-5.0-arm64.json"] {
            assert!(eligible(name), "{name}");
        }
        for name in [
            "release-ocp-4.21-ci.json",
            "release-ocp-4.y-stable.json",
            "release-ocp-4.y-stable-multi.json",
            "release-ocp-4-dev-preview-arm64.json",
            "release-okd-4.21.json",
            "release-ocp-4.21.yaml",
        ] {
            assert!(!eligible(name), "{name}");
        }
    }

    #[test]
    fn what_the_generator_would_stop_at_is_told() {
        let why = |source: &str| derived(source).unwrap_err().to_string();
        assert_eq!(
            why(r#"{"verify": {}}"#),
            "message is missing, and the generator stops without it; add it"
        );
        assert_eq!(
            why(r#"{"message": "m"}"#),
            "verify is missing, and the generator stops without it; add it"
        );
        assert_eq!(
            why(r#"{"message": "m", "verify": {"aws": {}}}"#),
            "verify.aws.prowJob is missing, and the generator stops without it; add it"
        );
        assert_eq!(
            why(r#"{"message": "m", "verify": {"aws": {"prowJob": {"Name": "j"}}}}"#),
            "verify.aws.prowJob.name is missing, and the generator stops without it; add it"
        );
        assert_eq!(
            why(r#"{"message": "m", "to": 7, "verify": {}}"#),
            "to is a number where the generator needs a string; mend it"
        );
        assert_eq!(
            why(r#"{"message": "m", "verify": []}"#),
            "verify is a list where the generator needs an object; mend it"
        );
        let endless =
            format!(r#"{{"message": "m", "verify": {{"aws": {{"maxRetries": {}}}}}}}"#, "9".repeat(5000));
        assert_eq!(
            why(&endless),
            "verify.aws.maxRetries is a whole number too long for the generator; shorten it"
        );
    }
}
