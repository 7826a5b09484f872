//! Documents as production leaves them, made up: with every variant that its files are known to have.
//!
//! For tests, here and in the crates above. Everything is fixed by the seed.

use jiff::{SignedDuration, Timestamp};
use regatta_kit::ids::chance;
use regatta_kit::{Release, Task};
use serde_json::{Map, Value, json};

use crate::document::{Layout, seconds};

/// One way in which files differ from the plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Nothing odd.
    Plain,
    /// `metadata.qe_owner: null` first.
    QeOwner,
    /// Times with microseconds and an offset.
    EarlyTimes,
    /// Candidates of four architectures.
    AllArches,
    /// No candidate named.
    NoCandidate,
    /// A third advisory.
    Microshift,
    /// Tasks that are not of the flow.
    OtherTasks,
    /// Issues that name a task which is not of the flow.
    OtherRelatedTask,
    /// A task that ended before it began.
    EndsBeforeItBegins,
    /// A task without a text.
    NoResult,
    /// Issues: open and resolved, general and of tasks, blockers and not.
    Issues,
    /// A text with lines that end in spaces.
    TrailingSpaces,
    /// A text with tabs, colours and characters of all kinds.
    OddCharacters,
    /// A task that runs, one that failed.
    Unfinished,
    /// No shipment merge request.
    NoShipment,
    /// Fields that nobody here knows, at every level.
    UnknownFields,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Plain,
        Self::QeOwner,
        Self::EarlyTimes,
        Self::AllArches,
        Self::NoCandidate,
        Self::Microshift,
        Self::OtherTasks,
        Self::OtherRelatedTask,
        Self::EndsBeforeItBegins,
        Self::NoResult,
        Self::Issues,
        Self::TrailingSpaces,
        Self::OddCharacters,
        Self::Unfinished,
        Self::NoShipment,
        Self::UnknownFields,
    ];
}

/// A document of production's own, as a tree.
///
/// # Panics
/// Never: the times it counts from are fixed.
#[must_use]
pub fn tree(release: Release, seed: u64, variants: &[Variant]) -> Value {
    let has = |variant: Variant| variants.contains(&variant);
    let begin = Timestamp::from_second(1_770_000_000).expect("a time of 2026");
    let draw = |what: &str, n: u64, most: u64| chance(seed, "fixture", what, n) % most;
    let mut clock = begin;
    let mut next = |n: u64| {
        clock += SignedDuration::from_secs(i64::try_from(60 + draw("step", n, 5000)).unwrap_or(60));
        clock
    };
    let time = |at: Timestamp| {
        if has(Variant::EarlyTimes) {
            at.strftime("%Y-%m-%dT%H:%M:%S.266929+00:00").to_string()
        } else {
            seconds(at)
        }
    };

    let mut metadata = Map::new();
    if has(Variant::QeOwner) {
        metadata.insert("qe_owner".into(), Value::Null);
    }
    metadata.insert("jira_ticket".into(), format!("ART-{}", 10_000 + draw("ticket", 0, 9000)).into());
    let rpm = 150_000 + draw("advisory", 0, 9000);
    metadata.insert("advisory_ids".into(), json!({ "rpm": rpm, "rhcos": rpm + 1 }));
    if has(Variant::Microshift) {
        metadata["advisory_ids"]["microshift"] = (rpm + 2).into();
    }
    metadata.insert("release_date".into(), "2026-Feb-19".into());
    let mut builds = Map::new();
    for (arch, infix) in [("s390x", "-s390x"), ("aarch64", "-arm64"), ("ppc64le", "-ppc64le"), ("x86_64", "")]
    {
        if !has(Variant::NoCandidate) && (arch == "x86_64" || has(Variant::AllArches)) {
            builds.insert(
                arch.into(),
                format!("{}.0-0.nightly{infix}-2026-02-01-035740", release.stream).into(),
            );
        }
    }
    metadata.insert("candidate_builds".into(), Value::Object(builds));
    let mr = format!(
        "https://gitlab.example.com/hybrid-platforms/art/shipment-data/-/merge_requests/{}",
        100 + draw("mr", 0, 900)
    );
    metadata.insert("shipment_mr".into(), if has(Variant::NoShipment) { Value::Null } else { mr.into() });

    let mut tasks = Vec::new();
    let created = next(0);
    for (n, task) in (1u64..).zip(Task::ALL.into_iter().skip(1)) {
        let (began, ended) = (next(n), next(n + 100));
        let unfinished = has(Variant::Unfinished) && n >= 8;
        let status = if !unfinished {
            "Pass"
        } else if n == 8 {
            "Fail"
        } else {
            "In Progress"
        };
        let mut entry = json!({
            "name": task.name(),
            "status": status,
            "started_at": time(began),
            "completed_at": if status == "In Progress" { Value::Null } else { time(ended).into() },
            "result": result(task, began, ended, status, has(Variant::TrailingSpaces), has(Variant::OddCharacters)),
        });
        if has(Variant::EndsBeforeItBegins) && n == 3 {
            entry["completed_at"] = time(began - SignedDuration::from_hours(4)).into();
        }
        if has(Variant::NoResult) && n == 5 {
            entry["result"] = Value::Null;
        }
        if has(Variant::UnknownFields) && n == 2 {
            entry["reviewed_by"] = "yes".into();
        }
        tasks.push(entry);
        if unfinished && status == "In Progress" {
            break;
        }
    }
    if has(Variant::OtherTasks) {
        for name in ["update-bug-list", "check-greenwave-cvp-tests"] {
            tasks.push(json!({ "name": name, "status": "Pass", "started_at": time(created), "completed_at": time(created), "result": "done" }));
        }
    }

    let mut issues = Vec::new();
    if has(Variant::Issues) || has(Variant::OtherRelatedTask) {
        let mut issue = |n: u64, text: &str, blocker: bool, names: &[&str], resolution: Option<&str>| {
            let reported = next(200 + n);
            let mut entry = json!({
                "issue": text,
                "reported_at": time(reported),
                "resolved": resolution.is_some(),
                "resolution": resolution,
                "blocker": blocker,
                "related_tasks": names,
            });
            if resolution.is_some() {
                entry["resolved_at"] = time(next(300 + n)).into();
            }
            issues.push(entry);
        };
        issue(
            1,
            "Stage pipeline: 3 of 120 cases failed on AWS, see the run",
            true,
            &["stage-testing"],
            Some("Flake: passed on the next run"),
        );
        issue(2, "ART asked to wait # until noon", false, &[], Some("It's done: shipped"));
        issue(
            3,
            "CVE tracker bugs are missing from the advisory, and this sentence is long enough to be broken over lines",
            true,
            &["check-cve-tracker-bug"],
            None,
        );
        issue(4, "General hold", true, &[], None);
        if has(Variant::OtherRelatedTask) {
            issue(
                5,
                "An alert is open",
                true,
                &["change-advisory-status", "check-rhcos-security-alerts"],
                Some("closed"),
            );
        }
    }

    let updated = next(400);
    let mut root = Map::new();
    root.insert("schema_version".into(), "1.0".into());
    root.insert("release".into(), release.to_string().into());
    root.insert("created_at".into(), time(created).into());
    root.insert("updated_at".into(), seconds(updated).into());
    root.insert("metadata".into(), Value::Object(metadata));
    if has(Variant::UnknownFields) {
        root["metadata"]["art_contact"] = json!({ "channel": "#art: releases", "since": 2024 });
        root.insert("notes".into(), json!(["first", ["nested", { "deep": null }], {}, []]));
    }
    root.insert("tasks".into(), Value::Array(tasks));
    root.insert("issues".into(), Value::Array(issues));
    Value::Object(root)
}

