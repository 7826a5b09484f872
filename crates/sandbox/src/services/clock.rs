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

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use regatta_kit::{Ahead, Clock};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::{Pace, ScenarioClock};

/// The largest frame a client may send, bytes.
const FRAME_LIMIT_BYTES: usize = 4096;

/// The router of the clock service.
pub fn router(clock: ScenarioClock) -> Router {
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
            Pace::Stepped(factor) => (true, Some(factor)),
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

async fn attach(State(clock): State<ScenarioClock>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(FRAME_LIMIT_BYTES).on_upgrade(move |socket| serve_driver(clock, socket))
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
                sleeping = None;
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
