//! Access tokens of a Google service account: a signed assertion is traded for a token that lasts an hour.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use regatta_kit::Secret;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

use crate::error::{Fault, ServiceError};
use crate::remote::Remote;

/// What the token may be used for.
const SCOPES: &str = "https://spreadsheets.google.com/feeds https://www.googleapis.com/auth/drive";
/// The audience of an assertion where the account does not name one.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Seconds an assertion holds; the longest that Google accepts.
const ASSERTION_SECONDS: i64 = 3600;
/// Seconds before its end at which a token is no longer used, so that it does not end under way.
const MARGIN_SECONDS: i64 = 60;
const HINT: &str = "set GCP_SA_FILE to the path of a Google service account's JSON key file";

/// A source of access tokens; the last one is kept until shortly before it ends.
#[derive(Debug)]
pub struct TokenSource {
    remote: Remote,
    account: Option<Secret>,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    token: Secret,
    until: Timestamp,
}

/// The fields of the key file that are used.
#[derive(Deserialize)]
struct Account {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: i64,
}

impl TokenSource {
    /// Tokens for the account in `account` (the key file's text), from the token service at `remote`.
    #[must_use]
    pub const fn new(remote: Remote, account: Option<Secret>) -> Self {
        Self { remote, account, kept: Mutex::new(None) }
    }

    /// Whether there is an account at all.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        self.account.is_some()
    }

    /// A token that holds at `now`.
    ///
    /// # Errors
    /// Credentials when there is no usable account or the service refuses it; else as every call.
    pub async fn token(&self, now: Timestamp) -> Result<Secret, ServiceError> {
        if let Some(kept) = self.kept().as_ref().filter(|kept| now < kept.until) {
            return Ok(kept.token.clone());
        }
        let assertion = self.assertion(now)?;
        let call = self.remote.post(&["token"]).form(&[("grant_type", GRANT), ("assertion", assertion.as_str())]);
        let answer = call.send().await.map_err(|mut error| {
            // Google answers 400 `invalid_grant` for a key that was withdrawn or a clock that is off.
            if let Fault::Refused { said, .. } = &error.fault {
                error.fault = Fault::NotAuthorised { hint: format!("Google refused the service account: {said}; {HINT}") };
            }
            error
        })?;
        let wire: TokenAnswer = answer.json()?;
        let token = Secret::new(wire.access_token);
        let seconds = wire.expires_in.saturating_sub(MARGIN_SECONDS).clamp(0, ASSERTION_SECONDS);
        let until = now + jiff::SignedDuration::from_secs(seconds);
        *self.kept() = Some(Kept { token: token.clone(), until });
        Ok(token)
    }

    /// Drops the token kept, because a service refused it.
    pub fn forget(&self) {
        *self.kept() = None;
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assertion(&self, now: Timestamp) -> Result<String, ServiceError> {
        let refuse = |hint: String| ServiceError {
            service: self.remote.service(),
            call: "POST /token".to_owned(),
            fault: Fault::NotAuthorised { hint },
        };
        let account = self.account.as_ref().ok_or_else(|| refuse(HINT.to_owned()))?;
        // The parser's own message may quote the key, so it is not passed on.
        let account: Account = serde_json::from_str(account.reveal())
            .map_err(|_| refuse(format!("the service account is not JSON with client_email and private_key; {HINT}")))?;
        let key = EncodingKey::from_rsa_pem(account.private_key.as_bytes())
            .map_err(|_| refuse(format!("the service account's private_key is not an RSA key in PEM form; {HINT}")))?;
        let iat = now.as_second();
        let claims = Claims {
            iss: &account.client_email,
            scope: SCOPES,
            aud: account.token_uri.as_deref().unwrap_or(AUDIENCE),
            iat,
            exp: iat + ASSERTION_SECONDS,
        };
        let header = Header { kid: account.private_key_id.clone(), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &key).map_err(|_| refuse("the assertion could not be signed".to_owned()))
    }
}
