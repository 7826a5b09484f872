//! A driver dies before and after everything it does, and another goes on.

use super::answers::{disturb, sort};
use super::course::Course;
use super::table::{Sampler, Sort, Stride, Table};
use super::verify::verify;
use crate::{store, transport};

/// Ways in which a persist goes wrong.
const WAYS: [store::Blow; 5] = [
    store::Blow::DieBefore,
    store::Blow::DieAfter,
    store::Blow::LoseAnswer,
    store::Blow::Conflict,
    store::Blow::Unavailable,
];

/// Crashes on both sides of every call, and of every persist; a persist also fails in every way that a store can.
pub async fn crash_everywhere(course: &Course, stride: Stride) -> Table {
    let mut table = Table::new("crash before and after every persist and every call");
    let mut sampler = Sampler::new(stride);
    let undisturbed = course.undisturbed().await;
    for (drive, driven) in undisturbed.drives.iter().enumerate() {
        for (n, call) in driven.calls.iter().enumerate() {
            for blow in [transport::Blow::DieBefore, transport::Blow::DieAfter] {
                if sampler.takes(call.part, sort(call)) {
                    let plan = transport::Plan { at: transport::At::Call(n + 1), blow };
                    disturb(&mut table, course, &undisturbed, drive, call, plan).await;
                }
            }
        }
        for (n, persist) in driven.persists.iter().enumerate() {
            for blow in WAYS {
                if !sampler.takes(persist.part, Sort::Persist) {
                    continue;
                }
                let plan = store::Plan { at: store::At::Persist(n + 1), blow };
                let ended = course.disturbed(drive, plan).await;
                table.count(persist.part, Sort::Persist);
                if let Err(why) = ended.and_then(|run| verify(&run, &undisturbed)) {
                    let (name, drive, part, n) = (course.name, drive + 1, persist.part, n + 1);
                    table.faults.push(format!("{name}, drive {drive}, {part}, persist {n}, {blow:?}: {why}"));
                }
            }
        }
    }
    table
}
