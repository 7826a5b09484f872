//! The way from an edit to the generated files: a checkout with a Makefile of its own, the real make and the real Python.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use crate::program::{Program, Ran};

const RELEASES: &str = "core-services/release-controller/_releases";
const CONFIG: &str = "core-services/release-controller/_releases/release-ocp-4.21.json";
const PRIVATE: &str = "core-services/release-controller/_releases/priv/release-ocp-4.21.json";
const GENERATED: &str = "clusters/app.ci/release-controller/deploy-ocp.yaml";
const LOG: &str = "venv/regatta-make-release-controllers.log";

const PUBLIC: &str = r#"{
  "name": "4.21.0-0.nightly",
  "to": "release",
  "mirrorPrefix": "4.21-art-latest",
  "message": "Nightly payloads – see <a href=\"https://example.com/4.21\">the documents</a>",
  "expires": "72h",
  "maxUnreadyReleases": 2,
  "publish": {
    "tag": {
      "tagRef": {
        "name": "4.21"
      }
    }
  },
  "verify": {
    "aws-ovn-upgrade-4.21-micro": {
      "upgrade": true,
      "prowJob": {
        "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-aws-ovn-upgrade"
      }
    },
    "gcp-ovn-4.21-serial": {
      "maxRetries": 2,
      "prowJob": {
        "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-gcp-ovn-serial"
      }
    },
    "metal-ipi-4.21": {
      "optional": true,
      "prowJob": {
        "name": "periodic-ci-openshift-release-main-nightly-4.21-e2e-metal-ipi-ovn"
      }
    }
  }
}
"#;

/// A small generator by the rules of the large one: it needs PyYAML from the environment, writes a resource as YAML, and makes every
/// private file anew.
const GENERATOR: &str = r##"
import json, os, sys
import yaml

root = sys.argv[1]
releases = os.path.join(root, "core-services/release-controller/_releases")
names = [
    name for name in sorted(os.listdir(releases))
    if name.startswith("release-ocp-") and name.endswith(".json")
    and not name.endswith("ci.json") and "-stable" not in name
]
for name in names:
    print("generating", name)
    with open(os.path.join(releases, name), encoding="utf-8") as source:
        config = json.load(source)
    for field in ("name", "mirrorPrefix", "to", "alternateImageRepository"):
        if field in config:
            config[field] += "-priv"
    for field in ("check", "publish", "periodic"):
        config.pop(field, None)
    config["message"] = "<!-- GENERATED FROM PUBLIC ANNOTATION CONFIG - DO NOT EDIT. -->" + config["message"]
    for entry in config["verify"].values():
        entry["prowJob"]["name"] += "-priv"
        entry["disabled"] = True
    with open(os.path.join(releases, "priv", name), "w", encoding="utf-8") as target:
        json.dump(config, target, sort_keys=True, indent=4)
with open(os.path.join(root, "clusters/app.ci/release-controller/deploy-ocp.yaml"), "w") as target:
    target.write("# DO NOT EDIT\n")
    yaml.dump({"kind": "Deployment", "releases": names}, target)
print("generated with", sys.prefix, file=sys.stderr)
"##;

/// As in the configuration repository: a prerequisite, then the generator. The prerequisite's download is left out.
const MAKEFILE: &str = "\
.PHONY: release-controllers update_crt_crd
update_crt_crd:
\t@echo updating the CRDs

release-controllers: update_crt_crd
\tpython3 hack/generate-release-controllers.py .
";

/// The program, and a checkout to work on.
struct Checkout {
    program: Program,
    root: PathBuf,
}

impl Checkout {
    fn new() -> Self {
        let program = Program::new();
        let root = program.home.path().canonicalize().unwrap().join("release");
        for folder in ["hack", "clusters/app.ci/release-controller", RELEASES] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::create_dir(root.join(RELEASES).join("priv")).unwrap();
        let checkout = Self { program, root };
        checkout.write("hack/generate-release-controllers.py", GENERATOR);
        checkout.write("Makefile", MAKEFILE);
        checkout.write(CONFIG, PUBLIC);
        checkout
    }

