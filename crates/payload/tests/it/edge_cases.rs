//! The oddities of real files (reference: payload jobs, c.2), each kept by a conversion.

use regatta_payload::aggregate::aggregate;
use regatta_payload::caution::cautions;
use regatta_payload::operate::Plan;
use regatta_payload::{Config, Malformed};

/// A nightly file around entries given as text.
fn file(verify: &str) -> String {
    format!(
        "{{\n  \"name\": \"4.21.0-0.nightly\",\n  \"to\": \"release\",\n  \"verify\": {{\n{verify}\n  }}\n}}\n"
    )
}

fn converted(source: &str, key: &str) -> Plan {
    let config = Config::parse(source).unwrap();
    aggregate(&config, &[key.to_owned()], None).unwrap()
}

/// Lines that differ, as a diff shows them.
fn diff(before: &str, after: &str) -> String {
    let diff = similar::TextDiff::from_lines(before, after);
    let changed = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal);
    changed.map(|change| format!("{}{change}", change.tag())).collect()
}

fn diff_of(source: &str, key: &str) -> String {
    diff(source, &converted(source, key).text)
}

fn warned(source: &str, key: &str) -> Vec<&'static str> {
    let plan = converted(source, key);
    let after = Config::parse(plan.text).unwrap();
    cautions(&after, &plan.changed).iter().map(|warned| warned.caution.rule()).collect()
}

fn complaint(source: &str) -> Malformed {
    Config::parse(source).unwrap_err()
}

const MODERN: &str = r#"    "aws-ovn-upgrade-4.21-micro": {
      "maxRetries": 2,
      "prowJob": {
        "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn-upgrade"
      },
      "upgrade": true
    }"#;

