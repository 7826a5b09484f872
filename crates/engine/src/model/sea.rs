//! The state of the model: what is in the store, what is so at the remotes, and where each of the two drivers stands.
//!
//! Everything is small and plain. Histories are not kept, only what they come to; a driver's copy is not kept either, only
//! what it knows of the effect it is about, of the claim, and whether its copy is still the newest. That is enough, because
//! a driver decides nothing on a copy without having just read or written the store, and an append tells it the rest.

use jiff::Timestamp;
use regatta_flow::facts::after;
use regatta_kit::{Status, Task, TaskMap};

use crate::rules::{Base, Progress, SETTLED_AFTER};

/// Time stands still in the model: what time does is a step of its own.
pub(super) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// What the store says of a task's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) enum Noted {
    #[default]
    Fresh,
    /// Announced a moment ago: a request may be under way.
    Young,
    /// Announced, and whatever was sent has arrived or is lost.
    Old,
    /// There is a handle.
    Made,
}

/// Who holds the release, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Holder {
    First,
    Second,
    /// A process that died.
    Gone,
}

impl Holder {
    pub(super) const fn of(driver: usize) -> Self {
        if driver == 0 { Self::First } else { Self::Second }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Gone => "gone",
        }
    }

    const fn swapped(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
            Self::Gone => Self::Gone,
        }
    }
}

/// A blocker on the issue list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Filed {
    General,
    Of(Task),
}

/// What the history in the store comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shared {
    pub(super) status: TaskMap<Status>,
    pub(super) noted: TaskMap<Noted>,
    pub(super) lease: Option<Holder>,
    pub(super) blocker: Option<Filed>,
    /// The payload was seen to be promoted.
    pub(super) promoted: bool,
}

/// What is so outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Outside {
    /// How often a task's effect was made at its remote.
    pub(super) runs: TaskMap<u8>,
    /// Requests that were sent and have not arrived.
    pub(super) in_the_air: TaskMap<u8>,
    pub(super) promoted: bool,
}

/// Where a driver stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum At {
    /// Between passes, asleep or newly started: it knows nothing, and reads the state when it wakes.
    Ashore,
    /// About to look at the promotion.
    Looks,
    /// About to write how a task without an effect, or an analysis, came out.
    Settles(Task, Status),
    /// Somewhere in the ledger.
    Ledger(Task, Stage),
    /// Waits for a request that may still be under way.
    Waits(Task),
    /// Its request was sent.
    Sent(Task),
    /// It has the handle, from the answer or from a look, and is about to write it.
    Holds(Task),
    /// No move is left: about to give the release back.
    Leaves,
}

/// [`Progress`], in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Stage {
    Begun,
    Claimed,
    /// It asked while a request may have been under way.
    FoundNothingEarly,
    FoundNothing,
    Announced,
}

impl Stage {
    pub(super) fn progress(self) -> Progress {
        match self {
            Self::Begun => Progress::Begun,
            Self::Claimed => Progress::Claimed,
            Self::FoundNothingEarly => Progress::FoundNothing { asked: after(NOW, -SETTLED_AFTER) },
            Self::FoundNothing => Progress::FoundNothing { asked: NOW },
            Self::Announced => Progress::Announced,
        }
    }
}

/// A driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Driver {
    pub(super) at: At,
    /// Whether the run it makes starts the task.
    pub(super) starts: bool,
    /// Whether others wrote since its copy was read or written.
    pub(super) stale: bool,
    /// Whether an append told it so.
    pub(super) moved: bool,
    /// What its copy says of the effect it is about.
    pub(super) noted: Noted,
    /// What its copy says of the claim.
    pub(super) lease: Option<Holder>,
    /// Tasks put off to the next pass, as bits in table order.
    pub(super) off: u16,
    /// Whether it looked at the promotion in this pass.
    pub(super) looked: bool,
}

impl Driver {
    pub(super) const fn ashore() -> Self {
        Self {
            at: At::Ashore,
            starts: false,
            stale: false,
            moved: false,
            noted: Noted::Fresh,
            lease: None,
            off: 0,
            looked: false,
        }
    }

    pub(super) const fn base(&self) -> Base {
        if self.moved { Base::Moved } else { Base::Still }
    }

    /// The task whose effect it is about.
    pub(super) const fn task(&self) -> Option<Task> {
        match self.at {
            At::Ledger(task, _) | At::Waits(task) | At::Sent(task) | At::Holds(task) => Some(task),
            At::Ashore | At::Looks | At::Settles(..) | At::Leaves => None,
        }
    }

    pub(super) fn put_off(&mut self, task: Task) {
        self.off |= 1 << task as u16;
    }
}

/// How many surprises of each kind a voyage may still meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Drivers that die.
    pub(super) crashes: u8,
    /// Requests or answers that are lost.
    pub(super) lost: u8,
    /// Claims that run out while their driver is alive in the middle of something but not of a request.
    pub(super) sleeps: u8,
    /// Tasks that fail.
    pub(super) failures: u8,
    /// Things that persons do.
    pub(super) persons: u8,
}

/// A law that a step broke; the others are seen from the state alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Law {
    Transition,
    LastOfAll,
    Gate,
    Stop,
}

/// A state of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Sea {
    pub(super) shared: Shared,
    pub(super) outside: Outside,
    pub(super) drivers: [Driver; 2],
    pub(super) left: Budget,
    pub(super) broken: Option<Law>,
}

/// What happened in a step, to see that the interesting things do happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Met {
    Nothing,
    SteppedBack,
    Adopted,
    Withheld,
    TookOver,
}

impl Sea {
    /// The two drivers are alike, so states that differ only in who is who are one.
    pub(super) fn normal(mut self) -> Self {
        for driver in &mut self.drivers {
            if !driver.stale && driver.at != At::Ashore {
                driver.lease = self.shared.lease;
                if let Some(task) = driver.task() {
                    driver.noted = self.shared.noted[task];
                }
            }
        }
        let swapped = |holder: Option<Holder>| holder.map(Holder::swapped);
        let key = |sea: &Self| (sea.drivers, sea.shared.lease);
        let mut other = self;
        other.shared.lease = swapped(self.shared.lease);
        other.drivers = [self.drivers[1], self.drivers[0]];
        for driver in &mut other.drivers {
            driver.lease = swapped(driver.lease);
        }
        if key(&other) < key(&self) { other } else { self }
    }

    /// Somebody wrote: whoever has a copy has an old one.
    pub(super) fn written_by(&mut self, writer: Option<usize>) {
        for (i, driver) in self.drivers.iter_mut().enumerate() {
            if Some(i) != writer && driver.at != At::Ashore {
                driver.stale = true;
            }
        }
        if let Some(writer) = writer.map(|w| &mut self.drivers[w]) {
            writer.moved |= writer.stale;
            writer.stale = false;
            writer.lease = self.shared.lease;
            if let Some(task) = writer.task() {
                writer.noted = self.shared.noted[task];
            }
        }
    }
}
