//! `check` as its callers use it: each rule broken by itself, what must not be told, and that nothing makes it panic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use proptest::prelude::*;
use regatta_payload::check::jobs::Jobs;
use regatta_payload::check::rules::ALL;
use regatta_payload::check::{Counterpart, Finding, Origin, Report, Subject, check, sarif};
use std::collections::BTreeSet;

/// Checks one public file.
fn checked(config: &str) -> Report {
    check(&[Subject::public("file.json", config)], None)
}

/// What is found, a finding a line, without the file and the mend.
fn found(report: &Report) -> String {
    let line =
        |f: &Finding| format!("{}:{} {}[{}] {}", f.place.line, f.place.column, f.level, f.rule.id, f.told());
    report.findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn says(config: &str) -> String {
    found(&checked(config))
}

/// A configuration of a nightly stream with one entry, which has a Prow job and these fields besides.
fn entry(fields: &str) -> String {
    named_entry("aws-ovn-upgrade-4.21-micro", fields)
}

fn named_entry(key: &str, fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { ", " };
    verify(&format!("{key:?}: {{\"prowJob\": {{\"name\": \"job\"}}{comma}{fields}}}"))
}

fn aggregated(fields: &str, aggregated: &str) -> String {
    let fields = format!("{fields}{}", if fields.is_empty() { "" } else { ", " });
    named_entry(
        "aggregated-aws-ovn-upgrade-4.21-micro",
        &format!("{fields}\"aggregatedProwJob\": {aggregated}"),
    )
}

fn verify(entries: &str) -> String {
    format!("{{\"name\": \"4.21.0-0.nightly\", \"verify\": {{{entries}}}}}")
}

fn periodic(fields: &str) -> String {
    format!(
        "{{\"name\": \"4.21.0-0.nightly\", \"periodic\": {{\"aws\": {{\"prowJob\": {{\"name\": \"job\"}}, {fields}}}}}}}"
    )
}

fn top(fields: &str) -> String {
    format!("{{\"name\": \"4.21.0-0.nightly\", {fields}}}")
}

/// Configurations that each break one rule and no other.
fn zoo() -> Vec<(&'static str, String)> {
    vec![
        ("malformed", "{\"name\": \"x\",}".to_owned()),
        ("unknown-field", entry("\"optinal\": true")),
        ("wrong-type", entry("\"optional\": \"true\"")),
        ("bad-duration", top("\"expires\": \"7d\"")),
        ("async-needs-optional", entry("\"async\": true")),
        ("async-excludes-retries", entry("\"async\": true, \"optional\": true, \"maxRetries\": 2")),
        (
            "upgrade-from-both",
            entry(
                "\"upgrade\": true, \"upgradeFrom\": \"Previous\", \
                 \"upgradeFromRelease\": {\"candidate\": {\"stream\": \"nightly\", \"version\": \"4.20\"}}",
            ),
        ),
        (
            "previous-minor-override",
            entry(
                "\"upgrade\": true, \"upgradeFrom\": \"PreviousMinor\", \"previousMinorOverride\": \
                 {\"targetVersion\": \"5.0\", \"stream\": \"4-stable\", \"version\": \"4.22.0\"}",
            ),
        ),
        ("periodic-schedule", periodic("\"cron\": \"0 8,25 * * *\"")),
        (
            "periodic-duplicate",
            "{\"name\": \"x\", \"periodic\": {\"a\": {\"interval\": \"6h\", \"prowJob\": {\"name\": \"job\"}}, \
             \"b\": {\"cron\": \"@daily\", \"prowJob\": {\"name\": \"job\"}}}}"
                .to_owned(),
        ),
        ("qualifier-approval", entry("\"qualifiers\": {\"fips\": {\"approval\": false}}")),
        ("optional-aggregated", aggregated("\"optional\": true", "{\"analysisJobCount\": 10}")),
        ("name-like-retry", named_entry("driver-toolkit-10", "")),
        ("no-prow-job", verify("\"aws-ovn\": {\"optional\": true}")),
        ("duplicate-key", entry("\"optional\": true, \"optional\": true")),
        ("odd-case", entry("\"Optional\": true")),
        ("run-count", aggregated("\"maxRetries\": 2", "{}")),
        ("retries-negative", entry("\"maxRetries\": -1")),
        ("upgrade-from-value", entry("\"upgrade\": true, \"upgradeFrom\": \"PreviousMicro\"")),
        ("upgrade-from-release", entry("\"upgrade\": true, \"upgradeFromRelease\": {}")),
        ("upgrade-from-ignored", entry("\"upgradeFrom\": \"PreviousMinor\"")),
        (
            "same-prow-job",
            verify("\"aws-a\": {\"prowJob\": {\"name\": \"job\"}}, \"aws-b\": {\"prowJob\": {\"name\": \"job\"}}"),
        ),
        (
            "short-key",
            named_entry("aggregated-aws", "\"maxRetries\": 2, \"aggregatedProwJob\": {\"analysisJobCount\": 10}"),
        ),
        (
            "analysis-aggregated",
            aggregated("\"maxRetries\": 2, \"multiJobAnalysis\": true", "{\"analysisJobCount\": 10}"),
        ),
        ("key-not-a-name", named_entry("AWS_OVN", "")),
        ("qualifier-value", entry("\"qualifiers\": {\"fips\": {\"payloadBadgeStatus\": \"onSuccess\"}}")),
        ("unknown-mode", top("\"as\": \"stable\"")),
        ("missing-name", "{}".to_owned()),
        ("alternate-half", top("\"alternateImageRepository\": \"quay.io/x/y\"")),
        (
            "prefix-missing",
            named_entry("aws-ovn-upgrade-4.21-micro", "\"maxRetries\": 2, \"aggregatedProwJob\": {\"analysisJobCount\": 10}"),
        ),
        ("prefix-without-aggregation", named_entry("aggregated-aws-ovn-upgrade-4.21-micro", "")),
        ("aggregated-without-retries", aggregated("", "{\"analysisJobCount\": 10}")),
    ]
}

#[test]
fn each_rule_is_told_where_it_alone_is_broken() {
    let mut told = Vec::new();
    for (rule, config) in zoo() {
        let report = checked(&config);
        let ids: BTreeSet<&str> = report.findings.iter().map(|finding| finding.rule.id).collect();
        assert_eq!(ids, BTreeSet::from([rule]), "{config}\n{}", found(&report));
        for finding in &report.findings {
            told.push(finding.to_string().replace("file.json:", ""));
        }
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    1:13: error[malformed] a comma stands after the last entry
        mend: remove that comma
    1:100: error[unknown-field] verify.aws-ovn-upgrade-4.21-micro: a verify entry has no field "optinal"
        mend: did you mean "optional"?
    1:112: error[wrong-type] verify.aws-ovn-upgrade-4.21-micro: optional is "true" where true or false is needed
        mend: write true without quotes
    1:41: error[bad-duration] expires "7d" is no Go duration: "d" is no unit of time that Go knows (h, m, s, ms, us, ns)
        mend: write "168h"
    1:100: error[async-needs-optional] verify.aws-ovn-upgrade-4.21-micro: async without "optional": true
        mend: add "optional": true, or remove async
    1:100: error[async-excludes-retries] verify.aws-ovn-upgrade-4.21-micro: async together with "maxRetries": 2
        mend: remove maxRetries, or async
    1:117: error[upgrade-from-both] verify.aws-ovn-upgrade-4.21-micro: upgradeFrom "Previous" together with upgradeFromRelease
        mend: keep one of the two
    1:149: error[previous-minor-override] verify.aws-ovn-upgrade-4.21-micro: previousMinorOverride: its version "4.22.0" is no MAJOR.MINOR
        mend: see the fields that it needs: targetVersion and version as MAJOR.MINOR, stream, beside "upgrade": true and "upgradeFrom": "PreviousMinor"
    1:87: error[periodic-schedule] periodic.aws: cron "0 8,25 * * *" cannot be read: 25 is no hour: 0 to 23 are
        mend: give either "cron" in five fields or "interval" as a Go duration
    1:72: error[periodic-duplicate] periodic.a: periodic.b starts the Prow job job as well
        mend: remove one of the periodics, or give it a job of its own
    1:125: error[periodic-duplicate] periodic.b: periodic.a starts the Prow job job as well
        mend: remove one of the periodics, or give it a job of its own
    1:124: error[qualifier-approval] verify.aws-ovn-upgrade-4.21-micro: the qualifier "fips" sets approval
        mend: remove approval
    1:111: error[optional-aggregated] verify.aggregated-aws-ovn-upgrade-4.21-micro: an aggregated entry cannot be optional
        mend: remove "optional" to make it blocking, or run the job once (regatta payload-job deaggregate)
    1:41: error[name-like-retry] verify.driver-toolkit-10: a key that ends in -10 reads as retry 10 of another entry
        mend: choose a key that ends otherwise
    1:41: error[no-prow-job] verify.aws-ovn: names no Prow job: the controller crashes when it builds a payload's object, and hack/validate-release-jobs.py at the file
        mend: add "prowJob": {"name": "…"}
    1:118: error[duplicate-key] verify.aws-ovn-upgrade-4.21-micro.optional stands here again, first at line 1, column 100; the last one counts
        mend: remove one of the two
    1:100: warning[odd-case] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but "Optional" is only read as "optional" by readers that ignore case
        mend: write "optional"
    1:128: error[run-count] verify.aggregated-aws-ovn-upgrade-4.21-micro: not validated by the controller, but no payload can be accepted without analysisJobCount: nothing starts the aggregator that it waits for
        mend: set analysisJobCount to 10
    1:114: warning[retries-negative] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but "maxRetries": -1 means no retry
        mend: remove maxRetries, or set how often to try again
    1:132: error[upgrade-from-value] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but upgradeFrom "PreviousMicro" is unknown and stops the payload's jobs
        mend: write "PreviousPatch", which is what the code calls it
    1:117: error[upgrade-from-release] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but an upgradeFromRelease that names nothing stops the payload's jobs
        mend: give exactly one of candidate, prerelease and release
    1:100: warning[upgrade-from-ignored] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but upgradeFrom has no effect without "upgrade": true
        mend: add "upgrade": true, or remove the field
    1:80: warning[same-prow-job] verify.aws-b: not validated by the controller, but it runs the same Prow job as aws-a (line 1), so job runs twice on every payload
        mend: disable or remove one of the entries
    1:41: warning[short-key] verify.aggregated-aws: not validated by the controller, but the result would never be recorded: 4.21.0-0.nightly-YYYY-MM-DD-HHMMSS-aggregated-aws-aggregator has 60 characters, and only a name that is shortened, from 64 on, is found again
        mend: choose a key of at least 18 characters
    1:128: warning[analysis-aggregated] verify.aggregated-aws-ovn-upgrade-4.21-micro: not validated by the controller, but an entry that analyses other jobs gains nothing from several runs
        mend: remove aggregatedProwJob, or multiJobAnalysis
    1:41: warning[key-not-a-name] verify.AWS_OVN: not validated by the controller, but "AWS_OVN" cannot be part of a Kubernetes object's name
        mend: write the key in lower case with dashes
    1:146: warning[qualifier-value] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but the qualifier "fips" shows no badge for payloadBadgeStatus "onSuccess"
        mend: write one of Yes, No, OnSuccess, OnFailure
    1:36: warning[unknown-mode] not validated by the controller, but as "stable" counts as "Integration", since only "Stable" counts otherwise
        mend: did you mean "Stable"?
    1:1: warning[missing-name] not validated by the controller, but the stream's name is missing
        mend: add "name", such as "4.21.0-0.nightly"
    1:30: warning[alternate-half] not validated by the controller, but alternateImageRepository has no effect without alternateImageRepositorySecretName
        mend: add the other, or remove it
    1:41: warning[prefix-missing] verify.aws-ovn-upgrade-4.21-micro: an aggregated entry whose key does not begin with aggregated-
        mend: name it "aggregated-aws-ovn-upgrade-4.21-micro"
    1:41: warning[prefix-without-aggregation] verify.aggregated-aws-ovn-upgrade-4.21-micro: the key begins with aggregated-, but the entry is not aggregated
        mend: add aggregatedProwJob, or drop the prefix (regatta payload-job deaggregate)
    1:41: warning[aggregated-without-retries] verify.aggregated-aws-ovn-upgrade-4.21-micro: a blocking aggregated entry without maxRetries
        mend: add "maxRetries": 2
    "#);
    // Those that take more than one file have tests of their own in check_around.rs.
    let elsewhere = [
        "missing-prow-job",
        "no-aggregator-job",
        "private-job-name",
        "private-missing",
        "private-orphan",
        "private-stale",
        "private-underivable",
    ];
    let shown: BTreeSet<&str> = zoo().iter().map(|(rule, _)| *rule).chain(elsewhere).collect();
    assert_eq!(shown, ALL.iter().map(|rule| rule.id).collect(), "every rule has its example");
}

#[test]
fn a_file_with_every_known_field_is_clean() {
    let config = r##"{
      "name": "4.21.0-0.nightly", "message": "m", "hide": false, "endOfLife": false, "as": "Integration",
      "to": "release", "maxUnreadyReleases": 1, "minCreationIntervalSeconds": -0, "referenceMode": "source",
      "pullSecretName": "s", "mirrorPrefix": "p", "overrideCLIImage": "i", "expires": "72h30m",
      "alternateImageRepository": "r", "alternateImageRepositorySecretName": "s", "disableManifestListMode": true,
      "referenceRelease": {"pushRepository": "a", "pullRepository": "b", "secretName": "c"},
      "verify": {
        "aggregated-aws-ovn-upgrade-4.21-micro": {"disabled": false, "optional": false, "upgrade": true, "maxRetries": 2,
          "upgradeFrom": "PreviousMinus1", "multiJobAnalysis": false, "prowJob": {"name": "one"},
          "aggregatedProwJob": {"prowJob": {"name": "aggregator"}, "analysisJobCount": 12}},
        "candidate": {"upgrade": true, "prowJob": {"name": "two"},
          "upgradeFromRelease": {"candidate": {"stream": "nightly", "version": "4.20", "relative": 1}}},
        "prerelease": {"upgrade": true, "prowJob": {"name": "three"},
          "upgradeFromRelease": {"prerelease": {"version_bounds": {"lower": "4.20.0", "upper": "4.21.0-0"}}}},
        "official": {"upgrade": true, "prowJob": {"name": "four"},
          "upgradeFromRelease": {"release": {"version": "4.20", "channel": "stable", "architecture": "arm64"}}},
        "minor": {"upgrade": true, "upgradeFrom": "PreviousMinor", "prowJob": {"name": "five"},
          "previousMinorOverride": {"targetVersion": "5.0", "stream": "4-stable", "version": "4.22"}},
        "watch": {"async": true, "optional": true, "multiJobAnalysis": true, "prowJob": {"name": "six"},
          "qualifiers": {"empty": {}, "full": {"enabled": true, "badgeName": "B", "summary": "s", "description": "d",
            "payloadBadgeStatus": "OnSuccess", "failureLabels": ["a"], "notifications": {
              "slack": {"escalations": [{"name": "n", "period": "1h", "minFailures": 1, "channel": "#c", "mentions": []}]},
              "jira": {"project": "p", "component": "c", "assignee": "a", "summary": "s", "description": "d",
                "thread": "t", "escalations": [{"name": "n", "failures": 3, "overLastRuns": 10, "passPercentage": 70,
                  "overPeriod": "2d", "priority": "Major", "mentions": ["m"], "needsInfo": ["n"]}]}}}}}
      },
      "periodic": {"often": {"interval": "6h", "upgrade": true, "upgradeFrom": "PreviousPatch", "prowJob": {"name": "p1"}},
        "daily": {"cron": "0 8,20 * * *", "prowJob": {"name": "p2"}}},
      "publish": {"tag": {"disabled": true, "tagRef": {"name": "4.21"}},
        "stream": {"imageStreamRef": {"name": "n", "namespace": "ns", "tags": ["a"], "excludeTags": ["b"]}},
        "bugs": {"verifyIssues": {"previousReleaseTag": {"namespace": "ns", "name": "n", "tag": "t"}}}},
      "check": {"drift": {"consistentImages": {"parent": "4.21"}}},
      "upgrade": {"aws": {"disabled": false, "prowJob": {"name": "u"}}}
    }"##;
    assert_eq!(says(config), "");
}

#[test]
fn null_is_allowed_wherever_go_allows_it() {
    let config = top(
        "\"expires\": null, \"hide\": null, \"maxUnreadyReleases\": null, \"check\": null, \"publish\": {\"tag\": null}, \
         \"verify\": {\"aws\": {\"prowJob\": {\"name\": \"job\"}, \"optional\": null, \"maxRetries\": null, \
         \"aggregatedProwJob\": null, \"upgradeFromRelease\": null, \"qualifiers\": {\"fips\": null}}}",
    );
    assert_eq!(says(&config), "");
    // An entry that is null is an entry without a job.
    insta::assert_snapshot!(says(&verify("\"aws\": null, \"gcp\": {\"prowJob\": null}, \"metal\": {\"prowJob\": {}}")), @"
    1:41 error[no-prow-job] verify.aws: names no Prow job: the controller crashes when it builds a payload's object, and hack/validate-release-jobs.py at the file
    1:62 error[no-prow-job] verify.gcp: names no Prow job: the controller crashes when it builds a payload's object, and hack/validate-release-jobs.py at the file
    1:90 error[no-prow-job] verify.metal: names no Prow job: the controller crashes when it builds a payload's object, and hack/validate-release-jobs.py at the file
    ");
}

#[test]
fn every_wrong_type_is_told_with_its_place() {
    let config = r#"{"name": 4.21, "hide": "yes", "expires": 72, "verify": [], "publish": {"x": [], "y": {"tagRef": "4.21",
      "imageStreamRef": {"tags": "a", "excludeTags": [1, "b", null]}}},
 "maxUnreadyReleases": 2.0, "minCreationIntervalSeconds": 1e3,
 "periodic": {"a": {"cron": 5, "prowJob": "job"}}, "upgrade": {"b": {"disabled": 0}},
 "check": {"c": {"consistentImages": {"parent": {}}}}}"#;
    insta::assert_snapshot!(says(config), @r#"
    1:10 error[wrong-type] name is 4.21 where a string is needed
    1:24 error[wrong-type] hide is "yes" where true or false is needed
    1:42 error[wrong-type] expires is 72 where a Go duration in quotes is needed
    1:56 error[wrong-type] verify is a list where an object of named entries is needed
    1:77 error[wrong-type] publish.x: x is a list where an object (a publish step) is needed
    1:97 error[wrong-type] publish.y: tagRef is "4.21" where an object (a tagRef) is needed
    2:34 error[wrong-type] publish.y: tags is "a" where a list is needed
    2:55 error[wrong-type] publish.y: excludeTags is 1 where a string is needed
    3:24 error[wrong-type] maxUnreadyReleases is 2.0: a number with a fraction or an exponent is no whole number
    3:59 error[wrong-type] minCreationIntervalSeconds is 1e3: a number with a fraction or an exponent is no whole number
    4:29 error[wrong-type] periodic.a: cron is 5 where a string is needed
    4:43 error[wrong-type] periodic.a: prowJob is "job" where an object (a prowJob) is needed
    4:82 error[wrong-type] upgrade.b: disabled is 0 where true or false is needed
    5:49 error[wrong-type] check.c: parent is an object where a string is needed
    "#);
    let number = |text: &str| says(&entry(&format!("\"maxRetries\": {text}")));
    for good in ["0", "-0", "9223372036854775807"] {
        assert_eq!(number(good), "", "{good}");
    }
    insta::assert_snapshot!(
        ["9223372036854775808", "2.5", "2.0", "2e0", "\"2\"", "true"].map(number).join("\n"), @r#"
    1:114 error[wrong-type] verify.aws-ovn-upgrade-4.21-micro: maxRetries is 9223372036854775808: it does not fit into 64 bits
    1:114 error[wrong-type] verify.aws-ovn-upgrade-4.21-micro: maxRetries is 2.5: a number with a fraction or an exponent is no whole number
    1:114 error[wrong-type] verify.aws-ovn-upgrade-4.21-micro: maxRetries is 2.0: a number with a fraction or an exponent is no whole number
    1:114 error[wrong-type] verify.aws-ovn-upgrade-4.21-micro: maxRetries is 2e0: a number with a fraction or an exponent is no whole number
    1:114 error[wrong-type] verify.aws-ovn-upgrade-4.21-micro: maxRetries is "2" where a whole number is needed
    1:114 error[wrong-type] verify.aws-ovn-upgrade-4.21-micro: maxRetries is true where a whole number is needed
    "#);
}

#[test]
fn every_fault_of_a_file_is_told_not_only_the_first() {
    let config = verify(
        "\"x-1\": {\"optional\": true, \"aggregatedProwJob\": {\"analysisJobCount\": 20, \"jobs\": 1}, \"asynch\": 1}",
    );
    insta::assert_snapshot!(says(&config), @r#"
    1:41 error[name-like-retry] verify.x-1: a key that ends in -1 reads as retry 1 of another entry
    1:41 error[no-prow-job] verify.x-1: names no Prow job: the controller crashes when it builds a payload's object, and hack/validate-release-jobs.py at the file
    1:41 warning[prefix-missing] verify.x-1: an aggregated entry whose key does not begin with aggregated-
    1:41 warning[short-key] verify.x-1: not validated by the controller, but the result would never be recorded: 4.21.0-0.nightly-YYYY-MM-DD-HHMMSS-x-1-aggregator has 49 characters, and only a name that is shortened, from 64 on, is found again
    1:49 error[optional-aggregated] verify.x-1: an aggregated entry cannot be optional
    1:109 warning[run-count] verify.x-1: not validated by the controller, but 20 runs crash the aggregator, whose table ends at 12 attempts
    1:113 error[unknown-field] verify.x-1: an aggregatedProwJob has no field "jobs"
    1:125 error[unknown-field] verify.x-1: a verify entry has no field "asynch"
    "#);
}

#[test]
fn a_name_in_odd_case_counts_and_is_told() {
    let config = entry("\"OPTIONAL\": true, \"AggregatedProwJob\": {\"AnalysisJobCount\": 10}");
    insta::assert_snapshot!(says(&config), @r#"
    1:41 warning[prefix-missing] verify.aws-ovn-upgrade-4.21-micro: an aggregated entry whose key does not begin with aggregated-
    1:100 error[optional-aggregated] verify.aws-ovn-upgrade-4.21-micro: an aggregated entry cannot be optional
    1:100 warning[odd-case] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but "OPTIONAL" is only read as "optional" by readers that ignore case
    1:118 warning[odd-case] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but "AggregatedProwJob" is only read as "aggregatedProwJob" by readers that ignore case
    1:140 warning[odd-case] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but "AnalysisJobCount" is only read as "analysisJobCount" by readers that ignore case
    "#);
    insta::assert_snapshot!(says(&entry("\"optional\": true, \"Optional\": false")), @r#"1:118 warning[odd-case] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but "Optional" is only read as "optional" by readers that ignore case; "optional" stands beside it, and the last one counts"#);
}

#[test]
fn a_disabled_entry_is_held_to_the_controllers_rules_alone() {
    let trap = "\"disabled\": true, \"aggregatedProwJob\": {}, \"maxRetries\": -1, \"upgradeFrom\": \"x\"";
    assert_eq!(says(&named_entry("AWS", trap)), "");
    let config = named_entry("aws-1", "\"disabled\": true, \"async\": true");
    insta::assert_snapshot!(says(&config), @r#"
    1:41 error[name-like-retry] verify.aws-1: a key that ends in -1 reads as retry 1 of another entry
    1:97 error[async-needs-optional] verify.aws-1: async without "optional": true
    "#);
}

#[test]
fn run_counts_are_told_by_what_they_lead_to() {
    let told =
        |count: &str| says(&aggregated("\"maxRetries\": 2", &format!("{{\"analysisJobCount\": {count}}}")));
    for good in ["6", "7", "10", "12"] {
        assert_eq!(told(good), "", "{good}");
    }
    insta::assert_snapshot!(["-3", "0", "1", "5", "13", "1000"].map(told).join("\n"), @r#"
    1:170 error[run-count] verify.aggregated-aws-ovn-upgrade-4.21-micro: not validated by the controller, but no payload can be accepted with "analysisJobCount": -3: nothing starts the aggregator that it waits for
    1:170 error[run-count] verify.aggregated-aws-ovn-upgrade-4.21-micro: not validated by the controller, but no payload can be accepted with "analysisJobCount": 0: nothing starts the aggregator that it waits for
    1:170 warning[run-count] verify.aggregated-aws-ovn-upgrade-4.21-micro: not validated by the controller, but 1 run can never pass: every test needs 6 attempts
    1:170 warning[run-count] verify.aggregated-aws-ovn-upgrade-4.21-micro: not validated by the controller, but 5 runs can never pass: every test needs 6 attempts
    1:170 warning[run-count] verify.aggregated-aws-ovn-upgrade-4.21-micro: not validated by the controller, but 13 runs crash the aggregator, whose table ends at 12 attempts
    1:170 warning[run-count] verify.aggregated-aws-ovn-upgrade-4.21-micro: not validated by the controller, but 1000 runs crash the aggregator, whose table ends at 12 attempts
    "#);
}

#[test]
fn entries_with_one_job_are_told_by_what_they_do_to_each_other() {
    let aggregated =
        |count: u32| format!("\"aggregatedProwJob\": {{\"analysisJobCount\": {count}}}, \"maxRetries\": 2");
    let job = "\"prowJob\": {\"name\": \"job\"}";
    let pair = |one: &str, other: &str| {
        says(&verify(&format!(
            "\"aggregated-aws-ovn-upgrade\": {{{job}, {one}}},\n\"aws-ovn\": {{{job}{other}}}"
        )))
    };
    let ten = aggregated(10);
    insta::assert_snapshot!(pair(&ten, ""), @"1:41 warning[same-prow-job] verify.aggregated-aws-ovn-upgrade: not validated by the controller, but aws-ovn runs job too, and the aggregator counts those runs as its own: 11 attempts instead of 10");
    insta::assert_snapshot!(pair(&ten, ", \"maxRetries\": 3"), @"1:41 warning[same-prow-job] verify.aggregated-aws-ovn-upgrade: not validated by the controller, but aws-ovn runs job too, and the aggregator counts those runs as its own: 11 to 14 attempts instead of 10, and 13 or more crash it");
    insta::assert_snapshot!(pair(&ten, ", \"maxRetries\": 9223372036854775807").lines().count(), @"1");
    // The usual clean-up: the entry that ran it once is disabled.
    assert_eq!(pair(&ten, ", \"disabled\": true"), "");
    // Two upgrades from different payloads are two tests.
    let upgrades = |from: &str| {
        says(&verify(&format!(
            "\"a\": {{{job}, \"upgrade\": true}}, \"b\": {{{job}, \"upgrade\": true, \"upgradeFrom\": {from:?}}}"
        )))
    };
    assert_eq!(upgrades("PreviousMinor"), "");
    insta::assert_snapshot!(upgrades(""), @"1:93 warning[same-prow-job] verify.b: not validated by the controller, but it runs the same Prow job as a (line 1), so job runs twice on every payload");
}

#[test]
fn a_short_key_is_told_by_the_length_of_the_streams_tags() {
    let told = |stream: &str, key: &str| {
        let entry = named_entry(key, "\"maxRetries\": 2, \"aggregatedProwJob\": {\"analysisJobCount\": 10}");
        says(&entry.replace("4.21.0-0.nightly", stream))
    };
    // A tag has 34 characters: with 17 of key the name fits and is not shortened, with 18 it is.
    insta::assert_snapshot!(told("4.21.0-0.nightly", "aggregated-azure1"), @"1:41 warning[short-key] verify.aggregated-azure1: not validated by the controller, but the result would never be recorded: 4.21.0-0.nightly-YYYY-MM-DD-HHMMSS-aggregated-azure1-aggregator has 63 characters, and only a name that is shortened, from 64 on, is found again");
    assert_eq!(told("4.21.0-0.nightly", "aggregated-azure12"), "");
    assert_ne!(told("4.21.0-0.ci", "aggregated-aws-serial2"), "");
    assert_eq!(told("4.21.0-0.ci", "aggregated-aws-serial23"), "");
    // A stable stream takes the tags of others.
    assert_eq!(told("4-stable", "aggregated-aws"), "");
}

#[test]
fn periodics_have_one_schedule_that_can_be_read() {
    let faults = [
        "\"upgrade\": false",
        "\"cron\": \"\", \"interval\": \"\"",
        "\"cron\": \"@daily\", \"interval\": \"6h\"",
        "\"interval\": \"2d\"",
        "\"cron\": \"* * * *\"",
    ];
    insta::assert_snapshot!(faults.map(|fields| says(&periodic(fields))).join("\n"), @r#"
    1:43 error[periodic-schedule] periodic.aws: has neither cron nor interval
    1:43 error[periodic-schedule] periodic.aws: has neither cron nor interval
    1:79 error[periodic-schedule] periodic.aws: has both cron and interval
    1:91 error[periodic-schedule] periodic.aws: interval "2d" is no Go duration: "d" is no unit of time that Go knows (h, m, s, ms, us, ns)
    1:87 error[periodic-schedule] periodic.aws: cron "* * * *" cannot be read: it has 4 fields instead of 5, or 6 with seconds
    "#);
}

#[test]
fn a_periodic_without_a_job_crashes_the_validation_itself() {
    let config = r#"{"name": "x", "periodic": {"a": {"interval": "6h"}}}"#;
    insta::assert_snapshot!(says(config), @"1:28 error[no-prow-job] periodic.a: names no Prow job: the controller's validation of all files crashes at it");
}

#[test]
fn a_previous_minor_override_says_what_it_lacks() {
    let told = |fields: &str| says(&entry(fields));
    let whole = r#""previousMinorOverride": {"targetVersion": "5.0", "stream": "s", "version": "4.22"}"#;
    let faults = [
        whole.to_owned(),
        r#""upgrade": true, "upgradeFrom": "PreviousMinor", "previousMinorOverride": {"targetVersion": "5.0", "version": "4.22"}"#
            .to_owned(),
        r#""upgrade": true, "upgradeFrom": "PreviousMinor", "previousMinorOverride": {"targetVersion": "5", "stream": "s", "version": "4.22"}"#
            .to_owned(),
    ];
    insta::assert_snapshot!(faults.map(|fields| told(&fields)).join("\n"), @r#"
    1:100 error[previous-minor-override] verify.aws-ovn-upgrade-4.21-micro: previousMinorOverride: it needs "upgrade": true and "upgradeFrom": "PreviousMinor", without upgradeFromRelease
    1:149 error[previous-minor-override] verify.aws-ovn-upgrade-4.21-micro: previousMinorOverride: it names no stream
    1:149 error[previous-minor-override] verify.aws-ovn-upgrade-4.21-micro: previousMinorOverride: its targetVersion "5" is no MAJOR.MINOR
    "#);
}

#[test]
fn escalations_out_of_range_would_be_refused_with_the_payload() {
    let config = entry(
        r#""qualifiers": {"q": {"notifications": {"jira": {"escalations": [
            {"overLastRuns": 0, "passPercentage": 101, "overPeriod": "2 days"}, {"overPeriod": "0d"}, {"overPeriod": ""}]}}}}"#,
    );
    insta::assert_snapshot!(says(&config), @r#"
    2:30 warning[qualifier-value] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but the payload object refuses an escalation of the qualifier "q" with overLastRuns 0
    2:51 warning[qualifier-value] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but the payload object refuses an escalation of the qualifier "q" with passPercentage 101
    2:70 warning[qualifier-value] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but the payload object refuses an escalation of the qualifier "q" with overPeriod "2 days"
    2:96 warning[qualifier-value] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but the payload object refuses an escalation of the qualifier "q" with overPeriod "0d"
    "#);
}

#[test]
fn several_ways_to_start_from_are_a_warning() {
    let config = entry(r#""upgrade": true, "upgradeFromRelease": {"candidate": {}, "prerelease": {}}"#);
    insta::assert_snapshot!(says(&config), @"1:117 warning[upgrade-from-release] verify.aws-ovn-upgrade-4.21-micro: not validated by the controller, but of prerelease, candidate only prerelease counts");
}

#[test]
fn a_job_of_two_periodics_is_told_in_every_file() {
    let file = |name: &str| Subject::public(name, periodic("\"interval\": \"6h\""));
    let report = check(&[file("one.json"), file("two.json")], None);
    let told: Vec<String> = report.findings.iter().map(Finding::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    one.json:1:71: error[periodic-duplicate] periodic.aws: periodic.aws of two.json starts the Prow job job as well
        mend: remove one of the periodics, or give it a job of its own
    two.json:1:71: error[periodic-duplicate] periodic.aws: periodic.aws of one.json starts the Prow job job as well
        mend: remove one of the periodics, or give it a job of its own
    ");
}

#[test]
fn findings_are_sorted_and_counted() {
    let file = |name: &str| Subject::public(name, named_entry("x-1", "\"maxRetries\": -1"));
    let report = check(&[file("b.json"), file("a.json")], None);
    let files: Vec<&str> = report.findings.iter().map(|finding| finding.file.as_str()).collect();
    assert_eq!((report.files, report.errors, report.warnings), (2, 2, 2));
    assert_eq!(files, ["a.json", "a.json", "b.json", "b.json"]);
}

/// Pieces of configurations, put together at random: many are almost right.
fn pieces() -> impl Strategy<Value = String> {
    let names = vec![
        "verify",
        "periodic",
        "publish",
        "prowJob",
        "name",
        "optional",
        "aggregatedProwJob",
        "analysisJobCount",
        "maxRetries",
        "async",
        "qualifiers",
        "upgradeFromRelease",
        "candidate",
        "cron",
        "interval",
        "expires",
        "Verify",
        "notifications",
        "jira",
        "escalations",
        "overPeriod",
        "previousMinorOverride",
        "version",
        "x-1",
        "ä",
        "",
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        (-20_i64..2000).prop_map(|n| n.to_string()),
        Just("1e400".to_owned()),
        Just("-9223372036854775809".to_owned()),
        "[ -~äµ]{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("\"* * * * *\"".to_owned()),
        Just("\"\\u0037d\"".to_owned()),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let field = (proptest::sample::select(names.clone()), inner.clone());
        prop_oneof![
            4 => prop::collection::vec(field, 0..6).prop_map(|fields| {
                let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name:?}: {value}")).collect();
                format!("{{{}}}", fields.join(", "))
            }),
            1 => prop::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(", "))),
        ]
    })
}

/// Every finding can be shown in every form, and points into its file.
fn holds_together(config: &[u8]) {
    let jobs = Jobs::at(std::path::Path::new("/nowhere"));
    let counterpart = Counterpart::There { file: "priv/f.json".to_owned(), bytes: config.to_vec() };
    let subjects = [
        Subject { counterpart, ..Subject::public("f.json", config) },
        Subject { origin: Origin::Private, ..Subject::public("priv/f.json", config) },
    ];
    let report = check(&subjects, jobs.as_ref());
    let log = sarif::log(&report, &[], "0", str::to_owned);
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), report.findings.len());
    for finding in &report.findings {
        assert!(finding.end >= finding.place, "{finding}");
        assert!(finding.span.is_none_or(|span| span.end <= config.len()), "{finding}");
    }
}

proptest! {
    #[test]
    fn no_configuration_makes_it_panic(config in pieces()) {
        holds_together(config.as_bytes());
    }

    #[test]
    fn no_change_of_bytes_makes_it_panic(
        which in 0..zoo().len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = zoo().swap_remove(which).1.into_bytes();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        holds_together(&bytes);
    }
}
