//! Each kind of fault as a client sees it: over real sockets byte by byte, and in process.

use super::*;
use crate::clock::{Pace, ScenarioClock};
use crate::faults::{Outage, RequestRule};
use crate::scenario::Scenario;
use crate::serve::{PortPlan, ServeOptions, Served, serve, services};
use jiff::SignedDuration;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A served world and its clock.
struct Bench {
    clock: ScenarioClock,
    served: Served,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let world = World::new(Scenario::generated("4.20.1".parse().unwrap(), 1));
        let clock = ScenarioClock::new(world, Pace::Max);
        let folder = tempfile::tempdir().unwrap();
        let options = ServeOptions {
            ports: PortPlan::Free,
            folder: folder.path().to_owned(),
            elliott: "regatta elliott".to_owned(),
            store: "memory:".to_owned(),
        };
        let served = serve(&clock, &options).await.unwrap();
        Self { clock, served, _folder: folder }
    }

    fn next(&self, service: &str, fault: Fault) {
        self.clock.world().faults().add(RequestRule::on(service, fault).into());
    }

    async fn ask(&self, service: &str, method: &str, target: &str, body: &str) -> Seen {
        let mut socket =
            TcpStream::connect(self.served.urls[service].strip_prefix("http://").unwrap()).await.unwrap();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: sandbox\r\nauthorization: Basic dXNlcjp0b2tlbg==\r\n\
             private-token: t\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        socket.read_to_end(&mut bytes).await.unwrap();
        Seen::of(&bytes)
    }

    /// The job's page of Jenkins: JSON of some length.
    async fn job(&self) -> Seen {
        self.ask("jenkins", "GET", JOB, "").await
    }

    /// ART's release data: YAML.
    async fn data(&self) -> Seen {
        self.ask("raw", "GET", DATA, "").await
    }

    async fn trigger(&self) -> Seen {
        self.ask("jenkins", "POST", TRIGGER, "").await
    }

    fn triggered(&self) -> u64 {
        self.clock.world().effects().counts().get("trigger:stage-testing").copied().unwrap_or_default()
    }
}

const JOB: &str = "/job/zstreams/job/Stage-Pipeline/api/json";
const TRIGGER: &str = "/job/zstreams/job/Stage-Pipeline/buildWithParameters?VERSION=4.20";
const DATA: &str = "/openshift-eng/ocp-build-data/openshift-4.20/releases.yml";

/// What came over the socket before it was closed. Status 0: nothing at all.
#[derive(Debug)]
struct Seen {
    status: u16,
    head: String,
    body: String,
}

