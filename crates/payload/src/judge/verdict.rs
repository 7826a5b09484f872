//! The verdict: each test by the rules of the aggregator in use, in their order, and the whole by its tests
//! and runs (reference: payload jobs, b.6, b.8, b.11).
//!
//! Two things are better here than in the aggregator in use: the passes asked for come from the exact test
//! and the real counts of the history instead of a table and a percentage cut to an integer, and any number
//! of attempts can be judged. What the table would have asked for is told beside it
//! ([`TestVerdict::required_by_table`]).
//!
//! Two rules only have a meaning for jobs that test a payload, and plain folders of JUnit files can be judged
//! too:
//!
//! - that some suite of end-to-end tests ran is by default asked only of runs that name their Prow job
//!   ([`SuiteRule`]);
//! - disruption is by default judged only where a run left data of it ([`disruption::Mode`]).

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::discovery::{self, Discoveries};
use super::fisher::{self, Sample};
use super::{Counts, Gathered, History, Tally, TestId, disruption, report};

mod against;
mod reason;

pub use reason::{
    Advice, Basis, Compared, Exemption, NEW_TEST_PERCENT, NEW_TEST_RUNS, Next, Reason, WhyFailed,
};
pub(crate) use reason::{many, times};

/// What can be set. The default is what the aggregator in use does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Fewer attempts than this fail a test.
    pub minimum_attempts: u32,
    /// The percentage that is assumed of a test without history.
    pub new_test_percent: u8,
    /// Whether the history could be asked at all.
    pub history: HistoryState,
    /// More runs than this without an end fail the whole.
    pub tolerated_unfinished: u32,
    /// Of which runs some suite of end-to-end tests is asked.
    pub suites: SuiteRule,
    /// When disruption is judged.
    pub disruption: disruption::Mode,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            minimum_attempts: 6,
            new_test_percent: 70,
            history: HistoryState::Answered,
            tolerated_unfinished: 3,
            suites: SuiteRule::default(),
            disruption: disruption::Mode::default(),
        }
    }
}

/// Whether the history could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistoryState {
    /// It was, so a test that it does not have is new.
    #[default]
    Answered,
    /// It was not: [`UNAVAILABLE_PERCENT`] is assumed of every test.
    Unavailable,
}

/// What is assumed of every test when the history cannot be asked: without it, be strict.
pub const UNAVAILABLE_PERCENT: u8 = 99;

/// When the whole fails because of no suite of end-to-end tests any test ran. Runs that died before their tests would
/// pass otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SuiteRule {
    /// When a finished run names its Prow job; a plain folder of JUnit files is not asked.
    #[default]
    WhereProw,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Part of the name of a suite that tests a payload.
const PAYLOAD_SUITES: [&str; 4] = ["openshift-tests", "e2e", "E2E", disruption::SUITE];

/// The test of which no run may fail.
const MUST_NEVER_FAIL: &str = "Undiagnosed panic detected in pod";

/// The one test whose history in one job is of no use: job, suite, test.
const USELESS_HISTORY: (&str, &str, &str) = (
    "periodic-ci-openshift-release-master-ci-4.10-upgrade-from-stable-4.9-e2e-aws-ovn-upgrade",
    "openshift-tests-upgrade",
    "[sig-network] pods should successfully create sandboxes by other",
);

/// Further passing runs that are tried for [`Next::PassesAfter`].
const RUNS_TRIED: u32 = 50;

/// How a test, or a check, came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Passed.
    Passed,
    /// Failed.
    Failed,
    /// A check of disruption that could not be made; counts as passed.
    Skipped,
}

/// One test judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestVerdict {
    /// The test.
    #[serde(flatten)]
    pub id: TestId,
    /// How it came out.
    pub outcome: Outcome,
    /// Whether it only informs: its failure does not fail the whole.
    pub informing: bool,
    /// Runs with a pass or a failure.
    pub attempts: u32,
    /// Runs with a pass, flakes among them.
    pub passes: u32,
    /// Runs with a failure and no pass.
    pub failures: u32,
    /// Runs with a skipped case.
    pub skips: u32,
    /// Runs with a pass and a failure.
    pub flakes: u32,
    /// What it is measured against; none where that was not asked.
    pub history: Option<Basis>,
    /// The passes asked for, at least one; none where not their number decides.
    pub required: Option<u32>,
    /// The passes that the aggregator in use would ask for, at least one: its table, with the percentage cut to an
    /// integer. None outside the attempts that its table has, and where not the number of passes decides.
    pub required_by_table: Option<u32>,
    /// How probable so few passes are, had nothing changed; none where not their number decides.
    pub p_value: Option<f64>,
    /// The share of false alarms to expect if this test and all that are more suspect are called worse.
    pub q_value: Option<f64>,
    /// Why it came out so.
    #[serde(serialize_with = "reason_with_message")]
    pub reason: Reason,
    /// What further runs would change; none for checks of disruption.
    pub next: Option<Next>,
    /// Advice for a new test.
    pub advice: Option<Advice>,
    /// What the first run that failed it said.
    pub message_of_failure: Option<String>,
    /// For each run that has it, by its index in [`Gathered::runs`].
    #[serde(skip)]
    pub runs: Vec<(usize, Counts)>,
}

