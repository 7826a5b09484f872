//! elliott, ART's command for CVE trackers: a program on this machine, with a time limit.

use regatta_kit::{BoxFuture, OutsideText, Release, Secret};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

use crate::error::{Fault, ServiceError};
use crate::transport::TransportError;

/// Where elliott reads the build data.
const DATA_PATH: &str = "https://github.com/openshift-eng/ocp-build-data.git";
/// Real time a run may take: it clones the build data and asks Jira for every tracker. Observed at most 131 s.
const TIME_LIMIT: Duration = Duration::from_secs(600);
/// Bytes read of each of its outputs.
const OUTPUT_LIMIT: u64 = 4 * 1024 * 1024;
const SERVICE: &str = "elliott";
/// Without this variable elliott silently finds nothing, which must never look like nothing missed.
const EMAIL_VARIABLE: &str = "JIRA_EMAIL";

/// Which half of a release to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildSystem {
    /// The advisories.
    Brew,
    /// The shipment.
    Konflux,
}

impl BuildSystem {
    const fn word(self) -> &'static str {
        match self {
            Self::Brew => "brew",
            Self::Konflux => "konflux",
        }
    }
}

/// What a finished program left.
#[derive(Debug, Clone, Default)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub exit: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// Runs elliott. Production starts a process; the simulator answers in its place.
pub trait Program: Send + Sync {
    /// Runs it with these arguments to its end.
    ///
    /// # Errors
    /// When it could not be started or did not end in time.
    fn run(&self, arguments: Vec<String>) -> BoxFuture<'_, Result<Finished, Fault>>;
}

/// The command, ready to be asked.
#[derive(Clone)]
pub struct Elliott {
    program: Arc<dyn Program>,
}

impl std::fmt::Debug for Elliott {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elliott").finish_non_exhaustive()
    }
}

impl Elliott {
    /// Runs `command` (program and first arguments; `elliott` where none is configured) as a process with these
    /// variables added to the environment.
    ///
    /// elliott needs `JIRA_EMAIL`: without it, it silently finds nothing, so without it, it is not asked.
    #[must_use]
    pub fn new(command: Option<Vec<String>>, env: Vec<(String, Secret)>) -> Self {
        let command = command.filter(|words| !words.is_empty()).unwrap_or_else(|| vec!["elliott".to_owned()]);
        Self::over(Arc::new(Process { command, env, limit: TIME_LIMIT }))
    }

    /// Asks something else that behaves like elliott.
    #[must_use]
    pub fn over(program: Arc<dyn Program>) -> Self {
        Self { program }
    }

    /// The CVE trackers of a release that one half of it should carry: Jira keys by advisory kind.
    ///
    /// # Errors
    /// [`Fault::NotFound`] when the command is not installed, [`Fault::NotAuthorised`] without the variable by which it logs
    /// in, [`Fault::Refused`] with the end of what it said when it
    /// failed, [`Fault::Unreachable`] when it did not end in time, [`Fault::BadAnswer`] when it printed no such list.
    pub async fn cve_trackers(
        &self,
        release: Release,
        system: BuildSystem,
    ) -> Result<BTreeMap<String, Vec<String>>, ServiceError> {
        let call = format!("find-bugs --cve-only for {release} ({})", system.word());
        let fail = |fault| ServiceError { service: SERVICE, call: call.clone(), fault };
        let finished = self.program.run(arguments(release, system)).await.map_err(fail)?;
        if finished.exit != Some(0) {
            return Err(fail(Fault::Refused {
                status: finished.exit.and_then(|code| u16::try_from(code).ok()).unwrap_or(u16::MAX),
                said: last_words(&finished.stderr),
            }));
        }
        if finished.stdout.iter().all(u8::is_ascii_whitespace) {
            return Ok(BTreeMap::new());
        }
        serde_json::from_slice(&finished.stdout).map_err(|error| {
            let said = OutsideText::line(&String::from_utf8_lossy(&finished.stdout), 300);
            fail(Fault::BadAnswer { why: format!("not a JSON object of key lists: {error}"), said })
        })
    }
}

fn arguments(release: Release, system: BuildSystem) -> Vec<String> {
    let group = format!("openshift-{}", release.stream);
    let assembly = release.assembly_key();
    let mut words = vec!["--data-path", DATA_PATH, "--group", &group, "--assembly", &assembly];
    words.extend(["--build-system", system.word(), "find-bugs", "--cve-only"]);
    words.extend(match system {
        BuildSystem::Brew => &["--output", "json", "--permissive"][..],
        BuildSystem::Konflux => &["-o", "json"][..],
    });
    words.into_iter().map(str::to_owned).collect()
}

/// The end of what a failed program said: a traceback's last line tells most.
fn last_words(stderr: &[u8]) -> OutsideText {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    OutsideText::line(&lines[lines.len().saturating_sub(3)..].join(" / "), 400)
}

/// A process on this machine.
struct Process {
    command: Vec<String>,
    env: Vec<(String, Secret)>,
    limit: Duration,
}

