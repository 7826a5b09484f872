//! What only a person can settle. A question never stops what does not depend on it.

use regatta_kit::Task;

/// A question, with what may be answered and where to look first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// Unique for task, kind and evidence: asked once, and closed when it is not among the open ones any more.
    pub key: String,
    /// The task it is about.
    pub task: Task,
    /// What kind.
    pub kind: Kind,
    /// The question in one sentence.
    pub text: String,
    /// What may be done, as commands.
    pub options: Vec<String>,
    /// Where to look first.
    pub evidence: Vec<String>,
}

/// The kinds of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A build failed best-of-three.
    Rejected,
    /// A build is accepted, but required jobs never ran.
    Incomplete,
    /// There is no candidate build to judge.
    NotApplicable,
    /// A task passed on evidence that since turned bad.
    Contrary,
    /// The payload was rejected or failed.
    PhaseBad,
    /// A wait is longer than it should be.
    Overdue,
    /// A task needs something supplied.
    Asks,
    /// Policy keeps final approval for a person.
    FinalApproval,
}

impl Kind {
    /// The word in keys.
    const fn word(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Incomplete => "incomplete",
            Self::NotApplicable => "not-applicable",
            Self::Contrary => "contrary",
            Self::PhaseBad => "phase",
            Self::Overdue => "overdue",
            Self::Asks => "asks",
            Self::FinalApproval => "final-approval",
        }
    }
}

impl Question {
    /// A question about `task`; `about` names the evidence or subject so that other evidence is another question.
    #[must_use]
    pub fn new(task: Task, kind: Kind, about: &str, text: String) -> Self {
        Self {
            key: format!("{task}:{}:{about}", kind.word()),
            task,
            kind,
            text,
            options: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// Adds what may be answered.
    #[must_use]
    pub fn options<const N: usize>(mut self, options: [String; N]) -> Self {
        self.options.extend(options);
        self
    }
}
