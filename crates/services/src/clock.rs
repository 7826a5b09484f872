//! The two clocks of the program: the system's, and a sandbox's scenario clock in another process.
//!
//! A scenario clock is one WebSocket connection a driver. While this driver is awake, time stands still; once every
//! driver sleeps, it jumps. A connection that ends (a killed process) leaves. The sandbox documents the protocol.

use futures_util::{SinkExt as _, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use regatta_kit::{Ahead, BoxFuture, Clock, OutsideText};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::Url;

use crate::error::{Fault, ServiceError};
use crate::transport::TransportError;

const SERVICE: &str = "clock";
const CONNECT_SECONDS: u64 = 10;
/// Bytes a frame of the clock may have.
const FRAME_LIMIT: usize = 64 * 1024;
/// The longest single real sleep; longer ones are made of several, so that a changed system time is noticed.
const LONGEST_NAP: Duration = Duration::from_secs(60);

/// The system's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place where the real time enters
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[allow(clippy::disallowed_methods)] // the one place where the program really waits
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            while let Ok(left) = Duration::try_from(at.duration_since(self.now())) {
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_NAP)).await;
            }
        })
    }
}

/// A sandbox's clock. Dropping the last clone leaves it.
#[derive(Clone)]
pub struct ScenarioClock(Arc<Shared>);

struct Shared {
    time: Mutex<Told>,
    commands: mpsc::UnboundedSender<Command>,
    next_id: AtomicU64,
    lost: watch::Receiver<Option<String>>,
}

/// The instant last told, and how time goes on from it.
struct Told {
    now: Timestamp,
    // Virtual seconds a real second, where time flows by itself; a stepped clock stands still between answers.
    rate: Option<f64>,
    at: Instant,
}

enum Command {
    Sleep { id: u64, until: Timestamp, done: oneshot::Sender<()> },
    Wake { id: u64 },
    Ahead(oneshot::Sender<Ahead>),
    Leave(Option<Timestamp>, oneshot::Sender<()>),
}

