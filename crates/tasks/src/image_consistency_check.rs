//! Task 7: compare payload and shipment images (specification, task 7): a Jenkins job, then the images' health.
//!
//! The job compares; when it succeeded, every image of the shipment's stage advisories is graded by the catalog. All of
//! them must be graded, and none worse than B. A comment on the merge request lists what is not.

use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use regatta_kit::{Code, ErrorClass, OutsideText};
use regatta_services::error::{Fault, ServiceError};
use regatta_services::gitlab::{MrRef, StageImage, StageRelease};
use regatta_services::image::ImageDigest;
use regatta_services::jenkins::{IMAGE_CONSISTENCY_CHECK, Parameters};
use regatta_services::pyxis::Grade;
use regatta_services::registry::Registry;
use regatta_statebox::event::{Audience, EffectKey, Evidence, Handle, Message};
use std::collections::BTreeMap;

use crate::context::Context;
use crate::effects::Early;
use crate::jenkins_run::{JenkinsRun, Look};
use crate::outcome::{Failure, Outcome, Precondition};
use crate::release_parts::{MrNote, shipment};

/// Time between looks; the lower bound of the specification's 5 to 10 minutes.
const LOOK: SignedDuration = SignedDuration::from_mins(5);
/// Grades asked for at the same time. A release has up to 900 images; one after the other takes minutes.
const AT_ONCE: usize = 8;
/// How often the images whose grade did not come are asked for within one look.
const ROUNDS: usize = 3;
/// Unhealthy images listed in the comment.
const LISTED: usize = 100;

/// Runs the task.
///
/// # Errors
/// Outcomes and engine stops reached early.
pub async fn run(context: &Context<'_>) -> Result<Outcome, Early> {
    let release = context.release;
    let mr = shipment(context)?;
    let mut parameters = Parameters::from([
        ("VERSION".to_owned(), format!("v{}", release.stream)),
        ("PAYLOAD_URL".to_owned(), Registry::pull_spec(release, context.settings.arch)),
    ]);
    match &mr {
        Some(mr) => parameters.insert("SHIPMENT_MR_ID".to_owned(), mr.iid().to_string()),
        None => {
            let ids: Vec<String> = context.metadata.advisory_ids.values().map(u64::to_string).collect();
            parameters.insert("ERRATA_NUMBERS".to_owned(), ids.join(" "))
        }
    };

    let key = EffectKey::attempt("trigger:image-consistency-check", context.attempt);
    let run = JenkinsRun { jenkins: &context.services.jenkins, job: IMAGE_CONSISTENCY_CHECK, parameters };
    let look = run.look(context.effects, &key).await?;
    if let Look::Underway(handle) | Look::Succeeded(handle) = &look {
        tell_triggered(context, handle);
    }
    match look {
        Look::Underway(handle) => Ok(Outcome::Running(handle, LOOK)),
        Look::Failed(outcome) => Ok(*outcome),
        Look::Succeeded(handle) => {
            let mut outcome = match mr {
                Some(mr) => health(context, &mr, &handle).await?,
                None => {
                    let summary = format!("consistency build {} succeeded", handle.id);
                    Outcome::Passed(evidence(summary, &handle, None))
                }
            };
            // Asked once, when everything else is done.
            if let Outcome::Passed(evidence) | Outcome::Failed(_, evidence) = &mut outcome {
                evidence.summary.push_str(&run.ran_again(context.effects, &key, &handle).await);
            }
            Ok(outcome)
        }
    }
}

/// Tells where the run can be watched; the ledger sees to it that it is told once an attempt.
fn tell_triggered(context: &Context<'_>, handle: &Handle) {
    let release = context.release;
    let url = handle.url.as_deref().unwrap_or("Jenkins");
    context.effects.tell(Message {
        // Releases share the channel, and a key is looked for there.
        key: format!("image-consistency-check:triggered:{release}:{}", context.attempt),
        to: Audience::ReleaseChannel,
        text: format!("Release {release}: image consistency check was triggered: {url}"),
    });
}

fn evidence(summary: String, build: &Handle, mr: Option<String>) -> Evidence {
    Evidence { summary, links: build.url.iter().cloned().chain(mr).collect(), ..Evidence::default() }
}

