//! The table of rules: what is checked, who would refuse it, why, and what to do about it.
//!
//! Reference: payload jobs, a.3 for what is validated and by whom; b.3 to b.9 and c.1 for what nobody validates.

use serde::Serialize;
use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Somebody refuses it, or it cannot work.
    Error,
    /// It works, but hardly as meant.
    Warning,
}

impl Level {
    /// `error` or `warning`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who holds a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// The release controller's own validation of the files.
    Controller,
    /// A script of openshift/release, in its tests or when the files are deployed.
    Repository,
    /// Nobody looks, but it goes wrong when payloads are tested.
    RunTime,
    /// Nobody: it is how the files are written.
    Convention,
}

/// A rule that a file can break.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// The level of its findings, where nothing special makes one milder.
    pub level: Level,
    /// Who holds it.
    pub holder: Holder,
    /// The rule in a few words.
    pub title: &'static str,
    /// One sentence why.
    pub why: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// What to do, in general.
    pub mend: &'static str,
}

impl Rule {
    /// What a message of this rule begins with, so that nobody waits for the controller to say it.
    #[must_use]
    pub const fn preface(&self) -> &'static str {
        match self.holder {
            Holder::RunTime => "not validated by the controller, but ",
            Holder::Controller | Holder::Repository | Holder::Convention => "",
        }
    }
}

const VALIDATE: &str = "openshift/release-controller cmd/release-controller/config_validate.go";
const JOBS_SCRIPT: &str = "openshift/release hack/validate-release-jobs.py";
const VERIFY: &str = "openshift/release-controller cmd/release-controller/sync_verify.go";
const PAYLOAD: &str = "openshift/release-controller cmd/release-controller/sync_release_payload.go";
const AGGREGATOR: &str = "openshift/ci-tools pkg/jobrunaggregator";
const USUAL: &str = "convention of openshift/release core-services/release-controller/_releases";

