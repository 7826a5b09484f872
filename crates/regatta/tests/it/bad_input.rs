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
    insta::assert_snapshot!(shown(&["drive", "4.20"]), @r#"
    exit 2
    error: invalid value '4.20' for '<RELEASE>': release "4.20": is not three numbers with dots; write a release such as 4.20.1, 5.0.1, 4.22.0-rc.0 or 4.22.0-ec.4

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(shown(&["status", "../etc"]), @r#"
    exit 2
    error: invalid value '../etc' for '[RELEASE]': release "../etc": is not three plain numbers with dots; write a release such as 4.20.1, 5.0.1, 4.22.0-rc.0 or 4.22.0-ec.4

    For more information, try '--help'.
    "#);
}

#[test]
fn addresses_and_reasons() {
    insta::assert_snapshot!(shown(&["drive", "4.20.1", "--email", "me"]), @r#"
    exit 2
    error: invalid value 'me' for '--email <EMAIL>': e-mail address "me": has no @; write local@domain.tld, such as jdoe@example.com

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(shown(&["override", "4.20.1", "stage-testing", "--verdict", "pass", "--reason", " "]), @"
    exit 2
    error: invalid value ' ' for '--reason <REASON>': is empty; say why

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(shown(&["retry", "4.20.1", "stage-test"]), @r#"
    exit 2
    error: invalid value 'stage-test' for '<TASK>': task "stage-test": is not a task of the flow; write one of create-test-report, take-ownership, check-cve-tracker-bug, push-to-cdn-staging, analyze-candidate-build, analyze-promoted-build, image-consistency-check, stage-testing, image-signed-check, change-advisory-status

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(shown(&["reset", "4.20.1", "stage-testing"]), @"
    exit 2
    regatta: a reset needs --yes and --reason when nobody can be asked
    ");
}

#[test]
fn stores() {
    insta::assert_snapshot!(shown(&["status", "--all", "--store", "mysql:x"]), @r#"
    exit 2
    regatta: store "mysql:x" is none that Regatta knows; write sqlite:FILE, memory: or github:OWNER/REPO@BRANCH
    "#);
    insta::assert_snapshot!(shown(&["status", "--all", "--store", "sqlite:"]), @r#"
    exit 2
    regatta: store "sqlite:" names no file; write sqlite:FILE, memory: or github:OWNER/REPO@BRANCH
    "#);
    insta::assert_snapshot!(shown(&["status", "--all", "--store", "github:nobody"]), @r#"
    exit 2
    regatta: store "github:nobody" names no OWNER/REPO; write sqlite:FILE, memory: or github:OWNER/REPO@BRANCH
    "#);
}

#[test]
fn codes_and_tasks() {
    insta::assert_snapshot!(shown(&["explain", "stage-tests"]), @r#"
    exit 2
    regatta: "stage-tests" is neither a task nor a code; did you mean stage-testing?
      tasks: create-test-report, take-ownership, check-cve-tracker-bug, push-to-cdn-staging, analyze-candidate-build, analyze-promoted-build, image-consistency-check, stage-testing, image-signed-check, change-advisory-status
      codes: RG001 to RG900
    "#);
}

#[test]
fn demos() {
    insta::assert_snapshot!(shown(&["demo", "--replay", "nowhere"]), @"
    exit 2
    regatta: nowhere/statebox.yaml: cannot be read: No such file or directory (os error 2); give the folder of a recorded release, which has a statebox.yaml
    ");
    insta::assert_snapshot!(shown(&["demo", "--speed", "fast"]), @"
    exit 2
    error: invalid value 'fast' for '--speed <SPEED>': is neither max nor a factor above 0, such as 5000

    For more information, try '--help'.
    ");
}

#[test]
fn settings_files() {
    let program = Program::new();
    let with = |text: &str| {
        std::fs::write(program.home.path().join("regatta.toml"), text).unwrap();
        program.run(&["config", "show"]).shown()
    };
    insta::assert_snapshot!(with("owner = \"a@b.cc\"\nownr = 1\n"), @"
    exit 2
    regatta: regatta.toml:2: unknown field `ownr`, expected one of `store`, `owner`, `actor`, `role`, `arch`, `mail_domain`, `policy`, `statebox`, `report`, `slack`, `services`
    ");
    insta::assert_snapshot!(with("[policy]\nanalysis = \"maybe\"\n"), @"
    exit 2
    regatta: regatta.toml:2: unknown variant `maybe`, expected one of `high-confidence`, `specification`, `ask`
    ");
    insta::assert_snapshot!(with("[services.jenkins]\nurl = \"jenkins\"\n"), @r#"
    exit 2
    regatta: regatta.toml: [services.jenkins] url: "jenkins" is no URL (relative URL without a base); write a base URL such as https://host.example.com
    "#);
    insta::assert_snapshot!(with("owner = \n"), @"
    exit 2
    regatta: regatta.toml:1: string values must be quoted, expected literal string
    ");
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
    insta::assert_snapshot!(check("schema_version: '1.0'\nrelease: 4.20.1\ncreated_at: '2026-04-16T15:03"), @"
    exit 1
    4.20.1.yaml: line 3, created_at: is no YAML (column 1): found unexpected end of stream while scanning a quoted scalar begun on line 3; the file is half-written
    ");
    insta::assert_snapshot!(check("apiVersion: v1\nkind: Pod\n"), @r#"
    exit 1
    4.20.1.yaml: line 1, the document: the field "schema_version" is missing: this is not a StateBox
    "#);
    insta::assert_snapshot!(check("schema_version: '1.0'\nrelease: 4.20.1\ncreated_at: '2026-04-16T15:03:10Z'\nupdated_at: '2026-04-16T15:03:10Z'\nmetadata: {}\ntasks:\n- name: stage-testing\n  status: Passed\nissues: []\n"), @r#"
    exit 1
    4.20.1.yaml: line 8, tasks[0].status: status "Passed": is not a status; write Not Started, In Progress, Pass or Fail
    "#);
}

#[test]
fn a_statebox_file_that_cannot_be_read_keeps_no_other_from_being_checked() {
    let program = Program::new();
    let at = |name: &str| program.home.path().join(name);
    let good = "schema_version: '1.0'\nrelease: 4.20.1\ncreated_at: '2026-04-16T15:03:10Z'\nupdated_at: '2026-04-16T15:03:10Z'\nmetadata: {}\ntasks: []\nissues: []\n";
    std::fs::write(at("good.yaml"), good).unwrap();
    std::fs::write(at("latin.yaml"), b"schema_version: '1.0'\nrelease: \xe9\n").unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    insta::assert_snapshot!(program.run(&["statebox", "validate", "latin.yaml", "folder", "good.yaml"]).shown(), @"
    exit 1
    latin.yaml: line 2: is no text (byte 31 is not UTF-8)
    folder: Is a directory (os error 21)
    good.yaml: good
    ");
    insta::assert_snapshot!(program.run(&["statebox", "validate", "absent.yaml", "latin.yaml", "good.yaml"]).shown(), @"
    exit 2
    absent.yaml: No such file or directory (os error 2)
    latin.yaml: line 2: is no text (byte 31 is not UTF-8)
    good.yaml: good
    ");
    let one = program.run(&["statebox", "validate", "absent.yaml", "good.yaml", "-o", "json"]);
    assert_eq!((one.code, one.json()["files"][1]["valid"].as_bool()), (2, Some(true)), "{}", one.shown());
}

#[test]
fn a_settings_file_that_is_named_has_to_be_there() {
    for name in ["regatta.toml", "regatta/regatta.toml", "other.toml"] {
        let ran = shown(&["config", "show", "--config", name]);
        assert_eq!(ran, format!("exit 2\nregatta: {name}: No such file or directory (os error 2)\n"));
    }
    assert!(shown(&["config", "show"]).starts_with("exit 0"));
}
