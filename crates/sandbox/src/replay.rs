//! Replay: a scenario out of a recorded release.
//!
//! A folder holds `statebox.yaml`, of which only `created_at` and `metadata` are used (its task times are clocks of
//! operators), and `results/FILE/UNIX_SECONDS.json`, every version of the result files under the time it appeared. When the
//! build was promoted was not recorded: it is shown as accepted from 30 seconds before its result file first appears.

use bytes::Bytes;
use indexmap::IndexMap;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use regatta_kit::{Arch, Build, Nightly, OutsideText, ParseError, Release};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::faults::Mix;
use crate::result_files::{registry_of, registry_path};
use crate::scenario::{Scenario, metadata_opening};
use crate::yaml::{Node, Yaml};

/// No file of a recording is larger, bytes.
const FILE_LIMIT_BYTES: u64 = 8 << 20;
/// From the promotion to the first version of the promoted build's result file.
const PROMOTED_BEFORE_FILE_SECONDS: i64 = 30;

/// A recording that cannot be replayed: which file, which field of it, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}{why}; {mend}", file.display(), field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default())]
pub struct ReplayError {
    /// The file or folder.
    pub file: PathBuf,
    /// The field of the file, with its line where it has one.
    pub field: Option<String>,
    /// What is wrong with it.
    pub why: String,
    /// What would be right.
    pub mend: String,
}

impl ReplayError {
    fn new(file: &Path, field: Option<String>, why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { file: file.to_owned(), field, why: why.into(), mend: mend.into() }
    }
}

impl Scenario {
    /// The scenario of the recorded release in `dir`.
    ///
    /// `registry`: a folder (or a checkout) with the job registry in force then; without it the registry is what the
    /// result files themselves list. `release`: the one asked for, which must be the folder's.
    ///
    /// # Errors
    /// For a folder that is not a recorded release, or of another one.
    pub fn replay(
        dir: &Path,
        registry: Option<&Path>,
        release: Option<Release>,
        seed: u64,
    ) -> Result<Self, ReplayError> {
        let statebox = StateBox::read(&dir.join("statebox.yaml"))?;
        if let Some(asked) = release
            && asked != statebox.release
        {
            let why = format!("this is a recording of {}, not of {asked}", statebox.release);
            return Err(ReplayError::new(
                dir,
                None,
                why,
                format!("ask for {}, or give the folder of {asked}", statebox.release),
            ));
        }
        let release = statebox.release;
        let result_files = read_results(&dir.join("results"), release)?;
        let promoted = Build::Release(release).result_file(Arch::Amd64);
        let Some((first, _)) = result_files.get(&promoted).and_then(|versions| versions.first_key_value())
        else {
            let folder = dir.join("results").join(stem(&promoted));
            let mend = "record the promoted build's result file, a version a file named by its unix time";
            return Err(ReplayError::new(
                &folder,
                None,
                "has no version of the promoted build's result file",
                mend,
            ));
        };
        let promoted_at = *first - SignedDuration::from_secs(PROMOTED_BEFORE_FILE_SECONDS);
        let registry = match registry {
            Some(dir) => read_registry(dir, release)?,
            None => registry_of(release.stream, &result_files),
        };
        Ok(Self {
            seed,
            start: statebox.created_at,
            release,
            jira_ticket: statebox.jira_ticket,
            advisories: statebox.advisories,
            release_date: statebox.release_date,
            candidates: statebox.candidates,
            shipment_mr: statebox.shipment_mr,
            promoted_at: Some(promoted_at),
            registry: BTreeMap::from([registry]),
            result_files,
            metadata_opens_at: metadata_opening(statebox.release_date),
            faults: Mix::None,
        })
    }
}

/// What is used of `statebox.yaml`.
struct StateBox {
    release: Release,
    created_at: Timestamp,
    jira_ticket: String,
    advisories: IndexMap<String, u64>,
    release_date: Date,
    candidates: IndexMap<String, Nightly>,
    shipment_mr: Option<String>,
}

