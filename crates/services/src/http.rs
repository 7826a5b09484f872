//! The transport of production: HTTP over real sockets, with limits.
//!
//! No retries (the engine decides when to try again, on the injected clock), no redirects (credentials must not travel
//! to a host nobody named), no cookies. Time-outs run in real time.

use bytes::{Bytes, BytesMut};
use regatta_kit::BoxFuture;
use std::time::Duration;

use crate::transport::{BodyLimit, TimeLimit, Transport, TransportError};

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const WHOLE_LIMIT: Duration = Duration::from_secs(30);
const BODY_LIMIT: u64 = 16 * 1024 * 1024;

/// Sends over HTTP and HTTPS.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    // Proxies of the environment are for the outside; a sandbox on loopback is spoken to directly.
    outside: reqwest::Client,
    loopback: reqwest::Client,
}

impl HttpTransport {
    /// A transport with a whole time limit of 30 s a request, 10 s of them for connecting.
    ///
    /// # Errors
    /// When the system's certificates or proxy settings cannot be read.
    pub fn new() -> Result<Self, TransportError> {
        // The second installation in a process fails, which is as good as the first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let build = |builder: reqwest::ClientBuilder| {
            builder
                .connect_timeout(CONNECT_LIMIT)
                .timeout(WHOLE_LIMIT)
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .build()
                .map_err(|error| TransportError::Connect(chain(&error)))
        };
        Ok(Self {
            outside: build(reqwest::Client::builder())?,
            loopback: build(reqwest::Client::builder().no_proxy())?,
        })
    }

    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let limit = request.extensions().get::<BodyLimit>().map_or(BODY_LIMIT, |limit| limit.0);
        let time = request.extensions().get::<TimeLimit>().map_or(WHOLE_LIMIT, |limit| limit.0);
        let client = if is_loopback(request.uri().host()) { &self.loopback } else { &self.outside };
        let mut request =
            reqwest::Request::try_from(request).map_err(|error| TransportError::Connect(chain(&error)))?;
        *request.timeout_mut() = Some(time);
        let explain = |error: reqwest::Error| {
            if error.is_timeout() {
                TransportError::TimedOut { seconds: time.as_secs() }
            } else if error.is_connect() {
                TransportError::Connect(chain(&error))
            } else {
                TransportError::Broken(chain(&error))
            }
        };
        let mut response = client.execute(request).await.map_err(explain)?;
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(TransportError::TooLarge { limit });
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(explain)? {
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(TransportError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        let mut whole = http::Response::new(body.freeze());
        *whole.status_mut() = response.status();
        *whole.headers_mut() = std::mem::take(response.headers_mut());
        Ok(whole)
    }
}

impl Transport for HttpTransport {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

fn is_loopback(host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An error with its causes; the URL is left out, as its query may hold a credential.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    if text.is_empty() { "the request could not be sent".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Serves one connection with these bytes and closes it.
    async fn answers(bytes: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut seen = [0; 1024];
            let _ = socket.read(&mut seen).await;
            let _ = socket.write_all(bytes).await;
        });
        url
    }

    async fn get(url: &str, limit: u64) -> Result<http::Response<Bytes>, TransportError> {
        let mut request = http::Request::get(url).body(Bytes::new()).unwrap();
        request.extensions_mut().insert(BodyLimit(limit));
        HttpTransport::new().unwrap().send(request).await
    }

    #[tokio::test]
    async fn a_whole_answer_comes_back_with_status_headers_and_body() {
        let url = answers(b"HTTP/1.1 404 Not Found\r\nX-Why: gone\r\nContent-Length: 4\r\n\r\nnone").await;
        let answer = get(&url, 100).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-why"], &answer.body()[..]),
            (404, &http::HeaderValue::from_static("gone"), &b"none"[..])
        );
    }

    #[tokio::test]
    async fn a_cut_answer_is_broken_not_short() {
        let url = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nonly this").await;
        assert!(matches!(get(&url, 100).await, Err(TransportError::Broken(_))));
    }

    #[tokio::test]
    async fn an_announced_flood_is_refused_before_it_is_read() {
        let url = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n").await;
        assert!(matches!(get(&url, 100).await, Err(TransportError::TooLarge { limit: 100 })));
    }

    #[tokio::test]
    async fn an_unannounced_flood_is_cut_off() {
        let url = answers(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\naaaaa\r\n7\r\nbbbbbbb\r\n0\r\n\r\n",
        )
        .await;
        assert!(matches!(get(&url, 8).await, Err(TransportError::TooLarge { limit: 8 })));
    }

    /// Answers one request over TLS with a certificate that is in order but nobody vouches for; made for this test.
    fn answers_untrusted() -> String {
        use rustls::pki_types::pem::PemObject as _;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        use std::io::{Read as _, Write as _};
        let certificate = CertificateDer::from_pem_slice(include_bytes!("testdata/untrusted.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/untrusted-key.pem")).unwrap();
        let config =
            rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/x", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            let connection = rustls::ServerConnection::new(config.into()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, socket);
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            let _ = stream.flush();
        });
        url
    }

    #[tokio::test]
    async fn a_certificate_that_nobody_vouches_for_is_refused_and_named_as_the_reason() {
        let error = get(&answers_untrusted(), 100).await.unwrap_err();
        let TransportError::Connect(why) = &error else { panic!("{error}") };
        assert!(why.to_lowercase().contains("certificate"), "{why}");
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_left_when_the_time_is_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let held = tokio::spawn(async move { listener.accept().await });
        let mut request = http::Request::get(&url).body(Bytes::new()).unwrap();
        request.extensions_mut().insert(TimeLimit(Duration::from_millis(20)));
        let answer = HttpTransport::new().unwrap().send(request).await;
        assert!(matches!(answer, Err(TransportError::TimedOut { .. })), "{answer:?}");
        drop(held);
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let url =
            answers(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
                .await;
        assert_eq!(get(&url, 100).await.unwrap().status(), 302);
    }

    #[tokio::test]
    async fn nobody_listening_is_a_connect_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(get(&url, 100).await, Err(TransportError::Connect(_))));
    }

    #[test]
    fn loopback_is_recognised_in_every_spelling() {
        for host in ["127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "[::1]"] {
            assert!(is_loopback(Some(host)), "{host}");
        }
        for host in ["quay.io", "10.0.0.1", "localhost.example.org"] {
            assert!(!is_loopback(Some(host)), "{host}");
        }
    }
}
