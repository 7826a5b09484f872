//! Recorded releases, replayed: made ones always, and the real ones where they lie beside the checkout.

use crate::program::{Program, shared};
use regatta_sandbox::fixtures::{RecordedKind, write_recorded};
use serde_json::Value;
use std::path::Path;

fn replay(dir: &Path) -> (i32, Value) {
    let ran =
        Program::new().run(&["demo", "--replay", dir.to_str().unwrap(), "--speed", "max", "-o", "json"]);
    (ran.code, ran.json())
}

fn story(kind: RecordedKind) -> String {
    let dir = tempfile::tempdir().unwrap();
    write_recorded(dir.path(), kind);
    let (code, ended) = replay(dir.path());
    let questions: Vec<&str> =
        ended["needs_human"].as_array().unwrap().iter().map(|q| q["question"].as_str().unwrap()).collect();
    format!(
        "exit {code}, {}, {}\n{}",
        ended["overall_status"].as_str().unwrap(),
        ended["state"].as_str().unwrap(),
        questions.join("\n")
    )
}

#[test]
fn accepted_builds_end_green() {
    assert_eq!(story(RecordedKind::Accepted).trim_end(), "exit 0, Green, done");
}

#[test]
fn a_manual_promotion_answers_the_question_by_itself() {
    assert_eq!(story(RecordedKind::ManualPromotion).trim_end(), "exit 0, Green, done");
}

#[test]
fn a_late_acceptance_answers_the_question_by_itself() {
    assert_eq!(story(RecordedKind::LateAcceptance).trim_end(), "exit 0, Green, done");
}

#[test]
fn rejected_builds_end_with_their_question() {
    insta::assert_snapshot!(story(RecordedKind::Rejected), @"
    exit 5, Green, needs-human
    4.20.0-0.nightly-2026-02-03-230502 failed best-of-three in periodic-ci-openshift-openshift-tests-private-release-4.20-automated-release-aws-ipi-f999. Are the failures waivable?
    ");
    insta::assert_snapshot!(story(RecordedKind::PromotedRejected), @"
    exit 5, Green, needs-human
    4.20.33 failed best-of-three in periodic-ci-openshift-openshift-tests-private-release-4.20-automated-release-stable-4.20-upgrade-from-stable-4.19-aws-ipi-f999. Are the failures waivable?
    ");
}

#[test]
fn a_candidate_that_is_not_there_is_acknowledged_by_a_person() {
    insta::assert_snapshot!(story(RecordedKind::NoCandidateFile), @"
    exit 5, Green, needs-human
    Not applicable: 4.20.0-0.nightly-2026-02-03-230502 has no result file 5 days after it was built. Is it right to go on without?
    ");
    insta::assert_snapshot!(story(RecordedKind::NoCandidateInMetadata), @"
    exit 5, Green, needs-human
    Not applicable: the release data names no candidate build. Is it right to go on without?
    ");
}

/// Every real recorded release ends as its final flags say: Green when both builds are accepted or promoted by hand,
/// else with the right question.
#[test]
fn the_real_recorded_releases_end_as_their_flags_say() {
    let Some(folder) = shared("recorded") else {
        println!("no recorded releases beside the checkout; the made ones are run above");
        return;
    };
    let mut folders: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    folders.sort();
    let mut wrong = Vec::new();
    for dir in &folders {
        let recorded: Value =
            serde_json::from_slice(&std::fs::read(dir.join("recorded.json")).unwrap()).unwrap();
        let good = |file: &str| {
            let flags = &recorded["files"][file];
            flags["accepted"] == true || flags["manual_promotion"] == true
        };
        let expected: &[&str] = match (good("candidate"), good("promoted")) {
            (true, true) => &[],
            (false, true) => &["analyze-candidate-build"],
            (true, false) => &["analyze-promoted-build"],
            (false, false) => &["analyze-candidate-build", "analyze-promoted-build"],
        };
        let (code, ended) = replay(dir);
        let asked: Vec<&str> =
            ended["needs_human"].as_array().unwrap().iter().map(|q| q["task"].as_str().unwrap()).collect();
        let right_code = if expected.is_empty() { 0 } else { 5 };
        if code != right_code || asked != expected {
            wrong.push(format!("{}: exit {code}, asked {asked:?}, expected {expected:?}", dir.display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} end otherwise:\n{}", wrong.len(), folders.len(), wrong.join("\n"));
    println!("{} recorded releases end as their flags say", folders.len());
}
