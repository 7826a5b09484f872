//! Task 10: final approval (specification, task 10; settled: the release's own metadata page opens first).
//!
//! The merge request is approved once. Then the task waits until the page that the release image itself names is open,
//! moves the advisories from QE to REL_PREP, closes QE's sub-tasks, and passes. One advisory that cannot be moved keeps
//! no other from being moved.

use jiff::SignedDuration;
use regatta_kit::{BoxFuture, Code};
use regatta_services::access::PageState;
use regatta_services::errata::{Advisory, AdvisoryKind, AdvisoryState, Errata};
use regatta_services::error::{Fault, ServiceError};
use regatta_services::gitlab::{Approval, GitLab, MergeRequestState, MrRef};
use regatta_statebox::event::{Audience, EffectKey, Evidence, Handle, Mark, Message};

use crate::by_value::{Seen, Settled, settle};
use crate::context::Context;
use crate::effects::{Early, Triggerable};
use crate::outcome::{Failure, Outcome, PersonQuestion, Precondition};
use crate::release_parts::{Troubles, advisories, shipment};
use crate::subtasks::{self, Step, Stepped};

/// Time between looks at the metadata page.
const LOOK: SignedDuration = SignedDuration::from_mins(30);
/// The effect that is made once a release.
const APPROVAL: &str = "approve:shipment-mr";

/// Runs the task.
///
/// # Errors
/// Outcomes and engine stops reached early.
pub async fn run(context: &Context<'_>) -> Result<Outcome, Early> {
    let mr = shipment(context)?;
    let mut done = Vec::new();
    if let Some(mr) = &mr {
        done.push(approve(context, mr).await?.to_owned());
    }
    if page(context).await? == PageState::NotYet {
        let what = "the release's metadata page to open".to_owned();
        return Ok(Outcome::Scheduled { what, look_again: context.now + LOOK });
    }
    done.push(move_advisories(context).await?);
    done.extend(close_subtasks(context).await?);

    let release = context.release;
    let summary = done.join("; ");
    let text = format!("Release {release} is approved by QE: {summary}");
    context.effects.tell(Message { key: format!("approval:{release}"), to: Audience::ReleaseChannel, text });
    let links = mr.iter().map(|mr| context.services.gitlab.link(mr)).collect();
    Ok(Outcome::Passed(Evidence { summary, links, ..Evidence::default() }))
}

/// Approves the merge request unless that was done, or it is merged and needs no approval any more.
async fn approve(context: &Context<'_>, mr: &MrRef) -> Result<&'static str, Early> {
    let gitlab = &context.services.gitlab;
    let key = EffectKey(APPROVAL.to_owned());
    if context.effects.made(&key).is_some() {
        return Ok("merge request approved");
    }
    let state = gitlab.merge_request(mr).await?.state;
    let is_announced = context.effects.intended(&key).is_some();
    if state == MergeRequestState::Merged && !is_announced {
        return Ok("merge request already merged");
    }
    if state == MergeRequestState::Closed {
        return Err(Early::Outcome(Box::new(Outcome::NeedsPerson(PersonQuestion {
            name: "shipment-closed",
            text: format!(
                "The shipment {mr} is closed without being merged. Which merge request ships {}?",
                context.release
            ),
            options: vec!["ask ART to reopen it, or to name another in releases.yml".to_owned()],
            evidence: vec![gitlab.link(mr)],
        }))));
    }
    let seen = Seen::same(&gitlab.my_approval(mr).await?, &Approval::Already);
    if state == MergeRequestState::Merged && seen == Seen::Otherwise {
        return Ok("merge request already merged");
    }
    // An approval that an interrupted run gave is taken up by the ledger: nothing stays announced for ever.
    Ok(match settle(context.effects, key, seen, &MrApproval { gitlab, mr }).await? {
        Settled::Already => "merge request already approved",
        Settled::Made | Settled::ChangedBack => "merge request approved",
    })
}

/// Whether the release's own metadata page is open. A service that does not answer is an error, not a closed page.
async fn page(context: &Context<'_>) -> Result<PageState, Early> {
    let services = context.services;
    match services.registry.metadata_url(context.release, context.settings.arch).await {
        Ok(Some(url)) => Ok(services.access.page(&url).await?),
        Ok(None) | Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => Ok(PageState::NotYet),
        Err(error) => Err(error.into()),
    }
}

/// How an advisory stands with its approval.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stand {
    Moved,
    Dropped,
    /// Security alerts block it; the alerts.
    Alerts(String),
    /// It is in a state from which QE cannot move it; why.
    Held(String),
}

