//! A driver dies on either side of each change it asks of the world; the next one goes on and repeats nothing.

use regatta_engine::{DriveState, Watch};
use scenarios::story::Ended;
use scenarios::{CrashPoint, Story};

async fn dies_and_goes_on(crash: CrashPoint) {
    let mut story = Story::of("4.20.1", 1);
    let ended = story.drive_until(Watch::UntilDone, Some(crash)).await.unwrap();
    assert!(matches!(ended, Ended::Died), "{crash:?} was never reached");
    let report = story.drive(Watch::UntilDone).await.unwrap();
    assert_eq!(report.state, DriveState::Done, "{crash:?}: {:?}", report.waiting);
    assert_eq!(story.repeated(), Vec::<String>::new(), "{crash:?}");
}

#[tokio::test]
async fn at_every_change_before_it_leaves() {
    let changes = Story::of("4.20.1", 1).count_changes().await;
    assert!(changes > 30, "{changes}");
    for n in 1..=changes {
        dies_and_goes_on(CrashPoint::Before(n)).await;
    }
}

#[tokio::test]
async fn at_every_change_after_the_world_made_it() {
    let changes = Story::of("4.20.1", 1).count_changes().await;
    for n in 1..=changes {
        dies_and_goes_on(CrashPoint::After(n)).await;
    }
}
