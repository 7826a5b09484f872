//! Who may act on a release: one driver at a time.
//!
//! A lease is written with an intent and runs a little past the longest poll interval; only further intents renew it, so a
//! driver that merely looks holds nobody up. One that ends in good order gives it back. One that died is replaced when its
//! lease has run out, or at once where this machine can see that its process is gone.

use jiff::{SignedDuration, Timestamp};
use regatta_flow::facts::after;
use regatta_statebox::event::Body;
use regatta_statebox::fold::{Folded, Lease};

/// How long a lease is taken for.
const TERM: SignedDuration = SignedDuration::from_mins(60);
/// What is always left of it at an intent: the longest poll interval of the table, 30 minutes, and a margin.
const LEFT: SignedDuration = SignedDuration::from_mins(40);

/// The entries that take or renew the lease; none while enough of it is left. That of a driver known to be dead is ended
/// first.
pub(crate) fn take(folded: &Folded, holder: &str, now: Timestamp) -> Vec<Body> {
    if folded.lease.as_ref().is_some_and(|l| l.holder == holder && l.until >= after(now, LEFT)) {
        return Vec::new();
    }
    let dead = folded
        .lease
        .as_ref()
        .filter(|l| l.holder != holder && l.until > now && is_known_dead(&l.holder, holder));
    let mut bodies: Vec<Body> = dead.into_iter().map(|l| give_back(&l.holder, now)).collect();
    bodies.push(Body::Leased { holder: holder.to_owned(), until: after(now, TERM) });
    bodies
}

/// The entry that gives it back.
pub(crate) fn give_back(holder: &str, now: Timestamp) -> Body {
    Body::Leased { holder: holder.to_owned(), until: now }
}

/// The claim of another living driver, if one stands.
pub(crate) fn of_another<'a>(folded: &'a Folded, holder: &str, now: Timestamp) -> Option<&'a Lease> {
    folded.lease.as_ref().filter(|l| l.holder != holder && l.until > now && !is_known_dead(&l.holder, holder))
}

/// Whether the claim is this driver's.
pub(crate) fn is_mine(folded: &Folded, holder: &str, now: Timestamp) -> bool {
    folded.lease.as_ref().is_some_and(|l| l.holder == holder && l.until > now)
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
    let processes = std::path::Path::new("/proc");
    theirs == mine && processes.join("self").exists() && !processes.join(process.to_string()).exists()
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
        if std::path::Path::new("/proc/self").exists() {
            assert!(is_known_dead("lee@bay/m1-4000000000/w2", &me));
        }
        assert_eq!(shown("lee@bay/m1-42/w2"), "lee@bay (process 42)");
    }
}
