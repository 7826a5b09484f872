//! Everything twice: every task run twice, every change delivered twice, the whole drive after its end.

use regatta_kit::{BoxFuture, Task};
use regatta_tasks::context::Context;
use regatta_tasks::effects::Early;
use regatta_tasks::native::NativeRunner;
use regatta_tasks::outcome::Outcome;
use regatta_tasks::runner::Runner;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use regatta_engine::Watch;

use super::answers::case;
use super::course::Course;
use super::table::{Sampler, Sort, Stride, Table};
use super::verify::{differences, sound, verify};
use crate::acting::Part;
use crate::story::Mishaps;
use crate::transport::{At, Blow, Plan};

/// Runs each task twice in succession, every time.
#[derive(Default)]
struct Twice(Mutex<Vec<Task>>);

impl Runner for Twice {
    fn run<'a>(&'a self, task: Task, context: &'a Context<'a>) -> BoxFuture<'a, Result<Outcome, Early>> {
        Box::pin(async move {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(task);
            NativeRunner.run(task, context).await?;
            NativeRunner.run(task, context).await
        })
    }
}

/// Runs every task twice in succession, every time.
pub async fn run_every_task_twice(course: &Course) -> Table {
    let mut table = Table::new("run every task twice");
    let undisturbed = course.undisturbed().await;
    let runner = Arc::new(Twice::default());
    let ended = course.with_runner(runner.clone()).await;
    for task in runner.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        table.count(Part::Task(*task), Sort::Run);
    }
    if let Err(why) = ended.and_then(|run| verify(&run, &undisturbed)) {
        table.faults.push(format!("{}: {why}", course.name));
    }
    table
}

/// Delivers every change twice, one in each run. Where a remote takes the second delivery for another wish, that one effect
/// is the network's doing, which no client can undo: it is noted, and nothing else may differ.
pub async fn deliver_twice(course: &Course, stride: Stride) -> Table {
    let mut table = Table::new("deliver every change twice");
    let mut sampler = Sampler::new(stride);
    let undisturbed = course.undisturbed().await;
    let mut doubled: BTreeMap<String, usize> = BTreeMap::new();
    for (drive, driven) in undisturbed.drives.iter().enumerate() {
        for (n, call) in driven.calls.iter().filter(|call| call.change).enumerate() {
            if !sampler.takes(call.part, Sort::Change) {
                continue;
            }
            let plan = Plan { at: At::Change(n + 1), blow: Blow::Twice };
            let ended = course.disturbed(drive, plan).await;
            table.count(call.part, Sort::Change);
            let why = match ended {
                Err(why) => why,
                Ok(run) => match differences(&run.effects, &undisturbed.effects).as_slice() {
                    [] => match verify(&run, &undisturbed) {
                        Ok(()) => continue,
                        Err(why) => why,
                    },
                    [one] => {
                        let made = |key: &String| undisturbed.effects.get(key).copied().unwrap_or(0);
                        let by_one = run.effects.iter().all(|(key, n)| *n <= made(key) + 1 && made(key) > 0);
                        match sound(&run.history, run.struck) {
                            Ok(()) if by_one => {
                                let service = call.what.split(' ').nth(1).unwrap_or_default();
                                *doubled.entry(format!("{service} ({})", call.part)).or_default() += 1;
                                continue;
                            }
                            Ok(()) => one.clone(),
                            Err(why) => format!("{one}; {why}"),
                        }
                    }
                    several => several.join(", "),
                },
            };
            table.faults.push(case(course, drive, call, plan.blow, &why));
        }
    }
    let told = doubled.into_iter().map(|(what, n)| format!("{} {n} at {what}", course.name));
    table.notes.extend(told.map(|line| format!("doubled by the network alone: {line}")));
    table
}

/// Drives once more after the end: looks, and changes nothing.
pub async fn drive_after_the_end(course: &Course) -> Table {
    let mut table = Table::new("drive after the end");
    let mut run = course.undisturbed().await;
    let length = run.history.len();
    for watch in [Watch::Once, Watch::UntilDone] {
        let process = run.story.process(Mishaps::none());
        let ended = process.drive(run.story.release, watch).await;
        table.count(Part::Looking, Sort::Run);
        let changes: Vec<String> =
            process.transport.log().into_iter().filter(|call| call.change).map(|call| call.what).collect();
        if let Err(error) = ended {
            table.faults.push(format!("{}: {error}", course.name));
        }
        if !changes.is_empty() || process.store.persists() != 0 {
            let persists = process.store.persists();
            table.faults.push(format!("{}, {watch:?}: {persists} persists and {changes:?}", course.name));
        }
    }
    match run.story.history().await {
        Ok(history) if history.len() == length => {}
        Ok(history) => table.faults.push(format!("{}: {} entries more", course.name, history.len() - length)),
        Err(error) => table.faults.push(format!("{}: {error}", course.name)),
    }
    table
}
