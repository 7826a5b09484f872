//! `regatta payload-job list` in a made checkout.

use serde_json::json;

use crate::program::{Program, Ran, shared};

const FOLDER: &str = "core-services/release-controller/_releases";

const NIGHTLY: &str = r#"{
  "name": "4.21.0-0.nightly",
  "to": "release",
  "message": "official builds",
  "verify": {
    "cnv": {
      "optional": true,
      "prowJob": { "name": "periodic-ci-cnv-nightly-4.21-deploy-azure" }
    },
    "aggregated-aws-ovn-upgrade-4.21-micro": {
      "maxRetries": 2,
      "upgrade": true,
      "prowJob": { "name": "periodic-ci-4.21-e2e-aws-ovn-upgrade" },
      "aggregatedProwJob": { "analysisJobCount": 10 }
    },
    "hypershift-e2e": { "maxRetries": 2, "prowJob": { "name": "periodic-ci-hypershift-4.21-e2e-aws" } },
    "ovn-proxy": { "optional": true, "disabled": true, "prowJob": { "name": "periodic-ci-4.21-e2e-aws-ovn-proxy" } },
    "aws-ovn-upgrade-micro": { "upgrade": true, "prowJob": { "name": "periodic-ci-4.21-e2e-aws-ovn-upgrade" } }
  }
}
"#;

/// The program in a checkout that holds these files.
fn checkout(files: &[(&str, &str)]) -> Program {
    let program = Program::new();
    let folder = program.home.path().join(FOLDER);
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    program
}

