//! The simulator: whole releases in one process, one after the other, in which a great deal goes wrong.
//!
//! A voyage is one release. Everything of it follows from its seed: how long things take, which requests meet which
//! fault, where drivers die, whether two of them drive at once, where the state is kept, and whether a person has to
//! decide. It sails until the release is done and is then surveyed: every effect at most once, every task passed, nothing
//! that was written lost, nobody left untold. A voyage that ends otherwise is a wreck, and its seed repeats it.

mod course;
mod survey;

use regatta_engine::{DriveState, EngineError, Watch};
use regatta_kit::{ErrorClass, Status, Task};
use regatta_sandbox::faults::{Fault, Mix};
use regatta_sandbox::scenario::Scenario;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::story::{Ended, Process, Story};
use course::Course;

/// A voyage needs no more drives than this; more means that it sails in a circle.
const DRIVES_LIMIT: usize = 60;

/// What happened on a voyage that ended well.
#[derive(Debug, Clone, Default)]
pub struct Logbook {
    /// Requests that reached the world.
    pub requests: u64,
    /// Effects at the world, each made once.
    pub effects: u64,
    /// Faults met, by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// Drivers that died, and were replaced.
    pub crashes: u64,
    /// Drives that ended without having finished, and were begun again.
    pub resumed: u64,
    /// Drives beside which another process drove the same release.
    pub in_company: u64,
    /// Questions that a person answered.
    pub decisions: u64,
    /// Entries of the history.
    pub entries: u64,
    /// Virtual time from the start to the end, seconds.
    pub virtual_seconds: u64,
}

impl Logbook {
    /// Adds another voyage's figures.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.effects += other.effects;
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        self.crashes += other.crashes;
        self.resumed += other.resumed;
        self.in_company += other.in_company;
        self.decisions += other.decisions;
        self.entries += other.entries;
        self.virtual_seconds += other.virtual_seconds;
    }
}

/// A voyage that did not end as it should.
#[derive(Debug, Clone, thiserror::Error)]
#[error("seed {seed}: {}", faults.join("; "))]
pub struct Wreck {
    /// The seed that repeats it.
    pub seed: u64,
    /// What is wrong, a line each.
    pub faults: Vec<String>,
    /// The release's history and what the world saw, in order of time.
    pub log: Vec<String>,
}

/// One voyage.
pub struct Voyage {
    seed: u64,
    course: Course,
    story: Story,
    logbook: Logbook,
    ledger: Arc<survey::Acknowledged>,
}

impl Voyage {
    /// The voyage of this seed.
    #[must_use]
    pub fn of(seed: u64, mix: Mix) -> Self {
        let course = Course::of(seed, mix);
        let release = course.release();
        let scenario = match course.candidate_rejected() {
            true => Scenario::generated_with_rejected_candidate(release, seed),
            false => Scenario::generated(release, seed),
        };
        let ledger = Arc::new(survey::Acknowledged::default());
        let story = Story::in_world(scenario.with_faults(mix)).with_store_of(ledger.around(course.store()));
        Self { seed, course, story, logbook: Logbook::default(), ledger }
    }

    /// Sails to the end.
    ///
    /// # Errors
    /// A wreck, with everything to see why.
    pub async fn sail(mut self) -> Result<Logbook, Box<Wreck>> {
        let began = self.story.clock().now();
        let ended = self.drive_to_the_end().await;
        let mut faults: Vec<String> = ended.err().into_iter().collect();
        if faults.is_empty() {
            faults.extend(survey::faults(&self.story, &self.ledger).await);
        }
        if !faults.is_empty() {
            let log = survey::log(&self.story).await;
            return Err(Box::new(Wreck { seed: self.seed, faults, log }));
        }
        let world = self.story.clock().world();
        let passed = self.story.clock().now().duration_since(began).as_secs();
        self.logbook.requests = self.story.requests();
        self.logbook.effects = self.story.effects().values().sum();
        self.logbook.faults = world.faults().injected();
        self.logbook.entries = self.ledger.entries();
        self.logbook.virtual_seconds = u64::try_from(passed).unwrap_or_default();
        Ok(self.logbook)
    }

    async fn drive_to_the_end(&mut self) -> Result<(), String> {
        for nth in 0..DRIVES_LIMIT {
            let ends = self.drive(nth).await?;
            let mut open = None;
            for end in ends.into_iter().flatten() {
                match end {
                    Ended::Died => self.logbook.crashes += 1,
                    Ended::Reported(report) => match report.state {
                        DriveState::Done if report.untold.is_empty() => return Ok(()),
                        DriveState::NeedsHuman => open = report.needs_human.into_iter().next(),
                        DriveState::Stopped => {
                            return Err(format!("stopped: {:?} {:?}", report.failed, report.issues));
                        }
                        // A service away, a credential expired, or nothing more to wait for in this drive.
                        // Done, and a message waits for its channel: the report says so, and it is run again.
                        DriveState::Done
                        | DriveState::Conflict
                        | DriveState::Waiting
                        | DriveState::Unavailable
                        | DriveState::NeedsCredentials => {}
                    },
                }
            }
            self.logbook.resumed += 1;
            if let Some(question) = open {
                if question.task != Task::AnalyzeCandidateBuild || !self.course.candidate_rejected() {
                    return Err(format!("asks a person: {}", question.question));
                }
                let decided =
                    self.story.overrides(question.task, Status::Pass, "infrastructure, seen by hand").await;
                // A person whose command fails gives it again.
                self.logbook.decisions += u64::from(decided.is_ok());
            }
        }
        Err(format!("not done after {DRIVES_LIMIT} drives"))
    }

    /// The next drive: one process, or two at once.
    async fn drive(&mut self, nth: usize) -> Result<Vec<Option<Ended>>, String> {
        let release = self.story.release;
        let one = self.story.process(self.course.mishaps(nth, 0));
        let sail = async |process: Process| {
            match process.drive(release, Watch::UntilDone).await {
                Ok(ended) => Ok(Some(ended)),
                // The person who runs it is told what is away, and runs it again.
                Err(EngineError::Store(error)) if error.class() != ErrorClass::NeedsPerson => Ok(None),
                Err(EngineError::Service(error)) if error.class() == ErrorClass::Transient => Ok(None),
                Err(error) => Err(format!("the drive failed: {error}")),
            }
        };
        if self.course.sails_with_another(nth) {
            self.logbook.in_company += 1;
            let other = self.story.process(self.course.mishaps(nth, 1));
            let (one, other) = tokio::join!(sail(one), sail(other));
            return Ok(vec![one?, other?]);
        }
        Ok(vec![sail(one).await?])
    }
}
