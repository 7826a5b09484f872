//! The way from an edit to the generated files: a checkout with a Makefile of its own, the real make and the real Python.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    assert!(!ran.err.contains("generating"), "{}", ran.err);
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

#[test]
fn an_interrupt_ends_make_and_the_edit_stays() {
    let checkout = Checkout::with_recipe("echo waiting; exec tail -f /dev/null");
    let mut child = checkout
        .aggregate("gcp-ovn-4.21-serial", &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while line.trim_end() != "waiting" {
        line.clear();
        assert_ne!(err.read_line(&mut line).unwrap(), 0, "make never began");
    }
    let id = child.id().to_string();
    assert!(Command::new("sh").args(["-c", "kill -s INT \"$0\"", &id]).status().unwrap().success());
    let mut told = String::new();
    err.read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{told}");
    assert!(
        told.contains("interrupted: `make release-controllers` was ended before its time; the edit stays"),
        "{told}"
    );
    assert!(checkout.read(CONFIG).contains("\"aggregated-gcp-ovn-4.21-serial\""));
}
