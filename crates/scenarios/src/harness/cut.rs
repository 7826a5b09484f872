//! The history, cut at every length: what is read again is what was written, and whoever goes on from there ends well.

use regatta_engine::App;
use regatta_kit::{BoxFuture, Clock, Release, Timestamp};
use regatta_statebox::StateBox;
use regatta_statebox::document::Layout;
use regatta_statebox::fold::Folded;
use regatta_statebox::store::memory::MemoryStore;
use std::sync::Arc;

use super::course::Course;
use super::table::{Sampler, Sort, Stride, Table};
use super::verify::verify;
use crate::acting::Acting;
use crate::store::{At, Blow, Plan};
use crate::story::Mishaps;

/// A clock that stands.
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn sleep_until(&self, _at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// At every length: the fold of the entries so far, the incremental fold, and the folds of the document written and read
/// again in both layouts are one; and what is decided on each of them is told in the same sentences.
pub async fn cut_and_replay(course: &Course) -> Table {
    let mut table = Table::new("cut the history at every length and replay");
    let run = course.undisturbed().await;
    let (mut story, release, history) = (course.story(), run.story.release, run.history);
    let Some(first) = history.first() else { return table };
    let acting = Acting::default();
    let mut grown = StateBox::new(release, first.at);
    for (i, event) in history.iter().enumerate() {
        grown.apply(vec![event.clone()]);
        table.count(acting.writer(std::slice::from_ref(event)), Sort::Persist);
        let mut wrong = |what: String| {
            table.faults.push(format!("{}, {} entries, after {}: {what}", course.name, i + 1, event.id));
        };
        if *grown.folded() != Folded::of(&history[..=i]) {
            wrong("the incremental fold is not the fold of all".to_owned());
        }
        let mut app = story.process(Mishaps::none()).app;
        app.clock = Arc::new(Standing(event.at));
        let told = sentences(&mut app, release, grown.clone()).await;
        if let Err(why) = &told {
            wrong(format!("no decision: {why}"));
        }
        for layout in [Layout::Json, Layout::Yaml] {
            let read = match StateBox::parse(&grown.render(layout), layout) {
                Ok((read, _)) => read,
                Err(error) => {
                    wrong(format!("{layout:?} is not read again: {error}"));
                    continue;
                }
            };
            if read.folded() != grown.folded() || !read.history().eq(grown.history()) {
                wrong(format!("{layout:?} read again is another state"));
            }
            if sentences(&mut app, release, read).await != told {
                wrong(format!("{layout:?} read again is decided otherwise"));
            }
        }
    }
    table
}

/// What is decided on a state, in all its words: moves, waits, questions.
async fn sentences(app: &mut App, release: Release, state: StateBox) -> Result<String, String> {
    let store = MemoryStore::new();
    store.put(state);
    app.store = Arc::new(store);
    let (moves, waits) = app.plan(release).await.map_err(|error| error.to_string())?;
    let standing = app.standing(release).await.map_err(|error| error.to_string())?;
    Ok(format!(
        "{moves:#?}\n{waits:#?}\n{:#?}\n{:#?}\n{:?}",
        standing.needs_human, standing.waiting, standing.overall
    ))
}

/// At every length of the history that a driver brings about, it dies, and another goes on from what is stored.
pub async fn cut_and_go_on(course: &Course, stride: Stride) -> Table {
    let mut sampler = Sampler::new(stride);
    let mut table = Table::new("cut the history at every length and go on");
    let undisturbed = course.undisturbed().await;
    for (drive, driven) in undisturbed.drives.iter().enumerate() {
        // Entries written together cannot be cut apart: a store has all of them or none.
        for persist in &driven.persists {
            if !sampler.takes(persist.part, Sort::Persist) {
                continue;
            }
            let plan = Plan { at: At::Length(persist.length), blow: Blow::DieAfter };
            let ended = course.disturbed(drive, plan).await;
            table.count(persist.part, Sort::Persist);
            if let Err(why) = ended.and_then(|run| verify(&run, &undisturbed)) {
                let (name, length) = (course.name, persist.length);
                table.faults.push(format!("{name}, drive {}, {length} entries: {why}", drive + 1));
            }
        }
    }
    table
}
