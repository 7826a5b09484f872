//! The signals by which a person ends a run, counted over all its steps.
//!
//! An interrupt may come while a program runs or between two of them, and a program may succeed in spite of it: one count for
//! the whole run loses none of them.

use rustix::process::Signal as Number;
use std::fs;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What has come so far.
#[derive(Debug)]
pub(super) struct Interrupts {
    /// Each with what is passed on for it.
    streams: Vec<(Signal, Number)>,
    count: u32,
}

impl Interrupts {
    /// Listens from now on. The terminal's hangup and quit count as requests to end, but a hangup that Regatta was started to
    /// ignore (`nohup`) stays ignored.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub(super) fn listen() -> io::Result<Self> {
        let mut streams = vec![
            (signal(SignalKind::interrupt())?, Number::INT),
            (signal(SignalKind::terminate())?, Number::TERM),
            (signal(SignalKind::quit())?, Number::TERM),
        ];
        if !hangup_is_ignored() {
            streams.push((signal(SignalKind::hangup())?, Number::TERM));
        }
        Ok(Self { streams, count: 0 })
    }

    /// How many have come.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Waits for the next, counts it, and tells what to pass on.
    pub(super) async fn next(&mut self) -> Number {
        poll_fn(|context| self.poll(context)).await
    }

    /// Counts what has come meanwhile, without waiting, and tells whether anything ever came.
    pub(super) async fn any(&mut self) -> bool {
        // The runtime hears of signals only when it is given the time to listen.
        tokio::task::yield_now().await;
        poll_fn(|context| {
            while self.poll(context).is_ready() {}
            Poll::Ready(())
        })
        .await;
        self.count > 0
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Number> {
        for (stream, number) in &mut self.streams {
            if stream.poll_recv(context).is_ready() {
                self.count += 1;
                return Poll::Ready(*number);
            }
        }
        Poll::Pending
    }
}

/// Whether whoever started this process has it ignore hangups. Asked of Linux; elsewhere a hangup always ends a run.
fn hangup_is_ignored() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// Reads it from the mask of ignored signals, in which hangup, the signal 1, is the lowest bit.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hangup_that_nohup_has_ignored_stays_ignored() {
        let status = |mask: &str| format!("Name:\tregatta\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\n");
        assert!(ignores_hangup(&status("0000000000001001")));
        assert!(!ignores_hangup(&status("0000000000001000")));
        assert!(!ignores_hangup("Name:\tregatta\n"));
    }
}
