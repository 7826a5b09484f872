//! Faults that tools before Regatta had, as far as only the real program can show them absent: `docs/proof.md` has the rest.

use crate::program::Program;

#[test]
fn times_are_those_of_the_world_in_every_time_zone() {
    let history = |zone: &str| {
        let mut program = Program::new();
        program.env = vec![("TZ".to_owned(), zone.to_owned())];
        let ran = program.run(&["demo", "--seed", "3", "-o", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.shown());
        let mut told = ran.json();
        told.as_object_mut().unwrap().remove("wall_seconds");
        told
    };
    let here = history("UTC");
    assert!(here.to_string().contains("T09:00"), "it begins at nine, UTC: {here}");
    assert_eq!(history("America/New_York"), here);
}

#[test]
fn an_issue_names_tasks_of_the_flow_and_no_others() {
    let ran = Program::new().run(&[
        "issue",
        "add",
        "4.20.1",
        "OCPBUGS-1",
        "--blocker",
        "--task",
        "check-rhcos-security-alerts",
        "--reason",
        "seen",
    ]);
    assert_eq!(ran.code, 2, "{}", ran.shown());
    assert!(ran.err.contains("is not a task of the flow; write one of create-test-report"), "{}", ran.err);
}

#[test]
fn a_word_that_asks_for_help_elsewhere_does_not_switch_checks_off() {
    let ran = Program::new().run(&["override", "4.20.1", "no-such-task", "--verdict", "pass", "--reason=-h"]);
    assert_eq!(ran.code, 2, "{}", ran.shown());
    assert!(ran.err.contains("is not a task of the flow"), "{}", ran.err);
}
