//! The mixes: which request meets what, and which services are away when. Pure functions of the seed.

use jiff::{SignedDuration, Timestamp};
use regatta_kit::ids::{chance, chance_unit};

use super::rules::{Away, Jump, Outage};
use super::{Asked, Fault, Mix};
use crate::scenario::Scenario;

/// The share of requests that meet something.
const LIGHT_SHARE: f64 = 0.02;
const HEAVY_SHARE: f64 = 0.10;

/// Services that may be away. Signature, registry and the like are asked too rarely to be worth an outage.
const MAY_BE_AWAY: [&str; 11] = [
    "github",
    "raw",
    "release_controller",
    "jenkins",
    "gitlab",
    "jira",
    "errata",
    "slack",
    "sheets",
    "registry",
    "access",
];

/// Services whose credential may expire.
const MAY_EXPIRE: [&str; 7] = ["github", "jenkins", "gitlab", "jira", "errata", "slack", "sheets"];

/// Weights of the kinds.
type Weights = &'static [(Fault, u64)];

const LIGHT_READS: Weights = &[
    (Fault::Latency, 4),
    (Fault::Drip, 1),
    (Fault::Refused, 2),
    (Fault::Limited, 2),
    (Fault::LimitedSilently, 1),
    (Fault::InternalError, 1),
    (Fault::BadGateway, 2),
    (Fault::Unavailable, 2),
    (Fault::Reset, 1),
];

const LIGHT_CHANGES: Weights = &[
    (Fault::LostAnswer, 4),
    (Fault::Reset, 2),
    (Fault::Latency, 2),
    (Fault::Refused, 2),
    (Fault::Limited, 2),
    (Fault::BadGateway, 1),
    (Fault::Unavailable, 1),
];

const HEAVY_READS: Weights = &[
    (Fault::Latency, 3),
    (Fault::Drip, 2),
    (Fault::Twice, 1),
    (Fault::Refused, 2),
    (Fault::Reset, 2),
    (Fault::Limited, 2),
    (Fault::LimitedSilently, 1),
    (Fault::InternalError, 2),
    (Fault::BadGateway, 2),
    (Fault::Unavailable, 2),
    (Fault::LostAnswer, 1),
    (Fault::Malformed, 2),
    (Fault::Truncated, 2),
    (Fault::Oversized, 1),
];

/// After most of these the client does not know whether it was done.
const HEAVY_CHANGES: Weights = &[
    (Fault::LostAnswer, 8),
    (Fault::Reset, 4),
    (Fault::Twice, 4),
    (Fault::Malformed, 2),
    (Fault::Truncated, 2),
    (Fault::Oversized, 1),
    (Fault::Latency, 1),
    (Fault::Drip, 1),
    (Fault::Refused, 2),
    (Fault::Limited, 1),
    (Fault::LimitedSilently, 1),
    (Fault::InternalError, 1),
    (Fault::BadGateway, 1),
    (Fault::Unavailable, 1),
];

/// What a request of a mix meets.
pub(super) fn decide(mix: Mix, seed: u64, asked: &Asked<'_>) -> Option<Fault> {
    let (share, weights) = match (mix, asked.changes()) {
        (Mix::None, _) => return None,
        (Mix::Light, false) => (LIGHT_SHARE, LIGHT_READS),
        (Mix::Light, true) => (LIGHT_SHARE, LIGHT_CHANGES),
        (Mix::Heavy, false) => (HEAVY_SHARE, HEAVY_READS),
        (Mix::Heavy, true) => (HEAVY_SHARE, HEAVY_CHANGES),
    };
    if mix == Mix::Heavy && in_conflict_storm(seed, asked) {
        return Some(Fault::Conflict);
    }
    let entity = |what: &str| format!("{what} {} {}", asked.method, asked.target);
    if chance_unit(seed, asked.service, &entity("fault"), asked.ordinal) >= share {
        return None;
    }
    let fits = || weights.iter().filter(|(fault, _)| suits(*fault, asked));
    let whole: u64 = fits().map(|(_, weight)| weight).sum();
    let mut drawn = chance(seed, asked.service, &entity("kind of fault"), asked.ordinal) % whole.max(1);
    for (fault, weight) in fits() {
        match drawn.checked_sub(*weight) {
            Some(left) => drawn = left,
            None => return Some(*fault),
        }
    }
    None
}

