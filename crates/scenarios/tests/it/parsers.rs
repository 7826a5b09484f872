//! The readers of outside text, over the seeds of their fuzz targets and over bytes made up from them.
//!
//! What fuzzing finds becomes a seed; here every seed is read again with the stable toolchain.

use proptest::prelude::*;
use scenarios::parsers::{TARGETS, remote};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Bytes of all seeds together: they are read by people.
const SEED_BYTES: usize = 300 * 1024;

struct Seed {
    target: &'static str,
    file: String,
    run: fn(&[u8]),
    bytes: Vec<u8>,
}

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target)
}

/// All seeds, in the order of their names.
fn seeds() -> &'static [Seed] {
    static SEEDS: OnceLock<Vec<Seed>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let mut all = Vec::new();
        for target in TARGETS {
            let mut files: Vec<PathBuf> =
                std::fs::read_dir(folder(target.name)).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            all.extend(files.into_iter().map(|path| Seed {
                target: target.name,
                file: path.file_name().unwrap().to_string_lossy().into_owned(),
                run: target.run,
                bytes: std::fs::read(&path).unwrap(),
            }));
        }
        all
    })
}

#[test]
fn every_target_has_seeds_and_keeps_its_promises_on_them() {
    for target in TARGETS {
        assert!(seeds().iter().filter(|seed| seed.target == target.name).count() >= 3, "{}", target.name);
    }
    for seed in seeds() {
        let read = std::panic::catch_unwind(|| (seed.run)(&seed.bytes));
        assert!(read.is_ok(), "{}/{} breaks a promise; what it is stands above", seed.target, seed.file);
    }
}

#[test]
fn seeds_are_few_and_can_be_read_by_people() {
    let bytes: usize = seeds().iter().map(|seed| seed.bytes.len()).sum();
    assert!(bytes < SEED_BYTES, "{bytes} bytes of seeds");
    for seed in seeds() {
        assert!(std::str::from_utf8(&seed.bytes).is_ok(), "{}/{} is no text", seed.target, seed.file);
    }
}

#[test]
fn every_call_of_every_client_succeeds_on_a_seed_and_tells_the_same_again() {
    let mut succeeded = BTreeSet::new();
    for seed in seeds().iter().filter(|seed| seed.target == "remote_reply") {
        let came = remote::outcomes(&seed.bytes);
        assert_eq!(came, remote::outcomes(&seed.bytes), "{} tells something else the second time", seed.file);
        succeeded.extend(came.into_iter().filter(|came| came.to.is_ok()).map(|came| came.call));
    }
    let never: Vec<&str> = remote::call_names().filter(|name| !succeeded.contains(name)).collect();
    assert!(never.is_empty(), "no seed shows a good answer to {never:?}");
}

/// What a script's first line names, and how it came out.
fn told(script: &str) -> String {
    let lines = remote::outcomes(script.as_bytes()).into_iter().map(|came| {
        let to = match came.to {
            Ok(given) => format!("gives {given}"),
            Err(said) => said,
        };
        format!("{} after {} request(s): {to}", came.call, came.requests)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_reply_without_a_body_is_no_evidence() {
    for (call, said) in [
        ("signature", "an empty signature"),
        ("access", "a page without anything in it"),
        ("errata.push_jobs", "EOF"),
        ("jenkins.queue", "EOF"),
    ] {
        let told = told(&format!("# {call}\n>> 200\n\n"));
        assert!(told.contains(said) && !told.contains("gives"), "{told}");
    }
}

#[test]
fn lists_without_an_end_are_given_up() {
    let next = |name: &str, body: &str| format!("# {name}\n>> 200\nx-next-page: 2\n\n{body}\n");
    let notes = told(&next("gitlab.notes", "[]"));
    assert!(notes.contains("a list of more than 100 pages"), "{notes}");
    let slack = r#"{"ok": true, "channels": [], "messages": [], "response_metadata": {"next_cursor": "n"}}"#;
    assert_eq!(told(&next("slack.find", slack)), "slack.find after 50 request(s): gives None");
}

/// One change of a seed.
#[derive(Debug, Clone)]
enum Change {
    Byte(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Insert(usize, &'static str),
    Cut(usize),
}

/// Words with a meaning in one format or another.
const WORDS: [&str; 24] = [
    "null",
    "true",
    "[]",
    "{}",
    "\"",
    "\\u0000",
    "\\",
    "-0",
    "1e999",
    "99999999999999999999",
    "\n",
    "\r\n",
    "\t",
    "%%%%",
    ">> 200\n\n",
    "&a",
    "*a",
    "!!str ",
    "<<: ",
    "<![CDATA[",
    "&#0;",
    "\u{feff}",
    "\u{2028}",
    "é",
];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (at.clone(), 1..40_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (at.clone(), 1..80_usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        (at.clone(), prop::sample::select(&WORDS[..])).prop_map(|(at, word)| Change::Insert(at, word)),
        at.prop_map(Change::Cut),
    ]
}

fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes {
        let place = |at: usize| at % (bytes.len() + 1);
        match change {
            Change::Byte(at, byte) => {
                let at = place(*at);
                if let Some(there) = bytes.get_mut(at) {
                    *there = *byte;
                }
            }
            Change::Remove(at, length) => {
                let at = place(*at);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Change::Repeat(at, length) => {
                let at = place(*at);
                let part = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            Change::Insert(at, word) => {
                let at = place(*at);
                bytes.splice(at..at, word.bytes());
            }
            Change::Cut(at) => bytes.truncate(place(*at)),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_a_promise(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for target in TARGETS {
            (target.run)(&bytes);
        }
    }

    #[test]
    fn no_text_breaks_a_promise(text in r#"[-:?,{}\[\]"'\\|>&*!%@#~<=/a-z0-9 .\t\r\n]{0,60}"#) {
        for target in TARGETS {
            (target.run)(text.as_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_seed_breaks_a_promise(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let seed = which.get(seeds());
        (seed.run)(&changed(&seed.bytes, &changes));
    }
}
