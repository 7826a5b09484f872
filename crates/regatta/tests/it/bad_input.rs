//! Bad input: one message naming the thing, the place and the mend; exit 2 (1 for a failed check); nothing written.

use crate::program::Program;

fn shown(arguments: &[&str]) -> String {
    let program = Program::new();
    let before = listing(&program);
    let ran = program.run(arguments);
    assert_eq!(listing(&program), before, "something was written");
    ran.shown().replace(program.home.path().to_str().unwrap(), "~")
}

fn listing(program: &Program) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(program.home.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn releases() {
    insta::assert_snapshot!(shown(&["drive", "4.20"]), @"");
    insta::assert_snapshot!(shown(&["status", "../etc"]), @"");
}

#[test]
fn addresses_and_reasons() {
    insta::assert_snapshot!(shown(&["drive", "4.20.1", "--email", "me"]), @"");
    insta::assert_snapshot!(shown(&["override", "4.20.1", "stage-testing", "--verdict", "pass", "--reason", " "]), @"");
    insta::assert_snapshot!(shown(&["retry", "4.20.1", "stage-test"]), @"");
    insta::assert_snapshot!(shown(&["reset", "4.20.1", "stage-testing"]), @"");
}

#[test]
fn stores() {
    insta::assert_snapshot!(shown(&["status", "--all", "--store", "mysql:x"]), @"");
    insta::assert_snapshot!(shown(&["status", "--all", "--store", "sqlite:"]), @"");
    insta::assert_snapshot!(shown(&["status", "--all", "--store", "github:nobody"]), @"");
}

#[test]
fn codes_and_tasks() {
    insta::assert_snapshot!(shown(&["explain", "stage-tests"]), @"");
}

#[test]
fn demos() {
    insta::assert_snapshot!(shown(&["demo", "--replay", "nowhere"]), @"");
    insta::assert_snapshot!(shown(&["demo", "--speed", "fast"]), @"");
}

#[test]
fn settings_files() {
    let program = Program::new();
    let with = |text: &str| {
        std::fs::write(program.home.path().join("regatta.toml"), text).unwrap();
        program.run(&["config", "show"]).shown()
    };
    insta::assert_snapshot!(with("owner = \"a@b.cc\"\nownr = 1\n"), @"");
    insta::assert_snapshot!(with("[policy]\nanalysis = \"maybe\"\n"), @"");
    insta::assert_snapshot!(with("[services.jenkins]\nurl = \"jenkins\"\n"), @"");
    insta::assert_snapshot!(with("owner = \n"), @"");
}

#[test]
fn statebox_files() {
    let program = Program::new();
    let check = |text: &str| {
        let file = program.home.path().join("4.20.1.yaml");
        std::fs::write(&file, text).unwrap();
        let ran = program.run(&["statebox", "validate", "4.20.1.yaml"]);
        assert_eq!(ran.code, 1, "{}", ran.shown());
        ran.shown()
    };
    insta::assert_snapshot!(check("schema_version: '1.0'\nrelease: 4.20.1\ncreated_at: '2026-04-16T15:03"), @"");
    insta::assert_snapshot!(check("apiVersion: v1\nkind: Pod\n"), @"");
    insta::assert_snapshot!(check("schema_version: '1.0'\nrelease: 4.20.1\ncreated_at: '2026-04-16T15:03:10Z'\nupdated_at: '2026-04-16T15:03:10Z'\nmetadata: {}\ntasks:\n- name: stage-testing\n  status: Passed\nissues: []\n"), @"");
    insta::assert_snapshot!(program.run(&["statebox", "validate", "absent.yaml"]).shown(), @"");
}
