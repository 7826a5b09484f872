//! Task 3: look for CVE trackers that advisories and shipment miss (specification, task 3).
//!
//! Findings never fail the task: they are shown, told to ART and listed on the Sheet. Only a look that could not be
//! made keeps it from passing.

use regatta_kit::OutsideText;
use regatta_kit::ids::digest;
use regatta_services::elliott::BuildSystem;
use regatta_services::errata::{AdvisoryKind, AdvisoryState};
use regatta_services::error::{Fault, ServiceError};
use regatta_statebox::event::{Audience, EffectKey, Evidence, Message};
use std::collections::{BTreeMap, BTreeSet};

use crate::by_value::{Seen, settle};
use crate::context::Context;
use crate::effects::{Early, Stopped};
use crate::outcome::{Outcome, PersonQuestion};
use crate::release_parts::{advisories, shipment};
use crate::report;

/// Kinds of elliott's list that belong to advisories.
const ADVISORY_KINDS: [&str; 2] = ["rpm", "rhcos"];

/// Runs the task.
///
/// # Errors
/// Outcomes and engine stops reached early.
pub async fn run(context: &Context<'_>) -> Result<Outcome, Early> {
    let release = context.release;
    let elliott = &context.services.elliott;
    let brew = elliott
        .cve_trackers(release, BuildSystem::Brew)
        .await
        .map_err(|error| ask_for_elliott(context, error))?;
    let in_advisories = advisory_issues(context).await?;
    let brew = brew.into_iter().filter(|(kind, _)| ADVISORY_KINDS.contains(&kind.as_str())).collect();
    let mut missed = missing(brew, &in_advisories);
    let mut remarks = String::new();
    if let Some(mr) = shipment(context)? {
        let konflux = elliott
            .cve_trackers(release, BuildSystem::Konflux)
            .await
            .map_err(|error| ask_for_elliott(context, error))?;
        let request = context.services.gitlab.merge_request(&mr).await?;
        let shipment = context.services.gitlab.shipment(&request).await?;
        missed.extend(missing(konflux, &shipment.jira_keys().into_iter().collect()));
        // What such a file fixes is unknown, so its trackers may be listed as missed.
        for file in shipment.broken {
            remarks.push_str(
                &OutsideText::line(&format!("; {} cannot be read: {}", file.path, file.why), 300).to_string(),
            );
        }
    }
    // One key may be missed in both halves; it is told once.
    let missed: Vec<String> = missed.into_iter().collect();
    if missed.is_empty() {
        let evidence =
            Evidence { summary: format!("no missed CVE trackers{remarks}"), ..Evidence::default() };
        return Ok(Outcome::Passed(evidence));
    }
    let list = missed.join(", ");
    let name = digest(list.as_bytes(), 12);
    let links: Vec<String> = missed.iter().map(|key| context.services.jira.link(key)).collect();
    let text = format!(
        "Release {release}: {} missed CVE trackers, please check:\n{}{remarks}",
        missed.len(),
        links.join("\n")
    );
    context.effects.tell(Message { key: format!("cve:{release}:{name}"), to: Audience::Art, text });
    let mut summary = format!("{} missed CVE trackers: {list}{remarks}", missed.len());
    match list_on_sheet(context, &missed).await {
        Ok(()) => {}
        // The Sheet is a projection: that it cannot be written now does not keep the release waiting.
        Err(Stopped::Remote(error)) => summary.push_str(&format!("; the Sheet does not list them: {error}")),
        Err(stopped) => return Err(stopped.into()),
    }
    Ok(Outcome::Passed(Evidence { summary, digest: name, links }))
}

/// Adds the missed trackers to the Sheet, once an attempt: what somebody took off the list since is left off.
async fn list_on_sheet(context: &Context<'_>, missed: &[String]) -> Result<(), Stopped> {
    let (services, settings) = (context.services, context.settings);
    let write =
        match report::missed_trackers(services, settings, context.release, missed, context.now).await? {
            Ok(write) => write,
            Err(_no_sheet) => return Ok(()),
        };
    let name = format!("sheet:cve-trackers:{}", digest(missed.join(",").as_bytes(), 16));
    let key = EffectKey::attempt(&name, context.attempt);
    let seen = if write.is_needed() { Seen::Otherwise } else { Seen::AsWanted };
    settle(context.effects, key, seen, &write).await.map(drop)
}

/// Jira keys of the security advisories; dropped ones do not count.
async fn advisory_issues(context: &Context<'_>) -> Result<BTreeSet<String>, ServiceError> {
    let mut keys = BTreeSet::new();
    for at in advisories(context) {
        let advisory = context.services.errata.advisory(at.id).await?;
        if advisory.kind == AdvisoryKind::Rhsa && advisory.state != AdvisoryState::Dropped {
            keys.extend(advisory.jira_issues);
        }
    }
    Ok(keys)
}