fn result(task: Task, began: Timestamp, ended: Timestamp, status: &str, trailing: bool, odd: bool) -> String {
    let line = |at: Timestamp, text: &str| format!("{}: INFO: {text}", seconds(at));
    match task {
        Task::AnalyzeCandidateBuild => "All blocking tests passed BO3 verification. Candidate build: 4.20.0-0.nightly-2026-02-01-035740 (6 jobs total, accepted=true)".to_owned(),
        Task::AnalyzePromotedBuild => "accepted, without further words".to_owned(),
        _ => {
            let pad = if trailing && task == Task::StageTesting { "   " } else { "" };
            let odd = if odd && task == Task::ImageSignedCheck { "\n\tcolour \u{1b}[31mred\u{1b}[0m, é, 日本, \u{1f6a2}, \"quoted\", back\\slash" } else { "" };
            format!(
                "{}{pad}\n{}{odd}\n\n{}",
                line(began, &format!("task [{task}] status is changed to [In Progress]")),
                line(ended, "QA Owner of advisory is updated to [EMAIL_REDACTED]"),
                line(ended, &format!("task [{task}] status is changed to [{status}]")),
            )
        }
    }
}

/// The text of a document with these variants.
#[must_use]
pub fn text(release: Release, seed: u64, variants: &[Variant], layout: Layout) -> String {
    crate::document::Document::write(&tree(release, seed, variants), layout)
}

/// One text a variant, and some that mix several.
#[must_use]
pub fn all(release: Release, layout: Layout) -> Vec<(String, String)> {
    let mut texts: Vec<_> =
        Variant::ALL.iter().map(|v| (format!("{v:?}"), text(release, 1, &[*v], layout))).collect();
    for seed in 2..12 {
        let mixed: Vec<Variant> = Variant::ALL
            .into_iter()
            .enumerate()
            .filter(|(i, _)| chance(seed, "mix", "", *i as u64).is_multiple_of(3))
            .map(|(_, v)| v)
            .collect();
        texts.push((format!("{mixed:?}"), text(release, seed, &mixed, layout)));
    }
    texts
}