impl Seen {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    /// The length announced.
    fn announced(&self) -> Option<usize> {
        self.head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_a_connection_that_ends_and_tells_apart_what_was_done() {
    let bench = Bench::new().await;
    bench.next("jenkins", Fault::Refused);
    assert_eq!((bench.trigger().await.status, bench.triggered()), (0, 0));
    bench.next("jenkins", Fault::LostAnswer);
    assert_eq!((bench.trigger().await.status, bench.triggered()), (0, 1));
    assert_eq!(bench.job().await.status, 200, "the next connection is taken");
}

#[tokio::test]
async fn a_reset_and_a_flood_come_after_it_was_done_and_break_off() {
    let bench = Bench::new().await;
    let whole = bench.job().await.body.len();
    bench.next("jenkins", Fault::Reset);
    let reset = bench.job().await;
    assert_eq!((reset.status, reset.announced(), reset.body.len()), (200, Some(whole), whole / 2));

    bench.next("jenkins", Fault::Oversized);
    let flood = bench.job().await;
    assert_eq!((flood.announced(), flood.body.len()), (Some(1 << 40), whole / 2));

    // A trigger's answer has no body to cut.
    bench.next("jenkins", Fault::Reset);
    assert_eq!((bench.trigger().await.status, bench.triggered()), (0, 1));
}

#[tokio::test]
async fn json_is_cut_within_its_framing_and_text_breaks_off() {
    let bench = Bench::new().await;
    let whole = (bench.job().await, bench.data().await);
    assert!(whole.0.json().is_some());
    bench.next("jenkins", Fault::Truncated);
    let json = bench.job().await;
    assert_eq!(json.announced(), Some(json.body.len()));
    assert!(json.json().is_none() && whole.0.body.starts_with(&json.body));

    bench.next("raw", Fault::Truncated);
    let yaml = bench.data().await;
    assert_eq!(yaml.announced(), Some(whole.1.body.len()));
    assert!(yaml.body.len() < whole.1.body.len() && !yaml.body.is_empty());
}

#[tokio::test]
async fn slow_answers_are_whole_and_another_page_is_none_of_it() {
    let bench = Bench::new().await;
    let whole = bench.job().await.body;
    for fault in [Fault::Latency, Fault::Drip, Fault::Twice] {
        bench.next("jenkins", fault);
        assert_eq!(bench.job().await.body, whole, "{fault}");
    }
    bench.next("jenkins", Fault::Malformed);
    let page = bench.job().await;
    assert!(page.status == 200 && page.body.starts_with("<!DOCTYPE html>"), "{page:?}");
}

#[tokio::test]
async fn what_answers_in_the_place_of_a_service_does_nothing_for_it() {
    let bench = Bench::new().await;
    for (fault, status) in [
        (Fault::Limited, 429),
        (Fault::LimitedSilently, 429),
        (Fault::InternalError, 500),
        (Fault::BadGateway, 502),
        (Fault::Unavailable, 503),
        (Fault::Expired, 401),
        (Fault::Conflict, 409),
    ] {
        bench.next("jenkins", fault);
        let seen = bench.trigger().await;
        assert_eq!((seen.status, bench.triggered()), (status, 0), "{fault}");
        assert_eq!(seen.head.contains("retry-after: "), fault == Fault::Limited);
    }
    bench.next("slack", Fault::Expired);
    let slack = bench.ask("slack", "POST", "/api/auth.test", "").await;
    assert_eq!((slack.status, &slack.json().unwrap()["error"]), (200, &"token_expired".into()));
}

#[tokio::test]
async fn what_is_delivered_twice_counts_once_where_the_remote_sees_to_it_and_twice_where_not() {
    let bench = Bench::new().await;
    bench.next("jenkins", Fault::Twice);
    assert_eq!((bench.trigger().await.status, bench.triggered()), (201, 1));

    let iid = bench.clock.world().scenario().merge_request_iid().unwrap();
    let project = "/api/v4/projects/hybrid-platforms%2Fart%2Focp-shipment-data/merge_requests";
    bench.next("gitlab", Fault::Twice);
    let approved = bench.ask("gitlab", "POST", &format!("{project}/{iid}/approve"), "").await;
    assert_eq!(approved.status, 401, "the second is refused, and its answer comes back");
    bench.next("gitlab", Fault::Twice);
    let noted = bench.ask("gitlab", "POST", &format!("{project}/{iid}/notes?body=x"), "").await;
    assert_eq!(noted.status, 201, "{noted:?}");

    let effects = bench.clock.world().effects().counts();
    assert_eq!((effects["approve:shipment-mr"], effects["note:unmarked"]), (1, 2));
    assert_eq!(bench.clock.world().faults().injected(), BTreeMap::from([(Fault::Twice, 3)]));
}

#[tokio::test]
async fn a_service_that_is_away_is_back_when_its_time_has_come() {
    let bench = Bench::new().await;
    let world = bench.clock.world();
    let hours = |hours| world.now() + SignedDuration::from_hours(hours);
    world.faults().add(Outage::down("jenkins", world.now(), hours(2)).into());
    world.faults().add(Outage::expired("jenkins", hours(2), hours(5)).into());
    let (first, second) = (hours(2), hours(5));
    assert_eq!(bench.job().await.status, 0);
    world.advance_to(first);
    assert_eq!(bench.job().await.status, 401);
    world.advance_to(second);
    assert_eq!(bench.job().await.status, 200);
}

#[tokio::test]
async fn in_process_a_cut_is_an_extension_and_a_broken_body_fails_to_be_read() {
    let world = World::new(Scenario::generated("4.20.1".parse().unwrap(), 1));
    let clock = ScenarioClock::new(world, Pace::Max);
    let (_, raw) = services(&clock).into_iter().find(|(name, _)| *name == "raw").unwrap();
    let get = async |fault: Fault| {
        clock.world().faults().add(RequestRule::on("raw", fault).into());
        let request = http::Request::get(DATA).header("host", "raw.sandbox").body(Body::empty()).unwrap();
        let answer = raw.answer(request).await;
        let cut = answer.extensions().get::<Unanswered>().copied();
        (cut, to_bytes(answer.into_body(), BODY_LIMIT).await.map(|body| body.len()).ok())
    };
    assert_eq!(get(Fault::Refused).await.0, Some(Unanswered::Refused));
    assert_eq!(get(Fault::LostAnswer).await.0, Some(Unanswered::Cut));
    for fault in [Fault::Reset, Fault::Truncated, Fault::Oversized] {
        assert_eq!(get(fault).await, (None, None), "{fault}");
    }
    let (_, whole) = get(Fault::Latency).await;
    assert_eq!(get(Fault::Drip).await, (None, whole));
}

#[tokio::test]
async fn faults_are_set_shown_and_taken_back_by_the_control_service_which_has_none_itself() {
    let bench = Bench::new().await;
    let control = async |method: &str, body: &str| bench.ask("control", method, "/faults", body).await;
    let set = control(
        "POST",
        r#"[{"service": "jenkins", "fault": "unavailable", "pass": 1, "times": 2},
            {"service": "errata", "outage": "down", "from": "1h", "until": "3h"}]"#,
    )
    .await;
    assert_eq!(set.status, 200, "{set:?}");
    let statuses = [bench.job().await.status, bench.job().await.status];
    assert_eq!(statuses, [200, 503]);
    let shown = control("GET", "").await.json().unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap(), @r#"
    {
      "mix": "none",
      "planned": [],
      "rules": [
        {
          "service": "jenkins",
          "fault": "unavailable",
          "left": {
            "pass": 0,
            "times": 1
          }
        },
        {
          "service": "errata",
          "outage": "down",
          "from": "2026-03-05T10:00:00Z",
          "until": "2026-03-05T13:00:00Z"
        }
      ],
      "injected": {
        "unavailable": {
          "jenkins": 1
        }
      },
      "clock_jumps": 0
    }
    "#);

    let wrong = control(
        "POST",
        r#"[{"service": "jira", "fault": "reset"}, {"service": "jira", "fault": "gremlin"}]"#,
    )
    .await;
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.body.starts_with("fault 2: fault: \"gremlin\" is none of latency, refused,"),
        "{}",
        wrong.body
    );
    assert_eq!(control("GET", "").await.json().unwrap()["rules"].as_array().unwrap().len(), 2, "all or none");

