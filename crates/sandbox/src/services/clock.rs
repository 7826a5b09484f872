//! The scenario clock as a service (NAME `clock`), for drivers in other processes.
//!
//! # Protocol
//!
//! `GET /now` answers `{"now": RFC3339, "stepped": bool, "rate": number|null}`. `stepped`: time moves only when every attached driver
//! sleeps. `rate`: virtual seconds a real second, `null` at full speed.
//!
//! `GET /attach` opens a WebSocket; the connection is one driver. JSON in text frames, one object a frame.
//!
//! | from the client | answer |
//! | --- | --- |
//! | (on connecting) | `{"now": T, "stepped": bool, "rate": number\|null}`, sent first, once |
//! | `{"op":"sleep","until":T}` | once virtual time has reached `until`: `{"now": T, "until": T}` with the `until` asked for. A second `sleep` before the answer replaces the first, which is then never answered |
//! | `{"op":"wake"}` | none. Takes a pending sleep back: the driver is awake again and time stands still |
//! | `{"op":"ahead"}` | `{"ahead": "nothing"}` or `{"ahead": T}`, the instant of the next thing that happens by itself |
//! | `{"op":"leave","look_again":T}` (or `null`) | `{"now": T, "left": true}`; then the server closes. When nobody else is attached, `now` already is the instant asked for |
//!
//! T is RFC 3339, UTC. From connecting until its first sleep, and after each answer to a sleep, the driver counts as awake. A connection that
//! closes without `leave` (a killed process) leaves without a wish. A frame that cannot be understood is answered with `{"error": text}`
//! and changes nothing.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use regatta_kit::{Ahead, Clock};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::{Pace, ScenarioClock};
use crate::connections::Ending;
use crate::imitation::Imitation;

/// The largest frame a client may send, bytes.
const FRAME_LIMIT_BYTES: usize = 4096;

/// The clock service.
pub fn imitation(clock: ScenarioClock) -> Imitation {
    Imitation::routing(router(clock))
}

fn router(clock: ScenarioClock) -> Router {
    Router::new().route("/now", get(now)).route("/attach", get(attach)).with_state(clock)
}

/// The clock's state as told to clients.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ClockReport {
    now: Timestamp,
    stepped: bool,
    rate: Option<f64>,
}

