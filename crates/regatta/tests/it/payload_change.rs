//! Changing a configuration from the command line: what is seen, what is written, what is refused.

use crate::program::{Program, Ran};
use std::path::PathBuf;

const FOLDER: &str = "core-services/release-controller/_releases";

const NIGHTLY: &str = r#"{
  "name": "4.21.0-0.nightly",
  "to": "release",
  "message": "All of 4.21",
  "verify": {
    "aws-ovn-upgrade-4.21-micro": {
      "maxRetries": 2,
      "prowJob": {
        "name": "periodic-ci-openshift-release-main-ci-4.21-e2e-aws-ovn-upgrade"
      },
      "upgrade": true
    },
    "gcp-ovn-upgrade-4.21-minor": {
      "prowJob": {
        "name": "periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-gcp-ovn-upgrade"
      },
      "disabled": true},
    "metal-ipi-ovn-ipv6": {
      "optional": true,
      "prowJob": {
        "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-metal-ipi-ovn-ipv6"
      }
    }
  }
}
"#;

/// A checkout with a nightly file.
struct Checkout {
    program: Program,
}

impl Checkout {
    fn new() -> Self {
        let checkout = Self { program: Program::new() };
        std::fs::create_dir_all(checkout.folder()).unwrap();
        checkout.put("release-ocp-4.21.json", NIGHTLY);
        checkout.put("release-ocp-4.21-ci.json", &NIGHTLY.replace("0.nightly", "0.ci"));
        checkout
            .put("release-ocp-4.y-stable.json", "{\"name\":\"4-stable\",\"as\":\"Stable\",\"verify\":{}}\n");
        checkout
    }

    fn folder(&self) -> PathBuf {
        self.program.home.path().join(FOLDER)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.folder().join(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder().join(name)).unwrap()
    }

    fn run(&self, words: &str) -> Ran {
        let words: Vec<&str> = ["payload-job"].into_iter().chain(words.split(' ')).collect();
        self.program.run(&words)
    }

    fn shown(&self, words: &str) -> String {
        let root = self.program.home.path().canonicalize().unwrap();
        let shown = self.run(words).shown();
        shown
            .replace(root.to_str().unwrap(), "ROOT")
            .replace(self.program.home.path().to_str().unwrap(), "ROOT")
    }
}