/// Makes a static of each rule and the list of all, so that none can be missing from the list.
macro_rules! rules {
    ($($name:ident = $id:literal, $level:ident, $holder:ident, $source:expr;
       $title:literal; $why:literal; $mend:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: Rule = Rule {
                id: $id,
                level: Level::$level,
                holder: Holder::$holder,
                title: $title,
                why: $why,
                source: $source,
                mend: $mend,
            };
        )*
        /// Every rule, those that the controller holds first.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    MALFORMED = "malformed", Error, Controller, VALIDATE;
        "The file is one JSON object";
        "A file that is no JSON object is refused as a whole, so no job of its stream would be known.";
        "mend the JSON where the message points";
    UNKNOWN_FIELD = "unknown-field", Error, Controller, VALIDATE;
        "Only known fields, at every level";
        "The controller decodes the files strictly and refuses one with a field that it does not know.";
        "correct the name, or remove the field";
    WRONG_TYPE = "wrong-type", Error, Controller, VALIDATE;
        "Every value has its field's type";
        "The controller refuses a file with a value that does not fit the type of its field.";
        "write a value of the field's type";
    BAD_DURATION = "bad-duration", Error, Controller, VALIDATE;
        "expires is a Go duration";
        "The controller reads it with Go's time.ParseDuration, which knows no days, and refuses a file where that fails.";
        "write a Go duration, such as \"72h\"";
    ASYNC_NEEDS_OPTIONAL = "async-needs-optional", Error, Controller, VALIDATE;
        "async needs optional";
        "A job that acceptance does not wait for cannot block acceptance.";
        "add \"optional\": true, or remove async";
    ASYNC_EXCLUDES_RETRIES = "async-excludes-retries", Error, Controller, VALIDATE;
        "async and maxRetries exclude each other";
        "Nobody waits for a job that is async, so nobody would start it again.";
        "remove maxRetries, or async";
    UPGRADE_FROM_BOTH = "upgrade-from-both", Error, Controller, VALIDATE;
        "upgradeFrom and upgradeFromRelease exclude each other";
        "An upgrade starts from one payload, and each of the two fields names one.";
        "keep one of the two";
    PREVIOUS_MINOR_OVERRIDE = "previous-minor-override", Error, Controller,
        "openshift/release-controller pkg/release-controller/upgrade_source.go";
        "previousMinorOverride needs upgrade, upgradeFrom PreviousMinor, a stream and two versions";
        "It only changes where the previous minor release comes from, for one target version.";
        "see the fields that it needs: targetVersion and version as MAJOR.MINOR, stream, beside \"upgrade\": true and \"upgradeFrom\": \"PreviousMinor\"";
    PERIODIC_SCHEDULE = "periodic-schedule", Error, Controller, VALIDATE;
        "A periodic has exactly one of cron and interval, and it can be read";
        "The controller starts periodics by that schedule and refuses a file where there is none, or two, or one it cannot read.";
        "give either \"cron\" in five fields or \"interval\" as a Go duration";
    PERIODIC_DUPLICATE = "periodic-duplicate", Error, Controller, VALIDATE;
        "A Prow job is in at most one periodic, over all files";
        "The controller refuses a job that two periodics would start.";
        "remove one of the periodics, or give it a job of its own";
    QUALIFIER_APPROVAL = "qualifier-approval", Error, Controller, VALIDATE;
        "A qualifier here has no approval";
        "Approval is set for a qualifier as a whole, in the qualifiers' own file, never for one job.";
        "remove approval";
    OPTIONAL_AGGREGATED = "optional-aggregated", Error, Controller, VALIDATE;
        "optional and aggregatedProwJob exclude each other";
        "The aggregator of an optional entry was registered as blocking anyway, so since 2026-06 the combination is refused.";
        "remove \"optional\" to make it blocking, or run the job once (regatta payload-job deaggregate)";
    NAME_LIKE_RETRY = "name-like-retry", Error, Controller, VALIDATE;
        "The key of a verify entry does not end in a dash and digits";
        "The controller reads a trailing -<number> as the number of a retry, so results would be booked to another entry.";
        "choose a key that ends otherwise";
    NO_JOB_NAMED = "no-prow-job", Error, Repository, "openshift/release-controller cmd/release-controller/sync_release_payload.go; openshift/release hack/validate-release-jobs.py";
        "Every verify and periodic entry names its Prow job";
        "The controller reads prowJob.name without looking whether it is there, and crashes where it is not.";
        "add \"prowJob\": {\"name\": \"…\"}";
    DUPLICATE_KEY = "duplicate-key", Error, Repository, JOBS_SCRIPT;
        "No key stands twice in one object";
        "The controller silently takes the last of them, and the repository's test refuses the file.";
        "remove one of the two";
    MISSING_PROW_JOB = "missing-prow-job", Error, Repository, JOBS_SCRIPT;
        "Every Prow job named exists as a periodic";
        "The controller can only start a periodic job that Prow knows; with another name the entry can never pass.";
        "correct the name, or add the job to ci-operator/config and run make jobs";
    PRIVATE_JOB_NAME = "private-job-name", Error, Repository, "openshift/release hack/annotate.sh";
        "A private file only names jobs that contain \"priv\"";
        "Embargoed payloads must not be tested where everybody can see it, so the deployment stops at such a file.";
        "change the public file and run make release-controllers";
    PRIVATE_STALE = "private-stale", Error, Repository, "openshift/release hack/validate-release-controller-config.sh";
        "A private file is what the generator derives from its public file";
        "The repository's test runs the generator and fails when that changes any file.";
        "run make release-controllers";
    PRIVATE_MISSING = "private-missing", Warning, Repository, "openshift/release hack/validate-release-controller-config.sh";
        "A nightly file has a private file";
        "The repository's test runs the generator, which writes the private file, and fails when that adds any file.";
        "run make release-controllers";
    PRIVATE_UNDERIVABLE = "private-underivable", Warning, Repository,
        "openshift/release hack/generators/release-controllers";
        "A private file can be derived from a nightly file";
        "The generator stops at a file that lacks what it needs, and then writes no private file at all.";
        "add what is missing";
    PRIVATE_ORPHAN = "private-orphan", Warning, Repository,
        "openshift/release hack/generators/release-controllers";
        "A private file has a public file";
        "The generator neither writes nor removes a private file without a public one, so it is never brought up to date.";
        "remove the file, or add the public one";
    ODD_CASE = "odd-case", Warning, RunTime, JOBS_SCRIPT;
        "Fields are written as the controller writes them";
        "The controller ignores case in field names, but every other reader of the files does not.";
        "write the field as it is known";
    RUN_COUNT = "run-count", Warning, RunTime, AGGREGATOR;
        "An aggregated entry runs 6 to 12 times";
        "Without a positive count nothing starts the aggregator that the payload waits for; a test with fewer than 6 attempts always fails; the aggregator's table of required passes ends at 12, and 13 attempts crash it.";
        "set analysisJobCount to 10";
    RETRIES_NEGATIVE = "retries-negative", Warning, RunTime, VERIFY;
        "maxRetries is not negative";
        "A negative number means no retry at all, as 0 does.";
        "remove maxRetries, or set how often to try again";
    UPGRADE_FROM_VALUE = "upgrade-from-value", Error, RunTime, VERIFY;
        "upgradeFrom is Previous, PreviousMinus1, PreviousPatch or PreviousMinor";
        "With any other value the controller stops starting the payload's jobs at this entry.";
        "write Previous, PreviousMinus1, PreviousPatch or PreviousMinor";
    UPGRADE_FROM_RELEASE = "upgrade-from-release", Error, RunTime, VERIFY;
        "upgradeFromRelease has exactly one of candidate, prerelease and release";
        "With none of them the controller stops starting the payload's jobs at this entry; of several it takes the first in the order prerelease, candidate, release.";
        "give exactly one of candidate, prerelease and release";
    UPGRADE_FROM_IGNORED = "upgrade-from-ignored", Warning, RunTime, VERIFY;
        "upgradeFrom and upgradeFromRelease stand beside \"upgrade\": true";
        "The controller only looks for a payload to start from where upgrade is true.";
        "add \"upgrade\": true, or remove the field";
    NO_AGGREGATOR_JOB = "no-aggregator-job", Warning, RunTime, PAYLOAD;
        "The aggregator job named exists as a periodic";
        "The controller can only start a job that Prow knows; without its aggregator the entry can never pass.";
        "correct the name, or remove it for the usual aggregator";
    SAME_JOB = "same-prow-job", Warning, RunTime, AGGREGATOR;
        "A Prow job is in at most one live verify entry that starts from the same payload";
        "The job runs once for each entry, and an aggregator counts all runs of its job on the payload as attempts of its own.";
        "disable or remove one of the entries";
    SHORT_KEY = "short-key", Warning, RunTime,
        "openshift/release-controller pkg/prow/utils.go and the status controller";
        "The key of an aggregated entry is long enough for its aggregator's name to be shortened";
        "The status controller finds the entry of an aggregator by the hash in the shortened name; a name that fits is not shortened, so the result is never recorded.";
        "choose a longer key";
    ANALYSIS_AGGREGATED = "analysis-aggregated", Warning, RunTime, VERIFY;
        "An entry that analyses other jobs is not aggregated";
        "It looks at the other jobs' results, so several runs of it look at the same thing.";
        "remove aggregatedProwJob, or multiJobAnalysis";
    KEY_NOT_A_NAME = "key-not-a-name", Warning, RunTime, VERIFY;
        "The key of a verify entry only has a-z, 0-9, dashes and dots, and ends in a letter or digit";
        "The key becomes part of the name of a Kubernetes object, which allows nothing else.";
        "write the key in lower case with dashes";
    QUALIFIER_VALUE = "qualifier-value", Warning, RunTime,
        "openshift/release-controller pkg/releasequalifiers";
        "A qualifier's values are those that are known";
        "An unknown badge status shows no badge, and the payload object refuses escalations out of range.";
        "write a known value";
    UNKNOWN_MODE = "unknown-mode", Warning, RunTime,
        "openshift/release-controller pkg/release-controller/types.go";
        "as is Integration or Stable, referenceMode is public or source";
        "The controller compares exactly and takes anything else for the default.";
        "write one of the known values";
    MISSING_NAME = "missing-name", Warning, RunTime,
        "openshift/release-controller pkg/release-controller/types.go";
        "The configuration has the name of its stream";
        "The name ties release tags to the stream and is required.";
        "add \"name\", such as \"4.21.0-0.nightly\"";
    ALTERNATE_HALF = "alternate-half", Warning, RunTime,
        "openshift/release-controller pkg/release-controller/types.go";
        "alternateImageRepository and alternateImageRepositorySecretName stand together";
        "Only both together make the controller mirror accepted releases.";
        "add the other, or remove it";
    PREFIX_MISSING = "prefix-missing", Warning, Convention, USUAL;
        "The key of an aggregated entry begins with aggregated-";
        "People and tools tell aggregated entries by the prefix, though the controller does not.";
        "put aggregated- before the key";
    PREFIX_ALONE = "prefix-without-aggregation", Warning, Convention, USUAL;
        "An entry whose key begins with aggregated- is aggregated";
        "The key says that several runs are judged together, but the job runs once.";
        "add aggregatedProwJob, or drop the prefix (regatta payload-job deaggregate)";
    AGGREGATED_WITHOUT_RETRIES = "aggregated-without-retries", Warning, Convention, USUAL;
        "A blocking aggregated entry has maxRetries";
        "Without it one failure of the aggregator itself rejects the payload.";
        "add \"maxRetries\": 2";
}

/// The rule of a name.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_says_everything() {
        let ids: std::collections::HashSet<_> = ALL.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), ALL.len());
        for rule in ALL {
            assert!(rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", rule.id);
            assert!(rule.why.ends_with('.') && !rule.title.ends_with('.'), "{}", rule.id);
            assert!(!rule.mend.ends_with('.') && rule.source.contains("openshift/"), "{}", rule.id);
            assert_eq!(by_id(rule.id), Some(*rule));
        }
    }
}
