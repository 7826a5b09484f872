//! The flow as it is drawn: generated from the table, so that picture and rules are one thing.

use insta::assert_snapshot;
use regatta_flow::graph::{depth, mermaid};
use regatta_kit::Task;

#[test]
fn the_picture_has_every_task_and_arrow_and_the_status_it_is_given() {
    let class = |task| match task {
        Task::CreateTestReport => Some("pass"),
        Task::AnalyzeCandidateBuild => Some("fail"),
        _ => None,
    };
    assert_snapshot!(mermaid(class), @r#"
    flowchart TD
        start([release announced])
        promotion{{build promoted}}
        create-test-report["Create test report"]
        take-ownership["Take ownership"]
        check-cve-tracker-bug["Check CVE tracker bugs"]
        push-to-cdn-staging[["Push to CDN staging"]]
        analyze-candidate-build{"Analyze candidate build"}
        analyze-promoted-build{"Analyze promoted build"}
        image-consistency-check[["Image consistency check"]]
        stage-testing[["Stage testing"]]
        image-signed-check["Image signature check"]
        change-advisory-status["Change advisory status"]
        start --> create-test-report
        create-test-report --> take-ownership
        take-ownership --> check-cve-tracker-bug
        check-cve-tracker-bug --> push-to-cdn-staging
        start --> analyze-candidate-build
        check-cve-tracker-bug --> analyze-promoted-build
        promotion --> analyze-promoted-build
        analyze-promoted-build --> image-consistency-check
        analyze-promoted-build --> stage-testing
        push-to-cdn-staging --> image-signed-check
        image-consistency-check --> image-signed-check
        stage-testing --> image-signed-check
        analyze-candidate-build --> change-advisory-status
        image-signed-check --> change-advisory-status
        class create-test-report pass
        class analyze-candidate-build fail
        classDef pass fill:#d4edda,stroke:#2e7d32
        classDef fail fill:#f8d7da,stroke:#b00020
        classDef running fill:#fff3cd,stroke:#b26a00
    "#);
}

#[test]
fn a_task_stands_in_the_column_after_the_last_one_it_needs() {
    let columns: Vec<String> = Task::ALL.iter().map(|task| format!("{} {task}", depth(*task))).collect();
    assert_snapshot!(columns.join("\n"), @"
    0 create-test-report
    1 take-ownership
    2 check-cve-tracker-bug
    3 push-to-cdn-staging
    0 analyze-candidate-build
    3 analyze-promoted-build
    4 image-consistency-check
    4 stage-testing
    5 image-signed-check
    6 change-advisory-status
    ");
}
