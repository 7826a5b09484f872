//! `cargo xtask bench`, the part on payload jobs: the commands of the release binary beside what a person would otherwise use, on
//! made files, in one run; measured and told, never asserted.
//!
//! Every figure is the time of a whole process. Contenders run in turn, so that a busy machine is busy for all of them. The
//! made files lie under `target/peers/bench-payload` and are made once.

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::bench::{cargo, millis, target};
use crate::peers;
use crate::steps::now;

/// How often a quick command is run.
const QUICK: u32 = 30;
/// How often a slow one is.
const SLOW: u32 = 5;
/// Entries of a made configuration: as many as the largest real ones have.
const ENTRIES: usize = 90;
/// Made configurations.
const CONFIGS: usize = 150;
/// Tests of a made run.
const TESTS: usize = 3_000;
/// Runs to be judged.
const ATTEMPTS: usize = 10;
/// Earlier runs.
const EARLIER: usize = 250;
/// Goes up when what is made changes.
const MADE: &str = "2";

const RELEASES: &str = "core-services/release-controller/_releases";
const JOB: &str = "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn";

const PY_LIST: &str = "\
import json, sys
config = json.load(open(sys.argv[1]))
for number, (key, entry) in enumerate(config['verify'].items(), 1):
    if 'aggregatedProwJob' not in entry:
        print(number, key, entry['prowJob']['name'])";

const PY_CHECK: &str = "\
import json, re, sys
known = {'name', 'to', 'message', 'mirrorPrefix', 'expires', 'verify', 'publish', 'check', 'periodic'}
for path in sys.argv[1:]:
    config = json.load(open(path))
    assert not set(config) - known, path
    for key, entry in config['verify'].items():
        assert not re.search(r'-\\d+$', key), key
        assert not (entry.get('optional') and 'aggregatedProwJob' in entry), key
        assert entry['prowJob']['name']";

const PY_EDIT: &str = "\
import json, sys
path, key = sys.argv[1:]
config = json.load(open(path))
verify = {}
for name, entry in config['verify'].items():
    if name == key:
        name = 'aggregated-' + name
        entry.setdefault('maxRetries', 2)
        entry['aggregatedProwJob'] = {'analysisJobCount': 10}
    verify[name] = entry
config['verify'] = verify
with open(path, 'w') as out:
    json.dump(config, out, indent=2)";

/// The tests of a folder of runs, and for each one Fisher test; the history from a folder of runs, or from a table.
const PY_JUDGE: &str = "\
import collections, os, sys
import xml.etree.ElementTree as ET
from scipy.stats import fisher_exact

def tally(folder):
    counts = collections.defaultdict(lambda: [0, 0])
    for where, _, names in os.walk(folder):
        for name in names:
            if name.startswith('junit') and name.endswith('.xml'):
                for suite in ET.parse(os.path.join(where, name)).getroot().iter('testsuite'):
                    for case in suite.findall('testcase'):
                        counted = counts[suite.get('name'), case.get('name')]
                        counted[1] += 1
                        if case.find('failure') is None:
                            counted[0] += 1
    return counts

now, history = tally(sys.argv[1]), sys.argv[2]
if os.path.isdir(history):
    past = tally(history)
else:
    past = {}
    for line in open(history):
        if not line.startswith('suite,'):
            suite, name, passes, runs = line.rstrip('\\n').split(',')
            past[suite, name] = [int(passes), int(runs)]
failed = 0
for test, (passes, runs) in now.items():
    before = past.get(test, [0, 0])
    table = [[passes, runs - passes], [before[0], before[1] - before[0]]]
    if fisher_exact(table, alternative='less')[1] <= 0.05:
        failed += 1
print(failed, 'of', len(now))";

/// One of those that do the same.
struct Contender {
    name: &'static str,
    program: PathBuf,
    words: Vec<OsString>,
    /// A file that it changes, and what it is given back before each run.
    fresh: Option<(PathBuf, String)>,
}

impl Contender {
    fn new(name: &'static str, program: impl Into<PathBuf>) -> Self {
        Self { name, program: program.into(), words: Vec::new(), fresh: None }
    }

