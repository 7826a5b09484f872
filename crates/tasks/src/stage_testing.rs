//! Task 8: the stage pipeline (specification, task 8): a Jenkins job that installs and tests what was pushed to stage.
//!
//! It starts once the shipment's stage release went through; from then on the run is followed to its end.

use jiff::SignedDuration;
use regatta_services::gitlab::StageRelease;
use regatta_services::jenkins::{Parameters, STAGE_PIPELINE};
use regatta_services::registry::Registry;
use regatta_statebox::event::{Audience, EffectKey, Evidence, Handle, Message};

use crate::context::Context;
use crate::effects::Early;
use crate::jenkins_run::{JenkinsRun, Look};
use crate::outcome::{Outcome, PersonQuestion, Precondition};
use crate::release_parts::shipment;

/// Time between looks; the lower bound of the specification's 10 to 15 minutes.
const LOOK: SignedDuration = SignedDuration::from_mins(10);

/// Runs the task.
///
/// # Errors
/// Outcomes and engine stops reached early.
pub async fn run(context: &Context<'_>) -> Result<Outcome, Early> {
    let release = context.release;
    let spec = Registry::pull_spec(release, context.settings.arch);
    let mut parameters = Parameters::from([
        ("VERSION".to_owned(), release.stream.to_string()),
        ("PULL_SPEC".to_owned(), spec),
    ]);
    let key = EffectKey::attempt("trigger:stage-testing", context.attempt);
    match shipment(context)? {
        None => match context.metadata.advisory_ids.get("metadata") {
            Some(id) => drop(parameters.insert("METADATA_AD".to_owned(), id.to_string())),
            None => return Ok(Outcome::NeedsPerson(no_metadata_advisory(context))),
        },
        // What was announced is looked after first, whatever became of the stage release since.
        Some(mr) if context.effects.made(&key).is_none() && context.effects.intended(&key).is_none() => {
            let gitlab = &context.services.gitlab;
            let request = gitlab.merge_request(&mr).await?;
            if let StageRelease::NotYet { why } = gitlab.stage_release(&request).await? {
                return Ok(Outcome::Blocked(Precondition { name: "stage-release", why }, LOOK));
            }
        }
        Some(_) => {}
    }

    let run = JenkinsRun { jenkins: &context.services.jenkins, job: STAGE_PIPELINE, parameters };
    let look = run.look(context.effects, &key).await?;
    if let Look::Underway(handle) | Look::Succeeded(handle) = &look {
        tell_triggered(context, handle);
    }
    Ok(match look {
        Look::Underway(handle) => Outcome::Running(handle, LOOK),
        Look::Failed(outcome) => *outcome,
        Look::Succeeded(handle) => {
            let again = run.ran_again(context.effects, &key, &handle).await;
            Outcome::Passed(Evidence {
                summary: format!("stage pipeline build {} succeeded{again}", handle.id),
                links: handle.url.into_iter().collect(),
                ..Evidence::default()
            })
        }
    })
}

/// Tells where the run can be watched; the ledger sees to it that it is told once an attempt.
fn tell_triggered(context: &Context<'_>, handle: &Handle) {
    let release = context.release;
    let url = handle.url.as_deref().unwrap_or("Jenkins");
    context.effects.tell(Message {
        // Releases share the channel, and a key is looked for there.
        key: format!("stage-testing:triggered:{release}:{}", context.attempt),
        to: Audience::ReleaseChannel,
        text: format!("Release {release}: stage testing was triggered: {url}"),
    });
}