impl StateBox {
    fn read(file: &Path) -> Result<Self, ReplayError> {
        let bytes = read(file, "give the folder of a recorded release, which has a statebox.yaml")?;
        let mend = "give a StateBox file as production writes it";
        let text =
            std::str::from_utf8(&bytes).map_err(|_| ReplayError::new(file, None, "is not UTF-8", mend))?;
        let yaml = Yaml::parse(text).map_err(|why| ReplayError::new(file, None, why, mend))?;
        let fields = Fields { file };
        let root = yaml.root().ok_or_else(|| ReplayError::new(file, None, "is empty", mend))?;
        let metadata = fields.need(root, "metadata", "", "a mapping")?;

        let release: Release = fields.parse(root, "release", "")?;
        let created_at = "an instant such as 2026-04-16T15:03:10Z";
        let (node, text) = fields.scalar(root, "created_at", "", created_at)?;
        let created_at: Timestamp =
            text.parse().map_err(|_| fields.bad(node, "created_at", text, created_at))?;
        let whole = Timestamp::from_second(created_at.as_second()).unwrap_or(created_at);

        let (_, jira_ticket) =
            fields.scalar(metadata, "jira_ticket", "metadata.", "a ticket such as ART-15998")?;
        let date = "a date such as 2026-Apr-22";
        let (node, text) = fields.scalar(metadata, "release_date", "metadata.", date)?;
        let release_date =
            art_date(text).ok_or_else(|| fields.bad(node, "metadata.release_date", text, date))?;

        let mut advisories = IndexMap::new();
        for (kind, node) in fields.mapping(metadata, "advisory_ids")? {
            let text = node.text().unwrap_or_default();
            let id = text.parse().map_err(|_| {
                fields.bad(node, &format!("metadata.advisory_ids.{kind}"), text, "an advisory's number")
            })?;
            advisories.insert(kind.to_owned(), id);
        }
        let mut candidates = IndexMap::new();
        for (arch, node) in fields.mapping(metadata, "candidate_builds")? {
            let field = format!("metadata.candidate_builds.{arch}");
            let text = node.text().unwrap_or_default();
            let nightly: Nightly =
                text.parse().map_err(|error: ParseError| fields.named(node, &field, &error))?;
            let expected: Arch =
                arch.parse().map_err(|error: ParseError| fields.named(node, &field, &error))?;
            if nightly.arch != expected || nightly.stream != release.stream {
                return Err(fields.bad(
                    node,
                    &field,
                    text,
                    &format!("a nightly of {} for {arch}", release.stream),
                ));
            }
            candidates.insert(arch.to_owned(), nightly);
        }
        let shipment_mr = match metadata.get("shipment_mr") {
            None => None,
            Some(node) => {
                let form = "https://HOST/PROJECT/-/merge_requests/NUMBER, or null";
                let text = node.text().unwrap_or_default();
                let number =
                    text.rsplit_once("/-/merge_requests/").and_then(|(_, number)| number.parse::<u64>().ok());
                if !text.starts_with("https://") || number.is_none() {
                    return Err(fields.bad(node, "metadata.shipment_mr", text, form));
                }
                Some(text.to_owned())
            }
        };
        let jira_ticket = jira_ticket.to_owned();
        Ok(Self {
            release,
            created_at: whole,
            jira_ticket,
            advisories,
            release_date,
            candidates,
            shipment_mr,
        })
    }
}

/// Reads fields of one file and words their errors.
struct Fields<'a> {
    file: &'a Path,
}

impl Fields<'_> {
    fn bad(&self, node: Node<'_>, field: &str, given: &str, form: &str) -> ReplayError {
        let why = format!("{:?} is not {form}", OutsideText::line(given, 80).as_str());
        ReplayError::new(
            self.file,
            Some(format!("line {}: {field}", node.line())),
            why,
            format!("write {form}"),
        )
    }

    fn named(&self, node: Node<'_>, field: &str, error: &ParseError) -> ReplayError {
        let why = format!("{} {:?} {}", error.what, error.given, error.why);
        ReplayError::new(self.file, Some(format!("line {}: {field}", node.line())), why, error.mend)
    }

    fn need<'a>(
        &self,
        parent: Node<'a>,
        key: &str,
        prefix: &str,
        form: &str,
    ) -> Result<Node<'a>, ReplayError> {
        parent.get(key).ok_or_else(|| {
            ReplayError::new(self.file, Some(format!("{prefix}{key}")), "is missing", format!("write {form}"))
        })
    }

    fn scalar<'a>(
        &self,
        parent: Node<'a>,
        key: &str,
        prefix: &str,
        form: &str,
    ) -> Result<(Node<'a>, &'a str), ReplayError> {
        let node = self.need(parent, key, prefix, form)?;
        match node.text() {
            Some(text) if !text.is_empty() => Ok((node, text)),
            _ => Err(self.bad(node, &format!("{prefix}{key}"), "", form)),
        }
    }

    fn parse<T: std::str::FromStr<Err = ParseError>>(
        &self,
        parent: Node<'_>,
        key: &str,
        prefix: &str,
    ) -> Result<T, ReplayError> {
        let (node, text) = self.scalar(parent, key, prefix, "a release such as 4.20.1")?;
        text.parse().map_err(|error| self.named(node, &format!("{prefix}{key}"), &error))
    }

    /// A mapping of the metadata; absent and null count as empty.
    fn mapping<'a>(&self, metadata: Node<'a>, key: &str) -> Result<Vec<(&'a str, Node<'a>)>, ReplayError> {
        let Some(node) = metadata.get(key) else { return Ok(Vec::new()) };
        node.entries().ok_or_else(|| {
            self.bad(node, &format!("metadata.{key}"), node.text().unwrap_or("a list"), "a mapping")
        })
    }
}