    fn words<W: Into<OsString>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    fn on_fresh(mut self, file: &Path, text: &str) -> Self {
        self.fresh = Some((file.to_owned(), text.to_owned()));
        self
    }

    /// One run. Exit 1 is an answer too: a check that found something, a run that did not pass.
    fn time(&self) -> Result<Duration> {
        if let Some((file, text)) = &self.fresh {
            fs::write(file, text)?;
        }
        let began = now();
        let output = Command::new(&self.program)
            .args(&self.words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .with_context(|| format!("{} did not start", self.program.display()))?;
        let took = began.elapsed();
        if !matches!(output.status.code(), Some(0 | 1)) {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{} ended with {}: {}", self.name, output.status, said.lines().last().unwrap_or_default());
        }
        Ok(took)
    }
}

/// Builds the release binary and measures payload jobs alone.
pub(crate) fn alone(root: &Path) -> Result<()> {
    cargo(root, &["build", "--release", "--locked", "--package", "regatta"])?;
    bench(root)
}

/// Measures; the release binary is there.
pub(crate) fn bench(root: &Path) -> Result<()> {
    let regatta = target(root).join("release").join("regatta");
    let peers = target(root).join("peers");
    let made = Made::at(&peers.join("bench-payload"))?;
    let ours = |name, words: &[&str]| {
        Contender::new(name, &regatta).words(["--quiet", "payload-job"]).words(words.iter().copied())
    };
    // The interpreter itself: a version manager's stand-in for it would be measured too.
    let interpreter = peers::said(Command::new("python3").args(["-c", "import sys; print(sys.executable)"]))?;
    let python = |name, script: &str| Contender::new(name, interpreter.trim()).words(["-c", script]);
    let (config, key) = (made.config(0), made.key());

    race(
        &format!("list the jobs of one file of {ENTRIES} entries"),
        QUICK,
        &[
            ours("regatta payload-job list", &["list", "4.0", "nightly", "--root"]).words([made.checkout()]),
            Contender::new("jq", "jq")
                .words([
                    "-r",
                    ".verify | to_entries[] | select(.value.aggregatedProwJob | not) | [.key, .value.prowJob.name] | @tsv",
                ])
                .words([&config]),
            python("python3, json", PY_LIST).words([&config]),
        ],
    );
    race(
        "check one file",
        QUICK,
        &[
            ours("regatta payload-job check", &["check"]).words([&config]),
            Contender::new("jq, well-formed only", "jq").words(["empty"]).words([&config]),
            python("python3, json and four rules", PY_CHECK).words([&config]),
        ],
    );
    let all: Vec<PathBuf> = (0..CONFIGS).map(|number| made.config(number)).collect();
    race(
        &format!("check {CONFIGS} files"),
        QUICK,
        &[
            ours("regatta payload-job check", &["check"]).words(&all),
            Contender::new("jq, well-formed only", "jq").words(["empty"]).words(&all),
            python("python3, json and four rules", PY_CHECK).words(&all),
        ],
    );
    let edited = made.edited();
    let text = fs::read_to_string(&config)?;
    race(
        "aggregate one job",
        QUICK,
        &[
            ours("regatta payload-job aggregate --no-make", &["aggregate", "4.0", "nightly", "--no-make"])
                .words(["--job", &key, "--root"])
                .words([made.checkout_to_edit()])
                .on_fresh(&edited, &text),
            python("python3, json load and dump", PY_EDIT)
                .words([edited.as_os_str(), key.as_ref()])
                .on_fresh(&edited, &text),
        ],
    );
    // The next bench begins with the same copy.
    fs::write(&edited, &text)?;

    let scipy = match scipy(&peers) {
        Ok(python) => Some(python),
        Err(error) => {
            println!("scipy could not be installed, so nothing stands beside judge: {error:#}");
            None
        }
    };
    for (what, history) in [("table", made.table()), ("folder", made.earlier())] {
        let judge = ours("regatta payload-job judge", &["judge"]).words([
            made.attempts().as_os_str(),
            "--history".as_ref(),
            history.as_os_str(),
        ]);
        let theirs = scipy.iter().map(|python| {
            Contender::new("python3, ElementTree and scipy", python)
                .words(["-c", PY_JUDGE])
                .words([made.attempts(), history.clone()])
        });
        let title = format!("judge {ATTEMPTS} runs of {TESTS} tests, a {what} of {EARLIER} earlier runs");
        race(&title, SLOW, &std::iter::once(judge).chain(theirs).collect::<Vec<_>>());
    }
    Ok(())
}

/// A Python that has scipy, which only this needs.
fn scipy(peers: &Path) -> Result<PathBuf> {
    let python = peers::venv(&peers.join("bench-venv"))?;
    if peers::said(Command::new(&python).args(["-c", "import scipy.stats"])).is_err() {
        println!("   installing scipy into {}", peers.join("bench-venv").display());
        peers::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "scipy"]))?;
    }
    Ok(python)
}

