//! The stand-in for elliott over a sandbox: answers `find-bugs` from the imitated world.

use clap::Args;
use regatta_services::http::HttpTransport;
use regatta_services::remote::{Auth, Remote};
use std::sync::Arc;

use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ElliottArgs {
    /// The sandbox's control service
    #[arg(long)]
    pub(crate) control: String,
    /// `openshift-4.20`
    #[arg(long)]
    pub(crate) group: String,
    /// The assembly
    #[arg(long)]
    pub(crate) assembly: String,
    /// brew or konflux
    #[arg(long = "build-system")]
    pub(crate) build_system: String,
    /// Where build data would be read from; the sandbox knows better
    #[arg(long = "data-path")]
    pub(crate) data_path: Option<String>,
    /// The subcommand and its options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

pub(crate) async fn run(args: &ElliottArgs) -> Result<u8, Failure> {
    if args.rest.first().map(String::as_str) != Some("find-bugs") {
        return Err(Failure::Input("the stand-in knows only find-bugs".to_owned()));
    }
    let base =
        args.control.parse().map_err(|e| Failure::Input(format!("--control {:?}: {e}", args.control)))?;
    let transport = HttpTransport::new().map_err(|e| Failure::Internal(e.to_string()))?;
    let remote = Remote::new("control", base, Auth::None, Arc::new(transport));
    let query = [("group", &args.group), ("assembly", &args.assembly), ("build_system", &args.build_system)];
    let answer =
        remote.get(&["elliott"]).query(&query).send().await.map_err(regatta_engine::EngineError::from)?;
    output::print(answer.text().map_err(regatta_engine::EngineError::from)?)?;
    Ok(0)
}
