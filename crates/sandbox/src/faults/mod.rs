//! Faults of the imitated world: seeded mixes of them, and single ones set by a scenario or through the control service.
//!
//! Whether a request meets a fault is a hash of the seed, the service, the request and how often that very request came:
//! reads that fan out meet the same faults in every order. The clock and control services have none: a driver needs them
//! to be in this world at all.
//!
//! | file | holds |
//! | --- | --- |
//! | `mix` | which request of a mix meets what, and which services are away when: pure functions of the seed |
//! | `rules` | single faults, and how much of each is left |
//! | `wish` | single faults as the control service reads and shows them |
//! | `layer` | what a client sees of a fault, around each service |
//! | `answers`, `body` | the answers and broken bodies that it sees |

mod answers;
mod body;
pub mod layer;
mod mix;
mod rules;
pub(crate) mod wish;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

pub use rules::{Away, Jump, Outage, RequestRule, Rule};

use crate::scenario::Scenario;
use crate::world::lock;
use rules::InForce;

/// How many faults a world has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mix {
    /// None but those set one by one.
    #[default]
    None,
    /// A bad day: some per cent of requests, an hour without one of the services.
    Light,
    /// The worst week: every kind there is, services away for hours, credentials that expire.
    Heavy,
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "light" => Ok(Self::Light),
            "heavy" => Ok(Self::Heavy),
            _ => Err("is none of none, light and heavy".to_owned()),
        }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Light => "light",
            Self::Heavy => "heavy",
        })
    }
}

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The answer takes some milliseconds longer.
    Latency,
    /// Nobody takes the connection; nothing was done.
    Refused,
    /// It is done, and the connection is reset in the middle of the answer.
    Reset,
    /// 429 with `Retry-After`; nothing was done.
    Limited,
    /// 429 that does not say when to come back; nothing was done.
    LimitedSilently,
    /// 500; nothing was done.
    InternalError,
    /// 502 of a proxy; nothing was done.
    BadGateway,
    /// 503; nothing was done.
    Unavailable,
    /// The answer comes in drops.
    Drip,
    /// It is done, and no answer comes.
    LostAnswer,
    /// A proxy delivers the request twice; the second answer comes back.
    Twice,
    /// It is done, and the answer is another page's HTML.
    Malformed,
    /// It is done, and the answer's end is missing.
    Truncated,
    /// It is done, and the answer claims to be larger than anybody reads.
    Oversized,
    /// The credential is refused as expired; nothing was done.
    Expired,
    /// 409: somebody else was quicker; nothing was done.
    Conflict,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Latency,
        Self::Refused,
        Self::Reset,
        Self::Limited,
        Self::LimitedSilently,
        Self::InternalError,
        Self::BadGateway,
        Self::Unavailable,
        Self::Drip,
        Self::LostAnswer,
        Self::Twice,
        Self::Malformed,
        Self::Truncated,
        Self::Oversized,
        Self::Expired,
        Self::Conflict,
    ];

    /// Its name outside: `lost-answer`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Limited => "limited",
            Self::LimitedSilently => "limited-silently",
            Self::InternalError => "internal-error",
            Self::BadGateway => "bad-gateway",
            Self::Unavailable => "unavailable",
            Self::Drip => "drip",
            Self::LostAnswer => "lost-answer",
            Self::Twice => "twice",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::Oversized => "oversized",
            Self::Expired => "expired",
            Self::Conflict => "conflict",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Put on a response that must not reach the client: the connection ends in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// As if nobody had taken the connection.
    Refused,
    /// As if it had been cut after the request.
    Cut,
}

/// A request, as far as chance looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The service's NAME.
    pub(crate) service: &'a str,
    /// The HTTP method.
    pub(crate) method: &'a str,
    /// Path and query.
    pub(crate) target: &'a str,
    /// How often that very request came before.
    pub(crate) ordinal: u64,
}

impl Asked<'_> {
    /// Whether it may change something.
    fn changes(&self) -> bool {
        !matches!(self.method, "GET" | "HEAD")
    }

    fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }
}

