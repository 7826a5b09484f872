//! What only shows over several files: a Prow job that two periodics would start.
//!
//! The controller reads all files of its folder and refuses them together, so of a folder that only some files of are checked
//! the others are looked at as well; told is it of those that are checked.

use indexmap::{IndexMap, IndexSet};
use rayon::prelude::*;
use std::path::Path;

use super::entries::Item;
use super::{Finding, Sibling, Subject, finding, rules};
use crate::model::Config;

/// A periodic that starts a job.
struct Periodic<'a> {
    file: &'a str,
    config: &'a Config,
    item: Item<'a>,
    told: Told,
}

/// Whether a finding in a file is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Yes,
    No,
}

/// A job's name in one folder.
type Job<'a> = (Option<&'a Path>, &'a str);

/// Checks all files together. Private files have no periodics when they are as they should be, and count when they have.
pub(super) fn check(
    configs: &[(&Subject, Config)],
    siblings: &mut dyn FnMut(&Path) -> Vec<Sibling>,
    notes: &mut Vec<String>,
) -> Vec<Finding> {
    let mut by_job: IndexMap<Job<'_>, Vec<Periodic<'_>>> = IndexMap::new();
    for (subject, config) in configs {
        collect(&mut by_job, (subject.folder.as_deref(), &subject.file), config, Told::Yes);
    }
    let folders: IndexSet<&Path> = by_job.keys().filter_map(|(folder, _)| *folder).collect();
    let siblings: Vec<(&Path, Sibling)> = folders
        .into_iter()
        .flat_map(|folder| siblings(folder).into_iter().map(move |sibling| (folder, sibling)))
        .collect();
    let read: Vec<Result<Config, String>> = siblings.par_iter().map(|(_, sibling)| parse(sibling)).collect();
    for ((folder, sibling), config) in siblings.iter().zip(&read) {
        match config {
            Ok(config) => collect(&mut by_job, (Some(folder), &sibling.file), config, Told::No),
            Err(why) => notes.push(format!("{}: {why}; its periodics were not compared", sibling.file)),
        }
    }
    let doubled = by_job.iter().filter(|(_, periodics)| periodics.len() > 1);
    doubled.flat_map(|((_, job), periodics)| findings(job, periodics)).collect()
}

fn parse(sibling: &Sibling) -> Result<Config, String> {
    let bytes = sibling.contents.clone()?;
    Config::parse(bytes).map_err(|malformed| malformed.to_string())
}

fn collect<'a>(
    by_job: &mut IndexMap<Job<'a>, Vec<Periodic<'a>>>,
    (folder, file): (Option<&'a Path>, &'a str),
    config: &'a Config,
    told: Told,
) {
    for item in Item::all(config.text().root(), "periodic") {
        if let Some((_, job)) = item.prow_job() {
            by_job.entry((folder, job)).or_default().push(Periodic { file, config, item, told });
        }
    }
}

/// What is told of periodics that start the same job.
fn findings(job: &str, periodics: &[Periodic<'_>]) -> Vec<Finding> {
    let told = periodics.iter().enumerate().filter(|(_, periodic)| periodic.told == Told::Yes);
    told.map(|(index, Periodic { file, config, item, .. })| {
        let others = periodics.iter().enumerate().filter(|(other, _)| *other != index);
        let others: Vec<String> = others
            .map(|(_, other)| {
                let place = if other.file == *file { String::new() } else { format!(" of {}", other.file) };
                format!("periodic.{}{place}", other.item.key)
            })
            .collect();
        let message = format!("{} starts the Prow job {job} as well", others.join(", "));
        let span = item.prow_job().map_or(item.field.key_span, |(field, _)| field.node.span);
        finding(&rules::PERIODIC_DUPLICATE, file, config.text(), span, item.entry(), message)
    })
    .collect()
}
