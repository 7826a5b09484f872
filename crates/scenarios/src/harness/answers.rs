//! Remotes that fail once, and answers that get lost.

use http::StatusCode;

use super::course::{Course, Run};
use super::table::{Sampler, Sort, Stride, Table};
use super::verify::verify;
use crate::transport::{At, Blow, Call, Plan};

/// Ways in which a change fails once. Of the last two it was made, and nobody heard of it.
const WAYS: [Blow; 6] = [
    Blow::Refuse,
    Blow::Answer(StatusCode::INTERNAL_SERVER_ERROR),
    Blow::Answer(StatusCode::SERVICE_UNAVAILABLE),
    Blow::Answer(StatusCode::TOO_MANY_REQUESTS),
    Blow::LoseAnswer,
    Blow::Malformed,
];

/// Fails every change of the course once, in every way.
pub async fn fail_every_change(course: &Course, stride: Stride) -> Table {
    let mut table = Table::new("fail every effect once");
    let mut sampler = Sampler::new(stride);
    let undisturbed = course.undisturbed().await;
    for (drive, driven) in undisturbed.drives.iter().enumerate() {
        for (n, call) in driven.calls.iter().filter(|call| call.change).enumerate() {
            for blow in WAYS {
                if sampler.takes(call.part, Sort::Change) {
                    let plan = Plan { at: At::Change(n + 1), blow };
                    disturb(&mut table, course, &undisturbed, drive, call, plan).await;
                }
            }
        }
    }
    table
}

/// Loses the answer of every call once, looks and changes.
pub async fn drop_every_answer(course: &Course, stride: Stride) -> Table {
    let mut table = Table::new("drop every answer");
    let mut sampler = Sampler::new(stride);
    let undisturbed = course.undisturbed().await;
    for (drive, driven) in undisturbed.drives.iter().enumerate() {
        for (n, call) in driven.calls.iter().enumerate() {
            if sampler.takes(call.part, sort(call)) {
                let plan = Plan { at: At::Call(n + 1), blow: Blow::LoseAnswer };
                disturb(&mut table, course, &undisturbed, drive, call, plan).await;
            }
        }
    }
    table
}

/// One case: the course with this one call disturbed.
pub(crate) async fn disturb(
    table: &mut Table,
    course: &Course,
    undisturbed: &Run,
    drive: usize,
    call: &Call,
    plan: Plan,
) {
    let ended = course.disturbed(drive, plan).await;
    table.count(call.part, sort(call));
    if let Err(why) = ended.and_then(|run| verify(&run, undisturbed)) {
        table.faults.push(case(course, drive, call, plan.blow, &why));
    }
}

pub(crate) const fn sort(call: &Call) -> Sort {
    if call.change { Sort::Change } else { Sort::Read }
}

pub(crate) fn case(course: &Course, drive: usize, call: &Call, blow: Blow, why: &str) -> String {
    format!("{}, drive {}, {}, {}, {blow:?}: {why}", course.name, drive + 1, call.part, call.what)
}