fn usual() -> Program {
    checkout(&[
        ("release-ocp-4.21.json", NIGHTLY),
        ("release-ocp-4.21-multi.json", r#"{"verify": {}}"#),
        ("release-ocp-4.21-ci.json", "{\n  \"verify\": {\n    \"aws\": {},\n  }\n}\n"),
        ("release-ocp-4.y-stable.json", r#"{"as": "Stable", "verify": {}}"#),
    ])
}

fn list(program: &Program, arguments: &[&str]) -> Ran {
    program.run(&[&["payload-job", "list"], arguments].concat())
}

#[test]
fn jobs_stand_in_groups_numbered_through_with_what_to_know() {
    let ran = list(&usual(), &["4.21", "nightly"]);
    let (table, buys) = ran.out.rsplit_once("\n\n").unwrap();
    insta::assert_snapshot!(table, @"
    core-services/release-controller/_releases/release-ocp-4.21.json

    AWS
      1  ovn-proxy              periodic-ci-4.21-e2e-aws-ovn-proxy         informing, disabled
      2  aws-ovn-upgrade-micro  periodic-ci-4.21-e2e-aws-ovn-upgrade       same job as aggregated-aws-ovn-upgrade-4.21-micro (live)

    Azure
      3  cnv                    periodic-ci-cnv-nightly-4.21-deploy-azure  informing, key too short to aggregate (needs 7 characters)

    Managed & hosted
      4  hypershift-e2e         periodic-ci-hypershift-4.21-e2e-aws
    ");
    assert!(buys.starts_with("Aggregating a job buys 10 runs a payload"), "{buys}");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn scripts_get_the_same_as_json() {
    let ran = list(&usual(), &["4.21", "nightly", "-o", "json"]);
    let answer = ran.json();
    assert_eq!(answer["schema"], "regatta.payload-jobs/v1");
    assert_eq!(answer["file"], "core-services/release-controller/_releases/release-ocp-4.21.json");
    let groups = answer["groups"].as_array().unwrap();
    assert_eq!(groups.iter().map(|g| &g["name"]).collect::<Vec<_>>(), ["AWS", "Azure", "Managed & hosted"]);
    assert_eq!(
        groups[0]["jobs"][1],
        json!({
            "number": 2,
            "key": "aws-ovn-upgrade-micro",
            "prow_job": "periodic-ci-4.21-e2e-aws-ovn-upgrade",
            "optional": false,
            "upgrade": true,
            "disabled": false,
            "max_retries": null,
            "notes": ["same job as aggregated-aws-ovn-upgrade-4.21-micro (live)"],
        })
    );
}

#[test]
fn a_file_without_choice_says_so() {
    let ran = list(&usual(), &["4.21", "nightly", "multi"]);
    insta::assert_snapshot!(ran.shown(), @"
    exit 0
    core-services/release-controller/_releases/release-ocp-4.21-multi.json

    nothing to aggregate: verify is empty
    ");
    assert_eq!(list(&usual(), &["4.21", "nightly", "multi", "-o", "json"]).json()["groups"], json!([]));
}

#[test]
fn a_checkout_is_found_from_below_and_by_its_option() {
    let program = usual();
    let below = program.home.path().join("core-services/release-controller");
    let ran: Ran = program
        .command(&["payload-job", "list", "4.21", "nightly", "aarch64"])
        .current_dir(&below)
        .output()
        .unwrap()
        .into();
    insta::assert_snapshot!(ran.shown(), @"
    exit 2
    regatta: there is no core-services/release-controller/_releases/release-ocp-4.21-arm64.json
      4.21 nightly is there for amd64, multi
    ");
    let elsewhere = Program::new();
    let root = program.home.path().to_str().unwrap();
    assert_eq!(list(&elsewhere, &["4.21", "nightly", "x86_64", "--root", root]).code, 0);
    let lost = list(&elsewhere, &["4.21", "nightly"]);
    assert_eq!(lost.code, 2);
    assert!(
        lost.err.contains("run in a checkout of openshift/release, or name one with --root"),
        "{}",
        lost.err
    );
}

#[test]
fn what_is_not_there_names_what_is() {
    let program = usual();
    insta::assert_snapshot!(list(&program, &["4.21", "stable"]).shown(), @"
    exit 2
    regatta: there is no core-services/release-controller/_releases/release-ocp-4.21-stable.json
      stable is one stream for all of 4: 4.y stable (release-ocp-4.y-stable.json)
      4.21 has ci, nightly (amd64, multi)
    ");
    insta::assert_snapshot!(list(&program, &["4.21", "nigthly"]).shown(), @"
    exit 2
    regatta: there is no core-services/release-controller/_releases/release-ocp-4.21-nigthly.json
      did you mean 4.21 nightly (release-ocp-4.21.json)?
      4.21 has ci, nightly (amd64, multi)
    ");
    insta::assert_snapshot!(list(&program, &["4.22", "nightly"]).shown(), @"
    exit 2
    regatta: there is no core-services/release-controller/_releases/release-ocp-4.22.json
      4.22 has no file; nightly is there for 4.21
    ");
    insta::assert_snapshot!(list(&program, &["4,21", "nightly"]).shown(), @r#"
    exit 2
    regatta: "4,21" is no release version (4.21, 4.y or 4); did you mean 4.21?
    "#);
    insta::assert_snapshot!(list(&program, &["4.21", "../priv/x"]).shown(), @r#"
    exit 2
    regatta: "../priv/x" is no stream (nightly, ci, stable, dev-preview)
    "#);
}

#[test]
fn missing_arguments_are_named_where_nobody_can_be_asked() {
    insta::assert_snapshot!(list(&usual(), &[]).shown(), @"
    exit 2
    regatta: RELEASE and STREAM are missing, and there is no terminal to ask on; name them, such as 4.21 nightly
    ");
    insta::assert_snapshot!(list(&usual(), &["4.21"]).shown(), @"
    exit 2
    regatta: STREAM is missing, and there is no terminal to ask on; name them, such as 4.21 nightly
    ");
}

#[test]
fn a_file_that_is_no_json_tells_the_place_and_the_mend() {
    insta::assert_snapshot!(list(&usual(), &["4.21", "ci"]).shown(), @"
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21-ci.json: line 3, column 14: a comma stands after the last entry; remove that comma
    ");
}

#[test]
fn every_recorded_configuration_is_listed_in_at_most_seven_groups() {
    let Some(folder) = shared("release-configs") else {
        println!("no configurations beside the checkout; made ones are listed above");
        return;
    };
    let program = checkout(&[]);
    let mut listed = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(middle) = name.strip_prefix("release-ocp-").and_then(|rest| rest.strip_suffix(".json"))
        else {
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(program.home.path().join(FOLDER).join(&name), &text).unwrap();
        let (version, rest) = middle.split_once('-').unwrap_or((middle, ""));
        let words = match rest {
            "" => vec!["nightly"],
            "multi" | "multi-2" | "arm64" | "ppc64le" | "s390x" => vec!["nightly", rest],
            "stable-multi" => vec!["stable", "multi"],
            stream => vec![stream],
        };
        let ran = list(&program, &[&[version], words.as_slice(), &["-o", "json"]].concat());
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) else {
            assert_eq!(ran.code, 2, "{name}: {}", ran.shown());
            continue;
        };
        let answer = ran.json();
        let groups = answer["groups"].as_array().unwrap();
        assert!(groups.len() <= 7, "{name}");
        let jobs: Vec<_> = groups.iter().flat_map(|group| group["jobs"].as_array().unwrap()).collect();
        let verify = json["verify"].as_object().unwrap();
        let single = verify.values().filter(|entry| entry.get("aggregatedProwJob").is_none()).count();
        assert_eq!(jobs.len(), single, "{name}");
        assert!((1..).zip(&jobs).all(|(number, job)| job["number"] == number), "{name}");
        listed += 1;
    }
    println!("{listed} files listed");
}
