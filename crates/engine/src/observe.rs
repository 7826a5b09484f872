//! Looking at the outside. What changed becomes an event; what did not is forgotten.

use regatta_flow::decide::Subject;
use regatta_flow::facts::{Phase, Promotion, Standing};
use regatta_flow::table;
use regatta_kit::ids::digest;
use regatta_kit::{Arch, Build, Release, Task, Timestamp};
use regatta_results::{ResultFile, Standing as Said};
use regatta_services::error::ServiceError;
use regatta_services::github::Repository;
use regatta_services::release_controller::Phase as Seen;
use regatta_statebox::event::Body;
use regatta_statebox::fold::Folded;
use regatta_statebox::store::StoreError;
use serde_json::Value;
use std::sync::Mutex;

use crate::evidence::{promotion_to_json, standing_from_json, standing_to_json, subject};
use crate::facts::candidate;
use crate::lookbook::{LookBook, book_name};
use crate::session::{Draft, Session};

/// The branch of the result files (reference: jobs and results).
const RESULTS_BRANCH: &str = "record";

/// Looks at one fact and records it if it changed.
pub(crate) async fn look(
    session: &Session<'_>,
    book: &Mutex<LookBook>,
    what: Subject,
) -> Result<(), StoreError> {
    let now = session.now();
    let (name, every, found) = match what {
        Subject::Promotion => (subject::PROMOTION, table::PROMOTION_POLL.from, promotion(session).await),
        Subject::Candidate => {
            let build = session.read(|folded| candidate(folded, session.app.settings.tasks.arch));
            let Some(build) = build else { return Ok(()) };
            (
                subject::CANDIDATE,
                table::RESULT_FILE_POLL.from,
                result_file(session, book, subject::CANDIDATE, build).await,
            )
        }
        Subject::Promoted => {
            let build = Build::Release(session.release);
            (
                subject::PROMOTED,
                table::RESULT_FILE_POLL.from,
                result_file(session, book, subject::PROMOTED, build).await,
            )
        }
    };
    match found {
        Err(error) => {
            if lock(book).is_worth_a_record(&book_name(what), &error) {
                session.append(wait_record(session, name, Some(error.service)).into_iter().collect()).await?;
            }
            let since = session.read(|f| waits_since(f, name, error.service));
            lock(book).look_failed(what, &error, every, since, now);
            Ok(())
        }
        Ok((value, digest)) => {
            lock(book).looked(what, now);
            let mut drafts: Vec<Draft> = wait_record(session, name, None).into_iter().collect();
            if session.read(|folded| folded.observed.get(name).is_none_or(|o| o.digest != digest)) {
                drafts.push(Body::Observed { subject: name.to_owned(), value, digest }.into());
            }
            session.append(drafts).await
        }
    }
}

/// The entry that says what `who` waits for from now on, if that changed; so limits of waits outlast the process.
pub(crate) fn wait_record(session: &Session<'_>, who: &str, reason: Option<&str>) -> Option<Draft> {
    let subject = format!("wait:{who}");
    let reason = reason.unwrap_or_default();
    let known = session.read(|f| f.observed.get(&subject).map(|o| o.digest.clone())).unwrap_or_default();
    (known != reason)
        .then(|| Body::Observed { subject, value: reason.into(), digest: reason.to_owned() }.into())
}

/// Since when `who` waits for `reason`, where that is recorded.
pub(crate) fn waits_since(folded: &Folded, who: &str, reason: &str) -> Option<Timestamp> {
    folded.observed.get(&format!("wait:{who}")).filter(|o| o.digest == reason).map(|o| o.at)
}

/// Where a person looks before judging an analysis: the build's result file.
pub(crate) fn where_to_look(folded: &Folded, task: Task, release: Release, arch: Arch) -> Vec<String> {
    let build = match task {
        Task::AnalyzeCandidateBuild => candidate(folded, arch),
        Task::AnalyzePromotedBuild => Some(Build::Release(release)),
        _ => None,
    };
    let url = |b: Build| {
        format!("https://github.com/openshift/release-tests/blob/{RESULTS_BRANCH}/{}", b.result_file(arch))
    };
    build.map(url).into_iter().collect()
}

