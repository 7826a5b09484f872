//! Two drivers, walked through every order of events by a model checker.
//!
//! ```text
//! cargo test -p regatta-engine model -- --nocapture
//! ```
//!
//! What is real: `decide` with its gates, the transition table, the rules of [`crate::rules`] by which the ledger makes an
//! effect, and how entries about the lease fold. What is abstract: histories (only what they come to), copies (only what a
//! driver knows of the effect at hand, see [`sea`]), time (a minute passes, a lease runs out), remotes (they count how often
//! each effect was made). Each of the two drivers acts on its own, possibly stale copy; appends compare and swap and unite;
//! budgets bound how many drivers die, requests or answers are lost, drivers sleep past their lease, tasks fail, and how
//! often persons step in. Within them every order is walked.
//!
//! Two assumptions are built in, and both are what the constants in [`crate::rules`] stand for: a driver in the middle of a
//! request does not outlive its lease (`MARGIN`), and no request is under way for longer than `SETTLED_AFTER` after the
//! announcement (`TRIGGER_WITHIN` and the transport's limits). After a look that found nothing new a driver of the model
//! decides on the newest state, where a real one may decide on a copy as old as the look; what it then does is told by the
//! append that precedes every effect.
//!
//! Attempts after the first are not modelled: their keys and marks are their own.
//!
//! A law that cannot be broken shows nothing: the last tests break one rule each and expect the law by name.

mod laws;
mod sea;
mod voyage;

use regatta_kit::{Status, Task};
use stateright::{Checker, HasDiscoveries, Model};

use laws::{ALONE, ENDS, End, GATE, HANDLE, LAST, ONCE, STOP, walk};
use sea::{Budget, Filed, Met};
use voyage::{Break, Places, Voyage, rejected};

const CALM: Budget = Budget { crashes: 0, lost: 0, sleeps: 0, failures: 0, persons: 0 };

const OPENING: [Task; 3] = [Task::CreateTestReport, Task::TakeOwnership, Task::CheckCveTrackerBug];

/// Everything up to where the jobs are started; the payload is promoted and accepted.
fn jobs(budget: Budget, places: Places) -> Voyage {
    let analyses = [Task::AnalyzeCandidateBuild, Task::AnalyzePromotedBuild];
    Voyage::new(&[&OPENING[..], &analyses].concat(), budget, places)
}

/// Everything but final approval.
fn last(budget: Budget, places: Places) -> Voyage {
    Voyage::new(&Task::ALL[..9], budget, places)
}

fn broken(voyage: Voyage, breaks: Break) -> Voyage {
    Voyage { breaks, ..voyage }
}

/// Walks all of it, tells how far that was, and expects every law to hold and every fair run to end.
#[expect(clippy::disallowed_methods, reason = "the wall time of a walk is told, nothing depends on it")]
fn sail(name: &str, voyage: Voyage, ends: &[End], meets: &[Met]) {
    let began = std::time::Instant::now();
    let checker = voyage.checker().threads(2).spawn_bfs().join();
    let walked = walk(checker.model());
    let mut lines = vec![format!(
        "{name}: {} states, {} of them different, depth {}, {:.1} s; ends: {:?}; met: {:?}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64(),
        walked.ends,
        walked.met,
    )];
    lines.extend(checker.model().properties().iter().map(|law| format!("  holds: {}", law.name)));
    lines.push(format!("  holds: {ENDS}"));
    for law in checker.model().properties() {
        checker.assert_no_discovery(law.name);
    }
    assert_eq!(walked.states, checker.unique_state_count(), "both walks see the same");
    assert!(walked.stuck.is_none(), "{name}: from here no end can be reached: {:#?}", walked.stuck);
    for end in ends {
        assert!(walked.ends.contains_key(end), "{name} never ends {end:?}: {:?}", walked.ends);
    }
    for what in meets {
        assert!(walked.met.contains_key(what), "{name} never meets {what:?}: {:?}", walked.met);
    }
    println!("{}", lines.join("\n"));
}

/// Expects that the laws notice a broken rule, and which of them does first.
fn founders(voyage: Voyage, law: &'static str) {
    let breaks = voyage.breaks;
    let checker = voyage.checker().finish_when(HasDiscoveries::AnyOf([law].into())).spawn_bfs().join();
    let path = checker.discovery(law);
    let path = path.unwrap_or_else(|| panic!("{breaks:?} goes unnoticed by: {law}"));
    let steps: Vec<String> = path.into_actions().iter().map(|step| format!("{step:?}")).collect();
    println!("broken rule {breaks:?} is caught by: {law}\n  {}", steps.join(", "));
}

#[test]
fn jobs_on_two_machines_with_a_death_and_a_lost_answer() {
    let voyage = jobs(Budget { crashes: 1, lost: 1, ..CALM }, Places::Apart);
    sail("jobs, two machines", voyage, &[End::Finished], &[Met::SteppedBack, Met::Adopted]);
}

#[test]
fn jobs_on_one_machine_with_a_death_and_a_lost_answer() {
    let voyage = jobs(Budget { crashes: 1, lost: 1, ..CALM }, Places::Together);
    sail("jobs, one machine", voyage, &[End::Finished], &[Met::TookOver, Met::Adopted]);
}

