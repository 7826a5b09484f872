//! The sandbox's routers as a transport: no sockets, one task, the same every time.

use axum::Router;
use bytes::Bytes;
use http::{Method, Request, Response};
use regatta_kit::BoxFuture;
use regatta_sandbox::faults::Unanswered;
use regatta_services::transport::{Transport, TransportError};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use tower::ServiceExt as _;

/// No answer of the sandbox is larger.
const BODY_LIMIT: usize = 64 << 20;

/// The n-th change asked of the world (from 1), and on which side of it the driver dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    /// The request never leaves.
    Before(usize),
    /// The world does it, and nobody hears the answer.
    After(usize),
}

/// Calls routers by host name.
pub struct InProcess {
    routers: Mutex<HashMap<String, Router>>,
    crash: Option<CrashPoint>,
    changes: AtomicUsize,
    died: Notify,
}

impl InProcess {
    /// Over routers by the host under which they are called.
    #[must_use]
    pub fn new(routers: HashMap<String, Router>, crash: Option<CrashPoint>) -> Self {
        Self { routers: Mutex::new(routers), crash, changes: AtomicUsize::new(0), died: Notify::new() }
    }

    /// Waits until the crash point was reached.
    pub async fn died(&self) {
        self.died.notified().await;
    }

    /// Changes asked for so far.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.changes.load(Ordering::SeqCst)
    }

    /// A driver that is dead neither sends nor hears.
    async fn die(&self) -> ! {
        self.died.notify_one();
        std::future::pending().await
    }

    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let change = !matches!(*request.method(), Method::GET | Method::HEAD);
        let number = if change { self.changes.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        if change && self.crash == Some(CrashPoint::Before(number)) {
            self.die().await;
        }
        let host = request.uri().host().unwrap_or_default().to_owned();
        let router = self.routers.lock().expect("no holder panics").get(&host).cloned();
        let router = router.ok_or_else(|| TransportError::Connect(format!("nothing listens at {host}")))?;
        let (mut parts, body) = request.into_parts();
        parts.headers.entry(http::header::HOST).or_insert(host.parse().expect("a host name is a header"));
        let answer = router.oneshot(Request::from_parts(parts, axum::body::Body::from(body))).await;
        let answer = answer.unwrap_or_else(|never| match never {});
        match answer.extensions().get::<Unanswered>() {
            Some(Unanswered::Refused) => return Err(TransportError::Connect("connection refused".to_owned())),
            Some(Unanswered::Cut) => return Err(TransportError::Broken("connection reset".to_owned())),
            None => {}
        }
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, BODY_LIMIT)
            .await
            .map_err(|e| TransportError::Broken(e.to_string()))?;
        if change && self.crash == Some(CrashPoint::After(number)) {
            self.die().await;
        }
        Ok(Response::from_parts(parts, body))
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        Box::pin(self.call(request))
    }
}
