//! The one way every service module calls out.
//!
//! A [`Remote`] is a service's name, base URL and credential over a [`Transport`]; a [`Call`] is one request to it; an
//! [`Answer`] is the whole response. What a status means is decided here, once, so that every module fails alike.
//! A base URL is scheme, host and at most a proxy's prefix: the path as the service documents it is always added here.

use base64::Engine as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use regatta_kit::{OutsideText, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;
use url::Url;

use crate::error::{Fault, ServiceError};
use crate::transport::{BodyLimit, TimeLimit, Transport, TransportError};

/// Bytes an answer may have unless the service needs more.
pub const BODY_LIMIT: u64 = 16 * 1024 * 1024;
/// Characters of an answer that an error quotes.
const EXCERPT: usize = 300;
/// Characters of a path that an error quotes.
const CALL_LENGTH: usize = 240;

/// How a service knows who calls.
#[derive(Debug, Clone)]
pub enum Auth {
    /// The service asks for nothing.
    None,
    /// `Authorization: Bearer …`
    Bearer(Secret),
    /// A header of the service's own, such as `PRIVATE-TOKEN`.
    Header(&'static str, Secret),
    /// `Authorization: Basic …`: user and password or token.
    Basic(String, Secret),
    /// The service asks for a credential and none is set: calls fail before anything is sent.
    Missing {
        /// Which variable to set and how to get its value.
        hint: String,
    },
}

/// A remote system; cheap to clone.
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    service: &'static str,
    base: Url,
    auth: Auth,
    transport: Arc<dyn Transport>,
    body_limit: u64,
    hint: String,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote")
            .field("service", &self.0.service)
            .field("base", &self.0.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// A remote at `base`; answers are limited to [`BODY_LIMIT`] bytes.
    #[must_use]
    pub fn new(service: &'static str, base: Url, auth: Auth, transport: Arc<dyn Transport>) -> Self {
        let hint = match &auth {
            Auth::Missing { hint } => hint.clone(),
            _ => format!("{service} does not accept the credential it was sent"),
        };
        Self(Arc::new(Inner { service, base, auth, transport, body_limit: BODY_LIMIT, hint }))
    }

    /// The same remote with another limit on answers, bytes.
    #[must_use]
    pub fn with_body_limit(&self, bytes: u64) -> Self {
        self.changed(|inner| inner.body_limit = bytes)
    }

    /// The same remote with words on how to renew its credential, shown when it refuses one.
    #[must_use]
    pub fn with_hint(&self, hint: impl Into<String>) -> Self {
        self.changed(|inner| inner.hint = hint.into())
    }

    /// The same remote at another base URL.
    #[must_use]
    pub fn with_base(&self, base: Url) -> Self {
        self.changed(|inner| inner.base = base)
    }

    /// The same remote with another credential.
    #[must_use]
    pub fn with_auth(&self, auth: Auth) -> Self {
        self.changed(|inner| inner.auth = auth)
    }

    fn changed(&self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = (*self.0).clone();
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// The service's name in settings.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// The base URL.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.0.base
    }

    /// The URL a person opens for this path: base and percent-encoded segments.
    #[must_use]
    pub fn link(&self, segments: &[&str]) -> String {
        self.call(Method::GET, segments).url()
    }

    /// `GET` of a path given by its segments; each is percent-encoded.
    pub fn get(&self, segments: &[&str]) -> Call {
        self.call(Method::GET, segments)
    }

    /// `POST`.
    pub fn post(&self, segments: &[&str]) -> Call {
        self.call(Method::POST, segments)
    }

    /// `PUT`.
    pub fn put(&self, segments: &[&str]) -> Call {
        self.call(Method::PUT, segments)
    }

    /// `PATCH`.
    pub fn patch(&self, segments: &[&str]) -> Call {
        self.call(Method::PATCH, segments)
    }

    /// `DELETE`.
    pub fn delete(&self, segments: &[&str]) -> Call {
        self.call(Method::DELETE, segments)
    }

    /// `GET` of an absolute URL that the service itself named (a redirect, a download link), without its credential.
    pub fn get_elsewhere(&self, url: &Url) -> Call {
        let mut call = self.call(Method::GET, &[]).anonymous();
        url.path().clone_into(&mut call.path);
        call.query = url.query().map(str::to_owned).unwrap_or_default();
        let mut root = url.clone();
        root.set_path("");
        root.set_query(None);
        root.set_fragment(None);
        call.root = Some(root);
        call
    }

    fn call(&self, method: Method, segments: &[&str]) -> Call {
        let mut path = String::new();
        let mut problem = None;
        for segment in segments {
            if segment.is_empty() || *segment == "." || *segment == ".." {
                problem = Some(format!("a path with the part {segment:?}"));
            }
            path.push('/');
            encode_segment(segment, &mut path);
        }
        Call {
            remote: self.clone(),
            root: None,
            method,
            path,
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            with_auth: WithAuth::Yes,
            time_limit: None,
            problem,
        }
    }
}

/// Appends a path segment, percent-encoded but for what every server reads literally.
fn encode_segment(segment: &str, out: &mut String) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~=:@,!".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WithAuth {
    Yes,
    No,
}

/// One request, being built. Nothing is sent before [`Call::send`].
#[must_use = "a call does nothing until sent"]
pub struct Call {
    remote: Remote,
    root: Option<Url>,
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
    with_auth: WithAuth,
    time_limit: Option<Duration>,
    problem: Option<String>,
}

impl Call {
    /// Adds query parameters, encoded.
    pub fn query<K: AsRef<str>, V: AsRef<str>>(mut self, pairs: &[(K, V)]) -> Self {
        let mut query = url::form_urlencoded::Serializer::new(std::mem::take(&mut self.query));
        for (key, value) in pairs {
            query.append_pair(key.as_ref(), value.as_ref());
        }
        self.query = query.finish();
        self
    }

    /// Adds a header. A value that no header can carry fails the call.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(HeaderName::from_static(name), value);
            }
            Err(_) => self.problem = Some(format!("a header {name} with control characters")),
        }
        self
    }

    /// Sends a JSON body.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body = bytes.into(),
            Err(error) => self.problem = Some(format!("a body that is no JSON: {error}")),
        }
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// Sends a form body.
    pub fn form<K: AsRef<str>, V: AsRef<str>>(mut self, pairs: &[(K, V)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in pairs {
            form.append_pair(key.as_ref(), value.as_ref());
        }
        self.body = form.finish().into_bytes().into();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self
    }

    /// Sends a body as it is.
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self
    }

    /// Uses this path and query, already encoded, in place of the segments: for links that the service itself gave.
    /// The base URL's host stays.
    pub fn raw_path(mut self, path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let path = path.trim_start_matches('/');
        let plain = path.split('/').all(|part| part != "." && part != "..")
            && path_and_query.bytes().all(|b| b.is_ascii_graphic());
        if !plain || path_and_query.contains('#') {
            self.problem =
                Some(format!("a path such as {:?}", OutsideText::line(path_and_query, 80).as_str()));
        }
        self.path = format!("/{path}");
        query.clone_into(&mut self.query);
        self
    }

    /// Sends no credential with this call.
    pub fn anonymous(mut self) -> Self {
        self.with_auth = WithAuth::No;
        self
    }

    /// Gives the call another time limit (real time) than the transport's.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// The absolute URL, query included.
    fn url(&self) -> String {
        let root = self.root.as_ref().unwrap_or(&self.remote.0.base).as_str();
        let root = root.trim_end_matches('/');
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        format!("{root}{}{query}", self.path)
    }

    /// Sends and maps every status that is no success to its [`Fault`]; 304 counts as success.
    ///
    /// # Errors
    /// See [`Fault`].
    pub async fn send(self) -> Result<Answer, ServiceError> {
        let hint = self.remote.0.hint.clone();
        let answer = self.send_any().await?;
        answer.checked(&hint)
    }

    /// Sends, and gives every whole answer whatever its status.
    ///
    /// # Errors
    /// When no whole answer came, or no credential is set.
    pub async fn send_any(self) -> Result<Answer, ServiceError> {
        let described = Described { method: self.method.clone(), path: self.path.clone() };
        let service = self.remote.0.service;
        let span = tracing::debug_span!("call", service, call = %described);
        let failed = |fault| ServiceError { service, call: described.to_string(), fault };
        async {
            let transport = Arc::clone(&self.remote.0.transport);
            let limit = self.remote.0.body_limit;
            let request = self.request().map_err(&failed)?;
            let response = transport.send(request).await.map_err(|e| {
                tracing::debug!(error = %e, "no answer");
                failed(Fault::Unreachable(e))
            })?;
            tracing::debug!(status = response.status().as_u16(), bytes = response.body().len(), "answered");
            let (parts, body) = response.into_parts();
            if body.len() as u64 > limit {
                return Err(failed(Fault::Unreachable(TransportError::TooLarge { limit })));
            }
            Ok(Answer {
                status: parts.status,
                headers: parts.headers,
                body,
                service,
                call: described.clone(),
            })
        }
        .instrument(span)
        .await
    }

    fn request(self) -> Result<http::Request<Bytes>, Fault> {
        let url = self.url();
        if let Some(what) = self.problem {
            return Err(Fault::NotFound { what });
        }
        let inner = &self.remote.0;
        let mut headers = self.headers;
        headers.entry(http::header::USER_AGENT).or_insert(HeaderValue::from_static("regatta"));
        if self.with_auth == WithAuth::Yes {
            authorise(&inner.auth, &mut headers)?;
        }
        let mut request = http::Request::builder()
            .method(self.method)
            .uri(url)
            .body(self.body)
            .map_err(|error| Fault::NotFound { what: format!("a URL that is none: {error}") })?;
        *request.headers_mut() = headers;
        request.extensions_mut().insert(BodyLimit(inner.body_limit));
        if let Some(limit) = self.time_limit {
            request.extensions_mut().insert(TimeLimit(limit));
        }
        Ok(request)
    }
}

