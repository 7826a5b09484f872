//! Everything a developer or a CI runner does with the repository, behind one command.
//!
//! It imports no product crate, so that it builds in seconds and still works when the product does not compile; what it
//! needs of the product it has cargo do.

mod bench;
mod bench_payload;
mod fuzz;
mod layering;
mod mutants;
mod peers;
mod proof;
mod repository;
mod simulate;
mod steps;
mod tools;

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  test      all checks, in the order that fails soonest: format, layering, clippy, peers, tests, docs
  layering  the house: which crate imports which, and whether it may; then the files' own rules
  peers     fetch what the tests need and cargo does not bring, into target/peers
  simulate  whole releases in one process, with faults and crashes: --seeds N, --seed S, --faults none|light|heavy, --harnesses STRIDE
  fuzz      the readers of outside text, 20 s each: [TARGET] [--seconds N]; needs a nightly toolchain
  mutants   the rules of a release broken one place at a time; -- ARGS go to cargo-mutants
  bench     release build, then how fast it starts, sails a demo and works on payload jobs
  help      this text";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    let root = root()?;
    match words {
        ["test"] => steps::test(&root),
        ["layering"] => layering(&root),
        ["peers"] => peers::fetch(&root),
        ["simulate", flags @ ..] => simulate::simulate(&root, flags),
        ["fuzz", words @ ..] => fuzz::fuzz(&root, words),
        ["mutants"] => mutants::mutants(&root, &[]),
        ["mutants", "--", words @ ..] => mutants::mutants(&root, words),
        ["bench"] => bench::bench(&root),
        ["bench", "payload"] => bench_payload::alone(&root),
        [] | ["help" | "-h" | "--help"] => {
            println!("{HELP}");
            Ok(())
        }
        other => bail!("unknown command {:?}\n{HELP}", other.join(" ")),
    }
}

/// The house and the files' own rules; all faults are told before it fails.
fn layering(root: &std::path::Path) -> Result<()> {
    let house = layering::House::read(root)?;
    print!("{}", house.table());
    let mut faults = house.faults();
    faults.extend(repository::faults(root)?);
    faults.extend(proof::faults(root)?);
    for fault in &faults {
        eprintln!("fault: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} fault(s) against the house's rules (ARCHITECTURE.md)", faults.len());
    }
    println!("every edge is allowed, every file keeps the rules");
    Ok(())
}

/// The repository's root: the folder above this crate's.
fn root() -> Result<PathBuf> {
    // Set by `cargo run`; the compiled-in one serves when the binary is started by itself.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().map(PathBuf::from).context("xtask lies in no folder")
}