/// A number fixed by the request, for what a fault needs beside its kind.
pub(super) fn luck(seed: u64, asked: &Asked<'_>) -> u64 {
    chance(seed, asked.service, &format!("luck {} {}", asked.method, asked.target), asked.ordinal)
}

/// Whether a mix may do this to the request at all.
fn suits(fault: Fault, asked: &Asked<'_>) -> bool {
    match fault {
        Fault::Twice => harmless_twice(asked),
        // The metadata page is open when it answers 200: any page in its place looks open, to people too.
        Fault::Malformed => asked.service != "access",
        _ => true,
    }
}

/// Whether the remote itself makes nothing of a second delivery.
///
/// A message or a note delivered twice is there twice, whatever its sender does; so is a push of an advisory. Those are never in a mix.
fn harmless_twice(asked: &Asked<'_>) -> bool {
    let path = asked.path();
    match asked.method {
        "GET" | "HEAD" | "PUT" | "PATCH" | "DELETE" => true,
        // An item that waits with the same parameters takes the second up.
        "POST" => match asked.service {
            "jenkins" => path.ends_with("/buildWithParameters"),
            // A second approval by the same user is refused.
            "gitlab" => path.ends_with("/approve"),
            // A state that is reached cannot be changed to.
            "errata" => path.ends_with("/change_state"),
            // Sets values.
            "sheets" => path.ends_with("/values:batchUpdate"),
            "google_token" => true,
            _ => false,
        },
        _ => false,
    }
}

/// Writers who come in between: of every 16 writes of one file, a few in a row may find it changed.
const STORM_BLOCK: u64 = 16;

fn in_conflict_storm(seed: u64, asked: &Asked<'_>) -> bool {
    if asked.service != "github" || asked.method != "PUT" || !asked.path().contains("/contents/") {
        return false;
    }
    let (block, place) = (asked.ordinal / STORM_BLOCK, asked.ordinal % STORM_BLOCK);
    let drawn = |what: &str, range: u64| {
        chance(seed, asked.service, &format!("{what} {}", asked.path()), block) % range
    };
    // Begins at 0..=8 and lasts 2 to 5 writes: no storm reaches the next block.
    let begins = drawn("storm begins", 9);
    let lasts = 2 + drawn("storm lasts", 4);
    drawn("storm", 2) == 0 && (begins..begins + lasts).contains(&place)
}

/// What happens over the days of a release, whatever is asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) outages: Vec<Outage>,
    pub(super) jumps: Vec<Jump>,
}

/// The plan of a scenario's mix.
pub(super) fn plan(scenario: &Scenario) -> Plan {
    let seed = scenario.seed;
    let days = Days { seed, from: scenario.start, until: scenario.metadata_opens_at };
    let number = |what: &str, from: u64, to: u64| from + chance(seed, "faults", what, 0) % (to - from + 1);
    match scenario.faults {
        Mix::None => Plan::default(),
        Mix::Light => {
            let service = MAY_BE_AWAY[(number("light outage", 0, 1 << 20) as usize) % MAY_BE_AWAY.len()];
            Plan { outages: vec![days.outage(service, days.away(service), 60, 60)], jumps: Vec::new() }
        }
        Mix::Heavy => {
            let mut away = MAY_BE_AWAY;
            away.sort_by_key(|service| chance(seed, "faults", &format!("away {service}"), 0));
            let mut outages: Vec<Outage> = away[..number("outages", 2, 3) as usize]
                .iter()
                .map(|service| days.outage(service, days.away(service), 120, 360))
                .collect();
            let expires = MAY_EXPIRE[(number("expires", 0, 1 << 20) as usize) % MAY_EXPIRE.len()];
            outages.push(days.outage(expires, Away::Expired, 180, 300));
            let jumps = (0..number("jumps", 1, 3)).map(|i| Jump {
                at: days.instant(&format!("jump {i}")),
                by: SignedDuration::from_mins(days.between(&format!("jump {i} by"), 20, 90)),
            });
            Plan { outages, jumps: jumps.collect() }
        }
    }
}

