//! What a harness did: cases by whose doing was disturbed, and what went wrong.

use regatta_kit::Task;
use std::collections::BTreeMap;
use std::fmt;

use crate::acting::{Part, acts_outside};

/// What was disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// A request that changes something.
    Change,
    /// A request that looks.
    Read,
    /// An append to the history.
    Persist,
    /// A whole run of a task.
    Run,
}

/// How many of the cases are gone through: of each part the first, and every n-th after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stride {
    /// Of looks.
    pub reads: usize,
    /// Of changes and persists, each in every way. Best coprime to the ways, which are 2, 5 and 6: then all of them come.
    pub rest: usize,
}

impl Stride {
    /// Every case there is.
    pub const ALL: Self = Self { reads: 1, rest: 1 };
}

/// Chooses cases evenly from every part.
pub(crate) struct Sampler {
    stride: Stride,
    seen: BTreeMap<(Part, Sort), usize>,
}

impl Sampler {
    pub(crate) const fn new(stride: Stride) -> Self {
        Self { stride, seen: BTreeMap::new() }
    }

    /// Whether the next case of this part is one to be gone through.
    pub(crate) fn takes(&mut self, part: Part, sort: Sort) -> bool {
        let stride = if sort == Sort::Read { self.stride.reads } else { self.stride.rest };
        let seen = self.seen.entry((part, sort)).or_default();
        *seen += 1;
        (*seen - 1).is_multiple_of(stride.max(1))
    }
}

/// Cases of one part, by what was disturbed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([usize; 4]);

impl Counts {
    /// Cases of one sort.
    #[must_use]
    pub const fn of(self, sort: Sort) -> usize {
        self.0[sort as usize]
    }

    /// All of them.
    #[must_use]
    pub fn all(self) -> usize {
        self.0.iter().sum()
    }
}

/// The cases of one harness.
#[derive(Debug, Clone)]
pub struct Table {
    /// The harness.
    pub name: &'static str,
    /// Cases by part.
    pub cases: BTreeMap<Part, Counts>,
    /// What did not end as it should, a case each: which course, which call of which task, and what happened.
    pub faults: Vec<String>,
    /// What is worth knowing and no fault.
    pub notes: Vec<String>,
}

impl Table {
    /// No case yet.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, cases: BTreeMap::new(), faults: Vec::new(), notes: Vec::new() }
    }

    /// Counts a case.
    pub fn count(&mut self, part: Part, sort: Sort) {
        self.cases.entry(part).or_default().0[sort as usize] += 1;
    }

    /// All cases.
    #[must_use]
    pub fn total(&self) -> usize {
        self.cases.values().map(|counts| counts.all()).sum()
    }

    /// The cases of a task.
    #[must_use]
    pub fn of(&self, task: Task) -> Counts {
        self.cases.get(&Part::Task(task)).copied().unwrap_or_default()
    }

    /// Adds the cases of another run of the same harness.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (part, counts) in other.cases {
            let mine = self.cases.entry(part).or_default();
            mine.0.iter_mut().zip(counts.0).for_each(|(mine, other)| *mine += other);
        }
        self.faults.extend(other.faults);
        self.notes.extend(other.notes);
        self
    }

    /// The tasks without a case of any of these sorts.
    #[must_use]
    pub fn without(&self, sorts: &[Sort]) -> Vec<Task> {
        let none = |task: &Task| sorts.iter().all(|sort| self.of(*task).of(*sort) == 0);
        Task::ALL.into_iter().filter(none).collect()
    }

    /// The tasks that touch the outside and have no case of any of these sorts.
    #[must_use]
    pub fn outside_without(&self, sorts: &[Sort]) -> Vec<Task> {
        self.without(sorts).into_iter().filter(|task| acts_outside(*task)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SORTS: [Sort; 4] = [Sort::Change, Sort::Read, Sort::Persist, Sort::Run];
        writeln!(f, "{}: {} cases, {} faults", self.name, self.total(), self.faults.len())?;
        writeln!(f, "  {:<26}{:>8}{:>8}{:>10}{:>7}", "", "changes", "reads", "persists", "runs")?;
        let tasks = Task::ALL.map(|task| (Part::Task(task), self.of(task)));
        let others = self.cases.iter().filter(|(part, _)| !matches!(part, Part::Task(_)));
        for (part, counts) in tasks.into_iter().chain(others.map(|(part, counts)| (*part, *counts))) {
            let [changes, reads, persists, runs] = SORTS.map(|sort| match counts.of(sort) {
                0 => "-".to_owned(),
                n => n.to_string(),
            });
            writeln!(f, "  {part:<26}{changes:>8}{reads:>8}{persists:>10}{runs:>7}")?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        for fault in &self.faults {
            writeln!(f, "  FAULT: {fault}")?;
        }
        Ok(())
    }
}