/// The trackers listed that are not attached, sorted, each once. What is no Jira key is left out.
fn missing(listed: BTreeMap<String, Vec<String>>, attached: &BTreeSet<String>) -> BTreeSet<String> {
    listed.into_values().flatten().filter(|key| is_key(key) && !attached.contains(key)).collect()
}

fn is_key(text: &str) -> bool {
    let Some((project, number)) = text.split_once('-') else { return false };
    let is_project = !project.is_empty()
        && project.len() <= 20
        && project.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    is_project && !number.is_empty() && number.len() <= 10 && number.bytes().all(|b| b.is_ascii_digit())
}

/// elliott is a program on the operator's machine: that it is missing or fails is no finding about the release, so a
/// person is asked and the next look tries again.
fn ask_for_elliott(context: &Context<'_>, error: ServiceError) -> Early {
    let what = match &error.fault {
        Fault::NotFound { what } => format!("no {what}"),
        Fault::Refused { status, said } => format!("elliott ended with exit code {status}: {said}"),
        _ => return error.into(),
    };
    let release = context.release;
    Early::Outcome(Box::new(Outcome::NeedsPerson(PersonQuestion {
        name: "elliott",
        text: format!(
            "The CVE trackers of {release} could not be looked up: {}.",
            OutsideText::line(&what, 400)
        ),
        options: vec![
            "mend elliott or its credentials; the next look tries again".to_owned(),
            format!("regatta override {release} check-cve-tracker-bug --verdict pass --reason …"),
        ],
        evidence: vec![],
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attached_or_no_key_is_not_missed() {
        let listed =
            [("rpm", vec!["OCPBUGS-2", "OCPBUGS-1"]), ("rhcos", vec!["OCPBUGS-1", "OCPBUGS-3", "nonsense"])];
        let listed = listed
            .into_iter()
            .map(|(kind, keys)| (kind.to_owned(), keys.into_iter().map(str::to_owned).collect()));
        let attached = BTreeSet::from(["OCPBUGS-3".to_owned()]);
        assert_eq!(
            missing(listed.collect(), &attached).into_iter().collect::<Vec<_>>(),
            ["OCPBUGS-1", "OCPBUGS-2"]
        );
    }

    use crate::testing::{Bench, outcome};
    use regatta_kit::BoxFuture;
    use regatta_services::elliott::{Elliott, Finished, Program};
    use serde_json::json;
    use std::sync::Arc;

    struct Listing(i32, &'static str);

    impl Program for Listing {
        fn run(&self, _arguments: Vec<String>) -> BoxFuture<'_, Result<Finished, Fault>> {
            let finished = Finished { exit: Some(self.0), stdout: self.1.into(), stderr: b"boom".to_vec() };
            Box::pin(std::future::ready(Ok(finished)))
        }
    }

    fn bench(exit: i32, list: &'static str) -> Bench {
        let mut bench = Bench::new(|asked| {
            assert_eq!(asked.what, "errata GET /api/v1/erratum/7");
            let issues = json!({"jira_issues": [{"jira_issue": {"key": "OCPBUGS-1"}}]});
            (200, json!({"errata": {"rhsa": {"id": 7, "status": "QE"}}, "jira_issues": issues}))
        });
        bench.metadata.advisory_ids.insert("rpm".to_owned(), 7);
        bench.set_elliott(Elliott::over(Arc::new(Listing(exit, list))));
        bench
    }

    #[tokio::test]
    async fn findings_pass_and_are_told_to_art_once() {
        let bench = bench(0, "{\"rpm\": [\"OCPBUGS-1\", \"OCPBUGS-2\"], \"image\": [\"OCPBUGS-3\"]}");
        for _ in 0..2 {
            let Outcome::Passed(evidence) = outcome(run(&bench.context()).await) else {
                panic!("findings do not fail")
            };
            assert_eq!(evidence.summary, "1 missed CVE trackers: OCPBUGS-2");
        }
        let told = bench.ledger.told();
        assert_eq!((told.len(), told[0].to), (1, Audience::Art));
        assert!(
            told[0].key.starts_with("cve:4.20.1:")
                && told[0].text.contains("http://jira.test/browse/OCPBUGS-2"),
            "{told:?}"
        );
    }

    #[tokio::test]
    async fn nothing_missed_passes_quietly_and_a_failing_elliott_asks() {
        let quiet = bench(0, "");
        assert!(
            matches!(outcome(run(&quiet.context()).await), Outcome::Passed(evidence) if evidence.summary == "no missed CVE trackers")
        );
        assert!(quiet.ledger.told().is_empty());
        let Outcome::NeedsPerson(question) = outcome(run(&bench(2, "").context()).await) else {
            panic!("elliott failed")
        };
        assert_eq!(
            question.text,
            "The CVE trackers of 4.20.1 could not be looked up: elliott ended with exit code 2: boom."
        );
    }
}
