//! The rules by which an effect is made once, as plain functions over plain values.
//!
//! [`next`] says what a driver does next about one effect, given what it sees. The ledger carries out the answers against
//! store and remote; the model walks every way in which two drivers can be given them. The order is always
//!
//! 1. hold the release (the claim is part of the first append);
//! 2. where another left an intent open, look above its mark and adopt what is there;
//! 3. announce: an intent is appended directly before **every** trigger, also before a repeated one. The append compares
//!    and swaps: where anybody wrote since the drive decided, nothing is triggered and all is decided anew;
//! 4. read the clock once more, and trigger while the announcement is fresh and enough of the claim is left;
//! 5. write the handle.
//!
//! What follows from it: of two drivers that announce at the same time the second finds that the state moved and the claim
//! another's, so it steps back. A driver that slept past its claim finds that on waking, by the clock (4) or by its next
//! append (3). One that takes over looks first (2), and not before a request of the dead one has had its time
//! ([`SETTLED_AFTER`]).

use jiff::{SignedDuration, Timestamp};
use regatta_flow::decide::{Move, decide};
use regatta_flow::facts::{Facts, TaskFact, after};
use regatta_kit::{ErrorClass, Status, Task};

/// How long a claim is taken for.
pub(crate) const TERM: SignedDuration = SignedDuration::from_mins(60);

/// What is always left of a claim when an effect is announced: the longest poll interval of the table, 30 minutes, and
/// [`MARGIN`].
pub(crate) const LEFT: SignedDuration = SignedDuration::from_mins(40);

/// What must be left of a claim at the very moment of a trigger, by this driver's clock.
///
/// It has to cover three things: a trigger's own requests (at most three of 30 s each, the transport's limit), the time
/// the remote goes on working after that (30 s), and the **difference between the clocks of two machines**: with 10 minutes
/// two machines may differ by 8 minutes and still never act at the same time. A process that is stopped in the middle of
/// a request for longer than this is beyond any lease; whoever took over meanwhile has looked at the remote first.
pub(crate) const MARGIN: SignedDuration = SignedDuration::from_mins(10);

/// A trigger comes within this time of its announcement, or not at all: one limit of the transport, for the append itself.
/// Else a process that slept between the two would send a request of which nobody knows how young it is.
pub(crate) const TRIGGER_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// How long after the last announcement a request may still be under way: [`TRIGGER_WITHIN`], then one limit of the
/// transport for what a trigger asks first, and one for the trigger itself. Before that, not finding the effect does not
/// mean that there is none.
pub(crate) const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(90);

/// Whose the claim on the release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Claim {
    /// Nobody's: none was made, or it ran out.
    Nobody,
    /// This driver's, for so long.
    Mine(SignedDuration),
    /// Another driver's, which may be alive.
    Anothers,
    /// That of a driver whose process is known to be gone.
    OfTheDead,
}

impl Claim {
    /// Whether this driver may go on under it, having looked at the state afresh.
    pub(crate) const fn lets_go_on(self) -> bool {
        !matches!(self, Self::Anothers)
    }

    /// Whether enough is left of it for another effect.
    fn lasts(self) -> bool {
        matches!(self, Self::Mine(left) if left >= LEFT)
    }
}

/// What has to be written about the claim so that it is this driver's for long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// Nothing.
    Nothing,
    /// The claim is taken or renewed.
    Take,
    /// The dead driver's is ended, then the claim is taken.
    EndAndTake,
}

/// What an append about an effect has to say of the claim.
pub(crate) fn taking(claim: Claim) -> Taking {
    match claim {
        claim if claim.lasts() => Taking::Nothing,
        Claim::OfTheDead => Taking::EndAndTake,
        // Another's claim makes this one void, and the driver that wrote it steps back.
        Claim::Nobody | Claim::Mine(_) | Claim::Anothers => Taking::Take,
    }
}

/// Whether the state is as it was when the drive decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Base {
    /// Nobody else wrote since.
    Still,
    /// Somebody did.
    Moved,
}

