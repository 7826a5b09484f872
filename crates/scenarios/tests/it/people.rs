//! Persons decide; what they decide is recorded, and the drive goes by it.

use regatta_engine::people::Done;
use regatta_engine::{DriveState, Watch};
use regatta_flow::Policy;
use regatta_flow::policy::FinalApproval;
use regatta_kit::{Overall, Status, Task};
use regatta_sandbox::fixtures::{RecordedKind, write_recorded};
use regatta_sandbox::scenario::Scenario;
use scenarios::Story;

fn recorded(kind: RecordedKind) -> Story {
    let dir = tempfile::tempdir().unwrap();
    let release = write_recorded(dir.path(), kind);
    Story::in_world(Scenario::replay(dir.path(), None, Some(release), 1).unwrap())
}

#[tokio::test]
async fn a_rejected_candidate_keeps_only_final_approval_waiting() {
    let mut story = recorded(RecordedKind::Rejected);
    let report = story.drive(Watch::UntilDone).await.unwrap();
    assert_eq!((report.state, report.overall_status), (DriveState::NeedsHuman, Overall::Green));
    for (task, status) in report.tasks.iter() {
        let expected = match task {
            Task::AnalyzeCandidateBuild => Status::InProgress,
            Task::ChangeAdvisoryStatus => Status::NotStarted,
            _ => Status::Pass,
        };
        assert_eq!(*status, expected, "{task}");
    }
    assert_eq!(story.effects().get("approve:shipment-mr"), None);

    story.overrides(Task::AnalyzeCandidateBuild, Status::Pass, "infrastructure").await.unwrap();
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
    assert_eq!(story.repeated(), Vec::<String>::new());
}

#[tokio::test]
async fn an_override_to_fail_stops_the_release_and_another_lets_it_go_on() {
    let mut story = recorded(RecordedKind::PromotedRejected);
    story.drive(Watch::UntilDone).await.unwrap();
    story.overrides(Task::AnalyzePromotedBuild, Status::Fail, "product bug").await.unwrap();
    let stopped = story.drive(Watch::UntilDone).await.unwrap();
    assert_eq!((stopped.state, stopped.overall_status), (DriveState::Stopped, Overall::Red));
    assert_eq!(story.effects().get("trigger:stage-testing"), None);

    story
        .overrides(Task::AnalyzePromotedBuild, Status::Pass, "the bug is fixed in the errata")
        .await
        .unwrap();
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
}

#[tokio::test]
async fn a_blocker_that_names_a_task_stops_that_task_only() {
    let mut story = Story::of("4.20.1", 4);
    story.drive(Watch::Once).await.unwrap();
    story.blocks("stage environment is down", vec![Task::StageTesting]).await.unwrap();
    let report = story.drive(Watch::UntilDone).await.unwrap();
    assert_eq!((report.state, report.overall_status), (DriveState::Stopped, Overall::Red));
    assert_eq!(report.tasks[Task::StageTesting], Status::NotStarted);
    assert_eq!(report.tasks[Task::ImageConsistencyCheck], Status::Pass, "its sibling goes on");
    let why = report.waiting.iter().find(|w| w.task == Task::StageTesting).unwrap();
    insta::assert_snapshot!(why.why, @r#"an open blocker stops it: "stage environment is down"; `regatta issue resolve` ends that"#);

    story.resolves("stage environment").await.unwrap();
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
    assert_eq!(story.repeated(), Vec::<String>::new());
}

#[tokio::test]
async fn final_approval_is_asked_for_where_the_policy_says_so() {
    let policy = Policy { final_approval: FinalApproval::Ask, ..Policy::default() };
    let mut story = Story::of("4.20.1", 5).with_policy(policy);
    let report = story.drive(Watch::UntilDone).await.unwrap();
    assert_eq!(report.state, DriveState::NeedsHuman);
    insta::assert_snapshot!(report.needs_human[0].question, @"4.20.1 is ready for final approval. May it be given?");
    assert_eq!(story.effects().get("approve:shipment-mr"), None);

    story.retries(Task::ChangeAdvisoryStatus).await.unwrap();
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
}

#[tokio::test]
async fn deciding_again_what_is_decided_changes_nothing() {
    let mut story = recorded(RecordedKind::Rejected);
    story.drive(Watch::UntilDone).await.unwrap();
    let first = story.overrides(Task::AnalyzeCandidateBuild, Status::Pass, "a").await.unwrap();
    assert!(matches!(first, Done::Changed(_)));
    let length = story.history().await.unwrap().len();
    let second = story.overrides(Task::AnalyzeCandidateBuild, Status::Pass, "b").await.unwrap();
    assert!(matches!(second, Done::Unchanged(_)));
    assert_eq!(story.history().await.unwrap().len(), length);
}
