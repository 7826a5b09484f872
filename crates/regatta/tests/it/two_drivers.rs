//! Two drivers on one release, each a process of its own: one acts, the other says who holds it, and takes over when the
//! holder is gone.

use crate::world::{Held, ON_GITHUB, Running, World};
use regatta_statebox::event::Body;
use serde_json::Value;
use std::collections::BTreeSet;

const RELEASE: &str = "4.20.1";

/// A drive of somebody's, on a machine that tells itself apart by this name; without one it is this machine.
fn drive(world: &World, actor: &str, place: Option<&str>, flags: &[&str]) -> Running {
    let mut command = world.program.command(&["drive", RELEASE]);
    command.args(flags).env("REGATTA_ACTOR", actor).envs(place.map(|name| ("REGATTA_PLACE", name)));
    Running::start(command)
}

/// `lee@bay` drives and holds the release; time stands still until it is let go.
fn held_by_lee(world: &mut World) -> (Held, Running) {
    let time = Held::on(world);
    let mut lee = drive(world, "lee@bay", None, &["--watch"]);
    lee.hear("push-to-cdn-staging waits");
    let leases = world.leases(RELEASE);
    assert!(leases.len() == 1 && leases[0].1.starts_with("lee@bay/"), "{leases:?}");
    (time, lee)
}

/// The effects of a world, to see that somebody made none.
fn effects_of(world: &World) -> Value {
    let effects = world.effects();
    assert!(effects.as_object().unwrap().len() > 2, "{effects}");
    effects
}

/// Every effect was made by the driver that held the release then. Of two that announce one at the same moment, the one
/// that did not get the release leaves it at that.
fn nobody_acted_without_the_release(world: &World) {
    let mut held: Option<(String, jiff::Timestamp)> = None;
    let mut made = BTreeSet::new();
    for event in world.history(RELEASE) {
        match event.body {
            Body::Leased { holder, until } => {
                let free = held.as_ref().is_none_or(|(by, end)| *by == holder || *end <= event.at);
                held = if free { Some((holder, until)) } else { held };
            }
            // What follows on the first handle (a queue item that became a build) was found by looking.
            Body::Triggered { key, .. } if made.insert(key.0.clone()) => {
                let (by, until) = held.as_ref().unwrap_or_else(|| panic!("{key} while nobody held it"));
                assert!(
                    by.ends_with(&format!("/{}", event.id.0)) && *until > event.at,
                    "{key} by {} at {}: {held:?}",
                    event.id.0,
                    event.at
                );
            }
            _ => {}
        }
    }
    assert!(made.len() > 10, "only {made:?}");
}