#[derive(Deserialize)]
struct Hello {
    now: Timestamp,
    stepped: bool,
    rate: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Frame {
    now: Option<Timestamp>,
    until: Option<Timestamp>,
    ahead: Option<String>,
    left: bool,
    error: Option<String>,
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

impl ScenarioClock {
    /// Attaches to the clock at `base` (`http` or `ws`): from now on, until the first sleep, time stands still.
    ///
    /// # Errors
    /// When nobody answers there, or something other than a clock does.
    pub async fn attach(base: &Url) -> Result<Self, ServiceError> {
        let fail = |fault| ServiceError { service: SERVICE, call: "GET /attach".to_owned(), fault };
        let bad =
            |why: String, said: &str| fail(Fault::BadAnswer { why, said: OutsideText::line(said, 200) });
        let mut url = base.clone();
        let scheme = if matches!(base.scheme(), "https" | "wss") { "wss" } else { "ws" };
        if url.set_scheme(scheme).is_err() {
            return Err(bad(format!("{base} is no address of a clock"), ""));
        }
        url.set_path(&format!("{}/attach", base.path().trim_end_matches('/')));
        let config =
            WebSocketConfig::default().max_message_size(Some(FRAME_LIMIT)).max_frame_size(Some(FRAME_LIMIT));
        let opening = async {
            let opened = tokio_tungstenite::connect_async_with_config(url.as_str(), Some(config), true).await;
            let (mut socket, _) = opened
                .map_err(|error| fail(Fault::Unreachable(TransportError::Connect(error.to_string()))))?;
            let text = next_text(&mut socket)
                .await
                .map_err(|why| fail(Fault::Unreachable(TransportError::Broken(why))))?;
            let hello: Hello = serde_json::from_str(&text)
                .map_err(|error| bad(format!("no greeting of a clock: {error}"), &text))?;
            Ok((socket, hello))
        };
        let timed_out = || fail(Fault::Unreachable(TransportError::TimedOut { seconds: CONNECT_SECONDS }));
        let (socket, hello) = tokio::time::timeout(Duration::from_secs(CONNECT_SECONDS), opening)
            .await
            .map_err(|_| timed_out())??;

        let (commands, incoming) = mpsc::unbounded_channel();
        let (announce, lost) = watch::channel(None);
        let rate = if hello.stepped { None } else { hello.rate };
        let shared = Arc::new(Shared {
            time: Mutex::new(Told { now: hello.now, rate, at: real_now() }),
            commands,
            next_id: AtomicU64::new(1),
            lost,
        });
        let driver = Driver {
            shared: Arc::downgrade(&shared),
            socket,
            sleeps: BTreeMap::new(),
            asked: None,
            aheads: Vec::new(),
            leaving: None,
        };
        tokio::spawn(async move {
            let end = driver.run(incoming).await;
            if let Some(why) = &end {
                tracing::warn!(%why, "the scenario clock is gone");
            }
            let _ = announce.send(Some(end.unwrap_or_else(|| "left".to_owned())));
        });
        Ok(Self(shared))
    }
}

#[allow(clippy::disallowed_methods)] // a flowing scenario clock goes along with real time between two answers
fn real_now() -> Instant {
    Instant::now()
}

impl Shared {
    fn tell(&self, now: Timestamp) {
        let mut told = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        told.now = now;
        told.at = real_now();
    }

    fn now(&self) -> Timestamp {
        let told = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rate) = told.rate else { return told.now };
        let gone = SignedDuration::try_from_secs_f64(told.at.elapsed().as_secs_f64() * rate)
            .unwrap_or(SignedDuration::ZERO);
        // Whole seconds, as the clock itself tells them.
        told.now.checked_add(SignedDuration::from_secs(gone.as_secs())).unwrap_or(told.now)
    }
}

/// A sleep that is taken back when its future is dropped.
struct Pending {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Pending {
    fn drop(&mut self) {
        let _ = self.shared.commands.send(Command::Wake { id: self.id });
    }
}

impl Clock for ScenarioClock {
    fn lost(&self) -> BoxFuture<'_, String> {
        let mut lost = self.0.lost.clone();
        Box::pin(async move {
            match lost.wait_for(Option::is_some).await {
                Ok(why) => why.clone().unwrap_or_default(),
                Err(_) => "its task ended".to_owned(),
            }
        })
    }

    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if at <= self.now() {
                return;
            }
            let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
            let pending = Pending { shared: Arc::clone(&self.0), id };
            let (done, wait) = oneshot::channel();
            let sent = self.0.commands.send(Command::Sleep { id, until: at, done });
            if sent.is_err() || wait.await.is_err() {
                // The clock is gone: nobody moves time any more. `lost` tells who waits for that.
                std::future::pending::<()>().await;
            }
            drop(pending);
        })
    }

    fn ahead(&self) -> BoxFuture<'_, Ahead> {
        Box::pin(async move {
            let (reply, wait) = oneshot::channel();
            match self.0.commands.send(Command::Ahead(reply)) {
                Ok(()) => wait.await.unwrap_or(Ahead::Unknown),
                Err(_) => Ahead::Unknown,
            }
        })
    }

    fn leave(&self, look_again: Option<Timestamp>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let (reply, wait) = oneshot::channel();
            if self.0.commands.send(Command::Leave(look_again, reply)).is_ok() {
                let _ = wait.await;
            }
        })
    }
}

/// The task that owns the connection.
struct Driver {
    shared: std::sync::Weak<Shared>,
    socket: Socket,
    sleeps: BTreeMap<u64, (Timestamp, oneshot::Sender<()>)>,
    /// The sleep the clock was last asked for and has not answered.
    asked: Option<Timestamp>,
    aheads: Vec<oneshot::Sender<Ahead>>,
    leaving: Option<oneshot::Sender<()>>,
}

