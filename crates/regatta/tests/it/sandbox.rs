//! A separate sandbox, driven from other processes, as a person with two terminals does.

use crate::program::Program;
use crate::world::World;
use regatta_sandbox::fixtures::{RecordedKind, write_recorded};
use serde_json::Value;
use std::path::Path;

fn recorded(dir: &Path, kind: RecordedKind) -> String {
    write_recorded(dir, kind).to_string()
}

#[test]
fn a_rejection_waits_for_a_person_who_overrides_it_and_the_drive_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let release = recorded(dir.path(), RecordedKind::PromotedRejected);
    let world = World::start(&["--replay", dir.path().to_str().unwrap(), "--speed", "max"]);

    let stopped = world.run(&["drive", &release, "--watch"]);
    assert_eq!(stopped.code, 5, "{}", stopped.shown());
    assert_eq!(world.effects()["trigger:stage-testing"], Value::Null, "the gate let something through");

    let override_it = [
        "override",
        &release,
        "analyze-promoted-build",
        "--verdict",
        "pass",
        "--reason",
        "known infrastructure failure",
    ];
    let first = world.run(&override_it);
    assert_eq!(first.code, 0, "{}", first.shown());
    let again = world.run(&override_it);
    assert!(again.code == 0 && again.out.starts_with("unchanged"), "{}", again.shown());

    let done = world.run(&["drive", &release, "--watch"]);
    assert_eq!(done.code, 0, "{}", done.shown());
    world.nothing_twice();

    let timeline = world.run(&["timeline", &release]);
    assert!(
        timeline
            .out
            .contains("analyze-promoted-build: Pass by override of a lead (known infrastructure failure)"),
        "{}",
        timeline.out
    );
    let status = world.run(&["status", &release, "-o", "json"]).json();
    assert_eq!(status["overall_status"], "Green");
    assert_eq!(status["overrides"][0]["who"], "kim@bay");
}

#[test]
fn one_shot_drives_find_that_time_has_passed_and_end_green() {
    let world = World::start(&["--seed", "3"]);
    let mut codes = Vec::new();
    for _ in 0..2000 {
        let ran = world.run(&["drive", "4.20.1", "-q", "-o", "json"]);
        codes.push(ran.code);
        if ran.code != 3 {
            break;
        }
    }
    assert_eq!(codes.last(), Some(&0), "after {} drives", codes.len());
    assert!(codes.len() > 10);
    world.nothing_twice();
}

#[test]
fn a_dry_run_tells_the_plan_and_changes_nothing() {
    let world = World::start(&[]);
    let plan = world.run(&["drive", "4.20.1", "--dry-run"]);
    insta::assert_snapshot!(plan.shown(), @"
    exit 0
    4.20.1 would:
      take up 4.20.1: create its state
      read the candidate build's result file
      start create-test-report
    ");
    assert_eq!(world.effects(), serde_json::json!({}));
    assert_eq!(world.run(&["status", "4.20.1"]).code, 2);
}

#[test]
fn state_of_one_world_is_never_driven_in_another() {
    let one = World::start(&[]);
    let store = one.program.env.iter().find(|(name, _)| name == "REGATTA_STORE").unwrap().1.clone();
    let driven = one.run(&["drive", "4.20.1"]);
    assert_eq!(driven.code, 3, "{}", driven.shown());

    let other = World::start(&[]);
    let refused = other.run(&["drive", "4.20.1", "--store", &store]);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    assert!(refused.err.contains("RG004"), "{}", refused.err);
    assert_eq!(other.effects(), serde_json::json!({}));

    let real = Program::new().run(&[
        "override",
        "4.20.1",
        "stage-testing",
        "--verdict",
        "pass",
        "--reason",
        "x",
        "--store",
        &store,
    ]);
    assert_eq!(real.code, 2, "{}", real.shown());
    assert!(real.err.contains("RG004"), "{}", real.err);
}

#[test]
fn a_red_release_tells_what_failed_and_the_way_out_and_the_rest_once() {
    let world = World::start(&[]);
    let first = world.run(&["drive", "4.20.1"]);
    assert!(first.out.starts_with("4.20.1: overall Green\n"), "{}", first.shown());
    let fail =
        ["override", "4.20.1", "take-ownership", "--verdict", "fail", "--reason", "the ticket is closed"];
    assert_eq!(world.run(&fail).code, 0);

    let red = world.run(&["drive", "4.20.1"]);
    assert_eq!(red.code, 1, "{}", red.shown());
    let way_out = "Mend it, then: regatta retry 4.20.1 take-ownership; \
                   or regatta override 4.20.1 take-ownership --verdict pass --reason …\n";
    assert!(red.out.contains("Failed: take-ownership: ") && red.out.contains(way_out), "{}", red.out);
    assert_eq!(red.shown().matches("Pipeline stopped").count(), 1, "{}", red.shown());

    let quiet = world.run(&["drive", "4.20.1", "-q"]);
    assert!(quiet.out.starts_with("Failed: ") && quiet.err.is_empty(), "{}", quiet.shown());
    assert!(!quiet.out.contains("overall") && quiet.out.contains(way_out), "{}", quiet.out);
    assert!(world.run(&["retry", "4.20.1", "take-ownership"]).code == 0);
}

#[test]
fn messages_that_nobody_got_are_named_at_the_end() {
    let mut world = World::start(&["--seed", "6"]);
    // Nothing listens there.
    *world.variable("REGATTA_SLACK_URL") = "http://127.0.0.1:9".to_owned();
    let ended = world.run(&["drive", "4.20.1", "--watch"]);
    assert_eq!(ended.code, 0, "a silent Slack never fails a release: {}", ended.shown());
    assert!(ended.out.contains("Not told: completed:4.20.1: slack: "), "{}", ended.out);
}
