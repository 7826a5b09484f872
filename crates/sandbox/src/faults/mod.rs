//! Faults of the imitated world: seeded mixes of them, and single ones set by a scenario or through the control service.
//!
//! Whether a request meets a fault is a hash of the seed, the service, the request and how often that very request came:
//! reads that fan out meet the same faults in every order. The clock and control services have none: a driver needs them
//! to be in this world at all.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// Put on a response that must not reach the client: the connection ends in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// As if nobody had taken the connection.
    Refused,
    /// As if it had been cut after the request.
    Cut,
}

/// The faults of one world.
#[derive(Debug, Default)]
pub struct Faults {}

impl Faults {
    /// How many faults were met so far, by kind.
    #[must_use]
    pub fn injected(&self) -> BTreeMap<Fault, u64> {
        BTreeMap::new()
    }

    /// The next instant after `after` at which something heals or breaks by itself.
    #[must_use]
    pub fn next_change(&self, _after: Timestamp) -> Option<Timestamp> {
        None
    }
}