/// A date as ART writes it; the day is not padded.
fn art_date(text: &str) -> Option<Date> {
    let (rest, day) = text.rsplit_once('-')?;
    Date::strptime("%Y-%b-%d", format!("{rest}-{day:0>2}")).ok()
}

fn read_results(
    dir: &Path,
    release: Release,
) -> Result<BTreeMap<String, BTreeMap<Timestamp, Bytes>>, ReplayError> {
    let mut files = BTreeMap::new();
    for (name, folder) in
        list(dir, "give the folder of a recorded release, which has results/FILE/UNIX_SECONDS.json")?
    {
        let build = name.strip_prefix("ocp-test-result-").and_then(|rest| rest.rsplit_once('-'));
        let known =
            build.and_then(|(build, arch)| Some((build.parse::<Build>().ok()?, arch.parse::<Arch>().ok()?)));
        let Some((build, arch)) = known.filter(|(build, _)| build.stream() == release.stream) else {
            let mend = format!("name it ocp-test-result-BUILD-ARCH, with a build of {}", release.stream);
            return Err(ReplayError::new(
                &folder,
                None,
                "is not named as a result file of this y-stream",
                mend,
            ));
        };
        let mut versions = BTreeMap::new();
        for (name, file) in list(&folder, "keep the versions of a result file in a folder")? {
            let seconds = name.strip_suffix(".json").and_then(|stem| stem.parse::<i64>().ok());
            let Some(at) = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()) else {
                let mend = "name each version by its unix time: 1768245806.json";
                return Err(ReplayError::new(&file, None, "is not named by a time", mend));
            };
            versions.insert(at, read(&file, "make it readable")?);
        }
        files.insert(build.result_file(arch), versions);
    }
    Ok(files)
}

fn read_registry(dir: &Path, release: Release) -> Result<(String, Bytes), ReplayError> {
    let path = registry_path(release.stream);
    let mend =
        format!("give a folder with {}, or a checkout with {path}", path.trim_start_matches("_releases/"));
    let direct = dir.join(path.trim_start_matches("_releases/"));
    let file = if direct.is_file() { direct } else { dir.join(&path) };
    let bytes = read(&file, &mend)?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| ReplayError::new(&file, None, format!("is not JSON: {error}"), mend.clone()))?;
    for kind in ["nightly", "stable"] {
        let jobs = value[kind].as_array();
        if !jobs.is_some_and(|jobs| jobs.iter().all(|job| job["prowJob"].is_string())) {
            let form = r#"a list of {"prowJob": NAME}"#;
            return Err(ReplayError::new(
                &file,
                Some(kind.to_owned()),
                format!("is not {form}"),
                format!("write {form}"),
            ));
        }
    }
    Ok((path, bytes))
}

/// The entries of a folder, by name; hidden ones are left out.
fn list(dir: &Path, mend: &str) -> Result<BTreeMap<String, PathBuf>, ReplayError> {
    let unreadable =
        |error: std::io::Error| ReplayError::new(dir, None, format!("cannot be read: {error}"), mend);
    let mut entries = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            entries.insert(name, entry.path());
        }
    }
    Ok(entries)
}

