//! A sandbox in a process of its own, and programs in theirs that drive there.

use crate::program::{Program, Ran};
use regatta_kit::Clock as _;
use regatta_services::clock::ScenarioClock;
use regatta_statebox::event::{Body, Event};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The store in the sandbox's own GitHub: how two machines share the state of a release.
pub(crate) const ON_GITHUB: &str = "github:openshift/release-tests@z-stream";

/// A sandbox process and a program set up to drive there.
pub(crate) struct World {
    pub(crate) program: Program,
    sandbox: Child,
    control: String,
}

impl World {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut program = Program::new();
        let mut all = vec!["sandbox"];
        all.extend(arguments);
        let mut sandbox = program.command(&all).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(sandbox.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        assert_eq!(told["schema"], "regatta.sandbox/v1");
        let env = told["env"].as_object().unwrap();
        program.env = env.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect();
        let control = told["services"]["control"].as_str().unwrap().to_owned();
        Self { program, sandbox, control }
    }

    /// The same with the state elsewhere than in the sandbox's SQLite file.
    pub(crate) fn with_store(mut self, store: &str) -> Self {
        *self.variable("REGATTA_STORE") = store.to_owned();
        self
    }

    /// One of the settings that drives here are given.
    pub(crate) fn variable(&mut self, name: &str) -> &mut String {
        &mut self.program.env.iter_mut().find(|(known, _)| known == name).unwrap().1
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.program.run(arguments)
    }

    /// The control service's `/effects`.
    pub(crate) fn effects(&self) -> Value {
        let host = self.control.strip_prefix("http://").unwrap();
        let mut socket = TcpStream::connect(host).unwrap();
        write!(socket, "GET /effects HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {answer}"))
    }

    /// All that a release needs was done, and none of it twice.
    pub(crate) fn nothing_twice(&self) {
        let effects = self.effects();
        let twice: Vec<_> = effects.as_object().unwrap().iter().filter(|(_, n)| **n != 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
        for effect in ["trigger:stage-testing", "trigger:image-consistency-check", "approve:shipment-mr"] {
            assert_eq!(effects[effect], 1, "{effect} in {effects}");
        }
        let pushes = effects.as_object().unwrap().keys().filter(|key| key.starts_with("push:")).count();
        assert!(pushes >= 2, "{effects}");
    }

    /// A release's history; empty where the release is not known yet.
    pub(crate) fn history(&self, release: &str) -> Vec<Event> {
        let timeline = self.run(&["timeline", release, "-o", "json"]);
        if timeline.code == 2 && timeline.err.contains("is not known to this store") {
            return Vec::new();
        }
        assert_eq!(timeline.code, 0, "{}", timeline.shown());
        let mut told = timeline.json();
        let events = told["events"].as_array_mut().unwrap();
        events.iter_mut().map(|entry| serde_json::from_value(entry["event"].take()).unwrap()).collect()
    }

    /// Who took the release, in order, and until when; what was given back is left out.
    pub(crate) fn leases(&self, release: &str) -> Vec<(jiff::Timestamp, String, jiff::Timestamp)> {
        let leased = |event: Event| match event.body {
            Body::Leased { holder, until } if until > event.at => Some((event.at, holder, until)),
            _ => None,
        };
        self.history(release).into_iter().filter_map(leased).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.sandbox.kill();
        let _ = self.sandbox.wait();
    }
}

/// The world's time, held still: an attached driver that never sleeps.
pub(crate) struct Held {
    runtime: tokio::runtime::Runtime,
    clock: ScenarioClock,
}

impl Held {
    pub(crate) fn on(world: &mut World) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let url = world.variable("REGATTA_CLOCK_URL").parse().unwrap();
        let clock = runtime.block_on(ScenarioClock::attach(&url)).unwrap();
        Self { runtime, clock }
    }

    /// Time goes on as the drivers let it.
    pub(crate) fn let_go(self) {
        self.runtime.block_on(self.clock.leave(None));
    }
}

/// A program that runs, killed with SIGKILL when it is dropped.
pub(crate) struct Running {
    child: Child,
    /// Lines of stderr; the channel closes with the process.
    lines: Receiver<String>,
    heard: Vec<String>,
}

/// After this long in real time a test that waits for a line is told apart from one that hangs.
const HANGS: Duration = Duration::from_secs(120);

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines, heard: Vec::new() }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// The next line that contains `part`.
    pub(crate) fn hear(&mut self, part: &str) -> String {
        loop {
            match self.lines.recv_timeout(HANGS) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(why) => panic!("{why}, and no {part:?} in:\n{}", self.heard.join("\n")),
            }
        }
    }

    /// Whether it ends by itself before this much real time has gone by.
    pub(crate) fn ends_within(&mut self, moment: Duration) -> bool {
        // Nothing is sent on the second channel: it closes when the process has nothing open any more.
        let (alive, ended) = channel::<()>();
        let mut stdout = self.child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut stdout, &mut std::io::sink());
            drop(alive);
        });
        ended.recv_timeout(moment) == Err(RecvTimeoutError::Disconnected)
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// SIGKILL, which no process can answer.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it came to by itself.
    pub(crate) fn finish(mut self) -> Ran {
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.heard.extend(self.lines.iter());
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Ran { code, out, err: self.heard.iter().map(|line| format!("{line}\n")).collect() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