/// Moves every advisory from QE to REL_PREP.
async fn move_advisories(context: &Context<'_>) -> Result<String, Early> {
    let advisories = advisories(context);
    if advisories.is_empty() {
        return Err(Early::Outcome(Box::new(Outcome::NeedsPerson(no_advisories(context)))));
    }
    let mut troubles = Troubles::default();
    let (mut moved, mut alerts, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for at in advisories {
        let stand = move_advisory(context, at.id).await;
        match troubles.past(stand)? {
            Some(Stand::Moved) => moved.push(at.id.to_string()),
            Some(Stand::Alerts(why)) => alerts.push(format!("advisory {}: {why}", at.id)),
            Some(Stand::Held(why)) => held.push(why),
            Some(Stand::Dropped) | None => {}
        }
    }
    if !alerts.is_empty() {
        let text = format!("blocking security alerts: {}", alerts.join("; "));
        let evidence = Evidence { summary: text.clone(), ..Evidence::default() };
        return Err(Early::Outcome(Box::new(Outcome::Failed(
            Failure { code: Code::AlertsBlocking, text },
            evidence,
        ))));
    }
    troubles.end()?;
    if !held.is_empty() {
        let precondition = Precondition { name: "advisory-state", why: held.join("; ") };
        return Err(Early::Outcome(Box::new(Outcome::Blocked(precondition, LOOK))));
    }
    Ok(if moved.is_empty() {
        "no advisories to move".to_owned()
    } else {
        format!("in REL_PREP or further: {}", moved.join(", "))
    })
}

/// An empty list is no proof that there is nothing to approve.
fn no_advisories(context: &Context<'_>) -> PersonQuestion {
    let release = context.release;
    PersonQuestion {
        name: "no-advisories",
        text: format!("The release data of {release} lists no advisory to approve. Is that right?"),
        options: vec![
            "ask ART to correct the advisories in releases.yml".to_owned(),
            format!("regatta override {release} change-advisory-status --verdict pass --reason …"),
        ],
        evidence: vec![],
    }
}

async fn move_advisory(context: &Context<'_>, id: u64) -> Result<Stand, Early> {
    let (errata, effects) = (&context.services.errata, context.effects);
    let key = EffectKey::attempt(&format!("advisory-state:{id}:{}", AdvisoryState::RelPrep), context.attempt);
    let advisory = errata.advisory(id).await?;
    match &advisory.state {
        AdvisoryState::Dropped => return Ok(Stand::Dropped),
        state if state.is_approved() => {
            // Moved by an interrupted run: taken up by the ledger, so that nothing stays announced for ever.
            if effects.made(&key).is_none() && effects.intended(&key).is_some() {
                effects.once(key, &Approve { errata, id }).await?;
            }
            return Ok(Stand::Moved);
        }
        AdvisoryState::Qe => {}
        state => {
            return Ok(Stand::Held(format!("advisory {id} is in {state}; it must be moved to QE by ART")));
        }
    }
    if let Some(alerts) = blocking_alerts(errata, &advisory).await? {
        return Ok(Stand::Alerts(alerts));
    }
    if effects.made(&key).is_some() {
        return Ok(Stand::Held(format!(
            "advisory {id} was moved back to QE after its approval; move it again, or retry the task"
        )));
    }
    effects.once(key, &Approve { errata, id }).await?;
    Ok(Stand::Moved)
}

/// The alerts that block a security advisory, looked for anew.
///
/// A refresh that the tool refuses (some advisories answer 400) is this advisory's failure alone, and it is not moved:
/// alerts nobody could look for are not known to be absent.
async fn blocking_alerts(errata: &Errata, advisory: &Advisory) -> Result<Option<String>, Early> {
    if advisory.kind != AdvisoryKind::Rhsa {
        return Ok(None);
    }
    errata.refresh_security_alerts(advisory.id).await?;
    let alerts = errata.security_alerts(advisory.id).await?;
    if !alerts.blocking {
        return Ok(None);
    }
    Ok(Some(if alerts.blockers.is_empty() { "blocked".to_owned() } else { alerts.blockers.join(", ") }))
}

/// Closes QE's sub-tasks; gives what is worth telling.
async fn close_subtasks(context: &Context<'_>) -> Result<Vec<String>, Early> {
    let Some(ticket) = context.metadata.jira_ticket.as_deref() else { return Ok(vec![]) };
    let Some(subtasks) = subtasks::of_ticket(context.services, ticket).await? else {
        return Ok(vec![format!("Jira ticket {ticket} is missing or hidden")]);
    };
    let mut told: Vec<String> = subtasks.remark().into_iter().collect();
    for task in &subtasks.qe {
        let key = &task.key;
        match subtasks::step(context, task, Step::Close).await? {
            Stepped::Already => {}
            Stepped::Made => told.push(format!("{key} closed")),
            Stepped::TakenBack => told.push(format!("{key} was closed and reopened since; it is left so")),
            Stepped::Impossible(why) => told.push(format!("{key} could not be closed: {why}")),
        }
    }
    Ok(told)
}

/// The approval of the merge request by the token's owner.
struct MrApproval<'a> {
    gitlab: &'a GitLab,
    mr: &'a MrRef,
}

