//! Reads the folders of an aggregated run: one folder a run, with whatever its job left there.
//!
//! The rules are those of the aggregator in use (reference: payload jobs, b.5), where a folder is a download of the run's
//! artifacts:
//!
//! - JUnit is every file whose path within the run contains `/junit` and ends in `.xml`. Empty and unreadable ones are
//!   passed over, here with a note that names them; nothing of a half-read file counts.
//! - A run is finished when `finished.json` is not empty and `prowjob.json` has a completion time. Only finished runs
//!   count for the tests.
//! - The test of a step that merely repeats whether its run failed (`… -openshift-e2e-test container test`) is left out;
//!   otherwise ten runs, each failed for a reason of its own, would fail together.
//!
//! Three differences: an `error` counts as a failure (the aggregator takes such a case for passed); where no folder has
//! Prow's two files a run is finished once it has readable JUnit, so that any collection of JUnit can be judged; and in
//! such collections any `.xml` will do if none is named as JUnit. A folder of loose `.xml` files is a run a file.

use super::{Gathered, Run, RunState};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

mod disruption;
mod error;
mod folders;
mod markers;
mod tally;

pub use error::GatherError;

use folders::{Files, Found};
use markers::Markers;
use tally::{Lookout, Parts};

/// What to take of the runs that are there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Only runs of this Prow job, as far as their files tell.
    pub job: Option<String>,
    /// Only runs of this payload, as far as their files tell.
    pub payload: Option<String>,
    /// How many runs there should be: the entry's `analysisJobCount`.
    pub expected_runs: Option<usize>,
    /// Whether the runs should be of one payload.
    pub scope: Scope,
}

/// What the runs have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// They ran on one payload and are judged together; a note tells if they did not.
    #[default]
    OnePayload,
    /// They are the history of a job.
    ManyPayloads,
}

/// A run before its JUnit is read.
struct Candidate {
    id: String,
    files: Files,
    markers: Markers,
}

/// Reads the runs below a folder.
///
/// # Errors
/// A folder that is missing, is none, cannot be read or holds no run. A file within a run that is of no use is a note.
pub fn gather(dir: &Path, options: &Options) -> Result<Gathered, GatherError> {
    let Found { places, mut notes } = folders::find_runs(dir)?;
    let inspected: Vec<Result<Candidate, GatherError>> = places
        .into_par_iter()
        .map(|place| {
            let files = place.files()?;
            let markers = markers::read(&files);
            Ok(Candidate { id: place.id, files, markers })
        })
        .collect();
    let mut candidates = Vec::with_capacity(inspected.len());
    for candidate in inspected {
        let candidate = candidate?;
        notes.extend(candidate.files.notes.iter().cloned());
        notes.extend(candidate.markers.notes.iter().cloned());
        if !candidate.files.is_only_ours() {
            candidates.push(candidate);
        }
    }
    if candidates.is_empty() {
        return Err(GatherError::no_runs(dir));
    }
    let before = candidates.len();
    let candidates = restrict(candidates, options, &mut notes);
    if candidates.is_empty() {
        return Err(GatherError::OtherRuns { dir: dir.to_owned(), count: before, why: notes.join("; ") });
    }
    notes.extend(odd_company(&candidates, options));

    let lookout = lookout(&candidates);
    if lookout == Lookout::AnyXml {
        notes.push(
            "no file is named as JUnit (a path with /junit, ending in .xml), so every .xml file was read"
                .to_owned(),
        );
    }
    let is_prow = candidates.iter().any(|candidate| candidate.markers.any());
    let parts = Parts::default();
    candidates.par_iter().enumerate().for_each(|(index, candidate)| {
        if !is_prow || candidate.markers.unfinished().is_none() {
            parts.read_run(index, &candidate.files, lookout);
        }
    });
    let part = parts.merge();

    let runs = candidates
        .into_iter()
        .enumerate()
        .map(|(index, candidate)| {
            let why = if is_prow {
                candidate.markers.unfinished()
            } else {
                part.why_unread(index, &candidate.files)
            };
            run(candidate, why)
        })
        .collect();
    let told = part.finish();
    notes.extend(told.notes);
    Ok(Gathered { runs, tests: told.tests, disruption: told.disruption, notes })
}

/// Leaves out what is said to be of another job or payload. What says nothing stays.
fn restrict(candidates: Vec<Candidate>, options: &Options, notes: &mut Vec<String>) -> Vec<Candidate> {
    let is_other = |said: Option<&String>, wanted: Option<&String>| match (said, wanted) {
        (Some(said), Some(wanted)) if said != wanted => Some(said.clone()),
        _ => None,
    };
    candidates
        .into_iter()
        .filter(|candidate| {
            let markers = &candidate.markers;
            let other = is_other(markers.job.as_ref(), options.job.as_ref())
                .map(|job| format!("the job {job}"))
                .or_else(|| {
                    is_other(markers.payload.as_ref(), options.payload.as_ref())
                        .map(|payload| format!("the payload {payload}"))
                });
            if let Some(other) = &other {
                notes.push(format!("run {} was left out: it is of {other}", candidate.id));
            }
            other.is_none()
        })
        .collect()
}

/// What is odd about the runs that stand together.
fn odd_company(candidates: &[Candidate], options: &Options) -> Vec<String> {
    let mut notes = Vec::new();
    let mut differ = |what: &str, said: &dyn Fn(&Markers) -> Option<&String>| {
        let mut values: BTreeMap<&String, usize> = BTreeMap::new();
        for value in candidates.iter().filter_map(|candidate| said(&candidate.markers)) {
            *values.entry(value).or_default() += 1;
        }
        if values.len() > 1 {
            let list: Vec<String> =
                values.iter().map(|(value, count)| format!("{value} ({count})")).collect();
            notes
                .push(format!("the runs are of several {what}, and are taken together: {}", list.join(", ")));
        }
    };
    differ("jobs", &|markers| markers.job.as_ref());
    if options.scope == Scope::OnePayload {
        differ("payloads", &|markers| markers.payload.as_ref());
    }
    if let Some(expected) = options.expected_runs
        && candidates.len() > expected
    {
        notes.push(format!(
            "runs here: {}, expected: {expected}. Runs of another entry with the same Prow job, or its \
             retries, cannot be told apart and count too",
            candidates.len()
        ));
    }
    notes
}

fn lookout(candidates: &[Candidate]) -> Lookout {
    let is_plain = !candidates.iter().any(|candidate| candidate.markers.any());
    let named = candidates.iter().any(|candidate| !candidate.files.junit.is_empty());
    let other = candidates.iter().any(|candidate| !candidate.files.other_xml.is_empty());
    if is_plain && !named && other { Lookout::AnyXml } else { Lookout::NamedAsJunit }
}

fn run(candidate: Candidate, why_unfinished: Option<String>) -> Run {
    let Candidate { id, files, markers } = candidate;
    Run {
        id,
        folder: files.folder,
        state: why_unfinished.map_or(RunState::Finished, RunState::Unfinished),
        duration_seconds: markers.duration_seconds(),
        job: markers.job,
        payload: markers.payload,
        result: markers.result,
        url: markers.url,
        started: markers.started,
    }
}

/// Names that people can take in: the first few, and how many more there are.
fn shortlist(names: &BTreeSet<String>) -> String {
    const SHOWN: usize = 8;
    let mut list: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = format!("and {} more", names.len().saturating_sub(SHOWN));
    if names.len() > SHOWN {
        list.push(&more);
    }
    list.join(", ")
}

#[cfg(test)]
mod tests;