/// Grades every image of the stage advisories and tells the result on the merge request.
async fn health(context: &Context<'_>, mr: &MrRef, build: &Handle) -> Result<Outcome, Early> {
    let gitlab = &context.services.gitlab;
    let request = gitlab.merge_request(mr).await?;
    if let StageRelease::NotYet { why } = gitlab.stage_release(&request).await? {
        return Ok(Outcome::Blocked(Precondition { name: "stage-release", why }, LOOK));
    }
    let images = match gitlab.stage_advisory_images(mr).await {
        Ok(images) => distinct(images),
        // Named by the shipment, but not there yet.
        Err(ServiceError { fault: Fault::NotFound { what }, .. }) => {
            return Ok(no_images(format!("the stage advisories are not complete yet: there is no {what}")));
        }
        Err(error) => return Err(error.into()),
    };
    if images.is_empty() {
        return Ok(no_images("the stage advisories list no image yet".to_owned()));
    }
    let grades = grade_all(context, &images).await?;
    let verdict = Verdict::of(&images, &grades);

    let note = EffectKey::attempt("note:image-health", context.attempt);
    if context.effects.made(&note).is_none() {
        let text = verdict.comment(context, build);
        let comment = MrNote { gitlab, at: mr, text, key: note.0.trim_start_matches("note:").to_owned() };
        context.effects.once(note, &comment).await?;
    }
    let evidence = evidence(
        format!("consistency build {} succeeded; {}", build.id, verdict.line()),
        build,
        Some(gitlab.link(mr)),
    );
    Ok(if verdict.is_healthy() {
        Outcome::Passed(evidence)
    } else {
        Outcome::Failed(Failure { code: Code::ImagesUnhealthy, text: verdict.line() }, evidence)
    })
}

/// No image is no proof of health, and none of its absence: it is waited for.
fn no_images(why: String) -> Outcome {
    Outcome::Blocked(Precondition { name: "stage-images", why }, LOOK)
}

/// The images by digest: one that several advisories list is one.
fn distinct(images: Vec<StageImage>) -> BTreeMap<String, StageImage> {
    images.into_iter().map(|image| (image.digest.clone(), image)).collect()
}

