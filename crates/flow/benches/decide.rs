//! What one decision costs, at four moments of a release.

use divan::{Bencher, black_box};
use regatta_flow::decide;
use regatta_flow::facts::{
    Answer, BuildFact, Facts, FinalGo, Ground, Looked, Phase, Promotion, Seen, Standing, TaskFact,
};
use regatta_kit::{Build, Status, Task, TaskMap, Timestamp};

fn main() {
    divan::main();
}

fn now() -> Timestamp {
    "2026-03-05T09:00:00Z".parse().expect("an instant is written here")
}

fn known<T>(value: T) -> Looked<T> {
    let seen = Seen::Known { value, at: now(), digest: "0123456789abcdef".to_owned() };
    Looked { seen, looked_at: Some(now()), trouble: None }
}

/// A release in which the first `passed` tasks are done and the next two run.
fn facts(passed: usize) -> Facts {
    let build: Build = "4.20.1".parse().expect("a release is written here");
    let candidate: Build = "4.20.0-0.nightly-2026-03-03-074859".parse().expect("a nightly is written here");
    let Build::Release(release) = build else { unreachable!("a release is written here") };
    Facts {
        release,
        now: now(),
        opened_at: now(),
        policy: regatta_flow::Policy::default(),
        release_date: Some(jiff::civil::date(2026, 3, 11)),
        tasks: TaskMap::from_fn(|task| {
            let place = task as usize;
            let mut fact = TaskFact::fresh(now());
            if place < passed {
                fact.status = Status::Pass;
                fact.ground = Some(Ground::Evidence("0123456789abcdef".to_owned()));
            } else if place < passed + 2
                && !matches!(task, Task::AnalyzeCandidateBuild | Task::AnalyzePromotedBuild)
            {
                fact.status = Status::InProgress;
                let what = "https://jenkins.example.com/job/zstreams/job/Stage-Pipeline/864/".to_owned();
                fact.answer = Some(Answer::Running { what, since: now(), look_again: Timestamp::MAX });
            }
            fact
        }),
        promotion: known(Promotion { phase: Phase::Accepted, failing_jobs: Vec::new() }),
        candidate: BuildFact { build: Some(candidate), file: known(Standing::Accepted) },
        promoted: BuildFact { build: Some(build), file: known(Standing::Accepted) },
        issues: Vec::new(),
        overrides: Vec::new(),
        final_go: FinalGo::NotGiven,
    }
}

#[divan::bench(args = [0, 3, 6, 10])]
fn with_tasks_passed(bencher: Bencher<'_, '_>, passed: usize) {
    let facts = facts(passed);
    bencher.bench_local(|| decide(black_box(&facts)));
}
