//! The sandbox's services as a transport: no sockets, one task, the same every time; and what goes wrong on the way.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use regatta_kit::BoxFuture;
use regatta_sandbox::faults::Unanswered;
use regatta_sandbox::faults::layer::Exposed;
use regatta_services::transport::{BodyLimit, Transport, TransportError};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::acting::{Acting, Part};
use crate::life::Life;
use crate::plans::{self, Hand};

/// What is read of an answer at most where the request says nothing.
const BODY_LIMIT: u64 = 64 << 20;

/// One request that goes wrong.
pub type Plan = plans::Plan<At, Blow>;

/// A request, by its place among those of its process, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The n-th that is more than a look: any method but GET and HEAD.
    Change(usize),
    /// The n-th of any kind.
    Call(usize),
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// The driver dies, and the request never leaves.
    DieBefore,
    /// The world answers, and the driver dies before it hears it.
    DieAfter,
    /// The world does it, and the connection is reset before the answer.
    LoseAnswer,
    /// Nobody takes the connection; nothing was done.
    Refuse,
    /// Something before the service answers with this status and an empty body; nothing was done.
    Answer(StatusCode),
    /// The world does it, and the answer is another page's HTML, with status 200.
    Malformed,
    /// It is delivered twice; the second answer comes back.
    Twice,
}

/// A request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Whose it is.
    pub part: Part,
    /// Whether it is more than a look.
    pub change: bool,
    /// Method, service and path, for people.
    pub what: String,
}

/// Calls services by host name, for one process.
pub struct InProcess {
    hosts: HashMap<String, Exposed>,
    hand: Hand<At, Blow, Call>,
    changes: AtomicUsize,
}

impl InProcess {
    /// Over services by the host under which they are called.
    #[must_use]
    pub fn new(hosts: HashMap<String, Exposed>, plans: Vec<Plan>) -> Self {
        Self { hosts, hand: Hand::new(plans), changes: AtomicUsize::new(0) }
    }

    /// Of a process that also lives and acts elsewhere.
    #[must_use]
    pub fn of(mut self, life: Arc<Life>, acting: Arc<Acting>) -> Self {
        (self.hand.life, self.hand.acting) = (life, acting);
        self
    }

    /// Waits until the process died.
    pub async fn died(&self) {
        self.hand.life.over().await;
    }

    /// How many changes were asked for so far.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.changes.load(Ordering::SeqCst)
    }

    /// How many requests were sent so far, those that never left among them.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.hand.done()
    }

    /// How many of the plans came true.
    #[must_use]
    pub fn struck(&self) -> usize {
        self.hand.struck()
    }

    /// Every request so far, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Call> {
        self.hand.log()
    }

    /// Writes the request down and tells what happens to it.
    fn note(&self, request: &Request<Bytes>) -> Option<Blow> {
        let change = !matches!(*request.method(), Method::GET | Method::HEAD);
        let host = request.uri().host().unwrap_or_default();
        let service = host.split('.').next().unwrap_or_default();
        let what = format!("{} {service} {}", request.method(), request.uri().path());
        let call = self.hand.note(Call { part: self.hand.acting.caller(host), change, what });
        let change = change.then(|| self.changes.fetch_add(1, Ordering::SeqCst) + 1);
        self.hand.strikes(|at| match at {
            At::Call(n) => n == call,
            At::Change(n) => Some(n) == change,
        })
    }

    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.hand.life.goes_on().await;
        match self.note(&request) {
            None => self.deliver(request).await,
            Some(Blow::DieBefore) => self.hand.life.end().await,
            Some(Blow::Refuse) => Err(TransportError::Connect("connection refused".to_owned())),
            Some(Blow::Answer(status)) => {
                let mut answer = Response::new(Bytes::new());
                *answer.status_mut() = status;
                Ok(answer)
            }
            Some(Blow::DieAfter) => {
                // What came of it is nobody's any more.
                let _ = self.deliver(request).await;
                self.hand.life.end().await
            }
            Some(Blow::LoseAnswer) => {
                let _ = self.deliver(request).await;
                Err(TransportError::Broken("connection reset".to_owned()))
            }
            Some(Blow::Malformed) => {
                let _ = self.deliver(request).await;
                let page = Bytes::from_static(b"<!DOCTYPE html><title>Sign in</title>");
                Ok(Response::builder()
                    .header(http::header::CONTENT_TYPE, "text/html")
                    .body(page)
                    .expect("a constant header is one"))
            }
            Some(Blow::Twice) => {
                let _ = self.deliver(request.clone()).await;
                self.deliver(request).await
            }
        }
    }

    async fn deliver(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let host = request.uri().host().unwrap_or_default();
        let Some(service) = self.hosts.get(host) else {
            return Err(TransportError::Connect(format!("nothing listens at {host}")));
        };
        let limit = request.extensions().get::<BodyLimit>().map_or(BODY_LIMIT, |limit| limit.0);
        let announces = *request.method() != Method::HEAD;
        let answer = service.answer(request.map(axum::body::Body::from)).await;
        self.hand.life.goes_on().await;
        match answer.extensions().get::<Unanswered>() {
            Some(Unanswered::Refused) => {
                return Err(TransportError::Connect("connection refused".to_owned()));
            }
            Some(Unanswered::Cut) => return Err(TransportError::Broken("connection reset".to_owned())),
            None => {}
        }
        let (parts, body) = answer.into_parts();
        let announced = parts.headers.get(http::header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announces && announced.is_some_and(|length| length > limit) {
            return Err(TransportError::TooLarge { limit });
        }
        // No body made in this process is endless, so it is measured when it is there.
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .map_err(|e| TransportError::Broken(e.to_string()))?;
        if body.len() as u64 > limit {
            return Err(TransportError::TooLarge { limit });
        }
        Ok(Response::from_parts(parts, body))
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        Box::pin(self.call(request))
    }
}
