//! Facts in, legal moves out.

use jiff::Timestamp;
use regatta_kit::{Overall, Status, Task};

use crate::facts::{
    Answer, Blocker, Facts, FinalGo, Ground, Phase, Promotion, Seen, Standing, Trouble, TroubleKind, after,
};
use crate::gate::{Begun, Judgement, build_of, is_contrary, judge};
use crate::overall::{finished, overall, stopped_by};
use crate::policy::FinalApproval;
use crate::question::{Kind as Asking, Question};
use crate::table::{self, Condition, Kind, limits, row};
use crate::wait::{On, ServiceState, Wait};

/// A fact on the outside that can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The release controller's word for the release.
    Promotion,
    /// The candidate's result file.
    Candidate,
    /// The promoted build's result file.
    Promoted,
}

/// A legal move.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Move {
    /// Look at a fact whose last look is too old.
    Look(Subject),
    /// Start a task.
    Start(Task),
    /// Look after a task that is in progress.
    Check(Task),
    /// An analysis comes to a question: it is under way.
    Begin(Task),
    /// An analysis comes to a verdict.
    Conclude {
        /// The analysis.
        task: Task,
        /// Pass or Fail.
        to: Status,
        /// The verdict in one sentence.
        why: String,
        /// Names the evidence.
        digest: String,
    },
    /// A failure's evidence changed: the task goes back to its beginning.
    Reset {
        /// The task.
        task: Task,
        /// What changed.
        why: String,
    },
}

/// What follows from the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What may be done now, looks first, then tasks in table order.
    pub moves: Vec<Move>,
    /// Why each unfinished task without a move waits.
    pub waits: Vec<Wait>,
    /// What only a person can settle.
    pub needs_human: Vec<Question>,
    /// The task whose failure stopped the release.
    pub stopped: Option<Task>,
    /// Computed.
    pub overall: Overall,
    /// Whether everything is done.
    pub finished: bool,
    /// When something is to be looked at again.
    pub next_look: Option<Timestamp>,
    /// When mere time would change this decision: a wait that becomes a question.
    pub next_deadline: Option<Timestamp>,
}

/// Decides. Total, pure, and as often as one likes.
#[must_use]
pub fn decide(facts: &Facts) -> Decision {
    let mut decider = Decider {
        facts,
        stopped: stopped_by(facts),
        looks: Vec::new(),
        moves: Vec::new(),
        waits: Vec::new(),
        questions: Vec::new(),
        deadlines: Vec::new(),
        looks_due: Vec::new(),
    };
    for task in Task::ALL {
        decider.task(task);
    }
    decider.finish()
}

struct Decider<'a> {
    facts: &'a Facts,
    stopped: Option<Task>,
    looks: Vec<Move>,
    moves: Vec<Move>,
    waits: Vec<Wait>,
    questions: Vec<Question>,
    deadlines: Vec<Timestamp>,
    looks_due: Vec<Timestamp>,
}

