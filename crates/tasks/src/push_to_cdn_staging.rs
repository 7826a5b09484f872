//! Task 4: push the advisories to CDN staging (specification, task 4).
//!
//! Looking and pushing are separate: a look never pushes again what failed. Advisories that block others go first, and
//! the others wait until those are complete. A failed push fails the task; the next attempt, begun by an explicit retry,
//! pushes the failed advisories again and leaves the complete ones alone.

use jiff::SignedDuration;
use regatta_kit::{BoxFuture, Code};
use regatta_services::errata::{AdvisoryState, Errata, PushJob, PushStatus};
use regatta_services::error::ServiceError;
use regatta_statebox::event::{EffectKey, Evidence, Handle, Mark};
use std::collections::BTreeMap;

use crate::context::Context;
use crate::effects::{Early, Triggerable};
use crate::outcome::{Failure, Outcome, PersonQuestion, Precondition};
use crate::release_parts::{Troubles, advisories};

/// Time between looks at running pushes; the lower bound of the specification's 5 to 10 minutes.
const LOOK: SignedDuration = SignedDuration::from_mins(5);
/// Time between looks at advisories that ART has not handed over.
const LOOK_AT_STATE: SignedDuration = SignedDuration::from_mins(30);

/// Runs the task.
///
/// # Errors
/// Outcomes and engine stops reached early.
pub async fn run(context: &Context<'_>) -> Result<Outcome, Early> {
    let mut walk = Walk { context, stands: BTreeMap::new(), failed: vec![], early: vec![], pushed: 0 };
    let mut troubles = Troubles::default();
    let mut own = Vec::new();
    for advisory in advisories(context) {
        let visited = walk.visit(advisory.id).await;
        if let Some(stand) = troubles.past(visited)? {
            own.push((advisory.id, stand));
        }
    }
    if !walk.failed.is_empty() {
        let text = format!("push to CDN staging failed: {}", walk.failed.join("; "));
        let evidence =
            Evidence { summary: text.clone(), links: walk.links(&Stand::Failed), ..Evidence::default() };
        return Ok(Outcome::Failed(Failure { code: Code::PushFailed, text }, evidence));
    }
    troubles.end()?;
    if own.iter().all(|(_, stand)| *stand == Stand::Dropped) {
        return Ok(Outcome::NeedsPerson(nothing_to_push(context)));
    }
    if walk.stands.values().any(|stand| *stand == Stand::Underway) {
        let ids: Vec<String> =
            own.iter().filter(|(_, stand)| *stand == Stand::Underway).map(|(id, _)| id.to_string()).collect();
        let url = walk.links(&Stand::Underway).into_iter().next();
        return Ok(Outcome::Running(Handle { kind: "errata-push".to_owned(), id: ids.join(","), url }, LOOK));
    }
    if !walk.early.is_empty() {
        let why = format!("{} must be moved from NEW_FILES to QE by ART", walk.early.join(", "));
        return Ok(Outcome::Blocked(Precondition { name: "advisory-state", why }, LOOK_AT_STATE));
    }
    let complete: Vec<String> =
        own.iter().filter(|(_, stand)| *stand == Stand::Complete).map(|(id, _)| id.to_string()).collect();
    let summary = format!("pushed to CDN staging: {}", complete.join(", "));
    let evidence = Evidence { summary, links: walk.links(&Stand::Complete), ..Evidence::default() };
    Ok(if walk.pushed > 0 { Outcome::Passed(evidence) } else { Outcome::AlreadyDone(evidence) })
}

fn nothing_to_push(context: &Context<'_>) -> PersonQuestion {
    let release = context.release;
    PersonQuestion {
        name: "no-advisories",
        text: format!(
            "Release {release} has no advisory to push: none is listed, or all are dropped. Is that right?"
        ),
        options: vec![
            "ask ART to correct the advisories in releases.yml".to_owned(),
            format!("regatta override {release} push-to-cdn-staging --verdict pass --reason …"),
        ],
        evidence: vec![],
    }
}

/// How an advisory stands with its push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// Being looked at just now, further up.
    Visiting,
    /// Will never ship.
    Dropped,
    /// On stage, or already live.
    Complete,
    /// Being pushed, or waiting for an advisory that is.
    Underway,
    /// Its push failed.
    Failed,
    /// Still with ART.
    Early,
}

