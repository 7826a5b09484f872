//! Whether a private file is what its public file makes.
//!
//! The repository's test runs the generator and compares bytes, so a private file with the same data in another form fails
//! it as well; the message says which of the two it is.

use super::{Counterpart, Finding, Origin, Subject, at, rules};
use crate::model::Config;
use crate::private::{self, NoPrivate};
use crate::text::Place;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;

const START: Place = Place { line: 1, column: 1 };

/// Compares the pair that a subject stands in. `config` is the subject's own, where it could be read.
pub(super) fn check(subject: &Subject, config: Option<&Config>) -> Option<Finding> {
    let Subject { file, bytes, origin, counterpart, folder: _ } = subject;
    match (origin, counterpart) {
        (_, Counterpart::None) => None,
        (Origin::Public, Counterpart::Missing { file: private }) => compare(file, config?, private, None),
        (Origin::Public, Counterpart::There { file: private, bytes }) => {
            compare(file, config?, private, Some(bytes))
        }
        (Origin::Private, Counterpart::Missing { file: public }) => {
            let message = format!("has no public file: {public} is not there");
            let mend = Some(rules::PRIVATE_ORPHAN.mend.to_owned());
            Some(at(&rules::PRIVATE_ORPHAN, file, START, message, mend))
        }
        (Origin::Private, Counterpart::There { file: public, bytes: public_bytes }) => {
            // A public file that cannot be read is a fault of its own and not this file's.
            let config = Config::parse(public_bytes.clone()).ok()?;
            compare(public, &config, file, Some(bytes)).filter(|found| found.rule == &rules::PRIVATE_STALE)
        }
    }
}

fn compare(public_file: &str, public: &Config, file: &str, bytes: Option<&[u8]>) -> Option<Finding> {
    let derived = match private::derive(public) {
        Ok(derived) => derived,
        Err(why) => {
            let (NoPrivate::Missing { path } | NoPrivate::Kind { path, .. } | NoPrivate::Endless { path }) =
                &why;
            // What an entry lacks is told of it by the rules for entries.
            let rule = &rules::PRIVATE_UNDERIVABLE;
            let message = format!("the generator cannot derive the private file: {why}");
            return (!path.starts_with("verify.")).then(|| at(rule, public_file, START, message, None));
        }
    };
    let Some(bytes) = bytes else {
        // Told of the public file: there is no other to point into.
        let rule = &rules::PRIVATE_MISSING;
        let message = format!("has no private file: {file} is not there");
        return Some(at(rule, public_file, START, message, Some(rule.mend.to_owned())));
    };
    if derived.as_bytes() == bytes {
        return None;
    }
    let mend = Some(rules::PRIVATE_STALE.mend.to_owned());
    let public_name = Path::new(public_file).file_name().map_or(public_file.into(), OsStr::to_string_lossy);
    let place = first_difference(derived.as_bytes(), bytes);
    let message = match serde_json::from_slice::<Value>(bytes) {
        Ok(there) => {
            let made: Value = serde_json::from_str(&derived).unwrap_or(Value::Null);
            let mut paths = Vec::new();
            differences(&made, &there, String::new(), &mut paths);
            if paths.is_empty() {
                format!("holds what {public_name} makes, but not byte for byte as the generator writes it")
            } else {
                format!("is not what {public_name} makes: {}", summary(&paths))
            }
        }
        Err(_) => format!("is not what {public_name} makes"),
    };
    Some(at(&rules::PRIVATE_STALE, file, place, message, mend))
}

fn first_difference(made: &[u8], there: &[u8]) -> Place {
    let same = made.iter().zip(there).take_while(|(a, b)| a == b).count();
    let before = &there[..same];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let column = before[line_start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
    Place { line: memchr::memchr_iter(b'\n', before).count() + 1, column }
}

/// Paths at which two values differ: the shortest that say it.
fn differences(made: &Value, there: &Value, path: String, found: &mut Vec<(String, &'static str)>) {
    let (Value::Object(made), Value::Object(there)) = (made, there) else {
        if made != there {
            found.push((path, "differs"));
        }
        return;
    };
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for (key, value) in made {
        match there.get(key) {
            Some(other) => differences(value, other, below(key), found),
            None => found.push((below(key), "is missing")),
        }
    }
    for key in there.keys().filter(|key| !made.contains_key(*key)) {
        found.push((below(key), "is too much"));
    }
}

fn summary(paths: &[(String, &'static str)]) -> String {
    const SHOWN: usize = 3;
    let mut told: Vec<String> = paths.iter().take(SHOWN).map(|(path, how)| format!("{path} {how}")).collect();
    if paths.len() > SHOWN {
        told.push(format!("and {} more", paths.len() - SHOWN));
    }
    told.join(", ")
}