impl Decider<'_> {
    fn finish(mut self) -> Decision {
        let now = self.facts.now;
        self.looks.append(&mut self.moves);
        let next_look = self
            .waits
            .iter()
            .filter_map(|w| w.check_after)
            .chain(self.looks_due.iter().copied())
            .filter(|at| *at > now)
            .min();
        Decision {
            moves: self.looks,
            waits: self.waits,
            needs_human: self.questions,
            stopped: self.stopped,
            overall: overall(self.facts),
            finished: finished(self.facts),
            next_look,
            next_deadline: self.deadlines.into_iter().filter(|at| *at > now).min(),
        }
    }

    fn task(&mut self, task: Task) {
        let kind = row(task).kind;
        match (self.facts.tasks[task].status, kind) {
            (Status::Pass, Kind::Analysis) => self.passed_analysis(task),
            (Status::Fail, Kind::Analysis) => self.failed_analysis(task),
            (Status::Pass | Status::Fail, _) => {}
            (Status::NotStarted | Status::InProgress, Kind::Analysis) => self.open_analysis(task),
            (Status::InProgress, _) => self.running(task),
            (Status::NotStarted, _) => self.waiting_to_start(task),
        }
    }

    // --- tasks that a runner does ------------------------------------------------------------------------------------

    fn waiting_to_start(&mut self, task: Task) {
        if let Some(on) = self.shut(task) {
            self.wait(task, on, self.facts.tasks[task].since, None);
            return;
        }
        if task == Task::ChangeAdvisoryStatus && self.asks_for_final_go() {
            let release = self.facts.release;
            let question = Question::new(
                task,
                Asking::FinalApproval,
                "go",
                format!("{release} is ready for final approval. May it be given?"),
            )
            .options([format!("regatta retry {release} {task} (gives the approval; needs a lead)")]);
            self.ask(question, self.facts.tasks[task].since);
            return;
        }
        self.run_or_wait(task, Move::Start(task));
    }

    fn running(&mut self, task: Task) {
        // Following final approval makes new effects (the advisories move), so its gate has to hold all the time.
        if task == Task::ChangeAdvisoryStatus
            && let Some(on) = self.shut(task)
        {
            self.wait(task, on, self.facts.tasks[task].since, None);
            return;
        }
        self.run_or_wait(task, Move::Check(task));
    }

    /// Runs the task when it has not said anything yet or its time has come; otherwise says what it waits for.
    fn run_or_wait(&mut self, task: Task, run: Move) {
        let Some(answer) = &self.facts.tasks[task].answer else {
            self.run(task, run);
            return;
        };
        if answer.look_again() <= self.facts.now {
            self.run(task, run);
            return;
        }
        let at = Some(answer.look_again());
        match answer.clone() {
            Answer::Running { what, since, .. } => {
                let poll = row(task).poll.to_string();
                self.overdue(task, since, limits::RUNNING, &what);
                self.wait(task, On::Job { what, poll }, since, at);
            }
            Answer::Blocked { name, why, since, .. } => {
                self.overdue(task, since, limits::RUNNING, &why);
                self.wait(task, On::Precondition { name, why }, since, at);
            }
            Answer::Scheduled { what, since, .. } => {
                self.schedule_overdue(task, &what);
                self.wait(task, On::Schedule { what }, since, at);
            }
            Answer::Asks { name, text, options, evidence, .. } => {
                let mut question = Question::new(task, Asking::Asks, &name, text);
                question.options = options;
                question.evidence = evidence;
                self.looks_due.extend(at);
                self.ask(question, self.facts.tasks[task].since);
            }
            Answer::Trouble(trouble) => self.trouble(task, &trouble),
        }
    }

    fn run(&mut self, task: Task, run: Move) {
        // Final approval cannot be taken back: results that are due to be read again are read before it, not beside it.
        let due = |m: &Move| matches!(m, Move::Look(Subject::Candidate | Subject::Promoted));
        if task == Task::ChangeAdvisoryStatus && self.looks.iter().any(due) {
            let why = "the test results are read once more before final approval".to_owned();
            let on = On::Precondition { name: "fresh-evidence".to_owned(), why };
            self.wait(task, on, self.facts.tasks[task].since, None);
            return;
        }
        self.moves.push(run);
    }

    /// What keeps a task's gate shut, if anything does.
    fn shut(&self, task: Task) -> Option<On> {
        if let Some(failed) = self.stopped {
            return Some(On::Stopped { failed });
        }
        if let Some(text) = self.blocker(task) {
            return Some(On::Blocker { text });
        }
        let mut missing: Vec<Task> = Vec::new();
        for need in row(task).needs {
            match need {
                Condition::Passed(on) if self.facts.tasks[*on].status != Status::Pass => missing.push(*on),
                Condition::Passed(_) | Condition::Promoted => {}
                Condition::AllOthersPassed => missing.extend(
                    self.facts
                        .tasks
                        .iter()
                        .filter(|(t, f)| *t != task && f.status != Status::Pass)
                        .map(|(t, _)| t),
                ),
            }
        }
        if !missing.is_empty() {
            return Some(On::Tasks(missing));
        }
        if task == Task::ChangeAdvisoryStatus
            && let Some(question) = self.questions.iter().find(|q| q.kind == Asking::Contrary)
        {
            return Some(On::Person { question: question.text.clone() });
        }
        None
    }

    fn blocker(&self, task: Task) -> Option<String> {
        let stops = |blocker: &Blocker| match blocker {
            Blocker::No => false,
            Blocker::General => task == Task::ChangeAdvisoryStatus,
            Blocker::Tasks(tasks) => tasks.contains(&task),
        };
        self.facts.issues.iter().find(|i| i.is_open_blocker() && stops(&i.blocker)).map(|i| i.text.clone())
    }

    fn asks_for_final_go(&self) -> bool {
        self.facts.policy.final_approval == FinalApproval::Ask && self.facts.final_go == FinalGo::NotGiven
    }

    // --- analyses ----------------------------------------------------------------------------------------------------

    fn passed_analysis(&mut self, task: Task) {
        // Only final approval still depends on it; once that passed, nothing does.
        if self.facts.tasks[Task::ChangeAdvisoryStatus].status == Status::Pass {
            return;
        }
        let build = build_of(self.facts, task);
        if build.build.is_none() {
            return;
        }
        // A late rejection counts until final approval is done, but nothing hurries: read as often as that is looked at.
        self.look(subject(task), build.file.looked_at, table::METADATA_POLL.from);
        let Seen::Known { value, digest, .. } = &build.file.seen else { return };
        // Evidence that would pass by itself under the policy contradicts nothing.
        let passes = || matches!(judge(self.facts, task), Judgement::Pass(_));
        if !is_contrary(value) || self.covered(task, digest) || passes() {
            return;
        }
        let (release, name) = (self.facts.release, build.build.map_or_else(String::new, |b| b.to_string()));
        let turned = match value {
            Standing::Incomplete { .. } => "turns out to lack required jobs",
            _ => "has since been rejected",
        };
        let question = Question::new(
            task,
            Asking::Contrary,
            digest,
            format!("{task} passed, but {name} {turned}. Does the Pass stand?"),
        )
        .options([
            format!("regatta override {release} {task} --verdict pass --reason …"),
            format!("regatta override {release} {task} --verdict fail --reason …"),
        ]);
        self.questions.push(question);
    }

    /// Whether the status already rests on this evidence, or a person set exactly it aside.
    fn covered(&self, task: Task, digest: &str) -> bool {
        match &self.facts.tasks[task].ground {
            Some(Ground::Evidence(of)) => of == digest,
            Some(Ground::Person(covers)) => covers.as_deref() == Some(digest),
            None => false,
        }
    }

    fn failed_analysis(&mut self, task: Task) {
        let Some(Ground::Evidence(of)) = &self.facts.tasks[task].ground else { return };
        let build = build_of(self.facts, task);
        self.look(subject(task), build.file.looked_at, table::RESULT_FILE_POLL.from);
        if let Seen::Known { value, digest, .. } = &build.file.seen
            && digest != of
            // A file that vanished or cannot be read softens no verdict.
            && !matches!(value, Standing::Absent | Standing::Gone | Standing::Unreadable { .. })
        {
            self.moves.push(Move::Reset { task, why: "the evidence it failed on has changed".to_owned() });
        }
    }

    fn open_analysis(&mut self, task: Task) {
        let fact = &self.facts.tasks[task];
        if fact.status == Status::NotStarted
            && let Some(on) = self.shut(task)
        {
            self.wait(task, on, fact.since, None);
            return;
        }
        if row(task).needs.contains(&Condition::Promoted) && !self.promoted(task) {
            return;
        }
        let build = build_of(self.facts, task);
        let judgement = judge(self.facts, task);
        if build.build.is_some() {
            self.look(subject(task), build.file.looked_at, table::RESULT_FILE_POLL.from);
            // A verdict already read stands, whether or not the remote answers now.
            if let Some(trouble) = &build.file.trouble
                && !matches!(judgement, Judgement::Pass(_) | Judgement::Fail(_))
            {
                self.trouble(task, trouble);
            }
        }
        let since = build.file.since();
        let digest = build.file.digest().unwrap_or_default().to_owned();
        match judgement {
            Judgement::Pass(why) => self.moves.push(Move::Conclude { task, to: Status::Pass, why, digest }),
            Judgement::Fail(why) => self.moves.push(Move::Conclude { task, to: Status::Fail, why, digest }),
            // The failing look was told already; it is the better reason.
            Judgement::Wait(..) if build.file.trouble.is_some() => {}
            Judgement::Wait(on, limit) => {
                let next = build.file.looked_at.map(|at| after(at, table::RESULT_FILE_POLL.from));
                if let Some(limit) = limit {
                    self.overdue_at(task, limit, &on.to_string());
                }
                self.wait(task, on, since, next.filter(|at| *at > self.facts.now));
            }
            Judgement::Ask(question, begun) => {
                if begun == Begun::Yes && fact.status == Status::NotStarted {
                    self.moves.push(Move::Begin(task));
                }
                self.ask(question, since);
            }
        }
    }

    /// Whether the build is promoted; if not, says what that waits for.
    fn promoted(&mut self, task: Task) -> bool {
        let looked = &self.facts.promotion;
        if let Seen::Known { value: Promotion { phase: Phase::Accepted, .. }, .. } = &looked.seen {
            return true;
        }
        self.look(Subject::Promotion, looked.looked_at, table::PROMOTION_POLL.from);
        if let Some(trouble) = looked.trouble.clone() {
            self.trouble(task, &trouble);
            return false;
        }
        let next = looked
            .looked_at
            .map(|at| after(at, table::PROMOTION_POLL.from))
            .filter(|at| *at > self.facts.now);
        let (phase, failing_jobs) = match &looked.seen {
            Seen::Unknown { .. } => ("unknown", Vec::new()),
            Seen::Known { value, .. } => (value.phase.word(), value.failing_jobs.clone()),
        };
        if let Seen::Known {
            value: Promotion { phase: bad @ (Phase::Rejected | Phase::Failed), .. }, ..
        } = &looked.seen
        {
            let release = self.facts.release;
            let question = Question::new(
                task,
                Asking::PhaseBad,
                bad.word(),
                format!("The payload of {release} is {}. Will ART promote it by hand?", bad.word()),
            )
            .options([
                "ask ART to promote it by hand: the question closes by itself when the phase turns Accepted"
                    .to_owned(),
                format!("regatta override {release} {task} --verdict pass --reason …"),
            ]);
            self.questions.push(question);
        } else {
            let limit = after(self.facts.opened_at, limits::PROMOTION);
            self.overdue_at(task, limit, "the build's promotion");
        }
        self.wait(task, On::Promotion { phase, failing_jobs }, looked.since(), next);
        false
    }

    // --- shared ------------------------------------------------------------------------------------------------------

    fn look(&mut self, subject: Subject, looked_at: Option<Timestamp>, every: jiff::SignedDuration) {
        let trouble = match subject {
            Subject::Promotion => &self.facts.promotion.trouble,
            Subject::Candidate => &self.facts.candidate.file.trouble,
            Subject::Promoted => &self.facts.promoted.file.trouble,
        };
        let due = match (trouble, looked_at) {
            (Some(trouble), _) => trouble.look_again,
            (None, Some(at)) => after(at, every),
            (None, None) => self.facts.now,
        };
        if due <= self.facts.now {
            if !self.looks.contains(&Move::Look(subject)) {
                self.looks.push(Move::Look(subject));
            }
        } else {
            self.looks_due.push(due);
        }
    }

    fn trouble(&mut self, task: Task, trouble: &Trouble) {
        let Trouble { kind, service, why, since, look_again } = trouble.clone();
        let on = match kind {
            TroubleKind::Credentials => On::Credentials { service, why },
            TroubleKind::Retrying => On::Service { service, why, state: ServiceState::Retrying },
            TroubleKind::Unavailable => On::Service { service, why, state: ServiceState::Unavailable },
        };
        if kind != TroubleKind::Credentials {
            self.overdue(task, since, limits::UNAVAILABLE, &on.to_string());
        }
        self.wait(task, on, since, Some(look_again));
    }

    fn overdue(&mut self, task: Task, since: Timestamp, limit: jiff::SignedDuration, what: &str) {
        self.overdue_at(task, after(since, limit), what);
    }

    fn schedule_overdue(&mut self, task: Task, what: &str) {
        let Some(date) = self.facts.release_date else { return };
        // The release day ends at midnight UTC.
        let Ok(end) = date.tomorrow().and_then(|d| d.to_zoned(jiff::tz::TimeZone::UTC)) else { return };
        self.overdue_at(task, after(end.timestamp(), limits::FINAL_APPROVAL), what);
    }

    /// A wait past its limit becomes a question as well; before, the limit is a deadline.
    fn overdue_at(&mut self, task: Task, limit: Timestamp, what: &str) {
        if self.facts.now < limit {
            self.deadlines.push(limit);
            return;
        }
        let release = self.facts.release;
        let text = format!("{task} waits longer than it should: {what}. What is wrong?");
        let question = Question::new(task, Asking::Overdue, &limit.to_string(), text).options([
            "find and mend the cause: the question closes by itself when the wait ends".to_owned(),
            format!("regatta override {release} {task} --verdict pass --reason …"),
        ]);
        self.questions.push(question);
    }

    fn ask(&mut self, question: Question, since: Timestamp) {
        self.wait(question.task, On::Person { question: question.text.clone() }, since, None);
        self.questions.push(question);
    }

    fn wait(&mut self, task: Task, on: On, since: Timestamp, check_after: Option<Timestamp>) {
        self.waits.push(Wait { task, on, since, check_after });
    }
}

const fn subject(task: Task) -> Subject {
    match task {
        Task::AnalyzeCandidateBuild => Subject::Candidate,
        _ => Subject::Promoted,
    }
}
