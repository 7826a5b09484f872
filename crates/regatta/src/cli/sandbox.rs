//! `regatta sandbox`: the imitated world, served until interrupted.

use clap::Args;
use indexmap::IndexMap;
use regatta_kit::Release;
use regatta_sandbox::World;
use regatta_sandbox::clock::{Pace, ScenarioClock};
use regatta_sandbox::faults::Mix;
use regatta_sandbox::scenario::Scenario;
use regatta_sandbox::serve::{PortPlan, ServeOptions, Served, serve};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::failure::Failure;
use crate::output;
use crate::terminal::say;

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// First port; services follow in their fixed order; 0 takes free ports
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port_base: u16,
    #[command(flatten)]
    pub(crate) world: WorldArgs,
    /// The release the world is made for (default 4.20.1, or the recorded one)
    #[arg(long)]
    pub(crate) release: Option<Release>,
    /// max: stepped by the drivers attached; FACTOR: virtual seconds a real second, running freely
    #[arg(long, default_value_t = Speed::Max)]
    pub(crate) speed: Speed,
    /// Write the settings a drive there needs, as shell exports
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
}

/// What the world is made from.
#[derive(Debug, Args)]
pub(crate) struct WorldArgs {
    /// Varies delays and faults, and nothing else
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Replay the recorded release in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) replay: Option<PathBuf>,
    /// The job registry in force then (default: what the result files list)
    #[arg(long, value_name = "DIR", requires = "replay")]
    pub(crate) registry: Option<PathBuf>,
    /// What goes wrong there: none, light or heavy
    #[arg(long, value_name = "MIX", default_value_t = Mix::None)]
    pub(crate) faults: Mix,
}

impl WorldArgs {
    /// The scenario; without a release, the recorded one or 4.20.1.
    pub(crate) fn scenario(&self, release: Option<Release>) -> Result<Scenario, Failure> {
        let scenario = match &self.replay {
            Some(dir) => Scenario::replay(dir, self.registry.as_deref(), release, self.seed)
                .map_err(|e| Failure::Input(e.to_string()))?,
            None => {
                let release = match release {
                    Some(release) => release,
                    None => "4.20.1".parse().map_err(|e| Failure::Internal(format!("{e}")))?,
                };
                Scenario::generated(release, self.seed)
            }
        };
        Ok(scenario.with_faults(self.faults))
    }
}

/// How fast virtual time goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    /// As fast as the drivers are.
    Max,
    /// Virtual seconds a real second.
    Factor(f64),
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(Self::Factor(factor)),
            _ => Err("is neither max nor a factor above 0, such as 5000".to_owned()),
        }
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::Factor(factor) => factor.fmt(f),
        }
    }
}

#[derive(Serialize)]
struct SandboxView<'a> {
    schema: &'static str,
    services: &'a IndexMap<&'static str, String>,
    env: &'a IndexMap<String, String>,
}

/// Serves `clock`'s world, with settings complete for a drive.
pub(crate) async fn start(
    clock: &ScenarioClock,
    ports: PortPlan,
    folder: &Path,
    store: String,
) -> Result<Served, Failure> {
    let options = ServeOptions { ports, folder: folder.to_owned(), elliott: String::new(), store };
    let mut served = serve(clock, &options).await.map_err(|e| Failure::Input(e.to_string()))?;
    let control = served.urls.get("control").cloned().unwrap_or_default();
    let program = std::env::current_exe()
        .map_err(|source| Failure::File { place: "this program".to_owned(), source })?;
    let elliott = format!("{} elliott-stand-in --control {control}", program.display());
    served.env.insert("REGATTA_ELLIOTT".to_owned(), elliott);
    served.env.insert("REGATTA_WORLD".to_owned(), world_name(clock));
    Ok(served)
}

pub(crate) async fn run(_globals: &crate::cli::Globals, args: &SandboxArgs) -> Result<u8, Failure> {
    let scenario = args.world.scenario(args.release)?;
    let pace = match args.speed {
        Speed::Max => Pace::Max,
        Speed::Factor(factor) => Pace::Flowing(factor),
    };
    let clock = ScenarioClock::new(World::new(scenario), pace);
    let folder = tempfile::Builder::new()
        .prefix("regatta-sandbox-")
        .tempdir()
        .map_err(|source| Failure::File { place: "the folder for temporary files".to_owned(), source })?;
    let store = format!("sqlite:{}", folder.path().join("regatta.db").display());
    let ports = if args.port_base == 0 { PortPlan::Free } else { PortPlan::Base(args.port_base) };
    let served = start(&clock, ports, folder.path(), store).await?;
    if let Some(file) = &args.env_file {
        let lines: String = served.env.iter().map(|(k, v)| format!("export {k}={}\n", quoted(v))).collect();
        std::fs::write(file, lines)
            .map_err(|source| Failure::File { place: file.display().to_string(), source })?;
    }
    let view = SandboxView { schema: "regatta.sandbox/v1", services: &served.urls, env: &served.env };
    let line = serde_json::to_string(&view).map_err(|e| Failure::Internal(e.to_string()))?;
    output::print(&format!("{line}\n"))?;
    say(&format!("Serving {} until interrupted.", clock.world().scenario().release));
    interrupted().await;
    Ok(0)
}

/// Tells this world from every other, so that no state of one is taken for another's.
#[allow(
    clippy::disallowed_methods,
    reason = "what a world is called needs real time; scenario clocks repeat themselves"
)]
fn world_name(clock: &ScenarioClock) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let scenario = clock.world().scenario();
    format!("sandbox:{}-{}-{:x}-{}", scenario.release, scenario.seed, since.as_millis(), std::process::id())
}

/// Waits for Ctrl-C or a polite kill.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

/// A word for the shell, in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
