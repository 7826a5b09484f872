//! What Prow leaves at the top of a run's folder: `prowjob.json`, `started.json`, `finished.json`.

use super::folders::Files;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// The annotation and label of the job.
const JOB: &str = "prow.k8s.io/job";
/// The annotation of the payload tag.
const TAG: &str = "release.openshift.io/tag";

/// What they say.
#[derive(Debug, Default)]
pub(super) struct Markers {
    pub(super) job: Option<String>,
    pub(super) payload: Option<String>,
    pub(super) result: Option<String>,
    pub(super) url: Option<String>,
    pub(super) started: Option<Timestamp>,
    ended: Option<Timestamp>,
    finished: Marker,
    prow_job: Marker,
    pub(super) notes: Vec<String>,
}

/// How far a file tells that the run ended.
#[derive(Debug, Default)]
enum Marker {
    #[default]
    Missing,
    Not(String),
    Ended,
}

#[derive(Debug, Default, Deserialize)]
struct ProwJob {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    labels: HashMap<String, String>,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
struct Spec {
    job: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    start_time: Option<Timestamp>,
    completion_time: Option<Timestamp>,
    state: Option<String>,
    url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Moment {
    timestamp: Option<i64>,
    passed: Option<bool>,
    result: Option<String>,
}

impl Moment {
    fn at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.timestamp?).ok()
    }
}

impl Markers {
    /// Whether the run has any of the files that tell its end.
    pub(super) const fn any(&self) -> bool {
        !matches!((&self.finished, &self.prow_job), (Marker::Missing, Marker::Missing))
    }

    /// Why the run is taken for unfinished; none if it is finished.
    pub(super) fn unfinished(&self) -> Option<String> {
        let why = |marker: &Marker, file: &str| match marker {
            Marker::Missing => Some(format!("{file} is missing")),
            Marker::Not(why) => Some(why.clone()),
            Marker::Ended => None,
        };
        why(&self.finished, "finished.json").or_else(|| why(&self.prow_job, "prowjob.json"))
    }

    pub(super) fn duration_seconds(&self) -> Option<u64> {
        let seconds = self.ended?.duration_since(self.started?).as_secs();
        u64::try_from(seconds).ok()
    }
}

/// Reads them.
pub(super) fn read(files: &Files) -> Markers {
    let mut markers = Markers::default();
    if let Some(path) = &files.prow_job {
        match parse::<ProwJob>(path) {
            Ok(prow_job) => markers.take_prow_job(prow_job),
            Err(why) => markers.prow_job = Marker::Not(format!("prowjob.json {why}")),
        }
    }
    if let Some(path) = &files.finished {
        match fs::metadata(path) {
            Ok(metadata) if metadata.len() == 0 => {
                markers.finished = Marker::Not("finished.json is empty".to_owned());
            }
            // That it is there is enough; what it says is for people.
            _ => {
                markers.finished = Marker::Ended;
                match parse::<Moment>(path) {
                    Ok(moment) => markers.take_finished(&moment),
                    Err(why) => markers.notes.push(format!("{}: {why}", path.display())),
                }
            }
        }
    }
    if let Some(moment) = files.started.as_deref().and_then(|path| parse::<Moment>(path).ok()) {
        markers.started = markers.started.or_else(|| moment.at());
    }
    markers
}

impl Markers {
    fn take_prow_job(&mut self, prow_job: ProwJob) {
        let ProwJob { metadata: Metadata { mut labels, mut annotations }, spec, status } = prow_job;
        // A label's value is cut at 63 characters, so it comes last.
        self.job = annotations.remove(JOB).or(spec.job).or_else(|| labels.remove(JOB));
        self.payload = annotations.remove(TAG);
        self.url = status.url.filter(|url| !url.is_empty());
        self.result = status.state.map(|state| state.to_uppercase());
        self.started = status.start_time;
        self.ended = status.completion_time;
        self.prow_job = match status.completion_time {
            Some(_) => Marker::Ended,
            None => Marker::Not("prowjob.json has no completion time".to_owned()),
        };
    }

    fn take_finished(&mut self, moment: &Moment) {
        let from_passed =
            || moment.passed.map(|passed| if passed { "SUCCESS" } else { "FAILURE" }.to_owned());
        let said = moment.result.clone().filter(|result| !result.is_empty()).or_else(from_passed);
        self.result = said.or(self.result.take());
        self.ended = self.ended.or_else(|| moment.at());
    }
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("is not what Prow writes: {error}"))
}
