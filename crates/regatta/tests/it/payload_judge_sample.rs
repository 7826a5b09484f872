//! A made aggregated run: ten runs of an upgrade job as Prow leaves them, and the history behind it.
//!
//! The names are in the manner of the real suites; nothing is copied. All chance is a hash, so the same sample is made each
//! time.

use std::fmt::Write as _;
use std::path::Path;

/// What the sample is to hold.
pub(crate) struct Sample {
    pub(crate) runs: usize,
    pub(crate) tests: usize,
    /// Names of tests that got worse, with the share that passes now.
    pub(crate) worse: Vec<(usize, f64)>,
    /// Of those, the ones that only inform.
    pub(crate) informing: Vec<usize>,
    /// Runs that came to no end, by index.
    pub(crate) unfinished: Vec<usize>,
    /// Backends that are disrupted more than before; with any, data of disruption are written at all.
    pub(crate) disrupted: Vec<&'static str>,
}

pub(crate) const JOB: &str = "periodic-ci-openshift-release-master-ci-4.21-e2e-gcp-ovn-upgrade";
pub(crate) const TAG: &str = "4.21.0-0.ci-2026-01-31-093412";

/// One test of the sample.
struct Test {
    suite: String,
    name: String,
    /// How often it passes in the long run.
    rate: f64,
    /// Whether a failure is tried again in the same run, and then passes.
    flakes: bool,
    /// Whether its history is known.
    known: bool,
}

