//! Adding a Prow job to `verify`: informing at first, under a key made from the job's name.

use serde_json::{Map, Value, json};

use crate::edit::{Edits, Fresh};
use crate::model::{Config, Entry};
use crate::operate::{Change, Plan, Refusal, compare, sound};

/// A job to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// The Prow job, such as `periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn`.
    pub prow_job: String,
    /// Its key; made from the job's name where it is not given.
    pub key: Option<String>,
}

/// What the name of a Prow job says of the entry it should get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// The key.
    pub key: String,
    /// Whether it upgrades.
    pub upgrade: bool,
    /// The version it upgrades from, for one that starts at the release before.
    pub from_version: Option<String>,
}

/// Plans to add jobs, each as informing and without retries (reference: payload jobs, g).
///
/// # Errors
/// A key or a job's name that is no plain word, a key that exists, a file that is not sound.
pub fn add(config: &Config, jobs: &[NewJob], version: &str) -> Result<Plan, Refusal> {
    let verify = sound(config)?;
    let mut edits = Edits::new(config.text());
    let mut expected: Value = serde_json::from_str(config.text().source())
        .map_err(|error| Refusal::Contradiction(error.to_string()))?;
    let mut changed: Vec<Change> = Vec::new();
    let mut unchanged = Vec::new();
    for job in jobs {
        plain("a Prow job's name", &job.prow_job)?;
        let mut derived = derive(&job.prow_job, version);
        if let Some(key) = &job.key {
            plain("a key", key)?;
            derived.key.clone_from(key);
        }
        if derived.key.is_empty() {
            return Err(Refusal::Contradiction(format!(
                "no key can be made from {:?}; give one with --key",
                job.prow_job
            )));
        }
        if let Some(entry) = config.entry(&derived.key) {
            if entry.prow_job.as_deref() == Some(&job.prow_job) {
                unchanged.push(format!("{} runs {} already", derived.key, job.prow_job));
                continue;
            }
            let place = config.text().place(entry.key_span.start);
            return Err(Refusal::KeyExists { from: job.prow_job.clone(), to: derived.key, place });
        }
        if let Some(other) = changed.iter().find(|change| change.to == derived.key) {
            return Err(Refusal::Contradiction(format!("{:?} would be added twice", other.to)));
        }
        let index = position(config.entries(), &derived.key);
        insert(config, verify, index, &derived, &job.prow_job, &mut edits);
        mirror(&mut expected, config, index, &changed, &derived, &job.prow_job)?;
        let mut also = vec!["informing, without retries".to_owned()];
        if derived.upgrade {
            also.push(match &derived.from_version {
                Some(from) => format!("an upgrade from a candidate of nightly {from}"),
                None => "an upgrade from the payload before".to_owned(),
            });
        }
        changed.push(Change { from: String::new(), to: derived.key, also });
    }
    let text = edits.finish();
    let key = changed.first().map(|change| change.to.clone()).unwrap_or_default();
    // The plain reader proves what stands there; where entries stand is for people.
    compare(&expected, &text).map_err(|why| Refusal::Unproved { key, why })?;
    Ok(Plan { text, changed, unchanged })
}

/// Names of jobs and keys are letters, digits, dashes, dots and underscores.
fn plain(what: &str, word: &str) -> Result<(), Refusal> {
    let fits = !word.is_empty()
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if fits {
        return Ok(());
    }
    Err(Refusal::Contradiction(format!(
        "{word:?} is not {what}: letters, digits, dashes, dots and underscores are allowed"
    )))
}

