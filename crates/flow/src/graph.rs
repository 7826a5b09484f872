//! The flow as a picture, generated from the table.

use regatta_kit::Task;

use crate::table::{Condition, Kind, TABLE};

/// An arrow of the graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// From this task, or from the release's start or its promotion.
    pub from: Node,
    /// To this task.
    pub to: Task,
}

/// Where an arrow begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// The release's announcement.
    Start,
    /// The build's promotion.
    Promotion,
    /// A task.
    Task(Task),
}

impl Node {
    /// Its name in text and pictures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Promotion => "promotion",
            Self::Task(task) => task.name(),
        }
    }
}

/// All arrows, without those that follow from others.
#[must_use]
pub fn edges() -> Vec<Edge> {
    let mut edges = Vec::new();
    for row in &TABLE {
        if row.needs.is_empty() {
            edges.push(Edge { from: Node::Start, to: row.task });
        }
        for need in row.needs {
            match need {
                Condition::Passed(on) => edges.push(Edge { from: Node::Task(*on), to: row.task }),
                Condition::Promoted => edges.push(Edge { from: Node::Promotion, to: row.task }),
                Condition::AllOthersPassed => edges
                    .extend(ends(row.task).into_iter().map(|on| Edge { from: Node::Task(on), to: row.task })),
            }
        }
    }
    edges
}

/// Tasks that no other task but `last` needs: "all others" means these, the rest follows.
fn ends(last: Task) -> Vec<Task> {
    let needed = |task: Task| TABLE.iter().any(|r| r.needs.contains(&Condition::Passed(task)));
    Task::ALL.into_iter().filter(|t| *t != last && !needed(*t)).collect()
}

/// Plain text, a line a task.
#[must_use]
pub fn text() -> String {
    let edges = edges();
    let width = Task::ALL.iter().map(|t| t.name().len()).max().unwrap_or(0);
    let mut out = String::new();
    for row in &TABLE {
        let from: Vec<&str> = edges.iter().filter(|e| e.to == row.task).map(|e| e.from.name()).collect();
        let kind = match row.kind {
            Kind::Step => "step",
            Kind::AsyncJob => "async job",
            Kind::Analysis => "analysis",
        };
        out.push_str(&format!(
            "{:width$}  {kind:9}  takes {:14}  after {}\n",
            row.task.name(),
            row.expected.to_string(),
            from.join(", ")
        ));
    }
    out
}

/// A Mermaid flow chart; `class_of` gives each task's status class (`pass`, `fail`, `running`) or nothing.
#[must_use]
pub fn mermaid(class_of: impl Fn(Task) -> Option<&'static str>) -> String {
    let mut out =
        String::from("flowchart TD\n    start([release announced])\n    promotion{{build promoted}}\n");
    for row in &TABLE {
        let (open, close) = match row.kind {
            Kind::Step => ("[", "]"),
            Kind::AsyncJob => ("[[", "]]"),
            Kind::Analysis => ("{", "}"),
        };
        out.push_str(&format!("    {}{open}\"{}\"{close}\n", row.task.name(), row.display));
    }
    for edge in edges() {
        out.push_str(&format!("    {} --> {}\n", edge.from.name(), edge.to.name()));
    }
    for task in Task::ALL {
        if let Some(class) = class_of(task) {
            out.push_str(&format!("    class {} {class}\n", task.name()));
        }
    }
    out.push_str("    classDef pass fill:#d4edda,stroke:#2e7d32\n    classDef fail fill:#f8d7da,stroke:#b00020\n    classDef running fill:#fff3cd,stroke:#b26a00\n");
    out
}

/// How far from the start a task stands: its column in pictures.
#[must_use]
pub fn depth(task: Task) -> usize {
    edges()
        .iter()
        .filter(|e| e.to == task)
        .map(|e| match e.from {
            Node::Start => 0,
            Node::Promotion => 1,
            Node::Task(on) => depth(on) + 1,
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graph_is_the_specifications() {
        insta::assert_snapshot!(text(), @"
        create-test-report       step       takes 5 minutes       after start
        take-ownership           step       takes 10 seconds      after create-test-report
        check-cve-tracker-bug    step       takes 1 minute        after take-ownership
        push-to-cdn-staging      async job  takes 30-60 minutes   after check-cve-tracker-bug
        analyze-candidate-build  analysis   takes 2-5 minutes     after start
        analyze-promoted-build   analysis   takes 20-360 minutes  after check-cve-tracker-bug, promotion
        image-consistency-check  async job  takes 90-120 minutes  after analyze-promoted-build
        stage-testing            async job  takes 2-4 hours       after analyze-promoted-build
        image-signed-check       step       takes 2 minutes       after push-to-cdn-staging, image-consistency-check, stage-testing
        change-advisory-status   step       takes 5 minutes       after analyze-candidate-build, image-signed-check
        ");
    }
}