#[test]
fn a_modern_entry_gets_the_prefix_and_the_field_at_its_end() {
    insta::assert_snapshot!(diff_of(&file(MODERN), "aws-ovn-upgrade-4.21-micro"), @r#"
    -    "aws-ovn-upgrade-4.21-micro": {
    +    "aggregated-aws-ovn-upgrade-4.21-micro": {
    -      "upgrade": true
    +      "upgrade": true,
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    +      }
    "#);
}

#[test]
fn a_comma_after_the_last_entry_is_refused_with_its_place_and_mend() {
    let source = file("    \"proxy\": {\n      \"optional\": true\n    },");
    insta::assert_snapshot!(complaint(&source), @"line 7, column 6: a comma stands after the last entry; remove that comma");
}

#[test]
fn a_closing_brace_glued_to_the_last_value_stays_so() {
    let source = file(
        "    \"azure-ovn-upi\": {\n      \"optional\": true,\n      \"prowJob\": {\n        \"name\": \"j\"\n      },\n      \"disabled\": true},\n    \"x\": {}",
    );
    insta::assert_snapshot!(diff_of(&source, "azure-ovn-upi"), @r#"
    -    "azure-ovn-upi": {
    +    "aggregated-azure-ovn-upi": {
    -      "disabled": true},
    +      "disabled": true,
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    +      }},
    "#);
}

#[test]
fn indentation_astray_inside_an_entry_stays_as_it_is() {
    let source = file(
        "    \"vsphere-ovn-upgrade-minor\": {\n      \"optional\": true,\n      \"prowJob\": {\n        \"name\": \"j\"\n      },\n      \"upgrade\": true,\n      \"upgradeFromRelease\": {\n          \"candidate\": {\n              \"stream\": \"nightly\",\n              \"version\": \"4.17\"\n          }\n      }\n    }",
    );
    insta::assert_snapshot!(diff_of(&source, "vsphere-ovn-upgrade-minor"), @r#"
    -    "vsphere-ovn-upgrade-minor": {
    +    "aggregated-vsphere-ovn-upgrade-minor": {
    +      },
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    "#);
}

#[test]
fn a_closing_brace_astray_stays_where_it_is() {
    let source = file(
        "    \"install-analysis-multi-p-p\": {\n      \"optional\": true,\n      \"multiJobAnalysis\": true,\n            \"prowJob\": {\n                \"name\": \"j\"\n            }\n          }",
    );
    insta::assert_snapshot!(diff_of(&source, "install-analysis-multi-p-p"), @r#"
    -    "install-analysis-multi-p-p": {
    +    "aggregated-install-analysis-multi-p-p": {
    -            }
    +            },
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    +      }
    "#);
    assert!(warned(&source, "install-analysis-multi-p-p").contains(&"analysis-aggregated"));
}

#[test]
fn a_top_level_key_astray_is_not_touched() {
    let source =
        file(MODERN).replace("  \"to\"", "    \"alternateImageRepositorySecretName\": \"s\",\n  \"to\"");
    let after = converted(&source, "aws-ovn-upgrade-4.21-micro").text;
    assert!(after.contains("\n    \"alternateImageRepositorySecretName\": \"s\",\n"));
}

#[test]
fn a_name_without_a_blank_in_a_modern_file_keeps_its_colon() {
    let source = file("    \"telco5g\": {\n      \"prowJob\": {\n        \"name\":\"j\"\n      }\n    }");
    insta::assert_snapshot!(diff_of(&source, "telco5g"), @r#"
    -    "telco5g": {
    +    "aggregated-telco5g": {
    +      "maxRetries": 2,
    +      },
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    "#);
}

#[test]
fn inline_and_modern_entries_in_one_file_each_keep_their_style() {
    let source = file(&format!(
        "{MODERN},\n    \"cnv-upgrade\": {{\n      \"optional\":true,\n      \"upgrade\":true,\n      \"prowJob\":{{\"name\":\"j\"}}\n    }}"
    ));
    insta::assert_snapshot!(diff_of(&source, "cnv-upgrade"), @r#"
    -    "cnv-upgrade": {
    +    "aggregated-cnv-upgrade": {
    -      "prowJob":{"name":"j"}
    +      "prowJob":{"name":"j"},
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    +      }
    "#);
}

#[test]
fn keys_with_and_without_a_blank_before_the_brace_stay_so() {
    let source = file(
        "    \"metal-ipi-serial\":{\n      \"maxRetries\": 3,\n      \"prowJob\":{\"name\":\"j\"}\n    },\n    \"x\": {}",
    );
    insta::assert_snapshot!(diff_of(&source, "metal-ipi-serial"), @r#"
    -    "metal-ipi-serial":{
    +    "aggregated-metal-ipi-serial":{
    -      "prowJob":{"name":"j"}
    +      "prowJob":{"name":"j"},
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    +      }
    "#);
}

#[test]
fn optional_with_and_without_a_blank_stays_so() {
    let source = file(
        "    \"alibaba-csi\": {\n      \"optional\":true,\n      \"prowJob\":{\"name\":\"j\"}\n    },\n    \"y\": {\n      \"optional\": true\n    }",
    );
    insta::assert_snapshot!(diff_of(&source, "alibaba-csi"), @r#"
    -    "alibaba-csi": {
    +    "aggregated-alibaba-csi": {
    -      "prowJob":{"name":"j"}
    +      "prowJob":{"name":"j"},
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    +      }
    "#);
}

#[test]
fn no_final_newline_stays_none_and_two_stay_two() {
    for end in ["", "\n", "\n\n"] {
        let source = format!("{}{end}", file(MODERN).trim_end());
        let after = converted(&source, "aws-ovn-upgrade-4.21-micro").text;
        assert_eq!(after.len() - after.trim_end().len(), end.len());
    }
}

#[test]
fn an_empty_verify_has_nothing_to_choose() {
    for verify in ["{}", "{\n  }"] {
        let config = Config::parse(format!("{{\n  \"verify\": {verify}\n}}\n")).unwrap();
        assert!(config.entries().is_empty());
        let refusal = aggregate(&config, &["aws".to_owned()], None).unwrap_err();
        assert_eq!(refusal.to_string(), "there is no entry \"aws\" in `verify`, which is empty");
    }
}

#[test]
fn verify_need_not_be_the_last_key_and_a_stable_stream_has_no_short_keys() {
    let source = "{\n  \"name\":\"4-stable\",\n  \"as\": \"Stable\",\n  \"verify\":{\n    \"upgrade\":{\n      \"upgrade\":true,\n      \"maxRetries\": 2,\n      \"prowJob\":{\"name\":\"j\"}\n    }\n  },\n  \"upgrade\": {\n    \"upgrade\": {\n      \"prowJob\":{\"name\":\"j\"}\n    }\n  }\n}\n";
    insta::assert_snapshot!(diff_of(source, "upgrade"), @r#"
    -    "upgrade":{
    +    "aggregated-upgrade":{
    -      "prowJob":{"name":"j"}
    +      "prowJob":{"name":"j"},
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    +      }
    "#);
    assert!(warned(source, "upgrade").is_empty());
}

#[test]
fn a_file_without_to_or_check_is_converted_all_the_same() {
    let source = file(MODERN).replace("  \"to\": \"release\",\n", "");
    assert_eq!(converted(&source, "aws-ovn-upgrade-4.21-micro").changed.len(), 1);
}

#[test]
fn an_informing_job_is_converted_with_a_word_on_todays_rule() {
    let source = file(
        "    \"metal-ovn-upgrade-ipv6-ipi\": {\n      \"optional\": true,\n      \"prowJob\": {\n        \"name\": \"j\"\n      }\n    }",
    );
    insta::assert_snapshot!(diff_of(&source, "metal-ovn-upgrade-ipv6-ipi"), @r#"
    -    "metal-ovn-upgrade-ipv6-ipi": {
    +    "aggregated-metal-ovn-upgrade-ipv6-ipi": {
    +      },
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    "#);
    assert_eq!(warned(&source, "metal-ovn-upgrade-ipv6-ipi"), ["optional-aggregated"]);
}

#[test]
fn a_blocking_job_without_retries_gets_two_where_its_neighbours_have_them() {
    let plain = "    \"aws-sdn-serial\": {\n      \"prowJob\": {\n        \"name\": \"k\"\n      }\n    }";
    insta::assert_snapshot!(diff_of(&file(&format!("{MODERN},\n{plain}")), "aws-sdn-serial"), @r#"
    -    "aws-sdn-serial": {
    +    "aggregated-aws-sdn-serial": {
    +      "maxRetries": 2,
    +      },
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    "#);
    let after_upgrade = MODERN
        .replace("      \"maxRetries\": 2,\n", "")
        .replace("\"upgrade\": true", "\"upgrade\": true,\n      \"maxRetries\": 2");
    let upgrade = "    \"gcp-ovn-upgrade\": {\n      \"upgrade\": true,\n      \"prowJob\": {\n        \"name\": \"g\"\n      }\n    }";
    insta::assert_snapshot!(diff_of(&file(&format!("{after_upgrade},\n{upgrade}")), "gcp-ovn-upgrade"), @r#"
    -    "gcp-ovn-upgrade": {
    +    "aggregated-gcp-ovn-upgrade": {
    +      "maxRetries": 2,
    +      },
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    "#);
}

#[test]
fn retries_that_are_there_are_kept_whatever_they_are() {
    for retries in ["1", "3"] {
        let source = file(&MODERN.replace("\"maxRetries\": 2", &format!("\"maxRetries\": {retries}")));
        let config = Config::parse(source.clone()).unwrap();
        let plan = aggregate(&config, &["aws-ovn-upgrade-4.21-micro".to_owned()], Some(5)).unwrap();
        assert!(plan.text.contains(&format!("\"maxRetries\": {retries}")));
    }
}

#[test]
fn a_key_with_the_prefix_but_no_field_gets_the_field_only() {
    let source = file(&MODERN.replace("aws-ovn-upgrade-4.21-micro", "aggregated-aws-ovn-upgrade-4.21-micro"));
    let plan = converted(&source, "aws-ovn-upgrade-4.21-micro");
    assert_eq!(plan.changed[0].to, "aggregated-aws-ovn-upgrade-4.21-micro");
    assert_eq!(plan.text.matches("aggregated-").count(), 1);
    assert!(plan.text.contains("analysisJobCount"));
}

#[test]
fn an_aggregated_entry_without_the_prefix_is_left_alone() {
    let source = file(
        "    \"aws\": {\n      \"prowJob\": {\n        \"name\": \"j\"\n      },\n      \"aggregatedProwJob\": {\n        \"analysisJobCount\": 7\n      }\n    }",
    );
    let plan = converted(&source, "aws");
    assert_eq!(plan.text, source);
    assert_eq!(plan.unchanged, ["aws is aggregated already, 7 runs a payload"]);
}

#[test]
fn a_key_that_would_exist_twice_is_refused_and_a_near_miss_is_not() {
    let twin = MODERN.replace("aws-ovn-upgrade-4.21-micro", "aggregated-aws-ovn-upgrade-4.21-micro");
    let config = Config::parse(file(&format!("{MODERN},\n{twin}"))).unwrap();
    let refusal = aggregate(&config, &["aws-ovn-upgrade-4.21-micro".to_owned()], None).unwrap_err();
    insta::assert_snapshot!(refusal, @r#""aggregated-aws-ovn-upgrade-4.21-micro" exists already (line 12, column 5), so "aws-ovn-upgrade-4.21-micro" cannot become it; rename or remove one of the two first"#);
    let near = MODERN.replace("aws-ovn-upgrade-4.21-micro", "aws-ovn-upgrade-micro");
    let source = file(&format!("{near},\n{twin}"));
    assert_eq!(converted(&source, "aws-ovn-upgrade-micro").changed.len(), 1);
    assert_eq!(warned(&source, "aws-ovn-upgrade-micro"), ["same-prow-job"]);
}

#[test]
fn doing_it_again_changes_nothing() {
    let once = converted(&file(MODERN), "aws-ovn-upgrade-4.21-micro").text;
    for key in ["aws-ovn-upgrade-4.21-micro", "aggregated-aws-ovn-upgrade-4.21-micro"] {
        let again = converted(&once, key);
        assert_eq!((again.text.as_str(), again.changed.len()), (once.as_str(), 0));
    }
}

#[test]
fn where_an_upgrade_starts_is_kept_whichever_way_it_is_said() {
    for from in [
        "\"upgradeFromRelease\": {\n        \"candidate\": {\n          \"stream\": \"stable\",\n          \"version\": \"4.7\",\n          \"relative\": 1\n        }\n      }",
        "\"upgradeFromRelease\": {\n        \"candidate\": {\n          \"stream\": \"nightly\",\n          \"version\": \"4.22\"\n        }\n      }",
        "\"upgradeFrom\": \"PreviousMinor\"",
    ] {
        let source = file(&MODERN.replace("\"upgrade\": true", &format!("\"upgrade\": true,\n      {from}")));
        assert!(converted(&source, "aws-ovn-upgrade-4.21-micro").text.contains(from));
    }
}

#[test]
fn an_async_job_is_converted_only_with_a_warning_and_never_given_retries() {
    let source = file(
        "    \"claude-payload-agent\": {\n      \"optional\": true,\n      \"async\": true,\n      \"multiJobAnalysis\": true,\n      \"prowJob\": {\n        \"name\": \"j\"\n      }\n    }",
    );
    assert_eq!(
        warned(&source, "claude-payload-agent"),
        ["optional-aggregated", "async-aggregated", "analysis-aggregated"]
    );
    let config = Config::parse(source).unwrap();
    let refusal = aggregate(&config, &["claude-payload-agent".to_owned()], Some(2)).unwrap_err();
    insta::assert_snapshot!(refusal, @r#""claude-payload-agent" is async, and the release controller refuses retries on an async job; leave --max-retries out"#);
}

#[test]
fn qualifiers_with_an_empty_object_are_kept() {
    let source =
        file(&MODERN.replace("\"upgrade\": true", "\"qualifiers\": {\n        \"fips\": {}\n      }"));
    assert!(converted(&source, "aws-ovn-upgrade-4.21-micro").text.contains("\"fips\": {}\n"));
}

#[test]
fn a_key_that_ends_like_a_retry_is_warned_of() {
    let source = file(&MODERN.replace("aws-ovn-upgrade-4.21-micro", "driver-toolkit-10"));
    assert_eq!(warned(&source, "driver-toolkit-10"), ["name-like-retry"]);
}

#[test]
fn a_short_key_is_warned_of_by_the_length_of_the_run_name() {
    for (key, short) in [("azure", true), ("sixsix", true), ("seven77", false)] {
        let source = file(&MODERN.replace("aws-ovn-upgrade-4.21-micro", key));
        assert_eq!(warned(&source, key).contains(&"short-key"), short, "{key}");
        let ci = source.replace("4.21.0-0.nightly", "4.21.0-0.ci");
        assert!(warned(&ci, key).contains(&"short-key"), "{key} in a ci stream");
    }
}

#[test]
fn a_disabled_entry_is_converted_with_a_word_on_it() {
    let source = file(&MODERN.replace("\"upgrade\": true", "\"disabled\": true"));
    assert_eq!(warned(&source, "aws-ovn-upgrade-4.21-micro"), ["disabled"]);
}

#[test]
fn an_obsolete_field_elsewhere_is_not_touched() {
    let source =
        file(MODERN).replace("  \"to\"", "  \"publish\":{\n    \"bugs\":{\"verifyBugs\":{}}\n  },\n  \"to\"");
    assert!(converted(&source, "aws-ovn-upgrade-4.21-micro").text.contains("\"bugs\":{\"verifyBugs\":{}}"));
}

#[test]
fn a_key_that_stands_twice_is_refused_with_both_places() {
    let config = Config::parse(file(&format!("{MODERN},\n{MODERN}"))).unwrap();
    let refusal = aggregate(&config, &["aws-ovn-upgrade-4.21-micro".to_owned()], None).unwrap_err();
    insta::assert_snapshot!(refusal, @r#""verify.aws-ovn-upgrade-4.21-micro" stands twice in one object (line 5, column 5 and line 12, column 5); remove one of them first"#);
}

#[test]
fn windows_line_ends_and_tabs_are_kept() {
    let source = file(MODERN).replace("  ", "\t").replace('\n', "\r\n");
    let after = converted(&source, "aws-ovn-upgrade-4.21-micro").text;
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
    assert!(
        after.contains(
            "\r\n\t\t\t\"aggregatedProwJob\": {\r\n\t\t\t\t\"analysisJobCount\": 10\r\n\t\t\t}\r\n"
        )
    );
}

#[test]
fn several_entries_are_converted_at_once() {
    let source = file(&format!(
        "{MODERN},\n{}",
        MODERN.replace("aws-ovn-upgrade-4.21-micro", "gcp-ovn-upgrade-4.21-micro").replace("-aws-", "-gcp-")
    ));
    let config = Config::parse(source).unwrap();
    let keys = ["gcp-ovn-upgrade-4.21-micro", "aws-ovn-upgrade-4.21-micro", "gcp-ovn-upgrade-4.21-micro"];
    let plan = aggregate(&config, &keys.map(str::to_owned), None).unwrap();
    let changed: Vec<&str> = plan.changed.iter().map(|change| change.to.as_str()).collect();
    assert_eq!(changed, ["aggregated-gcp-ovn-upgrade-4.21-micro", "aggregated-aws-ovn-upgrade-4.21-micro"]);
}

#[test]
fn an_aggregation_that_is_null_counts_as_none() {
    let source = file(&MODERN.replace("\"upgrade\": true", "\"aggregatedProwJob\": null"));
    let plan = converted(&source, "aws-ovn-upgrade-4.21-micro");
    assert!(plan.text.contains("\"aggregatedProwJob\": {\n        \"analysisJobCount\": 10\n      }\n    }"));
    assert_eq!(plan.text.matches("aggregatedProwJob").count(), 1);
}

#[test]
fn what_is_added_in_an_inline_file_is_spread_as_such_files_have_it() {
    let source = "{\n  \"maxUnreadyReleases\": 1,\n  \"verify\":{\n    \"aws-serial\":{\n      \"prowJob\":{\"name\":\"j\"}\n    }\n  }\n}\n";
    insta::assert_snapshot!(diff_of(source, "aws-serial"), @r#"
    -    "aws-serial":{
    -      "prowJob":{"name":"j"}
    +    "aggregated-aws-serial":{
    +      "maxRetries": 2,
    +      "prowJob":{"name":"j"},
    +      "aggregatedProwJob": {
    +        "analysisJobCount": 10
    +      }
    "#);
}
