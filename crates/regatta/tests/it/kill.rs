//! Drives killed with SIGKILL at moments of chance, in real processes against a sandbox in another.
//!
//! A voyage is one release in one sandbox. Its drive is killed again and again, each time a number of real milliseconds
//! after its start that chance picks from the time a whole drive takes: before its first request, in the middle of a
//! write, at the end. Then one drive is left alone, and must end with all ten tasks passed and every effect made once.
//! What the machine is busy with decides where in the drive a moment falls; what must hold holds at every one.
//!
//! `REGATTA_KILLS=30 cargo test -p regatta --test it kill:: -- --nocapture` makes more of them, and shows each.

use crate::world::{ON_GITHUB, Running, World};
use regatta_kit::ids::{chance, chance_unit};
use regatta_statebox::event::{Body, Event};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

/// A voyage is left to end after so many kills, so that several releases and seeds are seen.
const KILLS_PER_VOYAGE: usize = 5;

/// How many kills a test makes; `few` where it is one of many.
fn kills_wanted(few: usize) -> usize {
    std::env::var("REGATTA_KILLS").map_or(few, |number| number.parse().expect("REGATTA_KILLS is a number"))
}

/// When to kill: right at the start, early on, where most is written, or anywhere in the time of a whole drive.
fn moment(whole: Duration, seed: u64, release: &str, round: u64) -> Duration {
    let span = match chance(seed, "kill-span", release, round) % 6 {
        0 => whole / 30,
        1 | 2 => whole / 5,
        _ => whole,
    };
    span.mul_f64(chance_unit(seed, "kill", release, round))
}

/// What a history tells of the moment it was cut off at.
fn told(history: &[Event]) -> String {
    let Some(last) = history.last() else { return "nothing written yet".to_owned() };
    let mut open = BTreeSet::new();
    for event in history {
        match &event.body {
            Body::Intended { key, .. } => open.insert(key.0.clone()),
            Body::Triggered { key, .. } => open.remove(&key.0),
            _ => false,
        };
    }
    let kind = serde_json::to_value(&last.body).unwrap()["kind"].as_str().unwrap_or_default().to_owned();
    let open = match open.into_iter().collect::<Vec<_>>() {
        keys if keys.is_empty() => String::new(),
        keys => format!(", announced and without a handle: {}", keys.join(", ")),
    };
    format!("{} entries, the last one {kind:?} of {}{open}", history.len(), last.at)
}

/// Kills drives of one release after another until there were enough; `check` looks at the store after each.
fn killed_and_killed_again(few: usize, store: Option<&str>, check: impl Fn(&World)) {
    let wanted = kills_wanted(few);
    let begin = |seed: u64| {
        let release = format!("4.{}.{}", 16 + seed % 5, 1 + seed % 23);
        let arguments = ["--seed", &seed.to_string(), "--release", &release, "--speed", "max"];
        let world = World::start(&arguments);
        (store.iter().fold(world, |world, store| world.with_store(store)), release)
    };
    let mut whole = {
        let (world, release) = begin(1);
        let began = real_now();
        let drive = world.run(&["drive", &release, "--watch"]);
        assert_eq!(drive.code, 0, "{}", drive.shown());
        began.elapsed()
    };
    println!("a whole drive takes {} ms", whole.as_millis());

    let (mut kills, mut seed) = (0, 1);
    while kills < wanted {
        seed += 1;
        let (world, release) = begin(seed);
        let mut of_voyage = 0;
        for round in 0_u64.. {
            if kills == wanted || of_voyage == KILLS_PER_VOYAGE {
                break;
            }
            let moment = moment(whole, seed, &release, round);
            let began = real_now();
            let mut command = world.program.command(&["drive", &release, "--watch", "-q"]);
            command.stdin(Stdio::null());
            let mut drive = Running::start(command);
            if drive.ends_within(moment) {
                // The machine is less busy than it was; what is left after a kill is no whole drive.
                whole = if round == 0 { whole.min(began.elapsed()) } else { whole };
                break;
            }
            drive.kill();
            (kills, of_voyage) = (kills + 1, of_voyage + 1);
            let history = world.history(&release);
            println!(
                "kill {kills:2}: seed {seed} {release} after {:4} ms: {}",
                moment.as_millis(),
                told(&history)
            );
            check(&world);
        }
        let ended = world.run(&["drive", &release, "--watch"]);
        assert_eq!(ended.code, 0, "seed {seed} {release}: {}", ended.shown());
        let status = world.run(&["status", &release, "-o", "json"]).json();
        let tasks = status["tasks"].as_object().unwrap();
        assert!(tasks.len() == 10 && tasks.values().all(|status| status == "Pass"), "{tasks:?}");
        world.nothing_twice();
        check(&world);
        println!(
            "seed {seed} {release}: {of_voyage} kills, ended 0, ten of ten Pass; effects {}",
            world.effects()
        );
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "moments to kill at are spread over the real time that a drive takes"
)]
fn real_now() -> std::time::Instant {
    std::time::Instant::now()
}

#[test]
fn killed_at_moments_of_chance_it_goes_on_and_repeats_nothing() {
    killed_and_killed_again(4, None, |world| {
        let store = world.program.env.iter().find(|(name, _)| name == "REGATTA_STORE").unwrap().1.clone();
        let file = store.strip_prefix("sqlite:").unwrap();
        if !std::path::Path::new(file).exists() {
            return; // killed before it made one
        }
        let database = rusqlite::Connection::open(file).unwrap();
        let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    });
}

#[test]
fn killed_with_the_state_on_github_it_goes_on_and_repeats_nothing() {
    killed_and_killed_again(2, Some(ON_GITHUB), |_| {});
}

/// The drive is killed as soon as the remote shows the n-th new effect, ten times over, and run again each time.
#[test]
fn killed_right_after_an_effect_it_goes_on_and_repeats_nothing() {
    let world = World::start(&["--seed", "5", "--speed", "max"]);
    let made = || world.effects().as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
    let (mut kills, mut seen) = (0, 0);
    while kills < 10 {
        let mut drive = Running::start(world.program.command(&["drive", "4.20.1", "--watch", "-q"]));
        let killed = loop {
            if made() > seen {
                seen = made();
                drive.kill();
                break true;
            }
            if drive.has_ended() {
                break false;
            }
        };
        if !killed {
            break;
        }
        kills += 1;
    }
    let ended = world.run(&["drive", "4.20.1", "--watch"]);
    assert_eq!(ended.code, 0, "{}", ended.shown());
    assert!(kills >= 3, "only {kills} kills");
    world.nothing_twice();
}
