//! A transport for tests: a closure answers, and what was sent is kept.

use bytes::Bytes;
use regatta_kit::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};

use crate::transport::{Transport, TransportError};

type Answerer = dyn Fn(&http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> + Send + Sync;

/// Answers requests by a closure.
pub struct Scripted {
    answerer: Box<Answerer>,
    seen: Mutex<Vec<String>>,
}

impl Scripted {
    /// A transport that answers with `answerer`.
    pub fn new(
        answerer: impl Fn(&http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError>
        + Send
        + Sync
        + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answerer: Box::new(answerer), seen: Mutex::default() })
    }

    /// Method and URL of every request so far.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Transport for Scripted {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(format!(
            "{} {}",
            request.method(),
            request.uri()
        ));
        let answer = (self.answerer)(&request);
        Box::pin(std::future::ready(answer))
    }
}

/// A response without headers.
#[must_use]
pub fn answer(status: u16, body: impl Into<Bytes>) -> http::Response<Bytes> {
    let mut response = http::Response::new(body.into());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::IM_A_TEAPOT);
    response
}

/// A response with headers.
#[must_use]
pub fn answer_with(
    status: u16,
    headers: &[(&'static str, &str)],
    body: impl Into<Bytes>,
) -> http::Response<Bytes> {
    let mut response = answer(status, body);
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}
