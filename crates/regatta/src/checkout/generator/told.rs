//! Words for what a failed step said: its last lines, and what to do about it.

use std::path::Path;

use super::Step;

/// How many lines of a failed step are shown.
const LINES: usize = 12;
/// How much of a line is shown, in characters.
const LINE_CHARS: usize = 200;

/// What a failure of the network says, in lower case: curl by its exit codes, pip and Python by their texts.
const NETWORK: [&str; 24] = [
    "curl: (5)",
    "curl: (6)",
    "curl: (7)",
    "curl: (28)",
    "curl: (35)",
    "curl: (52)",
    "curl: (55)",
    "curl: (56)",
    "curl: (60)",
    "could not resolve host",
    "could not resolve proxy",
    "temporary failure in name resolution",
    "name or service not known",
    "network is unreachable",
    "no route to host",
    "connection refused",
    "connection timed out",
    "failed to establish a new connection",
    "cannot connect to proxy",
    "tunnel connection failed",
    "proxyerror",
    "max retries exceeded",
    "read timed out",
    "no matching distribution",
];

/// The last lines that say something, without what would move a terminal's cursor.
pub(super) fn last_lines(output: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        output.lines().rev().map(clean).filter(|l| !l.is_empty()).take(LINES).collect();
    lines.reverse();
    lines
}

/// A line as a terminal shows it in the end: what a progress meter has drawn over is gone.
fn clean(line: &str) -> String {
    let last = line.trim_end().rsplit('\r').next().unwrap_or_default();
    let text: String = last.trim_end().chars().filter(|c| !c.is_control() || *c == '\t').collect();
    match text.char_indices().nth(LINE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The line that looks like a failure of the network.
pub(super) fn network_failure(output: &str) -> Option<String> {
    // Of what pip tries several times, the last line is the summary.
    output
        .lines()
        .rev()
        .find(|line| {
            let line = line.to_lowercase();
            NETWORK.iter().any(|sign| line.contains(sign))
        })
        .map(|line| clean(line).trim().to_owned())
}

/// Whether what pip said tells that the virtual environment itself is broken: an environment whose making was cut short has a
/// Python already, and pip not yet or in part.
pub(super) fn venv_is_useless(output: &str) -> bool {
    [
        "No module named pip",
        "No module named 'pip",
        "from 'pip",
        "No module named 'encodings'",
        "error while loading shared libraries",
    ]
    .iter()
    .any(|sign| output.contains(sign))
}

/// What to do about a failed step, where its output or the Makefile tells.
pub(super) fn advice(step: Step, output: &str, makefile: &str, venv: &Path) -> Option<String> {
    if step == Step::Venv && ["ensurepip", "No module named venv"].iter().any(|sign| output.contains(sign)) {
        return Some(
            "this Python cannot make virtual environments by itself; install what it lacks (Debian: apt-get install \
             python3-venv)"
                .to_owned(),
        );
    }
    if step == Step::Yaml && venv_is_useless(output) {
        return Some(format!(
            "{} has no pip that works: it was made only half, or without one; the command below makes it anew",
            venv.display()
        ));
    }
    let needs = match step {
        Step::Make if makefile.contains("curl") => {
            "its Makefile downloads with curl (a CRD of the release controller)"
        }
        Step::Make => "what it runs downloads",
        Step::Venv | Step::Yaml => "pip fetches PyYAML from the package index",
    };
    if let Some(line) = network_failure(output) {
        return Some(format!(
            "this looks like a failure of the network ({line}): {needs}, so it needs the network; check the connection \
             or the proxy settings"
        ));
    }
    let needs_network = step == Step::Yaml || makefile.contains("curl") && step == Step::Make;
    needs_network.then(|| format!("{needs}, so it needs the network"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_shown_as_a_terminal_shows_them() {
        let meter = "  0     0    0     0\r100  9313  100  9313\r\n";
        let output =
            format!("{}{meter}\n\u{1b}[31mbad\u{1b}[0m\n{}\n", "early\n".repeat(20), "x".repeat(300));
        let lines = last_lines(&output);
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[LINES - 3..LINES - 1], ["100  9313  100  9313", "[31mbad[0m"]);
        assert_eq!(lines[LINES - 1], format!("{}…", "x".repeat(LINE_CHARS)));
    }

    #[test]
    fn failures_of_the_network_are_told_from_others() {
        for line in [
            "curl: (7) Failed to connect to raw.githubusercontent.com port 443: Connection refused",
            "curl: (28) Operation timed out after 300000 milliseconds",
            "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError: [Errno -3] Temporary failure in name resolution'",
            "ERROR: No matching distribution found for PyYAML",
            "OSError: [Errno 101] Network is unreachable",
            "urllib3.exceptions.ProxyError: ('Cannot connect to proxy.', OSError('Tunnel connection failed: 403 Forbidden'))",
        ] {
            assert_eq!(network_failure(&format!("first\n{line}\nlast\n")).as_deref(), Some(line));
        }
        for other in [
            "curl: (22) The requested URL returned error: 404",
            "curl: (23) Failure writing output",
            "KeyError: 'to'",
        ] {
            assert_eq!(network_failure(other), None, "{other}");
        }
    }

    #[test]
    fn a_python_that_lacks_what_makes_environments_is_told_what_to_install() {
        let debian =
            "The virtual environment was not created successfully because ensurepip is not\navailable.\n";
        let advice = |step, output| advice(step, output, "", Path::new("/work/venv")).unwrap_or_default();
        assert!(advice(Step::Venv, debian).contains("apt-get install python3-venv"));
        assert!(advice(Step::Venv, "/usr/bin/python3: No module named venv\n").contains("python3-venv"));
        assert!(advice(Step::Yaml, "/work/venv/bin/python: No module named pip").contains("makes it anew"));
        assert_eq!(advice(Step::Make, "KeyError: 'to'"), "");
    }

    #[test]
    fn a_target_that_downloads_is_always_said_to_need_the_network() {
        let makefile = "download_crt_crd:\n\tcurl -o crd.yaml https://example.com/crd.yaml\n";
        let advice = advice(Step::Make, "sed: can't read crd.yaml", makefile, Path::new("venv"));
        assert_eq!(
            advice.as_deref(),
            Some(
                "its Makefile downloads with curl (a CRD of the release controller), so it needs the network"
            )
        );
    }
}