impl TestVerdict {
    /// Whether it failed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.outcome == Outcome::Failed
    }

    /// Whether it failed and so fails the whole.
    #[must_use]
    pub fn is_blocking_failure(&self) -> bool {
        self.is_failed() && !self.informing
    }
}

/// The reason's fields, and its sentence as `message`.
fn reason_with_message<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Told<'a> {
        #[serde(flatten)]
        reason: &'a Reason,
        message: String,
    }
    Told { reason, message: reason.to_string() }.serialize(serializer)
}

/// The whole judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether the payload passes this job.
    pub passed: bool,
    /// Runs that came to their end.
    pub attempts: u32,
    /// Runs that did not.
    pub unfinished: u32,
    /// Why it fails; empty when it passes.
    pub reasons: Vec<WhyFailed>,
    /// How much of the tests the history knows; none without a history.
    pub coverage: Option<Coverage>,
    /// What the number of tests means for the failures. Shown beside the verdict; changes nothing in it.
    pub discovery: Discoveries,
    /// What was left out of the judging, and why, and how much the history knows.
    pub notes: Vec<String>,
    /// Why the verdict may mean little or nothing: for whoever reads no notes too.
    pub warnings: Vec<String>,
    /// The tests in the order of [`Gathered::tests`], then the checks of disruption.
    pub tests: Vec<TestVerdict>,
}

impl Verdict {
    /// The tests that failed, those that only inform among them.
    pub fn failed_tests(&self) -> impl Iterator<Item = &TestVerdict> {
        self.tests.iter().filter(|test| test.is_failed())
    }
}

/// How much of the tests the history knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Tests that were judged against it.
    pub tests: u32,
    /// Those that it knows.
    pub known: u32,
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tests, known } = *self;
        if known == tests {
            return match tests {
                1 => f.write_str("the history knows the one test that was judged"),
                _ => write!(f, "the history knows all {}", grouped_tests(tests)),
            };
        }
        write!(f, "the history knows {} of {}", report::grouped(known.into()), grouped_tests(tests))
    }
}

fn grouped_tests(tests: u32) -> String {
    report::counted(tests.into(), "test")
}

/// The fields in their order, and `failed_tests` for those who want no more.
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Verdict", 11)?;
        let reasons: Vec<String> = self.reasons.iter().map(ToString::to_string).collect();
        fields.serialize_field("passed", &self.passed)?;
        fields.serialize_field("attempts", &self.attempts)?;
        fields.serialize_field("unfinished", &self.unfinished)?;
        fields.serialize_field("reasons", &self.reasons)?;
        fields.serialize_field("messages", &reasons)?;
        fields.serialize_field("coverage", &self.coverage)?;
        fields.serialize_field("discovery", &self.discovery)?;
        fields.serialize_field("notes", &self.notes)?;
        fields.serialize_field("warnings", &self.warnings)?;
        fields.serialize_field("failed_tests", &self.failed_tests().collect::<Vec<_>>())?;
        fields.serialize_field("tests", &self.tests)?;
        fields.end()
    }
}