    /// With a `venv` whose Python says yes to everything, and a recipe for the target.
    fn with_recipe(recipe: &str) -> Self {
        let checkout = Self::new();
        checkout.write("Makefile", &format!("release-controllers:\n\t@{recipe}\n"));
        fs::create_dir_all(checkout.root.join("venv/bin")).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let yes =
            std::env::split_paths(&path).map(|folder| folder.join("true")).find(|p| p.is_file()).unwrap();
        symlink(yes, checkout.root.join("venv/bin/python")).unwrap();
        checkout
    }

    /// With a program of its own, put there by another process: one that this process has open for writing might not be started.
    fn program(&self, file: &str, text: &str) {
        let path = self.root.join(file);
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let draft = self.program.home.path().join("draft");
        fs::write(&draft, text).unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Command::new("cp").arg(&draft).arg(&path).status().unwrap().success());
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.root.join(file), text).unwrap();
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root.join(file)).unwrap()
    }

    fn aggregate(&self, key: &str, more: &[&str]) -> Command {
        let root = self.root.to_str().unwrap();
        let words = ["payload-job", "aggregate", "4.21", "nightly", "--job", key, "--root", root];
        self.program.command(&[&words, more].concat())
    }

    /// Every file but those of the virtual environment, from the root on, sorted.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && path.file_name().unwrap() != "venv" {
                    folders.push(path);
                } else if path.is_file() {
                    files.push(path.strip_prefix(&self.root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }
}

fn run(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

/// PyYAML without the network, where `cargo xtask peers` has fetched it; else as the tester's own pip gets it.
fn pip_settings() -> Vec<(String, String)> {
    let target = Path::new(env!("CARGO_BIN_EXE_regatta")).ancestors().nth(2).unwrap();
    let wheels = target.join("peers").join("wheels");
    if wheels.is_dir() {
        let wheels = wheels.to_str().unwrap().to_owned();
        return vec![("PIP_NO_INDEX".to_owned(), "1".to_owned()), ("PIP_FIND_LINKS".to_owned(), wheels)];
    }
    let passed_on = |name: &str| {
        let name = name.to_uppercase();
        name.starts_with("PIP_") || name.ends_with("_PROXY") || name == "SSL_CERT_FILE"
    };
    std::env::vars().filter(|(name, _)| passed_on(name)).collect()
}

#[test]
fn an_edit_is_followed_by_the_generator_in_a_virtual_environment_of_its_own() {
    let checkout = Checkout::new();
    let ran = run(checkout
        .aggregate("aws-ovn-upgrade-4.21-micro", &["-o", "json"])
        .envs(pip_settings())
        // What activating an environment unsets.
        .env("PYTHONHOME", "/nowhere"));
    assert_eq!(ran.code, 0, "{}", ran.shown());
    let report = ran.json();
    assert_eq!(report["changed"][0]["to"], "aggregated-aws-ovn-upgrade-4.21-micro");
    assert_eq!(
        (report["make"]["ran"].as_bool(), report["make"]["exit_code"].as_i64()),
        (Some(true), Some(0))
    );
    assert_eq!(report["files_changed"], serde_json::json!([CONFIG, PRIVATE]));

    let venv = checkout.root.join("venv");
    for shown in [
        "there is no venv yet: making it with `python3 -m venv venv`",
        "the generator needs PyYAML, which the venv lacks",
        "updating the CRDs",
        "generating release-ocp-4.21.json",
        &format!("generated with {}", venv.display()),
        "now runs 10 times on each payload, and its runs are judged statistically",
        &format!(
            "`make release-controllers` is done; whole output: {}",
            venv.parent().unwrap().join(LOG).display()
        ),
    ] {
        assert!(ran.err.contains(shown), "{shown:?} is not shown:\n{}", ran.err);
    }
    let log = checkout.read(LOG);
    assert!(log.contains("$ make release-controllers") && log.contains("generating release-ocp"), "{log}");
    assert!(checkout.read(GENERATED).contains("- release-ocp-4.21.json"));
    assert_eq!(
        checkout.files(),
        ["Makefile", GENERATED, PRIVATE, CONFIG, "hack/generate-release-controllers.py"],
        "nothing is left beside the files"
    );

    // The private file that is derived without the generator is the same, byte for byte.
    let native = Checkout::new();
    let ran = run(&mut native.aggregate("aws-ovn-upgrade-4.21-micro", &["--no-make", "--write-priv"]));
    assert_eq!(ran.code, 0, "{}", ran.shown());
    assert_eq!(native.read(CONFIG), checkout.read(CONFIG));
    assert_eq!(native.read(PRIVATE), checkout.read(PRIVATE));
    assert!(!native.root.join("venv").exists());

    // With all there, only make runs; and it says nothing when nothing is to be said.
    let ran = run(checkout.aggregate("gcp-ovn-4.21-serial", &["--quiet"]).envs(pip_settings()));
    assert_eq!(ran.code, 0, "{}", ran.shown());
    assert!(!ran.err.contains("generating") && !ran.err.contains("whole output"), "{}", ran.err);
    let log = checkout.read(LOG);
    assert!(!log.contains("pip install") && log.contains("generating release-ocp"), "{log}");
    assert!(checkout.read(PRIVATE).contains("aggregated-gcp-ovn-4.21-serial"));
}

#[test]
fn a_failing_make_is_exit_1_and_the_edit_stays() {
    let checkout = Checkout::with_recipe("echo no such periodics >&2; exit 3");
    let ran = run(&mut checkout.aggregate("gcp-ovn-4.21-serial", &["-o", "json"]));
    assert_eq!(ran.code, 1, "{}", ran.shown());
    let report = ran.json();
    // Make's own exit code, whatever the recipe's.
    assert_eq!(
        (report["make"]["ran"].as_bool(), report["make"]["exit_code"].as_i64()),
        (Some(true), Some(2))
    );
    assert_eq!(report["files_changed"], serde_json::json!([CONFIG]));
    assert!(checkout.read(CONFIG).contains("\"aggregated-gcp-ovn-4.21-serial\""));
    let root = checkout.root.display();
    for shown in [
        "`make release-controllers` failed with exit code 2",
        "the edit stays",
        "no such periodics",
        &format!("cd {root} && . venv/bin/activate && make release-controllers"),
        &format!("whole output: {root}/{LOG}"),
    ] {
        assert!(ran.err.contains(shown), "{shown:?} is not said:\n{}", ran.err);
    }
    assert!(!ran.err.contains("now runs 10 times"), "{}", ran.err);
    assert!(checkout.read(LOG).contains("no such periodics"));
}

#[test]
fn a_make_without_the_network_is_told_so() {
    let checkout = Checkout::with_recipe("echo 'curl: (6) Could not resolve host: example.com' >&2; exit 6");
    let ran = run(&mut checkout.aggregate("gcp-ovn-4.21-serial", &[]));
    assert_eq!(ran.code, 1, "{}", ran.shown());
    let told = "this looks like a failure of the network (curl: (6) Could not resolve host: example.com)";
    assert!(ran.err.contains(told), "{}", ran.err);
}

/// The program at work, with what it says.
struct Running {
    child: Child,
    err: BufReader<ChildStderr>,
    told: String,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, err, told: String::new() }
    }

    /// Reads until a line with this.
    fn until(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.err.read_line(&mut line).unwrap(), 0, "never said {text:?}:\n{}", self.told);
            self.told.push_str(&line);
        }
    }

    /// To Regatta alone: what it started has to hear of it from Regatta.
    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$1\" \"$0\"", &id, signal]).status().unwrap();
        assert!(sent.success());
    }

    /// The exit code, and all that was told.
    fn ended(mut self) -> (Option<i32>, String) {
        self.err.read_to_string(&mut self.told).unwrap();
        (self.child.wait().unwrap().code(), self.told)
    }
}

