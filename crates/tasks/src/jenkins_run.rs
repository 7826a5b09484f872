//! One run of a Jenkins job, from trigger to result, across as many looks as it takes.
//!
//! A trigger gives a queue item; the item becomes a build, and Jenkins forgets it minutes later. The handle in the ledger
//! follows: first the item, then the build. What a crash or a lost answer left behind is found above the mark (next
//! build number, highest queue id) by job and exact parameters. A forgotten item's build is found from the number on that
//! the job's next build had when it was triggered, so that an earlier attempt's build is never taken for it.

use regatta_kit::{BoxFuture, Code, OutsideText};
use regatta_services::error::{Fault, ServiceError};
use regatta_services::jenkins::{Build, BuildState, Jenkins, Job, Parameters, QueueId, Queued, fits};
use regatta_statebox::event::{EffectKey, Evidence, Handle, Mark};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

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

/// A queue item as handles name it: `77@12`, or `77` where the next build's number is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticket {
    item: QueueId,
    /// The number that the job's next build had; the item's own build has this one or a higher one.
    next_build: Option<u64>,
}

impl Ticket {
    fn read(text: &str) -> Option<Self> {
        match text.split_once('@') {
            Some((item, next)) => {
                Some(Self { item: item.parse().ok()?, next_build: Some(next.parse().ok()?) })
            }
            None => Some(Self { item: text.parse().ok()?, next_build: None }),
        }
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.next_build {
            Some(next) => write!(f, "{}@{next}", self.item),
            None => write!(f, "{}", self.item),
        }
    }
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
            return Ok(match self.is_gone(number).await.map_err(not_missing)? {
                true => failed(&handle, "Jenkins no longer knows the build".to_owned()),
                false => Look::Underway(handle),
            });
        };
        // Of another build, or without any parameter: an answer that says nothing about this run.
        if build.number != number || build.parameters.is_empty() {
            return Err(self.strange(format!("build {} without its parameters", build.number)).into());
        }
        Ok(match &build.state {
            _ if !fits(&build.parameters, &self.parameters) => {
                failed(&handle, "the build has other parameters than were asked for".to_owned())
            }
            BuildState::Running => Look::Underway(handle),
            BuildState::Ended(result) if result == "SUCCESS" => Look::Succeeded(handle),
            BuildState::Ended(result) => {
                let ended = format!("it ended as {}", OutsideText::line(result, 40));
                let again = self.ran_again(effects, key, &handle).await;
                failed(&handle, format!("{ended}{again}"))
            }
        })
    }

    /// What is worth saying, once a run has ended, of further runs with the same parameters; empty when there are none.
    /// Such are a trigger that was delivered twice, or a person's. They are told of and change no verdict.
    pub(crate) async fn ran_again(&self, effects: &dyn Effects, key: &EffectKey, run: &Handle) -> String {
        let Ok(own) = run.id.parse::<u64>() else { return String::new() };
        let mark = effects.intended(key).and_then(|mark| serde_json::from_str::<HighWater>(&mark.0).ok());
        let from = mark.map_or(own + 1, |mark| mark.next_build);
        let builds = match self.jenkins.builds_from(self.job, from).await {
            Ok(builds) => builds,
            Err(error) => {
                tracing::warn!(%error, %key, "whether Jenkins ran it again could not be looked up");
                return String::new();
            }
        };
        let fitting = builds.iter().filter(|build| self.is(build)).map(|build| build.number);
        let all: BTreeSet<u64> = fitting.chain([own]).collect();
        if all.len() < 2 {
            return String::new();
        }
        let numbers = all.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        tracing::warn!(code = %Code::DuplicateEffect, job = %self.job.full_name(), %key, %numbers, "several runs with the same parameters");
        format!("; Jenkins ran it {} times: builds {numbers}; build {own} is followed", all.len())
    }

    /// Whether a build that is not found was taken away. One that is listed, or that the job's numbers have not reached
    /// yet, is only not shown now.
    async fn is_gone(&self, number: u64) -> Result<bool, ServiceError> {
        if self.jenkins.next_build_number(self.job).await? <= number {
            return Ok(false);
        }
        Ok(!self.jenkins.listed_from(self.job, number).await?.contains(&number))
    }

    fn strange(&self, why: String) -> ServiceError {
        ServiceError {
            service: "jenkins",
            call: format!("looking after a run of {}", self.job.full_name()),
            fault: Fault::BadAnswer { why, said: OutsideText::line("", 0) },
        }
    }

    async fn out_of_queue(&self, handle: &Handle) -> Result<Place, ServiceError> {
        let Some(Ticket { item, next_build }) = Ticket::read(&handle.id) else {
            return Ok(Place::Gone(format!("{:?} is no queue item", handle.id)));
        };
        Ok(match self.jenkins.queue_item(item).await? {
            Queued::Waiting(_) => Place::Queue,
            Queued::Started(number) => Place::Build(number),
            Queued::Cancelled => Place::Gone("it was cancelled in the queue".to_owned()),
            Queued::Forgotten => {
                // The queue first: what leaves it between the two questions is then seen as a build.
                if self.jenkins.queue().await.map_err(not_missing)?.iter().any(|queued| queued.id == item) {
                    return Ok(Place::Queue);
                }
                let from = next_build.unwrap_or_default();
                let builds = self.jenkins.builds_from(self.job, from).await.map_err(not_missing)?;
                let own = builds.iter().find(|build| build.queue_id == item).or_else(|| {
                    // An old Jenkins does not say which item a build came from. Parameters alone tell nothing then
                    // about builds that may be older than the item.
                    let silent = next_build.is_some() && builds.iter().all(|build| build.queue_id == 0);
                    builds.iter().find(|build| silent && self.is(build))
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

    fn queue_handle(&self, item: QueueId, next_build: u64) -> Handle {
        let id = Ticket { item, next_build: Some(next_build) }.to_string();
        Handle { kind: QUEUE.to_owned(), id, url: Some(self.jenkins.queue_page(item)) }
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

/// A job that ran is not missing, whatever a server on the way says: such an answer is none, and is asked for again.
fn not_missing(mut error: ServiceError) -> ServiceError {
    if let Fault::NotFound { what } = &error.fault {
        let why = format!("it does not know {what}, which it knew before");
        error.fault = Fault::BadAnswer { why, said: OutsideText::line("", 0) };
    }
    error
}

fn failed(handle: &Handle, why: String) -> Look {
    let what = if handle.kind == QUEUE { "queue item" } else { "build" };
    let number = handle.id.split('@').next().unwrap_or_default();
    let text = format!("Jenkins {what} {}: {why}", OutsideText::line(number, 40));
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
            Ok(build.or_else(|| items.first().map(|item| self.queue_handle(item.id, above.next_build))))
        })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async {
            // Asked for again rather than taken from the mark, which may be an interrupted run's and much older.
            let next_build = self.jenkins.next_build_number(self.job).await?;
            let item = self.jenkins.trigger(self.job, &self.parameters).await?;
            Ok(self.queue_handle(item, next_build))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_item_is_kept_with_the_number_of_the_next_build() {
        let ticket = Ticket { item: 77, next_build: Some(12) };
        assert_eq!((ticket.to_string().as_str(), Ticket::read("77@12")), ("77@12", Some(ticket)));
        assert_eq!(Ticket::read("77"), Some(Ticket { item: 77, next_build: None }), "the older form");
        for bad in ["", "@", "77@", "@12", "77@12@1", "x"] {
            assert_eq!(Ticket::read(bad), None, "{bad:?}");
        }
    }
}