/// What the jobs of an advisory say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pushes {
    None,
    Complete,
    Underway,
    /// Targets that failed.
    Failed(Vec<String>),
}

/// Judges by the latest job of each staging target.
fn judge(jobs: &[PushJob]) -> Pushes {
    let mut latest: BTreeMap<&str, &PushJob> = BTreeMap::new();
    for job in jobs.iter().filter(|job| is_staging(job)) {
        let seen = latest.entry(&job.target).or_insert(job);
        if job.id > seen.id {
            *seen = job;
        }
    }
    if latest.is_empty() {
        return Pushes::None;
    }
    let failed = latest.values().filter(|job| job.status == PushStatus::Failed).map(|job| job.target.clone());
    let failed: Vec<String> = failed.collect();
    if !failed.is_empty() {
        Pushes::Failed(failed)
    } else if latest.values().all(|job| job.status == PushStatus::Complete) {
        Pushes::Complete
    } else {
        Pushes::Underway
    }
}

/// Whether all jobs of a push, as its handle names them, are on the list.
fn lists_all(jobs: &[PushJob], handle: &Handle) -> bool {
    handle.id.split(',').all(|id| jobs.iter().any(|job| job.id.to_string() == id))
}

/// Live pushes come later and are not this task's.
fn is_staging(job: &PushJob) -> bool {
    job.target.contains("stage")
}

/// One look at all advisories and at those that block them.
struct Walk<'a> {
    context: &'a Context<'a>,
    stands: BTreeMap<u64, Stand>,
    failed: Vec<String>,
    early: Vec<String>,
    /// How many of the pushes were Regatta's.
    pushed: usize,
}

impl Walk<'_> {
    fn visit(&mut self, id: u64) -> BoxFuture<'_, Result<Stand, Early>> {
        Box::pin(async move {
            if let Some(stand) = self.stands.get(&id) {
                return Ok(*stand);
            }
            // Two advisories that block each other would wait for ever; the one met first goes first.
            self.stands.insert(id, Stand::Visiting);
            let visited = self.look(id).await;
            match &visited {
                Ok(stand) => self.stands.insert(id, *stand),
                Err(_) => self.stands.remove(&id),
            };
            visited
        })
    }

    async fn look(&mut self, id: u64) -> Result<Stand, Early> {
        let errata = &self.context.services.errata;
        let advisory = errata.advisory(id).await?;
        match advisory.state {
            AdvisoryState::Dropped => return Ok(Stand::Dropped),
            AdvisoryState::ShippedLive => return Ok(Stand::Complete),
            _ => {}
        }
        let jobs = errata.push_jobs(id).await?;
        let key = EffectKey::attempt(&format!("push:{id}"), self.context.attempt);
        let mut handle = self.context.effects.made(&key);
        // What an interrupted run pushed is taken up by the ledger: nothing stays announced for ever.
        if handle.is_none() && self.context.effects.intended(&key).is_some() && judge(&jobs) != Pushes::None {
            let push = StagePush { errata, id, listed: highest(&jobs) };
            handle = Some(self.context.effects.once(key.clone(), &push).await?);
        }
        let made = handle.is_some();
        self.pushed += usize::from(self.was_ours(id));
        // A list without the jobs that this attempt's push made is half a list or an old one, and judges nothing.
        if handle.is_some_and(|handle| !lists_all(&jobs, &handle)) {
            return Ok(Stand::Underway);
        }
        match judge(&jobs) {
            Pushes::Complete => return Ok(Stand::Complete),
            Pushes::Underway => return Ok(Stand::Underway),
            // The retry was begun for what failed before it.
            Pushes::Failed(_) if self.context.attempt > 1 && !made => {}
            Pushes::Failed(targets) => {
                self.failed.push(format!("advisory {id} ({})", targets.join(", ")));
                return Ok(Stand::Failed);
            }
            // What it made goes to no staging target: nothing says that it is on stage.
            Pushes::None if made => return Ok(Stand::Underway),
            Pushes::None => {}
        }
        if advisory.state == AdvisoryState::NewFiles {
            self.early.push(format!("advisory {id}"));
            return Ok(Stand::Early);
        }
        for blocking in advisory.blocking_advisories {
            match self.visit(blocking).await? {
                Stand::Complete | Stand::Dropped | Stand::Visiting => {}
                stand @ (Stand::Underway | Stand::Failed | Stand::Early) => return Ok(stand),
            }
        }
        self.context.effects.once(key, &StagePush { errata, id, listed: highest(&jobs) }).await?;
        Ok(Stand::Underway)
    }

    /// Whether any attempt so far pushed this advisory.
    fn was_ours(&self, id: u64) -> bool {
        let made = |attempt| {
            self.context.effects.made(&EffectKey::attempt(&format!("push:{id}"), attempt)).is_some()
        };
        (1..=self.context.attempt).any(made)
    }

    /// Where advisories that stand so can be looked at.
    fn links(&self, stand: &Stand) -> Vec<String> {
        let errata = &self.context.services.errata;
        self.stands.iter().filter(|(_, s)| *s == stand).map(|(id, _)| errata.link(*id)).collect()
    }
}

