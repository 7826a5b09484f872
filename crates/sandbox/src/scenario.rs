//! What a scenario fixes beforehand: the release, its data, and what the world will show when.

use bytes::Bytes;
use indexmap::IndexMap;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use regatta_kit::ids::{chance, chance_unit};
use regatta_kit::{Arch, Build, Nightly, Release};
use std::collections::BTreeMap;

use crate::delays::Quantiles;
use crate::faults::Mix;
use crate::result_files::{self, Ending, Script};
use crate::world::LogEntry;

/// The script of a world. Everything not in it follows from the seed.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Varies delays and faults, nothing else.
    pub seed: u64,
    /// Virtual time at which the world begins.
    pub start: Timestamp,
    /// The release that will be driven.
    pub release: Release,
    /// The ART ticket, `ART-15998`.
    pub jira_ticket: String,
    /// Advisories by kind, in order: `rpm`, `rhcos`.
    pub advisories: IndexMap<String, u64>,
    /// The announced release date.
    pub release_date: Date,
    /// Candidate nightlies by rpm architecture; may be empty.
    pub candidates: IndexMap<String, Nightly>,
    /// The shipment merge request as the release data names it, such as
    /// `https://gitlab.cee.redhat.com/hybrid-platforms/art/ocp-shipment-data/-/merge_requests/469`; `None`: Errata flow.
    pub shipment_mr: Option<String>,
    /// When the release controller shows the release as Accepted; `None`: never.
    pub promoted_at: Option<Timestamp>,
    /// Every version of the result files on branch `record`: path to versions by the instant each appears.
    pub result_files: BTreeMap<String, BTreeMap<Timestamp, Bytes>>,
    /// The job registry on branch `main`: path to content.
    pub registry: BTreeMap<String, Bytes>,
    /// When the metadata (errata) page opens.
    pub metadata_opens_at: Timestamp,
    /// How much goes wrong.
    pub faults: Mix,
}

/// Hour of the day, UTC, at which the metadata page opens on the release date.
const METADATA_OPENS_HOUR: i8 = 14;

// Minutes. From recorded releases, but kept between the bounds the specification gives (promotion 6 to 24 h after the
// start, the result file 10 to 120 min after the promotion).
const START_TO_PROMOTION: Quantiles = Quantiles([360.0, 437.0, 500.0, 738.0, 1440.0]);
const PROMOTION_TO_FILE: Quantiles = Quantiles([10.0, 18.0, 35.0, 60.0, 120.0]);
const CANDIDATE_AGE: Quantiles = Quantiles([1560.0, 1640.0, 1751.0, 2222.0, 4220.0]);
const NIGHTLY_TO_FILE: Quantiles = Quantiles([267.0, 325.0, 410.0, 503.0, 625.0]);

impl Scenario {
    /// A scenario without a recording: both builds end accepted, retries included, and every job succeeds.
    ///
    /// The release's data depend on the release alone; the seed varies delays. It begins on a Thursday morning, as most
    /// releases do, and ships six days later.
    #[must_use]
    pub fn generated(release: Release, seed: u64) -> Self {
        Self::ending(release, seed, Ending::Accepted)
    }

    /// The same, but for a candidate in which one job fails three times: a person has to judge it.
    #[must_use]
    pub fn generated_with_rejected_candidate(release: Release, seed: u64) -> Self {
        Self::ending(release, seed, Ending::Rejected)
    }

    fn ending(release: Release, seed: u64, candidate_ends: Ending) -> Self {
        let start = at_utc(Date::constant(2026, 3, 5), 9);
        let release_date = Date::constant(2026, 3, 11);
        let name = release.to_string();
        let stream = release.stream;
        let fixed = |what: &str, range: u64| chance(0, "release-data", &format!("{what} {name}"), 0) % range;
        let drawn =
            |what: &str, quantiles: Quantiles| quantiles.draw(seed, "scenario", &format!("{what} {name}"), 0);

        let built = (start - drawn("candidate age", CANDIDATE_AGE)).to_zoned(TimeZone::UTC).datetime();
        let candidates: IndexMap<String, Nightly> = [Arch::Arm64, Arch::Ppc64le, Arch::S390x, Arch::Amd64]
            .into_iter()
            .map(|arch| (arch.rpm().to_owned(), Nightly { stream, arch, built }))
            .collect();
        let candidate = Build::Nightly(Nightly { stream, arch: Arch::Amd64, built });
        // A candidate is chosen among builds already judged: it is old enough for its tests to have ended.
        let candidate_file = at_utc(built.date(), 0)
            + SignedDuration::from_secs(seconds_of_day(built.time()))
            + drawn("candidate file", NIGHTLY_TO_FILE);
        let promoted = Build::Release(release);
        let promoted_at = start + drawn("promotion", START_TO_PROMOTION);
        let promoted_file = promoted_at + drawn("promoted file", PROMOTION_TO_FILE);

        let mut result_files = BTreeMap::new();
        let builds =
            [(candidate, candidate_file, candidate_ends), (promoted, promoted_file, Ending::Accepted)];
        for (build, created, ending) in builds {
            let script = Script { build, created, seed, ending };
            result_files.insert(build.result_file(Arch::Amd64), script.versions());
        }

        let rpm = 150_000 + fixed("advisory", 20_000);
        let merge_request = 100 + fixed("merge request", 800);
        Self {
            seed,
            start,
            release,
            jira_ticket: format!("ART-{}", 14_000 + fixed("ticket", 2_000)),
            advisories: IndexMap::from([("rpm".to_owned(), rpm), ("rhcos".to_owned(), rpm + 1)]),
            release_date,
            candidates,
            shipment_mr: Some(format!(
                "https://gitlab.cee.redhat.com/hybrid-platforms/art/ocp-shipment-data/-/merge_requests/{merge_request}"
            )),
            promoted_at: Some(promoted_at),
            registry: BTreeMap::from([result_files::registry_of(stream, &result_files)]),
            result_files,
            metadata_opens_at: metadata_opening(release_date),
            faults: Mix::None,
        }
    }

