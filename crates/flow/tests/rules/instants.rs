//! What is said at the very instant at which something falls due: the look is made, and no later look is promised for now.

use jiff::SignedDuration;
use regatta_flow::decide::{Move, Subject};
use regatta_flow::facts::{Phase, Standing, TroubleKind, after};
use regatta_kit::Task;

use crate::case::{Case, at, trouble};

#[test]
fn a_failing_remote_is_tried_again_at_its_instant_which_is_no_later_look() {
    let case = |minutes| {
        Case::promoted().phase(Phase::Ready).now(minutes).change(|facts| {
            facts.promotion.trouble =
                Some(trouble(TroubleKind::Retrying, "release_controller", "no answer [RG101]"));
        })
    };
    let before = case(4).decide();
    assert_eq!((before.moves, before.next_look), (Vec::new(), Some(at(5))));
    let due = case(5).decide();
    // Half an hour after the start the candidate's results are read again.
    assert_eq!((due.moves, due.next_look), (vec![Move::Look(Subject::Promotion)], Some(at(30))));
}

#[test]
fn a_promotion_that_is_due_to_be_looked_at_names_no_later_look() {
    let check_after = |minutes| {
        let decision = Case::promoted().phase(Phase::Ready).now(minutes).decide();
        let wait = decision.waits.into_iter().find(|wait| wait.task == Task::AnalyzePromotedBuild);
        let looks = decision.moves.contains(&Move::Look(Subject::Promotion));
        (looks, wait.expect("it waits").check_after)
    };
    assert_eq!(check_after(29), (false, Some(at(30))));
    assert_eq!(check_after(30), (true, None));
}

#[test]
fn a_result_file_that_is_due_to_be_read_names_no_later_look() {
    let check_after = |minutes| {
        let decision = Case::promoted().promoted_file(Standing::Running).now(minutes).decide();
        let wait = decision.waits.into_iter().find(|wait| wait.task == Task::AnalyzePromotedBuild);
        (decision.moves, wait.expect("it waits").check_after)
    };
    assert_eq!(check_after(4), (Vec::new(), Some(at(5))));
    assert_eq!(check_after(5), (vec![Move::Look(Subject::Promoted)], None));
}

#[test]
fn a_pass_whose_tests_run_or_are_aggregated_anew_is_not_doubted_before_they_end() {
    for standing in [
        Standing::Absent,
        Standing::Gone,
        Standing::Running,
        Standing::Aggregating,
        Standing::Unreadable { why: "cut off".to_owned() },
    ] {
        let decision = Case::ready().candidate_as(standing.clone(), "later").decide();
        assert_eq!(decision.needs_human, [], "{standing:?}");
        assert!(decision.moves.contains(&Move::Start(Task::ChangeAdvisoryStatus)), "{standing:?}");
    }
}

#[test]
fn a_verdict_names_the_evidence_it_rests_on() {
    let case = Case::promoted().promoted_file_as(Standing::Accepted, "third version");
    let rests_on = case.decide().moves.into_iter().find_map(|made| match made {
        Move::Conclude { digest, .. } => Some(digest),
        _ => None,
    });
    assert_eq!(rests_on.as_deref(), Some("third version"));
    assert_eq!(case.facts.candidate.file.value(), Some(&Standing::Accepted));
    assert_eq!(Case::fresh().facts.candidate.file.digest(), None, "nothing was read");
}

#[test]
fn an_instant_beyond_the_calendars_end_stays_at_its_end() {
    let end = jiff::Timestamp::MAX;
    assert_eq!(after(end, SignedDuration::from_mins(5)), end);
    assert_eq!(after(at(0), SignedDuration::from_mins(5)), at(5));
}
