//! Many simulated releases, one after the other on one core.
//!
//! `simulate [--seeds N] [--from S] [--faults none|light|heavy]` sails the seeds from S on and sums up; `simulate --seed S`
//! sails one and tells all of it. A voyage that does not end as it should ends the run with its seed and the command
//! that repeats it. `simulate --harnesses STRIDE` goes over the harnesses in its place: every change and persist of a
//! release, and every STRIDE-th read, each disturbed in a release of its own.

use regatta_sandbox::faults::Mix;
use scenarios::harness::{
    Course, Stride, Table, crash_everywhere, cut_and_go_on, cut_and_replay, deliver_twice,
    drive_after_the_end, drop_every_answer, fail_every_change, run_every_task_twice,
};
use scenarios::simulator::{Logbook, Voyage};
use std::process::ExitCode;

/// A voyage is a hundred thousand small pieces of text: this allocator is quicker at them than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Asked {
    seeds: u64,
    from: u64,
    mix: Mix,
    alone: bool,
    /// Goes over the harnesses, with this stride of reads.
    harnesses: Option<usize>,
}

impl Asked {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut asked = Self { seeds: 100, from: 0, mix: Mix::None, alone: false, harnesses: None };
        while let Some(flag) = words.next() {
            let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
            let number = || value.parse::<u64>().map_err(|_| format!("{flag} {value}: is no number"));
            match flag.as_str() {
                "--seeds" => asked.seeds = number()?,
                "--from" => asked.from = number()?,
                "--seed" => (asked.from, asked.seeds, asked.alone) = (number()?, 1, true),
                "--harnesses" => {
                    let stride = value.parse().ok().filter(|stride| *stride > 0);
                    asked.harnesses =
                        Some(stride.ok_or_else(|| format!("{flag} {value}: is no stride from 1 up"))?);
                }
                "--faults" => asked.mix = value.parse().map_err(|e| format!("--faults {value}: {e}"))?,
                _ => {
                    return Err(format!(
                        "{flag} is not known; there are --seeds, --from, --seed, --faults and --harnesses"
                    ));
                }
            }
        }
        Ok(asked)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let asked = match Asked::read(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("simulate: {why}");
            return ExitCode::from(2);
        }
    };
    match asked.harnesses {
        Some(stride) => disturb_everything(Stride { reads: stride, rest: 1 }).await,
        None => sail_all(&asked).await,
    }
}

/// Every harness over a release that is accepted, and those for which decisions matter over one that persons decided.
async fn disturb_everything(stride: Stride) -> ExitCode {
    let (accepted, decided, stopped) = (Course::accepted(), Course::decided(), Course::stopped());
    let mut faults = 0;
    let mut tell = |table: Table| {
        println!("{table}");
        table.faults.iter().for_each(|fault| println!("  FAULT {fault}"));
        faults += table.faults.len();
    };
    tell(fail_every_change(&accepted, stride).await);
    tell(run_every_task_twice(&accepted).await);
    tell(deliver_twice(&accepted, stride).await);
    tell(drive_after_the_end(&accepted).await);
    tell(crash_everywhere(&accepted, stride).await);
    tell(drop_every_answer(&accepted, stride).await);
    for course in [&accepted, &decided, &stopped] {
        tell(cut_and_replay(course).await);
    }
    for course in [&decided, &stopped] {
        tell(cut_and_go_on(course, stride).await);
    }
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[allow(clippy::disallowed_methods, reason = "how fast it goes is real time; nothing depends on it")]
async fn sail_all(asked: &Asked) -> ExitCode {
    let began = std::time::Instant::now();
    let mut total = Logbook::default();
    let (mut wrecks, mut memory) = (0u64, Vec::new());
    let report_every = (asked.seeds / 10).max(1);
    for (nth, seed) in (asked.from..asked.from + asked.seeds).enumerate() {
        match Voyage::of(seed, asked.mix).sail().await {
            Ok(logbook) => total.add(&logbook),
            Err(wreck) => {
                wrecks += 1;
                if asked.alone {
                    wreck.log.iter().for_each(|line| println!("{line}"));
                }
                println!("{wreck}");
                println!("  again: cargo xtask simulate --seed {seed} --faults {}", asked.mix);
            }
        }
        if (nth as u64 + 1).is_multiple_of(report_every) {
            memory.push(resident_megabytes());
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss)]
    let per_second = asked.seeds as f64 / seconds;
    println!(
        "{} releases, faults {}, seeds {} to {}: {} ended as they should, {wrecks} did not",
        asked.seeds,
        asked.mix,
        asked.from,
        asked.from + asked.seeds - 1,
        asked.seeds - wrecks,
    );
    println!(
        "  {} effects at the imitated services, every one once; {} requests; {} entries of history, none lost",
        total.effects, total.requests, total.entries
    );
    println!(
        "  {} crashes survived; {} drives begun again; {} drives with another beside them; {} questions decided by a person",
        total.crashes, total.resumed, total.in_company, total.decisions
    );
    let faults: u64 = total.faults.values().sum();
    println!("  {faults} faults injected");
    for (fault, count) in &total.faults {
        println!("    {count:>8}  {fault}");
    }
    println!(
        "  {} days of scenario time in {seconds:.1} s of one core: {per_second:.1} releases a second",
        total.virtual_seconds / 86_400
    );
    let memory: Vec<String> = memory.iter().map(|mb| format!("{mb:.0}")).collect();
    println!("  resident memory after each tenth, MB: {}", memory.join(" "));
    if wrecks == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What this process holds of the machine's memory; 0 where the system does not say.
fn resident_megabytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
