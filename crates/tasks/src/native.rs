//! The runner of this program's own tasks.

use regatta_kit::{BoxFuture, Code, Task};
use regatta_statebox::event::Evidence;

use crate::context::Context;
use crate::effects::Early;
use crate::outcome::{Failure, Outcome};
use crate::runner::Runner;
use crate::{
    change_advisory_status, check_cve_tracker_bug, create_test_report, image_consistency_check,
    image_signed_check, push_to_cdn_staging, stage_testing, take_ownership,
};

/// Runs each task in this process, over the typed clients.
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeRunner;

impl Runner for NativeRunner {
    fn run<'a>(&'a self, task: Task, context: &'a Context<'a>) -> BoxFuture<'a, Result<Outcome, Early>> {
        Box::pin(async move {
            let result = match task {
                Task::CreateTestReport => create_test_report::run(context).await,
                Task::TakeOwnership => take_ownership::run(context).await,
                Task::CheckCveTrackerBug => check_cve_tracker_bug::run(context).await,
                Task::PushToCdnStaging => push_to_cdn_staging::run(context).await,
                Task::AnalyzeCandidateBuild | Task::AnalyzePromotedBuild => Ok(not_run(task)),
                Task::ImageConsistencyCheck => image_consistency_check::run(context).await,
                Task::StageTesting => stage_testing::run(context).await,
                Task::ImageSignedCheck => image_signed_check::run(context).await,
                Task::ChangeAdvisoryStatus => change_advisory_status::run(context).await,
            };
            match result {
                Err(Early::Outcome(outcome)) => Ok(*outcome),
                result => result,
            }
        })
    }
}

/// The analyses are judged by facts; nothing of theirs is run.
fn not_run(task: Task) -> Outcome {
    let text = format!("{task} is judged by its facts and cannot be run");
    let evidence = Evidence { summary: text.clone(), ..Evidence::default() };
    Outcome::Failed(Failure { code: Code::Internal, text }, evidence)
}
