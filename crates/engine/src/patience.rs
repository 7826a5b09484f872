//! How long a drive waits for what it cannot go on without: its store, and a new release's data.
//!
//! Without them nothing can be decided, so a drive that cannot reach them does nothing but wait: three short retries, as
//! for every service (specification, error handling); then a drive that stays goes on asking until a day has passed, and
//! one that makes a single round ends and says so.

use jiff::{SignedDuration, Timestamp};
use regatta_flow::facts::after;
use regatta_flow::table::limits;
use regatta_kit::ErrorClass;
use regatta_statebox::store::StoreError;

use crate::app::Watch;
use crate::error::EngineError;
use crate::lookbook::RETRY_AFTER;

/// Between tries after the short ones.
const POLL: SignedDuration = SignedDuration::from_mins(30);

/// Failures in a row.
#[derive(Debug)]
pub(crate) struct Patience {
    watch: Watch,
    failures: usize,
    since: Option<Timestamp>,
}

impl Patience {
    pub(crate) const fn of(watch: Watch) -> Self {
        Self { watch, failures: 0, since: None }
    }

    /// When to try again after this failure; `None` where no more is to be hoped for.
    pub(crate) fn again(&mut self, error: &EngineError, now: Timestamp) -> Option<Timestamp> {
        let (class, asked) = match error {
            EngineError::Store(StoreError::Unavailable { retry_after, .. }) => {
                (ErrorClass::Transient, *retry_after)
            }
            EngineError::Store(error) => (error.class(), None),
            EngineError::Service(error) => (error.class(), error.retry_after()),
            _ => return None,
        };
        let since = *self.since.get_or_insert(now);
        let short = RETRY_AFTER.get(self.failures).copied();
        self.failures += 1;
        let stays = self.watch == Watch::UntilDone && now.duration_since(since) < limits::UNAVAILABLE;
        let poll = stays.then_some(POLL);
        let wait = match class {
            ErrorClass::Transient => short.or(poll),
            // A person renews it, and a drive that stays finds that.
            ErrorClass::NeedsCredentials => poll,
            ErrorClass::Permanent | ErrorClass::NeedsPerson => None,
        }?;
        let asked = asked.and_then(|asked| SignedDuration::try_from(asked).ok()).unwrap_or_default();
        Some(after(now, wait.max(asked)))
    }

    /// It answers.
    pub(crate) fn rewarded(&mut self) {
        (self.failures, self.since) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes after the first failure at which the store is asked again.
    fn tries(watch: Watch, error: StoreError) -> Vec<i64> {
        let error = EngineError::Store(error);
        let mut patience = Patience::of(watch);
        let mut now = Timestamp::UNIX_EPOCH;
        let mut tries = Vec::new();
        while let Some(at) = patience.again(&error, now) {
            tries.push(at.as_second() / 60);
            now = at;
        }
        tries
    }

    fn away() -> StoreError {
        StoreError::Unavailable { why: "503".to_owned(), retry_after: None }
    }

    #[test]
    fn a_single_round_tries_three_times() {
        assert_eq!(tries(Watch::Once, away()), [1, 3, 7]);
        assert!(tries(Watch::Once, StoreError::NotAuthorised { hint: "renew it".to_owned() }).is_empty());
    }

    #[test]
    fn a_drive_that_stays_asks_for_a_day() {
        let tries = tries(Watch::UntilDone, away());
        assert_eq!(tries[..5], [1, 3, 7, 37, 67]);
        assert!((24 * 60..25 * 60).contains(tries.last().unwrap()), "{tries:?}");
    }

    #[test]
    fn what_nobody_can_wait_for_is_said_at_once() {
        let corrupt = StoreError::Corrupt { place: "4.20.1.json".to_owned(), why: "cut off".to_owned() };
        assert!(tries(Watch::UntilDone, corrupt).is_empty());
    }

    #[test]
    fn a_service_that_names_its_time_is_left_alone_until_then() {
        let limited = StoreError::Unavailable {
            why: "429".to_owned(),
            retry_after: Some(std::time::Duration::from_secs(1200)),
        };
        assert_eq!(tries(Watch::Once, limited), [20, 40, 60]);
    }
}
