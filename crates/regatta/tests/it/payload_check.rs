//! `regatta payload-job check` on files and checkouts.

use crate::program::{Program, Ran, shared};
use std::path::Path;

const FOLDER: &str = "core-services/release-controller/_releases";

const GOOD: &str = r#"{
  "name": "4.21.0-0.nightly",
  "message": "m",
  "verify": {
    "aws-ovn": {
      "maxRetries": 2,
      "prowJob": {
        "name": "periodic-ci-openshift-release-main-e2e-aws"
      }
    }
  }
}
"#;

/// What the generator makes of [`GOOD`].
const GOOD_PRIVATE: &str = r#"{
    "message": "<!-- GENERATED FROM PUBLIC ANNOTATION CONFIG - DO NOT EDIT. -->m",
    "name": "4.21.0-0.nightly-priv",
    "verify": {
        "aws-ovn": {
            "disabled": true,
            "maxRetries": 2,
            "prowJob": {
                "name": "periodic-ci-openshift-release-main-e2e-aws-priv"
            }
        }
    }
}"#;

const JOBS: &str = "periodics:\n- agent: kubernetes\n  name: periodic-ci-openshift-release-main-e2e-aws\n  spec:\n    containers:\n    - name: x\n";

fn write(program: &Program, path: &str, text: &str) {
    let path = program.home.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A home that is a checkout with one pair of files and the jobs.
fn checkout() -> Program {
    let program = Program::new();
    write(&program, &format!("{FOLDER}/release-ocp-4.21.json"), GOOD);
    write(&program, &format!("{FOLDER}/priv/release-ocp-4.21.json"), GOOD_PRIVATE);
    write(&program, "ci-operator/jobs/openshift/release/openshift-release-main-periodics.yaml", JOBS);
    program
}

fn check(program: &Program, arguments: &[&str]) -> Ran {
    program.run(&[&["payload-job", "check"], arguments].concat())
}

fn broken() -> String {
    GOOD.replace("\"maxRetries\": 2", "\"optinal\": true").replace("e2e-aws", "e2e-awss")
}

#[test]
fn a_checkout_in_order_is_told_in_one_line() {
    let program = checkout();
    insta::assert_snapshot!(check(&program, &[]).shown(), @"
    exit 0
    2 files checked: no errors, no warnings
    ");
    insta::assert_snapshot!(check(&program, &["-q"]).shown(), @"exit 0");
}

#[test]
fn faults_are_told_with_file_line_rule_and_mend() {
    let program = checkout();
    write(&program, &format!("{FOLDER}/release-ocp-4.21.json"), &broken());
    insta::assert_snapshot!(check(&program, &[]).shown(), @r#"
    exit 1
    core-services/release-controller/_releases/priv/release-ocp-4.21.json:7:14: error[private-stale] is not what release-ocp-4.21.json makes: verify.aws-ovn.optinal is missing, verify.aws-ovn.prowJob.name differs, verify.aws-ovn.maxRetries is too much
        mend: run make release-controllers
    core-services/release-controller/_releases/release-ocp-4.21.json:6:7: error[unknown-field] verify.aws-ovn: a verify entry has no field "optinal"
        mend: did you mean "optional"?
    core-services/release-controller/_releases/release-ocp-4.21.json:8:17: error[missing-prow-job] verify.aws-ovn: periodic-ci-openshift-release-main-e2e-awss is no periodic of openshift/release or openshift/multiarch
        mend: did you mean periodic-ci-openshift-release-main-e2e-aws?
    2 files checked: 3 errors, no warnings
    "#);
    // From inside the checkout, as a commit hook names single files.
    let mut command = program.command(&["payload-job", "check", "release-ocp-4.21.json"]);
    let ran: Ran = command.current_dir(program.home.path().join(FOLDER)).output().unwrap().into();
    insta::assert_snapshot!(ran.shown(), @r#"
    exit 1
    priv/release-ocp-4.21.json:7:14: error[private-stale] is not what release-ocp-4.21.json makes: verify.aws-ovn.optinal is missing, verify.aws-ovn.prowJob.name differs, verify.aws-ovn.maxRetries is too much
        mend: run make release-controllers
    release-ocp-4.21.json:6:7: error[unknown-field] verify.aws-ovn: a verify entry has no field "optinal"
        mend: did you mean "optional"?
    release-ocp-4.21.json:8:17: error[missing-prow-job] verify.aws-ovn: periodic-ci-openshift-release-main-e2e-awss is no periodic of openshift/release or openshift/multiarch
        mend: did you mean periodic-ci-openshift-release-main-e2e-aws?
    1 file checked: 3 errors, no warnings
    "#);
    // A private file alone is compared with its public one too.
    let private = format!("{FOLDER}/priv/release-ocp-4.21.json");
    insta::assert_snapshot!(check(&program, &[&private]).shown(), @"
    exit 1
    core-services/release-controller/_releases/priv/release-ocp-4.21.json:7:14: error[private-stale] is not what release-ocp-4.21.json makes: verify.aws-ovn.optinal is missing, verify.aws-ovn.prowJob.name differs, verify.aws-ovn.maxRetries is too much
        mend: run make release-controllers
    1 file checked: 1 error, no warnings
    ");
}

#[test]
fn warnings_alone_are_no_failure_and_verbose_tells_why() {
    let program = Program::new();
    write(&program, "a.json", &GOOD.replace("\"maxRetries\"", "\"MaxRetries\""));
    insta::assert_snapshot!(check(&program, &["-v", "a.json"]).shown(), @r#"
    exit 0
    a.json:6:7: warning[odd-case] verify.aws-ovn: not validated by the controller, but "MaxRetries" is only read as "maxRetries" by readers that ignore case
        mend: write "maxRetries"
        why: The controller ignores case in field names, but every other reader of the files does not.
        source: openshift/release hack/validate-release-jobs.py
    Prow jobs: not looked up; neither the files' checkout nor --jobs has ci-operator/jobs
    1 file checked: no errors, 1 warning
    "#);
}

#[test]
fn json_carries_every_finding() {
    let program = Program::new();
    write(&program, "a.json", &broken());
    let ran = check(&program, &["--format", "json", "a.json"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.out, @r#"
    {
      "schema": "regatta.payload-check/v1",
      "files": 1,
      "errors": 1,
      "warnings": 0,
      "findings": [
        {
          "file": "a.json",
          "line": 6,
          "column": 7,
          "rule": "unknown-field",
          "level": "error",
          "entry": "verify.aws-ovn",
          "message": "a verify entry has no field \"optinal\"",
          "mend": "did you mean \"optional\"?",
          "source": "openshift/release-controller cmd/release-controller/config_validate.go"
        }
      ],
      "unreadable": []
    }
    "#);
    assert_eq!(check(&program, &["-o", "json", "a.json"]).out, ran.out, "the same by the usual option");
}

#[test]
fn sarif_names_files_from_the_checkout_on() {
    let program = checkout();
    write(&program, &format!("{FOLDER}/release ocp.json"), "{\"name\": \"x\",}");
    let mut command = program.command(&["payload-job", "check", "--format", "sarif", "release ocp.json"]);
    let ran: Ran = command.current_dir(program.home.path().join(FOLDER)).output().unwrap().into();
    assert_eq!(ran.code, 1, "{}", ran.shown());
    let result = &ran.json()["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "malformed");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], format!("{FOLDER}/release%20ocp.json"));
    assert_eq!(place["region"]["startColumn"], 13);
}

#[test]
fn a_file_that_cannot_be_read_hides_nothing_of_the_others() {
    let program = checkout();
    write(&program, &format!("{FOLDER}/release-ocp-4.20.json"), "{\"name\": \"x\",}");
    let files =
        ["release-ocp-4.20.json", "release-ocp-4.22.json", "nothing/x.json"].map(|f| format!("{FOLDER}/{f}"));
    insta::assert_snapshot!(check(&program, &[&files[0], &files[1], &files[2]]).shown(), @"
    exit 2
    core-services/release-controller/_releases/release-ocp-4.20.json:1:13: error[malformed] a comma stands after the last entry
        mend: remove that comma
    regatta: core-services/release-controller/_releases/release-ocp-4.22.json: there is no such file; near it are release-ocp-4.20.json, release-ocp-4.21.json
    regatta: core-services/release-controller/_releases/nothing/x.json: there is no folder core-services/release-controller/_releases/nothing
    1 file checked: 1 error, no warnings; 2 files not read
    ");
    std::fs::create_dir(program.home.path().join("empty")).unwrap();
    insta::assert_snapshot!(check(&program, &["empty"]).shown(), @"
    exit 2
    regatta: empty: the folder has no .json file
    no files checked: no errors, no warnings; 1 file not read
    ");
}

#[test]
fn without_files_and_without_a_checkout_it_says_what_to_give() {
    let program = Program::new();
    let told = check(&program, &[]).shown().replace(program.home.path().to_str().unwrap(), "HERE");
    insta::assert_snapshot!(told, @"
    exit 2
    regatta: no FILE is given, and neither HERE nor a folder above it has core-services/release-controller/_releases; run in a checkout of openshift/release, or name one with --root; or give the files or folders to check
    ");
    write(&program, "a.json", GOOD);
    insta::assert_snapshot!(check(&program, &["--jobs", ".", "a.json"]).shown(), @"
    exit 2
    regatta: --jobs .: has neither openshift/release nor openshift/multiarch; give ci-operator/jobs of a checkout
    ");
}

#[test]
fn a_private_file_that_is_missing_is_told_only_in_a_checkout() {
    let program = checkout();
    std::fs::remove_file(program.home.path().join(FOLDER).join("priv/release-ocp-4.21.json")).unwrap();
    insta::assert_snapshot!(check(&program, &[]).shown(), @"
    exit 1
    core-services/release-controller/_releases/priv/release-ocp-4.21.json:1:1: error[private-stale] is missing, though release-ocp-4.21.json has a private counterpart
        mend: run make release-controllers
    1 file checked: 1 error, no warnings
    ");
    write(&program, "copies/release-ocp-4.21.json", GOOD);
    std::fs::create_dir(program.home.path().join("copies/priv")).unwrap();
    assert_eq!(check(&program, &["copies"]).code, 0);
}

#[test]
fn folders_are_walked_and_each_file_is_checked_once() {
    let program = checkout();
    write(&program, &format!("{FOLDER}/deeper/any.json"), GOOD);
    let file = format!("{FOLDER}/release-ocp-4.21.json");
    let ran = check(&program, &[".", FOLDER, &file, "-o", "json"]);
    assert_eq!((ran.code, &ran.json()["files"]), (0, &3.into()), "{}", ran.shown());
}

#[test]
fn production_files_are_told_what_is_known_of_them() {
    let Some(folder) = shared("release-configs") else {
        println!("no release configurations beside the checkout; made ones are checked in the payload crate");
        return;
    };
    let program = Program::new();
    let ran = check(&program, &["-o", "json", folder.to_str().unwrap()]);
    let report = ran.json();
    let known = |file: &str, rule: &str| {
        let findings = report["findings"].as_array().unwrap();
        let count = findings.iter().filter(|finding| {
            let name = Path::new(finding["file"].as_str().unwrap());
            name.ends_with(file) && finding["rule"] == rule
        });
        count.count()
    };
    assert_eq!(known("release-ocp-4.8.json", "malformed"), 1);
    assert_eq!(
        [known("release-ocp-4.10.json", "unknown-field"), known("release-ocp-4.12.json", "unknown-field")],
        [1, 1]
    );
    assert_eq!(
        [
            known("release-ocp-4.10.json", "optional-aggregated"),
            known("release-ocp-4.18.json", "optional-aggregated")
        ],
        [1, 1]
    );
    assert_eq!(known("priv/release-ocp-5.0.json", "name-like-retry"), 1);
    println!("{} files, {} errors, {} warnings", report["files"], report["errors"], report["warnings"]);
}