impl MrApproval<'_> {
    fn handle(&self) -> Handle {
        Handle { kind: "approval".to_owned(), id: self.mr.to_string(), url: Some(self.gitlab.link(self.mr)) }
    }
}

impl Triggerable for MrApproval<'_> {
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>> {
        Box::pin(async { Ok(Mark(self.gitlab.approvals(self.mr).await?.join(","))) })
    }

    fn find<'a>(&'a self, _mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>> {
        Box::pin(async {
            Ok((self.gitlab.my_approval(self.mr).await? == Approval::Already).then(|| self.handle()))
        })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async {
            self.gitlab.approve(self.mr).await?;
            Ok(self.handle())
        })
    }
}

/// One advisory's move to REL_PREP.
struct Approve<'a> {
    errata: &'a Errata,
    id: u64,
}

impl Approve<'_> {
    fn handle(&self, state: &AdvisoryState) -> Handle {
        Handle { kind: "state".to_owned(), id: state.word().to_owned(), url: Some(self.errata.link(self.id)) }
    }
}

impl Triggerable for Approve<'_> {
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>> {
        Box::pin(async { Ok(Mark(self.errata.advisory(self.id).await?.state.word().to_owned())) })
    }

    fn find<'a>(&'a self, _mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>> {
        Box::pin(async {
            let state = self.errata.advisory(self.id).await?.state;
            Ok(state.is_approved().then(|| self.handle(&state)))
        })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async {
            self.errata.change_state(self.id, &AdvisoryState::RelPrep).await?;
            Ok(self.handle(&AdvisoryState::RelPrep))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Asked, Bench, outcome};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    const MR: &str = "https://gitlab.example.com/group/project/-/merge_requests/12";

    /// Advisories by id: type and state. Number 4 refuses a refresh of its alerts, number 5 has one that blocks.
    type Shelf = Arc<Mutex<BTreeMap<u64, (&'static str, &'static str)>>>;

    fn bench(entries: &[(u64, &'static str, &'static str)]) -> (Shelf, Bench) {
        let shelf: Shelf =
            Arc::new(Mutex::new(entries.iter().map(|(id, kind, state)| (*id, (*kind, *state))).collect()));
        let seen = Arc::clone(&shelf);
        let mut bench = Bench::new(move |asked| answer(&seen, asked));
        bench.metadata.advisory_ids = entries.iter().map(|(id, ..)| (format!("kind{id}"), *id)).collect();
        (shelf, bench)
    }

    fn answer(shelf: &Shelf, asked: &Asked<'_>) -> (u16, Value) {
        let mut shelf = shelf.lock().unwrap();
        let words: Vec<&str> = asked.what.split(['/', ' ']).collect();
        let ["errata", method, "", "api", "v1", "erratum", id, rest @ ..] = words.as_slice() else {
            return (500, json!({}));
        };
        let id: u64 = id.parse().unwrap();
        let (kind, state) = shelf.get_mut(&id).unwrap();
        match (*method, rest) {
            ("GET", []) => (200, json!({"errata": {*kind: {"id": id, "status": *state}}})),
            ("POST", ["security_alerts", "refresh"]) if id == 4 => (400, json!({"error": "cannot refresh"})),
            ("POST", ["security_alerts", "refresh"]) => (200, json!({})),
            ("GET", ["security_alerts"]) => {
                let alert = json!({"name": "a", "text": "bad", "blocking": id == 5});
                (200, json!({"alerts": {"blocking": id == 5, "alerts": [alert]}}))
            }
            ("POST", ["change_state"]) => {
                assert_eq!(asked.body, b"new_state=REL_PREP");
                *state = "REL_PREP";
                (201, json!({}))
            }
            _ => (500, json!({})),
        }
    }

    async fn moved(bench: &Bench) -> Result<String, Outcome> {
        match move_advisories(&bench.context()).await {
            Ok(text) => Ok(text),
            early => Err(outcome(early.map(|_| unreachable!()))),
        }
    }

    #[tokio::test]
    async fn advisories_in_qe_are_moved_once_and_those_further_on_left_alone() {
        let (shelf, bench) = bench(&[
            (1, "rhba", "QE"),
            (2, "rhsa", "QE"),
            (3, "rhba", "SHIPPED_LIVE"),
            (9, "rhba", "DROPPED_NO_SHIP"),
        ]);
        assert_eq!(moved(&bench).await.unwrap(), "in REL_PREP or further: 1, 2, 3");
        assert_eq!(moved(&bench).await.unwrap(), "in REL_PREP or further: 1, 2, 3");
        assert_eq!(bench.ledger.keys(), ["advisory-state:1:REL_PREP", "advisory-state:2:REL_PREP"]);
        assert_eq!(bench.writes().len(), 3, "two moves and one refresh of alerts");

        let keys = bench.ledger.keys();
        bench.ledger.lose_handles();
        assert_eq!(moved(&bench).await.unwrap(), "in REL_PREP or further: 1, 2, 3");
        assert_eq!((bench.ledger.keys(), bench.writes().len()), (keys, 3), "lost answers: adopted");

        shelf.lock().unwrap().get_mut(&1).unwrap().1 = "QE";
        let Err(Outcome::Blocked(held, _)) = moved(&bench).await else { panic!("somebody moved it back") };
        assert!(held.why.contains("advisory 1 was moved back to QE"), "{}", held.why);
    }

    #[tokio::test]
    async fn one_advisory_that_cannot_be_moved_keeps_no_other_from_being_moved() {
        let (_, refused) = bench(&[(4, "rhsa", "QE"), (1, "rhba", "QE")]);
        let Err(Outcome::Failed(failure, _)) = moved(&refused).await else { panic!("4 refuses") };
        assert_eq!(failure.code, Code::Refused);
        assert!(failure.text.contains("cannot refresh"), "{}", failure.text);
        assert_eq!(refused.ledger.keys(), ["advisory-state:1:REL_PREP"]);

        let (_, blocking) = bench(&[(5, "rhsa", "QE"), (6, "rhba", "NEW_FILES"), (1, "rhba", "QE")]);
        let Err(Outcome::Failed(failure, _)) = moved(&blocking).await else { panic!("5 has alerts") };
        assert_eq!(
            (failure.code, failure.text.as_str()),
            (Code::AlertsBlocking, "blocking security alerts: advisory 5: a: bad")
        );
        assert_eq!(blocking.ledger.keys(), ["advisory-state:1:REL_PREP"]);

        let (_, early) = bench(&[(6, "rhba", "NEW_FILES")]);
        let Err(Outcome::Blocked(held, _)) = moved(&early).await else { panic!("6 is ART's") };
        assert_eq!(held.why, "advisory 6 is in NEW_FILES; it must be moved to QE by ART");
    }

    #[tokio::test]
    async fn a_list_without_any_advisory_is_asked_about_and_approves_nothing() {
        let (_, bench) = bench(&[]);
        let Err(Outcome::NeedsPerson(question)) = moved(&bench).await else { panic!("nothing was seen") };
        assert_eq!(question.name, "no-advisories");
    }

    #[tokio::test]
    async fn a_move_refused_because_a_person_was_quicker_is_no_failure() {
        let mut reads = 0;
        let state = Mutex::new(move || {
            reads += 1;
            // Looked at for the decision and for the mark, and before the intent; then somebody moves it.
            if reads > 3 { "REL_PREP" } else { "QE" }
        });
        let mut bench = Bench::new(move |asked| match asked.what.contains("POST") {
            true => (422, json!({"error": "already in REL_PREP"})),
            false => (200, json!({"errata": {"rhba": {"id": 1, "status": (state.lock().unwrap())()}}})),
        });
        bench.metadata.advisory_ids = [("rpm".to_owned(), 1)].into();
        assert_eq!(moved(&bench).await.unwrap(), "in REL_PREP or further: 1");
        assert_eq!(bench.ledger.keys(), ["advisory-state:1:REL_PREP"]);
    }

    #[tokio::test]
    async fn subtasks_are_closed_once_and_one_that_was_reopened_is_left_so() {
        let closed = Arc::new(Mutex::new(false));
        let seen = Arc::clone(&closed);
        let mut bench = Bench::new(move |asked| {
            let status = if *seen.lock().unwrap() { "Done" } else { "To Do" };
            let words: Vec<&str> = asked.what.split(['/', ' ']).collect();
            let issue = |summary: &str, subtasks: Value| json!({"key": "x", "fields": {"summary": summary, "status": {"name": status}, "subtasks": subtasks}});
            match words.as_slice() {
                [.., "serverInfo"] => (200, json!({"deploymentType": "Cloud"})),
                [.., "ART-1"] => (200, issue("4.20.1", json!([{"key": "S-1"}]))),
                [.., "S-1"] => {
                    let mut subtask = issue("[Fri/Mon] QE moves advisories to REL_PREP", json!([]));
                    subtask["key"] = json!("S-1");
                    (200, subtask)
                }
                ["jira", "GET", .., "transitions"] => {
                    (200, json!({"transitions": [{"id": "9", "name": "Done"}]}))
                }
                ["jira", "POST", .., "transitions"] => {
                    *seen.lock().unwrap() = true;
                    (204, json!({}))
                }
                _ => (500, json!({})),
            }
        });
        bench.metadata.jira_ticket = Some("ART-1".to_owned());
        let close = async |bench: &Bench| close_subtasks(&bench.context()).await.unwrap();
        assert_eq!(close(&bench).await, ["S-1 closed"]);
        bench.ledger.lose_handles();
        assert_eq!(close(&bench).await, ["S-1 closed"], "adopted");
        *closed.lock().unwrap() = false;
        assert_eq!(close(&bench).await, ["S-1 was closed and reopened since; it is left so"]);
        assert_eq!((bench.writes().len(), bench.ledger.keys()), (1, vec!["subtask:S-1:closed".to_owned()]));
    }

    #[tokio::test]
    async fn the_merge_request_is_approved_once_and_not_when_it_was() {
        let approved = Arc::new(Mutex::new(false));
        let seen = Arc::clone(&approved);
        let outside = move |asked: &Asked<'_>| {
            let mut approved = seen.lock().unwrap();
            match asked.what.rsplit('/').next() {
                Some("user") => (200, json!({"username": "bot"})),
                Some("approvals") => (
                    200,
                    json!({"approved_by": if *approved { json!([{"user": {"username": "bot"}}]) } else { json!([]) }}),
                ),
                Some("approve") if *approved => (401, json!({})),
                Some("approve") => {
                    *approved = true;
                    (201, json!({}))
                }
                _ => (200, json!({"iid": 12, "state": "opened", "web_url": "u", "source_branch": "b"})),
            }
        };
        let mr: MrRef = MR.parse().unwrap();
        let bench = Bench::new(outside);
        for _ in 0..2 {
            assert_eq!(approve(&bench.context(), &mr).await.unwrap(), "merge request approved");
            bench.ledger.lose_handles();
        }
        assert_eq!(bench.writes(), ["POST gitlab/api/v4/projects/group%2Fproject/merge_requests/12/approve"]);
    }

    #[tokio::test]
    async fn a_401_to_the_approval_is_a_missing_credential_only_while_the_approval_is_missing() {
        for (approves_meanwhile, done) in [(true, true), (false, false)] {
            let approved = Mutex::new(false);
            let outside = move |asked: &Asked<'_>| match asked.what.rsplit('/').next() {
                Some("user") => (200, json!({"username": "bot"})),
                Some("approvals") => {
                    let by = if *approved.lock().unwrap() {
                        json!([{"user": {"username": "bot"}}])
                    } else {
                        json!([])
                    };
                    (200, json!({"approved_by": by}))
                }
                // Somebody with the same token was a little faster, or the token may not approve.
                Some("approve") => {
                    *approved.lock().unwrap() = approves_meanwhile;
                    (401, json!({"message": "401 Unauthorized"}))
                }
                _ => (200, json!({"iid": 12, "state": "opened", "web_url": "u", "source_branch": "b"})),
            };
            let bench = Bench::new(outside);
            let answer = approve(&bench.context(), &MR.parse().unwrap()).await;
            if done {
                assert_eq!(answer.unwrap(), "merge request approved");
            } else {
                let answer = outcome(answer.map(|_| unreachable!()));
                assert!(matches!(answer, Outcome::NeedsCredentials(_)), "{answer:?}");
            }
        }
    }
}
