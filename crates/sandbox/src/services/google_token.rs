//! Google's token endpoint: a signed assertion of the service account comes in, a bearer token goes out.
//!
//! The account's key pair is made for the sandbox alone and opens nothing anywhere else. Tokens carry the hour they were
//! issued in themselves, so that Sheets needs no word from here to judge one; they last an hour of virtual time, as the
//! real ones last a real hour.

use axum::response::Response;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::wire::{self, Call, Service};
use crate::imitation::Imitation;
use crate::world::World;

/// The service account that Sheets knows.
pub const CLIENT_EMAIL: &str = "regatta@regatta-sandbox.iam.gserviceaccount.com";
/// The audience that clients name unless told otherwise.
const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long a token lasts; also the longest life an assertion may claim.
const LIFE: SignedDuration = SignedDuration::from_hours(1);

const PRIVATE_KEY: &str = include_str!("google_sandbox_key.pem");
const PUBLIC_KEY: &str = include_str!("google_sandbox_key.pub.pem");

/// The service.
pub fn imitation(world: World) -> Imitation {
    Imitation::answering(Tokens { world })
}

/// The service account's file, with its tokens fetched at `token_uri` (this service's `/token`).
#[must_use]
pub fn service_account_json(token_uri: &str) -> String {
    let account = json!({
        "type": "service_account", "project_id": "regatta-sandbox",
        "private_key_id": regatta_kit::ids::digest(PUBLIC_KEY.as_bytes(), 40), "private_key": PRIVATE_KEY, "client_email": CLIENT_EMAIL,
        "client_id": "100000000000000000001", "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": token_uri,
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/regatta%40regatta-sandbox.iam.gserviceaccount.com",
        "universe_domain": "googleapis.com",
    });
    format!("{account:#}\n")
}

/// Whether a bearer token was issued here and still holds.
pub(crate) fn is_valid(token: &str, now: Timestamp) -> bool {
    let Some((issued, _)) = token.strip_prefix("ya29.c.").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let Some(issued_at) = issued.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()) else {
        return false;
    };
    token == access_token(issued_at) && now.duration_since(issued_at) < LIFE
}

fn access_token(issued_at: Timestamp) -> String {
    let seconds = issued_at.as_second();
    format!("ya29.c.{seconds}.{}", regatta_kit::ids::digest(format!("{PRIVATE_KEY}{seconds}").as_bytes(), 48))
}

struct Tokens {
    world: World,
}

impl Service for Tokens {
    fn answer(&self, call: &Call) -> Response {
        let (method, path) = call.route();
        match (method, path.as_slice()) {
            ("POST", ["token"] | ["o", "oauth2", "token"]) => {}
            _ => {
                return wire::html(
                    StatusCode::NOT_FOUND,
                    "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>",
                );
            }
        }
        let form = call.form();
        match wire::field(&form, "grant_type") {
            Some(GRANT_TYPE) => {}
            Some(other) => return refused("unsupported_grant_type", &format!("Invalid grant_type: {other}")),
            None => return refused("invalid_request", "Required parameter is missing: grant_type"),
        }
        let Some(assertion) = wire::field(&form, "assertion") else {
            return refused("invalid_request", "Required parameter is missing: assertion");
        };
        let here = format!("{}/{}", call.base, path.join("/"));
        match check(assertion, &here) {
            Err((word, why)) => refused(word, why),
            Ok(()) => wire::ok(&json!({
                "access_token": access_token(self.world.now()), "expires_in": LIFE.as_secs() - 1, "token_type": "Bearer",
            })),
        }
    }
}

/// Whether the assertion is the account's own, for this endpoint.
///
/// Its times are compared with each other only: clients sign with their own clock, which is not the scenario's.
fn check(assertion: &str, here: &str) -> Result<(), (&'static str, &'static str)> {
    let key = DecodingKey::from_rsa_pem(PUBLIC_KEY.as_bytes()).map_err(|_| ("server_error", "no key"))?;
    let mut rules = Validation::new(Algorithm::RS256);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_aud = false;
    let signed = jsonwebtoken::decode::<Value>(assertion, &key, &rules);
    let claims = signed.map_err(|_| ("invalid_grant", "Invalid JWT Signature."))?.claims;
    if claims["iss"] != CLIENT_EMAIL {
        return Err(("invalid_grant", "Invalid grant: account not found"));
    }
    if claims["aud"] != GOOGLE_TOKEN_URI && claims["aud"] != here {
        return Err(("invalid_grant", "Invalid JWT: Failed audience check."));
    }
    let (Some(issued), Some(expires)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) else {
        return Err(("invalid_grant", "Invalid JWT: iat and exp must be numbers."));
    };
    if expires <= issued || expires - issued > LIFE.as_secs() {
        return Err((
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
        ));
    }
    if claims["scope"].as_str().is_none_or(|scope| scope.trim().is_empty()) {
        return Err(("invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    Ok(())
}

fn refused(word: &str, why: &str) -> Response {
    wire::json(StatusCode::BAD_REQUEST, &json!({"error": word, "error_description": why}))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::services::wire::testing::{ask, world};
    use jsonwebtoken::{EncodingKey, Header};

    /// An assertion as clients make it, changed by `change`.
    fn assertion(change: impl FnOnce(&mut Value)) -> String {
        let account: Value =
            serde_json::from_str(&service_account_json("http://sandbox.test:80/token")).unwrap();
        let mut claims = json!({
            "iss": account["client_email"], "aud": account["token_uri"], "iat": 1_000_000, "exp": 1_003_600,
            "scope": "https://spreadsheets.google.com/feeds https://www.googleapis.com/auth/drive",
        });
        change(&mut claims);
        let key = EncodingKey::from_rsa_pem(account["private_key"].as_str().unwrap().as_bytes()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap()
    }

    /// A bearer token as a client gets it.
    pub(crate) async fn token(world: &World) -> String {
        let form = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
            assertion(|_| ())
        );
        let answer = ask("POST", "/token").form(&form).of(&imitation(world.clone())).await.json(200);
        answer["access_token"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_signed_assertion_buys_a_token_for_an_hour() {
        let world = world();
        let token = token(&world).await;
        assert!(is_valid(&token, world.now()));
        assert!(!is_valid(&token, world.now() + LIFE));
        assert!(!is_valid(&format!("{token}x"), world.now()));
    }

    #[tokio::test]
    async fn assertions_that_are_not_the_accounts_own_are_refused() {
        let tokens = imitation(world());
        let forged = {
            let mut text = assertion(|_| ());
            let at = text.rfind('.').unwrap() + 10;
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            text.replace_range(at..=at, other);
            text
        };
        let cases = [
            (forged, "Invalid JWT Signature."),
            ("nonsense".to_owned(), "Invalid JWT Signature."),
            (
                assertion(|claims| claims["aud"] = json!("https://elsewhere.example/token")),
                "Invalid JWT: Failed audience check.",
            ),
            (assertion(|claims| claims["iss"] = json!("me@example.com")), "Invalid grant: account not found"),
        ];
        for (assertion, why) in cases {
            let form = format!("grant_type={GRANT_TYPE}&assertion={assertion}");
            let answer = ask("POST", "/token").form(&form).of(&tokens).await.json(400);
            assert_eq!(answer, json!({"error": "invalid_grant", "error_description": why}));
        }
        let other = ask("POST", "/token").form("grant_type=password").of(&tokens).await.json(400);
        assert_eq!(other["error"], "unsupported_grant_type");
    }
}
