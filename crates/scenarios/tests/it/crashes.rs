//! A driver dies on either side of each change it asks of the world; the next one goes on and repeats nothing.

use regatta_engine::{DriveState, Watch};
use scenarios::transport::{At, Blow, Plan};
use scenarios::{Ended, Mishaps, Story};

#[tokio::test]
async fn at_every_change() {
    let mut story = Story::of("4.20.1", 1);
    let process = story.process(Mishaps::none());
    process.drive(story.release, Watch::UntilDone).await.unwrap();
    let changes = process.transport.changes();
    assert!(changes > 30, "{changes}");
    for n in 1..=changes {
        for blow in [Blow::DieBefore, Blow::DieAfter] {
            let mut story = Story::of("4.20.1", 1);
            let ended = story.drive_until(Watch::UntilDone, Plan { at: At::Change(n), blow }).await.unwrap();
            assert!(matches!(ended, Ended::Died), "{n} {blow:?} was never reached");
            let report = story.drive(Watch::UntilDone).await.unwrap();
            assert_eq!(report.state, DriveState::Done, "{n} {blow:?}: {:?}", report.waiting);
            assert_eq!(story.repeated(), Vec::<String>::new(), "{n} {blow:?}");
        }
    }
}