fn read(file: &Path, mend: &str) -> Result<Bytes, ReplayError> {
    let unreadable =
        |error: std::io::Error| ReplayError::new(file, None, format!("cannot be read: {error}"), mend);
    let size = fs::metadata(file).map_err(unreadable)?.len();
    if size > FILE_LIMIT_BYTES {
        let why = format!("is larger than {FILE_LIMIT_BYTES} bytes");
        return Err(ReplayError::new(file, None, why, "no file of a recorded release is that large"));
    }
    fs::read(file).map(Bytes::from).map_err(unreadable)
}

/// `ocp-test-result-4.20.1-amd64` of `_releases/ocp-test-result-4.20.1-amd64.json`.
fn stem(path: &str) -> &str {
    path.trim_start_matches("_releases/").trim_end_matches(".json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{RecordedKind, write_recorded};

    fn replayed(kind: RecordedKind) -> (tempfile::TempDir, Release, Scenario) {
        let dir = tempfile::tempdir().unwrap();
        let release = write_recorded(dir.path(), kind);
        let scenario = Scenario::replay(dir.path(), None, Some(release), 1).unwrap();
        (dir, release, scenario)
    }

    fn last_flags(scenario: &Scenario, path: &str) -> (Value, Value, Value) {
        let (_, bytes) = scenario.result_files[path].last_key_value().unwrap();
        let file: Value = serde_json::from_slice(bytes).unwrap();
        (file["aggregated"].clone(), file["accepted"].clone(), file["manual_promotion"].clone())
    }

    #[test]
    fn a_recording_gives_metadata_times_and_bytes_as_they_were() {
        let (dir, release, scenario) = replayed(RecordedKind::Accepted);
        let promoted = Build::Release(release).result_file(Arch::Amd64);
        let versions = &scenario.result_files[&promoted];
        let (first, bytes) = versions.first_key_value().unwrap();
        assert_eq!(scenario.promoted_at, Some(*first - SignedDuration::from_secs(30)));
        let file =
            dir.path().join("results").join(stem(&promoted)).join(format!("{}.json", first.as_second()));
        assert_eq!(*bytes, fs::read(file).unwrap());
        assert_eq!(scenario.start.to_string(), "2026-02-05T15:01:16Z");
        assert_eq!(scenario.metadata_opens_at.to_string(), "2026-02-11T14:00:00Z");
        assert_eq!(scenario.advisories.keys().collect::<Vec<_>>(), ["rpm", "rhcos"]);
        let registry: Value = serde_json::from_slice(scenario.registry.values().next().unwrap()).unwrap();
        assert_eq!(
            (registry["nightly"].as_array().unwrap().len(), registry["stable"].as_array().unwrap().len()),
            (6, 3)
        );
        assert_eq!(last_flags(&scenario, &promoted), (true.into(), true.into(), Value::Null));
    }

    #[test]
    fn every_kind_of_recording_loads_and_ends_as_its_name_says() {
        let candidate =
            |scenario: &Scenario| Build::Nightly(scenario.candidates["x86_64"]).result_file(Arch::Amd64);
        let (_dir, _, scenario) = replayed(RecordedKind::Rejected);
        assert_eq!(last_flags(&scenario, &candidate(&scenario)), (true.into(), false.into(), Value::Null));
        let (_dir, _, scenario) = replayed(RecordedKind::ManualPromotion);
        assert_eq!(last_flags(&scenario, &candidate(&scenario)), (true.into(), false.into(), true.into()));
        let (_dir, _, scenario) = replayed(RecordedKind::LateAcceptance);
        assert_eq!(last_flags(&scenario, &candidate(&scenario)), (true.into(), true.into(), Value::Null));
        let late = scenario.result_files[&candidate(&scenario)].last_key_value().unwrap().0;
        assert!(*late > scenario.start + SignedDuration::from_hours(24));
        let (_dir, release, scenario) = replayed(RecordedKind::PromotedRejected);
        let promoted = Build::Release(release).result_file(Arch::Amd64);
        assert_eq!(last_flags(&scenario, &promoted), (true.into(), false.into(), Value::Null));
        let (_dir, _, scenario) = replayed(RecordedKind::NoCandidateFile);
        assert!(!scenario.result_files.contains_key(&candidate(&scenario)));
        let (_dir, _, scenario) = replayed(RecordedKind::NoCandidateInMetadata);
        assert!(scenario.candidates.is_empty());
    }

    #[test]
    fn a_bad_recording_is_refused_with_file_field_reason_and_mend() {
        let attempt = |change: &dyn Fn(&Path)| {
            let dir = tempfile::tempdir().unwrap();
            write_recorded(dir.path(), RecordedKind::Accepted);
            change(dir.path());
            let error = Scenario::replay(dir.path(), None, None, 1).unwrap_err().to_string();
            error.replace(&format!("{}/", dir.path().display()), "")
        };
        let edit = |from: &'static str, to: &'static str| {
            move |dir: &Path| {
                let file = dir.join("statebox.yaml");
                let text = fs::read_to_string(&file).unwrap();
                assert!(text.contains(from));
                fs::write(file, text.replace(from, to)).unwrap();
            }
        };
        assert_eq!(
            attempt(&edit("2026-Feb-11", "2026-13-11")),
            "statebox.yaml: line 9: metadata.release_date: \"2026-13-11\" is not a date such as 2026-Apr-22; write a date such as 2026-Apr-22"
        );
        assert_eq!(
            attempt(&edit("created_at:", "made_at:")),
            "statebox.yaml: created_at: is missing; write an instant such as 2026-04-16T15:03:10Z"
        );
        assert_eq!(
            attempt(&edit("rpm: ", "rpm: x")),
            "statebox.yaml: line 7: metadata.advisory_ids.rpm: \"x158100\" is not an advisory's number; write an advisory's number"
        );
        assert!(attempt(&edit("metadata:", "metadata: [")).starts_with("statebox.yaml: is not YAML: line "));
        assert!(attempt(&edit("/-/merge_requests/", "/pulls/")).contains("metadata.shipment_mr"));
        assert!(
            attempt(&|dir| fs::remove_file(dir.join("statebox.yaml")).unwrap())
                .starts_with("statebox.yaml: cannot be read: ")
        );
        let error = attempt(&|dir| {
            fs::write(dir.join("results/ocp-test-result-4.20.31-amd64/new.json"), "{}").unwrap()
        });
        assert_eq!(
            error,
            "results/ocp-test-result-4.20.31-amd64/new.json: is not named by a time; name each version by its unix time: 1768245806.json"
        );
        let error = attempt(&|dir| fs::create_dir(dir.join("results/notes")).unwrap());
        assert!(error.starts_with("results/notes: is not named as a result file"), "{error}");
        let error =
            attempt(&|dir| fs::remove_dir_all(dir.join("results/ocp-test-result-4.20.31-amd64")).unwrap());
        assert!(error.contains("has no version of the promoted build's result file"), "{error}");
    }

    #[test]
    fn the_recording_must_be_of_the_release_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        write_recorded(dir.path(), RecordedKind::Accepted);
        let error = Scenario::replay(dir.path(), None, Some("4.20.1".parse().unwrap()), 1).unwrap_err();
        assert_eq!(error.why, "this is a recording of 4.20.31, not of 4.20.1");
    }

    #[test]
    fn a_registry_given_is_used_in_place_of_the_files_own_list() {
        let dir = tempfile::tempdir().unwrap();
        write_recorded(dir.path(), RecordedKind::Accepted);
        let registry = tempfile::tempdir().unwrap();
        let error = Scenario::replay(dir.path(), Some(registry.path()), None, 1).unwrap_err();
        assert!(error.mend.contains("ocp-4.20-test-jobs-amd64.json"));
        let file = registry.path().join("ocp-4.20-test-jobs-amd64.json");
        fs::write(&file, r#"{"nightly": [{"prowJob": "a"}], "stable": {}}"#).unwrap();
        let error = Scenario::replay(dir.path(), Some(registry.path()), None, 1).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("stable"));
        let content = r#"{"nightly": [{"prowJob": "a"}], "stable": []}"#;
        fs::write(&file, content).unwrap();
        let scenario = Scenario::replay(dir.path(), Some(registry.path()), None, 1).unwrap();
        assert_eq!(scenario.registry["_releases/ocp-4.20-test-jobs-amd64.json"], content);
    }

    #[test]
    fn every_recorded_release_at_hand_loads() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/recorded");
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries {
            let dir = entry.unwrap().path();
            let release: Release = dir.file_name().unwrap().to_str().unwrap().parse().unwrap();
            if let Err(error) = Scenario::replay(&dir, None, Some(release), 1) {
                panic!("{error}");
            }
        }
    }
}
