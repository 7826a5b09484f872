//! Who may act on a release: one driver at a time.
//!
//! A lease is written with an intent and runs a little past the longest poll interval; only further intents renew it, so a
//! driver that merely looks holds nobody up. One that ends in good order, or with an error, gives it back. One that died is
//! replaced when its lease has run out, or at once where this machine can see that its process is gone.
//!
//! The rules themselves are in [`crate::rules`]; how entries about the lease fold is in [`Lease::after`].

use jiff::Timestamp;
use regatta_flow::facts::after;
use regatta_statebox::event::Body;
use regatta_statebox::fold::{Folded, Lease};
use std::path::Path;

use crate::rules::{Claim, TERM, Taking, taking};

/// Whose the claim on the release is, as `holder` sees it now.
pub(crate) fn claim(folded: &Folded, holder: &str, now: Timestamp) -> Claim {
    match &folded.lease {
        Some(lease) if lease.until > now => {
            if lease.holder == holder {
                Claim::Mine(lease.until.duration_since(now))
            } else if is_known_dead(&lease.holder, holder) {
                Claim::OfTheDead
            } else {
                Claim::Anothers
            }
        }
        _ => Claim::Nobody,
    }
}

/// The entries that take or renew the lease; none while enough of it is left. That of a driver known to be dead is ended
/// first. `stamp` is not before any entry of the history: where another machine's clock goes ahead, a term counted from
/// one's own clock would be over before it began.
pub(crate) fn take(folded: &Folded, holder: &str, now: Timestamp, stamp: Timestamp) -> Vec<Body> {
    let end_of_dead = || folded.lease.as_ref().map(|lease| give_back(&lease.holder, stamp));
    let mine = Body::Leased { holder: holder.to_owned(), until: after(stamp, TERM) };
    match taking(claim(folded, holder, now)) {
        Taking::Nothing => Vec::new(),
        Taking::Take => vec![mine],
        Taking::EndAndTake => end_of_dead().into_iter().chain([mine]).collect(),
    }
}

/// The entry that gives it back.
pub(crate) fn give_back(holder: &str, stamp: Timestamp) -> Body {
    Body::Leased { holder: holder.to_owned(), until: stamp }
}

/// The claim of another driver that may be alive, if one stands.
pub(crate) fn of_another<'a>(folded: &'a Folded, holder: &str, now: Timestamp) -> Option<&'a Lease> {
    folded.lease.as_ref().filter(|_| !claim(folded, holder, now).lets_go_on())
}

/// A holder is written `ACTOR/MACHINE-PROCESS/WRITER`. On one's own machine one can see whether the process still runs; a
/// number that was given to another process counts as running, which only costs the wait.
fn is_known_dead(holder: &str, me: &str) -> bool {
    let machine_and_process = |h: &str| {
        let mut parts = h.rsplit('/');
        let (_writer, place) = (parts.next()?, parts.next()?);
        let (machine, process) = place.rsplit_once('-')?;
        Some((machine.to_owned(), process.parse::<u32>().ok()?))
    };
    let (Some((theirs, process)), Some((mine, _))) = (machine_and_process(holder), machine_and_process(me))
    else {
        return false;
    };
    let processes = Path::new("/proc");
    theirs == mine && shows_all(processes) && !processes.join(process.to_string()).exists()
}

/// Where other people's processes are hidden (`hidepid`), the first process is too, and one that is not seen may well run.
fn shows_all(processes: &Path) -> bool {
    processes.join("self").exists() && processes.join("1").exists()
}

/// The holder as people read it.
pub(crate) fn shown(holder: &str) -> String {
    match holder.split('/').collect::<Vec<_>>().as_slice() {
        [actor, place, _writer] => match place.rsplit_once('-') {
            Some((_, process)) => format!("{actor} (process {process})"),
            None => (*actor).to_owned(),
        },
        _ => holder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_gone_is_seen_on_its_own_machine_only() {
        let me = format!("kim@bay/m1-{}/w1", std::process::id());
        let alive = format!("lee@bay/m1-{}/w2", std::process::id());
        assert!(!is_known_dead(&alive, &me));
        assert!(!is_known_dead("lee@bay/m2-4000000000/w2", &me));
        assert!(!is_known_dead("driver-1", &me));
        if shows_all(Path::new("/proc")) {
            assert!(is_known_dead("lee@bay/m1-4000000000/w2", &me));
        }
        assert_eq!(shown("lee@bay/m1-42/w2"), "lee@bay (process 42)");
    }

    #[test]
    fn where_processes_are_hidden_nobody_is_taken_for_dead() {
        let folder = std::env::temp_dir();
        assert!(!shows_all(&folder), "no process is seen there at all");
    }

    #[test]
    fn a_lease_taken_beside_a_clock_that_goes_ahead_stands() {
        let (now, hours) = (Timestamp::UNIX_EPOCH, jiff::SignedDuration::from_hours(3));
        let stamp = after(now, hours);
        let [Body::Leased { holder, until }] = &take(&Folded::default(), "me", now, stamp)[..] else {
            panic!("one entry takes it")
        };
        let mut folded = Folded::default();
        folded.lease = Lease::after(None, stamp, holder, *until);
        assert!(matches!(claim(&folded, "me", now), Claim::Mine(left) if left >= TERM));
        assert!(take(&folded, "me", now, stamp).is_empty());
    }
}
