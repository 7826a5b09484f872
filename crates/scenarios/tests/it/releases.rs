//! Whole releases.

use regatta_engine::{DriveState, Watch};
use regatta_kit::Status;
use scenarios::Story;

#[tokio::test]
async fn fifty_seeds_end_green_with_every_effect_once() {
    for seed in 0..50 {
        let mut story = Story::of("4.20.1", seed);
        let report = story.drive(Watch::UntilDone).await.unwrap();
        assert_eq!(report.state, DriveState::Done, "seed {seed}: {:?}", report.waiting);
        assert!(report.tasks.iter().all(|(_, s)| *s == Status::Pass), "seed {seed}");
        assert_eq!(story.repeated(), Vec::<String>::new(), "seed {seed}");
    }
}

/// A drive over a release with nothing to do costs few calls: facts, and one look at each thing that runs.
#[tokio::test]
async fn a_pass_with_nothing_to_do_makes_few_calls() {
    let mut story = Story::of("4.20.1", 1);
    story.drive(Watch::UntilDone).await.unwrap();
    let before = story.requests();
    story.drive(Watch::Once).await.unwrap();
    assert!(story.requests() - before <= 6, "{} calls", story.requests() - before);
}

#[tokio::test]
async fn every_move_of_a_history_is_legal() {
    use regatta_flow::transition::{Cause, check};
    use regatta_statebox::event::Body;
    let mut story = Story::of("4.20.1", 2);
    story.drive(Watch::UntilDone).await.unwrap();
    let mut moves = 0;
    for event in story.history().await.unwrap() {
        if let Body::TaskMoved { from, to, .. } = event.body {
            moves += 1;
            check(from, to, Cause::Drive).unwrap();
        }
    }
    assert_eq!(moves, 20, "ten tasks, each begun and ended");
}

/// Times in the history are in order: a task's end is not before its start, nor before what it depends on.
#[tokio::test]
async fn no_task_ends_before_it_starts_or_starts_before_what_it_needs() {
    use regatta_flow::table::{Condition, row};
    use regatta_kit::Task;
    use regatta_statebox::event::Body;
    let mut story = Story::of("4.20.1", 3);
    story.drive(Watch::UntilDone).await.unwrap();
    let history = story.history().await.unwrap();
    let at = |task: Task, status: Status| {
        history
            .iter()
            .find(|e| matches!(&e.body, Body::TaskMoved { task: t, to, .. } if *t == task && *to == status))
            .map(|e| e.at)
            .unwrap()
    };
    for task in Task::ALL {
        assert!(at(task, Status::InProgress) <= at(task, Status::Pass), "{task}");
        for need in row(task).needs {
            if let Condition::Passed(on) = need {
                assert!(at(*on, Status::Pass) <= at(task, Status::InProgress), "{task} needs {on}");
            }
        }
    }
}

/// After the world's last event no poll is due any more; what fails then is tried again all the same, not a day later.
#[tokio::test]
async fn a_service_that_fails_after_everything_has_happened_is_asked_again_shortly() {
    use regatta_flow::Policy;
    use regatta_flow::policy::FinalApproval;
    use regatta_kit::Task;
    use regatta_sandbox::faults::{Fault, RequestRule};
    let policy = Policy { final_approval: FinalApproval::Ask, ..Policy::default() };
    let mut story = Story::of("4.20.1", 1).with_policy(policy);
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::NeedsHuman);
    story.clock().world().advance_to(story.clock().world().scenario().metadata_opens_at);
    assert_eq!(story.clock().ahead(), regatta_kit::Ahead::Nothing);

    story.retries(Task::ChangeAdvisoryStatus).await.unwrap();
    story.clock().world().faults().add(RequestRule::on("gitlab", Fault::Unavailable).times(5).into());
    let begun = story.clock().now();
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
    let took = story.clock().now().duration_since(begun);
    assert!(took < jiff::SignedDuration::from_hours(2), "{took}");
    assert_eq!(story.clock().world().faults().injected()[&Fault::Unavailable], 5);
}

/// What a short retry mends is no entry of the history, or a flapping service would fill it; what lasts is, once, so that
/// the limit of the wait outlasts the process.
#[tokio::test]
async fn a_failure_is_written_down_when_the_short_retries_did_not_mend_it() {
    use jiff::SignedDuration;
    use regatta_sandbox::faults::{Fault, Outage, RequestRule};
    use regatta_statebox::event::Body;
    let waits = async |story: &mut Story| {
        let history = story.history().await.unwrap();
        let waits = history.into_iter().filter_map(|event| match event.body {
            Body::Observed { subject, digest, .. } if digest == "github" || digest == "jenkins" => {
                Some(format!("{subject} {digest}"))
            }
            _ => None,
        });
        waits.collect::<Vec<_>>()
    };
    let mut story = Story::of("4.20.1", 1);
    let faults = story.clock().world().faults();
    faults.add(RequestRule::on("github", Fault::Unavailable).path("contents").after(20).times(3).into());
    faults.add(RequestRule::on("jenkins", Fault::Unavailable).times(3).into());
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
    assert_eq!(story.clock().world().faults().injected()[&Fault::Unavailable], 6);
    assert_eq!(waits(&mut story).await, Vec::<String>::new());

    let mut story = Story::of("4.20.1", 1);
    let from = story.clock().now() + SignedDuration::from_hours(2);
    let outage = Outage::down("github", from, from + SignedDuration::from_hours(5));
    story.clock().world().faults().add(outage.into());
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
    assert_eq!(waits(&mut story).await, ["wait:candidate github"]);
}
