//! The shipment: the YAML files a merge request changes, one for each kind of content.

use base64::Engine as _;
use regatta_kit::OutsideText;
use serde_json::Value;

use super::{GitLab, MergeRequest, wire};
use crate::error::ServiceError;

/// What a shipment file ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ShipmentKind {
    /// The payload's images.
    Image,
    /// Optional operators.
    Extras,
    /// Operator metadata (bundles).
    Metadata,
    /// A file-based catalogue: holds no images to be graded.
    Fbc,
    /// A kind this program does not know; treated like images.
    Other,
}

impl ShipmentKind {
    /// By the file's name, such as `4.18.3-image.20250414000000.yaml`.
    fn of_path(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let has = |word: &str| name.split(['.', '-', '_']).any(|part| part == word);
        // `fbc` first: a catalogue's name may also say what it catalogues.
        if has("fbc") {
            Self::Fbc
        } else if has("image") {
            Self::Image
        } else if has("extras") {
            Self::Extras
        } else if has("metadata") {
            Self::Metadata
        } else {
            Self::Other
        }
    }
}

/// An issue that the shipment fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedIssue {
    /// Its key, `OCPBUGS-123`.
    pub key: String,
    /// The host of its tracker, `redhat.atlassian.net`.
    pub source: String,
}

impl FixedIssue {
    /// Whether it is kept in Jira, on either of its hosts, and not in Bugzilla.
    #[must_use]
    pub fn is_jira(&self) -> bool {
        matches!(self.source.as_str(), "issues.redhat.com" | "redhat.atlassian.net")
    }
}

/// One file of a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentFile {
    /// Its path in the repository.
    pub path: String,
    /// What it ships.
    pub kind: ShipmentKind,
    /// The issues it fixes.
    pub fixed: Vec<FixedIssue>,
    /// Where its stage advisory's content lies; filled by the stage release.
    pub stage_advisory: Option<String>,
}

/// A file that could not be read as a shipment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenFile {
    /// Its path.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
}

/// All files of a shipment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shipment {
    /// The files that could be read, by path.
    pub files: Vec<ShipmentFile>,
    /// Those that could not.
    pub broken: Vec<BrokenFile>,
}

