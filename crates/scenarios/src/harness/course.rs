//! A way through a release, undisturbed or with one thing going wrong.

use regatta_engine::{DriveReport, DriveState, Watch};
use regatta_kit::{Status, Task};
use regatta_sandbox::fixtures::{RecordedKind, write_recorded};
use regatta_sandbox::scenario::Scenario;
use regatta_statebox::event::Event;
use regatta_tasks::runner::Runner;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::store::Persist;
use crate::story::{Ended, Mishaps, Story};
use crate::transport::Call;

/// How often a drive that a mishap ended early is run again before that counts as no end at all.
const RUNS_LIMIT: usize = 3;

/// One step of a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A process drives, and comes to this state.
    Drive(DriveState),
    /// A person decides a task.
    Overrides(Task, Status),
    /// A person puts a task back to its beginning.
    Resets(Task),
    /// A person records a blocker, for the whole release.
    Blocks(&'static str),
    /// A person resolves it.
    Resolves(&'static str),
}

/// A world, and the steps through it.
#[derive(Debug, Clone)]
pub struct Course {
    /// Its name.
    pub name: &'static str,
    scenario: Scenario,
    steps: Vec<Step>,
}

/// What happened in one drive of an undisturbed run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Driven {
    pub(crate) calls: Vec<Call>,
    pub(crate) persists: Vec<Persist>,
}

/// A course that was run to its end.
pub(crate) struct Run {
    pub(crate) report: DriveReport,
    pub(crate) effects: BTreeMap<String, u64>,
    pub(crate) history: Vec<Event>,
    pub(crate) drives: Vec<Driven>,
    /// How many of the mishaps came true.
    pub(crate) struck: usize,
    pub(crate) story: Story,
}

impl Course {
    /// A generated release that goes through without anybody.
    #[must_use]
    pub fn generated(seed: u64) -> Self {
        let release = "4.20.1".parse().expect("a release is written here");
        Self {
            name: "generated",
            scenario: Scenario::generated(release, seed),
            steps: vec![Step::Drive(DriveState::Done)],
        }
    }

    /// A recorded release that goes through without anybody.
    #[must_use]
    pub fn accepted() -> Self {
        let steps = vec![Step::Drive(DriveState::Done)];
        Self { name: "accepted", scenario: recorded(RecordedKind::Accepted), steps }
    }

    /// The candidate is rejected. A person has the signature checked again, records a blocker and resolves it, and decides
    /// for the candidate.
    #[must_use]
    pub fn decided() -> Self {
        let steps = vec![
            Step::Drive(DriveState::NeedsHuman),
            Step::Resets(Task::ImageSignedCheck),
            Step::Blocks("OCPBUGS-999"),
            Step::Drive(DriveState::Stopped),
            Step::Resolves("OCPBUGS-999"),
            Step::Overrides(Task::AnalyzeCandidateBuild, Status::Pass),
            Step::Drive(DriveState::Done),
        ];
        Self { name: "decided", scenario: recorded(RecordedKind::Rejected), steps }
    }

    /// The promoted build is rejected. A person lets it fail, which stops the release, and later lets it pass.
    #[must_use]
    pub fn stopped() -> Self {
        let steps = vec![
            Step::Drive(DriveState::NeedsHuman),
            Step::Overrides(Task::AnalyzePromotedBuild, Status::Fail),
            Step::Drive(DriveState::Stopped),
            Step::Overrides(Task::AnalyzePromotedBuild, Status::Pass),
            Step::Drive(DriveState::Done),
        ];
        Self { name: "stopped", scenario: recorded(RecordedKind::PromotedRejected), steps }
    }