/// Judges what was gathered against what is known of earlier runs.
#[must_use]
pub fn judge(gathered: &Gathered, history: &History, rules: &Rules) -> Verdict {
    let finished = gathered.runs.iter().filter(|run| run.is_finished()).count();
    let job = gathered.runs.iter().filter(|run| run.is_finished()).find_map(|run| run.job.as_deref());
    let mut tests: Vec<TestVerdict> =
        gathered.tests.iter().map(|tally| judge_test(tally, history, rules, job)).collect();
    let mut notes = Vec::new();
    match disruption::judge(gathered, &history.disruption, rules.disruption) {
        Ok(checks) => tests.extend(checks.into_iter().map(disruption::Check::into_verdict)),
        Err(why) => notes.push(why.to_string()),
    }
    let discovery = discovery::discover(&mut tests);
    let coverage = against::coverage(&tests, history, rules);
    let mut warnings = Vec::new();
    match coverage {
        Some(none @ Coverage { known: 0, tests: 1.. }) => {
            warnings.push(against::knows_nothing(none, gathered, history));
        }
        Some(some @ Coverage { tests: 1.., .. }) => notes.push(some.to_string()),
        Some(_) | None => {}
    }
    notes.extend(against::another_job(gathered, history));

    let attempts = count(finished);
    let unfinished = count(gathered.unfinished());
    let mut reasons = Vec::new();
    if unfinished > rules.tolerated_unfinished {
        reasons.push(WhyFailed::TooManyUnfinished { unfinished, tolerated: rules.tolerated_unfinished });
    }
    if finished == 0 {
        reasons.push(WhyFailed::NothingFinished);
    } else if !gathered.tests.iter().any(|test| test.attempts() > 0) {
        reasons.push(WhyFailed::NoTests);
    } else if lacks_payload_suite(&tests, rules.suites, job) {
        reasons.push(WhyFailed::NoPayloadSuite);
    }
    let failed = count(tests.iter().filter(|test| test.is_blocking_failure()).count());
    if failed > 0 {
        reasons.push(WhyFailed::FailedTests { failed });
    }
    let passed = reasons.is_empty();
    Verdict { passed, attempts, unfinished, reasons, coverage, discovery, notes, warnings, tests }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

fn lacks_payload_suite(tests: &[TestVerdict], rule: SuiteRule, job: Option<&str>) -> bool {
    let asked = match rule {
        SuiteRule::WhereProw => job.is_some(),
        SuiteRule::Always => true,
        SuiteRule::Never => false,
    };
    let is_payload_suite = |suite: &str| PAYLOAD_SUITES.iter().any(|part| suite.contains(part));
    // A suite of which every test was skipped tested nothing.
    asked && !tests.iter().any(|test| test.attempts > 0 && is_payload_suite(&test.id.suite))
}

/// What the rules look at in a test's runs.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    attempts: u32,
    passes: u32,
    failed_cases: u32,
    skipped_cases: u32,
    /// Runs with a failure, flakes among them.
    runs_with_failure: u32,
}

impl Numbers {
    fn of(tally: &Tally) -> Self {
        let sum = |part: fn(Counts) -> u32| {
            tally.runs.iter().fold(0u32, |sum, (_, c)| sum.saturating_add(part(*c)))
        };
        Self {
            attempts: tally.attempts(),
            passes: tally.passes(),
            failed_cases: sum(|counts| counts.failures),
            skipped_cases: sum(|counts| counts.skips),
            runs_with_failure: tally.count(|counts| counts.failures > 0),
        }
    }

    const fn with_passing_runs(self, runs: u32) -> Self {
        Self { attempts: self.attempts + runs, passes: self.passes + runs, ..self }
    }

    const fn with_failing_run(self) -> Self {
        Self {
            attempts: self.attempts + 1,
            failed_cases: self.failed_cases + 1,
            runs_with_failure: self.runs_with_failure + 1,
            ..self
        }
    }

    const fn sample(self) -> Sample {
        Sample { passes: self.passes, runs: self.attempts }
    }
}

/// Passes asked of a test: those the verdict takes, at least one, and those of its history before any are forgiven.
fn asked(attempts: u32, history: Sample) -> (u32, u32) {
    let unforgiven = fisher::required(attempts, history);
    (unforgiven.min(attempts.saturating_sub(fisher::ALWAYS_FORGIVEN)).max(1), unforgiven)
}

/// The rules in their order.
fn decide(
    id: &TestId,
    job: Option<&str>,
    numbers: Numbers,
    history: Basis,
    rules: &Rules,
) -> (Outcome, Reason) {
    let Numbers { attempts, passes, failed_cases, skipped_cases, runs_with_failure } = numbers;
    if let Some(because) = exemption(id, job) {
        return (Outcome::Passed, Reason::Exempt { because });
    }
    if attempts == 0 {
        return (Outcome::Passed, Reason::DidNotRun);
    }
    if id.name == MUST_NEVER_FAIL && failed_cases > 0 {
        return (Outcome::Failed, Reason::MustNeverFail { failures: runs_with_failure });
    }
    if passes == 0 && skipped_cases > failed_cases {
        return (Outcome::Passed, Reason::SkipIntended { failures: failed_cases, skips: skipped_cases });
    }
    let failures = attempts - passes;
    if attempts < rules.minimum_attempts {
        let (skips, minimum) = (skipped_cases, rules.minimum_attempts);
        return (Outcome::Failed, Reason::TooFewAttempts { passes, failures, skips, minimum });
    }
    if passes == 0 {
        return (Outcome::Failed, Reason::NoPass { failures, skips: skipped_cases });
    }
    let (required, unforgiven) = asked(attempts, history.sample());
    let unforgiven = (unforgiven > required).then_some(unforgiven);
    let compared = Compared { passes, failures, history, required, unforgiven };
    if passes < required {
        (Outcome::Failed, Reason::TooFewPasses(compared))
    } else {
        (Outcome::Passed, Reason::EnoughPasses(compared))
    }
}

