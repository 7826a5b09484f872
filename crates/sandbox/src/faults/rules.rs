//! Single faults: for some requests, for a service over a time, or for the clock.

use jiff::{SignedDuration, Timestamp};

use super::{Asked, Fault};

/// A single fault, set by a scenario or through the control service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// For some requests.
    Requests(RequestRule),
    /// For every request to a service over a time.
    Outage(Outage),
    /// For the clock.
    Jump(Jump),
}

impl From<RequestRule> for Rule {
    fn from(rule: RequestRule) -> Self {
        Self::Requests(rule)
    }
}

impl From<Outage> for Rule {
    fn from(outage: Outage) -> Self {
        Self::Outage(outage)
    }
}

impl From<Jump> for Rule {
    fn from(jump: Jump) -> Self {
        Self::Jump(jump)
    }
}

impl Rule {
    /// Instants at which it begins or ends by itself. A clock that overshoots is no event: nobody can wait for it.
    pub(super) fn changes(&self) -> Vec<Timestamp> {
        match self {
            Self::Requests(rule) => rule.until.into_iter().collect(),
            Self::Outage(outage) => vec![outage.from, outage.until],
            Self::Jump(_) => Vec::new(),
        }
    }
}

/// A fault that some requests to one service meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRule {
    /// The service's NAME.
    pub service: String,
    /// Only requests of this method.
    pub method: Option<String>,
    /// Only requests whose path (without query) contains this.
    pub path: Option<String>,
    /// What they meet.
    pub fault: Fault,
    /// How many such requests pass first.
    pub pass: u64,
    /// How many meet it then; `None`: all until [`Self::until`], or for good.
    pub times: Option<u64>,
    /// Virtual time at which it is over.
    pub until: Option<Timestamp>,
}

impl RequestRule {
    /// The next request to this service meets this fault.
    #[must_use]
    pub fn on(service: &str, fault: Fault) -> Self {
        Self {
            service: service.to_owned(),
            method: None,
            path: None,
            fault,
            pass: 0,
            times: Some(1),
            until: None,
        }
    }

    /// Only requests of this method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    /// Only requests whose path contains this.
    #[must_use]
    pub fn path(self, part: &str) -> Self {
        Self { path: Some(part.to_owned()), ..self }
    }

    /// So many of them pass first.
    #[must_use]
    pub fn after(self, pass: u64) -> Self {
        Self { pass, ..self }
    }

    /// So many meet it.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// All meet it until then.
    #[must_use]
    pub fn until(self, until: Timestamp) -> Self {
        Self { times: None, until: Some(until), ..self }
    }

    fn is_for(&self, asked: &Asked<'_>, now: Timestamp) -> bool {
        self.service == asked.service
            && self.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(asked.method))
            && self.path.as_deref().is_none_or(|part| asked.path().contains(part))
            && self.until.is_none_or(|until| now < until)
    }
}

/// How a service is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// Nobody takes a connection.
    Down,
    /// Its proxy answers, with 502.
    BehindProxy,
    /// It answers 503: maintenance.
    Maintenance,
    /// The credential sent is refused as expired.
    Expired,
}

impl Away {
    /// What each request meets.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::Down => Fault::Refused,
            Self::BehindProxy => Fault::BadGateway,
            Self::Maintenance => Fault::Unavailable,
            Self::Expired => Fault::Expired,
        }
    }

    /// Its name outside.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::BehindProxy => "bad-gateway",
            Self::Maintenance => "maintenance",
            Self::Expired => "expired",
        }
    }
}

/// A time over which a service is of no use; it heals by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The service's NAME.
    pub service: String,
    /// How.
    pub away: Away,
    /// Virtual time of its beginning.
    pub from: Timestamp,
    /// Virtual time of its end, which is healthy again.
    pub until: Timestamp,
}

impl Outage {
    /// The service cannot be reached.
    #[must_use]
    pub fn down(service: &str, from: Timestamp, until: Timestamp) -> Self {
        Self { service: service.to_owned(), away: Away::Down, from, until }
    }

    /// The credential for the service is expired.
    #[must_use]
    pub fn expired(service: &str, from: Timestamp, until: Timestamp) -> Self {
        Self { service: service.to_owned(), away: Away::Expired, from, until }
    }

    pub(super) fn meets(&self, asked: &Asked<'_>, now: Timestamp) -> Option<Fault> {
        (self.service == asked.service && (self.from..self.until).contains(&now)).then(|| self.away.fault())
    }
}

/// An instant at which the machine sleeps: a clock that would cross it goes on later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// Virtual time.
    pub at: Timestamp,
    /// For how long.
    pub by: SignedDuration,
}

/// Where a step from `now` to `at` ends, and how often it was lengthened. `jumps` by their instants.
///
/// A step that is longer than the sleep it crosses notices nothing of it. Time never goes back.
pub(super) fn overshoot(jumps: &[Jump], now: Timestamp, at: Timestamp) -> (Timestamp, u64) {
    let (mut ends, mut times) = (at, 0);
    for jump in jumps.iter().filter(|jump| jump.at > now) {
        let wakes = jump.at.checked_add(jump.by).unwrap_or(Timestamp::MAX);
        if jump.at <= ends && wakes > ends {
            (ends, times) = (wakes, times + 1);
        }
    }
    (ends, times)
}

/// A rule and what is left of it.
#[derive(Debug)]
pub(super) struct InForce {
    pub(super) rule: Rule,
    /// Requests that still pass.
    pub(super) pass: u64,
    /// Requests that still meet it.
    pub(super) times: Option<u64>,
}

impl InForce {
    pub(super) fn new(rule: Rule) -> Self {
        let (pass, times) = match &rule {
            Rule::Requests(rule) => (rule.pass, rule.times),
            Rule::Outage(_) | Rule::Jump(_) => (0, None),
        };
        Self { rule, pass, times }
    }

    /// What the request meets, `taken` being what an earlier rule did to it. A request that was taken already counts
    /// among those that pass, and does not use this rule up.
    pub(super) fn meet(&mut self, asked: &Asked<'_>, now: Timestamp, taken: Option<Fault>) -> Option<Fault> {
        let rule = match &self.rule {
            Rule::Outage(outage) => return taken.or_else(|| outage.meets(asked, now)),
            Rule::Jump(_) => return taken,
            Rule::Requests(rule) => rule,
        };
        if !rule.is_for(asked, now) || self.times == Some(0) {
            return taken;
        }
        if self.pass > 0 {
            self.pass -= 1;
            return taken;
        }
        taken.or_else(|| {
            self.times = self.times.map(|times| times - 1);
            Some(rule.fault)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_over_a_sleeping_machine_ends_late_and_never_early() {
        let at = |minutes: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let jump = |from, by| Jump { at: at(from), by: SignedDuration::from_mins(by) };
        let jumps = [jump(60, 30), jump(85, 20), jump(300, 20)];
        let step = |from, to| {
            let (ends, times) = overshoot(&jumps, at(from), at(to));
            (ends.duration_since(at(0)).as_mins(), times)
        };
        assert_eq!(step(0, 59), (59, 0));
        assert_eq!(step(0, 60), (105, 2), "it falls asleep again when it wakes");
        assert_eq!(step(60, 70), (70, 0), "what lies behind is over");
        assert_eq!(step(0, 200), (200, 0), "a long step notices nothing");
        assert_eq!(step(200, 310), (320, 1));
    }
}