#[test]
fn jobs_while_a_task_fails_a_person_steps_in_and_a_driver_dies() {
    let voyage = Voyage {
        meddled: vec![Task::PushToCdnStaging],
        blockers: vec![Filed::Of(Task::StageTesting)],
        ..jobs(Budget { crashes: 1, persons: 1, failures: 1, ..CALM }, Places::Together)
    };
    let ends = [End::Finished, End::Stopped, End::Persons];
    sail("jobs, with persons", voyage, &ends, &[Met::Withheld, Met::SteppedBack]);
}

#[test]
fn final_approval_while_everything_happens_to_it() {
    for places in [Places::Apart, Places::Together] {
        let voyage = Voyage {
            meddled: vec![Task::StageTesting, Task::AnalyzeCandidateBuild],
            blockers: vec![Filed::General],
            ..last(Budget { crashes: 1, lost: 1, sleeps: 1, persons: 2, ..CALM }, places)
        };
        let ends = [End::Finished, End::Stopped, End::Persons];
        sail(&format!("final approval, {places:?}"), voyage, &ends, &[Met::SteppedBack, Met::Adopted]);
    }
}

#[test]
fn a_driver_that_sleeps_past_its_lease() {
    let mut voyage = jobs(Budget { sleeps: 2, crashes: 1, lost: 1, ..CALM }, Places::Apart);
    voyage.status[Task::PushToCdnStaging] = Status::Pass;
    voyage.status[Task::ImageConsistencyCheck] = Status::Pass;
    sail("sleepers", voyage, &[End::Finished], &[Met::SteppedBack, Met::Adopted]);
}

#[test]
fn the_whole_flow_with_a_death() {
    let voyage = Voyage { promoted: false, ..Voyage::new(&[], Budget { crashes: 1, ..CALM }, Places::Apart) };
    sail("whole flow", voyage, &[End::Finished], &[Met::SteppedBack, Met::Adopted]);
}

#[test]
fn the_whole_flow_with_a_rejected_candidate() {
    let voyage = Voyage {
        candidate: rejected(),
        meddled: vec![Task::AnalyzeCandidateBuild],
        ..Voyage::new(&OPENING, Budget { persons: 1, ..CALM }, Places::Apart)
    };
    sail("rejected candidate", voyage, &[End::Finished, End::Persons], &[Met::SteppedBack]);
}

// --- broken rules ---------------------------------------------------------------------------------------------------

fn trouble() -> Budget {
    Budget { crashes: 1, lost: 1, sleeps: 1, persons: 1, failures: 0 }
}

#[test]
fn a_trigger_without_an_intent_is_caught() {
    founders(broken(jobs(CALM, Places::Apart), Break::TriggersWithoutIntent), HANDLE);
}

#[test]
fn triggering_again_without_a_look_is_caught() {
    founders(broken(jobs(trouble(), Places::Apart), Break::DoesNotLook), ONCE);
}

#[test]
fn triggering_again_at_once_is_caught() {
    founders(broken(jobs(trouble(), Places::Together), Break::DoesNotWait), ONCE);
}

#[test]
fn a_look_that_was_made_too_early_is_caught() {
    founders(broken(jobs(trouble(), Places::Together), Break::TrustsEarlyLooks), ONCE);
}

#[test]
fn a_trigger_long_after_its_announcement_is_caught() {
    founders(broken(jobs(trouble(), Places::Together), Break::TriggersLate), ONCE);
}

#[test]
fn a_lease_that_is_ignored_is_caught() {
    founders(broken(jobs(CALM, Places::Apart), Break::IgnoresTheLease), ALONE);
}

#[test]
fn a_clock_that_is_not_read_before_the_trigger_is_caught() {
    founders(broken(jobs(trouble(), Places::Apart), Break::IgnoresTheClock), ALONE);
    founders(broken(jobs(trouble(), Places::Apart), Break::IgnoresTheClock), ONCE);
}

#[test]
fn stepping_on_although_the_base_moved_is_caught() {
    let last = Voyage { meddled: vec![Task::StageTesting], ..last(trouble(), Places::Apart) };
    founders(broken(last, Break::StepsOn), LAST);
    let stops = Voyage { meddled: vec![Task::PushToCdnStaging], ..jobs(trouble(), Places::Apart) };
    founders(broken(stops, Break::StepsOn), STOP);
    let blocks = Voyage { blockers: vec![Filed::Of(Task::StageTesting)], ..jobs(trouble(), Places::Apart) };
    founders(broken(blocks, Break::StepsOn), GATE);
}

#[test]
fn repeating_a_beginning_behind_a_shut_gate_is_caught() {
    let voyage = Voyage { meddled: vec![Task::PushToCdnStaging], ..jobs(trouble(), Places::Together) };
    founders(broken(voyage, Break::RepeatsBehindTheGate), STOP);
}

#[test]
fn final_approval_with_a_failed_task_is_caught() {
    let voyage = Voyage { meddled: vec![Task::StageTesting], ..last(trouble(), Places::Apart) };
    founders(broken(voyage, Break::OverlooksFailures), LAST);
}