    /// All of them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        vec![Self::generated(1), Self::accepted(), Self::decided(), Self::stopped()]
    }

    /// A fresh story of this world.
    #[must_use]
    pub fn story(&self) -> Story {
        Story::in_world(self.scenario.clone())
    }

    /// Runs it with nothing going wrong: the measure of every other run.
    ///
    /// # Panics
    /// When it does not come through: then nothing can be measured.
    pub(crate) async fn undisturbed(&self) -> Run {
        match self.run(self.story(), None).await {
            Ok(run) => run,
            Err(why) => panic!("the course {:?} does not come through undisturbed: {why}", self.name),
        }
    }

    /// Runs it with mishaps in the drive of this number.
    pub(crate) async fn disturbed(&self, drive: usize, mishaps: impl Into<Mishaps>) -> Result<Run, String> {
        let run = self.run(self.story(), Some((drive, mishaps.into()))).await?;
        if run.struck == 0 { Err("the moment never came".to_owned()) } else { Ok(run) }
    }

    /// Runs it with another runner.
    pub(crate) async fn with_runner(&self, runner: Arc<dyn Runner>) -> Result<Run, String> {
        self.run(self.story().with_runner(runner), None).await
    }

    async fn run(&self, mut story: Story, mut disturb: Option<(usize, Mishaps)>) -> Result<Run, String> {
        let (mut drives, mut last, mut struck) = (Vec::new(), None, 0);
        for step in &self.steps {
            let decided = match *step {
                Step::Drive(state) => {
                    let mishaps = disturb.take_if(|(drive, _)| *drive == drives.len());
                    let mishaps = mishaps.map_or_else(Mishaps::none, |(_, mishaps)| mishaps);
                    let (report, driven, came_true) = drive(&mut story, state, mishaps).await?;
                    drives.push(driven);
                    last = Some(report);
                    struck += came_true;
                    continue;
                }
                Step::Overrides(task, verdict) => story.overrides(task, verdict, "seen and judged").await,
                Step::Resets(task) => story.resets(task).await,
                Step::Blocks(text) => story.blocks(text, Vec::new()).await,
                Step::Resolves(text) => story.resolves(text).await,
            };
            decided.map_err(|error| format!("{step:?}: {error}"))?;
        }
        Ok(Run {
            report: last.expect("every course drives"),
            effects: story.effects(),
            history: story.history().await.map_err(|error| error.to_string())?,
            drives,
            struck,
            story,
        })
    }
}

/// Drives until the state is reached, in as many processes as that takes; only the first is disturbed.
async fn drive(
    story: &mut Story,
    wanted: DriveState,
    mishaps: Mishaps,
) -> Result<(DriveReport, Driven, usize), String> {
    let mut mishaps = Some(mishaps);
    let mut first: Option<(Driven, usize)> = None;
    let mut ends = Vec::new();
    for _ in 0..RUNS_LIMIT {
        let process = story.process(mishaps.take().unwrap_or_default());
        let ended = process.drive(story.release, Watch::UntilDone).await;
        let (_, struck) = first.get_or_insert_with(|| {
            let driven = Driven { calls: process.transport.log(), persists: process.store.log() };
            (driven, process.transport.struck() + process.store.struck())
        });
        match ended {
            Ok(Ended::Reported(report)) if report.state == wanted => {
                let (driven, struck) = first.expect("set above");
                return Ok((*report, driven, struck));
            }
            // Whoever is told that a remote or the store failed runs the command again.
            Ok(Ended::Reported(report)) if *struck == 0 || report.state != DriveState::Unavailable => {
                return Err(format!(
                    "came to {:?} in place of {wanted:?}: {:?} {:?} {:?}",
                    report.state, report.why, report.failed, report.waiting
                ));
            }
            Ok(Ended::Reported(report)) => ends.push(format!("{:?}: {:?}", report.state, report.why)),
            Ok(Ended::Died) => ends.push("died".to_owned()),
            Err(error) if *struck == 0 => return Err(format!("ended with an error: {error}")),
            Err(error) => ends.push(error.to_string()),
        }
    }
    Err(format!("did not come to {wanted:?} in {RUNS_LIMIT} runs: {ends:?}"))
}

fn recorded(kind: RecordedKind) -> Scenario {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let release = write_recorded(folder.path(), kind);
    Scenario::replay(folder.path(), None, Some(release), 1).expect("what was just written can be read")
}
