//! What `check` says of a configuration by what lies around it: its private counterpart, the folder of Prow's jobs; and the
//! form for code scanning.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use regatta_payload::check::jobs::Jobs;
use regatta_payload::check::rules::ALL;
use regatta_payload::check::{
    Counterpart, Origin, Report, Sibling, Subject, Unreadable, check, check_among, sarif,
};
use regatta_payload::{Config, private};

/// What is found, as people read it.
fn told(report: &Report) -> String {
    report.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A configuration of a nightly stream with these entries.
fn verify(entries: &str) -> String {
    format!("{{\"name\": \"4.21.0-0.nightly\", \"verify\": {{{entries}}}}}")
}

const PUBLIC: &str = r#"{
  "name": "4.21.0-0.nightly",
  "message": "m",
  "to": "release",
  "verify": {
    "aws-ovn": {
      "maxRetries": 2,
      "prowJob": {
        "name": "job"
      }
    }
  }
}
"#;

fn derived() -> String {
    private::derive(&Config::parse(PUBLIC).unwrap()).unwrap()
}

fn pair(private: &str) -> Report {
    let file = "priv/release-ocp-4.21.json".to_owned();
    let counterpart = Counterpart::There { file, bytes: private.into() };
    check(&[Subject { counterpart, ..Subject::public("release-ocp-4.21.json", PUBLIC) }], None)
}