/// A number in 0..1 from a seed: the same each time.
fn chance(seed: &[u64]) -> f64 {
    let mut hash = 0x9E37_79B9_7F4A_7C15_u64;
    for part in seed {
        hash ^= part.wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(31);
        hash = (hash ^ (hash >> 30)).wrapping_mul(0x94D0_49BB_1331_11EB);
        hash ^= hash >> 29;
    }
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

const AREAS: &[(&str, &str, &[&str])] = &[
    (
        "sig-network",
        "openshift-tests",
        &["Services", "NetworkPolicy", "EgressIP", "Routes", "DNS", "IngressController", "Multus"],
    ),
    (
        "sig-storage",
        "openshift-tests",
        &["CSI Volumes", "PersistentVolumes", "Snapshots", "EmptyDir", "Subpath", "ConfigMap"],
    ),
    (
        "sig-apps",
        "openshift-tests",
        &["Deployment", "StatefulSet", "Job", "CronJob", "DaemonSet", "ReplicaSet"],
    ),
    (
        "sig-auth",
        "openshift-tests",
        &["ServiceAccounts", "OAuth server", "SelfSubjectReview", "SCC", "Projects"],
    ),
    ("sig-cli", "openshift-tests", &["oc adm", "oc explain", "oc debug", "oc status", "Kubectl client"]),
    (
        "sig-node",
        "openshift-tests",
        &["Pods", "Probing container", "Security Context", "Sysctls", "RuntimeClass"],
    ),
    ("sig-instrumentation", "openshift-tests", &["Prometheus", "Alerts", "Metrics"]),
    (
        "sig-cluster-lifecycle",
        "openshift-tests-upgrade",
        &["ClusterOperators", "Cluster version operator", "Cluster completes upgrade"],
    ),
    (
        "sig-api-machinery",
        "openshift-tests-upgrade",
        &["disruption/kube-api connection", "disruption/oauth-api connection", "Server request timeout"],
    ),
    (
        "bz-machine-config-operator",
        "openshift-tests-upgrade",
        &["clusteroperator/machine-config", "nodes", "pools"],
    ),
];
const DEEDS: &[&str] = &[
    "should be able to change the type",
    "should survive a restart of its node",
    "should serve requests while it is being replaced",
    "should report its condition",
    "should reject what is not valid",
    "should keep working when its certificate is renewed",
    "should be garbage collected with its owner",
    "should not report an alert in firing state",
    "should be consistent across masters",
    "should be accessible from another namespace",
];
const TAILS: &[&str] = &[
    "[Conformance]",
    "[Slow]",
    "[Feature:Upgrade]",
    "[Serial]",
    "over IPv4",
    "with ownership",
    "when idle",
    "as admin",
    "<=> & again",
    "for \"quoted\" names",
];

fn tests(sample: &Sample) -> Vec<Test> {
    let mut made: Vec<Test> = (0..sample.tests)
        .map(|i| {
            let (sig, suite, subjects) = AREAS[i % AREAS.len()];
            let subject = subjects[(i / AREAS.len()) % subjects.len()];
            let deed = DEEDS[(i / 7) % DEEDS.len()];
            let tail = TAILS[(i / 70) % TAILS.len()];
            let suite = if i % 50 == 7 { format!("{suite}|||Operator Conditions") } else { suite.to_owned() };
            let name =
                format!("[{sig}] {subject} {deed} {tail} (case {i}) [Suite:openshift/conformance/parallel]");
            // Most pass always, some nearly, a few are known to be shaky.
            let luck = chance(&[1, i as u64]);
            let rate = if luck < 0.9 {
                1.0
            } else if luck < 0.97 {
                0.992
            } else if luck < 0.995 {
                0.96
            } else {
                0.8
            };
            Test { suite, name, rate, flakes: chance(&[2, i as u64]) < 0.6, known: i % 211 != 5 }
        })
        .collect();
    for (i, _) in &sample.worse {
        made[*i].rate = 0.996;
        made[*i].flakes = false;
        made[*i].known = true;
    }
    made
}

const BACKENDS: &[&str] = &[
    "cache-kube-api-new-connections",
    "image-registry-new-connections",
    "ingress-to-console-new-connections",
    "ingress-to-oauth-server-reused-connections",
    "kube-api-new-connections",
    "kube-api-reused-connections",
    "oauth-api-new-connections",
    "openshift-api-reused-connections",
];

/// Seconds that a backend was disrupted: mostly a few, seldom many.
fn disruption(backend: usize, run: u64, worse: f64) -> u64 {
    let luck = chance(&[7, backend as u64, run]);
    ((luck * luck * luck * 6.0 + worse) * f64::from(u8::from(backend % 3 != 1))) as u64
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Writes runs and history below a folder.
pub(crate) fn make(below: &Path, sample: &Sample) {
    std::fs::create_dir_all(below).unwrap();
    let tests = tests(sample);
    let runs = below.join("runs");
    for run in 0..sample.runs {
        write_run(&runs.join(run_id(run)), run, &tests, sample);
    }
    let history = below.join("history.jsonl");
    let mut lines = String::new();
    for (i, test) in tests.iter().enumerate().filter(|(_, test)| test.known) {
        let passes = (0..200).filter(|run| chance(&[4, i as u64, *run]) < test.rate || test.flakes).count();
        let line = serde_json::json!({"suite": test.suite, "name": test.name, "passes": passes, "runs": 200});
        let _ = writeln!(lines, "{line}");
    }
    for (i, backend) in BACKENDS.iter().enumerate().filter(|_| !sample.disrupted.is_empty()) {
        let seconds: Vec<u64> = (1_000..1_200).map(|run| disruption(i, run, 0.0)).collect();
        let _ = writeln!(lines, "{}", serde_json::json!({"backend": backend, "seconds": seconds}));
    }
    std::fs::write(&history, lines).unwrap();
}

pub(crate) fn run_id(run: usize) -> String {
    (2_017_500_000_000_000_000_u64 + run as u64 * 104_857_600).to_string()
}

fn write_run(folder: &Path, run: usize, tests: &[Test], sample: &Sample) {
    let junit = folder.join("artifacts/e2e-gcp-ovn-upgrade/openshift-e2e-test/artifacts/junit");
    std::fs::create_dir_all(&junit).unwrap();
    let id = run_id(run);
    let url = format!("https://prow.ci.openshift.org/view/gs/test-platform-results/logs/{JOB}/{id}");
    let started = 1_769_852_052 + 7 * run as u64;
    let took = 9_000 + (chance(&[9, run as u64]) * 3_600.0) as u64;
    let unfinished = sample.unfinished.contains(&run);
    let write = |name: &str, value: serde_json::Value| {
        std::fs::write(folder.join(name), serde_json::to_string_pretty(&value).unwrap()).unwrap();
    };
    write("started.json", serde_json::json!({"timestamp": started}));
    let stamp = |at: u64| jiff::Timestamp::from_second(at as i64).unwrap().to_string();
    let mut status =
        serde_json::json!({"startTime": stamp(started), "state": "pending", "url": url, "build_id": id});
    let fails = sample.worse.iter().any(|(i, share)| chance(&[3, *i as u64, run as u64]) >= *share);
    if !unfinished {
        let result = if fails { "FAILURE" } else { "SUCCESS" };
        write(
            "finished.json",
            serde_json::json!({"timestamp": started + took, "passed": !fails, "result": result}),
        );
        status["completionTime"] = stamp(started + took).into();
        status["state"] = if fails { "failure" } else { "success" }.into();
    }
    let prowjob = serde_json::json!({
        "apiVersion": "prow.k8s.io/v1",
        "kind": "ProwJob",
        "metadata": {"annotations": {"prow.k8s.io/job": JOB, "release.openshift.io/tag": TAG}},
        "spec": {"job": JOB, "type": "periodic"},
        "status": status,
    });
    write("prowjob.json", prowjob);
    // An unfinished run leaves the half of its results.
    let ran = if unfinished { tests.len() / 2 } else { tests.len() };
    let mut suites: indexmap::IndexMap<&str, String> = indexmap::IndexMap::new();
    for (i, test) in tests.iter().enumerate().take(ran) {
        let cases = suites.entry(&test.suite).or_default();
        write_cases(cases, i, run, test, sample);
    }
    if !sample.disrupted.is_empty() {
        let backends: serde_json::Map<String, serde_json::Value> = BACKENDS
            .iter()
            .enumerate()
            .map(|(i, backend)| {
                let worse = if sample.disrupted.contains(backend) { 7.0 } else { 0.0 };
                let seconds = format!("{}s", disruption(i, run as u64, worse));
                ((*backend).to_owned(), serde_json::json!({"Name": backend, "DisruptedDuration": seconds}))
            })
            .collect();
        let value = serde_json::json!({"BackendDisruptions": backends});
        std::fs::write(junit.join("backend-disruption_20260131-093412.json"), value.to_string()).unwrap();
    }
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (suite, cases) in &suites {
        let parts: Vec<&str> = suite.split("|||").collect();
        for part in &parts {
            let _ = writeln!(
                text,
                "<testsuite name=\"{}\" tests=\"1\" failures=\"0\" time=\"1\">",
                escaped(part)
            );
        }
        text.push_str(cases);
        text.push_str(&"</testsuite>\n".repeat(parts.len()));
    }
    text.push_str("</testsuites>\n");
    std::fs::write(junit.join("junit_e2e__20260131-093412.xml"), text).unwrap();
}

fn write_cases(cases: &mut String, i: usize, run: usize, test: &Test, sample: &Sample) {
    let name = escaped(&test.name);
    let lifecycle = if sample.informing.contains(&i) { " lifecycle=\"informing\"" } else { "" };
    let seconds = chance(&[5, i as u64, run as u64]) * 60.0;
    let head = format!("<testcase name=\"{name}\" time=\"{seconds:.3}\"{lifecycle}");
    if i % 97 == 3 {
        let _ = writeln!(cases, "{head}><skipped message=\"needs more than one zone\"/></testcase>");
        return;
    }
    let rate = sample.worse.iter().find(|(worse, _)| *worse == i).map_or(test.rate, |(_, share)| *share);
    let seed = if sample.worse.iter().any(|(worse, _)| *worse == i) { 3 } else { 6 };
    if chance(&[seed, i as u64, run as u64]) < rate {
        let _ = writeln!(cases, "{head}/>");
    } else {
        let _ = writeln!(
            cases,
            "{head}><failure message=\"timed out\">fail [probe.go:{i}]: no answer after 5m0s &amp; nothing else</failure>\
<system-out>waiting\nwaiting</system-out></testcase>"
        );
        if test.flakes {
            let _ = writeln!(cases, "{head}/>");
        }
    }
}