impl ClockReport {
    pub(crate) fn of(clock: &ScenarioClock) -> Self {
        let (stepped, rate) = match clock.pace() {
            Pace::Max => (true, None),
            Pace::Stepped(factor) | Pace::Eased { factor, .. } => (true, Some(factor)),
            Pace::Flowing(factor) => (false, Some(factor)),
        };
        Self { now: clock.now(), stepped, rate }
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Request {
    Sleep {
        until: Timestamp,
    },
    Wake,
    Ahead,
    Leave {
        #[serde(default)]
        look_again: Option<Timestamp>,
    },
}

async fn now(State(clock): State<ScenarioClock>) -> Json<ClockReport> {
    Json(ClockReport::of(&clock))
}

async fn attach(
    State(clock): State<ScenarioClock>,
    ending: Option<Extension<Ending>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.max_message_size(FRAME_LIMIT_BYTES).on_upgrade(move |socket| async move {
        match ending {
            Some(Extension(mut ending)) => tokio::select! {
                () = serve_driver(clock, socket) => {}
                () = ending.ended() => {}
            },
            None => serve_driver(clock, socket).await,
        }
    })
}

/// One driver, from its first frame to its last. Returning detaches it.
async fn serve_driver(clock: ScenarioClock, mut socket: WebSocket) {
    let attachment = clock.attach();
    let hello = serde_json::to_value(ClockReport::of(&clock)).unwrap_or_default();
    if !say(&mut socket, &hello).await {
        return;
    }
    let mut sleeping: Option<(Timestamp, regatta_kit::BoxFuture<'_, ()>)> = None;
    loop {
        let incoming = if let Some((until, sleep)) = &mut sleeping {
            tokio::select! {
                biased;
                incoming = socket.recv() => incoming,
                () = sleep => {
                    let answer = json!({"now": clock.now(), "until": until});
                    sleeping = None;
                    if !say(&mut socket, &answer).await {
                        return;
                    }
                    continue;
                }
            }
        } else {
            socket.recv().await
        };
        let text = match incoming {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None => return,
        };
        let answer = match serde_json::from_str(&text) {
            Ok(Request::Sleep { until }) => {
                sleeping = Some((until, attachment.sleep_until(until)));
                continue;
            }
            Ok(Request::Wake) => {
                sleeping = None;
                continue;
            }
            Ok(Request::Ahead) => match clock.ahead() {
                Ahead::At(at) => json!({"ahead": at}),
                Ahead::Nothing | Ahead::Unknown => json!({"ahead": "nothing"}),
            },
            Ok(Request::Leave { look_again }) => {
                drop(sleeping);
                attachment.leave(look_again).await;
                say(&mut socket, &json!({"now": clock.now(), "left": true})).await;
                let _ = socket.send(Message::Close(None)).await;
                return;
            }
            Err(error) => json!({"error": format!("not understood: {error}")}),
        };
        if !say(&mut socket, &answer).await {
            return;
        }
    }
}

/// Sends one frame; `false` when the driver is gone.
async fn say(socket: &mut WebSocket, value: &Value) -> bool {
    socket.send(Message::text(value.to_string())).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::world::World;
    use futures_util::{SinkExt as _, StreamExt as _};
    use jiff::SignedDuration;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_tungstenite::tungstenite::Message as Frame;
    use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

    struct Driver(WebSocketStream<MaybeTlsStream<TcpStream>>);

    impl Driver {
        /// Attaches over a socket and reads the first frame.
        async fn attach(url: &str) -> (Self, Value) {
            let (socket, _) = connect_async(format!("{url}/attach")).await.unwrap();
            let mut driver = Self(socket);
            let hello = driver.hear().await;
            (driver, hello)
        }

        async fn say(&mut self, value: Value) {
            self.0.send(Frame::text(value.to_string())).await.unwrap();
        }

        async fn hear(&mut self) -> Value {
            let frame = self.0.next().await.unwrap().unwrap();
            serde_json::from_str(frame.to_text().unwrap()).unwrap()
        }

        async fn ask(&mut self, value: Value) -> Value {
            self.say(value).await;
            self.hear().await
        }
    }

    async fn served() -> (ScenarioClock, String) {
        let world = World::new(Scenario::generated("4.20.1".parse().unwrap(), 1));
        let clock = ScenarioClock::new(world, Pace::Max);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let router = router(clock.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (clock, url)
    }

    #[tokio::test]
    async fn two_processes_step_time_together_and_a_killed_one_does_not_hold_it() {
        let (clock, url) = served().await;
        let start = clock.now();
        let at = |minutes| json!(start + SignedDuration::from_mins(minutes));
        let (mut one, hello) = Driver::attach(&url).await;
        assert_eq!(hello, json!({"now": at(0), "stepped": true, "rate": null}));
        let (mut two, _) = Driver::attach(&url).await;
        one.say(json!({"op": "sleep", "until": at(30)})).await;
        assert_eq!(
            two.ask(json!({"op": "sleep", "until": at(10)})).await,
            json!({"now": at(10), "until": at(10)})
        );
        drop(two);
        assert_eq!(one.hear().await, json!({"now": at(30), "until": at(30)}));
        let promoted_at = clock.world().scenario().promoted_at;
        assert_eq!(one.ask(json!({"op": "ahead"})).await, json!({"ahead": promoted_at}));
        assert_eq!(
            one.ask(json!({"op": "leave", "look_again": at(45)})).await,
            json!({"now": at(45), "left": true})
        );
        let (_, hello) = Driver::attach(&url).await;
        assert_eq!(hello["now"], at(45));
    }

    #[tokio::test]
    async fn a_sleep_can_be_taken_back_and_nonsense_is_answered() {
        let (clock, url) = served().await;
        let later = clock.now() + SignedDuration::from_mins(30);
        let (mut one, _) = Driver::attach(&url).await;
        let (mut two, _) = Driver::attach(&url).await;
        one.say(json!({"op": "sleep", "until": later})).await;
        one.say(json!({"op": "wake"})).await;
        // An answer shows that the frames before it have been read.
        assert!(one.ask(json!({"op": "dance"})).await["error"].as_str().unwrap().contains("dance"));
        two.say(json!({"op": "sleep", "until": later})).await;
        two.ask(json!({"op": "ahead"})).await;
        assert_ne!(clock.now(), later);
        drop(one);
        assert_eq!(two.hear().await, json!({"now": later, "until": later}));
    }
}