/// The grade of every image, or the first error that remains.
async fn grade_all(
    context: &Context<'_>,
    images: &BTreeMap<String, StageImage>,
) -> Result<BTreeMap<String, Grade>, ServiceError> {
    let mut grades = BTreeMap::new();
    let mut open: Vec<&str> = images.keys().map(String::as_str).collect();
    for round in 1.. {
        let asked: Vec<_> = open.into_iter().map(|digest| grade(context, digest)).collect();
        let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        open = Vec::new();
        let mut trouble = None;
        for (digest, answer) in answers {
            match answer {
                Ok(grade) => drop(grades.insert(digest.to_owned(), grade)),
                // One answer lost among hundreds must not cost them all.
                Err(error) if error.class() == ErrorClass::Transient && error.retry_after().is_none() => {
                    open.push(digest);
                    trouble.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match trouble {
            None => break,
            Some(error) if round == ROUNDS => return Err(error),
            Some(_) => {}
        }
    }
    Ok(grades)
}

async fn grade<'a>(context: &Context<'_>, digest: &'a str) -> (&'a str, Result<Grade, ServiceError>) {
    let answer = match digest.parse::<ImageDigest>() {
        Ok(image) => context.services.pyxis.grade(&image, context.now).await,
        // The catalog cannot know it.
        Err(_) => Ok(Grade::Unknown),
    };
    (digest, answer)
}

/// What the grades say.
struct Verdict<'a> {
    expected: usize,
    graded: usize,
    counts: BTreeMap<Grade, usize>,
    unhealthy: Vec<(&'a StageImage, Grade)>,
}

impl<'a> Verdict<'a> {
    fn of(images: &'a BTreeMap<String, StageImage>, grades: &BTreeMap<String, Grade>) -> Self {
        let mut counts = BTreeMap::new();
        let mut unhealthy = Vec::new();
        for (digest, image) in images {
            if let Some(grade) = grades.get(digest) {
                *counts.entry(*grade).or_default() += 1;
                if !grade.is_healthy() {
                    unhealthy.push((image, *grade));
                }
            }
        }
        unhealthy.sort_by(|(a, x), (b, y)| {
            (y, &a.component, &a.architecture).cmp(&(x, &b.component, &b.architecture))
        });
        Self { expected: images.len(), graded: grades.len(), counts, unhealthy }
    }

    fn is_healthy(&self) -> bool {
        self.graded == self.expected && self.unhealthy.is_empty()
    }

    fn line(&self) -> String {
        let counts: Vec<String> =
            self.counts.iter().map(|(grade, count)| format!("{grade}: {count}")).collect();
        let word = if self.is_healthy() {
            "healthy".to_owned()
        } else {
            format!("{} unhealthy", self.unhealthy.len())
        };
        format!("{} of {} images graded ({}), {word}", self.graded, self.expected, counts.join(", "))
    }

    fn comment(&self, context: &Context<'_>, build: &Handle) -> String {
        let title = if self.is_healthy() { "Image health: good" } else { "Image health: **not good**" };
        let mut lines =
            vec![format!("{title} ({})", context.release), String::new(), format!("- {}", self.line())];
        if let Some(url) = &build.url {
            lines.push(format!("- consistency check: {url}"));
        }
        if !self.unhealthy.is_empty() {
            lines.extend([
                String::new(),
                "| image | architecture | grade |".to_owned(),
                "| --- | --- | --- |".to_owned(),
            ]);
        }
        for (image, grade) in self.unhealthy.iter().take(LISTED) {
            lines.push(format!("| {} | {} | {grade} |", cell(&image.component), cell(&image.architecture)));
        }
        if let Some(more) = self.unhealthy.len().checked_sub(LISTED).filter(|more| *more > 0) {
            lines.push(format!("\n{more} more"));
        }
        lines.join("\n")
    }
}

/// Outside text for a table cell: without what GitLab would read as markup or mention.
fn cell(text: &str) -> String {
    let line = OutsideText::line(text, 100).to_string();
    let plain: String = line.chars().filter(|c| c.is_alphanumeric() || " ._:/-".contains(*c)).collect();
    format!("`{plain}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted_world::{Script, World};

    async fn look(world: &World) -> Outcome {
        world.run(|context| Box::pin(async move { run(context).await })).await
    }

    fn succeeded() -> Script {
        Script::jenkins("image-consistency-check")
            .on("GET", "/queue/item/77/", r#"{"id":77,"executable":{"number":12,"url":"u"}}"#)
            .build(12, 77, r#""inProgress":false,"result":"SUCCESS""#)
    }

    #[tokio::test]
    async fn a_good_job_and_good_images_pass_and_are_told_on_the_merge_request() {
        let world = World::new(succeeded().shipment(2).on(
            "GET",
            "/api/containers/",
            r#"{"data":[{"freshness_grades":[{"grade":"B","start_date":"2020-01-01T00:00:00Z"}]}]}"#,
        ));
        let Outcome::Passed(evidence) = look(&world).await else { panic!() };
        assert_eq!(evidence.summary, "consistency build 12 succeeded; 2 of 2 images graded (B: 2), healthy");
        let spec = "quay.io%2Fopenshift-release-dev%2Focp-release%3A4.20.1-x86_64";
        assert_eq!(
            world.posts()[0],
            format!(
                "POST /job/image-consistency-check/buildWithParameters?PAYLOAD_URL={spec}&SHIPMENT_MR_ID=469&VERSION=v4.20"
            )
        );
        assert!(world.posts()[1].ends_with("/merge_requests/469/notes"), "{:?}", world.posts());
        assert_eq!(world.told(), ["image-consistency-check:triggered:4.20.1:1"]);
        assert!(matches!(look(&world).await, Outcome::Passed(_)));
        assert_eq!(world.posts().len(), 2);
    }

    #[tokio::test]
    async fn a_bad_or_unknown_grade_fails_the_task() {
        for body in [
            r#"{"data":[{"freshness_grades":[{"grade":"C","start_date":"2020-01-01T00:00:00Z"}]}]}"#,
            r#"{"data":[]}"#,
        ] {
            let world = World::new(succeeded().shipment(1).on("GET", "/api/containers/", body));
            let Outcome::Failed(failure, _) = look(&world).await else { panic!() };
            assert_eq!(failure.code, Code::ImagesUnhealthy);
        }
    }

    #[tokio::test]
    async fn no_images_are_waited_for_and_a_silent_catalog_is_no_verdict() {
        for script in [succeeded().shipment(0), succeeded().shipment(2).gone("/-/raw/main/advisory.yaml")] {
            let none = World::new(script);
            let Outcome::Blocked(why, _) = look(&none).await else { panic!("neither healthy nor not") };
            assert_eq!((why.name, none.posts().len()), ("stage-images", 1), "{why:?}");
        }
        let silent = World::new(succeeded().shipment(3).fails("/api/containers/", 503));
        assert!(matches!(look(&silent).await, Outcome::Transient(_)));
        assert_eq!(silent.posts().len(), 1, "nothing is told before all is known");
    }

    #[test]
    fn component_names_cannot_smuggle_markup() {
        assert_eq!(cell("a`b | @everyone <b>\n"), "`ab  everyone b`");
    }
}
