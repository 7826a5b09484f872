//! A release driven while the world around it fails.

use crate::program::Program;
use serde_json::Value;

fn demo(arguments: &[&str]) -> Value {
    let mut all = vec!["demo", "-o", "json"];
    all.extend(arguments);
    let ran = Program::new().run(&all);
    assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.shown());
    ran.json()
}

#[test]
fn the_worst_week_ends_green_with_every_effect_once() {
    let ended = demo(&["--seed", "3", "--faults", "heavy"]);
    assert_eq!((&ended["overall_status"], &ended["state"]), (&"Green".into(), &"done".into()));
    assert!(ended["faults_injected"].as_u64().unwrap() > 10, "{}", ended["faults_injected"]);
    let effects = ended["effects"].as_object().unwrap();
    let not_once: Vec<_> = effects.iter().filter(|(_, count)| **count != 1).collect();
    assert!(not_once.is_empty(), "{not_once:?}");
    for effect in ["trigger:stage-testing", "trigger:image-consistency-check", "approve:shipment-mr"] {
        assert_eq!(ended["effects"][effect], 1, "{effect}: {}", ended["effects"]);
    }
}

#[test]
fn the_same_seed_meets_the_same_faults_at_every_speed() {
    let without_wall = |mut value: Value| {
        value.as_object_mut().unwrap().remove("wall_seconds");
        serde_json::to_string_pretty(&value).unwrap()
    };
    let fast = without_wall(demo(&["--seed", "7", "--faults", "heavy", "--speed", "max"]));
    let paced = without_wall(demo(&["--seed", "7", "--faults", "heavy", "--speed", "400000"]));
    assert_eq!(fast, paced);
}

#[test]
fn a_bad_day_is_told_in_one_sentence_and_a_good_one_says_nothing_of_faults() {
    let told = |mix: &str| {
        let ran = Program::new().run(&["demo", "--faults", mix]);
        assert_eq!(ran.code, 0, "{}", ran.shown());
        ran.out
    };
    assert!(told("light").contains(" were met on the way."));
    assert!(!told("none").contains("on the way"));
    let ran = Program::new().run(&["demo", "--faults", "some"]);
    assert!(ran.code == 2 && ran.err.contains("is none of none, light and heavy"), "{}", ran.shown());
}
