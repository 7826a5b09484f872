//! The scenario clock.
//!
//! Drivers attach. While any attached driver is awake, virtual time stands still, so nothing a driver does takes virtual
//! time and what it finds does not depend on how fast the machine is. Once every attached driver sleeps, time jumps to
//! the earliest wake-up; exactly the sleepers due then are awake again, under the same lock, so that no second jump can
//! overtake them. The world's own events need no waking: services are functions of time.
//!
//! A pace only delays the jump in real time. Time that flows by itself ([`Pace::Flowing`]) is for foreign clients, which do
//! not attach.
//!
//! A driver that leaves may say when its user wants to look again. When the last one has left, time moves to the earliest
//! instant said, and all are forgotten: whoever is run again says it anew.
//!
//! Where the world's faults say that the machine sleeps (see [`crate::faults::Jump`]), a step of time that would cross that instant ends
//! later than anybody asked for. Time that flows by itself has no such faults, and no time ever goes back.
//!
//! In another process the clock is a service; its protocol stands in [`crate::services::clock`].

use jiff::Timestamp;
use regatta_kit::{Ahead, BoxFuture, Clock};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

use crate::world::{World, lock, whole_seconds_up};

/// How virtual time goes along with real time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Stepped, and jumps at once.
    Max,
    /// Stepped; a jump waits until this many virtual seconds a real second have gone by.
    Stepped(f64),
    /// Stepped, for people who watch: at least `factor` virtual seconds a real second, and the faster the longer nothing
    /// happens in the world. What lies between now and the world's next event is gone through at a rate at which it
    /// would last `calm`, reckoned anew at every jump, so that time slows down towards the event.
    Eased {
        /// Virtual seconds a real second while something happens.
        factor: f64,
        /// How quickly a time without events goes by; also the longest that one jump takes.
        calm: std::time::Duration,
    },
    /// Flows by itself, this many virtual seconds a real second.
    Flowing(f64),
}

/// The clock of one world; cheap to clone.
#[derive(Clone)]
pub struct ScenarioClock(Arc<Shared>);

struct Shared {
    world: World,
    pace: Pace,
    state: Mutex<State>,
    /// Counts changes of `state`; sleepers wait on it.
    changed: watch::Sender<u64>,
}

struct State {
    drivers: BTreeMap<u64, Driver>,
    next_id: u64,
    look_again: BTreeSet<Timestamp>,
    /// Real time at which virtual now was reached: work done since counts towards the pace.
    reached: tokio::time::Instant,
}

#[derive(Default)]
struct Driver {
    /// Pending sleeps by id. A driver sleeps while it has any.
    sleeps: BTreeMap<u64, Timestamp>,
}

impl ScenarioClock {
    /// A clock for `world`. Of a factor only positive finite values make sense; others count as [`Pace::Max`].
    #[must_use]
    pub fn new(world: World, pace: Pace) -> Self {
        let sane = |factor: f64| factor.is_finite() && factor > 0.0;
        let pace = match pace {
            Pace::Stepped(factor) | Pace::Flowing(factor) | Pace::Eased { factor, .. } if !sane(factor) => {
                Pace::Max
            }
            pace => pace,
        };
        if let Pace::Flowing(factor) = pace {
            world.let_flow(factor);
        }
        let state = State {
            drivers: BTreeMap::new(),
            next_id: 1,
            look_again: BTreeSet::new(),
            reached: tokio::time::Instant::now(),
        };
        Self(Arc::new(Shared { world, pace, state: Mutex::new(state), changed: watch::Sender::new(0) }))
    }

    /// The world whose time this is.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.0.world
    }

    /// How it goes.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.0.pace
    }

    /// Virtual now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.world.now()
    }

    /// Attaches a driver: until it sleeps or leaves, time stands still.
    #[must_use]
    pub fn attach(&self) -> Attachment {
        let mut state = lock(&self.0.state);
        let id = state.fresh_id();
        state.drivers.insert(id, Driver::default());
        self.0.announce_change();
        Attachment { shared: Arc::clone(&self.0), driver: id }
    }

    /// How many drivers are attached.
    #[must_use]
    pub fn attached(&self) -> usize {
        lock(&self.0.state).drivers.len()
    }

    /// What the world has in store after now.
    #[must_use]
    pub fn ahead(&self) -> Ahead {
        self.0.world.next_event(self.now()).map_or(Ahead::Nothing, Ahead::At)
    }
}

impl State {
    fn fresh_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// The instant to jump to, when nobody is awake.
    fn due(&self) -> Option<Timestamp> {
        if self.drivers.values().any(|driver| driver.sleeps.is_empty()) {
            return None;
        }
        self.drivers.values().flat_map(|driver| driver.sleeps.values()).min().copied()
    }
}

