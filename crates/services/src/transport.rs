//! The one way out: a request goes in, a whole response comes back.
//!
//! Production sends over HTTP; the simulator calls the sandbox's routers in process. Neither retries: whether and when
//! to try again is decided above, on the injected clock.

use bytes::Bytes;
use regatta_kit::BoxFuture;
use std::time::Duration;

/// Sends one request. Implementations bound time (real time) and size of the response.
pub trait Transport: Send + Sync {
    /// Sends `request` (absolute URI) and reads the whole response.
    ///
    /// # Errors
    /// When no whole response came back; statuses of 400 and above are responses, not errors.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>>;
}

/// A request's extension: the most bytes its answer may have.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub u64);

/// A request's extension: the most real time it may take, where that is not the transport's default.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimit(pub Duration);

/// Why no whole response came back.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransportError {
    /// No connection could be made.
    #[error("could not connect: {0}")]
    Connect(String),
    /// The connection ended or stalled before the response was whole.
    #[error("no whole answer came: {0}")]
    Broken(String),
    /// Nothing came within the time limit.
    #[error("no answer within {seconds} s")]
    TimedOut {
        /// The limit, seconds of real time.
        seconds: u64,
    },
    /// The body is larger than any answer of this service may be.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, bytes.
        limit: u64,
    },
}