#[test]
fn a_conversion_says_what_it_did_what_it_buys_and_what_is_left_to_do() {
    let checkout = Checkout::new();
    insta::assert_snapshot!(checkout.shown("aggregate 4.21 nightly --job aws-ovn-upgrade-4.21-micro --no-make"), @"
    exit 0
    aws-ovn-upgrade-4.21-micro -> aggregated-aws-ovn-upgrade-4.21-micro: aggregatedProwJob with 10 runs added
    10 runs a payload: a test that usually passes is found in 32% of payloads when it drops to 80% and in 95% when it drops to 50% (it must pass 8 times). Of 3,000 unchanged tests that pass 98% of their runs, about 2.6 would fail a payload by chance.
    Note: the stable stream ran aws-ovn-upgrade-4.21-micro as an informing job; it takes over no aggregated jobs.
    Note: core-services/release-controller/_releases/priv/release-ocp-4.21.json does not exist yet: run `make release-controllers`, or this again with --no-make --write-priv.
    aggregated-aws-ovn-upgrade-4.21-micro now runs 10 times on each payload, and its runs are judged statistically.
    ");
    let after = checkout.text("release-ocp-4.21.json");
    assert_eq!(after.replace("aggregated-", "").len() + "aggregated-".len(), after.len());
    assert!(!checkout.folder().join("priv").exists());
}

#[test]
fn a_dry_run_is_a_diff_and_changes_nothing() {
    let checkout = Checkout::new();
    let ran = checkout.run("aggregate 4.21 nightly --job gcp-ovn-upgrade-4.21-minor --dry-run");
    insta::assert_snapshot!(ran.out, @r#"
    --- a/core-services/release-controller/_releases/release-ocp-4.21.json
    +++ b/core-services/release-controller/_releases/release-ocp-4.21.json
    @@ -10,11 +10,15 @@
           },
           "upgrade": true
         },
    -    "gcp-ovn-upgrade-4.21-minor": {
    +    "aggregated-gcp-ovn-upgrade-4.21-minor": {
    +      "maxRetries": 2,
           "prowJob": {
             "name": "periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-gcp-ovn-upgrade"
           },
    -      "disabled": true},
    +      "disabled": true,
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    +      }},
         "metal-ipi-ovn-ipv6": {
           "optional": true,
           "prowJob": {
    "#);
    assert_eq!(checkout.text("release-ocp-4.21.json"), NIGHTLY);
}

#[test]
fn what_todays_rules_refuse_is_warned_of_and_refused_when_strict() {
    let checkout = Checkout::new();
    insta::assert_snapshot!(checkout.shown("aggregate 4.21 nightly --job metal-ipi-ovn-ipv6 --no-make --strict"), @"
    exit 1
    warning: aggregated-metal-ipi-ovn-ipv6 is informing (optional) and aggregated: the release controller refuses that since June 2026, because every aggregator blocks whatever optional says. Promote it, or leave it a single informing job [optional-aggregated; release-controller, validateOptionalAggregatedJobs (2026-06)]
    regatta: refused by --strict (optional-aggregated); nothing was changed
    ");
    assert_eq!(checkout.text("release-ocp-4.21.json"), NIGHTLY);
    let ran = checkout.run("aggregate 4.21 nightly --job metal-ipi-ovn-ipv6 --no-make -o json");
    assert_eq!(ran.code, 0);
    let told = ran.json();
    assert_eq!(told["warnings"][0]["rule"], "optional-aggregated");
    assert_eq!(told["changed"][0]["to"], "aggregated-metal-ipi-ovn-ipv6");
    assert_eq!(told["files_changed"].as_array().unwrap().len(), 1);
    assert_eq!(told["make"]["ran"], false);
}

#[test]
fn doing_it_again_says_unchanged() {
    let checkout = Checkout::new();
    checkout.run("aggregate 4.21 nightly --job aws-ovn-upgrade-4.21-micro --no-make");
    let once = checkout.text("release-ocp-4.21.json");
    let ran = checkout.run("aggregate 4.21 nightly --job aws-ovn-upgrade-4.21-micro --no-make -q");
    assert_eq!(
        (ran.code, ran.out.trim_end()),
        (0, "unchanged: aggregated-aws-ovn-upgrade-4.21-micro is aggregated already, 10 runs a payload")
    );
    assert_eq!(checkout.text("release-ocp-4.21.json"), once);
}

#[test]
fn the_private_file_is_written_only_when_asked_for_and_only_where_there_is_one() {
    let checkout = Checkout::new();
    let ran = checkout.run("aggregate 4.21 nightly --job 1 --no-make --write-priv -o json");
    let files: Vec<String> = serde_json::from_value(ran.json()["files_changed"].clone()).unwrap();
    assert_eq!(
        files,
        [format!("{FOLDER}/release-ocp-4.21.json"), format!("{FOLDER}/priv/release-ocp-4.21.json")]
    );
    let private = checkout.text("priv/release-ocp-4.21.json");
    assert!(
        private.contains("\"name\": \"4.21.0-0.nightly-priv\"")
            && private.contains("e2e-aws-ovn-upgrade-priv")
    );
    // Again: both files are as they should be.
    let ran = checkout
        .run("aggregate 4.21 nightly --job aws-ovn-upgrade-4.21-micro --no-make --write-priv -o json");
    assert_eq!(ran.json()["files_changed"].as_array().unwrap().len(), 0);
    let ran = checkout.run("aggregate 4.21 ci --job 1 --no-make --write-priv -o json");
    assert_eq!((ran.code, ran.json()["files_changed"].as_array().unwrap().len()), (0, 1));
}

#[test]
fn what_is_wrong_with_the_arguments_is_told_with_what_there_is_instead() {
    let checkout = Checkout::new();
    let told: String = [
        "aggregate",
        "aggregate 4.21 nightly",
        "aggregate 4.99 nightly --job 1",
        "aggregate 4.21 stable --job 1",
        "aggregate 4.21 nightly arm65 --job 1",
        "aggregate ../4.21 nightly --job 1",
        "aggregate 4.21 nightly --job 9",
        "aggregate 4.21 nightly --job aws-ovn-upgrade-micro",
        "aggregate 4.21 nightly --job 1 --write-priv",
        "demote 4.21 nightly --job aws-ovn-upgrade-4.21-micro --max-retries 1",
    ]
    .iter()
    .map(|words| format!("$ {words}\n{}\n", checkout.shown(words)))
    .collect();
    insta::assert_snapshot!(told, @r#"
    $ aggregate
    exit 2
    regatta: RELEASE and STREAM are missing, and there is no terminal to ask on; name them, such as 4.21 nightly

    $ aggregate 4.21 nightly
    exit 2
    regatta: --job KEY|NUMBER is missing, and there is no terminal to ask on

    $ aggregate 4.99 nightly --job 1
    exit 2
    regatta: there is no core-services/release-controller/_releases/release-ocp-4.99.json
      4.99 has no file; nightly is there for 4.21

    $ aggregate 4.21 stable --job 1
    exit 2
    regatta: there is no core-services/release-controller/_releases/release-ocp-4.21-stable.json
      stable is one stream for all of 4: 4.y stable (release-ocp-4.y-stable.json)
      4.21 has ci, nightly

    $ aggregate 4.21 nightly arm65 --job 1
    exit 2
    regatta: "arm65" is no architecture (amd64, arm64, multi, multi-2, ppc64le, s390x); did you mean arm64?

    $ aggregate ../4.21 nightly --job 1
    exit 2
    regatta: "../4.21" is no release version (4.21, 4.y or 4); did you mean 4.21?

    $ aggregate 4.21 nightly --job 9
    exit 2
    regatta: --job 9: the numbers go from 1 to 3

    $ aggregate 4.21 nightly --job aws-ovn-upgrade-micro
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21.json: there is no entry "aws-ovn-upgrade-micro" in `verify`; did you mean aws-ovn-upgrade-4.21-micro? Nothing was changed.

    $ aggregate 4.21 nightly --job 1 --write-priv
    exit 2
    regatta: --write-priv goes with --no-make: otherwise the generator writes the private files

    $ demote 4.21 nightly --job aws-ovn-upgrade-4.21-micro --max-retries 1
    exit 2
    regatta: --max-retries: an informing job is not tried again; leave it out
    "#);
    assert_eq!(checkout.text("release-ocp-4.21.json"), NIGHTLY);
}

#[test]
fn a_broken_file_is_refused_with_place_and_mend() {
    let checkout = Checkout::new();
    checkout
        .put("release-ocp-4.21.json", &NIGHTLY.replace("ipv6\"\n      }\n    }", "ipv6\"\n      }\n    },"));
    insta::assert_snapshot!(checkout.shown("aggregate 4.21 nightly --job 1 --no-make"), @"
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21.json: line 23, column 6: a comma stands after the last entry; remove that comma
    ");
    checkout.put(
        "release-ocp-4.21.json",
        &NIGHTLY.replace("metal-ipi-ovn-ipv6\": {", "gcp-ovn-upgrade-4.21-minor\": {"),
    );
    insta::assert_snapshot!(checkout.shown("aggregate 4.21 nightly --job 1 --no-make"), @r#"
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21.json: "verify.gcp-ovn-upgrade-4.21-minor" stands twice in one object (line 13, column 5 and line 18, column 5); remove one of them first; nothing was changed
    "#);
}

#[test]
fn the_sister_operations_say_what_they_did() {
    let checkout = Checkout::new();
    let told: String = [
        "promote 4.21 nightly --job metal-ipi-ovn-ipv6 --no-make",
        "demote 4.21 nightly --job aws-ovn-upgrade-4.21-micro --no-make",
        "aggregate 4.21 nightly --job metal-ipi-ovn-ipv6 --no-make -q",
        "deaggregate 4.21 nightly --job metal-ipi-ovn-ipv6 --no-make",
        "add 4.21 nightly --job periodic-ci-openshift-release-main-nightly-4.21-e2e-azure-ovn-upgrade --no-make",
    ]
    .iter()
    .map(|words| format!("$ {words}\n{}\n", checkout.shown(words)))
    .collect();
    insta::assert_snapshot!(told, @"
    $ promote 4.21 nightly --job metal-ipi-ovn-ipv6 --no-make
    exit 0
    metal-ipi-ovn-ipv6: optional removed, maxRetries 2 added
    Note: core-services/release-controller/_releases/priv/release-ocp-4.21.json does not exist yet: run `make release-controllers`, or this again with --no-make --write-priv.

    $ demote 4.21 nightly --job aws-ovn-upgrade-4.21-micro --no-make
    exit 0
    aws-ovn-upgrade-4.21-micro: optional added, maxRetries 2 removed
    Note: core-services/release-controller/_releases/priv/release-ocp-4.21.json does not exist yet: run `make release-controllers`, or this again with --no-make --write-priv.

    $ aggregate 4.21 nightly --job metal-ipi-ovn-ipv6 --no-make -q
    exit 0
    metal-ipi-ovn-ipv6 -> aggregated-metal-ipi-ovn-ipv6: aggregatedProwJob with 10 runs added

    $ deaggregate 4.21 nightly --job metal-ipi-ovn-ipv6 --no-make
    exit 0
    aggregated-metal-ipi-ovn-ipv6 -> metal-ipi-ovn-ipv6: aggregatedProwJob removed
    Note: core-services/release-controller/_releases/priv/release-ocp-4.21.json does not exist yet: run `make release-controllers`, or this again with --no-make --write-priv.

    $ add 4.21 nightly --job periodic-ci-openshift-release-main-nightly-4.21-e2e-azure-ovn-upgrade --no-make
    exit 0
    azure-ovn-upgrade-4.21-micro added: informing, without retries, an upgrade from the payload before
    Note: core-services/release-controller/_releases/priv/release-ocp-4.21.json does not exist yet: run `make release-controllers`, or this again with --no-make --write-priv.
    ");
    let after: serde_json::Value = serde_json::from_str(&checkout.text("release-ocp-4.21.json")).unwrap();
    let keys: Vec<&String> = after["verify"].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "aws-ovn-upgrade-4.21-micro",
            "azure-ovn-upgrade-4.21-micro",
            "gcp-ovn-upgrade-4.21-minor",
            "metal-ipi-ovn-ipv6"
        ]
    );
}

#[test]
fn numbers_are_those_of_the_operations_own_list() {
    let checkout = Checkout::new();
    let told: String = ["aggregate", "deaggregate", "promote", "demote"]
        .iter()
        .map(|operation| {
            format!(
                "$ list --for {operation}\n{}\n",
                checkout.run(&format!("list 4.21 nightly --for {operation} -q")).out
            )
        })
        .collect();
    insta::assert_snapshot!(told, @"
    $ list --for aggregate
    core-services/release-controller/_releases/release-ocp-4.21.json

    AWS
      1  aws-ovn-upgrade-4.21-micro  periodic-ci-openshift-release-main-ci-4.21-e2e-aws-ovn-upgrade

    GCP
      2  gcp-ovn-upgrade-4.21-minor  periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-gcp-ovn-upgrade  disabled

    Bare metal & agent
      3  metal-ipi-ovn-ipv6          periodic-ci-openshift-release-main-nightly-4.21-e2e-metal-ipi-ovn-ipv6                   informing

    Aggregating a job buys 10 runs a payload: a test that usually passes is found in 32% of payloads when it drops to 80% and in 95% when it drops to 50% (it must pass 8 times). Of 3,000 unchanged tests that pass 98% of their runs, about 2.6 would fail a payload by chance.

    $ list --for deaggregate
    core-services/release-controller/_releases/release-ocp-4.21.json

    nothing to deaggregate: each of the 3 jobs is a single one

    $ list --for promote
    core-services/release-controller/_releases/release-ocp-4.21.json

    Bare metal & agent
      1  metal-ipi-ovn-ipv6  periodic-ci-openshift-release-main-nightly-4.21-e2e-metal-ipi-ovn-ipv6  informing

    $ list --for demote
    core-services/release-controller/_releases/release-ocp-4.21.json

    AWS
      1  aws-ovn-upgrade-4.21-micro  periodic-ci-openshift-release-main-ci-4.21-e2e-aws-ovn-upgrade

    GCP
      2  gcp-ovn-upgrade-4.21-minor  periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-gcp-ovn-upgrade  disabled
    ");
    let ran = checkout.run("promote 4.21 nightly --job 1 --no-make -q");
    assert!(ran.out.starts_with("metal-ipi-ovn-ipv6: "), "{}", ran.out);
    let ran = checkout.run("aggregate 4.21 nightly --job 1-2 --no-make --dry-run -o json");
    assert_eq!(ran.json()["changed"].as_array().unwrap().len(), 2);
    assert_eq!(
        checkout.shown("deaggregate 4.21 nightly --job 1").trim_end(),
        "exit 2\nregatta: --job 1: the list is empty"
    );
}

#[test]
fn deaggregating_again_says_unchanged_by_either_name() {
    let checkout = Checkout::new();
    checkout.run("aggregate 4.21 nightly --job aws-ovn-upgrade-4.21-micro --no-make");
    for _ in 0..2 {
        let ran =
            checkout.run("deaggregate 4.21 nightly --job aggregated-aws-ovn-upgrade-4.21-micro --no-make -q");
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    assert_eq!(checkout.text("release-ocp-4.21.json"), NIGHTLY);
}

#[test]
fn what_is_odd_about_a_file_is_told_and_never_a_fault_of_our_own() {
    let checkout = Checkout::new();
    let mut told = String::new();
    for verify in [
        "{\"a\": {}}",
        "{\"a\": {\"aggregatedProwJob\": null}}",
        "{\"a\": null}",
        "[]",
        "null",
        "{\"a\": {\"prowJob\": {\"name\": 7}}}",
    ] {
        checkout.put("release-ocp-4.21.json", &format!("{{\"verify\": {verify}}}"));
        told.push_str(&format!("{verify}\n{}", checkout.shown("aggregate 4.21 nightly --job a --no-make")));
    }
    checkout.put("release-ocp-4.21.json", &format!("{{\"x\": {}{}}}", "[".repeat(300), "]".repeat(300)));
    told.push_str(&checkout.shown("list 4.21 nightly"));
    std::os::unix::fs::symlink("nowhere.json", checkout.folder().join("release-ocp-4.22.json")).unwrap();
    told.push_str(&checkout.shown("list 4.22 nightly"));
    insta::assert_snapshot!(told, @r#"
    {"a": {}}
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21.json: "a" names no Prow job, so there is nothing to run several times; nothing was changed
    {"a": {"aggregatedProwJob": null}}
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21.json: "a" names no Prow job, so there is nothing to run several times; nothing was changed
    {"a": null}
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21.json: the entry "a" is null (line 1, column 18) where an object is needed; nothing was changed
    []
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21.json: line 1, column 12: `verify` is a list where an object is needed
    null
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21.json: line 1, column 12: `verify` is null where an object is needed
    {"a": {"prowJob": {"name": 7}}}
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21.json: "a" names no Prow job, so there is nothing to run several times; nothing was changed
    exit 2
    regatta: core-services/release-controller/_releases/release-ocp-4.21.json: line 1, column 106: is nested over 100 levels deep here, which no release configuration is
    exit 2
    regatta: ROOT/core-services/release-controller/_releases/release-ocp-4.22.json: is a link to nowhere.json, and nothing is there
    "#);
}

#[test]
fn a_refusal_under_strict_tells_scripts_why() {
    let checkout = Checkout::new();
    let ran = checkout.run("aggregate 4.21 nightly --job metal-ipi-ovn-ipv6 --no-make --strict -o json");
    assert_eq!(ran.code, 1);
    let told = ran.json();
    assert_eq!(told["changed"].as_array().unwrap().len(), 0);
    assert_eq!(told["warnings"][0]["rule"], "optional-aggregated");
}

#[test]
fn an_added_job_that_prow_does_not_know_or_of_another_version_is_warned_of() {
    let checkout = Checkout::new();
    let jobs = checkout.program.home.path().join("ci-operator/jobs/openshift/release");
    std::fs::create_dir_all(&jobs).unwrap();
    std::fs::write(
        jobs.join("openshift-release-main-periodics.yaml"),
        "periodics:\n- agent: kubernetes\n  name: periodic-ci-openshift-release-main-nightly-4.20-e2e-aws-ovn\n",
    )
    .unwrap();
    let rules = |job: &str| -> Vec<String> {
        let ran = checkout.run(&format!("add 4.21 nightly --job {job} --key new --dry-run -o json"));
        let rule = |warning: &serde_json::Value| warning["rule"].as_str().unwrap().to_owned();
        ran.json()["warnings"].as_array().unwrap().iter().map(rule).collect()
    };
    assert_eq!(rules("periodic-ci-openshift-release-main-nightly-4.20-e2e-aws-ovn"), ["other-version"]);
    assert_eq!(rules("periodic-ci-openshift-release-main-nightly-4.21-e2e-nowhere"), ["missing-prow-job"]);
}