impl Driver {
    /// Runs until left, dropped or lost; the reason of a loss.
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) -> Option<String> {
        loop {
            let step = tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    // Nobody has the clock any more.
                    None => return None,
                },
                frame = next_text(&mut self.socket) => match frame {
                    Ok(text) => self.hear(&text).await,
                    Err(_) if self.leaving.is_some() => return None,
                    Err(why) => Err(why),
                },
            };
            match step {
                Ok(Going::On) => {}
                Ok(Going::Away) => return None,
                Err(why) => return Some(why),
            }
        }
    }

    async fn obey(&mut self, command: Command) -> Result<Going, String> {
        match command {
            Command::Sleep { id, until, done } => {
                self.sleeps.insert(id, (until, done));
                self.ask().await?;
            }
            Command::Wake { id } => {
                if self.sleeps.remove(&id).is_some() {
                    self.ask().await?;
                }
            }
            Command::Ahead(reply) => {
                self.aheads.push(reply);
                self.say(&json!({"op": "ahead"})).await?;
            }
            Command::Leave(look_again, reply) => {
                self.leaving = Some(reply);
                self.say(&json!({"op": "leave", "look_again": look_again})).await?;
            }
        }
        Ok(Going::On)
    }

    /// Tells the clock the earliest sleep, or that there is none, where that changed.
    async fn ask(&mut self) -> Result<(), String> {
        let earliest = self.sleeps.values().map(|(until, _)| *until).min();
        if earliest == self.asked {
            return Ok(());
        }
        self.asked = earliest;
        match earliest {
            Some(until) => self.say(&json!({"op": "sleep", "until": until})).await,
            None => self.say(&json!({"op": "wake"})).await,
        }
    }

    async fn hear(&mut self, text: &str) -> Result<Going, String> {
        let frame: Frame = serde_json::from_str(text)
            .map_err(|error| format!("it said something else than a clock: {error}"))?;
        if let Some(error) = frame.error {
            return Err(format!("it refused: {}", OutsideText::line(&error, 200)));
        }
        if let (Some(now), Some(shared)) = (frame.now, self.shared.upgrade()) {
            shared.tell(now);
        }
        if let Some(ahead) = frame.ahead {
            let ahead = match ahead.parse() {
                Ok(at) => Ahead::At(at),
                Err(_) => Ahead::Nothing,
            };
            if !self.aheads.is_empty() {
                // Answers come in the order of the questions; a receiver that is gone does not matter.
                let _ = self.aheads.remove(0).send(ahead);
            }
        }
        if let Some(until) = frame.until {
            self.wake(until).await?;
        }
        if frame.left {
            if let Some(reply) = self.leaving.take() {
                let _ = reply.send(());
            }
            return Ok(Going::Away);
        }
        Ok(Going::On)
    }

    /// Ends the sleeps that `until` covers; those that remain are asked for anew.
    async fn wake(&mut self, until: Timestamp) -> Result<(), String> {
        if self.asked == Some(until) {
            self.asked = None;
        }
        let due: Vec<u64> =
            self.sleeps.iter().filter(|(_, (at, _))| *at <= until).map(|(id, _)| *id).collect();
        for id in due {
            if let Some((_, done)) = self.sleeps.remove(&id) {
                let _ = done.send(());
            }
        }
        if self.sleeps.is_empty() { Ok(()) } else { self.ask().await }
    }

    async fn say(&mut self, value: &serde_json::Value) -> Result<(), String> {
        self.socket.send(Message::text(value.to_string())).await.map_err(|error| error.to_string())
    }
}

enum Going {
    On,
    Away,
}

