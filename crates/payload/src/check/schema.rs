//! Every field that the controller's decoder knows, with its type: the shape of `ReleaseConfig` and all below it.
//!
//! Reference: payload jobs, a.1 and a.2; openshift/release-controller pkg/release-controller/types.go,
//! pkg/releasequalifiers and its notifications, docs on previousMinorOverride; openshift/ci-tools pkg/api for `release`.

/// The type of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A string.
    Text,
    /// A string that holds a Go duration.
    Duration,
    /// A list of strings.
    Texts,
    /// A list of objects.
    Objects(&'static Shape),
    /// An object with known fields.
    Object(&'static Shape),
    /// An object whose keys are names, each with a value of one shape.
    Named(&'static Shape),
}

/// An object with known fields.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What it is, as people call it.
    pub(crate) what: &'static str,
    /// Its fields.
    pub(crate) fields: &'static [(&'static str, Kind)],
    /// Fields that it had once, and what became of them.
    pub(crate) gone: &'static [(&'static str, &'static str)],
}

impl Shape {
    /// A field by its name in any case, as Go finds it: the exact name wins.
    pub(crate) fn field(&self, name: &str) -> Option<&'static (&'static str, Kind)> {
        self.fields
            .iter()
            .find(|(known, _)| *known == name)
            .or_else(|| self.fields.iter().find(|(known, _)| same_folded(known, name)))
    }
}

/// Whether two names are the same to Go, which folds case by Unicode: the long s is an s and the Kelvin sign a k.
fn same_folded(known: &str, name: &str) -> bool {
    let mut folded = name.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    });
    known.chars().map(|c| c.to_ascii_lowercase()).all(|c| folded.next() == Some(c)) && folded.next().is_none()
}

use Kind::{Bool, Duration, Int, Named, Object, Objects, Text, Texts};

macro_rules! shape {
    ($name:ident, $what:literal, [$($field:literal: $kind:expr),* $(,)?] $(, gone [$($old:literal: $then:literal),*])?) => {
        pub(crate) static $name: Shape = Shape {
            what: $what,
            fields: &[$(($field, $kind)),*],
            gone: &[$($(($old, $then)),*)?],
        };
    };
}

shape!(CONFIG, "a release configuration", [
    "name": Text,
    "message": Text,
    "hide": Bool,
    "endOfLife": Bool,
    "as": Text,
    "to": Text,
    "maxUnreadyReleases": Int,
    "minCreationIntervalSeconds": Int,
    "referenceMode": Text,
    "pullSecretName": Text,
    "mirrorPrefix": Text,
    "overrideCLIImage": Text,
    "expires": Duration,
    "verify": Named(&VERIFY),
    "periodic": Named(&PERIODIC),
    "publish": Named(&PUBLISH),
    "check": Named(&CHECK),
    "upgrade": Named(&UPGRADE),
    "alternateImageRepository": Text,
    "alternateImageRepositorySecretName": Text,
    "referenceRelease": Object(&REFERENCE_RELEASE),
    "disableManifestListMode": Bool,
]);

shape!(VERIFY, "a verify entry", [
    "disabled": Bool,
    "optional": Bool,
    "async": Bool,
    "upgrade": Bool,
    "upgradeFrom": Text,
    "upgradeFromRelease": Object(&UPGRADE_RELEASE),
    "previousMinorOverride": Object(&PREVIOUS_MINOR),
    "prowJob": Object(&PROW_JOB),
    "maxRetries": Int,
    "aggregatedProwJob": Object(&AGGREGATED),
    "multiJobAnalysis": Bool,
    "qualifiers": Named(&QUALIFIER),
]);

shape!(PERIODIC, "a periodic", [
    "interval": Text,
    "cron": Text,
    "upgrade": Bool,
    "upgradeFrom": Text,
    "upgradeFromRelease": Object(&UPGRADE_RELEASE),
    "previousMinorOverride": Object(&PREVIOUS_MINOR),
    "prowJob": Object(&PROW_JOB),
]);

shape!(PROW_JOB, "a prowJob", ["name": Text]);
shape!(AGGREGATED, "an aggregatedProwJob", ["prowJob": Object(&PROW_JOB), "analysisJobCount": Int]);