#[test]
fn a_private_file_is_compared_with_what_its_public_one_makes() {
    let told = |private: &str| told(&pair(private));
    assert_eq!(told(&derived()), "");
    let other = derived().replace("\"maxRetries\": 2", "\"maxRetries\": 3, \"optional\": true");
    insta::assert_snapshot!(told(&other), @"
    priv/release-ocp-4.21.json:8:27: error[private-stale] is not what release-ocp-4.21.json makes: verify.aws-ovn.maxRetries differs, verify.aws-ovn.optional is too much
        mend: run make release-controllers
    ");
    // The same data in another form fails the comparison as well.
    insta::assert_snapshot!(told(&format!("{}\n", derived())), @"
    priv/release-ocp-4.21.json:14:2: error[private-stale] holds what release-ocp-4.21.json makes, but not byte for byte as the generator writes it
        mend: run make release-controllers
    ");
    insta::assert_snapshot!(told("{"), @"
    priv/release-ocp-4.21.json:1:2: error[private-stale] is not what release-ocp-4.21.json makes
        mend: run make release-controllers
    ");
    // A public file that nothing can be made of is told by its own faults.
    let broken = Subject {
        counterpart: Counterpart::There { file: "priv/x.json".to_owned(), bytes: b"{}".to_vec() },
        ..Subject::public("x.json", "{")
    };
    insta::assert_snapshot!(self::told(&check(&[broken], None)), @"
    x.json:1:1: error[malformed] is no valid JSON: EOF while parsing an object
        mend: mend the JSON where the message points
    ");
}

#[test]
fn a_private_file_without_its_pair_is_told() {
    let missing = |origin, file: &str, other: &str, config: &str| Subject {
        origin,
        counterpart: Counterpart::Missing { file: other.to_owned() },
        ..Subject::public(file, config)
    };
    let public = missing(Origin::Public, "a.json", "priv/a.json", PUBLIC);
    let private = missing(Origin::Private, "priv/b.json", "b.json", &derived());
    insta::assert_snapshot!(told(&check(&[public, private], None)), @"
    a.json:1:1: warning[private-missing] has no private file: priv/a.json is not there
        mend: run make release-controllers
    priv/b.json:1:1: warning[private-orphan] has no public file: b.json is not there
        mend: remove the file, or add the public one
    ");
}

#[test]
fn a_private_file_is_mended_through_its_public_one() {
    let entry =
        "\"driver-toolkit-10\": {\"prowJob\": {\"name\": \"job\"}, \"disabled\": true, \"disabled\": true}";
    let config = verify(entry);
    let subject = Subject { origin: Origin::Private, ..Subject::public("priv/release-ocp-5.0.json", config) };
    insta::assert_snapshot!(told(&check(&[subject], None)), @r#"
    priv/release-ocp-5.0.json:1:41: error[name-like-retry] verify.driver-toolkit-10: a key that ends in -10 reads as retry 10 of another entry
        mend: correct the public file where it says the same, then run make release-controllers, which writes this file anew
    priv/release-ocp-5.0.json:1:83: error[private-job-name] verify.driver-toolkit-10: a private file names the Prow job "job", which does not contain "priv"
        mend: correct the public file where it says the same, then run make release-controllers, which writes this file anew
    priv/release-ocp-5.0.json:1:109: warning[duplicate-key] verify.driver-toolkit-10.disabled stands here again, first at line 1, column 91; the last one counts
        mend: correct the public file where it says the same, then run make release-controllers, which writes this file anew
    "#);
}

/// A folder of Prow jobs with these files.
fn jobs_folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn jobs_that_prow_does_not_know_are_told() {
    let ours = "periodics:\n- agent: kubernetes\n  name: periodic-ci-openshift-release-main-e2e-aws\n  spec:\n    containers:\n    - name: known-not\n";
    let folder = jobs_folder(&[
        ("openshift/release/openshift-release-main-periodics.yaml", ours),
        ("openshift/multiarch/any.yaml", "periodics:\n- name: periodic-ci-openshift-multiarch-main-e2e\n"),
        ("openshift/release/presubmits.yaml", "presubmits:\n  openshift/release:\n  - name: pull-ci\n"),
        ("openshift/release/deeper/x.yaml", "periodics:\n- name: too-deep\n"),
    ]);
    let entries = [
        "periodic-ci-openshift-release-main-e2e-aws",
        "periodic-ci-openshift-multiarch-main-e2e",
        "periodic-ci-openshift-release-main-e2e-awss",
        "known-not",
        "pull-ci",
        "too-deep",
        "periodic-ci-openshift-hypershift-main-e2e",
    ];
    let entries: Vec<String> = entries
        .iter()
        .map(|job| format!("\"key-of-{}\": {{\"prowJob\": {{\"name\": {job:?}}}}}", job.replace("-", "")))
        .collect();
    let aggregated = r#""aggregated-aws-ovn-upgrade-4.21-micro": {"maxRetries": 2, "disabled": false,
        "prowJob": {"name": "periodic-ci-openshift-release-main-e2e-gcp"},
        "aggregatedProwJob": {"prowJob": {"name": "my-aggregator"}, "analysisJobCount": 10}}"#;
    let config = verify(&format!("{},\n{aggregated}", entries.join(",\n")));
    let told = |folder: &std::path::Path| {
        self::told(&check(&[Subject::public("file.json", config.clone())], Jobs::at(folder).as_ref()))
    };
    insta::assert_snapshot!(told(folder.path()), @"
    file.json:3:70: error[missing-prow-job] verify.key-of-periodicciopenshiftreleasemaine2eawss: periodic-ci-openshift-release-main-e2e-awss is no periodic of openshift/release or openshift/multiarch
        mend: did you mean periodic-ci-openshift-release-main-e2e-aws?
    file.json:4:41: error[missing-prow-job] verify.key-of-knownnot: known-not is no periodic of openshift/release or openshift/multiarch
        mend: correct the name, or add the job to ci-operator/config and run make jobs
    file.json:5:39: error[missing-prow-job] verify.key-of-pullci: pull-ci is no periodic of openshift/release or openshift/multiarch
        mend: correct the name, or add the job to ci-operator/config and run make jobs
    file.json:6:40: error[missing-prow-job] verify.key-of-toodeep: too-deep is no periodic of openshift/release or openshift/multiarch
        mend: correct the name, or add the job to ci-operator/config and run make jobs
    file.json:7:69: warning[missing-prow-job] verify.key-of-periodicciopenshifthypershiftmaine2e: periodic-ci-openshift-hypershift-main-e2e is no periodic of openshift/release or openshift/multiarch, and the folder of openshift/hypershift… is not at hand
        mend: look in a whole checkout, or correct the name
    file.json:9:29: error[missing-prow-job] verify.aggregated-aws-ovn-upgrade-4.21-micro: periodic-ci-openshift-release-main-e2e-gcp is no periodic of openshift/release or openshift/multiarch
        mend: correct the name, or add the job to ci-operator/config and run make jobs
    file.json:10:51: warning[no-aggregator-job] verify.aggregated-aws-ovn-upgrade-4.21-micro: not validated by the controller, but my-aggregator is no periodic of openshift/release or openshift/multiarch
        mend: correct the name, or remove it for the usual aggregator
    ");
    // In a whole checkout the job of another repository is found there, or it does not exist.
    let elsewhere = folder.path().join("openshift/hypershift");
    std::fs::create_dir_all(&elsewhere).unwrap();
    assert!(
        told(folder.path())
            .contains("error[missing-prow-job] verify.key-of-periodicciopenshifthypershiftmaine2e")
    );
    std::fs::write(
        elsewhere.join("p.yaml"),
        "periodics:\n- name: periodic-ci-openshift-hypershift-main-e2e\n",
    )
    .unwrap();
    assert!(!told(folder.path()).contains("hypershift"));
}

/// What is said of jobs, given the files of jobs in `openshift/release`.
fn told_of_jobs(jobs: &[&str], files: &[(&str, &str)]) -> Report {
    let files: Vec<(String, &str)> =
        files.iter().map(|(name, text)| (format!("openshift/release/{name}"), *text)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let folder = jobs_folder(&files);
    let entries: Vec<String> =
        jobs.iter().map(|job| format!("\"key-of-{job}\": {{\"prowJob\": {{\"name\": {job:?}}}}}")).collect();
    let config = verify(&entries.join(",\n"));
    let mut report = check(&[Subject::public("file.json", config)], Jobs::at(folder.path()).as_ref());
    for note in &mut report.notes {
        *note = note.replace(folder.path().to_str().unwrap(), "JOBS");
    }
    report
}

#[test]
fn a_job_is_found_however_its_file_is_written() {
    for text in [
        "periodics:\n- {name: periodic-flow}\n",
        "periodics:\n- \"name\": periodic-flow\n",
        "periodics:\n- name : periodic-flow\n",
        "periodics:\n- name: >-\n    periodic-flow\n",
        "presubmits: {}\n---\nperiodics:\n- name: periodic-flow\n",
        "{\n  \"periodics\": [\n    {\"name\": \"periodic-flow\"}\n  ]\n}\n",
    ] {
        let files = [("flow.yaml", text), ("usual.yaml", "periodics:\n- name: periodic-usual\n")];
        assert_eq!(told(&told_of_jobs(&["periodic-flow", "periodic-usual"], &files)), "", "{text}");
        assert!(
            told(&told_of_jobs(&["periodic-slow"], &files)).contains("error[missing-prow-job]"),
            "{text}"
        );
    }
}

#[test]
fn while_a_file_of_jobs_cannot_be_read_a_missing_job_is_a_warning() {
    let broken = ("broken.yaml", "periodics:\n- name: periodic-one\n- name: [periodic\n");
    let report = told_of_jobs(&["periodic-one", "periodic-two", "periodic-onne"], &[broken]);
    insta::assert_snapshot!(told(&report), @"
    file.json:2:45: warning[missing-prow-job] verify.key-of-periodic-two: periodic-two is no periodic of openshift/release or openshift/multiarch as far as they can be read: openshift/release/broken.yaml is no YAML (line 3: did not find expected ',' or ']')
        mend: mend openshift/release/broken.yaml, or correct the name
    file.json:3:46: warning[missing-prow-job] verify.key-of-periodic-onne: periodic-onne is no periodic of openshift/release or openshift/multiarch as far as they can be read: openshift/release/broken.yaml is no YAML (line 3: did not find expected ',' or ']')
        mend: did you mean periodic-one?
    ");
    insta::assert_snapshot!(report.notes.join("\n"), @"JOBS/openshift/release/broken.yaml: is no YAML (line 3: did not find expected ',' or ']'); jobs that are found nowhere else may be in it");
    let more = told_of_jobs(&["periodic-two"], &[broken, ("half.yaml", "periodics: [")]);
    insta::assert_snapshot!(told(&more), @"
    file.json:1:85: warning[missing-prow-job] verify.key-of-periodic-two: periodic-two is no periodic of openshift/release or openshift/multiarch as far as they can be read: openshift/release/broken.yaml is no YAML (line 3: did not find expected ',' or ']'); 1 more cannot be read either
        mend: mend openshift/release/broken.yaml, or correct the name
    ");
    // Where every job is found nobody asks.
    assert_eq!(told_of_jobs(&["periodic-one"], &[broken]).notes, [""; 0]);
}

#[test]
fn periodics_are_compared_with_those_of_the_files_that_are_not_given() {
    let periodic = |key: &str, job: &str| {
        format!(
            "{{\"name\": \"x\", \"periodic\": {{{key:?}: {{\"interval\": \"6h\", \"prowJob\": {{\"name\": {job:?}}}}}}}}}"
        )
    };
    let given = |file: &str, folder: Option<&str>| Subject {
        folder: folder.map(Into::into),
        ..Subject::public(file, periodic("aws", "job"))
    };
    let mut asked = Vec::new();
    let report = check_among(
        &[
            given("one/a.json", Some("one")),
            given("two/a.json", Some("two")),
            Subject { folder: Some("three".into()), ..Subject::public("three/a.json", "{\"name\": \"x\"}") },
        ],
        |folder| {
            asked.push(folder.to_owned());
            let there =
                |name: &str, contents| Sibling { file: folder.join(name).display().to_string(), contents };
            let twice = format!("{},", periodic("gcp", "job"));
            vec![
                there(
                    "b.json",
                    Ok(periodic("gcp", if folder.ends_with("one") { "job" } else { "other" }).into()),
                ),
                there("c.json", Ok(periodic("c", "other").into())),
                there("d.json", Ok(twice.into())),
                there("e.json", Err("is a device".to_owned())),
            ]
        },
        None,
    );
    // One folder's files are not read together with another's, and what the others do to each other is not told.
    insta::assert_snapshot!(told(&report), @"
    one/a.json:1:74: error[periodic-duplicate] periodic.aws: periodic.gcp of one/b.json starts the Prow job job as well
        mend: remove one of the periodics, or give it a job of its own
    ");
    insta::assert_snapshot!(report.notes.join("\n"), @"
    one/d.json: line 1, column 83: is no valid JSON: trailing characters; its periodics were not compared
    one/e.json: is a device; its periodics were not compared
    two/d.json: line 1, column 83: is no valid JSON: trailing characters; its periodics were not compared
    two/e.json: is a device; its periodics were not compared
    ");
    assert_eq!(
        asked,
        [std::path::Path::new("one"), std::path::Path::new("two")],
        "only where there are periodics"
    );
}

#[test]
fn sarif_says_what_could_not_be_read() {
    let report = Report { notes: vec!["x.yaml: is no YAML".to_owned()], ..Report::default() };
    let unreadable = Unreadable { file: "a.json".to_owned(), why: "is a folder".to_owned() };
    let invocation = |unreadable: &[Unreadable]| {
        sarif::log(&report, unreadable, "1.2.3", |file| format!("core-services/{file}"))["runs"][0]["invocations"][0]
            .clone()
    };
    insta::assert_snapshot!(serde_json::to_string_pretty(&invocation(&[unreadable])).unwrap(), @r#"
    {
      "executionSuccessful": false,
      "toolExecutionNotifications": [
        {
          "level": "error",
          "message": {
            "text": "a.json: is a folder"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "core-services/a.json",
                  "uriBaseId": "SRCROOT"
                }
              }
            }
          ]
        },
        {
          "level": "note",
          "message": {
            "text": "x.yaml: is no YAML"
          }
        }
      ]
    }
    "#);
    assert_eq!(invocation(&[])["executionSuccessful"], true);
}

#[test]
fn without_the_folder_of_jobs_nothing_is_said_of_them() {
    assert_eq!(Jobs::at(tempfile::tempdir().unwrap().path()), None);
    assert_eq!(told(&check(&[Subject::public("file.json", PUBLIC)], None)), "");
}

#[test]
fn private_files_name_private_jobs() {
    let subject = |job: &str| Subject {
        origin: Origin::Private,
        ..Subject::public("priv/release-ocp-5.0.json", PUBLIC.replace("\"job\"", job))
    };
    insta::assert_snapshot!(told(&check(&[subject("\"job\"")], None)), @r#"
    priv/release-ocp-5.0.json:9:17: error[private-job-name] verify.aws-ovn: a private file names the Prow job "job", which does not contain "priv"
        mend: correct the public file where it says the same, then run make release-controllers, which writes this file anew
    "#);
    assert_eq!(told(&check(&[subject("\"job-priv\"")], None)), "");
}

#[test]
fn a_public_file_that_stops_the_generator_is_told() {
    let counterpart = || Counterpart::Missing { file: "priv/a.json".to_owned() };
    let with = |config: String| Subject { counterpart: counterpart(), ..Subject::public("a.json", config) };
    let without_message = PUBLIC.replace("  \"message\": \"m\",\n", "");
    insta::assert_snapshot!(told(&check(&[with(without_message)], None)), @"a.json:1:1: warning[private-underivable] the generator cannot derive the private file: message is missing, and the generator stops without it; add it");
    // What an entry lacks is told once, as the entry's fault; a file that is no JSON has no other.
    let without_job = PUBLIC.replace("\"name\": \"job\"", "");
    let rules = |config: String| {
        check(&[with(config)], None).findings.iter().map(|finding| finding.rule.id).collect::<Vec<_>>()
    };
    assert_eq!([rules(without_job), rules("{".to_owned())], [["no-prow-job"], ["malformed"]]);
}

#[test]
fn sarif_has_what_code_scanning_asks_for() {
    let config = verify("\"aws-ovn\": {\"prowJob\": {\"name\": \"job\"}, \"Optional\": true}");
    let report = check(&[Subject::public("file.json", config)], None);
    let log = sarif::log(&report, &[], "1.2.3", |file| format!("core-services/{file}"));
    let run = &log["runs"][0];
    assert_eq!(
        (log["version"].as_str(), run["tool"]["driver"]["rules"].as_array().unwrap().len()),
        (Some("2.1.0"), ALL.len())
    );
    let result = &run["results"][0];
    assert_eq!(
        run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize]["id"],
        result["ruleId"]
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(result).unwrap(), @r#"
    {
      "ruleId": "odd-case",
      "ruleIndex": 21,
      "level": "warning",
      "message": {
        "text": "verify.aws-ovn: not validated by the controller, but \"Optional\" is only read as \"optional\" by readers that ignore case. What to do: write \"optional\"."
      },
      "locations": [
        {
          "physicalLocation": {
            "artifactLocation": {
              "uri": "core-services/file.json",
              "uriBaseId": "SRCROOT"
            },
            "region": {
              "startLine": 1,
              "startColumn": 81,
              "endLine": 1,
              "endColumn": 91,
              "byteOffset": 80,
              "byteLength": 10
            }
          },
          "logicalLocations": [
            {
              "fullyQualifiedName": "verify.aws-ovn",
              "kind": "object"
            }
          ]
        }
      ],
      "partialFingerprints": {
        "regatta/v1": "odd-case:verify.aws-ovn"
      }
    }
    "#);
    insta::assert_snapshot!(serde_json::to_string_pretty(&run["tool"]["driver"]["rules"][4]).unwrap(), @r#"
    {
      "id": "async-needs-optional",
      "name": "AsyncNeedsOptional",
      "shortDescription": {
        "text": "async needs optional"
      },
      "fullDescription": {
        "text": "A job that acceptance does not wait for cannot block acceptance."
      },
      "help": {
        "text": "A job that acceptance does not wait for cannot block acceptance.\n\nHeld by the release controller's validation: openshift/release-controller cmd/release-controller/config_validate.go.\n\nWhat to do: add \"optional\": true, or remove async.",
        "markdown": "A job that acceptance does not wait for cannot block acceptance.\n\nHeld by the release controller's validation: openshift/release-controller cmd/release-controller/config_validate.go.\n\nWhat to do: add \"optional\": true, or remove async."
      },
      "defaultConfiguration": {
        "level": "error"
      },
      "properties": {
        "tags": [
          "release-controller",
          "controller"
        ],
        "precision": "high",
        "problem.severity": "error"
      }
    }
    "#);
}
