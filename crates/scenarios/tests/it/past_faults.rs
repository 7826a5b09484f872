//! Faults that tools before Regatta had, each as a short story that fails if it came back. What they stand for, and what
//! shows the absence of the others, is told in `docs/proof.md`.

use bytes::Bytes;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use regatta_engine::people::Done;
use regatta_engine::{DriveReport, DriveState, EngineError, Watch};
use regatta_kit::ids::{EventId, Writer};
use regatta_kit::{BoxFuture, Code, Overall, Status, Task};
use regatta_sandbox::scenario::Scenario;
use regatta_sandbox::serve::{PortPlan, ServeOptions, environment, services};
use regatta_services::Services;
use regatta_services::elliott::{Elliott, Finished, Program};
use regatta_services::error::{Fault, ServiceError};
use regatta_services::settings::ServiceSettings;
use regatta_services::transport::{Transport, TransportError};
use regatta_statebox::document::Metadata;
use regatta_statebox::event::{Body, Event, Evidence, Handle};
use regatta_statebox::store::Store;
use regatta_statebox::store::memory::MemoryStore;
use regatta_tasks::context::Context;
use regatta_tasks::effects::Early;
use regatta_tasks::native::NativeRunner;
use regatta_tasks::outcome::{Failure, Outcome, PersonQuestion, Precondition};
use regatta_tasks::runner::Runner;
use scenarios::{Ended, InProcess, Mishaps, Story};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

// Outcomes and the words that tools print.

/// Does the first task by saying how it ended, the others as they are done.
struct Says(fn() -> Outcome);

impl Runner for Says {
    fn run<'a>(&'a self, task: Task, context: &'a Context<'a>) -> BoxFuture<'a, Result<Outcome, Early>> {
        match task {
            Task::CreateTestReport => Box::pin(std::future::ready(Ok((self.0)()))),
            _ => NativeRunner.run(task, context),
        }
    }
}

fn evidence(summary: &str) -> Evidence {
    Evidence { summary: summary.to_owned(), ..Evidence::default() }
}

fn trouble(fault: Fault) -> ServiceError {
    ServiceError { service: "sheets", call: "[Pass] in the call".to_owned(), fault }
}

#[tokio::test]
async fn how_a_task_ended_decides_its_status_and_no_text_does() {
    const GOOD: &str = "task [create-test-report] status is changed to [Pass]";
    const BAD: &str = "12:00: ERROR: task [create-test-report] status is changed to [Fail]";
    let cases: [(fn() -> Outcome, Status); 8] = [
        (
            || Outcome::Failed(Failure { code: Code::Refused, text: GOOD.to_owned() }, evidence(GOOD)),
            Status::Fail,
        ),
        (|| Outcome::Passed(evidence(BAD)), Status::Pass),
        (|| Outcome::AlreadyDone(evidence(BAD)), Status::Pass),
        (
            || {
                let handle = Handle { kind: BAD.to_owned(), id: "1".to_owned(), url: None };
                Outcome::Running(handle, SignedDuration::from_mins(5))
            },
            Status::InProgress,
        ),
        (
            || {
                let why = BAD.to_owned();
                Outcome::Blocked(Precondition { name: "later", why }, SignedDuration::from_mins(5))
            },
            Status::NotStarted,
        ),
        (
            || {
                let (text, name) = (GOOD.to_owned(), "question");
                Outcome::NeedsPerson(PersonQuestion { name, text, options: vec![], evidence: vec![] })
            },
            Status::NotStarted,
        ),
        (
            || Outcome::NeedsCredentials(trouble(Fault::NotAuthorised { hint: GOOD.to_owned() })),
            Status::NotStarted,
        ),
        (|| Outcome::Transient(trouble(Fault::Conflict)), Status::NotStarted),
    ];
    for (says, status) in cases {
        let mut story = Story::of("4.20.1", 1).with_runner(Arc::new(Says(says)));
        let report = story.drive(Watch::Once).await.unwrap();
        let said = format!("{:?}", says());
        assert_eq!(report.tasks[Task::CreateTestReport], status, "{said}");
        let red = status == Status::Fail;
        assert_eq!(report.overall_status == Overall::Red, red, "{said}");
        let told =
            story.effects().into_keys().any(|key| key.starts_with("slack:failed:4.20.1:create-test-report"));
        assert_eq!(told, red, "{said}: {:?}", story.effects());
    }
}

// Releases and their data.