/// The faults of one world.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    mix: Mix,
    /// What the mix has planned for the release's days.
    outages: Vec<Outage>,
    jumps: Vec<Jump>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<InForce>,
    /// How often each request came, by service, method and target.
    seen: BTreeMap<(&'static str, String), u64>,
    injected: BTreeMap<(Fault, &'static str), u64>,
    clock_jumps: u64,
    /// Set for good by [`Faults::calm`].
    is_calm: bool,
}

impl Faults {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let plan = mix::plan(scenario);
        Self {
            seed: scenario.seed,
            mix: scenario.faults,
            outages: plan.outages,
            jumps: plan.jumps,
            state: Mutex::default(),
        }
    }

    /// Sets a single fault. Rules are looked at in the order in which they were set, before those of the mix.
    pub fn add(&self, rule: Rule) {
        lock(&self.state).rules.push(InForce::new(rule));
    }

    /// Takes back every single fault; the mix goes on.
    pub fn clear(&self) {
        lock(&self.state).rules.clear();
    }

    /// Ends the mix, too: from now on nothing goes wrong. For those who look at what became of a world.
    pub fn calm(&self) {
        lock(&self.state).is_calm = true;
    }

    /// How many faults requests met so far, by kind.
    #[must_use]
    pub fn injected(&self) -> BTreeMap<Fault, u64> {
        let mut kinds = BTreeMap::new();
        for ((fault, _), count) in &lock(&self.state).injected {
            *kinds.entry(*fault).or_default() += count;
        }
        kinds
    }

    /// How often the clock overshot so far.
    #[must_use]
    pub fn clock_jumps(&self) -> u64 {
        lock(&self.state).clock_jumps
    }

    /// The next instant after `after` at which something heals or breaks by itself.
    #[must_use]
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let state = lock(&self.state);
        let planned = self.outages.iter().flat_map(|outage| [outage.from, outage.until]);
        let set = state.rules.iter().flat_map(|rule| rule.rule.changes());
        planned.chain(set).filter(|at| *at > after).min()
    }

    /// What this request meets at `now`; counts the request, and the fault.
    pub(crate) fn meet(
        &self,
        service: &'static str,
        method: &str,
        target: &str,
        now: Timestamp,
    ) -> Option<Met> {
        let mut state = lock(&self.state);
        let State { rules, seen, injected, is_calm, .. } = &mut *state;
        if *is_calm || (self.mix == Mix::None && rules.is_empty()) {
            return None;
        }
        let target = without_ports(target);
        let count = seen.entry((service, format!("{method} {target}"))).or_default();
        let asked = Asked { service, method, target: &target, ordinal: *count };
        *count += 1;
        // Every rule counts what it sees, whichever of them takes the request.
        let mut fault = None;
        for rule in rules {
            fault = rule.meet(&asked, now, fault);
        }
        let fault = fault
            .or_else(|| self.outages.iter().find_map(|outage| outage.meets(&asked, now)))
            .or_else(|| mix::decide(self.mix, self.seed, &asked))?;
        *injected.entry((fault, service)).or_default() += 1;
        Some(Met { fault, luck: mix::luck(self.seed, &asked) })
    }

    /// Where a step of the clock from `now` to `at` really ends: a machine that sleeps wakes late. Counts overshooting.
    pub(crate) fn overshoot(&self, now: Timestamp, at: Timestamp) -> Timestamp {
        let mut state = lock(&self.state);
        let mut jumps: Vec<Jump> = self.jumps.clone();
        jumps.extend(state.rules.iter().filter_map(|rule| match &rule.rule {
            Rule::Jump(jump) => Some(*jump),
            _ => None,
        }));
        jumps.sort_by_key(|jump| jump.at);
        let (ends, times) = rules::overshoot(&jumps, now, at);
        state.clock_jumps += times;
        ends
    }
}

/// A fault that a request meets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Met {
    pub(crate) fault: Fault,
    /// Fixed by seed and request: how many milliseconds or seconds, where a fault needs some.
    pub(crate) luck: u64,
}

