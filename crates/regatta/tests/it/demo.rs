//! The main job: a release driven to its end.

use crate::program::Program;
use serde_json::Value;

fn demo(arguments: &[&str]) -> Value {
    let mut all = vec!["demo", "-o", "json"];
    all.extend(arguments);
    let ran = Program::new().run(&all);
    assert_eq!(ran.code, 0, "{}", ran.shown());
    ran.json()
}

#[test]
fn a_release_ends_green_with_every_effect_once() {
    let ended = demo(&[]);
    assert_eq!(ended["schema"], "regatta.demo/v1");
    assert_eq!((&ended["overall_status"], &ended["state"]), (&"Green".into(), &"done".into()));
    let tasks = ended["tasks"].as_object().unwrap();
    assert_eq!(tasks.len(), 10);
    assert!(tasks.values().all(|status| status == "Pass"), "{tasks:?}");
    for effect in ["trigger:stage-testing", "trigger:image-consistency-check", "approve:shipment-mr"] {
        assert_eq!(ended["effects"][effect], 1, "{effect}: {}", ended["effects"]);
    }
    let more_than_once: Vec<&String> =
        ended["effects"].as_object().unwrap().iter().filter(|(_, n)| **n != 1).map(|(key, _)| key).collect();
    assert!(more_than_once.is_empty(), "{more_than_once:?}");
    assert!(
        ended["waiting"].as_array().unwrap().is_empty()
            && ended["needs_human"].as_array().unwrap().is_empty()
    );
}

#[test]
fn the_same_seed_gives_the_same_at_every_speed() {
    let without_wall = |mut value: Value| {
        value.as_object_mut().unwrap().remove("wall_seconds");
        serde_json::to_string_pretty(&value).unwrap()
    };
    let fast = without_wall(demo(&["--seed", "7", "--speed", "max"]));
    let paced = without_wall(demo(&["--seed", "7", "--speed", "400000"]));
    similar_asserts(&fast, &paced);
    assert_ne!(fast, without_wall(demo(&["--seed", "8"])));
}

fn similar_asserts(one: &str, other: &str) {
    for (i, (a, b)) in one.lines().zip(other.lines()).enumerate() {
        assert_eq!(a, b, "line {}", i + 1);
    }
    assert_eq!(one.lines().count(), other.lines().count());
}

#[test]
fn every_seed_and_stream_ends_green() {
    for (seed, release) in [("2", "4.12.90"), ("3", "5.0.1"), ("4", "4.22.0-rc.1"), ("5", "4.20.10")] {
        let ended = demo(&[release, "--seed", seed]);
        assert_eq!((&ended["release"], &ended["state"]), (&release.into(), &"done".into()));
    }
}

#[test]
fn without_a_terminal_it_tells_the_story_in_plain_lines() {
    let ran = Program::new().run(&["demo"]);
    assert_eq!(ran.code, 0, "{}", ran.shown());
    assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'));
    assert!(ran.err.contains("Build not yet promoted"), "{}", ran.err);
    assert!(ran.out.contains("Done: every task passed."), "{}", ran.out);
}