/// A push of one advisory to the staging targets.
struct StagePush<'a> {
    errata: &'a Errata,
    id: u64,
    /// The highest job listed when the push was decided.
    listed: u64,
}

/// The highest job's number.
fn highest(jobs: &[PushJob]) -> u64 {
    jobs.iter().map(|job| job.id).max().unwrap_or_default()
}

impl StagePush<'_> {
    fn handle<'a>(&self, jobs: impl IntoIterator<Item = &'a PushJob>) -> Handle {
        let ids: Vec<String> = jobs.into_iter().map(|job| job.id.to_string()).collect();
        Handle { kind: "errata-push".to_owned(), id: ids.join(","), url: Some(self.errata.link(self.id)) }
    }
}

impl Triggerable for StagePush<'_> {
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>> {
        Box::pin(async {
            // An old list must not lower the mark: the jobs of an earlier attempt would be taken for this one's.
            let highest = highest(&self.errata.push_jobs(self.id).await?).max(self.listed);
            Ok(Mark(highest.to_string()))
        })
    }

    fn find<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>> {
        Box::pin(async {
            let above: u64 = mark.0.parse().unwrap_or_default();
            let jobs = self.errata.push_jobs(self.id).await?;
            let new: Vec<_> = jobs.iter().filter(|job| job.id > above && is_staging(job)).collect();
            Ok((!new.is_empty()).then(|| self.handle(new)))
        })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async { Ok(self.handle(&self.errata.push_stage(self.id).await?)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: u64, status: PushStatus, target: &str) -> PushJob {
        PushJob { id, status, target: target.to_owned() }
    }

    #[test]
    fn the_latest_job_of_each_staging_target_counts() {
        use PushStatus::{Complete, Failed, Underway};
        let running = || Underway("RUNNING".to_owned());
        assert_eq!(judge(&[]), Pushes::None);
        assert_eq!(
            judge(&[job(1, running(), "cdn"), job(2, Failed, "cdn_docker")]),
            Pushes::None,
            "live pushes are not ours"
        );
        assert_eq!(
            judge(&[job(1, Failed, "cdn_stage"), job(3, Complete, "cdn_stage")]),
            Pushes::Complete,
            "pushed again"
        );
        assert_eq!(
            judge(&[job(3, Complete, "cdn_stage"), job(1, Failed, "cdn_stage")]),
            Pushes::Complete,
            "in any order"
        );
        assert_eq!(
            judge(&[job(1, Complete, "cdn_stage"), job(2, running(), "cdn_docker_stage")]),
            Pushes::Underway
        );
        assert_eq!(
            judge(&[job(1, running(), "cdn_stage"), job(2, Failed, "cdn_docker_stage")]),
            Pushes::Failed(vec!["cdn_docker_stage".to_owned()])
        );
    }

    use crate::testing::{Asked, Bench, outcome};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    /// Advisories by id: state, what blocks it, status of its last push job. A push makes a job of the next number.
    type Shelf = Arc<Mutex<BTreeMap<u64, (&'static str, Vec<u64>, Option<&'static str>)>>>;
    thread_local! {
        /// The last push job's number of each advisory; a test has a thread of its own.
        static LAST_JOB: std::cell::RefCell<BTreeMap<u64, u64>> = const { std::cell::RefCell::new(BTreeMap::new()) };
    }

    fn shelf(entries: &[(u64, &'static str, &[u64], Option<&'static str>)]) -> Shelf {
        Arc::new(Mutex::new(
            entries
                .iter()
                .map(|(id, state, blocking, job)| (*id, (*state, blocking.to_vec(), *job)))
                .collect(),
        ))
    }

    fn bench(shelf: &Shelf, ids: &[u64]) -> Bench {
        let shelf = Arc::clone(shelf);
        let mut bench = Bench::new(move |asked| answer(&shelf, asked));
        bench.metadata.advisory_ids =
            ids.iter().map(|id| (format!("kind{id}"), *id)).chain([("microshift".to_owned(), 99)]).collect();
        bench
    }

    fn answer(shelf: &Shelf, asked: &Asked<'_>) -> (u16, Value) {
        let mut shelf = shelf.lock().unwrap();
        let words: Vec<&str> = asked.what.split(['/', ' ']).collect();
        let ["errata", method, "", "api", "v1", "erratum", id, rest @ ..] = words.as_slice() else {
            return (500, json!({"asked": asked.what}));
        };
        let id: u64 = id.parse().unwrap();
        let Some((state, blocking, job)) = shelf.get_mut(&id) else { return (404, json!({})) };
        match (*method, rest) {
            ("GET", []) => (
                200,
                json!({"errata": {"rhba": {"id": id, "status": state, "blocking_advisories": blocking}}}),
            ),
            ("POST", ["push"]) => {
                *job = Some("READY");
                let number = LAST_JOB.with_borrow_mut(|jobs| {
                    let job = jobs.entry(id).or_insert(1000);
                    *job += 1;
                    *job
                });
                (201, json!([{"id": number, "status": "READY", "target": {"name": "cdn_stage"}}]))
            }
            _ => {
                let number = LAST_JOB.with_borrow(|jobs| jobs.get(&id).copied().unwrap_or(1000));
                let jobs = job
                    .map(|status| json!({"id": number, "status": status, "target": {"name": "cdn_stage"}}));
                (200, json!(jobs.into_iter().collect::<Vec<_>>()))
            }
        }
    }

    #[tokio::test]
    async fn blocking_advisories_go_first_and_the_others_wait_for_them() {
        let shelf = shelf(&[(7, "QE", &[6], None), (6, "QE", &[], None), (8, "DROPPED_NO_SHIP", &[], None)]);
        let bench = bench(&shelf, &[7, 8]);
        let Outcome::Running(handle, after) = outcome(run(&bench.context()).await) else {
            panic!("a push was begun")
        };
        assert_eq!((handle.id.as_str(), after), ("7", LOOK));
        assert_eq!(bench.ledger.keys(), ["push:6"]);
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Running(..)));
        assert_eq!(bench.ledger.keys(), ["push:6"], "nothing more while the blocking one runs");

        shelf.lock().unwrap().get_mut(&6).unwrap().2 = Some("COMPLETE");
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Running(..)));
        assert_eq!(bench.ledger.keys(), ["push:6", "push:7"]);
        shelf.lock().unwrap().get_mut(&7).unwrap().2 = Some("COMPLETE");
        let Outcome::Passed(evidence) = outcome(run(&bench.context()).await) else {
            panic!("all are complete")
        };
        assert_eq!(evidence.summary, "pushed to CDN staging: 7");
    }

    #[tokio::test]
    async fn a_failed_push_fails_the_task_and_only_a_retry_pushes_it_again() {
        let shelf = shelf(&[(7, "QE", &[], Some("FAILED")), (6, "QE", &[], Some("COMPLETE"))]);
        let mut bench = bench(&shelf, &[6, 7]);
        for _ in 0..3 {
            let Outcome::Failed(failure, _) = outcome(run(&bench.context()).await) else {
                panic!("a push failed")
            };
            assert_eq!(
                (failure.code, failure.text.as_str()),
                (Code::PushFailed, "push to CDN staging failed: advisory 7 (cdn_stage)")
            );
        }
        assert!(bench.writes().is_empty());
        bench.attempt = 2;
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Running(..)));
        assert_eq!(bench.ledger.keys(), ["push:7#2"]);
        shelf.lock().unwrap().get_mut(&7).unwrap().2 = Some("FAILED");
        assert!(
            matches!(outcome(run(&bench.context()).await), Outcome::Failed(..)),
            "the second attempt failed too"
        );
        assert_eq!(bench.writes(), ["POST errata/api/v1/erratum/7/push?defaults=stage"]);
    }

    #[tokio::test]
    async fn an_advisory_still_with_art_is_waited_for_and_does_not_hold_the_others() {
        let shelf = shelf(&[(6, "NEW_FILES", &[], None), (7, "QE", &[], None)]);
        let bench = bench(&shelf, &[6, 7]);
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Running(..)));
        shelf.lock().unwrap().get_mut(&7).unwrap().2 = Some("COMPLETE");
        let Outcome::Blocked(precondition, _) = outcome(run(&bench.context()).await) else {
            panic!("6 is in NEW_FILES")
        };
        assert_eq!(
            (precondition.name, precondition.why.as_str()),
            ("advisory-state", "advisory 6 must be moved from NEW_FILES to QE by ART")
        );
    }

    #[tokio::test]
    async fn no_advisory_at_all_is_a_question_and_an_unknown_one_holds_no_other() {
        let gone = bench(&shelf(&[(8, "DROPPED_NO_SHIP", &[], None)]), &[8]);
        assert!(
            matches!(outcome(run(&gone.context()).await), Outcome::NeedsPerson(question) if question.name == "no-advisories")
        );
        let unknown = bench(&shelf(&[(7, "QE", &[], None)]), &[5, 7]);
        let Outcome::Failed(failure, _) = outcome(run(&unknown.context()).await) else {
            panic!("5 does not exist")
        };
        assert_eq!(failure.code, Code::NotFound);
        assert_eq!(
            unknown.ledger.keys().into_iter().collect::<BTreeSet<_>>(),
            BTreeSet::from(["push:7".to_owned()])
        );
    }

    #[tokio::test]
    async fn advisories_that_block_each_other_do_not_wait_for_ever() {
        let shelf = shelf(&[(6, "QE", &[7], None), (7, "QE", &[6], None)]);
        let bench = bench(&shelf, &[6, 7]);
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Running(..)));
        assert_eq!(bench.ledger.keys(), ["push:7"]);
    }

    #[tokio::test]
    async fn a_list_without_the_jobs_just_made_judges_nothing() {
        let shelf = shelf(&[(7, "QE", &[], Some("FAILED"))]);
        let mut bench = bench(&shelf, &[7]);
        bench.attempt = 2;
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Running(..)));
        // The tool shows the list as it was before the second push: job 1000, failed.
        LAST_JOB.with_borrow_mut(|jobs| jobs.insert(7, 1000));
        shelf.lock().unwrap().get_mut(&7).unwrap().2 = Some("FAILED");
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Running(..)), "an old list");
        shelf.lock().unwrap().get_mut(&7).unwrap().2 = None;
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Running(..)), "an empty one");
        LAST_JOB.with_borrow_mut(|jobs| jobs.insert(7, 1001));
        shelf.lock().unwrap().get_mut(&7).unwrap().2 = Some("COMPLETE");
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Passed(_)));
        assert_eq!(bench.writes().len(), 1);
    }

    #[tokio::test]
    async fn a_push_whose_answer_was_lost_becomes_this_attempts_own() {
        let shelf = shelf(&[(7, "QE", &[], Some("FAILED"))]);
        let mut bench = bench(&shelf, &[7]);
        bench.attempt = 2;
        run(&bench.context()).await.unwrap();
        bench.ledger.lose_handles();
        shelf.lock().unwrap().get_mut(&7).unwrap().2 = Some("FAILED");
        let ended = outcome(run(&bench.context()).await);
        assert!(
            matches!(ended, Outcome::Failed(..)),
            "the second push failed, and no third is made: {ended:?}"
        );
        assert_eq!((bench.writes().len(), bench.ledger.keys()), (1, vec!["push:7#2".to_owned()]));
    }
}
