//! What a client sees of a fault: what stands between each service and its clients.
//!
//! Over sockets latency and drips take some real milliseconds; in process they take none, as nobody would notice. No
//! fault ever makes a client wait for one of its time limits: what would, ends its connection.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use std::time::Duration;

use super::{Fault, Met, Unanswered, answers, body};
use crate::imitation::Imitation;
use crate::services::wire;
use crate::world::World;

/// No body of any of the services is larger, bytes.
const BODY_LIMIT: usize = 64 << 20;
/// What an oversized answer claims to be, bytes.
const FLOOD: u64 = 1 << 40;
/// How many drops a dripping answer comes in.
const DROPS: usize = 8;

/// How the services are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calls {
    /// Over sockets: requests take time.
    OverSockets,
    /// In one process: they take none.
    InProcess,
}

/// A service as a client meets it: with the world's faults, its requests counted; cheap to clone.
#[derive(Clone)]
pub struct Exposed {
    inside: Imitation,
    world: World,
    service: &'static str,
    calls: Calls,
}

impl Exposed {
    pub(crate) fn new(world: &World, service: &'static str, calls: Calls, inside: Imitation) -> Self {
        Self { inside, world: world.clone(), service, calls }
    }

    /// Answers. Where no answer would come, the response carries [`Unanswered`].
    pub async fn answer(&self, request: Request) -> Response {
        self.world.count_request(self.service);
        match self.meet(&request) {
            None => self.inside.answer(request).await,
            Some(met) => disturbed(&self.inside, self.service, met, self.calls, request).await,
        }
    }

    fn meet(&self, request: &Request) -> Option<Met> {
        // Clock and control never have any.
        if matches!(self.service, "clock" | "control") {
            return None;
        }
        let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        self.world.faults().meet(self.service, request.method().as_str(), target, self.world.now())
    }
}

async fn disturbed(
    inside: &Imitation,
    service: &'static str,
    met: Met,
    calls: Calls,
    request: Request,
) -> Response {
    // Read whole in any case: a connection dropped on what was not read yet looks different from run to run.
    let Some(request) = whole(request).await else {
        return wire::text(StatusCode::PAYLOAD_TOO_LARGE, "request body too large");
    };
    let head = request.0.method == Method::HEAD;
    let pause = |most: u64| match calls {
        Calls::OverSockets => Some(Duration::from_millis(1 + met.luck % most)),
        Calls::InProcess => None,
    };
    match met.fault {
        Fault::Refused => unanswered(Unanswered::Refused),
        Fault::Latency => {
            if let Some(pause) = pause(20) {
                real_time(pause).await;
            }
            inside.answer(again(&request)).await
        }
        Fault::Twice => {
            drop(inside.answer(again(&request)).await);
            inside.answer(again(&request)).await
        }
        Fault::LostAnswer => {
            drop(inside.answer(again(&request)).await);
            unanswered(Unanswered::Cut)
        }
        Fault::Malformed => {
            drop(inside.answer(again(&request)).await);
            answers::another_page()
        }
        Fault::Reset | Fault::Drip | Fault::Truncated | Fault::Oversized => {
            let (mut parts, answer) = inside.answer(again(&request)).await.into_parts();
            let Ok(answer) = to_bytes(answer, BODY_LIMIT).await else {
                return unanswered(Unanswered::Cut);
            };
            if met.fault == Fault::Oversized && !head {
                if matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
                    parts.status = StatusCode::OK;
                }
                parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(FLOOD));
                return Response::from_parts(parts, body::broken(first_half(&answer)));
            }
            if met.fault == Fault::Drip {
                let size = answer.len().div_ceil(DROPS).max(1);
                let drops = (0..answer.len()).step_by(size);
                let drops = drops.map(|at| answer.slice(at..(at + size).min(answer.len())));
                if !head && !answer.is_empty() {
                    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(answer.len()));
                }
                return Response::from_parts(parts, body::dripping(drops.collect::<Vec<_>>(), pause(3)));
            }
            if answer.is_empty() {
                // Nothing to cut an end off.
                return unanswered(Unanswered::Cut);
            }
            // A missing end must be noticeable. JSON cut short is no JSON, so the framing may agree with what is left.
            // Text, YAML above all, may still read well without its end: nobody could notice, so the framing tells of
            // the whole and the connection breaks off.
            if met.fault == Fault::Truncated && is_json_document(&parts.headers, &answer) {
                let left = first_half(&answer);
                parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(left.len()));
                return Response::from_parts(parts, Body::from(left));
            }
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(answer.len()));
            Response::from_parts(parts, body::broken(first_half(&answer)))
        }
        fault => match answers::instead(fault, service, met.luck) {
            Some(answer) => answer,
            None => inside.answer(again(&request)).await,
        },
    }
}

type Whole = (http::request::Parts, Bytes);

async fn whole(request: Request) -> Option<Whole> {
    let (parts, body) = request.into_parts();
    Some((parts, to_bytes(body, BODY_LIMIT).await.ok()?))
}

fn again((parts, body): &Whole) -> Request {
    Request::from_parts(parts.clone(), Body::from(body.clone()))
}

/// A response in whose place the connection ends. Its status is for nobody.
fn unanswered(how: Unanswered) -> Response {
    let mut response = wire::empty(StatusCode::BAD_GATEWAY);
    response.extensions_mut().insert(how);
    response
}

fn first_half(whole: &Bytes) -> Bytes {
    whole.slice(..whole.len() / 2)
}

/// Whether the body is a JSON object or list: a beginning of one is never JSON itself.
fn is_json_document(headers: &http::HeaderMap, body: &Bytes) -> bool {
    let says = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let ends = (body.trim_ascii_start().first(), body.trim_ascii_end().last());
    let bracketed = matches!(ends, (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')));
    says.contains("json") && bracketed && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

#[allow(clippy::disallowed_methods)] // inside a request real time passes, and only real time
async fn real_time(pause: Duration) {
    tokio::time::sleep(pause).await;
}

#[cfg(test)]
mod tests;