/// The days of a release, in which seeded instants lie.
struct Days {
    seed: u64,
    from: Timestamp,
    until: Timestamp,
}

impl Days {
    /// An instant, whole minutes.
    fn instant(&self, what: &str) -> Timestamp {
        let minutes = self.until.duration_since(self.from).as_mins().max(1);
        self.from + SignedDuration::from_mins(self.between(what, 0, minutes - 1))
    }

    fn between(&self, what: &str, from: i64, to: i64) -> i64 {
        let range = u64::try_from(to - from).unwrap_or_default() + 1;
        from + i64::try_from(chance(self.seed, "faults", what, 0) % range).unwrap_or_default()
    }

    fn away(&self, service: &str) -> Away {
        match chance(self.seed, service, "how it is away", 0) % 3 {
            0 => Away::Down,
            1 => Away::BehindProxy,
            _ => Away::Maintenance,
        }
    }

    /// An outage of `shortest` to `longest` minutes.
    fn outage(&self, service: &str, away: Away, shortest: i64, longest: i64) -> Outage {
        let what = format!("{} {service}", away.word());
        let from = self.instant(&what);
        let lasts = SignedDuration::from_mins(self.between(&format!("{what} lasts"), shortest, longest));
        Outage { service: service.to_owned(), away, from, until: from + lasts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn asked<'a>(service: &'a str, method: &'a str, target: &'a str, ordinal: u64) -> Asked<'a> {
        Asked { service, method, target, ordinal }
    }

    fn scenario(seed: u64, mix: Mix) -> Scenario {
        Scenario::generated("4.20.1".parse().unwrap(), seed).with_faults(mix)
    }

    /// What a thousand requests of 20 seeds meet.
    fn met(mix: Mix, service: &str, method: &str, target: &str) -> BTreeMap<Fault, u64> {
        let mut met = BTreeMap::new();
        for seed in 0..20 {
            for ordinal in 0..1000 {
                if let Some(fault) = decide(mix, seed, &asked(service, method, target, ordinal)) {
                    *met.entry(fault).or_default() += 1;
                }
            }
        }
        met
    }

    #[test]
    fn a_request_meets_the_same_whenever_it_comes() {
        let first = decide(Mix::Heavy, 3, &asked("jira", "GET", "/a", 7));
        let faults: Vec<_> =
            (0..200).map(|ordinal| decide(Mix::Heavy, 3, &asked("jira", "GET", "/a", ordinal))).collect();
        assert_eq!(faults[7], first);
        let others = [
            decide_all(4, "jira", "GET", "/a"),
            decide_all(3, "errata", "GET", "/a"),
            decide_all(3, "jira", "PUT", "/a"),
            decide_all(3, "jira", "GET", "/b"),
        ];
        assert!(others.iter().all(|other| *other != faults), "seed, service, method and path count");
    }

    fn decide_all(seed: u64, service: &str, method: &str, target: &str) -> Vec<Option<Fault>> {
        (0..200).map(|ordinal| decide(Mix::Heavy, seed, &asked(service, method, target, ordinal))).collect()
    }

    #[test]
    fn about_two_and_about_ten_per_cent_meet_something_and_none_where_there_is_no_mix() {
        let share = |mix| met(mix, "jira", "GET", "/x").values().sum::<u64>() as f64 / 20_000.0;
        assert!((0.017..0.023).contains(&share(Mix::Light)), "{}", share(Mix::Light));
        assert!((0.093..0.107).contains(&share(Mix::Heavy)), "{}", share(Mix::Heavy));
        assert_eq!(met(Mix::None, "jira", "GET", "/x"), BTreeMap::new());
    }