/// Makes the key from the job's name: without what every job of the stream has in it, with the version and the kind of an
/// upgrade.
#[must_use]
pub fn derive(prow_job: &str, version: &str) -> Derived {
    let mut rest = prow_job.strip_prefix("periodic-ci-openshift-").unwrap_or(prow_job).to_owned();
    // `release-<branch>-<stream>-<version>-`; other repositories keep their own name as the first word.
    for stream in ["nightly", "ci"] {
        let middle = format!("-{stream}-{version}-");
        if rest.starts_with("release-")
            && let Some(at) = rest.find(&middle)
        {
            rest = rest[at + middle.len()..].to_owned();
            break;
        }
    }
    let periodics = format!("-release-{version}-periodics-");
    if let Some(at) = rest.find(&periodics) {
        rest = format!("{}-{}", &rest[..at], &rest[at + periodics.len()..]);
    }
    let mut from_version = None;
    if let Some(after) = rest.strip_prefix("upgrade-from-stable-").map(str::to_owned) {
        let (from, job) = after.split_once('-').unwrap_or((after.as_str(), ""));
        from_version = Some(from.to_owned());
        rest = job.to_owned();
    }
    let rest = rest.replacen("e2e-", "", 1);
    let words: Vec<&str> = rest.split('-').collect();
    let upgrade = from_version.is_some() || words.contains(&"upgrade");
    let key = if upgrade {
        let kind = if from_version.is_some() { "minor" } else { "micro" };
        // The kind follows the word it belongs to: `aws-ovn-upgrade-4.21-micro-fips`.
        match words.iter().position(|word| *word == "upgrade") {
            Some(at) => {
                let (before, after) = words.split_at(at + 1);
                let tail = if after.is_empty() { String::new() } else { format!("-{}", after.join("-")) };
                format!("{}-{version}-{kind}{tail}", before.join("-"))
            }
            None => format!("{rest}-{version}-{kind}"),
        }
    } else {
        rest
    };
    Derived { key, upgrade, from_version }
}

/// After which entry a new key goes: where it would stand alphabetically between two neighbours, those that share the most of
/// its beginning; else at the end. Entries are not sorted as a whole.
fn position(entries: &[Entry], key: &str) -> usize {
    let shared = |other: &str| key.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    (0..=entries.len())
        .filter(|at| {
            let after_smaller = *at == 0 || entries[at - 1].key.as_str() < key;
            let before_greater = *at == entries.len() || key < entries[*at].key.as_str();
            after_smaller && before_greater
        })
        .max_by_key(|at| {
            let before = at.checked_sub(1).map_or(0, |index| shared(&entries[index].key));
            let after = entries.get(*at).map_or(0, |entry| shared(&entry.key));
            (before.max(after), std::cmp::Reverse(*at))
        })
        .unwrap_or(entries.len())
}

fn insert(
    config: &Config,
    verify: &crate::text::Node,
    index: usize,
    derived: &Derived,
    prow_job: &str,
    edits: &mut Edits<'_>,
) {
    // The neighbour shows whether the file writes a Prow job on one line.
    let neighbour = index.checked_sub(1).or_else(|| (!config.entries().is_empty()).then_some(0));
    let inline = neighbour
        .and_then(|at| verify.fields()[at].node.get("prowJob"))
        .is_some_and(|field| !config.text().slice(field.node.span).contains('\n'));
    let name = vec![("name", Fresh::text(prow_job))];
    let job = if inline { Fresh::Inline(name) } else { Fresh::Spread(name) };
    let mut fields = vec![("optional", Fresh::Plain("true".to_owned())), ("prowJob", job)];
    if derived.upgrade {
        fields.push(("upgrade", Fresh::Plain("true".to_owned())));
    }
    if let Some(from) = &derived.from_version {
        let candidate = vec![("stream", Fresh::text("nightly")), ("version", Fresh::text(from))];
        fields.push(("upgradeFromRelease", Fresh::Spread(vec![("candidate", Fresh::Spread(candidate))])));
    }
    let at = match index {
        0 => crate::edit::At::First,
        index => crate::edit::At::After(index - 1),
    };
    edits.insert(verify, at, &derived.key, &Fresh::Spread(fields));
}

