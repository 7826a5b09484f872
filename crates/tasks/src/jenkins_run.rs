//! One run of a Jenkins job, from trigger to result, across as many looks as it takes.
//!
//! A trigger gives a queue item; the item becomes a build, and Jenkins forgets it minutes later. The handle in the ledger
//! follows: first the item, then the build. What a crash or a lost answer left behind is found above the mark (next
//! build number, highest queue id) by job and exact parameters.

use regatta_kit::{BoxFuture, Code, OutsideText};
use regatta_services::error::{Fault, ServiceError};
use regatta_services::jenkins::{Build, BuildState, Jenkins, Job, Parameters, Queued, fits};
use regatta_statebox::event::{EffectKey, Evidence, Handle, Mark};
use serde::{Deserialize, Serialize};

use crate::effects::{Early, Effects, Triggerable};
use crate::outcome::{Failure, Outcome};

const QUEUE: &str = "jenkins-queue";
const BUILD: &str = "jenkins-build";

/// A run, by job and parameters.
pub(crate) struct JenkinsRun<'a> {
    pub(crate) jenkins: &'a Jenkins,
    pub(crate) job: Job,
    pub(crate) parameters: Parameters,
}

/// What one look at a run found.
pub(crate) enum Look {
    /// Queued or building.
    Underway(Handle),
    /// Ended with `SUCCESS`.
    Succeeded(Handle),
    /// Ended otherwise, or lost.
    Failed(Box<Outcome>),
}

/// How high Jenkins had counted before a trigger.
#[derive(Debug, Serialize, Deserialize)]
struct HighWater {
    next_build: u64,
    queue: u64,
}

impl JenkinsRun<'_> {
    /// Triggers the run unless the ledger knows it, and looks how it stands.
    pub(crate) async fn look(&self, effects: &dyn Effects, key: &EffectKey) -> Result<Look, Early> {
        let mut handle = effects.once(key.clone(), self).await?;
        if handle.kind == QUEUE {
            handle = match self.out_of_queue(&handle).await? {
                Place::Queue => return Ok(Look::Underway(handle)),
                Place::Build(number) => {
                    let build = self.build_handle(number);
                    effects.follow(key.clone(), build.clone()).await?;
                    build
                }
                Place::Gone(why) => return Ok(failed(&handle, why)),
            };
        }
        let Ok(number) = handle.id.parse() else {
            return Ok(failed(&handle, format!("{:?} is no build number", handle.id)));
        };
        let Some(build) = self.jenkins.build(self.job, number).await? else {
            return Ok(failed(&handle, "Jenkins no longer knows the build".to_owned()));
        };
        Ok(match &build.state {
            _ if !fits(&build.parameters, &self.parameters) => {
                failed(&handle, "the build has other parameters than were asked for".to_owned())
            }
            BuildState::Running => Look::Underway(handle),
            BuildState::Ended(result) if result == "SUCCESS" => Look::Succeeded(handle),
            BuildState::Ended(result) => {
                failed(&handle, format!("it ended as {}", OutsideText::line(result, 40)))
            }
        })
    }

    async fn out_of_queue(&self, handle: &Handle) -> Result<Place, ServiceError> {
        let Ok(id) = handle.id.parse() else {
            return Ok(Place::Gone(format!("{:?} is no queue item", handle.id)));
        };
        Ok(match self.jenkins.queue_item(id).await? {
            Queued::Waiting(_) => Place::Queue,
            Queued::Started(number) => Place::Build(number),
            Queued::Cancelled => Place::Gone("it was cancelled in the queue".to_owned()),
            Queued::Forgotten => {
                let builds = self.jenkins.builds_from(self.job, 0).await?;
                let own = builds.iter().find(|build| build.queue_id == id).or_else(|| {
                    // An old Jenkins does not say which item a build came from.
                    let silent = builds.iter().all(|build| build.queue_id == 0);
                    builds.iter().rev().find(|build| silent && self.is(build))
                });
                own.map_or_else(
                    || Place::Gone("Jenkins knows neither its queue item nor a build of it".to_owned()),
                    |build| Place::Build(build.number),
                )
            }
        })
    }

    fn is(&self, build: &Build) -> bool {
        fits(&build.parameters, &self.parameters)
    }

    fn queue_handle(&self, id: u64) -> Handle {
        Handle { kind: QUEUE.to_owned(), id: id.to_string(), url: Some(self.jenkins.queue_page(id)) }
    }

    fn build_handle(&self, number: u64) -> Handle {
        Handle {
            kind: BUILD.to_owned(),
            id: number.to_string(),
            url: Some(self.jenkins.build_page(self.job, number)),
        }
    }
}

/// Where a queue item went.
enum Place {
    Queue,
    Build(u64),
    Gone(String),
}

fn failed(handle: &Handle, why: String) -> Look {
    let what = if handle.kind == QUEUE { "queue item" } else { "build" };
    let text = format!("Jenkins {what} {}: {why}", OutsideText::line(&handle.id, 40));
    let evidence = Evidence {
        summary: text.clone(),
        links: handle.url.iter().cloned().collect(),
        ..Evidence::default()
    };
    Look::Failed(Box::new(Outcome::Failed(Failure { code: Code::JobFailed, text }, evidence)))
}

impl Triggerable for JenkinsRun<'_> {
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>> {
        Box::pin(async {
            // The queue first: what leaves it meanwhile has a number below the next build's then.
            let queue = self.jenkins.queue().await?.iter().map(|item| item.id).max().unwrap_or_default();
            let next_build = self.jenkins.next_build_number(self.job).await?;
            let mark = serde_json::to_string(&HighWater { next_build, queue }).expect("two numbers are JSON");
            Ok(Mark(mark))
        })
    }

    fn find<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>> {
        Box::pin(async {
            let above: HighWater = serde_json::from_str(&mark.0).map_err(|error| ServiceError {
                service: "jenkins",
                call: format!("looking for a run of {}", self.job.full_name()),
                fault: Fault::BadAnswer {
                    why: format!("the recorded mark is none: {error}"),
                    said: OutsideText::line(&mark.0, 80),
                },
            })?;
            // The queue first: an item that leaves it between the two questions is then seen as a build.
            let queue = self.jenkins.queue().await?;
            let items = queue.iter().filter(|item| {
                item.id > above.queue && item.is_of(self.job) && fits(&item.parameters, &self.parameters)
            });
            let items: Vec<_> = items.collect();
            let builds = self.jenkins.builds_from(self.job, above.next_build).await?;
            let builds: Vec<_> = builds.iter().filter(|build| self.is(build)).collect();
            if items.len() + builds.len() > 1 {
                tracing::warn!(code = %Code::DuplicateEffect, job = %self.job.full_name(), "several runs with the same parameters; the first is followed");
            }
            let build = builds.first().map(|build| self.build_handle(build.number));
            Ok(build.or_else(|| items.first().map(|item| self.queue_handle(item.id))))
        })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async { Ok(self.queue_handle(self.jenkins.trigger(self.job, &self.parameters).await?)) })
    }
}