/// What the ledger says of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Record {
    /// Nothing.
    Fresh,
    /// It was announced, and how it ended is not known.
    Open {
        /// When it was last announced; where another machine's clock dated that into the future, when this run began.
        last: Timestamp,
    },
    /// It was made.
    Made,
}

/// Whether a task that was interrupted at its first effect may begin now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Gate {
    /// It may; or it has begun already.
    Open,
    /// It may not: since it was announced, the release stopped or a blocker came.
    Shut,
}

/// How far this run has come with the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Progress {
    /// Nothing was done yet.
    #[default]
    Begun,
    /// The claim was written.
    Claimed,
    /// The remote was asked, and has nothing above the mark.
    FoundNothing {
        /// When it was asked: what arrived later was not seen, however long ago that now is.
        asked: Timestamp,
    },
    /// The trigger that comes next was announced.
    Announced,
}

/// What a driver sees of one effect at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) record: Record,
    pub(crate) claim: Claim,
    pub(crate) base: Base,
    pub(crate) gate: Gate,
    pub(crate) progress: Progress,
    pub(crate) now: Timestamp,
}

/// What a driver does next about an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Next {
    /// Return the handle: it was made.
    Return,
    /// Make nothing; decide anew on the newest state.
    StepBack,
    /// Write the claim.
    Hold,
    /// Ask the remote for what is above the intent's mark.
    Look,
    /// Wait until then, and look again: a request for it may still be under way.
    Wait(Timestamp),
    /// Make nothing while the gate is shut.
    Withhold,
    /// Ask the remote for its mark, and append the intent with it.
    MarkAndAnnounce,
    /// Append the intent again, under its first mark.
    Announce,
    /// Make it.
    Trigger,
}

/// What to do next about an effect.
pub(crate) fn next(seen: &Seen) -> Next {
    let Seen { record, claim, base, gate, progress, now } = *seen;
    if record == Record::Made {
        return Next::Return;
    }
    if base == Base::Moved || !claim.lets_go_on() {
        return Next::StepBack;
    }
    match (record, progress) {
        (Record::Fresh, Progress::Begun) => Next::MarkAndAnnounce,
        (Record::Open { last }, Progress::Announced) => match claim {
            Claim::Mine(left) if left >= MARGIN && now <= after(last, TRIGGER_WITHIN) => Next::Trigger,
            _ => Next::StepBack,
        },
        (Record::Open { .. }, Progress::Begun) if !claim.lasts() => Next::Hold,
        (Record::Open { .. }, Progress::Begun) => Next::Look,
        // A claim that did not take is another's in the end, whatever the clocks say.
        (Record::Open { .. }, Progress::Claimed) if !matches!(claim, Claim::Mine(_)) => Next::StepBack,
        (Record::Open { .. }, Progress::Claimed) => Next::Look,
        (Record::Open { last }, Progress::FoundNothing { asked }) => {
            let settled = after(last, SETTLED_AFTER);
            match gate {
                _ if asked < settled => Next::Wait(settled),
                Gate::Shut => Next::Withhold,
                Gate::Open => Next::Announce,
            }
        }
        // What was announced is gone from the state: somebody put old content back.
        (Record::Fresh, _) | (Record::Made, _) => Next::StepBack,
    }
}

/// What a failed trigger asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Afterwards {
    /// The intent stays open, nothing more is made in this run; the next one looks first.
    LeaveOpen,
    /// The remote said no. That is what it says as well when the request was delivered twice, or when a person was quicker:
    /// it is looked at once before that counts as a failure.
    LookOnce,
}

/// What a failed trigger asks for.
pub(crate) const fn afterwards(failure: ErrorClass) -> Afterwards {
    match failure {
        ErrorClass::Permanent => Afterwards::LookOnce,
        ErrorClass::Transient | ErrorClass::NeedsCredentials | ErrorClass::NeedsPerson => {
            Afterwards::LeaveOpen
        }
    }
}