fn no_metadata_advisory(context: &Context<'_>) -> PersonQuestion {
    PersonQuestion {
        name: "metadata-advisory",
        text: format!(
            "Release {} has neither a shipment nor a metadata advisory; the stage pipeline needs one of them.",
            context.release
        ),
        options: vec!["ask ART to add the metadata advisory to releases.yml".to_owned()],
        evidence: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted_world::{Script, World};
    use regatta_kit::Code;

    const SPEC: &str = "quay.io%2Fopenshift-release-dev%2Focp-release%3A4.20.1-x86_64";

    async fn look(world: &World) -> Outcome {
        world.run(|context| Box::pin(async move { run(context).await })).await
    }

    #[tokio::test]
    async fn nothing_is_triggered_before_the_stage_release_went_through() {
        let world = World::new(
            Script::default()
                .on(
                    "GET",
                    "/merge_requests/469",
                    r#"{"iid":469,"state":"opened","web_url":"u","source_branch":"b","labels":[]}"#,
                )
                .on("GET", "/merge_requests/469/pipelines", "[]"),
        );
        let Outcome::Blocked(why, after) = look(&world).await else { panic!() };
        assert_eq!((why.name, after), ("stage-release", LOOK));
        assert_eq!(world.posts(), [""; 0]);
        assert_eq!(world.told(), [""; 0]);
    }

    #[tokio::test]
    async fn a_run_is_triggered_once_followed_from_queue_to_build_and_passes() {
        let world = World::new(Script::jenkins("zstreams/job/Stage-Pipeline"));
        let Outcome::Running(handle, after) = look(&world).await else { panic!() };
        assert_eq!((handle.kind.as_str(), handle.id.as_str(), after), ("jenkins-queue", "77@12", LOOK));
        assert_eq!(
            world.posts(),
            [format!(
                "POST /job/zstreams/job/Stage-Pipeline/buildWithParameters?PULL_SPEC={SPEC}&VERSION=4.20"
            )]
        );
        assert_eq!(world.told(), ["stage-testing:triggered:4.20.1:1"]);

        world.change(|script| {
            script.on("GET", "/queue/item/77/", r#"{"id":77,"executable":{"number":12,"url":"u"}}"#)
        });
        let Outcome::Running(handle, _) = look(&world).await else { panic!() };
        assert_eq!((handle.kind.as_str(), handle.id.as_str()), ("jenkins-build", "12"));

        world.change(|script| script.build(12, 77, r#""inProgress":false,"result":"SUCCESS""#));
        assert!(matches!(look(&world).await, Outcome::Passed(_)));
        assert_eq!(world.posts().len(), 1);
    }

    #[tokio::test]
    async fn a_forgotten_queue_item_is_found_by_the_build_it_became() {
        let world = World::new(Script::jenkins("zstreams/job/Stage-Pipeline"));
        look(&world).await;
        world.change(|script| {
            script.gone("/queue/item/77/").build(12, 77, r#""inProgress":true,"result":null"#)
        });
        let Outcome::Running(handle, _) = look(&world).await else { panic!() };
        assert_eq!(handle.id, "12");
        world.change(|script| script.build(12, 77, r#""inProgress":false,"result":"UNSTABLE""#));
        let Outcome::Failed(failure, evidence) = look(&world).await else { panic!() };
        assert_eq!(
            (failure.code, failure.text.as_str()),
            (Code::JobFailed, "Jenkins build 12: it ended as UNSTABLE")
        );
        assert_eq!(evidence.links, ["http://jenkins.test/job/zstreams/job/Stage-Pipeline/12/"]);
    }

    #[tokio::test]
    async fn a_run_cancelled_in_the_queue_never_becomes_an_earlier_attempts_build() {
        let success = r#""inProgress":false,"result":"SUCCESS""#;
        let world = World::new(Script::jenkins("zstreams/job/Stage-Pipeline").build(11, 0, success));
        let Outcome::Running(handle, _) = look(&world).await else { panic!() };
        assert_eq!(handle.id, "77@12");
        world.change(|script| script.gone("/queue/item/77/"));
        let Outcome::Failed(failure, _) = look(&world).await else { panic!("build 11 is not its own") };
        assert_eq!(
            failure.text,
            "Jenkins queue item 77: Jenkins knows neither its queue item nor a build of it"
        );
        // A Jenkins that names no queue items: the build since then with the same parameters is its own.
        world.change(|script| script.build(12, 0, success));
        assert!(matches!(look(&world).await, Outcome::Passed(_)));
    }

    #[tokio::test]
    async fn a_crash_after_the_trigger_adopts_the_run_and_triggers_no_second() {
        let world = World::new(Script::jenkins("zstreams/job/Stage-Pipeline"));
        world.lose_next_handle();
        look(&world).await;
        assert_eq!(world.posts().len(), 1);
        // Another release's run above the mark, with a pull spec that only begins alike, is not ours.
        world.change(|script| {
            script.build(12, 76, r#""inProgress":true,"result":null,"spec":"other""#).build(
                13,
                77,
                r#""inProgress":true,"result":null"#,
            )
        });
        let Outcome::Running(handle, _) = look(&world).await else { panic!() };
        assert_eq!((handle.kind.as_str(), handle.id.as_str()), ("jenkins-build", "13"));
        assert_eq!(world.posts().len(), 1);
    }

    #[tokio::test]
    async fn a_trigger_that_was_delivered_twice_is_told_of_and_fails_nothing() {
        let success = r#""inProgress":false,"result":"SUCCESS""#;
        let other = format!(r#"{success},"spec":"other""#);
        let started = r#"{"id":77,"executable":{"number":13,"url":"u"}}"#;
        // Build 11 is of an earlier day, build 14 of another release.
        let world = World::new(Script::jenkins("zstreams/job/Stage-Pipeline").build(11, 5, success));
        look(&world).await;
        world.change(|script| {
            script
                .on("GET", "/queue/item/77/", started)
                .build(12, 76, success)
                .build(13, 77, success)
                .build(14, 78, &other)
        });
        let Outcome::Passed(evidence) = look(&world).await else { panic!("twice is no failure") };
        assert_eq!(
            evidence.summary,
            "stage pipeline build 13 succeeded; Jenkins ran it 2 times: builds 12, 13; build 13 is followed"
        );
        assert_eq!(world.posts().len(), 1);
    }

    #[tokio::test]
    async fn answers_that_say_nothing_about_the_run_fail_nothing() {
        let success = r#""inProgress":false,"result":"SUCCESS""#;
        let queued = || World::new(Script::jenkins("zstreams/job/Stage-Pipeline"));
        // The item is not found where it was, but waits in the queue.
        let world = queued();
        look(&world).await;
        let waiting = r#"{"items":[{"id":77,"why":"quiet"}]}"#;
        world.change(|script| script.gone("/queue/item/77/").on("GET", "/queue/api/json", waiting));
        assert!(matches!(look(&world).await, Outcome::Running(handle, _) if handle.kind == "jenkins-queue"));

        // The build is not found although the job lists it, then comes without parameters, then as another's.
        let world = queued();
        look(&world).await;
        let started = r#"{"id":77,"executable":{"number":12,"url":"u"}}"#;
        world.change(|script| script.on("GET", "/queue/item/77/", started).build(12, 77, success).hides(12));
        assert!(matches!(look(&world).await, Outcome::Running(..)));
        let bare = format!(r#"{{"number":12,{success}}}"#);
        world.change(|script| script.shows(12, &bare));
        assert!(matches!(look(&world).await, Outcome::Transient(_)));
        let others = format!(r#"{{"number":11,{success}}}"#);
        world.change(|script| script.shows(12, &others));
        assert!(matches!(look(&world).await, Outcome::Transient(_)));
        world.change(|script| script.build(12, 77, success));
        assert!(matches!(look(&world).await, Outcome::Passed(_)));
    }
}
