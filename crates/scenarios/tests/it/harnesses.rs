//! The generic harnesses, over every course: whatever is disturbed, a release ends as if nothing had been.

use regatta_kit::Task;
use scenarios::harness::{
    Course, Sort, Stride, Table, crash_everywhere, cut_and_go_on, cut_and_replay, deliver_twice,
    drive_after_the_end, drop_every_answer, fail_every_change, run_every_task_twice,
};

/// Tasks that only look: nothing of theirs can be made twice, and no change of theirs can fail.
const LOOKS_ONLY: [Task; 2] = [Task::CheckCveTrackerBug, Task::ImageSignedCheck];

/// A sample of the cases, of every part some; the simulator goes over all of them.
const SAMPLE: Stride = Stride { reads: 61, rest: 7 };

fn holds(table: &Table) {
    println!("{table}");
    let first: Vec<&String> = table.faults.iter().take(5).collect();
    assert!(table.faults.is_empty(), "{} of {} cases: {first:#?}", table.faults.len(), table.total());
}

/// Every task that changes something outside has changes among the cases.
fn covers_changes(table: &Table) {
    let without = table.outside_without(&[Sort::Change]);
    assert_eq!(without, LOOKS_ONLY, "tasks of which no change was disturbed");
}

#[tokio::test]
async fn every_effect_fails_once_in_every_way() {
    let table = fail_every_change(&Course::accepted(), SAMPLE).await;
    holds(&table);
    covers_changes(&table);
}

#[tokio::test]
async fn every_effect_of_a_release_that_persons_decided_fails_once() {
    holds(&fail_every_change(&Course::decided(), SAMPLE).await);
}

#[tokio::test]
async fn every_task_runs_twice_and_does_what_it_does_once() {
    for course in Course::all() {
        let table = run_every_task_twice(&course).await;
        holds(&table);
        assert_eq!(table.outside_without(&[Sort::Run]), Vec::new(), "{}", course.name);
    }
}

#[tokio::test]
async fn every_change_is_delivered_twice_and_at_worst_that_one_is_doubled() {
    let table = deliver_twice(&Course::accepted(), Stride::ALL).await;
    holds(&table);
    covers_changes(&table);
}

#[tokio::test]
async fn a_drive_after_the_end_changes_nothing() {
    for course in Course::all() {
        holds(&drive_after_the_end(&course).await);
    }
}

#[tokio::test]
async fn a_driver_dies_anywhere_and_another_goes_on() {
    let table = crash_everywhere(&Course::accepted(), SAMPLE).await;
    holds(&table);
    assert_eq!(table.without(&[Sort::Persist]), Vec::new(), "tasks that never persist");
    assert_eq!(table.outside_without(&[Sort::Change, Sort::Read]), Vec::new(), "tasks that never call");
}

#[tokio::test]
async fn every_answer_is_lost_once() {
    let table = drop_every_answer(&Course::accepted(), SAMPLE).await;
    holds(&table);
    assert_eq!(table.outside_without(&[Sort::Change, Sort::Read]), Vec::new(), "tasks that never call");
}

#[tokio::test]
async fn a_history_cut_anywhere_is_read_and_decided_the_same() {
    for course in Course::all() {
        let table = cut_and_replay(&course).await;
        holds(&table);
        assert_eq!(table.without(&[Sort::Persist]), Vec::new(), "{}", course.name);
    }
}

#[tokio::test]
async fn a_driver_that_dies_at_any_length_of_the_history_is_gone_on_from() {
    for course in [Course::decided(), Course::stopped()] {
        holds(&cut_and_go_on(&course, SAMPLE).await);
    }
}