#[tokio::test]
async fn a_release_of_the_errata_flow_is_refused_before_anything_is_done() {
    let mut scenario = Scenario::generated("4.20.1".parse().unwrap(), 1);
    scenario.shipment_mr = None;
    let mut story = Story::in_world(scenario);
    let refused = story.drive(Watch::Once).await.unwrap_err();
    assert!(matches!(refused, EngineError::ErrataFlow(_)), "{refused}");
    assert_eq!(story.effects(), BTreeMap::new());
    assert!(matches!(story.history().await.unwrap_err(), EngineError::UnknownRelease(_)));
}

#[tokio::test]
async fn what_art_changes_in_the_release_data_counts_from_the_next_look_on() {
    let scenario = Scenario::generated("4.20.1".parse().unwrap(), 1);
    let wanted = (scenario.jira_ticket.clone(), scenario.advisories.clone(), scenario.shipment_mr.clone());
    let store = Arc::new(MemoryStore::new());
    // As the release was taken up a day ago: another ticket, an advisory dropped since, no shipment yet.
    let metadata = Metadata {
        jira_ticket: Some("ART-1".to_owned()),
        advisory_ids: [("rpm".to_owned(), 1)].into(),
        ..Metadata::default()
    };
    let opened = Event {
        id: EventId(Writer("yesterday".to_owned()), 1),
        at: scenario.start,
        actor: "kim@bay".to_owned(),
        reason: None,
        body: Body::Opened { metadata },
    };
    store.append(scenario.release, None, vec![opened]).await.unwrap();

    let mut story = Story::in_world(scenario).with_store(store.clone());
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
    let state = store.load(story.release).await.unwrap().unwrap().value;
    let now = &state.folded().metadata;
    assert_eq!((now.jira_ticket.clone().unwrap(), now.advisory_ids.clone(), now.shipment_mr.clone()), wanted);
    assert_eq!(story.repeated(), Vec::<String>::new());
}

#[tokio::test]
async fn a_blocker_reported_again_is_the_same_one_and_another_is_another() {
    let mut story = Story::of("4.20.1", 4);
    story.drive(Watch::Once).await.unwrap();
    let of = vec![Task::StageTesting];
    assert!(matches!(story.blocks("stage is down", of.clone()).await.unwrap(), Done::Changed(_)));
    assert!(matches!(story.blocks("Stage is down ", of.clone()).await.unwrap(), Done::Unchanged(_)));
    assert!(matches!(story.blocks("OCPBUGS-7 breaks installs", of).await.unwrap(), Done::Changed(_)));

    story.resolves("stage is down").await.unwrap();
    let stopped = story.drive(Watch::UntilDone).await.unwrap();
    assert_eq!(stopped.state, DriveState::Stopped, "the second one stands");
    assert_eq!(stopped.tasks[Task::StageTesting], Status::NotStarted);
    assert_eq!(stopped.issues.len(), 2);
    story.resolves("OCPBUGS-7").await.unwrap();
    assert_eq!(story.drive(Watch::UntilDone).await.unwrap().state, DriveState::Done);
}

// Services that answer otherwise than the sandbox would.

/// What is answered in a service's place; `None` lets the service answer.
type Instead = dyn Fn(&str, &Request<Bytes>) -> Option<u16> + Send + Sync;
/// What becomes of an answer.
type After = dyn Fn(&str, &mut Value) + Send + Sync;

/// What stands between a driver and the sandbox.
struct Between {
    inner: InProcess,
    /// An answer in place of the sandbox's; it gets method, service and path in one line, and the request.
    instead: Box<Instead>,
    /// What becomes of the sandbox's answers.
    after: Box<After>,
    /// Requests for image grades under way now, and the most there were at once.
    grades: AtomicUsize,
    most: AtomicUsize,
}

impl Between {
    async fn pass(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let service = request.uri().host().and_then(|host| host.split('.').next()).unwrap_or_default();
        let what = format!("{} {service} {}", request.method(), request.uri().path());
        if let Some(status) = (self.instead)(&what, &request) {
            return Ok(Response::builder().status(status).body(Bytes::from_static(b"{}")).unwrap());
        }
        let answer = self.inner.send(request).await?;
        let (parts, body) = answer.into_parts();
        let Ok(mut told) = serde_json::from_slice::<Value>(&body) else {
            return Ok(Response::from_parts(parts, body));
        };
        let before = told.clone();
        (self.after)(&what, &mut told);
        let body = if told == before { body } else { Bytes::from(told.to_string()) };
        Ok(Response::from_parts(parts, body))
    }
}