    #[test]
    fn every_kind_of_fault_occurs_in_heavy() {
        let mut kinds: BTreeSet<Fault> = BTreeSet::new();
        for (service, method, target) in [
            ("jira", "GET", "/x"),
            ("jenkins", "POST", "/job/x/buildWithParameters?a=b"),
            ("github", "PUT", "/repos/o/r/contents/f"),
        ] {
            kinds.extend(met(Mix::Heavy, service, method, target).keys());
        }
        for seed in 0..20 {
            kinds.extend(plan(&scenario(seed, Mix::Heavy)).outages.iter().map(|outage| outage.away.fault()));
        }
        assert_eq!(kinds, BTreeSet::from(Fault::ALL));
    }

    #[test]
    fn no_mix_doubles_what_a_remote_would_do_twice() {
        for (service, target) in [
            ("slack", "/api/chat.postMessage"),
            ("gitlab", "/api/v4/projects/1/merge_requests/2/notes"),
            ("errata", "/api/v1/erratum/1/push?defaults=stage"),
            ("jira", "/rest/api/3/issue/A-1/transitions"),
            ("gangway", "/v1/executions/x"),
        ] {
            let met = met(Mix::Heavy, service, "POST", target);
            assert!(!met.contains_key(&Fault::Twice), "{service} {target}");
            assert!(met[&Fault::LostAnswer] > met[&Fault::Refused], "{service}: {met:?}");
        }
        assert!(met(Mix::Heavy, "gitlab", "POST", "/api/v4/x/approve").contains_key(&Fault::Twice));
        assert!(!met(Mix::Heavy, "access", "GET", "/errata/x").contains_key(&Fault::Malformed));
    }

    #[test]
    fn conflicts_come_in_storms_that_end() {
        let runs: Vec<usize> = (0..20)
            .flat_map(|seed| {
                let hit: Vec<bool> = (0..160)
                    .map(|n| in_conflict_storm(seed, &asked("github", "PUT", "/repos/o/r/contents/f", n)))
                    .collect();
                hit.chunk_by(|a, b| a == b).filter(|run| run[0]).map(<[bool]>::len).collect::<Vec<_>>()
            })
            .collect();
        assert!(runs.len() > 50 && runs.iter().all(|run| (2..=5).contains(run)), "{runs:?}");
        let elsewhere = met(Mix::Heavy, "jira", "PUT", "/repos/o/r/contents/f");
        assert!(!elsewhere.contains_key(&Fault::Conflict));
    }

    #[test]
    fn outages_last_as_long_as_the_mix_says_and_lie_in_the_days_of_the_release() {
        assert_eq!(plan(&scenario(1, Mix::None)), Plan::default());
        for seed in 0..50 {
            let light = plan(&scenario(seed, Mix::Light));
            assert_eq!((light.outages.len(), light.jumps.len()), (1, 0));
            assert_eq!(hours(&light.outages[0]), 1.0);

            let heavy = scenario(seed, Mix::Heavy);
            let plan = plan(&heavy);
            let (expired, down): (Vec<_>, Vec<_>) =
                plan.outages.iter().partition(|outage| outage.away == Away::Expired);
            assert!((2..=3).contains(&down.len()) && expired.len() == 1, "{plan:?}");
            assert!(down.iter().all(|outage| (2.0..=6.0).contains(&hours(outage))), "{plan:?}");
            assert!((3.0..=5.0).contains(&hours(expired[0])), "{plan:?}");
            assert!((1..=3).contains(&plan.jumps.len()));
            assert!(plan.jumps.iter().all(|jump| (20..=90).contains(&jump.by.as_mins())), "{plan:?}");
            let days = heavy.start..heavy.metadata_opens_at;
            assert!(plan.outages.iter().all(|outage| days.contains(&outage.from)), "{plan:?}");
        }
    }

    fn hours(outage: &Outage) -> f64 {
        outage.until.duration_since(outage.from).as_secs_f64() / 3600.0
    }
}
