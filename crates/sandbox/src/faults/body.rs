//! Bodies that come in drops, or that break off.

use axum::body::Body;
use bytes::Bytes;
use http_body::Frame;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// The connection breaks: over sockets the server drops it, in process reading fails.
    Broken,
}

/// A body in pieces.
struct Pieces {
    pieces: VecDeque<Bytes>,
    end: End,
    /// Real time before each piece but the first.
    pause: Option<Duration>,
    state: State,
}

enum State {
    /// The next piece is due.
    Due,
    /// A piece was given. Before the next step the server gets a turn to send it: a connection that is dropped in the
    /// same turn would take the piece along.
    Given,
    Pausing(Pin<Box<Sleep>>),
    Ended,
}

/// A body that ends whole, this much real time between its pieces.
pub(super) fn dripping(pieces: impl IntoIterator<Item = Bytes>, pause: Option<Duration>) -> Body {
    let pieces = pieces.into_iter().collect();
    Body::new(Pieces { pieces, end: End::Whole, pause, state: State::Due })
}

/// A body that breaks off after `piece`.
pub(super) fn broken(piece: Bytes) -> Body {
    let pieces = VecDeque::from([piece]);
    Body::new(Pieces { pieces, end: End::Broken, pause: None, state: State::Due })
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    #[allow(clippy::disallowed_methods)] // inside a request real time passes, and only real time
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            match &mut self.state {
                State::Given => match self.pause {
                    Some(pause) if !self.pieces.is_empty() => {
                        self.state = State::Pausing(Box::pin(tokio::time::sleep(pause)));
                    }
                    _ => {
                        self.state = State::Due;
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                },
                State::Pausing(pause) => {
                    if pause.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.state = State::Due;
                }
                State::Due => {
                    if let Some(piece) = self.pieces.pop_front() {
                        self.state = State::Given;
                        return Poll::Ready(Some(Ok(Frame::data(piece))));
                    }
                    self.state = State::Ended;
                    if self.end == End::Broken {
                        let reset = io::Error::new(io::ErrorKind::ConnectionReset, "connection reset");
                        return Poll::Ready(Some(Err(reset)));
                    }
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }
}
