//! The world: scenario, time, what was done, and what will happen.
//!
//! Services keep their own state but no timers: what they show is a function of that state and of [`World::now`].
//! What changes by itself later is scripted in the scenario or announced when it is begun, so that the scenario clock
//! knows whether anything still lies ahead.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::delays::Quantiles;
use crate::effects::Effects;
use crate::faults::Faults;
use crate::payload::Payloads;
use crate::scenario::Scenario;

/// How many log entries are kept; older ones are dropped first.
const LOG_LIMIT_ENTRIES: usize = 100_000;

/// A handle on the one world; cheap to clone, shared by all services.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    scenario: Scenario,
    effects: Effects,
    faults: Faults,
    time: Mutex<Time>,
    scripted: BTreeSet<Timestamp>,
    announced: Mutex<BTreeSet<(Timestamp, String)>>,
    log: Mutex<VecDeque<LogEntry>>,
    requests: Mutex<BTreeMap<&'static str, u64>>,
    payloads: OnceLock<Payloads>,
}

/// Where virtual time comes from.
enum Time {
    /// Somebody moves it.
    Stepped(Timestamp),
    /// It flows by itself, `factor` virtual seconds a real second.
    Flowing { from: Timestamp, began: tokio::time::Instant, factor: f64 },
}

impl Time {
    fn now(&self) -> Timestamp {
        match self {
            Self::Stepped(now) => *now,
            Self::Flowing { from, began, factor } => {
                let virtual_seconds = began.elapsed().as_secs_f64() * factor;
                let passed =
                    SignedDuration::try_from_secs_f64(virtual_seconds).unwrap_or(SignedDuration::MAX);
                whole_seconds(from.checked_add(passed).unwrap_or(Timestamp::MAX))
            }
        }
    }
}

/// Something that happened in the world.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LogEntry {
    /// Virtual time.
    pub at: Timestamp,
    /// The service's NAME.
    pub service: &'static str,
    /// What happened, one line.
    pub text: String,
}