impl Transport for Between {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        Box::pin(async move {
            if request.uri().host() != Some("pyxis.sandbox") {
                return self.pass(request).await;
            }
            let now = self.grades.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            // Others get a turn, as they do while a catalog thinks.
            tokio::task::yield_now().await;
            let answer = self.pass(request).await;
            self.grades.fetch_sub(1, Ordering::SeqCst);
            answer
        })
    }
}

/// A story whose services are reached past something else.
struct Bent {
    story: Story,
    between: Arc<Between>,
    services: Arc<Services>,
    spreadsheet: String,
    /// Holds the key file.
    _folder: tempfile::TempDir,
}

impl Bent {
    fn new(
        instead: impl Fn(&str, &Request<Bytes>) -> Option<u16> + Send + Sync + 'static,
        after: impl Fn(&str, &mut Value) + Send + Sync + 'static,
        elliott: Option<Arc<dyn Program>>,
    ) -> Self {
        let story = Story::of("4.20.1", 1);
        let host = |name: &str| format!("{}.sandbox", name.replace('_', "-"));
        let exposed = services(story.clock());
        let named = exposed.iter().filter(|(name, _)| *name != "clock");
        let urls = named.map(|(name, _)| (*name, format!("http://{}", host(name)))).collect();
        let folder = tempfile::tempdir().unwrap();
        let options = ServeOptions {
            ports: PortPlan::Free,
            folder: folder.path().to_owned(),
            // Prints nothing, as elliott does when nothing is missed.
            elliott: "true".to_owned(),
            store: "memory:".to_owned(),
        };
        let env = environment(&urls, &options).unwrap();
        let hosts = exposed.into_iter().map(|(name, service)| (host(name), service)).collect();
        let between = Arc::new(Between {
            inner: InProcess::new(hosts, Vec::new()),
            instead: Box::new(instead),
            after: Box::new(after),
            grades: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let settings = ServiceSettings::read(|name| env.get(name).cloned(), &BTreeMap::new()).unwrap();
        let mut services = Services::new(&settings, Arc::clone(&between) as _);
        if let Some(program) = elliott {
            services.elliott = Elliott::over(program);
        }
        let spreadsheet = env["REGATTA_REPORT_SPREADSHEET"].clone();
        Self { story, between, services: Arc::new(services), spreadsheet, _folder: folder }
    }

    async fn drive(&mut self, watch: Watch) -> DriveReport {
        let mut process = self.story.process(Mishaps::none());
        process.app.services = Arc::clone(&self.services);
        match process.drive(self.story.release, watch).await.unwrap() {
            Ended::Reported(report) => *report,
            Ended::Died => unreachable!("nothing was to go wrong"),
        }
    }
}

fn as_it_is(_: &str, _: &mut Value) {}

#[tokio::test]
async fn a_ticket_that_does_not_exist_holds_up_nothing_else() {
    let no_ticket = |what: &str, _: &Request<Bytes>| what.contains("/issue/ART-").then_some(404);
    let mut bent = Bent::new(no_ticket, as_it_is, None);
    let report = bent.drive(Watch::UntilDone).await;
    assert_eq!(report.state, DriveState::Done, "{:?} {:?}", report.failed, report.waiting);
    assert_eq!(bent.story.effects()["approve:shipment-mr"], 1);
}

/// A shipment merge request in this state, whatever the sandbox says.
fn shipment_is(state: &'static str) -> impl Fn(&str, &mut Value) + Send + Sync + 'static {
    move |what, told| {
        let number = what.rsplit_once("/merge_requests/").map(|(_, rest)| rest);
        if what.starts_with("GET gitlab ") && number.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())) {
            told["state"] = json!(state);
        }
    }
}

#[tokio::test]
async fn a_merged_shipment_breaks_no_task_and_is_not_approved_any_more() {
    let mut bent = Bent::new(|_, _| None, shipment_is("merged"), None);
    let report = bent.drive(Watch::UntilDone).await;
    assert_eq!(report.state, DriveState::Done, "{:?} {:?}", report.failed, report.waiting);
    assert_eq!(bent.story.effects().get("approve:shipment-mr"), None);
    assert_eq!(bent.story.repeated(), Vec::<String>::new());
}

#[tokio::test]
async fn a_closed_shipment_is_never_taken_for_a_merged_one() {
    let mut bent = Bent::new(|_, _| None, shipment_is("closed"), None);
    let report = bent.drive(Watch::UntilDone).await;
    assert_eq!(report.state, DriveState::NeedsHuman, "{:?}", report.waiting);
    assert_ne!(report.tasks[Task::ChangeAdvisoryStatus], Status::Pass);
    let asked: Vec<&str> = report.needs_human.iter().map(|asking| asking.question.as_str()).collect();
    assert!(asked.iter().any(|question| question.contains("closed without being merged")), "{asked:?}");
    let moved = bent.story.effects().into_keys().filter(|key| key.starts_with("advisory-state:")).count();
    assert_eq!(moved, 0, "advisories of a shipment that is closed");
}

#[tokio::test]
async fn images_are_graded_side_by_side_within_a_limit() {
    let mut bent = Bent::new(|_, _| None, as_it_is, None);
    assert_eq!(bent.drive(Watch::UntilDone).await.state, DriveState::Done);
    let most = bent.between.most.load(Ordering::SeqCst);
    assert!((2..=8).contains(&most), "{most} at once");
}

#[tokio::test]
async fn a_busy_slack_gets_every_message_later_and_once() {
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    // Every second post finds Slack busy, so that also the rest of what follows is put off.
    let posts = AtomicUsize::new(0);
    let busy = move |what: &str, _: &Request<Bytes>| {
        let odd =
            what.ends_with("/chat.postMessage") && posts.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        odd.then(|| {
            count.fetch_add(1, Ordering::SeqCst);
            429
        })
    };
    let mut bent = Bent::new(busy, as_it_is, None);
    let report = bent.drive(Watch::UntilDone).await;
    assert_eq!((report.state, report.untold), (DriveState::Done, vec![]));
    assert_eq!(bent.story.repeated(), Vec::<String>::new());
    let effects = bent.story.effects();
    assert_eq!(effects.get("slack:completed:4.20.1"), Some(&1), "{effects:?}");
    let told = effects.keys().filter(|key| key.starts_with("slack:")).count();
    assert_eq!(refused.load(Ordering::SeqCst), told, "each was put off once");
}

#[tokio::test]
async fn a_cell_with_links_keeps_the_templates_looks() {
    let fields: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&fields);
    let watch = move |what: &str, request: &Request<Bytes>| {
        if what.starts_with("POST sheets ")
            && let Ok(body) = serde_json::from_slice::<Value>(request.body())
        {
            let named = body["requests"].as_array().into_iter().flatten();
            let named = named.filter_map(|request| request.pointer("/updateCells/fields")?.as_str());
            seen.lock().unwrap().extend(named.map(str::to_owned));
        }
        None
    };
    let mut bent = Bent::new(watch, as_it_is, None);
    bent.drive(Watch::Once).await;
    assert_eq!(*fields.lock().unwrap(), ["userEnteredValue,textFormatRuns"]);
}

