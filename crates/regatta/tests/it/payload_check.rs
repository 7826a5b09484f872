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
    exit 0
    core-services/release-controller/_releases/release-ocp-4.21.json:1:1: warning[private-missing] has no private file: core-services/release-controller/_releases/priv/release-ocp-4.21.json is not there
        mend: run make release-controllers
    1 file checked: no errors, 1 warning
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

/// [`GOOD`] with a periodic that starts this job.
fn with_periodic(job: &str) -> String {
    let periodic =
        format!("\"periodic\": {{\"p\": {{\"interval\": \"6h\", \"prowJob\": {{\"name\": {job:?}}}}}}}");
    GOOD.replace("\"message\": \"m\",", &format!("\"message\": \"m\",\n  {periodic},"))
}

#[test]
fn a_file_alone_is_compared_with_the_periodics_of_the_folder() {
    let program = checkout();
    let job = "periodic-ci-openshift-release-main-e2e-aws";
    for name in ["release-ocp-4.20-ci.json", "release-ocp-4.21-ci.json"] {
        write(&program, &format!("{FOLDER}/{name}"), &with_periodic(job));
    }
    // What is wrong with the others is not told, but that they could not be compared is.
    write(&program, &format!("{FOLDER}/release-ocp-4.19-ci.json"), "{");
    let mut command = program.command(&["payload-job", "check", "-v", "release-ocp-4.21-ci.json"]);
    let ran: Ran = command.current_dir(program.home.path().join(FOLDER)).output().unwrap().into();
    insta::assert_snapshot!(ran.shown(), @"
    exit 1
    release-ocp-4.21-ci.json:4:60: error[periodic-duplicate] periodic.p: periodic.p of release-ocp-4.20-ci.json starts the Prow job periodic-ci-openshift-release-main-e2e-aws as well
        mend: remove one of the periodics, or give it a job of its own
        why: The controller refuses a job that two periodics would start.
        source: openshift/release-controller cmd/release-controller/config_validate.go
    release-ocp-4.19-ci.json: line 1, column 1: is no valid JSON: EOF while parsing an object; its periodics were not compared
    1 file checked: 1 error, no warnings
    ");
    // A file without periodics has nothing to compare.
    let file = format!("{FOLDER}/release-ocp-4.21.json");
    insta::assert_snapshot!(check(&program, &["-v", &file]).shown(), @"
    exit 0
    1 file checked: no errors, no warnings
    ");
    // The same folder by a path that leads elsewhere is not read together with this one.
    write(&program, "copies/release-ocp-4.20-ci.json", &with_periodic(job));
    assert_eq!(check(&program, &["copies"]).code, 0);
}

#[test]
fn a_file_given_in_two_spellings_is_one_file() {
    let program = checkout();
    let home = program.home.path();
    write(
        &program,
        &format!("{FOLDER}/one.json"),
        &with_periodic("periodic-ci-openshift-release-main-e2e-aws"),
    );
    std::os::unix::fs::symlink(FOLDER, home.join("folder")).unwrap();
    std::os::unix::fs::symlink(home.join(FOLDER).join("one.json"), home.join("link.json")).unwrap();
    let spellings = [
        format!("{FOLDER}/one.json"),
        format!("./{FOLDER}/../_releases/one.json"),
        home.join(FOLDER).join("one.json").display().to_string(),
        "folder/one.json".to_owned(),
        "link.json".to_owned(),
    ];
    let spellings: Vec<&str> = spellings.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(&program, &spellings).shown(), @"
    exit 0
    1 file checked: no errors, no warnings
    ");
    // A link from elsewhere is looked at where the file stands.
    write(&program, &format!("{FOLDER}/release-ocp-4.21.json"), &broken());
    std::os::unix::fs::symlink(home.join(FOLDER).join("release-ocp-4.21.json"), home.join("other.json"))
        .unwrap();
    let told = check(&program, &["other.json"]).shown();
    assert!(
        told.contains(&format!("{FOLDER}/priv/release-ocp-4.21.json:7:14: error[private-stale]")),
        "{told}"
    );
    // To the controller a second name in its folder is a second file.
    std::os::unix::fs::symlink("one.json", home.join(FOLDER).join("two.json")).unwrap();
    let told = check(&program, &[&format!("{FOLDER}/one.json")]).shown();
    assert!(told.contains("periodic.p of core-services/release-controller/_releases/two.json"), "{told}");
}

#[test]
fn what_is_no_file_of_a_reasonable_size_is_not_read() {
    let program = checkout();
    let at = |name: &str| program.home.path().join(FOLDER).join(name);
    let made = std::process::Command::new("mkfifo").arg(at("pipe.json")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("/dev/zero", at("device.json")).unwrap();
    std::fs::File::create(at("huge.json")).unwrap().set_len(65 * 1024 * 1024).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    std::os::unix::fs::symlink("folder", at("link.json")).unwrap();
    std::os::unix::fs::symlink("nowhere.json", at("nothing.json")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", at("priv/release-ocp-4.22.json")).unwrap();
    write(
        &program,
        &format!("{FOLDER}/release-ocp-4.22.json"),
        &with_periodic("periodic-ci-openshift-release-main-e2e-aws"),
    );
    insta::assert_snapshot!(check(&program, &[]).shown(), @"
    exit 2
    regatta: core-services/release-controller/_releases/device.json: is a device, pipe or socket, not a regular file; name a release configuration
    regatta: core-services/release-controller/_releases/huge.json: is larger than 64 MiB, and no release configuration is; name a release configuration
    regatta: core-services/release-controller/_releases/link.json: is a folder, not a regular file; name a release configuration
    regatta: core-services/release-controller/_releases/nothing.json: is a link to nowhere.json, and nothing is there
    regatta: core-services/release-controller/_releases/pipe.json: is a device, pipe or socket, not a regular file; name a release configuration
    regatta: core-services/release-controller/_releases/priv/release-ocp-4.22.json: is a device, pipe or socket, not a regular file; name a release configuration
    3 files checked: no errors, no warnings; 6 files not read
    ");
    let ran = check(&program, &["--format", "sarif"]);
    let invocation = &ran.json()["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
    let uri =
        |n: &serde_json::Value| n["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].to_string();
    let mut told: Vec<String> = notifications.iter().map(uri).collect();
    told.sort();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "core-services/release-controller/_releases/device.json"
    "core-services/release-controller/_releases/huge.json"
    "core-services/release-controller/_releases/link.json"
    "core-services/release-controller/_releases/nothing.json"
    "core-services/release-controller/_releases/pipe.json"
    "core-services/release-controller/_releases/priv/release-ocp-4.22.json"
    "#);
    // As the sibling of a file they are passed over.
    insta::assert_snapshot!(check(&program, &[&format!("{FOLDER}/release-ocp-4.22.json"), "-v"]).shown(), @"
    exit 0
    core-services/release-controller/_releases/device.json: is a device, pipe or socket, not a regular file; name a release configuration; its periodics were not compared
    core-services/release-controller/_releases/huge.json: is larger than 64 MiB, and no release configuration is; name a release configuration; its periodics were not compared
    core-services/release-controller/_releases/link.json: is a folder, not a regular file; name a release configuration; its periodics were not compared
    core-services/release-controller/_releases/nothing.json: is a link to nowhere.json, and nothing is there; its periodics were not compared
    core-services/release-controller/_releases/pipe.json: is a device, pipe or socket, not a regular file; name a release configuration; its periodics were not compared
    core-services/release-controller/_releases/priv/release-ocp-4.22.json: is a device, pipe or socket, not a regular file; name a release configuration; its periodics were not compared
    1 file checked: no errors, no warnings
    ");
}

#[test]
fn a_link_to_nowhere_is_told_as_one_and_a_near_name_is_not_the_name_itself() {
    let program = Program::new();
    write(&program, "danger.json", GOOD);
    std::os::unix::fs::symlink("gone/x.json", program.home.path().join("dang.json")).unwrap();
    insta::assert_snapshot!(check(&program, &["dang.json", "Dangers.json"]).shown(), @"
    exit 2
    regatta: dang.json: is a link to gone/x.json, and nothing is there
    regatta: Dangers.json: there is no such file; near it is danger.json
    no files checked: no errors, no warnings; 2 files not read
    ");
    let sarif = check(&program, &["--format", "sarif", "dang.json"]).json();
    assert_eq!(
        sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"],
        "dang.json: is a link to gone/x.json, and nothing is there"
    );
    let sarif = check(&program, &["--format", "sarif", "danger.json"]).json();
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], true);
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