/// What a sleeper has to do next.
enum Turn {
    /// Its time has come.
    Wake,
    /// Something must change first.
    Wait,
    /// The jump is due after this much real time.
    Pace(std::time::Duration),
}

impl Shared {
    fn announce_change(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Jumps if everybody sleeps and the pace allows it.
    fn step(&self, state: &mut State) {
        if self.pace == Pace::Max {
            self.jump(state);
        }
        self.announce_change();
    }

    /// Jumps to the earliest wake-up, if everybody sleeps, and marks those due as awake.
    fn jump(&self, state: &mut State) {
        let Some(at) = state.due() else { return };
        self.world.step_to(at);
        self.wake_due(state);
        state.reached = tokio::time::Instant::now();
    }

    fn wake_due(&self, state: &mut State) {
        let now = self.world.now();
        for driver in state.drivers.values_mut() {
            driver.sleeps.retain(|_, until| *until > now);
        }
    }

    /// One look of the sleeper `sleep` of `driver`.
    fn turn(&self, driver: u64, sleep: u64) -> Turn {
        let mut state = lock(&self.state);
        if let Pace::Flowing(factor) = self.pace {
            self.wake_due(&mut state);
            let until = state.drivers.get(&driver).and_then(|driver| driver.sleeps.get(&sleep));
            return until.map_or(Turn::Wake, |until| Turn::Pace(real_time(self.world.now(), *until, factor)));
        }
        let pending =
            |state: &State| state.drivers.get(&driver).is_some_and(|d| d.sleeps.contains_key(&sleep));
        if !pending(&state) {
            return Turn::Wake;
        }
        let Some(at) = state.due() else { return Turn::Wait };
        let Some(needed) = self.pace_of_jump(at) else { return Turn::Wait };
        let left = needed.saturating_sub(state.reached.elapsed());
        if !left.is_zero() {
            return Turn::Pace(left);
        }
        self.jump(&mut state);
        self.announce_change();
        if pending(&state) { Turn::Wait } else { Turn::Wake }
    }

    /// Real time that a jump to `at` takes; `None` where jumps are not waited for.
    fn pace_of_jump(&self, at: Timestamp) -> Option<std::time::Duration> {
        let now = self.world.now();
        match self.pace {
            Pace::Max | Pace::Flowing(_) => None,
            Pace::Stepped(factor) => Some(real_time(now, at, factor)),
            Pace::Eased { factor, calm } => {
                let event = self.world.next_event(now).map_or(at, |event| event.max(at));
                let calm_factor = event.duration_since(now).as_secs_f64() / calm.as_secs_f64();
                Some(real_time(now, at, factor.max(calm_factor)))
            }
        }
    }

    /// Removes a driver; the last one to go lets time move to where somebody wants to look again.
    fn detach(&self, driver: u64, look_again: Option<Timestamp>) {
        let mut state = lock(&self.state);
        if state.drivers.remove(&driver).is_none() {
            return;
        }
        state.look_again.extend(look_again);
        if state.drivers.is_empty() {
            let now = self.world.now();
            if let Some(at) = std::mem::take(&mut state.look_again).into_iter().find(|at| *at > now) {
                self.world.step_to(at);
            }
            state.reached = tokio::time::Instant::now();
        }
        self.step(&mut state);
    }
}

/// Real time that virtual time takes from `now` to `at`.
fn real_time(now: Timestamp, at: Timestamp, factor: f64) -> std::time::Duration {
    let virtual_seconds = at.duration_since(now).as_secs_f64().max(0.0);
    std::time::Duration::try_from_secs_f64(virtual_seconds / factor).unwrap_or(std::time::Duration::MAX)
}

/// One attached driver. Dropping it detaches it, as `leave(None)` does.
///
/// It counts as sleeping while any of its sleeps is pending; work that goes on beside a sleep attaches for itself.
pub struct Attachment {
    shared: Arc<Shared>,
    driver: u64,
}

/// A pending sleep, taken back when its future is dropped.
struct Sleep<'a> {
    shared: &'a Shared,
    driver: u64,
    id: u64,
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        let taken_back =
            state.drivers.get_mut(&self.driver).and_then(|driver| driver.sleeps.remove(&self.id));
        if taken_back.is_some() {
            self.shared.announce_change();
        }
    }
}

impl Attachment {
    /// A pending sleep until `at`, or nothing when that has come already.
    fn begin_sleep(&self, at: Timestamp) -> Option<Sleep<'_>> {
        let at = whole_seconds_up(at);
        if at <= self.shared.world.now() {
            return None;
        }
        let mut state = lock(&self.shared.state);
        let id = state.fresh_id();
        // A driver that has left and sleeps all the same is attached again.
        state.drivers.entry(self.driver).or_default().sleeps.insert(id, at);
        self.shared.step(&mut state);
        Some(Sleep { shared: &self.shared, driver: self.driver, id })
    }
}