/// The gate of a task that was announced and interrupted before anything was made: open when it could start in these
/// facts. Final approval's gate is held by `decide` at every look, so it need not be asked here.
pub(crate) fn gate(facts: &Facts, task: Task) -> Gate {
    if task == Task::ChangeAdvisoryStatus {
        return Gate::Open;
    }
    let mut before = facts.clone();
    let fact = &facts.tasks[task];
    before.tasks[task] = TaskFact { status: Status::NotStarted, ground: None, answer: None, ..fact.clone() };
    if decide(&before).moves.contains(&Move::Start(task)) { Gate::Open } else { Gate::Shut }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn seen() -> Seen {
        Seen {
            record: Record::Open { last: after(NOW, -SETTLED_AFTER) },
            claim: Claim::Mine(TERM),
            base: Base::Still,
            gate: Gate::Open,
            progress: Progress::Begun,
            now: NOW,
        }
    }

    #[test]
    fn an_interrupted_effect_is_looked_for_before_it_is_made_again() {
        let found_nothing = Seen { progress: Progress::FoundNothing { asked: NOW }, ..seen() };
        assert_eq!(next(&seen()), Next::Look);
        assert_eq!(next(&found_nothing), Next::Announce);
        assert_eq!(next(&Seen { gate: Gate::Shut, ..found_nothing }), Next::Withhold);
        assert_eq!(next(&Seen { record: Record::Made, ..found_nothing }), Next::Return);
        assert_eq!(next(&Seen { record: Record::Fresh, ..seen() }), Next::MarkAndAnnounce);
    }

    #[test]
    fn a_request_that_may_still_be_under_way_is_waited_for() {
        let announced = |seconds| Seen {
            record: Record::Open { last: after(NOW, SignedDuration::from_secs(seconds)) },
            progress: Progress::FoundNothing { asked: NOW },
            ..seen()
        };
        assert_eq!(next(&announced(-89)), Next::Wait(after(NOW, SignedDuration::from_secs(1))));
        assert_eq!(next(&announced(-90)), Next::Announce);
    }

    #[test]
    fn a_look_counts_for_the_time_at_which_the_remote_was_asked() {
        // It has settled by now, but it had not when the look was made: the request may have arrived in between.
        let asked = after(NOW, SignedDuration::from_secs(-1));
        let early = Seen { progress: Progress::FoundNothing { asked }, ..seen() };
        assert_eq!(next(&early), Next::Wait(NOW));
    }

    #[test]
    fn a_trigger_needs_the_margin_by_the_clock_of_that_moment() {
        let record = Record::Open { last: NOW };
        let announced = Seen { record, progress: Progress::Announced, ..seen() };
        let left = |minutes| {
            let claim = Claim::Mine(SignedDuration::from_mins(minutes));
            next(&Seen { claim, ..announced })
        };
        assert_eq!((left(10), left(9)), (Next::Trigger, Next::StepBack));
        let later =
            |seconds| next(&Seen { now: after(NOW, SignedDuration::from_secs(seconds)), ..announced });
        assert_eq!((later(30), later(31)), (Next::Trigger, Next::StepBack), "announced too long ago");
        for claim in [Claim::Nobody, Claim::Anothers, Claim::OfTheDead] {
            assert_eq!(next(&Seen { claim, ..announced }), Next::StepBack, "{claim:?}");
        }
        assert_eq!(next(&Seen { base: Base::Moved, ..announced }), Next::StepBack);
    }

    #[test]
    fn a_claim_is_renewed_before_it_runs_short_and_never_over_anothers() {
        let mine = |minutes| taking(Claim::Mine(SignedDuration::from_mins(minutes)));
        assert_eq!((mine(40), mine(39)), (Taking::Nothing, Taking::Take));
        assert_eq!(taking(Claim::OfTheDead), Taking::EndAndTake);
        assert_eq!(next(&Seen { claim: Claim::Nobody, ..seen() }), Next::Hold);
        let in_vain = Seen { claim: Claim::Nobody, progress: Progress::Claimed, ..seen() };
        assert_eq!(next(&in_vain), Next::StepBack);
        assert_eq!(next(&Seen { claim: Claim::Anothers, ..seen() }), Next::StepBack);
        assert!(LEFT > MARGIN && TERM > LEFT && MARGIN > SETTLED_AFTER && SETTLED_AFTER > TRIGGER_WITHIN);
    }
}