/// Whether whoever runs the tests has this process, and all that it starts, ignore hangups.
fn hangup_is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1
}

#[test]
fn an_interrupt_ends_make_and_the_edit_stays() {
    for signal in ["INT", "TERM", "HUP", "QUIT"] {
        if signal == "HUP" && hangup_is_ignored() {
            continue;
        }
        let checkout = Checkout::with_recipe("echo waiting; exec tail -f /dev/null");
        let mut running = Running::start(&mut checkout.aggregate("gcp-ovn-4.21-serial", &[]));
        running.until("waiting");
        running.signal(signal);
        let (code, told) = running.ended();
        assert_eq!(code, Some(1), "{signal}: {told}");
        let expected = "interrupted: `make release-controllers` was ended before its time; the edit stays";
        assert!(told.contains(expected), "{signal}: {told}");
        assert!(checkout.read(CONFIG).contains("\"aggregated-gcp-ovn-4.21-serial\""));
    }
}

#[test]
fn the_second_interrupt_kills_all_that_make_has_started() {
    // Nothing here listens to a first interrupt. The pipe comes to its end when the last of them is gone.
    let checkout = Checkout::with_recipe(
        "trap '' INT TERM; echo waiting; exec 3>alive; tail -f /dev/null & echo more; wait; wait; wait",
    );
    let alive = checkout.root.join("alive");
    assert!(Command::new("mkfifo").arg(&alive).status().unwrap().success());
    let (send, gone) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(fs::read(alive).map(|rest| rest.len())));
    let mut running = Running::start(&mut checkout.aggregate("gcp-ovn-4.21-serial", &[]));
    running.until("more");
    running.signal("INT");
    running.until("interrupt again to kill it");
    running.signal("INT");
    let (code, told) = running.ended();
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("interrupted: `make release-controllers` was ended"), "{told}");
    // However long it takes; the bound only ends a test that would wait for ever.
    let gone = gone.recv_timeout(Duration::from_secs(300)).expect("what make started lives on");
    assert_eq!(gone.unwrap(), 0);
}

