//! `regatta graph`: the flow as text, Mermaid or a picture, on request with a release's progress in it.

use clap::Args;
use regatta_flow::graph::{self, Node};
use regatta_kit::{Release, Status, Task, TaskMap};
use serde::Serialize;

use crate::cli::Globals;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::wiring;

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// Show this release's progress in it
    pub(crate) release: Option<Release>,
    /// Form of the picture
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Picture,
}

/// Form of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Picture {
    /// Lines for a terminal.
    #[default]
    Text,
    /// A Mermaid flow chart.
    Mermaid,
    /// A drawing.
    Svg,
}

#[derive(Serialize)]
struct GraphView {
    edges: Vec<EdgeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<TaskMap<Status>>,
}

#[derive(Serialize)]
struct EdgeView {
    from: &'static str,
    to: Task,
}

pub(crate) fn table(globals: &Globals, args: &GraphArgs) -> Result<u8, Failure> {
    draw(globals, args.format, None)
}

pub(crate) async fn of_release(globals: &Globals, args: &GraphArgs) -> Result<u8, Failure> {
    let Some(release) = args.release else { return table(globals, args) };
    let standing = wiring::app(globals).await?.standing(release).await?;
    draw(globals, args.format, Some(standing.tasks))
}

fn draw(globals: &Globals, picture: Picture, tasks: Option<TaskMap<Status>>) -> Result<u8, Failure> {
    if matches!(globals.output, Format::Json | Format::Yaml) {
        let edges = graph::edges().into_iter().map(|e| EdgeView { from: e.from.name(), to: e.to }).collect();
        output::show(globals.output, "graph", &GraphView { edges, tasks }, String::new)?;
        return Ok(0);
    }
    let status = |task: Task| tasks.as_ref().map(|t| t[task]);
    let text = match picture {
        Picture::Mermaid => graph::mermaid(|t| status(t).and_then(class)),
        Picture::Svg => svg(&status),
        Picture::Text => match &tasks {
            None => graph::text(),
            Some(tasks) => graph::text()
                .lines()
                .zip(tasks.iter())
                .map(|(line, (_, status))| format!("{status:11}  {line}\n"))
                .collect(),
        },
    };
    output::print(&text)?;
    Ok(0)
}

const fn class(status: Status) -> Option<&'static str> {
    match status {
        Status::NotStarted => None,
        Status::InProgress => Some("running"),
        Status::Pass => Some("pass"),
        Status::Fail => Some("fail"),
    }
}

const BOX: (usize, usize) = (190, 34);
const STEP: (usize, usize) = (230, 64);

/// The lane a task runs in, from the top: the push beside the main line, stage testing below it, the candidate at the bottom.
/// An arrow stays in the lane it starts from until just before its end, so lanes that long arrows use are kept free.
const fn lane(task: Task) -> usize {
    match task {
        Task::PushToCdnStaging => 0,
        Task::StageTesting => 2,
        Task::AnalyzeCandidateBuild => 3,
        _ => 1,
    }
}

/// The promotion's place: before the analysis that waits for it.
fn promotion_place() -> (usize, usize) {
    (20 + graph::depth(Task::AnalyzePromotedBuild).saturating_sub(1) * STEP.0, 20 + 2 * STEP.1)
}

fn svg(status: &dyn Fn(Task) -> Option<Status>) -> String {
    let places = TaskMap::from_fn(|task| (20 + graph::depth(task) * STEP.0, 20 + lane(task) * STEP.1));
    let width = Task::ALL.iter().map(|t| places[*t].0).max().unwrap_or(0) + BOX.0 + 20;
    let height = Task::ALL.iter().map(|t| places[*t].1).max().unwrap_or(0) + BOX.1 + 20;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\" role=\"img\" aria-label=\"The flow of a release\">\n\
         <defs><marker id=\"a\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\">\
         <path d=\"M0,0 L8,4 L0,8 z\" fill=\"#555\"/></marker></defs>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for edge in graph::edges() {
        let from = match edge.from {
            Node::Task(task) => places[task],
            Node::Promotion => promotion_place(),
            Node::Start => continue,
        };
        let ((x1, y1), (x2, y2)) = (from, places[edge.to]);
        let (x1, y1, y2) = (x1 + BOX.0, y1 + BOX.1 / 2, y2 + BOX.1 / 2);
        let (bend, middle) = (x2 - (STEP.0 - BOX.0), x2 - (STEP.0 - BOX.0) / 2);
        out.push_str(&format!(
            "<path d=\"M{x1},{y1} H{bend} C{middle},{y1} {middle},{y2} {x2},{y2}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#a)\"/>\n"
        ));
    }
    for task in Task::ALL {
        let (x, y) = places[task];
        let (fill, word) = match status(task) {
            None => ("#eef2f7", ""),
            Some(Status::NotStarted) => ("#eef2f7", "Not Started"),
            Some(Status::InProgress) => ("#fff3cd", "In Progress"),
            Some(Status::Pass) => ("#d4edda", "Pass"),
            Some(Status::Fail) => ("#f8d7da", "Fail"),
        };
        out.push_str(&format!(
            "<g><title>{task} {word}</title><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"{fill}\" stroke=\"#555\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{task}</text></g>\n",
            BOX.0,
            BOX.1,
            x + BOX.0 / 2,
            y + BOX.1 / 2 + 5
        ));
    }
    let (x, y) = promotion_place();
    out.push_str(&format!(
        "<g><title>the build is promoted by ART</title><ellipse cx=\"{0}\" cy=\"{1}\" rx=\"{2}\" ry=\"{3}\" fill=\"#fff\" stroke=\"#555\" \
         stroke-dasharray=\"4 3\"/><text x=\"{0}\" y=\"{4}\" text-anchor=\"middle\">build promoted</text></g>\n</svg>\n",
        x + BOX.0 / 2,
        y + BOX.1 / 2,
        BOX.0 / 2,
        BOX.1 / 2,
        y + BOX.1 / 2 + 5
    ));
    out
}
