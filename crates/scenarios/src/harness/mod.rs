//! Generic harnesses over the flow table: each goes over what an undisturbed run does, and disturbs it everywhere.
//!
//! A [`Course`] is a way through a release: a world, drives, and what persons decide between them. It is run once
//! undisturbed; that run's calls, persists and effects are the list of cases and the measure of the rest. So a new task,
//! a new call or a new effect is covered without a line here. A harness returns a [`Table`]: how many cases each task had,
//! and every case that did not end as the undisturbed run did.

mod answers;
mod course;
mod crash;
mod cut;
mod repeat;
mod table;
mod verify;

pub use answers::{drop_every_answer, fail_every_change};
pub use course::{Course, Step};
pub use crash::crash_everywhere;
pub use cut::{cut_and_go_on, cut_and_replay};
pub use repeat::{deliver_twice, drive_after_the_end, run_every_task_twice};
pub use table::{Counts, Sort, Stride, Table};