pub(crate) fn lock(book: &Mutex<LookBook>) -> std::sync::MutexGuard<'_, LookBook> {
    book.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn promotion(session: &Session<'_>) -> Result<(Value, String), ServiceError> {
    let found = session
        .app
        .services
        .release_controller
        .payload(Build::Release(session.release), session.app.settings.tasks.arch)
        .await?;
    let promotion = match found {
        None => Promotion { phase: Phase::Absent, failing_jobs: Vec::new() },
        Some(tag) => {
            let phase = match tag.phase {
                Seen::Pending => Phase::Pending,
                Seen::Ready => Phase::Ready,
                Seen::Accepted => Phase::Accepted,
                Seen::Rejected => Phase::Rejected,
                Seen::Failed => Phase::Failed,
                Seen::Other(_) => Phase::Other,
            };
            let mut failing_jobs: Vec<String> = tag.failing_blocking_jobs.into_keys().collect();
            // Once accepted, failing jobs decide nothing; leaving them out keeps one digest for one fact.
            if phase == Phase::Accepted {
                failing_jobs.clear();
            }
            Promotion { phase, failing_jobs }
        }
    };
    let value = promotion_to_json(&promotion);
    let digest = digest(value.to_string().as_bytes(), 16);
    Ok((value, digest))
}

async fn result_file(
    session: &Session<'_>,
    book: &Mutex<LookBook>,
    name: &'static str,
    build: Build,
) -> Result<(Value, String), ServiceError> {
    let path = build.result_file(session.app.settings.tasks.arch);
    let file = session.app.services.github.get(&Repository::release_tests(), &path, RESULTS_BRANCH).await?;
    let before = session.read(|folded| {
        let observed = folded.observed.get(name)?;
        Some((standing_from_json(&observed.value, build)?, observed.clone()))
    });
    let Some(file) = file else {
        return Ok(match before {
            // A vanished file softens no verdict: what was known stays known.
            Some((known, observed)) if is_verdict(&known) => (observed.value, observed.digest),
            Some((known, _)) if known != Standing::Absent => {
                with_digest(standing_to_json(build, &Standing::Gone))
            }
            _ => with_digest(standing_to_json(build, &Standing::Absent)),
        });
    };
    // Read some hundred times in a release, and nearly always the same as at the last look.
    if let Some(said) = lock(book).said_before(name, build, &file.sha) {
        return Ok(said);
    }
    let standing = match ResultFile::parse(&file.bytes) {
        Err(error) => Standing::Unreadable { why: error.to_string() },
        Ok(parsed) => match Said::of(&parsed) {
            Said::Running => Standing::Running,
            Said::Reaggregating => Standing::Aggregating,
            Said::Accepted => Standing::Accepted,
            Said::PromotedByHand => Standing::PromotedByHand,
            Said::Rejected { failed_jobs } => {
                let mut failed: Vec<String> = failed_jobs.into_iter().map(|job| job.name).collect();
                failed.sort();
                Standing::Rejected { failed, opinion: None }
            }
            Said::Unreadable { why } => Standing::Unreadable { why },
        },
    };
    // What the file says names the evidence, not its bytes: the same verdict in a new version is no new question.
    let said = with_digest(standing_to_json(build, &standing));
    lock(book).said(name, build, file.sha, said.clone());
    Ok(said)
}

fn with_digest(value: Value) -> (Value, String) {
    let digest = digest(value.to_string().as_bytes(), 16);
    (value, digest)
}

const fn is_verdict(standing: &Standing) -> bool {
    matches!(
        standing,
        Standing::Accepted
            | Standing::Incomplete { .. }
            | Standing::PromotedByHand
            | Standing::Rejected { .. }
    )
}