/// The ports of a sandbox differ from run to run; where a target names one of its addresses, it counts without.
fn without_ports(target: &str) -> String {
    let mut out = String::with_capacity(target.len());
    let mut rest = target;
    while let Some(at) = rest.find("127.0.0.1") {
        let after = &rest[at + 9..];
        let colon = [":", "%3A", "%3a"].into_iter().find(|colon| after.starts_with(colon)).unwrap_or("");
        out.push_str(&rest[..at + 9]);
        rest = after[colon.len()..].trim_start_matches(|c: char| c.is_ascii_digit() && !colon.is_empty());
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn faults() -> (Faults, Timestamp) {
        let scenario = Scenario::generated("4.20.1".parse().unwrap(), 1);
        (Faults::of(&scenario), scenario.start)
    }

    fn met(faults: &Faults, method: &str, target: &str, now: Timestamp) -> Option<Fault> {
        faults.meet("jenkins", method, target, now).map(|met| met.fault)
    }

    #[test]
    fn words_are_those_of_the_json() {
        for fault in Fault::ALL {
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.word());
        }
    }

    #[test]
    fn a_rule_lets_some_pass_takes_its_share_and_is_used_up() {
        let (faults, now) = faults();
        faults.add(
            RequestRule::on("jenkins", Fault::LostAnswer)
                .method("POST")
                .path("/build")
                .after(1)
                .times(2)
                .into(),
        );
        assert_eq!(met(&faults, "GET", "/build", now), None, "another method");
        assert_eq!(met(&faults, "POST", "/queue?x=/build", now), None, "another path");
        let posts = [(); 4].map(|()| met(&faults, "POST", "/job/x/buildNow?a=1", now));
        assert_eq!(posts, [None, Some(Fault::LostAnswer), Some(Fault::LostAnswer), None]);
        assert_eq!(faults.injected(), BTreeMap::from([(Fault::LostAnswer, 2)]));
    }

    #[test]
    fn the_first_of_two_rules_takes_a_request_and_the_second_the_next() {
        let (faults, now) = faults();
        faults.add(RequestRule::on("jenkins", Fault::Conflict).into());
        faults.add(RequestRule::on("jenkins", Fault::Refused).into());
        let two = [(); 3].map(|()| met(&faults, "GET", "/", now));
        assert_eq!(two, [Some(Fault::Conflict), Some(Fault::Refused), None]);
        faults.add(RequestRule::on("jenkins", Fault::Conflict).into());
        faults.clear();
        assert_eq!(met(&faults, "GET", "/", now), None);
    }

    #[test]
    fn an_outage_and_a_rule_with_an_end_heal_by_themselves_and_the_world_knows_when() {
        let (faults, now) = faults();
        let at = |hours| now + SignedDuration::from_hours(hours);
        faults.add(Outage::down("jenkins", at(1), at(4)).into());
        faults.add(Outage::expired("errata", at(2), at(3)).into());
        faults.add(RequestRule::on("jira", Fault::Unavailable).until(at(5)).into());
        let changes: Vec<Timestamp> =
            std::iter::successors(faults.next_change(now), |at| faults.next_change(*at)).collect();
        assert_eq!(changes, [1, 2, 3, 4, 5].map(at));

        let jenkins = [0, 1, 3, 4].map(|hours| met(&faults, "GET", "/", at(hours)));
        assert_eq!(jenkins, [None, Some(Fault::Refused), Some(Fault::Refused), None]);
        let errata = [1, 2, 3].map(|h| faults.meet("errata", "GET", "/", at(h)).map(|met| met.fault));
        assert_eq!(errata, [None, Some(Fault::Expired), None]);
        let jira = [0, 4, 5].map(|h| faults.meet("jira", "GET", "/", at(h)).map(|met| met.fault));
        assert_eq!(jira, [Some(Fault::Unavailable), Some(Fault::Unavailable), None]);
    }

    #[test]
    fn addresses_of_this_run_count_without_their_ports() {
        assert_eq!(
            without_ports("/x?u=http://127.0.0.1:4711/a%3A127.0.0.1%3A1/9"),
            "/x?u=http://127.0.0.1/a%3A127.0.0.1/9"
        );
        assert_eq!(without_ports("/127.0.0.199?b"), "/127.0.0.199?b");
    }
}
