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
    account: Account,
    kept: Mutex<Option<Kept>>,
}

/// The service account, as far as it is set.
#[derive(Debug)]
pub enum Account {
    /// None is set: a legal state.
    Missing,
    /// One is set and cannot be used; why, naming the variable.
    Unusable(String),
    /// The text of its key file.
    Key(Secret),
}

#[derive(Debug, Clone)]
struct Kept {
    token: Secret,
    until: Timestamp,
}

/// The fields of the key file that are used.
#[derive(Deserialize)]
struct KeyFile {
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
    /// Tokens for `account`, from the token service at `remote`.
    #[must_use]
    pub const fn new(remote: Remote, account: Account) -> Self {
        Self { remote, account, kept: Mutex::new(None) }
    }

    /// Whether an account is set, usable or not.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        !matches!(self.account, Account::Missing)
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
        let call =
            self.remote.post(&["token"]).form(&[("grant_type", GRANT), ("assertion", assertion.as_str())]);
        let answer = call.send().await.map_err(|mut error| {
            // Google answers 400 `invalid_grant` for a key that was withdrawn or a clock that is off.
            if let Fault::Refused { said, .. } = &error.fault {
                error.fault = Fault::NotAuthorised {
                    hint: format!("Google refused the service account: {said}; {HINT}"),
                };
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
        let account = match &self.account {
            Account::Key(text) => text,
            Account::Missing => return Err(refuse(HINT.to_owned())),
            Account::Unusable(why) => return Err(refuse(why.clone())),
        };
        // The parser's own message may quote the key, so it is not passed on.
        let account: KeyFile = serde_json::from_str(account.reveal()).map_err(|_| {
            refuse(format!("the service account is not JSON with client_email and private_key; {HINT}"))
        })?;
        let key = EncodingKey::from_rsa_pem(account.private_key.as_bytes()).map_err(|_| {
            refuse(format!("the service account's private_key is not an RSA key in PEM form; {HINT}"))
        })?;
        let iat = now.as_second();
        let claims = Claims {
            iss: &account.client_email,
            scope: SCOPES,
            aud: account.token_uri.as_deref().unwrap_or(AUDIENCE),
            iat,
            exp: iat + ASSERTION_SECONDS,
        };
        let header = Header { kid: account.private_key_id.clone(), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &key)
            .map_err(|_| refuse("the assertion could not be signed".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Auth;
    use crate::scripted::{Scripted, answer};
    use base64::Engine as _;
    use serde_json::{Value, json};
    use std::sync::Arc;

    /// Made for these tests, used nowhere.
    const KEY: &str = include_str!("testdata/service-account-key.pem");

    fn source(transport: &Arc<Scripted>, account: &Value) -> TokenSource {
        let remote = Remote::new(
            "google_token",
            "https://token.example.com".parse().unwrap(),
            Auth::None,
            Arc::clone(transport) as _,
        );
        TokenSource::new(remote, Account::Key(Secret::new(account.to_string())))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test]
    async fn a_token_is_asked_for_with_an_assertion_of_the_callers_time_and_kept_until_it_ends() {
        let transport = Scripted::new(|request| {
            let form: Vec<(String, String)> =
                url::form_urlencoded::parse(request.body()).into_owned().collect();
            assert_eq!(form[0].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
            let claims = form[1].1.split('.').nth(1).unwrap();
            let claims: Value = serde_json::from_slice(
                &base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap(),
            )
            .unwrap();
            assert_eq!(
                (&claims["iss"], &claims["aud"]),
                (&json!("robot@example.com"), &json!("https://oauth2.googleapis.com/token"))
            );
            let token = format!("until {}", claims["exp"]);
            Ok(answer(
                200,
                json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}).to_string(),
            ))
        });
        let tokens = source(
            &transport,
            &json!({"client_email": "robot@example.com", "private_key": KEY, "private_key_id": "k1"}),
        );
        assert_eq!(tokens.token(at(1000)).await.unwrap().reveal(), "until 4600");
        assert_eq!(tokens.token(at(4000)).await.unwrap().reveal(), "until 4600");
        assert_eq!(tokens.token(at(4560)).await.unwrap().reveal(), "until 8160");
        tokens.forget();
        assert_eq!(tokens.token(at(4561)).await.unwrap().reveal(), "until 8161");
        assert_eq!(transport.seen(), ["POST https://token.example.com/token"; 3]);
    }

    #[tokio::test]
    async fn an_unusable_account_is_a_matter_of_credentials_and_never_shown() {
        let transport = Scripted::new(|_| Ok(answer(400, json!({"error": "invalid_grant"}).to_string())));
        for account in [
            json!({}),
            json!({"client_email": "a", "private_key": "hunter2"}),
            json!({"client_email": "a", "private_key": KEY}),
        ] {
            let error = source(&transport, &account).token(at(0)).await.unwrap_err();
            assert_eq!(error.class(), regatta_kit::ErrorClass::NeedsCredentials);
            assert!(
                !error.to_string().contains("hunter2") && error.to_string().contains("GCP_SA_FILE"),
                "{error}"
            );
        }
        assert_eq!(transport.seen().len(), 1);
    }
}
