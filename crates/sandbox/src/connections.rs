//! One service's connections: a small accept loop, so that a connection can also end without an answer.

use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::faults::Unanswered;
use crate::faults::layer::Exposed;

/// Put on every request: ends when the server does. For what outlives its request, as a WebSocket does.
#[derive(Debug, Clone)]
pub(crate) struct Ending(watch::Receiver<()>);

impl Ending {
    /// Waits for the server's end.
    pub(crate) async fn ended(&mut self) {
        // Nothing is ever sent: an error says that the sender is gone.
        while self.0.changed().await.is_ok() {}
    }
}

/// Serves `service` on `listener`. Dropping the future ends all of its connections.
pub(crate) async fn serve(listener: TcpListener, service: Exposed) {
    let (_running, ending) = watch::channel(());
    let ending = Ending(ending);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, service.clone(), ending.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the sandbox could not take a connection");
                    // Most likely there are too many: the end of one makes room.
                    connections.join_next().await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, service: Exposed, ending: Ending) {
    // Drops of an answer go out as they come.
    let _ = stream.set_nodelay(true);
    let answers = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(ending.clone());
        answer(service.clone(), request)
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), answers).with_upgrades().await;
    if let Err(error) = served {
        // A client that left, or a fault: both are the business of whoever looks for them.
        tracing::trace!(%error, "a connection to the sandbox ended early");
    }
}

/// An error here makes the server drop the connection.
async fn answer(service: Exposed, request: http::Request<Incoming>) -> Result<Response, io::Error> {
    let response = service.answer(request.map(Body::new)).await;
    match response.extensions().get::<Unanswered>() {
        Some(_) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "left unanswered")),
        None => Ok(response),
    }
}
