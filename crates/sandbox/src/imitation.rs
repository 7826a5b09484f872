//! One imitated service, asked in one way from a socket and from within the process.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use std::sync::Arc;
use tower::ServiceExt as _;

use crate::services::wire::{self, Call, Service};

/// A service without its faults; cheap to clone.
#[derive(Clone)]
pub struct Imitation(Inside);

#[derive(Clone)]
enum Inside {
    /// Answers at once, from a request read whole: every remote system.
    Answers(Arc<dyn Service>),
    /// Takes its time or upgrades the connection: the sandbox's own services.
    Routes(Router),
}

impl Imitation {
    pub(crate) fn answering(service: impl Service) -> Self {
        Self(Inside::Answers(Arc::new(service)))
    }

    pub(crate) fn routing(router: Router) -> Self {
        Self(Inside::Routes(router))
    }

    /// Answers.
    pub async fn answer(&self, request: Request) -> Response {
        match &self.0 {
            Inside::Answers(service) => match Call::read(request).await {
                Some(call) => service.answer(&call),
                None => wire::text(StatusCode::PAYLOAD_TOO_LARGE, "request body too large"),
            },
            Inside::Routes(router) => {
                router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
            }
        }
    }
}