/// Lists other trackers at each look.
struct Lists(Mutex<Vec<&'static str>>);

impl Program for Lists {
    fn run(&self, arguments: Vec<String>) -> BoxFuture<'_, Result<Finished, Fault>> {
        let brew = arguments.iter().any(|word| word == "brew");
        let mut lists = self.0.lock().unwrap();
        // One of them is missed in the shipment, too.
        let list = if brew { lists.pop().unwrap_or("{}") } else { r#"{"image":["OCPBUGS-12"]}"# };
        let finished = Finished { exit: Some(0), stdout: list.into(), stderr: Vec::new() };
        Box::pin(std::future::ready(Ok(finished)))
    }
}

#[tokio::test]
async fn missed_trackers_are_listed_once_whatever_the_sheet_lists_already() {
    // Newest first: a tracker that was missed is missed no longer at the second look.
    let looks = vec![r#"{"rpm":["OCPBUGS-12","OCPBUGS-13"]}"#, r#"{"rpm":["OCPBUGS-11","OCPBUGS-12"]}"#];
    let mut bent = Bent::new(|_, _| None, as_it_is, Some(Arc::new(Lists(Mutex::new(looks)))));
    bent.drive(Watch::Once).await;
    bent.story.resets(Task::CheckCveTrackerBug).await.unwrap();
    let report = bent.drive(Watch::Once).await;
    assert_eq!(report.tasks[Task::CheckCveTrackerBug], Status::Pass, "{:?}", report.failed);

    let book = bent.services.sheets.book(&bent.spreadsheet, Timestamp::UNIX_EPOCH);
    let tabs = book.tabs().await.unwrap().unwrap();
    let tab = tabs.iter().find(|tab| tab.title == "4.20.1").unwrap();
    let column = book.read(tab, &["F8:F"]).await.unwrap().remove(0);
    let listed: Vec<&str> =
        column.iter().flatten().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(listed, ["OCPBUGS-11", "OCPBUGS-12", "OCPBUGS-13"]);
}