shape!(UPGRADE_RELEASE, "an upgradeFromRelease", [
    "candidate": Object(&CANDIDATE),
    "prerelease": Object(&PRERELEASE),
    "release": Object(&RELEASE),
]);
shape!(CANDIDATE, "a candidate", ["stream": Text, "version": Text, "relative": Int]);
shape!(PRERELEASE, "a prerelease", ["version_bounds": Object(&BOUNDS)]);
shape!(BOUNDS, "version_bounds", ["lower": Text, "upper": Text]);
shape!(RELEASE, "a release", ["version": Text, "channel": Text, "architecture": Text]);
shape!(PREVIOUS_MINOR, "a previousMinorOverride", ["targetVersion": Text, "stream": Text, "version": Text]);

shape!(PUBLISH, "a publish step", [
    "disabled": Bool,
    "tagRef": Object(&TAG_REF),
    "imageStreamRef": Object(&IMAGE_STREAM_REF),
    "verifyIssues": Object(&VERIFY_ISSUES),
], gone ["verifyBugs": "it was for Bugzilla and was removed from the controller in 2023; verifyIssues is for Jira"]);
shape!(TAG_REF, "a tagRef", ["name": Text]);
shape!(IMAGE_STREAM_REF, "an imageStreamRef", [
    "name": Text,
    "namespace": Text,
    "tags": Texts,
    "excludeTags": Texts,
]);
shape!(VERIFY_ISSUES, "a verifyIssues", ["previousReleaseTag": Object(&TAG_INFO)]);
shape!(TAG_INFO, "a previousReleaseTag", ["namespace": Text, "name": Text, "tag": Text]);

shape!(CHECK, "a check", ["consistentImages": Object(&CONSISTENT_IMAGES)]);
shape!(CONSISTENT_IMAGES, "a consistentImages", ["parent": Text]);

shape!(UPGRADE, "an upgrade test", ["disabled": Bool, "prowJob": Object(&PROW_JOB)]);

shape!(REFERENCE_RELEASE, "a referenceRelease", [
    "pushRepository": Text,
    "pullRepository": Text,
    "secretName": Text,
]);

shape!(QUALIFIER, "a qualifier", [
    "enabled": Bool,
    "approval": Bool,
    "badgeName": Text,
    "summary": Text,
    "description": Text,
    "payloadBadgeStatus": Text,
    "failureLabels": Texts,
    "notifications": Object(&NOTIFICATIONS),
], gone ["labels": "it is called failureLabels now"]);
shape!(NOTIFICATIONS, "notifications", ["slack": Object(&SLACK), "jira": Object(&JIRA)]);
// The known forms of Slack's escalations differ between versions of the controller: what any of them has is let through.
shape!(SLACK, "a slack notification", ["escalations": Objects(&SLACK_ESCALATION)]);
shape!(SLACK_ESCALATION, "a slack escalation", [
    "name": Text,
    "period": Text,
    "minFailures": Int,
    "channel": Text,
    "mentions": Texts,
    "failures": Int,
    "overLastRuns": Int,
    "passPercentage": Int,
    "overPeriod": Text,
]);
shape!(JIRA, "a jira notification", [
    "project": Text,
    "component": Text,
    "assignee": Text,
    "summary": Text,
    "description": Text,
    "thread": Text,
    "escalations": Objects(&JIRA_ESCALATION),
]);
shape!(JIRA_ESCALATION, "a jira escalation", [
    "name": Text,
    "failures": Int,
    "overLastRuns": Int,
    "passPercentage": Int,
    "overPeriod": Text,
    "priority": Text,
    "mentions": Texts,
    "needsInfo": Texts,
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_as_go_folds_them() {
        assert_eq!(CONFIG.field("EXPIRES").map(|(name, _)| *name), Some("expires"));
        assert_eq!(CONFIG.field("expire\u{17f}").map(|(name, _)| *name), Some("expires"));
        assert!(CONFIG.field("expire").is_none() && CONFIG.field("expiress").is_none());
    }
}