impl Shipment {
    /// The Jira keys that the shipment fixes, sorted, each once.
    #[must_use]
    pub fn jira_keys(&self) -> Vec<String> {
        let fixed = self.files.iter().flat_map(|file| &file.fixed);
        let mut keys: Vec<_> = fixed.filter(|issue| issue.is_jira()).map(|issue| issue.key.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

impl GitLab {
    /// Paths of the YAML files that a merge request changes and keeps, sorted.
    ///
    /// # Errors
    /// As every call.
    pub async fn changed_yaml(&self, request: &MergeRequest) -> Result<Vec<String>, ServiceError> {
        let iid = request.at.iid().to_string();
        let changes: wire::Changes = self
            .api(&["projects", request.at.project(), "merge_requests", &iid, "changes"])
            .send()
            .await?
            .json()?;
        let kept =
            changes.changes.into_iter().filter(|change| !change.deleted_file).map(|change| change.new_path);
        let mut paths: Vec<_> =
            kept.filter(|path| path.ends_with(".yaml") || path.ends_with(".yml")).collect();
        paths.sort_unstable();
        paths.dedup();
        Ok(paths)
    }

    /// The text of a file on a branch.
    ///
    /// # Errors
    /// As every call; content that is not base64 of UTF-8 text is a bad answer.
    pub async fn file(&self, project: &str, path: &str, branch: &str) -> Result<String, ServiceError> {
        let call = self.api(&["projects", project, "repository", "files", path]).query(&[("ref", branch)]);
        let answer = call.send().await?;
        let file: wire::File = answer.json()?;
        if file.encoding.as_deref().is_some_and(|encoding| encoding != "base64") {
            return Err(answer.bad("a file that is not in base64"));
        }
        let packed: Vec<u8> = file.content.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(packed)
            .map_err(|_| answer.bad("a file that is no base64"))?;
        String::from_utf8(bytes).map_err(|_| answer.bad("a file that is no text"))
    }

    /// Reads all shipment files of a merge request.
    ///
    /// # Errors
    /// As every call; a file that is no shipment is listed, not an error.
    pub async fn shipment(&self, request: &MergeRequest) -> Result<Shipment, ServiceError> {
        let mut shipment = Shipment::default();
        for path in self.changed_yaml(request).await? {
            let text = self.file(&request.source_project, &path, &request.source_branch).await?;
            match read_file(&path, &text) {
                Ok(Some(file)) => shipment.files.push(file),
                Ok(None) => {}
                Err(why) => shipment.broken.push(BrokenFile { path, why }),
            }
        }
        Ok(shipment)
    }
}

/// Reads one file; `None` for a YAML file that is no shipment.
fn read_file(path: &str, text: &str) -> Result<Option<ShipmentFile>, String> {
    let document = crate::yaml::parse(text).map_err(|error| error.to_string())?;
    let Some(shipment) = document.get("shipment") else { return Ok(None) };
    let fixed = match shipment.pointer("/data/releaseNotes/issues/fixed") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(entries)) => entries.iter().map(fixed_issue).collect::<Result<_, _>>()?,
        Some(_) => return Err("releaseNotes.issues.fixed is no list".to_owned()),
    };
    let stage_advisory =
        shipment.pointer("/environments/stage/advisory/internal_url").and_then(Value::as_str);
    let catalogue = shipment.pointer("/metadata/fbc").and_then(Value::as_bool) == Some(true);
    Ok(Some(ShipmentFile {
        path: path.to_owned(),
        kind: if catalogue { ShipmentKind::Fbc } else { ShipmentKind::of_path(path) },
        fixed,
        stage_advisory: stage_advisory.filter(|url| !url.is_empty()).map(str::to_owned),
    }))
}

fn fixed_issue(entry: &Value) -> Result<FixedIssue, String> {
    let key = match entry.get("id") {
        Some(Value::String(key)) => key.clone(),
        // A Bugzilla number.
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(format!("a fixed issue without id: {}", OutsideText::line(&entry.to_string(), 80))),
    };
    let plain =
        !key.is_empty() && key.len() <= 40 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !plain {
        return Err(format!("an issue id that is none: {}", OutsideText::line(&key, 80)));
    }
    let source = entry.get("source").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(FixedIssue { key, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shipment_file_gives_issues_kind_and_stage_advisory() {
        let text = "
shipment:
  data:
    releaseNotes:
      type: RHSA
      issues:
        fixed:
        - id: OCPBUGS-12
          source: issues.redhat.com
        - source: redhat.atlassian.net
          id: OCPBUGS-9
        - id: 2233445
          source: bugzilla.redhat.com
  environments:
    stage:
      advisory:
        internal_url: https://gitlab.example.com/releng/advisories/-/raw/main/a.yaml
";
        let file = read_file("shipment/ocp/prod/4.20.1-image.20260101000000.yaml", text).unwrap().unwrap();
        assert_eq!(file.kind, ShipmentKind::Image);
        assert_eq!(
            file.stage_advisory.as_deref(),
            Some("https://gitlab.example.com/releng/advisories/-/raw/main/a.yaml")
        );
        let shipment = Shipment { files: vec![file.clone(), file], broken: vec![] };
        assert_eq!(shipment.jira_keys(), ["OCPBUGS-12", "OCPBUGS-9"]);
    }

    #[test]
    fn what_is_no_shipment_is_left_out_and_what_is_broken_is_told() {
        assert_eq!(read_file("a.yaml", "other: 1\n"), Ok(None));
        assert!(read_file("a.yaml", "shipment: [\n").is_err());
        assert!(
            read_file("a.yaml", "shipment: {data: {releaseNotes: {issues: {fixed: [{id: '../x'}]}}}}")
                .is_err()
        );
        let empty =
            read_file("x.fbc.1.yaml", "shipment: {environments: {stage: {advisory: {}}}}").unwrap().unwrap();
        assert_eq!((empty.kind, empty.stage_advisory), (ShipmentKind::Fbc, None));
    }

    #[test]
    fn kinds_are_read_from_the_name_alone() {
        for (path, kind) in [
            ("shipment/image/prod/4.18.3-extras.2025.yaml", ShipmentKind::Extras),
            ("4.18.3-metadata.2025.yaml", ShipmentKind::Metadata),
            ("4.18.3.fbc.metadata.2025.yaml", ShipmentKind::Fbc),
            ("4.18.3-imagery.yaml", ShipmentKind::Other),
        ] {
            assert_eq!(ShipmentKind::of_path(path), kind, "{path}");
        }
    }
}
