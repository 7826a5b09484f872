//! The release data: `releases.yml` of ocp-build-data, one branch a y-stream, as ART keeps it.
//!
//! A release is an *assembly*; it may rest on another one (`basis.assembly`) and take from it what it does not say
//! itself. A key ending in `!` says it anew even where nothing is left of it.

use indexmap::IndexMap;
use regatta_kit::Release;
use serde_json::Value;

use crate::conditional::Conditional;
use crate::error::{Fault, ServiceError};
use crate::remote::Remote;
use crate::yaml;

/// Assemblies may rest on each other this many times.
const ANCESTORS: usize = 64;
/// Real files have about 2 MB.
const BODY_LIMIT: u64 = 64 * 1024 * 1024;

/// Raw files of GitHub.
#[derive(Debug, Clone)]
pub struct Raw {
    remote: Remote,
    /// What was read last of each release: the file is large, read again and again, and seldom another.
    releases: Conditional<Release, ReleaseData>,
}

/// What the release data says of one release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseData {
    /// Advisory ids by kind (`rpm`, `rhcos`, …), in file order. Kinds not yet created are left out.
    pub advisories: IndexMap<String, u64>,
    /// Candidate nightlies by rpm architecture (`x86_64`), in file order; empty when there are none.
    pub candidates: IndexMap<String, String>,
    /// The ART ticket, `ART-15998`.
    pub jira_ticket: Option<String>,
    /// The release date as ART writes it, `2026-Feb-3`.
    pub release_date: Option<String>,
    /// Whether and where the shipment is.
    pub shipment: Shipment,
}

/// The shipment of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Shipment {
    /// None: the release goes the older Errata flow.
    #[default]
    None,
    /// There will be one, but its merge request does not exist yet.
    WithoutUrl,
    /// The merge request's URL.
    MergeRequest(String),
}

impl Raw {
    /// Raw files at `remote`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self { remote: remote.with_body_limit(BODY_LIMIT), releases: Conditional::new() }
    }

    /// The release data of a release.
    ///
    /// # Errors
    /// [`Fault::NotFound`] while its assembly does not exist, [`Fault::BadAnswer`] for a file that cannot be read.
    pub async fn release_data(&self, release: Release) -> Result<ReleaseData, ServiceError> {
        let branch = format!("openshift-{}", release.stream);
        let mut call = self.remote.get(&["openshift-eng", "ocp-build-data", &branch, "releases.yml"]);
        let kept = self.releases.get(&release);
        if let Some(kept) = &kept {
            call = call.header("if-none-match", &kept.etag);
        }
        let answer = call.send().await?;
        if answer.status == 304 {
            return kept
                .map(|kept| kept.value)
                .ok_or_else(|| answer.bad("not modified, of a file never read"));
        }
        let root =
            yaml::parse(answer.text()?).map_err(|error| answer.bad(format!("releases.yml: {error}")))?;
        let data = read(&root, &release.assembly_key()).map_err(|problem| match problem {
            Problem::NoAssembly(name) => answer.fault(Fault::NotFound {
                what: format!("assembly {name} in releases.yml of branch {branch} (build data not ready)"),
            }),
            Problem::Shape(why) => answer.bad(format!("releases.yml: {why}")),
        })?;
        if let Some(etag) = answer.header("etag") {
            self.releases.keep(release, etag, data.clone());
        }
        Ok(data)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Problem {
    NoAssembly(String),
    Shape(String),
}

fn read(root: &Value, key: &str) -> Result<ReleaseData, Problem> {
    let assemblies = root
        .get("releases")
        .and_then(Value::as_object)
        .ok_or_else(|| Problem::Shape("no map `releases`".to_owned()))?;
    let mut chain = Vec::new();
    let mut next = Some(key);
    while let Some(name) = next {
        if chain.len() == ANCESTORS {
            return Err(Problem::Shape(format!("assembly {key} rests on a ring of assemblies")));
        }
        let assembly = assemblies.get(name).and_then(|a| a.get("assembly"));
        let assembly = assembly.ok_or_else(|| Problem::NoAssembly(name.to_owned()))?;
        chain.push(assembly);
        next = assembly
            .get("basis")
            .or_else(|| assembly.get("basis!"))
            .and_then(|basis| basis.get("assembly"))
            .and_then(Value::as_str);
    }

    let text = |path: &[&str]| {
        inherited(&chain, path).and_then(Value::as_str).map(str::to_owned).filter(|t| !t.is_empty())
    };
    let map = |path: &[&str]| inherited(&chain, path).and_then(Value::as_object).cloned().unwrap_or_default();
    let advisories = map(&["group", "advisories"])
        .into_iter()
        .filter_map(|(kind, id)| {
            let id = id.as_u64().or_else(|| id.as_str()?.parse().ok()).filter(|id| *id > 0)?;
            Some((kind, id))
        })
        .collect();
    let candidates = map(&["basis", "reference_releases"])
        .into_iter()
        .filter_map(|(arch, build)| Some((arch, build.as_str()?.to_owned())))
        .collect();
    let shipment = match inherited(&chain, &["group", "shipment"]) {
        None | Some(Value::Null) => Shipment::None,
        Some(shipment) => match shipment.get("url").and_then(Value::as_str).filter(|url| !url.is_empty()) {
            Some(url) => Shipment::MergeRequest(url.to_owned()),
            None => Shipment::WithoutUrl,
        },
    };
    Ok(ReleaseData {
        advisories,
        candidates,
        jira_ticket: text(&["group", "release_jira"]),
        release_date: text(&["group", "release_date"]),
        shipment,
    })
}

/// The value nearest to the child that states it. Values replace those of ancestors whole, as production's tools read
/// them: an advisory of an earlier release must never be acted on.
fn inherited<'a>(chain: &[&'a Value], path: &[&str]) -> Option<&'a Value> {
    'assemblies: for assembly in chain {
        let mut value = *assembly;
        let mut anew = false;
        for part in path {
            let forced = value.get(format!("{part}!"));
            anew |= forced.is_some();
            match forced.or_else(|| value.get(part)) {
                Some(inner) => value = inner,
                // Said anew without this part: there is none, whatever the ancestors say.
                None if anew => return None,
                None => continue 'assemblies,
            }
        }
        return Some(value);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = "
