//! The command line of Regatta. No logic: it parses, calls the application service, and shows.

mod checkout;
mod cli;
mod failure;
mod output;
mod settings;
mod terminal;
mod wiring;

use clap::Parser as _;
use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::terminal::say;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap writes help and version to stdout, errors to stderr, and knows which is which.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    tracing_start(&cli);
    std::panic::set_hook(Box::new(tell_panic));
    let code = match std::panic::catch_unwind(|| run(cli)) {
        // The hook has told it.
        Err(_) => 70,
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => {
            let code = failure.exit_code();
            if !failure.is_quiet() {
                say(&format!("regatta: {}", failure.told()));
            }
            code
        }
    };
    ExitCode::from(code)
}

fn run(cli: Cli) -> Result<u8, Failure> {
    let Cli { globals, command } = cli;
    match command {
        // What only looks at constants needs no runtime, which keeps it quick.
        Command::Graph(args) if args.release.is_none() => cli::graph::table(&globals, &args),
        Command::Explain(args) => cli::explain::run(&globals, &args),
        Command::Completions(args) => cli::completions::run(&args),
        Command::Statebox(args) => cli::statebox::run(&globals, &args),
        Command::Config(args) => cli::config::run(&globals, &args),
        Command::PayloadJob(args) => cli::payload_job::run(&globals, &args),
        command => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .map_err(|e| Failure::Internal(format!("the runtime did not start: {e}")))?;
            let result = runtime.block_on(run_async(globals, command));
            // Servers of a sandbox hold connections open; nobody waits for them.
            runtime.shutdown_background();
            result
        }
    }
}

async fn run_async(globals: cli::Globals, command: Command) -> Result<u8, Failure> {
    match command {
        Command::Demo(args) => cli::demo::run(&globals, &args).await,
        Command::Sandbox(args) => cli::sandbox::run(&globals, &args).await,
        Command::Drive(args) => cli::drive::run(&globals, &args).await,
        Command::Status(args) => cli::status::run(&globals, &args).await,
        Command::Timeline(args) => cli::timeline::run(&globals, &args).await,
        Command::Graph(args) => cli::graph::of_release(&globals, &args).await,
        Command::Override(args) => cli::person::run_override(&globals, &args).await,
        Command::Retry(args) => cli::person::run_retry(&globals, &args).await,
        Command::Reset(args) => cli::person::run_reset(&globals, &args).await,
        Command::Issue(args) => cli::issue::run(&globals, &args).await,
        Command::Doctor(args) => cli::doctor::run(&globals, &args).await,
        Command::ElliottStandIn(args) => cli::elliott::run(&args).await,
        Command::Explain(_)
        | Command::Completions(_)
        | Command::Statebox(_)
        | Command::Config(_)
        | Command::PayloadJob(_) => Err(Failure::Internal("a command took the wrong way".to_owned())),
    }
}

/// A panic is a fault of Regatta's own, told in its words. The YAML scanner panics on some broken texts; its callers
/// catch that and name the file, so nothing is said here.
fn tell_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    if place.contains("libyaml-safer") {
        return;
    }
    let what = panic.payload_as_str().unwrap_or("something that cannot happen did");
    say(&format!(
        "regatta: a fault of Regatta's own: {what} at {place} [RG900; `regatta explain RG900` tells more]"
    ));
}

/// Talk goes to stderr: warnings by default, more with `-v`, `RUST_LOG` for those who know it.
fn tracing_start(cli: &Cli) {
    let level = match (cli.globals.quiet, cli.globals.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info,hyper=warn",
        (false, _) => "debug,hyper=info",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(cli.globals.color.on_stderr())
        .with_target(false)
        .without_time()
        .init();
}