fn authorise(auth: &Auth, headers: &mut HeaderMap) -> Result<(), Fault> {
    let (name, text) = match auth {
        Auth::None => return Ok(()),
        Auth::Missing { hint } => return Err(Fault::NotAuthorised { hint: hint.clone() }),
        Auth::Bearer(token) => (AUTHORIZATION, format!("Bearer {}", token.reveal())),
        Auth::Header(name, value) => (HeaderName::from_static(name), value.reveal().to_owned()),
        Auth::Basic(user, secret) => {
            let pair =
                base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", secret.reveal()));
            (AUTHORIZATION, format!("Basic {pair}"))
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| Fault::NotAuthorised {
        hint: "the credential holds characters that no header can carry, such as a line end".to_owned(),
    })?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// A call in words: no query, no header, no body, as these may hold credentials. Put into words only when somebody asks.
#[derive(Debug, Clone)]
struct Described {
    method: Method,
    path: String,
}

impl std::fmt::Display for Described {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        OutsideText::line(&format!("{} {}", self.method, self.path), CALL_LENGTH).fmt(f)
    }
}

/// A whole response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, whole.
    pub body: Bytes,
    service: &'static str,
    call: Described,
}

impl Answer {
    /// A header's value, where it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON of the type wanted.
    ///
    /// # Errors
    /// [`Fault::BadAnswer`] with the answer's beginning.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ServiceError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| self.bad(format!("not the JSON expected: {error}")))
    }

    /// The body as text.
    ///
    /// # Errors
    /// [`Fault::BadAnswer`] when it is not UTF-8.
    pub fn text(&self) -> Result<&str, ServiceError> {
        std::str::from_utf8(&self.body).map_err(|_| self.bad("not UTF-8 text"))
    }

    /// The error for an answer that makes no sense, for the reason given.
    #[must_use]
    pub fn bad(&self, why: impl Into<String>) -> ServiceError {
        self.fault(Fault::BadAnswer { why: why.into(), said: self.excerpt() })
    }

    /// The error for an answer, as a service's own reading of it wants.
    #[must_use]
    pub fn fault(&self, fault: Fault) -> ServiceError {
        ServiceError { service: self.service, call: self.call.to_string(), fault }
    }

    /// The answer's beginning, for people.
    #[must_use]
    pub fn excerpt(&self) -> OutsideText {
        let start = &self.body[..self.body.len().min(EXCERPT * 4)];
        OutsideText::line(&String::from_utf8_lossy(start), EXCERPT)
    }

    /// How long the service asks to wait, in seconds; a date in its place is not honoured.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.header(RETRY_AFTER.as_str())?.trim().parse().ok().map(Duration::from_secs)
    }

    /// The answer if its status is a success, else its fault; `hint` says how to renew the credential.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn checked(self, hint: &str) -> Result<Self, ServiceError> {
        let status = self.status.as_u16();
        let retry_after = self.retry_after();
        // GitHub refuses with 403 what others refuse with 429.
        let rate_limited =
            status == 403 && (retry_after.is_some() || self.header("x-ratelimit-remaining") == Some("0"));
        let fault = match status {
            200..=299 | 304 => return Ok(self),
            429 => Fault::Limited { retry_after },
            403 if rate_limited => Fault::Limited { retry_after },
            401 | 403 => Fault::NotAuthorised { hint: hint.to_owned() },
            404 => Fault::NotFound { what: OutsideText::line(&self.call.path, CALL_LENGTH).to_string() },
            409 | 412 => Fault::Conflict,
            // Too slow, or too early: said by what stands before the service more than by the service.
            408 | 425 => Fault::ServerFault { status, said: self.excerpt(), retry_after },
            500.. => Fault::ServerFault { status, said: self.excerpt(), retry_after },
            400..=499 => Fault::Refused { status, said: self.excerpt() },
            _ => {
                let to = OutsideText::line(self.header(LOCATION.as_str()).unwrap_or("nowhere"), 120);
                return Err(self.bad(format!("status {status}, which sends to {to}")));
            }
        };
        Err(self.fault(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Scripted, answer, answer_with};
    use regatta_kit::{Code, ErrorClass};

    fn remote(world: Arc<Scripted>) -> Remote {
        let auth = Auth::Bearer(Secret::new("hunter2"));
        Remote::new("jira", "https://j.example/base/".parse().unwrap(), auth, world)
            .with_hint("renew JIRA_TOKEN")
    }

    async fn fault(
        status: u16,
        headers: &'static [(&'static str, &'static str)],
        body: &'static str,
    ) -> ServiceError {
        let world = Scripted::new(move |_| Ok(answer_with(status, headers, body)));
        remote(world).get(&["issue", "A-1"]).query(&[("token", "hunter2")]).send().await.unwrap_err()
    }

    #[tokio::test]
    async fn statuses_become_faults_with_code_and_class() {
        for (status, code, class) in [
            (401, Code::NotAuthorised, ErrorClass::NeedsCredentials),
            (403, Code::NotAuthorised, ErrorClass::NeedsCredentials),
            (404, Code::NotFound, ErrorClass::Permanent),
            (408, Code::ServerFault, ErrorClass::Transient),
            (425, Code::ServerFault, ErrorClass::Transient),
            (409, Code::Conflict, ErrorClass::Transient),
            (412, Code::Conflict, ErrorClass::Transient),
            (422, Code::Refused, ErrorClass::Permanent),
            (429, Code::Limited, ErrorClass::Transient),
            (500, Code::ServerFault, ErrorClass::Transient),
            (503, Code::ServerFault, ErrorClass::Transient),
            (302, Code::BadAnswer, ErrorClass::Transient),
        ] {
            let error = fault(status, &[], "why\u{1b}[31m").await;
            assert_eq!((error.code(), error.class()), (code, class), "{status}");
            assert!(
                !error.to_string().contains("hunter2") && !error.to_string().contains('\u{1b}'),
                "{error}"
            );
        }
        assert_eq!(
            fault(401, &[], "").await.to_string(),
            "jira: GET /issue/A-1: credential missing, wrong or expired: renew JIRA_TOKEN"
        );
        assert_eq!(
            fault(400, &[], "no such field").await.to_string(),
            "jira: GET /issue/A-1: refused (400): no such field"
        );
    }

    #[tokio::test]
    async fn retry_after_is_honoured_in_seconds_only() {
        assert_eq!(
            fault(429, &[("retry-after", "60")], "").await.retry_after(),
            Some(Duration::from_secs(60))
        );
        assert_eq!(fault(503, &[("retry-after", "5")], "").await.retry_after(), Some(Duration::from_secs(5)));
        assert_eq!(
            fault(429, &[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], "").await.retry_after(),
            None
        );
    }

    #[tokio::test]
    async fn a_403_of_a_rate_limit_is_no_missing_credential() {
        assert_eq!(fault(403, &[("x-ratelimit-remaining", "0")], "").await.code(), Code::Limited);
        assert_eq!(fault(403, &[("retry-after", "7")], "").await.code(), Code::Limited);
    }

    #[tokio::test]
    async fn an_answer_of_another_type_quotes_its_beginning() {
        let world = Scripted::new(|_| Ok(answer(200, "<html>Log in</html>")));
        let error =
            remote(world).get(&["x"]).send().await.unwrap().json::<Vec<u8>>().unwrap_err().to_string();
        assert!(
            error.contains("not the JSON expected") && error.contains("it began: <html>Log in</html>"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused() {
        let world = Scripted::new(|_| Ok(answer(200, "0123456789")));
        let error = remote(world).with_body_limit(9).get(&["x"]).send().await.unwrap_err();
        assert!(matches!(error.fault, Fault::Unreachable(TransportError::TooLarge { limit: 9 })));
    }

    #[tokio::test]
    async fn paths_are_encoded_part_by_part_below_the_base() {
        let world = Scripted::new(|_| Ok(answer(200, "")));
        let remote = remote(world.clone());
        remote.get(&["projects", "a/b c", "x?y#z"]).query(&[("q", "ä&b")]).send().await.unwrap();
        remote.post(&["values:batchUpdate"]).send().await.unwrap();
        remote.get(&[]).raw_path("/api/x%2Fy?page=2").send().await.unwrap();
        assert_eq!(
            world.seen(),
            [
                "GET https://j.example/base/projects/a%2Fb%20c/x%3Fy%23z?q=%C3%A4%26b",
                "POST https://j.example/base/values:batchUpdate",
                "GET https://j.example/base/api/x%2Fy?page=2",
            ]
        );
    }

    #[tokio::test]
    async fn no_path_climbs_out_and_no_call_without_credential_is_sent() {
        let world = Scripted::new(|_| Ok(answer(200, "")));
        let remote = remote(world.clone());
        assert!(remote.get(&["a", "..", "b"]).send().await.is_err());
        assert!(remote.get(&["a", ""]).send().await.is_err());
        assert!(remote.get(&[]).raw_path("/a/../b").send().await.is_err());
        let missing = remote.with_auth(Auth::Missing { hint: "set JIRA_TOKEN".to_owned() });
        assert_eq!(missing.get(&["a"]).send().await.unwrap_err().code(), Code::NotAuthorised);
        assert_eq!(world.seen(), [""; 0]);
        missing.get(&["a"]).anonymous().send().await.unwrap();
    }

    #[tokio::test]
    async fn credentials_go_into_the_header_meant_for_them() {
        for (auth, name, value) in [
            (Auth::Bearer(Secret::new("t")), "authorization", "Bearer t"),
            (Auth::Basic("u".to_owned(), Secret::new("t")), "authorization", "Basic dTp0"),
            (Auth::Header("private-token", Secret::new("t")), "private-token", "t"),
        ] {
            let world = Scripted::new(move |request| {
                assert_eq!(request.headers()[name], value);
                Ok(answer(200, ""))
            });
            remote(world).with_auth(auth).get(&["x"]).send().await.unwrap();
        }
        let world = Scripted::new(|_| Ok(answer(200, "")));
        let error =
            remote(world).with_auth(Auth::Bearer(Secret::new("a\nb"))).get(&["x"]).send().await.unwrap_err();
        assert!(error.to_string().contains("no header can carry"), "{error}");
    }
}