/// Runs contenders in turn and tells each one's times; the ratio is to the first. One that cannot run is told and left out.
fn race(title: &str, runs: u32, contenders: &[Contender]) {
    println!("{title}; median (least to most) of {runs} in turn");
    let mut times: Vec<Result<Vec<Duration>>> = contenders.iter().map(|_| Ok(Vec::new())).collect();
    for _ in 0..runs {
        for (contender, taken) in contenders.iter().zip(&mut times) {
            let Ok(list) = taken else { continue };
            match contender.time() {
                Ok(took) => list.push(took),
                Err(error) => *taken = Err(error),
            }
        }
    }
    let mut first = None;
    for (index, (contender, taken)) in contenders.iter().zip(times).enumerate() {
        match taken {
            Ok(mut list) => {
                list.sort_unstable();
                let (least, most) = (list[0], list[list.len() - 1]);
                let median = list[list.len() / 2];
                let mut line = format!(
                    "  {:40} {:9.2} ms ({:.2} to {:.2})",
                    contender.name,
                    millis(median),
                    millis(least),
                    millis(most)
                );
                if index == 0 {
                    first = Some(median);
                } else if let Some(first) = first {
                    let _ = write!(line, "  {:.1} times", millis(median) / millis(first));
                }
                println!("{line}");
            }
            Err(error) => println!("  {:40} not measured: {error:#}", contender.name),
        }
    }
}

/// The made files.
struct Made {
    folder: PathBuf,
}

impl Made {
    /// Makes what is not there.
    fn at(folder: &Path) -> Result<Self> {
        let made = Self { folder: folder.to_owned() };
        let mark = folder.join("made");
        if fs::read_to_string(&mark).is_ok_and(|text| text == MADE) {
            return Ok(made);
        }
        println!("   making files for the benches in {}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        for checkout in [made.checkout(), made.checkout_to_edit()] {
            fs::create_dir_all(checkout.join(RELEASES))?;
        }
        for number in 0..CONFIGS {
            fs::write(made.config(number), config(number))?;
        }
        fs::write(made.edited(), config(0))?;
        runs(&made.attempts(), ATTEMPTS, 5_000)?;
        runs(&made.earlier(), EARLIER, 1_000)?;
        fs::write(made.table(), table())?;
        fs::write(mark, MADE)?;
        Ok(made)
    }

    fn checkout(&self) -> PathBuf {
        self.folder.join("checkout")
    }

    fn checkout_to_edit(&self) -> PathBuf {
        self.folder.join("checkout-to-edit")
    }

    fn config(&self, number: usize) -> PathBuf {
        self.checkout().join(RELEASES).join(format!("release-ocp-4.{number}.json"))
    }

    fn edited(&self) -> PathBuf {
        self.checkout_to_edit().join(RELEASES).join("release-ocp-4.0.json")
    }

    /// A key from the middle of the file.
    fn key(&self) -> String {
        key(0, ENTRIES / 2)
    }

    fn attempts(&self) -> PathBuf {
        self.folder.join("attempts")
    }

    fn earlier(&self) -> PathBuf {
        self.folder.join("earlier")
    }

    fn table(&self) -> PathBuf {
        self.folder.join("earlier.csv")
    }
}

const PLATFORMS: [&str; 6] = ["aws", "gcp", "azure", "metal", "vsphere", "hypershift"];

fn key(number: usize, entry: usize) -> String {
    format!("{}-ovn-e2e-{entry}-4.{number}-serial", PLATFORMS[entry % PLATFORMS.len()])
}

