//! What the imitated HTTP services share: a request read whole, and answers in the usual shapes.
//!
//! Real services route on more than axum patterns can say (`ID.json`, `values/RANGE:batchGet`, nested job folders), so
//! each service matches on the decoded path itself. Everything here is synchronous: an answer is a function of the
//! request, the service's state and the world's now.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

/// No request of any client of these services is larger, bytes.
const BODY_LIMIT: usize = 16 << 20;

/// One imitated service: its answer to a request.
pub(crate) trait Service: Send + Sync + 'static {
    /// Answers.
    fn answer(&self, call: &Call) -> Response;
}

/// A request, read whole.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path split at `/`, each part percent-decoded, empty parts left out.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Scheme and host as the client sees them: `http://127.0.0.1:4711`.
    pub(crate) base: String,
}

impl Call {
    /// Reads a request whole; `None` when it is too large.
    pub(crate) async fn read(request: Request) -> Option<Self> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_LIMIT).await.ok()?;
        let host = parts
            .headers
            .get(HOST)
            .and_then(|value| value.to_str().ok())
            .or_else(|| parts.uri.authority().map(http::uri::Authority::as_str))
            .unwrap_or("127.0.0.1");
        let scheme = parts.uri.scheme_str().unwrap_or("http");
        Some(Self {
            base: format!("{scheme}://{host}"),
            segments: parts
                .uri
                .path()
                .split('/')
                .filter(|part| !part.is_empty())
                .map(|part| percent_decode(part, Plus::Literal))
                .collect(),
            query: parse_form(parts.uri.query().unwrap_or_default()),
            method: parts.method,
            headers: parts.headers,
            body,
        })
    }

    /// Method and path, to match on.
    pub(crate) fn route(&self) -> (&str, Vec<&str>) {
        (self.method.as_str(), self.segments.iter().map(String::as_str).collect())
    }

    /// A query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a repeated query parameter.
    pub(crate) fn query_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A numeric query parameter; `default` when missing or not a number.
    pub(crate) fn query_number(&self, name: &str, default: usize) -> usize {
        self.query(name).and_then(|value| value.parse().ok()).unwrap_or(default)
    }

    /// A header's text.
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; `None` when it is none.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as an HTML form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        parse_form(&String::from_utf8_lossy(&self.body))
    }

    /// Whether the body says it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"))
    }

    /// The non-empty credential after `Authorization: SCHEME`.
    pub(crate) fn authorization(&self, scheme: &str) -> Option<&str> {
        let (given, credential) = self.header(AUTHORIZATION)?.split_once(' ')?;
        let credential = credential.trim();
        (given.eq_ignore_ascii_case(scheme) && !credential.is_empty()).then_some(credential)
    }

    /// User and password of HTTP Basic, both non-empty.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let decoded = STANDARD.decode(self.authorization("Basic")?).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (user, password) = text.split_once(':')?;
        (!user.is_empty() && !password.is_empty()).then(|| (user.to_owned(), password.to_owned()))
    }
}

/// What `+` means where text is percent-decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    Literal,
    Space,
}

fn percent_decode(text: &str, plus: Plus) -> String {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return text.to_owned();
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escaped = bytes.get(i + 1..i + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[i], escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 2;
            }
            (b'+', _) if plus == Plus::Space => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn parse_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key, Plus::Space), percent_decode(value, Plus::Space))
        })
        .collect()
}

/// Percent-encodes everything but unreserved characters, `/` included or not.
pub(crate) fn percent_encode(text: &str, keep: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The value of `name` in a decoded form.
pub(crate) fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

pub(crate) use crate::world::lock;

/// An answer of any kind.
pub(crate) fn respond(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    respond(status, JSON, written(body))
}

/// The content type of [`json`].
pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// JSON as it goes over the wire.
pub(crate) fn written(body: &Value) -> Vec<u8> {
    serde_json::to_vec(body).expect("a JSON value can be written")
}

/// A JSON answer of status 200.
pub(crate) fn ok(body: &Value) -> Response {
    json(StatusCode::OK, body)
}

/// A plain-text answer.
pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Response {
    respond(status, "text/plain; charset=utf-8", body.into())
}

/// An HTML answer.
pub(crate) fn html(status: StatusCode, body: impl Into<String>) -> Response {
    respond(status, "text/html;charset=utf-8", body.into())
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Adds a header; a value that HTTP cannot carry is left out.
pub(crate) fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

/// An instant as `2025-10-22T10:43:22Z`.
pub(crate) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An instant as `2025-10-22T10:43:22.000Z`, as GitLab writes it.
pub(crate) fn iso_millis(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A UUID fixed by what it names.
pub(crate) fn uuid(name: &str) -> String {
    let hex = regatta_kit::ids::digest(name.as_bytes(), 32);
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// A number below `limit` fixed by what it names.
pub(crate) fn number_of(name: &str, limit: u64) -> u64 {
    regatta_kit::ids::chance(0, "wire", name, 0) % limit
}

#[cfg(test)]
pub(crate) mod testing {
    //! How the stories of this folder speak to a service.

    use super::*;
    use crate::imitation::Imitation;
    use crate::scenario::Scenario;
    use crate::world::World;

    /// The world of the stories.
    pub(crate) fn world() -> World {
        World::new(Scenario::generated("4.20.1".parse().unwrap(), 7))
    }

    /// A request under construction.
    pub(crate) struct Ask(http::request::Builder, Bytes);

    /// Starts a request; `path` may carry a query.
    pub(crate) fn ask(method: &str, path: &str) -> Ask {
        let builder = http::Request::builder().method(method).uri(path).header("host", "sandbox.test:80");
        Ask(builder, Bytes::new())
    }

    impl Ask {
        pub(crate) fn header(self, name: &str, value: &str) -> Self {
            Self(self.0.header(name, value), self.1)
        }

        pub(crate) fn json(self, body: &Value) -> Self {
            Self(self.0.header("content-type", "application/json"), body.to_string().into())
        }

        pub(crate) fn form(self, body: &str) -> Self {
            Self(self.0.header("content-type", "application/x-www-form-urlencoded"), body.to_owned().into())
        }

        /// Sends it and reads the answer whole.
        pub(crate) async fn of(self, service: &Imitation) -> Answer {
            let request = self.0.body(Body::from(self.1)).unwrap();
            let response = service.answer(request).await;
            let (parts, body) = response.into_parts();
            let body = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap();
            Answer { status: parts.status.as_u16(), headers: parts.headers, body }
        }
    }

    /// A whole answer.
    pub(crate) struct Answer {
        pub(crate) status: u16,
        pub(crate) headers: HeaderMap,
        pub(crate) body: Bytes,
    }

    impl Answer {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.body.to_vec()).unwrap()
        }

        /// The body as JSON, if the status is as expected.
        #[track_caller]
        pub(crate) fn json(&self, status: u16) -> Value {
            assert_eq!(self.status, status, "{}", self.text());
            serde_json::from_slice(&self.body).unwrap()
        }

        pub(crate) fn header(&self, name: &str) -> &str {
            self.headers.get(name).map_or("", |value| value.to_str().unwrap())
        }
    }

    #[test]
    fn paths_and_forms_are_decoded_once() {
        assert_eq!(percent_decode("a%2Fb+c%", Plus::Literal), "a/b+c%");
        assert_eq!(
            parse_form("a=1+2&b=%26&c"),
            [("a", "1 2"), ("b", "&"), ("c", "")].map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
        assert_eq!(percent_encode("a/b c", "/"), "a/b%20c");
        assert_eq!(uuid("x").len(), 36);
    }
}