impl Program for Process {
    fn run(&self, arguments: Vec<String>) -> BoxFuture<'_, Result<Finished, Fault>> {
        Box::pin(async move {
            if !self.env.iter().any(|(name, _)| name == EMAIL_VARIABLE) {
                let hint =
                    format!("set {EMAIL_VARIABLE} (or JIRA_USERNAME); without it elliott finds nothing");
                return Err(Fault::NotAuthorised { hint });
            }
            let (program, first) = self.command.split_first().expect("made with at least the program's name");
            let mut command = tokio::process::Command::new(program);
            command.args(first).args(arguments);
            command.envs(self.env.iter().map(|(name, value)| (name, value.reveal())));
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
            let mut child = command.spawn().map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Fault::NotFound {
                    what: format!("the command {program:?}: it is not installed; install elliott, or set REGATTA_ELLIOTT to the command to use"),
                },
                _ => Fault::Unreachable(TransportError::Connect(format!("{program:?} cannot be started: {error}"))),
            })?;
            let broken =
                |error: std::io::Error| Fault::Unreachable(TransportError::Broken(error.to_string()));
            let mut stdout = child.stdout.take().expect("piped above").take(OUTPUT_LIMIT);
            let mut stderr = child.stderr.take().expect("piped above").take(OUTPUT_LIMIT);
            let ended = async {
                let (mut out, mut err) = (Vec::new(), Vec::new());
                // Both at once: a program that fills one pipe while the other is read would never end.
                tokio::try_join!(stdout.read_to_end(&mut out), stderr.read_to_end(&mut err))?;
                let status = child.wait().await?;
                Ok(Finished { exit: status.code(), stdout: out, stderr: err })
            };
            match tokio::time::timeout(self.limit, ended).await {
                Ok(finished) => finished.map_err(broken),
                Err(_) => Err(Fault::Unreachable(TransportError::TimedOut { seconds: self.limit.as_secs() })),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends at once as told, and shows what it was asked in its list.
    struct Told(Option<i32>, &'static str, &'static str);

    impl Program for Told {
        fn run(&self, _arguments: Vec<String>) -> BoxFuture<'_, Result<Finished, Fault>> {
            let finished = Finished { exit: self.0, stdout: self.1.into(), stderr: self.2.into() };
            Box::pin(std::future::ready(Ok(finished)))
        }
    }

    async fn ask(program: Told) -> Result<BTreeMap<String, Vec<String>>, ServiceError> {
        Elliott::over(Arc::new(program)).cve_trackers("4.20.1".parse().unwrap(), BuildSystem::Brew).await
    }

    fn process(words: &[&str], limit: Duration) -> Process {
        Process {
            command: words.iter().map(|word| (*word).to_owned()).collect(),
            env: [("GREETING", "hi"), (EMAIL_VARIABLE, "me@example.com")]
                .map(|(name, value)| (name.to_owned(), Secret::new(value)))
                .into(),
            limit,
        }
    }

    #[tokio::test]
    async fn a_list_or_nothing_is_an_answer() {
        assert_eq!(
            ask(Told(Some(0), "{\"rpm\": [\"OCPBUGS-1\"]}", "noise")).await.unwrap()["rpm"],
            ["OCPBUGS-1"]
        );
        assert!(ask(Told(Some(0), " \n", "")).await.unwrap().is_empty());
        assert!(matches!(
            ask(Told(Some(0), "no list", "")).await.unwrap_err().fault,
            Fault::BadAnswer { .. }
        ));
    }

    #[tokio::test]
    async fn a_failure_tells_the_end_of_what_was_said() {
        let error =
            ask(Told(Some(1), "", "Traceback\n a\n b\n\nJiraError: no\u{1b}[31m token\n")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "elliott: find-bugs --cve-only for 4.20.1 (brew): refused (1): a / b / JiraError: no [31m token"
        );
    }

    #[test]
    fn arguments_name_stream_and_assembly() {
        let words = arguments("4.22.0-rc.3".parse().unwrap(), BuildSystem::Konflux).join(" ");
        assert_eq!(
            words,
            "--data-path https://github.com/openshift-eng/ocp-build-data.git --group openshift-4.22 --assembly rc.3 \
             --build-system konflux find-bugs --cve-only -o json"
        );
    }

    #[tokio::test]
    async fn a_command_that_is_not_installed_says_how_to_mend_it() {
        let fault = process(&["/nonexistent/elliott"], TIME_LIMIT).run(vec![]).await.unwrap_err();
        assert!(matches!(&fault, Fault::NotFound { what } if what.contains("REGATTA_ELLIOTT")), "{fault}");
    }

    #[tokio::test]
    async fn without_the_address_it_logs_in_by_it_is_not_asked_at_all() {
        // It would print nothing and end well, as one does that found nothing.
        let silent = Process { env: vec![], ..process(&["true"], TIME_LIMIT) };
        let error = Elliott::over(Arc::new(silent))
            .cve_trackers("4.20.1".parse().unwrap(), BuildSystem::Brew)
            .await
            .unwrap_err();
        assert!(
            matches!(&error.fault, Fault::NotAuthorised { hint } if hint.contains("set JIRA_EMAIL")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_process_gets_arguments_and_environment_and_is_ended_when_it_takes_too_long() {
        let told = process(&["sh", "-c", "echo $GREETING $1; echo no >&2; exit 3", "x"], TIME_LIMIT)
            .run(vec!["you".to_owned()])
            .await
            .unwrap();
        assert_eq!(
            (told.exit, told.stdout.as_slice(), told.stderr.as_slice()),
            (Some(3), &b"hi you\n"[..], &b"no\n"[..])
        );
        let fault =
            process(&["tail", "-f", "/dev/null"], Duration::from_millis(20)).run(vec![]).await.unwrap_err();
        assert!(matches!(fault, Fault::Unreachable(TransportError::TimedOut { .. })), "{fault}");
    }
}