    /// The same with this much going wrong.
    #[must_use]
    pub const fn with_faults(mut self, faults: Mix) -> Self {
        self.faults = faults;
        self
    }

    /// The merge request's number, where there is one.
    #[must_use]
    pub fn merge_request_iid(&self) -> Option<u64> {
        self.shipment_mr.as_deref()?.rsplit('/').next()?.parse().ok()
    }

    /// When the release controller first lists the release, still without a verdict: two to four hours before the
    /// promotion is accepted. `None`: it is listed from the start and never accepted.
    #[must_use]
    pub fn listed_at(&self) -> Option<Timestamp> {
        let hours = 2.0 + 2.0 * chance_unit(self.seed, "release_controller", &self.release.to_string(), 0);
        #[allow(clippy::cast_possible_truncation)]
        let seconds = (hours * 3600.0) as i64;
        self.promoted_at.map(|at| at - SignedDuration::from_secs(seconds))
    }

    /// Everything in the script that happens by itself and may matter to a driver, in no order.
    pub(crate) fn scripted(&self) -> Vec<LogEntry> {
        let entry = |at, service, text| LogEntry { at, service, text };
        let files = self.result_files.iter().flat_map(|(path, versions)| {
            let first = versions.keys().next();
            versions.keys().map(move |at| {
                let verb = if first == Some(at) { "created" } else { "updated" };
                entry(*at, "github", format!("{verb} {path} on record"))
            })
        });
        let accepted = format!("{} is Accepted", self.release);
        let promoted = self.promoted_at.map(|at| entry(at, "release_controller", accepted));
        let opened = entry(self.metadata_opens_at, "access", "the metadata page opened".to_owned());
        files.chain(promoted).chain([opened]).collect()
    }
}

/// When the metadata page of a release opens.
pub(crate) fn metadata_opening(release_date: Date) -> Timestamp {
    at_utc(release_date, METADATA_OPENS_HOUR)
}

fn at_utc(date: Date, hour: i8) -> Timestamp {
    let time = date.to_datetime(Time::constant(0, 0, 0, 0)).to_zoned(TimeZone::UTC);
    time.expect("UTC has no gaps and dates have four-digit years").timestamp()
        + SignedDuration::from_hours(i64::from(hour))
}

fn seconds_of_day(time: Time) -> i64 {
    i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from: Timestamp, to: Timestamp) -> f64 {
        to.duration_since(from).as_secs_f64() / 3600.0
    }

    fn flags(bytes: &Bytes) -> (Option<bool>, Option<bool>) {
        let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        (value["aggregated"].as_bool(), value["accepted"].as_bool())
    }

    #[test]
    fn a_generated_release_ends_with_both_builds_accepted_within_the_specified_times() {
        for seed in 0..60 {
            let scenario = Scenario::generated("4.20.1".parse().unwrap(), seed);
            let promoted_at = scenario.promoted_at.unwrap();
            assert!((6.0..=24.0).contains(&hours(scenario.start, promoted_at)), "{seed}");

            let candidate = scenario.candidates["x86_64"];
            let candidate = &scenario.result_files[&Build::Nightly(candidate).result_file(Arch::Amd64)];
            let (last, bytes) = candidate.last_key_value().unwrap();
            assert!(*last < scenario.start && candidate.len() > 2, "{seed}");
            assert_eq!(flags(bytes), (Some(true), Some(true)));

            let promoted = &scenario.result_files["_releases/ocp-test-result-4.20.1-amd64.json"];
            let (first, bytes) = promoted.first_key_value().unwrap();
            assert!((10.0 / 60.0..=2.0).contains(&hours(promoted_at, *first)), "{seed}");
            assert_eq!(flags(bytes), (None, None));
            let (last, bytes) = promoted.last_key_value().unwrap();
            assert!((2.0..12.0).contains(&hours(*first, *last)), "{seed}: {}", hours(*first, *last));
            assert_eq!(flags(bytes), (Some(true), Some(true)));
            assert!(*last < scenario.metadata_opens_at);
        }
    }

    #[test]
    fn the_seed_varies_delays_and_not_the_release_data() {
        let [one, two] = [1, 2].map(|seed| Scenario::generated("4.20.1".parse().unwrap(), seed));
        assert_eq!((&one.advisories, &one.shipment_mr), (&two.advisories, &two.shipment_mr));
        assert_ne!(one.promoted_at, two.promoted_at);
        let again = Scenario::generated("4.20.1".parse().unwrap(), 1);
        assert_eq!(one.result_files, again.result_files);
    }
}
