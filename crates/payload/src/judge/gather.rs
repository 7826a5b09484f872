//! Reads the folders of an aggregated run: one folder a run, with whatever its job left there.
//!
//! The rules are those of the aggregator in use (reference: payload jobs, b.5), where a folder is a download of the run's
//! artifacts:
//!
//! - JUnit is every file whose path within the run contains `/junit` and ends in `.xml`. Empty and unreadable ones are
//!   passed over, here with a note that names them; nothing of a half-read file counts.
//! - A run is finished when `finished.json` is not empty and `prowjob.json` has a completion time. Of a file that no
//!   run here has, none is asked. Only finished runs count for the tests.
//! - The test of a step that merely repeats whether its run failed (`… -openshift-e2e-test container test`) is left out;
//!   otherwise ten runs, each failed for a reason of its own, would fail together.
//!
//! Three differences: an `error` counts as a failure (the aggregator takes such a case for passed); where no folder has
//! Prow's two files a run is finished once it has readable JUnit, so that any collection of JUnit can be judged; and in
//! such collections any `.xml` will do if none is named as JUnit. A folder of loose `.xml` files is a run a file. Names
//! match in any case, and files may be packed (`.xml.gz`).

use super::{Gathered, Run, RunState};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

mod disruption;
mod error;
mod folders;
mod markers;
mod shelves;
mod tally;

pub use error::GatherError;
pub(in crate::judge) use error::{LookedFor, around};

/// Characters of a failure's message that are kept.
pub const MESSAGE_CHARACTERS_MAX: usize = 400;

use folders::{Files, Found};
use markers::{Markers, Proof};
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
    let Found { places, mut notes } = folders::find_runs(dir, options.scope)?;
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
    let candidates = without_strangers(candidates, &mut notes);
    let before = candidates.len();
    let proof = Proof::of(candidates.iter().map(|candidate| &candidate.markers));
    let (candidates, others) = restrict(candidates, options);
    if candidates.is_empty() {
        let why: Vec<String> = others
            .iter()
            .map(|(other, ids)| match ids.len() {
                1 => format!("1 run is of {other}"),
                count => format!("{count} runs are of {other}"),
            })
            .collect();
        return Err(GatherError::OtherRuns { dir: dir.to_owned(), count: before, why: why.join(", ") });
    }
    notes.extend(others.iter().map(|(other, ids)| match ids.as_slice() {
        [id] => format!("run {id} was left out: it is of {other}"),
        ids => format!("{} runs were left out, for they are of {other}: {}", ids.len(), shortlist(ids)),
    }));
    notes.extend(half_marked(&candidates, proof));
    notes.extend(odd_company(&candidates, options));

    let lookout = lookout(&candidates);
    if lookout == Lookout::AnyXml {
        notes.push(
            "no file is named as JUnit (a path with /junit, ending in .xml), so every .xml file was read"
                .to_owned(),
        );
    }
    let parts = Parts::default();
    candidates.par_iter().enumerate().for_each(|(index, candidate)| {
        if candidate.markers.unfinished(proof).is_none() {
            parts.read_run(index, &candidate.files, lookout);
        }
    });
    let part = parts.merge();

    let runs = candidates
        .into_iter()
        .enumerate()
        .map(|(index, candidate)| {
            let why = match proof {
                Proof::Junit => part.why_unread(index, &candidate.files),
                proof => candidate.markers.unfinished(proof),
            };
            run(candidate, why)
        })
        .collect();
    let told = part.finish();
    notes.extend(told.notes);
    Ok(Gathered { runs, tests: told.tests, disruption: told.disruption, notes })
}

/// Leaves out folders beside runs that hold nothing of one, unless they are named like one: then a run left nothing.
fn without_strangers(candidates: Vec<Candidate>, notes: &mut Vec<String>) -> Vec<Candidate> {
    let (runs, rest): (Vec<_>, Vec<_>) =
        candidates.iter().partition(|candidate| candidate.files.are_of_a_run());
    let is_named_like_a_run = |candidate: &Candidate| {
        shelves::is_like_a_run(&candidate.id)
            || runs.iter().any(|run| shelves::is_alike(&run.id, &candidate.id))
    };
    let strangers: BTreeSet<String> = rest
        .into_iter()
        .filter(|candidate| !runs.is_empty() && !is_named_like_a_run(candidate))
        .map(|candidate| candidate.id.clone())
        .collect();
    if !strangers.is_empty() {
        let list = shortlist(&strangers);
        notes
            .push(format!("folders that hold nothing of a run and are not named like one, left out: {list}"));
    }
    candidates.into_iter().filter(|candidate| !strangers.contains(&candidate.id)).collect()
}

/// What other runs are of, and their ids.
type Others = BTreeMap<String, Vec<String>>;

/// Leaves out what is said to be of another job or payload. What says nothing stays.
fn restrict(candidates: Vec<Candidate>, options: &Options) -> (Vec<Candidate>, Others) {
    let is_other = |said: Option<&String>, wanted: Option<&String>| match (said, wanted) {
        (Some(said), Some(wanted)) if said != wanted => Some(said.clone()),
        _ => None,
    };
    let mut others = Others::new();
    let mut taken = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let markers = &candidate.markers;
        let other = is_other(markers.job.as_ref(), options.job.as_ref())
            .map(|job| format!("the job {job}"))
            .or_else(|| {
                is_other(markers.payload.as_ref(), options.payload.as_ref())
                    .map(|payload| format!("the payload {payload}"))
            });
        match other {
            Some(other) => others.entry(other).or_default().push(candidate.id),
            None => taken.push(candidate),
        }
    }
    (taken, others)
}

/// Which runs are unfinished only because other runs have files that they have not: people may know better.
fn half_marked(candidates: &[Candidate], proof: Proof) -> Vec<String> {
    let ids = |kind: &dyn Fn(&&Candidate) -> bool| -> Vec<String> {
        candidates.iter().filter(kind).map(|candidate| candidate.id.clone()).collect()
    };
    let mut notes = Vec::new();
    let with_one = ids(&|candidate| candidate.markers.has_one_only());
    if proof == Proof::Both && !with_one.is_empty() {
        notes.push(format!(
            "both finished.json and prowjob.json are asked of every run, for both occur here; runs with one of them \
             only count as unfinished: {}",
            shortlist(&with_one)
        ));
    }
    let with_none = ids(&|candidate| {
        !candidate.markers.any() && candidate.files.junit.iter().any(|path| tally::is_readable(path))
    });
    if proof != Proof::Junit && !with_none.is_empty() {
        let asked = match proof {
            Proof::Both => "neither finished.json nor prowjob.json",
            Proof::ProwJob => "no prowjob.json",
            Proof::Finished | Proof::Junit => "no finished.json",
        };
        notes.push(format!(
            "runs that have readable JUnit but {asked} count as unfinished, for other runs here tell their end so: {}",
            shortlist(&with_none)
        ));
    }
    notes
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
fn shortlist<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    const SHOWN: usize = 8;
    let mut names = names.into_iter();
    let mut list: Vec<&str> = names.by_ref().take(SHOWN).map(String::as_str).collect();
    let more = format!("and {} more", names.count());
    if more != "and 0 more" {
        list.push(&more);
    }
    list.join(", ")
}

#[cfg(test)]
mod tests;
