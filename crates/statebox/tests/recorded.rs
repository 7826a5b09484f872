//! Production's own files, where they are at hand: every one is read, and comes back byte for byte.
//!
//! They are not part of this project; without them these tests say so and pass.

use regatta_statebox::check::{forward_only, validate};
use regatta_statebox::{Layout, StateBox};
use std::path::{Path, PathBuf};

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("REGATTA_SHARED").map_or_else(
        || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")).to_owned(),
        PathBuf::from,
    );
    let folder = shared.join("data/statebox/dev/tip");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("no recorded files at {}: nothing to check", folder.display());
    None
}

#[allow(clippy::unwrap_used)] // helper of tests
fn texts() -> Vec<(String, String)> {
    let Some(folder) = folder() else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

#[test]
fn every_recorded_file_comes_back_byte_for_byte_also_through_json() {
    for (path, text) in texts() {
        let (state, _) = StateBox::parse(&text, Layout::Yaml).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(state.render(Layout::Yaml), text, "{path}");
        let json = state.render(Layout::Json);
        let (again, _) =
            StateBox::parse(&json, Layout::Json).unwrap_or_else(|e| panic!("{path} as JSON: {e}"));
        assert_eq!(again.render(Layout::Yaml), text, "{path} through JSON");
        assert_eq!(again.render(Layout::Json), json, "{path}");
    }
}

#[test]
fn every_recorded_file_is_valid() {
    for (path, text) in texts() {
        let report = validate(&text, Layout::Yaml, &forward_only);
        assert_eq!(report.faults, [], "{path}");
    }
}

#[test]
fn a_recorded_file_cut_anywhere_is_refused_or_whole_to_its_last_issue() {
    for (path, text) in texts().into_iter().step_by(9) {
        let issues = text.find("\nissues:").unwrap();
        for cut in (0..issues).step_by(97) {
            if text.is_char_boundary(cut) {
                assert!(StateBox::parse(&text[..cut], Layout::Yaml).is_err(), "{path} cut at {cut}");
            }
        }
    }
}