async fn next_text(socket: &mut Socket) -> Result<String, String> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(_))) | None => return Err("it closed the connection".to_owned()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// Plays the clock's side of one connection: `(expected, answers)` in order.
    async fn clock(
        greeting: &'static str,
        script: Vec<(&'static str, Vec<&'static str>)>,
    ) -> (ScenarioClock, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            socket.send(Message::text(greeting)).await.unwrap();
            for (expected, answers) in script {
                let said = loop {
                    if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                        break text;
                    }
                };
                assert_eq!(said.as_str(), expected);
                for answer in answers {
                    socket.send(Message::text(answer)).await.unwrap();
                }
            }
        });
        (ScenarioClock::attach(&url).await.unwrap(), server)
    }

    const STEPPED: &str = r#"{"now":"2026-01-01T00:00:00Z","stepped":true,"rate":null}"#;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_sleep_ends_when_the_clock_says_so_and_now_is_what_it_said() {
        let (clock, server) = clock(
            STEPPED,
            vec![
                (
                    r#"{"op":"sleep","until":"2026-01-01T01:00:00Z"}"#,
                    vec![r#"{"now":"2026-01-01T01:00:00Z","until":"2026-01-01T01:00:00Z"}"#],
                ),
                (r#"{"op":"ahead"}"#, vec![r#"{"ahead":"nothing"}"#]),
                (r#"{"op":"ahead"}"#, vec![r#"{"ahead":"2026-01-02T00:00:00Z"}"#]),
                (
                    r#"{"op":"leave","look_again":"2026-01-01T03:00:00Z"}"#,
                    vec![r#"{"now":"2026-01-01T03:00:00Z","left":true}"#],
                ),
            ],
        )
        .await;
        clock.sleep_until(at("2025-01-01T00:00:00Z")).await;
        assert_eq!(clock.now(), at("2026-01-01T00:00:00Z"));
        clock.sleep_until(at("2026-01-01T01:00:00Z")).await;
        assert_eq!(clock.now(), at("2026-01-01T01:00:00Z"));
        assert_eq!(clock.ahead().await, Ahead::Nothing);
        assert_eq!(clock.ahead().await, Ahead::At(at("2026-01-02T00:00:00Z")));
        clock.leave(Some(at("2026-01-01T03:00:00Z"))).await;
        assert_eq!(clock.now(), at("2026-01-01T03:00:00Z"));
        server.await.unwrap();
    }

    #[tokio::test]
    async fn of_two_sleeps_the_earlier_is_asked_for_and_a_dropped_one_is_taken_back() {
        let (clock, server) = clock(
            STEPPED,
            vec![
                (r#"{"op":"sleep","until":"2026-01-01T02:00:00Z"}"#, vec![]),
                (
                    r#"{"op":"sleep","until":"2026-01-01T01:00:00Z"}"#,
                    vec![r#"{"now":"2026-01-01T01:00:00Z","until":"2026-01-01T01:00:00Z"}"#],
                ),
                (r#"{"op":"sleep","until":"2026-01-01T02:00:00Z"}"#, vec![]),
                (r#"{"op":"wake"}"#, vec![]),
            ],
        )
        .await;
        tokio::select! {
            biased;
            () = clock.sleep_until(at("2026-01-01T02:00:00Z")) => panic!("the later sleep ended first"),
            () = clock.sleep_until(at("2026-01-01T01:00:00Z")) => {}
        }
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_clock_that_goes_away_is_told_to_who_asks() {
        let (clock, server) = clock(STEPPED, vec![]).await;
        server.await.unwrap();
        let why = clock.lost().await;
        assert!(!why.is_empty());
        assert_eq!(clock.ahead().await, Ahead::Unknown);
    }

    #[tokio::test]
    async fn a_flowing_clock_goes_on_by_itself() {
        let (clock, _server) =
            clock(r#"{"now":"2026-01-01T00:00:00Z","stepped":false,"rate":1000000.0}"#, vec![]).await;
        let before = clock.now();
        tokio::task::yield_now().await;
        while clock.now() == before {
            tokio::task::yield_now().await;
        }
        assert!(clock.now() > before);
    }

    #[tokio::test]
    async fn something_else_than_a_clock_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        drop(listener);
        assert!(matches!(
            ScenarioClock::attach(&url).await.err().unwrap().fault,
            Fault::Unreachable(TransportError::Connect(_))
        ));
    }
}