impl Clock for Attachment {
    fn now(&self) -> Timestamp {
        self.shared.world.now()
    }

    #[allow(clippy::disallowed_methods)] // the pace of virtual time is the one thing that real time drives
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // Longer than any session lasts, and short enough for every timer.
            const LONGEST: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
            let mut changes = self.shared.changed.subscribe();
            let Some(sleep) = self.begin_sleep(at) else { return };
            loop {
                changes.mark_unchanged();
                match self.shared.turn(sleep.driver, sleep.id) {
                    Turn::Wake => return,
                    Turn::Wait => {
                        // The sender lives in `shared`, which this driver holds.
                        let _ = changes.changed().await;
                    }
                    Turn::Pace(real) => {
                        tokio::select! {
                            _ = changes.changed() => {}
                            () = tokio::time::sleep(real.min(LONGEST)) => {}
                        }
                    }
                }
            }
        })
    }

    fn ahead(&self) -> BoxFuture<'_, Ahead> {
        let ahead = self.shared.world.next_event(self.now()).map_or(Ahead::Nothing, Ahead::At);
        Box::pin(std::future::ready(ahead))
    }

    fn leave(&self, look_again: Option<Timestamp>) -> BoxFuture<'_, ()> {
        self.shared.detach(self.driver, look_again);
        Box::pin(std::future::ready(()))
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.shared.detach(self.driver, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{Jump, Outage};
    use crate::scenario::Scenario;
    use jiff::SignedDuration;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn clock(pace: Pace) -> ScenarioClock {
        ScenarioClock::new(World::new(Scenario::generated("4.20.1".parse().unwrap(), 1)), pace)
    }

    fn after(clock: &ScenarioClock, minutes: i64) -> Timestamp {
        clock.world().scenario().start + SignedDuration::from_mins(minutes)
    }

    /// Polls once: whether the sleep is over.
    fn over(sleep: &mut BoxFuture<'_, ()>) -> bool {
        sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[tokio::test]
    async fn one_driver_alone_never_waits() {
        let clock = clock(Pace::Max);
        let driver = clock.attach();
        for minutes in [5, 600, 9000] {
            driver.sleep_until(after(&clock, minutes)).await;
            assert_eq!(driver.now(), after(&clock, minutes));
        }
        driver.sleep_until(after(&clock, 1)).await;
        assert_eq!(driver.now(), after(&clock, 9000), "time does not go back");
    }

    #[test]
    fn of_two_drivers_the_earlier_wakes_and_time_waits_for_it() {
        let clock = clock(Pace::Max);
        let (early, late) = (clock.attach(), clock.attach());
        let mut late_sleep = late.sleep_until(after(&clock, 60));
        assert!(!over(&mut late_sleep));
        assert_eq!(clock.now(), after(&clock, 0), "the other driver is awake");

        let mut early_sleep = early.sleep_until(after(&clock, 10));
        assert!(over(&mut early_sleep));
        assert_eq!(clock.now(), after(&clock, 10));
        assert!(!over(&mut late_sleep), "the early one has not slept again");

        let mut again = early.sleep_until(after(&clock, 90));
        assert!(!over(&mut again));
        assert_eq!(clock.now(), after(&clock, 60));
        assert!(over(&mut late_sleep));
        assert!(!over(&mut again));
    }

    #[test]
    fn when_one_of_two_leaves_the_other_goes_on() {
        let clock = clock(Pace::Max);
        let (stays, goes) = (clock.attach(), clock.attach());
        let mut sleep = stays.sleep_until(after(&clock, 30));
        assert!(!over(&mut sleep));
        drop(goes);
        assert!(over(&mut sleep));
        assert_eq!((clock.now(), clock.attached()), (after(&clock, 30), 1));
    }

    #[test]
    fn a_sleep_given_up_makes_its_driver_awake_again() {
        let clock = clock(Pace::Max);
        let (one, two) = (clock.attach(), clock.attach());
        let mut given_up = one.sleep_until(after(&clock, 10));
        assert!(!over(&mut given_up));
        drop(given_up);
        let mut sleep = two.sleep_until(after(&clock, 20));
        assert!(!over(&mut sleep));
        assert_eq!(clock.now(), after(&clock, 0));
        drop(one);
        assert!(over(&mut sleep));
    }

    #[tokio::test]
    async fn a_command_run_again_finds_that_time_has_passed() {
        let clock = clock(Pace::Max);
        let (drive, other) = (clock.attach(), clock.attach());
        drive.leave(Some(after(&clock, 30))).await;
        assert_eq!(clock.now(), after(&clock, 0), "somebody else is still attached");
        other.leave(Some(after(&clock, 45))).await;
        assert_eq!(clock.now(), after(&clock, 30), "the earliest wish counts");

        let killed = clock.attach();
        drop(killed);
        assert_eq!(clock.now(), after(&clock, 30), "wishes are forgotten once time has moved");
    }

    #[tokio::test]
    async fn a_clock_tells_what_lies_ahead() {
        let clock = clock(Pace::Max);
        let driver = clock.attach();
        let Ahead::At(first) = driver.ahead().await else { panic!("a promotion lies ahead") };
        assert_eq!(Some(first), clock.world().scenario().promoted_at);
        driver.sleep_until(clock.world().scenario().metadata_opens_at).await;
        assert_eq!(driver.ahead().await, Ahead::Nothing);
        clock.world().announce(driver.now() + SignedDuration::from_mins(5), "a build ends");
        assert_eq!(driver.ahead().await, Ahead::At(driver.now() + SignedDuration::from_mins(5)));
    }

    #[tokio::test]
    async fn a_pace_changes_nothing_but_how_long_it_takes() {
        let clock = clock(Pace::Stepped(1e9));
        let (one, two) = (clock.attach(), clock.attach());
        tokio::join!(one.sleep_until(after(&clock, 10)), async {
            two.sleep_until(after(&clock, 5)).await;
            assert_eq!(two.now(), after(&clock, 5));
            two.sleep_until(after(&clock, 10)).await;
        });
        assert_eq!(clock.now(), after(&clock, 10));

        let slow = self::clock(Pace::Stepped(1e-6));
        let driver = slow.attach();
        let mut sleep = pin!(driver.sleep_until(after(&slow, 10)));
        assert_eq!(sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
        assert_eq!(slow.now(), after(&slow, 0));
    }

    #[test]
    fn an_eased_pace_hurries_through_calm_times_and_slows_down_towards_what_happens() {
        let calm = std::time::Duration::from_secs(2);
        let clock = clock(Pace::Eased { factor: 1000.0, calm });
        let _driver = clock.attach();
        let real = |at| clock.0.pace_of_jump(at).unwrap().as_secs_f64();
        let opens = clock.world().scenario().metadata_opens_at;
        let before = |hours| opens - SignedDuration::from_hours(hours);
        let hour = |from: Timestamp| {
            clock.world().advance_to(from);
            real(from + SignedDuration::from_hours(1))
        };
        assert!((hour(before(20)) - 2.0 / 20.0).abs() < 1e-9, "20 hours would last 2 s");
        assert!((hour(before(5)) - 2.0 / 5.0).abs() < 1e-9);
        assert!((hour(before(1)) - 2.0).abs() < 1e-9);
        assert!((real(before(1) + SignedDuration::from_secs(100)) - 100.0 / 1800.0).abs() < 1e-9);
        assert!((hour(opens) - 2.0).abs() < 1e-9, "no jump lasts longer than a calm time");
        assert!((real(opens + SignedDuration::from_secs(100)) - 0.1).abs() < 1e-9, "the plain factor");
    }

    #[tokio::test]
    async fn a_machine_that_slept_wakes_its_driver_late_and_only_once() {
        let clock = clock(Pace::Max);
        let jump = Jump { at: after(&clock, 30), by: SignedDuration::from_mins(45) };
        clock.world().faults().add(jump.into());
        let (driver, other) = (clock.attach(), clock.attach());
        tokio::join!(driver.sleep_until(after(&clock, 30)), other.sleep_until(after(&clock, 60)));
        assert_eq!(clock.now(), after(&clock, 75), "both were due when the machine woke");
        driver.leave(Some(after(&clock, 80))).await;
        other.leave(None).await;
        assert_eq!((clock.now(), clock.world().faults().clock_jumps()), (after(&clock, 80), 1));
    }

    #[test]
    fn a_service_that_heals_is_something_that_lies_ahead() {
        let clock = clock(Pace::Max);
        let Ahead::At(promotion) = clock.ahead() else { panic!("a promotion lies ahead") };
        let (fails, heals) = (after(&clock, 10), after(&clock, 20));
        clock.world().faults().add(Outage::down("errata", fails, heals).into());
        assert_eq!(clock.ahead(), Ahead::At(fails));
        clock.world().advance_to(fails);
        assert_eq!(clock.ahead(), Ahead::At(heals));
        clock.world().advance_to(heals);
        assert_eq!(clock.ahead(), Ahead::At(promotion));
    }

    #[tokio::test]
    async fn flowing_time_needs_nobody_to_sleep() {
        let clock = clock(Pace::Flowing(1e9));
        let (driver, _awake) = (clock.attach(), clock.attach());
        driver.sleep_until(after(&clock, 10)).await;
        assert!(clock.now() >= after(&clock, 10));
    }
}
