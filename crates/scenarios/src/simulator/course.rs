//! What a seed makes of a voyage: which release, where its state is kept, where drivers die, who sails beside them.

use regatta_engine::contents::GithubContents;
use regatta_kit::Release;
use regatta_kit::ids::chance;
use regatta_sandbox::faults::Mix;
use regatta_services::github::Repository;
use regatta_statebox::document::Layout;
use regatta_statebox::store::Store;
use regatta_statebox::store::contents::ContentsStore;
use regatta_statebox::store::memory::MemoryStore;
use std::sync::Arc;

use crate::story::{Mishaps, StoreOf};
use crate::{store, transport};

/// Releases that are sailed: old and new streams, patch numbers of one and two digits.
const RELEASES: [&str; 6] = ["4.20.1", "4.12.87", "4.16.43", "4.18.9", "4.21.15", "5.0.3"];

/// A seed's course.
pub(super) struct Course {
    seed: u64,
    mix: Mix,
}

impl Course {
    pub(super) const fn of(seed: u64, mix: Mix) -> Self {
        Self { seed, mix }
    }

    /// A number below `limit`, fixed by what it is for.
    fn draw(&self, what: &str, ordinal: usize, limit: u64) -> u64 {
        chance(self.seed, "course", what, ordinal as u64) % limit
    }

    fn is_calm(&self) -> bool {
        self.mix == Mix::None
    }

    pub(super) fn release(&self) -> Release {
        let place = usize::try_from(self.seed).unwrap_or_default() % RELEASES.len();
        RELEASES[place].parse().expect("a release that exists")
    }

    /// Every fifth candidate is rejected, so that a person has to decide.
    pub(super) fn candidate_rejected(&self) -> bool {
        !self.is_calm() && self.draw("candidate", 0, 5) == 0
    }

    /// Every fourth voyage keeps its state in the repository, through the same faulty service as everything else.
    pub(super) fn store(&self) -> StoreOf {
        if self.is_calm() || self.draw("store", 0, 4) != 0 {
            let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
            return Arc::new(move |_, _| Arc::clone(&memory));
        }
        let layout = if self.draw("layout", 0, 2) == 0 { Layout::Json } else { Layout::Yaml };
        Arc::new(move |services, clock| {
            let port = GithubContents::new(Arc::clone(services), Repository::release_tests());
            Arc::new(ContentsStore::new(Arc::new(port), Arc::clone(clock)).in_layout(layout))
        })
    }

    /// Every third drive has another beside it.
    pub(super) fn sails_with_another(&self, nth: usize) -> bool {
        !self.is_calm() && self.draw("company", nth, 3) == 0
    }

    /// Where the nth drive's process dies: before or after a request or a persist, or not at all. The first drives die
    /// more often than later ones, so that every voyage comes home.
    pub(super) fn mishaps(&self, nth: usize, driver: usize) -> Mishaps {
        let deaths: u64 = match self.mix {
            Mix::None => return Mishaps::none(),
            Mix::Light => 1,
            Mix::Heavy => 5,
        };
        let place = nth * 2 + driver;
        if nth as u64 >= deaths || self.draw("dies", place, 4) == 0 {
            return Mishaps::none();
        }
        let number = |what, limit| usize::try_from(self.draw(what, place, limit)).unwrap_or_default() + 1;
        match self.draw("how", place, 6) {
            0 => call(transport::At::Call(number("call", 900)), transport::Blow::DieBefore),
            1 => call(transport::At::Call(number("call", 900)), transport::Blow::DieAfter),
            2 => call(transport::At::Change(number("change", 45)), transport::Blow::DieBefore),
            3 => call(transport::At::Change(number("change", 45)), transport::Blow::DieAfter),
            4 => persist(number("persist", 80), store::Blow::DieBefore),
            _ => persist(number("persist", 80), store::Blow::DieAfter),
        }
    }
}

fn call(at: transport::At, blow: transport::Blow) -> Mishaps {
    transport::Plan { at, blow }.into()
}

fn persist(nth: usize, blow: store::Blow) -> Mishaps {
    store::Plan { at: store::At::Persist(nth), blow }.into()
}
