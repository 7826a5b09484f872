//! More than one at a release: drivers, and persons who decide while a drive watches.

use jiff::SignedDuration;
use regatta_engine::people::{Blocks, Mode};
use regatta_engine::report::Unwatched;
use regatta_engine::{DriveOptions, DriveState, Watch};
use regatta_kit::{Status, Task};
use scenarios::transport::{At, Blow, Plan};
use scenarios::{Mishaps, Process, Story};

fn watching() -> DriveOptions {
    DriveOptions { email: None, watch: Watch::UntilDone }
}

#[tokio::test]
async fn of_two_drivers_one_acts_at_a_time_and_nothing_is_made_twice() {
    for seed in 0..10 {
        let mut story = Story::of("4.20.1", seed);
        let release = story.release;
        let (one, other) = (story.process(Mishaps::none()), story.process(Mishaps::none()));
        let drive = async |Process { app, .. }: Process| {
            let report = app.drive(release, watching(), &Unwatched).await.unwrap();
            app.clock.leave(None).await;
            report
        };
        let (a, b) = tokio::join!(drive(one), drive(other));
        assert_eq!(
            (a.state, b.state),
            (DriveState::Done, DriveState::Done),
            "seed {seed}: {:?} {:?}",
            a.waiting,
            b.waiting
        );
        assert_eq!(story.repeated(), Vec::<String>::new(), "seed {seed}");
    }
}

#[tokio::test]
async fn a_one_shot_that_finds_the_release_held_says_by_whom() {
    let mut story = Story::of("4.20.1", 1);
    // The first driver dies holding the release.
    let dies = Plan { at: At::Change(12), blow: Blow::DieAfter };
    story.drive_until(Watch::UntilDone, dies).await.unwrap();
    let report = story.drive(Watch::Once).await.unwrap();
    assert_eq!(report.state, DriveState::Conflict);
    let why = report.why.unwrap();
    assert!(why.starts_with("held by driver-1 until "), "{why}");
    // One that stays takes over when the hold has run out.
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
    assert_eq!(story.repeated(), Vec::<String>::new());
}

#[tokio::test]
async fn a_blocker_recorded_while_a_drive_watches_stops_final_approval() {
    let mut story = Story::of("4.20.1", 1);
    let release = story.release;
    let (driver, person) = (story.process(Mishaps::none()).app, story.process(Mishaps::none()).app);
    let begun = story.clock().now();
    let drive = async move {
        let report = driver.drive(release, watching(), &Unwatched).await.unwrap();
        driver.clock.leave(None).await;
        report
    };
    let blocks = async move {
        // Two days later final approval waits for the metadata page.
        let later = begun.checked_add(SignedDuration::from_hours(48)).unwrap();
        person.clock.sleep_until(later).await;
        let text = "OCPBUGS-999 loses data";
        person.add_issue(release, text, Blocks::Yes, Vec::new(), Some("seen"), Mode::Real).await.unwrap();
        person.clock.leave(None).await;
    };
    let (report, ()) = tokio::join!(drive, blocks);
    assert_eq!(report.state, DriveState::Stopped);
    assert_eq!(report.tasks[Task::ChangeAdvisoryStatus], Status::InProgress);
    let moved = story.effects().into_keys().filter(|key| key.starts_with("advisory-state:")).count();
    assert_eq!(moved, 0, "advisories moved past an open blocker");

    story.resolves("OCPBUGS-999").await.unwrap();
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
    assert_eq!(story.repeated(), Vec::<String>::new());
}
