//! What only shows over several files: a Prow job that two periodics would start.

use indexmap::IndexMap;

use super::entries::Item;
use super::{Finding, Subject, finding, rules};
use crate::model::Config;

/// Checks all files together. Private files have no periodics when they are as they should be, and count when they have.
pub(super) fn check(configs: &[(&Subject, Config)]) -> Vec<Finding> {
    let mut by_job: IndexMap<&str, Vec<(&Subject, &Config, Item<'_>)>> = IndexMap::new();
    for (subject, config) in configs {
        for item in Item::all(config.text().root(), "periodic") {
            if let Some((_, job)) = item.prow_job() {
                by_job.entry(job).or_default().push((subject, config, item));
            }
        }
    }
    let mut found = Vec::new();
    for (job, places) in by_job.iter().filter(|(_, places)| places.len() > 1) {
        for (index, (subject, config, item)) in places.iter().enumerate() {
            let others: Vec<String> = places
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(_, (other, _, item))| {
                    if other.file == subject.file {
                        format!("periodic.{}", item.key)
                    } else {
                        format!("periodic.{} of {}", item.key, other.file)
                    }
                })
                .collect();
            let message = format!("{} starts the Prow job {job} as well", others.join(", "));
            let span = item.prow_job().map_or(item.field.key_span, |(field, _)| field.node.span);
            found.push(finding(
                &rules::PERIODIC_DUPLICATE,
                &subject.file,
                config.text(),
                span,
                item.entry(),
                message,
            ));
        }
    }
    found
}
