//! The sister operations: deaggregate, promote, demote, add.

use regatta_payload::Config;
use regatta_payload::add::{NewJob, add};
use regatta_payload::aggregate::{aggregate, deaggregate};
use regatta_payload::gating::{demote, promote};
use regatta_payload::operate::Plan;

const FILE: &str = r#"{
  "name": "4.21.0-0.nightly",
  "verify": {
    "aws-ovn": {
      "maxRetries": 1,
      "prowJob": {
        "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn"
      }
    },
    "gcp-ovn": {
      "optional": true,
      "prowJob": {
        "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-gcp-ovn"
      }
    },
    "claude-payload-agent": {
      "async": true,
      "optional": true,
      "maxRetries": 0,
      "prowJob": {
        "name": "agent"
      }
    }
  }
}
"#;

fn config(source: &str) -> Config {
    Config::parse(source).unwrap()
}

fn keys(key: &str) -> Vec<String> {
    vec![key.to_owned()]
}

/// The entry's text after a plan.
fn entry(plan: &Plan, key: &str) -> String {
    let after = config(&plan.text);
    let span = after.entry(key).unwrap().span;
    after.text().slice(span).to_owned()
}

#[test]
fn deaggregating_is_the_way_back_byte_for_byte() {
    for key in ["aws-ovn", "gcp-ovn"] {
        let there = aggregate(&config(FILE), &keys(key), None).unwrap();
        let back = deaggregate(&config(&there.text), &keys(key), None).unwrap();
        assert_eq!(back.text, FILE, "{key}");
    }
}

#[test]
fn a_blocking_job_that_is_single_again_has_retries() {
    let source = FILE
        .replace("      \"maxRetries\": 1,\n", "      \"disabled\": false,\n")
        .replace("\"aws-ovn\"", "\"aggregated-aws-ovn\"");
    let source = source.replacen(
        "e2e-aws-ovn\"\n      }",
        "e2e-aws-ovn\"\n      },\n      \"aggregatedProwJob\": {}",
        1,
    );
    let plan = deaggregate(&config(&source), &keys("aws-ovn"), None).unwrap();
    insta::assert_snapshot!(entry(&plan, "aws-ovn"), @r#"
    {
          "maxRetries": 2,
          "disabled": false,
          "prowJob": {
            "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn"
          }
        }
    "#);
}

#[test]
fn promoting_takes_optional_and_async_out_and_sets_two_retries() {
    let plan = promote(&config(FILE), &keys("gcp-ovn"), None).unwrap();
    insta::assert_snapshot!(entry(&plan, "gcp-ovn"), @r#"
    {
          "maxRetries": 2,
          "prowJob": {
            "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-gcp-ovn"
          }
        }
    "#);
    let plan = promote(&config(FILE), &keys("claude-payload-agent"), None).unwrap();
    insta::assert_snapshot!(entry(&plan, "claude-payload-agent"), @r#"
    {
          "maxRetries": 2,
          "prowJob": {
            "name": "agent"
          }
        }
    "#);
    assert_eq!(
        plan.changed[0].also,
        ["optional removed", "async removed, which needs optional", "maxRetries 2 instead of 0"]
    );
}

#[test]
fn demoting_puts_optional_first_and_takes_the_retries_out() {
    let plan = demote(&config(FILE), &keys("aws-ovn")).unwrap();
    insta::assert_snapshot!(entry(&plan, "aws-ovn"), @r#"
    {
          "optional": true,
          "prowJob": {
            "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn"
          }
        }
    "#);
}

#[test]
fn what_is_so_already_stays() {
    assert_eq!(
        promote(&config(FILE), &keys("aws-ovn"), None).unwrap().unchanged,
        ["aws-ovn is blocking already"]
    );
    assert_eq!(demote(&config(FILE), &keys("gcp-ovn")).unwrap().unchanged, ["gcp-ovn is informing already"]);
    assert_eq!(
        deaggregate(&config(FILE), &keys("gcp-ovn"), None).unwrap().unchanged,
        ["gcp-ovn is not aggregated"]
    );
}

#[test]
fn an_unknown_key_is_answered_with_near_ones() {
    let refusal = promote(&config(FILE), &keys("gpc-ovn"), None).unwrap_err();
    insta::assert_snapshot!(refusal, @r#"there is no entry "gpc-ovn" in `verify`; did you mean gcp-ovn?"#);
}

#[test]
fn an_added_job_is_informing_and_an_upgrade_says_where_it_starts() {
    let job = NewJob {
        prow_job: "periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-azure-ovn-upgrade"
            .to_owned(),
        key: None,
    };
    let plan = add(&config(FILE), &[job], "4.21").unwrap();
    insta::assert_snapshot!(plan.text, @r#"
    {
      "name": "4.21.0-0.nightly",
      "verify": {
        "aws-ovn": {
          "maxRetries": 1,
          "prowJob": {
            "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn"
          }
        },
        "azure-ovn-upgrade-4.21-minor": {
          "optional": true,
          "prowJob": {
            "name": "periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-azure-ovn-upgrade"
          },
          "upgrade": true,
          "upgradeFromRelease": {
            "candidate": {
              "stream": "nightly",
              "version": "4.20"
            }
          }
        },
        "gcp-ovn": {
          "optional": true,
          "prowJob": {
            "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-gcp-ovn"
          }
        },
        "claude-payload-agent": {
          "async": true,
          "optional": true,
          "maxRetries": 0,
          "prowJob": {
            "name": "agent"
          }
        }
      }
    }
    "#);
}

#[test]
fn a_job_added_to_an_empty_verify_opens_it() {
    let job = NewJob { prow_job: "periodic-x".to_owned(), key: Some("x".to_owned()) };
    let plan =
        add(&config("{\n  \"name\": \"4.21.0-0.ci\",\n  \"verify\": {}\n}\n"), &[job], "4.21").unwrap();
    insta::assert_snapshot!(plan.text, @r#"
    {
      "name": "4.21.0-0.ci",
      "verify": {
        "x": {
          "optional": true,
          "prowJob": {
            "name": "periodic-x"
          }
        }
      }
    }
    "#);
}

#[test]
fn a_job_or_key_that_is_no_plain_word_is_refused() {
    for (prow_job, key) in [("a b", None), ("", None), ("a", Some("x/../y")), ("a\"", None)] {
        let job = NewJob { prow_job: prow_job.to_owned(), key: key.map(str::to_owned) };
        assert!(add(&config(FILE), &[job], "4.21").is_err(), "{prow_job:?} {key:?}");
    }
}