    assert_eq!(control("DELETE", "").await.status, 204);
    assert_eq!(bench.job().await.status, 200);
    let shown = control("GET", "").await.json().unwrap();
    assert_eq!(
        (&shown["rules"], &shown["injected"]["unavailable"]["jenkins"]),
        (&serde_json::json!([]), &1.into())
    );
}

#[tokio::test]
async fn a_world_that_is_dropped_hangs_up_on_everybody() {
    let bench = Bench::new().await;
    let address = bench.served.urls["jenkins"].strip_prefix("http://").unwrap().to_owned();
    let mut idle = TcpStream::connect(&address).await.unwrap();
    idle.write_all(b"GET /login HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut some = [0; 16];
    idle.read_exact(&mut some).await.unwrap();
    let clock = bench.served.urls["clock"].replace("http", "ws");
    let (mut driver, _) = tokio_tungstenite::connect_async(format!("{clock}/attach")).await.unwrap();
    assert!(futures_util::StreamExt::next(&mut driver).await.unwrap().is_ok(), "the clock's greeting");
    let Bench { clock, served, .. } = bench;
    assert_eq!(clock.attached(), 1);
    drop(served);
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    while let Some(Ok(_)) = futures_util::StreamExt::next(&mut driver).await {}
    assert_eq!(clock.attached(), 0);
    assert!(TcpStream::connect(&address).await.is_err());
}