fn mirror(
    expected: &mut Value,
    config: &Config,
    index: usize,
    earlier: &[Change],
    derived: &Derived,
    prow_job: &str,
) -> Result<(), Refusal> {
    let mut entry = Map::new();
    entry.insert("optional".to_owned(), true.into());
    entry.insert("prowJob".to_owned(), json!({ "name": prow_job }));
    if derived.upgrade {
        entry.insert("upgrade".to_owned(), true.into());
    }
    if let Some(from) = &derived.from_version {
        entry.insert(
            "upgradeFromRelease".to_owned(),
            json!({ "candidate": { "stream": "nightly", "version": from } }),
        );
    }
    let verify_key =
        config.text().root().get("verify").map_or_else(|| "verify".to_owned(), |field| field.key.clone());
    let verify = expected.get_mut(&verify_key).and_then(Value::as_object_mut).ok_or(Refusal::NoVerify)?;
    // Entries added before stand after the same neighbour as this one, or shift it.
    let at = match index.checked_sub(1).map(|before| &config.entries()[before].key) {
        Some(neighbour) => {
            let mut at = verify.keys().position(|key| key == neighbour).map_or(0, |at| at + 1);
            while verify.keys().nth(at).is_some_and(|key| earlier.iter().any(|change| change.to == *key)) {
                at += 1;
            }
            at
        }
        None => verify.keys().take_while(|key| earlier.iter().any(|change| change.to == **key)).count(),
    };
    let mut entries: Vec<(String, Value)> = std::mem::take(verify).into_iter().collect();
    entries.insert(at, (derived.key.clone(), Value::Object(entry)));
    verify.extend(entries);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(job: &str) -> String {
        derive(job, "4.21").key
    }

    #[test]
    fn keys_are_made_as_the_files_have_them() {
        assert_eq!(key_of("periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn"), "aws-ovn");
        assert_eq!(
            key_of("periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn-upgrade-fips"),
            "aws-ovn-upgrade-4.21-micro-fips"
        );
        assert_eq!(
            key_of(
                "periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-gcp-ovn-rt-upgrade"
            ),
            "gcp-ovn-rt-upgrade-4.21-minor"
        );
        assert_eq!(
            key_of("periodic-ci-openshift-hypershift-release-4.21-periodics-e2e-aws-ovn-conformance"),
            "hypershift-aws-ovn-conformance"
        );
    }

    #[test]
    fn an_upgrade_from_the_release_before_says_where_it_starts() {
        let derived = derive(
            "periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-aws-ovn-upgrade",
            "4.21",
        );
        assert_eq!((derived.upgrade, derived.from_version.as_deref()), (true, Some("4.20")));
    }

    #[test]
    fn a_new_entry_stands_among_its_like() {
        let config = Config::parse(
            "{\n  \"verify\": {\n    \"metal\": {\n      \"optional\": true,\n      \"prowJob\": {\n        \"name\": \"m\"\n      }\n    },\n    \"aws\": {\n      \"optional\": true,\n      \"prowJob\": {\n        \"name\": \"a\"\n      }\n    },\n    \"gcp\": {}\n  }\n}\n",
        )
        .unwrap();
        let job = |name: &str| NewJob { prow_job: name.to_owned(), key: None };
        let plan = add(
            &config,
            &[
                job("periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn"),
                job(
                    "periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-aws-ovn-upgrade",
                ),
            ],
            "4.21",
        )
        .unwrap();
        insta::assert_snapshot!(plan.text, @r#"
        {
          "verify": {
            "metal": {
              "optional": true,
              "prowJob": {
                "name": "m"
              }
            },
            "aws": {
              "optional": true,
              "prowJob": {
                "name": "a"
              }
            },
            "aws-ovn": {
              "optional": true,
              "prowJob": {
                "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn"
              }
            },
            "aws-ovn-upgrade-4.21-minor": {
              "optional": true,
              "prowJob": {
                "name": "periodic-ci-openshift-release-main-ci-4.21-upgrade-from-stable-4.20-e2e-aws-ovn-upgrade"
              },
              "upgrade": true,
              "upgradeFromRelease": {
                "candidate": {
                  "stream": "nightly",
                  "version": "4.20"
                }
              }
            },
            "gcp": {}
          }
        }
        "#);
    }

    #[test]
    fn what_is_there_is_not_added_twice() {
        let config = Config::parse(r#"{"verify": {"aws-ovn": {"prowJob": {"name": "other"}}}}"#).unwrap();
        let job = NewJob {
            prow_job: "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn".to_owned(),
            key: None,
        };
        let refusal = add(&config, &[job], "4.21").unwrap_err().to_string();
        insta::assert_snapshot!(refusal, @r#""aws-ovn" exists already (line 1, column 13), so "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn" cannot become it; rename or remove one of the two first"#);
    }
}
