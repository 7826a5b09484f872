//! What Prow leaves at the top of a run's folder: `prowjob.json`, `started.json`, `finished.json`.

use super::folders::Files;
use jiff::Timestamp;
use serde_json::Value;
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

/// What `started.json` and `finished.json` say, for people.
#[derive(Debug, Default)]
struct Moment {
    timestamp: Option<i64>,
    passed: Option<bool>,
    result: Option<String>,
}

impl From<&Value> for Moment {
    fn from(value: &Value) -> Self {
        Self {
            timestamp: value.get("timestamp").and_then(Value::as_i64),
            passed: value.get("passed").and_then(Value::as_bool),
            result: value.get("result").and_then(Value::as_str).map(str::to_owned),
        }
    }
}

impl Moment {
    fn at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.timestamp?).ok()
    }
}

/// What the end of a run is told by: only what some run here has is asked of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Both files (reference: payload jobs, b.5).
    Both,
    /// `finished.json`, where no run has the other.
    Finished,
    /// The completion time in `prowjob.json`, where no run has the other.
    ProwJob,
    /// Readable JUnit, where no run has either.
    Junit,
}

impl Proof {
    pub(super) fn of<'a>(runs: impl Iterator<Item = &'a Markers> + Clone) -> Self {
        let finished = runs.clone().any(|markers| !matches!(markers.finished, Marker::Missing));
        let prow_job = runs.clone().any(|markers| !matches!(markers.prow_job, Marker::Missing));
        match (finished, prow_job) {
            (true, true) => Self::Both,
            (true, false) => Self::Finished,
            (false, true) => Self::ProwJob,
            (false, false) => Self::Junit,
        }
    }
}

impl Markers {
    /// Whether the run has any of the files that tell its end.
    pub(super) const fn any(&self) -> bool {
        !matches!((&self.finished, &self.prow_job), (Marker::Missing, Marker::Missing))
    }

    /// Whether it has one of the two files and not the other.
    pub(super) const fn has_one_only(&self) -> bool {
        matches!(self.finished, Marker::Missing) != matches!(self.prow_job, Marker::Missing)
    }

    /// Why the run is taken for unfinished by Prow's files; none if it is finished.
    pub(super) fn unfinished(&self, proof: Proof) -> Option<String> {
        let why = |marker: &Marker, file: &str| match marker {
            Marker::Missing => Some(format!("{file} is missing")),
            Marker::Not(why) => Some(why.clone()),
            Marker::Ended => None,
        };
        let finished = || why(&self.finished, "finished.json");
        let prow_job = || why(&self.prow_job, "prowjob.json");
        match proof {
            Proof::Both => finished().or_else(prow_job),
            Proof::Finished => finished(),
            Proof::ProwJob => prow_job(),
            Proof::Junit => None,
        }
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
        match parse(path) {
            Ok(prow_job) => markers.take_prow_job(&prow_job),
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
                match parse(path) {
                    Ok(value) => markers.take_finished(&Moment::from(&value)),
                    Err(why) => markers.notes.push(format!("{}: {why}", path.display())),
                }
            }
        }
    }
    if let Some(value) = files.started.as_deref().and_then(|path| parse(path).ok()) {
        markers.started = markers.started.or_else(|| Moment::from(&value).at());
    }
    markers
}

impl Markers {
    /// Only the completion time is needed; whatever else is there in another form than Prow's is not there.
    fn take_prow_job(&mut self, prow_job: &Value) {
        let text = |path: &[&str]| {
            let value = path.iter().try_fold(prow_job, |value, name| value.get(name));
            value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let time = |name: &str| text(&["status", name]).and_then(|text| text.parse::<Timestamp>().ok());
        // A label's value is cut at 63 characters, so it comes last.
        self.job = text(&["metadata", "annotations", JOB])
            .or_else(|| text(&["spec", "job"]))
            .or_else(|| text(&["metadata", "labels", JOB]));
        self.payload = text(&["metadata", "annotations", TAG]);
        self.url = text(&["status", "url"]);
        self.result = text(&["status", "state"]).map(|state| state.to_uppercase());
        self.started = time("startTime");
        self.ended = time("completionTime");
        self.prow_job = match self.ended {
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

fn parse(path: &Path) -> Result<Value, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("is not what Prow writes: {error}"))
}