releases:
  4.20.0:
    assembly:
      basis:
        reference_releases: {x86_64: 4.20.0-0.nightly-2025-10-01-000000}
      group:
        advisories: {rpm: 1, image: 2}
        release_jira: ART-1
        release_date: 2025-Oct-7
  4.20.1:
    assembly:
      basis:
        assembly: 4.20.0
        reference_releases!: {}
      group:
        advisories!: {rpm: 11, rhcos: 12, microshift: -1}
        shipment: {url: 'https://gitlab.example/x/-/merge_requests/1', env: prod}
  4.20.2:
    assembly:
      basis: {assembly: 4.20.1}
      group: {release_jira: ART-3}
  4.20.3:
    assembly:
      basis: {assembly: 4.20.2}
      group:
        shipment: {env: stage}
        advisories: {rpm: 31}
  rc.1:
    assembly: {basis: {assembly: nowhere}}
  loop:
    assembly: {basis: {assembly: loop}}
";

    fn data(key: &str) -> Result<ReleaseData, Problem> {
        read(&yaml::parse(DATA).unwrap(), key)
    }

    #[test]
    fn a_release_says_for_itself() {
        let read = data("4.20.0").unwrap();
        assert_eq!(
            read.advisories.iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>(),
            [("rpm", 1), ("image", 2)]
        );
        assert_eq!(read.candidates["x86_64"], "4.20.0-0.nightly-2025-10-01-000000");
        assert_eq!((read.release_date.as_deref(), read.shipment), (Some("2025-Oct-7"), Shipment::None));
    }

    #[test]
    fn what_is_said_anew_replaces_and_the_rest_is_taken_over() {
        let read = data("4.20.1").unwrap();
        assert_eq!(read.advisories.keys().collect::<Vec<_>>(), ["rpm", "rhcos"]);
        assert!(read.candidates.is_empty());
        assert_eq!(read.jira_ticket.as_deref(), Some("ART-1"));
    }

    #[test]
    fn grandparents_and_a_parents_own_overrides_count() {
        let read = data("4.20.2").unwrap();
        assert_eq!(read.advisories["rpm"], 11);
        assert!(read.candidates.is_empty(), "the parent said there are none");
        assert_eq!(
            (read.jira_ticket.as_deref(), read.release_date.as_deref()),
            (Some("ART-3"), Some("2025-Oct-7"))
        );
        assert!(matches!(read.shipment, Shipment::MergeRequest(url) if url.ends_with("/1")));
    }

    #[test]
    fn maps_are_replaced_not_merged_and_a_shipment_may_lack_its_url() {
        let read = data("4.20.3").unwrap();
        assert_eq!(read.advisories.len(), 1);
        assert_eq!(read.shipment, Shipment::WithoutUrl);
    }

    #[test]
    fn what_a_release_does_not_say_is_absent_and_no_error() {
        let bare = "releases: {4.20.4: {assembly: {}}, 4.20.5: {assembly: {group: {advisories: null, shipment: null}}}}";
        for key in ["4.20.4", "4.20.5"] {
            let read = read(&yaml::parse(bare).unwrap(), key).unwrap();
            assert!(read.advisories.is_empty() && read.candidates.is_empty(), "{key}");
            assert_eq!((read.jira_ticket, read.shipment), (None, Shipment::None), "{key}");
        }
    }

    #[tokio::test]
    async fn data_that_has_not_changed_is_not_sent_again() {
        use crate::remote::Auth;
        use crate::scripted::{Scripted, answer, answer_with};
        let world = Scripted::new(|request| {
            let known = request.headers().get("if-none-match");
            Ok(match known.map(|tag| tag.to_str().unwrap()) {
                None => answer_with(200, &[("etag", "\"one\"")], DATA),
                Some("\"one\"") => answer(304, ""),
                Some(other) => panic!("asked with {other}"),
            })
        });
        let raw = Raw::new(Remote::new("raw", "http://127.0.0.1:1".parse().unwrap(), Auth::None, world));
        let read = async |release: &str| raw.release_data(release.parse().unwrap()).await.unwrap();
        let first = read("4.20.1").await;
        assert_eq!(first.advisories["rpm"], 11);
        assert_eq!(read("4.20.1").await, first);
        // Of the same file another release was never read: the whole of it is asked for.
        assert_eq!(read("4.20.2").await.jira_ticket.as_deref(), Some("ART-3"));
    }

    #[test]
    fn missing_assemblies_and_rings_are_told_apart() {
        assert_eq!(data("4.20.9"), Err(Problem::NoAssembly("4.20.9".to_owned())));
        assert_eq!(data("rc.1"), Err(Problem::NoAssembly("nowhere".to_owned())));
        assert!(matches!(data("loop"), Err(Problem::Shape(_))));
    }
}
