//! What Regatta does and says in the situations that releases come to.

use insta::assert_snapshot;
use jiff::SignedDuration;
use regatta_flow::facts::{
    Answer, Blocker, Confidence, FinalGo, Opinion, Phase, Recommendation, Resolved, Seen, Standing,
    TroubleKind,
};
use regatta_flow::policy::{AnalysisPolicy, FinalApproval};
use regatta_kit::{Status, Task};

use crate::case::{Case, at, rejected, trouble};

const DAY: i64 = 24 * 60;

// --- the way of a release -------------------------------------------------------------------------------------------

#[test]
fn a_release_begins_with_its_report_and_a_look_at_the_candidate() {
    assert_snapshot!(Case::fresh().told(), @"
    do   look at the candidate's results
    do   start create-test-report
    wait analyze-candidate-build: evidence not readable: not looked at yet
    then take-ownership, check-cve-tracker-bug, push-to-cdn-staging, analyze-promoted-build, image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn both_tracks_go_on_side_by_side() {
    let case = Case::fresh()
        .passed(&[Task::CreateTestReport, Task::TakeOwnership, Task::CheckCveTrackerBug])
        .candidate(Standing::Accepted);
    assert_snapshot!(case.told(), @"
    do   look at the promotion
    do   start push-to-cdn-staging
    do   conclude analyze-candidate-build Pass: 4.20.0-0.nightly-2026-02-28-101500: all required tests passed best-of-three
    wait analyze-promoted-build: Build not yet promoted (current phase: unknown), check again in 30 minutes
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn a_promotion_that_has_not_come_names_the_jobs_that_hold_it() {
    let case = Case::promoted().phase_failing(Phase::Ready, &["aws-sdn", "gcp-ovn", "upgrade-minor"]);
    assert_snapshot!(case.told(), @"
    wait analyze-promoted-build: Build not yet promoted (current phase: Ready), check again in 30 minutes; failing blocking jobs: aws-sdn, gcp-ovn and upgrade-minor [02 08:30]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn a_payload_not_looked_at_yet_is_looked_at() {
    let case = Case::promoted().change(|f| f.promotion = regatta_flow::facts::Looked::not_yet(at(0)));
    assert_snapshot!(case.told(), @"
    do   look at the promotion
    wait analyze-promoted-build: Build not yet promoted (current phase: unknown), check again in 30 minutes
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn promoted_but_no_result_file_yet() {
    assert_snapshot!(Case::promoted().promoted_file(Standing::Absent).told(), @"
    wait analyze-promoted-build: Test result file not yet created, check again in 5-10 minutes [02 08:05]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn tests_run_then_are_aggregated() {
    assert_snapshot!(Case::promoted().promoted_file(Standing::Running).told(), @"
    wait analyze-promoted-build: Tests still running, aggregation not started. Check again in 5-10 minutes [02 08:05]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
    assert_snapshot!(Case::promoted().promoted_file(Standing::Aggregating).told(), @"
    wait analyze-promoted-build: Tests still aggregating, check again in 5-10 minutes [02 08:05]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn an_accepted_build_passes_without_anybody_asked() {
    assert_snapshot!(Case::promoted().promoted_file(Standing::Accepted).told(), @"
    do   conclude analyze-promoted-build Pass: 4.20.1: all required tests passed best-of-three
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn the_gate_opens_two_jobs_and_the_third_started_before_it() {
    let case = Case::promoted()
        .promoted_file(Standing::Accepted)
        .passed_by(Task::AnalyzePromotedBuild, "file")
        .running(Task::PushToCdnStaging, "push job 311 of advisory 145678");
    assert_snapshot!(case.told(), @"
    do   start image-consistency-check
    do   start stage-testing
    wait push-to-cdn-staging: Task still running (push job 311 of advisory 145678), check again in 5-10 minutes [02 08:05]
    then image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn signatures_are_checked_when_all_three_jobs_are_done() {
    let case = Case::ready()
        .status(Task::ImageSignedCheck, Status::NotStarted)
        .running(Task::StageTesting, "pipeline 9");
    assert_snapshot!(case.told(), @"
    wait stage-testing: Task still running (pipeline 9), check again in 10-15 minutes [02 08:05]
    then image-signed-check, change-advisory-status
    Green
    ");
    let case = case.passed(&[Task::StageTesting]);
    assert_snapshot!(case.told(), @"
    do   start image-signed-check
    then change-advisory-status
    Green
    ");
}

#[test]
fn everything_passed_is_finished() {
    assert_snapshot!(Case::ready().passed(&[Task::ChangeAdvisoryStatus]).told(), @"finished, Green");
}

#[test]
fn tasks_name_what_they_wait_for() {
    let waits: Vec<String> = Case::promoted()
        .promoted_file(Standing::Running)
        .decide()
        .waits
        .iter()
        .map(|wait| format!("{} {} ({})", wait.task, wait.on, wait.on.word()))
        .collect();
    assert_snapshot!(waits.join("\n"), @"
    analyze-promoted-build Tests still running, aggregation not started. Check again in 5-10 minutes (tests)
    image-consistency-check waits for analyze-promoted-build (tasks)
    stage-testing waits for analyze-promoted-build (tasks)
    image-signed-check waits for image-consistency-check and stage-testing (tasks)
    change-advisory-status waits for analyze-promoted-build, image-consistency-check, stage-testing and image-signed-check (tasks)
    ");
}

// --- builds that were not accepted ----------------------------------------------------------------------------------

#[test]
fn a_rejected_build_asks_and_shuts_only_its_own_gate() {
    let case = Case::promoted().promoted_file(rejected(&["aws-ovn", "metal-ipi"]));
    assert_snapshot!(case.told(), @"
    do   begin analyze-promoted-build
    wait analyze-promoted-build: waits for a person: 4.20.1 failed best-of-three in aws-ovn, metal-ipi. Are the failures waivable?
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  4.20.1 failed best-of-three in aws-ovn, metal-ipi. Are the failures waivable?
    Green
    ");
    // Once begun, the same question stands and nothing is left to do.
    assert_snapshot!(case.status(Task::AnalyzePromotedBuild, Status::InProgress).told(), @"
    wait analyze-promoted-build: waits for a person: 4.20.1 failed best-of-three in aws-ovn, metal-ipi. Are the failures waivable?
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  4.20.1 failed best-of-three in aws-ovn, metal-ipi. Are the failures waivable?
    Green
    ");
}

#[test]
fn an_override_opens_the_gate() {
    let case = Case::promoted().promoted_file(rejected(&["aws-ovn"])).overridden(
        Task::AnalyzePromotedBuild,
        Status::Pass,
        "file",
    );
    assert_snapshot!(case.told(), @"
    do   start image-consistency-check
    do   start stage-testing
    then image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn a_confident_rejection_fails_the_build_and_stops_the_release() {
    let standing = Standing::Rejected {
        failed: vec!["aws-ovn".to_owned()],
        opinion: Some(Opinion { recommendation: Recommendation::Reject, confidence: Confidence::High }),
    };
    let case = Case::promoted().promoted_file(standing);
    assert_snapshot!(case.told(), @"
    do   conclude analyze-promoted-build Fail: 4.20.1: blocking issues found (aws-ovn)
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
    assert_snapshot!(case.failed_by(Task::AnalyzePromotedBuild, "file").told(), @"
    wait image-consistency-check: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait stage-testing: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait image-signed-check: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait change-advisory-status: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    Red
    ");
}

#[test]
fn a_waivable_rejection_passes_only_if_the_policy_lets_it() {
    let standing = Standing::Rejected {
        failed: vec!["aws-ovn".to_owned()],
        opinion: Some(Opinion { recommendation: Recommendation::Accept, confidence: Confidence::Medium }),
    };
    let case = Case::promoted().promoted_file(standing);
    assert_snapshot!(case.clone().analysis_policy(AnalysisPolicy::Specification).told(), @"
    do   conclude analyze-promoted-build Pass: 4.20.1: failures are waivable (aws-ovn)
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
    assert_snapshot!(case.told(), @"
    do   begin analyze-promoted-build
    wait analyze-promoted-build: waits for a person: 4.20.1 failed best-of-three in aws-ovn. Are the failures waivable?
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  4.20.1 failed best-of-three in aws-ovn. Are the failures waivable?
    Green
    ");
}

#[test]
fn a_rejected_candidate_does_not_stop_the_promoted_track() {
    let case =
        Case::promoted().promoted_file(Standing::Accepted).failed_by(Task::AnalyzeCandidateBuild, "file");
    assert_snapshot!(case.told(), @"
    do   conclude analyze-promoted-build Pass: 4.20.1: all required tests passed best-of-three
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Red
    ");
    // Final approval alone needs it.
    let case = Case::ready().failed_by(Task::AnalyzeCandidateBuild, "file");
    assert_snapshot!(case.told(), @"
    then change-advisory-status
    Red
    ");
}

#[test]
fn an_accepted_build_with_jobs_that_never_ran_asks() {
    let missing = vec!["aws-ipi-fips".to_owned(), "vsphere-upi".to_owned()];
    assert_snapshot!(Case::promoted().promoted_file(Standing::Incomplete { missing }).told(), @"
    do   begin analyze-promoted-build
    wait analyze-promoted-build: waits for a person: 4.20.1 is accepted, but required jobs never ran: aws-ipi-fips, vsphere-upi. May it pass all the same?
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  4.20.1 is accepted, but required jobs never ran: aws-ipi-fips, vsphere-upi. May it pass all the same?
    Green
    ");
}

#[test]
fn a_promotion_by_hand_passes_and_says_so() {
    assert_snapshot!(Case::promoted().promoted_file(Standing::PromotedByHand).told(), @"
    do   conclude analyze-promoted-build Pass: 4.20.1: promoted by hand, accepted by the waiver recorded in its result file
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn a_file_that_cannot_be_read_opens_nothing() {
    let why = "line 12: expected a list of jobs".to_owned();
    assert_snapshot!(Case::promoted().promoted_file(Standing::Unreadable { why }).told(), @"
    wait analyze-promoted-build: evidence not readable: line 12: expected a list of jobs [02 08:05]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn a_rejected_payload_is_a_question_that_an_accepted_phase_closes() {
    let case = Case::promoted().phase_failing(Phase::Rejected, &["aws-sdn"]);
    assert_snapshot!(case.told(), @"
    wait analyze-promoted-build: Build not yet promoted (current phase: Rejected), check again in 30 minutes; failing blocking jobs: aws-sdn [02 08:30]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  The payload of 4.20.1 is Rejected. Will ART promote it by hand?
    Green
    ");
    assert_snapshot!(case.phase(Phase::Accepted).told(), @"
    do   look at the promoted build's results
    wait analyze-promoted-build: evidence not readable: not looked at yet
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

// --- candidates that are not there ----------------------------------------------------------------------------------

#[test]
fn a_release_without_candidate_needs_a_nod() {
    assert_snapshot!(Case::ready().status(Task::AnalyzeCandidateBuild, Status::NotStarted).no_candidate().told(), @"
    wait analyze-candidate-build: waits for a person: Not applicable: the release data names no candidate build. Is it right to go on without?
    then change-advisory-status
    ask  Not applicable: the release data names no candidate build. Is it right to go on without?
    Green
    ");
}

#[test]
fn a_candidate_whose_file_vanished_needs_a_nod() {
    let case =
        Case::promoted().status(Task::AnalyzeCandidateBuild, Status::NotStarted).candidate(Standing::Gone);
    assert_snapshot!(case.told(), @"
    do   look at the promoted build's results
    wait analyze-candidate-build: waits for a person: Not applicable: the result file of 4.20.0-0.nightly-2026-02-28-101500 was there and is gone. Is it right to go on without?
    wait analyze-promoted-build: evidence not readable: not looked at yet
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  Not applicable: the result file of 4.20.0-0.nightly-2026-02-28-101500 was there and is gone. Is it right to go on without?
    Green
    ");
}

#[test]
fn a_candidate_that_never_gets_a_file_needs_a_nod_after_five_days() {
    let case = Case::fresh().candidate(Standing::Absent);
    assert_snapshot!(case.told(), @"
    do   start create-test-report
    wait analyze-candidate-build: Test result file not yet created, check again in 5-10 minutes [02 08:05]
    then take-ownership, check-cve-tracker-bug, push-to-cdn-staging, analyze-promoted-build, image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
    // Built on 28 February at 10:15, so five days end on 5 March.
    let late = Case::fresh().now(3 * DAY + 135).candidate(Standing::Absent);
    assert_eq!(case.decide().next_deadline, Some(late.facts.now));
    assert_snapshot!(late.told(), @"
    do   start create-test-report
    wait analyze-candidate-build: waits for a person: Not applicable: 4.20.0-0.nightly-2026-02-28-101500 has no result file 5 days after it was built. Is it right to go on without?
    then take-ownership, check-cve-tracker-bug, push-to-cdn-staging, analyze-promoted-build, image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  Not applicable: 4.20.0-0.nightly-2026-02-28-101500 has no result file 5 days after it was built. Is it right to go on without?
    Green
    ");
}

// --- evidence that changes ------------------------------------------------------------------------------------------

#[test]
fn a_rejection_after_the_pass_holds_final_approval_and_nothing_else() {
    let late = rejected(&["upgrade-minor"]);
    let case = Case::ready().promoted_file_as(late.clone(), "file, later");
    assert_snapshot!(case.told(), @"
    wait change-advisory-status: waits for a person: analyze-promoted-build passed, but 4.20.1 has since been rejected. Does the Pass stand?
    ask  analyze-promoted-build passed, but 4.20.1 has since been rejected. Does the Pass stand?
    Green
    ");
    // A person who saw exactly this evidence settles it.
    let settled = case.overridden(Task::AnalyzePromotedBuild, Status::Pass, "file, later");
    assert_snapshot!(settled.told(), @"
    do   start change-advisory-status
    Green
    ");
    // What the gate opened goes on meanwhile.
    let earlier =
        Case::promoted().promoted_file_as(late, "file, later").passed_by(Task::AnalyzePromotedBuild, "file");
    assert_snapshot!(earlier.told(), @"
    do   start image-consistency-check
    do   start stage-testing
    then image-signed-check, change-advisory-status
    ask  analyze-promoted-build passed, but 4.20.1 has since been rejected. Does the Pass stand?
    Green
    ");
}

#[test]
fn a_pass_that_turns_out_incomplete_is_asked_about() {
    let missing = vec!["aws-ipi-fips".to_owned()];
    let case = Case::ready().promoted_file_as(Standing::Incomplete { missing }, "file, later");
    assert_snapshot!(case.told(), @"
    wait change-advisory-status: waits for a person: analyze-promoted-build passed, but 4.20.1 turns out to lack required jobs. Does the Pass stand?
    ask  analyze-promoted-build passed, but 4.20.1 turns out to lack required jobs. Does the Pass stand?
    Green
    ");
}

#[test]
fn a_later_file_that_would_pass_by_itself_contradicts_nothing() {
    let waivable = Standing::Rejected {
        failed: vec!["aws-ovn".to_owned()],
        opinion: Some(Opinion { recommendation: Recommendation::Accept, confidence: Confidence::High }),
    };
    assert_snapshot!(Case::ready().promoted_file_as(waivable, "file, later").told(), @"
    do   start change-advisory-status
    Green
    ");
}

#[test]
fn final_approval_rests_on_evidence_read_again() {
    // Half an hour after the last look both files are due.
    let case = Case::ready().now(40);
    assert_snapshot!(case.told(), @"
    do   look at the candidate's results
    do   look at the promoted build's results
    wait change-advisory-status: the test results are read once more before final approval
    Green
    ");
    let read = case.candidate(Standing::Accepted).promoted_file(Standing::Accepted);
    assert_snapshot!(read.told(), @"
    do   start change-advisory-status
    Green
    ");
}

#[test]
fn evidence_that_cannot_be_read_again_does_not_hold_final_approval() {
    let case = Case::ready().change(|f| {
        f.promoted.file.trouble =
            Some(trouble(TroubleKind::Unavailable, "github", "502 Bad Gateway (RG105)"));
    });
    assert_snapshot!(case.told(), @"
    do   start change-advisory-status
    Green
    ");
}

#[test]
fn a_failure_by_evidence_is_taken_back_when_the_evidence_changes() {
    let case = Case::promoted().failed_by(Task::AnalyzePromotedBuild, "file");
    assert_snapshot!(case.clone().promoted_file_as(Standing::Aggregating, "file, later").told(), @"
    do   reset analyze-promoted-build: the evidence it failed on has changed
    wait image-consistency-check: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait stage-testing: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait image-signed-check: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait change-advisory-status: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    Red
    ");
    // The same evidence changes nothing.
    assert_snapshot!(case.promoted_file(rejected(&["aws-ovn"])).told(), @"
    wait image-consistency-check: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait stage-testing: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait image-signed-check: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait change-advisory-status: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    Red
    ");
}

#[test]
fn neither_a_vanished_nor_an_unreadable_file_softens_a_failure() {
    let failed = Case::promoted().failed_by(Task::AnalyzePromotedBuild, "file");
    for standing in [Standing::Gone, Standing::Absent, Standing::Unreadable { why: "cut off".to_owned() }] {
        let decision = failed.clone().promoted_file_as(standing, "other").decide();
        assert_eq!(decision.moves, []);
        assert_eq!(decision.stopped, Some(Task::AnalyzePromotedBuild));
    }
}

#[test]
fn a_persons_failure_stands_whatever_the_file_says() {
    let case = Case::promoted().promoted_file_as(Standing::Accepted, "file, later").overridden(
        Task::AnalyzePromotedBuild,
        Status::Fail,
        "file",
    );
    assert_snapshot!(case.told(), @"
    wait image-consistency-check: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait stage-testing: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait image-signed-check: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    wait change-advisory-status: Pipeline stopped because analyze-promoted-build failed - manual intervention required
    Red
    ");
}

// --- stops and blockers ---------------------------------------------------------------------------------------------

#[test]
fn a_failure_stops_what_is_new_and_follows_what_runs() {
    let case = Case::ready()
        .status(Task::ImageSignedCheck, Status::NotStarted)
        .failed_by(Task::ImageConsistencyCheck, "")
        .running(Task::StageTesting, "stage pipeline 4711");
    assert_snapshot!(case.told(), @"
    wait stage-testing: Task still running (stage pipeline 4711), check again in 10-15 minutes [02 08:05]
    wait image-signed-check: Pipeline stopped because image-consistency-check failed - manual intervention required
    wait change-advisory-status: Pipeline stopped because image-consistency-check failed - manual intervention required
    Red
    ");
    assert_snapshot!(case.now(5).told(), @"
    do   check stage-testing
    wait image-signed-check: Pipeline stopped because image-consistency-check failed - manual intervention required
    wait change-advisory-status: Pipeline stopped because image-consistency-check failed - manual intervention required
    Red
    ");
}

#[test]
fn a_blocker_that_names_a_task_stops_that_task_alone() {
    let case = Case::promoted()
        .promoted_file(Standing::Accepted)
        .passed_by(Task::AnalyzePromotedBuild, "file")
        .blocker("OCPBUGS-77: stage registry is down", Blocker::Tasks(vec![Task::StageTesting]));
    assert_snapshot!(case.told(), @r#"
    do   start image-consistency-check
    wait stage-testing: an open blocker stops it: "OCPBUGS-77: stage registry is down"; `regatta issue resolve` ends that
    then image-signed-check, change-advisory-status
    Red
    "#);
}

#[test]
fn a_general_blocker_stops_final_approval_alone() {
    let early = Case::fresh().blocker("OCPBUGS-78: data loss on upgrade", Blocker::General);
    assert_snapshot!(early.told(), @r#"
    do   look at the candidate's results
    do   start create-test-report
    wait analyze-candidate-build: evidence not readable: not looked at yet
    wait change-advisory-status: an open blocker stops it: "OCPBUGS-78: data loss on upgrade"; `regatta issue resolve` ends that
    then take-ownership, check-cve-tracker-bug, push-to-cdn-staging, analyze-promoted-build, image-consistency-check, stage-testing, image-signed-check
    Red
    "#);
    let ready = Case::ready().blocker("OCPBUGS-78: data loss on upgrade", Blocker::General);
    assert_snapshot!(ready.told(), @r#"
    wait change-advisory-status: an open blocker stops it: "OCPBUGS-78: data loss on upgrade"; `regatta issue resolve` ends that
    Red
    "#);
    assert_snapshot!(ready.change(|f| f.issues[0].resolved = Resolved::Yes).told(), @"
    do   start change-advisory-status
    Green
    ");
}

// --- final approval -------------------------------------------------------------------------------------------------

#[test]
fn final_approval_is_given_or_asked_for_as_the_policy_says() {
    assert_snapshot!(Case::ready().told(), @"
    do   start change-advisory-status
    Green
    ");
    assert_snapshot!(Case::ready().final_approval(FinalApproval::Ask, FinalGo::NotGiven).told(), @"
    wait change-advisory-status: waits for a person: 4.20.1 is ready for final approval. May it be given?
    ask  4.20.1 is ready for final approval. May it be given?
    Green
    ");
    assert_snapshot!(Case::ready().final_approval(FinalApproval::Ask, FinalGo::Given).told(), @"
    do   start change-advisory-status
    Green
    ");
}

#[test]
fn a_metadata_page_that_stays_shut_becomes_a_question_two_days_after_the_release_date() {
    let scheduled = |now: i64| {
        let task = Task::ChangeAdvisoryStatus;
        let look_again = at(now + 30);
        let what = "the release's metadata page to open".to_owned();
        Case::ready()
            .now(now)
            .candidate(Standing::Accepted)
            .promoted_file(Standing::Accepted)
            .status(task, Status::InProgress)
            .answer(task, Answer::Scheduled { what, since: at(0), look_again })
    };
    assert_snapshot!(scheduled(0).told(), @"
    wait change-advisory-status: waits for the release's metadata page to open [02 08:30]
    Green
    ");
    // The release date is 10 March: its day ends on the 11th at 00:00, two days more make the 13th.
    let limit = scheduled(0).decide().next_deadline.expect("a deadline lies ahead");
    assert_snapshot!(limit, @"2026-03-13T00:00:00Z");
    let minutes = limit.duration_since(at(0)).as_mins();
    assert_snapshot!(scheduled(minutes).told(), @"
    wait change-advisory-status: waits for the release's metadata page to open [13 00:30]
    ask  change-advisory-status waits longer than it should: the release's metadata page to open. What is wrong?
    Green
    ");
}

// --- waits that are too long ----------------------------------------------------------------------------------------

#[test]
fn an_overdue_promotion_is_a_question_while_the_wait_goes_on() {
    let case = Case::promoted().now(DAY).phase(Phase::Ready);
    assert_snapshot!(case.told(), @"
    do   look at the candidate's results
    wait analyze-promoted-build: Build not yet promoted (current phase: Ready), check again in 30 minutes [03 08:30]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  analyze-promoted-build waits longer than it should: the build's promotion. What is wrong?
    Green
    ");
}

#[test]
fn an_overdue_aggregation_is_a_question_while_the_wait_goes_on() {
    let case = Case::promoted().promoted_file(Standing::Aggregating).now(6 * 60);
    assert_snapshot!(case.told(), @"
    do   look at the candidate's results
    do   look at the promoted build's results
    wait analyze-promoted-build: Tests still aggregating, check again in 5-10 minutes
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  analyze-promoted-build waits longer than it should: Tests still aggregating, check again in 5-10 minutes. What is wrong?
    Green
    ");
}

#[test]
fn an_overdue_job_is_a_question_while_the_wait_goes_on() {
    let case = Case::promoted().status(Task::PushToCdnStaging, Status::InProgress).answer(
        Task::PushToCdnStaging,
        Answer::Running { what: "push job 311".to_owned(), since: at(0), look_again: at(DAY + 5) },
    );
    assert_snapshot!(case.clone().now(DAY - 1).told(), @"
    do   look at the candidate's results
    do   look at the promoted build's results
    wait push-to-cdn-staging: Task still running (push job 311), check again in 5-10 minutes [03 08:05]
    wait analyze-promoted-build: evidence not readable: not looked at yet
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
    assert_snapshot!(case.now(DAY).told(), @"
    do   look at the candidate's results
    do   look at the promoted build's results
    wait push-to-cdn-staging: Task still running (push job 311), check again in 5-10 minutes [03 08:05]
    wait analyze-promoted-build: evidence not readable: not looked at yet
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  push-to-cdn-staging waits longer than it should: push job 311. What is wrong?
    Green
    ");
}

#[test]
fn a_missing_precondition_names_whose_move_it_is() {
    let case = Case::fresh().passed(&[Task::CreateTestReport]).answer(
        Task::TakeOwnership,
        Answer::Blocked {
            name: "shipment-mr".to_owned(),
            why: "ART has not opened the shipment merge request yet".to_owned(),
            since: at(0),
            look_again: at(5),
        },
    );
    assert_snapshot!(case.told(), @"
    do   look at the candidate's results
    wait take-ownership: ART has not opened the shipment merge request yet [02 08:05]
    wait analyze-candidate-build: evidence not readable: not looked at yet
    then check-cve-tracker-bug, push-to-cdn-staging, analyze-promoted-build, image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
    assert_snapshot!(case.now(5).told(), @"
    do   look at the candidate's results
    do   start take-ownership
    wait analyze-candidate-build: evidence not readable: not looked at yet
    then check-cve-tracker-bug, push-to-cdn-staging, analyze-promoted-build, image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn a_task_may_ask_for_something() {
    let case = Case::fresh().passed(&[Task::CreateTestReport]).answer(
        Task::TakeOwnership,
        Answer::Asks {
            name: "owner".to_owned(),
            text: "Who owns 4.20.1?".to_owned(),
            options: vec!["regatta drive 4.20.1 --email E".to_owned()],
            evidence: Vec::new(),
            look_again: at(5),
        },
    );
    assert_snapshot!(case.told(), @"
    do   look at the candidate's results
    wait take-ownership: waits for a person: Who owns 4.20.1?
    wait analyze-candidate-build: evidence not readable: not looked at yet
    then check-cve-tracker-bug, push-to-cdn-staging, analyze-promoted-build, image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  Who owns 4.20.1?
    Green
    ");
}

// --- remotes that fail ----------------------------------------------------------------------------------------------

#[test]
fn a_failing_remote_is_named_with_what_it_needs() {
    for (kind, service, why) in [
        (TroubleKind::Retrying, "jenkins", "503 Service Unavailable (RG105)"),
        (TroubleKind::Unavailable, "jenkins", "503 Service Unavailable (RG105)"),
        (TroubleKind::Credentials, "errata", "the Kerberos ticket has expired (RG104)"),
    ] {
        let case = Case::promoted()
            .status(Task::PushToCdnStaging, Status::InProgress)
            .promoted_file(Standing::Aggregating)
            .answer(Task::PushToCdnStaging, Answer::Trouble(trouble(kind, service, why)));
        insta::allow_duplicates! { match kind {
            TroubleKind::Retrying => assert_snapshot!(case.told(), @"
            wait push-to-cdn-staging: jenkins fails and is tried again: 503 Service Unavailable (RG105) [02 08:05]
            wait analyze-promoted-build: Tests still aggregating, check again in 5-10 minutes [02 08:05]
            then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
            Green
            "),
            TroubleKind::Unavailable => assert_snapshot!(case.told(), @"
            wait push-to-cdn-staging: jenkins is unavailable after all retries: 503 Service Unavailable (RG105) [02 08:05]
            wait analyze-promoted-build: Tests still aggregating, check again in 5-10 minutes [02 08:05]
            then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
            Green
            "),
            TroubleKind::Credentials => assert_snapshot!(case.told(), @"
            wait push-to-cdn-staging: errata needs a renewed credential: the Kerberos ticket has expired (RG104) [02 08:05]
            wait analyze-promoted-build: Tests still aggregating, check again in 5-10 minutes [02 08:05]
            then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
            Green
            "),
        } }
    }
}

#[test]
fn a_look_that_fails_is_the_reason_for_the_wait_and_what_was_known_stays_known() {
    let down = trouble(TroubleKind::Unavailable, "github", "502 Bad Gateway (RG105)");
    let case = Case::promoted()
        .promoted_file(Standing::Aggregating)
        .change(|f| f.promoted.file.trouble = Some(down.clone()));
    assert_snapshot!(case.told(), @"
    wait analyze-promoted-build: github is unavailable after all retries: 502 Bad Gateway (RG105) [02 08:05]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
    // A verdict read before the remote failed still stands.
    let case = Case::promoted()
        .promoted_file(Standing::Accepted)
        .change(|f| f.promoted.file.trouble = Some(down.clone()));
    assert_snapshot!(case.told(), @"
    do   conclude analyze-promoted-build Pass: 4.20.1: all required tests passed best-of-three
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
    let promotion = Case::promoted().phase(Phase::Ready).change(|f| f.promotion.trouble = Some(down));
    assert_snapshot!(promotion.told(), @"
    wait analyze-promoted-build: github is unavailable after all retries: 502 Bad Gateway (RG105) [02 08:05]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
}

#[test]
fn a_remote_that_stays_away_for_a_day_is_a_question() {
    let mut down = trouble(TroubleKind::Unavailable, "github", "502 Bad Gateway (RG105)");
    down.look_again = at(DAY + 5);
    let case = Case::promoted().now(DAY).change(|f| f.promoted.file.trouble = Some(down));
    assert_snapshot!(case.told(), @"
    do   look at the candidate's results
    wait analyze-promoted-build: github is unavailable after all retries: 502 Bad Gateway (RG105) [03 08:05]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    ask  analyze-promoted-build waits longer than it should: github is unavailable after all retries: 502 Bad Gateway (RG105). What is wrong?
    Green
    ");
}

// --- what questions offer -------------------------------------------------------------------------------------------

#[test]
fn a_question_offers_commands_and_its_key_names_the_evidence() {
    let case = Case::promoted().promoted_file_as(rejected(&["aws-ovn"]), "sha-1");
    let asked = case.decide().needs_human;
    assert_snapshot!(asked[0].key, @"analyze-promoted-build:rejected:sha-1");
    assert_snapshot!(asked[0].options.join("\n"), @"
    regatta override 4.20.1 analyze-promoted-build --verdict pass --reason …
    regatta override 4.20.1 analyze-promoted-build --verdict fail --reason …
    ");
    // Other evidence is another question.
    assert_ne!(
        case.promoted_file_as(rejected(&["aws-ovn"]), "sha-2").decide().needs_human[0].key,
        asked[0].key
    );
}

#[test]
fn an_unknown_fact_has_its_reason_and_is_looked_at_when_its_time_comes() {
    let case = Case::promoted().change(|f| {
        f.promoted.file.seen = Seen::Unknown { why: "the answer was cut off".to_owned(), since: at(0) };
        f.promoted.file.looked_at = Some(at(0));
    });
    assert_snapshot!(case.told(), @"
    wait analyze-promoted-build: evidence not readable: the answer was cut off [02 08:05]
    then image-consistency-check, stage-testing, image-signed-check, change-advisory-status
    Green
    ");
    let decision = case.decide();
    assert_eq!(decision.next_look, Some(at(5)));
    assert_eq!(decision.moves, []);
    let due = jiff::Timestamp::checked_add(at(0), SignedDuration::from_mins(5)).expect("in the calendar");
    assert_eq!(case.change(|f| f.now = due).decide().moves.len(), 1);
}