/// A configuration as the real ones are written today.
fn config(number: usize) -> String {
    let mut entries = Vec::new();
    for entry in 0..ENTRIES {
        let (key, platform) = (key(number, entry), PLATFORMS[entry % PLATFORMS.len()]);
        let mut fields = Vec::new();
        if entry % 3 == 0 {
            fields.push("      \"maxRetries\": 2".to_owned());
        } else {
            fields.push("      \"optional\": true".to_owned());
        }
        fields.push(format!(
            "      \"prowJob\": {{\n        \"name\": \"periodic-ci-openshift-release-main-nightly-4.{number}-e2e-{platform}-ovn-{entry}-serial\"\n      }}"
        ));
        if entry % 9 == 0 {
            fields.push("      \"upgrade\": true".to_owned());
        }
        if entry % 27 == 0 {
            fields
                .push("      \"aggregatedProwJob\": {\n        \"analysisJobCount\": 10\n      }".to_owned());
        }
        let key = if entry % 27 == 0 { format!("aggregated-{key}") } else { key };
        entries.push(format!("    \"{key}\": {{\n{}\n    }}", fields.join(",\n")));
    }
    format!(
        "{{\n  \"name\": \"4.{number}.0-0.nightly\",\n  \"to\": \"release\",\n  \"message\": \"Made for a bench\",\n  \
         \"mirrorPrefix\": \"4.{number}-art-latest\",\n  \"expires\": \"72h\",\n  \"verify\": {{\n{}\n  }}\n}}\n",
        entries.join(",\n")
    )
}

fn test_name(test: usize) -> String {
    format!(
        "[sig-bench] Feature number {test} should work as it did before [Suite:openshift/conformance/parallel]"
    )
}

/// Chance without a generator: the same on every machine.
fn rolls(run: usize, test: usize) -> usize {
    let mixed = (run * TESTS + test).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as usize);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9_u64 as usize) >> 40
}

/// Folders of runs as the job store keeps them; one case in `one_in` fails.
fn runs(folder: &Path, count: usize, one_in: usize) -> Result<()> {
    for run in 0..count {
        let id = 1_900_000_000_000_000_000_u64 + run as u64 * 1_000_003 + one_in as u64;
        let run_folder = folder.join(id.to_string());
        let junit = run_folder.join("artifacts/e2e-aws-ovn/openshift-e2e-test/artifacts/junit");
        fs::create_dir_all(&junit)?;
        fs::write(
            run_folder.join("finished.json"),
            "{\"timestamp\":1767225600,\"passed\":true,\"result\":\"SUCCESS\"}\n",
        )?;
        fs::write(
            run_folder.join("prowjob.json"),
            format!(
                "{{\"metadata\":{{\"name\":\"run-{run}\"}},\"spec\":{{\"job\":\"{JOB}\"}},\"status\":{{\
                 \"startTime\":\"2026-01-01T00:00:00Z\",\"completionTime\":\"2026-01-01T03:00:00Z\",\"state\":\"success\",\
                 \"build_id\":\"{id}\"}}}}\n"
            ),
        )?;
        let mut text = format!("<testsuites><testsuite name=\"openshift-tests\" tests=\"{TESTS}\">\n");
        for test in 0..TESTS {
            let name = test_name(test);
            if rolls(run, test).is_multiple_of(one_in) {
                let _ = writeln!(
                    text,
                    "<testcase name=\"{name}\" time=\"3.1\"><failure message=\"\">fail [example.go:12]: timed out</failure></testcase>"
                );
            } else {
                let _ = writeln!(text, "<testcase name=\"{name}\" time=\"1.4\"></testcase>");
            }
        }
        text.push_str("</testsuite></testsuites>\n");
        fs::write(junit.join("junit_e2e__20260101-000000.xml"), text)?;
    }
    Ok(())
}

/// The same history as a table.
fn table() -> String {
    let mut text = "suite,name,passes,runs\n".to_owned();
    for test in 0..TESTS {
        let passes = (0..EARLIER).filter(|run| !rolls(*run, test).is_multiple_of(1_000)).count();
        let _ = writeln!(text, "openshift-tests,{},{passes},{EARLIER}", test_name(test));
    }
    text
}