impl World {
    /// A world at the scenario's start. Its time stands still until a clock or [`World::advance_to`] moves it.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        let start = whole_seconds(scenario.start);
        let scripted = scenario.scripted().into_iter().map(|entry| entry.at).collect();
        Self(Arc::new(Inner {
            faults: Faults::of(&scenario),
            scenario,
            effects: Effects::default(),
            time: Mutex::new(Time::Stepped(start)),
            scripted,
            announced: Mutex::default(),
            log: Mutex::default(),
            requests: Mutex::default(),
            payloads: OnceLock::new(),
        }))
    }

    /// Virtual now, whole seconds. A build's state follows from when it was queued, not from a timer.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        lock(&self.0.time).now()
    }

    /// Moves time forward to `at`; earlier instants change nothing, nor does it move time that flows by itself.
    ///
    /// For the clock and for tests of single services.
    pub fn advance_to(&self, at: Timestamp) {
        if let Time::Stepped(now) = &mut *lock(&self.0.time) {
            *now = (*now).max(whole_seconds_up(at));
        }
    }

    /// Moves time as a clock does that steps to `at`: a fault of the clock may make it overshoot.
    pub(crate) fn step_to(&self, at: Timestamp) {
        let now = self.now();
        if at > now {
            self.advance_to(self.0.faults.overshoot(now, whole_seconds_up(at)));
        }
    }

    /// Lets time flow by itself from now on, `factor` virtual seconds a real second.
    pub(crate) fn let_flow(&self, factor: f64) {
        let mut time = lock(&self.0.time);
        *time = Time::Flowing { from: time.now(), began: tokio::time::Instant::now(), factor };
    }

    /// The script.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.0.scenario
    }

    /// The release's images; made when somebody first asks for them.
    pub(crate) fn payloads(&self) -> &Payloads {
        self.0.payloads.get_or_init(|| Payloads::of(&self.0.scenario))
    }

    /// What was done.
    #[must_use]
    pub fn effects(&self) -> &Effects {
        &self.0.effects
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// How long something takes in this world.
    #[must_use]
    pub fn delay(&self, service: &str, entity: &str, ordinal: u64, quantiles: Quantiles) -> SignedDuration {
        quantiles.draw(self.0.scenario.seed, service, entity, ordinal)
    }

    /// Says that something will happen by itself at `at`, such as a build ending: the clock knows that it lies ahead.
    pub fn announce(&self, at: Timestamp, what: impl Into<String>) {
        lock(&self.0.announced).insert((at, what.into()));
    }

    /// The next thing that happens by itself strictly after `after`: scripted or announced, or a service that heals or
    /// fails.
    #[must_use]
    pub fn next_event(&self, after: Timestamp) -> Option<Timestamp> {
        let beyond = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let scripted = self.0.scripted.range(beyond).next().copied();
        let announced = lock(&self.0.announced).iter().map(|(at, _)| *at).find(|at| *at > after);
        scripted.into_iter().chain(announced).chain(self.0.faults.next_change(after)).min()
    }

    /// Notes what happened, for `/events` of the control service.
    pub fn log(&self, service: &'static str, text: impl Into<String>) {
        let at = self.now();
        let mut log = lock(&self.0.log);
        if log.len() >= LOG_LIMIT_ENTRIES {
            log.pop_front();
        }
        log.push_back(LogEntry { at, service, text: text.into() });
    }

    /// What happened since the start, oldest first: what services noted, and what the script made happen.
    #[must_use]
    pub fn events(&self) -> Vec<LogEntry> {
        let mut events: Vec<LogEntry> = lock(&self.0.log).iter().cloned().collect();
        let happened = self.scenario().start..=self.now();
        events.extend(self.0.scenario.scripted().into_iter().filter(|entry| happened.contains(&entry.at)));
        events.sort_by_key(|entry| entry.at);
        events
    }

    /// Counts one request to a service.
    pub fn count_request(&self, service: &'static str) {
        *lock(&self.0.requests).entry(service).or_default() += 1;
    }

    /// Requests answered so far, by service NAME.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.0.requests).clone()
    }
}

/// A lock whose holder cannot leave it broken: every change made under these locks is a single step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An instant without its fraction of a second.
pub(crate) fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// The first whole second that is not before `at`: who sleeps until `at` never wakes early.
pub(crate) fn whole_seconds_up(at: Timestamp) -> Timestamp {
    let down = whole_seconds(at);
    if down < at { down.checked_add(SignedDuration::from_secs(1)).unwrap_or(down) } else { down }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_ahead_is_the_earlier_of_script_and_announcements() {
        let world = World::new(Scenario::generated("4.20.1".parse().unwrap(), 1));
        let promoted = world.scenario().promoted_at.unwrap();
        assert_eq!(world.next_event(world.now()), Some(promoted));
        let build_ends = world.now() + SignedDuration::from_mins(10);
        world.announce(build_ends, "a build ends");
        assert_eq!(world.next_event(world.now()), Some(build_ends));
        assert_eq!(world.next_event(build_ends), Some(promoted));
        assert_eq!(world.next_event(Timestamp::MAX), None);
    }

    #[test]
    fn events_tell_what_the_script_made_happen_among_what_services_noted() {
        let world = World::new(Scenario::generated("4.20.1".parse().unwrap(), 1));
        world.log("slack", "a message");
        world.advance_to(world.scenario().promoted_at.unwrap());
        let texts: Vec<String> = world.events().into_iter().map(|entry| entry.text).collect();
        assert_eq!(texts, ["a message", "4.20.1 is Accepted"]);
    }

    #[test]
    fn time_moves_forward_only_and_in_whole_seconds() {
        let world = World::new(Scenario::generated("4.20.1".parse().unwrap(), 1));
        let start = world.now();
        world.advance_to(start - SignedDuration::from_secs(5));
        assert_eq!(world.now(), start);
        world.advance_to(start + SignedDuration::from_millis(1500));
        assert_eq!(world.now(), start + SignedDuration::from_secs(2));
    }
}