#[test]
fn after_an_interrupt_no_further_step_is_begun() {
    // A step that succeeds in spite of it, for it does not listen: the question for PyYAML.
    let checkout = Checkout::with_recipe("echo never > made");
    checkout.program("venv/bin/python", "#!/bin/sh\ntrap '' INT\nkill -s INT \"$PPID\"\nexit 0\n");
    let ran = run(&mut checkout.aggregate("gcp-ovn-4.21-serial", &["-o", "json"]));
    assert_eq!(ran.code, 1, "{}", ran.shown());
    assert_eq!(ran.json()["make"]["ran"], false);
    let root = checkout.root.display();
    for told in [
        "interrupted before `make release-controllers`, which was not run; the edit stays",
        &format!("to go on: cd {root} && . venv/bin/activate && make release-controllers"),
    ] {
        assert!(ran.err.contains(told), "{told:?} is not said:\n{}", ran.err);
    }
    assert!(!checkout.root.join("made").exists());
}

#[test]
fn an_interrupted_venv_is_removed_and_the_command_that_goes_on_is_named() {
    let checkout = Checkout::new();
    let half =
        "#!/bin/sh\nmkdir -p venv/bin && cp /bin/sh venv/bin/python && echo begun\nexec tail -f /dev/null\n";
    checkout.program("bin/python3", half);
    let mut search = vec![checkout.root.join("bin")];
    search.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let mut running = Running::start(
        checkout.aggregate("gcp-ovn-4.21-serial", &[]).env("PATH", std::env::join_paths(search).unwrap()),
    );
    running.until("begun");
    assert!(checkout.root.join("venv/bin/python").exists());
    running.signal("INT");
    let (code, told) = running.ended();
    assert_eq!(code, Some(1), "{told}");
    let root = checkout.root.display();
    for expected in [
        "interrupted: `python3 -m venv venv` was ended before its time; the edit stays",
        &format!("what it made of {root}/venv was removed again"),
        &format!(
            "to go on: cd {root} && python3 -m venv venv && . venv/bin/activate && python -m pip install PyYAML && \
             make release-controllers"
        ),
    ] {
        assert!(told.contains(expected), "{expected:?} is not said:\n{told}");
    }
    assert!(!checkout.root.join("venv").exists());
}
