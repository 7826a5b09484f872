//! The laws, as properties by name; and the walk that shows that every fair run ends.

use regatta_flow::decide::Move;
use regatta_kit::{Overall, Status, Task};
use stateright::{Model, Property};
use std::collections::{BTreeMap, HashMap};

use super::sea::{At, Filed, Law, Met, Noted, Sea};
use super::voyage::{EFFECTFUL, Step, Voyage, between_intent_and_handle, stopped};

pub(super) const LAST: &str = "final approval only when every other task passed or is overridden";
pub(super) const GATE: &str = "nothing gated starts before its gate";
pub(super) const STOP: &str = "nothing starts after the stop";
pub(super) const LEGAL: &str = "every move of a task is in the transition table";
pub(super) const HANDLE: &str =
    "a task in progress at a remote has exactly one handle or one intent, and nothing runs unannounced";
pub(super) const ONCE: &str = "no effect is made twice at the remote";
pub(super) const ALONE: &str = "never two drivers between intent and handle";
pub(super) const GREEN: &str = "overall is Green exactly when nothing failed and no blocker is open";
pub(super) const ENDS: &str = "every fair run ends (by reverse reachability)";

impl Model for Voyage {
    type State = Sea;
    type Action = Step;

    fn init_states(&self) -> Vec<Sea> {
        vec![self.start()]
    }

    fn actions(&self, sea: &Sea, steps: &mut Vec<Step>) {
        self.steps(sea, steps);
    }

    fn next_state(&self, sea: &Sea, step: Step) -> Option<Sea> {
        self.after(sea, step).map(|(sea, _)| sea)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(LAST, |_, sea: &Sea| sea.broken != Some(Law::LastOfAll)),
            Property::always(GATE, |_, sea: &Sea| sea.broken != Some(Law::Gate)),
            Property::always(STOP, |_, sea: &Sea| sea.broken != Some(Law::Stop)),
            Property::always(LEGAL, |_, sea: &Sea| sea.broken != Some(Law::Transition)),
            Property::always(HANDLE, |_, sea: &Sea| {
                EFFECTFUL.into_iter().all(|task| {
                    let recorded = sea.shared.noted[task] != Noted::Fresh;
                    let runs = sea.outside.runs[task] + sea.outside.in_the_air[task] > 0;
                    let in_progress = sea.shared.status[task] == Status::InProgress;
                    recorded || !(runs || in_progress)
                })
            }),
            Property::always(ONCE, |_, sea: &Sea| {
                EFFECTFUL.into_iter().all(|task| sea.outside.runs[task] <= 1)
            }),
            Property::always(ALONE, |voyage: &Self, sea: &Sea| between_intent_and_handle(voyage, sea) <= 1),
            Property::always(GREEN, |voyage: &Self, sea: &Sea| {
                let failed = Task::ALL.into_iter().any(|t| sea.shared.status[t] == Status::Fail);
                let green = !failed && sea.shared.blocker.is_none();
                (voyage.decision(Self::ground(&sea.shared)).overall == Overall::Green) == green
            }),
        ]
    }
}

/// How a release can stand when nothing more happens by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Finished,
    Stopped,
    /// Only a person can go on: a blocker is open, or the candidate's rejection stands.
    Persons,
}

impl Voyage {
    /// Whether this is an end: nobody is at work, nobody holds the release, and `decide` offers nothing but to look after
    /// what was interrupted and is withheld.
    pub(super) fn end(&self, sea: &Sea) -> Option<End> {
        if sea.drivers.iter().any(|d| d.at != At::Ashore) || sea.shared.lease.is_some() {
            return None;
        }
        let decision = self.decision(Self::ground(&sea.shared));
        let withheld = |m: &Move| match m {
            Move::Check(task) => sea.shared.noted[*task] == Noted::Old && sea.outside.runs[*task] == 0,
            _ => false,
        };
        if !decision.moves.iter().all(withheld) || sea.shared.promoted != sea.outside.promoted {
            return None;
        }
        let shut = stopped(&sea.shared) || matches!(sea.shared.blocker, Some(Filed::Of(_)));
        if decision.finished {
            Some(End::Finished)
        } else if !decision.moves.is_empty() && !shut {
            None
        } else if stopped(&sea.shared) {
            Some(End::Stopped)
        } else if sea.shared.blocker.is_some()
            || sea.shared.status[Task::AnalyzeCandidateBuild] == Status::Fail
        {
            Some(End::Persons)
        } else {
            None
        }
    }
}

/// What the walk over the whole graph found.
pub(super) struct Walked {
    pub(super) states: usize,
    pub(super) met: BTreeMap<Met, usize>,
    pub(super) ends: BTreeMap<End, usize>,
    /// A state from which no end can be reached without luck.
    pub(super) stuck: Option<Sea>,
}

/// Walks every state, and then backwards from the ends over fair steps alone: what is not reached can run for ever, or
/// stands still without a word. (`eventually` of the model checker misses cycles, so it is not used.) Death, loss, failure
/// and persons' help are no fair steps; their effects are in the states that are walked.
pub(super) fn walk(voyage: &Voyage) -> Walked {
    let mut numbers: HashMap<Sea, u32> = HashMap::new();
    let mut states: Vec<Sea> = vec![voyage.start()];
    let mut backwards: Vec<(u32, u32)> = Vec::new();
    let (mut met, mut ends) = (BTreeMap::new(), BTreeMap::new());
    numbers.insert(states[0], 0);
    let mut steps = Vec::new();
    let mut at = 0;
    while let Some(sea) = states.get(at).copied() {
        steps.clear();
        voyage.steps(&sea, &mut steps);
        for step in &steps {
            let Some((next, what)) = voyage.after(&sea, *step) else { continue };
            *met.entry(what).or_insert(0) += 1;
            let number = *numbers.entry(next).or_insert_with(|| {
                states.push(next);
                number(states.len() - 1)
            });
            if step.is_fair() {
                backwards.push((number, self::number(at)));
            }
        }
        at += 1;
    }
    backwards.sort_unstable();
    let mut reached = vec![false; states.len()];
    let mut open: Vec<u32> = Vec::new();
    for (i, sea) in states.iter().enumerate() {
        if let Some(end) = voyage.end(sea) {
            *ends.entry(end).or_insert(0) += 1;
            reached[i] = true;
            open.push(number(i));
        }
    }
    while let Some(to) = open.pop() {
        let first = backwards.partition_point(|(t, _)| *t < to);
        for (_, from) in backwards[first..].iter().take_while(|(t, _)| *t == to) {
            if !std::mem::replace(&mut reached[*from as usize], true) {
                open.push(*from);
            }
        }
    }
    let stuck = reached.iter().position(|r| !r).map(|i| states[i]);
    Walked { states: states.len(), met, ends, stuck }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).expect("fewer states than that")
}