#[test]
fn the_second_driver_says_who_holds_the_release_and_makes_nothing() {
    let mut world = World::start(&["--seed", "7"]);
    let (_time, lee) = held_by_lee(&mut world);
    let process = format!("process {}", lee.process());
    let before = effects_of(&world);

    let second = world.run(&["drive", RELEASE]);
    assert_eq!(second.code, 6, "{}", second.shown());
    insta::assert_snapshot!(second.shown().replace(&process, "process N"), @"
    exit 6
    4.20.1: overall Green
      Pass         create-test-report
      Pass         take-ownership
      Pass         check-cve-tracker-bug
      In Progress  push-to-cdn-staging
      Pass         analyze-candidate-build
      Not Started  analyze-promoted-build
      Not Started  image-consistency-check
      Not Started  stage-testing
      Not Started  image-signed-check
      Not Started  change-advisory-status
    Not driven on: held by lee@bay (process N) until 2026-03-05T10:00:00Z; `--watch` waits for it [RG007]
    Waiting: analyze-promoted-build: Build not yet promoted (current phase: no such tag yet), check again in 30 minutes
    Somebody else is at this release; run this again later.
    ");

    let second = world.run(&["drive", RELEASE, "-q"]);
    insta::assert_snapshot!(second.shown().replace(&process, "process N"), @"
    exit 6
    Not driven on: held by lee@bay (process N) until 2026-03-05T10:00:00Z; `--watch` waits for it [RG007]
    Waiting: analyze-promoted-build: Build not yet promoted (current phase: no such tag yet), check again in 30 minutes
    ");

    let second = world.run(&["drive", RELEASE, "-o", "json"]);
    let report = second.json();
    assert_eq!((second.code, &report["state"]), (6, &Value::from("conflict")));
    insta::assert_snapshot!(report["why"].as_str().unwrap().replace(&process, "process N"), @"held by lee@bay (process N) until 2026-03-05T10:00:00Z; `--watch` waits for it [RG007]");
    assert_eq!(report["moved"], serde_json::json!([]));

    let status = world.run(&["status", RELEASE]);
    let first_lines: Vec<&str> = status.out.lines().take(2).collect();
    insta::assert_snapshot!(first_lines.join("\n").replace(&process, "process N"), @"
    4.20.1: overall Green
    Held by lee@bay (process N) until Thu 05 Mar 10:00Z
    ");
    let status = world.run(&["status", RELEASE, "-o", "json"]).json();
    let holder = status["held_by"]["holder"].as_str().unwrap().replace(&process, "process N");
    assert_eq!(holder, "lee@bay (process N)");

    assert_eq!(world.effects(), before);
}

#[test]
fn a_holder_that_was_killed_on_this_machine_is_replaced_at_once() {
    let mut world = World::start(&["--seed", "7"]);
    let time = Held::on(&mut world);
    // Nothing listens where this driver looks for the advisories: it has copied the report, holds the release and goes no further.
    let errata = std::mem::replace(world.variable("REGATTA_ERRATA_URL"), "http://127.0.0.1:9".to_owned());
    let mut lee = drive(&world, "lee@bay", None, &["--watch"]);
    lee.hear("create-test-report waits");
    *world.variable("REGATTA_ERRATA_URL") = errata;
    let (_, _, until) = world.leases(RELEASE)[0].clone();
    assert_eq!(world.run(&["drive", RELEASE]).code, 6);
    assert!(!world.effects().to_string().contains("advisory-owner"), "{}", world.effects());
    let process = format!("process {}", lee.process());
    lee.kill();

    // The claim runs on and time stands still, but everybody on this machine sees that the process is gone.
    let status = world.run(&["status", RELEASE, "-o", "json"]).json();
    assert_eq!(status["held_by"], Value::Null, "{status}");
    let next = world.run(&["drive", RELEASE]);
    assert_eq!(next.code, 3, "{}", next.shown());
    let taken_over: Vec<&str> = next.err.lines().filter(|line| line.contains("takes over from")).collect();
    insta::assert_snapshot!(taken_over.join("\n").replace(&process, "process N"), @"Thu 05 Mar 09:00Z  takes over from lee@bay (process N), which stopped without giving the release back");
    assert!(world.effects().to_string().contains("advisory-owner"), "{}", world.effects());
    let leases = world.leases(RELEASE);
    let (next_at, next_holder, _) = leases.last().unwrap();
    assert!(*next_at < until && next_holder.starts_with("kim@bay/"), "{leases:?}");

    time.let_go();
    let ended = world.run(&["drive", RELEASE, "--watch"]);
    assert_eq!(ended.code, 0, "{}", ended.shown());
    world.nothing_twice();
    nobody_acted_without_the_release(&world);
}

/// The watching drive waits for a holder elsewhere; when that is killed, it goes on once the lease has run out.
fn waits_out_a_holder_elsewhere(store: Option<&str>) {
    let world = World::start(&["--seed", "8"]);
    let mut world = store.iter().fold(world, |world, store| world.with_store(store));
    let (time, lee) = held_by_lee(&mut world);
    let (_, _, until) = world.leases(RELEASE)[0].clone();

    let elsewhere = Some("another machine");
    let mut kim = drive(&world, "kim@cove", elsewhere, &["--watch"]);
    let waits = kim.hear("held by").replace(&format!("process {}", lee.process()), "process N");
    assert_eq!(waits, format!("Thu 05 Mar 09:00Z  held by lee@bay (process N) until {until}"));

    let before = effects_of(&world);
    lee.kill();
    // From elsewhere nobody sees that the process is gone.
    let third = drive(&world, "lou@cove", elsewhere, &[]).finish();
    assert_eq!(third.code, 6, "{}", third.shown());
    assert_eq!(world.effects(), before);

    time.let_go();
    let ended = kim.finish();
    assert_eq!(ended.code, 0, "{}", ended.shown());
    world.nothing_twice();
    let leases = world.leases(RELEASE);
    assert!(
        leases.len() > 1 && leases[1..].iter().all(|(_, holder, _)| holder.starts_with("kim@cove/")),
        "{leases:?}"
    );
    assert!(leases[1].0 >= until, "{leases:?}");
}

#[test]
fn a_watching_drive_waits_for_a_holder_elsewhere_and_goes_on_when_its_lease_has_run_out() {
    waits_out_a_holder_elsewhere(None);
}

#[test]
fn two_machines_that_share_the_state_on_github_take_turns_in_the_same_way() {
    waits_out_a_holder_elsewhere(Some(ON_GITHUB));
}

/// Nothing is held still here: both run as fast as they can, from the same moment on.
fn both_at_once(store: Option<&str>) {
    let world = World::start(&["--seed", "9"]);
    let world = store.iter().fold(world, |world, store| world.with_store(store));
    let drives = ["lee@bay", "kim@cove"].map(|actor| drive(&world, actor, Some(actor), &["--watch"]));
    for ended in drives.map(Running::finish) {
        assert_eq!(ended.code, 0, "{}", ended.shown());
    }
    world.nothing_twice();
    nobody_acted_without_the_release(&world);
}

#[test]
fn two_drives_begun_at_the_same_moment_both_end_well_and_nothing_is_made_twice() {
    both_at_once(None);
}

#[test]
fn two_drives_begun_at_the_same_moment_over_github_both_end_well_and_nothing_is_made_twice() {
    both_at_once(Some(ON_GITHUB));
}