fn exemption(id: &TestId, job: Option<&str>) -> Option<Exemption> {
    if (job, id.suite.as_str(), id.name.as_str())
        == (Some(USELESS_HISTORY.0), USELESS_HISTORY.1, USELESS_HISTORY.2)
    {
        return Some(Exemption::UselessHistory);
    }
    if id.suite == "step graph" {
        return Some(Exemption::StepGraph);
    }
    if id.name.contains("Cluster should remain functional during upgrade") {
        return Some(Exemption::SideEffect);
    }
    if id.name.ends_with("-gather-azure-cli container test") {
        return Some(Exemption::OnlyGathers);
    }
    (id.name == "initialize").then_some(Exemption::Initialize)
}

/// What a test is measured against. A history of no runs says nothing, so the test is taken for new.
fn basis(id: &TestId, history: &History, rules: &Rules) -> Basis {
    if rules.history == HistoryState::Unavailable {
        return Basis::Unavailable { assumed: UNAVAILABLE_PERCENT };
    }
    match history.of(id) {
        Some(super::Past::Counts { passes, runs }) if runs > 0 => {
            Basis::Counts { passes: passes.min(runs), runs }
        }
        Some(super::Past::Percentage { percent }) => Basis::Percentage { percent: percent.min(100) },
        Some(super::Past::Counts { .. }) | None => Basis::New { assumed: rules.new_test_percent.min(100) },
    }
}

fn judge_test(tally: &Tally, history: &History, rules: &Rules, job: Option<&str>) -> TestVerdict {
    let numbers = Numbers::of(tally);
    let basis = basis(&tally.id, history, rules);
    let (outcome, reason) = decide(&tally.id, job, numbers, basis, rules);
    let compared = !matches!(reason, Reason::Exempt { .. } | Reason::DidNotRun | Reason::SkipIntended { .. });
    let by_passes = reason.is_by_passes();
    let Numbers { attempts, passes, .. } = numbers;
    let by_table = || {
        let past = Sample::of_percentage(basis.whole_percent());
        fisher::TABLE.contains(&attempts).then(|| fisher::required_capped(attempts, past).max(1))
    };
    let advice =
        matches!(basis, Basis::New { .. }) && compared && !matches!(reason, Reason::MustNeverFail { .. });
    TestVerdict {
        id: tally.id.clone(),
        outcome,
        informing: tally.informing,
        attempts,
        passes,
        failures: attempts - passes,
        skips: tally.count(|counts| counts.skips > 0),
        flakes: tally.count(Counts::is_flake),
        history: compared.then_some(basis),
        required: by_passes.then(|| asked(attempts, basis.sample()).0),
        required_by_table: by_passes.then(by_table).flatten(),
        p_value: by_passes.then(|| fisher::p_value(numbers.sample(), basis.sample())),
        q_value: None,
        next: Some(next(&tally.id, job, numbers, basis, rules, &reason, outcome)),
        advice: advice.then(|| Advice::of(passes, attempts)),
        message_of_failure: tally.message.clone(),
        reason,
        runs: tally.runs.clone(),
    }
}

/// What further runs would change, found by judging them.
fn next(
    id: &TestId,
    job: Option<&str>,
    numbers: Numbers,
    history: Basis,
    rules: &Rules,
    reason: &Reason,
    outcome: Outcome,
) -> Next {
    let would = |numbers| decide(id, job, numbers, history, rules).0;
    if outcome != Outcome::Failed {
        return match would(numbers.with_failing_run()) {
            Outcome::Failed => Next::OneFailureFails,
            Outcome::Passed | Outcome::Skipped => Next::OneFailureStands,
        };
    }
    if matches!(reason, Reason::MustNeverFail { .. }) {
        return Next::StaysFailed { tried: 0 };
    }
    (1..=RUNS_TRIED)
        .find(|&runs| would(numbers.with_passing_runs(runs)) != Outcome::Failed)
        .map_or(Next::StaysFailed { tried: RUNS_TRIED }, |passing_runs| Next::PassesAfter { passing_runs })
}

#[cfg(test)]
#[path = "verdict/tests.rs"]
mod tests;
